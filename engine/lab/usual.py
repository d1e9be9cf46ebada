"""What a usual day of a stock shows by each minute: the mean of simulated days without orders.

A reading of today is compared with this and not with the catalogue, because what the market shows
is not what its parameters say: a spread has a floor of one tick, not every candidate trades. The
parts of volatility that make one day unlike another are switched off, or a mean would need hundreds
of days; they leave the mean squared return and the mean spread alone, and raise the mean volume.
"""

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant
from engine.domain.market import REPORT, TRADE
from engine.exchange.presets import Stock
from engine.kernels.environment import new_day
from engine.kernels.exogenous import FLOW, FULL_DAY_S
from engine.kernels.flow import DONE, REPORTS_FULL, TRADES_FULL, new_env, run_until

Floats = NDArray[np.float64]

DAYS: Final = 16
STEP_S: Final = 60
STEPS: Final = FULL_DAY_S // STEP_S
SMOOTH: Final = 31  # minutes of the moving mean of the spread
BUSIER: Final = 0.22  # log of what a variance of 1 between days adds to volume: 3 stocks, 80 days
SEED: Final = 7_700  # below 2**56: none of the lab's paths
SECOND: Final = 1_000_000_000


class Usual(NamedTuple):
    """At the end of each minute 0 ... 390 since the open; shape (391,)."""

    volume: Floats  # so far [share]
    variance: Floats  # of 60 s returns, summed so far [tick^2]
    spread: Floats  # smoothed [tick]


def usual_day(stock: Stock) -> Usual:
    """The usual day of a stock; made once, about a third of a second."""
    return _usual(stock.flow().tobytes())


@lru_cache(maxsize=64)
def _usual(flow_bytes: bytes) -> Usual:
    flow = np.frombuffer(flow_bytes, FLOW).copy()
    p = flow[0]
    between = float(p["vol_day"]) ** 2 + float(p["vol_slow"]) ** 2
    p["vol_day"] = p["vol_slow"] = 0.0
    volume, moves, spread = np.zeros((3, DAYS, STEPS + 1))
    for i in range(DAYS):
        volume[i], mids, spread[i] = quiet_day(flow, SEED + i)
        moves[i, 1:] = np.nan_to_num(np.diff(mids)) ** 2
    return Usual(
        volume=volume.mean(axis=0) * math.exp(BUSIER * between),
        variance=np.cumsum(moves.mean(axis=0)),
        spread=_smooth(np.nanmean(spread, axis=0)),
    )


def quiet_day(flow: NDArray[np.void], seed: int) -> tuple[Floats, Floats, Floats]:
    """Volume so far, mid and spread at each minute of a day without us."""
    env = new_env(new_day(seed, flow, 0, FULL_DAY_S * SECOND), 0, max_own=1)
    state, found = env.state[0], np.full((3, STEPS + 1), np.nan)
    reports, trades = np.zeros(64, REPORT), np.zeros(4_096, TRADE)
    for k in range(STEPS + 1):
        until, status = min(k * STEP_S * SECOND, FULL_DAY_S * SECOND - 1), TRADES_FULL
        while status != DONE:
            status, _, _ = run_until(env, until, reports, 0, trades, 0)
            if status not in (DONE, REPORTS_FULL, TRADES_FULL):
                raise BrokenInvariant(f"a quiet day stopped with {status}")
        found[0, k] = state["volume"]
        if state["bid"] > 0 and state["ask"] > 0:
            found[1, k] = 0.5 * (state["bid"] + state["ask"])
            found[2, k] = state["ask"] - state["bid"]
    return found[0], found[1], found[2]


def _smooth(values: Floats) -> Floats:
    """Moving mean; near the ends over what there is."""
    weight = np.ones(SMOOTH)
    summed = np.convolve(values, weight, mode="same")
    found: Floats = summed / np.convolve(np.ones(len(values)), weight, mode="same")
    return found


def at_second(values: Floats, second: float) -> float:
    """A value between two minutes."""
    return float(np.interp(second / STEP_S, np.arange(len(values)), values))
