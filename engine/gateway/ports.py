"""What the web needs from the rest of the desk, as small Protocols."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from engine.desk import Answer
from engine.domain.commands import Envelope
from engine.runtime.clock import Clock

__all__ = ["Answer", "Clock", "Desk", "Frames", "KillSwitch", "Questions"]


class KillSwitch(Protocol):
    """The memory-mapped kill flag (engine/runtime/kill_flag.py)."""

    @property
    def lease_ns(self) -> int:
        """When the watchdog last stamped its lease. [monotonic ns]"""
        ...

    def request(self, scope: str, target: str, by: str, *, door: str, now_ns: int) -> int:
        """Write a scope into the flag file; the new generation comes back."""
        ...


class Frames(Protocol):
    """The wire on which the engine publishes live rows."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Raw frames, in order."""
        ...


class Questions(Protocol):
    """Somebody who is asked: the worker's simulations."""

    async def ask(self, name: str, args: dict[str, Any], timeout_s: float = 2.0) -> Any:
        """The answer's body; raises as ``Desk.submit`` does."""
        ...

    def close(self) -> None:
        """Give the wire back."""
        ...


class Desk(Protocol):
    """The front door of the engine (engine/desk.py)."""

    async def submit(self, envelope: Envelope, timeout_s: float) -> Answer:
        """Send a command and wait.

        Raises Refused with the engine's sentence, ConnectionError when nothing could be sent
        (nothing will happen later), TimeoutError when it was sent and the effect is unknown.
        """
        ...

    async def ask(self, name: str, args: dict[str, Any], timeout_s: float = 2.0) -> Any:
        """A question to the engine; raises as ``submit`` does."""
        ...

    async def ask_snapshot(self, timeout_s: float) -> bool:
        """Have the engine publish all rows of every topic once; False when it did not answer."""
        ...

    def close(self) -> None:
        """Give the wire back."""
        ...
