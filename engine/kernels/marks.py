"""What the fills of a venue say about it, and when they say enough to be believed.

One fill says next to nothing about a pool: the mid moves more in ten seconds than the half spread
that the fill saved. So a markout is believed from LEAST_FILLS on, half of the first estimate is the
prior, and what is known fades: a venue that was left alone is tried again. The live desk and the
simulated day keep the same sums and ask the same two functions.
"""

import math
from typing import Final

from engine.kernels.jit import hot
from engine.kernels.schedules import SECOND_NS

MARKOUT_NS: Final = 10 * SECOND_NS
FORGET_NS: Final = 1_800 * SECOND_NS  # sums of markouts are halved each time that the clock enters
# another stretch of this length, counted from 1970: exact in binary, the same live and simulated
LEAST_FILLS: Final = 20.0  # of one size that are still remembered, before a venue is judged
PRIOR_FILLS: Final = 20.0  # fills with a markout of 0 bp that count beside them
PRIOR_LOTS: Final = 20  # sent to a venue and filled there, beside what really was

# rows of the sums
GAIN: Final = 0  # side * (mid - price) * shares / price [bp * share]
SHARES: Final = 1
SQUARES: Final = 2  # shares * shares of each fill


@hot
def judged(gain: float, shares: float, squares: float) -> float:
    """Markout of a venue as far as its fills say: pulled towards 0, NaN while they are few. [bp]

    Fills count by what they weigh: n = shares * shares / squares is their number when all are of
    one size, and less when one is most of them. Positive = good.
    """
    if squares <= 0.0 or shares * shares < LEAST_FILLS * squares:
        return math.nan
    n = shares * shares / squares
    return gain / shares * (n / (n + PRIOR_FILLS))


@hot
def fill_rate(sent: int, filled: int, lot: int) -> float:
    """Share of what was sent to a venue that was filled there; NaN before anything was sent.

    PRIOR_LOTS count as sent and filled: one child that waits in vain is no verdict.
    """
    if sent <= 0:
        return math.nan
    ahead = PRIOR_LOTS * lot
    return (filled + ahead) / (sent + ahead)
