"""What is traded: tick, lot, usual volume, session."""

from dataclasses import dataclass
from typing import Final

from engine.domain.units import Nanos, Shares, Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One symbol of the desk. Money = ticks * shares * tick_size."""

    symbol: Symbol
    name: str
    currency: str
    tick_size: float  # currency per tick, e.g. 0.01
    lot: Shares  # board lot; odd lots only in a last child
    adv: Shares  # average daily volume
    reference_price: int  # previous close [tick]; the collar's anchor before the first quote
    spread_ticks: float  # usual spread
    daily_volatility_bps: float
    touch: Shares = Shares(0)  # mean displayed size at one side's best price, 0 = not measured


TOUCH_OF_ADV: Final = 235 / 2_000_000  # of the calibrated stock, for one that nobody has measured


def usual_touch(instrument: Instrument) -> int:
    """What usually stands at one side's best price; from the average day when not measured."""
    return instrument.touch or max(1, round(instrument.adv * TOUCH_OF_ADV))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One trading day. The worker or an admin sets it; the engine never reads a calendar."""

    day: str  # "2026-11-27"
    open_at: Nanos
    close_at: Nanos
    zone: str  # exchange zone for screens, "America/New_York"
