"""A dark pool once more, in plain Python from its description: one list of who waits, by time."""

from dataclasses import dataclass

FILLED, CANCELLED, PASSIVE, AGGRESSIVE = 2, 3, 1, 2
IOC, PEG_MID = 2, 8
REMAINDER, REQUESTED, SELF_MATCH, MINIMUM = 7, 8, 12, 17


@dataclass
class Waiting:
    side: int
    left: int
    child: int = 0  # 0 = background
    limit: int = 0  # 0 = none
    minimum: int = 0
    quantity: int = 0
    until_ns: int = 0


class NaivePool:
    def __init__(self, minimum):
        self.minimum = minimum
        self.line = []  # oldest first
        self.bid = self.ask = self.now = 0
        self.open = True
        self.stuck = False
        self.reports = []  # kind, child, price, sub, quantity, cum, leaves, reason, liquidity
        self.prints = []  # price, sub, quantity, own

    @property
    def mid(self):
        """(price, sub) of a trade now, None when there is none."""
        if not self.open or self.stuck or self.bid == 0 or self.ask <= self.bid:
            return None
        whole, half = divmod(self.bid + self.ask, 2)
        return whole, 50 * half

    def fits(self, order):
        price = self.mid[0] + self.mid[1] / 100
        return order.limit == 0 or order.side * (order.limit - price) >= 0

    def background(self):
        """Who waits of the others, None when nobody does; gone when its time is up."""
        found = [one for one in self.line if one.child == 0]
        if found and self.now >= found[0].until_ns:
            self.line.remove(found[0])
            return None
        return found[0] if found else None

    def fill(self, order, quantity, liquidity):
        order.left -= quantity
        cum = order.quantity - order.left
        self.reports.append(
            (FILLED, order.child, *self.mid, quantity, cum, order.left, 0, liquidity)
        )
        if order.left == 0 and order in self.line:
            self.line.remove(order)

    def end(self, order, reason):
        cum = order.quantity - order.left
        self.reports.append((CANCELLED, order.child, 0, 0, 0, cum, 0, reason, 0))
        if order in self.line:
            self.line.remove(order)

    def big_enough(self, order, quantity, contra):
        return quantity >= min(order.minimum, order.left) and quantity >= min(self.minimum, contra)

    def come(self, side, quantity, until_ns):
        if self.mid is None:
            return
        self.background()
        left, ours = quantity, 0
        for one in list(self.line):
            if left == 0 or one.side == side:
                continue
            done = min(left, one.left)
            if one.child == 0:
                one.left -= done
                if one.left == 0:
                    self.line.remove(one)
            elif self.fits(one) and self.big_enough(one, done, quantity):
                self.fill(one, done, PASSIVE)
                ours += done
            else:
                continue
            left -= done
        if left < quantity:
            self.prints.append((*self.mid, quantity - left, ours))
        if left > 0:
            mine = self.background()
            if mine is None:
                self.line.append(Waiting(side, left, until_ns=until_ns))
            else:
                mine.left += left
                mine.until_ns = max(mine.until_ns, until_ns)

    def new(self, child, side, kind, limit, quantity, minimum):
        order = Waiting(side, quantity, child, limit, minimum, quantity)
        if quantity < self.minimum:
            return self.end(order, MINIMUM)
        for one in self.line:
            overlap = limit == 0 or one.limit == 0 or side * (limit - one.limit) >= 0
            if one.child and one.side == -side and overlap:
                return self.end(order, SELF_MATCH)
        reason = REMAINDER
        contra = self.background()
        if self.mid and contra and contra.side == -side and self.fits(order):
            done = min(contra.left, quantity)
            if self.big_enough(order, done, contra.left):
                contra.left -= done
                if contra.left == 0:
                    self.line.remove(contra)
                self.fill(order, done, AGGRESSIVE)
                self.prints.append((*self.mid, done, done))
            else:
                reason = MINIMUM
        if order.left and kind == PEG_MID:
            self.line.append(order)
        elif order.left:
            self.end(order, reason)
        return None

    def cancel(self, child):
        for one in list(self.line):
            if one.child == child:
                self.end(one, REQUESTED)

    def second(self):
        if self.mid is None or not any(one.child for one in self.line):
            return
        total = 0
        for one in [one for one in self.line if one.child]:
            contra = self.background()
            if contra is None or contra.side == one.side or not self.fits(one):
                continue
            done = min(contra.left, one.left)
            if self.big_enough(one, done, contra.left):
                contra.left -= done
                if contra.left == 0:
                    self.line.remove(contra)
                self.fill(one, done, PASSIVE)
                total += done
        if total:
            self.prints.append((*self.mid, total, total))
