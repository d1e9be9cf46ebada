"""The engine dies at every named point of its turn, many seeds over, judged by the exchange's log.

One small desk a seed (exchange, engine, watchdog) lives through a death at each point, in an order
of the seed's own, the roll of the journal at the end of the day last. Each next engine recovers
and carries the next point. After a seed the exchange's log, the journal and the state must agree,
and a second restart must change nothing.
"""

import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.domain.commands import AmendParent, OpenNextDay
from engine.domain.errors import Refused
from engine.domain.units import ParentId, Shares
from engine.drill.crew import Crew, folder_name
from engine.drill.deaths import ENGINE_WAIT_S, Drill, finish
from engine.drill.ending import TROUBLE, Report, quantiles, words_of
from engine.drill.nest import Nest
from engine.runtime.crash import CRASH_POINTS, CRASHED
from engine.stage import BOSS, CLOCK, TRADER, NotReady, eventually
from engine.watchdog.cancel import CancelRoute

SPEED: Final = 30.0
FAST: Final = 600.0
DAY_S: Final = 600.0  # of market time
DEATH_S: Final = 180.0  # a point is reached by then, or it is not reached
# deaths are the drill's alone: on a busy machine a slow engine is not ended for its silence
PATIENT: Final = (
    "--heartbeat-ms", "60000", "--silence-ms", "60000", "--lease-ms", "10000",
)  # fmt: skip
ANSWER_S: Final = 2.0  # an engine that dies while it is asked says nothing
MOST_PASSES: Final = {  # the engine dies when it passes the point for the n-th time, n up to this
    "before_journal": 60, "after_journal": 60, "before_gate": 8, "after_gate": 8, "after_send": 8,
    "after_ack": 8, "mid_partial": 3, "pending_cancel": 4,
}  # fmt: skip
ROLL: Final = "snapshot"
CUT: Final = 100  # shares that an amendment takes from a child


@dataclass(slots=True, kw_only=True)
class Deaths:
    """What many seeds came to."""

    by_point: Counter[str] = field(default_factory=Counter)
    ready_ms: list[float] = field(default_factory=list)  # start of a new engine to READY
    wrong: Counter[str] = field(default_factory=Counter)
    equal_seeds: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Life:
    """One seed: a small desk and its deaths."""

    crew: Crew
    drill: Drill
    deaths: Deaths
    refusal: str = ""  # the last word of an engine that did not do what was asked

    def shuffled(self, points: Sequence[str]) -> list[str]:
        """The points in the seed's own order, the roll of the journal last."""
        left = [point for point in points if point != ROLL]
        order = [left.pop(self.drill.choose(len(left))) for _ in range(len(left))]
        return order + [point for point in points if point == ROLL]

    def begin(self) -> None:
        """A desk at work; its first engine dies at no point, by ``kill -9``."""
        self.crew.start()
        self.crew.wait_ready()
        self.crew.set_people()
        self.drill.keep_trading()
        self.crew.end("engine")

    def die_at(self, point: str) -> None:
        """A new engine, at work until it dies there."""
        passes = 1 + self.drill.choose(MOST_PASSES.get(point, 1))
        began = CLOCK.mono_ns()
        self.crew.run("engine", f"{point}:{passes}")
        is_ready = provoked = False
        end = began + int(DEATH_S * 1e9)
        while not self.crew.is_dead("engine"):
            if CLOCK.mono_ns() > end:
                raise NotReady(f"the engine does not pass {point} {passes} times ({self.refusal})")
            time.sleep(0.03)
            status = self.crew.status()
            if status is None or status["desk"]["gate"] not in ("", "open"):
                continue
            if not is_ready:
                is_ready = True
                self.deaths.ready_ms.append((CLOCK.mono_ns() - began) / 1e6)
            provoked = provoked or self.provoke(point)
        code = self.crew.child("engine").status.last_exit
        if code != -9 or self.reached() != point:
            raise NotReady(f"the engine ended with {code} before {point}: {self.crew.last_words()}")
        self.deaths.by_point[point] += 1

    def reached(self) -> str:
        """The crash point at which the last engine has died, by its log."""
        words = (self.crew.where.log / "engine.log").read_text(encoding="utf-8").splitlines()
        return words[-1].removeprefix(CRASHED) if words else ""

    def provoke(self, point: str) -> bool:
        """What leads to the point; whether once is enough. The engine may die meanwhile."""
        try:
            if point == "mass_cancel":
                self.drill.kill_a_parent()
            elif point == ROLL:
                return self.end_the_day()
            elif point == "pending_replace":
                self.drill.keep_trading()
                self.amend()
                return False
            else:
                self.drill.keep_trading()
                return False
        except (Refused, OSError) as error:  # no connection and no answer are OSErrors, too
            self.refusal = words_of(error)
            return False
        return True

    def amend(self) -> None:
        """Cut a parent so that its newest child must be replaced by a smaller one."""
        route = CancelRoute(self.crew.where.cancel)
        try:
            orders = route.ask({"op": "orders"}, patience_s=2.0)[0]["orders"]
        finally:
            route.close()
        status = self.crew.status()
        rows = {} if status is None else status["parents"]
        for order in reversed(orders):
            parent = order["tags"]["parent"]
            state, filled, _ = rows.get(parent, ("", 0, 0))
            if state == "WORKING" and order["leaves"] > CUT:
                mine = sum(o["leaves"] for o in orders if o["tags"]["parent"] == parent)
                number, quantity = ParentId(int(parent[2:])), Shares(filled + mine - CUT)
                self.crew.submit(AmendParent(parent_id=number, quantity=quantity), TRADER)
                return

    def end_the_day(self) -> bool:
        """Run to the close and open the next day."""
        status = self.crew.status()
        if status is None:
            return False
        if status["desk"]["session"] != "CLOSED":
            if status["desk"]["speed"] != FAST:
                self.crew.set_speed(FAST)
            return False
        self.crew.submit(OpenNextDay(), BOSS)
        return True

    def into_the_next_day(self) -> None:
        """After a death in the roll: the day opens all the same, and trading goes on."""
        self.crew.run("engine")

        def opened() -> bool:
            status = self.crew.status()
            if status is None:
                return False
            if status["desk"]["session"] == "CLOSED":
                self.crew.submit(OpenNextDay(), BOSS)
            return bool(status["desk"]["session"] != "CLOSED")

        eventually(opened, ENGINE_WAIT_S, "the next day")
        self.crew.set_speed(SPEED)
        self.crew.wait_ready()
        self.drill.keep_trading()

    def run(self, points: Sequence[str]) -> None:
        """All points, then the judgement."""
        self.begin()
        for point in self.shuffled(points):
            self.die_at(point)
        if ROLL in points:
            self.into_the_next_day()
        else:
            self.crew.run("engine")
        findings, chain, equal = finish(self.drill)
        for name in ("lost", "duplicated", "overfilled", "unknown_after"):
            self.deaths.wrong[name] += getattr(findings, name)
        self.deaths.equal_seeds += equal
        self.deaths.failures += self.drill.failures + findings.sentences[:5]
        if chain:
            self.deaths.failures.append(chain)


def one_seed(seed: int, points: Sequence[str], folder: Path, deaths: Deaths, nest: Nest) -> None:
    """One seed on a desk of its own; what fails is noted with its seed."""
    options = ("--seed", str(seed), "--speed", f"{SPEED:g}", *PATIENT)
    state = folder / folder_name(seed)
    crew = Crew(state=state, options=options, day_s=DAY_S, answer_s=ANSWER_S, nest=nest)
    life = Life(crew=crew, drill=Drill(stage=crew, seed=seed, speed=SPEED), deaths=deaths)
    known = len(deaths.failures)
    try:
        life.run(points)
    except TROUBLE as error:
        deaths.failures.append(f"{words_of(error)}; {crew.last_words()}")
    finally:
        crew.stop()
    deaths.failures[known:] = [f"seed {seed}: {text}" for text in deaths.failures[known:]]
    if len(deaths.failures) == known:
        shutil.rmtree(crew.state)  # what went wrong is kept for whoever looks


def run(points: Sequence[str], seeds: int, first: int, folder: Path) -> Report:
    """Every seed; the report."""
    deaths = Deaths()
    nest = Nest()
    try:
        for seed in range(first, first + seeds):
            one_seed(seed, points, folder, deaths, nest)
            total = sum(deaths.by_point.values())
            sys.stderr.write(f"seed {seed}: {total} deaths, {len(deaths.failures)} failures\n")
    finally:
        nest.close()
    return {
        "n": sum(deaths.by_point.values()),
        "points": len(points),
        "seeds": seeds,
        "by_point": dict(sorted(deaths.by_point.items())),
        **{k: deaths.wrong[k] for k in ("lost", "duplicated", "overfilled", "unknown_after")},
        "second_restart_equal": f"{deaths.equal_seeds} of {seeds}",
        "ready_ms": quantiles(deaths.ready_ms),
        "failures": deaths.failures[:20],
    }


def chosen(text: str) -> tuple[str, ...]:
    """``all`` or a list of points; Refused for a name that is none."""
    names = CRASH_POINTS if text == "all" else tuple(text.split(","))
    unknown = [name for name in names if name not in CRASH_POINTS]
    if unknown:
        raise Refused(f"--points must be all or some of {', '.join(CRASH_POINTS)}, was {text}")
    return names
