"""The slow twin of engine/kernels/l3.py: lists of orders, written from the rules of the feed."""

from engine.kernels import l3


class NaiveOrders:
    """Every order in one list a side and price, oldest first."""

    def __init__(self, low, high):
        self.low, self.high = low, high  # prices that the ladder covers
        self.queues = {}  # (side, price) -> [[id, size], ...]
        self.where = {}  # id -> (side, price)

    def best(self, side):
        prices = [
            p for (s, p), q in self.queues.items() if s == side and q and self.low <= p <= self.high
        ]
        return max(prices, key=lambda p: side * p, default=0)

    def entry(self, key):
        return next(e for e in self.queues[self.where[key]] if e[0] == key)

    def add(self, key, side, price, size):
        if key in self.where:
            return l3.KNOWN_ID
        self.queues.setdefault((side, price), []).append([key, size])
        self.where[key] = (side, price)
        return l3.DONE if self.low <= price <= self.high else l3.PARKED_FAR

    def drop(self, key):
        self.queues[self.where[key]] = [e for e in self.queues[self.where[key]] if e[0] != key]
        del self.where[key]

    def take(self, key, size):
        if key not in self.where:
            return l3.UNKNOWN_ID
        entry = self.entry(key)
        if size > entry[1]:
            return l3.TOO_MUCH
        entry[1] -= size
        if entry[1] == 0 or size == 0:
            self.drop(key)
        return l3.DONE

    def change(self, key, side, price, size):
        if key not in self.where:
            return l3.UNKNOWN_ID
        far = not self.low <= price <= self.high
        if self.where[key] == (side, price) and size <= self.entry(key)[1] and not far:
            self.entry(key)[1] = size
            return l3.DONE
        self.drop(key)
        return self.add(key, side, price, size)

    def apply(self, kind, key, side, price, size):
        if kind == l3.CLEAR:
            self.queues, self.where = {}, {}
            return l3.DONE
        if kind == l3.ADD:
            return self.add(key, side, price, size)
        if kind == l3.MODIFY:
            return self.change(key, side, price, size)
        if kind in (l3.REDUCE, l3.DELETE):
            return self.take(key, size)
        return l3.DONE

    def step(self, event, undo):
        """What becomes of one event: (kind, id, side, price, size, flags)."""
        kind, key, side, price, size, flags = event
        status = self.apply(kind, key, side, price, size)
        judged = undo and flags & l3.LAST and flags & l3.CONTINUOUS
        if judged and kind in (l3.ADD, l3.MODIFY) and status == l3.DONE:
            other = self.best(-side)
            if other and side * price >= side * other:
                self.drop(key)
                status = l3.CROSSED
        return status
