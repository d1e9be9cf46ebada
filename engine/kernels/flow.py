"""One instrument's trading day: background flow and own orders at several venues.

Background orders are *candidates*: events of the exogenous layer that the state of the book
accepts or rejects. Candidate i of N in second s happens at s + (i + 0.5) / N; an own message
acts at ``sent_ns + latency`` of its venue, before a candidate of the same instant, and an incident
before both. `run_until` moves an environment to any instant; slicing changes nothing, to the bit.

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

from typing import Final

import numpy as np

from engine.domain.kinds import CLOSED, CONTINUOUS, HALTED, LIT, NEW, PRE_OPEN, VENUES
from engine.kernels import auction, offexchange
from engine.kernels.background import DONE as DONE
from engine.kernels.background import MAX_PRINTS as MAX_PRINTS
from engine.kernels.background import MAX_REFILLS as MAX_REFILLS
from engine.kernels.background import OFF_PRINTS, OFF_REPORTS, run_background, warm_up
from engine.kernels.background import REPORTS_FULL as REPORTS_FULL
from engine.kernels.background import TOO_SMALL as TOO_SMALL
from engine.kernels.background import TRADES_FULL as TRADES_FULL
from engine.kernels.book import Records
from engine.kernels.environment import FAR_NS, LOOK, Day, Env, Row, blank_env
from engine.kernels.incidents import add_incident as add_incident
from engine.kernels.incidents import change
from engine.kernels.jit import hot, inner, leaf
from engine.kernels.matching import reach_at
from engine.kernels.own_orders import act, expire_all, limit_of, release
from engine.kernels.own_queue import submit as submit
from engine.kernels.prints import touch
from engine.kernels.publish import write_best as write_best
from engine.kernels.publish import write_tick as write_tick

AUCTION_PRINTS: Final = 4
AUCTION_REPORTS: Final = 4


@leaf
def fits(env: Env, rows: int, prints: int, reports: Records, trades: Records) -> int:
    """DONE when both arrays can hold so many more rows."""
    st = env.state[0]
    if st["n_reports"] + rows > len(reports):
        return REPORTS_FULL if st["n_reports"] > 0 else TOO_SMALL
    if st["n_trades"] + prints > len(trades):
        return TRADES_FULL if st["n_trades"] > 0 else TOO_SMALL
    return DONE


@inner
def room_for(env: Env, message: Row, reports: Records, trades: Records) -> int:
    """DONE when both arrays can hold whatever a message may cause."""
    is_known = 0 <= message["venue"] < VENUES
    is_off = is_known and env.state[0]["venues"][message["venue"]]["kind"] != LIT
    if message["kind"] == LOOK or is_off:
        rows = env.state[0]["own_live"] + OFF_REPORTS + 2
        return int(fits(env, rows, OFF_PRINTS, reports, trades))
    prices = 0
    if message["kind"] == NEW and is_known:
        side, venue = int(np.int64(message["side"])), int(np.int64(message["venue"]))
        quantity = int(np.int64(message["quantity"]))
        _, prices = reach_at(env, venue, side, limit_of(env, message), quantity)
    return int(fits(env, prices + 2, prices, reports, trades))


@inner
def release_waiting(env: Env, reports: Records, trades: Records) -> int:
    """After a halt: the orders that came in it enter the book, in the order they came."""
    st = env.state[0]
    while st["release"] >= 0 and st["release"] < st["n_own"]:
        row = int(np.int64(st["release"]))
        own = env.own[row]
        if own["waiting"] == 1:
            side, venue = int(np.int64(own["side"])), int(np.int64(own["venue"]))
            price, leaves = int(np.int64(own["price"])), int(np.int64(own["leaves"]))
            _, prices = reach_at(env, venue, side, price, leaves)
            status = fits(env, prices + 2, prices, reports, trades)
            if status != DONE:
                return status
            st["at_ns"] = st["now_ns"]
            release(env, row, reports, trades)
        st["release"] += 1
    st["release"] = -1
    return DONE


@leaf
def next_event(env: Env) -> tuple[int, int]:
    """When the next message acts and the next incident changes. [ns]"""
    st = env.state[0]
    act_ns = FAR_NS
    if st["head"] < st["tail"]:
        act_ns = env.queue[st["head"] & (len(env.queue) - 1)]["act_ns"]
    return int(np.int64(act_ns)), int(np.int64(st["next_incident_ns"]))


@leaf
def run_messages(env: Env, to_ns: int, reports: Records, trades: Records) -> int:
    """Candidates, incidents, own messages up to ``to_ns`` in time order; DONE or why it stopped."""
    st = env.state[0]
    mask = len(env.queue) - 1
    while True:
        status = release_waiting(env, reports, trades) if st["release"] >= 0 else DONE
        if status != DONE:
            return status
        act_ns, change_ns = next_event(env)
        event_ns = min(act_ns, change_ns)
        if st["session"] == CONTINUOUS:
            bound = min(to_ns, event_ns - 1, st["close_ns"] - 1)
            status = run_background(env, bound, reports, trades)
            if status != DONE:
                return status
        if event_ns > to_ns:
            return DONE
        if event_ns >= st["close_ns"] and st["session"] != PRE_OPEN:
            return DONE  # the close comes first
        if change_ns <= act_ns:
            rows = 2 * st["own_live"] + AUCTION_REPORTS  # an end of a halt is an auction
            status = fits(env, rows, AUCTION_PRINTS, reports, trades)
            if status != DONE:
                return status
            st["now_ns"] = max(st["now_ns"], change_ns)
            change(env, reports, trades)
            continue
        message = env.queue[st["head"] & mask]
        status = room_for(env, message, reports, trades)
        if status != DONE:
            return status
        act(env, message, act_ns, reports, trades)
        st["now_ns"] = act_ns
        st["head"] += 1


@hot
def open_day(env: Env, reports: Records, trades: Records) -> int:
    """The opening auction, then continuous trading; DONE or why it stopped."""
    st = env.state[0]
    rows = 2 * st["own_live"] + AUCTION_REPORTS
    status = fits(env, rows, AUCTION_PRINTS, reports, trades)
    if status != DONE:
        return int(status)
    st["session"] = CONTINUOUS
    st["at_ns"] = st["open_ns"]
    auction.open_auction(env, reports, trades)
    offexchange.second(env, reports, trades)
    touch(env.book, st)
    return DONE


@inner
def close_day(env: Env, reports: Records, trades: Records) -> int:
    """The closing auction; expire what works; answer what is still on its way."""
    st = env.state[0]
    st["at_ns"] = st["close_ns"]
    if st["session"] != CLOSED:
        rows = 2 * st["own_live"] + AUCTION_REPORTS
        status = fits(env, rows, AUCTION_PRINTS, reports, trades)
        if status != DONE:
            return status
        if st["session"] != HALTED:
            auction.close_auction(env, reports, trades)
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
    before_open = min(to_ns, st["open_ns"] - 1)
    while status == DONE and st["session"] != CLOSED:
        early = st["session"] == PRE_OPEN
        status = run_messages(env, before_open if early else to_ns, reports, trades)
        if status != DONE or not early or to_ns < st["open_ns"]:
            break
        status = open_day(env, reports, trades)
    if status == DONE and to_ns >= st["close_ns"]:
        status = close_day(env, reports, trades)
    if status == DONE:
        st["now_ns"] = max(st["now_ns"], to_ns)
    return status, st["n_reports"], st["n_trades"]


def new_env(
    day: Day,
    symbol: int,
    latency_ns: int = 1_000_000,
    jitter_ns: int = 0,
    max_own: int = 4_096,
    max_queue: int = 4_096,
) -> Env:
    """A run of a day, before the open: the book is quoted, nothing has traded.

    latency_ns : of venue 0; the others are slower or faster in proportion (SIM_VENUES).
    """
    env = blank_env(day, symbol, latency_ns, jitter_ns, max_own, max_queue)
    warm_up(env)
    return env
