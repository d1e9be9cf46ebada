"""What a match leaves behind: public prints, own reports, running totals of the day."""

import numpy as np

from engine.domain.kinds import (
    ACCEPTED,
    FILLED,
    HIDDEN,
    ICEBERG,
    LIT,
    REASON_NONE,
)
from engine.kernels.book import NIL, Book, Records
from engine.kernels.environment import Env, Row
from engine.kernels.jit import door, hot, inner
from engine.kernels.lit import group_quantity, price_at

SYMBOL_SHIFT = 40  # exec_id = symbol << 40 | running number: unique over all instruments of a day


@door
def touch(book: Book, st: Row) -> None:
    """Add what the last event did to the consolidated touch to the order-flow imbalance. [share]

    Source: Cont, Kukanov, Stoikov 2014; a side that was or is empty contributes nothing.
    """
    top = book.top[0]
    bid_level, ask_level = np.uint64(top["bid"]), np.uint64(top["ask"])
    bid = 0 if bid_level == np.uint64(0) else price_at(book, bid_level)
    ask = 0 if ask_level == top["end"] else price_at(book, ask_level)
    bid_size = group_quantity(book, bid_level)
    ask_size = group_quantity(book, ask_level)
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
    st: Row,
    reports: Records,
    kind: int,
    child: int,
    cum: int,
    leaves: int,
    reason: int,
    venue: int,
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
    row["venue"] = venue
    row["sub"] = 0
    return row


@inner
def add_hidden(env: Env, row: int) -> None:
    """Put an own order at the end of the list of hidden ones."""
    st = env.state[0]
    env.own[row]["behind"] = -1
    if st["hidden"] == 0:
        st["first_hidden"] = row
    else:
        env.own[st["last_hidden"]]["behind"] = row
    st["last_hidden"] = row
    st["hidden"] += 1


@inner
def forget_hidden(env: Env, row: int) -> None:
    """Take an own order out of the list of hidden ones, if it is there."""
    st = env.state[0]
    before = -1
    at = int(np.int64(st["first_hidden"]))
    while at >= 0 and at != row:
        before = at
        at = int(np.int64(env.own[at]["behind"]))
    if at < 0:
        return
    behind = env.own[row]["behind"]
    if before < 0:
        st["first_hidden"] = behind
    else:
        env.own[before]["behind"] = behind
    if behind < 0:
        st["last_hidden"] = before
    st["hidden"] -= 1


@inner
def leave(env: Env, row: int, state: int) -> None:
    """An own order works no more, whatever ended it."""
    own = env.own[row]
    own["leaves"] = 0
    own["state"] = state
    own["slot"] = NIL
    own["waiting"] = 0
    env.state[0]["own_live"] -= 1
    if own["type"] == HIDDEN:
        forget_hidden(env, row)
    elif own["type"] == ICEBERG:
        env.state[0]["icebergs"] -= 1


@hot
def end_own(env: Env, row: int, kind: int, reason: int, reports: Records) -> None:
    """End and report an own order that is in no book."""
    own = env.own[row]
    leave(env, row, kind)
    report(env.state[0], reports, kind, own["child"], own["cum"], 0, reason, own["venue"])


@inner
def report_fill(
    env: Env, row: int, reports: Records, price: int, sub: int, quantity: int, liquidity: int
) -> None:
    """Book a fill of an own order and report it; the order ends when nothing is left."""
    st = env.state[0]
    own = env.own[row]
    own["cum"] += quantity
    own["leaves"] -= quantity
    if own["leaves"] == 0:
        leave(env, row, FILLED)
    written = report(
        st,
        reports,
        FILLED,
        own["child"],
        own["cum"],
        own["leaves"],
        REASON_NONE,
        own["venue"],
    )
    written["price"] = price
    written["sub"] = sub
    written["quantity"] = quantity
    written["liquidity"] = liquidity
    st["pushed"] += np.float64(own["side"] * quantity)
    st["touched"] = 1


@inner
def print_trade(
    env: Env,
    trades: Records,
    venue: int,
    side: int,
    price: int,
    sub: int,
    quantity: int,
    own: int,
    hidden: int,
) -> Row:
    """Append a public print and add it to the totals of the day; its row."""
    st = env.state[0]
    row = trades[st["n_trades"]]
    st["n_trades"] += 1
    row["symbol"] = st["symbol"]
    row["side"] = side
    row["at_ns"] = st["at_ns"]
    row["price"] = price
    row["quantity"] = quantity
    row["own"] = own
    row["hidden"] = hidden
    row["venue"] = venue
    row["sub"] = sub
    row["auction"] = 0
    st["volume"] += quantity
    st["signed_volume"] += side * quantity
    st["own_volume"] += own
    st["notional"] += (price * 100 + sub) * quantity
    st["trades"] += 1
    st["venues"][venue]["volume"] += quantity
    if st["venues"][venue]["kind"] == LIT:
        st["last"] = price
    else:
        st["off_volume"] += quantity
    return row


@inner
def is_working(own: Row) -> bool:
    """Whether an own order can still trade."""
    return bool(own["state"] == ACCEPTED)
