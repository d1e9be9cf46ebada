"""The formats that ``feed check`` reads: their columns, and one row into events.

A format with a header names its columns, in any order and with others between them; what a row
must hold is said at its cells. What the sources declare, and what they do not, is in docs/feeds.md.
"""

from typing import Final

from engine.domain.errors import Refused
from engine.kernels import l3
from engine.runtime.feeds import coins, databento
from engine.runtime.feeds.event import (
    DAY_S,
    MOST_SHOWN,
    PRICE_UNIT,
    Event,
    bad,
    one_of,
    price_of,
    real,
    size_of,
    stamp,
    whole,
)
from engine.runtime.feeds.lines import Line
from engine.runtime.feeds.row import DAY_NS, SECOND_NS, Format, Row, priced

LOBSTER_KINDS: Final = {
    1: l3.ADD, 2: l3.REDUCE, 3: l3.DELETE, 4: l3.FILL, 5: l3.HIDDEN_TRADE, 6: l3.CROSS_TRADE,
}  # fmt: skip
HALT_KINDS: Final = {-1: l3.HALTED, 0: l3.QUOTING, 1: l3.TRADING}


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
    return [priced(quote) for quote in both]


# --- LOBSTER, signals -------------------------------------------------------------------------


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
            columns=(*databento.COLUMNS, "order_id"),
            parse=databento.mbo,
            book="orders",
        ),
        Format(
            name="mbp1",
            what="Databento best bid and ask with trades",
            columns=(*databento.COLUMNS, *databento.TOP),
            parse=databento.mbp1,
            book="quotes",
        ),
        Format(
            name="trades",
            what="Databento trades",
            columns=databento.COLUMNS,
            parse=databento.trades,
        ),
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
            parse=coins.bitstamp,
            book="orders",
            crossed_grace_ns=SECOND_NS,  # an aggressive order is told before its fills
            late_ns=0,  # exchange.timestamp is that of the order, not of the event
        ),
        Format(
            name="bybit",
            what="Bybit order-book topic, snapshot and deltas",
            columns=("message",),
            parse=coins.bybit,
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
