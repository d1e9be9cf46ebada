"""Feeds of coin exchanges: the order events of Bitstamp, the order book of Bybit."""

from typing import Final, Literal

import msgspec

from engine.kernels import l3
from engine.runtime.feeds.event import BadRow, Event, instant, one_of, price_of, size_of, whole
from engine.runtime.feeds.row import MOST_ORDER, Row

BITSTAMP_KINDS: Final = {"created": l3.ADD, "changed": l3.MODIFY, "deleted": l3.DELETE}


def bitstamp(row: Row) -> list[Event]:
    """One order event; volume is what is left, in hundred-millionths of a coin."""
    order, at, venue_at, price, volume, action, direction = row.cells
    kind = one_of("action", action, BITSTAMP_KINDS)
    left = whole("volume", volume, 0 if kind == l3.DELETE else 1, MOST_ORDER * 10**8)
    return [
        Event(
            venue_ns=instant("exchange.timestamp", venue_at, 10**6),
            local_ns=instant("timestamp", at, 10**6),
            seq=-1,
            row=row.number,
            symbol=row.symbol(),
            source=0,
            kind=kind,
            side=one_of("direction", direction, {"bid": 1, "ask": -1}),
            flags=l3.LAST,
            price=price_of("price", price),
            size=0 if kind == l3.DELETE else left,
            order=whole("id", order, 0),
        )
    ]


class _Levels(msgspec.Struct, frozen=True):
    """The ``data`` of a Bybit message: price and size as text, size 0 = the level is gone."""

    s: str
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    u: int
    seq: int


class _Message(msgspec.Struct, frozen=True):
    """One message of a Bybit order-book topic."""

    topic: str
    type: Literal["snapshot", "delta"]
    ts: int
    data: _Levels
    cts: int


BYBIT: Final = msgspec.json.Decoder(_Message)


def bybit(row: Row) -> list[Event]:
    """One message: every level of a snapshot, or those that changed."""
    try:
        said = BYBIT.decode(row.cells[0])
    except (msgspec.DecodeError, RecursionError) as why:
        raise BadRow(f"a row must be an order-book message: {why}") from None
    is_all = said.type == "snapshot"
    first = Event(
        venue_ns=instant("cts", str(said.cts), 10**6),
        local_ns=instant("ts", str(said.ts), 10**6),
        seq=whole("u", str(said.data.u), 0),
        row=row.number,
        symbol=row.desk.symbols.of(said.data.s),
        source=0,
        kind=l3.CLEAR,
        flags=l3.SNAPSHOT if is_all else 0,
    )
    events = [first] if is_all else []
    for side, levels in ((1, said.data.b), (-1, said.data.a)):
        for price, size in levels:
            events.append(
                first._replace(
                    kind=l3.LEVEL,
                    side=side,
                    price=price_of("price", price),
                    size=size_of("size", size, zero=not is_all),
                )
            )
    if not events:
        return [first._replace(kind=l3.LEVEL, flags=l3.LAST)]
    return [*events[:-1], events[-1]._replace(flags=events[-1].flags | l3.LAST)]
