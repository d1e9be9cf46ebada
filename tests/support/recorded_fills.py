"""Fills of a replayed day, held against the recording itself: nothing traded that was not there."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.kinds import PASSIVE
from engine.exchange.hours import session_of
from engine.kernels import recorded as columns
from engine.runtime.feeds.lobster import Recording

RAW_PER_TICK = 100
MIDNIGHT_S = 34_200


@dataclass(frozen=True, kw_only=True)
class Fill:
    """One own fill; ``at`` UTC ns, price in ticks."""

    parent: int
    side: int
    price: int
    quantity: int
    at: int
    is_passive: bool


def fills_of(events: Iterable[AnyEvent]) -> list[Fill]:
    """Fills of a journal with what their orders were."""
    orders: dict[int, e.ChildIntended] = {}
    found = []
    for event in events:
        if isinstance(event, e.ChildIntended):
            orders[event.child_id] = event
        if isinstance(event, e.ChildFilled):
            order = orders[event.child_id]
            assert order.side * (event.price - order.price) <= 0, "worse than its limit"
            found.append(
                Fill(
                    parent=order.parent_id, side=order.side, price=event.price,
                    quantity=event.quantity, at=event.venue_at,
                    is_passive=event.liquidity == PASSIVE,
                )
            )  # fmt: skip
    return found


def check_fills(day: Recording, fills: Iterable[Fill]) -> None:
    """Every instant's fills fit what the recording shows of that instant.

    A passive fill needs executions at or through its price then, or the other side displayed
    there; an aggressive one the shares displayed at its price. Counted by a plain search.
    """
    midnight = session_of(day.day).open_at - MIDNIGHT_S * 10**9
    at = day.messages[:, columns.TIME] + midnight
    wanted: dict[tuple[int, int, int, bool], int] = defaultdict(int)
    for fill in fills:
        wanted[fill.at, fill.side, fill.price, fill.is_passive] += fill.quantity
    for (when, side, price, is_passive), quantity in wanted.items():
        first, last = np.searchsorted(at, [when, when + 1])
        rows = range(first, last)
        if is_passive:
            shown = max((displayed(day, row, side, price) for row in rows), default=0)
            room = shown + executed(day, rows, side, price)
        else:  # it acts after everything recorded of that instant
            room = displayed(day, last - 1, side, price)
        assert quantity <= room, (when, side, price, is_passive, quantity, room)


def displayed(day: Recording, row: int, side: int, price: int) -> int:
    """Shares on the other side at this price or better after a row."""
    levels = day.book[row].reshape(-1, 4)[:, (0, 1) if side > 0 else (2, 3)]
    real = np.abs(levels[:, 0]) != columns.DUMMY
    good = real & (side * (price * RAW_PER_TICK - levels[:, 0]) >= 0)
    return int(levels[good, 1].sum())


def executed(day: Recording, rows: Iterable[int], side: int, price: int) -> int:
    """Recorded executions at this price or through it."""
    total = 0
    for row in rows:
        message = day.messages[row]
        if message[columns.TYPE] in (columns.EXECUTED, columns.HIDDEN):
            through = side * (price * RAW_PER_TICK - message[columns.PRICE]) >= 0
            total += int(message[columns.SIZE]) if through else 0
    return total


def traded_between(day: Recording, start: int, end: int) -> int:
    """Shares the recording traded in [start, end], visible and hidden."""
    at = day.messages[:, columns.TIME] + session_of(day.day).open_at - MIDNIGHT_S * 10**9
    kind = day.messages[:, columns.TYPE]
    inside = (at >= start) & (at <= end) & ((kind == columns.EXECUTED) | (kind == columns.HIDDEN))
    return int(day.messages[inside, columns.SIZE].sum())
