"""What an observer of one simulated day writes down: the market each second, each aggressor.

Only what the public functions of the market give is used (`run_until`, `write_tick`,
`write_best`), so the same observer reads any number of books. It steps from candidate to
candidate, because the response to a trade needs the quote just before it.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.market import REPORT, TICK, TRADE
from engine.kernels.environment import SECOND_NS, Env
from engine.kernels.flow import DONE, REPORTS_FULL, TRADES_FULL, run_until, write_best, write_tick
from engine.kernels.jit import hot, inner, kernel
from engine.kernels.pace import candidate_ns
from engine.kernels.rng import draw, stream_key

# the market at the start of each second
SEEN = np.dtype(
    [
        ("bid", "<i8"),  # 0 = none [tick]
        ("ask", "<i8"),
        ("bid_size", "<i8"),
        ("ask_size", "<i8"),
        ("volume", "<i8"),  # since the open
        ("ofi", "<f8"),  # since the open [share]
    ],
    align=True,
)

# one aggressor on the lit books: all its prints together
HIT = np.dtype(
    [
        ("at_ns", "<i8"),
        ("side", "<i4"),
        ("prices", "<i4"),  # how many prices it traded at
        ("quantity", "<i8"),
        ("bid", "<i8"),  # just before [tick]
        ("ask", "<i8"),
        ("bid_after", "<i8"),
        ("ask_after", "<i8"),
        ("wrong", "<i4"),  # prints on the wrong side of the mid just before
    ],
    align=True,
)

STREAM_RESAMPLE = 140
STUCK: Final = -1  # the market did not reach the time asked for
FULL: Final = -2  # more aggressors than the array holds
PRINTS: Final = 512  # between two emptyings


def scratch() -> tuple[Any, Any, Any]:
    """Reports, trades and tick for the observer."""
    return np.zeros(PRINTS, REPORT), np.zeros(PRINTS, TRADE), np.zeros(1, TICK)


@inner
def add_hits(trades: Any, n: int, before: Any, lit: Any, hits: Any, used: int) -> int:
    """Merge n prints into aggressors: same instant, same side; how many are in use then.

    Prints off the lit books, hidden ones, auctions and those without an aggressor do not count.
    """
    for i in range(n):
        trade = trades[i]
        side = trade["side"]
        if side == 0 or trade["hidden"] != 0 or trade["auction"] != 0 or not lit[trade["venue"]]:
            continue
        last = hits[max(0, used - 1)]
        if used == 0 or last["at_ns"] != trade["at_ns"] or last["side"] != side:
            if used == hits.size:
                return FULL
            last = hits[used]
            used += 1
            last["at_ns"], last["side"] = trade["at_ns"], side
            last["prices"], last["quantity"], last["wrong"] = 0, 0, 0
            last["bid"], last["ask"] = before["bid"], before["ask"]
        last["prices"] += 1
        last["quantity"] += trade["quantity"]
        if side * (2 * trade["price"] - before["bid"] - before["ask"]) <= 0:
            last["wrong"] += 1
    return used


@hot
def step(
    env: Env, to_ns: int, before: Any, lit: Any, hits: Any, used: int, work: tuple[Any, Any, Any]
) -> int:
    """Move to ``to_ns`` and write down who traded; aggressors in use, or what went wrong."""
    reports, trades, tick = work
    status = TRADES_FULL
    first = used
    while status != DONE:
        status, _, n = run_until(env, to_ns, reports, 0, trades, 0)
        if status != DONE and status != REPORTS_FULL and status != TRADES_FULL:
            return STUCK
        if n > 0:
            used = add_hits(trades, n, before, lit, hits, used)
            if used < 0:
                return used
    write_best(env, tick[0])
    before["bid"], before["ask"] = tick[0]["bid"][0], tick[0]["ask"][0]
    for i in range(first, used):
        hits[i]["bid_after"], hits[i]["ask_after"] = before["bid"], before["ask"]
    return used


@hot
def observe_day(
    env: Env, lit: Any, seen: Any, hits: Any, before: Any, work: tuple[Any, Any, Any]
) -> int:
    """Watch a whole day; aggressors in use of ``hits``, or STUCK or FULL.

    lit : which venues are lit books, bool, shape (VENUES,). seen : SEEN, one row a second, all
    written. before : one SEEN row of scratch.
    """
    used = 0
    tick = work[2][0]
    open_ns = env.state[0]["open_ns"]
    for s in range(seen.size):
        start = open_ns + s * SECOND_NS
        used = step(env, start, before, lit, hits, used, work)
        if used < 0:
            return used
        write_tick(env, tick)
        row = seen[s]
        row["bid"], row["ask"] = tick["bid"][0], tick["ask"][0]
        row["bid_size"], row["ask_size"] = tick["bid_size"][0], tick["ask_size"][0]
        row["volume"], row["ofi"] = tick["volume"], tick["ofi"]
        n = env.seconds[s]["candidates"]
        for i in range(n):
            used = step(env, start + candidate_ns(i, n), before, lit, hits, used, work)
            if used < 0:
                return used
    return used


@kernel
def resampled(seed: int, draws: int, n: int) -> NDArray[np.float64]:
    """How often each of n days is drawn in each bootstrap sample, shape (draws, n)."""
    counts = np.zeros((draws, n))
    for b in range(draws):
        key = draw(stream_key(seed, STREAM_RESAMPLE), b)
        for i in range(n):
            pick = ((draw(key, i) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
            counts[b, pick] += 1.0
    return counts
