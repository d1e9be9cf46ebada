"""Flow that trades off the public books: wholesalers, dealers' clients, interest in dark pools.

A background market order that the state of the books turns away goes off exchange: every draw
here is a function of its hash. A wholesaler or dealer prints it near the touch, mostly a little
inside, at hundredths of a tick; interest for a pool arrives there and waits (dark.py).

Adverse selection: who comes to a pool knows better now and then. With the strength of the pool,
an arrival trades with the move of the next seconds: a seller comes when the price is about to
fall, and meets whoever waits to buy. The move is the exogenous one, so no own order changes it,
and it never reaches a feature or a strategy.

The numbers in off_state.py were set together, so that the share of volume off exchange and of
sub-penny prints are those of recorded days (docs/numbers.md).
"""

import numpy as np

from engine.domain.kinds import CONTINUOUS
from engine.kernels.auction import renew
from engine.kernels.dark import come, look_again
from engine.kernels.dealer import mark
from engine.kernels.environment import T_MARKET, Env
from engine.kernels.exogenous import ACCEPT, KIND_ONE
from engine.kernels.jit import door, leaf
from engine.kernels.off_state import (
    ELSEWHERE,
    FIRST_DEALER,
    POOLS,
    SUB,
    Records,
    Row,
    twice_mid,
)
from engine.kernels.prints import print_trade
from engine.kernels.rng import draw

U15 = np.uint64(15)
LOW14 = np.uint64(16_383)
U12 = np.uint64(12)
U24 = np.uint64(24)
U36 = np.uint64(36)
U48 = np.uint64(48)
LOW12 = np.uint64(4_095)


@leaf
def coming(env: Env, p: int) -> float:
    """The exogenous move of the next seconds, as far as informed interest of pool p knows it."""
    s = env.state[0]["second"]
    total = 0.0
    for k in range(s, min(s + env.off[0]["pools"][p]["ahead_s"], len(env.seconds))):
        total += env.seconds[k]["foresight"]
    return float(total * env.off[0]["pools"][p]["informed"])


@leaf
def to_pool(
    env: Env, p: int, bits: np.uint64, side: int, reports: Records, trades: Records
) -> None:
    """Interest of a side, or of what it knows better, arrives at pool p."""
    move = coming(env, p)
    if np.float64((bits >> U12) & LOW12) < abs(move) * 4_096.0:
        side = 1 if move > 0.0 else -1
    size = env.off[0]["pools"][p]["size"] * env.tables[T_MARKET, (bits >> U24) & LOW12]
    wait_ns = int(
        (np.float64((bits >> U36) & LOW12) + 0.5) / 4_096.0 * env.off[0]["pools"][p]["wait_ns"]
    )
    at_ns = env.state[0]["at_ns"]
    come(env, p, side, max(1, int(size)), at_ns + wait_ns, reports, trades)


@leaf
def improvement(top: Row, bits: np.uint64) -> int:
    """How far inside the touch a print stands. [tick / 100]"""
    which = np.int64((bits >> U12) & LOW12)
    if which < top["inside"]:
        u = np.float64((bits >> U36) & LOW12) / 4_096.0
        return int(1 + np.int64(49.0 * u * u))  # 1 .. 49, mostly a little
    if which < top["inside"] + top["half_way"]:
        return SUB // 2
    return 0


@leaf
def to_desk(env: Env, venue: int, size: float, bits: np.uint64, side: int, trades: Records) -> None:
    """A wholesaler or a dealer trades with its client: a print near the touch."""
    st = env.state[0]
    if twice_mid(st) == 0:
        return
    touch = st["ask"] if side > 0 else st["bid"]
    cents = int(np.int64(touch)) * SUB - side * improvement(env.off[0]["top"][0], bits)
    quantity = max(1, int(size * env.tables[T_MARKET, (bits >> U24) & LOW12]))
    print_trade(env, trades, venue, 0, cents // SUB, cents % SUB, quantity, 0, 0)


@door
def off_arrival(env: Env, bits: np.uint64, side: int, reports: Records, trades: Records) -> None:
    """A background market order that was turned away, with its hash, trades off exchange.

    One that a calm book would have taken has given up: so the stream is almost the same whatever
    the state of the book, and with it whatever our orders have done.
    """
    if np.float64((bits >> U15) & LOW14) < ACCEPT * KIND_ONE:
        return
    fresh = draw(bits, 1)
    where = np.int64(fresh & LOW12)
    to = env.off[0]["top"][0]["to"]
    if where < to[1]:
        to_pool(env, 0 if where < to[0] else 1, fresh, side, reports, trades)
        return
    venue, size = ELSEWHERE, env.off[0]["top"][0]["retail"]
    if where < to[3]:
        d = 0 if where < to[2] else 1
        venue, size = FIRST_DEALER + d, env.off[0]["dealers"][d]["clients"]
        if env.state[0]["venues"][venue]["state"] != CONTINUOUS:
            return
    to_desk(env, venue, size, fresh, side, trades)


@door
def second(env: Env, reports: Records, trades: Records) -> None:
    """A second begins: dealers quote anew, pools match again, the close is indicated."""
    mark(env)
    for p in range(POOLS):
        if env.off[0]["pools"][p]["count"] > 0:
            look_again(env, p, reports, trades)
    renew(env)
