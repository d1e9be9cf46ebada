"""Background orders: candidates that the state of the book accepts or rejects.

Candidate i of N in second s happens at s + (i + 0.5) / N. What it is and wants stands in one
64-bit hash of (seed, second, index), in disjoint bit fields; whether it comes about depends on the
book (thinning). The shares, distances and chances were calibrated together (docs/numbers.md).
"""

import math
from typing import Final

import numpy as np

from engine.kernels.book import (
    NIL,
    Book,
    Records,
    ahead,
    behind,
    best_ask,
    best_bid,
    level_of,
    newest,
    oldest,
    remove,
    rest,
    tag_of,
)
from engine.kernels.environment import (
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
    LAG_S,
    LIMIT_BELOW,
    MARKET_BELOW,
    N_MEMORIES,
    STALE_BELOW,
    STREAM_FLOW,
    STREAM_LATENCY,
    STREAM_WARM_UP,
)
from engine.kernels.jit import hot, leaf
from engine.kernels.prints import take, touch
from engine.kernels.rng import draw, stream_key

DONE: Final = 0
REPORTS_FULL: Final = 1  # the reports array may not hold the next event: empty it, call again
TRADES_FULL: Final = 2
TOO_SMALL: Final = 3  # even an empty array cannot hold the next event: give a larger one

MAX_PRINTS: Final = 64  # prices one background order trades at, at most
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
def candidate_ns(i: int, n: int) -> int:
    """When in its second candidate i of n happens. [ns]"""
    return ((2 * i + 1) * SECOND_NS) // (2 * n)


@leaf
def candidates_until(n: int, after_ns: int) -> int:
    """How many of a second's n candidates happen at or before ``after_ns`` in it."""
    if after_ns < 0 or n == 0:
        return 0
    if after_ns >= SECOND_NS - 1:
        return n
    count = (after_ns * n) // SECOND_NS
    while count < n and candidate_ns(count, n) <= after_ns:
        count += 1
    while count > 0 and candidate_ns(count - 1, n) > after_ns:
        count -= 1
    return count


@hot
def begin_second(env: Env, s: int) -> None:
    """Enter a second: own fills of the last one join the memory, quotes follow with a lag.

    G = sgn(y) c ((1 + |y| / c)^p - 1) / p with y the lagged sum of the memories. [tick]
    """
    st = env.state[0]
    impact = 0.0
    if st["touched"] == 1:
        pushed = st["pushed"] * env.seconds[s - 1]["scale"] if s > 0 else 0.0
        st["pushed"] = 0.0
        target = 0.0
        for k in range(N_MEMORIES):
            env.memory[k] = env.memory[k] * env.weights[0, k] + pushed
            target += env.weights[1, k] * env.memory[k]
        st["impact"] += (1.0 - math.exp(-1.0 / LAG_S)) * (target - st["impact"])
        y = st["impact"]
        c, p = env.flow[0]["c_own"], env.flow[0]["p_own"]
        impact = math.copysign(c * ((1.0 + abs(y) / c) ** p - 1.0) / p, y)
    row = env.seconds[s]
    st["second"] = s
    st["index"] = 0
    st["candidates"] = row["candidates"]
    st["market"] = row["first_market"]
    st["key"] = draw(st["flow_key"], s)
    st["r"] = row["r"] + impact
    st["half"] = row["half"]
    st["depth"] = row["depth"]
    st["foresight"] = row["foresight"]


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
def limit_price(st: Row, bits: np.uint64, side: int, far: int) -> int:
    """Price of a limit candidate, 0 when the informed would not post it. [tick]"""
    losing = -side * st["foresight"]  # the side that the coming move leaves behind
    if np.float64((bits >> U15) & LOW14) < losing * KIND_ONE:
        return 0
    wobble = 1.65 * ((np.float64(bits >> U53) + 0.5) / 2_048.0 - 0.5)
    return quote_price(st, side, wobble, far)


@leaf
def post(st: Row, book: Book, side: int, price: int, quantity: int) -> bool:
    """Rest a background limit order; False when it has no level. The pool never fills: ``lost``."""
    level = level_of(book, price)
    if level == np.uint64(0) or level == book.top[0]["end"]:
        return False
    if rest(book, side, level, quantity, 0) == NIL:
        st["lost"] += 1
        return False
    return True


@leaf
def pull(book: Book, price: int, most: int) -> int:
    """Cancel up to ``most`` of the newest background orders at a price; how many."""
    slot = newest(book, price)
    pulled = 0
    while slot != NIL and pulled < most:
        older = ahead(book, slot)
        if tag_of(book, slot) == 0:
            remove(book, slot)
            pulled += 1
        slot = older
    return pulled


@leaf
def pull_stale(st: Row, book: Book) -> int:
    """Stale quotes go first on the bid, else on the ask; how many orders."""
    bid, ask = st["bid"], st["ask"]
    if bid != 0 and np.float64(bid) > st["r"] - st["half"] + 0.75:
        return pull(book, bid, 8)
    if ask != 0 and np.float64(ask) < st["r"] + st["half"] - 0.75:
        return pull(book, ask, 8)
    return 0


@leaf
def cancel_one(st: Row, book: Book, bits: np.uint64, far: int) -> int:
    """Cancel a background order at a drawn level if enough orders rest there; how many."""
    price = quote_price(st, side_of_bits(bits), 0.0, far)
    level = level_of(book, price)
    waiting = book.nodes[level]["tag"]
    if np.float64((bits >> U15) & LOW14) * st["depth"] >= np.float64(waiting) * KIND_ONE:
        return 0
    if (bits >> U53) < np.uint64(1_393):  # 68 % of cancels hit the newest order
        return pull(book, price, 1)
    slot = oldest(book, price)
    while slot != NIL and tag_of(book, slot) != 0:
        slot = behind(book, slot)
    if slot == NIL:
        return 0
    remove(book, slot)
    return 1


@hot
def aggress(
    env: Env, i: int, side: int, price: int, quantity: int, reports: Records, trades: Records
) -> None:
    """Candidate i trades up to a price."""
    st = env.state[0]
    start = st["open_ns"] + st["second"] * SECOND_NS
    st["at_ns"] = start + candidate_ns(i, st["candidates"])
    order = (int(np.int64(side)), price, quantity, 0)
    take(st, env.book, env.own, env.fills, order, reports, trades)


@leaf
def snipes(bits: np.uint64) -> bool:
    """Whether a limit candidate beyond the opposite touch takes the stale quotes: 98 %."""
    return bool(draw(bits, 0) >> np.uint64(54) < np.uint64(1_004))


@leaf
def room(st: Row, reports: Records, trades: Records) -> int:
    """DONE when both arrays can hold whatever a background order may cause."""
    if st["n_trades"] + MAX_PRINTS > len(trades):
        return TRADES_FULL if st["n_trades"] > 0 else TOO_SMALL
    if st["n_reports"] + st["own_live"] > len(reports):
        return REPORTS_FULL if st["n_reports"] > 0 else TOO_SMALL
    return DONE


@leaf
def quote(st: Row, book: Book, bits: np.uint64, side: int, price: int, quantity: int) -> int:
    """A limit candidate: 1 rests, 0 is dropped, 2 is beyond the opposite touch and snipes.

    A crossing quote never rests: parked one tick inside the touch it would pin the spread.
    """
    if price < 1:
        return 0
    reach = st["ask"] if side > 0 else st["bid"]
    if reach == 0 or side * (price - reach) < 0:
        return 1 if post(st, book, side, price, quantity) else 0
    return 2 if price != reach and snipes(bits) else 0


@hot
def snipe_price(st: Row, side: int, price: int) -> int:
    """What a sniping quote pays at most: strictly better than its own price. [tick]

    More than 64 ticks in one event would take a jump larger than any: keeps the prints bounded.
    """
    if side > 0:
        return min(price - 1, int(st["ask"]) + MAX_PRINTS - 1)
    return max(price + 1, int(st["bid"]) - MAX_PRINTS + 1)


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
                    aggress(env, i, side, price, quantity, reports, trades)
                    changed = 1
            else:
                side = side_of_bits(bits)
                far = int(np.int64(env.tables[T_FAR, (bits >> U41) & LOW12]))
                price = limit_price(st, bits, side, far)
                quantity = int(np.int64(env.tables[T_LIMIT, (bits >> U29) & LOW12]))
                changed = quote(st, book, bits, side, price, quantity)
                if changed == 2:
                    aggress(env, i, side, snipe_price(st, side, price), quantity, reports, trades)
                    changed = 1
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
        begin_second(env, st["second"] + 1)


@hot
def warm_up(env: Env) -> None:
    """Fill the book as quiet flow around the opening price would have left it."""
    st = env.state[0]
    st["flow_key"] = stream_key(st["seed"], STREAM_FLOW)
    st["latency_key"] = stream_key(st["seed"], STREAM_LATENCY)
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
        reach = best_ask(env.book) if side > 0 else best_bid(env.book)
        if price > 0 and (reach == 0 or side * (price - reach) < 0):
            quantity = int(np.int64(env.tables[T_LIMIT, (bits >> U29) & LOW12]))
            post(st, env.book, side, price, quantity)
    begin_second(env, 0)
    touch(env.book, st)
    st["ofi"] = 0.0
