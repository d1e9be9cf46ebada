"""Two dealers once more, in plain Python from their description."""

from tests.oracle.naive_flow import draw, stream

FILLED, CANCELLED, AGGRESSIVE = 2, 3, 2
REMAINDER, LAST_LOOK, MINIMUM = 7, 13, 17
SECOND = 10**9


class NaiveDealers:
    """sizes, tolerances [tick / 100], shortest looks [ns], chances of better and worse of each."""

    def __init__(self, seed, open_ns, dealers):
        self.quotes, self.looks = stream(seed, 107), stream(seed, 108)
        self.open_ns = open_ns
        self.dealers = dealers
        self.now = open_ns
        self.bid = self.ask = 0
        self.open = True
        self.mark = None  # second, bid, ask
        self.taken = {}  # (second, dealer, side) -> shares
        self.hits = [(0.0, 0)] * len(dealers)
        self.held = []
        self.reports, self.prints = [], []

    @property
    def second(self):
        return (self.now - self.open_ns) // SECOND

    def sound(self):
        return self.open and 0 < self.bid < self.ask

    def begin(self):
        self.mark = (self.second, self.bid, self.ask) if self.sound() else None

    def shares_hit(self, d):
        """Own fills of late at a dealer: they fade as 30 s / (30 s + time since the last)."""
        shares, when = self.hits[d]
        return shares * 30.0 / (30.0 + (self.second - when))

    def quote(self, d, side):
        """(hundredths of a tick, shares) that we would trade at, None when there is no quote."""
        dealer = self.dealers[d]
        if self.mark is None or self.mark[0] != self.second:
            return None
        _, bid, ask = self.mark
        bits = draw(draw(self.quotes, self.second), 2 * d + (1 if side > 0 else 0))
        which, much = bits & 4095, (bits >> 20) & 4095
        outside = 0
        if which < dealer["better"]:
            outside = -1 - much * ((ask - bid) * 100 // 5) // 4096
        elif which < dealer["better"] + dealer["worse"]:
            outside = 5 + much * 96 // 4096
        shy = 25.0 * side * self.shares_hit(d) / dealer["size"]
        outside += int(min(200.0, max(0.0, shy)))
        size = dealer["size"] * (128 + ((bits >> 44) & 255)) // 256
        size -= self.taken.get((self.second, d, side), 0)
        return ((ask if side > 0 else bid) * 100 + side * outside, size) if size > 0 else None

    def end(self, order, reason):
        done = order["quantity"] - order["left"]
        self.reports.append((CANCELLED, order["child"], 0, 0, 0, done, 0, reason, 0))
        order["left"] = 0
        order["over"] = True

    def new(self, child, d, side, limit, quantity, minimum):
        order = {"child": child, "quantity": quantity, "left": quantity, "over": False}
        found = self.quote(d, side)
        if found is None or side * (limit * 100 - found[0]) < 0:
            self.end(order, REMAINDER)
        elif min(found[1], quantity) < minimum:
            self.end(order, MINIMUM)
        else:
            shares = min(found[1], quantity)
            key = (self.second, d, side)
            self.taken[key] = self.taken.get(key, 0) + shares
            shortest = self.dealers[d]["look_ns"]
            look = shortest + (draw(self.looks, child) >> 32) * 3 * shortest // 2**32
            base = self.mark[1] + self.mark[2]
            self.held.append((self.now + look, order, d, side, found[0], shares, base, key))
        return order

    def look(self, held):
        _, order, d, side, cents, shares, base, key = held
        self.held.remove(held)
        if order["over"]:
            return
        against = side * (self.bid + self.ask - base) * 50
        if not self.sound() or against > self.dealers[d]["tolerance"]:
            self.taken[key] -= shares
            self.end(order, LAST_LOOK)
            return
        self.hits[d] = (self.shares_hit(d) + side * shares, self.second)
        order["left"] -= shares
        done = order["quantity"] - order["left"]
        price, sub = divmod(cents, 100)
        self.reports.append(
            (FILLED, order["child"], price, sub, shares, done, order["left"], 0, AGGRESSIVE)
        )
        self.prints.append((price, sub, shares, shares))
        if order["left"]:
            self.end(order, REMAINDER)
