"""A simulated week with a fault every few simulated minutes, as fast as the time given asks for.

The whole desk (all five processes) trades while processes are killed or stopped, the market is
hurt, and the read database is locked. At each close the exchange's own log and the journal must
agree, the chain must verify and the costs be reported; no process may have left a traceback; memory
must be the same from close to close. Each process dies on a day of its own, again and again, so
that it lives through the others. The market is asked to run as fast as what is left needs.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from db.hold import held
from db.journal import read_segment, segments
from engine.domain.commands import OpenNextDay, StartIncident
from engine.domain.errors import Refused
from engine.domain.events import TcaReported
from engine.domain.incidents import INCIDENT_KINDS
from engine.domain.units import Symbol
from engine.drill.deaths import Drill
from engine.drill.ending import TROUBLE, Report, conclude, flags, quantiles, words_of
from engine.drill.judge import judge
from engine.drill.memory import GROWTH, LEAST_CLOSES, Memory
from engine.drill.short import desk_command
from engine.stage import BOSS, CLOCK, NotReady, Stage, eventually

HOURS: Final = 6.5  # of a day
RUNNING: Final = 0.45  # share of the wall time in which the market should move
FASTEST: Final = 600.0
TURN_S: Final = 0.25  # between two looks
SAMPLE_S: Final = 2.0  # between two looks at the memory
PACE_S: Final = 5.0  # between two looks at the speed
OFF_PACE: Final = 0.15  # the speed is set anew when it is off by this share
STUCK_S: Final = 240.0  # a desk that does not move for so long is stuck
REPORT_S: Final = 180.0  # costs of a closed day are there by then
RECENT: Final = 5_000  # entries before the end of a day that may hold the report of its costs
SETTLE_S: Final = 2.0
TIMINGS_S: Final = 10.0
SIZED: Final = -60  # of flash and news [tick]
SEVERAL: Final = ("engine", "exchange", "watchdog", "web", "worker")
FAULTS: Final = (
    *("incident",) * 8, *("stall web",) * 3, *("stall worker",) * 2, *("stall exchange",) * 3,
    *("stall engine",) * 2, *("lock database",) * 3, *("kill parent",) * 2, *("kill",) * 3,
)  # fmt: skip
STALLS: Final = {"web": 3.0, "worker": 3.0, "exchange": 0.8, "engine": 0.6}  # [s]
INCIDENTS: Final = ("outage", "feed_gap", "crossed", "flash", "halt", "news")
VENUES: Final = {"outage": "SIM-B", "crossed": "SIM-C"}
LOCK_S: Final = 2.0  # the read database is held


# --- the week -----------------------------------------------------------------------------------
@dataclass(slots=True, kw_only=True)
class Plan:
    """What was asked for."""

    days: int
    day_s: float  # length of a day [market s]
    every_s: float  # market time between faults
    end: int  # of the time given [monotonic ns]

    def speed(self, closed: int, into_s: float, now: int) -> float:
        """What makes the days that are left fit into the time that is left.

        closed : days that are over; into_s : how far the open day is [market s].
        """
        left = (self.days - closed) * self.day_s - into_s
        wall = max((self.end - now) / 1e9, 1.0)
        return min(max(left / (wall * RUNNING), 1.0), FASTEST)


@dataclass(slots=True)
class Spent:
    """Wall time of a day by what it went to. [s]"""

    began: int = field(default_factory=CLOCK.mono_ns)
    away: float = 0.0  # the engine did not answer, or no new order could leave
    faults: float = 0.0  # the drill held something
    judged: float = 0.0  # books, chain and costs after the close

    def words(self) -> dict[str, float]:
        whole = (CLOCK.mono_ns() - self.began) / 1e9
        return {
            "wall_s": round(whole, 1), "away_s": round(self.away, 1),
            "faults_s": round(self.faults, 1), "judged_s": round(self.judged, 1),
        }  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Week:
    """One desk and what happens to it."""

    drill: Drill
    plan: Plan
    faults: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    closes: list[dict[str, Any]] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    achieved: list[float] = field(default_factory=list)  # share of the speed that was asked for
    turn_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    next_fault: int = 0  # market ns
    sampled: int = 0
    paced: int = 0  # when the speed was last looked at [monotonic ns]
    moved: int = 0  # when the market last moved [monotonic ns]
    market: int = 0

    @property
    def stage(self) -> Stage:
        return self.drill.stage

    def look(self) -> dict[str, Any] | None:
        """Memory and pace; the engine's words, None while it does not answer."""
        now = CLOCK.mono_ns()
        if now - self.sampled >= SAMPLE_S * 1e9:
            self.sampled = now
            for name in SEVERAL:
                pid = self.stage.pid(name)
                if pid is not None:
                    self.memory.sample(name, pid, now)
        status = self.stage.status()
        if status is None:
            self._must_move(now)
            return None
        desk = status["desk"]
        if desk["market_at"] != self.market:
            self.market, self.moved = desk["market_at"], now
        self._must_move(now)
        if desk["session"] != "CLOSED" and desk["speed"]:
            self.achieved.append(desk["achieved"] / desk["speed"])
            self.turn_ms.append(desk["turn_ms"])
        return status

    def _must_move(self, now: int) -> None:
        self.moved = self.moved or now
        if now - self.moved > STUCK_S * 1e9:
            raise NotReady(f"the market has not moved for {STUCK_S:g} s: {self.stage.last_words()}")

    def run(self) -> None:
        """Day after day, until the days or the time are over."""
        while len(self.closes) < self.plan.days and CLOCK.mono_ns() < self.plan.end:
            began = CLOCK.mono_ns()
            time.sleep(TURN_S)
            status = self.look()
            if status is None or status["desk"]["gate"] not in ("", "open"):
                self.spent.away += (CLOCK.mono_ns() - began) / 1e9
                continue
            if status["desk"]["session"] == "CLOSED":
                self.close(status)
                continue
            self.drill.top_up(status)
            self.keep_pace(status["desk"])
            if self.market >= self.next_fault:
                self.fault()

    def keep_pace(self, desk: dict[str, Any]) -> None:
        """Ask for the speed that what is left needs."""
        now = CLOCK.mono_ns()
        if now - self.paced < PACE_S * 1e9:
            return
        self.paced = now
        into_s = (desk["market_at"] - desk["open_at"]) / 1e9
        wanted = self.plan.speed(len(self.closes), into_s, now)
        if abs(wanted / max(desk["speed"], 0.1) - 1.0) > OFF_PACE:
            with contextlib.suppress(Refused, ConnectionError, TimeoutError):
                self.stage.set_speed(wanted)  # one that dies meanwhile is asked again

    # --- the close --------------------------------------------------------------------------
    def close(self, status: dict[str, Any]) -> None:
        """Books, chain and costs of all days so far; memory; then the next day."""
        began = CLOCK.mono_ns()
        day = str(status["desk"]["day"])
        findings, chain = judge(self.stage.where.journal, self.stage.where.exchange)
        self.failures += findings.sentences[:5] + ([chain] if chain else [])
        if status["open_children"]:
            self.failures.append(f"children are open after the close of {day}")
        self._wait_for_costs(day, status["desk"]["seq"] - RECENT)
        time.sleep(SETTLE_S)  # the worker gives back what they took
        for name in SEVERAL:
            self.memory.close(name, self.stage.pid(name))
        self.spent.judged += (CLOCK.mono_ns() - began) / 1e9
        self.closes.append(
            {"day": day, "entries": status["desk"]["seq"], "wrong": len(findings.sentences),
             "children_open": len(status["open_children"]), "faults": sum(self.faults.values()),
             **self.spent.words(), **self._timings()}
        )  # fmt: skip
        sys.stderr.write(f"{self.closes[-1]} {self.memory.closes}\n")
        if len(self.closes) < self.plan.days:
            self._open()

    def _wait_for_costs(self, day: str, after: int) -> None:
        """The worker reports the day by itself, also after a death."""
        newest = segments(self.stage.where.journal)[-1]

        def is_reported() -> bool:
            found = (entry.event for entry in read_segment(newest, after))
            return any(isinstance(event, TcaReported) and event.day == day for event in found)

        try:
            eventually(is_reported, REPORT_S, f"a report of the costs of {day}", every_s=1.0)
        except NotReady as late:
            self.failures.append(words_of(late))

    def _timings(self) -> dict[str, Any]:
        """Of the newest decisions and market seconds of the day, as the engine measured them."""
        try:
            found = self.stage.desk.ask("timings", timeout_s=TIMINGS_S)
        except (Refused, ConnectionError, TimeoutError) as error:
            return {"timings": words_of(error)}
        return {
            "decision_ms": quantiles([us / 1e3 for us in found["tick_to_decision_us"]]),
            "late_ms": quantiles(found["tick_late_ms"]),
        }

    def _open(self) -> None:
        """The next day; an engine that dies meanwhile is asked again."""

        def is_open() -> bool:
            with contextlib.suppress(ConnectionError, TimeoutError):
                self.stage.submit(OpenNextDay(), BOSS)
            status = self.stage.status()
            return status is not None and status["desk"]["session"] != "CLOSED"

        eventually(is_open, STUCK_S, "the next day")
        self.spent, self.next_fault, self.moved = Spent(), 0, CLOCK.mono_ns()

    # --- faults -----------------------------------------------------------------------------
    def fault(self) -> None:
        """One fault of the seed's choice."""
        first = not self.next_fault  # of the day: a death, so that each process has one
        spread = 0.5 + self.drill.choose(1_000) / 1_000
        self.next_fault = self.market + int(self.plan.every_s * spread * 1e9)
        name = "kill" if first else FAULTS[self.drill.choose(len(FAULTS))]
        if name == "kill":
            name = f"kill {SEVERAL[len(self.closes) % len(SEVERAL)]}"
        kind, _, target = name.partition(" ")
        acts: dict[str, Callable[[str], None]] = {
            "incident": self._incident, "stall": self._stall, "lock": self._lock,
            "kill": self._kill,
        }  # fmt: skip
        began = CLOCK.mono_ns()
        try:
            acts[kind](target)
        except (Refused, ConnectionError, TimeoutError) as error:
            self.refused[f"{name}: {words_of(error)}"[:100]] += 1
            return
        self.faults[name] += 1
        self.spent.faults += (CLOCK.mono_ns() - began) / 1e9

    def _incident(self, _target: str) -> None:
        kind = INCIDENTS[self.drill.choose(len(INCIDENTS))]
        is_sized = INCIDENT_KINDS[kind].is_sized
        self.stage.submit(
            StartIncident(
                kind=kind,
                venue=VENUES.get(kind, ""),
                symbol=Symbol("MIDC") if is_sized or kind == "halt" else Symbol(""),
                seconds=20.0 + self.drill.choose(60),
                size=SIZED if is_sized else 0,
            ),
            BOSS,
            reason="soak",
        )

    def _stall(self, name: str) -> None:
        pid = self.stage.pid(name)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(STALLS[name])
            os.kill(pid, signal.SIGCONT)

    def _lock(self, _target: str) -> None:
        with held(self.stage.where.desk_db):
            time.sleep(LOCK_S)

    def _kill(self, name: str) -> None:
        if name == "parent":
            self.drill.kill_a_parent()
        else:
            self.stage.kill_process(name)


def tracebacks(folder: Path) -> dict[str, int]:
    """Unhandled exceptions in the logs of all processes, by log."""
    found = {}
    for path in sorted(folder.glob("*.log*")):
        count = path.read_text(encoding="utf-8", errors="replace").count("Traceback (most recent")
        if count:
            found[path.name] = count
    return found


def last_traceback(path: Path) -> str:
    """Its last lines, for the report."""
    words = path.read_text(encoding="utf-8", errors="replace")
    at = words.rfind("Traceback (most recent")
    return " | ".join(words[at:].splitlines()[-6:])[-600:]


def memory_failures(memory: dict[str, dict[str, Any]], days: int) -> list[str]:
    """Processes that grow; over a whole week, also those that no life shows anything of."""
    found = []
    for name, row in memory.items():
        grown = row.get("growth_pct")
        if grown is not None and grown > GROWTH:
            found.append(
                f"the memory of the {name} grows from close to close: {row['closes_mb']} MB"
            )
        if grown is None and "lives" in row and days >= len(SEVERAL):
            found.append(f"no {name} lived through {LEAST_CLOSES} closes: nothing is known of it")
    return found


def staged(options: argparse.Namespace, folder: Path) -> tuple[Stage, Plan]:
    """The desk, on whole or on short days, and what it shall do."""
    plan = Plan(
        days=options.days, day_s=options.hours * 3_600.0, every_s=options.every * 60.0,
        end=CLOCK.mono_ns() + int(options.minutes * 60e9),
    )  # fmt: skip
    speed = plan.speed(0, 0.0, CLOCK.mono_ns())
    stage = Stage(
        state=folder / "s", options=("--seed", str(options.seed), "--speed", f"{speed:g}")
    )
    if options.hours < HOURS:
        stage.command = desk_command(plan.day_s)
    return stage, plan


def work(options: argparse.Namespace, folder: Path) -> Report:
    """The week, and what it came to."""
    stage, plan = staged(options, folder)
    week = Week(drill=Drill(stage=stage, seed=options.seed, speed=0.0), plan=plan)
    try:
        stage.start()
        stage.wait_ready()
        stage.set_people()
        week.run()
    except TROUBLE as error:
        week.failures.append(words_of(error))
    finally:
        stage.stop()
    logs = tracebacks(stage.where.log)
    failures = week.failures + week.drill.failures
    failures += [f"{name}: {last_traceback(stage.where.log / name)}" for name in logs]
    memory = {name: week.memory.report(name) for name in SEVERAL} | week.memory.of_started()
    failures += memory_failures(memory, plan.days)
    if len(week.closes) < plan.days:
        failures.append(f"{len(week.closes)} of {plan.days} days in the time given")
    return {
        "n": sum(week.faults.values()),
        "faults": dict(sorted(week.faults.items())),
        "not_taken": dict(week.refused.most_common(5)),
        "days": week.closes,
        "achieved_share": quantiles(week.achieved),
        "turn_ms": quantiles(week.turn_ms),
        "memory": memory,
        "unhandled": sum(logs.values()),
        "tracebacks": logs,
        "failures": failures[:20],
    }


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("soak", __doc__)
    parser.add_argument("--days", type=int, default=5, help="simulated days")
    parser.add_argument(
        "--hours", type=float, default=HOURS, help="of a day; less for a quick look"
    )
    parser.add_argument("--minutes", type=float, default=40.0, help="wall time at most")
    parser.add_argument("--every", type=float, default=6.0, help="simulated minutes, mean")
    return conclude(
        parser, argv, work, lambda report: bool(report["days"]), days=1, hours=0.1, minutes=0.5
    )
