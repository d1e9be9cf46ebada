"""TAQ files as arrays, for cleansing: what the rules of clean.py are to judge is not judged here.

A row that cannot be read at all is left out and counted; prices of zero, corrections and other
venues are kept, because removing them is a rule's work.
"""

from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.runtime.feeds.clean import (
    Quotes,
    Session,
    Step,
    Trades,
    clean_quotes,
    clean_trades,
)
from engine.runtime.feeds.event import BadRow, Names, price_of, size_of, stamp, whole
from engine.runtime.feeds.formats import header
from engine.runtime.feeds.lines import lines
from engine.runtime.feeds.row import DAY_NS, Format
from engine.runtime.feeds.session import Hours

MOST_ROWS: Final = 5_000_000  # of one file that is cleaned: its columns are held in memory

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The readable rows of a file, column by column."""

    numbers: list[Ints]  # one array a column
    names: list[Names]  # what the numbers of the text columns stand for
    unreadable: int

    def text(self, column: int) -> NDArray[np.str_]:
        """A text column as text."""
        known = np.array(list(self.names[column].numbers) or [""], dtype=np.str_)
        return known[self.numbers[column]]


def _numbers(name: str, cell: str, names: Names) -> int:
    """One cell of a TAQ file as a number."""
    if name == "DT":
        return stamp(name, cell)
    if name in ("EX", "SYMBOL", "COND"):
        return names.of(cell)
    if name == "CORR":
        return whole(name, cell, 0, 99)
    if name in ("SIZE", "BIDSIZ", "OFRSIZ"):
        return size_of(name, cell, zero=True)
    return price_of(name, cell, zero=True)


def read_table(path: Path, fmt: Format) -> Table:
    """The columns of a TAQ file."""
    rows = lines(path)
    first = next(rows, None)
    if first is None:
        raise Refused(f"{path.name} must hold at least one row, is empty")
    where, width = header(fmt, first), len(first.cells())
    columns = [array("q") for _ in fmt.columns]
    names = [Names() for _ in fmt.columns]
    unreadable = 0
    for line in rows:
        try:
            cells = line.cells()
            if len(cells) != width:
                raise BadRow(f"a row must have {width} columns, has {len(cells)}")
            row = [
                _numbers(name, cells[at], known)
                for name, at, known in zip(fmt.columns, where, names, strict=True)
            ]
        except BadRow:
            unreadable += 1  # told by the check of the same file, with row and reason
            continue
        for column, value in zip(columns, row, strict=True):
            column.append(value)
        if len(columns[0]) > MOST_ROWS:
            raise Refused(f"{path.name} must have at most {MOST_ROWS} rows to be cleaned")
    numbers = [np.array(column, dtype=np.int64) for column in columns]
    return Table(numbers=numbers, names=names, unreadable=unreadable)


def trades_of(table: Table) -> Trades:
    """The table of a trades file; columns as in formats.py."""
    at, _, _, _, size, price, correction = table.numbers
    return Trades(
        at_ns=at,
        venue=table.text(1),
        symbol=table.text(2),
        condition=table.text(3),
        correction=correction,
        price=price,
        size=size,
    )


def quotes_of(table: Table) -> Quotes:
    """The table of a quotes file."""
    at, _, _, bid, bid_size, ask, ask_size = table.numbers
    return Quotes(
        at_ns=at,
        venue=table.text(1),
        symbol=table.text(2),
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
    )


def session_rows(at_ns: Ints, hours: Hours) -> Session:
    """Which stamps lie in the hours, and their UTC day."""
    inside = np.fromiter((hours.is_open(int(at)) for at in at_ns), dtype=np.bool_, count=at_ns.size)
    return Session(inside=inside, day=at_ns // DAY_NS)


def clean_file(
    path: Path, fmt: Format, venue: str, hours: Hours
) -> tuple[Trades | Quotes, list[Step]]:
    """Read and clean one file; the first step counts the rows that could be read."""
    if fmt.name not in ("taq-trades", "taq-quotes"):
        raise Refused("cleansing rules are known for taq-trades and taq-quotes", field="clean")
    table = read_table(path, fmt)
    session = session_rows(table.numbers[0], hours)
    if fmt.name == "taq-trades":
        return clean_trades(trades_of(table), session, venue)
    return clean_quotes(quotes_of(table), session, venue)
