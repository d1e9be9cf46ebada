"""A whole desk of its own in a folder of its own, for drills and benches. Never a running one.

The real processes under the real supervisor; people and orders come in by the real link.
"""

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from engine.desk import SyncDesk
from engine.domain.commands import AnyCommand, Envelope, SetPeople, SetSpeed, SubmitParent
from engine.domain.errors import Refused
from engine.domain.orders import OnRestart
from engine.domain.people import Person, Role
from engine.domain.units import Nanos, PersonId, Shares, Symbol, Ticks
from engine.runtime.clock import SystemClock
from engine.runtime.link import load_key
from engine.settings import Paths, Settings, paths, resolve

ROOT: Final = Path(__file__).resolve().parents[1]
APP: Final = (sys.executable, str(ROOT / "app.py"))
START_S: Final = 180.0  # a cold compile cache on a busy machine
SYSTEM: Final = PersonId("system")
TRADER: Final = PersonId("drill-trader")
BOSS: Final = PersonId("drill-supervisor")
PEOPLE: Final = (
    Person(id=TRADER, roles=(Role.TRADER,), desk="main", max_notional=1e9),
    Person(id=BOSS, roles=(Role.SUPERVISOR,), desk="main"),
)
SPIN: Final = "while True: pass"
CLOCK: Final = SystemClock()


class NotReady(Exception):
    """The desk did not come to where it should be in time."""


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(
    check: Callable[[], Any], patience_s: float, what: str, *, every_s: float = 0.02
) -> Any:
    """The first true answer of ``check``; NotReady names what did not come."""
    end = CLOCK.mono_ns() + int(patience_s * 1e9)
    while CLOCK.mono_ns() < end:
        if found := check():
            return found
        time.sleep(every_s)
    raise NotReady(f"{what} did not happen within {patience_s:g} s")


@contextlib.contextmanager
def all_cores_busy() -> Iterator[None]:
    """A spinning process a core, while it lasts."""
    spinners = [
        subprocess.Popen([sys.executable, "-c", SPIN], stdin=subprocess.DEVNULL)  # noqa: S603 (ours)
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


@dataclass(slots=True, kw_only=True)
class Stage:
    """The desk and what is needed to act on it. Use as a context manager."""

    state: Path
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = APP  # tests may give a smaller desk
    answer_s: float = 5.0  # how long a command waits for its answer
    settings: Settings = field(init=False)
    where: Paths = field(init=False)
    process: subprocess.Popen[bytes] | None = None
    _desk: SyncDesk | None = None
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        demo = () if "--demo" in self.options else ("--no-demo",)
        flags = ["--state", str(self.state), *demo, "--history-days", "0", *self.options]
        if "--port" not in flags:
            flags += ["--port", str(free_port())]
        self.options = tuple(flags)
        self.settings = resolve(_flags(flags), {})
        self.where = paths(self.settings)

    def __enter__(self) -> "Stage":
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    # --- life -------------------------------------------------------------------------------
    def start(self, crash_at: str = "") -> None:
        """Start all processes; ``crash_at`` is a named crash point of the engine."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("QD_")}
        if crash_at:
            env["QD_CRASH_AT"] = crash_at
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.state / "console.log").open("ab") as console:
            self.process = subprocess.Popen(  # noqa: S603 (our own program)
                [*self.command, *self.options], cwd=ROOT, env=env,
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip

    def stop(self) -> None:
        """Stop all, orderly."""
        if self._desk is not None:
            self._desk.close()
            self._desk = None
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
            self.process.kill()
            self.process.wait()
            self.process = None

    def kill_supervisor(self) -> None:
        """``kill -9`` of app.py; its children notice the closed pipe."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    # --- looking ----------------------------------------------------------------------------
    def processes(self) -> dict[str, dict[str, Any]]:
        """What the supervisor says of each process, by name."""
        try:
            rows = json.loads(self.where.processes.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if self.process is None or rows["supervisor"] != self.process.pid:
            return {}  # of the supervisor before
        return {row["name"]: row for row in rows["processes"]}

    def pid(self, name: str) -> int | None:
        row = self.processes().get(name)
        return None if row is None or row["state"] != "running" else row["pid"]

    def kill_process(self, name: str) -> bool:
        """``kill -9`` of one process; False when it is not there."""
        pid = self.pid(name)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return True

    @property
    def desk(self) -> SyncDesk:
        """The link to the engine."""
        if self._desk is None:
            key = load_key(self.where.state / "link.key")
            self._desk = SyncDesk(f"ipc://{self.where.engine}", key)
        return self._desk

    def status(self) -> dict[str, Any] | None:
        """What the engine says, None while it does not answer."""
        try:
            found: dict[str, Any] = self.desk.ask("status", timeout_s=1.0)
        except (ConnectionError, TimeoutError, Refused):
            return None
        return found

    def wait_ready(self, patience_s: float = START_S) -> dict[str, Any]:
        """Until the engine lets new orders out and the market has moved."""

        def is_ready() -> dict[str, Any] | None:
            if self.process is not None and self.process.poll() is not None:
                raise NotReady(f"app.py ended with {self.process.returncode}: {self.last_words()}")
            status = self.status()
            return status if status is not None and _moves(status["desk"]) else None

        try:
            found: dict[str, Any] = eventually(is_ready, patience_s, "READY")
        except NotReady as late:
            raise NotReady(f"{late}; {self.last_words()}") from None
        return found

    def wait_standing(self, patience_s: float = START_S) -> dict[str, Any]:
        """As ``wait_ready`` for a desk whose market stands (speed 0)."""

        def is_there() -> dict[str, Any] | None:
            status = self.status()
            return status if status is not None and _is_open(status["desk"]) else None

        found: dict[str, Any] = eventually(is_there, patience_s, "a standing desk")
        return found

    def last_words(self) -> str:
        """What the console and the engine said last, for a failed drill."""
        words = []
        for path in (self.state / "console.log", self.where.log / "engine.log"):
            if path.exists():
                tail = path.read_text(encoding="utf-8", errors="replace").splitlines()[-2:]
                words.append(f"{path.name}: {' | '.join(tail)}")
        status = self.status()
        gate = "no answer" if status is None else status["desk"]["gate"]
        return f"{'; '.join(words)}; gate: {gate}"

    # --- acting -----------------------------------------------------------------------------
    def submit(self, command: AnyCommand, person: PersonId, *, reason: str = "") -> int:
        """A command; the journal entry it led to. Raises what the door raises."""
        at = CLOCK.wall_ns()
        envelope = Envelope(
            id=f"stage-{os.getpid()}-{at}-{next(self._ids)}",
            person=person,
            epoch=0,
            expires_at=Nanos(at + 5_000_000_000),
            command=command,
            reason=reason,
            door="drill",
        )
        return self.desk.submit(envelope, timeout_s=self.answer_s).seq

    def set_people(self) -> None:
        """A trader and a supervisor, whoever else there was."""
        self.submit(SetPeople(people=PEOPLE), SYSTEM)

    def set_speed(self, speed: float) -> None:
        self.submit(SetSpeed(speed=speed), BOSS)

    def enter(
        self,
        symbol: str,
        side: int,
        quantity: int,
        strategy: str,
        *,
        minutes: float = 60.0,
        limit: int | None = None,
    ) -> int:
        """A parent that goes on after restarts. ``limit`` in ticks."""
        order = SubmitParent(
            symbol=Symbol(symbol),
            side=side,
            quantity=Shares(quantity),
            strategy=strategy,
            horizon_ns=Nanos(int(minutes * 60e9)),
            limit_price=None if limit is None else Ticks(limit),
            on_restart=OnRestart.RESUME,
        )
        return self.submit(order, TRADER)


def _is_open(desk: dict[str, Any]) -> bool:
    """Whether new orders may leave."""
    return desk["gate"] in ("", "open")


def _moves(desk: dict[str, Any]) -> bool:
    opened = desk["session"] == "CLOSED" or desk["market_at"] > desk["open_at"] + 1_000_000_000
    return _is_open(desk) and opened


def _flags(words: list[str]) -> dict[str, object]:
    """Flags as ``resolve`` takes them."""
    import argparse

    from engine.settings import add_flags

    parser = argparse.ArgumentParser()
    add_flags(parser)
    return vars(parser.parse_args(words))
