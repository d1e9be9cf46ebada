"""Parents, children, fills and kills: events -> rows. What has happened is written; no rules."""
# ruff: noqa: D103 -- one handler an event, named after it

from typing import Any, Final

import msgspec

from db.audit import dump
from db.fold import Fold
from db.rows import Row
from db.tables import CHILDREN, FILLS, KILLS, PARENTS, RECEIPTS
from engine.domain import events as e
from engine.domain.governance import KillState
from engine.domain.kinds import PASSIVE
from engine.domain.orders import CHILD_LIVE, PARENT_LIVE, ChildState, ParentState
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
        catch_up=str(p.catch_up), at_end=str(p.at_end), note=p.note, version=p.version,
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


def parent_passive_only(f: Fold, event: e.ParentPassiveOnly) -> None:
    _parent(f, event.parent_id, passive_only=True)


def parent_ended(f: Fold, event: e.ParentEnded) -> None:
    _parent(
        f, event.parent_id, state=event.state, ended_at=f.at, end_price=event.end_price,
        end_volume=event.end_volume, end_notional=event.end_notional,
    )  # fmt: skip


# --- children -------------------------------------------------------------------------------
def child_intended(f: Fold, event: e.ChildIntended) -> None:
    f.rows.put(
        CHILDREN, event.child_id, day=f.day, parent_id=event.parent_id, symbol=event.symbol,
        side=event.side, type=event.type, price=event.price, quantity=event.quantity,
        state=str(ChildState.INTENDED), sent_at=f.at, ttl_ns=event.ttl_ns, why=event.why,
        binding=event.binding, parameter_version=event.parameter_version,
        model_id=event.model_id, model_state=event.model_state, decision_seq=f.entry.seq,
        digest=event.digest, venue=f.venue(event.venue), display=event.display,
        minimum=event.minimum,
    )  # fmt: skip
    parent = f.rows.need(PARENTS, event.parent_id)
    _parent(f, event.parent_id, children=parent["children"] + 1)


def _move(f: Fold, child_id: int, to: ChildState, **changes: Any) -> None:
    """A child takes a step; the end of one under a kill goes on the kill's receipt."""
    child = f.rows.need(CHILDREN, child_id)
    is_end = child["state"] in CHILD_LIVE and to not in CHILD_LIVE
    if is_end:
        changes["ended_at"] = f.at
    f.rows.set(CHILDREN, child_id, state=str(to), **changes)
    if is_end and child["kill_id"]:
        f.rows.set(
            RECEIPTS, child["kill_id"], child_id, outcome=str(to), market_ns=f.at,
            desk_ns=f.desk_at,
        )  # fmt: skip


def child_send_refused(f: Fold, event: e.ChildSendRefused) -> None:
    sentence = f"{event.rule}: {event.sentence}"[:200]
    _move(f, event.child_id, ChildState.SEND_REFUSED, refusal=sentence)


def cancel_intended(f: Fold, event: e.CancelIntended) -> None:
    if f.rows.need(CHILDREN, event.child_id)["state"] in CHILD_LIVE:
        _move(
            f, event.child_id, ChildState.PENDING_CANCEL, cancel_asked_at=f.at,
            cancel_by=event.by,
        )  # fmt: skip


def child_accepted(f: Fold, event: e.ChildAccepted) -> None:
    state = f.rows.need(CHILDREN, event.child_id)["state"]
    if state in (ChildState.INTENDED, ChildState.UNKNOWN):
        _move(f, event.child_id, ChildState.OPEN)


def _after_fill(child: Row, filled: int) -> ChildState:
    state = ChildState(child["state"])
    if state not in CHILD_LIVE:
        return state
    if filled >= child["quantity"]:
        return ChildState.FILLED
    return state if state == ChildState.PENDING_CANCEL else ChildState.PARTIAL


def child_filled(f: Fold, event: e.ChildFilled) -> None:
    """Late and excess fills are facts too."""
    child = f.rows.need(CHILDREN, event.child_id)
    value = (100 * event.price + event.sub) * event.quantity
    if child["kill_id"]:
        receipt = f.rows.need(RECEIPTS, child["kill_id"], event.child_id)
        filled = receipt["filled"] + event.quantity
        f.rows.set(RECEIPTS, child["kill_id"], event.child_id, filled=filled)
    filled = child["filled"] + event.quantity
    to = _after_fill(child, filled)
    _move(
        f, event.child_id, to, filled=filled, notional100=child["notional100"] + value,
        fees=child["fees"] + event.fee,
    )  # fmt: skip
    parent = f.rows.need(PARENTS, child["parent_id"])
    passive = event.quantity if event.liquidity == PASSIVE else 0
    _parent(
        f, child["parent_id"], filled=parent["filled"] + event.quantity,
        notional100=parent["notional100"] + value, fees=parent["fees"] + event.fee,
        passive_filled=parent["passive_filled"] + passive,
    )  # fmt: skip
    f.rows.add(
        FILLS, f.entry.seq, day=f.day, child_id=event.child_id, parent_id=child["parent_id"],
        symbol=child["symbol"], side=child["side"], exec_id=event.exec_id,
        venue_at=event.venue_at, price=event.price, quantity=event.quantity,
        liquidity=event.liquidity, bid=event.bid, ask=event.ask, sub=event.sub,
        venue=f.venue(event.venue), fee=event.fee,
    )  # fmt: skip


def _end(f: Fold, child_id: int, to: ChildState, **changes: Any) -> None:
    if f.rows.need(CHILDREN, child_id)["state"] in CHILD_LIVE:
        _move(f, child_id, to, **changes)


def child_cancelled(f: Fold, event: e.ChildCancelled) -> None:
    _end(f, event.child_id, ChildState.CANCELLED, reason=event.reason)


def child_rejected(f: Fold, event: e.ChildRejected) -> None:
    _end(f, event.child_id, ChildState.REJECTED, reason=event.reason)


def child_expired(f: Fold, event: e.ChildExpired) -> None:
    _end(f, event.child_id, ChildState.EXPIRED)


def child_never_arrived(f: Fold, event: e.ChildNeverArrived) -> None:
    _end(f, event.child_id, ChildState.REJECTED)


def child_unknown(f: Fold, event: e.ChildUnknown) -> None:
    _move(f, event.child_id, ChildState.UNKNOWN)


def cancel_rejected(f: Fold, event: e.CancelRejected) -> None:
    child = f.rows.need(CHILDREN, event.child_id)
    if child["state"] == ChildState.PENDING_CANCEL:
        to = ChildState.PARTIAL if child["filled"] else ChildState.OPEN
        _move(f, event.child_id, to, cancel_asked_at=0, cancel_by="")


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
    e.ParentVenuesSet: parent_venues_set,
    e.ParameterMoved: parameter_moved,
    e.ParentHoldAsked: parent_hold_asked,
    e.ParentHeld: parent_held,
    e.ParentResumed: parent_resumed,
    e.ParentPassiveOnly: parent_passive_only,
    e.ParentEnded: parent_ended,
    e.ChildIntended: child_intended,
    e.ChildSendRefused: child_send_refused,
    e.CancelIntended: cancel_intended,
    e.ChildAccepted: child_accepted,
    e.ChildFilled: child_filled,
    e.ChildCancelled: child_cancelled,
    e.ChildRejected: child_rejected,
    e.CancelRejected: cancel_rejected,
    e.ChildExpired: child_expired,
    e.ChildUnknown: child_unknown,
    e.ChildNeverArrived: child_never_arrived,
    e.KillBlocked: kill_blocked,
    e.KillCancelSent: kill_cancel_sent,
    e.KillConfirmed: kill_confirmed,
    e.KillReasonGiven: kill_reason_given,
    e.KillReleaseAsked: kill_release_asked,
    e.KillReleased: kill_released,
}
