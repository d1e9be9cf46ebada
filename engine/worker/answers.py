"""Answers by simulation: one at a time, the first ranking early, cancelled when nobody asks.

A question is kept alive by being asked again: the web repeats it while somebody looks, and every
time hears how far it is. A ticket has one question; another one from the same ticket ends it.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant, Refused
from engine.exchange.presets import market_hash
from engine.lab.cost import Floats, parts_bps
from engine.lab.pool import Pool
from engine.lab.pretrade import PATHS, Table, table
from engine.lab.run import CANCELLED, Progress, Question, Result, run
from engine.lab.twin import Card, card
from engine.runtime.clock import Clock
from engine.worker.asked import TWIN, Asked, Prepared

LEFT_NS: Final = 3_000_000_000  # not asked for this long: nobody looks
FRESH_NS: Final = 60_000_000_000  # an answer this old is not given to a new question (wall)
KEPT: Final = 64  # answers
TICKETS: Final = 16  # questions at a time
WAITING, RUNNING, DONE, REFUSED, STOPPED = "waiting", "running", "done", "refused", "cancelled"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a question now."""

    state: str
    detail: str = ""
    n: int = 0
    of: int = PATHS
    at: int = 0  # market instant that was asked about
    seconds: float = 0.0  # since it was taken up
    first_s: float | None = None  # until the first ranking
    seed: int = 0
    market: str = ""  # hash of the simulated market
    question: str = ""  # hash of all that decides the answer
    seen: Any = None  # the snapshot
    matched: Any = None
    notes: tuple[str, ...] = ()
    table: Table | None = None
    card: Card | None = None


@dataclass(slots=True)
class Job:
    """One question under way, or answered."""

    asked: Asked
    taken_ns: int  # monotonic; when it was asked first
    seen_ns: int  # when it was asked last
    told: Told = field(default_factory=lambda: Told(state=WAITING))
    ended_ns: int = 0
    is_unwanted: bool = False

    @property
    def is_over(self) -> bool:
        return self.told.state in (DONE, REFUSED, STOPPED)

    def answers(self, digest: str) -> bool:
        """Whether it is, or will be, the answer to this question."""
        return self.asked.digest == digest and self.told.state != STOPPED


class Runs(Protocol):
    """Who runs paths: a pool's ``spread`` behind ``lab.run``."""

    def __call__(
        self,
        question: Question,
        on_batch: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> str:
        """Why it stopped."""
        ...


class Answers:
    """The table of questions, and the thread that answers them."""

    def __init__(
        self,
        clock: Clock,
        prepare: Callable[[Asked], Prepared],
        runs: Runs,
        idle: Iterable[Callable[[], object]] = (),
    ) -> None:
        """``idle`` : what is done, one after the other, while nobody asks."""
        self._clock, self._prepare, self._runs = clock, prepare, runs
        self._idle = list(idle)
        self._lock = threading.Condition()
        self._jobs: dict[str, Job] = {}  # by ticket
        self._kept: dict[str, Job] = {}  # answered, by hash, oldest first

    def ask(self, ticket: str, asked: Asked, *, again: bool = False) -> Told:
        """How far the question of this ticket is; takes it up when it is another one."""
        now, digest = self._clock.mono_ns(), asked.digest
        with self._lock:
            job = self._jobs.get(ticket)
            if job is not None and job.answers(digest) and not (again and job.is_over):
                job.seen_ns = now
                return job.told
            if job is not None:
                job.is_unwanted = True
            known = None if again else self._fresh(digest, asked, now)
            if known is None:
                self._make_room(ticket, now)
                known = Job(asked=asked, taken_ns=now, seen_ns=now)
                self._lock.notify()
            self._jobs[ticket] = known
            return known.told

    def _fresh(self, digest: str, asked: Asked, now: int) -> Job | None:
        """A kept answer that is young enough, or whose market is the one that is asked about."""
        known = self._kept.get(digest)
        if known is None:
            return None
        same = known.asked.at == asked.at
        return known if same or now - known.ended_ns < FRESH_NS else None

    def _make_room(self, ticket: str, now: int) -> None:
        """Forget tickets that nobody looks at; Refused when all are looked at."""
        self._jobs.pop(ticket, None)
        for name, job in list(self._jobs.items()):
            if now - job.seen_ns > LEFT_NS:
                job.is_unwanted = True
                del self._jobs[name]
        if len(self._jobs) >= TICKETS:
            raise Refused(f"at most {TICKETS} tickets are simulated at a time: try again")

    # --- the other thread ---------------------------------------------------------------------
    def serve(self, stop: threading.Event) -> None:
        """Answer until told to stop."""
        while not stop.is_set():
            with self._lock:
                job = self._next()
                if job is None and not self._idle:
                    self._lock.wait(0.2)
                    continue
            if job is None:
                self._idle.pop(0)()
            else:
                self.answer(job, stop.is_set)

    def _next(self) -> Job | None:
        """The oldest that waits and is still wanted."""
        now = self._clock.mono_ns()
        for job in sorted(self._jobs.values(), key=lambda job: job.taken_ns):
            if job.told.state == WAITING:
                if now - job.seen_ns <= LEFT_NS:
                    return job
                job.told = Told(state=STOPPED, detail="nobody looked at it")
        return None

    def answer(self, job: Job, is_stopping: Callable[[], bool]) -> None:
        """Run one question to its end, or to the point where nobody wants it."""

        def should_stop() -> bool:
            unseen = self._clock.mono_ns() - job.seen_ns > LEFT_NS
            return job.is_unwanted or unseen or is_stopping()

        began = self._clock.mono_ns()
        try:
            ready = self._prepare(job.asked)
            job.told = self._head(job, ready)
            work = self._twin if job.asked.kind == TWIN else self._pretrade
            stopped = work(job, ready, began, should_stop)
        except (Refused, BrokenInvariant) as error:
            job.told = Told(state=REFUSED, detail=str(error), at=job.asked.at)
            job.ended_ns = self._clock.mono_ns()
            return
        job.ended_ns = self._clock.mono_ns()
        state = STOPPED if stopped == CANCELLED else DONE
        job.told = msgspec.structs.replace(job.told, state=state, seconds=self._since(began))
        if state == DONE:
            with self._lock:
                self._kept.pop(job.asked.digest, None)
                self._kept[job.asked.digest] = job
                while len(self._kept) > KEPT:
                    del self._kept[next(iter(self._kept))]

    def _since(self, began: int) -> float:
        return (self._clock.mono_ns() - began) / 1e9

    def _head(self, job: Job, ready: Prepared) -> Told:
        return Told(
            state=RUNNING,
            at=job.asked.at,
            seed=ready.question.seed,
            market=market_hash(),
            question=ready.digest,
            seen=ready.market,
            matched=ready.matched,
            notes=ready.notes,
        )

    def _tell(self, job: Job, began: int, n: int, **found: Any) -> None:
        """Show what a batch has brought."""
        since = self._since(began)
        first = since if job.told.first_s is None else job.told.first_s
        job.told = msgspec.structs.replace(job.told, n=n, seconds=since, first_s=first, **found)

    def _pretrade(
        self, job: Job, ready: Prepared, began: int, should_stop: Callable[[], bool]
    ) -> str:
        def batch(now: Progress) -> None:
            found = table(ready.question, now.rows, ready.published)
            self._tell(job, began, now.n, table=found)

        return self._runs(ready.question, batch, should_stop)

    def _twin(self, job: Job, ready: Prepared, began: int, should_stop: Callable[[], bool]) -> str:
        """First the strategy against itself on other draws, then all of them together."""
        asked: Question = ready.question
        itself: list[Floats] = [np.zeros(0)]

        def floor(now: Progress) -> None:
            itself[0] = costs(asked, now.rows)[:, 0]

        def batch(now: Progress) -> None:
            names = tuple(who.name for who in asked.contenders)
            self._tell(job, began, now.n, card=card(names, costs(asked, now.rows), itself[0]))

        stopped = self._runs(other_draws(asked), floor, should_stop)
        return stopped if stopped == CANCELLED else self._runs(asked, batch, should_stop)


def other_draws(asked: Question) -> Question:
    """The first strategy alone, on paths that share no draw with those of the question."""
    return replace(asked, contenders=asked.contenders[:1], seed=(asked.seed + 1) % (1 << 32))


def costs(asked: Question, rows: NDArray[np.void]) -> Floats:
    """Cost of every path and strategy against the path without the order, NaN where shares were

    left over: what was not done has no cost to compare. [bp]
    """
    scenario = asked.scenario
    tick_size = scenario.preset.instrument.tick_size
    found: Floats = parts_bps(rows, scenario.order.quantity, tick_size)["total"]
    found[rows["filled"] < scenario.order.quantity] = np.nan
    return found


class Pooled:
    """Paths on processes of their own, started once; a pool that broke is replaced."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool: Pool | None = None

    def start(self) -> None:
        """Start the processes and wait until they have loaded every kernel."""
        if self._pool is None:
            self._pool = Pool(self._workers)
            for hand in self._pool.hands:
                hand.wake()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def __call__(
        self,
        question: Question,
        on_batch: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> str:
        return self.result(question, on_batch, should_stop).stopped

    def result(
        self,
        question: Question,
        on_batch: Callable[[Progress], None],
        should_stop: Callable[[], bool],
    ) -> Result:
        """All rows of the question."""
        self.start()
        try:
            return run(question, pool=self._pool, on_batch=on_batch, should_stop=should_stop)
        except BrokenInvariant:
            self.close()
            raise
