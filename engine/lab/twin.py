"""Would another strategy have been cheaper? A claim only beyond what chance makes of none.

The order's own strategy runs once more on paths of other draws. That twin differs from itself by
chance alone, so its distance is the floor: a difference on matched paths is claimed when its
interval, widened for the number of strategies compared, leaves out zero, and it is larger than the
floor. Everything else is "cannot tell".
"""

import math
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np

from engine.lab.cost import Floats

FALSE: Final = 0.05  # of all claims of one card, when nothing differs
LEAST: Final = 16  # paths below which nothing is claimed
FLOOR_AT: Final = 0.5  # quantile of the distance of the twin from itself that makes the floor

CHEAPER, DEARER, CANNOT = "cheaper", "dearer", "cannot tell"


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Another strategy against the order's own, on the same paths. [bp]"""

    strategy: str
    cost: float  # mean of the other one
    mean: float  # other minus own, negative = the other one is cheaper
    low: float | None  # interval of the card: all its claims together are wrong in 5 % at most
    high: float | None
    n: int
    verdict: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What the twin says."""

    own: str
    own_cost: float
    floor: float | None  # [bp]
    claims: tuple[Claim, ...]


def student_t(p: float, df: int) -> float:
    """Quantile of Student's t for p > .5, by Hill's expansion; within 1 % from 8 degrees on."""
    z = NormalDist().inv_cdf(p)
    g1 = (z**3 + z) / 4.0
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96.0
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384.0
    return z + g1 / df + g2 / df**2 + g3 / df**3


def noise_floor(own: Floats, again: Floats) -> float | None:
    """How far the strategy is from itself on other draws, by chance, half of the time. [bp]

    The two means are of independent paths; their distance is normal with the sum of both variances,
    and its median is .6745 of that. None below two paths.
    """
    if min(len(own), len(again)) < 2 or not (np.isfinite(own).all() and np.isfinite(again).all()):
        return None
    error = math.sqrt(own.var(ddof=1) / len(own) + again.var(ddof=1) / len(again))
    return NormalDist().inv_cdf(0.5 + 0.5 * FLOOR_AT) * error


def claim(strategy: str, own: Floats, other: Floats, floor: float | None, compared: int) -> Claim:
    """One line. own, other : costs on the same paths, shape (n,). compared : lines of the card.

    A path that one of them did not finish (NaN) leaves nothing to compare.
    """
    each = other - own
    n, mean = len(each), float(each.mean())
    sd = float(each.std(ddof=1)) if n > 1 else math.nan
    low = high = None
    verdict = CANNOT
    if n > 1 and math.isfinite(mean):
        half = student_t(1.0 - 0.5 * FALSE / max(1, compared), n - 1) * sd / math.sqrt(n)
        low, high = mean - half, mean + half
        beyond = floor is not None and abs(mean) > floor
        if n >= LEAST and beyond and (low > 0.0 or high < 0.0):
            verdict = CHEAPER if mean < 0.0 else DEARER
    return Claim(
        strategy=strategy, cost=float(other.mean()), mean=mean, low=low, high=high, n=n,
        verdict=verdict,
    )  # fmt: skip


def card(names: tuple[str, ...], costs: Floats, again: Floats) -> Card:
    """The whole card. costs : shape (n, strategies), the own one first. again : its twin, (m,)."""
    own = np.ascontiguousarray(costs[:, 0])
    floor = noise_floor(own, again)
    claims = [
        claim(name, own, costs[:, i], floor, len(names) - 1)
        for i, name in enumerate(names)
        if i > 0
    ]
    return Card(
        own=names[0],
        own_cost=float(own.mean()),
        floor=floor,
        claims=tuple(sorted(claims, key=lambda row: (math.isnan(row.mean), row.mean))),
    )
