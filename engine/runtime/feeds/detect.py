"""Detectors of a feed's rows: order, repetition, silence, gaps of a counter, and clocks.

Each ``judge`` raises ``BadRow`` when the row must act on nothing, and writes what is only worth
knowing into the ledger.
"""

from typing import Final

from engine.kernels import l3
from engine.runtime.feeds.event import BadRow, Event
from engine.runtime.feeds.findings import NOTED, REPAIRED, Ledger
from engine.runtime.feeds.lines import Line
from engine.runtime.feeds.row import SECOND_NS, Format

OUT_OF_ORDER: Final = "out-of-order"
DUPLICATE: Final = "duplicate"
STALE: Final = "stale"
GAP: Final = "gap"
CLOCK: Final = "clock"

MOST_LATE: Final = 100  # rows out of order one after another; then the clock has stepped back
MOST_EQUAL: Final = 1024  # rows of one instant that are compared
EARLY_NS: Final = 1_000_000  # a venue's stamp after its receipt by more: a clock is wrong


class Order:
    """Time does not go back, no row comes twice, and silence is noticed."""

    def __init__(self, fmt: Format, ledger: Ledger, stale_ns: int) -> None:
        self.fmt, self.ledger, self.stale_ns = fmt, ledger, stale_ns
        self.last: dict[tuple[int, int], int] = {}  # latest instant of each order of its own
        self.late = 0  # rows out of order one after another
        self.same: set[int] = set()  # hashes of the rows of the latest instant

    def at(self, event: Event) -> int:
        """The stamp that orders this format."""
        return event.venue_ns if self.fmt.by_venue_clock else event.local_ns

    def judge(self, line: Line, event: Event) -> None:
        """One row, by its last event."""
        key = (event.symbol, event.source) if self.fmt.is_per_name else (0, 0)
        at, last = self.at(event), self.last.get(key, 0)
        if at < last:
            self._late(line, last - at)
        self.late = 0
        if at == last:
            self._twice(line, event)
        else:
            self.same.clear()
            if last and at - last > self.stale_ns:
                silence = (at - last) / SECOND_NS
                self.ledger.add(NOTED, STALE, line.row, f"nothing was said for {silence:,.3f} s")
        if len(self.same) < MOST_EQUAL:
            self.same.add(hash(line.raw))
        self.last[key] = at

    def _late(self, line: Line, by_ns: int) -> None:
        """A row that is stamped before the one before it; after many of them, the new time."""
        self.late += 1
        if self.late <= MOST_LATE:
            raise BadRow(
                f"its stamp is {by_ns / SECOND_NS:,.9f} s before that of an earlier row",
                rule=OUT_OF_ORDER,
            )
        words = f"the clock stepped back {by_ns / SECOND_NS:,.3f} s: the new time is taken"
        self.ledger.add(REPAIRED, CLOCK, line.row, words)

    def _twice(self, line: Line, event: Event) -> None:
        """The same text at the same instant."""
        if hash(line.raw) not in self.same:
            return
        if not self.fmt.may_repeat and event.kind != l3.HIDDEN_TRADE:
            raise BadRow("the row is there already, word for word", rule=DUPLICATE)
        words = "equal to a row of the same instant; nothing in this format tells them apart"
        self.ledger.add(NOTED, DUPLICATE, line.row, words)


class Clocks:
    """The stamp of the venue against the stamp of receipt, where both are stated."""

    def __init__(self, ledger: Ledger, late_ns: int) -> None:
        self.ledger, self.late_ns = ledger, late_ns
        self.was = 0  # -1 early, 0 sound, 1 late

    def judge(self, line: Line, event: Event) -> None:
        """Notes when the difference leaves its bounds, not at every row that follows."""
        if not event.venue_ns or not event.local_ns or event.flags & l3.SNAPSHOT:
            return
        skew = event.local_ns - event.venue_ns
        now = -1 if skew < -EARLY_NS else (1 if 0 < self.late_ns < skew else 0)
        if now != self.was and now:
            words = "after" if now < 0 else "before"
            reason = f"the venue's stamp is {abs(skew) / SECOND_NS:,.6f} s {words} the receipt"
            self.ledger.add(NOTED, CLOCK, line.row, reason)
        self.was = now


class Counter:
    """A number that rises by exactly one: after a gap nothing holds until a new snapshot."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.last: dict[int, int] = {}  # of each symbol
        self.waits: set[int] = set()  # symbols that wait for a snapshot

    def judge(self, line: Line, first: Event) -> None:
        """One message, by its first event; a snapshot starts anew."""
        symbol, seq, last = first.symbol, first.seq, self.last.get(first.symbol)
        if first.flags & l3.SNAPSHOT:
            if symbol in self.waits:
                self.ledger.add(REPAIRED, GAP, line.row, "the book is taken from a new snapshot")
            self.waits.discard(symbol)
            self.last[symbol] = seq
            return
        if last is None:
            raise BadRow("a delta before the first snapshot", rule=GAP)
        if seq <= last:
            rule = DUPLICATE if seq == last else OUT_OF_ORDER
            raise BadRow(f"number {seq} after number {last}", rule=rule)
        missing = seq - last - 1
        self.last[symbol] = seq
        if missing:
            self.waits.add(symbol)
            raise BadRow(
                f"{missing} messages are missing before number {seq}: waits for a snapshot",
                rule=GAP,
            )
        if symbol in self.waits:
            raise BadRow("after a gap, waits for a snapshot", rule=GAP)

    def distrust(self, symbol: int) -> None:
        """The book of a symbol is wrong: wait for a snapshot."""
        self.waits.add(symbol)
