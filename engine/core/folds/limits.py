"""Limits: what is in force, who asked, and what is used. Sums change by what a child changes."""

from dataclasses import replace
from typing import Final

from engine.core.limitbook import (
    KEPT_NS,
    KEPT_VERSIONS,
    Entered,
    count,
    scopes_of,
    tick_coins,
)
from engine.core.state import State
from engine.domain import events as e
from engine.domain.governance import ChangeState, Note
from engine.domain.limits import Disabled, LimitChange, key_of
from engine.domain.orders import CHILD_LIVE, Child, Parent
from engine.domain.overrides import OverrideState
from engine.domain.units import ChildId, PersonId

Weight = tuple[int, int]  # leaves * price * 100, and money of the fills [tick / 100 * share]
NOTHING: Final[Weight] = (0, 0)


def weight(state: State, child_id: ChildId) -> Weight:
    """What a child counts for now; nothing while it is not there."""
    child = state.child(child_id)
    return NOTHING if child is None else _weight(child)


def _weight(child: Child) -> Weight:
    leaves = child.left if child.state in CHILD_LIVE else 0
    return 100 * leaves * child.price, child.notional100


def reweigh(state: State, child_id: ChildId, before: Weight) -> None:
    """After any entry about a child: every sum it is in moves by the difference."""
    child = state.child(child_id)
    if child is None:
        return
    now = _weight(child)
    if now == before:
        return
    parent, instrument = state.parents.get(child.parent_id), state.instruments.get(child.symbol)
    if parent is None or instrument is None:
        return
    coins, scopes = tick_coins(instrument.tick_size), scopes_of(parent)
    for sums, more in (
        (state.limits.open, (now[0] - before[0]) * coins),
        (state.limits.traded, (now[1] - before[1]) * coins),
    ):
        if more:
            for scope in scopes:
                sums[scope] = sums.get(scope, 0) + more


def child_sent(state: State, event: e.ChildIntended) -> None:
    """A new order counts at once, whatever becomes of it."""
    parent = state.parents.get(event.parent_id)
    if parent is None:
        return
    for scope in scopes_of(parent):
        count(state.limits.sent.setdefault(scope, []), state.market_ns)
    count(state.limits.runs.setdefault((parent.id, event.side), []), state.market_ns)


def parent_entered(state: State, parent: Parent) -> None:
    """Remember it for the guard against doubles."""
    entered = state.limits.entered
    while entered and entered[0].at <= state.desk_ns - KEPT_NS:
        del entered[0]
    entered.append(
        Entered(state.desk_ns, parent.trader, parent.symbol, parent.side, parent.quantity)
    )


def refused(state: State, rule: str) -> None:
    """A check said no: counted for the limit that its rule names."""
    key = key_of(rule.removeprefix("soft:"))
    if key is not None:
        state.limits.refused[key] = state.limits.refused.get(key, 0) + 1


# --- requests -------------------------------------------------------------------------------
def limit_proposed(state: State, event: e.LimitProposed) -> None:
    state.limits.changes[event.limit_change_id] = LimitChange(
        id=event.limit_change_id,
        terms=event.terms,
        base_version=event.base_version,
        content_hash=event.content_hash,
        authors=(event.by,),
        reason=event.reason,
        state=ChangeState.OPEN,
        proposed_at=state.desk_ns,
        expires_at=event.expires_at,
        material=event.material,
        step=event.step,
    )
    state.limits.next_change = event.limit_change_id + 1


def limit_edited(state: State, event: e.LimitEdited) -> None:
    change = state.limits.changes[event.limit_change_id]
    authors = change.authors if event.by in change.authors else (*change.authors, event.by)
    state.limits.changes[change.id] = replace(
        change,
        terms=event.terms,
        base_version=event.base_version,
        content_hash=event.content_hash,
        authors=authors,
        reason=event.reason or change.reason,
        material=event.material,
        step=event.step,
        edits=change.edits + 1,
    )


def limit_commented(state: State, event: e.LimitCommented) -> None:
    change = state.limits.changes[event.limit_change_id]
    note = Note(by=event.by, at=state.desk_ns, text=event.text)
    state.limits.changes[change.id] = replace(change, comments=(*change.comments, note))


def _end(
    state: State, number: int, to: ChangeState, by: PersonId = PersonId(""), why: str = ""
) -> None:
    state.limits.changes[number] = replace(
        state.limits.changes[number],
        state=to,
        decided_by=by,
        decided_at=state.desk_ns,
        decision_reason=why,
    )


def limit_withdrawn(state: State, event: e.LimitWithdrawn) -> None:
    _end(state, event.limit_change_id, ChangeState.WITHDRAWN, event.by)


def limit_approved(state: State, event: e.LimitApproved) -> None:
    _end(state, event.limit_change_id, ChangeState.APPROVED, event.by, event.reason)


def limit_refused(state: State, event: e.LimitRefused) -> None:
    _end(state, event.limit_change_id, ChangeState.REFUSED, event.by, event.reason)


def limit_expired(state: State, event: e.LimitExpired) -> None:
    _end(state, event.limit_change_id, ChangeState.EXPIRED)


def limit_set(state: State, event: e.LimitSet) -> None:
    """The version before it is kept beside it; one that is gone only in the history."""
    book, row = state.limits, replace(event.limit, since=state.desk_ns)
    rows = book.rows.setdefault(row.kind, {})
    old = rows.pop((row.level, row.subject), None)
    past = book.past.get(row.key, ())
    if old is not None:
        past = (*past, old)
    if row.gone:
        past = (*past, row)
    else:
        rows[row.level, row.subject] = row
    if past:
        book.past[row.key] = past[-KEPT_VERSIONS:]


def limit_used(state: State, event: e.LimitUsed) -> None:
    key = (event.kind, event.level, event.subject)
    state.limits.peaks[key] = (event.used, event.limit, state.market_ns)


# --- the throttle ---------------------------------------------------------------------------
def strategy_tripped(state: State, event: e.StrategyTripped) -> None:
    state.limits.tripped[event.strategy] = Disabled(
        strategy=event.strategy,
        parent_id=event.parent_id,
        side=event.side,
        count=event.count,
        at=state.market_ns,
    )


def strategy_enabled(state: State, event: e.StrategyEnabled) -> None:
    """Counting begins anew, or the first order would trip it again."""
    book = state.limits
    book.tripped.pop(event.strategy, None)
    for key in tuple(book.runs):
        parent = state.parents.get(key[0])
        if parent is not None and parent.strategy == event.strategy:
            del book.runs[key]


# --- overrides ------------------------------------------------------------------------------
def override_asked(state: State, event: e.OverrideAsked) -> None:
    state.limits.overrides[event.override.id] = event.override
    state.limits.next_override = event.override.id + 1


def override_confirmed(state: State, event: e.OverrideConfirmed) -> None:
    row = state.limits.overrides[event.override_id]
    if event.granted:
        row = replace(row, state=OverrideState.GRANTED, second_by=event.by)
    else:
        row = replace(row, state=OverrideState.VERIFIED, first_by=event.by)
    state.limits.overrides[row.id] = replace(
        row, decision_reason=event.reason or row.decision_reason, decided_at=state.desk_ns
    )


def override_refused(state: State, event: e.OverrideRefused) -> None:
    state.limits.overrides[event.override_id] = replace(
        state.limits.overrides[event.override_id],
        state=OverrideState.REFUSED,
        second_by=event.by,
        decision_reason=event.reason,
        decided_at=state.desk_ns,
    )


def override_used(state: State, event: e.OverrideUsed) -> None:
    state.limits.overrides[event.override_id] = replace(
        state.limits.overrides[event.override_id],
        state=OverrideState.USED,
        parent_id=event.parent_id,
        decided_at=state.desk_ns,
    )


def override_expired(state: State, event: e.OverrideExpired) -> None:
    state.limits.overrides[event.override_id] = replace(
        state.limits.overrides[event.override_id],
        state=OverrideState.EXPIRED,
        decided_at=state.desk_ns,
    )
