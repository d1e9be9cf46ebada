"""The lock-step channel between the engine and the exchange process: both ends' framing.

One MessagePack map asks, one answers, over DEALER/ROUTER. Rows travel as the bytes of their dtype.
``(epoch, link)`` is the fencing token: every `hello` takes a higher one, and what carries a lower
one is refused. So nothing that an older engine, or an older connection, left in a socket acts.
A request repeated with the same ``turn`` is answered from memory and acts once.
"""

import zlib
from collections.abc import Iterable
from itertools import chain
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.domain.executions import EXECUTION, ORDER
from engine.domain.incidents import Happening
from engine.domain.instrument import Instrument, Session
from engine.domain.market import TICK, TRADE
from engine.domain.venue import Venue

Incident = Happening


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine asks. ``op``: hello, advance, books, queues, ping, incident."""

    op: str
    epoch: int
    link: int  # counts the hellos of an epoch
    turn: int = 0  # counts the advances of a link, from 1
    from_ns: int = 0  # the market time the engine knows; the market is brought there first
    to_ns: int = 0
    messages: bytes = b""
    tags: dict[str, dict[str, str]] = {}
    session: Session | None = None
    symbols: tuple[str, ...] = ()
    seed: int = 0
    since: int = 0  # books: reports after this many
    after: int = 0  # books: orders that changed after this mark, 0 = all
    incident: Incident | None = None
    code: str = ""  # hello: hash of what trades at the engine


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One child as the exchange knows it."""

    child: int
    symbol: int
    side: int
    price: int
    quantity: int
    cum: int
    leaves: int  # > 0 only while it works or is on its way
    state: int  # kind of its last report, 0 = on its way
    reason: int
    tags: dict[str, str]
    type: int = 0
    venue: int = 0
    requests: tuple[int, ...] = ()  # numbers of the replaces that came


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange answers. ``refusal`` is a sentence, "" when it was done."""

    op: str
    epoch: int
    link: int
    turn: int = 0
    refusal: str = ""
    at_ns: int = 0
    session: int = 0
    reports: bytes = b""
    trades: bytes = b""
    ticks: bytes = b""
    instruments: tuple[Instrument, ...] = ()
    source: str = ""
    venues: tuple[Venue, ...] = ()  # hello: where orders may go; index = place in records
    orders: tuple[Order, ...] = ()
    mark: int = 0  # books: of the newest change
    check: int = 0  # books: over every order of the day, whatever is sent of them
    queues: dict[int, int] = {}  # child: shares before it
    code: str = ""  # hello: hash of what trades at the exchange


_ENCODER: Final = msgspec.msgpack.Encoder()
_ASK: Final = msgspec.msgpack.Decoder(Ask)
_ANSWER: Final = msgspec.msgpack.Decoder(Answer)


def check_of(orders: Iterable[tuple[int, int, int]]) -> int:
    """CRC-32 over child, cum and leaves of orders, in the order in which they came."""
    return zlib.crc32(np.fromiter(chain.from_iterable(orders), np.int64).tobytes())


def pack(message: Ask | Answer) -> bytes:
    """MessagePack bytes of either."""
    return _ENCODER.encode(message)


def to_ask(raw: bytes) -> Ask:
    """A request; raises msgspec.DecodeError when it is none."""
    return _ASK.decode(raw)


def to_answer(raw: bytes) -> Answer:
    """An answer; raises msgspec.DecodeError when it is none."""
    return _ANSWER.decode(raw)


def messages_of(raw: bytes) -> NDArray[np.void]:
    """ORDER rows of their bytes."""
    return np.frombuffer(raw, ORDER)


def reports_of(raw: bytes) -> NDArray[np.void]:
    """EXECUTION rows of their bytes."""
    return np.frombuffer(raw, EXECUTION)


def trades_of(raw: bytes) -> NDArray[np.void]:
    """TRADE rows of their bytes."""
    return np.frombuffer(raw, TRADE)


def ticks_of(raw: bytes) -> NDArray[np.void]:
    """TICK rows of their bytes."""
    return np.frombuffer(raw, TICK)
