"""The formats that ``feed check`` reads: their columns, and one row into events.

A format with a header names its columns, in any order and with others between them; what a row
must hold is said at its cells. What the sources declare, and what they do not, is in docs/feeds.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from engine.domain.errors import Refused
from engine.kernels import l3
from engine.runtime.feeds.event import (
    DAY_S,
    MOST_SHOWN,
    MOST_WHOLE,
    PRICE_UNIT,
    BadRow,
    Event,
    Names,
    bad,
    instant,
    one_of,
    price_of,
    real,
    size_of,
    stamp,
    whole,
)
from engine.runtime.feeds.lines import Line

Book: TypeAlias = Literal["orders", "levels", "quotes", "none"]
SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = DAY_S * SECOND_NS
MOST_ORDER: Final = 10_000_000  # contracts or coins of one order; a full level still fits int64
UNDEFINED: Final = str(2**63 - 1)  # a Databento price that is none

# flags of a Databento record
F_LAST, F_SNAPSHOT, F_BAD_STAMP, F_MAYBE_BAD = 128, 32, 8, 4
ANY_SIDE: Final = {"B": 1, "A": -1, "N": 0}
MBO_KINDS: Final = {
    "A": l3.ADD, "C": l3.DELETE, "M": l3.MODIFY, "R": l3.CLEAR, "T": l3.TRADE, "F": l3.FILL,
}  # fmt: skip
MBP_KINDS: Final = {"A": 0, "C": 0, "M": 0, "R": l3.CLEAR, "T": l3.TRADE}
LOBSTER_KINDS: Final = {
    1: l3.ADD, 2: l3.REDUCE, 3: l3.DELETE, 4: l3.FILL, 5: l3.HIDDEN_TRADE, 6: l3.CROSS_TRADE,
}  # fmt: skip
HALT_KINDS: Final = {-1: l3.HALTED, 0: l3.QUOTING, 1: l3.TRADING}
BITSTAMP_KINDS: Final = {"created": l3.ADD, "changed": l3.MODIFY, "deleted": l3.DELETE}


@dataclass(slots=True, kw_only=True)
class Desk:
    """What the rows of one file share while they are read."""

    symbol: str = ""  # of a file that names none
    midnight_ns: int = 0  # of the day, for stamps that count from it [UTC ns]
    symbols: Names = field(default_factory=Names)
    sources: Names = field(default_factory=Names)


class Row(NamedTuple):
    """One row and the desk it is read at; cells stand in the order of the format's columns."""

    number: int
    cells: Sequence[str]
    desk: Desk

    def symbol(self) -> int:
        """The number of the symbol of a file that names none in its rows."""
        return self.desk.symbols.of(self.desk.symbol)


Parse: TypeAlias = Callable[[Row], list[Event]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format: how a row is read and which checks mean something for it."""

    name: str
    what: str
    columns: tuple[str, ...]
    parse: Parse
    has_header: bool = True
    is_text: bool = False  # a row is one cell, commas and all
    book: Book = "none"
    by_venue_clock: bool = False  # rows are ordered by it; else by the receiver's
    may_repeat: bool = False  # two equal rows can be two events, and nothing tells
    is_per_name: bool = False  # each symbol of each source has an order of its own
    counts_up: bool = False  # seq rises by exactly one; a gap needs a new snapshot
    has_session: bool = False  # 09:30 to 16:00 New York; else trading never stops
    crossed_grace_ns: int = 0  # how long a book may be crossed before it counts
    stale_ns: int = 300 * SECOND_NS  # silence that is worth a note
    late_ns: int = 10 * SECOND_NS  # from venue to receipt; more is noted, 0 = it says nothing


# --- Databento --------------------------------------------------------------------------------


def _databento_flags(text: str) -> int:
    """Flags of the event form; a record that says its book may be bad is bad."""
    flags = whole("flags", text, 0, 255)
    if flags & F_MAYBE_BAD:
        raise BadRow("the sender says it lost records and its book may be bad", rule="gap")
    return (l3.LAST if flags & F_LAST else 0) | (l3.SNAPSHOT if flags & F_SNAPSHOT else 0)


def _mbo(row: Row) -> list[Event]:
    """Market by order: one record."""
    recv, event, action, side, price, size, flags, sequence, order = row.cells
    kind = one_of("action", action, MBO_KINDS)
    is_clear = kind == l3.CLEAR
    none = price == UNDEFINED and is_clear
    sides = ANY_SIDE if is_clear or kind in (l3.TRADE, l3.FILL) else {"B": 1, "A": -1}
    return [
        Event(
            venue_ns=instant("ts_event", event),
            local_ns=instant("ts_recv", recv),
            seq=whole("sequence", sequence, 0),
            row=row.number,
            symbol=row.symbol(),
            source=0,
            kind=kind,
            side=one_of("side", side, sides),
            flags=_databento_flags(flags),
            price=0 if none else _billionths("price_1e9", price),
            size=whole("size", size, 0 if is_clear else 1, MOST_ORDER) * 10**8,
            order=whole("order_id", order, 0),
        )
    ]


def _billionths(column: str, text: str, *, none: bool = False) -> int:
    """A price in 1e-9 of the currency; where ``none`` is allowed, undefined is 0."""
    if none and text == UNDEFINED:
        return 0
    return whole(column, text, 1, MOST_WHOLE - 1)


def _print(row: Row) -> Event:
    """The trade of a trades file, and of the first eight columns of MBP-1."""
    recv, event, _, side, price, size, flags, sequence = row.cells[:8]
    return Event(
        venue_ns=instant("ts_event", event),
        local_ns=instant("ts_recv", recv),
        seq=whole("sequence", sequence, 0),
        row=row.number,
        symbol=row.symbol(),
        source=0,
        kind=l3.TRADE,
        side=one_of("side", side, ANY_SIDE),
        flags=_databento_flags(flags),
        price=_billionths("price_1e9", price, none=True),
        size=whole("size", size, 0, 10**9) * 10**8,
    )


def _trades(row: Row) -> list[Event]:
    """Databento trades: nothing but T."""
    one_of("action", row.cells[2], {"T": 1})
    one = _print(row)
    if not one.price or not one.size:
        raise bad("price_1e9 and size", "> 0 in a trade", f"{row.cells[4]}, {row.cells[5]}")
    return [one]


def _mbp1(row: Row) -> list[Event]:
    """Best bid and ask after each record, and the trade when it is one."""
    kind = one_of("action", row.cells[2], MBP_KINDS)
    first = _print(row)
    said = _trades(row) if kind == l3.TRADE else []
    bid_px, ask_px, bid_sz, ask_sz, bid_ct, ask_ct = row.cells[8:14]
    for column, text in (("bid_ct", bid_ct), ("ask_ct", ask_ct)):
        whole(column, text, 0, 10**9)
    bid = first._replace(
        kind=l3.QUOTE,
        side=1,
        flags=first.flags & ~l3.LAST,
        price=_billionths("bid_px_1e9", bid_px, none=True),
        size=whole("bid_sz", bid_sz, 0, 10**9) * 10**8,
    )
    ask = first._replace(
        kind=l3.QUOTE,
        side=-1,
        price=_billionths("ask_px_1e9", ask_px, none=True),
        size=whole("ask_sz", ask_sz, 0, 10**9) * 10**8,
    )
    return [*said, _priced(bid), _priced(ask)]


def _priced(quote: Event) -> Event:
    """A quote has a price and a size, or neither."""
    if (quote.price > 0) != (quote.size > 0):
        raise BadRow(f"a quote must have price and size or neither, had {quote.price / 1e9:g}")
    return quote


# --- TAQ style --------------------------------------------------------------------------------


def _taq(row: Row, at: str, venue: str, symbol: str) -> Event:
    """What trades and quotes share."""
    if not venue.isalpha() or not symbol:
        raise bad("EX and SYMBOL", "a letter and a name", f"{venue}, {symbol}")
    return Event(
        venue_ns=stamp("DT", at),
        local_ns=0,
        seq=-1,
        row=row.number,
        symbol=row.desk.symbols.of(symbol),
        source=row.desk.sources.of(venue),
        kind=l3.TRADE,
        flags=l3.LAST,
    )


def _taq_trade(row: Row) -> list[Event]:
    """One print; its sale condition and correction code are the business of cleansing."""
    at, venue, symbol, condition, size, price, correction = row.cells
    if len(condition) > 8 or not condition.isascii():
        raise bad("COND", "at most 8 characters", condition)
    whole("CORR", correction, 0, 99)
    one = _taq(row, at, venue, symbol)
    return [one._replace(price=price_of("PRICE", price), size=size_of("SIZE", size))]


def _taq_quote(row: Row) -> list[Event]:
    """Best bid and offer of one venue; price 0 = nobody on that side."""
    at, venue, symbol, bid, bid_size, offer, offer_size = row.cells
    one = _taq(row, at, venue, symbol)._replace(kind=l3.QUOTE, side=1, flags=0)
    both = (
        one._replace(
            price=price_of("BID", bid, zero=True), size=size_of("BIDSIZ", bid_size, zero=True)
        ),
        one._replace(
            side=-1,
            flags=l3.LAST,
            price=price_of("OFR", offer, zero=True),
            size=size_of("OFRSIZ", offer_size, zero=True),
        ),
    )
    return [_priced(quote) for quote in both]


# --- LOBSTER, Bitstamp, Bybit, signals --------------------------------------------------------


def _lobster(row: Row) -> list[Event]:
    """One message; seconds after midnight, prices in 1/10,000."""
    at, kind, order, size, price, side = row.cells
    number = whole("type", kind, 1, 7)
    is_halt = number == 7
    seconds, _, decimals = at.partition(".")
    nanos = whole("time", seconds, 0, DAY_S) * SECOND_NS
    if decimals and (not decimals.isascii() or not decimals.isdigit() or len(decimals) > 15):
        raise bad("time", "seconds after midnight with at most 15 decimals", at)
    nanos += (int(decimals[:10].ljust(10, "0")) + 5) // 10
    cents = whole("price", price, *((-1, 1) if is_halt else (1, 9_999_999_998)))
    return [
        Event(
            venue_ns=row.desk.midnight_ns + nanos,
            local_ns=0,
            seq=-1,
            row=row.number,
            symbol=row.symbol(),
            source=0,
            kind=HALT_KINDS[cents] if is_halt else LOBSTER_KINDS[number],
            side=one_of("direction", side, {"1": 1, "-1": -1}),
            flags=l3.LAST,
            price=0 if is_halt else cents * (PRICE_UNIT // 10_000),
            size=whole("size", size, *((0, 0) if is_halt else (1, 10**8))) * 10**8,
            order=whole("order id", order, 1 if number <= 4 else -1),
        )
    ]


def _bitstamp(row: Row) -> list[Event]:
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


def _bybit(row: Row) -> list[Event]:
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


def _signal(row: Row) -> list[Event]:
    """One value of alternative data; ``at`` is when its owner says that it was known."""
    name, owner, symbol, at, value = row.cells
    if not name or not owner or not symbol or len(owner) > MOST_SHOWN:
        raise bad("name, owner and symbol", "not empty", f"{name}, {owner}, {symbol}")
    return [
        Event(
            venue_ns=stamp("at", at),
            local_ns=0,
            seq=-1,
            row=row.number,
            symbol=row.desk.symbols.of(symbol),
            source=row.desk.sources.of(f"{name} ({owner})"[:MOST_SHOWN]),
            kind=l3.SIGNAL,
            flags=l3.LAST,
            value=real("value", value),
        )
    ]


DATABENTO: Final = (
    "ts_recv", "ts_event", "action", "side", "price_1e9", "size", "flags", "sequence",
)  # fmt: skip
TOP: Final = ("bid_px_1e9", "ask_px_1e9", "bid_sz", "ask_sz", "bid_ct", "ask_ct")

FORMATS: Final = {
    one.name: one
    for one in (
        Format(
            name="lobster",
            what="LOBSTER message file; --orderbook gives the book file",
            columns=("time", "type", "order id", "size", "price", "direction"),
            parse=_lobster,
            has_header=False,
            by_venue_clock=True,
            has_session=True,
        ),
        Format(
            name="mbo",
            what="Databento market by order",
            columns=(*DATABENTO, "order_id"),
            parse=_mbo,
            book="orders",
        ),
        Format(
            name="mbp1",
            what="Databento best bid and ask with trades",
            columns=(*DATABENTO, *TOP),
            parse=_mbp1,
            book="quotes",
        ),
        Format(name="trades", what="Databento trades", columns=DATABENTO, parse=_trades),
        Format(
            name="taq-trades",
            what="TAQ style trades of all venues",
            columns=("DT", "EX", "SYMBOL", "COND", "SIZE", "PRICE", "CORR"),
            parse=_taq_trade,
            by_venue_clock=True,
            may_repeat=True,
            has_session=True,
        ),
        Format(
            name="taq-quotes",
            what="TAQ style best quotes of each venue",
            columns=("DT", "EX", "SYMBOL", "BID", "BIDSIZ", "OFR", "OFRSIZ"),
            parse=_taq_quote,
            book="quotes",
            by_venue_clock=True,
            may_repeat=True,
            has_session=True,
        ),
        Format(
            name="bitstamp",
            what="Bitstamp order events",
            columns=(
                "id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction",
            ),
            parse=_bitstamp,
            book="orders",
            crossed_grace_ns=SECOND_NS,  # an aggressive order is told before its fills
            late_ns=0,  # exchange.timestamp is that of the order, not of the event
        ),
        Format(
            name="bybit",
            what="Bybit order-book topic, snapshot and deltas",
            columns=("message",),
            parse=_bybit,
            has_header=False,
            is_text=True,
            book="levels",
            counts_up=True,
        ),
        Format(
            name="signal",
            what="a signal: alternative data with name and owner",
            columns=("name", "owner", "symbol", "at", "value"),
            parse=_signal,
            by_venue_clock=True,
            is_per_name=True,
            stale_ns=DAY_NS,
        ),
    )
}  # fmt: skip


def format_of(name: str) -> Format:
    """The format of that name."""
    if name not in FORMATS:
        raise Refused(f"format must be one of {', '.join(FORMATS)}, was {name}", field="format")
    return FORMATS[name]


def header(fmt: Format, line: Line) -> list[int]:
    """Where the columns of the format stand in this header; Refused when one is missing."""
    names = [cell.strip() for cell in line.cells()]
    missing = [name for name in fmt.columns if name not in names]
    if missing:
        raise Refused(
            f"the header of a {fmt.name} file must name {', '.join(fmt.columns)}; "
            f"missing: {', '.join(missing)}"
        )
    twice = [name for name in fmt.columns if names.count(name) > 1]
    if twice:
        raise Refused(f"the header must name each column once, names {', '.join(twice)} twice")
    return [names.index(name) for name in fmt.columns]
