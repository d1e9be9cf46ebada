"""Parents and kills: events -> rows. What has happened is written; no rules."""
# ruff: noqa: D103 -- one handler an event, named after it

from typing import Any, Final

import msgspec

from db.audit import dump
from db.fold import Fold
from db.rows import Row
from db.tables import CHILDREN, KILLS, PARENTS, RECEIPTS
from engine.domain import events as e
from engine.domain.governance import KillState
from engine.domain.orders import PARENT_LIVE, VENUE_LOST, ParentState
from engine.domain.units import parent_text


# --- parents --------------------------------------------------------------------------------
def _parent(f: Fold, parent_id: int, **changes: Any) -> Row:
    return f.rows.set(PARENTS, parent_id, last_seq=f.entry.seq, **changes)


def _human(f: Fold, parent_id: int, **changes: Any) -> Row:
    version = f.rows.need(PARENTS, parent_id)["version"] + 1
    return _parent(f, parent_id, version=version, **changes)


def parent_accepted(f: Fold, event: e.ParentAccepted) -> None:
    p = event.parent
    f.rows.put(
        PARENTS, p.id, day=f.day, symbol=p.symbol, side=p.side, quantity=p.quantity,
        strategy=p.strategy, trader=p.trader, desk=p.desk, client=p.client, state=str(p.state),
        worked=p.state == ParentState.WORKING, accepted_at=p.accepted_at, end_at=p.end_at,
        limit_price=p.limit_price, arrival_price=p.arrival_price, arrival_volume=p.arrival_volume,
        arrival_notional=p.arrival_notional, overrides=dump(dict(p.overrides)),
        parameter_version=p.parameter_version, on_restart=str(p.on_restart),
        on_disconnect=str(p.after(VENUE_LOST)), reenters=p.reenters,
        on_model_loss=str(p.on_model_loss or ""),
        catch_up=str(p.catch_up), at_end=str(p.at_end), note=p.note, version=p.version,
        objective=str(p.objective), risk_aversion=p.risk_aversion,
        excluded=",".join(p.excluded), last_seq=f.entry.seq,
    )  # fmt: skip
    after = {"quantity": p.quantity, "strategy": p.strategy, "limit_price": p.limit_price}
    f.tell(about=parent_text(p.id), after=after)


def parent_approved(f: Fold, event: e.ParentApproved) -> None:
    _human(
        f, event.parent_id, state=str(ParentState.WORKING), worked=True, approved_by=event.by,
        arrival_price=event.arrival_price, arrival_volume=event.arrival_volume,
        arrival_notional=event.arrival_notional, accepted_at=f.at, end_at=event.end_at,
    )  # fmt: skip
    f.tell(after={"state": "WORKING"}, before={"state": "NEEDS_APPROVAL"})


def parent_turned_down(f: Fold, event: e.ParentTurnedDown) -> None:
    _human(f, event.parent_id, state=str(ParentState.REFUSED), ended_at=f.at)
    f.tell(after={"state": "REFUSED"}, before={"state": "NEEDS_APPROVAL"})


def parent_amended(f: Fold, event: e.ParentAmended) -> None:
    names = ("quantity", "limit_price", "end_at")
    row = f.rows.need(PARENTS, event.parent_id)
    after = {name: getattr(event, name) for name in names}
    f.tell(before={name: row[name] for name in names}, after=after)
    _human(f, event.parent_id, **after)


def parent_trimmed(f: Fold, event: e.ParentTrimmed) -> None:
    _parent(f, event.parent_id, quantity=event.quantity)


def parent_reentered(f: Fold, event: e.ParentReentered) -> None:
    f.tell(about=parent_text(event.parent_id), after={"linked": parent_text(event.linked)})


def parent_venues_set(f: Fold, event: e.ParentVenuesSet) -> None:
    row = f.rows.need(PARENTS, event.parent_id)
    excluded = ",".join(event.excluded)
    f.tell(before={"excluded": row["excluded"]}, after={"excluded": excluded})
    _human(f, event.parent_id, excluded=excluded)


def parameter_moved(f: Fold, event: e.ParameterMoved) -> None:
    row = f.rows.need(PARENTS, event.parent_id)
    values = _loads(row["overrides"])
    f.tell(before={event.name: values.get(event.name)}, after={event.name: event.value})
    values[event.name] = event.value
    _human(f, event.parent_id, overrides=dump(values))


def _loads(text: str) -> dict[str, float]:
    return msgspec.json.decode(text.encode(), type=dict[str, float])


def parent_hold_asked(f: Fold, event: e.ParentHoldAsked) -> None:
    _human(
        f, event.parent_id, state=str(ParentState.HOLDING), hold_cause=event.cause[:120],
        hold_by=event.by, held_at=f.at,
    )  # fmt: skip
    f.tell(before={"state": "WORKING"}, after={"state": "HOLDING", "children": event.children})


def parent_held(f: Fold, event: e.ParentHeld) -> None:
    _parent(f, event.parent_id, state=str(ParentState.HELD))


def parent_resumed(f: Fold, event: e.ParentResumed) -> None:
    row = f.rows.need(PARENTS, event.parent_id)
    names = ("quantity", "end_at")
    after = {name: getattr(event, name) for name in names}
    f.tell(before={name: row[name] for name in names}, after=after)
    _human(
        f, event.parent_id, state=str(ParentState.WORKING), catch_up=str(event.catch_up),
        hold_cause="", hold_by="", held_at=0, **after,
    )  # fmt: skip


def parent_model_set(f: Fold, event: e.ParentModelSet) -> None:
    _human(f, event.parent_id, model_off="" if event.use else event.cause[:120])
    f.tell(after={"use": event.use, "model": event.model_id})


def parent_passive_only(f: Fold, event: e.ParentPassiveOnly) -> None:
    _parent(f, event.parent_id, passive_only=True)


def parent_ended(f: Fold, event: e.ParentEnded) -> None:
    _parent(
        f, event.parent_id, state=event.state, ended_at=f.at, end_price=event.end_price,
        end_volume=event.end_volume, end_notional=event.end_notional,
    )  # fmt: skip


# --- kills ----------------------------------------------------------------------------------
def kill_blocked(f: Fold, event: e.KillBlocked) -> None:
    f.rows.put(
        KILLS, event.kill_id, day=f.day, generation=event.generation, scope=event.scope,
        target=event.target, by=event.by, door=event.door, state=str(KillState.BLOCKED),
        requested_at=event.requested_at, blocked_at=f.desk_at, market_ns=f.at,
        parents=len(event.parents), children=len(event.children), seq=f.entry.seq,
    )  # fmt: skip
    for parent_id in event.parents:
        state = f.rows.need(PARENTS, parent_id)["state"]
        if state in PARENT_LIVE and state != ParentState.KILLING:
            _parent(f, parent_id, state=str(ParentState.KILLING), kill_id=event.kill_id)
    for child_id in event.children:
        child = f.rows.set(CHILDREN, child_id, kill_id=event.kill_id)
        f.rows.put(
            RECEIPTS, event.kill_id, child_id, parent_id=child["parent_id"],
            outcome="UNCONFIRMED", leaves=max(child["quantity"] - child["filled"], 0),
        )  # fmt: skip


def kill_cancel_sent(f: Fold, event: e.KillCancelSent) -> None:
    f.rows.set(
        KILLS, event.kill_id, state=str(KillState.CANCEL_SENT), cancel_sent_at=f.desk_at
    )  # fmt: skip


def kill_confirmed(f: Fold, event: e.KillConfirmed) -> None:
    f.rows.set(KILLS, event.kill_id, state=str(KillState.CONFIRMED), confirmed_at=f.desk_at)


def kill_reason_given(f: Fold, event: e.KillReasonGiven) -> None:
    f.rows.set(KILLS, event.kill_id, reason=event.reason)
    f.tell(about=f"K-{event.kill_id}", after={"reason": event.reason})


def kill_release_asked(f: Fold, event: e.KillReleaseAsked) -> None:
    f.rows.set(KILLS, event.kill_id, release_by=event.by, release_reason=event.reason)


def kill_released(f: Fold, event: e.KillReleased) -> None:
    before = f.rows.need(KILLS, event.kill_id)["state"]
    f.tell(before={"state": before}, after={"state": "RELEASED"})
    f.rows.set(
        KILLS, event.kill_id, state=str(KillState.RELEASED), released_by=event.by,
        released_at=f.desk_at,
    )  # fmt: skip


RULES: Final[dict[type[Any], Any]] = {
    e.ParentAccepted: parent_accepted,
    e.ParentApproved: parent_approved,
    e.ParentTurnedDown: parent_turned_down,
    e.ParentAmended: parent_amended,
    e.ParentTrimmed: parent_trimmed,
    e.ParentReentered: parent_reentered,
    e.ParentVenuesSet: parent_venues_set,
    e.ParameterMoved: parameter_moved,
    e.ParentModelSet: parent_model_set,
    e.ParentHoldAsked: parent_hold_asked,
    e.ParentHeld: parent_held,
    e.ParentResumed: parent_resumed,
    e.ParentPassiveOnly: parent_passive_only,
    e.ParentEnded: parent_ended,
    e.KillBlocked: kill_blocked,
    e.KillCancelSent: kill_cancel_sent,
    e.KillConfirmed: kill_confirmed,
    e.KillReasonGiven: kill_reason_given,
    e.KillReleaseAsked: kill_release_asked,
    e.KillReleased: kill_released,
}
