"""Compile every hot kernel once, with the types it really gets, in one process.

Processes that fill one cold cache together race, so this runs before pools and test workers start;
the second run finds everything in the cache.
"""

import fcntl

import numpy as np

from engine.core.plan import NO_MODEL, Planner
from engine.core.quotes import Quotes
from engine.core.sight import open_sight
from engine.domain.kinds import LIMIT, NEW
from engine.domain.market import ACTION, MESSAGE, OBSERVATION
from engine.domain.units import SECOND, Nanos
from engine.exchange.hours import session_of
from engine.exchange.presets import PRESETS
from engine.exchange.recorded_warm import warm as warm_recorded
from engine.exchange.simulated import SimulatedMarket
from engine.kernels.act import act_first
from engine.kernels.inference import attribute, attributes_at_once
from engine.kernels.jit import CACHE
from engine.kernels.watch import lean_first

DAY = "2026-01-02"


def ready() -> None:
    """Compile, or load from the cache; one process at a time, the others wait for the result."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "warming.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        main()


def main() -> int:
    """Trade a moment on a market of one instrument; 0."""
    session = session_of(DAY)
    market = SimulatedMarket(session=session, seed=1, presets=PRESETS[:1])
    instruments = market.instruments
    sight = open_sight(session, instruments)
    quotes = Quotes()
    for second in range(3):
        advance = market.advance(Nanos(session.open_at + second * SECOND))
        quotes.update(instruments, advance.ticks)
        sight.look(advance.ticks)
        order = np.zeros(1, dtype=MESSAGE)
        order["kind"], order["type"], order["side"], order["child"] = NEW, LIMIT, 1, second + 1
        order["price"], order["quantity"] = 1, 100
        order["sent_ns"] = session.open_at + second * SECOND
        market.submit(order)
    market.cancel_now([(0, 1)])
    features = sight.features[instruments[0].symbol]
    lean_first(NO_MODEL, features)
    attribute(NO_MODEL, features, np.zeros(features.size))
    attributes_at_once(NO_MODEL)
    warm_recorded()
    planner = Planner()
    observations, actions = np.zeros(1, dtype=OBSERVATION), np.zeros(1, dtype=ACTION)
    act_first(observations, planner.parameters, sight.curve, NO_MODEL, actions)
    return 0
