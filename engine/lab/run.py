"""A question, asked path by path: progressive, cancellable, the same bits for any worker count.

    result = run(question, workers=2, on_batch=show, should_stop=cancelled)

After each batch of paths the caller hears mean, standard error and interval of every strategy. It
stops at the day limit, at the precision asked for, or when told to; never because a difference has
just become significant. Stopping is decided on whole batches in order of their index.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.exchange.presets import market_hash
from engine.lab.cost import OUTCOME, Floats, parts_bps
from engine.lab.market import SeedRange, refuse_overlap, refuse_unbuilt
from engine.lab.paired import FILLS, Contender, Task, contender, run_path, small_tape
from engine.lab.pool import Pool
from engine.lab.scenario import MOST_DAYS, Scenario

BATCH: Final = 25
FIRST: Final = 8  # paths of the first ranking
ENOUGH_TICKS: Final = 0.1  # standard error at which more paths add nothing
Z: Final = 1.96  # of the intervals on the way; the final ones are bootstrapped

DAY_LIMIT, PRECISE, NARROW, CANCELLED = "day limit", "precise", "narrow", "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """When fewer paths than the limit are enough; None = this rule is off.

    Both look at the worst of the strategies' differences from the first one, or at the headline
    cost itself when there is only one strategy.
    """

    error_ticks: float | None = None  # standard error below this
    width_bps: float | None = None  # whole width of the 95 % interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked; two equal questions have the same answer, byte for byte."""

    scenario: Scenario
    contenders: tuple[Contender, ...]
    days: int
    seed: int
    purpose: str = "comparison"
    first: int = 0  # index of the first path
    stop: StopRule = StopRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One strategy after a batch: headline cost and its difference from the first one. [bp]"""

    name: str
    mean: float
    error: float  # standard error
    low: float
    high: float
    against_first: float
    against_first_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands; cheapest first."""

    n: int
    of: int
    standings: tuple[Standing, ...]
    rows: NDArray[np.void] = field(repr=False, compare=False)  # OUTCOME, shape (n, contenders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """OUTCOME rows of every path and strategy, shape (n, contenders)."""

    question: Question
    rows: NDArray[np.void]
    stopped: str
    market_hash: str

    @property
    def n(self) -> int:
        return len(self.rows)

    @property
    def digest(self) -> str:
        """SHA-256 of every byte of the rows."""
        return hashlib.sha256(self.rows.tobytes()).hexdigest()

    def parts(self) -> dict[str, Floats]:
        """Costs in bp, each of shape (n, contenders)."""
        scenario = self.question.scenario
        return parts_bps(self.rows, scenario.order.quantity, scenario.preset.instrument.tick_size)


def ask(scenario: Scenario, names: tuple[str, ...], *, days: int, seed: int) -> Question:
    """A question about strategies by name, on paths of comparison."""
    if not names or len(set(names)) != len(names):
        raise Refused(f"strategies must be different names, was {', '.join(names) or 'none'}")
    return Question(
        scenario=scenario,
        contenders=tuple(contender(scenario, name) for name in names),
        days=days,
        seed=seed,
    )


def _error(values: Floats) -> float:
    """Standard error of a mean; NaN below two values."""
    n = len(values)
    return float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan


def progress(question: Question, rows: NDArray[np.void]) -> Progress:
    """Standings after these rows, shape (n, contenders)."""
    scenario = question.scenario
    tick_size = scenario.preset.instrument.tick_size
    headline = parts_bps(rows, scenario.order.quantity, tick_size)["headline"]
    priced = np.isfinite(headline) & (rows["filled"] >= scenario.order.quantity)
    headline = headline[priced.all(axis=1)]
    found = []
    for i, who in enumerate(question.contenders):
        mean, error = float(headline[:, i].mean()), _error(headline[:, i])
        apart = headline[:, i] - headline[:, 0]
        found.append(
            Standing(
                name=who.name,
                mean=mean,
                error=error,
                low=mean - Z * error,
                high=mean + Z * error,
                against_first=float(apart.mean()),
                against_first_error=_error(apart),
            )
        )
    ranked = tuple(sorted(found, key=lambda row: row.mean))
    return Progress(n=len(rows), of=question.days, standings=ranked, rows=rows)


def _stopped(question: Question, now: Progress, rows: NDArray[np.void]) -> str:
    """Why this is enough, or ""."""
    rule = question.stop
    first = question.contenders[0].name
    others = [row.against_first_error for row in now.standings if row.name != first]
    worst = max(others) if others else now.standings[0].error
    bps_of_tick = 1e4 / float(rows["start_mid"].mean())
    if rule.error_ticks is not None and worst < rule.error_ticks * bps_of_tick:
        return PRECISE
    if rule.width_bps is not None and 2 * Z * worst < rule.width_bps:
        return NARROW
    return ""


class _Collector:
    """Takes rows in order of their index and decides at the end of each batch."""

    def __init__(
        self,
        question: Question,
        on_batch: Callable[[Progress], None] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self.question, self.on_batch, self.should_stop = question, on_batch, should_stop
        self.rows = np.zeros((question.days, len(question.contenders)), OUTCOME)
        self.have = 0
        self.kept = 0  # paths of whole batches
        self.stopped = DAY_LIMIT
        self.due = min(FIRST, question.days)

    def take(self, first: int, rows: NDArray[np.void]) -> bool:
        """True = enough."""
        if self.should_stop is not None and self.should_stop():
            self.stopped = CANCELLED
            return True
        if len(rows):
            self.rows[first : first + len(rows)] = rows
            self.have = first + len(rows)
        while self.have >= self.due > self.kept:
            self.kept = self.due
            self.due = min((self.kept // BATCH + 1) * BATCH, self.question.days)
            if self._batch():
                return True
        return False

    def _batch(self) -> bool:
        rows = self.rows[: self.kept]
        now = progress(self.question, rows)
        if self.on_batch is not None:
            self.on_batch(now)
        why = _stopped(self.question, now, rows) if self.kept < self.question.days else ""
        self.stopped = why or self.stopped
        return bool(why)


def run(
    question: Question,
    *,
    workers: int = 1,
    on_batch: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    pool: Pool | None = None,
    slice_days: int = 1,
) -> Result:
    """Answer a question.

    workers : processes; 0 = here, in this thread. pool : processes that run already, instead.
    should_stop is asked every few milliseconds; cancelled, the result holds whole batches only.
    """
    if not 1 <= question.days <= MOST_DAYS:
        raise Refused(f"days must be from 1 to {MOST_DAYS:,}, was {question.days}", field="days")
    if slice_days < 1 or workers < 0:
        raise Refused(f"workers and slice must be positive, were {workers} and {slice_days}")
    refuse_unbuilt(question.scenario)
    paths = SeedRange(question.purpose, question.seed, question.first, question.days)
    refuse_overlap(paths)
    for who in question.contenders:
        for seen in who.trained_on:
            refuse_overlap(seen, paths)
    task = Task(scenario=question.scenario, contenders=question.contenders, paths=paths)
    collector = _Collector(question, on_batch, should_stop)
    if pool is not None:
        pool.spread(task, question.days, slice_days, collector.take)
    elif workers == 0:
        _here(task, question.days, collector)
    else:
        with Pool(min(workers, question.days)) as own:
            own.spread(task, question.days, slice_days, collector.take)
    return Result(
        question=question,
        rows=collector.rows[: collector.kept],
        stopped=collector.stopped,
        market_hash=market_hash(),
    )


def _here(task: Task, days: int, collector: _Collector) -> None:
    tape = small_tape(FILLS)
    for index in range(days):
        if collector.take(index, run_path(task, index, tape)[None, :]):
            return
