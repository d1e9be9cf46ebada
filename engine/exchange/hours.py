"""The regular session of a day: 09:30 to 16:00 New York, simulated and recorded alike."""

from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from engine.domain.instrument import Session
from engine.domain.units import SECOND, Nanos

ZONE: Final = "America/New_York"
HOURS: Final = (time(9, 30), time(16, 0))


def session_of(day: str) -> Session:
    """The regular session of a day in UTC ns."""
    opened, closed = (
        Nanos(
            int(datetime.combine(date.fromisoformat(day), at, ZoneInfo(ZONE)).timestamp()) * SECOND
        )
        for at in HOURS
    )
    return Session(day=day, open_at=opened, close_at=closed, zone=ZONE)
