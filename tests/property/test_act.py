"""What always holds of a decision, whatever it sees."""

import itertools
import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.domain import kinds
from engine.kernels.act import decide
from engine.kernels.schedules import curve_from_shares
from tests.support.parents import (
    SECOND,
    a_child,
    a_model,
    an_observation,
    parameters,
    same_bits,
)

BASES = (kinds.TWAP, kinds.VWAP, kinds.POV, kinds.IS)
CURVE = curve_from_shares(np.array([3.0, 1.0, 0.0, 1.0, 2.0]))

children = st.tuples(
    st.integers(4985, 5015), st.integers(0, 4000), st.integers(0, 3700), st.booleans()
)


@st.composite
def observations(draw):
    quantity = draw(st.integers(1, 500) | st.integers(1000, 1_000_000) | st.just(2**45))
    start = draw(st.integers(0, 3600)) * SECOND
    end = start + draw(st.integers(1, 20_000)) * SECOND
    now = start + draw(st.integers(-2, 20_005)) * SECOND
    base = start + draw(st.integers(0, (end - start) // SECOND - 1)) * SECOND
    bid = draw(st.sampled_from([0, 1, 2, 5000]))
    row = an_observation(
        quantity=quantity,
        filled=draw(st.integers(0, quantity)),
        kind=draw(st.sampled_from((*BASES, kinds.ADAPTIVE))),
        side=draw(st.sampled_from([kinds.BUY, kinds.SELL])),
        lot=draw(st.sampled_from([1, 100])),
        start_ns=start,
        end_ns=end,
        now_ns=now,
        base_ns=base,
        collar_ticks=draw(st.integers(0, 20)),
        limit_price=draw(st.just(0) | st.integers(4990, 5012)),
        bid=bid,
        ask=draw(st.sampled_from([0, bid + 1, bid + 5])),
        bid_size=draw(st.integers(0, 900)),
        ask_size=draw(st.integers(0, 900)),
        volume=draw(st.integers(0, 3_000_000)),
        seed=draw(st.integers(0, 2**40)),
        model_state=draw(st.sampled_from([kinds.MODEL_NONE, kinds.MODEL_LIVE])),
    )
    row["base_filled"] = draw(st.integers(0, int(row["filled"])))
    row["base_volume"] = draw(st.integers(0, int(row["volume"])))
    row["features"][0] = draw(st.floats(-3, 3, width=32) | st.just(math.nan))
    for slot, child in enumerate(draw(st.lists(children, max_size=4))):
        price, leaves, age, cancelling = child
        a_child(
            row, slot, price=price, leaves=leaves, sent_ns=now - age * SECOND, cancelling=cancelling
        )
    return row


vectors = st.builds(
    parameters,
    band=st.floats(0.0, 0.2),
    aggression=st.floats(0.0, 1.0),
    max_participation=st.floats(0.0, 1.0),
    target_participation=st.floats(0.0, 0.4),
    slice_s=st.floats(1.0, 900.0),
    jitter=st.floats(0.0, 1.0),
    max_child=st.sampled_from([100.0, 2000.0, 1e12]),
    display_offset=st.integers(0, 5).map(float),
    risk_aversion=st.floats(0.0, 50.0),
    max_tilt=st.floats(0.0, 0.3),
    confidence=st.floats(0.0, 0.1),
    base=st.sampled_from(BASES).map(float),
)
MODEL = a_model(weights={0: 1.0})


def live(row):
    return int(row["slot_leaves"][row["slot_child"] != 0].sum())


@settings(max_examples=400, deadline=None)
@given(row=observations(), vector=vectors)
def test_every_child_keeps_every_bound(row, vector):
    action = decide(row, vector, CURVE, MODEL)
    size, price = int(action["size"]), int(action["price"])
    if action["type"] == 0:
        assert (size, price, int(action["ttl_ns"])) == (0, 0, 0)
        return
    side, free = int(row["side"]), int(row["quantity"] - row["filled"]) - live(row)
    assert 0 < size <= free
    assert size <= vector[kinds.P_MAX_CHILD]
    assert size % row["lot"] == 0 or (size == free and live(row) == 0)
    assert (row["slot_child"] == 0).any()
    assert row["start_ns"] <= row["now_ns"] < row["end_ns"]
    assert 0 < row["bid"] < row["ask"]
    assert price >= 1
    if row["limit_price"] > 0:
        assert side * (row["limit_price"] - price) >= 0
    touch = int(row["ask"] if side > 0 else row["bid"])
    if action["type"] == kinds.IOC:
        assert 0 <= side * (price - touch) <= row["collar_ticks"]
    else:
        assert side * (touch - price) > 0
    assert action["ttl_ns"] > 0
    cap = vector[kinds.P_MAX_PARTICIPATION]
    if cap < 1.0:
        own = int(row["filled"] - row["base_filled"])
        volume = max(own, int(row["volume"] - row["base_volume"]))
        more = live(row) + size
        assert own + more <= cap * (volume + more) * (1 + 1e-12) + 1e-6


@settings(max_examples=200, deadline=None)
@given(row=observations(), vector=vectors)
def test_a_decision_explains_itself_and_cancels_only_what_works(row, vector):
    action = decide(row, vector, CURVE, MODEL)
    for slot in range(4):
        if int(action["cancel_mask"]) >> slot & 1:
            assert row["slot_child"][slot] != 0
            assert row["slot_cancelling"][slot] == 0
    assert int(action["cancel_mask"]) < 16
    assert (
        action["type"] != 0
        or action["cancel_mask"] != 0
        or action["binding"] != kinds.BOUND_NOTHING
    )
    assert 0.0 <= action["band_low"] <= action["target"] <= row["quantity"]
    if row["bid"] == 0 or row["ask"] == 0:
        over = row["filled"] >= row["quantity"] or row["now_ns"] >= row["end_ns"]
        assert over or action["cancel_mask"] == 0


@settings(max_examples=100, deadline=None)
@given(row=observations(), vector=vectors)
def test_the_same_inputs_give_the_same_bits_and_are_left_alone(row, vector):
    before, knobs = row.tobytes(), vector.tobytes()
    one, other = decide(row, vector, CURVE, MODEL), decide(row, vector, CURVE, MODEL)
    assert same_bits(one, other)
    assert (row.tobytes(), vector.tobytes()) == (before, knobs)


@settings(max_examples=200, deadline=None)
@given(row=observations(), vector=vectors, state=st.integers(0, 3))
def test_adaptive_without_a_live_model_is_its_base_bit_for_bit(row, vector, state):
    assume(state != kinds.MODEL_LIVE)
    row["kind"], row["model_state"] = kinds.ADAPTIVE, state
    adaptive = decide(row, vector, CURVE, MODEL)
    row["kind"] = int(vector[kinds.P_BASE])
    base = decide(row, vector, CURVE, MODEL)
    assert adaptive["model_state"] == state
    assert same_bits(adaptive, base, apart_from=("model_state",))


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(BASES), vector=vectors, seed=st.integers(0, 2**40),
    seconds=st.integers(1, 4000), lots=st.integers(1, 5000),
)  # fmt: skip
def test_a_target_never_falls_and_ends_at_the_quantity(kind, vector, seed, seconds, lots):
    row = an_observation(
        kind=kind, quantity=lots * 100, end_ns=seconds * SECOND, seed=seed, volume=0
    )
    cut = np.unique(np.linspace(0, seconds - 1, 40).astype(int))
    targets = []
    for at in cut:
        row["now_ns"] = int(at) * SECOND
        row["volume"] = int(at) * 50
        targets.append(float(decide(row, vector, CURVE, MODEL)["target"]))
    assert all(a <= b for a, b in itertools.pairwise(targets))
    assert targets[-1] == lots * 100  # the clean-up takes what is left


@settings(max_examples=300, deadline=None)
@given(row=observations(), vector=vectors)
def test_the_model_alone_never_crosses_and_never_cancels(row, vector):
    row["kind"], row["model_state"] = kinds.ADAPTIVE, kinds.MODEL_LIVE
    tilted = decide(row, vector, CURVE, MODEL)
    row["kind"] = int(vector[kinds.P_BASE])
    base = decide(row, vector, CURVE, MODEL)
    if tilted["type"] == kinds.IOC:
        assert base["type"] == kinds.IOC
        assert tilted["size"] <= base["size"] or tilted["size"] == row["quantity"] - row["filled"]
    if base["type"] != kinds.IOC and base["why"] != kinds.WHY_BEHIND:
        assert int(tilted["cancel_mask"]) & ~int(base["cancel_mask"]) == 0
