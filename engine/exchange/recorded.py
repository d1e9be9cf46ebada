"""A recorded day as a market, in virtual mode: own orders hold a place in a book they never change.

How an own order fills
- It acts at ``sent_ns + latency`` in market time, after all recorded rows of that instant.
- Aggressive: it takes the displayed levels of that instant, best first, within its limit, at their
  prices. What it took is remembered and not taken twice: shares come back only when the recording
  adds to the level, or uses up the front of it by executions.
- Resting: all shares displayed at its price when it came are ahead of it. Recorded executions at
  that price use up the shares ahead, then fill it. A recorded cancel moves it up only when that
  order is known to be older; ids that never were submitted in the file are older, unless the price
  had left the displayed window meanwhile. Never more is ahead than is displayed.
- At a price beyond the displayed window nothing is known: it waits, and when the price comes into
  view everything displayed there counts as ahead.
- An execution of an order known to be behind it, while shares are ahead, changes nothing (0.3 % of
  the executions of the sample days are out of order).
- A recorded print through its price fills it at its own price, up to the size of that print; a
  hidden print at its very price does not.
- When the recorded book comes to or through its price, what is displayed there and not taken yet
  fills it at its own price.
- In a trading halt nothing matches; orders may rest, be cancelled, and wait for the resumption.

What a replay cannot show
- Impact: nobody reacts to us, and volume we take is still there for all others.
- The volume that would have come because we were displayed, and the queue beyond the window.
- Auctions and other venues; hidden orders we might have met inside the spread.
- Fills of own orders against each other (they do not meet).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.executions import market_messages
from engine.domain.instrument import Instrument, Session
from engine.domain.kinds import (
    ACCEPTED,
    CANCEL,
    CANCEL_REJECTED,
    CANCELLED,
    CLOSED,
    CONTINUOUS,
    EXPIRED,
    HALTED,
    IOC,
    LIMIT,
    NEW,
    PRE_OPEN,
    REASON_BAD_PRICE,
    REASON_BAD_QUANTITY,
    REASON_BAD_TYPE,
    REASON_CLOSED,
    REASON_DUPLICATE,
    REASON_IOC_REMAINDER,
    REASON_MASS_CANCEL,
    REASON_NONE,
    REASON_REQUESTED,
    REASON_TOO_LATE,
    REASON_UNKNOWN_ORDER,
    REJECTED,
)
from engine.domain.market import LEVELS, REPORT, TICK, TRADE
from engine.domain.units import Nanos
from engine.domain.venue import Venue
from engine.exchange.hours import session_of
from engine.exchange.market import Advance
from engine.exchange.recorded_day import in_hours, in_ticks, instrument_of, source_of
from engine.exchange.recorded_due import Due, well_formed
from engine.exchange.venues import recorded_venues
from engine.kernels import queue
from engine.runtime.feeds.lobster import Recording, read_recording
from engine.runtime.venues.wire import Incident

MOST_PRICE: Final = 100_000_000  # tick; a price above is a mistake
MOST_QUANTITY: Final = 1_000_000_000
ROOM: Final = 1024  # reports and prints between two emptyings
NO_FILL: Final = (0, 0, 0)

Ints = NDArray[np.int64]
Records = NDArray[np.void]


class RecordedMarket:
    """Keeps the port engine/exchange/market.py for one recorded day of one instrument."""

    def __init__(self, recording: Recording, *, latency_ns: Nanos) -> None:
        in_hours(recording)
        self._instrument = instrument_of(recording)
        self._rows, self._book = in_ticks(recording)
        self._session = session_of(recording.day)
        self._latency = int(latency_ns)
        self.file_digest = recording.digest
        self._source = source_of(recording)
        self._nothing = np.zeros_like(self._book[0])
        self._states = np.zeros(1, dtype=queue.STATE)
        self._orders = np.zeros(8, dtype=queue.ORDER)
        self._taken = np.zeros(64, dtype=queue.TAKEN)
        self._reports = np.zeros(ROOM, dtype=REPORT)
        self._trades = np.zeros(ROOM, dtype=TRADE)
        self._done_reports: list[bytes] = []  # bytes: array copies leave padding undefined
        self._done_trades: list[bytes] = []
        self._cum: dict[int, int] = {}  # shares filled of every child id of the day
        self._pending: deque[Due] = deque()
        self._last_arrival = 0
        self._arrived = 0
        self._now = 0

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        return (self._instrument,)

    @property
    def venues(self) -> tuple[Venue, ...]:
        return recorded_venues(self._latency)

    @property
    def session(self) -> Session:
        return self._session

    @property
    def open_ns(self) -> Nanos:
        return self._session.open_at

    @property
    def close_ns(self) -> Nanos:
        return self._session.close_at

    @property
    def source(self) -> str:
        """The watermark of screens: mode, day, files, hash."""
        return self._source

    @property
    def watermark(self) -> str:
        """Where the replay stands, for the journal: file hash and next row."""
        return f"{self.file_digest}:{int(self._states[0]['row'])}"

    def queue_ahead(self, child: int) -> int | None:
        """Shares before an own resting order, at most; None = not resting, or out of view."""
        order = self._find(child)
        return int(order["ahead"]) if order is not None and order["seen"] else None

    def incident(self, _what: Incident) -> None:
        """What happened is on record: nothing can be added."""
        raise Refused("incidents are of simulated days: this one is a recording")

    def submit(self, messages: NDArray[np.void]) -> None:
        """Take MESSAGE rows; each acts at ``sent_ns + latency_ns``, never before now.

        One session is one line: a message never overtakes an earlier one.
        """
        for row in market_messages(messages):
            well_formed(row)
            at = max(int(row["sent_ns"]) + self._latency, self._last_arrival, self._now)
            self._last_arrival = at
            self._pending.append(Due(at, *(int(row[name]) for name in Due._fields[1:])))

    def cancel_now(self, children: Iterable[tuple[int, int]]) -> Records:
        """End these (symbol, child) at once, at the current time; their reports.

        A working order is CANCELLED, one still on its way REJECTED, both with
        REASON_MASS_CANCEL; what is neither is left alone.
        """
        self._empty()
        before, self._done_reports = self._done_reports, []
        for _, child in children:
            live = self._find(child)
            flying = next((d for d in self._pending if d.kind == NEW and d.child == child), None)
            if live is not None:
                live["live"] = 0
                self._say(live, CANCELLED, self._now, REASON_MASS_CANCEL)
            elif flying is not None and child not in self._cum:
                self._pending.remove(flying)
                self._reject(flying._replace(at=self._now), REASON_MASS_CANCEL)
            self._empty()
        reports = np.frombuffer(b"".join(self._done_reports), dtype=REPORT)
        self._done_reports = before
        return reports

    def advance(self, to_ns: Nanos) -> Advance:
        """Move to ``to_ns`` (clipped to the close). At the close all orders expire."""
        to = min(int(to_ns), int(self.close_ns))
        if to < self._now:
            raise BrokenInvariant(f"market time must not go back from {self._now} to {to}")
        closing = to == self.close_ns
        for due in self._arriving(to):
            self._play(due.at)
            self._handle(due)
        self._play(to)
        self._now = to
        if closing:
            self._expire()
            for due in self._arriving(None):
                self._handle(due._replace(at=to))
        self._empty()
        reports = np.frombuffer(b"".join(self._done_reports), dtype=REPORT)
        trades = np.frombuffer(b"".join(self._done_trades), dtype=TRADE)
        self._done_reports, self._done_trades = [], []
        session = self._state_of(to)
        return Advance(
            at_ns=Nanos(to),
            session=session,
            reports=reports,
            trades=trades,
            ticks=self._tick(to, session),
        )

    def _arriving(self, to: int | None) -> Iterator[Due]:
        """Messages due up to ``to`` and before the close, in order; None = all that is left."""
        while self._pending and (
            to is None or (self._pending[0].at <= to and self._pending[0].at < self.close_ns)
        ):
            yield self._pending.popleft()

    def _state_of(self, at: int) -> int:
        """The session state at this instant."""
        if at >= self.close_ns:
            return CLOSED
        if at < self.open_ns:
            return PRE_OPEN
        return HALTED if self._states[0]["halted"] else CONTINUOUS

    def _live(self) -> Records:
        """Own orders that were live at the last look, in the order in which they match."""
        return self._orders[: int(self._states[0]["orders"])]

    def _shown(self) -> Ints:
        """The displayed book now; all zero before the first row."""
        row = int(self._states[0]["row"])
        shown: Ints = self._book[row - 1] if row else self._nothing
        return shown

    def _empty(self) -> None:
        """Put aside what the kernels wrote, drop orders that are done, keep the arrays roomy."""
        state = self._states[0]
        if state["reports"]:
            self._done_reports.append(self._reports[: state["reports"]].tobytes())
        if state["prints"]:
            self._done_trades.append(self._trades[: state["prints"]].tobytes())
        state["reports"], state["prints"] = 0, 0
        live = self._live()
        for order in live[live["live"] == 0]:
            self._cum[int(order["child"])] = int(order["cum"])
        live = live[live["live"] == 1]
        live = live[np.lexsort((live["sequence"], -live["side"] * live["price"], live["side"]))]
        state["orders"] = len(live)
        if len(live) + 1 >= len(self._orders):
            self._orders = np.zeros(2 * len(self._orders), dtype=queue.ORDER)
        self._orders[: len(live)] = live
        if 2 * int(state["taken"]) + self._book.shape[1] > len(self._taken):
            more = np.zeros(len(self._taken) + self._book.shape[1], dtype=queue.TAKEN)
            self._taken = np.concatenate([self._taken, more])
        need = 4 * len(self._orders) + self._book.shape[1] + 8
        if need > len(self._reports):
            self._reports = np.zeros(2 * need, dtype=REPORT)
            self._trades = np.zeros(2 * need, dtype=TRADE)

    def _play(self, until: int) -> None:
        """Let the recorded rows up to ``until`` happen."""
        while queue.replay(
            until,
            self._rows,
            self._book,
            self._states,
            self._orders,
            self._taken,
            self._reports,
            self._trades,
        ):
            self._empty()

    def _say(self, order: np.void, kind: int, at: int, reason: int) -> None:
        """Report an event of an own order that is not a fill."""
        state = self._states[0]
        queue.write_report(state, self._reports, order, kind, at, NO_FILL, reason, self._shown())

    def _find(self, child: int) -> np.void | None:
        """The live order of this id."""
        for order in self._live():
            if order["child"] == child and order["live"]:
                found: np.void = order
                return found
        return None

    def _handle(self, due: Due) -> None:
        """Act on one message that has arrived."""
        self._empty()
        if due.kind == CANCEL:
            self._cancel(due)
            return
        reason = self._why_not(due)
        if reason == REASON_NONE:
            self._new(due)
        else:
            self._reject(due, reason)

    def _why_not(self, due: Due) -> int:
        """The reason to reject a new order, or REASON_NONE."""
        if due.child in self._cum:
            return REASON_DUPLICATE
        if self._state_of(due.at) in (PRE_OPEN, CLOSED):
            return REASON_CLOSED
        if due.type not in (LIMIT, IOC):
            return REASON_BAD_TYPE
        if not 1 <= due.price <= MOST_PRICE:
            return REASON_BAD_PRICE
        return REASON_NONE if 1 <= due.quantity <= MOST_QUANTITY else REASON_BAD_QUANTITY

    def _blank(self, due: Due) -> np.void:
        """The free entry behind the live orders, filled from the message but not live."""
        order: np.void = self._orders[int(self._states[0]["orders"])]
        order["child"], order["side"], order["price"] = due.child, due.side, due.price
        order["quantity"], order["cum"], order["ahead"] = due.quantity, 0, 0
        order["sequence"], order["live"] = self._arrived, 0
        self._arrived += 1
        return order

    def _reject(self, due: Due, reason: int) -> None:
        """Reject a new order; a duplicate says where the order with that id stands."""
        order = self._blank(due)
        known = self._find(due.child)
        if reason == REASON_DUPLICATE:
            order["cum"] = self._cum[due.child] if known is None else known["cum"]
            order["quantity"] = order["cum"] if known is None else known["quantity"]
            order["live"] = 0 if known is None else 1
        else:
            self._cum[due.child] = 0
        self._say(order, REJECTED, due.at, reason)
        order["live"] = 0

    def _new(self, due: Due) -> None:
        """Accept a new order and let it meet the displayed book; the rest waits or is cancelled."""
        order = self._blank(due)
        self._cum[due.child] = 0
        order["live"] = 1
        self._say(order, ACCEPTED, due.at, REASON_NONE)
        shown, state = self._shown(), self._states[0]
        queue.arrive(due.at, shown, order, state, self._taken, self._reports, self._trades)
        if order["live"] and due.type == IOC:
            order["live"] = 0
            self._say(order, CANCELLED, due.at, REASON_IOC_REMAINDER)
        state["orders"] += 1
        self._empty()

    def _cancel(self, due: Due) -> None:
        """Cancel a live order, or say why not."""
        order = self._find(due.child)
        if order is not None:
            order["live"] = 0
            self._say(order, CANCELLED, due.at, REASON_REQUESTED)
            self._empty()
            return
        order = self._blank(due)
        order["cum"] = self._cum.get(due.child, 0)
        reason = REASON_TOO_LATE if due.child in self._cum else REASON_UNKNOWN_ORDER
        if self._state_of(due.at) in (PRE_OPEN, CLOSED):
            reason = REASON_CLOSED
        self._say(order, CANCEL_REJECTED, due.at, reason)

    def _expire(self) -> None:
        """End all orders at the close, in the order of their arrival."""
        self._empty()
        live = self._live()
        for i in np.argsort(live["sequence"]):
            live[i]["live"] = 0
            self._say(live[i], EXPIRED, int(self.close_ns), REASON_CLOSED)
        self._empty()

    def _tick(self, at: int, session: int) -> Records:
        """The one TICK of now."""
        state, shown = self._states[0], self._shown()
        tick = np.zeros(1, dtype=TICK)
        depth = min(LEVELS, len(shown) // 4)
        for name, part in (("ask", 0), ("ask_size", 1), ("bid", 2), ("bid_size", 3)):
            tick[name][0, :depth] = shown[part : 4 * depth : 4]
        for name in ("volume", "signed_volume", "own_volume", "trades", "last", "ofi", "events"):
            tick[name] = state[name]
        tick["notional"] = (int(state["notional"]) + queue.RAW_PER_TICK // 2) // queue.RAW_PER_TICK
        tick["session"], tick["at_ns"] = session, at
        for name in ("bid", "bid_size", "ask", "ask_size"):
            tick[f"venue_{name}"][0, 0] = tick[name][0, 0]
        tick["venue_state"] = CLOSED  # absent, but for the first
        tick["venue_state"][0, 0] = session
        tick["venue_volume"][0, 0] = tick["volume"][0]
        return tick


def open_recorded(
    messages: Path, orderbook: Path, levels: int | None = None, *, latency_ns: Nanos
) -> RecordedMarket:
    """The recorded market of these files; Refused when they are not sound."""
    return RecordedMarket(read_recording(messages, orderbook, levels), latency_ns=latency_ns)
