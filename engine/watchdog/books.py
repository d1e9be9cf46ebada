"""The watchdog's own books: what the journal says was ordered, what the exchange says it has.

Entries are read as plain JSON. Only what the checks need is kept; unknown events are passed over.
"""

import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

NEVER: Final[Mapping[int, int]] = MappingProxyType({})
RATE_WINDOW_NS = 10_000_000_000  # market clock
FILLED, BUSTED, CORRECTED = 2, 15, 16  # kinds of reports that change how much is done


@dataclass(slots=True, kw_only=True)
class Parent:
    """Quantities of one parent by the journal."""

    symbol: str
    trader: str
    strategy: str
    quantity: int
    before: int = 0  # largest quantity in force since the last look
    filled: int = 0
    leaves: int = 0
    refused: bool = False

    @property
    def most(self) -> int:
        """What may be filled and open together, a cut during this look allowed for."""
        return max(self.quantity, self.before)


@dataclass(slots=True, kw_only=True)
class Child:
    """One child by the journal."""

    parent: int
    symbol: str
    side: int
    quantity: int
    fills: dict[int, int] = field(default_factory=dict)  # exec id of the first report -> shares
    # the two are rarely needed, and a day has many children: they share empty ones
    first: Mapping[int, int] = field(default_factory=lambda: NEVER)  # a correction -> its fill
    gone: frozenset[int] = frozenset()  # exec ids that were busted
    is_live: bool = True  # no report has ended it
    wanted: int = 0  # the largest quantity that a replace of it asked for

    def root(self, exec_id: int) -> int:
        """Exec id of the fill that this one is, or corrects."""
        return self.first.get(exec_id, exec_id)

    @property
    def filled(self) -> int:
        return sum(shares for fill, shares in self.fills.items() if fill not in self.gone)

    @property
    def leaves(self) -> int:
        return max(self.quantity - self.filled, 0) if self.is_live else 0


@dataclass(slots=True)
class Journalled:
    """The day as the journal tells it."""

    day: str = ""
    is_open: bool = False
    speed: float = 0.0
    epoch: int = 0
    codes: dict[int, str] = field(default_factory=dict)  # epoch -> hash of what trades
    max_messages: int = 40
    market_ns: int = 0
    desk_ns: int = 0
    parents: dict[int, Parent] = field(default_factory=dict)
    children: dict[int, Child] = field(default_factory=dict)
    sends: dict[str, deque[int]] = field(default_factory=dict)  # symbol -> market ns of new orders
    touched: set[int] = field(default_factory=set)  # parents that changed since the last look
    entries: int = 0

    def look_begins(self) -> None:
        """Quantities cut from here on still allow what was open before."""
        for number in self.touched:
            if number in self.parents:
                self.parents[number].before = self.parents[number].quantity
        self.touched.clear()

    def fold(self, entry: dict[str, Any]) -> None:
        """One entry."""
        self.entries += 1
        self.market_ns, self.desk_ns = entry["market_ns"], entry["desk_ns"]
        event = entry["event"]
        handler = HANDLERS.get(event["event"])
        if handler is not None:
            handler(self, event)

    def clear_day(self) -> None:
        self.parents, self.children, self.sends = {}, {}, {}
        self.touched = set()

    def change(self, child_id: int, how: "Callable[[Child], None]") -> None:
        """Change a child; its parent gets the difference."""
        child = self.children.get(child_id)
        if child is None:
            return
        done, left = child.filled, child.leaves
        how(child)
        parent = self.parents.get(child.parent)
        if parent is not None:
            parent.filled += child.filled - done
            parent.leaves += child.leaves - left
            self.touched.add(child.parent)


Event = dict[str, Any]


def _started(book: Journalled, event: Event) -> None:
    book.epoch = event["epoch"]
    book.codes[book.epoch] = event["code"]


def _carried(book: Journalled, event: Event) -> None:
    _started(book, event)
    book.clear_day()
    book.is_open = False
    book.speed = event["speed"]
    book.max_messages = event["policy"]["max_messages"]


def _opened(book: Journalled, event: Event) -> None:
    book.clear_day()
    book.day, book.is_open = event["session"]["day"], True


def _closed(book: Journalled, _event: Event) -> None:
    book.is_open = False


def _speed(book: Journalled, event: Event) -> None:
    book.speed = event["speed"]


def _policy(book: Journalled, event: Event) -> None:
    book.max_messages = event["policy"]["max_messages"]


def _accepted(book: Journalled, event: Event) -> None:
    row = event["parent"]
    book.parents[row["id"]] = Parent(
        symbol=row["symbol"],
        trader=row["trader"],
        strategy=row["strategy"],
        quantity=row["quantity"],
    )


def _amended(book: Journalled, event: Event) -> None:
    parent = book.parents.get(event["parent_id"])
    if parent is not None:
        parent.before = max(parent.before, parent.quantity)
        parent.quantity = event["quantity"]
        book.touched.add(event["parent_id"])


def _turned_down(book: Journalled, event: Event) -> None:
    parent = book.parents.get(event["parent_id"])
    if parent is not None:
        parent.refused = True


def _intended(book: Journalled, event: Event) -> None:
    child = Child(
        parent=event["parent_id"],
        symbol=sys.intern(event["symbol"]),
        side=event["side"],
        quantity=event["quantity"],
    )
    book.children[event["child_id"]] = child
    book.sends.setdefault(child.symbol, deque()).append(book.market_ns)
    parent = book.parents.get(child.parent)
    if parent is not None:
        parent.leaves += child.quantity
        book.touched.add(child.parent)


def _filled(book: Journalled, event: Event) -> None:
    def how(child: Child) -> None:
        child.fills.setdefault(event["exec_id"], event["quantity"])

    book.change(event["child_id"], how)


def _busted(book: Journalled, event: Event) -> None:
    """A fill, or the last correction of one, never was."""

    def how(child: Child) -> None:
        child.gone |= {child.root(event["ref"])}

    book.change(event["child_id"], how)


def _corrected(book: Journalled, event: Event) -> None:
    def how(child: Child) -> None:
        fill = child.root(event["ref"])
        child.first = {**child.first, event["exec_id"]: fill}
        child.fills[fill] = event["quantity"]

    book.change(event["child_id"], how)


def _wanted(book: Journalled, event: Event) -> None:
    def how(child: Child) -> None:
        child.wanted = max(child.wanted, event["quantity"])

    book.change(event["child_id"], how)


def _changed(book: Journalled, event: Event) -> None:
    """Replaced by us or restated by the venue."""

    def how(child: Child) -> None:
        child.quantity = event["quantity"]

    book.change(event["child_id"], how)


def _ended(book: Journalled, event: Event) -> None:
    def how(child: Child) -> None:
        child.is_live = False

    book.change(event["child_id"], how)


def _done_for_day(book: Journalled, event: Event) -> None:
    """Over, unless it works again tomorrow."""
    if not event.get("leaves"):
        _ended(book, event)


def _send_refused(book: Journalled, event: Event) -> None:
    """It never left: it counts neither as open nor in the rate."""
    child = book.children.get(event["child_id"])
    if child is not None and book.sends.get(child.symbol):
        book.sends[child.symbol].pop()
    _ended(book, event)


HANDLERS: dict[str, Callable[[Journalled, Event], None]] = {
    "EngineStarted": _started,
    "DeskCarried": _carried,
    "SessionOpened": _opened,
    "SessionClosed": _closed,
    "SpeedSet": _speed,
    "PolicySet": _policy,
    "ParentAccepted": _accepted,
    "ParentAmended": _amended,
    "ParentTrimmed": _amended,
    "ParentResumed": _amended,
    "ParentTurnedDown": _turned_down,
    "ChildIntended": _intended,
    "ChildAdopted": _intended,
    "ChildFilled": _filled,
    "FillBusted": _busted,
    "FillCorrected": _corrected,
    "ChildReplaceIntended": _wanted,
    "ChildReplaced": _changed,
    "ChildRestated": _changed,
    "ChildDoneForDay": _done_for_day,
    "ChildSendRefused": _send_refused,
    "ChildCancelled": _ended,
    "ChildRejected": _ended,
    "ChildExpired": _ended,
    "ChildNeverArrived": _ended,
}


@dataclass(slots=True)
class AtExchange:
    """The day by the exchange's own drop copy and its list of open orders."""

    day: str = ""
    at_ns: int = 0  # market time there
    next: int = 0  # reports seen
    more: bool = False  # there are later ones: it is a page of a long day
    cum: dict[int, int] = field(default_factory=dict)  # child -> filled
    newest: dict[int, int] = field(
        default_factory=dict
    )  # child -> exec id of its last trade report
    tags: dict[int, dict[str, str]] = field(default_factory=dict)
    shared: dict[tuple[tuple[str, str], ...], dict[str, str]] = field(default_factory=dict)
    open: dict[int, dict[str, Any]] = field(default_factory=dict)  # child -> row, at this look
    done: dict[int, int] = field(default_factory=dict)  # parent -> filled
    fresh: set[int] = field(default_factory=set)  # children not compared with the journal yet
    behind: set[int] = field(default_factory=set)  # children with fills the journal lacks
    answered_at: int = 0  # monotonic ns
    moved_at: int = 0  # when at_ns last changed, monotonic ns

    def take(self, log: dict[str, Any], orders: dict[str, Any], now: int) -> bool:
        """Fold in one look; False: another day began, look again from its first report."""
        if log["day"] != self.day:
            self.__init__()  # type: ignore[misc]
            self.day, self.moved_at = log["day"], now
            return False
        for row in log["reports"]:
            child = row["child"]
            self._learn(child, row.get("tags") or {})
            self.fresh.add(child)
            is_trade = row["kind"] in (FILLED, BUSTED, CORRECTED)
            if is_trade and row["exec_id"] > self.newest.get(child, 0):
                self.newest[child] = row["exec_id"]
                self._filled(child, row["cum"])
        self.next, self.more = log["next"], log["more"]
        self.open = {row["child"]: row for row in orders["orders"]}
        for child, row in self.open.items():
            self._learn(child, row["tags"])
            self.fresh.add(child)
        if orders["at"] != self.at_ns:
            self.at_ns, self.moved_at = orders["at"], now
        self.answered_at = now
        return True

    def _learn(self, child: int, tags: dict[str, str]) -> None:
        """Children of one parent share one map: a long day has many of them."""
        if child not in self.tags:
            self.tags[child] = self.shared.setdefault(tuple(tags.items()), tags)

    def _filled(self, child: int, cum: int) -> None:
        more = cum - self.cum.get(child, 0)
        parent = parent_of(self.tags[child])
        if not more:
            return
        self.cum[child] = cum
        if more > 0:
            self.behind.add(child)
        if parent is not None:
            self.done[parent] = self.done.get(parent, 0) + more

    def totals(self) -> dict[int, int]:
        """Parent -> filled plus open, by the tags of its children."""
        sums = dict(self.done)
        for child, row in self.open.items():
            parent = parent_of(self.tags[child])
            if parent is not None:
                sums[parent] = sums.get(parent, 0) + row["leaves"]
        return sums


def parent_of(tags: dict[str, str]) -> int | None:
    """``{"parent": "P-42"}`` -> 42."""
    text = tags.get("parent", "").removeprefix("P-")
    return int(text) if text.isdigit() else None
