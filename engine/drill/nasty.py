"""A venue by hand that does to orders whatever venues have been seen to do.

It shares nothing with the simulated exchange: a second opinion. Reports travel late, twice, out of
order or not at all; every one of them is in ``books`` for who asks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.executions import EXECUTION
from engine.domain.units import Symbol
from engine.runtime.reconcile import VenueBooks

Records = NDArray[np.void]
Dice = Callable[[int], int]  # n -> a number in [0, n)

LATEST: Final = 6  # turns that a report may take
STRAY: Final = 1 << 50  # ids from here on are of orders that nobody sent


@dataclass(slots=True, kw_only=True)
class Held:
    """One order there."""

    child: int
    side: int
    quantity: int
    price: int
    cum: int = 0
    is_over: bool = False
    fills: list[tuple[int, int]] = field(default_factory=list)  # last exec_id, shares
    requests: list[int] = field(default_factory=list)  # replaces that came
    thinking: list[tuple[int, int, int, int]] = field(default_factory=list)  # kind, number, terms

    @property
    def leaves(self) -> int:
        return 0 if self.is_over else max(self.quantity - self.cum, 0)


class NastyVenue:
    """Takes ORDER rows, gives EXECUTION rows; one instrument."""

    def __init__(self, dice: Dice, symbol: Symbol) -> None:
        self.dice = dice
        self.symbol = symbol
        self.orders: dict[int, Held] = {}
        self.news: dict[int, int] = {}  # child -> NEW messages that came
        self.reports: list[Records] = []  # of the whole day, in the venue's order
        self._way: list[tuple[int, Records]] = []  # when they arrive
        self.now = 0
        self.is_linked = True
        self.did: dict[str, int] = {}
        self.traded_extra = False  # it has filled more than it should, or after the end

    # --- the wire -------------------------------------------------------------------------------
    def say(self, held: Held, kind: int, **fields: int) -> int:
        """A report: kept for ever, and sent on a bad road."""
        row = np.zeros(1, EXECUTION)
        exec_id = len(self.reports) + 1
        values = {
            "kind": kind, "child": held.child, "exec_id": exec_id, "venue_ns": self.now,
            "cum": held.cum, "leaves": held.leaves, "price": held.price,
        }  # fmt: skip
        for name, value in {**values, **fields}.items():
            row[name] = value
        self.reports.append(row)
        if self.is_linked and self.dice(25):  # else it is lost
            self._way.append((self.now + self.dice(LATEST), row))
            if self.dice(12) == 0:
                self.count("twice")
                self._way.append((self.now + self.dice(LATEST), row))
        else:
            self.count("missing")
        return exec_id

    def count(self, what: str) -> None:
        self.did[what] = self.did.get(what, 0) + 1

    def arrived(self) -> list[Records]:
        """What has come by now, in the order of arrival."""
        here = [row for at, row in self._way if at <= self.now]
        self._way = [(at, row) for at, row in self._way if at > self.now]
        return here

    def cut(self) -> None:
        """The link breaks: what is on the road is gone."""
        self.is_linked = False
        self._way = []
        self.count("disconnects")

    def books(self) -> tuple[Records, VenueBooks]:
        """Every report of the day, and where the orders stand."""
        known = {child: held for child, held in self.orders.items() if child < STRAY}
        done = sum(held.side * held.cum for held in known.values())
        books = VenueBooks(
            known=frozenset(known),
            open_leaves={child: held.leaves for child, held in known.items() if held.leaves},
            filled={child: held.cum for child, held in known.items() if held.cum},
            symbols=dict.fromkeys(known, self.symbol),
            positions={self.symbol: done},
            requests={child: tuple(held.requests) for child, held in known.items()},
        )
        return np.concatenate([*self.reports, np.zeros(0, EXECUTION)]), books

    # --- what it is asked -------------------------------------------------------------------------
    def take(self, row: Any) -> None:
        """One message has come."""
        child, request = int(row["child"]), int(row["request"])
        held = self.orders.get(child)
        if row["kind"] == k.NEW:
            self._new(row)
        elif held is None:
            nobody = Held(child=child, side=0, quantity=0, price=0)
            kind = k.CANCEL_REJECTED if row["kind"] == k.CANCEL else x.REPLACE_REJECTED
            self.say(nobody, kind, request=request, reason=k.REASON_UNKNOWN_ORDER)
        elif row["kind"] == k.CANCEL:
            self._ask(held, (k.CANCEL, request, 0, 0))
        elif request not in held.requests:
            held.requests.append(request)
            self._ask(held, (x.REPLACE, request, int(row["quantity"]), int(row["price"])))

    def _new(self, row: Any) -> None:
        child = int(row["child"])
        self.news[child] = self.news.get(child, 0) + 1
        held = Held(
            child=child, side=int(row["side"]), quantity=int(row["quantity"]),
            price=int(row["price"]),
        )  # fmt: skip
        self.orders[child] = held
        if self.dice(12) == 0:
            held.is_over = True
            self.count("rejects")
            self.say(held, k.REJECTED, reason=k.REASON_BAD_PRICE)
        else:
            self.say(held, k.ACCEPTED)

    def _ask(self, held: Held, asked: tuple[int, int, int, int]) -> None:
        """Now, or after a while in which it is pending."""
        if self.dice(3) == 0 and held.leaves:
            kind = x.PENDING_CANCEL if asked[0] == k.CANCEL else x.PENDING_REPLACE
            self.say(held, kind, request=asked[1])
            held.thinking.append(asked)
        else:
            self._answer(held, asked)

    def _answer(self, held: Held, asked: tuple[int, int, int, int]) -> None:
        what, request, quantity, price = asked
        is_cancel = what == k.CANCEL
        refusal = k.CANCEL_REJECTED if is_cancel else x.REPLACE_REJECTED
        if not held.leaves:
            self.say(held, refusal, request=request, reason=k.REASON_TOO_LATE)
        elif self.dice(6) == 0:
            self.count("refused requests")
            self.say(held, refusal, request=request, reason=x.REASON_PENDING)
        elif is_cancel:
            held.is_over = True
            self.say(held, k.CANCELLED, request=request, reason=k.REASON_REQUESTED)
        else:
            held.quantity, held.price = max(quantity, held.cum), price
            self.count("replaces")
            self.say(held, x.REPLACED, request=request, quantity=held.quantity)

    # --- what it does by itself -------------------------------------------------------------------
    def act(self) -> None:
        """One deed at random, on an order at random."""
        for held in list(self.orders.values()):
            if held.thinking and self.dice(3) == 0:
                self._answer(held, held.thinking.pop(0))
        if not self.orders:
            return
        held = list(self.orders.values())[self.dice(len(self.orders))]
        deeds = (self._trade, self._trade, self._trade, self._trade, *DEEDS)
        deed = deeds[self.dice(len(deeds))]
        if callable(deed):
            deed(held)
        else:
            getattr(self, deed)(held)

    def _trade(self, held: Held, quantity: int = 0) -> None:
        most = held.leaves
        if not most and not quantity:
            return
        shares = quantity or 1 + self.dice(most)
        held.cum += shares
        exec_id = self.say(held, k.FILLED, quantity=shares, liquidity=k.PASSIVE)
        held.fills.append((exec_id, shares))

    def _bust(self, held: Held) -> None:
        if held.fills:
            exec_id, shares = held.fills.pop(self.dice(len(held.fills)))
            held.cum -= shares
            self.count("busts")
            self.say(held, x.BUSTED, ref=exec_id)

    def _correct(self, held: Held) -> None:
        if held.fills:
            at = self.dice(len(held.fills))
            exec_id, shares = held.fills[at]
            fewer = 1 + self.dice(shares)
            held.cum += fewer - shares
            self.count("corrections")
            held.fills[at] = (
                self.say(held, x.CORRECTED, ref=exec_id, quantity=fewer, price=held.price + 1),
                fewer,
            )

    def _cancel(self, held: Held) -> None:
        if held.leaves:
            held.is_over = True
            self.count("unsolicited cancels")
            self.say(held, k.CANCELLED, reason=x.REASON_UNSOLICITED)

    def _done(self, held: Held) -> None:
        if held.leaves:
            held.is_over = True
            self.count("done for day")
            self.say(held, x.DONE_FOR_DAY, leaves=0)

    def _restate(self, held: Held) -> None:
        if held.leaves > 1:
            held.quantity -= 1 + self.dice(held.leaves - 1)
            self.count("restatements")
            self.say(held, x.RESTATED, quantity=held.quantity)

    def _late(self, held: Held) -> None:
        if held.is_over and held.cum < held.quantity and self.news.get(held.child):
            self.traded_extra = True
            self.count("late fills")
            self._trade(held, 1 + self.dice(held.quantity - held.cum))

    def _over(self, held: Held) -> None:
        if held.leaves and self.dice(4) == 0:
            self.traded_extra = True
            self.count("over-fills")
            self._trade(held, held.leaves + 1 + self.dice(50))

    def _stop(self, held: Held) -> None:
        if held.leaves:
            self.say(held, x.STOPPED)

    def _tell(self, held: Held) -> None:
        self.say(held, x.STATUS)

    def _stray(self, _held: Held) -> None:
        if self.dice(4) == 0:
            nobody = Held(child=STRAY + len(self.reports), side=0, quantity=10, price=5_000)
            self.orders[nobody.child] = nobody
            self.count("strays")
            self._trade(nobody, 10)

    def close(self) -> None:
        """The session ends."""
        for held in self.orders.values():
            if held.leaves:
                held.is_over = True
                self.say(held, k.EXPIRED, reason=k.REASON_CLOSED)


DEEDS: Final = (
    "_bust", "_correct", "_cancel", "_done", "_restate", "_late", "_over", "_stop", "_tell",
    "_stray",
)  # fmt: skip
