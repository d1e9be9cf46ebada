"""Auctions: one price for all at the open, at the close and after a halt.

Orders of others are drawn by (seed, auction, number): side, limit as a distance from the
reference (or none), size, when they came. The reference moves with the market, own impact
included, until the auction; own orders stand in the same list. The price is the one of a band of
512 ticks at which most shares trade, then the fewest are left over, then nearest the reference.
Who trades: without a limit first, then the better limit, then who came first.

Auction prints stay out of the day's volume and turnover (docs/numbers.md): they have a volume of
their own, and interval VWAP leaves them out.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import (
    ACCEPTED,
    AT_CLOSE,
    CANCELLED,
    CONTINUOUS,
    EXPIRED,
    PASSIVE,
    PRE_OPEN,
    REASON_BAD_QUANTITY,
    REASON_CLOSED,
    REASON_SELF_MATCH,
)
from engine.kernels.environment import SECOND_NS, Env
from engine.kernels.jit import door, hot, inner, leaf
from engine.kernels.off_state import (
    BAND,
    CLOSING,
    OPENING,
    POOLS,
    PRIMARY,
    Records,
    Row,
    join,
    meets_own,
    tidy,
)
from engine.kernels.prints import end_own, report_fill
from engine.kernels.rng import draw

ORDERS: Final = 64  # of others; one more is the day's imbalance
WINDOW_NS: Final = 600 * SECOND_NS  # they come within the last ten minutes
WIDTH: Final = 12.0  # limits lie this far around the reference, times volatility [tick]
BASE_SIGMA: Final = 0.47
NO_LIMIT: Final = 3  # every third order of a side takes any price
WILLING: Final = 1.43  # all orders of a side, relative to those that trade
TURNOVER: Final = (0.015, 0.080, 0.010)  # shares of a usual day's volume: open, close, reopening
UNEVEN: Final = 0.30  # largest imbalance order, as part of the auction
REOPENING: Final = 2
EVERY_S: Final = 5  # the indication of the close is renewed this often [s]

U12 = np.uint64(12)
U24 = np.uint64(24)
U36 = np.uint64(36)
U48 = np.uint64(48)
LOW12 = np.uint64(4_095)


@leaf
def lane(bits: np.uint64, shift: np.uint64) -> float:
    """12 bits of a hash as a float in (0, 1)."""
    return (np.float64((bits >> shift) & LOW12) + 0.5) / 4_096.0


@leaf
def reference(env: Env) -> float:
    """Where an auction is expected, own impact included. [tick]"""
    return float(env.state[0]["r"])


@inner
def other(env: Env, key: np.uint64, i: int, kind: int) -> tuple[int, int, int, int]:
    """Order i of others: side, limit (0 = none), quantity, how long before the auction it came."""
    top = env.off[0]["top"][0]
    bits = draw(key, i)
    early = int(lane(bits, U48) * WINDOW_NS)
    if i == ORDERS:
        uneven = (lane(bits, U12) - lane(bits, U24)) * UNEVEN
        quantity = int(abs(uneven) * TURNOVER[kind] * top["usual"])
        return (1 if uneven > 0.0 else -1), 0, quantity, early
    side = 1 - 2 * (i % 2)
    mean = WILLING * TURNOVER[kind] * top["usual"] * 2.0 / ORDERS
    quantity = 1 + int(mean * (0.5 + lane(bits, U12)))
    if (i // 2) % NO_LIMIT == 0:
        return side, 0, quantity, early
    width = WIDTH * env.flow[0]["sigma"] / BASE_SIGMA
    away = (2.0 * lane(bits, U36) - 1.0) * width
    return side, max(1, math.floor(reference(env) + away + 0.5)), quantity, early


@door
def enter(env: Env, low: int, side: int, price: int, quantity: int) -> None:
    """Add an order to the curve; one that no price of the band satisfies is left out."""
    at = price - low
    if price == 0:
        at = BAND - 1 if side > 0 else 0
    at = min(at, BAND - 1) if side > 0 else max(at, 0)
    if 0 <= at < BAND:
        env.off[0]["curve"][0 if side > 0 else 1, at] += quantity


@inner
def gather(env: Env, key: np.uint64, kind: int, low: int, ahead_ns: int) -> None:
    """The curve of everybody who came up to ``ahead_ns`` before the auction."""
    off = env.off[0]
    off["curve"][:] = 0
    for i in range(ORDERS + 1):
        side, price, quantity, early = other(env, key, i, kind)
        if early >= ahead_ns:
            enter(env, low, side, price, quantity)
    which = CLOSING if kind == CLOSING else OPENING
    for i in range(off["auctions"][which]["count"]):
        own = env.own[off["lines"][POOLS + which, i]]
        if own["state"] == ACCEPTED:
            enter(env, low, own["side"], own["price"], own["leaves"])


@hot
def clear(curve: NDArray[np.int64]) -> tuple[int, int, int]:
    """Place of the price in the band, shares that trade, buyers (+) or sellers (-) left over.

    Most shares, then fewest left over, then nearest the middle of the band, then the lower.
    """
    demand = 0
    for i in range(BAND):
        demand += curve[0, i]
    supply, best, most, over = 0, BAND // 2, 0, 0
    for i in range(BAND):
        supply += curve[1, i]
        volume, left = min(demand, supply), demand - supply
        demand -= curve[0, i]
        if volume < most or volume == 0:
            continue
        nearer = abs(i - BAND // 2) < abs(best - BAND // 2)
        if volume > most or abs(left) < abs(over) or (abs(left) == abs(over) and nearer):
            best, most, over = i, volume, left
    return best, most, over


@door
def before(side: int, price: int, early: int, own_price: int, own_early: int) -> bool:
    """Whether an order of others trades before one of ours on its side."""
    if price != own_price:
        return bool(price == 0 or (own_price != 0 and side * (price - own_price) > 0))
    return bool(early >= own_early)


@inner
def ahead_of(env: Env, key: np.uint64, kind: int, which: int, i: int, at_ns: int) -> int:
    """Shares that trade before own order i of the line. [share]"""
    off, line = env.off[0], env.off[0]["lines"][POOLS + which]
    own = env.own[line[i]]
    side, price = int(np.int64(own["side"])), int(np.int64(own["price"]))
    early = at_ns - off["times"][POOLS + which, i]
    total = 0
    for n in range(ORDERS + 1):
        their_side, limit, quantity, came = other(env, key, n, kind)
        if their_side == side and before(side, limit, came, price, early):
            total += quantity
    for n in range(off["auctions"][which]["count"]):
        mate = env.own[line[n]]
        if n == i or mate["state"] != ACCEPTED or mate["side"] != side:
            continue
        better = mate["price"] != price and before(side, mate["price"], 0, price, 0)
        if better or (mate["price"] == price and n < i):
            total += mate["leaves"]
    return int(np.int64(total))


@inner
def allot(env: Env, key: np.uint64, kind: int, price: int, volume: int, reports: Records) -> int:
    """Fill own orders of an auction at its price; own shares that traded. [share]"""
    off, st = env.off[0], env.state[0]
    which = CLOSING if kind == CLOSING else OPENING
    line, amounts = off["lines"][POOLS + which], off["curve"][0]
    count = off["auctions"][which]["count"]
    for i in range(count):
        own = env.own[line[i]]
        fits = own["price"] == 0 or own["side"] * (own["price"] - price) >= 0
        room = volume - ahead_of(env, key, kind, which, i, st["at_ns"])
        amounts[i] = max(0, min(own["leaves"], room)) if fits and own["state"] == ACCEPTED else 0
    ours = 0
    for i in range(count):
        if amounts[i] > 0:
            report_fill(env, line[i], reports, price, 0, amounts[i], PASSIVE)
            ours += amounts[i]
    return int(np.int64(ours))


@inner
def hold(env: Env, kind: int, number: int, reports: Records, trades: Records) -> None:
    """Hold an auction now: ``number`` tells the auctions of a day apart."""
    st, off = env.state[0], env.off[0]
    which = CLOSING if kind == CLOSING else OPENING
    auction = off["auctions"][which]
    auction["count"] = tidy(env.own, off, POOLS + which, auction["count"])
    key = draw(off["top"][0]["auction_key"], number)
    low = math.floor(reference(env) + 0.5) - BAND // 2
    gather(env, key, kind, low, 0)
    at, volume, _ = clear(off["curve"])
    price = low + at
    if volume > 0 and price > 0:
        ours = allot(env, key, kind, price, volume, reports)
        print_auction(st, env, trades, price, volume, ours)
    auction["price"], auction["volume"], auction["imbalance"] = 0, 0, 0


@inner
def print_auction(st: Row, env: Env, trades: Records, price: int, volume: int, ours: int) -> None:
    """Append the one print of an auction: no aggressor, no part of the day's volume."""
    row = trades[st["n_trades"]]
    st["n_trades"] += 1
    row["symbol"], row["side"], row["at_ns"] = st["symbol"], 0, st["at_ns"]
    row["price"], row["sub"], row["quantity"] = price, 0, volume
    row["own"], row["hidden"], row["venue"], row["auction"] = ours, 0, PRIMARY, 1
    env.state[0]["venues"][PRIMARY]["volume"] += volume
    st["last"] = price


@hot
def takes_part(env: Env, row: int, message: Row, reports: Records) -> None:
    """An accepted own order for an auction; one that could meet another of ours is cancelled."""
    st, off = env.state[0], env.off[0]
    which = CLOSING if message["type"] == AT_CLOSE else OPENING
    auction = off["auctions"][which]
    side, price = int(np.int64(message["side"])), int(np.int64(message["price"]))
    if meets_own(env.own, off["lines"][POOLS + which], auction["count"], side, price):
        end_own(env, row, CANCELLED, REASON_SELF_MATCH, reports)
        return
    count = join(env.own, off, POOLS + which, auction["count"], row, st["at_ns"])
    if count == 0:
        end_own(env, row, CANCELLED, REASON_BAD_QUANTITY, reports)  # the line is full
    else:
        auction["count"] = count


@inner
def end_opening(env: Env, reports: Records) -> None:
    """What did not trade at the open (or reopening) ends."""
    auction, line = env.off[0]["auctions"][OPENING], env.off[0]["lines"][POOLS + OPENING]
    for i in range(auction["count"]):
        if env.own[line[i]]["state"] == ACCEPTED:
            end_own(env, line[i], EXPIRED, REASON_CLOSED, reports)
    auction["count"] = 0


@hot
def open_auction(env: Env, reports: Records, trades: Records) -> None:
    """The opening."""
    hold(env, OPENING, 0, reports, trades)
    end_opening(env, reports)


@hot
def reopen(env: Env, reports: Records, trades: Records) -> None:
    """After a halt."""
    env.off[0]["top"][0]["reopenings"] += 1
    hold(env, REOPENING, 1 + env.off[0]["top"][0]["reopenings"], reports, trades)
    end_opening(env, reports)


@hot
def close_auction(env: Env, reports: Records, trades: Records) -> None:
    """The close: its print is the official close. Orders left over expire with all others."""
    hold(env, CLOSING, 1, reports, trades)


@inner
def indicate(env: Env, kind: int, number: int, ahead_ns: int) -> None:
    """Work out what an auction would do if it were now, ``ahead_ns`` before its time."""
    auction = env.off[0]["auctions"][kind]
    low = math.floor(reference(env) + 0.5) - BAND // 2
    gather(env, draw(env.off[0]["top"][0]["auction_key"], number), kind, low, ahead_ns)
    at, volume, over = clear(env.off[0]["curve"])
    auction["price"] = low + at if volume > 0 else 0
    auction["volume"], auction["imbalance"] = volume, over


@leaf
def renew(env: Env) -> None:
    """A second begins: renew the indication of the close."""
    st = env.state[0]
    ahead_ns = st["close_ns"] - st["at_ns"]
    if ahead_ns <= WINDOW_NS and st["second"] % EVERY_S == 0:
        indicate(env, CLOSING, 1, ahead_ns)


@door
def write_indicative(env: Env, tick: Row) -> None:
    """Indicative price, volume and imbalance of the next auction, zeros when it is far."""
    st = env.state[0]
    which = CLOSING
    if st["session"] == PRE_OPEN:
        which = OPENING
        ahead_ns = st["open_ns"] - st["now_ns"]
        if ahead_ns <= WINDOW_NS:
            indicate(env, OPENING, 0, ahead_ns)
    elif st["session"] != CONTINUOUS:
        return
    auction = env.off[0]["auctions"][which]
    tick["auction_price"] = auction["price"]
    tick["auction_volume"] = auction["volume"]
    tick["auction_imbalance"] = auction["imbalance"]
