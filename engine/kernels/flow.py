"""One instrument's trading day: background flow and own orders on one order book.

Background orders are *candidates*: events of the exogenous layer that the state of the book
accepts or rejects. Candidate i of N in second s happens at s + (i + 0.5) / N; an own message
acts at ``sent_ns + latency``, before a candidate of the same instant. `run_until` moves an
environment to any instant, and slicing changes nothing, to the bit.

Own orders rest in the same queues. Background cancels never hit them, so an own order consumes
no draw and re-aims no cancel: twins stay matched. Own fills, passive and aggressive alike, feed
a memory that moves the reference price: own impact. With impact from crossing alone, patient
buying would be free.

Nothing is dropped: `run_until` stops with REPORTS_FULL or TRADES_FULL before an event that may
not fit; empty the arrays and call again. From a kernel as from Python:

    env = new_env(day, symbol)                                     # Python only, once a run
    submit(env, message_row)                                       # False: the queue is full
    status, n_r, n_t = run_until(env, to_ns, reports, n_r, trades, n_t)
    write_tick(env, tick_row)
"""

import math
from typing import Final

import numpy as np

from engine.domain.kinds import BUY, CLOSED, CONTINUOUS, NEW, PRE_OPEN, SELL
from engine.domain.market import LEVELS
from engine.kernels.book import (
    NIL,
    Book,
    ahead,
    behind,
    best_ask,
    best_bid,
    depth,
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
    Day,
    Env,
    Records,
    Row,
    blank_env,
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
from engine.kernels.own_orders import act, expire_all, prices_taken
from engine.kernels.own_orders import submit as submit
from engine.kernels.prints import take, touch
from engine.kernels.rng import draw, stream_key

DONE: Final = 0
REPORTS_FULL: Final = 1  # the reports array may not hold the next event: empty it, call again
TRADES_FULL: Final = 2
TOO_SMALL: Final = 3  # even an empty array cannot hold the next event: give a larger one

FAR_NS: Final = 1 << 62
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


@hot
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
def market_price(st: Row, bits: np.uint64, sign: int) -> int:
    """How far a market candidate would trade, 0 when the state of the book turns it away. [tick]

    It comes rather with the imbalance, with the informed, and when the spread is narrow.
    """
    bid, ask = st["bid"], st["ask"]
    if bid == 0 or ask == 0:
        return np.int64(0)
    imbalance = (st["bid_size"] - st["ask_size"]) / (st["bid_size"] + st["ask_size"])
    chance = ACCEPT * (1.0 + 0.62 * sign * imbalance) * (1.0 + 0.7 * sign * st["foresight"])
    chance /= 1.0 + 0.24 * max(0.0, np.float64(ask - bid) - 2.0)
    if np.float64((bits >> U15) & LOW14) >= chance * KIND_ONE:
        return np.int64(0)
    walk = 0 if (bits >> U53) < np.uint64(1_782) else 6  # 87 % stop at the best queue
    return np.int64(ask + walk if sign > 0 else bid - walk)


@leaf
def side_of_bits(bits: np.uint64) -> int:
    """BUY or SELL from one bit of a hash, without a branch."""
    return np.int64((bits >> U13) & U2) - 1


@leaf
def quote_price(st: Row, side: int, wobble: float, far: int) -> int:
    """Where quotes stand, rounded away from the other side, and so far behind. [tick]"""
    return side * (np.int64(math.floor(side * st["r"] - st["half"] + wobble)) - far)


@leaf
def limit_price(st: Row, bits: np.uint64, side: int, far: int) -> int:
    """Price of a limit candidate, 0 when the informed would not post it. [tick]"""
    losing = -side * st["foresight"]  # the side that the coming move leaves behind
    if np.float64((bits >> U15) & LOW14) < losing * KIND_ONE:
        return np.int64(0)
    wobble = 1.65 * ((np.float64(bits >> U53) + 0.5) / 2_048.0 - 0.5)
    return quote_price(st, side, wobble, far)


@leaf
def post(st: Row, book: Book, side: int, price: int, quantity: int) -> bool:
    """Rest a background limit order; False when it has no level. The pool never fills (``lost``)."""
    level = level_of(book, price)
    if level == np.uint64(0) or level == book.top[0]["end"]:
        return False
    if rest(book, side, level, quantity, np.int64(0)) == NIL:
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
    order = (np.int64(side), price, quantity, np.int64(0))
    take(st, env.book, env.own, env.fills, order, reports, trades)


@leaf
def snipes(bits: np.uint64) -> bool:
    """Whether a limit candidate beyond the opposite touch takes the stale quotes: 98 %."""
    return draw(bits, 0) >> np.uint64(54) < np.uint64(1_004)


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
        return min(price - 1, st["ask"] + MAX_PRINTS - 1)
    return max(price + 1, st["bid"] - MAX_PRINTS + 1)


@hot
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
                side = np.int64(env.signs[st["market"]])
                st["market"] += 1
                price = market_price(st, bits, side)
                if price != 0:
                    quantity = np.int64(env.tables[T_MARKET, (bits >> U29) & LOW12])
                    aggress(env, i, side, price, quantity, reports, trades)
                    changed = 1
            else:
                side = side_of_bits(bits)
                far = np.int64(env.tables[T_FAR, (bits >> U41) & LOW12])
                price = limit_price(st, bits, side, far)
                quantity = np.int64(env.tables[T_LIMIT, (bits >> U29) & LOW12])
                changed = quote(st, book, bits, side, price, quantity)
                if changed == 2:
                    aggress(env, i, side, snipe_price(st, side, price), quantity, reports, trades)
                    changed = 1
        elif kind < STALE_BELOW:
            changed = pull_stale(st, book)
        else:
            far = np.int64(env.tables[T_CANCEL, (bits >> U41) & LOW12])
            changed = cancel_one(st, book, bits, far)
        if changed > 0:
            st["events"] += changed
            touch(book, st)
    st["index"] = last
    return DONE


@hot
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
def room_for(env: Env, message: Row, reports: Records, trades: Records) -> int:
    """DONE when both arrays can hold whatever a message may cause."""
    st = env.state[0]
    prices = 0
    if message["kind"] == NEW:
        prices = prices_taken(env, message["side"], message["price"], message["quantity"])
    if st["n_reports"] + prices + st["own_live"] + 2 > len(reports):
        return REPORTS_FULL if st["n_reports"] > 0 else TOO_SMALL
    if st["n_trades"] + prices > len(trades):
        return TRADES_FULL if st["n_trades"] > 0 else TOO_SMALL
    return DONE


@hot
def run_messages(env: Env, to_ns: int, reports: Records, trades: Records) -> int:
    """Candidates and own messages up to ``to_ns`` in time order; DONE or why it stopped."""
    st = env.state[0]
    mask = len(env.queue) - 1
    while True:
        at = st["head"] & mask
        act_ns = env.acts[at] if st["head"] < st["tail"] else np.int64(FAR_NS)
        if st["session"] == CONTINUOUS:
            bound = min(to_ns, act_ns - 1, st["close_ns"] - 1)
            status = run_background(env, bound, reports, trades)
            if status != DONE:
                return status
        if act_ns > to_ns:
            return DONE
        if act_ns >= st["close_ns"] and st["session"] == CONTINUOUS:
            return DONE  # the close comes first
        status = room_for(env, env.queue[at], reports, trades)
        if status != DONE:
            return status
        act(env, env.queue[at], act_ns, reports, trades)
        st["now_ns"] = act_ns
        st["head"] += 1


@hot
def close_day(env: Env, reports: Records, trades: Records) -> int:
    """Expire what works, then answer every message still on its way; DONE or why it stopped."""
    st = env.state[0]
    st["at_ns"] = st["close_ns"]
    if st["session"] != CLOSED:
        if st["n_reports"] + st["own_live"] > len(reports):
            return REPORTS_FULL if st["n_reports"] > 0 else TOO_SMALL
        expire_all(env, reports)
        st["session"] = CLOSED
        st["now_ns"] = st["close_ns"]
    mask = len(env.queue) - 1
    while st["head"] < st["tail"]:
        if st["n_reports"] + 1 > len(reports):
            return REPORTS_FULL if st["n_reports"] > 0 else TOO_SMALL
        act(env, env.queue[st["head"] & mask], st["close_ns"], reports, trades)
        st["head"] += 1
    return DONE


@hot
def run_until(
    env: Env, to_ns: int, reports: Records, n_reports: int, trades: Records, n_trades: int
) -> tuple[int, int, int]:
    """Move the market to ``to_ns``, at most to the close, where own orders expire.

    reports, trades : REPORT and TRADE arrays, in use up to n_reports and n_trades.
    Returns (DONE | REPORTS_FULL | TRADES_FULL | TOO_SMALL, reports in use, trades in use).
    """
    st = env.state[0]
    st["n_reports"] = n_reports
    st["n_trades"] = n_trades
    to_ns = min(to_ns, st["close_ns"])
    status = DONE
    if st["session"] == PRE_OPEN:
        status = run_messages(env, min(to_ns, st["open_ns"] - 1), reports, trades)
        if status == DONE and to_ns >= st["open_ns"]:
            st["session"] = CONTINUOUS
    if status == DONE and st["session"] == CONTINUOUS:
        status = run_messages(env, to_ns, reports, trades)
    if status == DONE and to_ns >= st["close_ns"]:
        status = close_day(env, reports, trades)
    if status == DONE:
        st["now_ns"] = max(st["now_ns"], to_ns)
    return status, st["n_reports"], st["n_trades"]


@hot
def write_tick(env: Env, tick: Row) -> None:
    """Fill a TICK record with the market of this instant."""
    st = env.state[0]
    tick["symbol"] = st["symbol"]
    tick["session"] = st["session"]
    tick["at_ns"] = st["now_ns"]
    depth(env.book, BUY, LEVELS, tick["bid"], tick["bid_size"])
    depth(env.book, SELL, LEVELS, tick["ask"], tick["ask_size"])
    tick["volume"] = st["volume"]
    tick["signed_volume"] = st["signed_volume"]
    tick["own_volume"] = st["own_volume"]
    tick["notional"] = st["notional"]
    tick["trades"] = st["trades"]
    tick["last"] = st["last"]
    tick["ofi"] = st["ofi"]
    tick["events"] = st["events"]


@hot
def write_best(env: Env, tick: Row) -> None:
    """As `write_tick`, but only the touch: for loops that never look deeper."""
    st = env.state[0]
    tick["bid"][0] = best_bid(env.book)
    tick["ask"][0] = best_ask(env.book)
    tick["bid_size"][0] = st["bid_size"]
    tick["ask_size"][0] = st["ask_size"]
    tick["volume"] = st["volume"]
    tick["own_volume"] = st["own_volume"]


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
                cancel_one(st, env.book, bits, np.int64(env.tables[T_CANCEL, (bits >> U41) & LOW12]))
            continue
        side = side_of_bits(bits)
        far = np.int64(env.tables[T_FAR, (bits >> U41) & LOW12])
        price = limit_price(st, bits, side, far)
        reach = best_ask(env.book) if side > 0 else best_bid(env.book)
        if price > 0 and (reach == 0 or side * (price - reach) < 0):
            quantity = np.int64(env.tables[T_LIMIT, (bits >> U29) & LOW12])
            post(st, env.book, side, price, quantity)
    begin_second(env, 0)
    touch(env.book, st)
    st["ofi"] = 0.0


def new_env(
    day: Day,
    symbol: int,
    latency_ns: int = 1_000_000,
    jitter_ns: int = 0,
    max_own: int = 4_096,
    max_queue: int = 4_096,
) -> Env:
    """A run of a day, before the open: the book is quoted, nothing has traded."""
    env = blank_env(day, symbol, latency_ns, jitter_ns, max_own, max_queue)
    warm_up(env)
    return env


