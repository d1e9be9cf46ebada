"""An engine whose owner thread hangs: how soon its orders are back, how soon it is ended.

The engine of a small desk is stopped (SIGSTOP) while its orders are open. Watched from outside,
at the exchange's own cancel socket and at the process: the watchdog must take every order back
after 1 s of silence and end the process after 3 s, each at its next look.
"""

import argparse
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from engine.domain.errors import Refused
from engine.drill.crew import Crew
from engine.drill.deaths import Drill
from engine.drill.ending import Report, conclude, flags, quantiles
from engine.stage import CLOCK, NotReady, eventually
from engine.warm import ready
from engine.watchdog.cancel import CancelRoute

SPEED: Final = 30.0
PATIENCE_S: Final = 60.0
LIMIT_S: Final = {"cancelled_s": 1.5, "ended_s": 3.5}  # silence, a look, and the act itself


def open_orders(crew: Crew) -> int:
    """By the exchange; raises OSError while it does not answer."""
    route = CancelRoute(crew.where.cancel)
    try:
        return len(route.ask({"op": "orders"}, patience_s=5.0)[0]["orders"])
    finally:
        route.close()


def working(crew: Crew, drill: Drill) -> bool:
    """Whether orders are open at the exchange; more are entered when there is too little to do."""
    drill.keep_trading()
    return open_orders(crew) > 0


def hang(crew: Crew) -> tuple[float, float]:
    """One hang: until no order is open, until the process is gone. [s]"""
    began = CLOCK.mono_ns()
    crew.signal("engine", signal.SIGSTOP)
    cancelled = 0.0
    while not crew.is_dead("engine"):
        now = (CLOCK.mono_ns() - began) / 1e9
        if now > PATIENCE_S:
            raise NotReady("the engine that hangs is not ended")
        if not cancelled and open_orders(crew) == 0:
            cancelled = (CLOCK.mono_ns() - began) / 1e9
        time.sleep(0.01)
    ended = (CLOCK.mono_ns() - began) / 1e9
    if not cancelled:
        raise NotReady("orders of an engine that hung were open when it was ended")
    return cancelled, ended


def work(options: argparse.Namespace, folder: Path) -> Report:
    """Hang after hang."""
    ready()
    flags_of_desk = ("--seed", str(options.seed), "--speed", f"{SPEED:g}")
    crew = Crew(state=folder / "s", options=flags_of_desk)
    drill = Drill(stage=crew, seed=options.seed, speed=SPEED)
    times: dict[str, list[float]] = {"cancelled_s": [], "ended_s": []}
    failures: list[str] = []
    try:
        crew.start()
        for _ in range(options.n):
            crew.wait_ready()
            crew.set_people()
            eventually(lambda: working(crew, drill), PATIENCE_S, "open orders")
            cancelled, ended = hang(crew)
            times["cancelled_s"].append(cancelled)
            times["ended_s"].append(ended)
            crew.run("engine")
    except (Refused, ConnectionError, TimeoutError, NotReady, OSError) as error:
        failures.append(f"{type(error).__name__}: {error}")
    finally:
        crew.stop()
    late = {name: sum(1 for x in rows if x > LIMIT_S[name]) for name, rows in times.items()}
    found = {name: quantiles(rows) for name, rows in times.items()}
    return {"n": len(times["ended_s"]), **found, "limits_s": LIMIT_S, "late": late,
            "failures": failures}  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("hang", __doc__)
    parser.add_argument("--n", type=int, default=10, help="hangs")
    return conclude(parser, argv, work, lambda report: not any(report["late"].values()), n=1)
