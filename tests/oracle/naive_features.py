"""Slow twins of the features, written from their definitions over the whole history of ticks."""

import itertools
import math
import statistics

import numpy as np

SECOND = 1_000_000_000


def contiguous(ticks):
    """The ticks since the last gap."""
    start = 0
    for i in range(1, len(ticks)):
        if int(ticks[i]["at_ns"]) - int(ticks[i - 1]["at_ns"]) != SECOND:
            start = i
    return ticks[start:]


def mid(tick):
    bid, ask = int(tick["bid"][0]), int(tick["ask"][0])
    return (bid + ask) / 2 if bid > 0 and ask > 0 else math.nan


def back(history, lag):
    return history[-1 - lag] if len(history) > lag else None


def share(a, b):
    return (a - b) / (a + b) if a + b > 0 else math.nan


def volatility(history, length):
    if len(history) <= length:
        return math.nan
    mids = [mid(t) for t in history[-length - 1 :]]
    changes = [b - a for a, b in itertools.pairwise(mids)]
    return math.nan if any(math.isnan(c) for c in changes) else statistics.stdev(changes)


def flow(history, lag):
    then, now = back(history, lag), history[-1]
    if then is None:
        return math.nan
    volume = int(now["volume"]) - int(then["volume"])
    signed = int(now["signed_volume"]) - int(then["signed_volume"])
    return signed / volume if volume else 0.0


def features(ticks, open_ns, close_ns, adv, curve, micro):
    """The 16 features after the last of ``ticks``; ``curve`` has equally spaced edges."""
    history = contiguous(ticks)
    now = history[-1]
    bid, ask = int(now["bid"][0]), int(now["ask"][0])
    qb, qa = int(now["bid_size"][0]), int(now["ask_size"][0])
    out = [math.nan] * 16
    out[12] = math.log(1 + qb) if bid else math.nan
    out[13] = math.log(1 + qa) if ask else math.nan
    if bid and ask:
        out[0] = ask - bid
        out[1] = share(qb, qa)
        out[2] = share(int(now["bid_size"][:5].sum()), int(now["ask_size"][:5].sum()))
        if qb + qa:
            out[3] = (bid * qa + ask * qb) / (qa + qb) - (bid + ask) / 2
            bucket = min(math.floor(10 * (qb / (qb + qa))), 9)
            out[4] = micro[min(max(ask - bid, 1), 4) - 1][bucket]
    if back(history, 10) is not None:
        touch = [(int(t["bid_size"][0]) + int(t["ask_size"][0])) / 2 for t in history[-10:]]
        if sum(touch):
            change = float(now["ofi"]) - float(back(history, 10)["ofi"])
            out[5] = change / (sum(touch) / 10)
    out[6], out[7] = flow(history, 10), flow(history, 60)
    out[8], out[9] = volatility(history, 60), volatility(history, 300)
    for place, lag in ((10, 10), (11, 60)):
        if back(history, lag) is not None:
            out[place] = mid(now) - mid(back(history, lag))
    at = int(now["at_ns"])
    out[14] = (at - open_ns) / (close_ns - open_ns)
    if back(history, 60) is not None:
        edges = np.linspace(open_ns, close_ns, len(curve))
        part = np.interp(at, edges, curve) - np.interp(at - 60 * SECOND, edges, curve)
        volume = int(now["volume"]) - int(back(history, 60)["volume"])
        out[15] = volume / (adv * part) if part > 0 else math.nan
    return np.array(out, dtype=np.float64)
