"""Questions about alert rules: taken up, answered day by day, ended when nobody asks any more.

A closed day never changes, so what was found on it is kept; an answer says how many days it had.
"""

import threading
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from db.tables import DEMO
from engine.domain.errors import Refused
from engine.domain.limits import ALERTS, KINDS
from engine.domain.policy import Policy
from engine.domain.units import SECOND
from engine.runtime.clock import Clock
from engine.worker.answers import DONE, LEFT_NS, REFUSED, RUNNING, STOPPED, WAITING
from engine.worker.calibrate import DayFound, Days, find, window_of

CALIBRATE: Final = "calibrate"
DAYS_MOST: Final = 20
KEPT: Final = 2_000  # rules on days
TICKETS: Final = 16
SHOWN: Final = 30  # newest alerts that an answer lists
NO_DAYS: Final = (
    "this desk has no closed day yet: a rule is tried on the days that are past, and the first is "
    "there after today's close, or when the worker has prepared one"
)


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule with the number in force and the one that is proposed."""

    kind: str
    now: float
    proposed: float
    window_s: float = 0.0

    def check(self) -> None:
        """Refused in words when it is no rule, or outside its range."""
        kind = KINDS.get(self.kind)
        if kind is None or self.kind not in ALERTS:
            raise Refused(f"kind must be one of {', '.join(ALERTS)}, was {self.kind!r}")
        if not kind.low <= self.proposed <= kind.high:
            raise Refused(
                f"{kind.words} must be between {kind.low:g} and {kind.high:g} ({kind.unit}), was "
                f"{self.proposed:g}",
                field="value",
            )


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of a past day."""

    day: str
    at: int  # market clock
    about: str
    value: float


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What one threshold would have done."""

    threshold: float
    fired: int
    on_days: int
    about: int  # different orders or stocks
    lines: tuple[Line, ...]  # the newest, newest first


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a question now."""

    state: str
    detail: str = ""
    kind: str = ""
    n: int = 0  # days looked at
    of: int = 0
    first_day: str = ""
    last_day: str = ""
    demo: int = 0  # of the days, those simulated by the worker
    looks: int = 0
    things: int = 0
    seconds: float = 0.0
    done_at: int = 0  # wall clock
    now: Tried | None = None
    proposed: Tried | None = None


class Tables(Days, Protocol):
    """The read tables and the tape."""

    def past_days(self, most: int) -> tuple[tuple[str, str], ...]: ...


@dataclass(slots=True)
class Job:
    """One question under way, or answered."""

    rule: Rule
    taken_ns: int
    seen_ns: int
    told: Told = field(default_factory=lambda: Told(state=WAITING))

    @property
    def is_over(self) -> bool:
        return self.told.state in (DONE, REFUSED, STOPPED)


class Calibrations:
    """The table of questions, and the thread that answers them."""

    def __init__(self, clock: Clock, tables: Tables) -> None:
        self._clock, self._tables = clock, tables
        self._lock = threading.Condition()
        self._jobs: dict[str, Job] = {}  # by ticket
        self._known: dict[tuple[str, str, float, int], DayFound] = {}

    def ask(self, ticket: str, rule: Rule, *, again: bool = False) -> Told:
        """How far the question of this ticket is; takes it up when it is another one."""
        rule.check()
        now = self._clock.mono_ns()
        with self._lock:
            job = self._jobs.get(ticket)
            if job is None or job.rule != rule or job.told.state == STOPPED or again:
                self._make_room(ticket, now)
                job = Job(rule=rule, taken_ns=now, seen_ns=now)
                self._jobs[ticket] = job
                self._lock.notify()
            job.seen_ns = now
            return job.told

    def _make_room(self, ticket: str, now: int) -> None:
        self._jobs.pop(ticket, None)
        for name, job in list(self._jobs.items()):
            if now - job.seen_ns > LEFT_NS:
                del self._jobs[name]
        if len(self._jobs) >= TICKETS:
            raise Refused(f"at most {TICKETS} rules are tried at a time: try again")

    # --- the other thread ---------------------------------------------------------------------
    def serve(self, stop: threading.Event) -> None:
        """Answer until told to stop."""
        while not stop.is_set():
            with self._lock:
                job = self.next()
                if job is None:
                    self._lock.wait(0.2)
                    continue
            self.answer(job)

    def next(self) -> Job | None:
        """The oldest question that waits."""
        waiting = (job for job in self._jobs.values() if job.told.state == WAITING)
        return min(waiting, key=lambda job: job.taken_ns, default=None)

    def answer(self, job: Job) -> None:
        """Go through the days, newest first; what is found so far can be read meanwhile."""
        began = self._clock.mono_ns()
        try:
            self._answer(job, began)
        except Refused as refused:
            job.told = Told(state=REFUSED, detail=str(refused), kind=job.rule.kind)

    def _answer(self, job: Job, began: int) -> None:
        days = self._tables.past_days(DAYS_MOST)
        if not days:
            raise Refused(NO_DAYS)
        found: dict[str, dict[float, DayFound]] = {}
        for day, _origin in reversed(days):
            if self._clock.mono_ns() - job.seen_ns > LEFT_NS:
                job.told = msgspec.structs.replace(job.told, state=STOPPED)
                return
            found[day] = self._on(day, job.rule)
            job.told = self._told(job.rule, days, found, RUNNING, began)
        job.told = self._told(job.rule, days, found, DONE, began)

    def _on(self, day: str, rule: Rule) -> dict[float, DayFound]:
        window = window_of(rule.kind, rule.window_s)
        wanted = dict.fromkeys((rule.now, rule.proposed))
        out = {}
        for most in wanted:
            key = (day, rule.kind, most, window)
            if key in self._known:
                out[most] = self._known[key]
        missing = [most for most in wanted if most not in out]
        if missing:
            age_s = Policy().max_feed_age_ns / SECOND
            new = find(self._tables, day, rule.kind, missing, window, age_s)
            for most, one in new.items():
                self._known[day, rule.kind, most, window] = one
            out.update(new)
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
        return out

    def _told(
        self,
        rule: Rule,
        days: tuple[tuple[str, str], ...],
        found: dict[str, dict[float, DayFound]],
        state: str,
        began: int,
    ) -> Told:
        looked = [by[rule.now] for by in found.values()]
        return Told(
            state=state,
            kind=rule.kind,
            n=len(found),
            of=len(days),
            first_day=min(found),
            last_day=max(found),
            demo=sum(1 for day, origin in days if day in found and origin == DEMO),
            looks=sum(one.looks for one in looked),
            things=sum(one.things for one in looked),
            seconds=(self._clock.mono_ns() - began) / 1e9,
            done_at=self._clock.wall_ns() if state == DONE else 0,
            now=tried(rule.now, found),
            proposed=tried(rule.proposed, found),
        )


def tried(threshold: float, found: dict[str, dict[float, DayFound]]) -> Tried:
    """Sums over the days that were looked at."""
    lines = [
        Line(day=day, at=row.at, about=row.about, value=row.value)
        for day, by in found.items()
        for row in by[threshold].fired
    ]
    lines.sort(key=lambda row: (row.at, row.about), reverse=True)
    return Tried(
        threshold=threshold,
        fired=len(lines),
        on_days=len({row.day for row in lines}),
        about=len({(row.day, row.about) for row in lines}),
        lines=tuple(lines[:SHOWN]),
    )
