"""Trees as one flat array of 16-byte nodes: a walk without a branch, sixteen trees at a time.

The children of a node stand side by side (breadth-first), so a step is ``left + (x > threshold)``.
A leaf has the threshold +inf and itself as left child: a walk may go on and stays where it is, so
every tree of a group takes the same number of steps. Two groups of eight walk together because a
single walk waits for memory at every step (8 together 0.95, 16 together 0.81 us for 104 trees).

Features are float32. A threshold is rounded DOWN to float32 by the compiler of the model: for a
float32 x then ``x <= threshold`` is what it was with the float64 threshold. NaN is not greater than
anything: it goes left, and stays at a leaf; but no NaN comes here, see ``first_doubtful``.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.kernels import stack
from engine.kernels.jit import inner, leaf

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

TOGETHER = 8  # trees of a group
PAIR = 2 * TOGETHER

NODE = np.dtype(
    [
        ("threshold", "<f4"),  # left when x <= threshold
        ("feature", "<u4"),  # F_* index
        ("left", "<u8"),  # index of the left child; the right one is the next
    ]
)


@leaf
def down(nodes: Any, at: np.uint64, features: Any) -> np.uint64:
    """The child that a row of features goes to; the node itself when it is a leaf."""
    goes_right = features[nodes[at]["feature"]] > nodes[at]["threshold"]
    return np.uint64(nodes[at]["left"]) + np.uint64(goes_right)


@leaf
def leaves(values: Floats, at: stack.Words, first: int) -> float:
    """Sum of the values of eight nodes."""
    a, b = values[at[first]] + values[at[first + 1]], values[at[first + 2]] + values[at[first + 3]]
    c, d = (
        values[at[first + 4]] + values[at[first + 5]],
        values[at[first + 6]] + values[at[first + 7]],
    )
    return float((a + b) + (c + d))


@leaf
def sixteen(
    nodes: Any, values: Floats, roots: Ints, steps: int, features: Any
) -> tuple[float, float]:
    """Sums of the leaves that two groups of trees lead to."""
    at = stack.words(PAIR)
    for j in range(PAIR):
        at[j] = np.uint64(roots[j])
    for _ in range(steps):
        for j in range(PAIR):  # is unrolled
            at[j] = down(nodes, at[j], features)
    return leaves(values, at, 0), leaves(values, at, TOGETHER)


@leaf
def eight(nodes: Any, values: Floats, roots: Ints, steps: int, features: Any) -> float:
    """Sum of the leaves that one group leads to."""
    at = stack.words(TOGETHER)
    for j in range(TOGETHER):
        at[j] = np.uint64(roots[j])
    for _ in range(steps):
        for j in range(TOGETHER):
            at[j] = down(nodes, at[j], features)
    return leaves(values, at, 0)


@inner
def sum_of_trees(nodes: Any, values: Floats, plan: Ints, features: Any) -> float:
    """Sum over all trees of the value of the leaf that ``features`` leads to.

    plan : groups of eight, single trees, then the steps of each group and of each single tree, then
    the roots in the same order. values : of every node, shape (n_nodes,).
    """
    groups, singles = plan[0], plan[1]
    roots = 2 + groups + singles
    total = 0.0
    for k in range(0, groups - 1, 2):
        at = roots + TOGETHER * k
        steps = max(plan[2 + k], plan[3 + k])
        one, two = sixteen(nodes, values, plan[at : at + PAIR], steps, features)
        total += one
        total += two
    at = roots + TOGETHER * groups
    if groups % 2 == 1:
        total += eight(nodes, values, plan[at - TOGETHER : at], plan[1 + groups], features)
    for k in range(singles):
        node = np.uint64(plan[at + k])
        for _ in range(plan[2 + groups + k]):
            node = down(nodes, node, features)
        total += values[node]
    return float(total)


@inner
def attribute_path(
    nodes: Any, values: Floats, root: np.uint64, features: Any, contributions: Any
) -> None:
    """Add to each feature what its splits changed on the way from root to leaf.

    The sum over the features is value of the leaf - value of the root.
    """
    at = root
    while True:
        then = down(nodes, at, features)
        if then == at:
            return
        contributions[nodes[at]["feature"]] += values[then] - values[at]
        at = then


@inner
def attribute_trees(
    nodes: Any, values: Floats, plan: Ints, features: Any, contributions: Any
) -> None:
    """``attribute_path`` over all trees. contributions : float64, shape (16,), added to."""
    groups, singles = plan[0], plan[1]
    first = 2 + groups + singles
    for k in range(TOGETHER * groups + singles):
        attribute_path(nodes, values, np.uint64(plan[first + k]), features, contributions)
