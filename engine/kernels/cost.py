"""Kernels of the cost reports: mid at an instant, sums of the tape, trade signs, bootstrap."""

import numpy as np
from numpy.typing import NDArray

from engine.kernels.jit import kernel
from engine.kernels.rng import S32, draw, stream_key

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STREAM_BOOTSTRAP = 7001


@kernel
def last_at(times: Ints, values: Floats, wanted: Ints, until: int, stale_after: int) -> Floats:
    """Value that holds at each wanted instant. [unit of values]

    times : ascending, shape (n,); of equal times the last row holds.
    NaN before the first time, after ``until`` and when the value is older than ``stale_after``.
    """
    found = np.empty(len(wanted), dtype=np.float64)
    for i in range(len(wanted)):
        at = wanted[i]
        low = 0
        high = len(times)
        while low < high:  # first row later than at
            middle = (low + high) // 2
            if times[middle] <= at:
                low = middle + 1
            else:
                high = middle
        if low == 0 or at > until or at - times[low - 1] > stale_after:
            found[i] = np.nan
        else:
            found[i] = values[low - 1]
    return found


@kernel
def last_at_each(
    times: Ints, values: Floats, wanted: Ints, ahead: Ints, until: int, stale_after: int
) -> Floats:
    """``last_at`` of every wanted instant plus every horizon, shape (n_horizons, n_wanted)."""
    found = np.empty((len(ahead), len(wanted)), dtype=np.float64)
    for k in range(len(ahead)):
        found[k] = last_at(times, values, wanted + ahead[k], until, stale_after)
    return found


@kernel
def rows_between(times: Ints, start: int, end: int) -> tuple[int, int]:
    """First row at or after start, and first row after end; both ends count."""
    low = 0
    high = len(times)
    while low < high:
        middle = (low + high) // 2
        if times[middle] < start:
            low = middle + 1
        else:
            high = middle
    first = low
    high = len(times)
    while low < high:
        middle = (low + high) // 2
        if times[middle] <= end:
            low = middle + 1
        else:
            high = middle
    return first, low


@kernel
def notional_of_first(
    volume_before: Ints, notional_before: Ints, first: int, wanted: float
) -> float:
    """Notional of the first ``wanted`` shares from row ``first`` on. [unit of notional_before]

    The last print counts in part. NaN when the tape has fewer shares.
    """
    rows = len(volume_before) - 1
    start = volume_before[first]
    if volume_before[rows] - start < wanted:
        return np.nan
    low = first
    high = rows
    while low < high:  # first row whose sum reaches wanted
        middle = (low + high) // 2
        if volume_before[middle] - start < wanted:
            low = middle + 1
        else:
            high = middle
    if low == first:
        return 0.0
    size = volume_before[low] - volume_before[low - 1]
    price = (notional_before[low] - notional_before[low - 1]) / size
    part = wanted - (volume_before[low - 1] - start)
    return float(notional_before[low - 1] - notional_before[first] + price * part)


@kernel
def trade_signs(price: Floats, mid: Floats) -> NDArray[np.int64]:
    """Who started each print: +1 buyer, -1 seller, 0 not to be known.

    price, mid : shape (n,), the mid in force at the print (quote lag 0). [same unit]
    Above the mid a buyer, below a seller, at the mid the tick test against the last different
    price. NaN mid gives 0. Source: Lee and Ready 1991.
    """
    signs = np.zeros(len(price), dtype=np.int64)
    last_move = 0  # sign of the last change of price
    for i in range(len(price)):
        if i > 0 and price[i] != price[i - 1]:
            last_move = 1 if price[i] > price[i - 1] else -1
        if np.isnan(mid[i]):
            signs[i] = 0
        elif price[i] > mid[i]:
            signs[i] = 1
        elif price[i] < mid[i]:
            signs[i] = -1
        else:
            signs[i] = last_move
    return signs


@kernel
def weighted_sums(each: Floats, on: Floats, quantity: Ints) -> tuple[float, float, int]:
    """Sum of quantity * each, sum of quantity * on, and rows in both. [share * unit]

    A row with a NaN on either side is left out of both sums.
    """
    top = 0.0
    bottom = 0.0
    n = 0
    for i in range(len(quantity)):
        if not (np.isnan(each[i]) or np.isnan(on[i])):
            top += quantity[i] * each[i]
            bottom += quantity[i] * on[i]
            n += 1
    return top, bottom, n


@kernel
def bootstrap_ratios(cost: Floats, notional: Floats, seed: int, draws: int) -> Floats:
    """Ratio of sums of resamples with replacement, one per draw. [1]

    cost, notional : one row a parent, no NaN, notional > 0.
    Draw d of row i is a function of (seed, d, i) alone, so it is the same on every machine.
    """
    n = len(cost)
    size = np.uint64(n)
    key = stream_key(seed, STREAM_BOOTSTRAP)
    ratios = np.empty(draws, dtype=np.float64)
    for d in range(draws):
        top = 0.0
        bottom = 0.0
        for i in range(n):
            j = ((draw(key, d * n + i) >> S32) * size) >> S32  # uniform in 0 .. n - 1
            top += cost[j]
            bottom += notional[j]
        ratios[d] = top / bottom
    return ratios
