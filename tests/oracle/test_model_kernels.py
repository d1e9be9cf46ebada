"""Flat models against slow twins, and the edges at which float32 could go wrong."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kernels import stack
from engine.kernels.dense import exp
from engine.kernels.inference import AS_IT_IS, LOG_ODDS, attribute, base_sum, score
from engine.learn.compile import (
    ACTIVATIONS,
    PlainTree,
    blank_row,
    compile_machine,
    compile_perceptron,
    compile_trees,
    float32_below,
)
from tests.oracle import naive_models as slow
from tests.support.fitted import ALL, rows

F32 = np.float32


def a_tree(draw, depth, *, full=False):
    """A random binary tree; thresholds are float64 that float32 cannot hold."""
    feature, threshold, left, right, value = [], [], [], [], []

    def grow(level):
        at = len(feature)
        feature.append(int(draw.integers(16)))
        threshold.append(float(draw.normal()))
        value.append(float(draw.normal(scale=1e5)))
        left.append(-1)
        right.append(-1)
        if level > 0 and (full or draw.uniform() < 0.8):
            left[at] = grow(level - 1)
            right[at] = grow(level - 1)
        return at

    grow(depth)
    weight = np.zeros(len(feature))
    for at in reversed(range(len(feature))):
        weight[at] = draw.integers(1, 50) if left[at] < 0 else weight[left[at]] + weight[right[at]]
    return PlainTree(
        feature=np.array(feature), threshold=np.array(threshold), left=np.array(left),
        right=np.array(right), value=np.array(value), weight=weight,
    )  # fmt: skip


def blank():
    train, _ = rows()
    row = blank_row(train, ALL, np.zeros(16), np.ones(16))
    row["link"], row["factor"] = AS_IT_IS, 1.0
    return row


def test_a_tree_worked_by_hand():
    tree = PlainTree(  # x[3] <= 0.1 ? 1 : (x[5] <= 2 ? 4 : 10), 1 and 3 rows of weight
        feature=np.array([3, 0, 5, 0, 0]), threshold=np.array([0.1, 0, 2.0, 0, 0]),
        left=np.array([1, -1, 3, -1, -1]), right=np.array([2, -1, 4, -1, -1]),
        value=np.array([0, 1.0, 0, 4.0, 10.0]), weight=np.array([4.0, 1, 3, 2, 1]),
    )  # fmt: skip
    model = compile_trees(blank(), [tree])
    x, parts = np.zeros(16, dtype=F32), np.zeros(16)
    assert score(model, x) == 1.0
    x[3] = 0.1  # as float32 it is 0.100000001490116: above the threshold
    assert score(model, x) == 4.0
    x[3] = np.nextafter(F32(0.1), F32(0))
    assert score(model, x) == 1.0
    x[3], x[5] = 1.0, 2.0
    assert score(model, x) == 4.0
    x[5] = np.nextafter(F32(2.0), F32(3.0))
    assert score(model, x) == 10.0
    attribute(model, x, parts)
    assert base_sum(model) == pytest.approx((1 * 1 + 2 * 4 + 1 * 10) / 4)
    assert parts[3] == pytest.approx((2 * 4 + 10) / 3 - 19 / 4)
    assert parts[5] == pytest.approx(10 - 18 / 3)
    assert np.count_nonzero(parts) == 2


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    depths=st.lists(st.integers(0, 9), min_size=1, max_size=21),
    full=st.booleans(),
)
def test_trees_of_any_number_and_depth_are_the_slow_walk(seed, depths, full):
    draw = np.random.default_rng(seed)
    trees = [a_tree(draw, min(depth, 6) if full else depth, full=full) for depth in depths]
    model = compile_trees(blank(), trees)
    for _ in range(2):
        x = draw.normal(size=16).astype(F32)
        for tree in trees:  # sit on a threshold now and then, as float32 sees it
            inner = np.flatnonzero(tree.left >= 0)
            if inner.size:
                at = draw.choice(inner)
                x[tree.feature[at]] = F32(tree.threshold[at])
        parts = np.full(16, np.nan)
        attribute(model, x, parts)
        wanted = sum(slow.tree_value(tree, x) for tree in trees)
        tolerance = 1e-9 * len(trees)
        assert score(model, x) == pytest.approx(wanted, abs=tolerance)
        assert parts == pytest.approx(
            sum(slow.tree_contributions(tree, x) for tree in trees), abs=tolerance
        )
        assert base_sum(model) + parts.sum() == pytest.approx(wanted, abs=tolerance)


@settings(max_examples=300, deadline=None)
@given(
    threshold=st.floats(allow_nan=False, allow_infinity=False),
    steps=st.integers(-2, 2),
    other=st.floats(width=32, allow_nan=False),
)
def test_rounding_a_threshold_down_moves_no_float32_to_the_other_side(threshold, steps, other):
    down = float32_below(np.array([threshold]))[0]
    near = F32(np.clip(threshold, -3.4e38, 3.4e38))
    for _ in range(abs(steps)):
        near = np.nextafter(near, F32(np.inf) if steps > 0 else F32(-np.inf))
    for x in (near, F32(other)):
        assert bool(x <= down) == bool(float(x) <= threshold)


def test_plain_rounding_would_move_many():
    """The guard of the test above: what it forbids really happens."""
    thresholds = np.random.default_rng(1).normal(size=1_000)
    plain, down = thresholds.astype(F32), float32_below(thresholds)
    moved = plain.astype(float) > thresholds
    assert 400 < moved.sum() < 600
    assert (down.astype(float) <= thresholds).all()
    assert (down[~moved] == plain[~moved]).all()


@settings(max_examples=500, deadline=None)
@given(x=st.floats(-699.0, 1.0))
def test_the_exponential_is_that_of_the_library(x):
    assert exp(x) == pytest.approx(math.exp(x), rel=2e-15)


def test_the_exponential_of_what_is_far_away_is_nothing():
    assert 0.0 < exp(-1e9) < 1e-303
    assert exp(0.0) == 1.0


class Fitted:
    """What the compiler reads of a scikit-learn object."""

    def __init__(self, **values):
        self.__dict__.update(values)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    hidden=st.lists(st.integers(1, 70), min_size=1, max_size=3),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
)
def test_a_perceptron_is_the_slow_sum(seed, hidden, activation):
    draw = np.random.default_rng(seed)
    units = [16, *hidden, 1]
    pairs = list(itertools.pairwise(units))
    net = Fitted(
        coefs_=[draw.normal(size=pair) / math.sqrt(pair[0]) for pair in pairs],
        intercepts_=[draw.normal(size=pair[1]) for pair in pairs],
        activation=activation,
    )
    model = compile_perceptron(blank(), net)
    x = draw.normal(size=16).astype(F32)
    wanted = slow.perceptron(net.coefs_, net.intercepts_, activation, x.astype(float))
    assert score(model, x) == pytest.approx(wanted, rel=1e-12, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.sampled_from([1, 5, 63, 64, 65, 130]))
def test_a_machine_is_the_slow_sum_whatever_fills_its_last_block(seed, n):
    draw = np.random.default_rng(seed)
    svm = Fitted(
        support_vectors_=draw.normal(size=(n, 16)), dual_coef_=draw.normal(size=(1, n)),
        intercept_=draw.normal(size=1), _gamma=0.07, classes_=(False, True),
    )  # fmt: skip
    model = compile_machine(blank(), svm, 1.7, -0.2)
    assert model.row["link"][0] == LOG_ODDS
    x = (3.0 * draw.normal(size=16)).astype(F32)
    decision = slow.machine(
        svm.support_vectors_, svm.dual_coef_[0], 0.07, svm.intercept_[0], x.astype(float)
    )
    wanted = 1.0 / (1.0 + math.exp(-(1.7 * decision - 0.2)))
    assert score(model, x) == pytest.approx(wanted, rel=1e-12)


def test_scratch_without_a_compiler_is_full_of_nan():
    assert np.isnan(stack.plain_floats(3)).all()
