"""A model version for drills: written by hand, learnt from nothing, and its card says so.

It leans with the imbalance at the touch, so that a strategy that uses a model has one that decides
and whose name stands on every child.
"""

from pathlib import Path
from typing import Final

import numpy as np

from engine.domain.kinds import F_IMBALANCE_1, FEATURE_NAMES
from engine.kernels.inference import LOGISTIC, MODEL, linear_model
from engine.learn.registry import save
from engine.runtime.models import Card, arrays_digest

WEIGHT: Final = 4.0  # of the imbalance, log-odds
NEVER: Final = 2**62  # it is no forecast that could age


def hand_written(models: Path) -> str:
    """Store it; its id."""
    rows = np.zeros(1, dtype=MODEL)
    row = rows[0]
    row["type"], row["scale"], row["low"], row["high"] = LOGISTIC, 1.0, -1e6, 1e6
    row["weights"][F_IMBALANCE_1], row["used"][F_IMBALANCE_1] = WEIGHT, 1
    model = linear_model(rows)
    return save(models, model, _card(arrays_digest(model)))


def _card(digest: str) -> Card:
    unknown = 0.0  # no row was tested: n is 0
    return Card(
        type="logistic regression", problem="none: written by hand for a drill",
        objective="none", success="none", limits="for drills only; it was learnt from nothing",
        words="leans with the imbalance at the touch", horizon_s=5, features=FEATURE_NAMES,
        recordings=(), data_sha256="", arrays_sha256=digest, n_train=0, minimum_n=0, n=0,
        base_rate=unknown, accuracy=unknown, auc=unknown, auc_low=unknown, auc_high=unknown,
        brier=unknown, brier_skill=unknown, log_loss=unknown, calibration=(), folds=(),
        shuffled_auc=unknown, red_flag="", compiled_difference=0.0, trained_at=0, expires_at=NEVER,
    )  # fmt: skip
