"""``bench sim``: simulated days a second, CPU time a day, nanoseconds per book event.

Days are independent and the only parallel axis; results land by day, so the digest is the same for
any number of workers. Nothing compiles while the clock runs. A day includes its exogenous layer,
its arrays and the warm-up of the book. Exit 0 done, 2 bad usage, 3 results disagree.
"""

import argparse
import hashlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

import numpy as np

from engine.bench.meta import load, meta
from engine.bench.sim_paired import measure_paired
from engine.domain.kinds import BUY, MODEL_LIVE, MODEL_NONE
from engine.domain.market import OBSERVATION, REPORT, TRADE
from engine.domain.strategy import STRATEGIES, vector
from engine.exchange.presets import LATENCY_NS, PRESETS
from engine.exchange.venues import may_use, simulated_venues
from engine.kernels.environment import Env, new_day
from engine.kernels.features import new_state, prior_microprice
from engine.kernels.flow import DONE as RAN
from engine.kernels.flow import REPORTS_FULL, TRADES_FULL, new_env, run_until
from engine.kernels.inference import Model, no_model
from engine.kernels.schedules import u_shape_curve
from engine.kernels.simulate import FINE, new_tape, simulate

DONE, USAGE, DISAGREE = 0, 2, 3
OPEN_NS: Final = 1_764_253_800 * 10**9
SECONDS: Final = 23_400
CLOSE_NS: Final = OPEN_NS + SECONDS * 10**9
MIDCAP: Final = PRESETS[0]
QUANTITY: Final = 500_000
MODEL_SEEDS: Final = (9_001, 9_002, 9_003)
CHECKED: Final = 2  # days run a second time: the same bits must come out


PLACE = threading.local()  # a worker's tape, which need not be made for every day


class Outcome(NamedTuple):
    """One day: counts, and a digest of everything it ended with."""

    events: int
    decisions: int
    digest: bytes


def _digest(env: Env, *more: bytes) -> bytes:
    state = env.state.copy()
    state["n_reports"] = state["n_trades"] = 0  # how full our arrays happened to be
    sums = hashlib.sha256(state.tobytes() + env.book.top.tobytes())
    for part in more:
        sums.update(part)
    return sums.digest()


def flow_day(seed: int) -> Outcome:
    """A day of background flow, nobody of ours in it."""
    env = new_env(new_day(seed, MIDCAP.flow(), OPEN_NS, CLOSE_NS), 0)
    reports, trades = np.zeros(64, REPORT), np.zeros(4_096, TRADE)
    status = TRADES_FULL
    while status in (REPORTS_FULL, TRADES_FULL):
        status, _, _ = run_until(env, CLOSE_NS, reports, 0, trades, 0)
    if status != RAN:
        raise ArithmeticError(f"the market kernel stopped with {status}")
    return Outcome(int(env.state[0]["events"]), 0, _digest(env))


@lru_cache(maxsize=4)
def fitted(kind: str) -> Model:
    """A model that has learnt three simulated days; made before the clock runs."""
    from engine.learn.simulated import simulated_model

    hours, adv = (OPEN_NS, CLOSE_NS), float(MIDCAP.instrument.adv)
    return simulated_model(kind, MIDCAP.flow(), hours, adv, MODEL_SEEDS).model


def parent_row(strategy: str, model_state: int) -> Any:
    """Buy 500,000 of the mid-cap over the day, wherever children may go."""
    parent = np.zeros(1, OBSERVATION)[0]
    parent["start_ns"] = parent["open_ns"] = parent["base_ns"] = OPEN_NS
    parent["end_ns"] = parent["close_ns"] = CLOSE_NS
    parent["kind"], parent["side"], parent["quantity"] = STRATEGIES[strategy].kind, BUY, QUANTITY
    parent["arrival_price"] = MIDCAP.instrument.reference_price
    may_use(parent, simulated_venues())
    parent["lot"], parent["collar_ticks"], parent["volume"] = MIDCAP.instrument.lot, 100, -1
    parent["model_state"] = model_state
    return parent


def worked_day(seed: int, strategy: str = "TWAP", kind: str = "") -> Outcome:
    """The mid-cap order worked over the day: a decision every second, scored when there is a model.

    kind : of the model, as `engine.learn.estimators` names it; "" = none.
    """
    model = fitted(kind) if kind else no_model()
    env = new_env(new_day(seed, MIDCAP.flow(), OPEN_NS, CLOSE_NS), 0, LATENCY_NS, max_own=32_768)
    curve = u_shape_curve()
    adv = float(MIDCAP.instrument.adv)
    features = new_state(OPEN_NS, CLOSE_NS, adv, curve, prior_microprice())
    parent = parent_row(strategy, MODEL_LIVE if kind else MODEL_NONE)
    tape = getattr(PLACE, "tape", None)
    if tape is None:
        tape = PLACE.tape = new_tape(SECONDS, record=False)
    tape.mids[:] = np.nan  # a second with an empty side leaves what was there
    values = np.array(vector(strategy, {}, MIDCAP.instrument))
    status = simulate(env, features[0], parent, values, curve, model, 1, tape)
    if status != FINE:
        raise ArithmeticError(f"the day kernel stopped with {status}")
    decisions, fills = int(tape.counts[0]), int(tape.counts[1])
    rows = (tape.fills[:fills].tobytes(), tape.mids.tobytes(), tape.counts.tobytes())
    return Outcome(int(env.state[0]["events"]), decisions, _digest(env, *rows))


SCENARIOS: Final[dict[str, Callable[[int], Outcome]]] = {
    "flow": flow_day,
    "midcap-500k-twap": worked_day,
    "midcap-500k-linear": partial(worked_day, strategy="ADAPTIVE", kind="linear"),
    "midcap-500k-forest": partial(worked_day, strategy="ADAPTIVE", kind="forest"),
}


def measure(day: Callable[[int], Outcome], days: int, workers: int) -> dict[str, object]:
    """Run the days of one scenario; the row of the report."""
    day(0)  # compiles, or loads from the cache
    with ThreadPoolExecutor(workers) as pool:
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        outcomes = list(pool.map(day, range(1, days + 1)))
        wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    for seed in range(1, min(CHECKED, days) + 1):
        if day(seed) != outcomes[seed - 1]:
            raise ArithmeticError(f"two runs of day {seed} gave different results")
    events = sum(outcome.events for outcome in outcomes)
    return {
        "days_per_second": round(days / (wall / 1e9), 2),
        "ns_per_book_event": round(cpu / events, 2),
        "book_events_per_day": round(events / days),
        "decisions_per_day": round(sum(outcome.decisions for outcome in outcomes) / days),
        "cpu_ms_per_day": round(cpu / days / 1e6, 3),
        "digest": hashlib.sha256(b"".join(o.digest for o in outcomes)).hexdigest(),
    }


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine bench sim", description=__doc__)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) - 1))
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), action="append")
    parser.add_argument(
        "--paired",
        type=int,
        metavar="DAY_RUNS",
        help="also a paired comparison with so many day-runs",
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    for name in ("days", "workers", "paired"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            parser.error(f"--{name} must be at least 1, was {value}")
    return arguments


def main(argv: Sequence[str]) -> int:
    """Run the verb; the exit code."""
    load_before = load()
    try:
        arguments = _arguments(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    report: dict[str, Any] = {"days": arguments.days, "workers": arguments.workers}
    rows: dict[str, dict[str, object]] = {}
    try:
        for name in arguments.scenario or SCENARIOS:
            rows[name] = measure(SCENARIOS[name], arguments.days, arguments.workers)
    except ArithmeticError as error:
        print(f"bench sim: {error}", file=sys.stderr)
        return DISAGREE
    report["scenarios"] = rows
    if arguments.paired is not None:
        report["paired"] = measure_paired(arguments.paired, arguments.workers)
    report["meta"] = meta(load_before)
    if arguments.json:
        print(json.dumps(report))
        return DONE
    shown = rows if arguments.paired is None else {**rows, "paired": report["paired"]}
    for name, row in shown.items():
        print(name)
        for key, value in row.items():
            print(f"{key:>24}  {value}")
    return DONE
