"""Children and their fills."""

from collections.abc import Callable
from dataclasses import replace

from engine.core.folds import limits
from engine.core.folds.steps import find_child, find_parent, step_child
from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant
from engine.domain.kinds import PASSIVE
from engine.domain.orders import Child, ChildState, VenueUse
from engine.domain.units import CHILD_BITS, Nanos, ParentId, Shares


def child_intended(state: State, event: e.ChildIntended) -> None:
    child = Child(
        id=event.child_id,
        parent_id=event.parent_id,
        symbol=event.symbol,
        side=event.side,
        type=event.type,
        price=event.price,
        quantity=event.quantity,
        state=ChildState.INTENDED,
        sent_at=state.market_ns,
        venue=event.venue,
        display=event.display,
        minimum=event.minimum,
        ttl_ns=event.ttl_ns,
        why=event.why,
        binding=event.binding,
        parameter_version=event.parameter_version,
        model_id=event.model_id,
        decision_seq=state.seq,
    )
    if child.id in state.children or child.id in state.ended:
        raise BrokenInvariant(f"entry {state.seq}: child id {child.id} used twice")
    state.children[child.id] = child
    state.live[child.parent_id] = (*state.live.get(child.parent_id, ()), child.id)
    state.next_child = (child.id & ((1 << CHILD_BITS) - 1)) + 1
    limits.child_sent(state, event)
    _use(state, child.parent_id, child.venue, sent=child.quantity)


def child_send_refused(state: State, event: e.ChildSendRefused) -> None:
    child = find_child(state, event.child_id)
    step_child(state, child, ChildState.SEND_REFUSED)
    limits.refused(state, event.rule)
    _use(state, child.parent_id, child.venue, sent=-child.quantity)


def _use(
    state: State,
    parent_id: ParentId,
    place: int,
    *,
    sent: int = 0,
    fill: e.ChildFilled | None = None,
) -> None:
    """Count what was sent to a venue and filled there for the parent and for the desk."""
    key = (parent_id, place)
    state.use[key] = _used(state.use.get(key, VenueUse()), sent, fill)
    state.venue_use[place] = _used(state.venue_use.get(place, VenueUse()), sent, fill)


def _used(before: VenueUse, sent: int, fill: e.ChildFilled | None) -> VenueUse:
    after = replace(before, sent=Shares(before.sent + sent))
    if fill is None:
        return after
    return replace(
        after,
        filled=Shares(before.filled + fill.quantity),
        passive=Shares(before.passive + (fill.quantity if fill.liquidity == PASSIVE else 0)),
        notional100=before.notional100 + notional100(fill),
        fees=before.fees + fill.fee,
    )


def notional100(fill: e.ChildFilled) -> int:
    """What a fill was worth, exact. [tick / 100 * share]"""
    return (100 * fill.price + fill.sub) * fill.quantity


def cancel_intended(state: State, event: e.CancelIntended) -> None:
    child = find_child(state, event.child_id)
    if child.is_live:
        step_child(
            state,
            child,
            ChildState.PENDING_CANCEL,
            cancel_asked_at=state.market_ns,
            cancel_by=event.by,
        )


def child_accepted(state: State, event: e.ChildAccepted) -> None:
    child = find_child(state, event.child_id)
    to = (
        ChildState.OPEN if child.state in (ChildState.INTENDED, ChildState.UNKNOWN) else child.state
    )
    step_child(state, child, to, execs=child.execs | {event.exec_id})


def _state_after_fill(child: Child, filled: int) -> ChildState:
    if not child.is_live:
        return child.state
    if filled >= child.quantity:
        return ChildState.FILLED
    if child.state == ChildState.PENDING_CANCEL:
        return ChildState.PENDING_CANCEL
    return ChildState.PARTIAL


def child_filled(state: State, event: e.ChildFilled) -> None:
    """Book a fill on the child and its parent; late and excess fills are facts too."""
    child = find_child(state, event.child_id)
    filled = Shares(child.filled + event.quantity)
    step_child(
        state,
        child,
        _state_after_fill(child, filled),
        filled=filled,
        notional100=child.notional100 + notional100(event),
        fees=child.fees + event.fee,
        execs=child.execs | {event.exec_id},
    )
    parent = find_parent(state, child.parent_id)
    done = Shares(parent.filled + event.quantity)
    passive = event.quantity if event.liquidity == PASSIVE else 0
    state.parents[parent.id] = replace(
        parent,
        filled=done,
        notional100=parent.notional100 + notional100(event),
        fees=parent.fees + event.fee,
        passive_filled=Shares(parent.passive_filled + passive),
        overfilled=Shares(max(done - parent.quantity, 0)),
    )
    state.own_volume[child.symbol] = state.own_volume.get(child.symbol, 0) + event.quantity
    _use(state, child.parent_id, event.venue, fill=event)


def child_ended(
    to: ChildState,
) -> Callable[[State, e.ChildCancelled | e.ChildRejected], None]:
    def handler(state: State, event: e.ChildCancelled | e.ChildRejected) -> None:
        child = find_child(state, event.child_id)
        execs = child.execs | {event.exec_id}
        if child.is_live:
            step_child(state, child, to, execs=execs, reason=event.reason)
        else:
            state.ended[child.id] = replace(child, execs=execs)

    return handler


def cancel_rejected(state: State, event: e.CancelRejected) -> None:
    child = find_child(state, event.child_id)
    execs = child.execs | {event.exec_id}
    if child.state == ChildState.PENDING_CANCEL:
        to = ChildState.PARTIAL if child.filled else ChildState.OPEN
        step_child(state, child, to, execs=execs, cancel_asked_at=Nanos(0), cancel_by="")
    elif child.is_live:
        step_child(state, child, child.state, execs=execs)
    else:
        state.ended[child.id] = replace(child, execs=execs)  # a report counts once, late ones too


def child_expired(state: State, event: e.ChildExpired) -> None:
    child = find_child(state, event.child_id)
    execs = child.execs | {event.exec_id}
    if child.is_live:
        step_child(state, child, ChildState.EXPIRED, execs=execs)
    else:
        state.ended[child.id] = replace(child, execs=execs)


def child_unknown(state: State, event: e.ChildUnknown) -> None:
    step_child(state, find_child(state, event.child_id), ChildState.UNKNOWN)


def child_never_arrived(state: State, event: e.ChildNeverArrived) -> None:
    step_child(state, find_child(state, event.child_id), ChildState.REJECTED)


def stray_report(state: State, event: e.StrayReport) -> None:
    """Nothing to book it on; the alert that goes with it is the record people work from."""
    del state, event
