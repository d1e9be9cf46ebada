"""Comparisons of strategies that people ask for on the lab's page: one at a time, kept when done.

Unlike a ticket's question it goes on when nobody looks. What waits or runs is written down, so a
worker that was started again begins it anew; what was ended stays ended.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from db.queries_market import FOLDER
from engine.domain.errors import BrokenInvariant, Refused
from engine.lab import report
from engine.lab.command import with_model
from engine.lab.kept import keep
from engine.lab.placed import with_same_placement
from engine.lab.run import CANCELLED, Progress, Question, Result, ask
from engine.lab.scenario import load, shipped
from engine.runtime.clock import Clock
from engine.runtime.whole import write_whole
from engine.settings import Paths
from engine.worker.answers import DONE, REFUSED, RUNNING, STOPPED, WAITING
from engine.worker.lab import NAMES

COMPARE: Final = "compare"  # names of questions to the worker
COMPARED: Final = "compared"
COMPARE_END: Final = "compare_end"
LEAST: Final = 10  # paths
MOST: Final = 1_000
SEED_MOST: Final = 10**9
WAIT_MOST: Final = 8  # asked for and not over, of everybody
SHOWN: Final = 12  # over, the newest
FILE: Final = "asked.json"
STOPPED_WORKER: Final = "begun anew: the worker was started again"


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be compared. Two equal ones have the same answer, byte for byte."""

    scenario: str
    strategies: list[str]
    paths: int
    seed: int = 1
    same_placement: bool = True
    models: dict[str, str] = {}  # strategy -> version in force; one without is its base schedule

    def check(self) -> None:
        """Refused in words when it is no question."""
        if self.scenario not in shipped():
            raise Refused(
                f"scenario must be one of {', '.join(shipped())}, was {self.scenario!r}",
                field="scenario",
            )
        unknown = [name for name in self.strategies if name not in NAMES]
        if unknown or len(set(self.strategies)) != len(self.strategies) or len(self.strategies) < 2:
            raise Refused(
                f"strategies must be two or more different ones of {', '.join(NAMES)}, were "
                f"{', '.join(self.strategies) or 'none'}",
                field="strategies",
            )
        for name, value, least, most in (
            ("paths", self.paths, LEAST, MOST), ("seed", self.seed, 0, SEED_MOST),
        ):  # fmt: skip
            if not least <= value <= most:
                raise Refused(f"{name} must be from {least:,} to {most:,}, was {value:,}",
                              field=name)  # fmt: skip


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One that was asked for. Instants are wall clock."""

    number: int
    by: str  # person id
    at: int
    wanted: Wanted
    state: str = WAITING  # waiting | running | done | refused | cancelled
    n: int = 0  # paths done
    detail: str = ""  # why refused, who ended it, what is cheapest so far
    began_at: int = 0
    ended_at: int = 0
    ended_by: str = ""
    kept: str = ""  # id of the kept comparison

    @property
    def is_over(self) -> bool:
        return self.state in (DONE, REFUSED, STOPPED)


class Runs(Protocol):
    """Who runs paths."""

    def close(self) -> None: ...
    def result(
        self,
        question: Question,
        on_batch: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> Result: ...


@dataclass(slots=True)
class Comparisons:
    """The table of what was asked for, and the thread that works it off, oldest first."""

    clock: Clock
    where: Paths
    runs: Runs
    rows: dict[int, Comparison] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Condition)
    scenarios: list[dict[str, str]] = field(default_factory=list)  # read once, when first asked

    @property
    def folder(self) -> Path:
        return self.where.state / FOLDER

    def recall(self) -> None:
        """What was asked for before this worker started."""
        path = self.folder / FILE
        if not path.exists():
            return
        for row in msgspec.json.decode(path.read_bytes(), type=list[Comparison]):
            again = row.state == RUNNING
            self.rows[row.number] = (
                msgspec.structs.replace(row, state=WAITING, n=0, detail=STOPPED_WORKER)
                if again
                else row
            )

    # --- what people do -----------------------------------------------------------------------
    def ask(self, by: str, wanted: Wanted) -> Comparison:
        """Take it up; Refused when it is no question, is under way, or too many wait."""
        wanted.check()
        with self.lock:
            open_ = [row for row in self.rows.values() if not row.is_over]
            same = next((row for row in open_ if row.wanted == wanted), None)
            if same is not None:
                raise Refused(f"the same comparison is {same.state} already, asked for as "
                              f"{same.number}")  # fmt: skip
            if len(open_) >= WAIT_MOST:
                raise Refused(f"{WAIT_MOST} comparisons wait or run already: end one, or wait")
            row = Comparison(
                number=max(self.rows, default=0) + 1, by=by, at=self.clock.wall_ns(), wanted=wanted
            )
            self._put(row)
            self.lock.notify()
            return row

    def end(self, by: str, number: int, *, any_of: bool) -> Comparison:
        """End one that waits or runs: at once, or within a batch. any_of : also of others."""
        with self.lock:
            row = self.rows.get(number)
            if row is None:
                raise Refused(f"there is no comparison {number}", field="number")
            if row.by != by and not any_of:
                raise Refused(f"comparison {number} was asked for by somebody else")
            if row.is_over:
                raise Refused(f"comparison {number} is {row.state} already")
            ended = msgspec.structs.replace(
                row, state=STOPPED, ended_at=self.clock.wall_ns(), ended_by=by
            )
            self._put(ended)
            return ended

    def shown(self) -> list[Comparison]:
        """All that wait or run, and the newest that are over; newest first."""
        with self.lock:
            return sorted(self.rows.values(), key=lambda row: -row.number)

    def told(self) -> dict[str, object]:
        """What was asked for, and what may be asked for."""
        if not self.scenarios:
            self.scenarios = [{"name": name, "words": load(name).words} for name in shipped()]
        return {
            "items": self.shown(),
            "scenarios": self.scenarios,
            "strategies": NAMES,
            "least": LEAST,
            "most": MOST,
        }

    # --- the thread ---------------------------------------------------------------------------
    def serve(self, stop: threading.Event) -> None:
        """Work them off until told to stop; processes are there only while one runs."""
        while not stop.is_set():
            with self.lock:
                row = self._next()
                if row is None:
                    self.lock.wait(0.2)
                    continue
            self.work(row.number, stop)
            if self._next() is None:
                self.runs.close()

    def work(self, number: int, stop: threading.Event) -> None:
        """One comparison, to its end."""
        self._change(number, state=RUNNING, began_at=self.clock.wall_ns(), n=0)

        def unwanted() -> bool:
            return stop.is_set() or self.rows[number].state != RUNNING

        def told(now: Progress) -> None:
            best = now.standings[0]
            words = f"cheapest so far {best.name}, {best.mean:+.2f} bp"
            self._change(number, n=now.n, detail=words)

        try:
            result = self.runs.result(self.question(number), told, unwanted)
        except (Refused, BrokenInvariant) as error:
            self._change(number, state=REFUSED, detail=str(error), ended_at=self.clock.wall_ns())
            return
        if result.stopped == CANCELLED:
            return  # it says already who ended it, or begins anew with the next worker
        now = self.clock.wall_ns()
        path = keep(self.folder, report.comparison(result), now)
        name = path.stem.partition("-")[2]
        self._change(number, state=DONE, n=result.n, detail="", kept=name, ended_at=now)

    def question(self, number: int) -> Question:
        """What is asked of the lab."""
        wanted = self.rows[number].wanted
        question = ask(
            load(wanted.scenario), tuple(wanted.strategies), days=wanted.paths, seed=wanted.seed
        )
        contenders = tuple(
            with_model(who, self.where.models / wanted.models[who.name])
            if who.name in wanted.models
            else who
            for who in question.contenders
        )
        question = replace(question, contenders=contenders)
        return with_same_placement(question) if wanted.same_placement else question

    def _next(self) -> Comparison | None:
        waiting = (row for row in self.rows.values() if row.state == WAITING)
        return min(waiting, key=lambda row: row.number, default=None)

    def _change(self, number: int, **changes: Any) -> None:
        """Change one that somebody has not ended meanwhile."""
        with self.lock:
            row = self.rows[number]
            if not row.is_over:
                self._put(msgspec.structs.replace(row, **changes))

    def _put(self, row: Comparison) -> None:
        """Write it down, then believe it; the oldest that are over are forgotten."""
        rows = self.rows | {row.number: row}
        over = sorted(number for number, one in rows.items() if one.is_over)
        for number in over[: max(0, len(over) - SHOWN)]:
            del rows[number]
        self.folder.mkdir(parents=True, exist_ok=True)
        said = msgspec.json.encode(list(rows.values())).decode()
        write_whole(self.folder / FILE, said)
        self.rows = rows
