"""``python -m engine.watchdog``: sees, cancels and kills without the engine's code.

Standard library only. Settings come by environment: QD_STATE, QD_LEASE_MS, QD_HEARTBEAT_MS,
QD_SILENCE_MS, QD_CANCEL_SOCKET, QD_WITNESS. Stops on SIGTERM, and when its supervisor is gone.
"""

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from engine.watchdog.cancel import CancelRoute
from engine.watchdog.flag import FlagFile
from engine.watchdog.guard import Guard
from engine.watchdog.journal import JournalReader
from engine.watchdog.lease import STAMP_NS, Pulse
from engine.watchdog.version import trading_hash
from engine.watchdog.witness import Witness

LOOK_NS = 250_000_000
REPORT_NS = 1_000_000_000
stopping = threading.Event()


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where things are and how long is too long."""

    state: Path
    cancel: Path
    witness: Path
    heartbeat_ns: int
    silence_ns: int

    @classmethod
    def from_environment(cls) -> "Places":
        state = Path(os.environ.get("QD_STATE", "var")).absolute()
        cancel = os.environ.get("QD_CANCEL_SOCKET") or str(state / "exchange" / "cancel.sock")
        heartbeat_ms = int(os.environ.get("QD_HEARTBEAT_MS", "3000"))
        silence_ms = int(os.environ.get("QD_SILENCE_MS", "1000"))
        return cls(
            state=state,
            cancel=Path(cancel),
            witness=Path(os.environ.get("QD_WITNESS") or state / "witness"),
            heartbeat_ns=heartbeat_ms * 1_000_000,
            silence_ns=min(silence_ms, heartbeat_ms) * 1_000_000,
        )


def end_with_supervisor() -> None:
    """Stop when stdin, the pipe from the supervisor, ends. Nothing of it is ours to share."""
    if os.environ.get("QD_SUPERVISED") != "1":
        return

    def wait() -> None:
        while os.read(0, 4096):
            pass
        stopping.set()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def wait_for_flag(path: Path) -> FlagFile | None:
    """The engine makes the file at its first start; None when told to stop before."""
    while not stopping.is_set():
        found = FlagFile.find(path)
        if found is not None:
            return found
        stopping.wait(STAMP_NS / 1e9)
    return None


def guard_of(places: Places, flag: FlagFile) -> Guard:
    """Everything wired."""
    return Guard(
        flag=flag,
        route=CancelRoute(places.cancel),
        journal=JournalReader(
            folder=places.state / "journal", witness=Witness(folder=places.witness)
        ),
        pulse=Pulse(limit_ns=places.heartbeat_ns, quiet_ns=places.silence_ns),
        code=trading_hash(),
        processes=places.state / "processes.json",
        report=places.state / "watchdog.json",
    )


def run(guard: Guard) -> None:
    """Stamp and glance every 50 ms, look every 250 ms (at once while there is more to read)."""
    look_at = report_at = 0
    while not stopping.is_set():
        now = time.monotonic_ns()
        guard.flag.stamp(now)
        if now >= look_at:
            look_at = now + LOOK_NS
            guard.watch_engine(now, time.time_ns())
            guard.flag.stamp(time.monotonic_ns())
            guard.look(time.monotonic_ns(), time.time_ns())
            if not guard.is_caught_up and not guard.blind:
                look_at = 0
        else:
            guard.glance(now, time.time_ns())
        if now >= report_at:
            report_at = now + REPORT_NS
            guard.write(time.time_ns())
        spent = time.monotonic_ns() - now
        if look_at:
            stopping.wait(max(STAMP_NS - spent, 1_000_000) / 1e9)


def main() -> int:
    """Watch until told to stop."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stopping.set())
    signal.signal(signal.SIGINT, lambda _signal, _frame: stopping.set())
    end_with_supervisor()
    places = Places.from_environment()
    flag = wait_for_flag(places.state / "kill.flag")
    if flag is None:
        return 0
    guard = guard_of(places, flag)
    run(guard)
    guard.write(time.time_ns())
    guard.route.close()
    guard.journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
