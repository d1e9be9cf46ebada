"""The sums of one day from which every stylised fact is estimated.

A fact is a function of sums over days, so a bootstrap over days is a weighted sum: no day is
measured twice. Input is what an observer saw (`engine.kernels.observed`): SEEN rows, one a
second, and HIT rows, one an aggressor. A recorded day gives the same two arrays.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Records: TypeAlias = NDArray[np.void]
Floats: TypeAlias = NDArray[np.float64]

LAGS: Final = (1, 2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 57, 80, 100, 141, 200)  # trades
RESPONSES: Final = (1, 2, 5, 10, 20, 50, 100, 200)  # trades
LONG_MINUTES: Final = (10, 30)  # of the variance ratios
RECOVERY_S: Final = 60  # how long a spread is followed after a large trade [s]
HALF_HOURS: Final = 13
MINUTE: Final = 60
WINDOW: Final = 10  # order-flow imbalance and its returns [s]
AHEAD: Final = (1, 5, 10, 30)  # seconds ahead of which the touch imbalance is asked
AUC_BINS: Final = 50
SECOND: Final = 1_000_000_000


class Watched(NamedTuple):
    """One day as an observer saw it."""

    seen: Records  # SEEN, one row a second
    hits: Records  # HIT, one row an aggressor
    open_ns: int


def mids(seen: Records) -> Floats:
    """Mid of each second, the last known where a side is empty; NaN before the first. [tick]"""
    mid = 0.5 * (seen["bid"] + seen["ask"]).astype(np.float64)
    mid[(seen["bid"] == 0) | (seen["ask"] == 0)] = np.nan
    known = np.where(np.isnan(mid), 0, np.arange(len(mid)))
    filled: Floats = mid[np.maximum.accumulate(known)]
    return filled


def returns(seen: Records, every: int) -> Floats:
    """Changes of the mid over ``every`` seconds, side by side. [tick]"""
    mid = mids(seen)
    steps: Floats = np.diff(np.r_[mid[::every], mid[-1:]])
    return steps


def imbalance(seen: Records) -> Floats:
    """(bid size - ask size) / (bid size + ask size) of each second; NaN while a side is empty."""
    bid, ask = seen["bid_size"].astype(np.float64), seen["ask_size"].astype(np.float64)
    share: Floats = (bid - ask) / np.maximum(1.0, bid + ask)
    share[(seen["bid"] == 0) | (seen["ask"] == 0)] = np.nan
    return share


def sign_memory(day: Watched) -> Floats:
    """Count and sum of signs, then count and sum of s(t) s(t + lag) for each lag."""
    signs = day.hits["side"].astype(np.float64)
    out = [float(len(signs)), float(signs.sum())]
    for lag in LAGS:
        products = signs[:-lag] * signs[lag:]
        out += [float(len(products)), float(products.sum())]
    return np.array(out)


def response(day: Watched) -> Floats:
    """For each lag in trades: count, sum of side * (mid before the later - mid before). [tick]"""
    hits = day.hits
    both = (hits["bid"] > 0) & (hits["ask"] > 0)
    mid = 0.5 * (hits["bid"] + hits["ask"]).astype(np.float64)
    side = hits["side"].astype(np.float64)
    out: list[float] = []
    for lag in RESPONSES:
        ok = both[:-lag] & both[lag:]
        moved = side[:-lag] * (mid[lag:] - mid[:-lag])
        out += [float(ok.sum()), float(moved[ok].sum())]
    return np.array(out)


def diffusion(day: Watched) -> Floats:
    """One-minute returns: count, sum, squares, neighbours. Then for 10 and 30 minutes: count of
    overlapping windows, their squared returns, the squared minutes inside them.

    Squares of the same minutes stand in numerator and denominator: a day that is wild at its
    edges, which fewer windows cover, would else look as if it turned back.
    """
    x = returns(day.seen, MINUTE)
    out = [float(len(x)), float(x.sum()), float(x @ x), float(x[1:] @ x[:-1])]
    total, squares = np.r_[0.0, np.cumsum(x)], np.r_[0.0, np.cumsum(x * x)]
    for k in LONG_MINUTES:
        long = total[k:] - total[:-k]
        out += [float(len(long)), float(long @ long), float((squares[k:] - squares[:-k]).sum())]
    return np.array(out)


def flow_imbalance(day: Watched) -> Floats:
    """Least-squares sums of mid change on order-flow imbalance, 10 s: all, thin, thick books.

    Thin and thick: below and above the median depth at the touch of this day. Six sums each.
    """
    seen = day.seen
    x = np.diff(seen["ofi"][::WINDOW])
    y = returns(seen, WINDOW)[: len(x)]
    touch = 0.5 * (seen["bid_size"] + seen["ask_size"]).astype(np.float64)
    depth = touch[: len(x) * WINDOW].reshape(-1, WINDOW).mean(axis=1)
    thin = depth < np.median(depth)
    parts = (np.ones(len(x), bool), thin, ~thin)
    sums = [(m.sum(), x[m].sum(), y[m].sum(), x[m] @ x[m], x[m] @ y[m], y[m] @ y[m]) for m in parts]
    return np.array(sums, np.float64).ravel()


def next_move(day: Watched) -> Floats:
    """Seconds with an imbalance and a later move of the mid; those where both signs agree."""
    change = np.sign(np.diff(mids(day.seen)))
    change[np.isnan(change)] = 0.0
    at = np.where(change != 0, np.arange(len(change)), len(change))
    coming = np.minimum.accumulate(at[::-1])[::-1]  # the next change from each second on
    lean = np.sign(imbalance(day.seen)[:-1])
    ok = (coming < len(change)) & np.isfinite(lean) & (lean != 0)
    agree = change[coming[ok]] == lean[ok]
    return np.array([ok.sum(), agree.sum()], np.float64)


def touch_auc(day: Watched) -> Floats:
    """Histograms of the touch imbalance before up and before down moves, 1, 5, 10, 30 s ahead."""
    mid, lean = mids(day.seen), imbalance(day.seen)
    out: list[Floats] = []
    for ahead in AHEAD:
        move, x = mid[ahead:] - mid[:-ahead], lean[:-ahead]
        for wanted in (move > 0, move < 0):
            chosen = x[wanted & np.isfinite(x)]
            out.append(np.histogram(chosen, AUC_BINS, (-1.0, 1.0))[0].astype(np.float64))
    return np.concatenate(out)


def recovery(day: Watched) -> Floats:
    """Count of trades through several prices, then excess spread 0 ... 60 s later. [tick]

    Excess over the mean spread of the minute before the trade; the first is just after it.
    """
    spread = (day.seen["ask"] - day.seen["bid"]).astype(np.float64)
    total = np.r_[0.0, np.cumsum(spread)]
    hits = day.hits
    second = (hits["at_ns"] - day.open_ns) // SECOND
    inside = (second >= MINUTE) & (second + 1 + RECOVERY_S < len(spread))
    quoted = (hits["bid_after"] > 0) & (hits["ask_after"] > 0)
    chosen = inside & quoted & (hits["prices"] > 1)
    at = second[chosen]
    usual = (total[at] - total[at - MINUTE]) / MINUTE
    just = (hits["ask_after"] - hits["bid_after"])[chosen].astype(np.float64)
    out = [float(len(at)), float((just - usual).sum())]
    out += [float((spread[at + k] - usual).sum()) for k in range(1, RECOVERY_S + 1)]
    return np.array(out)


def half_hours(day: Watched) -> Floats:
    """Volume, then mean spread [tick], of each of the thirteen half hours."""
    seen = day.seen
    edges = np.linspace(0, len(seen), HALF_HOURS + 1).astype(np.int64)
    volume = np.r_[seen["volume"], seen["volume"][-1:]]
    spread = (seen["ask"] - seen["bid"]).astype(np.float64)
    volumes = np.diff(volume[edges]).astype(np.float64)
    spreads = [spread[a:b].mean() for a, b in pairwise(edges)]
    both: Floats = np.r_[volumes, spreads]
    return both


def right_side(day: Watched) -> Floats:
    """Aggressors, and those all of whose prints lie on their side of the mid before."""
    return np.array([len(day.hits), (day.hits["wrong"] == 0).sum()], np.float64)


def levels(day: Watched) -> Floats:
    """Seconds, volume, aggressors, spread and touch size sums, day's move squared. [share, tick]"""
    seen = day.seen
    spread = (seen["ask"] - seen["bid"]).astype(np.float64)
    touch = 0.5 * (seen["bid_size"] + seen["ask_size"]).astype(np.float64)
    mid = mids(seen)
    move = float(mid[-1] - mid[0])
    values = (len(seen), seen["volume"][-1], len(day.hits), spread.sum(), touch.sum(), move * move)
    lit = day.hits["quantity"].sum()  # without prints off the lit books and auctions
    return np.array([*values, spread.max(), move, lit], np.float64)


def absolute_minutes(day: Watched) -> Floats:
    """Absolute one-minute returns of the day. [tick]"""
    return np.abs(returns(day.seen, MINUTE))


def absolute_tens(day: Watched) -> Floats:
    """Absolute ten-second returns of the day. [tick]"""
    return np.abs(returns(day.seen, WINDOW))


def absolute_fives(day: Watched) -> Floats:
    """Absolute five-minute returns of the day. [tick]"""
    return np.abs(returns(day.seen, 5 * MINUTE))


MOMENTS: Final[dict[str, Callable[[Watched], Floats]]] = {
    "signs": sign_memory,
    "response": response,
    "diffusion": diffusion,
    "flow": flow_imbalance,
    "next": next_move,
    "auc": touch_auc,
    "recovery": recovery,
    "half_hours": half_hours,
    "right": right_side,
    "levels": levels,
    "minutes": absolute_minutes,
    "tens": absolute_tens,
    "fives": absolute_fives,
}


# what needs the mid alone: measured on many more days, because variances converge slowly
OF_MIDS: Final = ("diffusion", "minutes", "tens", "fives")


def from_mids(day: Watched) -> dict[str, Floats]:
    """The sums of one day of which only the mid of each second is known."""
    return {name: MOMENTS[name](day) for name in OF_MIDS}


def moments(day: Watched) -> dict[str, Floats]:
    """All sums of one day."""
    return {name: measure(day) for name, measure in MOMENTS.items()}


def stacked(days: list[dict[str, Floats]]) -> dict[str, Floats]:
    """The sums of many days, one row a day."""
    return {name: np.stack([day[name] for day in days]) for name in days[0]}
