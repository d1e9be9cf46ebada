"""The realism report: estimators on made-up days with known answers, and a market that cheats."""

import json
import math
from dataclasses import replace
from itertools import pairwise
from threading import Event

import numpy as np
import pytest

from engine.domain.errors import BrokenInvariant, Refused
from engine.exchange.presets import MIDCAP, market_hash
from engine.exchange.regimes import REGIMES, ZERO_INTELLIGENCE, regime
from engine.kernels.observed import HIT, SEEN, resampled
from engine.realism import calibrate, facts, impact, impact_report
from engine.realism.judge import judged, weights_of
from engine.realism.moments import LAGS, Watched, moments, stacked
from engine.realism.recorded import recorded_day
from engine.realism.report import control_fails, keep
from engine.realism.targets import MUST_FAIL, NOT_APPLICABLE, TARGETS
from engine.realism.watch import (
    MOST_DAYS,
    OPEN_NS,
    SECOND,
    Purpose,
    in_order,
    long_sums_of,
    seed_of,
    sums_of,
)
from tests.support.data import data_dir

SECONDS = 23_400


def a_day(mid=None, signs=None, spread=2, **columns):
    """A made-up day: mids in half ticks are rounded to a bid and an ask around them."""
    seen = np.zeros(SECONDS, SEEN)
    middle = np.full(SECONDS, 5_000) if mid is None else np.asarray(mid)
    seen["bid"], seen["ask"] = middle - spread // 2, middle + spread // 2
    seen["bid_size"] = seen["ask_size"] = 100
    seen["volume"] = np.arange(SECONDS)
    for name, values in columns.items():
        seen[name] = values
    side = np.array([1, -1] * 1_000 if signs is None else signs)
    hits = np.zeros(len(side), HIT)
    hits["side"], hits["prices"], hits["quantity"] = side, 1, 100
    hits["at_ns"] = OPEN_NS + (np.arange(len(side)) + 1) * (SECONDS * SECOND // (len(side) + 2))
    hits["bid"], hits["ask"], hits["bid_after"], hits["ask_after"] = 4_999, 5_001, 4_999, 5_001
    return Watched(seen, hits, OPEN_NS)


def sums(*days):
    return stacked([moments(day) for day in days])


def value(estimator, *days):
    found = sums(*days)
    return float(facts.applied(estimator, found, np.ones((1, len(days))))[0])


def test_alternating_signs_correlate_minus_one_and_plus_one():
    assert value(facts.sign_at(1), a_day()) == pytest.approx(-1, abs=1e-3)
    assert value(facts.sign_at(2), a_day()) == pytest.approx(1, abs=1e-3)
    assert math.isnan(value(facts.sign_exponent, a_day()))


def test_the_sign_exponent_is_the_slope_of_a_power_law():
    found = sums(a_day())
    n = 1e9
    row = [n, 0.0]
    for lag in LAGS:
        row += [n, n * 0.2 * lag**-0.6]
    found["signs"] = np.array([row])
    assert facts.sign_exponent(found, np.ones((1, 1)))[0] == pytest.approx(0.6, abs=1e-9)


def test_a_mid_that_always_turns_back_has_no_long_variance():
    mid = 5_000 + 10 * ((np.arange(SECONDS) // 60) % 2)
    assert value(facts.return_correlation, a_day(mid)) < -0.99
    assert value(facts.variance_ratio(0), a_day(mid)) == pytest.approx(0, abs=0.02)


def test_a_mid_that_goes_on_has_ten_times_the_variance_of_a_random_one():
    mid = 5_000 + 10 * (np.arange(SECONDS) // 60)
    assert value(facts.variance_ratio(0), a_day(mid)) == pytest.approx(10, rel=0.02)
    assert value(facts.variance_ratio(1), a_day(mid)) == pytest.approx(30, rel=0.02)


def test_a_wild_open_does_not_look_as_if_the_mid_turned_back():
    steps = np.where(np.arange(SECONDS) // 60 < 30, 40, 2) * np.where(
        resampled(5, 1, SECONDS)[0] > 0, 1, -1
    )
    mid = 20_000 + np.cumsum(np.where(np.arange(SECONDS) % 60 == 0, steps, 0))
    ratios = [value(facts.variance_ratio(0), a_day(mid))]
    assert 0.3 < ratios[0] < 2.5  # one wild half hour: noise, but no bias towards 30 / 390


def test_order_flow_that_moves_the_mid_exactly_explains_all_of_it():
    steps = np.where(resampled(6, 1, SECONDS)[0] > 0, 1, -1) * 2
    mid = 30_000 + np.cumsum(steps)
    ofi = 50.0 * (mid - mid[0])
    assert value(facts.flow_r2, a_day(mid, ofi=ofi)) == pytest.approx(1, abs=1e-9)
    assert value(facts.depth_slopes, a_day(mid, ofi=ofi, bid_size=np.arange(SECONDS))) == (
        pytest.approx(1, abs=1e-9)
    )


def test_an_imbalance_that_knows_the_next_move_is_always_right():
    mid = 5_000 + 2 * ((np.arange(SECONDS) // 100) % 2)
    coming = np.where((np.arange(SECONDS) // 100) % 2 == 0, 200, 50)
    day = a_day(mid, bid_size=coming)
    assert value(facts.imbalance_right, day) == 1.0
    assert value(facts.imbalance_right, a_day(mid, ask_size=coming)) == 0.0
    assert value(facts.auc(1), day) == 1.0


def test_a_spread_that_closes_by_a_half_each_second_needs_two_for_one_over_e():
    spread = np.full(SECONDS, 2)
    day = a_day(signs=[1])
    at = int((day.hits["at_ns"][0] - OPEN_NS) // SECOND)
    for k, wide in enumerate((34, 18, 10, 6), start=1):
        spread[at + k] = wide
    day.seen["ask"] = day.seen["bid"] + spread
    day.hits["prices"], day.hits["ask_after"] = 2, day.hits["bid_after"] + 66
    assert value(facts.recovery_time, day) == 2.0  # 64, 32, 16: below 64 / e = 23.5


def test_the_tail_index_of_an_exact_power_law_is_its_exponent():
    found = sums(a_day())
    u = (np.arange(100_000) + 0.5) / 100_000
    found["minutes"] = (u ** (-1 / 3))[None, :]
    assert facts.tail_index("minutes")(found, np.ones((1, 1)))[0] == pytest.approx(3, rel=0.01)


def test_kurtosis_of_two_values_is_one_and_volume_at_the_edges_is_seen():
    found = sums(a_day())
    found["minutes"] = np.ones((1, 1000))
    assert facts.kurtosis(found, np.ones((1, 1)))[0] == pytest.approx(1)
    rate = np.where((np.arange(SECONDS) < 1_800) | (np.arange(SECONDS) >= SECONDS - 1_800), 3, 1)
    assert value(facts.edge_over_middle(0), a_day(volume=np.cumsum(rate))) == pytest.approx(
        3, rel=1e-2
    )


def test_a_bootstrap_sample_weighs_days_as_if_they_were_there_so_often():
    calm = a_day(5_000 + (np.arange(SECONDS) // 60) % 2)
    wild = a_day(5_000 + 30 * ((np.arange(SECONDS) // 60) % 3))
    found = sums(calm, wild)
    twice = sums(calm, wild, wild)
    for target in TARGETS:
        a = facts.applied(target.estimate, found, np.array([[1.0, 2.0]]))[0]
        b = facts.applied(target.estimate, twice, np.ones((1, 3)))[0]
        if target.name.startswith("volatility"):
            continue  # the time of day is removed with the mean over all days, drawn or not
        assert a == pytest.approx(b, nan_ok=True), target.name


def test_the_samples_of_the_bootstrap_never_change():
    weights = weights_of(40)
    assert weights.shape == (501, 40)
    assert np.all(weights.sum(axis=1) == 40)
    assert weights[1:].tolist() == weights_of(40)[1:].tolist()
    assert len({row.tobytes() for row in weights}) == 501


def test_tuning_and_acceptance_never_share_a_seed():
    ranges = sorted((purpose.value, purpose.value + MOST_DAYS) for purpose in Purpose)
    assert all(a[1] <= b[0] for a, b in pairwise(ranges))
    with pytest.raises(BrokenInvariant):
        seed_of(Purpose.TUNING, MOST_DAYS)


def test_days_add_up_to_the_same_sums_for_one_worker_and_for_two():
    flow = MIDCAP.flow()
    one = sums_of(flow, Purpose.TUNING, 2)
    two = sums_of(flow, Purpose.TUNING, 2, workers=2)
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


def test_days_of_which_only_mids_are_kept_give_the_same_returns():
    flow = MIDCAP.flow()
    full = sums_of(flow, Purpose.TUNING, 1)
    light = long_sums_of(flow, Purpose.TUNING, 1)
    assert all(light[name].tobytes() == full[name].tobytes() for name in light)
    assert set(light) == {"diffusion", "minutes", "tens", "fives"}


def test_what_progress_raises_leaves_out_what_has_not_begun():
    begun, never = [], Event()

    def one(number):
        begun.append(number)
        never.wait(0.0 if number < 2 else 0.01)

    def stop(done, _of):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_order(one, 1_000, 1, stop)
    assert len(begun) < 500


def test_the_control_fails_where_it_must_and_the_usual_market_shows_sign_memory():
    control = judged(
        sums_of(ZERO_INTELLIGENCE.of(MIDCAP.flow()), Purpose.TUNING, 12), ZERO_INTELLIGENCE.name
    )
    usual = judged(sums_of(MIDCAP.flow(), Purpose.TUNING, 8), "usual")
    assert control_fails(control)
    assert not control_fails(usual)  # a market with memory would not serve as its own control
    assert usual["order_sign_c100"]["passed"]
    assert usual["aggressor_side"]["value"] == 1.0
    assert set(MUST_FAIL) <= set(control)
    assert {"value", "ci95", "n", "target", "passed", "applies"} <= set(usual["kurtosis"])


def test_every_regime_differs_from_the_usual_day_and_names_real_fields():
    base = MIDCAP.flow()
    for known in REGIMES[1:]:
        changed = known.of(base)
        assert changed.tobytes() != base.tobytes()
        assert base.tobytes() == MIDCAP.flow().tobytes()
    assert set(NOT_APPLICABLE) <= {known.name for known in REGIMES}
    with pytest.raises(Refused, match="must be one of"):
        regime("sideways")


def test_the_market_hash_moves_with_every_parameter_and_with_the_venues():
    flow = MIDCAP.flow()
    seen = {market_hash([flow]), market_hash([flow], venues=("A",)), market_hash()}
    seen.add(market_hash([flow], latency_ns=2))
    for name in flow.dtype.names:
        other = flow.copy()
        other[0][name] += 1e-9
        seen.add(market_hash([other]))
    assert len(seen) == 4 + len(flow.dtype.names)
    assert market_hash([flow]) == market_hash([MIDCAP.flow()])


# --- own impact ------------------------------------------------------------------------------
def test_an_order_moves_its_market_up_costs_and_leaves_the_twin_alone():
    orders = [impact.Order(0.01, 20_000, 900, 1_500)]
    (found,) = impact.measure(MIDCAP.flow(), orders, 2)
    assert np.all(found.filled == 1.0)
    assert np.all(found.peak > 0)
    assert np.all(found.cost > 0)
    assert found.course[0] == pytest.approx(0, abs=0.5)
    again = impact.measure(MIDCAP.flow(), orders, 2, workers=2)[0]
    assert again.peak.tobytes() == found.peak.tobytes()


def test_two_twins_without_an_order_are_the_same_to_the_bit():
    flow = MIDCAP.flow()
    (nothing,) = impact.measure(flow, [impact.Order(0.01, 0, 900, 1_500)], 1)
    assert np.all(nothing.peak == 0)
    assert np.isnan(nothing.cost).all()


def test_a_square_root_of_sizes_has_exponent_one_half_and_a_decay_is_a_share():
    made = [
        impact.Measured(
            order=impact.Order(size, 1, 0, 1), peak=np.full(4, 100 * size**0.5),
            later=np.full(4, 66 * size**0.5), cost=np.ones(4), filled=np.ones(4),
            course=np.zeros(3),
        )
        for size in impact.SIZES
    ]  # fmt: skip
    report = impact_report.judged_impact(made, made, 0.02)
    assert report["targets"]["impact_exponent"]["value"] == pytest.approx(0.5)
    assert report["targets"]["impact_decay"]["value"] == pytest.approx(0.66)
    assert report["passed"]
    linear = [replace(one, peak=np.full(4, 100 * one.order.size)) for one in made]
    assert not impact_report.judged_impact(linear, linear, 0.02)["passed"]


def test_a_round_trip_ends_flat_and_loses():
    trip = impact_report.RoundTrip(5_000, 60, 0, 60)
    plan = impact_report.trip_plan(trip)
    assert plan.max() == 5_000
    assert plan[-1] == 0
    assert impact_report.trip_gain(MIDCAP.flow(), trip, 0) < 0


def test_a_report_keeps_both_parts_of_one_market(tmp_path):
    keep(tmp_path, {"market_hash": "ab", "passed": True}, 1)
    path = keep(tmp_path, {"market_hash": "ab", "impact": {}, "passed": True}, 2)
    body = json.loads(path.read_text())
    assert (body["stylised"]["made_ns"], body["own_impact"]["made_ns"]) == (1, 2)


# --- a recorded day --------------------------------------------------------------------------
def test_a_recorded_day_becomes_the_rows_an_observer_would_have_written():
    place = data_dir("lobster") / "LOBSTER_SampleFile_AMZN_2012-06-21_1.zip"
    day, source, _ = recorded_day(place, place)
    assert "AMZN 2012-06-21" in source
    assert len(day.seen) == SECONDS
    assert int(day.hits["quantity"].sum()) == 613_248  # all visible executions of the file
    bought = day.hits["quantity"][day.hits["side"] > 0].sum()
    assert int(bought) == 296_974
    assert np.mean(day.seen["ask"] - day.seen["bid"]) == pytest.approx(12.848, abs=0.1)
    assert day.hits["wrong"].mean() < 0.01
    found = calibrate.first_guess(day, stacked([moments(day)]))
    assert 0.5 < found[0]["rate"] / (len(day.hits) / 1_640) < 1.5
    assert found[0]["slots"] == 1  # C(1) of .62 leaves room for one metaorder at a time
