"""Slippage, own prints, participation, PWP and the trade sign, worked by hand."""

import math

import numpy as np
import pytest

from engine.kernels.cost import trade_signs
from engine.tca.benchmarks import benchmarks, pov_schedule, roll_spread, slippage_bps
from engine.tca.inputs import OrderFacts
from engine.tca.live import RunningSums, live_costs
from engine.tca.order import order_tca
from tests.support.tca import RULES, a_market, a_parent, a_tape, some_fills

# KA-10: 2,000 @ 50.09 + 3,000 @ 50.16 = 250,660 / 5,000 = 50.132
FILLS = some_fills([(2_000, 5009), (3_000, 5016)])
BOUGHT = a_parent(quantity=5_000, filled=5_000, arrival_price=5004.0, end_price=5016.0)
SOLD = a_parent(side=-1, quantity=5_000, filled=5_000, arrival_price=5004.0, end_price=5016.0)


@pytest.mark.parametrize(
    ("benchmark", "bps"), [(50.04, 18.3853), (50.103333, 5.7215), (50.16, -5.5821)]
)
def test_slippage_of_the_example(benchmark, bps):
    assert slippage_bps(1, 50.132, benchmark) == pytest.approx(bps, abs=5e-4)
    assert slippage_bps(-1, 50.132, benchmark) == -slippage_bps(1, 50.132, benchmark)


def test_an_order_has_its_slippage_against_arrival_vwap_and_end():
    # tape: own 2,000 @ 50.09, own 3,000 @ 50.16, others 4,000 @ 50.0675:
    # VWAP (250,660 + 200,270) / 9,000 = 50.103333; ex own 50.0675
    tape = a_tape([(2_000, 5009), (3_000, 5016), (3_000, 5007), (1_000, 5006)])
    marks = benchmarks(BOUGHT, FILLS, tape, ())
    assert marks.average_price == pytest.approx(5013.2)
    assert marks.interval_vwap == pytest.approx(5010.33333333)
    assert marks.vwap_ex_own == pytest.approx(5006.75)
    assert marks.arrival_bps == pytest.approx(18.3853, abs=5e-5)
    assert marks.vwap.bps == pytest.approx(5.7215, abs=5e-5)
    assert marks.end_bps == pytest.approx(-5.5821, abs=5e-5)
    assert marks.participation == pytest.approx(5 / 9)
    sold = benchmarks(SOLD, FILLS, tape, ())
    assert sold.arrival_bps == -marks.arrival_bps
    assert sold.vwap.bps == -marks.vwap.bps
    assert sold.end_bps == -marks.end_bps


def test_average_minus_vwap_is_the_others_share_of_average_minus_vwap_ex_own():
    # KA-13: avg - VWAP = (1 - rho)(avg - VWAP_ex-own)
    tape = a_tape([(2_000, 5009), (3_000, 5016), (3_000, 5007), (1_000, 5006)])
    m = benchmarks(BOUGHT, FILLS, tape, ())
    left = m.average_price - m.interval_vwap
    assert left == pytest.approx(
        (1 - m.participation) * (m.average_price - m.vwap_ex_own), rel=1e-9
    )


def test_all_of_the_volume_reports_no_vwap_slippage():
    market = a_market(prints=[(2_000, 5009), (3_000, 5016)])
    answer = order_tca(OrderFacts(parent=BOUGHT, fills=FILLS), market, RULES)
    assert answer.benchmarks.participation == 1.0
    assert answer.benchmarks.vwap.bps is None
    assert answer.benchmarks.vwap_ex_own_bps is None
    assert "all of the volume" in {row.kind for row in answer.quality}


def test_a_tape_without_the_own_prints_gives_no_vwap_and_a_quality_row():
    answer = order_tca(OrderFacts(parent=BOUGHT, fills=FILLS), a_market([(900, 5009)]), RULES)
    assert answer.benchmarks.interval_vwap is None
    assert answer.benchmarks.participation is None
    assert ("tape lacks own prints", 4_100) in {(r.kind, r.count) for r in answer.quality}


def test_pwp_takes_the_first_shares_after_arrival_and_part_of_the_last_print():
    # 1,000 filled at 20 %: the first 5,000 shares: 4,000 @ 50.00 + 1,000 of 3,000 @ 50.10 = 50.02
    parent = a_parent(filled=1_000)
    tape = a_tape([(4_000, 5000), (3_000, 5010)])
    marks = benchmarks(parent, some_fills([(1_000, 5003)]), tape, (0.2, 0.1))
    assert marks.pwp[0].price == pytest.approx(5002.0)
    assert marks.pwp[0].slippage_bps == pytest.approx(1 / 5002 * 1e4)
    assert marks.pwp[1].price is None  # 10,000 shares never traded


def test_prints_before_the_arrival_and_after_the_end_do_not_count():
    second = 1_000_000_000
    parent = a_parent(filled=0, done_at=a_parent().arrived_at + 2 * second)
    tape = a_tape([(100, 4000), (10, 5000), (10, 5010), (10, 5020), (100, 6000)],
                  start=parent.arrived_at - second)  # fmt: skip
    marks = benchmarks(parent, some_fills([]), tape, ())
    assert marks.market_volume == 30
    assert marks.interval_vwap == 5010.0
    assert marks.arrival_bps is None
    assert marks.vwap.bps is None


def test_pov_at_ten_percent_trades_a_tenth_of_each_bin_until_done():
    # KA-11
    volume = np.array([20_000, 35_000, 15_000, 60_000])
    assert pov_schedule(10_000, 0.1, volume).tolist() == [2_000, 3_500, 1_500, 3_000]


def test_trade_signs_of_the_example():
    # KA-4, quote 100.00 / 100.02
    def last(*prices):
        price = np.array(prices)
        return trade_signs(price, np.full(len(price), 100.01)).tolist()[-1]

    assert [last(100.02), last(100.00), last(100.015), last(100.005)] == [1, -1, 1, -1]
    assert last(100.00, 100.01) == 1
    assert last(100.02, 100.01) == -1
    assert last(100.00, 100.01, 100.01) == 1  # zero-uptick
    assert last(100.01) == 0  # nothing to compare with
    assert trade_signs(np.array([100.02]), np.array([np.nan])).tolist() == [0]


def test_roll_spread_of_the_example_and_no_spread_for_a_trend():
    # KA-8: demeaned by the full mean; a pairwise covariance would give .0303315
    price = np.array([100.02, 100.00, 100.02, 100.02, 100.00, 100.01, 99.99, 100.01])
    assert roll_spread(price) == pytest.approx(0.0284760312, rel=1e-8)
    assert math.isnan(roll_spread(np.array([1.0, 2.0, 4.0, 7.0, 11.0])))
    assert math.isnan(roll_spread(np.array([1.0, 2.0])))


@pytest.mark.parametrize("side", [1, -1])
def test_live_numbers_equal_those_of_the_report(side):
    tape = a_tape([(2_000, 5009), (3_000, 5016), (3_000, 5007), (1_000, 5006)])
    marks = benchmarks(BOUGHT if side == 1 else SOLD, FILLS, tape, ())
    live = live_costs(
        RunningSums(side=side, filled=5_000, filled_notional=25_066_000, arrival_price=5004.0,
                    market_volume=9_000, market_notional=45_093_000)
    )  # fmt: skip
    assert live.slippage_bps == marks.arrival_bps
    assert live.vwap_slippage_bps == pytest.approx(marks.vwap.bps, rel=1e-12)
    assert live.participation == marks.participation
    assert live.average_price == marks.average_price


def test_live_numbers_are_undefined_before_the_first_fill_and_at_full_participation():
    none = live_costs(RunningSums(side=1, filled=0, filled_notional=0, arrival_price=5004.0,
                                  market_volume=0, market_notional=0))  # fmt: skip
    assert (none.average_price, none.slippage_bps, none.participation) == (None, None, None)
    alone = live_costs(RunningSums(side=1, filled=10, filled_notional=50_000, arrival_price=None,
                                   market_volume=10, market_notional=50_000))  # fmt: skip
    assert (alone.vwap_slippage_bps, alone.slippage_bps, alone.participation) == (None, None, 1.0)
