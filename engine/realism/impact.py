"""What an own order does to the price: twins on the same draws, with and without it.

Peak, what is left after one more duration, and cost, each against the mid of the twin without the
order, in bp of the opening price. Orders cross the spread at a steady pace, by default in the
usual day of the calibrated stock. Nothing here looks at the parameters of the own impact: it is
measured as a trader would, from mids and fills.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant
from engine.kernels.environment import Day, new_day
from engine.kernels.flow import DONE, new_env
from engine.kernels.planned import scratch, trade_plan
from engine.realism.watch import OPEN_NS, SECOND, SECONDS, Progress, Purpose, in_order, seed_of

Records: TypeAlias = NDArray[np.void]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

SIZES: Final = (0.001, 0.01, 0.03, 0.10, 0.25)  # of the average daily volume
PACE: Final = 21.0  # at a fixed rate [share/s]
HORIZON_S: Final = 11_700  # at a fixed horizon: half a day
START_S: Final = 900  # after the open, where the day leaves room for the decay
PEAK_S: Final = 5  # the peak is the mean of the seconds after the last fill
BPS: Final = 10_000.0
MOST_CHILDREN: Final = 32_768


class Order(NamedTuple):
    """Buy so many shares steadily from one second to another."""

    size: float  # of ADV
    shares: int
    start: int
    end: int


class Path(NamedTuple):
    """One run: mids and own signed fills, second by second."""

    mids: Floats
    shares: Ints
    values: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One order over all paths, one value a path. [bp]"""

    order: Order
    peak: Floats
    later: Floats  # one more duration after the end; NaN when the day is over
    cost: Floats  # of its fills against the twin's mid
    filled: Floats  # share of the order
    course: Floats  # mean gap to the twin's mid at 50 points of the order and of as long after


def plan_of(shares: int, start: int, end: int) -> Ints:
    """Position to hold after each second: 0, a straight line, then ``shares``."""
    t = np.clip((np.arange(SECONDS) + 1 - start) / (end - start), 0.0, 1.0)
    return np.floor(t * shares + 1e-9).astype(np.int64)


def fixed_rate(adv: int) -> list[Order]:
    """Orders of all sizes at the same pace; the largest takes the whole day."""
    orders: list[Order] = []
    for size in SIZES:
        shares = round(size * adv)
        lasts = min(math.ceil(shares / (PACE * adv / 2_000_000)), SECONDS - 60)
        start = START_S if START_S + 2 * lasts <= SECONDS - 60 else 0
        orders.append(Order(size, shares, start, start + lasts))
    return orders


def fixed_horizon(adv: int) -> list[Order]:
    """Orders of all sizes over the same half day."""
    ends = START_S + HORIZON_S
    return [Order(size, round(size * adv), START_S, ends) for size in SIZES]


def run_plan(day: Day, plan: Ints) -> Path:
    """One twin: the day with this plan in it."""
    path = Path(np.empty(SECONDS), np.zeros(SECONDS, np.int64), np.zeros(SECONDS))
    env = new_env(day, 0, max_own=MOST_CHILDREN)
    if trade_plan(env, plan, *path, scratch()) != DONE:
        raise BrokenInvariant("the market did not reach the next second of a plan")
    return path


def cost_bps(path: Path, twin: Floats, reference: float) -> float:
    """Cost of all fills against the twin's mid at their second, over their shares. [bp]"""
    traded = float(np.abs(path.shares).sum())
    paid = float((path.values - path.shares * twin).sum())
    return BPS * paid / (reference * traded) if traded else math.nan


def _course(gap: Floats, order: Order) -> Floats:
    """The gap at 50 points during the order and 50 of as long after; NaN past the day."""
    lasts = order.end - order.start
    at = order.start + np.rint(np.linspace(0, 2 * lasts, 101)).astype(np.int64)
    course: Floats = np.where(at < SECONDS, gap[np.minimum(at, SECONDS - 1)], np.nan)
    return course


def _mean(gap: Floats, at: int) -> float:
    """Mean gap over the seconds after an instant; NaN past the day."""
    return float(gap[at : at + PEAK_S].mean()) if at + PEAK_S <= SECONDS else math.nan


def _one_path(flow: Records, orders: Sequence[Order], seed: int) -> list[tuple[Floats, Floats]]:
    day = new_day(seed, flow, OPEN_NS, OPEN_NS + SECONDS * SECOND)
    reference = float(flow[0]["reference"])
    twin = run_plan(day, np.zeros(SECONDS, np.int64)).mids
    rows: list[tuple[Floats, Floats]] = []
    for order in orders:
        path = run_plan(day, plan_of(order.shares, order.start, order.end))
        gap = BPS * (path.mids - twin) / reference
        later = _mean(gap, order.end + (order.end - order.start))
        filled = float(path.shares.sum()) / max(1, order.shares)
        row = (_mean(gap, order.end), later, cost_bps(path, twin, reference), filled)
        rows.append((np.array(row), _course(gap, order)))
    return rows


def measure(
    flow: Records,
    orders: Sequence[Order],
    paths: int,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Measured]:
    """Every order on the same paths, each against its own twin; the same for any worker count."""

    def one(path: int) -> list[tuple[Floats, Floats]]:
        return _one_path(flow, orders, seed_of(Purpose.IMPACT, path))

    found = in_order(one, paths, workers, progress)
    measured: list[Measured] = []
    for i, order in enumerate(orders):
        rows = np.stack([row[i][0] for row in found])
        course = np.stack([row[i][1] for row in found]).mean(axis=0)
        peak, later, cost, filled = rows.T
        measured.append(
            Measured(order=order, peak=peak, later=later, cost=cost, filled=filled, course=course)
        )
    return measured
