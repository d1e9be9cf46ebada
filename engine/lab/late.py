"""A simulated day that begins in its middle: what is over by then is not simulated.

Activity, spread and volatility follow the shape of the whole day from the instant of the beginning
on, and news comes as often as on a whole day. What a market carries along does not exist yet: no
pressure of earlier trades, no own impact; volatility, activity and depth start where a usual day
has them at that hour. The opening auction is held at the beginning.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant
from engine.domain.units import SECOND
from engine.kernels.environment import T_MARKET, Day, new_day
from engine.kernels.exogenous import (
    FULL_DAY_S,
    MEAN_SIZE,
    fill_path,
    fill_pressure,
    fill_shape,
    memory_table,
    quantiles,
)
from engine.kernels.exogenous import SECOND as SECOND_ROW

Floats = NDArray[np.float64]
Records = NDArray[np.void]


@lru_cache(maxsize=1)
def _normals() -> Floats:
    return quantiles()


@lru_cache(maxsize=16)
def _shape(n: int, u_low: float, u_edge: float, half_u: float, open_vol: float) -> Floats:
    shape = np.empty((n, 4))
    fill_shape(u_low, u_edge, half_u, open_vol, shape)
    return shape


def shape_of(flow: np.void) -> Floats:
    """Of every second of a whole day: activity, what the spread makes of it, its root, the open.

    Shape (seconds of the session, 4); the mean of the first column is about 1. Read only.
    """
    values = (float(flow[name]) for name in ("u_low", "u_edge", "half_u", "open_vol"))
    return _shape(FULL_DAY_S, *values)


def late_day(seed: int, flow: Records, open_ns: int, close_ns: int, begin_ns: int) -> Day:
    """The exogenous layer of (seed, flow) from ``begin_ns`` after the open to the close."""
    skipped, whole = begin_ns // SECOND, (close_ns - open_ns) // SECOND
    if not 0 < skipped < whole or begin_ns % SECOND or whole != FULL_DAY_S:
        raise BrokenInvariant(f"a path begins in a whole second of a whole day, not {begin_ns} in")
    left = flow.copy()
    left[0]["jumps"] *= (whole - skipped) / whole  # the kernel spreads them over the rows it has
    # what does not depend on the hour, from a day of one second
    first = new_day(seed, left, open_ns, open_ns + SECOND)
    p = left[0]
    shape = shape_of(p)
    seconds = np.zeros(whole - skipped, SECOND_ROW)
    signs = np.empty(fill_path(seed, left, _normals(), shape[skipped:], seconds), np.int8)
    pressing = memory_table(
        float(p["g_bg"]), float(p["beta_bg"]), float(p["pi_bg"]), MEAN_SIZE * float(p["size"])
    )
    used = fill_pressure(seed, left, pressing, first.tables[T_MARKET], signs, seconds)
    return first._replace(
        seconds=seconds,
        signs=signs[:used].copy(),
        open_ns=open_ns + begin_ns,
        close_ns=close_ns,
    )
