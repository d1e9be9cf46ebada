"""Recordings for training: from stored TICK rows, or from a simulated day without own orders."""

from typing import Any

import numpy as np
import numpy.typing as npt

from engine.domain.errors import BrokenInvariant
from engine.domain.kinds import N_FEATURES
from engine.kernels.environment import Env
from engine.kernels.features import new_state, prior_microprice, update_many
from engine.kernels.schedules import SECOND_NS
from engine.kernels.simulate import FINE, new_tape, watch
from engine.learn.dataset import Recording

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.void]


def from_ticks(
    name: str, ticks: Rows, hours: tuple[int, int], adv: float, curve: Floats
) -> Recording:
    """The day behind these TICK rows, one a second; features as the engine computes them.

    hours : (open_ns, close_ns). curve : cumulative volume at the session's bin edges.
    """
    state = new_state(*hours, adv, curve, prior_microprice())
    features = np.full((ticks.size, N_FEATURES), np.nan, dtype=np.float32)
    update_many(state[0], ticks, features)
    bid, ask = ticks["bid"][:, 0], ticks["ask"][:, 0]
    mids = np.where((bid > 0) & (ask > 0), 0.5 * (bid + ask), np.nan)
    at_ns = ticks["at_ns"].astype(np.int64)
    return Recording(name=name, at_ns=at_ns, features=features, mids=mids)


def from_simulated_day(name: str, env: Env, adv: float, curve: Floats) -> Recording:
    """The day of a fresh environment, watched to its close; the environment is used up."""
    row: Any = env.state[0]
    hours = int(row["open_ns"]), int(row["close_ns"])
    n = (hours[1] - hours[0]) // SECOND_NS
    state = new_state(*hours, adv, curve, prior_microprice())
    at_ns = np.zeros(n, dtype=np.int64)
    features = np.full((n, N_FEATURES), np.nan, dtype=np.float32)
    mids = np.full(n, np.nan)
    status = watch(env, state[0], at_ns, features, mids, new_tape(1, fills=1))
    if status != FINE:
        raise BrokenInvariant(f"simulated day {name} stopped with status {status}")
    return Recording(name=name, at_ns=at_ns, features=features, mids=mids)
