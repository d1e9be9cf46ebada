"""The book in 40 lines of Python: sorted prices, and each level a dict of orders by age.

Readable rather than fast, but no strawman: the best price is the end of a sorted list. The
benchmark compares with it and checks that the fills are the same.
"""

from bisect import bisect_left, insort
from typing import TypeAlias

Message: TypeAlias = tuple[int, int, int, int]  # type | side << 8, price, quantity, id
Fill: TypeAlias = tuple[int, int, int, int]  # maker, taker, price, quantity
Level: TypeAlias = dict[int, int]  # id -> quantity, in order of arrival


class PythonBook:
    """Price-time priority with the semantics of the benchmark's stream."""

    def __init__(self) -> None:
        self.levels: tuple[dict[int, Level], dict[int, Level]] = ({}, {})  # by side, by key
        self.keys: tuple[list[int], list[int]] = (
            [],
            [],
        )  # best last: price of a buy, -price of a sell
        self.where: dict[int, tuple[int, int]] = {}  # live id -> side, key
        self.fills: list[Fill] = []

    def add(self, side: int, price: int, quantity: int, order: int) -> None:
        key = -price if side else price
        others = self.keys[1 - side]
        while quantity and others and -others[-1] <= key:
            best = others[-1]
            level = self.levels[1 - side][best]
            maker = next(iter(level))
            traded = min(quantity, level[maker])
            self.fills.append((maker, order, abs(best), traded))
            quantity -= traded
            self.take(maker, traded)
        if quantity:
            if key not in self.levels[side]:
                self.levels[side][key] = {}
                insort(self.keys[side], key)
            self.levels[side][key][order] = quantity
            self.where[order] = (side, key)

    def take(self, order: int, quantity: int | None) -> None:
        """Take shares off an order, all of them for None; unknown ids are skipped."""
        if order not in self.where:
            return
        side, key = self.where[order]
        level = self.levels[side][key]
        if quantity is not None and quantity < level[order]:
            level[order] -= quantity
            return
        del level[order], self.where[order]
        if not level:
            del self.levels[side][key], self.keys[side][bisect_left(self.keys[side], key)]

    def play(self, messages: list[Message]) -> None:
        for kind, price, quantity, order in messages:
            if kind & 255 == 0:
                self.add(kind >> 8, price, quantity, order)
            else:
                self.take(order, None if kind & 255 == 1 else quantity)

    def resting(self) -> list[tuple[int, int, int, int]]:
        """(price, +1 buy / -1 sell, id, quantity) by price, oldest first."""
        return [
            (abs(key), 1 - 2 * side, order, quantity)
            for side, keys in ((0, self.keys[0]), (1, reversed(self.keys[1])))
            for key in keys
            for order, quantity in self.levels[side][key].items()
        ]
