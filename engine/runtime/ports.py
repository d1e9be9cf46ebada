"""What the loop needs from outside, as Protocols; ``compose`` decides who keeps them."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.core.sight import LoadedModel
from engine.domain.events import Entry
from engine.domain.incidents import Happening
from engine.domain.instrument import Instrument, Session
from engine.domain.units import Nanos
from engine.domain.venue import Venue as Places
from engine.runtime.reconcile import VenueBooks


class VenueSilent(Exception):
    """The venue has not answered: what was sent is unknown until it is asked again."""

    closes = "venue: the exchange does not answer"  # the gate, as "rule: sentence"


class VersionDiffers(VenueSilent):
    """The venue runs other code: nothing is sent to it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.closes = f"version: {sentence}"


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


class Venue(Protocol):
    """A market that moves when it is told to. Everything else may raise ``VenueSilent``."""

    @property
    def venues(self) -> tuple[Places, ...]:
        """Where orders may go, as the last ``hello`` said; index = place in records."""

    def hello(
        self, session: Session, instruments: tuple[Instrument, ...], seed: int, epoch: int
    ) -> Nanos:
        """Open or re-open the day; the venue's own time comes back."""

    def advance(
        self, to_ns: Nanos, messages: NDArray[np.void], tags: dict[str, dict[str, str]]
    ) -> Advanced:
        """Deliver messages, then move; ``to_ns`` may be now."""

    def ping(self) -> Nanos:
        """Say that the desk is alive while the market stands."""

    def queues(self) -> dict[int, int]:
        """Shares before each own resting order, by child; for screens."""

    def incident(self, incident: Happening) -> Nanos:
        """Let something happen to the market, for a drill; when it began. Refused if it cannot."""

    def books(self, since: int = 0, *, whole: bool = True) -> tuple[NDArray[np.void], VenueBooks]:
        """Every REPORT of the day after the first ``since``, and what it knows of our orders.

        whole : asked for everything anew; else what it told before may stand where it is unchanged.
        """


class Days(Protocol):
    """What the next simulated or recorded day looks like."""

    def next_day(self, after: str) -> tuple[Session, tuple[Instrument, ...], str, int]: ...


class Models(Protocol):
    """Models on disk, by id."""

    def load(self, model_id: str) -> LoadedModel:
        """Raises Refused when it is missing or damaged."""
