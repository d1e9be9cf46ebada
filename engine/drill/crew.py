"""A small desk for drills of many deaths: exchange, engine and watchdog, started by the drill.

No web, no worker, no back-off: the drill itself is the supervisor, says with which crash point the
next engine lives, and sees it die. Days are short, so that a close and the next opening are near.
"""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from engine.domain.instrument import Instrument, Session
from engine.domain.units import SECOND, Nanos
from engine.stage import NotReady, Stage
from engine.supervise import Child, Spec, Status, Supervisor, environment, take_lock

DAY_VARIABLE: Final = "QD_DRILL_DAY_S"
PYTHON: Final = sys.executable
SPECS: Final = (
    Spec(name="exchange", command=(PYTHON, "-m", "engine", "venue")),
    Spec(name="watchdog", command=(PYTHON, "-m", "engine.watchdog")),
    Spec(name="engine", command=(PYTHON, "-m", "engine.drill.crew", "engine", "run")),
)
DEATH_S: Final = 60.0


@dataclass(slots=True, kw_only=True)
class Crew(Stage):
    """The three processes that trade. Use as a context manager, like any stage."""

    day_s: float = 23_400.0  # length of a session [market s]
    specs: tuple[Spec, ...] = SPECS
    supervisor: Supervisor | None = None
    lock: IO[str] | None = None

    def start(self, crash_at: str = "") -> None:
        """Start all three."""
        for folder in (self.state, self.where.log):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.lock = take_lock(self.where.lock)
        children = [
            Child(spec=spec, log=self.where.log / f"{spec.name}.log", status=Status(name=spec.name))
            for spec in self.specs
        ]
        clean = environment(self.settings)
        clean[DAY_VARIABLE] = f"{self.day_s:g}"
        self.supervisor = Supervisor(children=children, where=self.where, env=clean, lock=self.lock)
        self.run("exchange")
        self.run("watchdog")
        self.run("engine", crash_at)

    def child(self, name: str) -> Child:
        """One of the three."""
        assert self.supervisor is not None
        return next(child for child in self.supervisor.children if child.spec.name == name)

    def run(self, name: str, crash_at: str = "") -> None:
        """Start one process; ``crash_at`` is where this life of it ends."""
        assert self.supervisor is not None
        assert self.lock is not None
        env = {**self.supervisor.env, "QD_CRASH_AT": crash_at}
        self.child(name).start(env, self.lock.fileno())
        self.supervisor.write()

    def is_dead(self, name: str) -> bool:
        """Whether the process has ended; then it is buried, and may be started again."""
        assert self.supervisor is not None
        child = self.child(name)
        if child.process is None:
            return True
        code = child.process.poll()
        if code is None:
            return False
        child.bury(code)
        self.supervisor.write()
        return True

    def end(self, name: str) -> None:
        """``kill -9`` of one process, and its burial."""
        child = self.child(name)
        if child.process is not None:
            child.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(timeout=DEATH_S)
        if not self.is_dead(name):
            raise NotReady(f"the {name} does not die")

    def signal(self, name: str, number: signal.Signals) -> None:
        """A signal to one process."""
        process = self.child(name).process
        if process is not None:
            os.kill(process.pid, number)

    def processes(self) -> dict[str, dict[str, Any]]:
        """As the supervisor says it."""
        rows = [] if self.supervisor is None else [c.status for c in self.supervisor.children]
        return {row.name: {"pid": row.pid, "state": row.state} for row in rows}

    def stop(self) -> None:
        """Stop all, orderly."""
        if self._desk is not None:
            self._desk.close()
            self._desk = None
        if self.supervisor is not None:
            with contextlib.redirect_stdout(sys.stderr):  # stdout is the report's
                self.supervisor.stop()
            self.supervisor = None
        if self.lock is not None:
            self.lock.close()
            self.lock = None


# --- the engine of a small desk ------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class ShortDays:
    """The days of a calendar, each closed early."""

    days: Any  # engine.runtime.ports.Days
    length_s: float

    def next_day(self, after: str) -> tuple[Session, tuple[Instrument, ...], str, int]:
        """The day as it would be, with an early close."""
        session, instruments, source, seed = self.days.next_day(after)
        close = min(session.close_at, session.open_at + int(self.length_s) * SECOND)
        short = Session(
            day=session.day, open_at=session.open_at, close_at=Nanos(close), zone=session.zone
        )
        return short, instruments, source, seed


def engine() -> int:
    """The real engine process on short days."""
    from engine import compose

    whole = compose.days_of
    length_s = float(os.environ[DAY_VARIABLE])
    compose.days_of = lambda settings, clock: ShortDays(  # type: ignore[assignment,return-value]
        days=whole(settings, clock), length_s=length_s
    )
    return compose.main()


def folder_name(seed: int) -> Path:
    """Short: the path of a socket has room for a hundred bytes."""
    return Path(f"s{seed}")


if __name__ == "__main__":
    sys.exit(engine())
