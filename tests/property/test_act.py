"""What always holds of a decision, whatever it sees."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import kinds
from engine.kernels.act import decide
from engine.kernels.jit import JIT
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


def live(row):
    return int(row["slot_leaves"][row["slot_child"] != 0].sum())


def off_exchange(row, draw):
    """Two pools and two dealers beside the book."""
    for place in range(1, 5):
        row["venues"] |= 1 << place
        row["venue_kind"][place] = kinds.DARK if place < 3 else kinds.DEALER
    for place in (3, 4):
        row["venue_bid"][place] = max(0, int(row["bid"]) + int(draw.integers(-1, 2)))
        row["venue_ask"][place] = max(0, int(row["ask"]) + int(draw.integers(-1, 2)))
        row["venue_bid_size"][place] = row["venue_ask_size"][place] = draw.integers(0, 900)


def a_case(seed):
    """A decision somewhere in the life of a parent, near one of its bounds more often than not."""
    draw = np.random.default_rng(seed)

    def one(*values):
        return values[draw.integers(len(values))]

    quantity = int(one(draw.integers(1, 500), draw.integers(1_000, 20_000), 500_000, 2**45))
    start = int(draw.integers(0, 3_600))
    length = int(one(draw.integers(1, 60), draw.integers(60, 20_000)))
    at = int(one(draw.integers(0, length + 3), length - draw.integers(0, 40), draw.integers(-2, 3)))
    base = int(one(0, draw.integers(0, length)))
    side = one(kinds.BUY, kinds.SELL)
    late = max(0, quantity - int(draw.integers(0, 900)))
    bid = one(5000, 5000, 5000, 5000, 5000, 5000, 1, 0)
    row = an_observation(
        quantity=quantity,
        filled=min(quantity, int(one(0, draw.integers(0, quantity + 1), late))),
        kind=one(*BASES, *[kinds.LIQUIDITY, kinds.ADAPTIVE, kinds.RL] * 2),
        expected_volume=int(one(0, 2_000_000)),
        side=side,
        lot=one(1, 100),
        start_ns=start * SECOND,
        end_ns=(start + length) * SECOND,
        now_ns=(start + at) * SECOND,
        base_ns=(start + base) * SECOND,
        collar_ticks=int(draw.integers(0, 20)),
        limit_price=int(one(0, 0, draw.integers(4_990, 5_012))),
        bid=bid,
        ask=one(bid + 1, bid + 2, bid + 5, bid + 5, 0, bid),
        bid_size=int(draw.integers(0, 900)),
        ask_size=int(draw.integers(0, 900)),
        volume=int(one(0, draw.integers(0, 20_000), draw.integers(0, 3_000_000))),
        seed=int(draw.integers(0, 2**40)),
        model_state=one(kinds.MODEL_NONE, kinds.MODEL_LIVE, kinds.MODEL_LIVE),
    )
    row["base_filled"] = one(0, int(draw.integers(0, int(row["filled"]) + 1)))
    row["base_volume"] = one(0, int(draw.integers(0, int(row["volume"]) + 1)))
    if one(True, False):
        off_exchange(row, draw)
    row["features"][0] = one(draw.uniform(-3, 3), draw.uniform(-3, 3), math.nan)
    for slot in range(draw.integers(0, 5)):
        a_child(
            row, slot, price=int(draw.integers(4_990, 5_012)),
            leaves=int(one(draw.integers(0, 400), draw.integers(0, 4_000))),
            sent_ns=(start + at - int(draw.integers(0, 60))) * SECOND,
            cancelling=one(0, 0, 1),
        )  # fmt: skip
    vector = parameters(
        band=one(0.0, 0.01, draw.uniform(0, 0.2)),
        aggression=one(0.0, 1.0, draw.uniform(0, 1)),
        max_participation=one(0.0, 0.05, 0.25, 1.0, 1.0),
        target_participation=draw.uniform(0, 0.4),
        slice_s=one(1.0, 60.0, 900.0),
        jitter=draw.uniform(0, 1),
        max_child=one(100.0, 2_000.0, 1e12),
        display_offset=float(draw.integers(0, 5)),
        risk_aversion=draw.uniform(0, 50),
        max_tilt=draw.uniform(0, 0.3),
        confidence=draw.uniform(0, 0.1),
        base=float(one(*BASES)),
        curve_update=one(0.0, 0.5, 1.0),
        urgency=draw.uniform(0, 6),
        minimum=one(0.0, 200.0),
        dark=one(0.0, 0.5, 1.0),
        dealer=one(0.0, 1.0),
        size_gain=one(0.0, 1.0),
        skew=one(0.0, 2.0),
        deviation=draw.uniform(0, 0.1),
        explore=one(0.0, 60.0),
        expire=one(0.0, 0.0, 1.0),
        passive=one(0.0, 0.0, 0.0, 1.0),
    )
    cap = vector[kinds.P_MAX_PARTICIPATION]
    if 0.0 < cap < 1.0 and one(True, False):  # just enough volume for what works and a bit more
        own = int(row["filled"] - row["base_filled"])
        spare = (live(row) + int(draw.integers(0, 3_000))) * (1.0 - cap)
        row["volume"] = int(row["base_volume"]) + int((own + spare) / cap)
    return row, vector


SEEDS = range(3_000 if JIT else 1_000)
MODEL = a_model(weights={0: 1.0})


def decided(row, vector):
    return decide(row, vector, CURVE, MODEL)


def check_size(row, vector, action):
    size, free = int(action["size"]), int(row["quantity"] - row["filled"]) - live(row)
    assert 0 < size <= free
    rests = action["type"] != kinds.IOC and row["kind"] == kinds.ADAPTIVE
    gain = vector[kinds.P_SIZE_GAIN] if rests else 0.0
    assert size <= vector[kinds.P_MAX_CHILD] * (1.0 + gain)
    assert size % row["lot"] == 0 or (size == free and live(row) == 0)
    cap = vector[kinds.P_MAX_PARTICIPATION]
    if cap < 1.0:
        own = int(row["filled"] - row["base_filled"])
        volume = max(own, int(row["volume"] - row["base_volume"]))
        more = live(row) + size
        assert own + more <= cap * (volume + more) * (1 + 1e-12) + 1e-6


def check_price(row, action):
    side, price = int(row["side"]), int(action["price"])
    assert price >= 1
    assert 0 < row["bid"] < row["ask"]
    if row["limit_price"] > 0:
        assert side * (row["limit_price"] - price) >= 0
    touch = int(row["ask"] if side > 0 else row["bid"])
    if action["type"] == kinds.PEG_MID:
        assert side * (2 * price - row["bid"] - row["ask"]) >= 0
        assert row["venue_kind"][action["venue"]] == kinds.DARK
    elif action["type"] == kinds.IOC and row["venue_kind"][action["venue"]] == kinds.DEALER:
        assert side * (price - touch) <= 0
        name = "ask" if side > 0 else "bid"
        assert price == row[f"venue_{name}"][action["venue"]]
        assert action["size"] <= row[f"venue_{name}_size"][action["venue"]]
    elif action["type"] == kinds.IOC:
        assert 0 <= side * (price - touch) <= row["collar_ticks"]
    else:
        assert side * (touch - price) > 0


@pytest.mark.parametrize("side", [kinds.BUY, kinds.SELL])
def test_every_child_keeps_every_bound(side):
    sent = {kinds.LIMIT: 0, kinds.IOC: 0, kinds.PEG_MID: 0}
    for seed in SEEDS:
        row, vector = a_case(seed)
        row["side"] = side
        action = decided(row, vector)
        if action["type"] == 0:
            assert (action["size"], action["price"], action["ttl_ns"]) == (0, 0, 0), seed
            continue
        sent[int(action["type"])] += 1
        check_size(row, vector, action)
        check_price(row, action)
        assert (row["slot_child"] == 0).any(), seed
        assert row["start_ns"] <= row["now_ns"] < row["end_ns"], seed
        assert action["ttl_ns"] > 0, seed
        crosses = action["type"] == kinds.IOC
        assert not (crosses and vector[kinds.P_PASSIVE] > 0), seed
    assert min(sent[kinds.LIMIT], sent[kinds.IOC]) > len(SEEDS) // 50  # the cases do reach them
    assert sent[kinds.PEG_MID] > len(SEEDS) // 200


def test_a_decision_explains_itself_and_cancels_only_what_works():
    reasons, bounds, cancels = set(), set(), 0
    for seed in SEEDS:
        row, vector = a_case(seed)
        action = decided(row, vector)
        mask = int(action["cancel_mask"])
        cancels += mask != 0
        asked = [slot for slot in range(4) if mask >> slot & 1]
        assert mask < 16
        assert all(row["slot_child"][slot] != 0 for slot in asked), seed
        assert all(row["slot_cancelling"][slot] == 0 for slot in asked), seed
        idle = action["type"] == 0 and mask == 0
        assert not (idle and action["binding"] == kinds.BOUND_NOTHING), seed
        assert 0.0 <= action["band_low"] <= action["target"] <= row["quantity"], seed
        if row["bid"] == 0 or row["ask"] == 0:
            over = row["filled"] >= row["quantity"] or row["now_ns"] >= row["end_ns"]
            assert over or mask == 0, seed
        reasons.add(int(action["why"]))
        bounds.add(int(action["binding"]))
    assert reasons - {kinds.WHY_POLICY_ON, kinds.WHY_POLICY_OFF} == set(range(9))
    assert bounds == set(range(12))
    assert cancels > len(SEEDS) // 20


def test_the_same_inputs_give_the_same_bits_and_are_left_alone():
    for seed in SEEDS[:300]:
        row, vector = a_case(seed)
        before, knobs = row.tobytes(), vector.tobytes()
        assert same_bits(decided(row, vector), decided(row, vector)), seed
        assert (row.tobytes(), vector.tobytes()) == (before, knobs), seed


@pytest.mark.parametrize("state", [kinds.MODEL_NONE, kinds.MODEL_EXPIRED, kinds.MODEL_DOUBTFUL])
def test_adaptive_without_a_live_model_is_its_base_bit_for_bit(state):
    for seed in SEEDS:
        row, vector = a_case(seed)
        row["kind"], row["model_state"] = kinds.ADAPTIVE, state
        adaptive = decided(row, vector)
        row["kind"] = int(vector[kinds.P_BASE])
        assert adaptive["model_state"] == state, seed
        assert same_bits(adaptive, decided(row, vector), apart_from=("model_state",)), seed


def test_the_model_alone_never_crosses_and_never_cancels():
    tilted_ones = 0
    for seed in SEEDS:
        row, vector = a_case(seed)
        row["kind"], row["model_state"] = kinds.ADAPTIVE, kinds.MODEL_LIVE
        tilted = decided(row, vector)
        row["kind"] = int(vector[kinds.P_BASE])
        base = decided(row, vector)
        tilted_ones += tilted["tilt"] != 0.0
        if tilted["type"] == kinds.IOC:
            assert base["type"] == kinds.IOC, seed
            assert tilted["size"] <= base["size"], seed
        if base["type"] != kinds.IOC and base["why"] != kinds.WHY_BEHIND:
            assert int(tilted["cancel_mask"]) & ~int(base["cancel_mask"]) == 0, seed
    assert tilted_ones > len(SEEDS) // 10


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(BASES), seed=st.integers(0, 2**40), seconds=st.integers(1, 4000),
    lots=st.integers(1, 5000), jitter=st.floats(0.0, 1.0),
)  # fmt: skip
def test_a_target_never_falls_and_ends_at_the_quantity(kind, seed, seconds, lots, jitter):
    row = an_observation(
        kind=kind, quantity=lots * 100, end_ns=seconds * SECOND, seed=seed, volume=0
    )
    vector = parameters(jitter=jitter, risk_aversion=3.0, band=0.01)
    cut = np.unique(np.linspace(0, seconds - 1, 40).astype(int))
    targets = []
    for at in cut:
        row["now_ns"] = int(at) * SECOND
        row["volume"] = int(at) * 50
        targets.append(float(decided(row, vector)["target"]))
    assert all(a <= b for a, b in itertools.pairwise(targets))
    assert targets[-1] == lots * 100  # the clean-up takes what is left
