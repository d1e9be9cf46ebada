"""Children and their fills. What an event does to a child is ``engine.domain.life``."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.core.folds import limits, rollout
from engine.core.folds.steps import find_child, find_parent, step_child
from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant
from engine.domain.events import AnyEvent
from engine.domain.heard import heard
from engine.domain.life import CANCEL, CHANGE, Life
from engine.domain.orders import Child, VenueUse, after, lived
from engine.domain.units import CHILD_BITS, ParentId, Shares

UNUSED: Final = VenueUse()


def child_intended(state: State, event: e.ChildIntended) -> None:
    child = _begin(
        state,
        event,
        display=event.display,
        minimum=event.minimum,
        ttl_ns=event.ttl_ns,
        why=event.why,
        binding=event.binding,
        parameter_version=event.parameter_version,
        model_id=event.model_id,
        decision_seq=state.seq,
    )
    state.next_child = (child.id & ((1 << CHILD_BITS) - 1)) + 1
    limits.child_sent(state, event)
    if event.rollout:
        rollout.sent(state, event)


def child_adopted(state: State, event: e.ChildAdopted) -> None:
    """An order of this desk that only the venue knew; what was parked is booked right after."""
    _begin(state, event)
    state.strays.pop(event.child_id, None)


def _begin(state: State, event: e.ChildIntended | e.ChildAdopted, **more: Any) -> Child:
    child = Child(
        id=event.child_id,
        parent_id=event.parent_id,
        symbol=event.symbol,
        side=event.side,
        type=event.type,
        life=Life(quantity=event.quantity, price=event.price),
        price=event.price,
        quantity=event.quantity,
        left=event.quantity,
        most=event.quantity,
        sent_at=state.market_ns,
        venue=event.venue,
        **more,
    )
    if child.id in state.children or child.id in state.ended:
        raise BrokenInvariant(f"entry {state.seq}: child id {child.id} used twice")
    state.children[child.id] = child
    state.live[child.parent_id] = (*state.live.get(child.parent_id, ()), child.id)
    _use(state, child.parent_id, child.venue, VenueUse(sent=child.quantity))
    return child


def child_send_refused(state: State, event: e.ChildSendRefused) -> None:
    child = find_child(state, event.child_id)
    step_child(state, lived(child, msgspec.structs.replace(child.life, is_stopped_by_us=True)))
    limits.refused(state, event.rule)
    _use(state, child.parent_id, child.venue, VenueUse(sent=Shares(-child.quantity)))


def _use(state: State, parent_id: ParentId, place: int, more: VenueUse) -> None:
    """Count what was sent to a venue and filled there for the parent and for the desk."""
    key = (parent_id, place)
    state.use[key] = _sum(state.use.get(key, UNUSED), more)
    state.venue_use[place] = _sum(state.venue_use.get(place, UNUSED), more)


def _sum(one: VenueUse, other: VenueUse) -> VenueUse:
    return VenueUse(
        sent=Shares(one.sent + other.sent),
        filled=Shares(one.filled + other.filled),
        passive=Shares(one.passive + other.passive),
        notional100=one.notional100 + other.notional100,
        fees=one.fees + other.fees,
    )


def cancel_intended(state: State, event: e.CancelIntended) -> None:
    child = find_child(state, event.child_id)
    if child.is_live:
        step_child(state, lived(child, child.life.ask(CANCEL, state.market_ns, event.by)))


def replace_intended(state: State, event: e.ChildReplaceIntended) -> None:
    """A filled child may be asked to become larger; one that the venue has ended may not."""
    child = find_child(state, event.child_id)
    terms = (event.quantity, event.price)
    step_child(state, lived(child, child.life.ask(CHANGE, state.market_ns, event.by, terms)))


def replace_never_arrived(state: State, event: e.ReplaceNeverArrived) -> None:
    child = find_child(state, event.child_id)
    step_child(state, lived(child, child.life.void(event.request)))


def reported(state: State, event: AnyEvent) -> None:
    """A report of the venue. What it adds to the child, or takes from it, the parent gets too."""
    report = heard(event)
    before = find_child(state, event.child_id)  # type: ignore[union-attr]
    now = after(before, report)
    step_child(state, now)
    if not _adds(before, now):
        return
    more = VenueUse(
        sent=Shares(now.quantity - before.quantity),
        filled=Shares(now.filled - before.filled),
        passive=Shares(now.passive_filled - before.passive_filled),
        notional100=now.notional100 - before.notional100,
        fees=now.fees - before.fees,
    )
    _use(state, now.parent_id, now.venue, more)
    if more.filled == 0 and more.notional100 == 0:
        return
    parent = find_parent(state, now.parent_id)
    done = Shares(parent.filled + more.filled)
    state.parents[parent.id] = replace(
        parent,
        filled=done,
        notional100=parent.notional100 + more.notional100,
        fees=parent.fees + more.fees,
        passive_filled=Shares(parent.passive_filled + more.passive),
        overfilled=Shares(max(done - parent.quantity, 0)),
    )
    state.own_volume[now.symbol] = state.own_volume.get(now.symbol, 0) + more.filled


def _adds(before: Child, now: Child) -> bool:
    """Whether a report changed what counts for the parent and for the venue's share."""
    return (
        now.filled != before.filled
        or now.notional100 != before.notional100
        or now.quantity != before.quantity
        or now.fees != before.fees
        or now.passive_filled != before.passive_filled
    )


def child_unknown(state: State, event: e.ChildUnknown) -> None:
    child = find_child(state, event.child_id)
    if child.is_live:
        step_child(state, lived(child, msgspec.structs.replace(child.life, is_lost=True)))


def child_never_arrived(state: State, event: e.ChildNeverArrived) -> None:
    child = find_child(state, event.child_id)
    life = msgspec.structs.replace(child.life, never_came=True, is_lost=False)
    step_child(state, lived(child, life))


def stray_report(state: State, event: e.StrayReport) -> None:
    """Parked: it counts when its order is adopted, and is an alert until then."""
    known = state.strays.get(event.child_id, ())
    if all(report.exec_id != event.exec_id for report in known):
        state.strays[event.child_id] = (*known, heard(event))
