"""The arrays of one simulated instrument on one day, and how they are made.

``Day`` is the exogenous layer and is shared by all twins of a path; ``Env`` is one run of it.
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import CONTINUOUS, DARK, DEALER, LIT, PRE_OPEN, VENUES
from engine.domain.market import MESSAGE
from engine.kernels.book import Book, Records, copy_book, new_book, new_fills
from engine.kernels.exogenous import (
    MEAN_SIZE,
    N_MEMORIES,
    QUANTILES,
    SECOND,
    fill_path,
    fill_pressure,
    fill_shape,
    memory_table,
    quantiles,
)
from engine.kernels.handed import one_word
from engine.kernels.off_state import LIT_SHARE, new_off

Row: TypeAlias = Any  # one record of an array, as numba sees it

SECOND_NS: Final = 1_000_000_000
FAR_NS: Final = 1 << 62
N_TICKS: Final = 4_032  # the ladder: 2,016 ticks either side of the reference price
POOL: Final = 16_384  # resting orders; a day of the calibrated stock needs fewer than 2,000
FILLS: Final = 256  # scratch tape of one match; longer matches take several rounds
LIT_VENUES: Final = 3  # their queues share one ladder, see `engine.kernels.lit`
LOOK: Final = 100  # message to ourselves: a dealer's look window ends
INCIDENTS: Final = 64  # a day and instrument

# the simulated venues: kind, share of the background flow of its kind, latency relative to venue 0
SIM_VENUES: Final = (
    (LIT, 0.50, 1.0),
    (LIT, 0.30, 1.2),
    (LIT, 0.20, 0.8),
    (DARK, 0.60, 1.5),
    (DARK, 0.40, 1.5),
    (DEALER, 0.50, 3.0),
    (DEALER, 0.50, 3.0),
)

# rows of ``Env.tables``, each indexed by 12 bits of a hash
T_MARKET: Final = 0  # size of a market candidate [share]
T_LIMIT: Final = 1  # size of a limit candidate [share]
T_FAR: Final = 2  # distance of a limit candidate behind its quote [tick]
T_CANCEL: Final = 3  # distance of a cancel candidate [tick]

# a message on its way
QUEUED = np.dtype(
    [*((name, MESSAGE[name]) for name in MESSAGE.names or ()), ("act_ns", "<i8")], align=True
)

# one venue
VENUE = np.dtype(
    [
        ("kind", "<i4"),  # LIT, DARK, DEALER, 0 = absent
        ("state", "<i4"),  # CONTINUOUS = up, CLOSED = down
        ("stuck", "<i4"),  # 1 = a pool that never fills
        ("crossed", "<i4"),  # 1 = what it publishes is garbage
        ("share", "<f8"),
        ("latency_ns", "<i8"),  # of every message, market time
        ("last_act_ns", "<i8"),  # messages to one venue never overtake each other
        ("back_ns", "<i8"),  # when it is back from an outage, or was the last time
        ("stuck_ns", "<i8"),  # until when it is stuck
        ("volume", "<i8"),
    ],
    align=True,
)

# something that happens to this market
INCIDENT = np.dtype(
    [
        ("kind", "<i4"),
        ("venue", "<i4"),
        ("from_ns", "<i8"),
        ("to_ns", "<i8"),
        ("size", "<i8"),
        ("phase", "<i8"),  # 0 = to come, 1 = under way, 2 = over
    ],
    align=True,
)

# scalars of one environment
STATE = np.dtype(
    [
        ("symbol", "<i8"),
        ("seed", "<i8"),
        ("open_ns", "<i8"),
        ("close_ns", "<i8"),
        ("now_ns", "<i8"),
        ("session", "<i8"),
        ("jitter_ns", "<i8"),  # of every message: a hashed part below this, beside its latency
        ("head", "<i8"),  # message queue: next to act
        ("tail", "<i8"),  # ... and next free place, both count up for ever
        ("second", "<i8"),  # of the day
        ("index", "<i8"),  # next candidate in it
        ("candidates", "<i8"),
        ("market", "<i8"),  # next market candidate of the day
        ("key", "<u8"),  # draws of this second
        ("flow_key", "<u8"),
        ("latency_key", "<u8"),
        ("r", "<f8"),  # reference price of the quotes, own impact included [tick]
        ("half", "<f8"),
        ("depth", "<f8"),
        ("foresight", "<f8"),
        ("pushed", "<f8"),  # own signed fills of this second [share]
        ("impact", "<f8"),  # lagged own pressure before it turns concave [tick]
        ("touched", "<i8"),  # 1 once we have traded today
        ("at_ns", "<i8"),  # of the event at work
        ("bid", "<i8"),  # touch before the event at work, 0 = none [tick]
        ("ask", "<i8"),
        ("bid_size", "<i8"),
        ("ask_size", "<i8"),
        ("volume", "<i8"),
        ("signed_volume", "<i8"),
        ("own_volume", "<i8"),
        ("off_volume", "<i8"),  # of it at dark pools and dealers
        ("notional", "<i8"),  # [tick / 100 * share]
        ("trades", "<i8"),
        ("last", "<i8"),
        ("ofi", "<f8"),
        ("events", "<i8"),
        ("n_own", "<i8"),  # children ever seen today
        ("own_live", "<i8"),
        ("executions", "<i8"),  # reports written today
        ("n_reports", "<i8"),  # rows in use of the caller's arrays
        ("n_trades", "<i8"),
        ("lost", "<i8"),  # background orders the pool had no room for; must stay 0
        ("cut_a", "<i8"),  # 8 bits of a hash below this: venue 0,
        ("cut_b", "<i8"),  # ... below this: venue 1, else venue 2
        ("hidden", "<i8"),  # own hidden orders at work
        ("icebergs", "<i8"),  # own icebergs at work
        ("incidents", "<i8"),
        ("next_incident_ns", "<i8"),  # when the next one begins or ends
        ("release", "<i8"),  # row of ``own`` whose waiting order is released next, -1 = none
        ("first_hidden", "<i8"),  # row of the oldest own hidden order, -1 = none
        ("last_hidden", "<i8"),
        ("memory", "<f8", (N_MEMORIES,)),  # own pressure [share]
        ("keep", "<f8", (N_MEMORIES,)),  # what is left of it after a second
        ("weight", "<f8", (N_MEMORIES,)),
        ("venues", VENUE, (VENUES,)),
        ("happened", INCIDENT, (INCIDENTS,)),
    ],
    align=True,
)

# one own child order, kept all day
OWN = np.dtype(
    [
        ("child", "<i8"),
        ("slot", "<i8"),  # in the book, NIL = not resting
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("cum", "<i8"),
        ("leaves", "<i8"),  # > 0 only while it works
        ("side", "<i4"),
        ("state", "<i4"),  # ACCEPTED while it works, else what ended it
        ("venue", "<i4"),
        ("type", "<i4"),
        ("minimum", "<i8"),
        ("display", "<i4"),
        ("behind", "<i4"),  # HIDDEN: row of the next one, -1 = none
        ("waiting", "<i4"),  # 1 = came while the symbol was halted, enters when it reopens
    ],
    align=True,
)


class Day(NamedTuple):
    """What no order can change; read-only, shared by all twins of a path."""

    flow: Records  # FLOW, shape (1,)
    seconds: Records  # SECOND, shape (seconds of the day,)
    signs: NDArray[np.int8]  # of every market candidate
    tables: NDArray[np.int32]  # shape (4, 4096)
    distances: NDArray[np.uint8]  # rows T_FAR and T_CANCEL of it, so that they stay in the cache
    weights: NDArray[np.float64]  # own-impact memories: decay a second, weight; shape (2, 7)
    seed: int
    open_ns: int
    close_ns: int


@one_word
class Env(NamedTuple):
    """One run of a day; made by `new_env`, copied by `copy_env`.

    Few arrays, many fields: each array is seven words that every call has to hand on.
    """

    state: Records  # STATE, shape (1,)
    flow: Records
    seconds: Records
    signs: NDArray[np.int8]
    tables: NDArray[np.int32]
    distances: NDArray[np.uint8]
    book: Book
    own: Records  # OWN
    places: NDArray[np.int32]  # child id -> row of ``own`` + 1, open addressing
    queue: Records  # QUEUED, a ring in the order of acting
    fills: Records  # FILL, scratch
    off: Records  # BESIDE, shape (1,): dark pools, dealers, auctions


@lru_cache(maxsize=1)
def _normals() -> NDArray[np.float64]:
    return quantiles()


def _distances(power: float, most: int = 120) -> NDArray[np.int32]:
    """Quantiles of P(d) ~ (1 + d) ** -power for 0 <= d < most. [tick]"""
    weight = (1.0 + np.arange(most)) ** -power
    cumulative = np.cumsum(weight) / weight.sum()
    points = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return np.searchsorted(cumulative, points).astype(np.int32)


def _sizes(median: float, spread: float, scale: float) -> NDArray[np.int32]:
    """Quantiles of a lognormal order size. [share]"""
    sizes = np.rint(median * scale * np.exp(spread * _normals()))
    return np.maximum(1.0, sizes).astype(np.int32)


@lru_cache(maxsize=64)
def _tables(size: float) -> NDArray[np.int32]:
    rows = (_sizes(105.0, 0.85, size), _sizes(100.0, 0.75, size), _distances(1.69))
    return np.stack([*rows, _distances(1.49)])


@lru_cache(maxsize=1)
def _short_distances() -> NDArray[np.uint8]:
    return _tables(1.0)[T_FAR:].astype(np.uint8)  # they do not depend on the size


@lru_cache(maxsize=16)
def _shape(
    n: int, u_low: float, u_edge: float, half_u: float, open_vol: float
) -> NDArray[np.float64]:
    shape = np.empty((n, 4))
    fill_shape(u_low, u_edge, half_u, open_vol, shape)
    return shape


def new_day(seed: int, flow: Records, open_ns: int, close_ns: int) -> Day:
    """The exogenous layer of (seed, flow): the same for every run on this path."""
    seconds = np.zeros(-((open_ns - close_ns) // SECOND_NS), SECOND)
    p = flow[0]
    size = float(p["size"])
    tables = _tables(size)
    day = (float(p[name]) for name in ("u_low", "u_edge", "half_u", "open_vol"))
    shape = _shape(len(seconds), *day)
    signs = np.empty(fill_path(seed, flow, _normals(), shape, seconds), np.int8)
    pressing = memory_table(
        float(p["g_bg"]), float(p["beta_bg"]), float(p["pi_bg"]), MEAN_SIZE * size
    )
    used = fill_pressure(seed, flow, pressing, tables[T_MARKET], signs, seconds)
    own = memory_table(
        float(p["g_own"]), float(p["beta_own"]), float(p["pi_own"]), MEAN_SIZE * size / LIT_SHARE
    )
    return Day(
        flow=flow,
        seconds=seconds,
        signs=signs[:used].copy(),
        tables=tables,
        distances=_short_distances(),
        weights=own,
        seed=seed,
        open_ns=open_ns,
        close_ns=close_ns,
    )


def _ring(n: int) -> int:
    """Smallest power of two that holds n."""
    return 1 << max(0, (n - 1).bit_length())


def sim_venues(latency_ns: int) -> Records:
    """The VENUE rows of the simulated market. latency_ns : of venue 0"""
    rows = np.zeros(VENUES, VENUE)
    for row, (kind, share, slower) in zip(rows, SIM_VENUES, strict=False):
        row["kind"], row["share"], row["state"] = kind, share, CONTINUOUS
        row["latency_ns"] = round(latency_ns * slower)
    return rows


def blank_env(
    day: Day, symbol: int, latency_ns: int, jitter_ns: int, max_own: int, max_queue: int
) -> Env:
    """Arrays of a run before its first event; `engine.kernels.flow.new_env` fills the book."""
    state = np.zeros(1, STATE)
    row = state[0]
    row["symbol"], row["seed"] = symbol, day.seed
    row["open_ns"], row["close_ns"], row["session"] = day.open_ns, day.close_ns, PRE_OPEN
    row["jitter_ns"] = jitter_ns
    row["next_incident_ns"], row["release"] = FAR_NS, -1
    row["first_hidden"] = row["last_hidden"] = -1
    row["keep"], row["weight"] = day.weights
    row["venues"] = sim_venues(latency_ns)
    reference = int(day.flow[0]["reference"])
    base = max(1, reference - N_TICKS // 2)
    book = new_book(4 * N_TICKS + 6, 4 * base - 3, POOL)
    return Env(
        state=state,
        flow=day.flow,
        seconds=day.seconds,
        signs=day.signs,
        tables=day.tables,
        distances=day.distances,
        book=book,
        own=np.zeros(max_own, OWN),
        places=np.zeros(_ring(2 * max_own), np.int32),
        queue=np.zeros(_ring(max_queue), QUEUED),
        fills=new_fills(FILLS),
        off=new_off(day.seed, day.flow),
    )


def copy_env(env: Env) -> Env:
    """A snapshot that shares nothing but the exogenous layer with ``env``."""
    return env._replace(
        state=env.state.copy(),
        book=copy_book(env.book),
        own=env.own.copy(),
        places=env.places.copy(),
        queue=env.queue.copy(),
        fills=env.fills.copy(),
        off=env.off.copy(),
    )


def grown(env: Env) -> Env:
    """The same run with room for twice as many children; only the indexes are rebuilt."""
    own = np.zeros(2 * len(env.own), OWN)
    own[: len(env.own)] = env.own
    return env._replace(own=own, places=np.zeros(2 * len(env.places), np.int32))


def with_longer_queue(env: Env) -> Env:
    """The same run with room for twice as many messages on their way."""
    old, new = len(env.queue), 2 * len(env.queue)
    queue = np.zeros(new, QUEUED)
    waiting = np.arange(int(env.state[0]["head"]), int(env.state[0]["tail"]))
    queue[waiting % new] = env.queue[waiting % old]
    return env._replace(queue=queue)
