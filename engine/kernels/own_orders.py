"""Own child orders at the simulated venue: arrival, checks, cancels, the close."""

import numpy as np

from engine.domain.kinds import (
    ACCEPTED,
    CANCEL_REJECTED,
    CANCELLED,
    CONTINUOUS,
    EXPIRED,
    IOC,
    NEW,
    REASON_BAD_PRICE,
    REASON_BAD_QUANTITY,
    REASON_CLOSED,
    REASON_DUPLICATE,
    REASON_IOC_REMAINDER,
    REASON_MASS_CANCEL,
    REASON_NONE,
    REASON_REQUESTED,
    REASON_TOO_LATE,
    REASON_UNKNOWN_ORDER,
    REJECTED,
)
from engine.kernels.bits import wrap
from engine.kernels.book import (
    NIL,
    Records,
    above,
    below,
    level_of,
    remove,
    rest,
    shares_ahead,
)
from engine.kernels.environment import Env, Row
from engine.kernels.jit import hot
from engine.kernels.prints import report, take, touch
from engine.kernels.rng import draw, mix

NOT_FOUND = -1


@hot
def find(env: Env, child: int) -> int:
    """Row of a child in ``env.own``, NOT_FOUND when it was never seen today."""
    mask = len(env.places) - 1
    at = int(np.int64(mix(wrap(child)) & np.uint64(mask)))
    while env.places[at] != 0:
        row = env.places[at] - 1
        if env.own[row]["child"] == child:
            return int(np.int64(row))
        at = (at + 1) & mask
    return NOT_FOUND


@hot
def queue_ahead(env: Env, child: int) -> int:
    """Shares before an own resting order in its queue, -1 when it does not rest. [share]"""
    row = find(env, child)
    if row == NOT_FOUND:
        return -1
    own = env.own[row]
    if own["state"] != ACCEPTED or own["slot"] == NIL:
        return -1
    return int(shares_ahead(env.book, int(np.int64(own["slot"]))))


@hot
def link(env: Env, row: int) -> None:
    """Enter a row of ``env.own`` into the index."""
    mask = len(env.places) - 1
    at = int(np.int64(mix(wrap(env.own[row]["child"])) & np.uint64(mask)))
    while env.places[at] != 0:
        at = (at + 1) & mask
    env.places[at] = row + 1


@hot
def relink(env: Env) -> None:
    """Rebuild the index of an environment that has grown."""
    for row in range(env.state[0]["n_own"]):
        link(env, row)


@hot
def enter(env: Env, message: Row, state: int) -> int:
    """Keep a child from now on, whatever became of it; its row."""
    st = env.state[0]
    row = st["n_own"]
    st["n_own"] += 1
    own = env.own[row]
    own["child"] = message["child"]
    own["slot"] = NIL
    own["price"] = message["price"]
    own["quantity"] = message["quantity"]
    own["cum"] = 0
    own["side"] = message["side"]
    own["state"] = state
    own["leaves"] = message["quantity"] if state == ACCEPTED else 0
    link(env, row)
    return int(np.int64(row))


@hot
def why_rejected(env: Env, message: Row) -> int:
    """Reason for which a NEW is rejected, REASON_NONE when it is fine."""
    if find(env, message["child"]) != NOT_FOUND:
        return REASON_DUPLICATE
    if env.state[0]["session"] != CONTINUOUS:
        return REASON_CLOSED
    level = level_of(env.book, message["price"])  # off the ladder = outside the price band
    if message["price"] < 1 or level == np.uint64(0) or level == env.book.top[0]["end"]:
        return REASON_BAD_PRICE
    if message["quantity"] < 1:
        return REASON_BAD_QUANTITY
    return REASON_NONE


@hot
def end_order(env: Env, row: int, kind: int, reason: int, reports: Records) -> None:
    """Take what is left of a working order out of the market and report it."""
    own = env.own[row]
    if own["slot"] != NIL:
        remove(env.book, own["slot"])
        own["slot"] = NIL
    own["leaves"] = 0
    own["state"] = kind
    env.state[0]["own_live"] -= 1
    report(env.state[0], reports, kind, own["child"], own["cum"], 0, reason)


@hot
def reject_new(env: Env, message: Row, reason: int, reports: Records) -> None:
    """Report a rejected NEW. A duplicate says where the order with that id stands."""
    cum, leaves = 0, 0
    if reason == REASON_DUPLICATE:
        own = env.own[find(env, message["child"])]
        cum, leaves = own["cum"], own["leaves"]
    else:
        enter(env, message, REJECTED)
    report(env.state[0], reports, REJECTED, message["child"], cum, leaves, reason)


@hot
def act_new(env: Env, message: Row, reports: Records, trades: Records) -> None:
    """A NEW reaches the book: accept, trade what crosses, rest or cancel the remainder."""
    st = env.state[0]
    reason = why_rejected(env, message)
    if reason != REASON_NONE:
        reject_new(env, message, reason, reports)
        return
    row = enter(env, message, ACCEPTED)
    own = env.own[row]
    st["own_live"] += 1
    report(st, reports, ACCEPTED, own["child"], 0, own["leaves"], REASON_NONE)
    order = (
        int(np.int64(message["side"])),
        int(np.int64(message["price"])),
        int(np.int64(message["quantity"])),
        int(np.int64(row + 1)),
    )
    left = take(st, env.book, env.own, env.fills, order, reports, trades)
    if left > 0 and message["type"] != IOC:
        level = level_of(env.book, message["price"])
        own["slot"] = rest(
            env.book, int(np.int64(message["side"])), level, left, int(np.int64(row + 1))
        )
        if own["slot"] == NIL:
            st["lost"] += 1
    elif left > 0:
        end_order(env, row, CANCELLED, REASON_IOC_REMAINDER, reports)
    st["events"] += 1


@hot
def act_cancel(env: Env, message: Row, reports: Records) -> None:
    """A CANCEL reaches the book."""
    st = env.state[0]
    row = find(env, message["child"])
    if row == NOT_FOUND:
        reason = REASON_UNKNOWN_ORDER if st["session"] == CONTINUOUS else REASON_CLOSED
        report(st, reports, CANCEL_REJECTED, message["child"], 0, 0, reason)
        return
    own = env.own[row]
    if own["state"] == ACCEPTED:
        end_order(env, row, CANCELLED, REASON_REQUESTED, reports)
        st["events"] += 1
        return
    reason = REASON_TOO_LATE if st["session"] == CONTINUOUS else REASON_CLOSED
    report(st, reports, CANCEL_REJECTED, own["child"], own["cum"], 0, reason)


@hot
def act(env: Env, message: Row, at_ns: int, reports: Records, trades: Records) -> None:
    """One own message at its time."""
    env.state[0]["at_ns"] = at_ns
    if message["kind"] == NEW:
        act_new(env, message, reports, trades)
    else:
        act_cancel(env, message, reports)
    touch(env.book, env.state[0])


@hot
def prices_taken(env: Env, side: int, limit_price: int, quantity: int) -> int:
    """How many price levels an own aggressor would trade at: prints and reports it needs."""
    top = env.book.top[0]
    limit = level_of(env.book, limit_price)
    level = top["ask"] if side > 0 else top["bid"]
    left = quantity
    count = 0
    while left > 0 and level != np.uint64(0) and level != top["end"]:
        if (side > 0 and level > limit) or (side < 0 and level < limit):
            break
        left -= env.book.nodes[level]["quantity"]
        count += 1
        level = above(env.book.bits, top, level) if side > 0 else below(env.book.bits, top, level)
    return count


@hot
def submit(env: Env, message: Row) -> bool:
    """Queue a MESSAGE; it acts at ``sent_ns + latency``. False: the queue is full, nothing done.

    One session is one line: a message never overtakes an earlier one, and never acts before now.
    """
    st = env.state[0]
    if st["tail"] - st["head"] >= len(env.queue):
        return False
    act_ns = message["sent_ns"] + st["latency_ns"]
    if st["jitter_ns"] > 0:
        bits = draw(draw(st["latency_key"], message["child"]), int(np.int64(message["kind"])))
        act_ns += int(np.int64(bits >> np.uint64(1))) % st["jitter_ns"]
    act_ns = max(act_ns, st["last_act_ns"], st["now_ns"])
    st["last_act_ns"] = act_ns
    at = st["tail"] & (len(env.queue) - 1)
    env.queue[at] = message
    env.acts[at] = act_ns
    st["tail"] += 1
    return True


@hot
def expire_all(env: Env, reports: Records) -> None:
    """The close: every working order expires, in the order of arrival."""
    for row in range(env.state[0]["n_own"]):
        if env.own[row]["state"] == ACCEPTED:
            end_order(env, row, EXPIRED, REASON_CLOSED, reports)
    touch(env.book, env.state[0])


@hot
def mass_cancel(env: Env, row: int, reports: Records, n_reports: int) -> int:
    """Cancel one working order at once, at the current market time; reports in use."""
    st = env.state[0]
    st["n_reports"] = n_reports
    st["at_ns"] = st["now_ns"]
    end_order(env, row, CANCELLED, REASON_MASS_CANCEL, reports)
    st["events"] += 1
    touch(env.book, st)
    return int(st["n_reports"])


@hot
def drop_in_flight(env: Env, child: int, reports: Records, n_reports: int) -> int:
    """Reject a NEW that is still on its way, so that a mass cancel leaves nothing behind.

    Its cancels stay queued and are answered when they arrive. Reports in use.
    """
    st = env.state[0]
    st["n_reports"] = n_reports
    st["at_ns"] = st["now_ns"]
    kept = st["head"]
    mask = len(env.queue) - 1
    for i in range(st["head"], st["tail"]):
        message = env.queue[i & mask]
        if message["kind"] == NEW and message["child"] == child and find(env, child) == NOT_FOUND:
            reject_new(env, message, REASON_MASS_CANCEL, reports)
            continue
        env.acts[kept & mask] = env.acts[i & mask]
        env.queue[kept & mask] = message
        kept += 1
    st["tail"] = kept
    return int(st["n_reports"])
