"""What the loop needs from outside, as Protocols; ``compose`` decides who keeps them."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.domain.commands import Envelope
from engine.domain.events import Entry
from engine.domain.instrument import Instrument, Session
from engine.domain.units import ChildId, Nanos


class Journal(Protocol):
    """Append-only, numbered, hash-chained, durable when ``append`` returns."""

    def append(self, entries: Iterable[Entry], records: Iterable[tuple[int, bytes]]) -> None: ...

    def rotate(self, day: str) -> None: ...

    @property
    def head(self) -> tuple[int, str]: ...


class Advanced(Protocol):
    """What a venue answers to ``advance``."""

    @property
    def at_ns(self) -> Nanos: ...

    @property
    def session(self) -> int: ...

    @property
    def reports(self) -> NDArray[np.void]: ...

    @property
    def trades(self) -> NDArray[np.void]: ...

    @property
    def ticks(self) -> NDArray[np.void]: ...


class Links(Protocol):
    """Commands in, answers and live rows out."""

    def poll(self, timeout_ms: int) -> list[tuple[bytes, Envelope]]: ...

    def answer(self, route: bytes, command_id: str, refusal: str) -> None: ...

    def publish(self, topic: str, rows: object) -> None: ...


class MarketDay(Protocol):
    """What the next simulated or recorded day looks like."""

    def next_day(self, after: str) -> tuple[Session, tuple[Instrument, ...], str, int]: ...


ChildTags = dict[ChildId, dict[str, str]]
