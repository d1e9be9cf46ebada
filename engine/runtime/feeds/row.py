"""A row of a file, the desk it is read at, and what a format is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from engine.runtime.feeds.event import DAY_S, BadRow, Event, Names

Book: TypeAlias = Literal["orders", "levels", "quotes", "none"]
SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = DAY_S * SECOND_NS
MOST_ORDER: Final = 10_000_000  # contracts or coins of one order; a full level still fits int64


@dataclass(slots=True, kw_only=True)
class Desk:
    """What the rows of one file share while they are read."""

    symbol: str = ""  # of a file that names none
    midnight_ns: int = 0  # of the day, for stamps that count from it [UTC ns]
    symbols: Names = field(default_factory=Names)
    sources: Names = field(default_factory=Names)


class Row(NamedTuple):
    """One row and the desk it is read at; cells stand in the order of the format's columns."""

    number: int
    cells: Sequence[str]
    desk: Desk

    def symbol(self) -> int:
        """The number of the symbol of a file that names none in its rows."""
        return self.desk.symbols.of(self.desk.symbol)


def priced(quote: Event) -> Event:
    """A quote has a price and a size, or neither."""
    if (quote.price > 0) != (quote.size > 0):
        raise BadRow(f"a quote must have price and size or neither, had {quote.price / 1e9:g}")
    return quote


Parse: TypeAlias = Callable[[Row], list[Event]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format: how a row is read and which checks mean something for it."""

    name: str
    what: str
    columns: tuple[str, ...]
    parse: Parse
    has_header: bool = True
    is_text: bool = False  # a row is one cell, commas and all
    book: Book = "none"
    by_venue_clock: bool = False  # rows are ordered by it; else by the receiver's
    may_repeat: bool = False  # two equal rows can be two events, and nothing tells
    is_per_name: bool = False  # each symbol of each source has an order of its own
    counts_up: bool = False  # seq rises by exactly one; a gap needs a new snapshot
    has_session: bool = False  # 09:30 to 16:00 New York; else trading never stops
    crossed_grace_ns: int = 0  # how long a book may be crossed before it counts
    stale_ns: int = 300 * SECOND_NS  # silence that is worth a note
    late_ns: int = 10 * SECOND_NS  # from venue to receipt; more is noted, 0 = it says nothing
