"""Scoring an instrument whether or not anybody trades on it, for the running record of a model."""

import math
from typing import Any

from engine.kernels.inference import FEATURES_FINE, Model, first_doubtful, lean, score
from engine.kernels.jit import hot, inner


@inner
def score_first(model: Model, features: Any) -> float:
    """Score of one row of features; NaN when a used feature is NaN or out of range."""
    if first_doubtful(model, features) != FEATURES_FINE:
        return math.nan
    return float(score(model, features))


@hot
def lean_first(model: Model, features: Any) -> float:
    """``lean`` of that score: above 0 = up. NaN when a used feature is NaN or out of range."""
    return float(lean(model, score_first(model, features)))
