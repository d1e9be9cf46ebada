"""What dark pools, dealers and auctions keep: the part of an environment that has no public book."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# scalars
OFF = np.dtype([("seed", "<i8")], align=True)


class Off(NamedTuple):
    """Made by `new_off`, copied by `copy_off`."""

    state: NDArray[np.void]  # OFF, shape (1,)


def new_off(seed: int, open_ns: int, close_ns: int, flow: Any) -> Off:
    """The state before the open."""
    state = np.zeros(1, OFF)
    state[0]["seed"] = seed
    return Off(state)


def copy_off(off: Off) -> Off:
    """A snapshot that shares nothing with ``off``."""
    return Off(off.state.copy())
