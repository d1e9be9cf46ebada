"""Start the processes, start a dead one again, stop all together. Standard library only.

Each child is a process group of its own, with a pipe on stdin (engine/lifeline.py) and its
output in ``log/<name>.log``. Lines of that log that begin with ``quarterdeck: `` are meant
for people and shown on the console. What is known is in ``processes.json``.
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from engine.domain.errors import Refused
from engine.lifeline import OFFSET, SUPERVISED, boot, is_alive
from engine.logs import FOR_PEOPLE, text_of
from engine.settings import Paths, Settings, make_folders, paths, to_env

ROOT = Path(__file__).resolve().parent.parent
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # wait before the first, second, ... start after a death
HEALTHY_S = 30.0  # alive for this long: the next death waits the shortest time again
KILL_AFTER_S = 2.5  # from the order to stop until SIGKILL
# When each is told to stop, at the latest [s after the order]; it is told as soon as those
# before it are gone. The exchange outlives the engine: it takes the last cancels.
STOP_ORDER = (("web", 0.0), ("worker", 0.0), ("engine", 0.6), ("exchange", 1.6), ("watchdog", 2.0))
LOG_LIMIT = 20_000_000  # bytes; a longer log is set aside, the one set aside before it is gone
REFUSED = 2  # exit code of a process whose settings or files do not let it start
PREDECESSOR_S = 15.0  # children of a killed supervisor end within GRACE_S of their imports


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One process to keep alive."""

    name: str
    command: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Status:
    """What screens may say about one process; instants in UTC ns."""

    name: str
    pid: int | None = None
    state: str = "stopped"  # running | waiting | stopping | stopped
    restarts: int = 0
    since_at: int = 0  # of this state
    next_start_at: int | None = None
    last_exit: int | None = None  # exit code; -9 = ended by signal 9


def specs() -> tuple[Spec, ...]:
    """The five processes, in the order of their start."""
    python = sys.executable
    return (
        Spec(name="exchange", command=(python, "-m", "engine", "venue")),
        Spec(name="engine", command=(python, "-m", "engine", "run")),
        Spec(name="watchdog", command=(python, "-m", "engine.watchdog")),
        Spec(name="worker", command=(python, "-m", "engine.worker")),
        Spec(name="web", command=(python, str(ROOT / "app.py"), "--web-only")),
    )


def say(text: str) -> None:
    """One line on the console. A closed console must not end the desk."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for the rest of our life)


@dataclass(slots=True, kw_only=True)
class Child:
    """One process and its life so far."""

    spec: Spec
    log: Path
    status: Status
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0  # monotonic [s]
    due: float = 0.0  # next start, monotonic [s]
    deaths: int = 0  # in a row, for the back-off
    seen: int = 0  # bytes of the log already looked at
    proven: bool = False  # it has been healthy once: a refusal later is no reason to stop the rest

    def mark(self, state: str) -> None:
        """Note a new state and when it began."""
        self.status.state = state
        self.status.since_at = time.time_ns()

    def start(self, env: Mapping[str, str], lock: int) -> None:
        """Start the process; it inherits the lock, so no second desk starts beside it."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self.seen = output.tell()
            self.process = subprocess.Popen(
                self.spec.command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )
        self.started = time.monotonic()
        self.status.pid, self.status.next_start_at = self.process.pid, None
        self.mark("running")

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and all it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):  # all are gone, as we want
                os.killpg(self.process.pid, number)

    def tell_to_stop(self) -> None:
        """SIGTERM to the process itself; its own children are its business until the end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.mark("stopping")

    def bury(self, code: int) -> None:
        """Clean up after the end of the process."""
        self.signal_group(signal.SIGKILL)
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None
        self.status.pid, self.status.last_exit = None, code
        self.mark("stopped")

    def plan_restart(self) -> float:
        """Set when to start again. [s from now]"""
        now = time.monotonic()
        if now - self.started >= HEALTHY_S:
            self.deaths, self.proven = 0, True
        wait = BACK_OFF_S[min(self.deaths, len(BACK_OFF_S) - 1)]
        self.deaths += 1
        self.due = now + wait
        self.status.restarts += 1
        self.mark("waiting")
        self.status.next_start_at = time.time_ns() + int(wait * 1e9)
        return wait

    def new_lines(self) -> list[str]:
        """Complete lines written to the log since the last look."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as file:
            file.seek(self.seen)
            data = file.read(1_000_000)
        whole = data[: data.rfind(b"\n") + 1]
        self.seen += len(whole)
        return [text_of(line) for line in whole.decode("utf-8", "replace").splitlines()]

    def set_aside(self) -> None:
        """A log that has grown too long: copied, then emptied under the process that writes on."""
        if not self.log.exists() or self.log.stat().st_size <= LOG_LIMIT:
            return
        shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
        os.truncate(self.log, 0)
        self.seen = 0

    def last_line(self) -> str:
        """What the process said last; a traceback ends with its reason."""
        tail = self.log.read_bytes()[-10_000:].decode("utf-8", "replace").strip().splitlines()
        return text_of(tail[-1]) if tail else "it wrote nothing"


def take_lock(path: Path) -> IO[str]:
    """Hold the state folder, or refuse and name the process that holds it."""
    file = path.open("a+", encoding="ascii")
    patience = time.monotonic() + PREDECESSOR_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "?"
            if holder.isdigit() and not is_alive(int(holder)) and time.monotonic() < patience:
                time.sleep(0.05)  # its children are about to stop
                continue
            file.close()
            raise Refused(
                f"the state folder {path.parent} is in use by process {holder}: "
                "stop it, or choose another folder with --state",
                field="state",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Keeps the processes of one state folder alive until told to stop."""

    children: list[Child]
    where: Paths
    env: Mapping[str, str]
    lock: IO[str]
    wanted: bool = True  # False = told to stop
    forward: bool = False  # SIGUSR1 came: it is the engine's kill signal
    code: int = 0  # our own exit code
    wake: tuple[int, int] = field(default_factory=os.pipe)

    def listen(self) -> None:
        """Handle signals: the handlers set a flag, the loop wakes up by the pipe."""
        for end in self.wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self.wake[1], warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGINT:  # nohup
                signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGUSR1, self._on_kill)

    def _on_stop(self, _number: int, _frame: object) -> None:
        self.wanted = False

    def _on_kill(self, _number: int, _frame: object) -> None:
        self.forward = True

    def rest(self, seconds: float) -> None:
        """Sleep until a signal comes (a child's death is one) or the time is over."""
        ready, _, _ = select.select([self.wake[0]], [], [], max(seconds, 0.0))
        if ready:
            os.read(self.wake[0], 4096)

    def write(self) -> None:
        """Write down what is known, all or nothing. A full disk must not end the processes."""
        facts = {
            "supervisor": os.getpid(),
            "written_at": time.time_ns(),
            "processes": [asdict(child.status) for child in self.children],
        }
        draft = self.where.processes.with_suffix(".tmp")
        try:
            draft.write_text(json.dumps(facts, indent=1), encoding="utf-8")
            draft.replace(self.where.processes)
        except OSError as error:
            say(f"cannot write {self.where.processes}: {error.strerror}")

    def run(self) -> None:
        """Start all in order, then look after them until told to stop."""
        self.write()
        while self.wanted:
            changed = sum(self.attend(child) for child in self.children)  # no short cut
            if changed:
                self.write()
            if self.forward:
                self.forward = False
                self.pass_on_kill()
            self.rest(0.1)
        self.stop()

    def attend(self, child: Child) -> bool:
        """Start, restart or leave alone one process; whether anything changed."""
        self.echo(child)
        child.set_aside()
        if child.process is None:
            if time.monotonic() < child.due or not self.wanted:
                return False
            child.start(self.env, self.lock.fileno())
            return True
        code = child.process.poll()
        if code is None:
            return False
        child.bury(code)
        wait = child.plan_restart()
        if code == REFUSED and not child.proven:
            self.give_up(child)
            return True
        say(
            f"{child.spec.name} stopped with exit code {code}, starts again in {wait:g} s "
            f"({child.last_line()}) - {child.log}"
        )
        return True

    def give_up(self, child: Child) -> None:
        """A process refused to start: again would be the same, so all stop, with its sentence."""
        self.echo(child)
        reason = child.last_line()
        more = "" if reason.startswith(FOR_PEOPLE) else f" ({reason})"
        say(f"{child.spec.name} cannot start{more}: the desk stops - {child.log}")
        self.wanted, self.code = False, REFUSED

    def echo(self, child: Child) -> None:
        """Show the lines that are meant for people."""
        for line in child.new_lines():
            if line.startswith(FOR_PEOPLE):
                say(line.removeprefix(FOR_PEOPLE))

    def pass_on_kill(self) -> None:
        """SIGUSR1 stops all trading; it belongs to the engine, whoever got it."""
        for child in self.children:
            if child.spec.name == "engine" and child.process is not None:
                child.process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        """Stop all within three seconds, and everything they started."""
        say("stopping ...")
        began = time.monotonic()
        told: set[str] = set()
        while any(child.process is not None for child in self.children):
            past = time.monotonic() - began
            for child in self.children:
                self.stop_step(child, past, told)
            self.rest(0.02)
        for child in self.children:
            if child.status.state != "stopped":  # it was waiting for its next start
                child.status.next_start_at = None
                child.mark("stopped")
        self.write()
        say(f"stopped in {time.monotonic() - began:.1f} s")

    def stop_step(self, child: Child, past: float, told: set[str]) -> None:
        """Tell one process to stop when it is its turn, kill it when it is late."""
        if child.process is None:
            return
        code = child.process.poll()
        name = child.spec.name
        if code is not None:
            child.bury(code)
        elif past >= KILL_AFTER_S:
            child.signal_group(signal.SIGKILL)
        elif name not in told and (past >= self.latest(name) or self.is_turn(name)):
            told.add(name)
            child.tell_to_stop()
            self.write()

    def latest(self, name: str) -> float:
        """When a process is told to stop even if those before it are still there. [s]"""
        return dict(STOP_ORDER).get(name, 0.0)

    def is_turn(self, name: str) -> bool:
        """Whether all that stop before this one are gone."""
        names = [row[0] for row in STOP_ORDER]
        before = names[: names.index(name)] if name in names else []
        return not any(c.process is not None for c in self.children if c.spec.name in before)


def announce(settings: Settings, is_wanted: Callable[[], bool]) -> None:
    """Wait until the web answers, then print the address once. Runs in a thread."""
    began = time.monotonic()
    where = paths(settings)
    scheme = "http" if settings.tls_cert is None else "https"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"{scheme}://{host}:{settings.port}"
    trust = None
    if settings.tls_cert is not None:
        trust = ssl.create_default_context(cafile=settings.tls_cert)
        trust.check_hostname = False  # we ask ourselves, by address
    while is_wanted():
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1.0, context=trust) as answer:  # noqa: S310 (scheme is ours)
                if answer.status == 200:
                    break
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    else:
        return
    say(f"Quarterdeck is ready at {url} ({time.monotonic() - began:.1f} s). Ctrl-C stops it.")
    secret = where.demo_passwords
    if settings.demo and secret.exists() and not secret.stat().st_mode & 0o077:
        say(secret.read_text(encoding="utf-8").rstrip())


def check_port(settings: Settings) -> None:
    """Refuse when somebody else listens there: his answers would look like ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Refused(
                f"port {settings.port} on {settings.host} cannot be used ({error.strerror}): "
                "choose another with --port",
                field="port",
            ) from None


def environment(settings: Settings) -> dict[str, str]:
    """What every process of the desk inherits."""
    return {
        **os.environ,
        **to_env(settings),
        SUPERVISED: "1",
        OFFSET: str(time.time_ns() - time.monotonic_ns()),  # one time for the desk, see clock.py
        "PYTHONUNBUFFERED": "1",
        "NUMBA_DISABLE_INTEL_SVML": "1",  # the optional library changes last bits
    }


def supervise(settings: Settings, processes: Sequence[Spec]) -> int:
    """Run the desk until SIGTERM or Ctrl-C; exit code, 2 when a process refused to start.

    Raises Refused before anything starts.
    """
    where = paths(settings)
    make_folders(where)
    lock = take_lock(where.lock)
    check_port(settings)
    children = [
        Child(spec=spec, log=where.log / f"{spec.name}.log", status=Status(name=spec.name))
        for spec in processes
    ]
    for child in children:
        child.seen = child.log.stat().st_size if child.log.exists() else 0  # said by an earlier run
    env = environment(settings)
    where.clock.write_text(f"{env[OFFSET]}\n{boot()}\n", encoding="utf-8")
    desk = Supervisor(children=children, where=where, env=env, lock=lock)
    desk.listen()
    say(f"starting, state in {where.state}, logs in {where.log}")
    threading.Thread(target=announce, args=(settings, lambda: desk.wanted), daemon=True).start()
    desk.run()
    return desk.code
