"""LOBSTER rows, one at a time: with the order-book file each message must explain the next book.

Without the book file a message can only be held against what its order had left; ids from before
the file, or from outside the window, are normal there and noted once each.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.kernels import l3
from engine.kernels import recorded as kernel
from engine.runtime.feeds.event import BAD_VALUE, PRICE_UNIT, BadRow, Event
from engine.runtime.feeds.findings import NOTED, QUARANTINED, REPAIRED, Ledger
from engine.runtime.feeds.lines import Line
from engine.runtime.feeds.lobster import MOST_LEVELS

UNKNOWN_ID: Final = "unknown-id"
DUPLICATE: Final = "duplicate"
TRANSITION: Final = "transition"
CROSSED: Final = "crossed-in-session"
EXTRA: Final = "extra-row"

MOST_LIVE: Final = 200_000  # orders that are followed at a time
MOST_GONE: Final = 50_000  # ended orders that are remembered
TYPES: Final = {
    l3.ADD: kernel.SUBMITTED, l3.REDUCE: kernel.REDUCED, l3.DELETE: kernel.DELETED,
    l3.FILL: kernel.EXECUTED, l3.HIDDEN_TRADE: kernel.HIDDEN, l3.CROSS_TRADE: kernel.CROSS,
}  # fmt: skip

Ints = NDArray[np.int64]


class KnownOrders:
    """What each order in the messages has left."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.live: OrderedDict[int, int] = OrderedDict()  # id -> size left
        self.gone: OrderedDict[int, int] = OrderedDict()  # id -> row that ended it

    def judge(self, event: Event) -> None:
        """One message, before it acts."""
        if event.kind == l3.ADD:
            if event.order in self.live or event.order in self.gone:
                raise BadRow("submits an order id that was submitted before", rule=DUPLICATE)
            self._keep(self.live, event.order, event.size, MOST_LIVE)
        elif event.kind in (l3.REDUCE, l3.DELETE, l3.FILL):
            self._less(event)

    def _less(self, event: Event) -> None:
        """Shares leave an order."""
        left = self.live.get(event.order)
        if left is None:
            if event.order in self.gone:
                words = f"its order ended at row {self.gone[event.order]}"
                raise BadRow(words, rule=UNKNOWN_ID)
            words = "an order from before the file or outside its window"
            self.ledger.add(NOTED, UNKNOWN_ID, event.row, words)
            return
        if event.size > left:
            raise BadRow("takes more than the order has left", rule=BAD_VALUE)
        if event.size == left or event.kind == l3.DELETE:
            del self.live[event.order]
            self._keep(self.gone, event.order, event.row, MOST_GONE)
        else:
            self.live[event.order] = left - event.size

    @staticmethod
    def _keep(where: OrderedDict[int, int], key: int, value: int, most: int) -> None:
        """Remember; the oldest is forgotten first."""
        where[key] = value
        if len(where) > most:
            where.popitem(last=False)


def book_row(line: Line, width: int) -> Ints:
    """One row of the order-book file; ``width`` = 0: any. BadRow if it is none."""
    cells = line.cells()
    if len(cells) % 4 or len(cells) > 4 * MOST_LEVELS or (width and len(cells) != width):
        must_be = f"{width} columns" if width else "4 columns a level"
        raise BadRow(f"a book row must have {must_be}, has {len(cells)}")
    try:
        row = np.array([_cell(cell) for cell in cells], dtype=np.int64).reshape(-1, 4)
    except ValueError:
        raise BadRow("a book row must hold whole numbers only") from None
    _sound(row)
    return row.reshape(-1)


def _cell(text: str) -> int:
    """A whole number in plain digits."""
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > kernel.MOST_DIGITS:
        raise ValueError(text)
    return int(text)


def _sound(row: Ints) -> None:
    """Real levels before unused ones, each worse than the one before it."""
    for column, side in ((0, -1), (2, 1)):
        prices, sizes = row[:, column], row[:, column + 1]
        unused = prices == -side * kernel.DUMMY
        real = prices[~unused]
        if (real < 1).any() or (real >= kernel.DUMMY).any():
            raise BadRow(f"a price must be 1 to {kernel.DUMMY - 1} or {-side * kernel.DUMMY}")
        if ((sizes < 1) != unused).any() or (sizes[unused] != 0).any():
            raise BadRow("a size must be 1 or more, 0 at an unused level")
        if (np.diff(unused.astype(np.int8)) < 0).any() or (side * np.diff(real) >= 0).any():
            raise BadRow("each level must be worse than the one before it")


def message_row(event: Event) -> Ints:
    """The message as engine/kernels/recorded.py wants it."""
    kind = TYPES.get(event.kind, kernel.HALT)
    price = event.price // (PRICE_UNIT // 10_000)
    cells = (event.venue_ns, kind, event.order, event.size // 10**8, price, event.side)
    return np.array(cells, dtype=np.int64)


class BookFile:
    """The book rows beside the messages; a row too many in one file does not shift the rest."""

    def __init__(self, rows: Iterator[Line], ledger: Ledger) -> None:
        self.rows, self.ledger = rows, ledger
        self.width = 0
        self.now: Ints | None = None  # the book after the last message
        self.ahead: list[tuple[Line, Ints | None]] = []
        self.halted = False
        self.adopted = 0
        self.exact = 0

    def _row(self, depth: int) -> Ints | None:
        """The book row ``depth`` rows ahead; a bad one counts as none, once."""
        while len(self.ahead) <= depth:
            line = next(self.rows, None)
            if line is None:
                return None
            self.ahead.append((line, self._read(line)))
        return self.ahead[depth][1]

    def _read(self, line: Line) -> Ints | None:
        """A book row, or its fault in the ledger."""
        try:
            row = book_row(line, self.width)
        except BadRow as why:
            reason = f"order book, row {line.row}: {why}"
            self.ledger.add(QUARANTINED, why.rule, line.row, reason)
            return None
        self.width = self.width or row.size
        return row

    def skip(self) -> None:
        """The message of this row could not be read: the book is taken as it is."""
        row = self._row(0)
        if self.ahead:
            self.ahead.pop(0)
        if row is not None:
            self.now = row

    def _explains(self, message: Ints, row: Ints | None) -> int:
        """Whether the message makes this row of the book: 0 no, 1 yes, 2 with an adoption."""
        if row is None or self.now is None:
            return 0
        out = np.empty_like(row)
        adopted = kernel.predict(self.now, message, row, out)
        return 1 + adopted if adopted >= 0 and kernel.same(out, row) else 0

    def take(self, event: Event, following: Event | None) -> None:
        """One message against its book row; BadRow when it does not explain it."""
        message, row = message_row(event), self._row(0)
        if event.kind in (l3.HALTED, l3.QUOTING, l3.TRADING):
            self.halted = event.kind != l3.TRADING
        if not self.ahead:
            raise BadRow("the order-book file has no row for this message", rule=EXTRA)
        if self.now is None:
            self.ahead.pop(0)
            self.now = row
            return
        found = self._explains(message, row)
        if not found:
            self._unexplained(event, row, following)
            return
        self.ahead.pop(0)
        self.now = row
        self.exact += 1
        self.adopted += found - 1
        self._crossed(event)

    def _crossed(self, event: Event) -> None:
        """Bid at or over ask, unless the symbol is halted."""
        now = self.now
        if now is None or not now.size or self.halted or not event.flags & l3.CONTINUOUS:
            return
        if now[2] >= now[0]:
            words = f"bid {now[2] / 1e4:g} at or over ask {now[0] / 1e4:g}"
            raise BadRow(f"{words} while trading is continuous", rule=CROSSED)

    def _unexplained(self, event: Event, row: Ints | None, following: Event | None) -> None:
        """Which of the two files has a row too many, or that neither explains the other."""
        message = message_row(event)
        after = None if following is None else message_row(following)
        if after is not None and self._explains(after, row):
            raise BadRow("the book moves on without this message", rule=EXTRA)
        if self._explains(message, self._row(1)):
            line, _ = self.ahead.pop(0)
            self.ledger.add(
                QUARANTINED, EXTRA, line.row, "order book: a row that belongs to no message"
            )
            self.now = self.ahead.pop(0)[1]
            self.exact += 1
            return
        self.ahead.pop(0)
        if row is not None:
            self.now = row
            self.ledger.add(REPAIRED, TRANSITION, event.row, "the book is taken from its file")
        raise BadRow("does not turn the book before it into the book after it", rule=TRANSITION)

    def end(self) -> None:
        """Book rows that no message belongs to."""
        rest = len(self.ahead) + sum(1 for _ in self.rows)
        if rest:
            words = f"the order-book file has {rest} rows more than there are messages"
            self.ledger.add(QUARANTINED, EXTRA, -1, words)
