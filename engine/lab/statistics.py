"""Means with intervals, paired differences, and how many pairs a difference needs."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.kernels.cost import bootstrap_ratios

Floats = NDArray[np.float64]

DRAWS: Final = 2_000
SEED: Final = 4_202  # of the resampling: fixed, so that a result has one interval
TAIL: Final = 0.025
Z_ALPHA: Final = 1.959963984540054  # normal quantile of .975
Z_POWER: Final = 0.8416212335729143  # ... and of .8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over paths with its bootstrap interval by path; NaN interval below two paths."""

    mean: float
    low: float
    high: float
    sd: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Difference of two strategies on the same paths; negative = the first one is cheaper."""

    difference: Mean
    p_value: float  # paired t, two-sided
    sign_p_value: float  # exact sign test, two-sided, ties left out
    win_rate: float  # share of paths on which the first one is cheaper, a tie counts half
    needed: int  # pairs for a difference as large as the one seen, 0 = there is none at all


def mean_of(values: Floats) -> Mean:
    """Mean, sd (n - 1) and 95 % percentile bootstrap by path."""
    n = len(values)
    if n == 0:
        return Mean(mean=math.nan, low=math.nan, high=math.nan, sd=math.nan, n=0)
    mean = math.fsum(values) / n
    if n == 1:
        return Mean(mean=mean, low=math.nan, high=math.nan, sd=math.nan, n=1)
    sd = math.sqrt(math.fsum((values - mean) ** 2) / (n - 1))
    means = bootstrap_ratios(np.ascontiguousarray(values), np.ones(n), SEED, DRAWS)
    low, high = np.quantile(means, (TAIL, 1.0 - TAIL))
    return Mean(mean=mean, low=float(low), high=float(high), sd=sd, n=n)


def paired(one: Floats, other: Floats) -> Paired:
    """One minus other, path by path."""
    each = one - other
    mean = mean_of(each)
    wins = int((each < 0.0).sum())
    ties = int((each == 0.0).sum())
    return Paired(
        difference=mean,
        p_value=t_test(mean),
        sign_p_value=sign_test(wins, mean.n - ties),
        win_rate=(wins + 0.5 * ties) / mean.n if mean.n else math.nan,
        needed=pairs_needed(mean.sd, mean.mean),
    )


def pairs_needed(sd: float, difference: float) -> int:
    """Pairs that show a difference at two-sided 5 % with power .8; 0 for no difference.

    n = ((z_.975 + z_.8) sd / difference)^2, rounded up.
    """
    if not (sd > 0.0 and abs(difference) > 0.0):
        return 0
    return math.ceil(((Z_ALPHA + Z_POWER) * sd / difference) ** 2)


def t_test(mean: Mean) -> float:
    """Two-sided p-value of mean = 0 by Student's t with n - 1 degrees of freedom."""
    if mean.n < 2:
        return math.nan
    if mean.sd == 0.0:
        return 1.0 if mean.mean == 0.0 else 0.0
    df = mean.n - 1
    t = mean.mean / (mean.sd / math.sqrt(mean.n))
    return incomplete_beta(0.5 * df, 0.5, df / (df + t * t))


def sign_test(wins: int, n: int) -> float:
    """Two-sided p-value of wins out of n at one half, exact."""
    if n == 0:
        return 1.0
    fewer = min(wins, n - wins)
    log_half = -n * math.log(2.0)
    terms = (
        math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + log_half)
        for k in range(fewer + 1)
    )
    return min(1.0, 2.0 * math.fsum(terms))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b).

    Continued fraction by Lentz; Numerical Recipes 6.4.
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 400):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for step in (even, odd):
            d = 1.0 + step * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + step / c
            c = c if abs(c) > tiny else tiny
            result *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return result
