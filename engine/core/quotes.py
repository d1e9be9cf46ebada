"""The market as the rules see it: one quote per symbol, with its age."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.domain.instrument import Instrument
from engine.domain.units import Nanos, Shares, Symbol


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


@dataclass(slots=True, kw_only=True)
class Quotes:
    """Last tick row and quote of every symbol; replaced at each advance."""

    ticks: NDArray[np.void] | None = None
    by_symbol: dict[Symbol, Quote] = field(default_factory=dict)

    def update(self, instruments: tuple[Instrument, ...], ticks: NDArray[np.void]) -> None:
        """Take TICK rows in the order of the instruments."""
        self.ticks = ticks
        for index, instrument in enumerate(instruments):
            row = ticks[index]
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

    def get(self, symbol: Symbol) -> Quote | None:
        return self.by_symbol.get(symbol)

    def mid(self, symbol: Symbol) -> float | None:
        quote = self.by_symbol.get(symbol)
        return None if quote is None else quote.mid

    def totals(self, symbol: Symbol) -> tuple[Shares, int]:
        """Market volume and notional since the open; zeros before the first tick."""
        quote = self.by_symbol.get(symbol)
        return (Shares(0), 0) if quote is None else (quote.volume, quote.notional)
