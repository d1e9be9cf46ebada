"""How good a probability is: accuracy, AUC with its interval, Brier score, calibration."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RED_FLAG_AUC = 0.65  # above it: look-ahead or class imbalance, until explained
RED_FLAG_ACCURACY = 0.80
LEAST_P = 1e-15  # a probability counts at least as this in the log loss
Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """One bin of the calibration table."""

    n: int
    forecast: float  # mean probability
    observed: float  # share of ups


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a model did on rows it was not trained on. Intervals are 95 %."""

    n: int
    base_rate: float  # share of the more frequent direction: what a constant guess gets right
    accuracy: float
    auc: float
    auc_low: float
    auc_high: float
    brier: float
    brier_skill: float  # against always forecasting the share of ups
    log_loss: float
    calibration: tuple[Bin, ...]

    @property
    def red_flag(self) -> str:
        """Why the result is too good to be believed; "" when it is not."""
        if self.auc > RED_FLAG_AUC:
            return f"AUC {self.auc:.3f} is above {RED_FLAG_AUC}: look-ahead or class imbalance"
        if self.accuracy > RED_FLAG_ACCURACY:
            return f"accuracy {self.accuracy:.3f} is above {RED_FLAG_ACCURACY}: look-ahead?"
        return ""


def placements(scores: Floats, others: Floats) -> Floats:
    """For each score the share of ``others`` below it, ties half."""
    ordered = np.sort(others)
    low = np.searchsorted(ordered, scores, side="left")
    high = np.searchsorted(ordered, scores, side="right")
    out: Floats = (low + high) / (2.0 * ordered.size)
    return out


def auc_interval(p: Floats, ups: Bools) -> tuple[float, float, float]:
    """AUC and its 95 % interval (DeLong 1988); NaN when one direction is missing."""
    high, low = p[ups], p[~ups]
    if high.size < 2 or low.size < 2:
        return math.nan, math.nan, math.nan
    above = placements(high, low)
    below = 1.0 - placements(low, high)
    auc = float(above.mean())
    error = math.sqrt(above.var(ddof=1) / high.size + below.var(ddof=1) / low.size)
    return auc, max(0.0, auc - Z_95 * error), min(1.0, auc + Z_95 * error)


def brier(p: Floats, ups: Bools) -> float:
    """Mean squared error of the probability."""
    return float(np.mean((p - ups) ** 2))


def murphy(p: Floats, ups: Bools) -> tuple[float, float, float]:
    """Reliability, resolution, uncertainty over the distinct forecasts: BS = REL - RES + UNC."""
    rate = float(ups.mean())
    reliability = resolution = 0.0
    for value in np.unique(p):
        inside = p == value
        observed = float(ups[inside].mean())
        weight = float(inside.mean())
        reliability += weight * (value - observed) ** 2
        resolution += weight * (observed - rate) ** 2
    return float(reliability), float(resolution), rate * (1.0 - rate)


def log_loss(p: Floats, ups: Bools) -> float:
    """Mean negative log likelihood; a tree that was certain and wrong costs 34 nats. [nat]"""
    p = np.clip(p, LEAST_P, 1.0 - LEAST_P)
    return float(-np.mean(np.where(ups, np.log(p), np.log1p(-p))))


def calibration(p: Floats, ups: Bools, bins: int = 10) -> tuple[Bin, ...]:
    """Bins of equally many rows, by rising forecast."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    return tuple(
        Bin(n=part.size, forecast=float(p[part].mean()), observed=float(ups[part].mean()))
        for part in parts
    )


def evaluate(p: Floats, ups: Bools) -> Evaluation:
    """Everything a model card says about rows the model has not seen."""
    if p.size == 0 or p.shape != ups.shape:
        raise Refused(f"evaluation needs one label a score, were {p.shape} and {ups.shape}")
    auc, low, high = auc_interval(p, ups)
    rate = float(ups.mean())
    score, reference = brier(p, ups), rate * (1.0 - rate)
    return Evaluation(
        n=int(p.size),
        base_rate=max(rate, 1.0 - rate),
        accuracy=float(np.mean((p > 0.5) == ups)),
        auc=auc,
        auc_low=low,
        auc_high=high,
        brier=score,
        brier_skill=1.0 - score / reference if reference > 0.0 else math.nan,
        log_loss=log_loss(p, ups),
        calibration=calibration(p, ups),
    )
