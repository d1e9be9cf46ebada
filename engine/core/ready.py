"""Every kernel of a turn brought into memory before there is one.

The first call of a kernel loads it from the cache: up to half a second, which in a turn is half a
second in which no kill is seen and no command answered.
"""

from typing import Any

import numpy as np

from engine.core.plan import NO_MODEL, Planner
from engine.domain.kinds import N_FEATURES
from engine.domain.market import TICK
from engine.domain.units import SECOND
from engine.kernels.act import act_first
from engine.kernels.features import new_state, prior_microprice, update_first
from engine.kernels.marks import fill_rate, judged
from engine.kernels.schedules import u_shape_curve
from engine.kernels.watch import lean_first

DAY_NS = 23_400 * SECOND


def load_kernels() -> None:
    """Call each once, with the types that it gets in a turn; nothing is kept."""
    planner, curve = Planner(), u_shape_curve()
    micro: Any = prior_microprice()
    features = np.full(N_FEATURES, np.nan, dtype=np.float32)
    update_first(new_state(0, DAY_NS, 1e6, curve, micro), np.zeros(1, dtype=TICK), features)
    lean_first(NO_MODEL, features)
    judged(0.0, 0.0, 0.0)
    fill_rate(0, 0, 100)
    act_first(planner.observations, planner.parameters, curve, NO_MODEL, planner.actions)
