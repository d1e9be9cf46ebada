"""The order desk of the exchange: what a venue does with an order beyond matching it.

It stands before a market and is one itself. It replaces orders, and on request it does to them
what venues do (``order_troubles``): busts, corrections, restatements, late and repeated reports.
One order may be carried by several orders of the market, its ``carriers``: a replace that cannot
be done in place ends one and enters another at the same instant, a bust puts shares back. The desk
of ML traders sees one order, one running number of reports.

Everything happens at an instant of market time, so slicing an advance changes nothing.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.executions import EXECUTION, executions, market_messages, orders
from engine.domain.instrument import Instrument
from engine.domain.market import MESSAGE, TRADE
from engine.domain.units import MILLI, Nanos
from engine.domain.venue import Venue
from engine.exchange.market import Advance, TradableMarket
from engine.runtime.venues.wire import Incident

Records = NDArray[np.void]

CARRIER: Final = 1 << 52  # ids of carriers begin here; children of the desk end far below
AGAIN_NS: Final = 100 * MILLI  # a venue that is down is tried again so often
RESTING: Final = (k.LIMIT, k.POST_ONLY)  # types that a replace may enter anew
ENDS: Final = (k.CANCELLED, k.REJECTED, k.EXPIRED)


@dataclass(slots=True, kw_only=True)
class Fill:
    """One fill that stands."""

    exec_id: int  # of its last report: a bust or a correction refers to it
    quantity: int
    price: int
    sub: int
    liquidity: int


@dataclass(slots=True, kw_only=True)
class Held:
    """One order of the desk at the exchange."""

    child: int
    symbol: int
    side: int
    type: int
    venue: int
    price: int
    quantity: int
    display: int
    minimum: int
    cum: int = 0
    end: int = 0  # kind of the report that ended it, FILLED included; 0 = it works
    is_touched: bool = False  # its numbers are no longer those of one market order
    carriers: dict[int, int] = field(default_factory=dict)  # id -> shares left
    fills: list[Fill] = field(default_factory=list)
    requests: set[int] = field(default_factory=set)  # replaces that were answered
    armed: dict[int, int] = field(default_factory=dict)  # kind of trouble -> its length [ns]
    kept: Any = None  # a report held back, to come out of order
    last: Any = None  # the last report that went out

    @property
    def leaves(self) -> int:
        return 0 if self.end else max(self.quantity - self.cum, 0)


class OrderDesk:
    """Keeps ``TradableMarket`` over another one; rows are ORDER in, EXECUTION out."""

    def __init__(
        self, market: TradableMarket, make_trouble: "Callable[[OrderDesk, Incident], None]"
    ) -> None:
        self.market = market
        self._make_trouble = make_trouble
        self.orders: dict[int, Held] = {}
        self.now = 0
        self._owner: dict[int, int] = {}  # carrier -> child
        self._due: list[tuple[int, int, Callable[[], None]]] = []  # heap: instant, number, deed
        self._number = 0
        self._shift: dict[int, int] = {}  # symbol -> reports made here minus those swallowed
        self._last: dict[int, int] = {}  # symbol -> exec_id of the last report
        self._out: list[Records] = []
        self._trades: list[Records] = []
        self._down: Records | None = None  # venue states of the last advance, by symbol

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        return self.market.instruments

    @property
    def venues(self) -> tuple[Venue, ...]:
        return self.market.venues

    @property
    def open_ns(self) -> Nanos:
        return self.market.open_ns

    @property
    def close_ns(self) -> Nanos:
        return self.market.close_ns

    @property
    def source(self) -> str:
        return self.market.source

    def queue_ahead(self, child: int) -> int | None:
        """Shares before the oldest carrier of an order."""
        held = self.orders.get(child)
        ids = [child] if held is None else list(held.carriers)
        return self.market.queue_ahead(ids[0]) if ids else None

    # --- messages -----------------------------------------------------------------------------
    def submit(self, messages: Records) -> None:
        """Take ORDER rows; each acts at ``sent_ns + latency`` of its venue."""
        for row in orders(np.asarray(messages)):
            kind, child = int(row["kind"]), int(row["child"])
            held = self.orders.get(child)
            if kind == x.REPLACE:
                wanted = (int(row["request"]), int(row["quantity"]), int(row["price"]))
                venue, symbol = int(row["venue"]), int(row["symbol"])
                deed = partial(self._replace, child, wanted, venue, symbol)
                self.later(self._arrival(row), deed)
                continue
            if kind == k.CANCEL and held is not None and held.armed:
                self.later(
                    self._arrival(row), partial(self._cancel, held, int(row["request"]))
                )  # fmt: skip
                continue
            if kind == k.NEW and held is None:
                self._enter(row)
            self.market.submit(market_messages(np.array([row], dtype=row.dtype)))

    def _arrival(self, row: np.void) -> int:
        latency = self.venues[int(row["venue"])].latency_ns
        return max(int(row["sent_ns"]) + latency, self.now)

    def later(self, at: int, deed: Callable[[], None]) -> None:
        """Do something at an instant of market time, after what was asked for before."""
        self._number += 1
        heapq.heappush(self._due, (at, self._number, deed))

    def _enter(self, row: np.void) -> None:
        child, quantity = int(row["child"]), int(row["quantity"])
        self.orders[child] = Held(
            child=child, symbol=int(row["symbol"]), side=int(row["side"]), type=int(row["type"]),
            venue=int(row["venue"]), price=int(row["price"]), quantity=quantity,
            display=int(row["display"]), minimum=int(row["minimum"]), carriers={child: quantity},
        )  # fmt: skip

    # --- time ---------------------------------------------------------------------------------
    def advance(self, to_ns: Nanos) -> Advance:
        """Move to ``to_ns``; what is due on the way is done at its own instant."""
        while self._due and self._due[0][0] <= to_ns:
            at, _, deed = heapq.heappop(self._due)
            self._move(min(max(at, self.now), int(self.close_ns)))
            deed()
        last = self._move(int(to_ns))
        return Advance(
            at_ns=last.at_ns,
            session=last.session,
            reports=self.told(),
            trades=_joined(self._trades, TRADE),
            ticks=last.ticks,
        )

    def _move(self, to: int) -> Advance:
        advance = self.market.advance(Nanos(to))
        self.now = int(advance.at_ns)
        self._down = advance.ticks["venue_state"]
        self._trades.append(advance.trades)
        self.hear(advance.reports)
        return advance

    def told(self) -> Records:
        """What went out since the last call, in order."""
        return _joined(self._out, EXECUTION)

    # --- reports of the market ------------------------------------------------------------------
    def hear(self, reports: Records) -> None:
        """Turn reports of market orders into those of the orders they carry."""
        for row in executions(reports):
            carrier = int(row["child"])
            held = self.orders.get(self._owner.get(carrier, carrier))
            symbol = int(row["symbol"])
            row["exec_id"] += self._shift.get(symbol, 0)
            if held is None:
                self._say(row)
            elif row["kind"] == k.FILLED:
                self._filled(held, carrier, row)
            elif row["kind"] in ENDS:
                self._ended(held, carrier, row)
            elif row["kind"] == k.CANCEL_REJECTED and held.carriers and not held.end:
                self._swallow(symbol)  # the order lives on other carriers: the cancel is of them
                self.finish(held, k.CANCELLED, k.REASON_REQUESTED)
            elif row["kind"] == k.ACCEPTED and carrier != held.child:
                self._swallow(symbol)
            else:
                self._send(held, row)

    def _swallow(self, symbol: int) -> None:
        self._shift[symbol] = self._shift.get(symbol, 0) - 1

    def _filled(self, held: Held, carrier: int, row: np.void) -> None:
        quantity = int(row["quantity"])
        left = held.carriers.get(carrier, 0) - quantity
        if left > 0:
            held.carriers[carrier] = left
        else:
            held.carriers.pop(carrier, None)
        held.cum += quantity
        fill = Fill(
            exec_id=int(row["exec_id"]), quantity=quantity, price=int(row["price"]),
            sub=int(row["sub"]), liquidity=int(row["liquidity"]),
        )  # fmt: skip
        held.fills.append(fill)
        if held.cum >= held.quantity and not held.end:
            held.end = k.FILLED
        self._send(held, row)

    def _ended(self, held: Held, carrier: int, row: np.void) -> None:
        """The market has ended a carrier, and with it the order."""
        if row["kind"] == k.REJECTED and row["reason"] == k.REASON_DUPLICATE:
            self._send(held, row)
            return
        was_carrier = held.carriers.pop(carrier, None) is not None
        if held.end or not was_carrier:
            self._swallow(int(row["symbol"]))
            return
        if row["kind"] == k.REJECTED and (held.is_touched or carrier != held.child):
            row["kind"] = k.CANCELLED
        held.end = int(row["kind"])
        self._send(held, row)
        self.take_out(held)

    def _send(self, held: Held, row: np.void) -> None:
        """Out with a report, in the order's own numbers; or hold it back."""
        row["child"] = held.child
        if held.is_touched and row["kind"] != k.CANCEL_REJECTED:
            row["cum"], row["leaves"] = held.cum, held.leaves
        if x.TROUBLE_OUT_OF_ORDER in held.armed:
            self._keep(held, row)
            return
        self._say(row)
        held.last = row.copy()

    def _keep(self, held: Held, row: np.void) -> None:
        """The first report waits for the second, or for its time."""
        self._last[int(row["symbol"])] = int(row["exec_id"])
        if held.kept is None:
            held.kept = row.copy()
            self.later(self.now + held.armed[x.TROUBLE_OUT_OF_ORDER], lambda: self._release(held))
            return
        self._say(row)
        self._release(held)

    def _release(self, held: Held) -> None:
        if held.kept is None:
            return
        kept, held.kept = held.kept, None
        held.armed.pop(x.TROUBLE_OUT_OF_ORDER, None)
        self._out.append(np.array([kept], dtype=EXECUTION))
        held.last = kept

    def _say(self, row: np.void) -> None:
        self._last[int(row["symbol"])] = int(row["exec_id"])
        self._out.append(np.array([row], dtype=EXECUTION))

    # --- reports of this desk -------------------------------------------------------------------
    def report(self, held: Held, kind: int, **fields: int) -> int:
        """A report that the market knows nothing of; its exec_id."""
        row = np.zeros(1, EXECUTION)
        at = held.symbol
        self._shift[at] = self._shift.get(at, 0) + 1
        exec_id = self._last.get(at, at << 40) + 1
        values = {
            "kind": kind, "symbol": at, "child": held.child, "exec_id": exec_id,
            "venue_ns": self.now, "venue": held.venue, "cum": held.cum, "leaves": held.leaves,
        }  # fmt: skip
        for name, value in {**values, **fields}.items():
            row[name] = value
        held.is_touched = True
        self._send(held, row[0])
        return exec_id

    def finish(self, held: Held, kind: int, reason: int, **fields: int) -> None:
        """End an order now, by a report of this desk."""
        held.end = kind
        self.take_out(held)
        self.report(held, kind, reason=reason, leaves=0, **fields)

    def take_out(self, held: Held) -> None:
        """Take its carriers out of the market; nobody is told."""
        ids = [(held.symbol, carrier) for carrier in held.carriers]
        held.carriers = {}
        if ids:
            was, held.end = held.end, held.end or k.CANCELLED
            self.hear(self.market.cancel_now(ids))
            held.end = was

    def carry(self, held: Held, quantity: int) -> None:
        """Enter shares of an order into the market now, behind what is there."""
        carrier = CARRIER + len(self._owner) + 1
        self._owner[carrier] = held.child
        held.carriers[carrier] = quantity
        held.is_touched = True
        row = np.zeros(1, MESSAGE)
        row["kind"], row["symbol"], row["child"] = k.NEW, held.symbol, carrier
        row["side"], row["type"], row["price"] = held.side, held.type, held.price
        row["quantity"], row["venue"] = quantity, held.venue
        row["sent_ns"] = self.now - self.venues[held.venue].latency_ns
        row["display"], row["minimum"] = held.display, held.minimum
        self.market.submit(row)
        self._move(self.now)

    # --- requests -------------------------------------------------------------------------------
    def _cancel(self, held: Held, request: int) -> None:
        """A cancel of an order that something was arranged for."""
        if x.TROUBLE_SLOW in held.armed:
            wait = held.armed.pop(x.TROUBLE_SLOW)
            self.report(held, x.PENDING_CANCEL, request=request)
            self.later(self.now + wait, lambda: self._cancel(held, request))
        elif held.armed.pop(x.TROUBLE_REJECT_CANCEL, None) is not None:
            self.report(held, k.CANCEL_REJECTED, request=request, reason=x.REASON_DRILL)
        elif held.end:
            self.report(held, k.CANCEL_REJECTED, request=request, reason=k.REASON_TOO_LATE)
        else:
            self.finish(held, k.CANCELLED, k.REASON_REQUESTED, request=request)

    def _replace(self, child: int, wanted: tuple[int, int, int], venue: int, symbol: int) -> None:
        """A replace at its venue. The same request a second time changes nothing."""
        held = self.orders.get(child)
        request, quantity, price = wanted
        if held is None:
            held = Held(
                child=child, symbol=symbol, side=0, type=0, venue=venue, price=0, quantity=0,
                display=0, minimum=0,
            )  # fmt: skip
            self.report(held, x.REPLACE_REJECTED, request=request, reason=k.REASON_UNKNOWN_ORDER)
            return
        if request in held.requests:
            return
        if self._is_down(held) and self.now < self.close_ns:
            self.later(self.now + AGAIN_NS, lambda: self._replace(child, wanted, venue, symbol))
            return
        if x.TROUBLE_SLOW in held.armed:
            wait = held.armed.pop(x.TROUBLE_SLOW)
            self.report(held, x.PENDING_REPLACE, request=request)
            self.later(self.now + wait, lambda: self._replace(child, wanted, venue, symbol))
            return
        held.requests.add(request)
        reason = self._why_not(held, quantity, price)
        if reason:
            self.report(held, x.REPLACE_REJECTED, request=request, reason=reason)
            return
        self.change(held, x.REPLACED, quantity, price, request=request)

    def _is_down(self, held: Held) -> bool:
        return self._down is not None and self._down[held.symbol][held.venue] == k.CLOSED

    def _why_not(self, held: Held, quantity: int, price: int) -> int:
        if held.armed.pop(x.TROUBLE_REJECT_REPLACE, None) is not None:
            return x.REASON_DRILL
        if held.end:
            return k.REASON_CLOSED if self.now >= self.close_ns else k.REASON_TOO_LATE
        if quantity < 1:
            return k.REASON_BAD_QUANTITY
        if price < 1:
            return k.REASON_BAD_PRICE
        in_place = price == held.price and quantity <= held.quantity
        return 0 if in_place or held.type in RESTING else k.REASON_BAD_TYPE

    def change(
        self, held: Held, kind: int, quantity: int, price: int, request: int = 0, reason: int = 0
    ) -> None:
        """New terms: in place where the market can, else out and in again at this instant.

        A quantity below what is filled becomes what is filled: then nothing is left of the order.
        """
        quantity = max(quantity, held.cum)
        in_place = price == held.price and self._shrunk(held, quantity - held.cum)
        held.quantity, held.price = quantity, price
        if not in_place:
            self.take_out(held)
        if quantity == held.cum:
            held.end = k.FILLED
        why = reason or (0 if in_place or held.end else x.REASON_REQUEUED)
        self.report(held, kind, quantity=quantity, price=price, request=request, reason=why)
        if not in_place and not held.end:
            self.carry(held, quantity - held.cum)

    def _shrunk(self, held: Held, left: int) -> bool:
        """Whether the market has cut the one carrier in place; it keeps its queue."""
        if len(held.carriers) != 1 or left < 1:
            return False
        ((carrier, has),) = held.carriers.items()
        if left > has:
            return False
        if left < has:
            shrink = getattr(self.market, "shrink", None)
            if shrink is None or not shrink(held.symbol, carrier, left):
                return False
            held.carriers[carrier] = left
        return True

    # --- at once ----------------------------------------------------------------------------------
    def cancel_now(self, children: Iterable[tuple[int, int]]) -> Records:
        """End these (symbol, child) at once; their reports."""
        ids: list[tuple[int, int]] = []
        for symbol, child in children:
            held = self.orders.get(child)
            ids += [(symbol, i) for i in ([child] if held is None else list(held.carriers))]
        self.hear(self.market.cancel_now(ids))
        return self.told()

    def incident(self, what: Incident) -> Records:
        """Let something happen; the reports that it makes at once. Refused when it cannot."""
        if what.kind in x.TROUBLES:
            self._make_trouble(self, what)
        else:
            self.market.incident(what)
        return self.told()

    def repeat(self, held: Held) -> None:
        """Its last report once more, number included."""
        self._out.append(np.array([held.last], dtype=EXECUTION))

    def keep_fill(self, held: Held, exec_id: int, quantity: int) -> None:
        """A fill that this desk reported."""
        fill = Fill(
            exec_id=exec_id, quantity=quantity, price=held.price, sub=0, liquidity=k.PASSIVE
        )  # fmt: skip
        held.fills.append(fill)


def _joined(parts: list[Records], dtype: np.dtype[np.void]) -> Records:
    """All rows, padding included; the list is empty afterwards."""
    rows = np.frombuffer(b"".join(part.tobytes() for part in parts), dtype).copy()
    parts.clear()
    return rows
