"""The cost kernels equal their slow twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kernels.cost import STREAM_BOOTSTRAP, bootstrap_ratios, last_at, trade_signs
from engine.tca.benchmarks import interval_sums, pwp_price
from engine.tca.inputs import MidSeries, Tape
from engine.tca.markouts import markout, mids_after
from engine.tca.shortfall import shortfall
from tests.oracle.naive_tca import (
    naive_bootstrap,
    naive_interval,
    naive_last_at,
    naive_markout,
    naive_pwp,
    naive_shortfall,
    naive_signs,
)
from tests.support.tca import T0, a_parent, some_fills

FEW = settings(max_examples=60, deadline=None)
times = st.lists(st.integers(0, 40), max_size=25).map(sorted)
mid = st.one_of(st.just(float("nan")), st.integers(9_990, 10_010).map(lambda m: m / 2))
side = st.sampled_from([1, -1])
fill_rows = st.lists(st.tuples(st.integers(1, 900), st.integers(4_900, 5_100)), max_size=8)


def ints(values):
    return np.array(values, dtype=np.int64)


@FEW
@given(times, st.data())
def test_the_value_at_an_instant_equals_a_walk_over_the_series(at, data):
    values = data.draw(st.lists(mid, min_size=len(at), max_size=len(at)))
    wanted = data.draw(st.lists(st.integers(-5, 60), max_size=12))
    until, stale = data.draw(st.integers(0, 50)), data.draw(st.integers(0, 20))
    got = last_at(ints(at), np.array(values, dtype=np.float64), ints(wanted), until, stale)
    np.testing.assert_array_equal(got, naive_last_at(at, values, wanted, until, stale))


@FEW
@given(times, st.data())
def test_interval_sums_and_pwp_equal_a_walk_over_the_tape(at, data):
    n = len(at)
    price = data.draw(st.lists(st.integers(4_990, 5_010), min_size=n, max_size=n))
    quantity = data.draw(st.lists(st.integers(1, 50), min_size=n, max_size=n))
    start = data.draw(st.integers(-2, 42))
    end = start + data.draw(st.integers(0, 42))
    prints = list(zip(at, price, quantity, strict=True))
    tape = Tape(at_ns=ints(at), price=ints(price), quantity=ints(quantity))
    assert interval_sums(tape, start, end) == naive_interval(prints, start, end)
    filled, rate = data.draw(st.integers(1, 60)), data.draw(st.sampled_from([0.125, 0.25, 1.0]))
    wanted = naive_pwp(prints, start, filled, rate)
    got = pwp_price(tape, start, filled, rate)
    assert got is None if wanted is None else got == pytest.approx(wanted, rel=1e-12)


@FEW
@given(st.lists(st.tuples(st.integers(0, 4), st.one_of(st.just(float("nan")), st.integers(0, 4)))))
def test_trade_signs_equal_looking_back_for_the_last_different_price(rows):
    price, quote = [float(p) for p, _ in rows], [float(m) for _, m in rows]
    got = trade_signs(np.array(price, dtype=np.float64), np.array(quote, dtype=np.float64))
    assert got.tolist() == naive_signs(price, quote)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-90, 90), st.integers(1, 900)), min_size=1, max_size=9),
    st.integers(0, 2**40),
)
def test_bootstrap_ratios_equal_python_integers(rows, seed):
    cost, notional = [float(c) for c, _ in rows], [float(m) for _, m in rows]
    got = bootstrap_ratios(np.array(cost), np.array(notional), seed, 20)
    assert got.tolist() == naive_bootstrap(cost, notional, seed, STREAM_BOOTSTRAP, 20)


@FEW
@given(side, fill_rows, st.data(), st.sampled_from(["order", "executed"]))
def test_shortfall_equals_exact_fractions_of_the_paper_portfolio(s, rows, data, basis):
    half_ticks = st.integers(9_800, 10_200).map(lambda p: p / 2)
    filled = sum(q for q, _ in rows)
    parent = a_parent(
        side=s, filled=filled, quantity=filled + data.draw(st.integers(1, 5_000)),
        decision_price=data.draw(half_ticks), arrival_price=data.draw(half_ticks),
        end_price=data.draw(half_ticks), fees=data.draw(st.integers(0, 900)) / 8,
    )  # fmt: skip
    fills = some_fills(rows)
    cost = shortfall(parent, fills, basis)
    got = [cost.delay, cost.trading, cost.opportunity, cost.fees, cost.total]
    assert got == pytest.approx(naive_shortfall(parent, fills, basis), rel=1e-9, abs=1e-7)


@FEW
@given(side, fill_rows, times, st.data())
def test_markouts_equal_a_walk_fill_by_fill(s, rows, at, data):
    values = data.draw(st.lists(mid, min_size=len(at), max_size=len(at)))
    stale, horizon = data.draw(st.integers(0, 15)), data.draw(st.integers(0, 20))
    n = len(rows)
    fills = some_fills(rows, at_ns=T0 + ints(sorted(data.draw(
        st.lists(st.integers(0, 30), min_size=n, max_size=n)))))  # fmt: skip
    series = [T0 + t for t in at]
    mids = MidSeries(
        at_ns=ints(series), mid=np.array(values, dtype=np.float64), until_ns=T0 + 35,
        stale_after_ns=stale,
    )  # fmt: skip
    after = mids_after(fills, mids, (horizon,))
    got = markout(a_parent(side=s), fills, after[0], horizon)
    gain, notional, missing = naive_markout(s, fills, (series, values), T0 + 35, stale, horizon)
    assert got.missing == missing
    if notional == 0:
        assert got.gain.bps is None
    else:
        assert got.gain.cost == pytest.approx(gain * 0.01, rel=1e-9, abs=1e-9)
        assert got.gain.bps == pytest.approx(gain / notional * 1e4, rel=1e-9, abs=1e-9)
