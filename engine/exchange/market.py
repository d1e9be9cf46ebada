"""The port that every market of the exchange process keeps: simulated, recorded.

A market moves only when it is told to (`advance`), so a slow desk slows the market and never
the other way round. The result of ``advance(a); advance(b)`` equals that of ``advance(b)``:
slicing changes nothing, because order messages act at ``sent_ns + latency`` in market time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.domain.instrument import Instrument
from engine.domain.units import Nanos
from engine.domain.venue import Venue
from engine.runtime.venues.wire import Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What happened up to and including ``at_ns``, in venue order."""

    at_ns: Nanos
    session: int  # PRE_OPEN, CONTINUOUS, CLOSED, HALTED (a recorded halt)
    reports: NDArray[np.void]  # REPORT, shape (n,)
    trades: NDArray[np.void]  # TRADE, shape (n,)
    ticks: NDArray[np.void]  # TICK, one per instrument: the market at at_ns


class Market(Protocol):
    """One trading day of some instruments."""

    @property
    def instruments(self) -> tuple[Instrument, ...]: ...

    @property
    def venues(self) -> tuple[Venue, ...]:
        """Where children can go; the place of a venue is its index in every record."""

    @property
    def open_ns(self) -> Nanos: ...

    @property
    def close_ns(self) -> Nanos: ...

    @property
    def source(self) -> str:
        """Where the market comes from, as screens show it: "SIM seed 7 ...", "REPLAY ..."."""

    def submit(self, messages: NDArray[np.void]) -> None:
        """Take MESSAGE rows; each acts at ``sent_ns + latency_ns``, never before now."""

    def advance(self, to_ns: Nanos) -> Advance:
        """Move to ``to_ns`` (clipped to the close). At the close all orders expire."""

    def queue_ahead(self, child: int) -> int | None:
        """Shares before an own resting order, at most; None = not resting, or out of view."""


class TradableMarket(Market, Protocol):
    """A market of the exchange process. One that can cut a resting order has ``shrink`` too."""

    def cancel_now(self, children: Iterable[tuple[int, int]]) -> NDArray[np.void]:
        """End these (symbol, child) at once, those on their way included; their reports."""

    def incident(self, what: Incident) -> None:
        """Let something happen from now on; Refused when it cannot."""
