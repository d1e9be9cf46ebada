"""Recorded market days in the LOBSTER format: a message file and an order-book file.

Both are comma-separated without a header, plain, gzipped or in a zip (one zip may hold both; the
member is chosen by name). Whatever does not fit the format is ``Refused`` with file, row, column,
value and what is allowed: a bad feed is never repaired and never taken silently.
"""

import gzip
import hashlib
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date
from lzma import LZMAError
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.domain.units import Symbol
from engine.kernels import recorded as kernel

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MOST_BYTES: Final = 2 << 30  # of one unpacked file; a larger one is a zip bomb or not a day
MOST_LEVELS: Final = 200
MOST_SIZE: Final = 100_000_000  # shares of one order or level; times any price it fits int64
DAY_NS: Final = 86_400 * 1_000_000_000
COARSE_ROWS: Final = 500  # in so many rows exact stamps show at least microseconds
MESSAGE_COLUMNS: Final = ("time", "type", "order id", "size", "price", "direction")
NAMED_DAY: Final = re.compile(r"([^_/\\]+)_(\d{4}-\d{2}-\d{2})(?:_|\.|$)")
UNPACKING_FAILS: Final = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,  # encrypted
    NotImplementedError,  # a compression we lack
    zlib.error,
    LZMAError,
    zipfile.BadZipFile,
)
CELL_MUST_BE: Final = {
    kernel.NOT_A_NUMBER: "a whole number",
    kernel.EMPTY: "a whole number",
    kernel.TOO_LONG: f"a whole number of at most {kernel.MOST_DIGITS} digits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded day as it was stored: nothing dropped, nothing converted but text to integers.

    ``messages`` is (n, 6), ``book`` (n, 4 * levels) int64, as engine/kernels/recorded.py states.
    """

    symbol: Symbol  # from the file name, "" when the name holds none
    day: str  # "2012-06-21", "" when the name holds none
    files: str  # names of what was read
    levels: int
    messages: Ints
    book: Ints
    digest: str  # SHA-256 of both unpacked files, hexadecimal: csv, gz and zip give the same

    @property
    def rows(self) -> int:
        """Messages in the file."""
        return int(self.messages.shape[0])


class Readable(Protocol):
    """What zip members, gzip streams and plain files have in common."""

    def read(self, size: int, /) -> bytes: ...


class Source(NamedTuple):
    """An unpacked file and how to name it in a sentence."""

    name: str
    text: bytes


class Rule(NamedTuple):
    """What the cells of one column must be, and which rows keep it."""

    column: int
    must_be: str
    kept: Mask


def _refuse(name: str, row: int, column: str, must_be: str, was: object) -> Refused:
    """The one sentence of a bad cell; rows count from 0, lines from 1."""
    return Refused(
        f"{name}: row {row} (line {row + 1}), column {column} must be {must_be}, was {was}",
        field="replay",
    )


def _member(path: Path, archive: zipfile.ZipFile, part: str) -> zipfile.ZipInfo:
    """The file of the zip whose name says ``part``: "message" or "orderbook"."""
    inside = [one for one in archive.infolist() if not one.is_dir()]
    files = [one for one in inside if "__MACOSX" not in one.filename]
    found = [one for one in files if part in Path(one.filename).name.lower()]
    found = found or (files if len(files) == 1 else [])
    if len(found) != 1:
        held = ", ".join(one.filename[:80] for one in files[:6]) or "nothing"
        raise Refused(
            f"{path.name} must hold one file with '{part}' in its name, holds {held}",
            field="replay",
        )
    return found[0]


def _limited(path: Path, stream: Readable) -> bytes:
    """All of ``stream``, unless it unpacks to more than MOST_BYTES."""
    text = stream.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise Refused(f"{path.name} must unpack to at most {MOST_BYTES} bytes", field="replay")
    return text


def _unpack(path: Path, part: str) -> Source:
    """Open by content, not by suffix: zip, gzip or plain."""
    with path.open("rb") as raw:
        head = raw.read(4)
        raw.seek(0)
        if head[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=raw) as packed:
                return Source(path.name, _limited(path, packed))
        if head != b"PK\x03\x04":
            return Source(path.name, _limited(path, raw))
        with zipfile.ZipFile(raw) as archive:
            member = _member(path, archive, part)
            with archive.open(member) as inside:
                name = f"{path.name}/{Path(member.filename).name}"
                return Source(name, _limited(path, inside))


def unpack(path: Path, part: str) -> Source:
    """The text of the ``part`` ("message", "orderbook") in ``path``; Refused when it has none."""
    try:
        return _unpack(path, part)
    except UNPACKING_FAILS as why:
        raise Refused(f"{path} cannot be read: {why}", field="replay") from why


def _first_columns(source: Source) -> int:
    """Columns of the first line."""
    if not source.text:
        raise Refused(f"{source.name} must hold at least one row, is empty", field="replay")
    end = source.text.find(b"\n")
    return source.text.count(b",", 0, end if end >= 0 else len(source.text)) + 1


def _line(source: Source, row: int) -> list[str]:
    """The cells of one row as they are written."""
    at = 0
    for _ in range(row):
        at = source.text.find(b"\n", at) + 1
    end = source.text.find(b"\n", at)
    line = source.text[at : end if end >= 0 else len(source.text)]
    return line.rstrip(b"\r").decode("utf-8", "backslashreplace").split(",")


def _bad_cell(source: Source, names: tuple[str, ...], row: int, fault: int, column: int) -> Refused:
    """What parse() met, as a sentence."""
    cells = _line(source, row)
    if fault in (kernel.TOO_FEW, kernel.TOO_MANY):
        return Refused(
            f"{source.name}: row {row} (line {row + 1}) must have {len(names)} columns, "
            f"has {len(cells) if cells != [''] else 0}",
            field="replay",
        )
    must_be = CELL_MUST_BE[fault]
    if names[column] == "time":
        must_be = f"seconds after midnight with at most {kernel.MOST_DECIMALS} decimals"
    was = repr(cells[column][:40]) if cells[column] else "empty"
    return _refuse(source.name, row, f"{column + 1} ({names[column]})", must_be, was)


def _table(source: Source, names: tuple[str, ...]) -> tuple[Ints, int]:
    """All rows as int64 and the most decimals of a time."""
    text = np.frombuffer(source.text, dtype=np.uint8)
    lines = source.text.count(b"\n") + (not source.text.endswith(b"\n"))
    out = np.empty((lines, len(names)), dtype=np.int64)
    row, fault, column, decimals = kernel.parse(text, int(names[0] == "time"), out)
    if fault != kernel.OK:
        raise _bad_cell(source, names, row, fault, column)
    return out, decimals


def _keep(source: Source, table: Ints, names: tuple[str, ...], rules: list[Rule]) -> None:
    """Refuse the first row that breaks a rule; within a row the first rule of the list speaks."""
    firsts = [int(np.argmin(rule.kept)) if not rule.kept.all() else len(table) for rule in rules]
    row = min(firsts)
    if row == len(table):
        return
    rule = rules[firsts.index(row)]
    was = _line(source, row)[rule.column]
    shown = f"{rule.column + 1} ({names[rule.column]})"
    raise _refuse(source.name, row, shown, rule.must_be, was)


def _message_rules(table: Ints) -> list[Rule]:
    """What each column of the message file may hold."""
    time, kind, order = table[:, kernel.TIME], table[:, kernel.TYPE], table[:, kernel.ID]
    size, price, side = table[:, kernel.SIZE], table[:, kernel.PRICE], table[:, kernel.SIDE]
    halt = kind == kernel.HALT
    not_back = np.concatenate((np.ones(1, dtype=np.bool_), time[1:] >= time[:-1]))
    return [
        Rule(kernel.TIME, "within the day, 0 to 86400 s", (time >= 0) & (time <= DAY_NS)),
        Rule(kernel.TIME, "at or after the time of the row before", not_back),
        Rule(kernel.TYPE, "a type 1 to 7", (kind >= 1) & (kind <= 7)),
        Rule(kernel.ID, "an order id >= 1 (types 1 to 4)", (order >= 1) | (kind >= kernel.HIDDEN)),
        Rule(kernel.ID, "an id >= -1 (types 5 to 7)", order >= -1),
        Rule(kernel.SIZE, "a size >= 1 (types 1 to 6)", halt | (size >= 1)),
        Rule(kernel.SIZE, "0 in a trading halt (type 7)", ~halt | (size == 0)),
        Rule(kernel.SIZE, f"a size of at most {MOST_SIZE}", size <= MOST_SIZE),
        Rule(
            kernel.PRICE,
            f"a price 1 to {kernel.DUMMY - 1} (1/10,000)",
            halt | ((price >= 1) & (price < kernel.DUMMY)),
        ),
        Rule(
            kernel.PRICE,
            "-1 halt, 0 quoting or 1 trading resumes (type 7)",
            ~halt | (np.abs(price) <= 1),
        ),
        Rule(kernel.SIDE, "1 (buy) or -1 (sell)", (side == 1) | (side == -1)),
    ]


def halted_rows(messages: Ints) -> Mask:
    """Which rows lie in a trading halt: from type 7, price -1 or 0, until price 1."""
    last = np.where(messages[:, kernel.TYPE] == kernel.HALT, np.arange(len(messages)), -1)
    last = np.maximum.accumulate(last)
    halted: Mask = (last >= 0) & (messages[last, kernel.PRICE] < 1)
    return halted


def _book_rules(table: Ints, halted: Mask) -> list[Rule]:
    """Real levels before unused ones, each worse than the one before; never locked or crossed."""
    rules: list[Rule] = []
    levels = table.shape[1] // 4
    for column in range(0, table.shape[1], 2):
        price, size = table[:, column], table[:, column + 1]
        sign = 1 if column % 4 == 0 else -1  # asks rise, bids fall
        unused = price == sign * kernel.DUMMY
        rules.append(
            Rule(
                column,
                f"a price 1 to {kernel.DUMMY - 1} or {sign * kernel.DUMMY} (unused)",
                unused | ((price >= 1) & (price < kernel.DUMMY)),
            )
        )
        sized = np.where(unused, size == 0, (size >= 1) & (size <= MOST_SIZE))
        must_be = f"a size 1 to {MOST_SIZE}, or 0 at an unused level"
        rules.append(Rule(column + 1, must_be, sized))
        if column >= 4:
            before = table[:, column - 4]
            unused_before = before == sign * kernel.DUMMY
            behind = np.where(unused_before, unused, sign * price > sign * before)
            rules.append(Rule(column, "worse than the level before it", behind))
    if levels:
        apart = halted | (table[:, 2] < table[:, 0])
        rules.append(Rule(2, "below the best ask (locked or crossed book)", apart))
    return rules


def book_columns(levels: int) -> tuple[str, ...]:
    """The names of the order-book columns, in file order."""
    parts = ("ask price", "ask size", "bid price", "bid size")
    return tuple(f"{part} {level + 1}" for level in range(levels) for part in parts)


def _levels_of(source: Source, levels: int | None) -> int:
    """Levels of the order-book file; Refused unless its columns and ``levels`` agree."""
    columns = _first_columns(source)
    if columns % 4 or columns > 4 * MOST_LEVELS:
        raise Refused(
            f"{source.name}: an order book must have 4 columns a level, at most {MOST_LEVELS} "
            f"levels, has {columns} columns",
            field="replay",
        )
    if levels is not None and levels != columns // 4:
        raise Refused(
            f"{source.name}: levels must be {columns // 4} (the file has {columns} columns), "
            f"was {levels}",
            field="levels",
        )
    return columns // 4


def _named(source: Source) -> tuple[str, str]:
    """Symbol and day that the file name states, or empty."""
    found = NAMED_DAY.search(source.name.rsplit("/", maxsplit=1)[-1])
    if found is None:
        return "", ""
    try:
        date.fromisoformat(found.group(2))
    except ValueError as why:
        raise Refused(f"{source.name}: the name must hold a date, {why}", field="replay") from why
    return found.group(1), found.group(2)


def _same_day(messages: Source, orderbook: Source) -> tuple[str, str]:
    """Symbol and day of both names, which must not contradict each other."""
    one, two = _named(messages), _named(orderbook)
    if all(one) and all(two) and one != two:
        raise Refused(
            f"{messages.name} and {orderbook.name} must be of the same symbol and day",
            field="replay",
        )
    return one if all(one) else two


def _read_messages(source: Source) -> Ints:
    """The message file, checked."""
    columns = _first_columns(source)
    if columns != len(MESSAGE_COLUMNS):
        raise Refused(
            f"{source.name}: a message file must have {len(MESSAGE_COLUMNS)} columns "
            f"({', '.join(MESSAGE_COLUMNS)}), has {columns}",
            field="replay",
        )
    table, decimals = _table(source, MESSAGE_COLUMNS)
    _keep(source, table, MESSAGE_COLUMNS, _message_rules(table))
    if len(table) >= COARSE_ROWS and decimals < 6 and decimals != 3:
        raise Refused(
            f"{source.name}: column 1 (time) must be exact (milliseconds, or 6 to 9 decimals), "
            f"no stamp of {len(table)} rows has more than {decimals} decimals: a rounded copy",
            field="replay",
        )
    return table


def read_recording(messages: Path, orderbook: Path, levels: int | None = None) -> Recording:
    """Read one day; ``levels`` = None takes what the order-book columns say."""
    first, second = unpack(messages, "message"), unpack(orderbook, "orderbook")
    symbol, day = _same_day(first, second)
    rows = _read_messages(first)
    depth = _levels_of(second, levels)
    names = book_columns(depth)
    book, _ = _table(second, names)
    if len(book) != len(rows):
        raise Refused(
            f"{second.name} must have a row for each of the {len(rows)} messages, has {len(book)}",
            field="replay",
        )
    _keep(second, book, names, _book_rules(book, halted_rows(rows)))
    digest = hashlib.sha256(hashlib.sha256(first.text).digest())
    digest.update(hashlib.sha256(second.text).digest())
    return Recording(
        symbol=Symbol(symbol),
        day=day,
        files=f"{first.name} + {second.name}",
        levels=depth,
        messages=rows,
        book=book,
        digest=digest.hexdigest(),
    )
