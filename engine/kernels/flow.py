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

from typing import Final

from engine.domain.kinds import BUY, CLOSED, CONTINUOUS, NEW, PRE_OPEN, SELL, VENUES
from engine.domain.market import LEVELS
from engine.kernels.background import DONE as DONE
from engine.kernels.background import MAX_PRINTS as MAX_PRINTS
from engine.kernels.background import REPORTS_FULL as REPORTS_FULL
from engine.kernels.background import TOO_SMALL as TOO_SMALL
from engine.kernels.background import TRADES_FULL as TRADES_FULL
from engine.kernels.background import run_background, warm_up
from engine.kernels.book import Records, best_ask, best_bid, depth
from engine.kernels.environment import Day, Env, Row, blank_env
from engine.kernels.jit import hot, leaf
from engine.kernels.own_orders import act, expire_all, prices_taken
from engine.kernels.own_orders import submit as submit

FAR_NS: Final = 1 << 62


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


@leaf
def run_messages(env: Env, to_ns: int, reports: Records, trades: Records) -> int:
    """Candidates and own messages up to ``to_ns`` in time order; DONE or why it stopped."""
    st = env.state[0]
    mask = len(env.queue) - 1
    while True:
        at = st["head"] & mask
        act_ns = env.acts[at] if st["head"] < st["tail"] else FAR_NS
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
    before_open = min(to_ns, st["open_ns"] - 1)
    while status == DONE and st["session"] != CLOSED:
        early = st["session"] == PRE_OPEN
        status = run_messages(env, before_open if early else to_ns, reports, trades)
        if status != DONE or not early or to_ns < st["open_ns"]:
            break
        st["session"] = CONTINUOUS
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
    write_lone_venue(tick)


@hot
def write_lone_venue(tick: Row) -> None:
    """One venue is the whole market."""
    tick["venue_bid"][0] = tick["bid"][0]
    tick["venue_bid_size"][0] = tick["bid_size"][0]
    tick["venue_ask"][0] = tick["ask"][0]
    tick["venue_ask_size"][0] = tick["ask_size"][0]
    tick["venue_state"][0] = tick["session"]
    tick["venue_volume"][0] = tick["volume"]
    for place in range(1, VENUES):
        tick["venue_state"][place] = CLOSED


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
    tick["session"] = st["session"]
    write_lone_venue(tick)


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
