"""Books that a feed fills while it is checked: orders, price levels, or best quotes.

``take`` gets the events of one row and gives back those that are accepted now: at once, or a
chunk of rows later. ``BadRow`` or an entry of the ledger says what must not act. Before the open,
in auctions and in halts a crossed book is legitimate; while trading is continuous, bid at or over
ask on one venue is an error.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.kernels import l3
from engine.kernels.book import Book, best_ask, best_bid, live_orders, new_book, worse_price
from engine.runtime.feeds.event import BAD_VALUE, PRICE_UNIT, BadRow, Event, Fault, pack
from engine.runtime.feeds.findings import QUARANTINED, Ledger
from engine.runtime.feeds.lines import KEPT, Line

Ints = NDArray[np.int64]

CROSSED: Final = "crossed-in-session"
UNKNOWN_ID: Final = "unknown-id"
DUPLICATE: Final = "duplicate"

CHUNK: Final = 4096  # rows between two looks of the kernel
LADDER_TICKS: Final = 1 << 17  # prices farther away are known by id, outside the book
MOST_ORDERS: Final = 1 << 17  # of both sides
MOST_LEVELS: Final = 100_000  # price levels of one book

STATUS: Final = {
    l3.UNKNOWN_ID: (UNKNOWN_ID, "acts on an order that was never announced or has ended"),
    l3.KNOWN_ID: (DUPLICATE, "announces an order that rests already"),
    l3.TOO_MUCH: (BAD_VALUE, "takes more than the order has left"),
    l3.CROSSED: (CROSSED, "its order crossed the book; it was taken out again"),
    l3.NO_ROOM: (BAD_VALUE, f"the book holds at most {MOST_ORDERS // 2} orders a side"),
}
STEPS: Final = (50, 25, 20, 10)  # a tick is one of these times a power of ten
ON_GRID: Final = 0.75  # of the prices seen lie on the tick; a few bad ones must not decide
ENOUGH_PRICES: Final = 20  # different ones
CENT: Final = PRICE_UNIT // 100
COARSE: Final = 1000 * PRICE_UNIT


@dataclass(frozen=True, slots=True, kw_only=True)
class BookState:
    """The book at the end of the file; a number that it cannot have is None."""

    orders: int | None = None
    bid_levels: int | None = None
    ask_levels: int | None = None
    best_bid: float | None = None  # [currency]
    best_ask: float | None = None
    orders_off_ladder: int | None = None  # known by id, too far away for the book
    states_checked: int  # how often the book was looked at


class FeedBook(Protocol):
    """What the check asks of a book."""

    def take(self, line: Line, events: list[Event], /) -> list[Event]: ...
    def rest(self) -> list[Event]: ...
    def end(self) -> BookState | None: ...


def price_text(billionths: int) -> str:
    """A price for a sentence."""
    return f"{billionths / PRICE_UNIT:.10g}"


class NoBook:
    """Trades and signals fill no book."""

    def take(self, _line: Line, events: list[Event], /) -> list[Event]:
        """Nothing to keep."""
        return events

    def rest(self) -> list[Event]:
        return []

    def end(self) -> BookState | None:
        return None


class QuoteBook:
    """The best quote of each venue and symbol."""

    def __init__(self) -> None:
        self.states = 0
        self.last: tuple[int, int] = (0, 0)

    def rest(self) -> list[Event]:
        return []

    def take(self, _line: Line, events: list[Event], /) -> list[Event]:
        """One row holds both sides, so it is judged by itself."""
        quotes = {event.side: event for event in events if event.kind == l3.QUOTE}
        bid, ask = quotes[1], quotes[-1]
        if ask.flags & l3.LAST:
            self.states += 1
            if ask.flags & l3.CONTINUOUS and 0 < ask.price <= bid.price:
                raise BadRow(
                    f"bid {price_text(bid.price)} at or over ask {price_text(ask.price)} "
                    f"while trading is continuous",
                    rule=CROSSED,
                )
        self.last = (bid.price, ask.price)
        return events

    def end(self) -> BookState | None:
        bid, ask = self.last
        return BookState(
            best_bid=bid / PRICE_UNIT if bid else None,
            best_ask=ask / PRICE_UNIT if ask else None,
            states_checked=self.states,
        )


class LevelBook:
    """Price levels of each symbol, set and deleted by the feed."""

    def __init__(self, distrust: Callable[[int], None]) -> None:
        self.distrust = distrust  # told of a symbol whose book is wrong
        self.sides: dict[int, dict[int, dict[int, int]]] = {}  # symbol, side, price -> size
        self.symbol = 0
        self.states = 0

    def rest(self) -> list[Event]:
        return []

    def take(self, _line: Line, events: list[Event], /) -> list[Event]:
        """One message at once; a delta that crosses the book is undone."""
        self.symbol = events[-1].symbol
        sides = self.sides.setdefault(self.symbol, {1: {}, -1: {}})
        before = {side: dict(levels) for side, levels in sides.items()}
        for event in events:
            if event.kind == l3.CLEAR:
                sides[1].clear()
                sides[-1].clear()
            elif event.size:
                sides[event.side][event.price] = event.size
            elif event.side:
                sides[event.side].pop(event.price, None)
        self.states += 1
        wrong = self._wrong(sides, is_judged=bool(events[-1].flags & l3.CONTINUOUS))
        if wrong is not None:
            self.sides[self.symbol] = before
            self.distrust(self.symbol)
            raise wrong.error()
        return events

    def _wrong(self, sides: dict[int, dict[int, int]], *, is_judged: bool) -> Fault | None:
        """What is wrong with a book."""
        if max(len(sides[1]), len(sides[-1])) > MOST_LEVELS:
            return Fault(BAD_VALUE, f"a book must have at most {MOST_LEVELS} levels a side")
        bid, ask = max(sides[1], default=0), min(sides[-1], default=0)
        if is_judged and 0 < ask <= bid:
            words = f"bid {price_text(bid)} at or over ask {price_text(ask)}"
            reason = f"{words} while trading is continuous: waits for a snapshot"
            return Fault(CROSSED, reason)
        return None

    def end(self) -> BookState | None:
        sides = self.sides.get(self.symbol)
        if sides is None:
            return None
        bid, ask = max(sides[1], default=0), min(sides[-1], default=0)
        return BookState(
            bid_levels=len(sides[1]),
            ask_levels=len(sides[-1]),
            best_bid=bid / PRICE_UNIT if bid else None,
            best_ask=ask / PRICE_UNIT if ask else None,
            states_checked=self.states,
        )


def tick_of(prices: Ints) -> int:
    """The largest usual tick on which nearly all of the prices seen lie [1e-9 of the currency].

    Few different prices say little: then a cent, or less when they need it.
    """
    seen = np.unique(prices)
    most = COARSE if seen.size >= ENOUGH_PRICES else CENT
    for power in range(12, 0, -1):
        for step in STEPS:
            tick = step * int(10 ** (power - 1))
            if tick <= most and float((seen % tick == 0).mean()) >= ON_GRID:
                return tick
    return 1


def _prices(book: Book, side: int) -> list[int]:
    """Every occupied price of a side, best first. [tick]"""
    price = best_bid(book) if side > 0 else best_ask(book)
    found = []
    while price:
        found.append(price)
        price = worse_price(book, side, price)
    return found


class OrderBook:
    """Every order by its id, on the kernel's book, a chunk of rows at a time."""

    def __init__(self, ledger: Ledger, *, tick: int = 0, grace_ns: int = 0) -> None:
        self.ledger, self.tick, self.grace_ns = ledger, tick, grace_ns
        self.told = "(stated)" if tick else "(seen in the file; --tick states another)"
        self.orders = l3.new_orders(MOST_ORDERS)
        self.sides: tuple[Book, Book] | None = None  # bids, asks
        self.rows: list[Line] = []
        self.events: list[Event] = []
        self.crossed_since = 0  # [ns], 0 = it is not crossed
        self.is_told = False  # that it is crossed
        self.states = 0

    def take(self, line: Line, events: list[Event], /) -> list[Event]:
        """Keep until the chunk is full; each row of such a feed is one event."""
        self.rows.append(replace(line, raw=line.raw[:KEPT]))
        self.events.append(events[0])
        return self.rest() if len(self.rows) >= CHUNK else []

    def _open(self, events: NDArray[np.void]) -> tuple[Book, Book]:
        """The books around the first prices."""
        prices = events["price"][np.isin(events["kind"], (l3.ADD, l3.MODIFY))]
        if not self.tick:
            self.tick = tick_of(prices) if prices.size else PRICE_UNIT
        middle = int(np.median(prices)) // self.tick if prices.size else 1
        base = max(1, middle - LADDER_TICKS // 2)
        one, two = (new_book(LADDER_TICKS, base, MOST_ORDERS // 2) for _ in range(2))
        return one, two

    def rest(self) -> list[Event]:
        """Hand the chunk to the kernel and read what became of each event."""
        if not self.rows:
            return []
        events = pack(self.events)
        bids, asks = self.sides = self.sides or self._open(events)
        placed = np.isin(events["kind"], (l3.ADD, l3.MODIFY))
        off = placed & (events["price"] % self.tick != 0)
        for i in np.flatnonzero(off):
            must_be = f"price must be a multiple of the tick {price_text(self.tick)} {self.told}"
            was = f"{must_be}, was {price_text(int(events['price'][i]))}"
            self.ledger.quarantine(self.rows[i], BAD_VALUE, was)
        kept = np.flatnonzero(~off)
        status = np.zeros(kept.size, dtype=np.int8)
        touch = np.zeros((kept.size, 2), dtype=np.int64)
        undo = int(self.grace_ns == 0)
        self.states += l3.apply_events(
            bids, asks, self.orders, events[kept], self.tick, undo, status, touch
        )
        for i in np.flatnonzero(status > l3.PARKED_FAR):
            rule, reason = STATUS[int(status[i])]
            self.ledger.quarantine(self.rows[kept[i]], rule, reason)
        self._crossings(events[kept], touch, status)
        accepted = [self.events[i] for i in kept[status <= l3.PARKED_FAR]]
        self.rows, self.events = [], []
        return accepted

    def _crossings(self, events: NDArray[np.void], touch: Ints, status: NDArray[np.int8]) -> None:
        """A book that stays crossed longer than the feed's grace is told once."""
        looked = (events["flags"] & l3.LAST != 0) & (events["flags"] & l3.CONTINUOUS != 0)
        crossed = looked & (touch[:, 0] >= touch[:, 1]) & (touch[:, 0] > 0) & (touch[:, 1] > 0)
        if not crossed.any() and not self.crossed_since:
            return
        at = np.where(events["local_ns"] > 0, events["local_ns"], events["venue_ns"])
        for i in np.flatnonzero(looked):
            if not crossed[i]:
                self.crossed_since, self.is_told = 0, False
                continue
            self.crossed_since = self.crossed_since or int(at[i])
            lasted = int(at[i]) - self.crossed_since
            if not self.is_told and lasted >= self.grace_ns and status[i] <= l3.PARKED_FAR:
                bid, ask = (price_text(int(price) * self.tick) for price in touch[i])
                words = f"bid {bid} at or over ask {ask} while trading is continuous"
                self.ledger.add(QUARANTINED, CROSSED, int(events["row"][i]), words)
                self.is_told = True

    def end(self) -> BookState | None:
        if self.sides is None:
            return None
        bids, asks = _prices(self.sides[0], 1), _prices(self.sides[1], -1)
        resting = live_orders(self.sides[0]) + live_orders(self.sides[1])
        return BookState(
            orders=resting + int(self.orders.held[1]),
            bid_levels=len(bids),
            ask_levels=len(asks),
            best_bid=bids[0] * self.tick / PRICE_UNIT if bids else None,
            best_ask=asks[0] * self.tick / PRICE_UNIT if asks else None,
            orders_off_ladder=int(self.orders.held[1]),
            states_checked=self.states,
        )
