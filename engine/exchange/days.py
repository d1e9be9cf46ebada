"""Which day comes next: the simulated calendar, or the one recorded day.

Assumption: every weekday is a trading day from 09:30 to 16:00 New York; no holidays, no half days
(docs/numbers.md).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from engine.domain.errors import Refused
from engine.domain.instrument import Instrument, Session
from engine.domain.units import SECOND, Nanos
from engine.exchange.hours import ZONE, session_of
from engine.exchange.presets import LATENCY_NS
from engine.exchange.presets import market_hash as market_hash

SATURDAY: Final = 5


def weekday_from(day: date, step: int = 1) -> date:
    """The day itself, or the nearest weekday in the direction of ``step``."""
    while day.weekday() >= SATURDAY:
        day += timedelta(days=step)
    return day


def days_before(day: str, count: int) -> tuple[str, ...]:
    """The ``count`` weekdays before a day, newest first."""
    found: list[str] = []
    at = date.fromisoformat(day)
    while len(found) < count:
        at = weekday_from(at - timedelta(days=1), -1)
        found.append(at.isoformat())
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedDays:
    """Weekday after weekday, from the day the desk first opened."""

    seed: int
    first: str
    instruments: tuple[Instrument, ...]
    words: str = ""  # what screens say of a market that is not the usual one

    def next_day(self, after: str) -> tuple[Session, tuple[Instrument, ...], str, int]:
        """Session, instruments, source for screens, seed."""
        start = date.fromisoformat(self.first)
        if after:
            start = date.fromisoformat(after) + timedelta(days=1)
        day = weekday_from(start).isoformat()
        source = f"SIM seed {self.seed} market {market_hash()}"
        if self.words:
            source = f"{self.words}, seed {self.seed}"
        return session_of(day), self.instruments, source, self.seed


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDays:
    """One recorded day, once. Read when it is opened: a desk that goes on needs no file of it."""

    messages: Path
    orderbook: Path

    def next_day(self, after: str) -> tuple[Session, tuple[Instrument, ...], str, int]:
        """The recorded day; refused a second time."""
        from engine.exchange.recorded import open_recorded

        if after:
            raise Refused(f"the recording holds {after} only: start again for another day")
        market = open_recorded(self.messages, self.orderbook, latency_ns=Nanos(LATENCY_NS))
        return market.session, market.instruments, market.source, 0


def first_day(wall_ns: int) -> str:
    """The weekday on or after today in New York."""
    today = datetime.fromtimestamp(wall_ns // SECOND, ZoneInfo(ZONE)).date()
    return weekday_from(today).isoformat()
