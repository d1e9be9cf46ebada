"""Intervals, tests and sample sizes of paired comparisons against known answers."""

import math

import numpy as np
import pytest
from scipy import stats

from engine.lab.statistics import (
    Mean,
    incomplete_beta,
    mean_of,
    paired,
    pairs_needed,
    sign_test,
    t_test,
)


@pytest.mark.parametrize(
    ("sd", "difference", "n"), [(50, 1, 19_623), (50, 2, 4_906), (20, 1, 3_140), (10, -1, 785)]
)
def test_pairs_needed_for_eighty_percent_power(sd, difference, n):
    assert pairs_needed(sd, difference) == n


def test_no_spread_or_no_difference_needs_no_number_of_pairs():
    assert pairs_needed(0.0, 1.0) == pairs_needed(1.0, 0.0) == pairs_needed(math.nan, 1.0) == 0


@pytest.mark.parametrize("t", [0.0, 0.3, -2.262157, 6.5])
@pytest.mark.parametrize("n", [2, 10, 400])
def test_students_t_agrees_with_the_reference(t, n):
    mean = Mean(mean=t / math.sqrt(n), low=0.0, high=0.0, sd=1.0, n=n)
    assert t_test(mean) == pytest.approx(2 * stats.t.sf(abs(t), n - 1), rel=1e-9)


@pytest.mark.parametrize(("a", "b", "x"), [(0.5, 0.5, 0.3), (5, 0.5, 0.99), (200, 0.5, 0.9)])
def test_the_incomplete_beta_function_agrees_with_the_reference(a, b, x):
    assert incomplete_beta(a, b, x) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-10)


def test_the_sign_test_is_the_exact_binomial():
    assert sign_test(8, 10) == pytest.approx(0.109375)
    assert sign_test(5, 10) == 1.0
    assert sign_test(0, 0) == 1.0
    assert sign_test(900, 1_000) == pytest.approx(stats.binomtest(900, 1_000).pvalue, rel=1e-6)


def test_a_mean_has_the_interval_of_its_bootstrap():
    values = np.arange(100.0)
    found = mean_of(values)
    assert (found.mean, found.n) == (49.5, 100)
    assert found.sd == pytest.approx(values.std(ddof=1))
    half = 1.96 * found.sd / 10
    assert found.low == pytest.approx(49.5 - half, abs=0.4)
    assert found.high == pytest.approx(49.5 + half, abs=0.4)
    assert math.isnan(mean_of(values[:1]).low)


def test_a_strategy_against_itself_differs_by_exactly_zero():
    values = np.array([0.1, 0.7, 1e9, -3.3])
    found = paired(values, values)
    assert (found.difference.mean, found.difference.low, found.difference.high) == (0.0, 0.0, 0.0)
    assert (found.p_value, found.sign_p_value, found.win_rate, found.needed) == (1.0, 1.0, 0.5, 0)


def test_a_path_that_is_cheaper_counts_as_won():
    found = paired(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 3.0, 4.0, 3.0]))
    assert found.difference.mean == -0.5
    assert found.win_rate == 0.75
