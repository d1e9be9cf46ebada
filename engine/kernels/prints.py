"""What a match leaves behind: public prints, own reports, running totals of the day."""

import numpy as np

from engine.domain.kinds import (
    ACCEPTED,
    AGGRESSIVE,
    FILLED,
    PASSIVE,
    REASON_NONE,
)
from engine.kernels.book import NIL, TAPE_FULL, Book, Records, match
from engine.kernels.environment import Row
from engine.kernels.jit import hot, leaf

SYMBOL_SHIFT = 40  # exec_id = symbol << 40 | running number: unique over all instruments of a day


@leaf
def touch(book: Book, st: Row) -> None:
    """Add what the last event did to the touch to the order-flow imbalance. [share]

    Source: Cont, Kukanov, Stoikov 2014; a side that was or is empty contributes nothing.
    """
    top = book.top[0]
    bid_level, ask_level = top["bid"], top["ask"]
    bid = 0 if bid_level == np.uint64(0) else int(np.int64(bid_level)) + top["offset"]
    ask = 0 if ask_level == top["end"] else int(np.int64(ask_level)) + top["offset"]
    bid_size = book.nodes[bid_level]["quantity"]
    ask_size = book.nodes[ask_level]["quantity"]
    change = 0
    if bid != 0 and st["bid"] != 0:
        if bid >= st["bid"]:
            change += bid_size
        if bid <= st["bid"]:
            change -= st["bid_size"]
    if ask != 0 and st["ask"] != 0:
        if ask <= st["ask"]:
            change -= ask_size
        if ask >= st["ask"]:
            change += st["ask_size"]
    st["ofi"] += change
    st["bid"], st["ask"] = bid, ask
    st["bid_size"], st["ask_size"] = bid_size, ask_size


@hot
def report(
    st: Row, reports: Records, kind: int, child: int, cum: int, leaves: int, reason: int
) -> Row:
    """Append a REPORT without a fill; its row, for the caller to complete."""
    row = reports[st["n_reports"]]
    st["n_reports"] += 1
    st["executions"] += 1
    row["kind"] = kind
    row["symbol"] = st["symbol"]
    row["child"] = child
    row["exec_id"] = (st["symbol"] << SYMBOL_SHIFT) | st["executions"]
    row["venue_ns"] = st["at_ns"]
    row["price"] = 0
    row["quantity"] = 0
    row["cum"] = cum
    row["leaves"] = leaves
    row["reason"] = reason
    row["liquidity"] = 0
    row["bid"] = st["bid"]
    row["ask"] = st["ask"]
    return row


@hot
def report_fill(
    st: Row, own: Row, reports: Records, price: int, quantity: int, liquidity: int
) -> None:
    """Book a fill of an own order and report it; the order ends when nothing is left."""
    own["cum"] += quantity
    own["leaves"] -= quantity
    if own["leaves"] == 0:
        own["state"] = FILLED
        own["slot"] = NIL
        st["own_live"] -= 1
    row = report(st, reports, FILLED, own["child"], own["cum"], own["leaves"], REASON_NONE)
    row["price"] = price
    row["quantity"] = quantity
    row["liquidity"] = liquidity
    st["pushed"] += np.float64(own["side"] * quantity)
    st["touched"] = 1


@hot
def print_trade(st: Row, trades: Records, side: int, price: int, quantity: int, own: int) -> None:
    """Append a public print and add it to the totals of the day."""
    row = trades[st["n_trades"]]
    st["n_trades"] += 1
    row["symbol"] = st["symbol"]
    row["side"] = side
    row["at_ns"] = st["at_ns"]
    row["price"] = price
    row["quantity"] = quantity
    row["own"] = own
    row["hidden"] = 0
    st["volume"] += quantity
    st["signed_volume"] += side * quantity
    st["own_volume"] += own
    st["notional"] += price * quantity
    st["trades"] += 1
    st["last"] = price


@hot
def book_fills(
    st: Row, own: Records, fills: Records, n: int, side: int, reports: Records, trades: Records
) -> None:
    """Turn n fills of one aggressor into one print a price and a report for each own order.

    An own aggressor is reported once a price, after the own orders it met there. Trading with
    ourselves counts the shares once in the print and cancels out in the own impact.
    """
    taker = fills[0]["taker"]
    first = 0
    while first < n:
        price = fills[first]["price"]
        total = 0
        ours = 0
        last = first
        while last < n and fills[last]["price"] == price:
            quantity = fills[last]["quantity"]
            total += quantity
            maker = fills[last]["maker"]
            if maker != 0:
                ours += quantity
                report_fill(st, own[maker - 1], reports, price, quantity, PASSIVE)
            last += 1
        if taker != 0:
            ours = total
            report_fill(st, own[taker - 1], reports, price, total, AGGRESSIVE)
        print_trade(st, trades, side, price, total, ours)
        first = last


@hot
def take(
    st: Row,
    book: Book,
    own: Records,
    fills: Records,
    order: tuple[int, int, int, int],
    reports: Records,
    trades: Records,
) -> int:
    """Match an aggressor (side, limit price, quantity, tag); the quantity it has left. [share]"""
    side, limit, left, tag = order
    status = TAPE_FULL
    while status == TAPE_FULL:
        left, n, status = match(book, side, limit, left, tag, fills, 0)
        if n > 0:
            book_fills(st, own, fills, n, side, reports, trades)
    return left


@hot
def is_working(own: Row) -> bool:
    """Whether an own order can still trade."""
    return bool(own["state"] == ACCEPTED)
