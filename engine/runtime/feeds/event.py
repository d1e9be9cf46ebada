"""The one form into which every feed is brought, and the numbers of its cells.

An ``Event`` is one row of EVENT (engine/kernels/l3.py): prices are whole billionths of the
currency, sizes whole hundred-millionths, so that cents, quarter ticks and satoshis are all exact.
A row that cannot be read is a ``BadRow``: the rule it broke and the sentence.
"""

import math
import re
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.kernels.l3 import EVENT

PRICE_DIGITS: Final = 9
SIZE_DIGITS: Final = 8
PRICE_UNIT: Final = 10**PRICE_DIGITS
SIZE_UNIT: Final = 10**SIZE_DIGITS
MOST_PRICE: Final = 9_000_000_000  # of the currency; in billionths it fits int64
MOST_SIZE: Final = 1_000_000_000  # shares, contracts or coins of one order or level
MOST_WHOLE: Final = 2**63 - 1
FIRST_NS: Final = 631_152_000 * 10**9  # 1990: no electronic feed is older
LAST_NS: Final = 4_102_444_800 * 10**9  # 2100
MOST_NAMES: Final = 10_000  # symbols or sources of one feed
MOST_SHOWN: Final = 60  # characters of a bad cell in a sentence

BAD_VALUE: Final = "bad-value"

WHOLE: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
DECIMAL: Final = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,18}))?", re.ASCII)
REAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?", re.ASCII)
STAMP: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|\+00:00)?", re.ASCII
)
UNIX_EPOCH: Final = date(1970, 1, 1).toordinal()
DAY_S: Final = 86_400


class Event(NamedTuple):
    """One thing that a feed said; the fields are those of EVENT, in its order."""

    venue_ns: int
    local_ns: int
    seq: int
    row: int
    symbol: int
    source: int
    kind: int
    side: int = 0
    flags: int = 0
    price: int = 0
    size: int = 0
    order: int = -1
    value: float = math.nan


def pack(events: list[Event]) -> NDArray[np.void]:
    """The events as one record array, for the kernels."""
    return np.array([tuple(event) for event in events], dtype=EVENT)


class BadRow(Refused):
    """A row that must not act on anything; ``rule`` names what it broke."""

    def __init__(self, sentence: str, *, rule: str = BAD_VALUE) -> None:
        super().__init__(sentence, rule=rule)


class Fault(NamedTuple):
    """A BadRow as a value. The exception itself must not be kept: it holds its frames, which hold
    the row, and only the garbage collector ends that circle.
    """

    rule: str
    reason: str

    @classmethod
    def of(cls, why: BadRow) -> "Fault":
        """What an exception said."""
        return cls(why.rule, str(why))

    def error(self) -> BadRow:
        """To be raised at once."""
        return BadRow(self.reason, rule=self.rule)


class Names:
    """Numbers for names (symbols, venues), in the order in which the feed brings them."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The number of a name; a feed that invents names without end is refused."""
        found = self.numbers.get(name)
        if found is not None:
            return found
        if len(name) > MOST_SHOWN or not name.isprintable():
            raise BadRow(f"a name must be at most {MOST_SHOWN} printable characters")
        if len(self.numbers) >= MOST_NAMES:
            raise BadRow(f"a feed must have at most {MOST_NAMES} names, {name!r} is one more")
        self.numbers[name] = len(self.numbers)
        return self.numbers[name]

    def name(self, number: int) -> str:
        """The name behind a number."""
        return list(self.numbers)[number]


def bad(column: str, must_be: str, was: str) -> BadRow:
    """The one sentence of a bad cell."""
    shown = f"'{was[:MOST_SHOWN]}'" if was else "empty"
    return BadRow(f"{column} must be {must_be}, was {shown}")


def whole(column: str, text: str, low: int, high: int = MOST_WHOLE) -> int:
    """A whole number between two bounds."""
    if not WHOLE.fullmatch(text) or not low <= int(text) <= high:
        raise bad(column, f"a whole number {low} to {high}", text)
    return int(text)


def exact(column: str, text: str, digits: int, most: int) -> int:
    """A decimal >= 0 as a whole number of 10^-digits; further digits are rounded half up."""
    found = DECIMAL.fullmatch(text)
    if found is None or found[1]:
        raise bad(column, "a decimal number >= 0", text)
    fraction = (found[3] or "")[: digits + 1].ljust(digits + 1, "0")
    value: int = (int(found[2]) * 10 ** (digits + 1) + int(fraction) + 5) // 10
    if value > most * 10**digits:
        raise bad(column, f"at most {most}", text)
    return value


def price_of(column: str, text: str, *, zero: bool = False) -> int:
    """A price [1e-9 of the currency] > 0, or >= 0."""
    value = exact(column, text, PRICE_DIGITS, MOST_PRICE)
    if value == 0 and not zero:
        raise bad(column, "a price > 0", text)
    return value


def size_of(column: str, text: str, *, zero: bool = False) -> int:
    """A size [1e-8] > 0, or >= 0."""
    value = exact(column, text, SIZE_DIGITS, MOST_SIZE)
    if value == 0 and not zero:
        raise bad(column, "a size > 0", text)
    return value


def real(column: str, text: str) -> float:
    """A finite number; NaN and infinities are words here and refused."""
    if not REAL.fullmatch(text) or not math.isfinite(float(text)):
        raise bad(column, "a finite number", text)
    return float(text)


def instant(column: str, text: str, unit_ns: int = 1) -> int:
    """An instant written as a whole number of ``unit_ns`` since 1970 [UTC ns]."""
    value = whole(column, text, 0) * unit_ns
    if not FIRST_NS <= value <= LAST_NS:
        raise bad(column, "an instant of 1990 to 2099", text)
    return value


def stamp(column: str, text: str) -> int:
    """An instant written YYYY-MM-DDTHH:MM:SS.fffffffff [UTC ns]."""
    found = STAMP.fullmatch(text)
    if found is None:
        raise bad(column, "an instant like 2018-01-02T14:30:00.125 (UTC)", text)
    try:
        days = date.fromisoformat(found[1]).toordinal() - UNIX_EPOCH
    except ValueError:
        raise bad(column, "a date that exists", text) from None
    hour, minute, second = int(found[2]), int(found[3]), int(found[4])
    if hour > 23 or minute > 59 or second > 59:
        raise bad(column, "a time that exists", text)
    seconds = days * DAY_S + hour * 3600 + minute * 60 + second
    nanos = seconds * 10**9 + int((found[5] or "").ljust(9, "0"))
    if not FIRST_NS <= nanos <= LAST_NS:
        raise bad(column, "an instant of 1990 to 2099", text)
    return nanos


def one_of(column: str, text: str, allowed: dict[str, int]) -> int:
    """The number behind one of a few words."""
    if text not in allowed:
        raise bad(column, "one of " + ", ".join(sorted(allowed)), text)
    return allowed[text]
