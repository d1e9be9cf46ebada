"""The exchange's orders of the day as it told them, so that it need not tell all of them again."""

from dataclasses import dataclass, field

from engine.domain.units import Symbol
from engine.runtime.reconcile import VenueBooks
from engine.runtime.venues.wire import Answer, Order, check_of


@dataclass(slots=True)
class Mirror:
    """Orders by child, in the order in which they came there.

    mark : the newest change that was told; 0 = nothing was.
    """

    orders: dict[int, Order] = field(default_factory=dict)
    mark: int = 0

    def take(self, answer: Answer, *, whole: bool) -> bool:
        """Merge what was told; False = this is not what the exchange has: ask for all of it."""
        if whole:
            self.orders.clear()
        self.orders.update((order.child, order) for order in answer.orders)
        self.mark = answer.mark
        return whole or answer.check == self.check()

    def check(self) -> int:
        """The sum over what stands here; see ``check_of``."""
        return check_of((order.child, order.cum, order.leaves) for order in self.orders.values())

    def books(self, symbols: tuple[Symbol, ...]) -> VenueBooks:
        """What a comparison needs."""
        orders = tuple(self.orders.values())
        names = {order.child: symbols[order.symbol] for order in orders}
        positions = dict.fromkeys(symbols, 0)
        for order in orders:
            positions[names[order.child]] += order.side * order.cum
        return VenueBooks(
            known=frozenset(names),
            open_leaves={order.child: order.leaves for order in orders if order.leaves},
            filled={order.child: order.cum for order in orders if order.cum},
            symbols=names,
            positions=positions,
            requests={order.child: order.requests for order in orders if order.requests},
            orders=orders,
        )
