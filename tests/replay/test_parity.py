"""The live engine on the lock-step exchange and the day kernel decide the same each second."""

import numpy as np
import pytest

from engine.core.observe import COLLAR_BPS
from engine.core.plan import NO_MODEL
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.market import OBSERVATION
from engine.domain.strategy import STRATEGIES, vector
from engine.domain.units import Nanos, child_id
from engine.exchange.presets import LATENCY_NS, PRESETS
from engine.exchange.simulated import path_seed
from engine.exchange.venues import may_use
from engine.kernels.environment import new_day
from engine.kernels.features import new_state, prior_microprice
from engine.kernels.flow import new_env
from engine.kernels.marks import FORGET_NS
from engine.kernels.schedules import u_shape_curve
from engine.kernels.simulate import FINE, new_tape, simulate
from tests.support.desk_rig import Rig

SECONDS = 23_400
START = 120  # seconds after the open


def live(strategy: str, side: int, quantity: int, horizon_s: int, own: dict[str, float]):
    """Observation and action of every second, as the live loop made them."""
    rig = Rig(seed=7)
    rig.run(START)
    session = rig.state.session
    command = c.SubmitParent(
        symbol=rig.symbol,
        side=side,
        quantity=quantity,
        strategy=strategy,
        horizon_ns=horizon_s * 1_000_000_000,
        parameters=own,
    )
    envelope = Envelope(
        id="parity-1", person="u1", epoch=0, expires_at=Nanos(10**18), command=command
    )
    seen, done, kept = [], [], None
    planner = rig.loop.desk.planner
    for second in range(START, SECONDS):
        to = Nanos(session.open_at + second * 1_000_000_000)
        advanced = rig.loop._ask_venue(0, to)
        planner.observations[:] = 0
        rig.loop._step((), (envelope,) if second == START else (), advanced)
        parent = rig.state.parents[1]
        kept = parent if kept is None else kept
        if planner.observations[0]["now_ns"] == to:
            seen.append(planner.observations[0].copy())
            done.append(planner.actions[0].copy())
        if not parent.is_live:
            break
    rig.loop._ask_venue(0, session.close_at)
    return rig, kept, np.array(seen), np.array(done)


def simulated(rig: Rig, parent, strategy: str):
    """The same parent through the day kernel."""
    session = rig.state.session
    preset = PRESETS[0]
    day = new_day(path_seed(7, session.day, 0), preset.flow(), session.open_at, session.close_at)
    curve = u_shape_curve()
    state = new_state(
        session.open_at, session.close_at, float(preset.instrument.adv), curve, prior_microprice()
    )
    row = np.zeros(1, dtype=OBSERVATION)[0]
    for name, value in {
        "start_ns": parent.start_at,
        "end_ns": parent.end_at,
        "open_ns": session.open_at,
        "close_ns": session.close_at,
        "kind": STRATEGIES[strategy].kind,
        "side": parent.side,
        "quantity": parent.quantity,
        "arrival_price": parent.arrival_price,
        "lot": preset.instrument.lot,
        "expected_volume": preset.instrument.adv,
        "seed": parent.seed,
        "base_ns": parent.base_at,
        "collar_ticks": max(1, int(parent.arrival_price * COLLAR_BPS / 1e4)),
        "volume": -1,
    }.items():
        row[name] = value
    may_use(row, rig.state.venues)
    values = rig.state.parameters[strategy].values | dict(parent.overrides)
    tape = new_tape(SECONDS)
    status = simulate(
        new_env(day, 0, LATENCY_NS),
        state[0],
        row,
        np.array(vector(strategy, values, preset.instrument)),
        curve,
        NO_MODEL,
        child_id(0, 1),
        tape,
    )
    assert status == FINE
    n = tape.counts[0]
    return tape.decisions[:n], tape.actions[:n]


@pytest.mark.parametrize(
    ("strategy", "side", "quantity", "horizon_s", "own"),
    [
        ("TWAP", 1, 200_000, SECONDS, {}),
        ("VWAP", -1, 120_000, 7_200, {}),
        ("POV", 1, 60_000, 3_600, {}),
        ("ADAPTIVE", -1, 30_000, 1_800, {}),
        ("VWAP", 1, 60_000, 1_800, {"dark": 0.5}),
        ("IS", 1, 60_000, 3_600, {"risk_aversion": 3.0}),
        ("LIQUIDITY", -1, 60_000, 3_600, {"urgency": 1.0, "min_quantity": 200}),
        ("RL", 1, 30_000, 1_800, {"dealers": 1}),
    ],
)
def test_live_and_simulated_decisions_are_the_same_records(
    strategy, side, quantity, horizon_s, own
):
    rig, parent, seen, done = live(strategy, side, quantity, horizon_s, own)
    decisions, actions = simulated(rig, parent, strategy)
    assert rig.journal.events(e.ChildSendRefused) == []  # the gate stands outside the kernel
    assert len(seen) > min(horizon_s, 1_000) * 0.9
    assert len(seen) == len(decisions)
    for name in OBSERVATION.names:
        same = [
            a[name].tobytes() == b[name].tobytes() for a, b in zip(seen, decisions, strict=True)
        ]
        assert all(same), f"{name} differs first at decision {same.index(False)}"
    assert done.tobytes() == actions.tobytes()
    assert int((done["type"] != 0).sum()) > 20
    believed = np.isfinite(seen["venue_markout"]).any(axis=0)
    assert believed.any()
    if quantity > 100_000:  # half forgotten several times, and still the same bits
        assert seen["now_ns"][-1] // FORGET_NS - seen["now_ns"][0] // FORGET_NS > 1
