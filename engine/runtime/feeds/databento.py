"""Databento CSV: market by order, trades, and the best quotes with trades."""

from typing import Final

from engine.kernels import l3
from engine.runtime.feeds.event import MOST_WHOLE, BadRow, Event, bad, instant, one_of, whole
from engine.runtime.feeds.row import MOST_ORDER, Row, priced

COLUMNS: Final = (
    "ts_recv", "ts_event", "action", "side", "price_1e9", "size", "flags", "sequence",
)  # fmt: skip
TOP: Final = ("bid_px_1e9", "ask_px_1e9", "bid_sz", "ask_sz", "bid_ct", "ask_ct")
UNDEFINED: Final = str(2**63 - 1)  # a price that is none

# flags of a Databento record
F_LAST, F_SNAPSHOT, F_BAD_STAMP, F_MAYBE_BAD = 128, 32, 8, 4
ANY_SIDE: Final = {"B": 1, "A": -1, "N": 0}
MBO_KINDS: Final = {
    "A": l3.ADD, "C": l3.DELETE, "M": l3.MODIFY, "R": l3.CLEAR, "T": l3.TRADE, "F": l3.FILL,
}  # fmt: skip
MBP_KINDS: Final = {"A": 0, "C": 0, "M": 0, "R": l3.CLEAR, "T": l3.TRADE}


def _databento_flags(text: str) -> int:
    """Flags of the event form; a record that says its book may be bad is bad."""
    flags = whole("flags", text, 0, 255)
    if flags & F_MAYBE_BAD:
        raise BadRow("the sender says it lost records and its book may be bad", rule="gap")
    return (l3.LAST if flags & F_LAST else 0) | (l3.SNAPSHOT if flags & F_SNAPSHOT else 0)


def mbo(row: Row) -> list[Event]:
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


def trades(row: Row) -> list[Event]:
    """Databento trades: nothing but T."""
    one_of("action", row.cells[2], {"T": 1})
    one = _print(row)
    if not one.price or not one.size:
        raise bad("price_1e9 and size", "> 0 in a trade", f"{row.cells[4]}, {row.cells[5]}")
    return [one]


def mbp1(row: Row) -> list[Event]:
    """Best bid and ask after each record, and the trade when it is one."""
    kind = one_of("action", row.cells[2], MBP_KINDS)
    first = _print(row)
    said = trades(row) if kind == l3.TRADE else []
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
    return [*said, priced(bid), priced(ask)]
