"""Training: scikit-learn fits, flat arrays serve, and a gate holds the two to each other."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.domain.kinds import FEATURE_NAMES, N_FEATURES
from engine.kernels import rng
from engine.kernels.inference import LOGISTIC, MODEL, score_rows
from engine.learn.dataset import Dataset

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.void]

COMPILED_WITHIN = 1e-9  # |compiled - scikit-learn| on the hold-out, else the version is refused
STREAM_SHUFFLE = 301
LEAST_ROWS = 500  # fewer labelled rows cannot carry sixteen weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A trained model, compiled."""

    row: Rows  # MODEL, shape (1,)
    used: tuple[int, ...]  # features with a weight
    compiled_difference: float  # largest on the rows it was checked on


def scores(row: Rows, data: Dataset) -> Floats:
    """P(up) of each row by the compiled model; also outside the training range."""
    out = np.empty(len(data))
    score_rows(row, data.features, out)
    return out


def usable(train: Dataset, wanted: Sequence[int]) -> tuple[int, ...]:
    """Wanted features that vary: a constant one says nothing and cannot be scaled."""
    spread = train.features[:, list(wanted)].astype(np.float64).std(axis=0)
    return tuple(index for index, sd in zip(wanted, spread, strict=True) if sd > 0.0)


def check_rows(train: Dataset) -> None:
    """Refuse what cannot be learnt from."""
    if len(train) < LEAST_ROWS:
        raise Refused(f"training needs at least {LEAST_ROWS} labelled rows, were {len(train)}")
    if train.ups.all() or not train.ups.any():
        raise Refused("training needs both directions, the labels have one")


def train_sklearn(x: Floats, ups: npt.NDArray[np.bool_]) -> Any:
    """L2 logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # not converged is an error, not a log line
        return LogisticRegression(C=1.0, tol=1e-8, max_iter=2_000).fit(x, ups)


def compile_logistic(fitted: Any, train: Dataset, used: Sequence[int], scale: Floats) -> Rows:
    """The MODEL row of a scikit-learn logistic regression over standardised used features."""
    columns = train.features[:, list(used)]
    row = np.zeros(1, dtype=MODEL)
    row["type"] = LOGISTIC
    row["horizon_s"] = train.horizon_s
    row["bias"] = fitted.intercept_[0]
    row["scale"] = 1.0
    for k, index in enumerate(used):
        row["used"][0, index] = 1
        row["weights"][0, index] = fitted.coef_[0, k]
        row["mean"][0, index] = scale[0, k]
        row["scale"][0, index] = scale[1, k]
        row["low"][0, index] = columns[:, k].min()
        row["high"][0, index] = columns[:, k].max()
    return row


def fit_logistic(train: Dataset, holdout: Dataset, wanted: Sequence[int]) -> Fitted:
    """Train on ``train``, compile, and compare with scikit-learn on ``holdout``.

    wanted : F_* indices that may get a weight. Refused when the two differ by more than 1e-9.
    """
    check_rows(train)
    used = usable(train, wanted)
    if not used:
        names = ", ".join(FEATURE_NAMES[index] for index in wanted)
        raise Refused(f"training needs a feature that varies, was constant in all of: {names}")
    x = train.features[:, list(used)].astype(np.float64)
    scale = np.stack([x.mean(axis=0), x.std(axis=0)])
    fitted = train_sklearn((x - scale[0]) / scale[1], train.ups)
    row = compile_logistic(fitted, train, used, scale)
    seen = holdout.features[:, list(used)].astype(np.float64)
    expected = fitted.predict_proba((seen - scale[0]) / scale[1])[:, 1]
    return Fitted(row=row, used=used, compiled_difference=gate(row, holdout, expected))


def gate(row: Rows, holdout: Dataset, expected: Floats) -> float:
    """Largest |compiled - expected| on the hold-out; refused above 1e-9."""
    difference = float(np.abs(scores(row, holdout) - expected).max(initial=0.0))
    if not difference <= COMPILED_WITHIN:
        raise Refused(
            f"compiled and trained model must agree within {COMPILED_WITHIN:g}, "
            f"differ by {difference:g}",
            rule="model.compiled",
        )
    return difference


def shuffled(data: Dataset, seed: int) -> Dataset:
    """The same rows with their labels in random order: what is learnt from it is noise."""
    keys = np.array([rng.uniform(seed, STREAM_SHUFFLE, i) for i in range(len(data))])
    order = np.argsort(keys, kind="stable")
    return replace(data, ups=data.ups[order])


def all_features() -> tuple[int, ...]:
    """Every F_* index."""
    return tuple(range(N_FEATURES))
