"""Training: scikit-learn fits, flat arrays serve, and a gate holds the two to each other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.domain.kinds import FEATURE_NAMES, N_FEATURES
from engine.kernels import rng
from engine.kernels.inference import MOVE, Model, score_rows
from engine.learn.compile import blank_row
from engine.learn.dataset import Dataset
from engine.learn.estimators import expected, fit_estimator, kind_of

Floats = npt.NDArray[np.float64]

COMPILED_WITHIN = 1e-9  # |compiled - scikit-learn| on the hold-out, else the version is refused
FULL_MOVE_SDS = 2.5  # an expected move of so many of its standard deviations leans all the way
STREAM_SHUFFLE = 301
LEAST_ROWS = 500  # fewer labelled rows cannot carry sixteen weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A trained model, compiled."""

    model: Model
    used: tuple[int, ...]  # features with a weight
    compiled_difference: float  # largest on the rows it was checked on
    estimator: Any = None  # what scikit-learn fitted; for benchmarks, never stored


def scores(model: Model, data: Dataset) -> Floats:
    """Score of each row by the compiled model; also outside the training range."""
    out = np.empty(len(data))
    score_rows(model, data.features, out)
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


def fit(
    kind: str, train: Dataset, holdout: Dataset, wanted: Sequence[int], target: str = ""
) -> Fitted:
    """Train a kind of model on ``train``, compile, and compare with scikit-learn on ``holdout``.

    wanted : F_* indices that may be used. target : "ups" = P(up), "moves" = expected move; "" = the
    move for a linear regression, else P(up). Refused when the two differ by more than 1e-9.
    """
    check_rows(train)
    known = kind_of(kind)
    used = usable(train, wanted)
    if not used:
        names = ", ".join(FEATURE_NAMES[index] for index in wanted)
        raise Refused(f"training needs a feature that varies, was constant in all of: {names}")
    moves = target == "moves" or (target == "" and kind == "linear")
    columns = train.features[:, list(used)].astype(np.float64)
    mean, scale = columns.mean(axis=0), columns.std(axis=0)
    if not known.standard:
        mean, scale = np.zeros(len(used)), np.ones(len(used))
    fitted = fit_estimator(known, (columns - mean) / scale, train.moves if moves else train.ups)
    model = known.compile(blank_row(train, used, mean, scale), fitted)
    if moves:
        model.row["output"] = MOVE
        model.row["full_at"] = FULL_MOVE_SDS * float(scores(model, train).std())
    seen = (holdout.features[:, list(used)].astype(np.float64) - mean) / scale
    difference = gate(model, holdout, expected(fitted, seen))
    return Fitted(model=model, used=used, compiled_difference=difference, estimator=fitted)


def fit_logistic(train: Dataset, holdout: Dataset, wanted: Sequence[int]) -> Fitted:
    """``fit`` of the logistic regression."""
    return fit("logistic", train, holdout, wanted)


def gate(model: Model, holdout: Dataset, wanted: Floats) -> float:
    """Largest |compiled - wanted| on the hold-out; refused above 1e-9."""
    difference = float(np.abs(scores(model, holdout) - wanted).max(initial=0.0))
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
    return replace(data, ups=data.ups[order], moves=data.moves[order])


def all_features() -> tuple[int, ...]:
    """Every F_* index."""
    return tuple(range(N_FEATURES))
