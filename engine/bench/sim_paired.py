"""`bench sim --paired`: how long a paired comparison takes, from the question to the ranking.

A day-run is one strategy, or nobody, on one path: k strategies on n paths are (k + 1) n of them.
The processes run already, as they do for a ticket; what starting them costs is told apart.
"""

import time
from dataclasses import replace
from typing import Final

from engine.lab.pool import Pool
from engine.lab.run import Progress, ask, run
from engine.lab.scenario import load

STRATEGIES: Final = ("VWAP_STATIC", "TWAP", "VWAP", "POV")
REFINED: Final = 64  # paths of a ticket's second answer


def measure_paired(day_runs: int, workers: int) -> dict[str, object]:
    """Wall time of a comparison of four strategies with this many day-runs; needs no model."""
    paths = max(1, day_runs // (len(STRATEGIES) + 1))
    question = ask(load("midcap-500k"), STRATEGIES, days=paths, seed=1)
    question = replace(question, purpose="question")
    asked = time.perf_counter()
    with Pool(workers) as pool:
        cpu = sum(hand.wake() for hand in pool.hands)  # each has loaded its kernels by then
        started = time.perf_counter()
        starting = started - asked
        seen: list[tuple[int, float]] = []

        def note(now: Progress) -> None:
            seen.append((now.n, time.perf_counter() - started))

        result = run(question, pool=pool, on_batch=note)
        done = time.perf_counter() - started
        cpu = sum(hand.wake() for hand in pool.hands) - cpu
        started = time.perf_counter()
        run(replace(question, days=min(REFINED, paths)), pool=pool)
        refined = time.perf_counter() - started
    runs = result.n * (len(STRATEGIES) + 1)
    return {
        "strategies": len(STRATEGIES),
        "paths": result.n,
        "day_runs": runs,
        "start_seconds": round(starting, 3),
        "first_ranking_paths": seen[0][0],
        "first_ranking_seconds": round(seen[0][1], 3),
        "refined_paths": min(REFINED, paths),
        "refined_seconds": round(refined, 3),
        "seconds": round(done, 3),
        "seconds_per_1000_day_runs": round(done / runs * 1_000, 3),
        "cpu_ms_per_day_run": round(cpu / runs * 1_000, 3),
        "digest": result.digest,
    }
