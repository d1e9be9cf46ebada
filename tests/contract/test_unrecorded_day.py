"""A day that records no decision has the same fills; a venue that takes no message says so."""

import numpy as np
import pytest

from engine.domain import kinds
from engine.domain.strategy import vector
from engine.kernels.environment import Env
from engine.kernels.features import new_state, prior_microprice
from engine.kernels.flow import new_env
from engine.kernels.inference import Model, no_model
from engine.kernels.schedules import u_shape_curve
from engine.kernels.simulate import FINE, VENUE_STUCK, Tape, new_tape, simulate
from tests.support.parents import a_model
from tests.support.simulated import ADV, SECONDS, a_day, a_parent

LEANING = {kinds.F_IMBALANCE_1: 3.0, kinds.F_VOLATILITY_300S: 0.4, kinds.F_FLOW_60S: 1.0}


def work(env: Env, tape: Tape, strategy: str, model: Model) -> int:
    parent = a_parent(strategy, model_state=kinds.MODEL_LIVE)
    values = np.array(vector(strategy, {}))
    values[kinds.P_RISK_AVERSION] = 2.0
    state = new_state(0, SECONDS * 10**9, ADV, u_shape_curve(), prior_microprice())
    return int(simulate(env, state[0], parent, values, u_shape_curve(), model, 1, tape))


def left_behind(strategy: str, model: Model, *, record: bool) -> tuple[bytes, ...]:
    """Fills, mids, counts and final market of a day."""
    env, tape = new_env(a_day(), 0, max_own=8_192), new_tape(SECONDS, record=record)
    assert work(env, tape, strategy, model) == FINE
    assert tape.counts[0] > 2_000
    assert tape.counts[1] > 10
    fills = tape.fills[: tape.counts[1]]
    market = (env.state.tobytes(), env.book.nodes.tobytes())
    return fills.tobytes(), tape.mids.tobytes(), tape.counts.tobytes(), *market


@pytest.mark.parametrize("strategy", ["TWAP", "VWAP", "POV", "IS", "ADAPTIVE"])
def test_fills_mids_and_market_are_the_same_bits_whether_decisions_are_recorded_or_not(strategy):
    assert left_behind(strategy, no_model(), record=False) == left_behind(
        strategy, no_model(), record=True
    )


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
