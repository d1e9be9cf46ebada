"""The last gate before the venue.

The gate is pure: it looks at the state (which counts every order that was sent, at once), the
policy and the quote. The flag, leases and fencing are checked again in the shell, at the socket.
"""

from engine.core import words
from engine.core.limitbook import scopes_of
from engine.core.quotes import Quotes
from engine.core.rules import limits
from engine.core.rules.scope import allowed_names, blocking_kill, tags_of
from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.kinds import CONTINUOUS
from engine.domain.orders import Parent, ParentState


def gate(
    state: State, quotes: Quotes, parent: Parent, order: e.ChildIntended
) -> tuple[limits.Use, ...]:
    """Refuse an order that breaks a limit, ``rule`` names it; else what it uses of every limit."""
    _gate_permission(state, parent, order)
    _gate_venue(state, quotes, parent, order)
    _gate_size(state, parent, order)
    _gate_price(state, quotes, parent, order)
    return limits.check_child(state, quotes, parent, order)


def _gate_permission(state: State, parent: Parent, order: e.ChildIntended) -> None:
    kill = blocking_kill(state, tags_of(state, parent, state.venue_name(order.venue)))
    if kill is not None:
        raise Refused(f"kill K-{kill.id} is in force", rule="kill")
    if parent.state != ParentState.WORKING:
        raise Refused(f"P-{parent.id} is {parent.state}", rule="state")
    if order.type not in state.policy.order_types:
        raise Refused(f"order type {order.type} is not allowed", rule="order_types")
    limits.check_restricted(state, scopes_of(parent), order.symbol)
    limits.check_tripped(state, parent.strategy)
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
    room = parent.quantity - parent.filled - state.reserved(parent.id)
    if order.quantity > room:
        raise Refused(
            f"at most {room:,} shares of P-{parent.id} are not yet filled or reserved, "
            f"was {order.quantity:,}",
            rule="overfill",
        )


def _gate_price(state: State, quotes: Quotes, parent: Parent, order: e.ChildIntended) -> None:
    """Without a fresh two-sided quote no collar can be measured, so nothing passes."""
    quote = quotes.get(order.symbol)
    if quote is None or quote.mid is None:
        raise Refused(f"{order.symbol} has no two-sided quote", rule="quote")
    age = state.market_ns - quote.at_ns
    if age > state.policy.max_feed_age_ns:
        raise Refused(f"the quote is {age / 1e9:.1f} s old", rule="feed_age")
    if order.price < 1:
        raise Refused(f"price must be at least 1 tick, was {order.price}", rule="price")
    if parent.limit_price is not None and order.side * (order.price - parent.limit_price) > 0:
        raise Refused(
            f"price must not pass the limit {parent.limit_price}, was {order.price}", rule="limit"
        )
