"""Own messages on their way: a ring in the order in which they act."""

import numpy as np

from engine.domain.kinds import VENUES
from engine.kernels.environment import Env, Row
from engine.kernels.jit import door, hot, inner
from engine.kernels.rng import draw


@inner
def has_place(env: Env) -> bool:
    """Whether the ring takes another message; one place is kept for those put off."""
    return bool(env.state[0]["tail"] - env.state[0]["head"] < len(env.queue) - 1)


@door
def put(place: Row, message: Row, act_ns: int) -> None:
    """Write a message and its instant into a place of the ring."""
    place["kind"] = message["kind"]
    place["symbol"] = message["symbol"]
    place["child"] = message["child"]
    place["side"] = message["side"]
    place["type"] = message["type"]
    place["price"] = message["price"]
    place["quantity"] = message["quantity"]
    place["sent_ns"] = message["sent_ns"]
    place["venue"] = message["venue"]
    place["display"] = message["display"]
    place["minimum"] = message["minimum"]
    place["act_ns"] = act_ns


@inner
def enqueue(env: Env, message: Row, act_ns: int) -> bool:
    """Let a message act at ``act_ns``, behind those of the same instant. False: no place."""
    st = env.state[0]
    if st["tail"] - st["head"] >= len(env.queue):
        return False
    mask = len(env.queue) - 1
    at = st["tail"]
    while at > st["head"] and env.queue[(at - 1) & mask]["act_ns"] > act_ns:
        env.queue[at & mask] = env.queue[(at - 1) & mask]
        at -= 1
    put(env.queue[at & mask], message, act_ns)
    st["tail"] += 1
    return True


@hot
def submit(env: Env, message: Row) -> bool:
    """Queue a MESSAGE; it acts at ``sent_ns + latency of its venue``. False: full, nothing done.

    One venue is one line: a message never overtakes an earlier one, and never acts before now.
    """
    if not has_place(env):
        return False
    st = env.state[0]
    venue = st["venues"][min(max(message["venue"], 0), VENUES - 1)]
    act_ns = message["sent_ns"] + venue["latency_ns"]
    if st["jitter_ns"] > 0:
        bits = draw(draw(st["latency_key"], message["child"]), int(np.int64(message["kind"])))
        act_ns += int(np.int64(bits >> np.uint64(1))) % st["jitter_ns"]
    act_ns = max(act_ns, venue["last_act_ns"], st["now_ns"])
    venue["last_act_ns"] = act_ns
    return bool(enqueue(env, message, act_ns))
