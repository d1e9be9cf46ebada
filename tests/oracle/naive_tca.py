"""Slow twins of the cost kernels and of an order's sums, written from the formulas alone."""

import math
from fractions import Fraction

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def naive_last_at(times, values, wanted, until, stale_after):
    """Walk the whole series for each instant."""
    found = []
    for at in wanted:
        value = math.nan
        for t, v in zip(times, values, strict=True):
            if t <= at:
                value = v if at - t <= stale_after else math.nan
        found.append(math.nan if at > until else value)
    return found


def naive_interval(prints, start, end):
    """prints: (at, price, quantity). Volume and notional of those inside, both ends in."""
    inside = [(p, q) for at, p, q in prints if start <= at <= end]
    return sum(q for _, q in inside), sum(p * q for p, q in inside)


def naive_pwp(prints, start, filled, rate):
    """VWAP of the first filled/rate shares from start on, None when there are fewer."""
    left = wanted = Fraction(filled) / Fraction(rate)
    notional = Fraction(0)
    for at, price, quantity in prints:
        if at >= start and left > 0:
            part = min(left, Fraction(quantity))
            notional += part * price
            left -= part
    return float(notional / wanted) if left == 0 else None


def naive_signs(prices, mids):
    """Lee-Ready with quote lag 0: look back for the last different price."""
    signs = []
    for i, (price, mid) in enumerate(zip(prices, mids, strict=True)):
        if math.isnan(mid):
            signs.append(0)
        elif price != mid:
            signs.append(1 if price > mid else -1)
        else:
            others = [p for p in prices[:i] if p != price]
            signs.append(0 if not others else (1 if price > others[-1] else -1))
    return signs


def _mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def naive_bootstrap(cost, notional, seed, stream, draws):
    """Ratios of resampled sums, splitmix64 in Python integers."""
    n = len(cost)
    key = _mix((_mix((seed + GOLDEN) & MASK) + stream * GOLDEN) & MASK)
    ratios = []
    for d in range(draws):
        bits = [_mix((key + (d * n + i + 1) * GOLDEN) & MASK) for i in range(n)]
        rows = [((b >> 32) * n) >> 32 for b in bits]
        ratios.append(sum(cost[r] for r in rows) / sum(notional[r] for r in rows))
    return ratios


def naive_shortfall(parent, fills, basis):
    """Delay, trading, opportunity, fees and total in exact arithmetic, fill by fill.

    The paper portfolio is valued directly: what all X shares gained from P_d to the end against
    what the real ones did, with the rest of the order never bought.
    """
    side, tick = parent.side, Fraction(parent.tick_size)
    decided, arrived, end = (
        Fraction(p) for p in (parent.decision_price, parent.arrival_price, parent.end_price)
    )
    rows = [(int(p), int(q)) for p, q in zip(fills.price, fills.quantity, strict=True)]
    paper = side * parent.quantity * (end - decided)
    real = sum(side * q * (end - p) for p, q in rows)
    total = (paper - real) * tick + Fraction(parent.fees)
    trading = sum(side * q * (p - arrived) for p, q in rows) * tick
    done = sum(q for _, q in rows)
    if basis == "order":
        delay = side * parent.quantity * (arrived - decided) * tick
        opportunity = side * (parent.quantity - done) * (end - arrived) * tick
    else:
        delay = side * done * (arrived - decided) * tick
        opportunity = side * (parent.quantity - done) * (end - decided) * tick
    return [float(v) for v in (delay, trading, opportunity, Fraction(parent.fees), total)]


def naive_markout(side, fills, mids, until, stale_after, horizon):
    """Gain, notional (both in tick * share) and missing fills of one horizon."""
    gain = notional = 0.0
    missing = 0
    for price, quantity, at in zip(fills.price, fills.quantity, fills.at_ns, strict=True):
        times, values = mids
        after = naive_last_at(times, values, [int(at) + horizon], until, stale_after)[0]
        if math.isnan(after):
            missing += 1
        else:
            gain += side * int(quantity) * (after - int(price))
            notional += int(quantity) * int(price)
    return gain, notional, missing
