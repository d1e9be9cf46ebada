"""How long a desk with a long day behind it is away: death of the engine to READY.

A small desk trades as fast as it can until its journal has so many entries; then the engine is
killed a few times. Each time it folds the day, finds the exchange, compares books, and says READY
when new orders may leave again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from engine.domain.errors import Refused
from engine.drill.crew import Crew
from engine.drill.deaths import Drill
from engine.drill.ending import Report, conclude, flags, quantiles
from engine.stage import CLOCK, NotReady, eventually
from engine.warm import ready

FAST: Final = 600.0
DEATHS: Final = 5
PATIENCE_S: Final = 3_600.0
A_PARENT: Final = 28_000  # entries that one parent at work writes in a day
LOOK_S: Final = 0.25
GOALS: Final = ((10_000, 5.0), (1_000_000, 30.0))  # entries at most, goal [s]


def entries_of(crew: Crew) -> int:
    """Number of the newest entry, 0 while the engine does not answer."""
    status = crew.status()
    return 0 if status is None else int(status["desk"]["seq"])


def fill(crew: Crew, drill: Drill, events: int) -> None:
    """Trade until the journal is that long."""

    def is_long() -> bool:
        status = crew.status()
        if status is not None and status["desk"]["session"] == "CLOSED":
            raise NotReady(f"the day ended with {status['desk']['seq']} entries: lower --events")
        drill.keep_trading()
        return entries_of(crew) >= events

    eventually(is_long, PATIENCE_S, f"{events} entries", every_s=LOOK_S)


def away(crew: Crew) -> float:
    """One death of the engine to READY. [s]"""
    crew.end("engine")
    began = CLOCK.mono_ns()
    crew.run("engine")

    def is_ready() -> bool:
        status = crew.status()
        return status is not None and status["desk"]["gate"] in ("", "open")

    eventually(is_ready, PATIENCE_S, "READY")
    return (CLOCK.mono_ns() - began) / 1e9


def work(options: argparse.Namespace, folder: Path) -> Report:
    """Fill the day, then die a few times."""
    ready()
    crew = Crew(state=folder / "s", options=("--seed", str(options.seed), "--speed", f"{FAST:g}"))
    drill = Drill(stage=crew, seed=options.seed, speed=FAST)
    drill.live_parents = max(drill.live_parents, options.events // A_PARENT)
    failures: list[str] = []
    times: list[float] = []
    entries = 0
    try:
        crew.start()
        crew.wait_ready()
        crew.set_people()
        fill(crew, drill, options.events)
        crew.set_speed(0.0)
        entries = entries_of(crew)
        times = [away(crew) for _ in range(DEATHS)]
    except (Refused, ConnectionError, TimeoutError, NotReady) as error:
        failures.append(f"{type(error).__name__}: {error}")
    finally:
        crew.stop()
    goal = next((seconds for most, seconds in GOALS if options.events <= most), GOALS[-1][1])
    found: dict[str, Any] = {"entries": entries, "ready_s": quantiles(times), "goal_s": goal}
    if times and sorted(times)[len(times) // 2] > goal:
        failures.append(
            f"READY took {sorted(times)[len(times) // 2]:.1f} s, the goal is {goal:g} s"
        )
    return {"n": len(times), **found, "failures": failures}


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("restart", __doc__)
    parser.add_argument("--events", type=int, default=10_000, help="entries of the journal")
    return conclude(parser, argv, work, lambda report: report["n"] == DEATHS, events=100)
