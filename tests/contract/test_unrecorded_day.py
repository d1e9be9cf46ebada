"""A day that records no decision has the same fills; a venue that takes no message says so."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from engine.domain import kinds
from engine.domain.strategy import STRATEGIES, vector
from engine.exchange.presets import MIDCAP
from engine.kernels.environment import Env
from engine.kernels.features import new_state, prior_microprice
from engine.kernels.flow import add_incident, new_env
from engine.kernels.inference import Model, no_model
from engine.kernels.schedules import u_shape_curve
from engine.kernels.simulate import FINE, VENUE_STUCK, Tape, new_tape, simulate
from tests.support.parents import a_model
from tests.support.simulated import ADV, SECONDS, a_day, a_parent, an_incident

LEANING = {kinds.F_IMBALANCE_1: 3.0, kinds.F_VOLATILITY_300S: 0.4, kinds.F_FLOW_60S: 1.0}


def work(env: Env, tape: Tape, strategy: str, model: Model, **changed: int) -> int:
    parent = a_parent(strategy, **{"model_state": kinds.MODEL_LIVE, **changed})
    values = np.array(vector(strategy, {}, MIDCAP.instrument))
    values[kinds.P_RISK_AVERSION] = 2.0
    state = new_state(0, SECONDS * 10**9, ADV, u_shape_curve(), prior_microprice())
    return int(simulate(env, state[0], parent, values, u_shape_curve(), model, 1, tape))


def left_behind(
    strategy: str, model: Model, *, record: bool, incident: Any = None, **changed: int
) -> tuple[bytes, ...]:
    """Fills, mids, counts and final market of a day."""
    env, tape = new_env(a_day(), 0, max_own=8_192), new_tape(SECONDS, record=record)
    assert incident is None or add_incident(env, incident)
    assert work(env, tape, strategy, model, **changed) == FINE
    assert tape.counts[0] > 2_000
    assert tape.counts[1] > 10
    fills = tape.fills[: tape.counts[1]]
    market = (env.state.tobytes(), env.book.nodes.tobytes())
    return fills.tobytes(), tape.mids.tobytes(), tape.counts.tobytes(), *market


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_fills_mids_and_market_are_the_same_bits_whether_decisions_are_recorded_or_not(strategy):
    assert left_behind(strategy, no_model(), record=False) == left_behind(
        strategy, no_model(), record=True
    )


def test_a_sell_with_a_limit_meets_the_same_venues_whether_decisions_are_recorded_or_not():
    sell = {"side": kinds.SELL, "limit_price": 4_960}
    unrecorded = left_behind("LIQUIDITY", no_model(), record=False, **sell)
    assert unrecorded == left_behind("LIQUIDITY", no_model(), record=True, **sell)


@pytest.mark.parametrize("kind", [kinds.INCIDENT_HALT, kinds.INCIDENT_CROSSED])
def test_a_day_with_an_incident_is_the_same_bits_whether_decisions_are_recorded_or_not(kind):
    hurt = {"incident": an_incident(kind, 1_000, 600)}
    unrecorded = left_behind("TWAP", no_model(), record=False, **hurt)
    assert unrecorded == left_behind("TWAP", no_model(), record=True, **hurt)
    assert unrecorded != left_behind("TWAP", no_model(), record=False)


def plain_moves(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.plain_moves", *arguments],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_decision_that_is_certain_to_wait_without_a_look_at_the_venues_does_wait():
    told = plain_moves()
    assert told.returncode == 0, told.stdout + told.stderr
    assert min(int(count) for count in told.stdout.split()) > 300


def test_steps_that_overlook_a_reason_to_move_are_found_out():
    told = plain_moves("cheat")
    assert (told.returncode, "certain to wait" in told.stdout) == (1, True)


def test_a_model_sees_the_same_features_when_nothing_is_recorded():
    model = a_model(weights=LEANING)
    unrecorded = left_behind("ADAPTIVE", model, record=False)
    assert unrecorded == left_behind("ADAPTIVE", model, record=True)
    assert unrecorded != left_behind("ADAPTIVE", no_model(), record=False)


def test_a_tape_that_records_nothing_keeps_one_row():
    tape = new_tape(SECONDS, record=False)
    assert (tape.decisions.size, tape.actions.size, tape.mids.size) == (1, 1, SECONDS)


@pytest.mark.parametrize("record", [False, True])
def test_a_message_that_the_venue_cannot_queue_stops_the_run_and_says_so(record):
    tape = new_tape(SECONDS, record=record)
    slow = new_env(a_day(), 0, latency_ns=120 * 10**9, max_own=8_192, max_queue=1)
    assert work(slow, tape, "TWAP", no_model()) == VENUE_STUCK
    wide = new_env(a_day(), 0, latency_ns=120 * 10**9, max_own=8_192)
    assert work(wide, tape, "TWAP", no_model()) == FINE
