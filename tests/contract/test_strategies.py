"""What every strategy owes, on simulated days."""

import numpy as np
import pytest

from engine.domain import kinds
from engine.kernels.jit import JIT
from engine.kernels.schedules import curve_from_shares
from engine.kernels.simulate import TAPE_FULL, new_tape, simulate
from tests.support.parents import SECOND, a_model
from tests.support.simulated import a_day, a_parent, run

pytestmark = pytest.mark.skipif(not JIT, reason="a simulated day without JIT takes minutes")

STRATEGIES = ["TWAP", "VWAP", "POV", "IS", "ADAPTIVE"]
CLOCKED = ["TWAP", "VWAP", "IS", "ADAPTIVE"]
LEANING = {kinds.F_IMBALANCE_1: 2.0, kinds.F_FLOW_10S: 1.0}


def worked(strategy, **changed):
    """A run with a live model where the strategy uses one."""
    parent = a_parent(strategy, **changed.pop("parent", {}))
    if strategy == "ADAPTIVE":
        parent["model_state"] = kinds.MODEL_LIVE
        changed["model"] = a_model(weights=LEANING)
    return run(strategy, parent=parent, **changed)


@pytest.mark.parametrize("side", [kinds.BUY, kinds.SELL])
@pytest.mark.parametrize("strategy", CLOCKED)
def test_a_clocked_strategy_finishes_by_its_horizon(strategy, side):
    done = worked(strategy, parent={"side": side})
    assert done.parent["filled"] == 20_000 == done.fills["quantity"].sum()
    assert done.fills["venue_ns"].max() <= 3_000 * SECOND + SECOND
    assert done.fills["venue_ns"].min() > 60 * SECOND
    assert len(done.children) > 20


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_is_ever_promised_twice(strategy):
    done = worked(strategy, parent={"quantity": 3_777})
    reserved = done.decisions["filled"] + done.decisions["slot_leaves"].sum(axis=1)
    assert (reserved + done.actions["size"] <= 3_777).all()
    assert done.fills["quantity"].sum() <= 3_777
    odd = done.actions["size"] % 100 != 0
    takes_all = reserved + done.actions["size"] == 3_777
    assert (takes_all | ~odd).all()
    assert (done.decisions["slot_leaves"].sum(axis=1)[odd] == 0).all()


@pytest.mark.parametrize("side", [kinds.BUY, kinds.SELL])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_fill_is_beyond_the_limit(strategy, side):
    limit = 4_996 if side > 0 else 5_004
    done = worked(strategy, parent={"side": side, "limit_price": limit})
    assert (side * (limit - done.fills["price"]) >= 0).all()
    assert (side * (limit - done.children["price"]) >= 0).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_own_share_of_volume_stays_under_the_cap(strategy):
    cap = 0.05
    done = worked(strategy, parent={"quantity": 60_000}, values={"max_participation": cap})
    own, volume = done.decisions["filled"], done.decisions["volume"]
    assert own[-1] > 3_000
    live = done.decisions["slot_leaves"].sum(axis=1) + done.actions["size"]
    sends = done.actions["type"] != 0
    room = cap * (volume + live) - (own + live)
    assert (room[sends] >= -1e-6).all()


def test_pov_follows_its_share_of_the_volume():
    done = worked("POV", parent={"quantity": 200_000}, values={"target_participation": 0.1})
    before_cleanup = slice(600, -31)
    share = done.decisions["filled"][before_cleanup] / done.decisions["volume"][before_cleanup]
    assert share == pytest.approx(np.full(share.size, 0.1), abs=0.03)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_day_gives_the_same_bits(strategy):
    one, other = worked(strategy), worked(strategy)
    assert one.actions.tobytes() == other.actions.tobytes()
    assert one.fills.tobytes() == other.fills.tobytes()


def first_difference(one, other):
    """First decision at which two runs differ, else -1."""
    n = min(len(one.actions), len(other.actions))
    for k in range(n):
        if one.actions[k].tobytes() != other.actions[k].tobytes():
            return k
    return -1


CHANGED_AT = 1_800


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_another_future_changes_nothing_before_it(strategy):
    one = worked(strategy)
    other = worked(strategy, day=a_day(shift_from=CHANGED_AT))
    k = first_difference(one, other)
    assert k >= 0
    assert one.decisions[k]["now_ns"] > CHANGED_AT * SECOND - SECOND


def test_a_strategy_that_knows_the_volume_to_come_is_caught():
    """The guard of the test above: VWAP on the very day's own volume curve."""

    def peeking(day):
        candidates = day.seconds["candidates"].astype(float)
        moved = np.abs(np.diff(day.seconds["r"], prepend=day.seconds["r"][0]))
        return curve_from_shares((candidates + moved).reshape(60, 60).sum(axis=1))

    days = a_day(), a_day(shift_from=CHANGED_AT)
    one, other = (worked("VWAP", day=day, curve=peeking(day)) for day in days)
    k = first_difference(one, other)
    assert k >= 0
    assert one.decisions[k]["now_ns"] < (CHANGED_AT - 60) * SECOND


@pytest.mark.parametrize("base", [kinds.TWAP, kinds.VWAP, kinds.POV])
def test_adaptive_without_a_model_is_its_base_all_day(base):
    name = {kinds.TWAP: "TWAP", kinds.VWAP: "VWAP", kinds.POV: "POV"}[base]
    static = run(name)
    expired = a_parent("ADAPTIVE", model_state=kinds.MODEL_EXPIRED)
    adaptive = run(
        "ADAPTIVE", parent=expired, model=a_model(weights=LEANING), values={"base": float(base)}
    )
    assert set(adaptive.actions["model_state"]) == {kinds.MODEL_EXPIRED}
    plain = adaptive.actions.copy()
    plain["model_state"] = kinds.MODEL_NONE
    assert plain.tobytes() == static.actions.tobytes()


def test_adaptive_with_a_live_model_tilts_and_says_so():
    done = worked("ADAPTIVE")
    tilted = done.actions[done.actions["tilt"] != 0.0]
    assert len(tilted) > 500
    assert (np.sign(tilted["tilt"]) == np.sign(tilted["score"] - 0.5)).all()  # a buy
    assert np.abs(tilted["tilt"]).max() <= 0.02 * 20_000 * (1 + 1e-12)
    acts = (tilted["type"] != 0) | (tilted["cancel_mask"] != 0)  # these are stored
    log_odds = np.log(tilted["score"] / (1 - tilted["score"]))
    assert tilted["contributions"][acts].sum(axis=1) == pytest.approx(log_odds[acts], abs=1e-9)
    assert not tilted["contributions"][~acts].any()
    whys = set(done.actions["why"].tolist())
    assert {kinds.WHY_TILT_ON, kinds.WHY_TILT_OFF} & whys


def test_the_market_is_untouched_before_the_first_child():
    done = worked("TWAP")
    nobody = worked("TWAP", parent={"start_ns": 3_500 * SECOND, "base_ns": 3_500 * SECOND,
                                    "end_ns": 3_599 * SECOND})  # fmt: skip
    sent = int(done.decisions["now_ns"][done.actions["type"] != 0].min() // SECOND) + 1
    assert sent > 60
    assert done.tape.mids[:sent].tobytes() == nobody.tape.mids[:sent].tobytes()
    assert done.tape.mids[-1] != nobody.tape.mids[-1]


def test_a_restart_spreads_what_was_missed():
    parent = a_parent("TWAP", base_ns=1_800 * SECOND, base_filled=4_000, filled=4_000)
    done = run("TWAP", parent=parent)
    early = done.decisions["now_ns"] < 1_800 * SECOND
    assert (done.actions["size"][early] == 0).all()
    # 16,000 in 1,200 s: 40 slices of 400; no child is a burst of the 8,000 that were missed
    assert done.children["size"].max() <= 800
    assert done.parent["filled"] == 20_000


def test_a_full_tape_stops_the_run_and_says_so():
    from engine.kernels.features import new_state, prior_microprice
    from engine.kernels.flow import new_env
    from engine.kernels.inference import no_model
    from engine.kernels.schedules import u_shape_curve
    from tests.support.parents import parameters

    day, curve = a_day(), u_shape_curve()
    state = new_state(0, day.close_ns, 2e6, curve, prior_microprice())
    tape = new_tape(3_600, fills=3)
    env = new_env(day, 0, max_own=8_192)
    status = simulate(env, state[0], a_parent("TWAP"), parameters(), curve, no_model(), 1, tape)
    assert status == TAPE_FULL
    assert tape.counts[1] == 3


@pytest.mark.parametrize("quantity", [1, 37, 100, 250])
def test_tiny_parents_finish(quantity):
    done = worked("TWAP", parent={"quantity": quantity})
    assert done.parent["filled"] == quantity
    assert len(done.children) <= 12
