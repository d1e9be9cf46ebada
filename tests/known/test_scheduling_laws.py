"""DOMAIN.md KA-19 ... KA-23: what the published scheduling models say."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tca.scheduling import (
    AlmgrenChriss,
    bertsimas_lo_cost,
    capped_holdings,
    obizhaeva_wang,
    obizhaeva_wang_cost,
)

PAPER = AlmgrenChriss(eta=2.5e-6, gamma=2.5e-7, tau=1.0, volatility=0.95, epsilon=0.0625)
# KA-21: price 40, spread 2 cents, 500,000 of 2,000,000 a day in 13 bins, 2 % a day
PRODUCT = AlmgrenChriss(eta=1e-6, gamma=1e-7, tau=1 / 13, volatility=0.8, epsilon=0.01)
QUANTITY = 500_000.0


@pytest.mark.parametrize(
    ("risk_aversion", "cost", "risk"),
    [
        (0.0, 662_500.0, 1_040_672.86),
        (1e-7, 670_057.46, 961_622.9),
        (1e-6, 911_226.99, 603_430.7),
        (2e-6, 1_140_715.17, 449_367.7),
    ],
)
def test_cost_and_risk_of_almgren_and_chriss_are_the_papers(risk_aversion, cost, risk):
    held = PAPER.holdings(1e6, 5, risk_aversion)
    assert PAPER.expected_cost(held) == pytest.approx(cost, abs=0.01)
    assert PAPER.risk(held) == pytest.approx(risk, abs=0.06)


def test_selling_everything_at_once_costs_what_the_paper_says():
    held = np.array([1e6, 0.0])
    smooth = PAPER.expected_cost(held)
    # the paper counts neither half of the permanent part nor the correction of eta here
    assert smooth == pytest.approx(0.0625e6 + 2.5e-6 * 1e12)


def test_the_product_calibration_of_almgren_chriss_is_reproduced():
    held = PRODUCT.holdings(QUANTITY, 13, 1e-6)
    traded = -np.diff(held)
    expected = PRODUCT.expected_cost(held)
    assert PRODUCT.kappa(1e-6) == pytest.approx(0.801416, abs=5e-7)
    assert traded[[0, -1]] == pytest.approx([45_442.40, 34_655.28], abs=0.005)
    assert expected == pytest.approx(268_551.29, abs=0.005)
    assert expected / (QUANTITY * 40.0) * 1e4 == pytest.approx(134.276, abs=5e-4)
    assert PRODUCT.risk(held) == pytest.approx(207_817.9, abs=0.05)


def test_no_risk_aversion_is_an_even_schedule_and_the_cheapest():
    even = PRODUCT.holdings(QUANTITY, 13, 0.0)
    assert -np.diff(even) == pytest.approx(np.full(13, QUANTITY / 13))
    assert PRODUCT.expected_cost(even) == pytest.approx(266_538.46, abs=0.005)


def test_more_risk_aversion_costs_more_and_risks_less():
    held = [PRODUCT.holdings(QUANTITY, 13, aversion) for aversion in (0.0, 1e-7, 1e-6, 5e-6)]
    assert all((np.diff(path) < 0.0).all() for path in held)
    costs = [PRODUCT.expected_cost(path) for path in held]
    risks = [PRODUCT.risk(path) for path in held]
    assert costs == sorted(costs)
    assert risks == sorted(risks, reverse=True)


def test_the_papers_order_under_a_cap_is_the_published_schedule():
    """KA-20: 300,000 a day, whole thousands."""
    held = PAPER.capped(1e6, 5, 1e-6, most=3e5, lot=1_000.0)
    assert (-np.diff(held)).tolist() == [300_000, 300_000, 196_000, 118_000, 86_000]
    cost, risk = PAPER.expected_cost(held), PAPER.risk(held)
    assert cost == pytest.approx(756_873, abs=0.5)
    assert risk == pytest.approx(794_266, abs=0.5)
    assert cost + 1e-6 * risk**2 == pytest.approx(1_387_731.3, abs=0.05)


def test_catching_up_with_the_free_optimum_is_dearer_than_the_optimum_under_the_cap():
    """What a schedule does that knows nothing of its cap until it binds."""
    free = PAPER.holdings(1e6, 5, 1e-6)
    late = np.maximum(free, 1e6 - 3e5 * np.arange(6))
    capped = PAPER.capped(1e6, 5, 1e-6, most=3e5)

    def objective(held):
        return PAPER.expected_cost(held) + 1e-6 * PAPER.risk(held) ** 2

    assert objective(late) - objective(capped) == pytest.approx(14_702.1, abs=0.1)


def test_a_cap_that_never_binds_changes_nothing():
    free = PRODUCT.holdings(QUANTITY, 13, 1e-6)
    assert PRODUCT.capped(QUANTITY, 13, 1e-6, most=QUANTITY) == pytest.approx(free)


@given(
    decay=st.floats(0.0, 3.0),
    periods=st.integers(1, 20),
    most=st.floats(0.02, 1.2),
    lot=st.sampled_from((0.0, 100.0)),
)
def test_a_capped_schedule_keeps_its_cap_its_lots_and_finishes_when_there_is_room(
    decay, periods, most, lot
):
    quantity = 100_050.0
    held = capped_holdings(quantity, periods, decay, most=most * quantity, lot=lot)
    traded = -np.diff(held)
    assert (traded >= 0.0).all()
    assert (traded <= most * quantity * (1 + 1e-12)).all()
    if lot:
        assert traded[:-1] % lot == pytest.approx(0.0)
        whole = most * quantity // lot * lot
        if (periods - 1) * whole + min(most * quantity, quantity) >= quantity:
            assert held[-1] == 0.0
    elif periods * most >= 1.0 + 1e-9:
        assert held[-1] == pytest.approx(0.0, abs=1e-6)


@given(decay=st.floats(0.05, 2.0), most=st.floats(0.12, 0.9))
def test_no_exchange_between_two_periods_below_the_cap_makes_it_cheaper(decay, most):
    periods = 10
    traded = -np.diff(capped_holdings(1.0, periods, decay, most=most))

    def objective(trades):  # of Almgren and Chriss with eta~ / tau = 1
        held = 1.0 - np.cumsum(trades)
        return (trades**2).sum() + 2.0 * (np.cosh(decay) - 1.0) * (held**2).sum()

    best = objective(traded)
    for i, j in itertools.permutations(range(periods), 2):
        move = min(1e-3, most - traded[i], traded[j])
        other = traded.copy()
        other[i] += move
        other[j] -= move
        assert objective(other) >= best - 1e-12


@pytest.mark.parametrize("seed", range(5))
def test_no_other_schedule_of_the_same_sum_has_a_lower_objective(seed):
    aversion = 1e-6
    held = PRODUCT.holdings(QUANTITY, 13, aversion)

    def objective(path):
        return PRODUCT.expected_cost(path) + aversion * PRODUCT.risk(path) ** 2

    move = np.random.default_rng(seed).normal(0.0, 200.0, 13)
    other = held.copy()
    other[1:] -= np.cumsum(move - move.mean())
    assert other[-1] == pytest.approx(0.0, abs=1e-6)
    assert objective(other) > objective(held)


@pytest.mark.parametrize(
    ("count", "end", "inside", "cost"),
    [
        (2, 0.5, None, 0.2838338208),
        (3, 0.3799218074, 0.2401563852, 0.2598436148),
        (5, 0.3144250654, 0.1237166231, 0.2525667539),
    ],
)
def test_obizhaeva_and_wang_trade_blocks_at_both_ends(count, end, inside, cost):
    trades = obizhaeva_wang(1.0, count, 2.0, 1.0)
    assert trades[[0, -1]] == pytest.approx([end, end], abs=5e-11)
    if inside is not None:
        assert trades[1:-1] == pytest.approx(np.full(count - 2, inside), abs=5e-11)
    assert obizhaeva_wang_cost(trades, 2.0, 1.0) == pytest.approx(cost, abs=5e-11)
    for i, j in itertools.combinations(range(count), 2):
        other = trades.copy()
        other[i] += 0.01
        other[j] -= 0.01
        assert obizhaeva_wang_cost(other, 2.0, 1.0) > cost


def test_many_trades_of_obizhaeva_and_wang_become_two_blocks_and_a_flow():
    trades = obizhaeva_wang(100_000.0, 20_001, 20.0, 1.0)
    assert trades[[0, -1]] == pytest.approx([4_545.4545, 4_545.4545], rel=1e-3)
    assert trades.sum() == pytest.approx(100_000.0)


def test_bertsimas_and_lo_say_equal_slices():
    theta, quantity = 5e-5, 1e5
    found = [bertsimas_lo_cost(np.full(n, quantity / n), theta) for n in (1, 5, 20)]
    assert found == pytest.approx([500_000.0, 300_000.0, 262_500.0])
    uneven = np.full(5, quantity / 5)
    uneven[[0, 4]] += [1_000.0, -1_000.0]
    assert bertsimas_lo_cost(uneven, theta) > found[1]
