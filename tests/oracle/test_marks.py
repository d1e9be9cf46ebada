"""What is believed of a venue by its fills: the slow twin's figure, never by a few alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.sight import Marks
from engine.domain.events import ChildFilled
from engine.domain.kinds import PASSIVE
from engine.domain.units import ChildId, Nanos, ParentId, Shares, Symbol, Ticks
from engine.kernels import route
from engine.kernels.jit import JIT
from engine.kernels.marks import fill_rate, judged
from tests.oracle import naive_route
from tests.support.parents import two_lit

SECOND = 1_000_000_000
OPEN_S = 1_764_599_400  # half an hour begins here
MIDC = Symbol("MIDC")
POOL = 2


def a_fill(at_s, quantity, price=5_000, place=POOL):
    return ChildFilled(
        child_id=ChildId(1), exec_id=at_s, price=Ticks(price), quantity=Shares(quantity),
        liquidity=PASSIVE, bid=Ticks(4_999), ask=Ticks(5_001), venue_at=Nanos(at_s * SECOND),
        venue=place,
    )  # fmt: skip


def marked(fills, until_s):
    """Marks after every second up to ``until_s``; fills = (second, quantity, mid 10 s later)."""
    marks = Marks()
    fills = sorted(fills)
    mids = {at + 10: mid for at, _, mid in fills}
    for second in range(OPEN_S, until_s + 1):
        for at, quantity, _ in fills:
            if at == second:
                marks.add(ParentId(1), MIDC, 1, a_fill(at, quantity))
        marks.book(Nanos(second * SECOND), {MIDC: mids.get(second)})
    return marks


@settings(max_examples=60 if JIT else 10, deadline=None)
@given(
    fills=st.dictionaries(
        st.integers(0, 4_000),
        st.tuples(st.integers(1, 400), st.sampled_from([4_998.0, 5_000.0, 5_000.5, 5_003.0])),
        max_size=80,
    ),
    until=st.integers(0, 5_000),
)
def test_what_the_desk_believes_of_a_venue_is_what_the_slow_twin_says(fills, until):
    rows = [(OPEN_S + at, quantity, mid) for at, (quantity, mid) in fills.items()]
    now = OPEN_S + until
    booked = [(at + 10, (mid - 5_000) / 5_000 * 1e4, q) for at, q, mid in rows if at + 10 <= now]
    want = naive_route.believed(booked, now)
    got = marked(rows, now).believed(POOL)
    assert got == pytest.approx(want, rel=1e-9, abs=1e-12, nan_ok=True)


def test_one_bad_fill_is_no_verdict_and_twenty_are_half_of_one():
    bad = 4_975.0  # 50 bp against a buyer
    row = two_lit()  # half the spread is 2 bp
    for n, used in ((1, True), (19, True), (20, False)):
        marks = marked([(OPEN_S + 60 + i, 100, bad) for i in range(n)], OPEN_S + 200)
        row["venue_fill"][POOL], row["venue_markout"][POOL] = 1.0, marks.believed(POOL)
        assert (route.pool_venue(row, 0) == POOL) == used
    assert marks.believed(POOL) == pytest.approx(-25.0)
    assert marks.of_venue(POOL) == pytest.approx(-50.0)  # what people see is the mean


def test_one_large_fill_among_many_small_ones_counts_as_little_more_than_one():
    fills = [(OPEN_S + 60 + i, 1, 4_999.0) for i in range(40)] + [(OPEN_S + 30, 10_000, 4_975.0)]
    assert math.isnan(marked(fills, OPEN_S + 200).believed(POOL))


def test_a_pool_that_was_left_alone_is_tried_again_within_half_an_hour():
    fills = [(OPEN_S + 60 + i, 100, 4_975.0) for i in range(30)]
    marks = marked(fills, OPEN_S + 1_799)
    assert marks.believed(POOL) == pytest.approx(-50 * 30 / 50)
    marks.book(Nanos((OPEN_S + 1_800) * SECOND), {})
    assert math.isnan(marks.believed(POOL))


def test_a_child_that_waits_in_vain_lowers_the_fill_rate_of_its_venue_and_does_not_end_it():
    assert math.isnan(fill_rate(0, 0, 100))
    assert fill_rate(2_000, 0, 100) == 0.5
    assert fill_rate(500, 500, 100) == 1.0
    row = two_lit()
    row["venue_fill"][POOL] = fill_rate(100_000, 0, 100)
    assert route.pool_venue(row, 0) == POOL


def test_nothing_is_believed_of_nothing():
    assert np.isnan(judged(0.0, 0.0, 0.0))
