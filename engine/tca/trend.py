"""Costs over many days: the ratio of sums with an interval from its standard error.

A range of days has thousands of parents and is asked again at every filter, so its interval is a
formula instead of a resampling (Cochran 1977, section 6.4, without the finite-population factor):

    R      = sum c / sum m                            c cost, m notional of one parent
    se(R)  = sqrt(n/(n - 1) * sum (c - R*m)^2) / sum m
    low, high = R -/+ t(n - 1) * se(R)                t: 97.5 % quantile of Student's t

``quantile`` gives t from the normal quantile by the expansion of Hill and Davis (Abramowitz and
Stegun 26.7.5), within 0.001 of the tables from nine degrees of freedom on.
"""

import math
from collections.abc import Sequence
from typing import Final

from engine.tca.benchmarks import BPS
from engine.tca.results import Number, Ratio

MINIMUM_N: Final = 10  # as in a day's report
Z: Final = 1.959963984540054  # 97.5 % quantile of the normal
METHOD: Final = (
    "sum of costs / sum of notionals, one row a parent; 95 % interval: R -/+ t(n - 1) * "
    "sqrt(n/(n - 1) * sum(c - R*m)^2) / sum m (standard error of a ratio, Student's t)"
)


def quantile(degrees: int) -> float:
    """97.5 % quantile of Student's t; good from nine degrees of freedom on."""
    z = Z
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / degrees + second / degrees**2 + third / degrees**3


def ratio(pairs: Sequence[tuple[Number, Number]], minimum_n: int = MINIMUM_N) -> Ratio:
    """Sum of costs over sum of notionals [bps] with a 95 % interval by the formula above.

    pairs : (cost, notional) a parent [currency]; pairs with an undefined part are left out.

    Without a notional all is None; below ``minimum_n`` pairs there is no interval.
    """
    known = [
        (c, m)
        for c, m in pairs
        if c is not None and m is not None and math.isfinite(c) and math.isfinite(m)
    ]
    n = len(known)
    cost = math.fsum(c for c, _ in known)
    notional = math.fsum(m for _, m in known)
    if notional <= 0.0:
        return Ratio(cost=None, notional=None, bps=None, low=None, high=None, n=n, enough=False)
    centre, enough = cost / notional, n >= max(minimum_n, 2)
    low = high = None
    if enough:
        squares = math.fsum((c - centre * m) ** 2 for c, m in known)
        half = quantile(n - 1) * math.sqrt(n / (n - 1) * squares) / notional
        low, high = (centre - half) * BPS, (centre + half) * BPS
    return Ratio(
        cost=cost, notional=notional, bps=centre * BPS, low=low, high=high, n=n, enough=enough
    )
