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
from typing import IO, Any, Final, cast

from engine.drill.nest import Nest
from engine.drill.short import DAY_VARIABLE
from engine.stage import NotReady, Stage
from engine.supervise import Child, Spec, Status, Supervisor, environment, take_lock

PYTHON: Final = sys.executable
SPECS: Final = (
    Spec(name="exchange", command=(PYTHON, "-m", "engine", "venue")),
    Spec(name="watchdog", command=(PYTHON, "-m", "engine.watchdog")),
    Spec(name="engine", command=(PYTHON, "-m", "engine.drill.short", "engine", "run")),
)
DEATH_S: Final = 60.0
HATCHED: Final = ("engine", "exchange")


@dataclass(slots=True, kw_only=True)
class Crew(Stage):
    """The three processes that trade. Use as a context manager, like any stage."""

    day_s: float = 23_400.0  # length of a session [market s]
    specs: tuple[Spec, ...] = SPECS
    nest: Nest | None = None  # forks engine and exchange, so that a death costs no imports
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
        child = self.child(name)
        if self.nest is None or name not in HATCHED:
            child.start(env, self.lock.fileno())
        else:
            child.process = cast("Any", self.nest.start(name, env, child.log))
            child.status.pid = child.process.pid
            child.mark("running")
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


def folder_name(seed: int) -> Path:
    """Short: the path of a socket has room for a hundred bytes."""
    return Path(f"s{seed}")
