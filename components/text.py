"""Numbers for humans. ``assets/base_format.js`` formats live cells by the same rules and names.

Undefined (None, NaN, infinity) is always "-", never 0. The minus sign is the true one.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final
from zoneinfo import ZoneInfo

MINUS: Final = "\u2212"
NONE: Final = "-"
WIDE: Final = Context(prec=400)  # any float fits
ABSURD_BPS: Final = 10_000.0  # a cost beyond the whole notional is an error, not a number

Number = float | int | None


def _defined(value: Number) -> bool:
    return value is not None and math.isfinite(value)


def _true_minus(text: str) -> str:
    return text.replace("-", MINUS)


def number(value: Number, decimals: int = 0) -> str:
    """``12,400``; halves of the written decimal go to the even neighbour, as in the browser."""
    if value is None or not _defined(value):
        return NONE
    step = Decimal(1).scaleb(-decimals)
    exact = Decimal(value) if isinstance(value, int) else Decimal(repr(float(value)))
    text = f"{exact.quantize(step, ROUND_HALF_EVEN, WIDE):,f}"
    return _true_minus(text) if float(text.replace(",", "")) != 0 else text.lstrip("-")


def shares(value: Number) -> str:
    """``12,400 sh``"""
    return NONE if not _defined(value) else f"{number(value)} sh"


def signed(value: Number, decimals: int = 2) -> str:
    """``+0.62`` or ``−0.41``; zero has no sign."""
    if value is None or not _defined(value):
        return NONE
    text = number(value, decimals)
    return text if text.startswith(MINUS) or float(text.replace(",", "")) == 0 else f"+{text}"


def bps(value: Number) -> str:
    """``+0.62``: basis points, positive = cost; the absurd is named, not shown."""
    if value is not None and _defined(value) and abs(value) > ABSURD_BPS:
        return "absurd"
    return signed(value, 2)


def bps_ci(value: Number, half_width: Number, n: int) -> str:
    """``+0.82 ± 2.10 bp, n = 40``"""
    if not _defined(value) or not _defined(half_width):
        return f"not enough data, n = {n}"
    return f"{bps(value)} ± {number(half_width, 2)} bp, n = {number(n)}"


def percent(value: Number, decimals: int = 1) -> str:
    """A fraction as ``12.1%``."""
    return NONE if value is None or not _defined(value) else f"{number(value * 100, decimals)}%"


def money(value: Number) -> str:
    """``120.4M``: notional, short."""
    if value is None or not _defined(value):
        return NONE
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{number(value / limit, 1)}{unit}"
    return number(value, 0)


def money_in(value: Number, currencies: Sequence[str]) -> str:
    """``120.4M USD``; a sum over several currencies is none and is not shown."""
    if len(currencies) > 1:
        return f"{NONE} ({', '.join(currencies)})"
    return " ".join([money(value), *currencies]) if money(value) != NONE else NONE


def price(ticks: Number, tick_size: float) -> str:
    """A price in ticks with as many decimals as the tick needs."""
    if ticks is None or not _defined(ticks):
        return NONE
    decimals = max(0, -math.floor(math.log10(tick_size) + 1e-9))
    if round(tick_size * 10**decimals) / 10**decimals != tick_size:
        decimals += 1
    return number(ticks * tick_size, decimals)


AGES: Final = (
    (60_000.0, 1_000.0, "s", 1),
    (3_600_000.0, 60_000.0, "min", 0),
    (86_400_000.0, 3_600_000.0, "h", 1),
    (math.inf, 86_400_000.0, "d", 1),
)


def age(ms: Number) -> str:
    """``0.2 s``, ``3 min``, ``1.5 h``; the argument in milliseconds."""
    if ms is None or not _defined(ms):
        return NONE
    value = max(0.0, ms)
    for limit, unit, name, decimals in AGES:
        if value < limit:
            return f"{number(value / unit, decimals)} {name}"
    return NONE


def clock(at_ns: int | None, zone: str = "UTC", *, ms: bool = False) -> str:
    """``10:36:41`` in a zone; the label of the zone stands once, in the header or the title."""
    if at_ns is None or at_ns <= 0:
        return NONE
    when = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).astimezone(ZoneInfo(zone))
    fraction = f".{at_ns // 1_000_000 % 1000:03d}" if ms else ""
    return when.strftime("%H:%M:%S") + fraction


def when(at_ns: int | None, zone: str = "UTC") -> str:
    """``2026-11-21 10:36:41.217 EST``: for tooltips."""
    if at_ns is None or at_ns <= 0:
        return NONE
    moment = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).astimezone(ZoneInfo(zone))
    return f"{moment:%Y-%m-%d} {clock(at_ns, zone, ms=True)} {moment:%Z}"


def side(value: int | None) -> str:
    """Side as text and shape, for colour alone is not enough."""
    return {1: "BUY \u25b2", -1: "SELL \u25bc"}.get(value or 0, NONE)


def plain(value: object) -> str:
    """Text as it is; undefined as a dash."""
    return NONE if value is None or value == "" else str(value)


FORMATS: Final[Mapping[str, Callable[..., str]]] = {
    "text": plain,
    "int": number,
    "shares": shares,
    "signed": signed,
    "bps": bps,
    "percent": percent,
    "money": money,
    "age": age,
    "side": side,
}
