"""Models fitted on simulated seconds: for benchmarks and scenarios, never for a desk.

The same seeds give the same arrays on one platform with one scikit-learn. Such a model has learnt
the simulator; it is good for costing what a real one costs.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.kernels.environment import new_day
from engine.kernels.flow import new_env
from engine.kernels.schedules import u_shape_curve
from engine.learn.dataset import Dataset, build
from engine.learn.fit import Fitted, all_features, fit
from engine.learn.record import from_simulated_day

HORIZON_S = 5
SEEDS = (9_001, 9_002, 9_003)  # the last day is the hold-out of the gate


def simulated_rows(
    flow: npt.NDArray[np.void], hours: tuple[int, int], adv: float, seeds: Sequence[int] = SEEDS
) -> tuple[Dataset, Dataset]:
    """Labelled rows of simulated days without own orders: all but the last day, and the last.

    flow : FLOW record of the instrument, shape (1,). hours : (open_ns, close_ns). adv : its average
    daily volume. [share]
    """
    curve = u_shape_curve()
    days = [
        from_simulated_day(str(seed), new_env(new_day(seed, flow, *hours), 0), adv, curve)
        for seed in seeds
    ]
    wanted = all_features()
    return build(days[:-1] or days, HORIZON_S, wanted), build(days[-1:], HORIZON_S, wanted)


def simulated_model(
    kind: str,
    flow: npt.NDArray[np.void],
    hours: tuple[int, int],
    adv: float,
    seeds: Sequence[int] = SEEDS,
) -> Fitted:
    """A model of ``estimators.KINDS`` fitted on simulated days and held to scikit-learn."""
    train, holdout = simulated_rows(flow, hours, adv, seeds)
    return fit(kind, train, holdout, all_features())
