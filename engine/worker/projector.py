"""Journal -> read tables, all the time: live first, past days in between."""

from typing import Final

from db.project import (
    Source,
    TablesUnavailable,
    history_sources,
    live_source,
    position,
    project,
    touch,
    unread,
)
from engine.worker.context import Context

POLL_S: Final = 0.15
RETRY_S: Final = 1.0
LIVE_BATCH: Final = 2_000
PAST_BATCH: Final = 500  # small, so that the live book never waits long behind a past day
TOUCH_NS: Final = 1_000_000_000  # how often quiet tables say that they are level with the journal
LOOK_TURNS: Final = 15  # between looks for new past days


class Projector:
    """One thread's work. Positions are asked of the tables: a rebuild may run beside."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._live = live_source(context.where.state)
        self._past: list[Source] = []
        self._done: set[str] = set()
        self._turns = 0
        self._touched = 0

    def run(self) -> None:
        """Until told to stop. A database that does not answer is asked again."""
        stop = self._context.stop
        while not stop.is_set():
            try:
                busy = self.turn()
            except TablesUnavailable as silence:
                print(f"worker: read tables do not answer: {silence}", flush=True)  # noqa: T201
                stop.wait(RETRY_S)
                continue
            if not busy:
                stop.wait(POLL_S)

    def turn(self) -> bool:
        """Project what is new of the live journal, then a little of a past day."""
        moved = self._some(self._live, LIVE_BATCH)
        if not moved:
            self._touch()
        if self._turns % LOOK_TURNS == 0:
            self._past = [
                source
                for source in history_sources(self._context.where.state)
                if source.name not in self._done
            ]
        self._turns += 1
        if not self._past:
            return moved
        source = self._past[0]
        if not self._some(source, PAST_BATCH):
            self._done.add(source.name)
            self._past.pop(0)
        return True

    def _touch(self) -> None:
        now = self._context.clock.wall_ns()
        if now - self._touched >= TOUCH_NS:
            self._touched = now
            touch(self._context.tables, self._live, now)

    def _some(self, source: Source, limit: int) -> bool:
        at = position(self._context.tables, source)
        entries = list(unread(source, at, limit))
        if entries:
            project(self._context.tables, source, entries, self._context.clock.wall_ns())
        return bool(entries)
