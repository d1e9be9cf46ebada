"""Facts with intervals against their bands: bootstrap over days, the same bits every time."""

import math
from typing import Final

import numpy as np

from engine.kernels.observed import resampled
from engine.realism.facts import Estimator, Floats, Sums, applied
from engine.realism.targets import LEVELS, NOT_APPLICABLE, TARGETS, Target

DRAWS: Final = 500  # bootstrap samples
BOOTSTRAP_SEED: Final = 11


def weights_of(days: int) -> Floats:
    """Row 0: every day once. The others: bootstrap samples of the days."""
    drawn = resampled(BOOTSTRAP_SEED, DRAWS, days)
    return np.concatenate([np.ones((1, days)), drawn])


def estimate(sums: Sums, weights: Floats, estimator: Estimator) -> tuple[float, float, float]:
    """Value and its 95 % interval, percentile bootstrap; NaN in a sample makes it NaN."""
    values = applied(estimator, sums, weights)
    low, high = np.quantile(values[1:], (0.025, 0.975), method="nearest")
    return float(values[0]), float(low), float(high)


def _number(value: float) -> float | None:
    """JSON knows no NaN and no infinity."""
    return round(value, 6) if math.isfinite(value) else None


def counted(sums: Sums, target: Target) -> int:
    """Observations behind a fact: trades, seconds, returns."""
    name, column = target.counted
    if column < 0:
        return int(sums[name].size)
    return int(sums[name][:, column].sum())


def judged(sums: Sums, regime: str) -> dict[str, dict[str, object]]:
    """Every target in one regime: value, ci95, n, days, target, passed, applies."""
    weights = {len(rows): weights_of(len(rows)) for rows in sums.values()}
    rows: dict[str, dict[str, object]] = {}
    for target in TARGETS:
        days = len(sums[target.counted[0]])
        value, low, high = estimate(sums, weights[days], target.estimate)
        why = NOT_APPLICABLE.get(regime, {}).get(target.name, "")
        rows[target.name] = {
            "value": _number(value),
            "ci95": [_number(low), _number(high)],
            "n": counted(sums, target),
            "days": days,
            "target": target.band,
            "passed": target.holds((low, high)),
            "applies": not why,
            "fact": target.fact,
            "unit": target.unit,
            "words": target.words,
            "why_not": why,
        }
    return rows


def levels(sums: Sums) -> dict[str, dict[str, object]]:
    """What the regime looks like: volume, spread, depth, predictability; no band."""
    weights = weights_of(len(sums["levels"]))
    rows: dict[str, dict[str, object]] = {}
    for name, (unit, estimator) in LEVELS.items():
        value, low, high = estimate(sums, weights, estimator)
        ci = [_number(low), _number(high)]
        rows[name] = {"value": _number(value), "ci95": ci, "unit": unit}
    return rows
