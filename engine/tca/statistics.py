"""Ratio of sums with its interval, and who stands far from the middle."""

import math
from collections.abc import Sequence

import numpy as np

from engine.kernels.cost import bootstrap_ratios
from engine.tca.benchmarks import BPS
from engine.tca.inputs import Floats, TcaRules
from engine.tca.results import Measure, Number, Outlier, Outliers, Ratio

CONFIDENCE = 0.95
Z_OF_MAD = 0.6745  # MAD of a normal is 0.6745 sd
Z_LIMIT = 3.5  # Iglewicz and Hoaglin 1993
OUTLIER_RULE = (
    "shortfall in bps of X*P_d; robust z = 0.6745 * (x - median) / MAD over the day's parents; "
    "outlier when |z| > 3.5; none below the minimum n or when MAD is 0"
)
NOT_ENOUGH = "not enough data"


def ratio_of_sums(rows: Sequence[Measure], rules: TcaRules) -> Ratio:
    """Sum of costs over sum of notionals [bps], one row a parent, with a 95 % interval.

    Rows that are undefined are left out. The interval is the percentile bootstrap over parents;
    it is None when fewer than ``rules.minimum_n`` rows are left.
    """
    known = [(r.cost, r.notional) for r in rows if r.cost is not None and r.notional is not None]
    n = len(known)
    if n == 0:
        return Ratio(cost=None, notional=None, bps=None, low=None, high=None, n=0, enough=False)
    cost = math.fsum(c for c, _ in known)
    notional = math.fsum(m for _, m in known)
    low, high = None, None
    if n >= rules.minimum_n:
        table = np.array(known, dtype=np.float64)
        low, high = interval(table[:, 0].copy(), table[:, 1].copy(), rules.seed, rules.draws)
    return Ratio(
        cost=cost,
        notional=notional,
        bps=cost / notional * BPS,
        low=low,
        high=high,
        n=n,
        enough=n >= rules.minimum_n,
    )


def interval(cost: Floats, notional: Floats, seed: int, draws: int) -> tuple[float, float]:
    """Percentile interval of the ratio of sums, parents resampled together. [bps]"""
    ratios = bootstrap_ratios(cost, notional, seed, draws)
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(ratios, (tail, 1.0 - tail))
    return float(low) * BPS, float(high) * BPS


def find_outliers(values: Sequence[tuple[int, Number]], minimum_n: int) -> Outliers:
    """Parents far from the day's median by ``OUTLIER_RULE``, largest |z| first.

    values : (parent id, shortfall [bps] or None).
    """
    known = [(parent, bps) for parent, bps in values if bps is not None]
    if len(known) < minimum_n:
        return Outliers(
            rule=OUTLIER_RULE,
            n=len(known),
            median_bps=None,
            mad_bps=None,
            answer=NOT_ENOUGH,
            rows=(),
        )
    bps = np.array([value for _, value in known], dtype=np.float64)
    median = float(np.median(bps))
    mad = float(np.median(np.abs(bps - median)))
    rows: list[Outlier] = []
    if mad > 0.0:
        scored = [(p, v, Z_OF_MAD * (v - median) / mad) for p, v in known]
        far = [row for row in scored if abs(row[2]) > Z_LIMIT]
        far.sort(key=lambda row: (-abs(row[2]), row[0]))
        rows = [Outlier(parent_id=p, bps=v, score=z) for p, v, z in far]
    return Outliers(
        rule=OUTLIER_RULE,
        n=len(known),
        median_bps=median,
        mad_bps=mad,
        answer="" if mad > 0.0 else "no spread between parents: MAD is 0",
        rows=tuple(rows),
    )
