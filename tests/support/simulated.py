"""Short simulated days for the tests of strategies."""

from dataclasses import dataclass

import numpy as np

from engine.domain import kinds
from engine.domain.strategy import vector
from engine.exchange.presets import MIDCAP, PRESETS
from engine.exchange.venues import may_use, simulated_venues
from engine.kernels.environment import INCIDENT, new_day
from engine.kernels.features import new_state, prior_microprice
from engine.kernels.flow import add_incident, new_env
from engine.kernels.inference import no_model
from engine.kernels.schedules import u_shape_curve
from engine.kernels.simulate import FINE, Tape, new_tape, simulate
from tests.support.parents import SECOND, an_observation

SECONDS = 3_600
ADV = 2e6
MIDC = next(row for row in PRESETS if row.instrument.symbol == "MIDC")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a simulated parent left behind."""

    tape: Tape
    parent: np.void

    @property
    def actions(self):
        return self.tape.actions[: self.tape.counts[0]]

    @property
    def decisions(self):
        return self.tape.decisions[: self.tape.counts[0]]

    @property
    def fills(self):
        return self.tape.fills[: self.tape.counts[1]]

    @property
    def children(self):
        return self.actions[self.actions["type"] != 0]


def a_day(seed=1, *, seconds=SECONDS, shift_from=None, shift=40.0):
    """A simulated day; from second ``shift_from`` on its reference price is another one."""
    day = new_day(seed, MIDC.flow(), 0, seconds * SECOND)
    if shift_from is not None:
        future = day.seconds.copy()
        future["r"][shift_from:] += shift
        day = day._replace(seconds=future)
    return day


def a_parent(strategy, **changed):
    """A buy of 20,000 from minute 1 to minute 50 of a short day."""
    values = {
        "now_ns": 0, "start_ns": 60 * SECOND, "base_ns": 60 * SECOND, "end_ns": 3_000 * SECOND,
        "close_ns": SECONDS * SECOND, "quantity": 20_000, "volume": -1, "bid": 0, "ask": 0,
        "bid_size": 0, "ask_size": 0, "kind": getattr(kinds, strategy), "expected_volume": int(ADV),
    }  # fmt: skip
    row = an_observation(**{**values, **changed})
    may_use(row, simulated_venues())
    return row


def a_halt(at_s, seconds):
    """INCIDENT record of a trading halt."""
    return an_incident(kinds.INCIDENT_HALT, at_s, seconds)


def an_incident(kind, at_s, seconds):
    """INCIDENT record; at the first venue, where the kind is of one."""
    row = np.zeros(1, dtype=INCIDENT)[0]
    row["kind"] = kind
    row["from_ns"], row["to_ns"] = at_s * SECOND, (at_s + seconds) * SECOND
    return row


def run(strategy, *, day=None, parent=None, incidents=(), **asked):
    """One parent through one day. asked: model, curve, values (parameters by name)."""
    day = a_day() if day is None else day
    parent = a_parent(strategy) if parent is None else parent
    curve = asked.get("curve", u_shape_curve())
    knobs = np.array(vector(strategy, asked.get("values") or {}, MIDCAP.instrument))
    state = new_state(0, day.close_ns, ADV, curve, prior_microprice())
    tape = new_tape(day.close_ns // SECOND)
    env = new_env(day, 0, max_own=8_192)
    for incident in incidents:
        assert add_incident(env, incident)
    row = asked.get("model") or no_model()
    assert simulate(env, state[0], parent, knobs, curve, row, 1, tape) == FINE
    return Run(tape=tape, parent=parent)
