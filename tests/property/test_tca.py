"""What holds for every order and every day."""

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.units import SECOND
from engine.tca.benchmarks import benchmarks
from engine.tca.day import day_tca
from engine.tca.inputs import MidSeries, OrderFacts, Tape, TcaRules
from engine.tca.markouts import executions
from engine.tca.order import order_tca
from engine.tca.results import Measure
from engine.tca.shortfall import INNER, OUTER, shortfall
from engine.tca.statistics import find_outliers, interval, ratio_of_sums
from tests.support.tca import (
    META,
    RULES,
    T0,
    a_day,
    a_market,
    a_parent,
    a_tape,
    an_order,
    some_fills,
)

FEW = settings(max_examples=60, deadline=None)
HALF_TICKS = st.integers(9_800, 10_200).map(lambda p: p / 2)
ROWS = st.lists(st.tuples(st.integers(1, 900), st.integers(4_900, 5_100)), max_size=8)
SIDES = st.sampled_from([1, -1])
BASES = st.sampled_from(["order", "executed"])


@st.composite
def orders(draw, side=SIDES):
    rows = draw(ROWS)
    filled = sum(q for q, _ in rows)
    parent = a_parent(
        side=draw(side), filled=filled, quantity=filled + draw(st.integers(1, 5_000)),
        decision_price=draw(st.none() | HALF_TICKS), arrival_price=draw(HALF_TICKS),
        end_price=draw(HALF_TICKS), fees=draw(st.integers(0, 900)) / 7,
    )  # fmt: skip
    n = len(rows)
    mids = draw(st.lists(HALF_TICKS, min_size=n, max_size=n))
    untouched = draw(st.none() | st.lists(st.floats(4_900, 5_100), min_size=n, max_size=n))
    fills = some_fills(
        rows,
        mid=np.array(mids, dtype=np.float64),
        mid_untouched=None if untouched is None else np.array(untouched, dtype=np.float64),
    )
    return OrderFacts(parent=parent, fills=fills)


def summed(parts, names):
    return math.fsum(v for n in names if (v := getattr(parts, n)) is not None)


@FEW
@given(orders(), BASES)
def test_parts_sum_to_the_total_and_to_trading(order, basis):
    cost = shortfall(order.parent, order.fills, basis)
    assert summed(cost, OUTER) == pytest.approx(cost.total, rel=1e-9, abs=1e-9)
    assert summed(cost, INNER) == pytest.approx(cost.trading, rel=1e-9, abs=1e-7)


@FEW
@given(orders())
def test_both_bases_have_one_total(order):
    on_order = shortfall(order.parent, order.fills, "order")
    on_executed = shortfall(order.parent, order.fills, "executed")
    assert on_order.total == on_executed.total
    assert on_order.trading == on_executed.trading


@FEW
@given(orders(side=st.just(1)), BASES)
def test_the_sell_at_the_same_prices_costs_the_exact_opposite_before_fees(order, basis):
    sold = replace(order.parent, side=-1)
    market = a_market([(9_000_000, 5_000)], [5_000.0] * 30)
    buy = order_tca(order, market, TcaRules(basis=basis))
    sell = order_tca(OrderFacts(parent=sold, fills=order.fills), market, TcaRules(basis=basis))
    for name in ("delay", "trading", "opportunity", *INNER):
        bought = getattr(buy.cost, name)
        assert getattr(sell.cost, name) == (None if bought is None else -bought)
    for path in ("arrival_bps", "end_bps", "vwap_ex_own_bps"):
        bought = getattr(buy.benchmarks, path)
        assert getattr(sell.benchmarks, path) == (None if bought is None else -bought)
    for b, s in zip(buy.execution.markouts, sell.execution.markouts, strict=True):
        assert s.gain.bps == (None if b.gain.bps is None else -b.gain.bps)
        assert s.realised.bps == (None if b.realised.bps is None else -b.realised.bps)


@FEW
@given(orders(), st.integers(2, 9), BASES)
def test_k_times_the_shares_cost_k_times_the_money_at_the_same_bps(order, k, basis):
    p, f = order.parent, order.fills
    bigger = replace(p, quantity=k * p.quantity, filled=k * p.filled, fees=k * p.fees)
    more = replace(f, quantity=k * f.quantity)
    market = a_market([(9_000_000, 5_000)], [5_000.0] * 30)
    one = order_tca(order, market, TcaRules(basis=basis))
    many = order_tca(OrderFacts(parent=bigger, fills=more), market, TcaRules(basis=basis))
    assert many.cost.total == pytest.approx(k * one.cost.total, rel=1e-9, abs=1e-7)
    assert many.cost_bps.total == pytest.approx(one.cost_bps.total, rel=1e-9, abs=1e-9)
    if p.filled:
        expected = pytest.approx(k * one.execution.arrival.cost, rel=1e-9, abs=1e-7)
        assert many.execution.arrival.cost == expected
        assert many.benchmarks.arrival_bps == pytest.approx(one.benchmarks.arrival_bps, rel=1e-9)


@FEW
@given(orders(), st.integers(1, 10**9))
def test_a_later_day_of_the_same_shape_has_the_same_costs(order, shift):
    p, f = order.parent, order.fills
    later = replace(p, arrived_at=p.arrived_at + shift, done_at=p.done_at + shift)
    moved = replace(f, at_ns=f.at_ns + shift)
    tape = a_tape([(900, 5_001), (8_000, 5_003)])
    shifted = Tape(at_ns=tape.at_ns + shift, price=tape.price, quantity=tape.quantity)
    mids = MidSeries(at_ns=T0 + SECOND * np.arange(20), mid=np.linspace(5_000, 5_010, 20),
                     until_ns=T0 + 15 * SECOND)  # fmt: skip
    mids_later = MidSeries(at_ns=mids.at_ns + shift, mid=mids.mid, until_ns=mids.until_ns + shift)
    assert benchmarks(p, f, tape, (0.5,)) == benchmarks(later, moved, shifted, (0.5,))
    one = executions(p, f, mids, RULES.horizons_ns)
    assert one == executions(later, moved, mids_later, RULES.horizons_ns)


@FEW
@given(ROWS.filter(len), st.integers(1, 9_000), st.integers(4_900, 5_100))
def test_average_minus_vwap_is_the_others_share_of_average_minus_ex_own(rows, others, price):
    filled = sum(q for q, _ in rows)
    tape = a_tape([*rows, (others, price)])
    m = benchmarks(a_parent(filled=filled), some_fills(rows), tape, ())
    right = (1 - m.participation) * (m.average_price - m.vwap_ex_own)
    assert m.average_price - m.interval_vwap == pytest.approx(right, rel=1e-9, abs=1e-8)


def test_venues_of_an_order_sum_to_the_order():
    order = order_tca(an_order(3), a_market(), RULES)
    assert [v.venue for v in order.venues] == ["DARK", "LIT"]
    assert sum(v.filled for v in order.venues) == order.filled
    total = math.fsum(v.parts.trading for v in order.venues)
    assert total == pytest.approx(order.cost.trading, rel=1e-12)
    assert (order.venues[0].passive, order.venues[1].aggressive) == (1, 1)


def test_each_dimension_sums_to_the_day_and_bps_are_a_ratio_of_sums():
    report = day_tca(a_day(), {"MIDC": a_market()}, RULES, META)
    for dimension in ("strategy", "trader", "symbol", "side"):
        members = [g for g in report.groups if g.dimension == dimension]
        assert sum(g.n for g in members) == 12
        assert math.fsum(g.cost.total for g in members) == pytest.approx(report.total.cost.total)
    trading = math.fsum(g.cost.trading for g in report.groups if g.dimension == "venue")
    assert trading == pytest.approx(report.total.cost.trading)
    cost = math.fsum(o.cost.total for o in report.orders)
    paper = math.fsum(o.paper_notional for o in report.orders)
    assert report.total.shortfall.bps == pytest.approx(cost / paper * 1e4, rel=1e-12)


def test_bps_of_a_group_are_not_the_mean_of_its_orders():
    # 100 shares at +10 ticks and 9,900 at 0 on 50.10: 10.00 / 501,000 = .1996 bp, mean 9.98 bp
    rows = [Measure(cost=10.0, notional=5_010.0, bps=19.96, n=1),
            Measure(cost=0.0, notional=495_990.0, bps=0.0, n=1)]  # fmt: skip
    assert ratio_of_sums(rows, RULES).bps == pytest.approx(10 / 501_000 * 1e4)


def test_the_order_of_the_orders_does_not_matter_and_the_interval_is_repeatable():
    market = {"MIDC": a_market()}
    one = day_tca(a_day(), market, RULES, META)
    assert day_tca(reversed(a_day()), market, RULES, META) == one
    other = day_tca(a_day(), market, TcaRules(draws=200, seed=2), META)
    assert other.total.shortfall.bps == one.total.shortfall.bps
    assert other.total.shortfall.low != one.total.shortfall.low


def test_fewer_than_ten_parents_have_no_interval_and_no_outliers():
    nine = day_tca(a_day(9), {"MIDC": a_market()}, RULES, META)
    assert not nine.total.shortfall.enough
    assert (nine.total.shortfall.low, nine.total.shortfall.high) == (None, None)
    assert nine.total.shortfall.bps is not None
    assert nine.outliers.answer == "not enough data"
    ten = day_tca(a_day(10), {"MIDC": a_market()}, RULES, META)
    assert ten.total.shortfall.enough
    assert ten.total.shortfall.low < ten.total.shortfall.bps < ten.total.shortfall.high


def test_the_interval_of_equal_parents_is_the_point():
    low, high = interval(np.full(20, 3.0), np.full(20, 1_000.0), 1, 50)
    assert low == high == pytest.approx(30.0)


def test_the_interval_covers_the_true_ratio_about_as_often_as_it_says():
    # 120 samples of 40 parents: cost uniform around 2 bp; 95 % nominal, at least 85 % by chance
    covered = 0
    draws = np.random.default_rng(7)
    for i in range(120):
        notional = draws.uniform(1e5, 1e6, 40)
        cost = notional * 1e-4 * draws.uniform(-10, 14, 40)
        low, high = interval(cost, notional, i, 300)
        covered += low <= 2.0 <= high
    assert 102 <= covered < 120


def test_an_outlier_is_found_by_its_robust_score_and_a_flat_day_has_none():
    values = [(i, float(i % 5)) for i in range(20)]
    found = find_outliers([*values, (99, 400.0), (98, None)], 10)
    assert [row.parent_id for row in found.rows] == [99]
    # median 2, |x - 2| = 0 1 1 2 2 ...: MAD 1; .6745 * 398 / 1
    assert found.rows[0].score == pytest.approx(0.6745 * 398)
    assert found.n == 21
    flat = find_outliers([(i, 1.0) for i in range(20)], 10)
    assert flat.rows == ()
    assert "MAD is 0" in flat.answer


def test_an_order_without_an_arrival_price_is_counted_apart_not_as_zero():
    day = [*a_day(), an_order(77, arrival_price=None)]
    report = day_tca(day, {"MIDC": a_market()}, RULES, META)
    without = day_tca(a_day(), {"MIDC": a_market()}, RULES, META)
    assert report.total.n == 13
    assert report.total.undefined == 1
    assert report.total.cost == without.total.cost
    assert report.total.shortfall == without.total.shortfall


def test_an_empty_day_is_a_report_without_numbers():
    report = day_tca([], {}, RULES, META)
    assert report.total.n == 0
    assert report.total.shortfall.bps is None
    assert report.groups == ()


def test_two_currencies_are_refused_and_fills_that_do_not_add_up_stop_the_report():
    mixed = [an_order(1), an_order(2, currency="EUR")]
    with pytest.raises(Refused, match="one currency, was EUR, USD"):
        day_tca(mixed, {"MIDC": a_market()}, RULES, META)
    with pytest.raises(BrokenInvariant, match="add up to 100"):
        order_tca(an_order(1, filled=90), a_market(), RULES)


def test_a_tape_or_fills_that_cannot_be_stop_the_report():
    with pytest.raises(BrokenInvariant, match="goes back at row 1"):
        Tape(at_ns=np.array([2, 1]), price=np.array([1, 1]), quantity=np.array([1, 1]))
    with pytest.raises(BrokenInvariant, match="one length"):
        some_fills([(1, 5_000)], venue=())
    with pytest.raises(BrokenInvariant, match="positive"):
        some_fills([(0, 5_000)])
    with pytest.raises(BrokenInvariant, match="parent 42"):
        a_parent(side=0)


def test_an_overfill_is_booked_and_said():
    order = an_order(1, quantity=90)
    answer = order_tca(order, a_market(), RULES)
    assert ("filled more than ordered", 10) in {(q.kind, q.count) for q in answer.quality}
    assert answer.cost.total is not None


def test_every_result_survives_json():
    report = day_tca(a_day(), {"MIDC": a_market()}, RULES, META)
    data = msgspec.json.encode(report)
    assert msgspec.json.decode(data, type=type(report)) == report
