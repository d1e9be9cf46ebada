"""The slow twin of the queue kernel: it sees every order of the day, one by one, in Python."""

from dataclasses import dataclass, field

from engine.domain.kinds import IOC
from tests.support.recorded import FullBook


@dataclass
class Own:
    """An own order; ``front`` = the orders that stood before it when it came, id -> shares."""

    child: int
    side: int
    type: int
    price: int
    leaves: int
    came: int = 0
    front: dict = field(default_factory=dict)


class Twin:
    """A recorded day with own orders beside it."""

    def __init__(self, warm=()):
        self.book = FullBook()
        for row in warm:
            self.book.apply(row)
        self.own: list[Own] = []
        self.taken: dict[tuple[int, int], int] = {}
        self.fills: list[tuple[int, float, int, int]] = []
        self.came = 0

    def live(self, side=None):
        """Own live orders, best price first, then first come first."""
        found = [o for o in self.own if o.leaves and side in (None, o.side)]
        return sorted(found, key=lambda o: (o.side, -o.side * o.price, o.came))

    def fill(self, order, price, shares, at):
        order.leaves -= shares
        self.fills.append((order.child, price, shares, at))

    def from_display(self, order, at, at_own_price):
        """Take what the other side displays within the limit, except what we took before."""
        got = 0
        for price in self.book.prices(-order.side):
            if order.side * price > order.side * order.price:
                break
            key = (-order.side, price)
            free = self.book.shares(*key) - self.taken.get(key, 0)
            shares = min(free, order.leaves - got)
            if shares <= 0:
                continue
            self.taken[key] = self.taken.get(key, 0) + shares
            if at_own_price:
                got += shares
            else:
                self.fill(order, price, shares, at)
        if got:
            self.fill(order, order.price, got, at)

    def new(self, order, at):
        self.from_display(order, at, at_own_price=False)
        if order.type == IOC or not order.leaves:
            order.leaves = 0
            return
        order.came, self.came = self.came, self.came + 1
        order.front = dict(map(tuple, self.book.queue(order.side, order.price)))
        self.own.append(order)

    def cancel(self, child):
        for order in self.own:
            if order.child == child:
                order.leaves = 0

    def trade(self, row):
        """A print: through our price nobody passes us; at our price those in front go first."""
        budget = row.size
        for order in self.live():
            better = order.side * (order.price - row.price)
            if better < 0 or (row.kind == 4 and order.side != row.side):
                continue
            if better == 0 and row.kind == 5:
                continue
            if order.front:
                if row.order in order.front and better == 0:
                    self.step_up(order, row)
                continue
            shares = min(budget, order.leaves)
            if shares:
                self.fill(order, order.price, shares, row.at)
                budget -= shares

    def step_up(self, order, row):
        order.front[row.order] -= row.size
        if order.front[row.order] == 0:
            del order.front[row.order]

    def play(self, row):
        if row.kind in (4, 5):
            self.trade(row)
        if row.kind in (2, 3):
            for order in self.live(row.side):
                if row.order in order.front:
                    self.step_up(order, row)
        self.book.apply(row)
        self.settle(row)
        for order in self.live():
            self.from_display(order, row.at, at_own_price=True)

    def settle(self, row):
        for key in list(self.taken):
            if row.kind == 4 and key == (row.side, row.price):
                self.taken[key] -= row.size
            self.taken[key] = min(self.taken[key], self.book.shares(*key))
            if self.taken[key] <= 0:
                del self.taken[key]

    def ahead(self, child):
        return next(sum(o.front.values()) for o in self.own if o.child == child)
