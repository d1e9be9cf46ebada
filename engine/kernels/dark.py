"""Dark pools: hidden orders at the midpoint of the consolidated quote."""

import numpy as np

from engine.domain.kinds import CANCELLED, REASON_IOC_REMAINDER
from engine.kernels.book import Records
from engine.kernels.environment import Env, Row
from engine.kernels.jit import hot, leaf
from engine.kernels.prints import end_own


@hot
def takes(order_type: int) -> bool:
    """Whether a pool takes this order type."""
    return False


@hot
def arrive(env: Env, row: int, message: Row, reports: Records, trades: Records) -> None:
    """An own order reaches a pool."""
    end_own(env, row, CANCELLED, REASON_IOC_REMAINDER, reports)


@leaf
def off_arrival(
    env: Env, i: int, bits: np.uint64, side: int, reports: Records, trades: Records
) -> None:
    """A market candidate that the lit books turned away goes off exchange."""


@leaf
def second(env: Env, reports: Records, trades: Records) -> None:
    """A second begins."""
