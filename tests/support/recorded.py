"""Builders of recorded days: a full book of orders, seen through a window of L levels.

Times are seconds after 09:30 in nanoseconds, prices ticks; the builder writes the format's units.
"""

from typing import Any, NamedTuple

import numpy as np

from engine.domain.kinds import BUY, LIMIT, SELL
from engine.domain.market import MESSAGE
from engine.domain.units import Nanos
from engine.exchange.recorded import RecordedMarket
from engine.runtime.feeds.lobster import Recording

OPEN_NS = 34_200 * 10**9
DAY = "2012-06-21"
OPENED = 1_340_285_400 * 10**9  # 2012-06-21 09:30 New York = 13:30 UTC
DUMMY = 9_999_999_999
SECOND = 10**9


class Row(NamedTuple):
    """One message; ``price`` in ticks (a hidden one may be fractional), ``at`` ns since 09:30."""

    kind: int
    order: int
    size: int
    price: float
    side: int
    at: int


class FullBook:
    """Every order of both sides, first come first: the truth behind the window."""

    def __init__(self):
        self.queues: dict[tuple[int, int], list[list[int]]] = {}

    def prices(self, side):
        """Prices of one side, best first."""
        found = [p for s, p in self.queues if s == side and self.queues[s, p]]
        return sorted(found, key=lambda p: -side * p)

    def queue(self, side, price):
        return self.queues.setdefault((side, int(price)), [])

    def apply(self, row):
        if row.kind == 1:
            self.queue(row.side, row.price).append([row.order, row.size])
        if row.kind in (2, 3, 4):
            queue = self.queue(row.side, row.price)
            entry = next(e for e in queue if e[0] == row.order)
            entry[1] -= row.size
            if entry[1] == 0:
                queue.remove(entry)

    def shares(self, side, price):
        return sum(size for _, size in self.queue(side, price))

    def window(self, levels):
        """A book row of the format: 1/10,000 of the currency, unused levels as dummies."""
        cells = []
        for level in range(levels):
            for side in (SELL, BUY):
                prices = self.prices(side)
                if level < len(prices):
                    cells += [prices[level] * 100, self.shares(side, prices[level])]
                else:
                    cells += [-side * DUMMY, 0]
        return cells


def in_view(row, before, after):
    """Whether a window would have shown this message at all."""
    return row.kind > 4 or before != after


def a_recording(rows, levels=3, warm=()):
    """The day of these rows through ``levels`` levels; ``warm`` orders came before the file."""
    book = FullBook()
    for row in warm:
        book.apply(row)
    messages, books = [], []
    for row in rows:
        before = book.window(levels)
        book.apply(row)
        after = book.window(levels)
        if in_view(row, before, after):
            price = row.price if row.kind == 7 else round(row.price * 100)
            messages.append([OPEN_NS + row.at, row.kind, row.order, row.size, price, row.side])
            books.append(after)
    return Recording(
        symbol="TEST",
        day=DAY,
        files="crafted",
        levels=levels,
        messages=np.array(messages, dtype=np.int64).reshape(-1, 6),
        book=np.array(books, dtype=np.int64).reshape(-1, 4 * levels),
        digest="0" * 64,
    )


def add(order, size, price, side, at=0):
    return Row(1, order, size, price, side, at)


def reduce(order, size, price, side, at):
    return Row(2, order, size, price, side, at)


def delete(order, size, price, side, at):
    return Row(3, order, size, price, side, at)


def execute(order, size, price, side, at):
    return Row(4, order, size, price, side, at)


def hidden(size, price, side, at):
    return Row(5, 0, size, price, side, at)


def halt(price, at):
    return Row(7, 0, 0, price, -1, at)


def a_market(rows, levels=3, latency_ns=0, warm=()):
    return RecordedMarket(a_recording(rows, levels, warm), latency_ns=Nanos(latency_ns))


def a_message(kind, child, **values: Any):
    """One MESSAGE row; ``at`` = ns since 09:30 at which it was sent."""
    at = values.pop("at", 0)
    message = np.zeros(1, dtype=MESSAGE)
    message["kind"], message["child"], message["sent_ns"] = kind, child, OPENED + at
    message["side"], message["type"] = BUY, LIMIT
    for name, value in values.items():
        message[name] = value
    return message


def as_bytes(advances):
    """Everything that several advances said, as one comparable value."""
    reports = b"".join(one.reports.tobytes() for one in advances)
    trades = b"".join(one.trades.tobytes() for one in advances)
    return reports, trades, advances[-1].ticks.tobytes()
