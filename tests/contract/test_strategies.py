"""What every strategy owes, on simulated days."""

import os
import subprocess
import sys

import numpy as np
import pytest

from engine.domain import kinds
from engine.domain.strategy import vector
from engine.exchange.presets import MIDCAP
from engine.kernels.act import decide
from engine.kernels.jit import JIT
from engine.kernels.schedules import curve_from_shares, target_shares, u_shape_curve
from engine.kernels.simulate import TAPE_FULL, new_tape, simulate
from tests.support.parents import SECOND, a_model
from tests.support.simulated import a_day, a_halt, a_parent, run

pytestmark = pytest.mark.skipif(not JIT, reason="a simulated day without JIT takes minutes")

STRATEGIES = ["TWAP", "VWAP", "POV", "IS", "LIQUIDITY", "ADAPTIVE", "RL"]
LEANING = {kinds.F_IMBALANCE_1: 2.0, kinds.F_FLOW_10S: 1.0}
HURRYING = {kinds.S_TILT: 1.0, kinds.S_PATIENCE: 0.5, kinds.S_OFF: 0.25}  # always choice 11
WAITING = {kinds.S_TILT: -1.0, kinds.S_PATIENCE: 0.5}  # always choice 2
AS_OTHERS = {
    "child_of_touch": 2_000 / 235,
    "dark": 0.0,
    "dealers": 0.0,
}  # what learns places otherwise
MODELS = {"ADAPTIVE": LEANING, "RL": HURRYING}


def worked(strategy, **changed):
    """A run with a live model where the strategy uses one."""
    parent = a_parent(strategy, **changed.pop("parent", {}))
    if strategy in MODELS:
        parent["model_state"] = kinds.MODEL_LIVE
        changed.setdefault("model", a_model(weights=MODELS[strategy]))
    return run(strategy, parent=parent, **changed)


@pytest.mark.parametrize("side", [kinds.BUY, kinds.SELL])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_strategy_finishes_by_its_horizon(strategy, side):
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
    before_finish = slice(600, int(0.8 * len(done.decisions)))
    share = done.decisions["filled"][before_finish] / done.decisions["volume"][before_finish]
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
        "ADAPTIVE", parent=expired, model=a_model(weights=LEANING),
        values={"base": float(base), **AS_OTHERS},
    )  # fmt: skip
    assert set(adaptive.actions["model_state"]) == {kinds.MODEL_EXPIRED}
    plain = adaptive.actions.copy()
    plain["model_state"] = kinds.MODEL_NONE
    assert plain.tobytes() == static.actions.tobytes()


def test_adaptive_with_a_live_model_tilts_and_says_so():
    done = worked("ADAPTIVE", values={"max_tilt": 0.02})
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
    from tests.support.parents import parameters

    day, curve = a_day(), u_shape_curve()
    state = new_state(0, day.close_ns, 2e6, curve, prior_microprice())
    tape = new_tape(3_600, fills=3)
    env = new_env(day, 0, max_own=8_192)
    status = simulate(env, state[0], a_parent("TWAP"), parameters(), curve, no_model(), 1, tape)
    assert status == TAPE_FULL
    assert tape.counts[1] == 3


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("quantity", [1, 37, 100, 250])
def test_tiny_parents_finish_with_few_children(strategy, quantity):
    """An odd lot, one lot, and fewer lots than there are slices."""
    done = worked(strategy, parent={"quantity": quantity})
    assert done.parent["filled"] == quantity
    assert len(done.children) <= 40


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_huge_parent_stays_under_the_cap_and_says_why_it_does_not_finish(strategy):
    done = worked(strategy, parent={"quantity": 50_000_000}, values={"max_participation": 0.1})
    last = done.decisions[-1]
    assert 5_000 < done.parent["filled"] < 50_000_000
    assert last["filled"] <= 0.1 * last["volume"] * (1 + 1e-9) + 100
    waits = done.actions[done.actions["type"] == 0]
    assert (waits["binding"] == kinds.BOUND_PARTICIPATION).any()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("bid", "ask"), [(0, 0), (5_000, 0), (0, 5_002), (5_002, 5_000)])
def test_without_a_sound_quote_nothing_is_sent(strategy, bid, ask):
    row = a_parent(
        strategy, now_ns=600 * SECOND, bid=bid, ask=ask, volume=20_000, model_state=kinds.MODEL_LIVE
    )
    knobs = np.array(vector(strategy, {}, MIDCAP.instrument))
    model = a_model(weights=MODELS.get(strategy, {}))
    action = decide(row, knobs, u_shape_curve(), model)
    assert action["type"] == 0
    assert action["binding"] == kinds.BOUND_NO_QUOTE


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_is_sent_in_a_halt_and_the_parent_finishes_after_it(strategy):
    done = worked(strategy, incidents=[a_halt(1_000, 600)])
    at = done.decisions["now_ns"] // SECOND
    halted = (at > 1_001) & (at < 1_599)
    assert (done.actions["type"][halted] == 0).all()
    assert (done.actions["type"][at > 1_600] != 0).any()
    assert done.parent["filled"] == 20_000


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_after_a_restart_the_same_observation_gives_the_same_decision(strategy):
    """A restart keeps the observation and nothing else: what a decision needs stands in it."""
    done = worked(strategy)
    knobs = np.array(vector(strategy, {}, MIDCAP.instrument))
    model = a_model(weights=MODELS.get(strategy, {}))
    for k in range(0, len(done.decisions), 97):
        again = decide(done.decisions[k].copy(), knobs, u_shape_curve(), model)
        assert again.tobytes() == done.actions[k].tobytes()


def test_compiled_and_plain_python_decide_the_same_bits(tmp_path):
    asked = {}
    for strategy in STRATEGIES:
        done = worked(strategy)
        rows = np.arange(0, len(done.decisions), 23)
        asked[f"{strategy}_seen"] = done.decisions[rows]
        asked[f"{strategy}_done"] = done.actions[rows]
        asked[f"{strategy}_knobs"] = np.array(vector(strategy, {}, MIDCAP.instrument))
        asked[f"{strategy}_model"] = a_model(weights=MODELS.get(strategy, {})).row
    np.savez(tmp_path / "asked.npz", **asked)
    plain = subprocess.run(
        [sys.executable, "-m", "tests.support.plain_python", str(tmp_path / "asked.npz")],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert plain.stdout.split() == STRATEGIES


def test_liquidity_goes_to_pools_and_dealers_and_finishes():
    done = worked("LIQUIDITY", parent={"quantity": 40_000})
    by_venue = np.bincount(done.fills["venue"], weights=done.fills["quantity"], minlength=8)
    assert done.parent["filled"] == 40_000
    assert by_venue[3:5].sum() > 400
    assert by_venue[5:7].sum() > 2_000
    pegs = done.children[done.children["type"] == kinds.PEG_MID]
    assert set(pegs["minimum"].tolist()) == {100}
    assert kinds.WHY_DEALER in set(done.actions["why"].tolist())


@pytest.mark.parametrize("base", [kinds.TWAP, kinds.VWAP, kinds.POV])
@pytest.mark.parametrize("state", [kinds.MODEL_NONE, kinds.MODEL_EXPIRED, kinds.MODEL_DOUBTFUL])
def test_rl_without_a_trusted_policy_is_its_base_all_day_and_says_so(base, state):
    name = {kinds.TWAP: "TWAP", kinds.VWAP: "VWAP", kinds.POV: "POV"}[base]
    learnt = run(
        "RL", parent=a_parent("RL", model_state=state), model=a_model(weights=HURRYING),
        values={"base": float(base), **AS_OTHERS},
    )  # fmt: skip
    assert set(learnt.actions["model_state"].tolist()) == {state}
    plain = learnt.actions.copy()
    plain["model_state"] = kinds.MODEL_NONE
    assert plain.tobytes() == run(name).actions.tobytes()


def test_a_state_outside_of_what_the_policy_was_trained_on_is_the_base_schedule():
    model = a_model(weights=HURRYING)
    model.row["used"][0, kinds.S_TIME] = 1
    model.row["low"][0, kinds.S_TIME] = 0.5  # never seen the second half of an order
    done = worked("RL", model=model)
    late = done.decisions["now_ns"] > (60 + 1_470) * SECOND
    assert set(done.actions["model_state"][late].tolist()) <= {kinds.MODEL_DOUBTFUL}
    assert set(done.actions["model_state"][~late][10:].tolist()) == {kinds.MODEL_LIVE}
    assert (done.actions["tilt"][late] == 0.0).all()


@pytest.mark.parametrize(("weights", "choice"), [(HURRYING, 11), (WAITING, 2)])
def test_the_policy_takes_the_choice_that_its_model_values_most(weights, choice):
    done = worked("RL", model=a_model(weights=weights))
    live = done.actions["model_state"] == kinds.MODEL_LIVE
    state = done.actions["state"][live]
    found = 4 * (state[:, kinds.S_TILT] + 1) + 2 * state[:, kinds.S_PATIENCE]
    assert set((found + state[:, kinds.S_OFF]).tolist()) == {choice}
    assert np.abs(done.actions["tilt"]).max() <= 0.02 * 20_000 * (1 + 1e-12)
    assert np.sign(done.actions["tilt"]).sum() * np.sign(choice - 4) > 1_000
    words = {kinds.WHY_POLICY_ON, kinds.WHY_POLICY_OFF}
    assert words & set(done.actions["why"].tolist())


@pytest.mark.parametrize("weights", [HURRYING, WAITING])
def test_the_policy_never_leaves_its_base_by_more_than_it_may(weights):
    done = worked("RL", parent={"quantity": 60_000}, model=a_model(weights=weights))
    static = run("VWAP", parent=a_parent("VWAP", quantity=60_000))
    n = min(len(done.actions), len(static.actions)) - 40
    away = np.abs(done.actions["target"][:n] - done.actions["tilt"][:n])
    knobs = np.array(vector("VWAP", {}, MIDCAP.instrument))
    base = np.array([
        target_shares(kinds.VWAP, row, knobs, u_shape_curve())
        for row in done.decisions[:n:50]
    ])  # fmt: skip
    assert away[::50] == pytest.approx(base, abs=1e-6)
    crossing = done.actions["band_low"][:n:50]
    assert (base - crossing <= (0.02 + 0.02) * 60_000 + 1e-6).all()


def test_a_thin_day_pov_finishes_within_its_cap():
    slow = {"target_participation": 0.05, "max_participation": 0.2}
    done = worked("POV", parent={"quantity": 14_000}, values=slow)
    assert done.parent["filled"] == 14_000
    last = done.decisions[-1]
    assert last["filled"] <= 0.2 * last["volume"]
    at = np.searchsorted(done.decisions["now_ns"], 2_400 * SECOND)
    assert done.decisions["filled"][at] < 0.07 * done.decisions["volume"][at] + 500
