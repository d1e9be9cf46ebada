"""``bench ticket``: how long a ticket waits for its first ranking and for its last.

The question of a ticket: all strategies on paths that begin at an instant of the day, with the
processes running already, as they do in the worker. The first ranking is the table a person sees,
laws and frontier included. Exit 0 done, 2 bad usage.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from engine.bench.meta import load, meta
from engine.domain.errors import Refused
from engine.domain.strategy import STRATEGIES
from engine.exchange.presets import MIDCAP
from engine.lab.now import MarketSnapshot, Wanted, scenario_of
from engine.lab.pool import Pool
from engine.lab.pretrade import Way, cap_of, question, size_of, table
from engine.lab.run import Progress, Question, run
from engine.lab.scenario import PLACES, SESSION_S

DONE, USAGE = 0, 2
SEED: Final = 9
FIRST_GOAL_S, LAST_GOAL_S = 1.0, 8.0


def asked(at_s: int, minutes: int) -> Question:
    """Buy 2 % of the average day of the mid-cap, from a usual market at this second."""
    instrument = MIDCAP.instrument
    now = MarketSnapshot(
        symbol=instrument.symbol, day="2026-01-02", at_s=at_s, mid=instrument.reference_price,
        spread=2.0, spread_mean=2.0, bid_size=300, ask_size=300,
        volume=instrument.adv * at_s // SESSION_S, volatility=1.0, returns=at_s // 60,
    )  # fmt: skip
    wanted = Wanted(side=1, quantity=instrument.adv // 50, horizon_s=60 * minutes)
    scenario = scenario_of(now, instrument, MIDCAP, wanted, tuple(PLACES))
    return question(scenario, tuple(Way(strategy=name) for name in STRATEGIES), seed=SEED)


def measure(at_s: int, minutes: int, workers: int) -> dict[str, Any]:
    """Wall and processor time of one answer."""
    asks = asked(at_s, minutes)
    published = size_of(asks.scenario, 2.0, 1.0, cap_of(asks))
    seen: list[tuple[int, float]] = []
    with Pool(workers) as pool:
        cpu = sum(hand.wake() for hand in pool.hands)
        started = time.perf_counter()

        def batch(now: Progress) -> None:
            table(asks, now.rows, published)
            seen.append((now.n, time.perf_counter() - started))

        result = run(asks, pool=pool, on_batch=batch)
        cpu = sum(hand.wake() for hand in pool.hands) - cpu
    return {
        "strategies": len(STRATEGIES),
        "at_s": at_s,
        "minutes": minutes,
        "workers": workers,
        "first_paths": seen[0][0],
        "first_seconds": round(seen[0][1], 3),
        "last_paths": result.n,
        "last_seconds": round(seen[-1][1], 3),
        "cpu_seconds": round(cpu, 3),
        "goal_first_seconds": FIRST_GOAL_S,
        "goal_last_seconds": LAST_GOAL_S,
        "digest": result.digest,
    }


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m engine bench ticket", description=__doc__)
    parser.add_argument("--at", type=int, default=7_200, help="second of the day [s]")
    parser.add_argument("--minutes", type=int, default=240, help="horizon of the order [min]")
    parser.add_argument("--workers", type=int, default=2, help="processes; the worker has one less")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    before = load()
    try:
        found = measure(options.at, options.minutes, options.workers)
    except Refused as refused:
        print(f"bench ticket: {refused}", file=sys.stderr)
        return USAGE
    if options.json:
        print(json.dumps({**found, "meta": meta(before)}))
        return DONE
    print(
        f"{found['strategies']} strategies, {options.minutes} min from second {options.at}, "
        f"{options.workers} processes: first ranking ({found['first_paths']} paths) after "
        f"{found['first_seconds']:.2f} s, last ({found['last_paths']}) after "
        f"{found['last_seconds']:.2f} s, processor {found['cpu_seconds']:.2f} s"
    )
    return DONE
