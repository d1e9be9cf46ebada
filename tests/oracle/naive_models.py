"""Models evaluated the slow way, from the formulas: no flat arrays, no float32 thresholds."""

import itertools
import math

import numpy as np


def walk(tree, x):
    """Features on the way from the root to a leaf of a PlainTree, and the leaf."""
    at, path = 0, []
    while tree.left[at] >= 0:
        path.append(at)
        goes_left = float(x[tree.feature[at]]) <= float(tree.threshold[at])
        at = int(tree.left[at] if goes_left else tree.right[at])
    return path, at


def tree_value(tree, x):
    return float(tree.value[walk(tree, x)[1]])


def mean_below(tree, at):
    """What the training rows that came by a node got on average."""
    if tree.left[at] < 0:
        return float(tree.value[at])
    pair = (int(tree.left[at]), int(tree.right[at]))
    weight = sum(float(tree.weight[k]) for k in pair)
    return sum(mean_below(tree, k) * float(tree.weight[k]) for k in pair) / weight


def tree_contributions(tree, x):
    """By feature: the change of ``mean_below`` at each of its splits."""
    out = np.zeros(16)
    path, leaf = walk(tree, x)
    for at, then in itertools.pairwise([*path, leaf]):
        out[tree.feature[at]] += mean_below(tree, then) - mean_below(tree, at)
    return out


def perceptron(coefs, intercepts, activation, z):
    """A multilayer perceptron over standardised features, before its link."""
    functions = {
        "relu": lambda v: max(v, 0.0),
        "tanh": math.tanh,
        "logistic": lambda v: 1.0 / (1.0 + math.exp(-v)),
        "identity": lambda v: v,
    }
    for k, (weights, bias) in enumerate(zip(coefs, intercepts, strict=True)):
        z = np.array([math.fsum(z * weights[:, j]) + bias[j] for j in range(weights.shape[1])])
        if k < len(coefs) - 1:
            z = np.array([functions[activation](v) for v in z])
    return float(z[0])


def machine(vectors, coefficients, gamma, intercept, z):
    """A support vector machine with a radial basis, over standardised features."""
    kernel = [math.exp(-gamma * math.fsum((z - s) ** 2)) for s in vectors]
    return math.fsum(c * k for c, k in zip(coefficients, kernel, strict=True)) + intercept
