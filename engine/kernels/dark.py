"""Dark pools: hidden interest that trades at the middle of the consolidated quote.

Everybody trades at one price, so priority is time, and background interest of two sides never
waits at once: an arrival meets what waits on the other side, what is left of it waits. Own orders
stand in the same line. Who comes is decided in offexchange.py and no own order changes it; an own
order takes shares that would have met somebody else, and the pool prints what is exchanged.

A fill needs a two-sided quote that is neither locked nor crossed, the mid within the order's
limit, and both minimum quantities: per execution, or all that an order has left when that is less.
The mid moves between arrivals: who waits is looked at again as each second begins.
"""

import numpy as np

from engine.domain.kinds import (
    ACCEPTED,
    AGGRESSIVE,
    CANCELLED,
    CONTINUOUS,
    IOC,
    PASSIVE,
    PEG_MID,
    REASON_BAD_QUANTITY,
    REASON_IOC_REMAINDER,
    REASON_MINIMUM,
    REASON_SELF_MATCH,
)
from engine.kernels.environment import Env
from engine.kernels.jit import door, hot, inner, leaf
from engine.kernels.off_state import (
    FIRST_POOL,
    SUB,
    Records,
    Row,
    join,
    meets_own,
    tidy,
    twice_mid,
)
from engine.kernels.prints import end_own, print_trade, report_fill


@door
def takes(order_type: int) -> bool:
    """Whether a pool takes this order type."""
    return bool(order_type == IOC or order_type == PEG_MID)


@leaf
def within(own: Row, mid: int) -> bool:
    """Whether an own order may trade at this (twice the) mid; limit 0 = at any."""
    return bool(own["price"] == 0 or own["side"] * (2 * own["price"] - mid) >= 0)


@leaf
def enough(own: Row, quantity: int, minimum: int, contra: int) -> bool:
    """Whether an execution is large enough for the own order and for the other side."""
    wanted = min(own["minimum"], own["leaves"])
    return bool(quantity >= wanted and quantity >= min(minimum, contra))


@leaf
def matches(env: Env, p: int) -> bool:
    """Whether pool p matches at all now: it is up and not stuck."""
    venue = env.state[0]["venues"][FIRST_POOL + p]
    return bool(venue["state"] == CONTINUOUS and venue["stuck"] == 0)


@leaf
def half_of(mid: int) -> int:
    """Hundredths of a tick of half of ``mid``."""
    return (mid % 2) * (SUB // 2)


@hot
def exchange(env: Env, p: int, mid: int, quantity: int, own: int, trades: Records) -> None:
    """Print what pool p exchanged at (half of) ``mid``, ``own`` shares of it ours."""
    if quantity > 0:
        print_trade(env, trades, FIRST_POOL + p, 0, mid // 2, half_of(mid), quantity, own, 1)


@inner
def meet(
    env: Env, p: int, side: int, quantity: int, mid: int, reports: Records, trades: Records
) -> int:
    """Background interest meets whoever waits on the other side, oldest first; what is left."""
    pool, line = env.off[0]["pools"][p], env.off[0]["lines"][p]
    left, ours = quantity, 0
    at = 0
    turn = side * pool["rest"] < 0  # the background that waits has not had its turn
    while left > 0 and (turn or at < pool["count"]):
        if turn and (at == pool["count"] or line[at] >= pool["rank"]):
            done = min(left, abs(pool["rest"]))
            pool["rest"] += side * done
            left -= done
            turn = False
            continue
        own = env.own[line[at]]
        if own["state"] == ACCEPTED and own["side"] == -side and within(own, mid):
            done = min(left, own["leaves"])
            if enough(own, done, pool["minimum"], quantity):
                report_fill(env, line[at], reports, mid // 2, half_of(mid), done, PASSIVE)
                left -= done
                ours += done
        at += 1
    exchange(env, p, mid, quantity - left, ours, trades)
    return left


@hot
def come(
    env: Env, p: int, side: int, quantity: int, until_ns: int, reports: Records, trades: Records
) -> None:
    """Background interest reaches pool p, trades, and waits until ``until_ns``."""
    st, pool = env.state[0], env.off[0]["pools"][p]
    mid = twice_mid(st)
    if mid == 0 or not matches(env, p):
        return  # it goes elsewhere
    expire(pool, st["at_ns"])
    left = meet(env, p, side, quantity, mid, reports, trades)
    if left > 0:
        if pool["rest"] == 0:
            pool["rank"] = st["n_own"]
            pool["until_ns"] = until_ns
        pool["until_ns"] = max(pool["until_ns"], until_ns)
        pool["rest"] += side * left


@leaf
def expire(pool: Row, at_ns: int) -> None:
    """Background interest whose time is up goes away."""
    if at_ns >= pool["until_ns"]:
        pool["rest"] = 0


@hot
def look_again(env: Env, p: int, reports: Records, trades: Records) -> None:
    """Who waits in pool p is matched again, now that the mid may have moved."""
    st, pool, line = env.state[0], env.off[0]["pools"][p], env.off[0]["lines"][p]
    pool["count"] = tidy(env.own, env.off[0], p, pool["count"])
    mid = twice_mid(st)
    if mid == 0 or not matches(env, p):
        return
    expire(pool, st["at_ns"])
    total = 0
    for i in range(pool["count"]):
        own = env.own[line[i]]
        contra = abs(pool["rest"])
        if own["side"] * pool["rest"] < 0 and within(own, mid):
            done = min(contra, own["leaves"])
            if enough(own, done, pool["minimum"], contra):
                pool["rest"] += own["side"] * done
                report_fill(env, line[i], reports, mid // 2, half_of(mid), done, PASSIVE)
                total += done
    exchange(env, p, mid, total, total, trades)


@inner
def try_now(env: Env, p: int, row: int, reports: Records, trades: Records) -> int:
    """An own order meets the background that waits in pool p; why its remainder would end."""
    st, own, pool = env.state[0], env.own[row], env.off[0]["pools"][p]
    mid = twice_mid(st)
    expire(pool, st["at_ns"])
    if mid == 0 or not matches(env, p) or not within(own, mid) or own["side"] * pool["rest"] >= 0:
        return REASON_IOC_REMAINDER
    contra = abs(pool["rest"])
    done = min(contra, own["leaves"])
    if not enough(own, done, pool["minimum"], contra):
        return REASON_MINIMUM
    pool["rest"] += own["side"] * done
    report_fill(env, row, reports, mid // 2, half_of(mid), done, AGGRESSIVE)
    exchange(env, p, mid, done, done, trades)
    return REASON_IOC_REMAINDER


@hot
def arrive(env: Env, row: int, message: Row, reports: Records, trades: Records) -> None:
    """An accepted own order reaches a pool: PEG_MID waits for what it does not get, IOC not.

    One that could meet another of ours is cancelled, one below the pool's minimum too.
    """
    own = env.own[row]
    p = int(np.int64(message["venue"])) - FIRST_POOL
    pool = env.off[0]["pools"][p]
    side, price = int(np.int64(message["side"])), int(np.int64(message["price"]))
    if own["quantity"] < pool["minimum"]:
        end_own(env, row, CANCELLED, REASON_MINIMUM, reports)
        return
    if meets_own(env.own, env.off[0]["lines"][p], pool["count"], side, price):
        end_own(env, row, CANCELLED, REASON_SELF_MATCH, reports)
        return
    reason = try_now(env, p, row, reports, trades)
    if own["leaves"] == 0:
        return
    if message["type"] == IOC:
        end_own(env, row, CANCELLED, reason, reports)
        return
    count = join(env.own, env.off[0], p, pool["count"], row, env.state[0]["at_ns"])
    if count == 0:
        end_own(env, row, CANCELLED, REASON_BAD_QUANTITY, reports)  # the line is full
    else:
        pool["count"] = count
