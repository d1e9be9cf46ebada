"""A simulated week with a fault every few simulated minutes, as fast as the machine allows.

The whole desk (all five processes) trades while processes are killed or stopped, the market is
hurt, and the read database is locked. At each close the exchange's own log and the journal must
agree and the chain must verify; no process may have left a traceback; memory must be the same at
each close (within a day it grows with what the day holds, and is reported).
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from db.hold import held
from engine.domain.commands import OpenNextDay, StartIncident
from engine.domain.errors import Refused
from engine.domain.incidents import INCIDENT_KINDS
from engine.domain.units import Symbol
from engine.drill.deaths import Drill
from engine.drill.ending import TROUBLE, Report, conclude, flags, quantiles, words_of
from engine.drill.judge import judge
from engine.stage import BOSS, CLOCK, NotReady, Stage

DAY_S: Final = 23_400  # of market time
RUNNING: Final = 0.55  # share of the wall time in which the market should move
TURN_S: Final = 0.25  # between two looks
SAMPLE_S: Final = 2.0  # between two looks at the memory
WARM_S: Final = 60.0  # of a process' life that says nothing about its memory
EDGE_S: Final = 20.0  # of samples at either end of a life
STUCK_S: Final = 240.0  # a desk that does not move for so long is stuck
GROWTH: Final = 5.0  # [%] from the first close to the last, at most; a day itself is remembered
SIZED: Final = -60  # of flash and news [tick]
SEVERAL: Final = ("engine", "exchange", "watchdog", "web", "worker")
FAULTS: Final = (
    *("incident",) * 8, *("stall web",) * 3, *("stall worker",) * 2, *("stall exchange",) * 3,
    *("stall engine",) * 2, *("lock database",) * 3, *("kill parent",) * 2,
    "kill engine", "kill exchange", "kill watchdog", "kill web", "kill worker",
)  # fmt: skip
STALLS: Final = {"web": 3.0, "worker": 3.0, "exchange": 0.8, "engine": 0.6}  # [s]
INCIDENTS: Final = ("outage", "feed_gap", "crossed", "flash", "halt", "news")
VENUES: Final = {"outage": "SIM-B", "crossed": "SIM-C"}
MB: Final = 1_048_576
LOCK_S: Final = 2.0  # the read database is held


# --- memory -------------------------------------------------------------------------------------
def rss(pid: int) -> int:
    """Resident memory of a process and of all it started, 0 when it is gone. [byte]"""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(rss(int(child)) for child in below)


@dataclass(slots=True)
class Memory:
    """Samples by process and life: age [s] and resident memory [byte]."""

    lives: dict[tuple[str, int], list[tuple[float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    born: dict[tuple[str, int], int] = field(default_factory=dict)
    closes: dict[str, list[float]] = field(default_factory=dict)  # [MB] at each close

    def sample(self, name: str, pid: int, now: int) -> None:
        """One look at one process. [monotonic ns]"""
        size = rss(pid)
        if size:
            key = (name, pid)
            began = self.born.setdefault(key, now)
            self.lives[key].append(((now - began) / 1e9, size))

    def report(self, name: str) -> dict[str, Any]:
        """Of the longest life: from the end of its warm-up to its end."""
        mine = [rows for (who, _), rows in self.lives.items() if who == name]
        if not mine:
            return {"lives": 0}
        longest = max(mine, key=lambda rows: rows[-1][0])
        age = longest[-1][0]
        early = [size for at, size in longest if WARM_S <= at <= WARM_S + EDGE_S]
        late = [size for at, size in longest if at >= age - EDGE_S]
        is_long = age >= WARM_S + 3 * EDGE_S
        return {
            "lives": len(mine),
            "longest_s": round(age),
            "warm_mb": round(median(early) / MB, 1) if is_long else None,
            "end_mb": round(median(late) / MB, 1),
            "growth_pct": round(100 * (median(late) / median(early) - 1), 1) if is_long else None,
            "peak_mb": round(max(size for rows in mine for _, size in rows) / MB, 1),
            "closes_mb": self.closes.get(name, []),
        }

    def close(self, name: str, pid: int | None) -> None:
        """What a process holds when a day is over: the same day after day."""
        size = 0 if pid is None else rss(pid)
        self.closes.setdefault(name, []).append(round(size / MB, 1))


def median(values: Sequence[int]) -> float:
    """The middle one; 0 of none."""
    return float(sorted(values)[len(values) // 2]) if values else 0.0


# --- the week -----------------------------------------------------------------------------------
@dataclass(slots=True, kw_only=True)
class Week:
    """One desk and what happens to it."""

    drill: Drill
    every_s: float  # market time between faults
    days: int
    faults: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    closes: list[dict[str, Any]] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    achieved: list[float] = field(default_factory=list)  # share of the speed that was asked for
    turn_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    next_fault: int = 0  # market ns
    sampled: int = 0
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
        if desk["market_at"] != self.market or desk["session"] == "CLOSED":
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

    def run(self, end: int) -> None:
        """Day after day, until the days or the time are over. [monotonic ns]"""
        while len(self.closes) < self.days and CLOCK.mono_ns() < end:
            time.sleep(TURN_S)
            status = self.look()
            if status is None or status["desk"]["gate"] not in ("", "open"):
                continue
            if status["desk"]["session"] == "CLOSED":
                self.close(status)
                continue
            self.drill.keep_trading()
            if self.market >= self.next_fault:
                self.fault()

    def close(self, status: dict[str, Any]) -> None:
        """Books and chain of all days so far, then the next day."""
        findings, chain = judge(self.stage.where.journal, self.stage.where.exchange)
        self.failures += findings.sentences[:5] + ([chain] if chain else [])
        self.closes.append(
            {"day": status["desk"]["day"], "entries": status["desk"]["seq"],
             "children_open": len(status["open_children"]), "wrong": len(findings.sentences),
             "faults": sum(self.faults.values())}
        )  # fmt: skip
        for name in SEVERAL:
            self.memory.close(name, self.stage.pid(name))
        sys.stderr.write(f"{self.closes[-1]} {self.memory.closes}\n")
        if status["open_children"]:
            self.failures.append(f"children are open after the close of {status['desk']['day']}")
        if len(self.closes) < self.days:
            self.stage.submit(OpenNextDay(), BOSS)
            self.next_fault = 0
            self.moved = CLOCK.mono_ns()

    # --- faults -----------------------------------------------------------------------------
    def fault(self) -> None:
        """One fault of the seed's choice."""
        spread = 0.5 + self.drill.choose(1_000) / 1_000
        self.next_fault = self.market + int(self.every_s * spread * 1e9)
        name = FAULTS[self.drill.choose(len(FAULTS))]
        kind, _, target = name.partition(" ")
        acts: dict[str, Callable[[str], None]] = {
            "incident": self._incident, "stall": self._stall, "lock": self._lock,
            "kill": self._kill,
        }  # fmt: skip
        try:
            acts[kind](target)
        except (Refused, ConnectionError, TimeoutError) as error:
            self.refused[f"{name}: {words_of(error)}"[:100]] += 1
            return
        self.faults[name] += 1

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


def has_grown(closes: Sequence[float]) -> bool:
    """Whether the last close holds more than the first by more than is allowed; 0 = not there."""
    there = [size for size in closes if size]
    return len(there) > 1 and there[-1] > there[0] * (1 + GROWTH / 100)


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


def work(options: argparse.Namespace, folder: Path) -> Report:
    """The week, and what it came to."""
    speed = min(max(options.days * DAY_S / (options.minutes * 60 * RUNNING), 1.0), 600.0)
    settings = ("--seed", str(options.seed), "--speed", f"{speed:.1f}")
    stage = Stage(state=folder / "s", options=settings)
    week = Week(
        drill=Drill(stage=stage, seed=options.seed, speed=speed),
        every_s=options.every * 60.0, days=options.days,
    )  # fmt: skip
    end = CLOCK.mono_ns() + int(options.minutes * 60e9)
    try:
        stage.start()
        stage.wait_ready()
        stage.set_people()
        week.run(end)
    except TROUBLE as error:
        week.failures.append(words_of(error))
    finally:
        stage.stop()
    logs = tracebacks(stage.where.log)
    failures = week.failures + week.drill.failures
    failures += [f"{name}: {last_traceback(stage.where.log / name)}" for name in logs]
    memory = {name: week.memory.report(name) for name in SEVERAL}
    failures += [
        f"the memory of the {name} grows from close to close: {row['closes_mb']} MB"
        for name, row in memory.items()
        if has_grown(row.get("closes_mb", []))
    ]
    if len(week.closes) < options.days:
        failures.append(f"{len(week.closes)} of {options.days} days in the time given")
    return {
        "n": sum(week.faults.values()),
        "faults": dict(sorted(week.faults.items())),
        "not_taken": dict(week.refused.most_common(5)),
        "days": week.closes,
        "speed": round(speed, 1),
        "achieved_share": quantiles(week.achieved),
        "turn_ms": quantiles(week.turn_ms),
        "memory": memory,
        "tracebacks": logs,
        "failures": failures[:20],
    }


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("soak", __doc__)
    parser.add_argument("--days", type=int, default=5, help="simulated days")
    parser.add_argument("--minutes", type=float, default=40.0, help="wall time at most")
    parser.add_argument("--every", type=float, default=6.0, help="simulated minutes, mean")
    return conclude(parser, argv, work, lambda report: bool(report["days"]), days=1, minutes=0.5)
