"""How far each mid has moved in a minute, and how far that is beyond what is usual.

Derived from the market and not journalled: after a restart it starts empty and says nothing.
"""

import math
from collections import deque
from dataclasses import dataclass, field

from engine.core.alarms import furthest_of
from engine.domain.instrument import Instrument
from engine.domain.units import SECOND, Nanos, Symbol

WINDOW_NS = 60 * SECOND
SESSION_S = 23_400.0


@dataclass(slots=True)
class Moves:
    """Mids of the last minute by symbol; what is missing is left out. [tick]"""

    mids: dict[Symbol, deque[tuple[Nanos, float]]] = field(default_factory=dict)

    def add(self, now: Nanos, symbol: Symbol, mid: float | None) -> None:
        """Take the mid of this second in."""
        kept = self.mids.setdefault(symbol, deque())
        while kept and kept[0][0] < now - WINDOW_NS:
            kept.popleft()
        if mid is not None:
            kept.append((now, mid))

    def move(self, symbol: Symbol) -> float | None:
        """Largest move from any mid of the last minute to the newest, signed, as a fraction."""
        kept = self.mids.get(symbol)
        if not kept or len(kept) < 2:
            return None
        mids = [mid for _, mid in kept]
        return furthest_of(mids[-1], min(mids), max(mids))


def usual(instrument: Instrument) -> float:
    """Standard deviation of a minute's move, from the instrument's day. [fraction]"""
    return usual_of(instrument.daily_volatility_bps)


def usual_of(daily_volatility_bps: float) -> float:
    """The same from the daily volatility alone. [fraction]"""
    return daily_volatility_bps / 1e4 * math.sqrt(WINDOW_NS / SECOND / SESSION_S)
