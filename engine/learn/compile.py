"""From a fitted scikit-learn model to the flat arrays of ``engine.kernels.inference``.

Nothing here imports scikit-learn: the fitted object is read. What is written must then pass the
gate of ``fit``: the same scores on rows neither has seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.kernels import inference as i
from engine.kernels.dense import BLOCK, IDENTITY, RELU, SIGMOID, TANH, WIDEST
from engine.kernels.inference import MODEL, Model, linear_model
from engine.kernels.trees import NODE, TOGETHER
from engine.learn.dataset import Dataset

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.void]

ACTIVATIONS = {"relu": RELU, "tanh": TANH, "logistic": SIGMOID, "identity": IDENTITY}
PADDED_FROM = 4  # this many trees left over are filled up to a group of eight; fewer walk alone


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTree:
    """A binary tree by arrays, node 0 its root. ``left`` = -1 at a leaf."""

    feature: Ints  # F_* index
    threshold: Floats  # left when x <= threshold
    left: Ints
    right: Ints
    value: Floats  # of a leaf
    weight: Floats  # of the training rows that came by


def float32_below(thresholds: Floats) -> npt.NDArray[np.float32]:
    """The largest float32 not above each threshold: no float32 x changes its side of it."""
    with np.errstate(over="ignore"):  # infinite, then the largest there is
        near = thresholds.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > thresholds, below, near).astype(np.float32)


def blank_row(train: Dataset, used: Sequence[int], mean: Floats, scale: Floats) -> Rows:
    """A MODEL array of one row that knows the features: which, their scale and their range."""
    row = np.zeros(1, dtype=MODEL)
    row["horizon_s"] = train.horizon_s
    row["scale"] = 1.0
    columns = list(used)
    row["used"][0, columns] = 1
    row["mean"][0, columns] = mean
    row["scale"][0, columns] = scale
    row["low"][0, columns] = train.features[:, columns].min(axis=0)
    row["high"][0, columns] = train.features[:, columns].max(axis=0)
    return row


def is_classifier(fitted: Any) -> bool:
    """Whether the model knows directions; else it predicts the move itself."""
    return hasattr(fitted, "classes_")


def compile_linear(row: Rows, fitted: Any) -> Model:
    """Logistic or linear regression over standardised features, folded into plain weights."""
    used = np.flatnonzero(row["used"][0])
    weights = np.ravel(fitted.coef_) / row["scale"][0, used]
    row["bias"] = np.ravel(fitted.intercept_)[0] - float(weights @ row["mean"][0, used])
    row["weights"][0, used] = weights
    row["type"] = i.LINEAR
    row["link"] = i.LOG_ODDS if is_classifier(fitted) else i.AS_IT_IS
    return linear_model(row)


def plain_tree(tree: Any, used: Ints) -> PlainTree:
    """The ``tree_`` of a scikit-learn decision tree; its value is P(up) for a classifier."""
    value = tree.value[:, 0, -1]  # classes are (False, True); a regressor has one column
    return PlainTree(
        feature=used[np.maximum(tree.feature, 0)],
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        value=value,
        weight=tree.weighted_n_node_samples,
    )


def plain_hist_tree(nodes: Any, used: Ints) -> PlainTree:
    """The nodes of a predictor of histogram gradient boosting."""
    leaf = nodes["is_leaf"].astype(bool)
    return PlainTree(
        feature=used[np.where(leaf, 0, nodes["feature_idx"])],
        threshold=nodes["num_threshold"].astype(np.float64),
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        value=nodes["value"].astype(np.float64),
        weight=nodes["count"].astype(np.float64),
    )


def breadth_first(tree: PlainTree) -> tuple[Ints, Ints, int]:
    """Nodes level by level, children side by side; each node's left child in the new order, depth.

    The second answer is the node itself at a leaf.
    """
    order, level, depth = [0], [0], 0
    left: list[int] = []
    while level:
        below: list[int] = []
        for node in level:
            if tree.left[node] < 0:
                left.append(len(left))
            else:
                left.append(len(order))
                children = (int(tree.left[node]), int(tree.right[node]))
                order += children
                below += children
        level = below
        depth += bool(below)
    return np.array(order, dtype=np.int64), np.array(left, dtype=np.int64), depth


def flatten(tree: PlainTree, first: int) -> tuple[Rows, Floats, int]:
    """NODE rows that will stand at index ``first`` on, the value of each node, and the depth.

    An inner node is worth what its training rows got on average: contributions begin there.
    """
    order, left, depth = breadth_first(tree)
    leaf = tree.left[order] < 0
    nodes = np.zeros(order.size, dtype=NODE)
    nodes["threshold"] = np.where(leaf, np.float32(np.inf), float32_below(tree.threshold[order]))
    nodes["feature"] = np.where(leaf, 0, tree.feature[order])
    nodes["left"] = left + first
    values, weight = tree.value[order].astype(np.float64), tree.weight[order].astype(np.float64)
    for k in np.flatnonzero(~leaf)[::-1]:  # children stand behind their parent
        pair = slice(left[k], left[k] + 2)
        values[k] = (values[pair] * weight[pair]).sum() / weight[pair].sum()
    return nodes, values, depth


def compile_trees(row: Rows, trees: Sequence[PlainTree]) -> Model:
    """Many trees: sorted by depth, in groups of eight with a step count each.

    A group that is not full gets trees of one leaf that is worth nothing.
    """
    empty = np.zeros(1, dtype=NODE)  # node 0: a leaf of value 0
    empty["threshold"] = np.inf
    parts, values, found = [empty], [np.zeros(1)], []
    size = 1
    for tree in trees:
        nodes, value, depth = flatten(tree, size)
        found.append((depth, size))
        parts.append(nodes)
        values.append(value)
        size += nodes.size
    found.sort()
    over = len(found) % TOGETHER
    padding = TOGETHER - over if over >= PADDED_FROM else 0
    singles = 0 if padding else over
    single, grouped = found[:singles], [(0, 0)] * padding + found[singles:]
    steps = [grouped[k + TOGETHER - 1][0] for k in range(0, len(grouped), TOGETHER)]
    steps += [depth for depth, _ in single]
    roots = [root for _, root in (*grouped, *single)]
    plan = np.array([len(grouped) // TOGETHER, singles, *steps, *roots], dtype=np.int64)
    row["type"] = i.TREES
    return Model(row, np.concatenate(parts), np.concatenate(values), plan)


def compile_forest(row: Rows, fitted: Any) -> Model:
    """A decision tree or a random forest: the mean over its trees."""
    used = np.flatnonzero(row["used"][0])
    members = getattr(fitted, "estimators_", None)
    trees = [fitted] if members is None else list(members)
    row["link"], row["factor"] = i.AS_IT_IS, 1.0 / len(trees)
    return compile_trees(row, [plain_tree(member.tree_, used) for member in trees])


def compile_boosting(row: Rows, fitted: Any) -> Model:
    """Gradient boosting: a start and a small step a tree, in log-odds for a classifier."""
    used = np.flatnonzero(row["used"][0])
    start = np.zeros((1, used.size))
    if is_classifier(fitted):
        p = float(fitted.init_.predict_proba(start)[0, 1])
        row["bias"] = np.log(p / (1.0 - p))
    else:
        row["bias"] = float(np.ravel(fitted.init_.predict(start))[0])
    row["link"] = i.LOG_ODDS if is_classifier(fitted) else i.AS_IT_IS
    row["factor"] = fitted.learning_rate
    trees = [plain_tree(member.tree_, used) for member in np.ravel(fitted.estimators_)]
    return compile_trees(row, trees)


def compile_hist_boosting(row: Rows, fitted: Any) -> Model:
    """Histogram gradient boosting; its leaves hold the small step already."""
    used = np.flatnonzero(row["used"][0])
    row["bias"] = float(np.ravel(fitted._baseline_prediction)[0])
    row["link"] = i.LOG_ODDS if is_classifier(fitted) else i.AS_IT_IS
    row["factor"] = 1.0
    trees = [plain_hist_tree(one.nodes, used) for (one,) in fitted._predictors]
    return compile_trees(row, trees)


def compile_perceptron(row: Rows, fitted: Any) -> Model:
    """A multilayer perceptron over standardised features."""
    units = [fitted.coefs_[0].shape[0], *(weights.shape[1] for weights in fitted.coefs_)]
    if max(units) > WIDEST:
        raise Refused(f"a layer must have at most {WIDEST} units, has {max(units)}")
    values = [
        np.concatenate([weights.ravel(), bias])
        for weights, bias in zip(fitted.coefs_, fitted.intercepts_, strict=True)
    ]
    row["type"] = i.PERCEPTRON
    row["activation"] = ACTIVATIONS[fitted.activation]
    row["factor"] = 1.0
    row["link"] = i.LOG_ODDS if is_classifier(fitted) else i.AS_IT_IS
    plan = np.array([len(fitted.coefs_), *units], dtype=np.int64)
    return Model(row, np.zeros(0, dtype=NODE), np.concatenate(values).astype(np.float64), plan)


def compile_machine(row: Rows, fitted: Any, slope: float, offset: float) -> Model:
    """A support vector machine over standardised features.

    slope, offset : log-odds = slope * decision + offset; 1 and 0 for a regression.
    """
    gamma = float(fitted._gamma)
    vectors = np.asarray(fitted.support_vectors_, dtype=np.float64)
    blocks = -(-len(vectors) // BLOCK)
    n = vectors.shape[1]
    table = np.zeros((blocks * BLOCK, 2 + n))
    table[: len(vectors), 0] = -gamma * (vectors**2).sum(axis=1)
    table[: len(vectors), 1] = np.ravel(fitted.dual_coef_)
    table[: len(vectors), 2:] = 2.0 * gamma * vectors
    values = np.ascontiguousarray(table.reshape(blocks, BLOCK, 2 + n).transpose(0, 2, 1)).ravel()
    row["type"] = i.MACHINE
    row["gamma"] = gamma
    row["factor"] = slope
    row["bias"] = slope * float(np.ravel(fitted.intercept_)[0]) + offset
    row["link"] = i.LOG_ODDS if is_classifier(fitted) else i.AS_IT_IS
    plan = np.array([blocks, n], dtype=np.int64)
    return Model(row, np.zeros(0, dtype=NODE), values, plan)
