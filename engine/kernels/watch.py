"""Scoring an instrument whether or not anybody trades on it, for the running record of a model."""

import math
from typing import Any

from engine.kernels.inference import FEATURES_FINE, first_doubtful, score_logistic
from engine.kernels.jit import kernel


@kernel
def score_first(models: Any, features: Any, contributions: Any) -> float:
    """P(up) of row 0 of a MODEL array; NaN when a used feature is NaN or out of range."""
    if first_doubtful(models[0], features) != FEATURES_FINE:
        return math.nan
    return float(score_logistic(models[0], features, contributions))
