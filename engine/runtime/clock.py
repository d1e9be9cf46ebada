"""The door of time. Wall time for stamps, monotonic time for waits and leases."""

import time
from typing import Protocol

from engine.domain.units import Nanos


class Clock(Protocol):
    """Two clocks; nothing else in the engine reads time."""

    def wall_ns(self) -> Nanos: ...

    def mono_ns(self) -> Nanos: ...


class SystemClock:
    """The clocks of this machine."""

    def wall_ns(self) -> Nanos:
        return Nanos(time.time_ns())

    def mono_ns(self) -> Nanos:
        return Nanos(time.monotonic_ns())


class HandClock:
    """A clock moved by hand: replay, past days, tests."""

    def __init__(self, wall_ns: int = 0) -> None:
        self.now = Nanos(wall_ns)

    def wall_ns(self) -> Nanos:
        return self.now

    def mono_ns(self) -> Nanos:
        return self.now
