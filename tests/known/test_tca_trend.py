"""Ratio of sums over a range of days: known answers for its interval."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.tca.trend import quantile, ratio


@pytest.mark.parametrize(
    ("degrees", "table"),
    [(9, 2.262), (10, 2.228), (15, 2.131), (20, 2.086), (30, 2.042), (60, 2.000), (120, 1.980)],
)
def test_the_quantile_is_that_of_the_printed_table(degrees: int, table: float) -> None:
    assert quantile(degrees) == pytest.approx(table, abs=6e-4)


def test_equal_notionals_give_the_textbook_interval_of_a_mean() -> None:
    # ten orders of 10,000: costs 1..10; mean 5.5 bp, sd = sqrt(82.5/9), se = sd/sqrt(10) = 0.957427
    found = ratio([(float(cost), 10_000.0) for cost in range(1, 11)])
    half = 2.262157 * math.sqrt(82.5 / 9) / math.sqrt(10)
    assert found.bps == pytest.approx(5.5, abs=1e-12)
    assert found.low == pytest.approx(5.5 - half, abs=5e-4)
    assert found.high == pytest.approx(5.5 + half, abs=5e-4)
    assert (found.cost, found.notional, found.n, found.enough) == (55.0, 100_000.0, 10, True)


def test_unequal_notionals_by_hand() -> None:
    # five pairs (1, 1) and five (6, 2): R = 35/15; residuals -4/3 and 4/3, squares sum to 160/9
    found = ratio([(1.0, 1.0)] * 5 + [(6.0, 2.0)] * 5)
    se = math.sqrt(10 / 9 * 160 / 9) / 15
    assert found.bps == pytest.approx(35 / 15 * 1e4)
    assert found.high is not None
    assert found.low is not None
    assert (found.high - found.low) / 2 == pytest.approx(2.262157 * se * 1e4, rel=3e-4)


def test_it_is_a_ratio_of_sums_and_not_a_mean_of_ratios() -> None:
    found = ratio([(1.0, 100.0), (0.0, 10_000.0)])
    assert found.bps == pytest.approx(1 / 10_100 * 1e4)  # the mean of the two would be 50 bp


def test_below_ten_orders_there_is_a_number_but_no_interval() -> None:
    nine = ratio([(1.0, 100.0)] * 9)
    assert nine.bps == pytest.approx(100.0)
    assert (nine.low, nine.high, nine.enough) == (None, None, False)
    assert ratio([(1.0, 100.0)] * 10).low == pytest.approx(100.0)


def test_undefined_costs_are_left_out_and_nothing_is_not_zero() -> None:
    assert ratio([(None, 5.0), (1.0, None), (math.nan, 1.0), (1.0, 2.0)]).n == 1
    empty = ratio([])
    assert (empty.bps, empty.low, empty.n, empty.enough) == (None, None, 0, False)


@given(
    some.lists(
        some.tuples(some.floats(-1e4, 1e4), some.floats(1.0, 1e7)), min_size=10, max_size=40
    ),
    some.sampled_from([0.25, 8.0, 1024.0]),
)
def test_the_unit_of_money_and_the_order_of_rows_change_nothing(
    rows: list[tuple[float, float]], scale: float
) -> None:
    found = ratio(rows)
    again = ratio([(cost * scale, notional * scale) for cost, notional in reversed(rows)])
    assert found.bps is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.bps <= found.high
    assert (again.bps, again.low, again.high) == pytest.approx((found.bps, found.low, found.high))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """200 samples of 12 orders by a plain counter: 95 % would be 190."""
    state, hits = 12345, 0

    def uniform() -> float:
        nonlocal state
        state = (1103515245 * state + 12345) % 2**31
        return state / 2**31

    for _ in range(200):
        rows = []
        for _ in range(12):
            notional = 1.0 + uniform()
            noise = sum(uniform() for _ in range(12)) - 6.0  # about normal
            rows.append((notional * (0.001 + 0.01 * noise), notional))
        found = ratio(rows)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 10.0 <= found.high
    assert 180 <= hits <= 198
