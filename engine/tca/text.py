"""Numbers for people in exported reports: signs, thousands, "-" for undefined."""

from engine.tca.results import Number

MINUS = "\N{MINUS SIGN}"
UNDEFINED = "-"
NANOS_A_DAY = 86_400_000_000_000


def signed(value: Number, digits: int = 2) -> str:
    """Always with a sign, thousands, true minus; what rounds to zero is +0."""
    if value is None:
        return UNDEFINED
    body = f"{abs(value):,.{digits}f}"
    is_zero = not body.strip("0.,")
    return f"{MINUS if value < 0 and not is_zero else '+'}{body}"


def shares(value: int | None) -> str:
    """Whole shares with thousands."""
    return UNDEFINED if value is None else f"{value:,d}".replace("-", MINUS)


def notional(value: Number) -> str:
    """Money in three to five figures: 120.4M, 75.0k. [currency]"""
    if value is None:
        return UNDEFINED
    sign = MINUS if value < 0 else ""
    size = abs(value)
    for limit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= limit:
            return f"{sign}{size / limit:,.1f}{letter}"
    return f"{sign}{size:,.2f}"


def price(ticks: Number, tick_size: float, more_digits: int = 0) -> str:
    """Price with the decimals of its tick, and more for an average."""
    if ticks is None:
        return UNDEFINED
    return f"{ticks * tick_size:,.{decimals(tick_size) + more_digits}f}"


def decimals(tick_size: float) -> int:
    """Decimals that a price on this grid needs: 0.01 -> 2, 0.0005 -> 4, 5 -> 0."""
    for digits in range(9):
        if abs(round(tick_size, digits) - tick_size) < 1e-12:
            return digits
    return 9


def percent(fraction: Number) -> str:
    """One decimal."""
    return UNDEFINED if fraction is None else f"{fraction * 100.0:.1f} %".replace("-", MINUS)


def horizon(nanos: int) -> str:
    """A markout horizon: 50 ms, 1 s, 5 min."""
    if nanos % 60_000_000_000 == 0 and nanos > 60_000_000_000:
        return f"{nanos // 60_000_000_000} min"
    return f"{nanos / 1e9:g} s" if nanos >= 1_000_000_000 else f"{nanos / 1e6:g} ms"


def instant(at_ns: int, offset_ns: int = 0) -> str:
    """Date and time to the millisecond, in UTC moved by the offset of a zone."""
    days, rest = divmod(at_ns + offset_ns, NANOS_A_DAY)
    millis = rest // 1_000_000
    clock = f"{millis // 3_600_000:02d}:{millis // 60_000 % 60:02d}"
    return f"{civil_date(days)} {clock}:{millis // 1000 % 60:02d}.{millis % 1000:03d}"


def civil_date(days: int) -> str:
    """Days since 1970-01-01 as a date of the proleptic Gregorian calendar.

    Source: Hinnant, chrono-compatible low-level date algorithms. Reports read no clock or zone.
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153  # March = 0
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (month <= 2)
    return f"{year:04d}-{month:02d}-{day:02d}"
