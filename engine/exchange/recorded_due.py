"""Messages on their way to a recorded book."""

from typing import NamedTuple

import numpy as np

from engine.domain.errors import BrokenInvariant
from engine.domain.kinds import BUY, CANCEL, NEW, SELL


class Due(NamedTuple):
    """A message on its way and when it arrives."""

    at: int
    kind: int
    child: int
    side: int
    type: int
    price: int
    quantity: int


def well_formed(row: np.void) -> None:
    """A malformed message is our own bug, not a venue's answer."""
    if row["symbol"] != 0 or row["kind"] not in (NEW, CANCEL):
        raise BrokenInvariant(f"no such symbol or kind: {row['symbol']}, {row['kind']}")
    if row["kind"] == NEW and row["side"] not in (BUY, SELL):
        raise BrokenInvariant(f"no such side: {row['side']}")
