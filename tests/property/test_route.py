"""Where a child goes: equal to the slow twin, and never past a better price elsewhere."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import kinds
from engine.domain.kinds import DARK, DEALER, LIT, VENUES
from engine.kernels import route
from engine.kernels.act import decide
from engine.kernels.inference import no_model
from engine.kernels.jit import JIT
from engine.kernels.schedules import flat_curve
from tests.oracle import naive_route
from tests.support.parents import SECOND, a_child, an_observation, parameters, two_lit

SOME = 400 if JIT else 40


def a_market(seed, **changed):
    """A few venues of every kind, ties more often than not."""
    draw = np.random.default_rng(seed)
    row = an_observation(
        side=(1, -1)[draw.integers(2)],
        venues=int(draw.integers(0, 1 << VENUES)),
        bid=5000,
        ask=5002,
        volume=500_000,
        **changed,
    )
    for i in range(VENUES):
        row["venue_kind"][i] = (0, LIT, LIT, LIT, DARK, DEALER)[draw.integers(6)]
        row["venue_bid"][i] = (0, 5000, 5000, 4999, 4997)[draw.integers(5)]
        row["venue_ask"][i] = (0, 5002, 5002, 5003, 5006)[draw.integers(5)]
        row["venue_bid_size"][i] = 100 * draw.integers(1, 4)
        row["venue_ask_size"][i] = 100 * draw.integers(1, 4)
        row["venue_volume"][i] = (0, 1_000, 50_000)[draw.integers(3)]
        row["venue_make"][i] = (-0.002, 0.0, 0.0012)[draw.integers(3)]
        row["venue_take"][i] = (0.003, 0.0022, -0.0006)[draw.integers(3)]
        row["venue_fill"][i] = (math.nan, 0.0, 0.3, 0.9)[draw.integers(4)]
        row["venue_markout"][i] = (math.nan, -9.0, -0.5, 0.4)[draw.integers(4)]
    return row


@settings(max_examples=SOME, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_every_choice_is_that_of_the_slow_twin(seed):
    row = a_market(seed)
    price = int(row["bid"] if row["side"] > 0 else row["ask"])
    assert route.rest_venue(row, price) == naive_route.rest_venue(row, price)
    assert route.cross_venue(row) == naive_route.cross_venue(row)
    for taken in (0, 0b10101010):
        assert route.pool_venue(row, taken) == naive_route.pool_venue(row, taken)
    assert route.quote_venue(row) == naive_route.quote_venue(row)
    for place in range(VENUES):
        assert route.next_touch(row, place) == naive_route.next_touch(row, place)
    assert route.any_lit(row) == bool(naive_route.open_places(row, LIT))


@settings(max_examples=SOME, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    dark=st.sampled_from([0.0, 0.3, 1.0]),
    behind=st.booleans(),
)
def test_a_child_goes_only_where_it_may_and_never_past_a_better_price(seed, dark, behind):
    row = a_market(seed, now_ns=(1_800 if behind else 5) * SECOND)
    action = decide(row, parameters(dark=dark, band=0.01), flat_curve(), no_model())
    if action["type"] == 0:
        if not naive_route.open_places(row, LIT):
            assert action["binding"] == kinds.BOUND_VENUE
        return
    place = int(action["venue"])
    kind = DARK if action["type"] == kinds.PEG_MID else LIT
    assert place in naive_route.open_places(row, kind)
    if action["type"] == kinds.IOC:
        side = int(row["side"])
        other = naive_route.next_touch(row, place)
        assert other == 0 or side * (int(action["price"]) - other) <= 0
        far = int(row["ask"] if side > 0 else row["bid"])
        assert side * (int(action["price"]) - far) <= int(row["collar_ticks"])
    if action["type"] == kinds.PEG_MID:
        assert dark > 0.0


def test_the_shorter_queue_for_its_volume_is_joined():
    row = two_lit()
    row["venue_bid_size"][:2] = 300, 200
    assert route.rest_venue(row, 5000) == 1
    row["venue_volume"][:2] = 10_000, 2_000  # shorter, but it trades a fifth
    assert route.rest_venue(row, 5000) == 0


def test_a_venue_that_the_touch_has_left_comes_last():
    row = two_lit()
    row["venue_bid"][1] = 4999
    assert route.rest_venue(row, 5000) == 0


@pytest.mark.parametrize(("make", "place"), [((-0.001, -0.002), 1), ((-0.002, -0.002), 0)])
def test_the_rebate_decides_between_equal_queues(make, place):
    row = two_lit()
    row["venue_make"][:2] = make
    assert route.rest_venue(row, 5000) == place


@pytest.mark.parametrize(("side", "touch"), [(1, "venue_ask"), (-1, "venue_bid")])
def test_crossing_takes_the_best_price_and_stops_where_the_next_venue_is_as_good(side, touch):
    row = two_lit(side=side)
    row[touch][1] -= side  # one tick better for us
    row["ask" if side > 0 else "bid"] = row[touch][1]
    row["now_ns"] = 1_800 * SECOND
    action = decide(row, parameters(), flat_curve(), no_model())
    assert (action["type"], action["venue"]) == (kinds.IOC, 1)
    assert action["price"] == row[touch][0]


def test_size_and_then_the_fee_decide_between_equal_prices():
    row = two_lit()
    row["venue_ask_size"][:2] = 200, 300
    assert route.cross_venue(row) == 1
    row["venue_ask_size"][:2] = 200, 200
    row["venue_take"][:2] = 0.003, -0.0006
    assert route.cross_venue(row) == 1


def test_a_part_of_what_rests_goes_dark_once_and_the_rest_is_shown():
    row = two_lit(quantity=60_000, now_ns=60 * SECOND)
    knobs = parameters(dark=0.4, band=0.05, aggression=0.0)
    first = decide(row, knobs, flat_curve(), no_model())
    assert (first["type"], first["venue"], first["why"]) == (kinds.PEG_MID, 2, kinds.WHY_DARK)
    allowed = decide(row, parameters(band=0.05, aggression=0.0), flat_curve(), no_model())
    assert first["size"] == int(0.4 * allowed["size"]) // 100 * 100
    assert first["price"] == row["ask"] + row["collar_ticks"]
    a_child(row, 0, price=int(first["price"]), leaves=int(first["size"]))
    row["slot_type"][0], row["slot_venue"][0] = kinds.PEG_MID, 2
    second = decide(row, knobs, flat_curve(), no_model())
    assert second["type"] == kinds.LIMIT
    assert first["size"] + second["size"] == allowed["size"]


def test_a_dark_child_is_taken_back_once_the_mid_is_past_its_cap():
    row = two_lit(quantity=60_000, now_ns=60 * SECOND)
    a_child(row, 0, price=5001, leaves=400)
    row["slot_type"][0], row["slot_venue"][0] = kinds.PEG_MID, 2
    calm = decide(row, parameters(dark=0.4, band=0.05, aggression=0.0), flat_curve(), no_model())
    assert calm["cancel_mask"] == 0
    for name in ("bid", "ask"):
        row[name] += 2
        row[f"venue_{name}"][:2] += 2
    moved = decide(row, parameters(dark=0.4, band=0.05, aggression=0.0), flat_curve(), no_model())
    assert moved["cancel_mask"] == 1


def test_a_pool_that_costs_more_than_it_saves_is_left_alone():
    row = two_lit()
    row["venue_fill"][2], row["venue_markout"][2] = 0.5, -5.0  # half the spread is 2 bp
    assert route.pool_venue(row, 0) == -1
    row["venue_markout"][2] = -1.0
    assert route.pool_venue(row, 0) == 2
