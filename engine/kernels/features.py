"""The sixteen features, once a second and instrument, from TICK rows alone.

One kernel and one state record serve the live loop, the simulator and training. ``update`` expects
a TICK at every whole second of the session. A tick that is not exactly one second after the one
before restarts the windows: what a window needs and has not seen is NaN, never filled in.

| feature | formula | unit |
|---|---|---|
| spread | ask - bid | tick |
| touch imbalance | (Qb - Qa) / (Qb + Qa) at the best prices | -1 ... 1 |
| imbalance 5 levels | the same over the sums of five levels a side | -1 ... 1 |
| weighted mid | (bid Qa + ask Qb) / (Qa + Qb) - mid | tick |
| microprice | g(queue share, spread), Stoikov's table; not the weighted mid | tick |
| order-flow imbalance 10 s | OFI of the last 10 s / mean touch queue in them | queues |
| trade flow 10 s, 60 s | signed volume / volume; 0 when nothing traded | -1 ... 1 |
| volatility 60 s, 5 min | sd (ddof 1) of the 1 s mid changes | tick |
| momentum 10 s, 60 s | mid now - mid then | tick |
| bid queue, ask queue | ln(1 + shares at the best price) | ln share |
| time of day | (now - open) / (close - open) | 0 ... 1 |
| volume vs expected | volume of the last 60 s / (ADV * curve's part of these 60 s) | ratio |

NaN while a side of the book is empty: whatever needs that side. A window that contains such a
second gives NaN where it uses the mid of that second.
"""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    F_FLOW_10S,
    F_FLOW_60S,
    F_IMBALANCE_1,
    F_IMBALANCE_5,
    F_MICROPRICE,
    F_MOMENTUM_10S,
    F_MOMENTUM_60S,
    F_OFI_10S,
    F_QUEUE_ASK,
    F_QUEUE_BID,
    F_SPREAD,
    F_TIME,
    F_VOLATILITY_60S,
    F_VOLATILITY_300S,
    F_VOLUME_RATIO,
    F_WEIGHTED_MID,
    N_FEATURES,
)
from engine.kernels.jit import hot, inner, leaf
from engine.kernels.schedules import SECOND_NS, curve_at

Floats: TypeAlias = npt.NDArray[np.float64]

RING = 304  # seconds kept: the longest window is 300 changes
SHORT = 60
LONG = 300
# ln(1 + shares) of the queues that one mostly sees: the C library needs 14 ns for one
LOG1P = np.array([math.log1p(float(shares)) for shares in range(4_096)])
CURVE_EDGES = 79  # five-minute bins of a 6.5 h session
MICRO_SPREADS = 4  # 1, 2, 3 and at least 4 ticks
MICRO_BUCKETS = 10  # of queue share Qb / (Qb + Qa)

FEATURE_STATE = np.dtype(
    [
        ("open_ns", "<i8"),
        ("close_ns", "<i8"),
        ("adv", "<f8"),  # average daily volume [share]
        ("curve", "<f8", (CURVE_EDGES,)),  # cumulative volume at the bin edges
        ("micro", "<f8", (MICRO_SPREADS, MICRO_BUCKETS)),  # microprice - mid [tick]
        ("last_ns", "<i8"),
        ("seen", "<i8"),  # ticks since the windows (re)started
        ("at", "<i8"),  # place of the last one in the rings
        ("twice_mid", "<i8", (RING,)),  # bid + ask: whole numbers add without rounding; 0 = none
        ("change", "<i8", (RING,)),  # of twice_mid over one second
        ("change_known", "<i8", (RING,)),
        ("ofi", "<f8", (RING,)),  # since the open
        ("signed_volume", "<i8", (RING,)),
        ("volume", "<i8", (RING,)),
        ("touches", "<i8", (RING,)),  # shares at both best prices, sum since the (re)start
        ("expected", "<f8", (RING,)),  # part of the day's volume that the curve has by then
        ("sums", "<i8", (2, 3)),  # per window: sum, sum of squares, number of known changes
    ],
    align=True,
)


@hot
def imbalance(bid_size: float, ask_size: float) -> float:
    """Queue imbalance; NaN when both are empty. [-1 ... 1]"""
    both = bid_size + ask_size
    return float((bid_size - ask_size) / both) if both > 0 else math.nan


@hot
def weighted_mid(bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """Mid weighted by the opposite queues, nearer to the smaller one. Not the microprice. [tick]"""
    both = bid_size + ask_size
    return float((bid * ask_size + ask * bid_size) / both) if both > 0 else math.nan


@hot
def microprice_shift(table: Any, bid_size: float, ask_size: float, spread: int) -> float:
    """Stoikov's g: expected long-run mid - mid for this imbalance and spread. [tick]"""
    both = bid_size + ask_size
    if not both > 0:
        return math.nan
    bucket = min(int(bid_size / both * MICRO_BUCKETS), MICRO_BUCKETS - 1)
    row = min(max(spread, 1), MICRO_SPREADS) - 1
    return float(table[row, bucket])


@hot
def order_flow_step(before: Any, after: Any) -> float:
    """Order-flow imbalance of one quote change. [share]

    before, after : (bid, bid size, ask, ask size). Positive when buyers press.
    Source: Cont, Kukanov and Stoikov 2014; DOMAIN.md KA-2.
    """
    total = 0.0
    if after[0] >= before[0]:
        total += after[1]
    if after[0] <= before[0]:
        total -= before[1]
    if after[2] <= before[2]:
        total -= after[3]
    if after[2] >= before[2]:
        total += before[3]
    return total


@hot
def trade_sign(price: float, bid: float, ask: float, last_different: float) -> int:
    """Who started a trade: +1 buyer, -1 seller, 0 unknown.

    Above the mid buyer, below seller, at the mid the tick test against the last different price.
    Source: Lee and Ready 1991 with lag 0; DOMAIN.md KA-4.
    """
    twice = 2.0 * price - (bid + ask)
    if twice == 0.0:
        twice = price - last_different
    if twice > 0.0:
        return 1
    return -1 if twice < 0.0 else 0


@inner
def restart(state: Any) -> None:
    """Empty the windows; session, curve and table stay."""
    state["last_ns"] = 0
    state["seen"] = 0
    for window in range(2):
        for k in range(3):
            state["sums"][window, k] = 0


@inner
def add_change(state: Any, window: int, at: int, sign: int) -> None:
    """Take the change at ring index ``at`` into (+1) or out of (-1) a window's exact sums."""
    change = state["change"][at]
    state["sums"][window, 0] += sign * change
    state["sums"][window, 1] += sign * change * change
    state["sums"][window, 2] += sign * state["change_known"][at]


@leaf
def ago(state: Any, lag: int) -> int:
    """Place in the rings of the tick ``lag`` < RING seconds before the last one."""
    at = state["at"] - lag
    return int(at + RING if at < 0 else at)


@inner
def push(state: Any, tick: Any) -> None:
    """Add the tick to the windows. A gap restarts them first."""
    if state["seen"] > 0 and tick["at_ns"] != state["last_ns"] + SECOND_NS:
        restart(state)
    n = state["seen"]
    before = state["at"]
    at = before + 1 if n > 0 and before + 1 < RING else 0
    state["at"] = at
    if n > SHORT:
        add_change(state, 0, ago(state, SHORT), -1)
    if n > LONG:
        add_change(state, 1, ago(state, LONG), -1)
    bid = tick["bid"][0]
    ask = tick["ask"][0]
    both = bid > 0 and ask > 0
    state["twice_mid"][at] = bid + ask if both else 0
    known = n > 0 and both and state["twice_mid"][before] > 0
    state["change"][at] = state["twice_mid"][at] - state["twice_mid"][before] if known else 0
    state["change_known"][at] = 1 if known else 0
    if n > 0:
        add_change(state, 0, at, 1)
        add_change(state, 1, at, 1)
    state["ofi"][at] = tick["ofi"]
    state["signed_volume"][at] = tick["signed_volume"]
    state["volume"][at] = tick["volume"]
    touch = tick["bid_size"][0] + tick["ask_size"][0]
    state["touches"][at] = state["touches"][before] + touch if n > 0 else touch
    state["expected"][at] = expected_by(state, tick["at_ns"])
    state["last_ns"] = tick["at_ns"]
    state["seen"] = n + 1


@inner
def volatility(state: Any, window: int, length: int) -> float:
    """Sample sd of the last ``length`` one-second mid changes; NaN unless all are known. [tick]"""
    n = state["sums"][window, 2]
    if state["seen"] <= length or n != length:
        return math.nan
    total = state["sums"][window, 0]
    squares = state["sums"][window, 1]
    return 0.5 * math.sqrt((n * squares - total * total) / float(n * (n - 1)))


@inner
def momentum(state: Any, lag: int) -> float:
    """Mid now - mid ``lag`` seconds ago. [tick]"""
    n = state["seen"] - 1
    if n < lag:
        return math.nan
    now = state["twice_mid"][state["at"]]
    then = state["twice_mid"][ago(state, lag)]
    return 0.5 * (now - then) if now > 0 and then > 0 else math.nan


@inner
def trade_flow(state: Any, lag: int) -> float:
    """Signed volume / volume of the last ``lag`` seconds; 0 when nothing traded. [-1 ... 1]"""
    n = state["seen"] - 1
    if n < lag:
        return math.nan
    now = state["at"]
    then = ago(state, lag)
    volume = state["volume"][now] - state["volume"][then]
    if volume == 0:
        return 0.0
    return float((state["signed_volume"][now] - state["signed_volume"][then]) / volume)


@inner
def order_flow(state: Any, lag: int) -> float:
    """Order-flow imbalance of the last ``lag`` seconds / mean touch queue in them. [queues]"""
    n = state["seen"] - 1
    if n < lag:
        return math.nan
    now = state["at"]
    then = ago(state, lag)
    touch = state["touches"][now] - state["touches"][then]
    if touch == 0:
        return math.nan
    return float((state["ofi"][now] - state["ofi"][then]) / (touch / (2.0 * lag)))


@inner
def expected_by(state: Any, at_ns: int) -> float:
    """Part of the day's volume that the curve expects by an instant. [fraction]"""
    session = float(state["close_ns"] - state["open_ns"])
    if not session > 0.0:
        return 0.0
    return float(curve_at(state["curve"], (at_ns - state["open_ns"]) / session))


@inner
def volume_ratio(state: Any, lag: int) -> float:
    """Volume of the last ``lag`` seconds / volume the curve expects in them. [ratio]"""
    n = state["seen"] - 1
    session = float(state["close_ns"] - state["open_ns"])
    if n < lag or not session > 0.0:
        return math.nan
    now = state["at"]
    then = ago(state, lag)
    expected = state["adv"] * (state["expected"][now] - state["expected"][then])
    volume = state["volume"][now] - state["volume"][then]
    return float(volume / expected) if expected > 0.0 else math.nan


@leaf
def log_shares(shares: int) -> float:
    """ln(1 + shares). [ln share]"""
    return float(LOG1P[shares]) if 0 <= shares < LOG1P.size else math.log1p(float(shares))


@inner
def write_book(state: Any, tick: Any, out: Any) -> None:
    """The features of the book as it stands; those of an empty side are NaN."""
    bid = tick["bid"][0]
    ask = tick["ask"][0]
    bid_size = float(tick["bid_size"][0])
    ask_size = float(tick["ask_size"][0])
    out[F_QUEUE_BID] = log_shares(tick["bid_size"][0]) if bid > 0 else math.nan
    out[F_QUEUE_ASK] = log_shares(tick["ask_size"][0]) if ask > 0 else math.nan
    if bid <= 0 or ask <= 0:
        return
    out[F_SPREAD] = ask - bid
    out[F_IMBALANCE_1] = imbalance(bid_size, ask_size)
    bids = 0.0
    asks = 0.0
    for level in range(5):
        bids += tick["bid_size"][level]
        asks += tick["ask_size"][level]
    out[F_IMBALANCE_5] = imbalance(bids, asks)
    out[F_WEIGHTED_MID] = weighted_mid(bid, bid_size, ask, ask_size) - 0.5 * (bid + ask)
    out[F_MICROPRICE] = microprice_shift(state["micro"], bid_size, ask_size, ask - bid)


@hot
def update(state: Any, tick: Any, out: Any) -> None:
    """Take one TICK row in and write the 16 features, float32, by F_* index."""
    push(state, tick)
    for i in range(N_FEATURES):
        out[i] = math.nan
    write_book(state, tick, out)
    out[F_OFI_10S] = order_flow(state, 10)
    out[F_FLOW_10S] = trade_flow(state, 10)
    out[F_FLOW_60S] = trade_flow(state, 60)
    out[F_VOLATILITY_60S] = volatility(state, 0, SHORT)
    out[F_VOLATILITY_300S] = volatility(state, 1, LONG)
    out[F_MOMENTUM_10S] = momentum(state, 10)
    out[F_MOMENTUM_60S] = momentum(state, 60)
    session = float(state["close_ns"] - state["open_ns"])
    out[F_TIME] = (tick["at_ns"] - state["open_ns"]) / session if session > 0.0 else math.nan
    out[F_VOLUME_RATIO] = volume_ratio(state, 60)


@hot
def update_first(states: Any, ticks: Any, out: Any) -> None:
    """``update`` on row 0 of both record arrays: the door from Python (records cost 2 us each)."""
    update(states[0], ticks[0], out)


@hot
def update_many(state: Any, ticks: Any, out: Any) -> None:
    """``update`` over a day of TICK rows; out : float32, shape (n, 16)."""
    for i in range(ticks.size):
        update(state, ticks[i], out[i])


def new_state(open_ns: int, close_ns: int, adv: float, curve: Floats, micro: Floats) -> Any:
    """A fresh FEATURE_STATE array of one row.

    curve : cumulative volume at bin edges, any number of them (resampled to five-minute bins of
    the session). micro : microprice - mid by spread and queue share, shape (4, 10). [tick]
    """
    state = np.zeros(1, dtype=FEATURE_STATE)
    edges = np.linspace(0.0, 1.0, CURVE_EDGES)
    state["open_ns"] = open_ns
    state["close_ns"] = close_ns
    state["adv"] = adv
    state["curve"][0] = np.interp(edges, np.linspace(0.0, 1.0, curve.size), curve)
    state["micro"][0] = micro
    return state


# microprice - mid by spread (1, 2, 3, >= 4 ticks) and queue share below one half; the other half is
# its mirror image. Estimated with engine.learn.microprice from 25 simulated days of MIDC (seeds
# 1000-1024), quotes once a second: a prior for every instrument, recorded ones included. [tick]
MICROPRICE_PRIOR = (
    (-0.393, -0.273, -0.173, -0.103, -0.032),
    (-0.304, -0.198, -0.123, -0.074, -0.027),
    (-0.237, -0.149, -0.079, -0.051, -0.011),
    (-0.185, -0.106, -0.064, -0.022, 0.002),
)


def prior_microprice() -> Floats:
    """The table the desk uses for every instrument. [tick]"""
    low = np.array(MICROPRICE_PRIOR)
    return np.hstack([low, -low[:, ::-1]])


def flat_microprice() -> Floats:
    """A table that says nothing (microprice = mid), until one has been estimated. [tick]"""
    return np.zeros((MICRO_SPREADS, MICRO_BUCKETS))
