"""Compile every hot kernel once, with the types it really gets.

A market and decisions share few kernels, so two processes compile them side by side; both fill one
cache, and what a race between them loses is compiled again by who needs it. Nobody else may compile
at that time, so this runs before pools and test workers start; the second run finds everything.
"""

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np

from engine.core.plan import NO_MODEL
from engine.core.quotes import Quotes
from engine.core.ready import load_kernels
from engine.core.sight import open_sight
from engine.domain.errors import BrokenInvariant
from engine.domain.kinds import LIMIT, NEW
from engine.domain.market import MESSAGE, TICK
from engine.domain.strategy import vector
from engine.domain.units import SECOND, Nanos
from engine.exchange.hours import session_of
from engine.exchange.presets import PRESETS
from engine.exchange.recorded_warm import warm as warm_recorded
from engine.exchange.simulated import SimulatedMarket
from engine.exchange.simulated import warm as warm_simulated
from engine.kernels.inference import attribute, attributes_at_once
from engine.kernels.jit import CACHE

DAY: Final = "2026-01-02"
ROOT: Final = Path(__file__).resolve().parents[1]
FILLED: Final = CACHE / "filled"  # there once everything has been compiled


def ready() -> None:
    """Compile, or load from the cache; one process at a time, the others wait for the result."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "warming.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not FILLED.exists():
            _side_by_side()
        main()
        FILLED.touch()


def _side_by_side() -> None:
    """Compile the market here and the decisions in a second process."""
    other = "from engine.warm import decide; decide()"
    command = [sys.executable, "-c", other]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL) as more:  # noqa: S603 (ours)
        trade()
        code = more.wait()
    if code != 0:
        raise BrokenInvariant(f"the process that compiles decisions ended with {code}")


def everything() -> None:
    """Compile also what only the lab, its reports and tests use: a desk starts without it."""
    from engine.kernels.features import new_state, prior_microprice
    from engine.kernels.inference import no_model
    from engine.kernels.schedules import u_shape_curve
    from engine.kernels.simulate import new_tape, simulate
    from engine.lab.market import CLOSE_NS, OPEN_NS, SECONDS, SeedRange, fresh_run, open_path
    from engine.lab.paired import Task, contender, parent_row, run_path
    from engine.lab.scenario import load, shipped
    from engine.realism.watch import lit_venues, watched

    ready()
    scenario = load(min(shipped()))
    who = contender(scenario, "TWAP")
    task = Task(scenario=scenario, contenders=(who,), paths=SeedRange("comparison", 1, 0, 1))
    run_path(task, 0)
    watched(PRESETS[0].flow(), 1, lit_venues())
    env = fresh_run(scenario, open_path(scenario, 0, 1))
    curve = u_shape_curve()
    state = new_state(OPEN_NS, CLOSE_NS, 1e6, curve, prior_microprice())
    values = np.array(vector("TWAP", {}, PRESETS[0].instrument))
    parent = parent_row(task, who, 1)
    simulate(env, state[0], parent, values, curve, no_model(), 1, new_tape(SECONDS, record=True))


def main() -> int:
    """Trade a moment and decide; 0."""
    trade()
    decide()
    return 0


def trade() -> None:
    """Trade a moment on a market of one instrument."""
    session = session_of(DAY)
    market = SimulatedMarket(session=session, seed=1, presets=PRESETS[:1])
    for second in range(3):
        market.advance(Nanos(session.open_at + second * SECOND))
        order = np.zeros(1, dtype=MESSAGE)
        order["kind"], order["type"], order["side"], order["child"] = NEW, LIMIT, 1, second + 1
        order["price"], order["quantity"] = 1, 100
        order["sent_ns"] = session.open_at + second * SECOND
        market.submit(order)
    market.cancel_now([(0, 1)])
    warm_simulated()


def decide() -> None:
    """Look at ticks, score them, explain a score, decide; and replay a recorded moment."""
    session = session_of(DAY)
    instruments = (PRESETS[0].instrument,)
    sight = open_sight(session, instruments)
    quotes = Quotes()
    ticks = np.zeros(1, dtype=TICK)
    quotes.update(instruments, ticks)
    sight.look(ticks)
    features = sight.features[instruments[0].symbol]
    attribute(NO_MODEL, features, np.zeros(features.size))
    attributes_at_once(NO_MODEL)
    warm_recorded()
    load_kernels()
