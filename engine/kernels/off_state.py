"""What trades beside the public books: records of dark pools, dealers and auctions of one run.

Own orders that wait in a pool or for an auction stand in a *line*: rows of the table of own
orders by arrival. Who cancels or expires an order does not look here: a row whose order works no
more is passed over and dropped when the line is next tidied.
"""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import ACCEPTED, CONTINUOUS, VENUES
from engine.domain.market import MESSAGE
from engine.kernels.exogenous import BASE_RATE
from engine.kernels.jit import hot, inner, leaf
from engine.kernels.rng import stream_key

Row: TypeAlias = Any
Records: TypeAlias = NDArray[np.void]

STREAM_QUOTE: Final = 107  # dealers' quotes
STREAM_LOOK: Final = 108  # how long a dealer looks
STREAM_AUCTION: Final = 109

PRIMARY: Final = 0  # the venue of the auctions
FIRST_POOL: Final = 3  # place of the first dark pool in the tuple of venues
FIRST_DEALER: Final = 5
ELSEWHERE: Final = VENUES - 1  # prints of wholesalers: a place without a venue we could send to
POOLS: Final = 2
DEALERS: Final = 2
LINE: Final = 256  # own orders that wait in one pool or for one auction, at most
BAND: Final = 512  # prices of an auction: its reference - 256 .. + 255
SUB: Final = 100  # parts of a tick
LIT_SHARE: Final = 0.485  # of the consolidated volume of a day that the lit flow brings

# scalars
OFF = np.dtype(
    [
        ("quote_key", "<u8"),
        ("look_key", "<u8"),
        ("auction_key", "<u8"),
        ("second", "<i8"),  # of the touch below, -1 = none yet
        ("mark_bid", "<i8"),  # touch as the second began: what dealers quote around [tick]
        ("mark_ask", "<i8"),
        ("usual", "<f8"),  # consolidated volume of a usual day [share]
        ("retail", "<f8"),  # size of a wholesaler's trade, multiple of a market order's
        ("inside", "<i8"),  # prints a little inside the touch [1 / 4096]
        ("half_way", "<i8"),  # ... and half a tick inside; the rest at the touch
        ("to", "<i8", (4,)),  # orders that go to pool 0, pool 1, dealer 0, dealer 1, cumulative
        ("reopenings", "<i8"),
    ],
    align=True,
)

# a dark pool: everybody rests at the midpoint, so at most one side of the background waits
POOL = np.dtype(
    [
        ("minimum", "<i8"),  # executions are not smaller, unless less than that was left [share]
        ("rest", "<i8"),  # hidden background interest, + buys, - sells [share]
        ("rank", "<i8"),  # own rows below this were there before it
        ("until_ns", "<i8"),  # when it goes away
        ("count", "<i8"),  # rows in use of its line
        ("size", "<f8"),  # of an arrival, multiple of a market order's
        ("wait_ns", "<i8"),  # longest that one waits
        ("informed", "<f8"),  # chance that an arrival knows a coming move of one tick
        ("ahead_s", "<i8"),  # how far it sees
    ],
    align=True,
)

DEALER = np.dtype(
    [
        ("size", "<i8"),  # usual size of a quote [share]
        ("tolerance", "<i8"),  # adverse move of the mid that it accepts [tick / 100]
        ("look_ns", "<i8"),  # shortest look; the longest is four times that
        ("better", "<i8"),  # chance of a quote inside the touch [1 / 4096]
        ("worse", "<i8"),  # and of one outside
        ("hit", "<f8"),  # own fills of late, signed, fading [share]
        ("hit_second", "<i8"),
        ("second", "<i8"),  # to which ``used`` belongs
        ("clients", "<f8"),  # size of its trades with others, multiple of a market order's
        ("used", "<i8", (2,)),  # of this second's bid and ask, taken or under look [share]
    ],
    align=True,
)

# the own orders of one kind of auction and what it would do now
AUCTION = np.dtype(
    [
        ("count", "<i8"),  # rows in use of its line
        ("price", "<i8"),  # 0 = nothing would trade [tick]
        ("volume", "<i8"),
        ("imbalance", "<i8"),  # + buyers left over [share]
    ],
    align=True,
)
OPENING: Final = 0
CLOSING: Final = 1


# everything off the books of one run: one record, because each array that is handed on costs time
BESIDE = np.dtype(
    [
        ("top", OFF, (1,)),
        ("pools", POOL, (POOLS,)),
        ("dealers", DEALER, (DEALERS,)),
        ("auctions", AUCTION, (2,)),  # opening and reopening, closing
        ("lines", "<i8", (POOLS + 2, LINE)),  # rows of own orders: of the pools, of the auctions
        ("times", "<i8", (POOLS + 2, LINE)),  # when they came [ns]
        ("curve", "<i8", (2, BAND)),  # scratch: buyers and sellers by price
        ("message", MESSAGE, (1,)),  # scratch
    ],
    align=True,
)


def new_off(seed: int, flow: Records) -> Records:
    """Nobody waits anywhere; minimum and quotes scale with the sizes of the flow."""
    size = float(flow[0]["size"]) / LIT_SHARE
    off = np.zeros(1, BESIDE)
    top = off[0]["top"]
    top[0]["quote_key"] = stream_key(seed, STREAM_QUOTE)
    top[0]["look_key"] = stream_key(seed, STREAM_LOOK)
    top[0]["auction_key"] = stream_key(seed, STREAM_AUCTION)
    top[0]["usual"] = 2.0e6 * size * float(flow[0]["rate"]) / BASE_RATE
    top[0]["second"] = -1
    top[0]["retail"] = 1.1
    top[0]["inside"], top[0]["half_way"] = 1_880, 300
    top[0]["to"] = (900, 1_100, 1_500, 1_700)  # of 4,096, the rest to a wholesaler
    pools = off[0]["pools"]
    pools["minimum"] = (1, max(1, round(200 * size)))
    pools["size"] = (1.7, 6.5)
    pools["wait_ns"] = (90_000_000_000, 400_000_000_000)
    pools["informed"] = (1.0, 1.0)
    pools["ahead_s"] = (4, 5)
    dealers = off[0]["dealers"]
    dealers["clients"] = (1.75, 2.6)
    dealers["size"] = (max(1, round(300 * size)), max(1, round(600 * size)))
    dealers["tolerance"] = (25, 75)
    dealers["look_ns"] = (50_000_000, 30_000_000)
    dealers["better"] = (2_048, 1_434)
    dealers["worse"] = (820, 1_229)
    dealers["second"] = -1
    return off


@leaf
def twice_mid(st: Row) -> int:
    """Twice the mid of the consolidated quote [tick], 0 when nobody may trade at it.

    One-sided, locked and crossed quotes have no mid that a pool or dealer would trust.
    """
    if st["session"] != CONTINUOUS or st["bid"] == 0 or st["ask"] <= st["bid"]:
        return 0
    return int(np.int64(st["bid"] + st["ask"]))


@inner
def tidy(own: Records, off: Row, which: int, count: int) -> int:
    """Drop the rows of a line whose orders work no more; how many are left."""
    line, times = off["lines"][which], off["times"][which]
    kept = 0
    for i in range(count):
        if own[line[i]]["state"] == ACCEPTED:
            line[kept] = line[i]
            times[kept] = times[i]
            kept += 1
    return kept


@hot
def join(own: Records, off: Row, which: int, count: int, row: int, at_ns: int) -> int:
    """Put a row at the end of a line; its length, 0 when LINE orders wait already."""
    count = tidy(own, off, which, count)
    if count == LINE:
        return 0
    off["lines"][which, count] = row
    off["times"][which, count] = at_ns
    return count + 1


@inner
def meets_own(own: Records, line: NDArray[np.int64], count: int, side: int, price: int) -> bool:
    """Whether a waiting own order of the other side could ever trade with this one.

    price : its limit, 0 = none.
    """
    for i in range(count):
        other = own[line[i]]
        if other["state"] == ACCEPTED and other["side"] != side:
            limit = other["price"]
            if price == 0 or limit == 0 or side * (price - limit) >= 0:
                return True
    return False
