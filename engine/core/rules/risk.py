"""The last gate before the venue.

The gate is pure: it looks at the state (which counts every order that was sent, at once), the
policy and the quote. The flag, leases and fencing are checked again in the shell, at the socket.
"""

from engine.core import words
from engine.core.quotes import Quotes
from engine.core.rules.scope import allowed_names, blocking_kill, tags_of
from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.kinds import CONTINUOUS
from engine.domain.orders import Parent, ParentState


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
