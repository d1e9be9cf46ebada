"""Second after second: what quotes follow, how many candidates come and when, who gets them."""

import math

import numpy as np

from engine.domain.kinds import CONTINUOUS, INCIDENT_FLASH, INCIDENT_NEWS
from engine.kernels.environment import LIT_VENUES, SECOND_NS, Env
from engine.kernels.exogenous import LAG_S, MARKET_BELOW, N_MEMORIES
from engine.kernels.jit import door, inner
from engine.kernels.rng import draw

LOW14 = np.uint64(16_383)


@door
def candidate_ns(i: int, n: int) -> int:
    """When in its second candidate i of n happens. [ns]"""
    return ((2 * i + 1) * SECOND_NS) // (2 * n)


@door
def candidates_until(n: int, after_ns: int) -> int:
    """How many of a second's n candidates happen at or before ``after_ns`` in it."""
    if after_ns < 0 or n == 0:
        return 0
    if after_ns >= SECOND_NS - 1:
        return n
    count = (after_ns * n) // SECOND_NS
    while count < n and candidate_ns(count, n) <= after_ns:
        count += 1
    while count > 0 and candidate_ns(count - 1, n) > after_ns:
        count -= 1
    return count


@inner
def shift_at(env: Env, at_ns: int) -> float:
    """By how much news and flash moves shift the reference price at an instant. [tick]

    A flash move takes a tenth of its time to get there and comes back in a straight line.
    """
    shift = 0.0
    for i in range(env.state[0]["incidents"]):
        row = env.state[0]["happened"][i]
        if at_ns < row["from_ns"]:
            continue
        if row["kind"] == INCIDENT_NEWS:
            shift += row["size"]
        elif row["kind"] == INCIDENT_FLASH and at_ns < row["to_ns"]:
            part = (at_ns - row["from_ns"]) / (row["to_ns"] - row["from_ns"])
            shift += row["size"] * min(10.0 * part, (1.0 - part) / 0.9)
    return shift


@inner
def begin_second(env: Env, s: int) -> None:
    """Enter a second: own fills of the last one join the memory, quotes follow with a lag.

    G = sgn(y) c ((1 + |y| / c)^p - 1) / p with y the lagged sum of the memories. [tick]
    """
    st = env.state[0]
    impact = 0.0
    if st["touched"] == 1:
        pushed = st["pushed"] * env.seconds[s - 1]["scale"] if s > 0 else 0.0
        st["pushed"] = 0.0
        target = 0.0
        for k in range(N_MEMORIES):
            st["memory"][k] = st["memory"][k] * st["keep"][k] + pushed
            target += st["weight"][k] * st["memory"][k]
        st["impact"] += (1.0 - math.exp(-1.0 / LAG_S)) * (target - st["impact"])
        y = st["impact"]
        c, p = env.flow[0]["c_own"], env.flow[0]["p_own"]
        impact = math.copysign(c * ((1.0 + abs(y) / c) ** p - 1.0) / p, y)
    row = env.seconds[s]
    st["second"] = s
    st["index"] = 0
    st["candidates"] = row["candidates"]
    st["market"] = row["first_market"]
    st["key"] = draw(st["flow_key"], s)
    st["r"] = row["r"] + impact
    if st["incidents"] > 0:
        st["r"] += shift_at(env, st["open_ns"] + s * SECOND_NS)
    st["half"] = row["half"]
    st["depth"] = row["depth"]
    st["foresight"] = row["foresight"]


@inner
def skip_to(env: Env, at_ns: int) -> None:
    """Leave out the candidates before an instant: nothing was traded in a halt."""
    st = env.state[0]
    while st["open_ns"] + (st["second"] + 1) * SECOND_NS <= at_ns:
        if st["second"] + 1 >= len(env.seconds):
            return
        begin_second(env, st["second"] + 1)
    since = at_ns - st["open_ns"] - st["second"] * SECOND_NS
    last = candidates_until(st["candidates"], since)
    for i in range(st["index"], last):
        if draw(st["key"], i) & LOW14 < MARKET_BELOW:
            st["market"] += 1
    st["index"] = max(st["index"], last)


@inner
def set_shares(env: Env) -> None:
    """Share the background orders out among the lit venues that are up: always one at least."""
    st = env.state[0]
    total = 0.0
    first = 0.0
    second = 0.0
    for v in range(LIT_VENUES):
        if st["venues"][v]["state"] == CONTINUOUS:
            total += st["venues"][v]["share"]
            if v == 0:
                first = st["venues"][v]["share"]
            elif v == 1:
                second = st["venues"][v]["share"]
    st["cut_a"] = math.floor(256.0 * first / total + 0.5)
    st["cut_b"] = math.floor(256.0 * (first + second) / total + 0.5)
