"""The market as the rules see it: one quote per symbol, with its age."""

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.instrument import Instrument
from engine.domain.kinds import CLOSED, CONTINUOUS
from engine.domain.units import Nanos, Shares, Symbol

TRAIL_S: Final = 600  # seconds of mids that are kept at least
PRICED: Final = (
    "bid", "bid_size", "ask", "ask_size",
    "venue_bid", "venue_bid_size", "venue_ask", "venue_ask_size",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Touch and running totals of one symbol at ``at_ns``. 0 = side missing."""

    at_ns: Nanos
    bid: int  # [tick]
    ask: int
    bid_size: Shares
    ask_size: Shares
    volume: Shares  # since the open, own prints included
    notional: int  # [tick * share] since the open
    last: int

    @property
    def mid(self) -> float | None:
        """Mid, None while a side is missing or the quote is crossed. [tick]"""
        if self.bid < 1 or self.ask < 1 or self.bid > self.ask:
            return None
        return (self.bid + self.ask) / 2.0


@dataclass(slots=True)
class Trail:
    """Mids of the last ten minutes, one a second, with their running sum; exact. [tick / 2]"""

    instants: list[int] = field(default_factory=list)
    sums: list[int] = field(default_factory=list)

    def add(self, now: Nanos, twice_mid: int) -> None:
        """Take a second in; what no window reaches any more is cut off now and then."""
        if self.instants and now <= self.instants[-1]:
            return
        self.instants.append(now)
        self.sums.append((self.sums[-1] if self.sums else 0) + twice_mid)
        if len(self.instants) > 2 * TRAIL_S:
            del self.instants[:TRAIL_S], self.sums[:TRAIL_S]

    def mean(self, start: Nanos) -> float | None:
        """Mean mid of the seconds after a start; None when there is none. [tick]"""
        first = max(bisect_right(self.instants, start), 1)  # the first only opens the sum
        seconds = len(self.instants) - first
        return (self.sums[-1] - self.sums[first - 1]) / 2.0 / seconds if seconds > 0 else None


@dataclass(slots=True, kw_only=True)
class Quotes:
    """Last tick row and quote of every symbol; replaced at each advance."""

    ticks: NDArray[np.void] | None = None
    by_symbol: dict[Symbol, Quote] = field(default_factory=dict)
    places: dict[Symbol, int] = field(default_factory=dict)  # row of a symbol in ``ticks``
    venue_seen: dict[int, int] = field(default_factory=dict)  # place: last sign of life [ns]
    trails: dict[Symbol, Trail] = field(default_factory=dict)  # not journalled: empty at a start

    def update(self, instruments: tuple[Instrument, ...], ticks: NDArray[np.void]) -> None:
        """Take TICK rows in the order of the instruments."""
        self.ticks = ticks
        for index, instrument in enumerate(instruments):
            row = ticks[index]
            self.places[instrument.symbol] = index
            self.by_symbol[instrument.symbol] = Quote(
                at_ns=Nanos(int(row["at_ns"])),
                bid=int(row["bid"][0]),
                ask=int(row["ask"][0]),
                bid_size=Shares(int(row["bid_size"][0])),
                ask_size=Shares(int(row["ask_size"][0])),
                volume=Shares(int(row["volume"])),
                notional=int(row["notional"]),
                last=int(row["last"]),
            )

        if len(ticks):
            at = int(ticks["at_ns"].max())
            alive = (ticks["venue_state"] != CLOSED).any(axis=0)
            for place in np.flatnonzero(alive):
                self.venue_seen[int(place)] = at

    def remember(self, now: Nanos, symbol: Symbol) -> None:
        """Keep the mid of this second, if there is one."""
        quote = self.by_symbol.get(symbol)
        if quote is not None and quote.mid is not None:
            self.trails.setdefault(symbol, Trail()).add(now, quote.bid + quote.ask)

    def mean_mid(self, symbol: Symbol, start: Nanos) -> float | None:
        """Mean mid since a start, at most ten minutes ago; None before two seconds. [tick]"""
        trail = self.trails.get(symbol)
        return None if trail is None else trail.mean(start)

    def trusted(self, symbols: Iterable[Symbol]) -> NDArray[np.void]:
        """The ticks, with the prices of all other symbols blank: nothing is known of them."""
        assert self.ticks is not None
        wanted = {self.places[symbol] for symbol in symbols}
        if len(wanted) == len(self.ticks):
            return self.ticks
        rows = self.ticks.copy()
        for place in range(len(rows)):
            if place not in wanted:
                for name in PRICED:
                    rows[name][place] = 0
                if not math.isfinite(rows["ofi"][place]):
                    rows["ofi"][place] = 0.0  # features sum it up: no number would stay for the day
        return rows

    def row(self, symbol: Symbol) -> np.void | None:
        """The TICK row of a symbol; None before its first tick."""
        place = self.places.get(symbol)
        if self.ticks is None or place is None:
            return None
        found: np.void = self.ticks[place]
        return found

    def venue_state(self, symbol: Symbol, place: int) -> int:
        """Session state of a venue in a symbol; CLOSED before the first tick."""
        row = self.row(symbol)
        return CLOSED if row is None else int(row["venue_state"][place])

    def open_places(self, symbol: Symbol) -> int:
        """Bits of the venues that trade the symbol now."""
        row = self.row(symbol)
        if row is None:
            return 0
        return sum(1 << int(i) for i in np.flatnonzero(row["venue_state"] == CONTINUOUS))

    def get(self, symbol: Symbol) -> Quote | None:
        return self.by_symbol.get(symbol)

    def mid(self, symbol: Symbol) -> float | None:
        quote = self.by_symbol.get(symbol)
        return None if quote is None else quote.mid

    def totals(self, symbol: Symbol) -> tuple[Shares, int]:
        """Market volume and notional since the open; zeros before the first tick."""
        quote = self.by_symbol.get(symbol)
        return (Shares(0), 0) if quote is None else (quote.volume, quote.notional)
