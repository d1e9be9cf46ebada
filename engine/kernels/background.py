"""Background orders: candidates that the state of the book accepts or rejects.

Candidate i of N in second s happens at s + (i + 0.5) / N. What it is and wants stands in one
64-bit hash of (seed, second, index), in disjoint bit fields; whether it comes about depends on the
book (thinning). The shares, distances and chances were calibrated together (docs/numbers.md).
"""

import math
from typing import Final

import numpy as np

from engine.kernels import offexchange, stack
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
from engine.kernels.matching import first_venue, sweep, take_at, venue_by_share
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
BLOCK: Final = 64  # candidates priced together
LANES: Final = 8  # ... and at once: a divisor of BLOCK
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


@leaf
def wobble_of(bits: np.uint64) -> float:
    """How far a limit candidate strays from its quote. [tick]"""
    return 1.65 * ((np.float64(bits >> U53) + 0.5) / 2_048.0 - 0.5)


@inner
def limit_price(st: Row, bits: np.uint64, side: int, far: int) -> int:
    """Price of a limit candidate, 0 when the informed would not post it. [tick]"""
    losing = -side * st["foresight"]  # the side that the coming move leaves behind
    if np.float64((bits >> U15) & LOW14) < losing * KIND_ONE:
        return 0
    return quote_price(st, side, wobble_of(bits), far)


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
def venue_of_order(book: Book, level: np.uint64, bits: np.uint64, waiting: int) -> int:
    """The venue of one of the orders of a group, each as likely; 12 bits of the hash choose."""
    pick = (int(np.int64((bits >> U29) & LOW12)) * waiting) >> 12
    at_a = book.nodes[level]["tag"]
    at_b = book.nodes[level + np.uint64(1)]["tag"]
    return int(pick >= at_a) + int(pick >= at_a + at_b)


@leaf
def cancel_one(st: Row, book: Book, bits: np.uint64, level: np.uint64) -> int:
    """Cancel a background order of a group of levels if enough rest there; how many.

    Almost always the newest or the oldest of a queue is one: that takes a single branch.
    """
    waiting = group_count(book, level)
    if np.float64((bits >> U15) & LOW14) * st["depth"] >= np.float64(waiting) * KIND_ONE:
        return 0
    at = level + np.uint64(venue_of_order(book, level, bits, waiting))
    is_newest = (bits >> U53) < np.uint64(1_393)  # 68 % of cancels hit the newest order
    queue = book.nodes[at]
    slot = np.uint64(queue["previous"] if is_newest else queue["next"])
    if book.nodes[slot]["tag"] == 0:
        remove(book, int(np.int64(slot)))
        return 1
    key = int(np.int64(at) + book.top[0]["offset"])
    return pull(book, key, 1) if is_newest else pull_oldest(book, key)


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
def price_candidates(
    env: Env, first: int, n: int, bits: stack.Words, prices: stack.Words, levels: stack.Words
) -> None:
    """Hash, price and level of n candidates from ``first`` on: what the book cannot change.

    Without a branch: a candidate takes the loop below half a dozen wrong guesses, and each of them
    would wait for its hash, its distance and its price. A price of 0 is none. (int64 in uint64)
    Eight at a time, so that all of them are vector code; the last few may be none of this second.
    """
    st = env.state[0]
    key, r, half, foresight = st["key"], st["r"], st["half"], st["foresight"]
    offset, end = env.book.top[0]["offset"], np.int64(env.book.top[0]["end"])
    cut_a, cut_b = st["cut_a"], st["cut_b"]
    for block in range(0, n, LANES):
        for j in range(block, block + LANES):
            drawn = draw(key, first + j)
            kind = drawn & LOW14
            is_cancel = kind >= STALE_BELOW
            side = side_of_bits(drawn)
            far = np.int64(env.distances[int(is_cancel), (drawn >> U41) & LOW12])
            wobble = 0.0 if is_cancel else wobble_of(drawn)
            price = np.int64(side * (np.int64(math.floor(side * r - half + wobble)) - far))
            losing = np.float64((drawn >> U15) & LOW14) < -side * foresight * KIND_ONE
            if losing and not is_cancel:
                price = np.int64(0)
            venue = 0 if is_cancel else venue_by_share(cut_a, cut_b, drawn)
            bits[j] = drawn
            prices[j] = np.uint64(price)
            levels[j] = np.uint64(min(max(4 * price + venue - offset, np.int64(0)), end))


@leaf
def limit_candidate(
    env: Env,
    i: int,
    bits: np.uint64,
    price: int,
    level: np.uint64,
    reports: Records,
    trades: Records,
) -> int:
    """A limit candidate rests, trades or is dropped: events, or ``-`` why there is no room."""
    st = env.state[0]
    side = side_of_bits(bits)
    what = quote(st, bits, side, price)
    if what == 0:
        return 0
    quantity = int(np.int64(env.tables[T_LIMIT, (bits >> U29) & LOW12]))
    if what == 1 and st["hidden"] == 0:
        return 1 if post(st, env.book, side, level, quantity) else 0
    status = room(st, reports, trades)
    if status != DONE:
        return -status
    if what == 2:
        aggress(env, i, bits, side, snipe_price(st, side, price), quantity, reports, trades)
        return 1
    return 1 if post_through(env, i, bits, side, price, quantity, (reports, trades)) else 0


@leaf
def market_candidate(env: Env, i: int, bits: np.uint64, reports: Records, trades: Records) -> int:
    """A market candidate trades or is turned away: events, or ``-`` why there is no room."""
    st = env.state[0]
    status = room(st, reports, trades)
    if status != DONE:
        return -status
    side = int(np.int64(env.signs[st["market"]]))
    st["market"] += 1
    price = market_price(st, env.flow[0], bits, side)
    if price == 0:
        turned_away(env, i, bits, side, reports, trades)
        return 0
    quantity = int(np.int64(env.tables[T_MARKET, (bits >> U29) & LOW12]))
    aggress(env, i, bits, side, price, quantity, reports, trades)
    return 1


@leaf
def candidates(env: Env, last: int, reports: Records, trades: Records) -> int:
    """Process the candidates of this second up to number ``last``; DONE or why it stopped."""
    st = env.state[0]
    book = env.book
    bits, prices, levels = stack.words(BLOCK), stack.words(BLOCK), stack.words(BLOCK)
    while st["index"] < last:
        first = int(np.int64(st["index"]))
        n = min(last - first, BLOCK)
        price_candidates(env, first, n, bits, prices, levels)
        for j in range(n):
            drawn = bits[j]
            kind = drawn & LOW14
            if kind >= STALE_BELOW:
                changed = cancel_one(st, book, drawn, levels[j])
            elif kind >= LIMIT_BELOW:
                changed = pull_stale(st, book)
            else:
                if kind < MARKET_BELOW:
                    changed = market_candidate(env, first + j, drawn, reports, trades)
                else:
                    price = int(np.int64(prices[j]))
                    changed = limit_candidate(
                        env, first + j, drawn, price, levels[j], reports, trades
                    )
                if changed < 0:
                    st["index"] = first + j
                    return -changed
            if changed > 0:
                st["events"] += changed
                touch(book, st)
        st["index"] = first + n
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
                far = int(np.int64(env.tables[T_CANCEL, (bits >> U41) & LOW12]))
                price = quote_price(st, side_of_bits(bits), 0.0, far)
                cancel_one(st, env.book, bits, level_at(env.book, price, 0))
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
