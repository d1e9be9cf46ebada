"""When trading is continuous: a crossed book is an error then, and legitimate at other times."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.domain.errors import Refused

SECOND_NS: Final = 1_000_000_000
NEW_YORK: Final = "America/New_York"
HOURS: Final = re.compile(
    r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)(?:@([\w/+-]{1,40}))?"
)


def midnight_ns(day: str, zone: str = NEW_YORK) -> int:
    """The instant at which this day begins there [UTC ns]."""
    begins = datetime.combine(date.fromisoformat(day), datetime.min.time(), ZoneInfo(zone))
    return int(begins.timestamp()) * SECOND_NS


@dataclass(slots=True, kw_only=True)
class Hours:
    """Continuous trading from ``open_s`` to ``close_s`` after midnight there, both included."""

    open_s: int
    close_s: int
    zone: str
    _day: tuple[int, int] = (0, 0)  # the day that was asked for last: its begin and end
    _open: tuple[int, int] = (0, 0)

    def is_open(self, at_ns: int) -> bool:
        """Whether an instant lies in the hours; weekends are not told apart."""
        if not self._day[0] <= at_ns < self._day[1]:
            there = datetime.fromtimestamp(at_ns // SECOND_NS, UTC).astimezone(ZoneInfo(self.zone))
            begin = midnight_ns(there.date().isoformat(), self.zone)
            end = midnight_ns((there.date() + timedelta(days=1)).isoformat(), self.zone)
            self._day = (begin, end)
            self._open = (
                begin + self.open_s * SECOND_NS,
                begin + self.close_s * SECOND_NS,
            )
        return self._open[0] <= at_ns <= self._open[1]


def new_york_day() -> Hours:
    """09:30 to 16:00 New York."""
    return Hours(open_s=34_200, close_s=57_600, zone=NEW_YORK)


def hours_of(text: str) -> Hours:
    """``HH:MM-HH:MM`` in UTC, or with ``@Zone``."""
    found = HOURS.fullmatch(text)
    if found is None:
        raise Refused(f"session must be HH:MM-HH:MM or HH:MM-HH:MM@Zone, was {text}")
    zone = found[5] or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise Refused(f"session must name a time zone, named {zone}") from None
    numbers = [int(found[i]) for i in range(1, 5)]
    start, end = numbers[0] * 3600 + numbers[1] * 60, numbers[2] * 3600 + numbers[3] * 60
    if not start < end <= 86_400:
        raise Refused(f"session must end after it begins and by 24:00, was {text}")
    return Hours(open_s=start, close_s=end, zone=zone)
