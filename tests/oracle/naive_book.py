"""The naive twin of the book: one list of orders in order of arrival, searched from end to end.

Written from the semantics of the benchmark contract, not from the kernel: add trades at once
against the best opposite price, first in first out, at the resting order's price; the remainder
rests; cancel removes; reduce keeps the place, and taking all that is left is a cancel.
"""

from dataclasses import dataclass


@dataclass
class Resting:
    id: int
    side: int  # +1 buy, -1 sell
    price: int
    quantity: int


class NaiveBook:
    def __init__(self) -> None:
        self.orders: list[Resting] = []  # oldest first
        self.fills: list[tuple[int, int, int, int]] = []  # maker, taker, price, quantity

    def best(self, side: int) -> int | None:
        prices = [order.price for order in self.orders if order.side == side]
        return (max if side > 0 else min)(prices) if prices else None

    def match(self, side: int, limit: int, quantity: int, taker: int) -> int:
        while quantity > 0:
            best = self.best(-side)
            if best is None or side * best > side * limit:
                break
            maker = next(o for o in self.orders if o.side == -side and o.price == best)
            traded = min(quantity, maker.quantity)
            self.fills.append((maker.id, taker, best, traded))
            quantity -= traded
            self.reduce(maker.id, traded)
        return quantity

    def add(self, side: int, price: int, quantity: int, order: int) -> None:
        left = self.match(side, price, quantity, order)
        if left > 0:
            self.orders.append(Resting(order, side, price, left))

    def cancel(self, order: int) -> None:
        self.orders = [o for o in self.orders if o.id != order]

    def reduce(self, order: int, quantity: int) -> None:
        for resting in self.orders:
            if resting.id == order:
                resting.quantity -= quantity
        self.orders = [o for o in self.orders if o.quantity > 0]

    def queue(self, side: int, price: int) -> list[Resting]:
        return [o for o in self.orders if (o.side, o.price) == (side, price)]

    def play(self, messages: list[tuple[int, int, int, int]]) -> None:
        for kind, price, quantity, order in messages:
            if kind & 255 == 0:
                self.add(-1 if kind >> 8 else 1, price, quantity, order)
            elif kind & 255 == 1:
                self.cancel(order)
            else:
                self.reduce(order, quantity)

    def resting(self) -> list[tuple[int, int, int, int]]:
        """(price, side, id, quantity) by price, oldest first."""
        by_price = sorted(self.orders, key=lambda o: o.price)
        return [(o.price, o.side, o.id, o.quantity) for o in by_price]
