"""LOBSTER rows, one at a time: with the order-book file each message must explain the next book.

What an order had left, and that it has not ended, is known for the orders that the file submits;
ids from before the file, or from outside the window, are normal there and noted.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import islice
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

BULK: Final = 128  # book rows that are read at once
FAR_ID: Final = 10_000_000  # ids count up; an order outside the window is at most so far ahead
LOST: Final = 3  # messages one after another that explain nothing: the two files are out of step
AHEAD: Final = 256  # book rows that are searched for the place of a message
MOST_SEARCHES: Final = 500  # then only every MOST_SEARCHES-th message is searched for
MOST_LIVE: Final = 200_000  # orders that are followed at a time
MOST_GONE: Final = 50_000  # ended orders that are remembered
TYPES: Final = {
    l3.ADD: kernel.SUBMITTED, l3.REDUCE: kernel.REDUCED, l3.DELETE: kernel.DELETED,
    l3.FILL: kernel.EXECUTED, l3.HIDDEN_TRADE: kernel.HIDDEN, l3.CROSS_TRADE: kernel.CROSS,
}  # fmt: skip

MOVES: Final = (l3.ADD, l3.REDUCE, l3.DELETE, l3.FILL)

Ints = NDArray[np.int64]


class KnownOrders:
    """What each order in the messages has left."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.live: OrderedDict[int, int] = OrderedDict()  # id -> size left
        self.gone: OrderedDict[int, int] = OrderedDict()  # id -> row that ended it
        self.highest = 0  # id submitted so far

    def judge(self, event: Event) -> None:
        """One message, before it acts."""
        if event.kind == l3.ADD:
            if event.order in self.live or event.order in self.gone:
                raise BadRow("submits an order id that was submitted before", rule=DUPLICATE)
            self._keep(self.live, event.order, event.size, MOST_LIVE)
            self.highest = max(self.highest, event.order)
        elif event.kind in (l3.REDUCE, l3.DELETE, l3.FILL):
            self._less(event)

    def _less(self, event: Event) -> None:
        """Shares leave an order."""
        left = self.live.get(event.order)
        if left is None:
            if event.order in self.gone:
                words = f"its order ended at row {self.gone[event.order]}"
                raise BadRow(words, rule=UNKNOWN_ID)
            if self.highest and event.order > self.highest + max(self.highest, FAR_ID):
                raise BadRow("its id lies far beyond every id submitted so far", rule=UNKNOWN_ID)
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
        row = np.array([_cell(cell) for cell in cells], dtype=np.int64)
    except ValueError:
        raise BadRow("a book row must hold whole numbers only") from None
    fault = fault_of(row.reshape(1, -1))
    if fault:
        raise BadRow(fault)
    return row


def _cell(text: str) -> int:
    """A whole number in plain digits."""
    digits = text[1:] if text.startswith("-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > kernel.MOST_DIGITS:
        raise ValueError(text)
    return int(text)


def fault_of(rows: Ints) -> str:
    """What is wrong with some of these book rows, "" = nothing."""
    for column, side in ((0, -1), (2, 1)):
        prices, sizes = rows[:, column::4], rows[:, column + 1 :: 4]
        unused = prices == -side * kernel.DUMMY
        if (~unused & ((prices < 1) | (prices >= kernel.DUMMY))).any():
            return f"a price must be 1 to {kernel.DUMMY - 1} or {-side * kernel.DUMMY}"
        if np.where(unused, sizes != 0, sizes < 1).any():
            return "a size must be 1 or more, 0 at an unused level"
        worse = unused[:, 1:] | (~unused[:, :-1] & (side * np.diff(prices, axis=1) < 0))
        if not worse.all():
            return "each level must be worse than the one before it"
    return ""


def book_rows(chunk: list[Line], width: int) -> list[Ints | None] | None:
    """Many rows at once; None when one of them is not sound, or none tells the width."""
    if not width or any(line.is_long for line in chunk):
        return None
    text = np.frombuffer(b"\n".join(line.raw for line in chunk), dtype=np.uint8)
    table = np.empty((len(chunk), width), dtype=np.int64)
    read, fault, _, _ = kernel.parse(text, 0, table)
    if fault != kernel.OK or read != len(chunk) or fault_of(table):
        return None
    return list(table)


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
        self.ahead: deque[tuple[Line, Ints | None]] = deque()
        self.halted = False
        self.adopted = 0
        self.exact = 0
        self.lost = 0  # messages one after another that explained nothing
        self.searches = 0

    def _row(self, depth: int) -> Ints | None:
        """The book row ``depth`` rows ahead; a bad one counts as none, once."""
        while len(self.ahead) <= depth:
            chunk = list(islice(self.rows, BULK if self.width else 1))
            if not chunk:
                return None
            read = book_rows(chunk, self.width)
            if read is None:
                read = [self._read(line) for line in chunk]
            self.ahead.extend(zip(chunk, read, strict=True))
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
            self._seed(row)

    def _explains(self, before: Ints | None, message: Ints, after: Ints | None) -> int:
        """Whether the message makes one book of the other: 0 no, 1 yes, 2 with an adoption."""
        if before is None or after is None:
            return 0
        out = np.empty_like(after)
        adopted = kernel.predict(before, message, after, out)
        return 1 + adopted if adopted >= 0 and kernel.same(out, after) else 0

    def _seed(self, row: Ints | None) -> None:
        """The book is taken as its file has it."""
        self.ahead.popleft()
        self.now = row

    def take(self, event: Event, following: Event | None) -> None:
        """One message against its book row; BadRow when it does not explain it."""
        message, row = message_row(event), self._row(0)
        if event.kind in (l3.HALTED, l3.QUOTING, l3.TRADING):
            self.halted = event.kind != l3.TRADING
        if not self.ahead:
            raise BadRow("the order-book file has no row for this message", rule=EXTRA)
        if row is None:
            self._seed(None)
            raise BadRow("its row of the order book cannot be read", rule=TRANSITION)
        if self.now is None:
            self._seed(row)
            return
        found = self._explains(self.now, message, row)
        if found:
            self._seed(row)
            self.lost = 0
            self.exact += 1
            self.adopted += found - 1
            self._crossed(event)
        elif self.lost >= LOST:
            self._search(event, following)
        else:
            self._unexplained(event, row, following)

    def _search(self, event: Event, following: Event | None) -> None:
        """Out of step: where among the rows ahead do this message and the next belong together?

        Until a place is found the book stays where it is, so that messages may catch up with it.
        """
        self.searches += 1
        rare = self.searches > MOST_SEARCHES and self.searches % MOST_SEARCHES
        skipped = 0 if rare or following is None else self._place(event, following)
        if not skipped:
            words = "the order book is out of step with the messages here"
            raise BadRow(words, rule=TRANSITION)
        for _ in range(skipped):
            self._seed(self.ahead[0][1])
        words = f"in step again; {skipped} rows of the order book belong to no message"
        self.ledger.add(REPAIRED, TRANSITION, event.row, words)
        self._seed(self.ahead[0][1])
        self.lost = 0
        self.exact += 1

    def _place(self, event: Event, following: Event) -> int:
        """How many book rows to leave out before two messages explain two steps; 0 = no place."""
        if event.kind not in MOVES or following.kind not in MOVES:
            return 0  # what leaves the book as it is fits everywhere
        one, two = message_row(event), message_row(following)
        for skipped in range(1, AHEAD):
            before, after = self._row(skipped - 1), self._row(skipped)
            if self._explains(before, one, after):
                further = self._row(skipped + 1)
                if self._explains(after, two, further):
                    return skipped
        return 0

    def _crossed(self, event: Event) -> None:
        """Bid at or over ask, unless the symbol is halted."""
        now = self.now
        if now is None or not now.size or self.halted or not event.flags & l3.CONTINUOUS:
            return
        if now[2] >= now[0]:
            words = f"bid {now[2] / 1e4:g} at or over ask {now[0] / 1e4:g}"
            raise BadRow(f"{words} while trading is continuous", rule=CROSSED)

    def _unexplained(self, event: Event, row: Ints, following: Event | None) -> None:
        """Which of the two files has a row too many, or that neither explains the other."""
        message, further = message_row(event), self._row(1)
        after = None if following is None else message_row(following)
        if after is not None and self._explains(self.now, after, row):
            raise BadRow("the book moves on without this message", rule=EXTRA)
        if self._explains(self.now, message, further) or self._explains(row, message, further):
            line = self.ahead[0][0]
            words = "order book: a row that belongs to no message"
            self.ledger.add(QUARANTINED, EXTRA, line.row, words)
            self.ahead.popleft()
            self._seed(further)
            self.exact += 1
            return
        self._seed(row)
        self.lost += 1
        self.ledger.add(REPAIRED, TRANSITION, event.row, "the book is taken from its file")
        raise BadRow("does not turn the book before it into the book after it", rule=TRANSITION)

    def end(self) -> None:
        """Book rows that no message belongs to."""
        rest = len(self.ahead) + sum(1 for _ in self.rows)
        if rest:
            words = f"the order-book file has {rest} rows more than there are messages"
            self.ledger.add(QUARANTINED, EXTRA, -1, words)
