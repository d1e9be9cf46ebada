"""The last gate before the venue, and the kill.

The gate is pure: it looks at the state (which counts every order that was sent, at once), the
policy and the quote. The flag, leases and fencing are checked again in the shell, at the socket.
"""

from engine.core import words
from engine.core.quotes import Quotes
from engine.core.rules.orders import needs_cancel
from engine.core.rules.scope import allowed_names, blocking_kill, check_scope, covered, tags_of
from engine.core.state import State
from engine.domain import events as e
from engine.domain.commands import Envelope, ReleaseKill, RequestKill
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import Kill, KillState
from engine.domain.kinds import CONTINUOUS
from engine.domain.orders import Parent, ParentState
from engine.domain.people import Person
from engine.domain.units import ChildId, Nanos


def gate(state: State, quotes: Quotes, parent: Parent, order: e.ChildIntended) -> None:
    """Refuse an order that breaks a limit; ``rule`` names the limit."""
    _gate_permission(state, parent, order)
    _gate_venue(state, quotes, parent, order)
    _gate_size(state, parent, order)
    _gate_price(state, quotes, parent, order)
    _gate_rate(state, order)
    _gate_participation(state, quotes, parent, order)
    _gate_exposure(state, order)


def _gate_permission(state: State, parent: Parent, order: e.ChildIntended) -> None:
    kill = blocking_kill(state, tags_of(state, parent, state.venue_name(order.venue)))
    if kill is not None:
        raise Refused(f"kill K-{kill.id} is in force", rule="kill")
    if parent.state != ParentState.WORKING:
        raise Refused(f"P-{parent.id} is {parent.state}", rule="state")
    if order.type not in state.policy.order_types:
        raise Refused(f"order type {order.type} is not allowed", rule="order_types")
    if order.symbol in state.policy.restricted:
        raise Refused(f"{order.symbol} is on the restricted list", rule="restricted")
    if not state.is_open:
        raise Refused("the session is closed", rule="session")
    if state.difference:
        raise Refused("books and venue differ and nobody has accepted it", rule="reconciliation")


def _gate_venue(state: State, quotes: Quotes, parent: Parent, order: e.ChildIntended) -> None:
    name = state.venue_name(order.venue)
    if not name:
        raise Refused(f"there is no venue at place {order.venue} today", rule="venue")
    if name not in allowed_names(state, parent.excluded):
        raise Refused(f"{name} must not be used by P-{parent.id}", rule="venue")
    if order.type not in state.venues[order.venue].order_types:
        kind = words.TYPE.get(order.type, str(order.type))
        raise Refused(f"{name} takes no {kind} orders", rule="venue")
    if quotes.venue_state(order.symbol, order.venue) != CONTINUOUS:
        raise Refused(f"{name} does not trade {order.symbol} now", rule="venue")


def _gate_size(state: State, parent: Parent, order: e.ChildIntended) -> None:
    if order.quantity < 1:
        raise Refused(f"quantity must be at least 1, was {order.quantity}", rule="quantity")
    if order.quantity > state.policy.max_child_quantity:
        raise Refused(
            f"child quantity must be at most {state.policy.max_child_quantity:,}, "
            f"was {order.quantity:,}",
            rule="max_child_quantity",
        )
    value = order.quantity * order.price * state.instruments[order.symbol].tick_size
    if value > state.policy.max_child_value:
        raise Refused(
            f"child value must be at most {state.policy.max_child_value:,.0f}, was {value:,.0f}",
            rule="max_child_value",
        )
    room = parent.quantity - parent.filled - state.reserved(parent.id)
    if order.quantity > room:
        raise Refused(
            f"at most {room:,} shares of P-{parent.id} are not yet filled or reserved, "
            f"was {order.quantity:,}",
            rule="overfill",
        )


def _gate_price(state: State, quotes: Quotes, parent: Parent, order: e.ChildIntended) -> None:
    quote = quotes.get(order.symbol)
    mid = None if quote is None else quote.mid
    if quote is None or mid is None:
        raise Refused(f"{order.symbol} has no two-sided quote", rule="quote")
    age = state.market_ns - quote.at_ns
    if age > state.policy.max_feed_age_ns:
        raise Refused(f"the quote is {age / 1e9:.1f} s old", rule="feed_age")
    touch = quote.ask if order.side > 0 else quote.bid
    beyond = order.side * (order.price - touch) / touch * 1e4
    if beyond > state.policy.collar_bps:
        raise Refused(
            f"price must be at most {state.policy.collar_bps:g} bp through the touch of {touch}, "
            f"was {order.price} ({beyond:.1f} bp)",
            rule="collar_bps",
        )
    away = abs(order.price - parent.arrival_price) / parent.arrival_price * 1e4
    if (
        order.side * (order.price - parent.arrival_price) > 0
        and away > state.policy.window_collar_bps
    ):
        raise Refused(
            f"price must be at most {state.policy.window_collar_bps:g} bp worse than arrival "
            f"{parent.arrival_price:g}, was {order.price} ({away:.1f} bp)",
            rule="window_collar_bps",
        )
    if parent.limit_price is not None and order.side * (order.price - parent.limit_price) > 0:
        raise Refused(
            f"price must not pass the limit {parent.limit_price}, was {order.price}", rule="limit"
        )


def _gate_rate(state: State, order: e.ChildIntended) -> None:
    since = state.market_ns - state.policy.message_window_ns
    recent = sum(1 for at in state.sent.get(order.symbol, ()) if at > since)
    if recent >= state.policy.max_messages:
        raise Refused(
            f"at most {state.policy.max_messages} new orders in "
            f"{state.policy.message_window_ns / 1e9:g} s for {order.symbol}",
            rule="max_messages",
        )


def _gate_participation(
    state: State, quotes: Quotes, parent: Parent, order: e.ChildIntended
) -> None:
    own = parent.filled + state.reserved(parent.id) + order.quantity
    if own <= state.policy.participation_grace:
        return
    volume = quotes.totals(parent.symbol)[0] - parent.arrival_volume
    others = max(volume - parent.filled, 0)
    share = own / max(others + own, 1)
    if share > state.policy.max_participation:
        raise Refused(
            f"participation must be at most {state.policy.max_participation:.2f} of volume, "
            f"would be {share:.2f}",
            rule="max_participation",
        )


def _gate_exposure(state: State, order: e.ChildIntended) -> None:
    value = order.quantity * order.price * state.instruments[order.symbol].tick_size
    for child in state.children.values():
        value += child.leaves * child.price * state.instruments[child.symbol].tick_size
    if value > state.policy.max_open_value:
        raise Refused(
            f"open value of the desk must be at most {state.policy.max_open_value:,.0f}, "
            f"would be {value:,.0f}",
            rule="max_open_value",
        )


# --- kill -----------------------------------------------------------------------------------
def block(state: State, request: e.KillBlocked) -> tuple[AnyEvent, ...]:
    """The owner thread has seen a flag slot: block the scope and take every child back.

    ``request`` carries what the slot says; parents and children are filled in here. Never refused:
    who may kill was checked at the door, and a wrong target covers nothing.
    """
    try:
        check_scope(request.scope, request.target)
        parents, children = covered(state, request.scope, request.target)
    except Refused:
        parents, children = (
            (),
            (),
        )  # an unreadable target covers nothing; the kill is still recorded
    blocked = e.KillBlocked(
        kill_id=state.next_kill,
        generation=request.generation,
        scope=request.scope,
        target=request.target,
        by=request.by,
        door=request.door,
        requested_at=request.requested_at,
        parents=tuple(parent.id for parent in parents),
        children=tuple(child.id for child in children),
    )
    cancels = tuple(
        e.CancelIntended(child_id=child.id, by=f"kill:{blocked.kill_id}")
        for child in children
        if needs_cancel(child)
    )
    return (blocked, *cancels)


def press(state: State) -> tuple[AnyEvent, ...]:
    """Cancels that were turned down are asked for again, until the venue confirms an end."""
    return tuple(
        e.CancelIntended(child_id=child_id, by=f"kill:{kill.id}")
        for kill in state.kills.values()
        if kill.state in (KillState.BLOCKED, KillState.CANCEL_SENT)
        for child_id in kill.children
        if child_id in state.children and needs_cancel(state.children[child_id])
    )


def confirm(state: State) -> tuple[AnyEvent, ...]:
    """Kills whose every child is terminal by venue evidence."""
    return tuple(
        e.KillConfirmed(kill_id=kill.id)
        for kill in state.kills.values()
        if kill.state == KillState.CANCEL_SENT
        and not any(child_id in state.children for child_id in kill.children)
    )


def give_reason(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """The record and reason of a kill, asked for after the act. Attaches to the newest match."""
    request = envelope.command
    assert isinstance(request, RequestKill)
    check_scope(request.scope, request.target)
    for kill in reversed(tuple(state.kills.values())):
        if kill.scope == request.scope and kill.target == request.target and kill.is_active:
            reason = envelope.reason.strip()
            if not reason:
                return ()
            return (e.KillReasonGiven(kill_id=kill.id, by=person.id, reason=reason),)
    raise Refused(
        "a kill goes through the kill flag first (KILL button, python -m engine kill): "
        f"none is active for {request.scope} {request.target}".rstrip(),
        rule="kill",
    )


def release(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Two different people: the first asks, the second grants."""
    command = envelope.command
    assert isinstance(command, ReleaseKill)
    kill = state.kills.get(command.kill_id)
    if kill is None:
        raise Refused(f"there is no kill K-{command.kill_id}")
    if not kill.is_active:
        raise Refused(f"K-{kill.id} is already released")
    if kill.state != KillState.CONFIRMED:
        left = sum(1 for child_id in kill.children if child_id in state.children)
        raise Refused(
            f"K-{kill.id} is {kill.state}: {left} children are not confirmed by the venue yet"
        )
    if not envelope.reason.strip():
        raise Refused("a release needs a reason", field="reason")
    if not kill.release_by:
        return (e.KillReleaseAsked(kill_id=kill.id, by=person.id, reason=envelope.reason),)
    if kill.release_by == person.id:
        raise Refused(
            f"K-{kill.id}: a different person than the one who asked must grant the release",
            rule="four_eyes",
        )
    return (e.KillReleased(kill_id=kill.id, by=person.id, reason=envelope.reason),)


def unconfirmed(state: State, kill: Kill) -> tuple[tuple[ChildId, Nanos], ...]:
    """Children of the kill without venue evidence, with the age of their cancel (market clock)."""
    return tuple(
        (child_id, Nanos(state.market_ns - state.children[child_id].cancel_asked_at))
        for child_id in kill.children
        if child_id in state.children
    )
