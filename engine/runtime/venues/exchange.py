"""The engine's end of the simulated or replayed exchange. Keeps the port ``ports.Venue``.

``ExchangeVenue`` talks to the exchange process; ``DirectVenue`` calls the same exchange in this
process, for tests, past days and decision replay. A time-out means *unknown*: say `hello` again
and ask for the `books`. Nothing of a broken link can act later: its token is too old.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.executions import orders
from engine.domain.instrument import Instrument, Session
from engine.domain.units import Nanos, Symbol
from engine.domain.venue import Venue
from engine.runtime.code import differs, trading_hash
from engine.runtime.ports import VenueSilent, VersionDiffers
from engine.runtime.reconcile import VenueBooks
from engine.runtime.venues.mirror import Mirror
from engine.runtime.venues.wire import (
    Answer,
    Ask,
    Incident,
    Order,
    pack,
    reports_of,
    ticks_of,
    to_answer,
    trades_of,
)

TIMEOUT_MS: Final = 2_000
ALIVE_MS: Final = 500  # between two words that the owner thread is alive, while it waits
PATIENT_MS: Final = {"hello": 2_000, "books": 30_000}  # doubled from try to try up to this
HELLO_TIMEOUT_MS: Final = (
    60_000  # re-opening a day runs it again, on a cold cache it compiles first
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What happened up to and including ``at_ns``, in venue order."""

    at_ns: Nanos
    session: int  # PRE_OPEN, CONTINUOUS, CLOSED, HALTED
    reports: NDArray[np.void]  # EXECUTION
    trades: NDArray[np.void]  # TRADE
    ticks: NDArray[np.void]  # TICK, one an instrument


class _Venue(ABC):
    """What both ways have in common: tokens, turns, rows."""

    def __init__(self) -> None:
        self._epoch = 0
        self._link = 0
        self._turn = 0
        self._at = Nanos(0)
        self._code = ""  # of ours; "" = the exchange is in this process
        self._symbols: tuple[Symbol, ...] = ()
        self._mirror = Mirror()
        self.source = ""
        self.venues: tuple[Venue, ...] = ()  # of the day, as the last hello said

    @abstractmethod
    def _ask(self, ask: Ask) -> Answer:
        """The answer, or VenueSilent."""

    def _done(self, answer: Answer) -> Answer:
        if answer.refusal:
            raise BrokenInvariant(f"the exchange refuses: {answer.refusal}")
        self._at = Nanos(answer.at_ns)
        return answer

    def hello(
        self, session: Session, instruments: tuple[Instrument, ...], seed: int, epoch: int
    ) -> Nanos:
        """Open or re-open the day; the venue's own time comes back.

        Raises BrokenInvariant when a newer engine holds the exchange, or when it runs another day
        or other instruments.
        """
        self._link = self._link + 1 if epoch == self._epoch else 1
        self._epoch, self._turn = epoch, 0
        self._mirror = Mirror()
        self._symbols = tuple(instrument.symbol for instrument in instruments)
        symbols = tuple(str(symbol) for symbol in self._symbols)
        ask = Ask(
            op="hello", epoch=epoch, link=self._link, session=session, symbols=symbols, seed=seed,
            code=self._code,
        )  # fmt: skip
        answer = self._ask(ask)
        if other := differs("the exchange", answer.code, self._code):
            raise VersionDiffers(other)
        self._done(answer)
        self.source = answer.source
        self.venues = answer.venues
        return self._at

    def advance(
        self, to_ns: Nanos, messages: NDArray[np.void], tags: dict[str, dict[str, str]]
    ) -> Advance:
        """Deliver messages, then move; ``to_ns`` may be now. Tags are by child id."""
        self._turn += 1
        ask = Ask(
            op="advance",
            epoch=self._epoch,
            link=self._link,
            turn=self._turn,
            from_ns=self._at,
            to_ns=to_ns,
            messages=orders(messages).tobytes(),
            tags=tags,
        )
        answer = self._done(self._ask(ask))
        return Advance(
            at_ns=self._at,
            session=answer.session,
            reports=reports_of(answer.reports),
            trades=trades_of(answer.trades),
            ticks=ticks_of(answer.ticks),
        )

    def orders(self) -> tuple[Order, ...]:
        """Every child of the day as the venue knows it, with its tags."""
        return self._books(0, after=0).orders

    def books(self, since: int = 0, *, whole: bool = True) -> tuple[NDArray[np.void], VenueBooks]:
        """Every REPORT of the day after the first ``since``, and what it knows of our orders.

        whole : every order is sent; else those that changed since the last time are, and what was
        told before stands only if the exchange's sum over all its orders is that of ours.
        """
        answer = self._books(since, after=0 if whole else self._mirror.mark)
        if not self._mirror.take(answer, whole=whole):
            answer = self._books(since, after=0)
            self._mirror.take(answer, whole=True)
        return reports_of(answer.reports), self._mirror.books(self._symbols)

    def _books(self, since: int, *, after: int) -> Answer:
        ask = Ask(op="books", epoch=self._epoch, link=self._link, since=since, after=after)
        return self._done(self._ask(ask))

    def queues(self) -> dict[int, int]:
        """Shares before each own resting order, by child. [share]"""
        return self._done(self._ask(Ask(op="queues", epoch=self._epoch, link=self._link))).queues

    def incident(self, incident: Incident) -> Nanos:
        """Let something happen to the market, for a drill; when it began. Refused in a replay."""
        answer = self._ask(
            Ask(op="incident", epoch=self._epoch, link=self._link, incident=incident)
        )
        if answer.refusal:
            raise Refused(answer.refusal)
        self._done(answer)
        return self._at

    def ping(self) -> Nanos:
        """Tell the exchange that the desk is alive while the market stands; its time."""
        self._done(self._ask(Ask(op="ping", epoch=self._epoch, link=self._link)))
        return self._at


class ExchangeVenue(_Venue):
    """The exchange process at the other end of a socket."""

    def __init__(
        self,
        address: str | Path,
        *,
        timeout_ms: int = TIMEOUT_MS,
        hello_timeout_ms: int = HELLO_TIMEOUT_MS,
        crash: Callable[[str], None] | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._address = f"ipc://{address}" if isinstance(address, Path) else address
        self._timeout_ms = timeout_ms
        self._first_waits = {"hello": hello_timeout_ms, "books": timeout_ms}
        self._waits = dict(self._first_waits)
        self._alive = alive  # said before every question: waiting for its answer is no silence
        self._code = trading_hash()
        self._crash = crash  # named crash points of the fault lab
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None

    def _open(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            self._socket = self._context.socket(zmq.DEALER)
            self._socket.setsockopt(zmq.LINGER, 0)
            self._socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing waits for a peer that is away
            self._socket.connect(self._address)
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, ask: Ask) -> Answer:
        timeout = self._waits.get(ask.op, self._timeout_ms)
        socket = self._open()
        self._alive()
        try:
            # a peer that is away shows within the short time-out, whatever the question
            if not socket.poll(min(timeout, self._timeout_ms), zmq.POLLOUT):
                raise VenueSilent("nobody listens at its socket")
            socket.send(pack(ask))
            if self._crash is not None and ask.messages:
                self._crash("after_send")  # in the socket, no answer read
            answer = self._answer(socket, ask, timeout)
            if answer is None:
                self._wait_longer(ask.op, timeout)
                raise VenueSilent(f"no answer to {ask.op} within {timeout / 1000:g} s")
        except (VenueSilent, zmq.ZMQError, msgspec.DecodeError) as error:
            self._drop()  # what is still in it must not arrive later
            if isinstance(error, VenueSilent):
                raise
            raise VenueSilent(str(error)) from error
        self._waits[ask.op] = self._first_waits.get(ask.op, self._timeout_ms)
        return answer

    def _answer(self, socket: "zmq.Socket[bytes]", ask: Ask, timeout_ms: int) -> Answer | None:
        """The answer to this ask, None when it does not come; says meanwhile that we are alive."""
        waited = 0
        while waited < timeout_ms:
            slice_ms = min(ALIVE_MS, timeout_ms - waited)
            if not socket.poll(slice_ms):
                waited += slice_ms
                self._alive()
                continue
            answer = to_answer(socket.recv())
            if (answer.op, answer.link, answer.turn) == (ask.op, ask.link, ask.turn):
                return answer
        return None

    def _wait_longer(self, op: str, waited_ms: int) -> None:
        """It is there and slow: a starved one, or one with a long day to tell, is heard at last."""
        if op in PATIENT_MS:
            most = max(PATIENT_MS[op], self._first_waits.get(op, 0))
            self._waits[op] = min(2 * waited_ms, most)

    def close(self) -> None:
        """Hang up; queued bytes are dropped."""
        self._drop()
        self._context.destroy(linger=0)


class DirectVenue(_Venue):
    """The same exchange in this process: ``handle`` is ``engine.exchange.core.Exchange.handle``."""

    def __init__(self, handle: Callable[[Ask], Answer]) -> None:
        super().__init__()
        self._handle = handle

    def _ask(self, ask: Ask) -> Answer:
        return self._handle(ask)

    def close(self) -> None:
        """Nothing to hang up."""
