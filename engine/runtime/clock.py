"""The door of time. Wall time for stamps, monotonic time for waits and leases.

All processes of a desk keep one time: monotonic, with the offset to the wall that the supervisor
measured when the desk started. A wall clock that somebody sets meanwhile moves nothing here (no
command is late by it, nobody's login ends); how far it stands from the desk's time is ``step_ns``.
"""

import os
import time
from pathlib import Path
from typing import Protocol, Self

from engine.domain.units import Nanos
from engine.lifeline import OFFSET, boot


class Clock(Protocol):
    """Two clocks; nothing else in the engine reads time."""

    def wall_ns(self) -> Nanos: ...

    def mono_ns(self) -> Nanos: ...

    def step_ns(self) -> int:
        """How far the machine's wall clock stands ahead of the desk's time. [ns]"""


class SystemClock:
    """The clocks of this machine, on the time of the desk that started this process."""

    def __init__(self, offset_ns: int | None = None) -> None:
        given = os.environ.get(OFFSET, "") if offset_ns is None else str(offset_ns)
        measured = time.time_ns() - time.monotonic_ns()
        self._offset = int(given) if given.lstrip("-").isdigit() else measured

    @classmethod
    def of(cls, path: Path) -> Self:
        """The time of the desk whose supervisor keeps this file; ours when there is none.

        A file from before a reboot says nothing: the monotonic clock began anew.
        """
        lines = path.read_text(encoding="utf-8").split() if path.exists() else []
        return cls(int(lines[0])) if len(lines) == 2 and lines[1] == boot() else cls()

    def wall_ns(self) -> Nanos:
        return Nanos(time.monotonic_ns() + self._offset)

    def mono_ns(self) -> Nanos:
        return Nanos(time.monotonic_ns())

    def step_ns(self) -> int:
        return time.time_ns() - time.monotonic_ns() - self._offset


class HandClock:
    """A clock moved by hand: replay, past days, tests."""

    def __init__(self, wall_ns: int = 0) -> None:
        self.now = Nanos(wall_ns)
        self.step = 0

    def wall_ns(self) -> Nanos:
        return self.now

    def mono_ns(self) -> Nanos:
        return self.now

    def step_ns(self) -> int:
        return self.step
