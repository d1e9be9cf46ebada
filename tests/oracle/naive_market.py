"""The simulated market once more: three books, own orders of every type, written from the rules.

Lists of orders by side, price and venue; every search looks at everything. Nothing of the
product's books, queues or tables of children is used.
"""

import math
from dataclasses import dataclass, field

from engine.domain import kinds as k
from engine.kernels.off_state import LIT_SHARE
from tests.oracle.naive_flow import draw, layer, quoted, stream

SECOND = 10**9
VENUES = (0, 1, 2)
LATENCY = (1.0, 1.2, 0.8)
RESTING = (k.LIMIT, k.POST_ONLY, k.HIDDEN, k.ICEBERG)
BAND = 100


@dataclass
class Child:
    """An own order."""

    id: int
    venue: int
    side: int
    type: int
    price: int
    quantity: int
    display: int
    cum: int = 0
    leaves: int = 0
    works: bool = False


@dataclass
class Resting:
    """What stands in a queue; ``child`` is None for the background."""

    quantity: int
    child: Child | None = None


@dataclass
class Twin:
    """One day. Results: ``prints`` and ``reports``, in order."""

    seed: int
    p: dict
    z: list
    tables: list
    n: int
    open_ns: int
    base: int  # lowest price that the ladder has
    levels: int
    latency_ns: int = 1_000_000
    sides: dict = field(default_factory=lambda: {1: {}, -1: {}})  # side: price: venue: queue
    hidden: list = field(default_factory=list)
    children: dict = field(default_factory=dict)
    prints: list = field(default_factory=list)
    reports: list = field(default_factory=list)
    at: int = 0
    pushed: float = 0.0

    # --- the books ----------------------------------------------------------------------------
    def queue(self, side, price, venue):
        return self.sides[side].setdefault(price, {v: [] for v in VENUES})[venue]

    def prices(self, side, venues=VENUES):
        """Occupied prices of a side at some venues, best first."""
        found = [
            price for price, at in self.sides[side].items() if any(at[venue] for venue in venues)
        ]
        return sorted(found, reverse=side > 0)

    def best(self, side, venues=VENUES):
        return next(iter(self.prices(side, venues)), 0)

    def size(self, side):
        price = self.best(side)
        return (
            0
            if not price
            else sum(order.quantity for venue in VENUES for order in self.queue(side, price, venue))
        )

    def is_on_ladder(self, price):
        return self.base <= price < self.base + self.levels

    # --- trading ------------------------------------------------------------------------------
    def fill(self, child, price, quantity, liquidity):
        child.cum += quantity
        child.leaves -= quantity
        if child.leaves == 0:
            child.works = False
        self.say(child, k.FILLED, 0, price, quantity, liquidity)
        self.pushed += child.side * quantity

    def say(self, child, kind, reason, price=0, quantity=0, liquidity=0):
        leaves = child.leaves
        row = (self.at, child.id, kind, reason, child.venue, price, quantity, child.cum, leaves)
        self.reports.append((*row, liquidity))

    def hidden_at(self, side, venue):
        """The own hidden order of a side that trades first at a venue, or None."""
        mine = [c for c in self.hidden if c.works and c.side == side and c.venue == venue]
        return min(mine, key=lambda child: -side * child.price, default=None)  # ties: the oldest

    def take_queue(self, side, price, venue, quantity, taker):
        """Use up the displayed queue of one price; the shares traded. One print."""
        queue = self.queue(-side, price, venue)
        done, ours = 0, 0
        while done < quantity and queue:
            order = queue[0]
            traded = min(quantity - done, order.quantity)
            order.quantity -= traded
            done += traded
            if order.child is not None:
                ours += traded
                self.fill(order.child, price, traded, k.PASSIVE)
            if order.quantity == 0:
                queue.pop(0)
                if order.child is not None and order.child.leaves:
                    shown = min(order.child.display, order.child.leaves)
                    queue.append(Resting(shown, order.child))
        if taker is not None:
            self.fill(taker, price, done, k.AGGRESSIVE)
            ours = done
        self.prints.append((self.at, venue, side, price, 0, done, ours, 0))
        return done

    def take_at(self, venue, side, limit, quantity, taker=None):
        """Trade at one venue: (left, whether an own order was in the way)."""
        left = quantity
        while left:
            shown = self.best(-side, (venue,))
            unseen = self.hidden_at(-side, venue)
            if unseen and side * (limit - unseen.price) < 0:
                unseen = None
            if unseen and (not shown or side * (shown - unseen.price) > 0):
                if taker is not None:
                    return left, True
                traded = min(left, unseen.leaves)
                self.fill(unseen, unseen.price, traded, k.PASSIVE)
                self.prints.append((self.at, venue, side, unseen.price, 0, traded, traded, 1))
                left -= traded
                continue
            if not shown or side * (limit - shown) < 0:
                break
            queue = self.queue(-side, shown, venue)
            own = [i for i, order in enumerate(queue) if order.child is not None]
            if taker is not None and own:
                before = sum(order.quantity for order in queue[: own[0]])
                if before < left:
                    if before:
                        left -= self.take_queue(side, shown, venue, before, taker)
                    return left, True
            left -= self.take_queue(side, shown, venue, left, taker)
        return left, False

    def sweep(self, first, side, limit, quantity):
        left = quantity
        while left:
            price = self.best(-side)
            if not price or side * (limit - price) < 0:
                return
            for step in VENUES:
                venue = (first + step) % 3
                if left and self.queue(-side, price, venue):
                    left, _ = self.take_at(venue, side, price, left)

    # --- the background -----------------------------------------------------------------------
    @staticmethod
    def venue_of(bits):
        part = (bits >> 15) & 255
        return 0 if part < 128 else 1 if part < 205 else 2

    def post(self, bits, side, price, quantity):
        venue = self.venue_of(bits)
        if not self.is_on_ladder(price):
            return
        left, _ = self.take_at(venue, side, price, quantity)
        if left:
            self.queue(side, price, venue).append(Resting(left))

    def market(self, row, bits, sign):
        accept, size = (bits >> 15) & 16383, (bits >> 29) & 4095
        bid, ask = self.best(1), self.best(-1)
        if bid and ask:
            have, want = self.size(1), self.size(-1)
            chance = 0.62 * (1 + self.p["lean"] * sign * ((have - want) / (have + want)))
            chance *= 1 + self.p["informed"] * sign * row["b"]
            chance /= 1 + 0.24 * max(0.0, ask - bid - 2.0)
            if accept < chance * 16384:
                walk = 0 if (bits >> 53) < 1782 else 6
                limit = ask + walk if sign > 0 else bid - walk
                self.sweep(self.venue_of(bits), sign, limit, int(self.tables[0][size]))
                return
            if ask > bid:
                self.meet_hidden(bits, sign, bid, ask, int(self.tables[0][size]))

    def meet_hidden(self, bits, sign, bid, ask, size):
        """Of 2,048 that are turned away 110 find an odd midpoint, the next 36 a better touch."""
        which, cents = bits >> 53, 0
        if which < 110 and (bid + ask) % 2:
            cents = 50 * (bid + ask)
        elif 110 <= which < 146:
            cents = 100 * (ask if sign > 0 else bid) - sign * (10, 20, 30, 40)[bits >> 41 & 3]
        if cents:
            print_ = (*divmod(cents, 100), size, 0, 1)
            self.prints.append((self.at, self.venue_of(bits), sign, *print_))

    def limit(self, row, bits):
        size, far = (bits >> 29) & 4095, (bits >> 41) & 4095
        side, price = quoted(row, bits, int(self.tables[2][far]))
        reach = self.best(-side)
        if price < 1:
            return
        if reach == 0 or side * (price - reach) < 0:
            self.post(bits, side, price, int(self.tables[1][size]))
        elif price != reach and draw(bits, 0) >> 54 < 1004:
            most = price - side
            if abs(most - reach) > 63:
                most = reach + side * 63
            self.sweep(self.venue_of(bits), side, most, int(self.tables[1][size]))

    def stale(self, row):
        for side in (1, -1):
            best = self.best(side)
            if best and side * (best - row["r"]) > 0.75 - row["half"]:
                left = 8
                for venue in VENUES:
                    queue = self.queue(side, best, venue)
                    for order in [o for o in reversed(queue) if o.child is None][:left]:
                        del queue[next(i for i, o in enumerate(queue) if o is order)]
                        left -= 1
                return

    def cancel(self, row, bits):
        accept, far = (bits >> 15) & 16383, int(self.tables[3][(bits >> 41) & 4095])
        if (bits >> 14) & 1:
            price = math.floor(row["r"] - row["half"]) - far
        else:
            price = math.ceil(row["r"] + row["half"]) + far
        for side in (1, -1):
            if price not in self.sides[side]:
                continue
            at = self.sides[side][price]
            orders = [(venue, order) for venue in VENUES for order in at[venue]]
            if not orders or accept / 16384 * row["depth"] >= len(orders):
                continue
            venue = orders[((bits >> 29) & 4095) * len(orders) // 4096][0]
            others = [order for order in at[venue] if order.child is None]
            if others:
                gone = others[-1] if (bits >> 53) < 1393 else others[0]
                del at[venue][next(i for i, o in enumerate(at[venue]) if o is gone)]

    def candidate(self, row, bits, sign):
        kind = bits & 16383
        if kind < 1786:
            self.market(row, bits, sign)
        elif kind < 8340:
            self.limit(row, bits)
        elif kind < 10060:
            self.stale(row)
        else:
            self.cancel(row, bits)

    def warm(self, opening):
        key = stream(self.seed, 104)
        for i in range(8000):
            bits = draw(key, i)
            kind = bits & 16383
            if kind < 8340:
                side, price = quoted(opening, bits, int(self.tables[2][(bits >> 41) & 4095]))
                reach = self.best(-side)
                if price > 0 and (reach == 0 or side * (price - reach) < 0):
                    self.post(bits, side, price, int(self.tables[1][(bits >> 29) & 4095]))
            elif kind >= 10060:
                self.cancel(opening, bits)

    # --- own orders ---------------------------------------------------------------------------
    def reachable(self, child, limit):
        """Shares it would trade at its venue before an own order."""
        total = 0
        unseen = self.hidden_at(-child.side, child.venue)
        for price in self.prices(-child.side, (child.venue,)):
            if child.side * (limit - price) < 0:
                break
            if unseen and child.side * (price - unseen.price) > 0:
                break
            for order in self.queue(-child.side, price, child.venue):
                if order.child is not None:
                    return total
                total += order.quantity
        return total

    def why_not(self, child, message):
        if child.id in self.children:
            return k.REASON_DUPLICATE
        if child.type != k.MARKET and not self.is_on_ladder(child.price):
            return k.REASON_BAD_PRICE
        if child.quantity < 1 or not 0 <= message["minimum"] <= child.quantity:
            return k.REASON_BAD_QUANTITY
        if message["minimum"] and child.type in RESTING:
            return k.REASON_BAD_QUANTITY
        few = child.display < 1 or child.display * 100 < child.quantity
        if child.type == k.ICEBERG and few:
            return k.REASON_BAD_QUANTITY
        if child.type == k.POST_ONLY:
            opposite = self.best(-child.side)
            if opposite and child.side * (child.price - opposite) >= 0:
                return k.REASON_WOULD_TRADE
            unseen = self.hidden_at(-child.side, child.venue)
            if unseen and child.side * (child.price - unseen.price) >= 0:
                return k.REASON_SELF_MATCH
        return 0

    def new(self, message):
        names = ("venue", "side", "type", "price", "quantity", "display")
        child = Child(message["child"], *(message[name] for name in names))
        reason = self.why_not(child, message)
        if reason == k.REASON_DUPLICATE:
            known = self.children[child.id]
            child.cum, child.leaves = known.cum, known.leaves
            self.say(child, k.REJECTED, reason)
            return
        self.children[child.id] = child
        if reason:
            self.say(child, k.REJECTED, reason)
            return
        child.leaves, child.works = child.quantity, True
        self.say(child, k.ACCEPTED, 0)
        self.enter(child, message["minimum"])

    def enter(self, child, minimum):
        limit, opposite = child.price, self.best(-child.side)
        if child.type == k.MARKET:
            limit = opposite + child.side * BAND if opposite else 0
        can = self.reachable(child, limit)
        if child.type == k.FOK and can < child.quantity:
            return self.end(child, k.CANCELLED, k.REASON_NOT_ALL)
        if can < minimum:
            return self.end(child, k.CANCELLED, k.REASON_MINIMUM)
        is_ours = False
        if limit:
            _, is_ours = self.take_at(child.venue, child.side, limit, child.leaves, child)
        if is_ours:
            return self.end(child, k.CANCELLED, k.REASON_SELF_MATCH)
        if not child.leaves:
            return None
        if child.type not in RESTING:
            return self.end(child, k.CANCELLED, k.REASON_IOC_REMAINDER)
        opposite = self.best(-child.side)
        if opposite and child.side * (child.price - opposite) >= 0:
            return self.end(child, k.CANCELLED, k.REASON_WOULD_TRADE)
        if child.type == k.HIDDEN:
            self.hidden.append(child)
        else:
            shown = min(child.display, child.leaves) if child.type == k.ICEBERG else child.leaves
            self.queue(child.side, child.price, child.venue).append(Resting(shown, child))
        return None

    def end(self, child, kind, reason):
        for at in self.sides[child.side].values():
            for venue in VENUES:
                at[venue] = [order for order in at[venue] if order.child is not child]
        child.leaves, child.works = 0, False
        self.say(child, kind, reason)

    def act(self, message):
        if message["kind"] == k.NEW:
            self.new(message)
            return
        child = self.children.get(message["child"])
        if child is None:
            child = Child(message["child"], message["venue"], 0, 0, 0, 0, 0)
            self.say(child, k.CANCEL_REJECTED, k.REASON_UNKNOWN_ORDER)
        elif child.works:
            self.end(child, k.CANCELLED, k.REASON_REQUESTED)
        else:
            self.say(child, k.CANCEL_REJECTED, k.REASON_TOO_LATE)

    # --- the day ------------------------------------------------------------------------------
    def own_impact(self, memory, lagged, scale):
        """Reference shift of this second; memories are in place. [tick]"""
        taus = [4 * 5**i for i in range(6)]
        raw = [tau ** -self.p["beta_own"] for tau in taus]
        weights = [(1 - self.p["pi_own"]) * w / sum(raw) for w in raw] + [self.p["pi_own"]]
        decay = [math.exp(-1 / tau) for tau in taus] + [1.0]
        for i in range(7):
            memory[i] = memory[i] * decay[i] + self.pushed * scale
        self.pushed = 0.0
        gain = self.p["g_own"] * LIT_SHARE / (150 * self.p["size"])  # sizes are of the lit part
        target = gain * sum(w * m for w, m in zip(weights, memory, strict=True))
        lagged += (1 - math.exp(-1 / 1.5)) * (target - lagged)
        c, power = self.p["c_own"], self.p["p_own"]
        impact = c * ((1 + abs(lagged) / c) ** power - 1) / power
        return lagged, math.copysign(impact, lagged)

    def run(self, messages=()):
        """The day with MESSAGE-like dicts; each acts at ``sent_ns`` plus its venue's latency."""
        seconds = layer(self.seed, self.p, self.z, self.tables[0], self.n)
        self.warm({**seconds[0], "b": 0.0})
        due = sorted(
            (m["sent_ns"] + round(self.latency_ns * LATENCY[m["venue"]]), i, m)
            for i, m in enumerate(messages)
        )
        memory, lagged = [0.0] * 7, 0.0
        for s, row in enumerate(seconds):
            start = self.open_ns + s * SECOND
            due = self.act_until(due, start)
            if s:
                lagged, impact = self.own_impact(memory, lagged, seconds[s - 1]["scale"])
                row = {**row, "r": row["r"] + impact}  # noqa: PLW2901
            for i, bits in enumerate(row["bits"]):
                at = start + ((2 * i + 1) * SECOND) // (2 * row["n"])
                due = self.act_until(due, at)
                self.at = at
                self.candidate(row, bits, row["signs"].get(i, 0))
        self.close(due)
        return self

    def act_until(self, due, at):
        while due and due[0][0] <= at:
            self.at = due[0][0]
            self.act(due[0][2])
            due = due[1:]
        return due

    def close(self, due):
        """Messages up to the close, then what works expires."""
        end = self.open_ns + self.n * SECOND
        self.act_until(due, end - 1)
        self.at = end
        for child in self.children.values():
            if child.works:
                self.end(child, k.EXPIRED, k.REASON_CLOSED)
