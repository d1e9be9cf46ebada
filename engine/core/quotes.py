"""The market as the rules see it: one quote per symbol, with its age."""

import math
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.domain.instrument import Instrument
from engine.domain.kinds import CLOSED, CONTINUOUS, VENUES
from engine.domain.units import Nanos, Shares, Symbol

TRAIL_S: Final = 600  # seconds of mids that are kept at least
PRICED: Final = (
    "bid", "bid_size", "ask", "ask_size",
    "venue_bid", "venue_bid_size", "venue_ask", "venue_ask_size",
)  # fmt: skip


SHOWN: Final = (
    "venue_bid", "venue_bid_size", "venue_ask", "venue_ask_size", "venue_volume",
)  # fmt: skip
OPEN_BITS: Final = 1 << np.arange(VENUES)


class Quote(msgspec.Struct, frozen=True, kw_only=True):
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


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What else a TICK row says of a symbol: worked out once a row, asked often."""

    session: int
    is_number: bool  # its order-flow imbalance is one
    crossed: tuple[int, ...]  # places whose own quote is crossed
    locked: tuple[int, ...]  # places that trade and bid what they offer at
    open_places: int  # bits of the venues that trade the symbol
    venue_states: list[int]
    shown: tuple[bytes, ...]  # the fields of SHOWN as they stand in the row


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
    seen: dict[Symbol, Seen] = field(default_factory=dict)
    venue_seen: dict[int, int] = field(default_factory=dict)  # place: last sign of life [ns]
    trails: dict[Symbol, Trail] = field(default_factory=dict)  # not journalled: empty at a start

    def update(self, instruments: tuple[Instrument, ...], ticks: NDArray[np.void]) -> None:
        """Take TICK rows in the order of the instruments."""
        self.ticks = ticks
        whole = ("at_ns", "volume", "notional", "last")
        best = ("bid", "ask", "bid_size", "ask_size")
        columns = [ticks[name].tolist() for name in whole]
        columns += [ticks[name][:, 0].tolist() for name in best]
        rows = zip(instruments, *columns, _seen(ticks), strict=True)
        for index, (instrument, at, volume, notional, last, *touch, seen) in enumerate(rows):
            bid, ask, bid_size, ask_size = touch
            symbol = instrument.symbol
            self.places[symbol] = index
            self.seen[symbol] = seen
            self.by_symbol[symbol] = Quote(
                at_ns=at, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size,
                volume=volume, notional=notional, last=last,
            )  # fmt: skip
        if len(ticks):
            at = max(columns[0])
            alive = (ticks["venue_state"] != CLOSED).any(axis=0)
            for place in np.flatnonzero(alive).tolist():
                self.venue_seen[place] = at

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
        seen = self.seen.get(symbol)
        return CLOSED if seen is None else seen.venue_states[place]

    def open_places(self, symbol: Symbol) -> int:
        """Bits of the venues that trade the symbol now."""
        seen = self.seen.get(symbol)
        return 0 if seen is None else seen.open_places

    def get(self, symbol: Symbol) -> Quote | None:
        return self.by_symbol.get(symbol)

    def mid(self, symbol: Symbol) -> float | None:
        quote = self.by_symbol.get(symbol)
        return None if quote is None else quote.mid

    def totals(self, symbol: Symbol) -> tuple[Shares, int]:
        """Market volume and notional since the open; zeros before the first tick."""
        quote = self.by_symbol.get(symbol)
        return (Shares(0), 0) if quote is None else (quote.volume, quote.notional)


def _seen(ticks: NDArray[np.void]) -> list[Seen]:
    """One of each row. Venues that are crossed or locked are rare, so all rows are asked first."""
    bid, ask, states = ticks["venue_bid"], ticks["venue_ask"], ticks["venue_state"]
    trades = states == CONTINUOUS
    crossed = _places((bid > ask) & (ask > 0))
    locked = _places((bid == ask) & (ask > 0) & trades)
    raw = [ticks[name].tobytes() for name in SHOWN]
    size = len(raw[0]) // len(ticks) if len(ticks) else 0
    columns = zip(
        ticks["session"].tolist(), np.isfinite(ticks["ofi"]).tolist(), crossed, locked,
        (trades @ OPEN_BITS).tolist(), states.tolist(), strict=True,
    )  # fmt: skip
    return [
        Seen(
            session=session, is_number=is_number, crossed=over, locked=equal,
            open_places=bits, venue_states=every,
            shown=tuple(field[row * size : (row + 1) * size] for field in raw),
        )
        for row, (session, is_number, over, equal, bits, every) in enumerate(columns)
    ]  # fmt: skip


def _places(found: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Where each row is true."""
    if not found.any():
        return [()] * len(found)
    return [tuple(np.flatnonzero(row).tolist()) for row in found]
