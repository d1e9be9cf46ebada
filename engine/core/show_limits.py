"""Limits, requests, overrides -> rows for screens. Pure, as ``show``."""

from collections.abc import Iterator

import msgspec

from engine.core.limitbook import COINS, LimitBook, scopes_of, since
from engine.core.rules.limit_changes import in_force, walked
from engine.core.rules.limits import still_to_do
from engine.core.state import State
from engine.domain import limit_views as v
from engine.domain.governance import ChangeState
from engine.domain.limits import (
    EACH,
    KINDS,
    Disabled,
    Limit,
    LimitChange,
    Scope,
    delivered,
    is_past,
    key_text,
)
from engine.domain.overrides import Override
from engine.domain.units import PersonId, parent_text

Topics = dict[str, dict[str, object]]


def topics(state: State) -> Topics:
    """Every row of the topics of limits, by topic and key."""
    book = state.limits
    worked = still_to_do(state, None)
    rows = (limit_row(state, row, worked) for row in all_limits(state))
    return {
        "limits": {row.id: msgspec.structs.asdict(row) for row in rows},
        "limit_changes": {
            f"L-{i}": msgspec.structs.asdict(change_row(state, row))
            for i, row in book.changes.items()
        },
        "overrides": {
            f"O-{i}": msgspec.structs.asdict(override_row(state, row))
            for i, row in book.overrides.items()
        },
        "disabled": {
            name: msgspec.structs.asdict(disabled_row(row)) for name, row in book.tripped.items()
        },
    }


def all_limits(state: State) -> Iterator[Limit]:
    """Every limit in force: what people set, and as delivered where they set nothing."""
    base = delivered(state.policy)
    for kind in KINDS:
        rows, own = state.limits.rows.get(kind, {}), base.get(kind)
        if own is not None and (own.level, own.subject) not in rows:
            yield own
        yield from rows.values()


def limit_row(state: State, limit: Limit, worked: dict[Scope, float]) -> v.LimitRow:
    """One limit with its use."""
    kind, book = KINDS[limit.kind], state.limits
    used, used_by = _now(state, limit, worked)
    peak = _highest(_peak(book, limit), limit, used, used_by, state.market_ns)
    day = "" if state.session is None else state.session.day
    trader = state.people.get(PersonId(limit.subject)) if limit.level == "trader" else None
    return v.LimitRow(
        id=key_text(limit.key),
        kind=limit.kind,
        words=kind.words,
        unit=kind.unit,
        meaning=kind.meaning,
        level=limit.level,
        subject=limit.subject,
        value=limit.value,
        soft=limit.soft,
        window_s=limit.window_ns / 1e9,
        symbols=", ".join(limit.symbols),
        derivation=limit.derivation,
        owner=limit.owner,
        review=limit.review,
        overdue=is_past(limit.review, day),
        version=limit.version,
        change=limit.change_id,
        by=limit.by,
        approved_by=limit.approved_by,
        since=limit.since,
        used=used,
        share=_share(used, limit.value),
        used_by=used_by,
        peak=None if peak is None else peak[0],
        peak_share=None if peak is None else _share(peak[0], peak[1]),
        peak_at=0 if peak is None else peak[2],
        peak_by="" if peak is None else peak[3],
        refused=_refused(book, limit),
        trader=None if trader is None else trader.id,
        desk=trader.desk if trader is not None else limit.subject if _of_desk(limit) else None,
    )


def _of_desk(limit: Limit) -> bool:
    return limit.level == "desk" and limit.subject != EACH


def _share(used: float | None, value: float) -> float | None:
    return None if used is None or value <= 0 else used / value


def _subjects(limit: Limit, scopes: Iterator[Scope] | list[Scope]) -> list[Scope]:
    """Whose use counts: the own subject, or each of the level that has any."""
    if limit.subject != EACH:
        return [(limit.level, limit.subject)]
    return [scope for scope in scopes if scope[0] == limit.level]


def _now(state: State, limit: Limit, worked: dict[Scope, float]) -> tuple[float | None, str]:
    """What counts against a limit this moment, and for whom; None for one order at a time."""
    book, start = state.limits, state.market_ns - limit.window_ns
    found: list[tuple[float, str]]
    match limit.kind:
        case "max_open_value":
            scopes = _subjects(limit, list(book.open))
            found = [(book.open.get(scope, 0) / COINS, scope[1]) for scope in scopes]
        case "max_day_value":
            scopes = _subjects(limit, list({**book.traded, **worked}))
            found = [
                (book.traded.get(scope, 0) / COINS + worked.get(scope, 0.0), scope[1])
                for scope in scopes
            ]
        case "max_messages" | "max_new_orders":
            scopes = _subjects(limit, list(book.sent))
            found = [(float(since(book.sent.get(s, []), start)), s[1]) for s in scopes]
        case "max_repeats":
            found = [(float(n), subject) for n, subject in _runs(state, limit, start)]
        case _:
            return None, ""
    used, by = max(found, default=(0.0, ""))
    return used, by if limit.subject == EACH else ""


def _runs(state: State, limit: Limit, start: int) -> Iterator[tuple[int, str]]:
    """Children of each order in the window, of orders that the limit covers."""
    for (parent_id, _side), instants in state.limits.runs.items():
        parent = state.parents.get(parent_id)
        if parent is None:
            continue
        for level, subject in scopes_of(parent):
            if level == limit.level and limit.subject in (subject, EACH):
                yield since(instants, start), subject


def _peak(book: LimitBook, limit: Limit) -> tuple[float, float, int, str] | None:
    """Highest use today: used, the limit then, when, by whom."""
    if limit.subject != EACH:
        one = book.peaks.get(limit.key)
        return None if one is None else (*one, "")
    found = [
        (*peak, key[2])
        for key, peak in book.peaks.items()
        if key[:2] == limit.key[:2] and not book.find(*key)
    ]
    return max(found, key=lambda row: row[0] / (row[1] or 1.0), default=None)


def _highest(
    peak: tuple[float, float, int, str] | None,
    limit: Limit,
    used: float | None,
    by: str,
    now: int,
) -> tuple[float, float, int, str] | None:
    """What is used now may be more than what was written down: that moves in steps."""
    if not used or (peak is not None and used <= peak[0]):
        return peak
    return (used, limit.value, now, by)


def _refused(book: LimitBook, limit: Limit) -> int:
    if limit.subject != EACH:
        return book.refused.get(limit.key, 0)
    return sum(n for key, n in book.refused.items() if key[:2] == limit.key[:2])


def change_row(state: State, change: LimitChange) -> v.LimitChangeRow:
    """One request."""
    terms, kind = change.terms, KINDS[change.terms.kind]
    old = in_force(state, terms.key) if change.state == ChangeState.OPEN else None
    return v.LimitChangeRow(
        id=f"L-{change.id}",
        key=key_text(terms.key),
        words=kind.words,
        unit=kind.unit,
        level=terms.level,
        subject=terms.subject,
        state=change.state,
        material=change.material,
        step=change.step,
        walked=walked(state, terms.key),
        value=terms.value,
        soft=terms.soft,
        window_s=terms.window_s,
        symbols=terms.symbols,
        derivation=terms.derivation,
        owner=terms.owner,
        review=terms.review,
        before=None if old is None else old.value,
        before_soft=None if old is None else old.soft,
        before_window_s=None if old is None else old.window_ns / 1e9,
        before_symbols="" if old is None else ", ".join(old.symbols),
        content_hash=change.content_hash,
        authors=list(change.authors),
        reason=change.reason,
        edits=change.edits,
        proposed_at=change.proposed_at,
        expires_at=change.expires_at,
        decided_by=change.decided_by,
        decided_at=change.decided_at,
        decision_reason=change.decision_reason,
        comments=[[note.at, note.by, note.text] for note in change.comments],
    )


def override_row(state: State, row: Override) -> v.OverrideRow:
    """One order past a soft limit, with what its trader sends when it is granted."""
    order = row.order
    plain = msgspec.to_builtins(order)
    person = state.people.get(row.person)
    return v.OverrideRow(
        id=f"O-{row.id}",
        trader=row.person,
        desk="" if person is None else person.desk,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        strategy=order.strategy,
        order={name: plain[name] for name in plain if name not in ("verb", "override", "symbol")},
        limits=list(row.limits),
        sentence=row.sentence,
        reason=row.reason,
        state=row.state,
        content_hash=row.content_hash,
        first_by=row.first_by,
        second_by=row.second_by,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        decision_reason=row.decision_reason,
        parent=parent_text(row.parent_id) if row.parent_id else "",
    )


def disabled_row(row: Disabled) -> v.DisabledRow:
    """One disabled strategy."""
    return v.DisabledRow(
        id=row.strategy,
        parent=parent_text(row.parent_id),
        side=row.side,
        count=row.count,
        at=row.at,
    )
