"""``feed check``: every row of a recorded feed is accepted, or put in quarantine with a reason.

The file is streamed; whatever it holds, the process lives on and its memory stays bounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

from engine.domain.errors import Refused
from engine.kernels import l3
from engine.runtime.feeds.books import BookState, FeedBook, LevelBook, NoBook, OrderBook, QuoteBook
from engine.runtime.feeds.detect import CLOCK, Clocks, Counter, Order
from engine.runtime.feeds.event import BadRow, Event, Fault
from engine.runtime.feeds.findings import NOTED, QUARANTINED, REPAIRED, Finding, Kept, Ledger
from engine.runtime.feeds.formats import header
from engine.runtime.feeds.lines import MOST_BOOK, MOST_MESSAGE, Broken, Line, lines
from engine.runtime.feeds.lobster import COARSE_ROWS, NAMED_DAY
from engine.runtime.feeds.row import Desk, Format, Row
from engine.runtime.feeds.session import Hours, midnight_ns, new_york_day
from engine.runtime.feeds.windowed import BookFile, KnownOrders

CUT_OFF: Final = "cut-off"
EXACT_DECIMALS: Final = (3, 6, 7, 8, 9)  # of stamps that nobody rounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the person who checks may state; 0 and None = as the format says."""

    orderbook: Path | None = None
    symbol: str = ""
    tick: int = 0  # [1e-9 of the currency]
    stale_ns: int = 0
    hours: Hours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one check found; the counts are of rules."""

    format: str
    rows: int  # a header is none
    accepted: int
    in_quarantine: int
    quarantined: dict[str, int]
    repaired: dict[str, int]
    noted: dict[str, int]
    events: dict[str, int]  # of accepted rows, by kind
    first_ns: int | None  # of the accepted rows, by the clock that orders them [UTC ns]
    last_ns: int | None
    symbols: list[str]
    findings: list[Finding]
    kept: list[Kept]
    not_kept: int
    book: BookState | None
    transitions_exact: int | None  # of a LOBSTER pair
    levels_adopted: int | None
    clean: bool


class Read(NamedTuple):
    """One row, read: its events, or what was wrong."""

    line: Line
    events: list[Event]
    wrong: Fault | None


KIND_NAMES: Final = {
    getattr(l3, name): name.lower().replace("_", " ")
    for name in (
        "CLEAR", "ADD", "REDUCE", "DELETE", "MODIFY", "TRADE", "FILL", "LEVEL", "QUOTE",
        "HIDDEN_TRADE", "CROSS_TRADE", "HALTED", "QUOTING", "TRADING", "SIGNAL",
    )
}  # fmt: skip


class Check:
    """One file being checked."""

    def __init__(self, fmt: Format, desk: Desk, options: Options) -> None:
        self.fmt, self.desk, self.options = fmt, desk, options
        self.ledger = Ledger()
        self.order = Order(fmt, self.ledger, options.stale_ns or fmt.stale_ns)
        self.clocks = Clocks(self.ledger, fmt.late_ns)
        self.counter = Counter(self.ledger)
        self.hours = options.hours or (new_york_day() if fmt.has_session else None)
        self.book = self._book()
        self.known = KnownOrders(self.ledger) if fmt.name == "lobster" else None
        self.file: BookFile | None = None
        self.rows = 0
        self.has_ended = False
        self.keeps = False  # whether accepted events are kept for somebody
        self.accepted: list[Event] = []
        self.kinds: dict[int, int] = {}
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    def _book(self) -> FeedBook:
        """The book that this format fills."""
        if self.fmt.book == "orders":
            grace = self.fmt.crossed_grace_ns
            return OrderBook(self.ledger, tick=self.options.tick, grace_ns=grace)
        if self.fmt.book == "levels":
            return LevelBook(self.counter.distrust)
        return QuoteBook() if self.fmt.book == "quotes" else NoBook()

    def read(self, line: Line, columns: list[int], width: int) -> Read:
        """The events of one row."""
        try:
            cells = [line.text()] if self.fmt.is_text else line.cells()
            if len(cells) != width:
                raise BadRow(f"a row must have {width} columns, has {len(cells)}")
            chosen = [cells[i] for i in columns]
            return Read(line, self.fmt.parse(Row(line.row, chosen, self.desk)), None)
        except BadRow as why:
            return Read(line, [], Fault.of(why))

    def take(self, read: Read, following: Read | None) -> None:
        """One row: accepted, or in quarantine."""
        self.rows += 1
        try:
            if read.wrong is not None:
                if self.file is not None:
                    self.file.skip()
                raise read.wrong.error()
            self._judge(read, following)
        except BadRow as why:
            self.ledger.quarantine(read.line, why.rule, str(why))

    def _judge(self, read: Read, following: Read | None) -> None:
        """The detectors, then the book; the first that objects decides."""
        line, events = read.line, read.events
        last = events[-1]
        at = self.order.at(last)
        if self.hours is None or self.hours.is_open(at):
            events = [one._replace(flags=one.flags | l3.CONTINUOUS) for one in events]
            last = events[-1]
        self._judge_order(line, events, following)
        self.clocks.judge(line, last)
        if self.known is not None:
            self.known.judge(last)
        self._accept(self.book.take(line, events))
        if not line.is_ended:
            self.ledger.add(NOTED, CUT_OFF, line.row, "the last row has no line end")

    def _accept(self, events: list[Event]) -> None:
        """What may act."""
        if not events:
            return
        for event in events:
            self.kinds[event.kind] = self.kinds.get(event.kind, 0) + 1
        if self.first_ns is None:
            self.first_ns = self.order.at(events[0])
        self.last_ns = self.order.at(events[-1])
        if self.keeps:
            self.accepted += events

    def drain(self) -> list[Event]:
        """The events that were accepted since the last call."""
        events, self.accepted = self.accepted, []
        return events

    def end(self) -> None:
        """The file has been read: what is still waiting is decided, once."""
        if self.has_ended:
            return
        self.has_ended = True
        self._accept(self.book.rest())
        if self.file is not None:
            self.file.end()

    def _judge_order(self, line: Line, events: list[Event], following: Read | None) -> None:
        """Numbers and stamps first; the book file moves on whatever they say."""
        try:
            if self.fmt.counts_up:
                self.counter.judge(line, events[0])
            self.order.judge(line, events[-1])
        except BadRow:
            self._next_book(events, following)
            raise
        objection = self._next_book(events, following)
        if objection is not None:
            raise objection.error()

    def _next_book(self, events: list[Event], following: Read | None) -> Fault | None:
        """What the order-book file says against this message."""
        after = following.events[-1] if following and following.events else None
        try:
            if self.file is not None:
                self.file.take(events[-1], after)
        except BadRow as why:
            return Fault.of(why)
        return None

    def verdict(self) -> Verdict:
        """Everything that was found."""
        book = self.book.end()
        counts = {action: dict(sorted(c.items())) for action, c in self.ledger.counts.items()}
        return Verdict(
            format=self.fmt.name,
            rows=self.rows,
            accepted=self.rows - self.ledger.rows_out,
            in_quarantine=self.ledger.rows_out,
            quarantined=counts[QUARANTINED],
            repaired=counts[REPAIRED],
            noted=counts[NOTED],
            events={KIND_NAMES[kind]: n for kind, n in sorted(self.kinds.items())},
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            symbols=[name for name in self.desk.symbols.numbers if name],
            findings=self.ledger.first(),
            kept=self.ledger.kept,
            not_kept=self.ledger.not_kept,
            book=book,
            transitions_exact=None if self.file is None else self.file.exact,
            levels_adopted=None if self.file is None else self.file.adopted,
            clean=not counts[QUARANTINED],
        )


def desk_of(path: Path, fmt: Format, symbol: str) -> Desk:
    """Symbol and day that the name of a LOBSTER file states."""
    if fmt.name != "lobster":
        return Desk(symbol=symbol)
    named = NAMED_DAY.search(path.name)
    day = named.group(2) if named else "1970-01-01"
    try:
        midnight = midnight_ns(day)
    except ValueError as why:
        raise Refused(f"{path.name}: the name must hold a date, {why}") from why
    return Desk(symbol=symbol or (named.group(1) if named else ""), midnight_ns=midnight)


def rounded(rows: list[Line]) -> bool:
    """Whether the stamps of a LOBSTER file were rounded: such copies circulate."""
    most = 0
    for line in rows:
        seconds, dot, decimals = line.raw.partition(b",")[0].partition(b".")
        if dot and seconds.isdigit() and decimals.isdigit():
            most = max(most, len(decimals))
    return len(rows) >= COARSE_ROWS and most < EXACT_DECIMALS[-1] and most not in EXACT_DECIMALS


def _columns(fmt: Format, rows: Iterator[Line]) -> tuple[list[int], int]:
    """Where the columns stand and how many cells a row has; takes the header."""
    if not fmt.has_header:
        return list(range(len(fmt.columns))), len(fmt.columns)
    line = next(rows)
    try:
        return header(fmt, line), len(line.cells())
    except BadRow as why:
        raise Refused(f"the header cannot be read: {why}") from why


def _pairs(reads: Iterator[Read]) -> Iterator[tuple[Read, Read | None]]:
    """Each row with the one that follows."""
    now = next(reads, None)
    while now is not None:
        following = next(reads, None)
        yield now, following
        now = following


class Feed:
    """One file as a stream of accepted events; ``verdict`` says what was kept out."""

    def __init__(self, path: Path, fmt: Format, options: Options) -> None:
        """Refused when the file cannot be read at all."""
        is_lobster = fmt.name == "lobster"
        source = lines(path, "message", MOST_MESSAGE) if is_lobster else lines(path)
        first = next(source, None)
        if first is None:
            raise Refused(f"{path.name} must hold at least one row, is empty")
        self.rows = chain([first], source)
        self.columns, self.width = _columns(fmt, self.rows)
        self.check = Check(fmt, desk_of(path, fmt, options.symbol), options)
        if options.orderbook is not None:
            if not is_lobster:
                raise Refused("an order-book file belongs to format lobster", field="orderbook")
            book = lines(options.orderbook, "orderbook", MOST_BOOK)
            self.check.file = BookFile(book, self.check.ledger)

    def __iter__(self) -> Iterator[Event]:
        """The accepted events, in the order of the file; once."""
        self.check.keeps = True
        for _ in self._steps():
            yield from self.check.drain()

    def verdict(self) -> Verdict:
        """What was found; reads what nobody has read yet."""
        self.check.keeps = False
        for _ in self._steps():
            pass
        return self.check.verdict()

    def _steps(self) -> Iterator[None]:
        """Every row through the checks; a file that breaks off is read up to there."""
        check = self.check
        try:
            if check.fmt.name == "lobster" and self._rounded():
                return
            reads = (check.read(line, self.columns, self.width) for line in self.rows)
            for read, following in _pairs(reads):
                check.take(read, following)
                yield
        except Broken as why:
            check.ledger.add(QUARANTINED, CUT_OFF, check.rows - 1, str(why))
        check.end()
        yield

    def _rounded(self) -> bool:
        """Puts the whole of a rounded copy into quarantine."""
        head = list(islice(self.rows, COARSE_ROWS))
        self.rows = chain(head, self.rows)
        if not rounded(head):
            return False
        why = f"no stamp of the first {COARSE_ROWS} rows is exact: a rounded copy"
        for line in self.rows:
            self.check.rows += 1
            self.check.ledger.quarantine(line, CLOCK, why)
        return True


def check_file(path: Path, fmt: Format, options: Options) -> Verdict:
    """Check one file. Refused when it cannot be read at all."""
    return Feed(path, fmt, options).verdict()
