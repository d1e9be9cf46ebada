"""Every child of the day as the exchange knows it: from messages, tags and reports."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant
from engine.domain.executions import EXECUTION
from engine.domain.instrument import Session
from engine.domain.kinds import (
    ACCEPTED,
    CANCEL_REJECTED,
    FILLED,
    NEW,
    REASON_DUPLICATE,
    REJECTED,
)
from engine.domain.report_kinds import (
    PENDING_CANCEL,
    PENDING_REPLACE,
    REPLACE,
    REPLACE_REJECTED,
    REPLACED,
    RESTATED,
    STATUS,
    STOPPED,
)
from engine.domain.units import CHILD_BITS
from engine.exchange.order_log import Happened, Moved, Opened, Withdrawn, read_entries
from engine.runtime.venues.wire import Order, check_of, messages_of, reports_of

Records = NDArray[np.void]
STRAY_EPOCH = 1 << 20  # of orders that only a drill makes; no engine comes this far
SAYS_NOTHING = (  # of how much of an order is done or left
    CANCEL_REJECTED, REPLACE_REJECTED, PENDING_CANCEL, PENDING_REPLACE, STATUS, STOPPED,
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Known:
    """One child; changes with each report."""

    symbol: int
    side: int
    price: int
    quantity: int
    tags: dict[str, str]
    cum: int = 0
    leaves: int = 0
    state: int = 0  # kind of its last report, 0 = on its way
    reason: int = 0
    type: int = 0
    venue: int = 0
    newest: int = 0  # exec_id of the last report that counted
    requests: tuple[int, ...] = ()  # numbers of the replaces that came
    mark: int = 0  # of its last change


@dataclass(slots=True)
class Ledger:
    """Orders by child id, and the reports of the day in venue order.

    mark : counts changes of orders, so that one can ask for what changed since.
    """

    orders: dict[int, Known] = field(default_factory=dict)
    reports: list[Records] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # reports before each part of them
    count: int = 0  # of reports
    mark: int = 0

    def _touch(self, order: Known) -> None:
        self.mark += 1
        order.mark = self.mark

    def sent(self, messages: Records, tags: dict[str, dict[str, str]]) -> None:
        """Messages came in. A second NEW with the same id changes nothing."""
        for row in messages:
            child = int(row["child"])
            if row["kind"] == REPLACE and child in self.orders:
                order = self.orders[child]
                order.requests = (*order.requests, int(row["request"]))
                self._touch(order)
            if row["kind"] != NEW or child in self.orders:
                continue
            self.orders[child] = Known(
                type=int(row["type"]),
                venue=int(row["venue"]),
                symbol=int(row["symbol"]),
                side=int(row["side"]),
                price=int(row["price"]),
                quantity=int(row["quantity"]),
                leaves=max(0, int(row["quantity"])),
                tags=dict(tags.get(str(child), {})),
            )
            self._touch(self.orders[child])

    def reported(self, reports: Records) -> None:
        """Reports went out."""
        if len(reports):
            self.reports.append(reports)
            self.starts.append(self.count)
            self.count += len(reports)
        for row in reports:
            if row["kind"] in SAYS_NOTHING:
                continue
            if row["kind"] == REJECTED and row["reason"] == REASON_DUPLICATE:
                continue
            order = self.orders.get(int(row["child"]))
            if order is None:
                order = self._stray(row)
            if row["exec_id"] <= order.newest:
                continue  # out of order, or once more: a newer one has said more
            self._touch(order)
            order.newest = int(row["exec_id"])
            order.cum, order.leaves = int(row["cum"]), int(row["leaves"])
            order.state, order.reason = int(row["kind"]), int(row["reason"])
            if row["kind"] in (REPLACED, RESTATED):
                order.quantity, order.price = int(row["quantity"]), int(row["price"])

    def _stray(self, row: np.void) -> Known:
        """An order that no message asked for: only a drill makes one, by accepting it."""
        child = int(row["child"])
        if child >> CHILD_BITS != STRAY_EPOCH or row["kind"] != ACCEPTED:
            raise BrokenInvariant(f"a report for child {child}, which never came")
        symbol, quantity = int(row["symbol"]), int(row["leaves"])
        known = Known(symbol=symbol, side=0, price=0, quantity=quantity, tags={})
        self.orders[child] = known
        self._touch(known)
        return known

    def rows(self, since: int = 0, most: int | None = None) -> Records:
        """Reports of the day after the first ``since``, at most so many.

        Costs what it answers, however long the day: a watchdog that comes back reads all of it.
        """
        first = max(bisect_right(self.starts, since) - 1, 0)
        last = len(self.reports)
        if most is not None:
            last = bisect_left(self.starts, since + most, first)
        # as bytes: numpy compares the fields of every part that it joins
        parts = bytearray().join(part.tobytes() for part in self.reports[first:last])
        skipped = max(since - self.starts[first], 0) if self.starts else 0
        return np.frombuffer(parts, EXECUTION)[skipped:][:most]

    def check(self) -> int:
        """A sum over every order of the day; see ``check_of``."""
        return check_of((child, row.cum, row.leaves) for child, row in self.orders.items())

    def listed(self, *, open_only: bool = False, after: int = 0) -> tuple[Order, ...]:
        """All children, or the open ones, in the order in which they came; changed after a mark."""
        return tuple(
            Order(
                child=child,
                symbol=known.symbol,
                side=known.side,
                price=known.price,
                quantity=known.quantity,
                cum=known.cum,
                leaves=known.leaves,
                state=known.state,
                reason=known.reason,
                tags=known.tags,
                type=known.type,
                venue=known.venue,
                requests=known.requests,
            )
            for child, known in self.orders.items()
            if (known.leaves > 0 or not open_only) and known.mark > after
        )

    def open_children(self) -> list[int]:
        """Children that work or are on their way."""
        return [child for child, known in self.orders.items() if known.leaves > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A day by its log alone: what crash drills judge the desk by."""

    session: Session
    orders: tuple[Order, ...]
    reports: Records  # EXECUTION, in venue order
    cancels: tuple[Withdrawn, ...]


def read_log(path: Path) -> Account:
    """Orders, fills and mass cancels of a day, from the file alone.

    Raises BrokenInvariant when the file is damaged or empty.
    """
    entries, _ = read_entries(path)
    if not entries or not isinstance(entries[0], Opened):
        raise BrokenInvariant(f"the order log {path.name} is empty")
    ledger = Ledger()
    cancels = []
    for entry in entries:
        match entry:
            case Moved():
                ledger.sent(messages_of(entry.messages), entry.tags)
                ledger.reported(reports_of(entry.reports))
            case Withdrawn():
                ledger.reported(reports_of(entry.reports))
                cancels.append(entry)
            case Happened():
                ledger.reported(reports_of(entry.reports))
            case _:
                continue
    return Account(
        session=entries[0].session,
        orders=ledger.listed(),
        reports=ledger.rows(),
        cancels=tuple(cancels),
    )


def summary(path: Path) -> dict[str, object]:
    """The account of a day as plain values, for command lines and drills."""
    account = read_log(path)
    fills = account.reports[account.reports["kind"] == FILLED]
    return {
        "day": account.session.day,
        "orders": len(account.orders),
        "open": sum(1 for order in account.orders if order.leaves > 0),
        "reports": len(account.reports),
        "fills": len(fills),
        "shares": int(fills["quantity"].sum()),
        "mass_cancels": len(account.cancels),
    }
