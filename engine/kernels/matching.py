"""Price-time priority at one lit venue: displayed orders, hidden ones behind them, icebergs.

At every price the displayed queue trades first, then the hidden orders in the order they came.
A part of an iceberg that is used up is replaced at the end of the queue. An own aggressor never
trades with an own order: it stops there, and its remainder is cancelled.
"""

from typing import Final

import numpy as np

from engine.domain.kinds import AGGRESSIVE, PASSIVE
from engine.kernels.book import NIL, Records, rest, take_level
from engine.kernels.environment import LIT_VENUES, Env, Row
from engine.kernels.jit import apart, hot, inner, leaf
from engine.kernels.ladder import U1
from engine.kernels.lit import (
    best_level,
    first_own,
    is_no_level,
    level_at,
    next_down,
    next_up,
    price_at,
    touch_price,
)
from engine.kernels.prints import print_trade, report_fill

NO_ROW: Final = -1


@inner
def best_hidden(env: Env, venue: int, side: int) -> int:
    """Row of the own hidden order of a side that trades first at a venue, NO_ROW = none."""
    found = NO_ROW
    row = int(np.int64(env.state[0]["first_hidden"]))
    while row >= 0:
        own = env.own[row]
        if own["venue"] == venue and own["side"] == side:
            if found == NO_ROW or side * (own["price"] - env.own[found]["price"]) > 0:
                found = row
        row = int(np.int64(own["behind"]))
    return found


@inner
def hidden_before(env: Env, venue: int, side: int, limit: int, level: np.uint64) -> int:
    """Row of an opposite own hidden order that an aggressor meets before a level, or NO_ROW."""
    if env.state[0]["hidden"] == 0:
        return NO_ROW
    row = best_hidden(env, venue, -side)
    if row == NO_ROW:
        return NO_ROW
    price = env.own[row]["price"]
    if side * (limit - price) < 0:
        return NO_ROW
    if not is_no_level(env.book, level) and side * (price_at(env.book, level) - price) <= 0:
        return NO_ROW
    return row


@inner
def take_hidden(
    env: Env, row: int, side: int, quantity: int, reports: Records, trades: Records
) -> int:
    """A background aggressor trades with an own hidden order; what it has left. [share]"""
    own = env.own[row]
    price, venue = int(np.int64(own["price"])), int(np.int64(own["venue"]))
    traded = min(quantity, int(np.int64(own["leaves"])))
    report_fill(env, row, reports, price, 0, traded, PASSIVE)
    print_trade(env, trades, venue, side, price, 0, traded, traded, 1)
    return quantity - traded


@inner
def show_more(env: Env, row: int, level: np.uint64) -> None:
    """The part of an own order that stood in the book is used up: show the next one, if any."""
    own = env.own[row]
    own["slot"] = NIL
    if own["leaves"] <= 0:
        return
    part = min(int(np.int64(own["display"])), int(np.int64(own["leaves"])))
    own["slot"] = rest(env.book, int(np.int64(own["side"])), level, part, int(np.int64(row + 1)))
    if own["slot"] == NIL:
        env.state[0]["lost"] += 1


@inner
def book_makers(env: Env, level: np.uint64, price: int, n: int, reports: Records) -> int:
    """Report the own orders among n fills of one level; our shares in them. [share]"""
    ours = 0
    for i in range(n):
        fill = env.fills[i]
        if fill["maker"] != 0:
            row = int(np.int64(fill["maker"])) - 1
            quantity = int(np.int64(fill["quantity"]))
            is_used_up = fill["left"] == 0
            ours += quantity
            report_fill(env, row, reports, price, 0, quantity, PASSIVE)
            if is_used_up:
                show_more(env, row, level)
    return ours


@apart
def take_queue(
    env: Env,
    level: np.uint64,
    venue: int,
    side: int,
    quantity: int,
    tag: int,
    reports: Records,
    trades: Records,
) -> int:
    """Trade with the displayed queue of one level: one print; what is left. [share]"""
    book = env.book
    price = price_at(book, level)
    left = quantity
    ours = 0
    while left > 0 and np.uint64(book.nodes[level]["next"]) != level:
        left, n = take_level(book, level, left, tag, env.fills, 0)
        ours += book_makers(env, level, price, n, reports)
    if tag != 0:
        ours = quantity - left
        report_fill(env, tag - 1, reports, price, 0, ours, AGGRESSIVE)
    print_trade(env, trades, venue, side, price, 0, quantity - left, ours, 0)
    return left


@apart
def take_at(
    env: Env,
    venue: int,
    side: int,
    limit: int,
    quantity: int,
    tag: int,
    reports: Records,
    trades: Records,
) -> tuple[int, bool]:
    """Match an aggressor at one venue: (what it has left, whether an own order stopped it)."""
    book = env.book
    left = quantity
    while left > 0:
        level = best_level(book, venue, -side)
        row = hidden_before(env, venue, side, limit, level)
        if row != NO_ROW:
            if tag != 0:
                return left, True
            left = take_hidden(env, row, side, left, reports, trades)
            continue
        if is_no_level(book, level) or side * (limit - price_at(book, level)) < 0:
            break
        if tag == 0:
            left = take_queue(env, level, venue, side, left, 0, reports, trades)
            continue
        before, is_ours = first_own(book, level)
        if is_ours and before < left:
            if before > 0:
                rests = take_queue(env, level, venue, side, before, tag, reports, trades)
                left -= before - rests
            return left, True
        left = take_queue(env, level, venue, side, left, tag, reports, trades)
    return left, False


@inner
def reach_at(env: Env, venue: int, side: int, limit: int, quantity: int) -> tuple[int, int]:
    """What an own aggressor would trade at a venue before an own order: (shares, prices)."""
    book = env.book
    level = best_level(book, venue, -side)
    shares = 0
    prices = 0
    while shares < quantity and not is_no_level(book, level):
        if side * (limit - price_at(book, level)) < 0:
            break
        if hidden_before(env, venue, side, limit, level) != NO_ROW:
            break
        before, is_ours = first_own(book, level)
        shares += before
        prices += 1
        if is_ours:
            break
        level = next_up(book, venue, level + U1) if side > 0 else next_down(book, venue, level - U1)
    return min(shares, quantity), prices


@leaf
def first_venue(st: Row, bits: np.uint64) -> int:
    """Venue of a background order, by share, from 8 bits of its hash."""
    return venue_by_share(st["cut_a"], st["cut_b"], bits)


@leaf
def venue_by_share(cut_a: int, cut_b: int, bits: np.uint64) -> int:
    """As `first_venue`, for a loop that has the shares at hand."""
    part = np.int64((bits >> np.uint64(15)) & np.uint64(255))
    return int(part >= cut_a) + int(part >= cut_b)


@hot
def sweep(
    env: Env,
    first: int,
    side: int,
    limit: int,
    quantity: int,
    reports: Records,
    trades: Records,
) -> None:
    """A background aggressor takes the best price at all venues, then the next, from ``first``."""
    book = env.book
    left = quantity
    while left > 0:
        price = touch_price(book, -side)
        if price == 0 or side * (limit - price) < 0:
            return
        for k in range(LIT_VENUES):
            venue = (first + k) % LIT_VENUES
            level = level_at(book, price, venue)
            if left > 0 and book.nodes[level]["quantity"] > 0:
                left, _ = take_at(env, venue, side, price, left, 0, reports, trades)
