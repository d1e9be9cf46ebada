"""Limits and their use: events -> rows."""
# ruff: noqa: D103 -- one handler an event, named after it

from typing import Any, Final

from db.fold import Fold
from db.tables import LIMIT_USE, LIMITS
from engine.domain import events as e
from engine.domain.limits import Limit, delivered, key_of, key_text
from engine.domain.policy import Policy
from engine.domain.units import SECOND


def _put(f: Fold, row: Limit, since: int) -> None:
    f.rows.put(
        LIMITS, row.kind, row.level, row.subject, row.version, value=row.value, soft=row.soft,
        window_s=row.window_ns / SECOND, symbols=", ".join(row.symbols), derivation=row.derivation,
        owner=row.owner, review=row.review, change_id=row.change_id, by=row.by,
        approved_by=row.approved_by, since=since, gone=row.gone, seq=f.entry.seq,
    )  # fmt: skip


def as_delivered(f: Fold, policy: Policy) -> None:
    """Version 0 of every kind: the numbers of the policy."""
    for row in delivered(policy).values():
        _put(f, row, f.desk_at)


def session_opened(f: Fold, _event: e.SessionOpened) -> None:
    for row in delivered(Policy()).values():
        if f.rows.get(LIMITS, row.kind, row.level, row.subject, 0) is None:
            _put(f, row, f.desk_at)


def policy_set(f: Fold, event: e.PolicySet) -> None:
    as_delivered(f, event.policy)


def desk_carried(f: Fold, event: e.DeskCarried) -> None:
    """Limits that an earlier segment did not tell; in the live book it told them all."""
    as_delivered(f, event.policy)
    for row in (*event.limits.past, *event.limits.limits):
        if f.rows.get(LIMITS, row.kind, row.level, row.subject, row.version) is None:
            _put(f, row, row.since)


def limit_set(f: Fold, event: e.LimitSet) -> None:
    row = event.limit
    _put(f, row, f.desk_at)
    before = f.rows.get(LIMITS, row.kind, row.level, row.subject, row.version - 1)
    f.tell(
        about=key_text(row.key),
        before=None if before is None else {"value": before["value"], "soft": before["soft"]},
        after={"value": None if row.gone else row.value, "soft": row.soft},
    )


def limit_proposed(f: Fold, event: e.LimitProposed) -> None:
    f.tell(about=f"L-{event.limit_change_id}", after=event.terms)


def limit_edited(f: Fold, event: e.LimitEdited) -> None:
    f.tell(about=f"L-{event.limit_change_id}", after=event.terms)


def override_asked(f: Fold, event: e.OverrideAsked) -> None:
    f.tell(about=f"O-{event.override.id}", after=event.override.order)


def limit_used(f: Fold, event: e.LimitUsed) -> None:
    share = event.used / event.limit if event.limit > 0 else 1.0
    known = f.rows.get(LIMIT_USE, f.day, event.kind, event.level, event.subject)
    f.rows.put(
        LIMIT_USE, f.day, event.kind, event.level, event.subject, used=event.used,
        limit=event.limit, share=max(share, 0.0 if known is None else known["share"]), at=f.at,
    )  # fmt: skip


def _refused(f: Fold, rule: str) -> None:
    key = key_of(rule.removeprefix("soft:"))
    if key is None or not f.day:
        return
    known = f.rows.get(LIMIT_USE, f.day, *key)
    f.rows.put(
        LIMIT_USE, f.day, *key, refused=1 if known is None else known["refused"] + 1,
        refused_at=f.at,
    )  # fmt: skip


def command_refused(f: Fold, event: e.CommandRefused) -> None:
    _refused(f, event.rule)


def child_send_refused(f: Fold, event: e.ChildSendRefused) -> None:
    _refused(f, event.rule)


RULES: Final[dict[type[Any], Any]] = {
    e.LimitSet: limit_set,
    e.LimitProposed: limit_proposed,
    e.LimitEdited: limit_edited,
    e.LimitUsed: limit_used,
    e.OverrideAsked: override_asked,
}
# rules beside those of the desk and of orders, for the same entry
BESIDE: Final[dict[type[Any], Any]] = {
    e.SessionOpened: session_opened,
    e.PolicySet: policy_set,
    e.DeskCarried: desk_carried,
    e.CommandRefused: command_refused,
    e.ChildSendRefused: child_send_refused,
}
INDEX_ONLY: Final = (
    e.LimitCommented, e.LimitWithdrawn, e.LimitApproved, e.LimitRefused, e.LimitExpired,
    e.StrategyTripped, e.StrategyEnabled, e.OverrideConfirmed, e.OverrideRefused, e.OverrideUsed,
    e.OverrideExpired,
)  # fmt: skip
