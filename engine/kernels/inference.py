"""Models as flat records: the same bits score live, in simulation, in backtests and in a recompute.

One MODEL row holds everything a logistic regression needs. Features are float32 at training and at
inference; the arithmetic is float64, in a fixed order.
"""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import N_FEATURES
from engine.kernels.jit import kernel

Floats: TypeAlias = npt.NDArray[np.float64]

NO_MODEL = 0
LOGISTIC = 1

# what ``score_logistic`` says about the features it was given
FEATURES_FINE = -1

MODEL = np.dtype(
    [
        ("type", "<i4"),  # NO_MODEL, LOGISTIC
        ("horizon_s", "<i4"),  # the score is P(mid up within this many seconds, given it moves)
        ("bias", "<f8"),  # log-odds
        ("weights", "<f8", (N_FEATURES,)),  # log-odds per standard deviation, 0 = not used
        ("mean", "<f8", (N_FEATURES,)),
        ("scale", "<f8", (N_FEATURES,)),  # standard deviation, > 0
        ("low", "<f4", (N_FEATURES,)),  # training range, both ends included
        ("high", "<f4", (N_FEATURES,)),
        ("used", "<i4", (N_FEATURES,)),  # 1 = must be finite and in range
    ],
    align=True,
)


def no_model() -> Any:
    """The MODEL row of a strategy without a model: never scored."""
    row = np.zeros(1, dtype=MODEL)
    row["scale"] = 1.0
    return row[0]


@kernel
def first_doubtful(model: Any, features: Any) -> int:
    """Index of the first used feature that is NaN or outside the training range, else -1."""
    for i in range(N_FEATURES):
        if model["used"][i] == 0:
            continue
        x = features[i]
        if not (x >= model["low"][i] and x <= model["high"][i]):  # NaN fails both
            return i
    return FEATURES_FINE


@kernel
def score_logistic(model: Any, features: Any, contributions: Any) -> float:
    """P(mid moves up within the horizon, given that it moves). [probability]

    features : float32, shape (16,). contributions : float64, shape (16,), written: log-odds each
    feature adds; with the bias they sum to the log-odds of the score. Only for features that
    ``first_doubtful`` accepts.
    """
    z = model["bias"]
    for i in range(N_FEATURES):
        part = 0.0
        if model["used"][i] != 0:
            standard = (np.float64(features[i]) - model["mean"][i]) / model["scale"][i]
            part = model["weights"][i] * standard
        contributions[i] = part
        z += part
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    e = math.exp(z)
    return e / (1.0 + e)


@kernel
def score_rows(models: Any, features: Any, out: Any) -> None:
    """Scores of many feature rows by row 0 of a MODEL array. Ranges are not checked.

    features : float32, shape (n, 16). out : float64, shape (n,), written. [probability]
    """
    contributions = np.zeros(N_FEATURES)
    for i in range(features.shape[0]):
        out[i] = score_logistic(models[0], features[i], contributions)
