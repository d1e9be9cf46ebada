"""Flow that trades off the public books: wholesalers, dealers' clients, interest in dark pools.

A background market order that the state of the books turns away goes off exchange: every draw
here is a function of its hash. A wholesaler or dealer prints it near the touch, mostly a little
inside, at hundredths of a tick; interest for a pool arrives there and waits (dark.py).

Adverse selection: who comes to a pool knows better now and then. With the strength of the pool,
an arrival trades with the move of the next seconds: a seller comes when the price is about to
fall, and meets whoever waits to buy. The move is the exogenous one, so no own order changes it,
and it never reaches a feature or a strategy.

The shares below were set together so that consolidated volume has the off-exchange share and the
sub-penny prints of recorded days (docs/numbers.md).
"""

from typing import Final

import numpy as np

from engine.domain.kinds import CONTINUOUS
from engine.kernels.auction import renew
from engine.kernels.dark import come, look_again
from engine.kernels.dealer import mark
from engine.kernels.environment import T_MARKET, Env
from engine.kernels.exogenous import ACCEPT, KIND_ONE
from engine.kernels.jit import hot, leaf
from engine.kernels.off_state import (
    ELSEWHERE,
    FIRST_DEALER,
    POOLS,
    SUB,
    Records,
    twice_mid,
)
from engine.kernels.prints import print_trade
from engine.kernels.rng import draw

# of 4,096 turned away: to pool 0, to pool 1, to dealer 0, to dealer 1, the rest to a wholesaler
TO: Final = (900, 1_100, 1_500, 1_700)
# their size: multiples of that of a market order
POOL_SIZE: Final = (1.7, 6.5)
DEALER_SIZE: Final = (1.75, 2.6)
RETAIL_SIZE: Final = 1.1
# how long interest waits in a pool, at most
WAIT_NS: Final = (90_000_000_000, 400_000_000_000)
# adverse selection: weight of the coming moves, and the seconds that they reach
STRENGTH: Final = (0.8, 1.0)
AHEAD_S: Final = (3, 5)
# prices of prints, of 4,096: a few hundredths inside the touch, half a tick inside, at the touch
INSIDE: Final = 1_880
HALF_WAY: Final = 300

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
    for k in range(AHEAD_S[p]):
        if s + k < len(env.seconds):
            total += env.seconds[s + k]["foresight"]
    return total * STRENGTH[p]


@hot
def to_pool(
    env: Env, p: int, bits: np.uint64, side: int, reports: Records, trades: Records
) -> None:
    """Interest of a side, or of what it knows better, arrives at pool p."""
    move = coming(env, p)
    if np.float64((bits >> U12) & LOW12) < abs(move) * 4_096.0:
        side = 1 if move > 0.0 else -1
    size = POOL_SIZE[p] * env.tables[T_MARKET, (bits >> U24) & LOW12]
    wait_ns = int((np.float64((bits >> U36) & LOW12) + 0.5) / 4_096.0 * WAIT_NS[p])
    at_ns = env.state[0]["at_ns"]
    come(env, p, side, max(1, int(size)), at_ns + wait_ns, reports, trades)


@leaf
def improvement(bits: np.uint64) -> int:
    """How far inside the touch a print stands. [tick / 100]"""
    which = np.int64((bits >> U12) & LOW12)
    if which < INSIDE:
        u = np.float64((bits >> U36) & LOW12) / 4_096.0
        return int(1 + np.int64(49.0 * u * u))  # 1 .. 49, mostly a little
    if which < INSIDE + HALF_WAY:
        return SUB // 2
    return 0


@hot
def to_desk(env: Env, venue: int, size: float, bits: np.uint64, side: int, trades: Records) -> None:
    """A wholesaler or a dealer trades with its client: a print near the touch."""
    st = env.state[0]
    if twice_mid(st) == 0:
        return
    touch = st["ask"] if side > 0 else st["bid"]
    cents = int(np.int64(touch)) * SUB - side * improvement(bits)
    quantity = max(1, int(size * env.tables[T_MARKET, (bits >> U24) & LOW12]))
    print_trade(env, trades, venue, 0, cents // SUB, cents % SUB, quantity, 0, 0)


@hot
def off_arrival(env: Env, bits: np.uint64, side: int, reports: Records, trades: Records) -> None:
    """A background market order that was turned away, with its hash, trades off exchange.

    One that a calm book would have taken has given up: so the stream is almost the same whatever
    the state of the book, and with it whatever our orders have done.
    """
    if np.float64((bits >> U15) & LOW14) < ACCEPT * KIND_ONE:
        return
    fresh = draw(bits, 1)
    where = np.int64(fresh & LOW12)
    if where < TO[0]:
        to_pool(env, 0, fresh, side, reports, trades)
    elif where < TO[1]:
        to_pool(env, 1, fresh, side, reports, trades)
    elif where < TO[3]:
        d = 0 if where < TO[2] else 1
        if env.venues[FIRST_DEALER + d]["state"] == CONTINUOUS:
            to_desk(env, FIRST_DEALER + d, DEALER_SIZE[d], fresh, side, trades)
    else:
        to_desk(env, ELSEWHERE, RETAIL_SIZE, fresh, side, trades)


@hot
def second(env: Env, reports: Records, trades: Records) -> None:
    """A second begins: dealers quote anew, pools match again, the close is indicated."""
    mark(env)
    for p in range(POOLS):
        if env.off.pools[p]["count"] > 0:
            look_again(env, p, reports, trades)
    renew(env)
