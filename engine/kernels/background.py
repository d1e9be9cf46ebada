"""Background orders: candidates that the state of the book accepts or rejects.

Candidate i of N in second s happens at s + (i + 0.5) / N. What it is and wants stands in one
64-bit hash of (seed, second, index), in disjoint bit fields; whether it comes about depends on the
book (thinning). The shares, distances and chances were calibrated together (docs/numbers.md).
"""

import math
from typing import Final

import numpy as np

from engine.kernels import offexchange
from engine.kernels.book import (
    NIL,
    Book,
    Records,
    ahead,
    behind,
    newest,
    oldest,
    remove,
    rest,
    tag_of,
)
from engine.kernels.environment import (
    LIT_VENUES,
    SECOND_NS,
    T_CANCEL,
    T_FAR,
    T_LIMIT,
    T_MARKET,
    Env,
    Row,
)
from engine.kernels.exogenous import (
    ACCEPT,
    KIND_ONE,
    LIMIT_BELOW,
    MARKET_BELOW,
    STALE_BELOW,
    STREAM_FLOW,
    STREAM_LATENCY,
    STREAM_WARM_UP,
)
from engine.kernels.jit import door, hot, inner, leaf
from engine.kernels.lit import group_count, is_level, level_at, touch_price
from engine.kernels.matching import first_venue, sweep, take_at
from engine.kernels.pace import begin_second, candidates_until, set_shares
from engine.kernels.pace import candidate_ns as candidate_ns
from engine.kernels.prints import print_trade, touch
from engine.kernels.rng import draw, stream_key

DONE: Final = 0
REPORTS_FULL: Final = 1  # the reports array may not hold the next event: empty it, call again
TRADES_FULL: Final = 2
TOO_SMALL: Final = 3  # even an empty array cannot hold the next event: give a larger one

MAX_PRICES: Final = 64  # prices one background order trades at, at most
OFF_PRINTS: Final = 8  # prints of one event off exchange, at most
OFF_REPORTS: Final = 8  # reports of it, beside those of the orders at work
MAX_PRINTS: Final = LIT_VENUES * MAX_PRICES + OFF_PRINTS
MAX_REFILLS: Final = 100  # of one iceberg in one event: it shows a hundredth at least
MIDPOINT: Final = 110  # of 2,048 turned-away candidates find somebody hidden at an odd midpoint
IMPROVED: Final = MIDPOINT + 36  # ... and the next 36 somebody hidden a few tenths inside the touch
TENTH: Final = 10  # [tick / 100]
WARM_UP: Final = 8_000  # candidates that fill the book before the open

U2 = np.uint64(2)
U13 = np.uint64(13)
U15 = np.uint64(15)
U29 = np.uint64(29)
U41 = np.uint64(41)
U53 = np.uint64(53)
LOW12 = np.uint64(4_095)
LOW14 = np.uint64(16_383)


@leaf
def market_price(st: Row, flow: Row, bits: np.uint64, sign: int) -> int:
    """How far a market candidate would trade, 0 when the state of the book turns it away. [tick]

    It comes rather with the imbalance, with the informed, and when the spread is narrow.
    """
    bid, ask = st["bid"], st["ask"]
    if bid == 0 or ask == 0:
        return 0
    imbalance = (st["bid_size"] - st["ask_size"]) / (st["bid_size"] + st["ask_size"])
    chance = ACCEPT * (1.0 + flow["lean"] * sign * imbalance)
    chance *= 1.0 + flow["informed"] * sign * st["foresight"]
    chance /= 1.0 + 0.24 * max(0.0, np.float64(ask - bid) - 2.0)
    if np.float64((bits >> U15) & LOW14) >= chance * KIND_ONE:
        return 0
    walk = 0 if (bits >> U53) < np.uint64(1_782) else 6  # 87 % stop at the best queue
    return int(np.int64(ask + walk if sign > 0 else bid - walk))


@leaf
def side_of_bits(bits: np.uint64) -> int:
    """BUY or SELL from one bit of a hash, without a branch."""
    return int(np.int64((bits >> U13) & U2)) - 1


@leaf
def quote_price(st: Row, side: int, wobble: float, far: int) -> int:
    """Where quotes stand, rounded away from the other side, and so far behind. [tick]"""
    return side * (int(np.int64(math.floor(side * st["r"] - st["half"] + wobble))) - far)


@door
def limit_price(st: Row, bits: np.uint64, side: int, far: int) -> int:
    """Price of a limit candidate, 0 when the informed would not post it. [tick]"""
    losing = -side * st["foresight"]  # the side that the coming move leaves behind
    if np.float64((bits >> U15) & LOW14) < losing * KIND_ONE:
        return 0
    wobble = 1.65 * ((np.float64(bits >> U53) + 0.5) / 2_048.0 - 0.5)
    return quote_price(st, side, wobble, far)


@door
def post(st: Row, book: Book, side: int, level: np.uint64, quantity: int) -> bool:
    """Rest a background limit order; False when it has no level. The pool never fills: ``lost``."""
    if not is_level(book, level):
        return False
    if rest(book, side, level, quantity, 0) == NIL:
        st["lost"] += 1
        return False
    return True


@leaf
def pull(book: Book, key: int, most: int) -> int:
    """Cancel up to ``most`` of the newest background orders of one queue; how many."""
    slot = newest(book, key)
    pulled = 0
    while slot != NIL and pulled < most:
        older = ahead(book, slot)
        if tag_of(book, slot) == 0:
            remove(book, slot)
            pulled += 1
        slot = older
    return pulled


@inner
def pull_everywhere(book: Book, price: int, most: int) -> int:
    """Cancel up to ``most`` background orders at a price, venue after venue; how many."""
    pulled = 0
    for venue in range(LIT_VENUES):
        pulled += pull(book, 4 * price + venue, most - pulled)
    return pulled


@leaf
def pull_stale(st: Row, book: Book) -> int:
    """Stale quotes go first on the bid, else on the ask; how many orders."""
    bid, ask = st["bid"], st["ask"]
    if bid != 0 and np.float64(bid) > st["r"] - st["half"] + 0.75:
        return int(pull_everywhere(book, bid, 8))
    if ask != 0 and np.float64(ask) < st["r"] + st["half"] - 0.75:
        return int(pull_everywhere(book, ask, 8))
    return 0


@leaf
def pull_oldest(book: Book, key: int) -> int:
    """Cancel the oldest background order of one queue; how many."""
    slot = oldest(book, key)
    while slot != NIL and tag_of(book, slot) != 0:
        slot = behind(book, slot)
    if slot == NIL:
        return 0
    remove(book, slot)
    return 1


@leaf
def venue_of_order(book: Book, price: int, bits: np.uint64, waiting: int) -> int:
    """The venue of one of the orders at a price, each as likely; 12 bits of the hash choose."""
    pick = (int(np.int64((bits >> U29) & LOW12)) * waiting) >> 12
    first = level_at(book, price, 0)
    at_a = book.nodes[first]["tag"]
    at_b = book.nodes[first + np.uint64(1)]["tag"]
    return int(pick >= at_a) + int(pick >= at_a + at_b)


@leaf
def cancel_one(st: Row, book: Book, bits: np.uint64, far: int) -> int:
    """Cancel a background order at a drawn price if enough orders rest there; how many."""
    price = quote_price(st, side_of_bits(bits), 0.0, far)
    waiting = group_count(book, level_at(book, price, 0))
    if np.float64((bits >> U15) & LOW14) * st["depth"] >= np.float64(waiting) * KIND_ONE:
        return 0
    key = 4 * price + venue_of_order(book, price, bits, waiting)
    if (bits >> U53) < np.uint64(1_393):  # 68 % of cancels hit the newest order
        return pull(book, key, 1)
    return pull_oldest(book, key)


@inner
def aggress(
    env: Env,
    i: int,
    bits: np.uint64,
    side: int,
    price: int,
    quantity: int,
    reports: Records,
    trades: Records,
) -> None:
    """Candidate i trades up to a price."""
    st = env.state[0]
    st["at_ns"] = st["open_ns"] + st["second"] * SECOND_NS + candidate_ns(i, st["candidates"])
    sweep(env, first_venue(st, bits), int(np.int64(side)), price, quantity, reports, trades)


@hot
def turned_away(
    env: Env, i: int, bits: np.uint64, side: int, reports: Records, trades: Records
) -> None:
    """A market candidate that the displayed quotes turned away: somebody hidden, or elsewhere.

    Hidden inside the spread: at a midpoint between two ticks, or one to four tenths of a tick
    better than the touch, as retail interest rests on public books.
    """
    st = env.state[0]
    st["at_ns"] = st["open_ns"] + st["second"] * SECOND_NS + candidate_ns(i, st["candidates"])
    bid, ask = int(np.int64(st["bid"])), int(np.int64(st["ask"]))
    side = int(np.int64(side))
    sub = 0
    which = bits >> U53
    if bid != 0 and ask > bid and which < np.uint64(IMPROVED):
        if which >= np.uint64(MIDPOINT):
            sub = TENTH * (1 + int(np.int64((bits >> U41) & np.uint64(3))))
        elif (bid + ask) % 2 == 1:
            sub = 50
    if sub == 0:
        offexchange.off_arrival(env, bits, side, reports, trades)
        return
    price = (bid + ask) // 2
    if sub != 50:
        cents = 100 * (ask if side > 0 else bid) - side * sub
        price, sub = cents // 100, cents % 100
    quantity = int(np.int64(env.tables[T_MARKET, (bits >> U29) & LOW12]))
    print_trade(env, trades, first_venue(st, bits), side, price, sub, quantity, 0, 1)


@inner
def post_through(
    env: Env,
    i: int,
    bits: np.uint64,
    side: int,
    price: int,
    quantity: int,
    out: tuple[Records, Records],
) -> bool:
    """As `post` while own hidden orders work: it trades with those it reaches at its venue."""
    st = env.state[0]
    venue = first_venue(st, bits)
    side = int(np.int64(side))
    level = level_at(env.book, price, venue)
    if not is_level(env.book, level):
        return False
    st["at_ns"] = st["open_ns"] + st["second"] * SECOND_NS + candidate_ns(i, st["candidates"])
    left, _ = take_at(env, venue, side, price, quantity, 0, out[0], out[1])
    if left == 0:
        return True
    return bool(post(st, env.book, side, level, left) or left < quantity)


@leaf
def snipes(bits: np.uint64) -> bool:
    """Whether a limit candidate beyond the opposite touch takes the stale quotes: 98 %."""
    return bool(draw(bits, 0) >> np.uint64(54) < np.uint64(1_004))


@door
def room(st: Row, reports: Records, trades: Records) -> int:
    """DONE when both arrays can hold whatever a background event may cause."""
    if st["n_trades"] + st["hidden"] + MAX_PRINTS > len(trades):
        return TRADES_FULL if st["n_trades"] > 0 else TOO_SMALL
    rows = st["own_live"] + MAX_REFILLS * st["icebergs"] + OFF_REPORTS
    if st["n_reports"] + rows > len(reports):
        return REPORTS_FULL if st["n_reports"] > 0 else TOO_SMALL
    return DONE


@door
def quote(st: Row, bits: np.uint64, side: int, price: int) -> int:
    """A limit candidate: 1 rests, 0 is dropped, 2 is beyond the opposite touch and snipes.

    A crossing quote never rests: parked one tick inside the touch it would pin the spread.
    """
    if price < 1:
        return 0
    reach = st["ask"] if side > 0 else st["bid"]
    if reach == 0 or side * (price - reach) < 0:
        return 1
    return 2 if price != reach and snipes(bits) else 0


@inner
def snipe_price(st: Row, side: int, price: int) -> int:
    """What a sniping quote pays at most: strictly better than its own price. [tick]

    More than 64 ticks in one event would take a jump larger than any: keeps the prints bounded.
    """
    if side > 0:
        return min(price - 1, int(st["ask"]) + MAX_PRICES - 1)
    return max(price + 1, int(st["bid"]) - MAX_PRICES + 1)


@leaf
def candidates(env: Env, last: int, reports: Records, trades: Records) -> int:
    """Process the candidates of this second up to number ``last``; DONE or why it stopped."""
    st = env.state[0]
    book = env.book
    key = st["key"]
    for i in range(st["index"], last):
        bits = draw(key, i)
        kind = bits & LOW14
        if kind < LIMIT_BELOW:
            status = room(st, reports, trades)
            if status != DONE:
                st["index"] = i
                return status
            changed = 0
            if kind < MARKET_BELOW:
                side = int(np.int64(env.signs[st["market"]]))
                st["market"] += 1
                price = market_price(st, env.flow[0], bits, side)
                if price != 0:
                    quantity = int(np.int64(env.tables[T_MARKET, (bits >> U29) & LOW12]))
                    aggress(env, i, bits, side, price, quantity, reports, trades)
                    changed = 1
                else:
                    turned_away(env, i, bits, side, reports, trades)
            else:
                side = side_of_bits(bits)
                far = int(np.int64(env.tables[T_FAR, (bits >> U41) & LOW12]))
                price = limit_price(st, bits, side, far)
                quantity = int(np.int64(env.tables[T_LIMIT, (bits >> U29) & LOW12]))
                changed = quote(st, bits, side, price)
                if changed == 2:
                    most = snipe_price(st, side, price)
                    aggress(env, i, bits, side, most, quantity, reports, trades)
                    changed = 1
                elif changed == 1 and st["hidden"] == 0:
                    level = level_at(book, price, first_venue(st, bits))
                    changed = 1 if post(st, book, side, level, quantity) else 0
                elif changed == 1:
                    out = (reports, trades)
                    changed = 1 if post_through(env, i, bits, side, price, quantity, out) else 0
        elif kind < STALE_BELOW:
            changed = pull_stale(st, book)
        else:
            far = int(np.int64(env.tables[T_CANCEL, (bits >> U41) & LOW12]))
            changed = cancel_one(st, book, bits, far)
        if changed > 0:
            st["events"] += changed
            touch(book, st)
    st["index"] = last
    return DONE


@leaf
def run_background(env: Env, bound: int, reports: Records, trades: Records) -> int:
    """Process all candidates at or before ``bound``; DONE or why it stopped."""
    st = env.state[0]
    while True:
        start = st["open_ns"] + st["second"] * SECOND_NS
        last = candidates_until(st["candidates"], bound - start)
        status = candidates(env, last, reports, trades)
        if status != DONE:
            return status
        if bound < start + SECOND_NS or st["second"] + 1 >= len(env.seconds):
            return DONE
        status = room(st, reports, trades)
        if status != DONE:
            return status
        begin_second(env, st["second"] + 1)
        st["at_ns"] = start + SECOND_NS
        offexchange.second(env, reports, trades)


@hot
def warm_up(env: Env) -> None:
    """Fill the book as quiet flow around the opening price would have left it."""
    st = env.state[0]
    st["flow_key"] = stream_key(st["seed"], STREAM_FLOW)
    st["latency_key"] = stream_key(st["seed"], STREAM_LATENCY)
    set_shares(env)
    begin_second(env, 0)
    st["foresight"] = 0.0  # nobody knows better before the open
    key = stream_key(st["seed"], STREAM_WARM_UP)
    for i in range(WARM_UP):
        bits = draw(key, i)
        kind = bits & LOW14
        if kind >= LIMIT_BELOW:
            if kind >= STALE_BELOW:
                cancel_one(
                    st, env.book, bits, int(np.int64(env.tables[T_CANCEL, (bits >> U41) & LOW12]))
                )
            continue
        side = side_of_bits(bits)
        far = int(np.int64(env.tables[T_FAR, (bits >> U41) & LOW12]))
        price = limit_price(st, bits, side, far)
        reach = touch_price(env.book, -side)
        if price > 0 and (reach == 0 or side * (price - reach) < 0):
            quantity = int(np.int64(env.tables[T_LIMIT, (bits >> U29) & LOW12]))
            post(st, env.book, side, level_at(env.book, price, first_venue(st, bits)), quantity)
    begin_second(env, 0)
    touch(env.book, st)
    st["ofi"] = 0.0
