"""Days of one flow, watched and summed up: days are the only parallel axis.

Tuning and acceptance never share a seed: a day number is turned into a seed of the purpose asked
for, from ranges that do not overlap.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import Final, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant
from engine.domain.kinds import VENUES
from engine.kernels.environment import LIT_VENUES, Env, new_day
from engine.kernels.flow import DONE, new_env
from engine.kernels.observed import HIT, SEEN, observe_day, scratch
from engine.kernels.planned import scratch as plan_scratch
from engine.kernels.planned import trade_plan
from engine.realism.moments import Floats, Watched, from_mids, moments, stacked

Records: TypeAlias = NDArray[np.void]
Progress: TypeAlias = Callable[[int, int], None]
T = TypeVar("T")

OPEN_NS: Final = 1_764_253_800 * 10**9
SECONDS: Final = 23_400
SECOND: Final = 1_000_000_000
MOST_HITS: Final = 400_000  # aggressors a day
MOST_DAYS: Final = 10_000  # of one purpose: the width of its range of seeds

PLACE = threading.local()  # scratch arrays of a thread


class Purpose(Enum):
    """What days are for, and the first seed of its range."""

    TUNING = 1_000_000
    ACCEPTANCE = 6_000_000  # 2,000,000 on was looked at before the last change of a parameter
    IMPACT = 3_000_000
    ROUND_TRIP = 4_000_000
    CALIBRATION = 5_000_000


def seed_of(purpose: Purpose, day: int) -> int:
    """Seed of day number 0, 1, ... of a purpose; no two purposes share one."""
    if not 0 <= day < MOST_DAYS:
        raise BrokenInvariant(f"day must be 0 to {MOST_DAYS - 1}, was {day}")
    return purpose.value + day


class Room(NamedTuple):
    """Arrays that a day is written to, made once a thread."""

    seen: Records
    hits: Records
    before: Records
    work: tuple[Records, Records, Records]


def _room() -> Room:
    room: Room | None = getattr(PLACE, "room", None)
    if room is None:
        rows = (np.zeros(SECONDS, SEEN), np.zeros(MOST_HITS, HIT), np.zeros(1, SEEN))
        room = PLACE.room = Room(*rows, scratch())
    return room


def fresh(flow: Records, seed: int) -> Env:
    """A full day of this flow before its open."""
    return new_env(new_day(seed, flow, OPEN_NS, OPEN_NS + SECONDS * SECOND), 0)


def watched(flow: Records, seed: int, lit: NDArray[np.bool_]) -> Watched:
    """One day; the arrays are reused by the thread's next day."""
    room = _room()
    room.before[0] = np.zeros(1, SEEN)[0]
    used = observe_day(fresh(flow, seed), lit, room.seen, room.hits, room.before[0], room.work)
    if used < 0:
        raise BrokenInvariant(f"the observer of the market stopped with {used}")
    return Watched(room.seen, room.hits[:used], OPEN_NS)


def in_order(
    one: Callable[[int], T], count: int, workers: int, progress: Progress | None
) -> list[T]:
    """``one`` of 0 to count - 1, in that order, on so many threads.

    What ``progress`` raises ends it: what has not begun is left out.
    """
    found: list[T] = []
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(one, i) for i in range(count)]
        try:
            for future in waiting:
                found.append(future.result())
                if progress is not None:
                    progress(len(found), count)
        finally:
            for future in waiting:
                future.cancel()
    return found


def lit_venues() -> NDArray[np.bool_]:
    """Which venue numbers are lit books: the first ones, as many as the market has."""
    lit: NDArray[np.bool_] = np.arange(VENUES) < LIT_VENUES
    return lit


def mids_only(flow: Records, seed: int) -> Watched:
    """One day of which only the mids are kept: ten times faster than `watched`."""
    mids, values = np.empty(SECONDS), np.zeros(SECONDS)
    shares = np.zeros(SECONDS, np.int64)
    plan = np.zeros(SECONDS, np.int64)
    if trade_plan(fresh(flow, seed), plan, mids, shares, values, plan_scratch()) != DONE:
        raise BrokenInvariant("the market did not reach the next second of a day")
    seen = np.zeros(SECONDS, SEEN)
    seen["bid"], seen["ask"] = np.floor(mids), np.ceil(mids)
    return Watched(seen, np.zeros(0, HIT), OPEN_NS)


def long_sums_of(
    flow: Records,
    purpose: Purpose,
    days: int,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Floats]:
    """Sums that need mids alone, one row a day: for many more days than `sums_of`."""

    def one(day: int) -> dict[str, Floats]:
        return from_mids(mids_only(flow, seed_of(purpose, day)))

    return stacked(in_order(one, days, workers, progress))


def sums_of(
    flow: Records,
    purpose: Purpose,
    days: int,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Floats]:
    """Sums of days 0 to days - 1 of a purpose, one row a day, the same for any worker count."""
    lit = lit_venues()

    def one(day: int) -> dict[str, Floats]:
        return moments(watched(flow, seed_of(purpose, day), lit))

    return stacked(in_order(one, days, workers, progress))
