"""Leases both ways: ours lets the engine send, the engine's heartbeat is what we watch."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

STAMP_NS = 50_000_000
AHEAD_NS = 1_000_000_000  # further ahead: the stamp is of an earlier life of this machine
START_GRACE_NS = 120_000_000_000  # a starting engine folds its journal and compiles first


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineProcess:
    """What the supervisor says of the engine."""

    pid: int | None
    state: str  # running | waiting | stopping | stopped, "" = there is no supervisor


def read_engine(path: Path) -> EngineProcess:
    """The engine's row of processes.json; a missing or half-written file tells nothing."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["processes"]
        row = next(row for row in rows if row["name"] == "engine")
        return EngineProcess(pid=row["pid"], state=str(row["state"]))
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return EngineProcess(pid=None, state="")


@dataclass(slots=True, kw_only=True)
class Pulse:
    """Judges the heartbeat: a starting engine is not a hanging one."""

    limit_ns: int  # silent for longer: the engine is ended
    quiet_ns: int = 1_000_000_000  # silent for longer: its orders are taken back
    pid: int | None = None
    pid_seen_at: int = -1  # when this pid was first seen [monotonic ns]
    has_beaten: bool = False  # this pid
    ever_beaten: bool = False

    def judge(self, now: int, heartbeat: int, engine: EngineProcess) -> str:
        """One of alive | quiet | starting | unknown | stopping | silent. Monotonic ns.

        quiet: an engine that has beaten is late; nothing is known yet of its life.
        """
        if engine.pid != self.pid or self.pid_seen_at < 0:
            self.pid, self.pid_seen_at, self.has_beaten = engine.pid, now, False
        age = now - heartbeat  # a beat may be a little younger than our look at the clock
        if heartbeat and -AHEAD_NS < age <= self.limit_ns:
            if heartbeat > self.pid_seen_at:
                self.has_beaten = self.ever_beaten = True
            is_quiet = age > self.quiet_ns and self.has_beaten and engine.state != "stopping"
            return "quiet" if is_quiet else "alive"
        if engine.state in ("stopping", "stopped"):
            return "stopping"
        if engine.pid is None:
            return "silent" if self.ever_beaten else "unknown"
        if self.has_beaten or now - self.pid_seen_at > START_GRACE_NS:
            return "silent"
        return "starting"


def is_engine(pid: int) -> bool:
    """Whether the process with this number is an engine of this code, not a stranger."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return not Path("/proc/self").exists()  # systems without /proc: the supervisor is trusted
    return b"engine" in words and b"run" in words


def end_engine(pid: int) -> bool:
    """SIGKILL; whether a signal was sent. The supervisor starts a new one."""
    if not is_engine(pid):
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
