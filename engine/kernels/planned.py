"""One day with an own order that trades by a plan, crossing the spread: what impact is read from.

The same day without the plan is its twin: both share the exogenous layer and every draw, so the
difference of their mids is what the order did.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import BUY, FILLED, IOC, NEW, SELL
from engine.domain.market import MESSAGE, REPORT, TICK, TRADE
from engine.kernels.environment import SECOND_NS, Env
from engine.kernels.flow import (
    DONE,
    REPORTS_FULL,
    TRADES_FULL,
    run_until,
    submit,
    write_best,
)
from engine.kernels.jit import hot, inner

REACH: Final = 20  # a child goes at most so far through the touch [tick]
STUCK: Final = -1
ROWS: Final = 1_024


def scratch() -> tuple[Any, Any, Any, Any]:
    """Reports, trades, tick and message for `trade_plan`."""
    rows = np.zeros(ROWS, REPORT), np.zeros(ROWS, TRADE)
    return *rows, np.zeros(1, TICK), np.zeros(1, MESSAGE)


@inner
def collect(env: Env, to_ns: int, work: tuple[Any, Any, Any, Any]) -> tuple[int, int, float]:
    """Move to ``to_ns``: DONE or STUCK, own shares filled, their value. [share, tick * share]"""
    reports, trades = work[0], work[1]
    filled, value = 0, 0.0
    status = TRADES_FULL
    while status != DONE:
        status, n, _ = run_until(env, to_ns, reports, 0, trades, 0)
        if status != DONE and status != REPORTS_FULL and status != TRADES_FULL:
            return STUCK, filled, value
        for i in range(n):
            if reports[i]["kind"] == FILLED:
                filled += reports[i]["quantity"]
                price = np.float64(reports[i]["price"]) + 0.01 * np.float64(reports[i]["sub"])
                value += price * np.float64(reports[i]["quantity"])
    return DONE, filled, value


@hot
def trade_plan(
    env: Env,
    plan: NDArray[np.int64],
    mids: NDArray[np.float64],
    shares: NDArray[np.int64],
    values: NDArray[np.float64],
    work: tuple[Any, Any, Any, Any],
) -> int:
    """Trade by ``plan`` for a day; DONE or STUCK.

    plan : signed position that should be held after each second [share]. mids : mid at each
    second, the last known while a side is empty [tick]. shares, values : own signed fills
    between this second and the next, and what they were worth [tick * share]. All written.
    """
    tick, message = work[2][0], work[3][0]
    open_ns = env.state[0]["open_ns"]
    held, child, side = 0, 0, BUY
    mid = env.flow[0]["reference"]
    for s in range(mids.size + 1):
        status, filled, value = collect(env, open_ns + s * SECOND_NS, work)
        if status != DONE:
            return STUCK
        held += side * filled
        if s > 0:
            shares[s - 1] = side * filled
            values[s - 1] = side * value
        if s == mids.size:
            break
        write_best(env, tick)
        bid, ask = tick["bid"][0], tick["ask"][0]
        if bid > 0 and ask > 0:
            mid = 0.5 * (bid + ask)
        mids[s] = mid
        due = plan[s] - held
        if due == 0 or bid == 0 or ask == 0:
            continue
        child += 1
        side = BUY if due > 0 else SELL
        message["kind"], message["symbol"] = NEW, env.state[0]["symbol"]
        message["child"], message["side"], message["type"] = child, side, IOC
        message["price"] = ask + REACH if due > 0 else bid - REACH
        message["quantity"] = abs(due)
        message["sent_ns"] = open_ns + s * SECOND_NS
        if not submit(env, message):
            return STUCK
    return DONE
