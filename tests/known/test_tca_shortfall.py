"""Implementation shortfall worked by hand (KA-14), both bases, both sides."""

import msgspec
import numpy as np
import pytest

from engine.domain.errors import BrokenInvariant
from engine.tca.inputs import OrderFacts
from engine.tca.order import order_tca
from engine.tca.results import Parts
from engine.tca.shortfall import decision_price, in_bps, must_sum, paper_notional, shortfall
from tests.support.tca import RULES, a_market, a_parent, some_fills

# 7,000 filled at 50.10 + 1,100/7,000: 2,000 * 50.25 + 5,000 * 50.26 = 351,800 = 350,700 + 1,100
PARTLY = a_parent(
    quantity=10_000, filled=7_000, decision_price=5000.0, arrival_price=5010.0, end_price=5050.0,
    fees=70.0 + 5.0,
)  # fmt: skip
PARTLY_FILLS = some_fills([(2_000, 5025), (5_000, 5026)])

# the CFA example: .04 + .02 + .07 + .06 = .19 % of 40,000, each part rounded there
CFA = a_parent(
    quantity=1_000, filled=700, decision_price=4000.0, arrival_price=4004.0, end_price=4008.0,
    fees=17.0,
)  # fmt: skip
CFA_FILLS = some_fills([(700, 4005)])

# bought below the decision price: a gain, -121.50 / (4,000 * 16.24) = -18.7038 bp
GAIN = a_parent(
    quantity=4_000, filled=4_000, decision_price=1624.0, arrival_price=1624.0, end_price=None,
    fees=38.5,
)  # fmt: skip
GAIN_FILLS = some_fills([(4_000, 1620)])

CASES = [
    (PARTLY, PARTLY_FILLS, "order", (1_000, 1_100, 1_200, 75, 3_375), 67.5),
    (PARTLY, PARTLY_FILLS, "executed", (700, 1_100, 1_500, 75, 3_375), 67.5),
    (CFA, CFA_FILLS, "executed", (28, 7, 24, 17, 76), 19.0),
    (CFA, CFA_FILLS, "order", (40, 7, 12, 17, 76), 19.0),
    (GAIN, GAIN_FILLS, "order", (0, -160, 0, 38.5, -121.5), -18.7038),
    (GAIN, GAIN_FILLS, "executed", (0, -160, 0, 38.5, -121.5), -18.7038),
]


@pytest.mark.parametrize(("parent", "fills", "basis", "parts", "bps"), CASES)
def test_shortfall_has_the_published_parts(parent, fills, basis, parts, bps):
    cost = shortfall(parent, fills, basis)
    got = (cost.delay, cost.trading, cost.opportunity, cost.fees, cost.total)
    assert got == pytest.approx(parts, rel=1e-9, abs=1e-9)
    assert in_bps(cost, paper_notional(parent)).total == pytest.approx(bps, abs=5e-5)


@pytest.mark.parametrize("basis", ["order", "executed"])
def test_a_sell_at_the_same_prices_flips_every_part_but_fees(basis):
    buy = shortfall(PARTLY, PARTLY_FILLS, basis)
    sell = shortfall(
        a_parent(
            side=-1, filled=7_000, decision_price=5000.0, arrival_price=5010.0,
            end_price=5050.0, fees=75.0,
        ),
        PARTLY_FILLS,
        basis,
    )  # fmt: skip
    for name in ("delay", "trading", "opportunity", "spread", "impact_and_timing"):
        assert getattr(sell, name) == -getattr(buy, name)
    assert sell.fees == buy.fees == 75.0
    assert sell.total == pytest.approx(-3_300 + 75, abs=1e-9)


def test_a_sell_above_arrival_is_a_gain():
    # sold 1,000 at 50.20, arrival 50.10: -10 ticks * .01 * 1,000 = -100.00
    parent = a_parent(side=-1, quantity=1_000, filled=1_000)
    assert shortfall(parent, some_fills([(1_000, 5020)]), "order").trading == pytest.approx(-100.0)


def test_nothing_filled_is_delay_opportunity_and_fees():
    # order: 10,000 * .10 = 1,000 and 10,000 * .40 = 4,000; executed: all of 10,000 * .50 missed
    parent = a_parent(decision_price=5000.0, end_price=5050.0, fees=3.0)
    order = shortfall(parent, some_fills([]), "order")
    executed = shortfall(parent, some_fills([]), "executed")
    assert (order.delay, order.trading, order.opportunity) == pytest.approx((1000.0, 0.0, 4000.0))
    assert (executed.delay, executed.opportunity) == pytest.approx((0.0, 5000.0))
    assert order.total == executed.total == pytest.approx(5003.0)


def test_trading_splits_into_spread_impact_and_timing_with_a_no_trade_mid():
    # 2,000 @ 50.25, m 50.24, m0 50.15; 5,000 @ 50.26, m 50.25, m0 50.16; P_0 50.10
    # spread 7,000 * .01 = 70; impact 7,000 * .09 = 630; timing 2,000 * .05 + 5,000 * .06 = 400
    fills = some_fills(
        [(2_000, 5025), (5_000, 5026)],
        mid_untouched=np.array([5015.0, 5016.0]),
        untouched_from="no-trade twin",
    )
    cost = shortfall(PARTLY, fills, "order")
    assert (cost.spread, cost.impact, cost.timing) == pytest.approx((70.0, 630.0, 400.0))
    assert cost.impact_and_timing is None
    assert cost.trading == pytest.approx(1_100.0)


def test_without_a_no_trade_mid_impact_and_timing_are_one_number():
    cost = shortfall(PARTLY, PARTLY_FILLS, "order")
    assert (cost.spread, cost.impact_and_timing) == pytest.approx((70.0, 1_030.0))
    assert cost.impact is None
    assert cost.timing is None


def test_one_missing_mid_leaves_trading_unsplit_and_says_so():
    fills = some_fills([(2_000, 5025), (5_000, 5026)], mid=np.array([5024.0, np.nan]))
    cost = shortfall(PARTLY, fills, "order")
    assert (cost.spread, cost.impact_and_timing) == (None, None)
    assert cost.unsplit == cost.trading == pytest.approx(1_100.0)
    answer = order_tca(OrderFacts(parent=PARTLY, fills=fills), a_market(), RULES)
    assert ("no mid at fill", 1) in {(row.kind, row.count) for row in answer.quality}


def test_a_missing_end_price_leaves_the_total_undefined_only_when_shares_are_left():
    assert shortfall(GAIN, GAIN_FILLS, "order").total is not None
    parent = a_parent(filled=7_000, end_price=None)
    cost = shortfall(parent, PARTLY_FILLS, "order")
    assert cost.opportunity is None
    assert cost.total is None
    assert cost.trading == pytest.approx(1_100.0)


def test_a_missing_arrival_price_leaves_everything_but_fees_undefined():
    cost = shortfall(a_parent(arrival_price=None, filled=7_000, fees=2.0), PARTLY_FILLS, "order")
    assert cost == Parts(fees=2.0)


def test_without_a_decision_price_the_arrival_is_the_decision():
    assert decision_price(a_parent()) == 5010.0
    assert shortfall(a_parent(), some_fills([]), "order").delay == 0.0


def test_parts_that_do_not_sum_stop_the_report():
    cost = shortfall(PARTLY, PARTLY_FILLS, "order")
    with pytest.raises(BrokenInvariant, match="sum to the total"):
        must_sum(msgspec.structs.replace(cost, delay=cost.delay + 1e-3), 500_000.0)
    with pytest.raises(BrokenInvariant, match="sum to trading"):
        must_sum(msgspec.structs.replace(cost, spread=cost.spread + 1e-3), 500_000.0)


def test_fills_between_ticks_and_rebates_are_exact_to_the_cent():
    """600 at 50.105 and 400 at 50.1003 against 50.10: 3.00 + 0.12; rebates of 1.80 come back."""
    parent = a_parent(quantity=1_000, filled=1_000, arrival_price=5010.0, end_price=None, fees=-1.8)
    fills = some_fills(
        [(600, 5010), (400, 5010)],
        sub=np.array([50, 3], dtype=np.int64),
        mid=np.array([5010.0, 5009.5]),
        venue=("DARK-1", "DEAL-1"),
    )
    cost = shortfall(parent, fills, "order")
    assert cost.trading == pytest.approx(3.12, abs=1e-12)
    assert cost.spread == pytest.approx(600 * 0.005 + 400 * 0.0053, abs=1e-9)
    assert cost.total == pytest.approx(3.12 - 1.8, abs=1e-12)
    must_sum(cost, 50_100.0)
    found = order_tca(OrderFacts(parent=parent, fills=fills), a_market(), RULES)
    assert found.benchmarks.average_price == (600 * 501_050 + 400 * 501_003) / 100_000
    assert {row.venue: row.parts.trading for row in found.venues} == pytest.approx(
        {"DARK-1": 3.0, "DEAL-1": 0.12}
    )


def test_a_sell_half_a_tick_better_is_a_gain():
    parent = a_parent(side=-1, quantity=100, filled=100, arrival_price=5010.0, end_price=None)
    fills = some_fills([(100, 5010)], sub=np.array([50], dtype=np.int64))
    assert shortfall(parent, fills, "order").total == pytest.approx(-0.5, abs=1e-12)
