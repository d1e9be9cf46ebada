"""Models as flat arrays: the same bits score live, in simulation, in backtests and in a recompute.

One ``Model`` holds any of them: a row of scalars and three arrays, of which a linear model uses
none. All kinds have one type, so nothing compiles when the model changes. Features are float32 at
training and at inference; the arithmetic is float64, in a fixed order.

A score is either P(mid up within the horizon, given that it moves) or the expected move in ticks;
``lean`` makes both comparable. ``score`` is the hot path; ``attribute`` says which feature did it:
at once where that is as cheap as the score, else when a person asks, from the stored features.
"""

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import N_FEATURES
from engine.kernels import stack
from engine.kernels.dense import logistic, machine, perceptron
from engine.kernels.handed import one_word
from engine.kernels.jit import door, hot, inner, leaf
from engine.kernels.trees import NODE, attribute_trees, sum_of_trees

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

# what a model is: ``type`` of a MODEL row
NO_MODEL = 0
LOGISTIC = 1  # logistic regression of the first versions: weights of standardised features
LINEAR = 2  # weights of plain features; a logistic regression when the link is LOG_ODDS
TREES = 3  # a tree, a forest, gradient boosting
PERCEPTRON = 4
MACHINE = 5  # support vectors, radial basis

# from the sum to the score: ``link``
LOG_ODDS = 0  # the sum is log-odds, the score its probability
AS_IT_IS = 1

# what the score means: ``output``
P_UP = 0
MOVE = 1  # expected move of the mid. [tick]

FULL_TILT_AT = 0.25  # |P - 0.5| that leans all the way

# what ``first_doubtful`` says about the features it was given
FEATURES_FINE = -1

MODEL = np.dtype(
    [
        ("type", "<i4"),
        ("horizon_s", "<i4"),  # the score is about the mid within this many seconds
        ("bias", "<f8"),  # added to the sum; log-odds when the link is
        ("weights", "<f8", (N_FEATURES,)),  # 0 = not used
        ("mean", "<f8", (N_FEATURES,)),
        ("scale", "<f8", (N_FEATURES,)),  # standard deviation, > 0
        ("low", "<f4", (N_FEATURES,)),  # training range, both ends included
        ("high", "<f4", (N_FEATURES,)),
        ("used", "<i4", (N_FEATURES,)),  # 1 = must be finite and in range
        ("link", "<i4"),
        ("output", "<i4"),
        ("activation", "<i4"),  # of the hidden layers of a perceptron
        ("factor", "<f8"),  # trees, perceptron, machine: the sum is bias + factor * what they say
        ("gamma", "<f8"),  # machine
        ("full_at", "<f8"),  # expected move that leans all the way, > 0. [tick]
    ],
    align=True,
)


@one_word
class Model(NamedTuple):
    """Everything ``score`` needs; C-contiguous and writable, or a call compiles for seconds."""

    row: Any  # MODEL, shape (1,)
    nodes: Any  # trees: NODE, shape (n_nodes,)
    values: Floats  # trees: of every node; perceptron, machine: weights. See ``dense``
    plan: Ints  # where things are in nodes or values; see ``trees``, ``dense``


def linear_model(row: Any) -> Model:
    """A model that is a MODEL array of one row and nothing else."""
    return Model(row, np.zeros(0, dtype=NODE), np.zeros(0), np.zeros(0, dtype=np.int64))


def no_model() -> Model:
    """The model of a strategy without one: never scored."""
    row = np.zeros(1, dtype=MODEL)
    row["scale"] = 1.0
    return linear_model(row)


@hot
def first_doubtful(model: Model, features: Any) -> int:
    """Index of the first used feature that is NaN or outside the training range, else -1.

    One look at all of them comes first, without a branch: almost always they are fine.
    """
    row = model.row[0]
    doubts = 0
    for i in range(N_FEATURES):
        x = features[i]
        sound = int(x >= row["low"][i]) & int(x <= row["high"][i])
        doubts += int(row["used"][i] != 0) & (1 - sound)
    if doubts == 0:
        return FEATURES_FINE
    for i in range(N_FEATURES):
        if row["used"][i] == 0:
            continue
        x = features[i]
        if not (x >= row["low"][i] and x <= row["high"][i]):  # NaN fails both
            return i
    return FEATURES_FINE


@inner
def standardise(row: Any, features: Any, standard: Floats) -> int:
    """Used features in standard deviations, without gaps; how many there are."""
    n = 0
    for i in range(N_FEATURES):
        if row["used"][i] != 0:
            standard[n] = (np.float64(features[i]) - row["mean"][i]) / row["scale"][i]
            n += 1
    return n


@leaf
def term(row: Any, features: Any, i: int) -> float:
    """Weight times plain feature; 0 for one that is not used, be it NaN."""
    weight = row["weights"][i]
    weighted = weight * np.float64(features[i])
    return weighted if weight != 0.0 else 0.0


@leaf
def linear_sum(row: Any, features: Any) -> float:
    """Bias and weighted plain features, in four sums that run together."""
    a = b = c = d = 0.0
    for i in range(0, N_FEATURES, 4):
        a += term(row, features, i)
        b += term(row, features, i + 1)
        c += term(row, features, i + 2)
        d += term(row, features, i + 3)
    return float(row["bias"] + ((a + b) + (c + d)))


@inner
def standard_linear_sum(row: Any, features: Any) -> float:
    """Bias and weighted standardised features, in the order of the features."""
    z = row["bias"]
    for i in range(N_FEATURES):
        if row["used"][i] != 0:
            z += row["weights"][i] * ((np.float64(features[i]) - row["mean"][i]) / row["scale"][i])
    return float(z)


@inner
def standard_sum(model: Model, standard: Floats) -> float:
    """The sum of a perceptron or a machine at standardised features."""
    row = model.row[0]
    if row["type"] == PERCEPTRON:
        found = perceptron(model.values, model.plan, row["activation"], standard)
    else:
        found = machine(model.values, model.plan, row["gamma"], standard)
    return float(row["bias"] + row["factor"] * found)


@door
def score(model: Model, features: Any) -> float:
    """P(up) or expected move, as ``output`` says; NaN without a model. [probability | tick]

    features : float32, shape (16,), which ``first_doubtful`` accepts; they are not checked here.
    """
    row = model.row[0]
    kind = row["type"]
    if kind == LINEAR:
        z = linear_sum(row, features)
    elif kind == LOGISTIC:
        z = standard_linear_sum(row, features)
    elif kind == TREES:
        found = sum_of_trees(model.nodes, model.values, model.plan, features)
        z = row["bias"] + row["factor"] * found
    elif kind == PERCEPTRON or kind == MACHINE:
        standard = stack.floats(N_FEATURES)
        standardise(row, features, standard)
        z = standard_sum(model, standard)
    else:
        return math.nan
    return float(logistic(z)) if row["link"] == LOG_ODDS else float(z)


@hot
def lean(model: Model, value: float) -> float:
    """How far a score leans: 0 says nothing, 1 all the way up, -1 down; not clipped."""
    row = model.row[0]
    if row["output"] == MOVE:
        return float(value / row["full_at"])
    return (value - 0.5) / FULL_TILT_AT


@hot
def attribute(model: Model, features: Any, contributions: Any) -> None:
    """What each feature adds to the sum; with ``base_sum`` they add up to it. [log-odds | its unit]

    Linear: weight times the distance from the mean. Trees: what the splits on the feature changed
    on the way to the leaf. Perceptron, machine: what the sum changes by when the features, one
    after the other, move from their mean to where they are; it depends on that order, and costs a
    score a feature.
    contributions : float64, shape (16,), written; zero without a model.
    """
    row = model.row[0]
    kind = row["type"]
    for i in range(N_FEATURES):
        contributions[i] = 0.0
    if kind == LOGISTIC or kind == LINEAR:
        for i in range(N_FEATURES):
            if row["used"][i] != 0:
                apart = np.float64(features[i]) - row["mean"][i]
                if kind == LOGISTIC:
                    apart /= row["scale"][i]
                contributions[i] = row["weights"][i] * apart
    elif kind == TREES:
        attribute_trees(model.nodes, model.values, model.plan, features, contributions)
        for i in range(N_FEATURES):
            contributions[i] *= row["factor"]
    elif kind == PERCEPTRON or kind == MACHINE:
        attribute_steps(model, features, contributions)


@hot
def attributes_at_once(model: Model) -> bool:
    """Whether contributions are so cheap that every decision that acts stores them."""
    kind = model.row[0]["type"]
    return bool(kind == LOGISTIC or kind == LINEAR)


@inner
def attribute_steps(model: Model, features: Any, contributions: Any) -> None:
    """``attribute`` of a perceptron or a machine: one feature after the other leaves its mean."""
    row = model.row[0]
    target, standard = stack.floats(N_FEATURES), stack.floats(N_FEATURES)
    n = standardise(row, features, target)
    for k in range(n):
        standard[k] = 0.0
    before = standard_sum(model, standard)
    k = 0
    for i in range(N_FEATURES):
        if row["used"][i] != 0:
            standard[k] = target[k]
            after = standard_sum(model, standard)
            contributions[i] = after - before
            before = after
            k += 1


@hot
def base_sum(model: Model) -> float:
    """The sum that contributions start from: all features at their mean, trees at their roots."""
    row = model.row[0]
    kind = row["type"]
    if kind == LOGISTIC or kind == NO_MODEL:
        return float(row["bias"])
    if kind == LINEAR:
        at_means = row["bias"]
        for i in range(N_FEATURES):
            at_means += row["weights"][i] * row["mean"][i]
        return float(at_means)
    if kind == TREES:
        groups, singles = model.plan[0], model.plan[1]
        total = 0.0
        for k in range(2 + groups + singles, model.plan.size):
            total += model.values[model.plan[k]]
        return float(row["bias"] + row["factor"] * total)
    standard = stack.floats(N_FEATURES)
    for i in range(N_FEATURES):
        standard[i] = 0.0
    return standard_sum(model, standard)


@hot
def score_rows(model: Model, features: Any, out: Any) -> None:
    """Scores of many feature rows. Ranges are not checked.

    features : float32, shape (n, 16). out : float64, shape (n,), written. [probability | tick]
    """
    for i in range(features.shape[0]):
        out[i] = score(model, features[i])


@hot
def explain_rows(model: Model, features: Any, out: Any) -> None:
    """Contributions of many feature rows. out : float64, shape (n, 16), written."""
    for i in range(features.shape[0]):
        attribute(model, features[i], out[i])
