"""The simulated market once more, in plain Python from its description: slow and obvious.

No kernel, table class or book of the product is used; only the parameters and the two tables of
quantiles, which a test of their own checks.
"""

import math

M64 = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z &= M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def stream(seed, number):
    return mix(mix(seed + GOLDEN) + number * GOLDEN)


def draw(key, step):
    return mix(key + (step + 1) * GOLDEN)


def path(seed, p, z, n):
    """One dict a second: fundamental, half spread, depth, scale of own impact, candidates."""
    key = stream(seed, 101)
    first = draw(key, -1)
    memory = {
        name: z[(first >> shift) & 4095]
        for name, shift in (("day", 0), ("slow", 12), ("fast", 24), ("busy", 36), ("deep", 48))
    }
    tau = {"slow": 5400, "fast": 240, "busy": 60, "deep": 1500}
    v = p["vol_day"] ** 2 + p["vol_slow"] ** 2 + p["vol_fast"] ** 2
    fundamental, out = 0.0, []
    for s in range(n):
        x = 2 * (s + 0.5) / n - 1
        u = p["u_low"] + p["u_edge"] * x**4
        vol = sum(p[f"vol_{name}"] * memory[name] for name in ("day", "slow", "fast"))
        if s < 1800:
            vol += math.log(1 + p["open_vol"] * (1 - s / 1800))
        rate = p["rate"] * u * math.exp(p["busy"] * memory["busy"] - p["busy"] ** 2 / 2 + 0.5 * vol)
        a, b = draw(key, 2 * s), draw(key, 2 * s + 1)
        out.append(
            {
                "f": fundamental,
                "half": min(5.0, p["half_spread"] * u ** p["half_u"] * math.exp(1.1 * (vol - v))),
                "depth": p["depth"] * math.exp(p["deep"] * memory["deep"] - 0.2 * vol),
                "scale": math.exp(vol - v) * math.sqrt(11.2 / rate),
                "n": int(rate + (b >> 44) / 2**20),
            }
        )
        fundamental += p["sigma"] * math.sqrt(u) * math.exp(vol - v) * z[a & 4095]
        if (b & 0xFFFFFF) < p["jumps"] / n * 2**24:
            w = (((b >> 24) & 0xFFFF) + 0.5) / 65536
            size = min(60.0, 5 * (w ** (-1 / 3) - 0.5))
            fundamental += size if (b >> 40) & 1 else -size
        fundamental += p["drift"] / 23_400
        for name, shift in (("slow", 12), ("fast", 24), ("busy", 36), ("deep", 48)):
            keep = math.exp(-1 / tau[name])
            memory[name] = keep * memory[name] + math.sqrt(1 - keep**2) * z[(a >> shift) & 4095]
    return out


def life(bits, exponent):
    return int(min(4000, math.ceil((((bits >> 12) + 0.5) / 2**52) ** (-1 / exponent))))


def layer(seed, p, z, market_sizes, n):
    """`path` with the reference price ``r``, foresight ``b`` and the signs of each second."""
    seconds = path(seed, p, z, n)
    flow, meta = stream(seed, 102), stream(seed, 103)
    slots = []
    for slot in range(int(p["slots"])):
        bits = draw(draw(meta, slot), 0)
        slots.append([life(bits, p["alpha"] - 1), 1 if bits & 1 else -1, 0])
    taus = [4 * 5**k for k in range(6)]
    raw = [tau ** -p["beta_bg"] for tau in taus]
    weights = [(1 - p["pi_bg"]) * w / sum(raw) for w in raw] + [p["pi_bg"]]
    decay = [math.exp(-1 / tau) for tau in taus] + [1.0]
    memory = [0.0] * 7
    information = pressure = 0.0
    for s, row in enumerate(seconds):
        after = seconds[s + 1]["f"] if s + 1 < n else row["f"]
        row["b"] = min(1.0, max(-1.0, p["foresight"] * (after - row["f"])))
        row["r"] = p["reference"] + row["f"] + information + pressure
        row["bits"] = [draw(draw(flow, s), i) for i in range(row["n"])]
        row["signs"], pushed = {}, 0.0
        for i, bits in enumerate(row["bits"]):
            if bits & 16383 >= 1786:
                continue
            pick = ((bits >> 41) & 4095) - math.ceil(p["free_sign"] * 4096)
            if pick < 0:
                sign = 1 if (bits >> 14) & 1 else -1
            else:
                slot = slots[pick % len(slots)]
                sign = slot[1]
                slot[0] -= 1
                if slot[0] == 0:
                    slot[2] += 1
                    bits2 = draw(draw(meta, pick % len(slots)), slot[2])
                    slot[0], slot[1] = life(bits2, p["alpha"]), 1 if bits2 & 1 else -1
            row["signs"][i] = sign
            information += p["kappa"] * sign
            if ((bits >> 15) & 16383) < 0.62 * 16384:
                pushed += sign * min(float(market_sizes[(bits >> 29) & 4095]), 400 * p["size"])
        memory = [m * d + pushed for m, d in zip(memory, decay, strict=True)]
        gain = p["g_bg"] / (150 * p["size"])
        target = gain * sum(w * m for w, m in zip(weights, memory, strict=True))
        pressure += (1 - math.exp(-1 / p["lag"])) * (target - pressure)
    return seconds


class Book:
    """Lists of sizes by price, oldest first."""

    def __init__(self):
        self.sides = {1: {}, -1: {}}

    def best(self, side):
        prices = self.sides[side]
        return (max(prices) if side > 0 else min(prices)) if prices else 0

    def size(self, side):
        best = self.best(side)
        return sum(self.sides[side][best]) if best else 0

    def add(self, side, price, quantity):
        self.sides[side].setdefault(price, []).append(quantity)

    def drop(self, side, price, index):
        queue = self.sides[side][price]
        queue.pop(index)
        if not queue:
            del self.sides[side][price]

    def take(self, side, limit, quantity):
        """Prints (price, quantity), one a price."""
        prints = []
        while quantity and self.best(-side) and side * (limit - self.best(-side)) >= 0:
            price = self.best(-side)
            done = 0
            while quantity and price in self.sides[-side]:
                queue = self.sides[-side][price]
                traded = min(quantity, queue[0])
                queue[0] -= traded
                quantity -= traded
                done += traded
                if queue[0] == 0:
                    self.drop(-side, price, 0)
            prints.append((price, done))
        return prints


def quoted(row, bits, far, tables):
    """Side and price of a limit candidate; price 0 when the informed would not post it."""
    side = 1 if (bits >> 14) & 1 else -1
    if ((bits >> 15) & 16383) < -side * row["b"] * 16384:
        return side, 0
    wobble = 1.65 * (((bits >> 53) + 0.5) / 2048 - 0.5)
    if side > 0:
        return side, math.floor(row["r"] - row["half"] + wobble) - far
    return side, math.ceil(row["r"] + row["half"] - wobble) + far


def one(book, row, bits, sign, tables, p):
    """One candidate; the prints it caused, as (side, price, quantity)."""
    kind, accept = bits & 16383, (bits >> 15) & 16383
    size, far = (bits >> 29) & 4095, (bits >> 41) & 4095
    bid, ask = book.best(1), book.best(-1)
    if kind < 1786:
        have, want = book.size(1), book.size(-1)
        chance = 0.62 * (1 + p["lean"] * sign * ((have - want) / (have + want)))
        chance *= 1 + p["informed"] * sign * row["b"]
        chance /= 1 + 0.24 * max(0.0, ask - bid - 2.0)
        if accept >= chance * 16384:
            return []
        walk = 0 if (bits >> 53) < 1782 else 6
        limit = ask + walk if sign > 0 else bid - walk
        return [(sign, *done) for done in book.take(sign, limit, int(tables[0][size]))]
    if kind < 8340:
        side, price = quoted(row, bits, int(tables[2][far]), tables)
        reach = ask if side > 0 else bid
        if price < 1:
            return []
        if reach == 0 or side * (price - reach) < 0:
            book.add(side, price, int(tables[1][size]))
            return []
        if price == reach or draw(bits, 0) >> 54 >= 1004:
            return []
        return [(side, *done) for done in book.take(side, price - side, int(tables[1][size]))]
    if kind < 10060:
        for side, best in ((1, bid), (-1, ask)):
            if best and side * (best - row["r"]) > 0.75 - row["half"]:
                for _ in range(min(8, len(book.sides[side][best]))):
                    book.drop(side, best, -1)
                return []
        return []
    side = 1 if (bits >> 14) & 1 else -1
    price = (
        math.floor(row["r"] - row["half"]) - int(tables[3][far])
        if side > 0
        else math.ceil(row["r"] + row["half"]) + int(tables[3][far])
    )
    # either side's queue may stand at that price after a move
    for owner in (1, -1):
        queue = book.sides[owner].get(price, [])
        if queue and accept / 16384 * row["depth"] < len(queue):
            book.drop(owner, price, -1 if (bits >> 53) < 1393 else 0)
    return []


def day(seed, p, z, tables, n):
    """Prints (second, index, side, price, quantity) of a day without own orders, and the book."""
    seconds = layer(seed, p, z, tables[0], n)
    book = Book()
    key = stream(seed, 104)
    opening = {**seconds[0], "b": 0.0}
    for i in range(8000):
        bits = draw(key, i)
        kind = bits & 16383
        if kind < 8340:
            side, price = quoted(opening, bits, int(tables[2][(bits >> 41) & 4095]), tables)
            reach = book.best(-side)
            if price > 0 and (reach == 0 or side * (price - reach) < 0):
                book.add(side, price, int(tables[1][(bits >> 29) & 4095]))
        elif kind >= 10060:
            one(book, opening, bits, 0, tables, p)
    prints = []
    for s, row in enumerate(seconds):
        for i, bits in enumerate(row["bits"]):
            done = one(book, row, bits, row["signs"].get(i, 0), tables, p)
            prints += [(s, i, *trade) for trade in done]
    return prints, book
