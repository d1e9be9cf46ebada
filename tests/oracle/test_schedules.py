import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import kinds
from engine.kernels.inference import LOGISTIC, MODEL, linear_model, score_rows
from engine.kernels.schedules import (
    allowance_shares,
    curve_from_shares,
    due_slices,
    equal_slices,
    flat_curve,
    target_shares,
)
from tests.oracle.naive_schedules import SECOND, is_target, slice_sizes, vwap_target
from tests.support.parents import an_observation, parameters


@settings(max_examples=200, deadline=None)
@given(
    quantity=st.integers(1, 10**7), lot=st.sampled_from([1, 100]), count=st.integers(1, 500)
)  # fmt: skip
def test_equal_slices_are_the_list_and_stay_near_the_straight_line(quantity, lot, count):
    count = min(count, max(1, quantity // lot))
    plan = np.concatenate([[0], np.cumsum(slice_sizes(quantity, lot, count))])
    found = [equal_slices(quantity, lot, count, k) for k in range(count + 1)]
    assert found == plan.tolist()
    line = np.arange(count + 1) * quantity / count
    assert np.abs(found - line).max() <= 3 * lot


@settings(max_examples=200, deadline=None)
@given(
    shares=st.lists(st.floats(0.1, 10.0), min_size=1, max_size=20),
    base=st.integers(0, 20_000),
    length=st.integers(60, 3_000),
    at=st.floats(0.0, 1.0),
    filled=st.integers(0, 5_000),
)
def test_vwap_is_its_curve(shares, base, length, at, filled):
    curve = curve_from_shares(np.array(shares))
    row = an_observation(
        kind=kinds.VWAP, base_ns=base * SECOND, end_ns=(base + length) * SECOND,
        now_ns=(base + int(at * length)) * SECOND, base_filled=filled, filled=filled,
    )  # fmt: skip
    found = target_shares(kinds.VWAP, row, parameters(), curve)
    assert found == pytest.approx(vwap_target(row, curve), rel=1e-9, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    risk=st.floats(0.01, 30.0), base=st.integers(0, 3_000), at=st.floats(0.0, 1.0),
    filled=st.integers(0, 9_000),
)  # fmt: skip
def test_is_is_the_sinh_formula(risk, base, at, filled):
    row = an_observation(
        kind=kinds.IS, base_ns=base * SECOND, base_filled=filled,
        now_ns=(base + int(at * (3_600 - base))) * SECOND,
    )  # fmt: skip
    found = target_shares(kinds.IS, row, parameters(risk_aversion=risk), flat_curve())
    assert found == pytest.approx(is_target(row, risk), rel=1e-9, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from([kinds.TWAP, kinds.VWAP, kinds.IS]), seed=st.integers(0, 2**50),
    jitter=st.floats(0.0, 0.9), second=st.integers(0, 3_600),
)  # fmt: skip
def test_an_allowance_leads_its_target_by_at_most_a_slice_or_lags_by_its_jitter(
    kind, seed, jitter, second
):
    row = an_observation(kind=kind, seed=seed, now_ns=second * SECOND, quantity=360_000)
    knobs = parameters(jitter=jitter, slice_s=60.0, risk_aversion=1.0)
    lead = allowance_shares(kind, row, knobs, flat_curve()) - target_shares(
        kind, row, knobs, flat_curve()
    )
    fastest = 6_000 * (1.4 if kind == kinds.IS else 1.0)
    assert -fastest * jitter - 300 <= lead <= fastest + 300


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**50), jitter=st.floats(0.0, 1.0))
def test_the_slice_clock_never_runs_backwards(seed, jitter):
    due = [due_slices(t, 60, 10, jitter, seed) for t in range(-3, 700)]
    assert due[:4] == [0, 0, 0, 1]
    assert due[-1] == 10
    assert all(0 <= b - a <= 1 for a, b in itertools.pairwise(due))
    whole = [due[3 + 60 * k] for k in range(11)]  # at the start of each slot, late by jitter or not
    assert all(k <= d <= k + 1 for k, d in enumerate(whole))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_the_compiled_score_is_the_textbook_formula(seed):
    draw = np.random.default_rng(seed)
    row = np.zeros(1, dtype=MODEL)
    row["type"], row["bias"] = LOGISTIC, draw.normal()
    row["used"] = draw.integers(0, 2, 16)
    for name in ("weights", "mean"):
        row[name] = draw.normal(size=16)
    row["scale"] = draw.uniform(0.1, 5.0, 16)
    features = draw.normal(scale=20.0, size=(50, 16)).astype(np.float32)
    out = np.empty(50)
    score_rows(linear_model(row), features, out)
    standard = (features.astype(float) - row["mean"]) / row["scale"]
    log_odds = row["bias"] + (standard * row["weights"] * row["used"]).sum(axis=1)
    with np.errstate(over="ignore"):  # a log-odds below -709 is a probability of 0
        textbook = 1.0 / (1.0 + np.exp(-log_odds))
    assert out == pytest.approx(textbook, rel=1e-12)
