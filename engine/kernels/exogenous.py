"""What no order can change: fundamental, volatility, activity, depth, metaorders, once a second.

All twins of one path share these arrays, so a difference between two runs is what the orders
did. A draw is a function of (seed, stream, second, index), never of how much was drawn before.
Every number below was calibrated by simulation to the stylised facts (docs/numbers.md): rates
are candidates a second of a stock with an average daily volume of 2 million shares.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from engine.kernels.jit import door, hot, inner, kernel, leaf
from engine.kernels.rng import draw, stream_key

# the flow of one instrument; defaults are the calibrated mid-cap (preset MIDC)
FLOW = np.dtype(
    [
        ("reference", "<f8"),  # price at the open [tick]
        ("sigma", "<f8"),  # fundamental [tick / sqrt(s)]
        ("half_spread", "<f8"),  # [tick]
        ("rate", "<f8"),  # candidates a second
        ("size", "<f8"),  # order sizes relative to a median of 105 shares
        ("depth", "<f8"),  # orders on a level at which cancels saturate
        ("kappa", "<f8"),  # information of one market candidate [tick]
        ("g_bg", "<f8"),  # background pressure at lag 0 [tick / 150 shares]
        ("beta_bg", "<f8"),  # decay of its memories
        ("pi_bg", "<f8"),  # share that never decays
        ("alpha", "<f8"),  # tail of the metaorder lengths
        ("g_own", "<f8"),  # own impact, as above
        ("beta_own", "<f8"),
        ("pi_own", "<f8"),
        ("c_own", "<f8"),  # where own impact turns concave [tick]
        ("p_own", "<f8"),  # its exponent
        ("jumps", "<f8"),  # a day
        ("drift", "<f8"),  # of the fundamental, steady over the session [tick / day]
        ("lean", "<f8"),  # how much market candidates follow the imbalance of the touch
        ("informed", "<f8"),  # how much they follow what the informed foresee
        ("foresight", "<f8"),  # of the move of the next second [1 / tick]
        ("vol_day", "<f8"),  # log volatility: standard deviation of its part fixed for a day,
        ("vol_slow", "<f8"),  # ... of the part with a memory of 90 minutes,
        ("vol_fast", "<f8"),  # ... and of 4 minutes
        ("open_vol", "<f8"),  # more volatility at the open, fades over 30 minutes [fraction]
        ("u_low", "<f8"),  # activity at midday relative to the rate
        ("u_edge", "<f8"),  # what open and close add to it
        ("half_u", "<f8"),  # the spread follows activity with this exponent
        ("busy", "<f8"),  # log activity: standard deviation, memory 60 s
        ("deep", "<f8"),  # log depth: standard deviation, memory 25 min
        ("lag", "<f8"),  # quotes follow background trades with this delay [s]
        ("free_sign", "<f8"),  # share of market candidates that belong to no metaorder
        ("slots", "<f8"),  # metaorders at work at a time, 1 to 8
    ],
    align=True,
)

# one second of the day
SECOND = np.dtype(
    [
        ("r", "<f8"),  # reference + fundamental + information + background pressure [tick]
        ("half", "<f4"),  # quoting half spread [tick]
        ("depth", "<f4"),
        ("scale", "<f4"),  # of own impact: dear when volatile, cheap when busy
        ("foresight", "<f4"),  # of the informed, -1..1; never reaches a feature or a strategy
        ("candidates", "<i4"),
        ("first_market", "<i4"),  # index of its first market candidate in ``signs``
    ],
    align=True,
)

STREAM_PATH = 101
STREAM_FLOW = 102
STREAM_META = 103
STREAM_WARM_UP = 104
STREAM_LATENCY = 105

N_MEMORIES = 7  # 4 * 5^k seconds for k = 0..5, and one that never decays
LAG_S = 1.5  # quotes follow own trades with this delay [s]
MAX_SLOTS = 8
FULL_DAY_S = 23_400  # the session that parameters "a day" speak of
OPENING_S = 1_800  # how long the open is more volatile [s]
MAX_LIFE = 4_000
BASE_RATE = 11.2  # own impact is scaled to the activity of the calibrated stock
MEAN_SIZE = 150.0
SIZE_CAP = 400.0  # a larger background trade presses no more than this [share]
ACCEPT = 0.62  # of a market candidate before imbalance, foresight and spread are looked at

QUANTILES = 4_096
# bit fields of a candidate's hash: kind 14, side 1, accept 14, size 12, distance 12, extra 11
KIND_ONE = 16_384
MARKET_BELOW = 1_786  # .109
LIMIT_BELOW = 8_340  # + .40
STALE_BELOW = 10_060  # + .105, the rest cancels: .386
SIGN_ONE = 4_096


def quantiles() -> NDArray[np.float64]:
    """Standard normal at 4,096 equally likely points, scaled to variance one."""
    normal = NormalDist()
    z = np.array([normal.inv_cdf((i + 0.5) / QUANTILES) for i in range(QUANTILES)])
    return z / float(np.sqrt(np.mean(z * z)))


def memory_table(
    gain: float, beta: float, forever: float, per_shares: float
) -> NDArray[np.float64]:
    """Decay a second and weight of each pressure memory, shape (2, 7). [-, tick / share]"""
    taus = np.array([4.0 * 5.0**k for k in range(N_MEMORIES - 1)])
    weights = taus**-beta
    weights *= (1.0 - forever) / float(weights.sum())
    table = np.empty((2, N_MEMORIES))
    table[0, :-1] = np.exp(-1.0 / taus)
    table[0, -1] = 1.0
    table[1, :-1] = weights
    table[1, -1] = forever
    table[1] *= gain / per_shares
    return table


@door
def normal(bits: np.uint64, shift: int, z: NDArray[np.float64]) -> float:
    """Standard normal from 12 bits of a hash."""
    return float(z[(bits >> np.uint64(shift)) & np.uint64(4095)])


@leaf
def jump(bits: np.uint64, chance: float) -> float:
    """News: with this chance a jump of random sign and power-law size, else 0. [tick]"""
    if (bits & np.uint64(0xFFFFFF)) >= chance * 16_777_216.0:
        return 0.0
    w = (float((bits >> np.uint64(24)) & np.uint64(0xFFFF)) + 0.5) / 65_536.0
    size = min(60.0, 5.0 * (w ** (-1.0 / 3.0) - 0.5))
    return float(size if (bits >> np.uint64(40)) & np.uint64(1) else -size)


@leaf
def opening(s: int, more: float) -> float:
    """What the open adds to the log volatility of second s; 0 after its half hour."""
    if more == 0.0 or s >= OPENING_S:
        return 0.0
    return math.log1p(more * (1.0 - s / OPENING_S))


@hot
def fill_shape(
    u_low: float, u_edge: float, half_u: float, more: float, shape: NDArray[np.float64]
) -> None:
    """Write what every day of a stock has in common, second by second: ``shape`` is (n, 4).

    Activity u from low at midday to the edges, u ** half_u, its root, and what the open adds.
    """
    n = shape.shape[0]
    for s in range(n):
        x = 2.0 * (s + 0.5) / n - 1.0
        u = u_low + u_edge * x * x * x * x
        shape[s, 0] = u
        shape[s, 1] = u**half_u
        shape[s, 2] = math.sqrt(u)
        shape[s, 3] = opening(s, more)


@hot
def fill_path(
    seed: int,
    p: NDArray[np.void],
    z: NDArray[np.float64],
    shape: NDArray[np.float64],
    seconds: NDArray[np.void],
) -> int:
    """Write fundamental, spread, depth and activity of each second; the candidates of the day.

    ``seconds["r"]`` holds the bare fundamental until `fill_pressure` adds the rest.
    """
    n = len(seconds)
    key = stream_key(seed, STREAM_PATH)
    start = draw(key, -1)
    p_slow, p_fast, p_busy, p_deep = p[0]["vol_slow"], p[0]["vol_fast"], p[0]["busy"], p[0]["deep"]
    variance = p[0]["vol_day"] * p[0]["vol_day"] + p_slow * p_slow + p_fast * p_fast
    day = p[0]["vol_day"] * normal(start, 0, z)
    slow = normal(start, 12, z)
    fast = normal(start, 24, z)
    busy = normal(start, 36, z)
    deep = normal(start, 48, z)
    keep_slow, keep_fast = math.exp(-1.0 / 5400.0), math.exp(-1.0 / 240.0)
    keep_busy, keep_deep = math.exp(-1.0 / 60.0), math.exp(-1.0 / 1500.0)
    new_slow, new_fast = math.sqrt(1.0 - keep_slow**2), math.sqrt(1.0 - keep_fast**2)
    new_busy, new_deep = math.sqrt(1.0 - keep_busy**2), math.sqrt(1.0 - keep_deep**2)
    fundamental = 0.0
    total = 0
    for s in range(n):
        u = shape[s, 0]
        log_vol = day + p_slow * slow + p_fast * fast + shape[s, 3]
        vol = math.exp(log_vol - variance)
        quiet = 0.5 * p_busy * p_busy  # mean activity does not depend on its spread
        activity = p[0]["rate"] * u * math.exp(p_busy * busy - quiet + 0.5 * log_vol)
        draws = draw(key, 2 * s)
        more = draw(key, 2 * s + 1)
        count = int(activity + float(more >> np.uint64(44)) / 1_048_576.0)
        row = seconds[s]
        row["r"] = fundamental
        row["half"] = min(
            5.0, p[0]["half_spread"] * shape[s, 1] * math.exp(1.1 * (log_vol - variance))
        )
        row["depth"] = p[0]["depth"] * math.exp(p_deep * deep - 0.2 * log_vol)
        row["scale"] = vol * math.sqrt(BASE_RATE / activity)
        row["candidates"] = count
        total += count
        fundamental += p[0]["sigma"] * shape[s, 2] * vol * normal(draws, 0, z)
        fundamental += jump(more, p[0]["jumps"] / n)
        fundamental += p[0]["drift"] / FULL_DAY_S
        slow = keep_slow * slow + new_slow * normal(draws, 12, z)
        fast = keep_fast * fast + new_fast * normal(draws, 24, z)
        busy = keep_busy * busy + new_busy * normal(draws, 36, z)
        deep = keep_deep * deep + new_deep * normal(draws, 48, z)
    return total


@leaf
def life(bits: np.uint64, exponent: float) -> int:
    """Orders a metaorder will still send, power law. [candidate]"""
    u = (float(bits >> np.uint64(12)) + 0.5) / 4_503_599_627_370_496.0
    return int(min(float(MAX_LIFE), math.ceil(u ** (-1.0 / exponent))))


@inner
def start_metaorders(meta: np.uint64, alpha: float, work: NDArray[np.int64]) -> None:
    """Metaorders already at work: rows of ``work`` are left, sign, number; shape (3, slots)."""
    for slot in range(work.shape[1]):
        bits = draw(draw(meta, slot), 0)
        work[0, slot] = life(bits, alpha - 1.0)  # residual life of one already at work
        work[1, slot] = 1 if bits & np.uint64(1) else -1
        work[2, slot] = 0


@leaf
def next_sign(
    bits: np.uint64, meta: np.uint64, alpha: float, free: int, work: NDArray[np.int64]
) -> int:
    """Sign of a market candidate: of the metaorder it belongs to, or a free one (free / 4,096).

    Clocks run on candidates, not on accepted trades: what an order changes never moves them.
    """
    pick = int(np.int64((bits >> np.uint64(41)) & np.uint64(4095))) - free
    if pick < 0:
        return 1 if (bits >> np.uint64(14)) & np.uint64(1) else -1
    slot = int(np.int64(np.uint32(pick) % np.uint32(work.shape[1])))  # 32 bits divide faster
    sign = work[1, slot]
    work[0, slot] -= 1
    if work[0, slot] == 0:
        work[2, slot] += 1
        fresh = draw(draw(meta, slot), work[2, slot])
        work[0, slot] = life(fresh, alpha)
        work[1, slot] = 1 if fresh & np.uint64(1) else -1
    return int(sign)


@leaf
def pick_market(second: np.uint64, n: int, picked: NDArray[np.uint64]) -> int:
    """Hashes of the market candidates among the n of a second; how many. No branch to guess wrong.

    picked : shape (more than n,), written.
    """
    count = 0
    for i in range(n):
        bits = draw(second, i)
        picked[count] = bits
        count += int((bits & np.uint64(16383)) < np.uint64(MARKET_BELOW))
    return count


@kernel
def fill_pressure(
    seed: int,
    p: NDArray[np.void],
    memories: NDArray[np.float64],
    sizes: NDArray[np.int32],
    signs: NDArray[np.int8],
    seconds: NDArray[np.void],
) -> int:
    """Add information and background pressure to ``r``; write foresight and signs.

    A candidate presses when it passes the *baseline* acceptance, whatever the book then says.
    Returns the number of market candidates of the day.
    """
    key = stream_key(seed, STREAM_FLOW)
    meta = stream_key(seed, STREAM_META)
    alpha, kappa = p[0]["alpha"], p[0]["kappa"]
    free = math.ceil(p[0]["free_sign"] * SIGN_ONE)
    work = np.empty((3, int(p[0]["slots"])), np.int64)
    start_metaorders(meta, alpha, work)
    memory = np.zeros(N_MEMORIES)
    n = len(seconds)
    lag = 1.0 - math.exp(-1.0 / p[0]["lag"])
    cap = SIZE_CAP * p[0]["size"]
    information, pressure = 0.0, 0.0
    picked = np.empty(int(seconds["candidates"].max()) + 1, np.uint64)
    m = 0
    for s in range(n):
        row = seconds[s]
        fundamental = row["r"]
        after = seconds[s + 1]["r"] if s + 1 < n else fundamental
        row["foresight"] = min(1.0, max(-1.0, p[0]["foresight"] * (after - fundamental)))
        moved = clip_move(fundamental, p[0]["reference"])
        row["r"] = p[0]["reference"] + moved + information + pressure
        row["first_market"] = m
        pushed = 0.0
        second = draw(key, s)
        for j in range(pick_market(second, row["candidates"], picked)):
            bits = picked[j]
            sign = next_sign(bits, meta, alpha, free, work)
            signs[m] = sign
            m += 1
            information += kappa * sign
            size = float(sizes[(bits >> np.uint64(29)) & np.uint64(4095)])
            presses = float((bits >> np.uint64(15)) & np.uint64(16383)) < ACCEPT * KIND_ONE
            pushed += sign * min(size, cap) if presses else 0.0
        target = 0.0
        for k in range(N_MEMORIES):
            memory[k] = memory[k] * memories[0, k] + pushed
            target += memories[1, k] * memory[k]
        pressure += lag * (target - pressure)
    return m


@leaf
def clip_move(move: float, reference: float) -> float:
    """Keep the fundamental inside the ladder; an accepted path never comes near. [tick]"""
    most = min(1_500.0, 0.6 * reference)
    return min(most, max(-most, move))
