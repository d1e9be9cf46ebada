"""Own child orders at the simulated venue: arrival, checks, cancels, the close."""

import numpy as np

from engine.domain.kinds import (
    ACCEPTED,
    AT_CLOSE,
    AT_OPEN,
    CANCEL,
    CANCEL_REJECTED,
    CANCELLED,
    CLOSED,
    CONTINUOUS,
    DARK,
    EXPIRED,
    FOK,
    HALTED,
    HIDDEN,
    ICEBERG,
    LIT,
    MARKET,
    NEW,
    POST_ONLY,
    REASON_BAD_TYPE,
    REASON_CLOSED,
    REASON_DUPLICATE,
    REASON_IOC_REMAINDER,
    REASON_MASS_CANCEL,
    REASON_MINIMUM,
    REASON_NONE,
    REASON_NOT_ALL,
    REASON_REQUESTED,
    REASON_SELF_MATCH,
    REASON_TOO_LATE,
    REASON_UNKNOWN_ORDER,
    REASON_VENUE_DOWN,
    REASON_WOULD_TRADE,
    REJECTED,
    VENUES,
)
from engine.kernels import auction, dark, dealer
from engine.kernels.bits import wrap
from engine.kernels.book import NIL, Records, remove, rest, shares_ahead
from engine.kernels.environment import LOOK, Env, Row
from engine.kernels.jit import hot, inner
from engine.kernels.lit import level_at, touch_price
from engine.kernels.matching import NO_ROW, hidden_before, reach_at, take_at
from engine.kernels.own_checks import rests_later, why_bad_terms, why_bad_type, why_closed
from engine.kernels.own_queue import enqueue
from engine.kernels.own_queue import submit as submit
from engine.kernels.prints import add_hidden, leave, report, touch

NOT_FOUND = -1
BAND = 100  # a MARKET order takes up to this far beyond the opposite touch [tick]


@hot
def find(env: Env, child: int) -> int:
    """Row of a child in ``env.own``, NOT_FOUND when it was never seen today.

    Ids count up: by their low bits neighbours stand side by side, and a new one meets nobody.
    """
    mask = len(env.places) - 1
    at = int(np.int64(wrap(child) & np.uint64(mask)))
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
    at = int(np.int64(wrap(env.own[row]["child"]) & np.uint64(mask)))
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
    own["venue"] = message["venue"]
    own["type"] = message["type"]
    own["minimum"] = message["minimum"]
    own["display"] = message["display"]
    own["waiting"] = 0
    if state == ACCEPTED:
        env.state[0]["own_live"] += 1
        if message["type"] == ICEBERG:
            env.state[0]["icebergs"] += 1
    link(env, row)
    return int(np.int64(row))


@inner
def why_rejected(env: Env, message: Row) -> int:
    """Reason for which a NEW is rejected, REASON_NONE when it is fine."""
    if find(env, message["child"]) != NOT_FOUND:
        return REASON_DUPLICATE
    if message["venue"] < 0 or message["venue"] >= VENUES:
        return REASON_BAD_TYPE
    reason = why_bad_type(env, message)
    if reason == REASON_NONE:
        reason = why_closed(env, message)
    if reason == REASON_NONE:
        venue = env.state[0]["venues"][message["venue"]]
        if message["sent_ns"] + venue["latency_ns"] < venue["back_ns"]:
            return REASON_VENUE_DOWN  # it came while nobody was there
        reason = why_bad_terms(env, message)
    return reason


@inner
def end_order(env: Env, row: int, kind: int, reason: int, reports: Records) -> None:
    """Take what is left of a working order out of the market and report it."""
    own = env.own[row]
    if own["slot"] != NIL:
        remove(env.book, own["slot"])
    leave(env, row, kind)
    report(env.state[0], reports, kind, own["child"], own["cum"], 0, reason, own["venue"])


@inner
def reject_new(env: Env, message: Row, reason: int, reports: Records) -> None:
    """Report a rejected NEW. A duplicate says where the order with that id stands."""
    cum, leaves = 0, 0
    if reason == REASON_DUPLICATE:
        own = env.own[find(env, message["child"])]
        cum, leaves = own["cum"], own["leaves"]
    else:
        enter(env, message, REJECTED)
    venue = int(np.int64(message["venue"]))
    report(env.state[0], reports, REJECTED, message["child"], cum, leaves, reason, venue)


@inner
def limit_of(env: Env, message: Row) -> int:
    """How far an order may trade: its price, or the band of a MARKET order; 0 = nobody there."""
    if message["type"] != MARKET:
        return int(np.int64(message["price"]))
    side = int(np.int64(message["side"]))
    touched = touch_price(env.book, -side)
    return 0 if touched == 0 else max(1, touched + side * BAND)


@inner
def why_not_now(env: Env, message: Row, limit: int) -> int:
    """Reason for which an order that asks for all, a minimum or nothing is turned away."""
    order_type = message["type"]
    side, venue = int(np.int64(message["side"])), int(np.int64(message["venue"]))
    if order_type == POST_ONLY:
        touched = touch_price(env.book, -side)
        if touched != 0 and side * (limit - touched) >= 0:
            return REASON_WOULD_TRADE
        nobody = np.uint64(0)
        found = hidden_before(env, venue, side, limit, nobody)
        return REASON_NONE if found == NO_ROW else REASON_SELF_MATCH
    if order_type != FOK and message["minimum"] == 0:
        return REASON_NONE
    quantity = int(np.int64(message["quantity"]))
    shares, _ = reach_at(env, venue, side, limit, quantity)
    if order_type == FOK and shares < quantity:
        return REASON_NOT_ALL
    return REASON_MINIMUM if shares < message["minimum"] else REASON_NONE


@inner
def rest_own(env: Env, row: int, left: int, reports: Records) -> None:
    """Rest what an own order has left at its venue, shown or hidden.

    What would lock or cross the quote of another venue is not shown: it is cancelled.
    """
    st = env.state[0]
    own = env.own[row]
    side, price = int(np.int64(own["side"])), int(np.int64(own["price"]))
    touched = touch_price(env.book, -side)
    if touched != 0 and side * (price - touched) >= 0:
        end_order(env, row, CANCELLED, REASON_WOULD_TRADE, reports)
        return
    if own["type"] == HIDDEN:
        add_hidden(env, row)
        return
    shown = min(left, int(np.int64(own["display"]))) if own["type"] == ICEBERG else left
    level = level_at(env.book, price, int(np.int64(own["venue"])))
    own["slot"] = rest(env.book, side, level, shown, int(np.int64(row + 1)))
    if own["slot"] == NIL:
        st["lost"] += 1


@inner
def trade_and_rest(env: Env, row: int, limit: int, reports: Records, trades: Records) -> None:
    """An own order meets the book of its venue: trade what crosses, rest or cancel the rest."""
    own = env.own[row]
    side, venue = int(np.int64(own["side"])), int(np.int64(own["venue"]))
    left = int(np.int64(own["leaves"]))
    is_ours = False
    if limit > 0:
        tag = int(np.int64(row + 1))
        left, is_ours = take_at(env, venue, side, limit, left, tag, reports, trades)
    if is_ours:
        end_order(env, row, CANCELLED, REASON_SELF_MATCH, reports)
    elif left > 0 and rests_later(own["type"]):
        rest_own(env, row, left, reports)
    elif left > 0:
        end_order(env, row, CANCELLED, REASON_IOC_REMAINDER, reports)


@inner
def act_lit(env: Env, row: int, message: Row, reports: Records, trades: Records) -> None:
    """An accepted order reaches a public book."""
    if env.state[0]["session"] == HALTED:
        env.own[row]["waiting"] = 1
        return
    limit = limit_of(env, message)
    reason = why_not_now(env, message, limit)
    if reason != REASON_NONE:
        end_order(env, row, CANCELLED, reason, reports)
        return
    trade_and_rest(env, row, limit, reports, trades)


@inner
def act_new(env: Env, message: Row, reports: Records, trades: Records) -> None:
    """A NEW reaches its venue."""
    st = env.state[0]
    reason = why_rejected(env, message)
    if reason == REASON_NONE and message["type"] == POST_ONLY and st["session"] == CONTINUOUS:
        reason = why_not_now(env, message, int(np.int64(message["price"])))
    if reason != REASON_NONE:
        reject_new(env, message, reason, reports)
        return
    row = enter(env, message, ACCEPTED)
    own = env.own[row]
    report(st, reports, ACCEPTED, own["child"], 0, own["leaves"], REASON_NONE, own["venue"])
    kind = env.state[0]["venues"][message["venue"]]["kind"]
    if message["type"] == AT_OPEN or message["type"] == AT_CLOSE:
        auction.takes_part(env, row, message, reports)
    elif kind == LIT:
        act_lit(env, row, message, reports, trades)
    elif kind == DARK:
        dark.arrive(env, row, message, reports, trades)
    else:
        dealer.arrive(env, row, message, reports)
    st["events"] += 1


@inner
def release(env: Env, row: int, reports: Records, trades: Records) -> None:
    """An order that came in a halt enters the book."""
    own = env.own[row]
    own["waiting"] = 0
    price = int(np.int64(own["price"]))
    side = int(np.int64(own["side"]))
    touched = touch_price(env.book, -side)
    if own["type"] == POST_ONLY and touched != 0 and side * (price - touched) >= 0:
        end_order(env, row, CANCELLED, REASON_WOULD_TRADE, reports)
    else:
        trade_and_rest(env, row, price, reports, trades)
    env.state[0]["events"] += 1
    touch(env.book, env.state[0])


@inner
def act_cancel(env: Env, message: Row, reports: Records) -> None:
    """A CANCEL reaches the book."""
    st = env.state[0]
    row = find(env, message["child"])
    if row == NOT_FOUND:
        is_open = st["session"] == CONTINUOUS or st["session"] == HALTED
        reason = REASON_UNKNOWN_ORDER if is_open else REASON_CLOSED
        report(
            st,
            reports,
            CANCEL_REJECTED,
            message["child"],
            0,
            0,
            reason,
            int(np.int64(message["venue"])),
        )
        return
    own = env.own[row]
    if own["state"] == ACCEPTED:
        end_order(env, row, CANCELLED, REASON_REQUESTED, reports)
        st["events"] += 1
        return
    reason = REASON_CLOSED if st["session"] == CLOSED else REASON_TOO_LATE
    report(st, reports, CANCEL_REJECTED, own["child"], own["cum"], 0, reason, own["venue"])


@inner
def venue_of_message(env: Env, message: Row) -> int:
    """Where a message goes: a cancel to the venue of its order, whatever it says itself."""
    row = find(env, message["child"]) if message["kind"] != NEW else NOT_FOUND
    venue = int(np.int64(message["venue"] if row == NOT_FOUND else env.own[row]["venue"]))
    return min(max(venue, 0), VENUES - 1)


@inner
def is_put_off(env: Env, message: Row, at_ns: int) -> bool:
    """A venue that is down answers when it is back; a stuck pool cancels late."""
    st = env.state[0]
    if st["session"] == CLOSED:
        return False
    venue = env.state[0]["venues"][venue_of_message(env, message)]
    until = 0
    if venue["state"] == CLOSED:
        until = int(np.int64(venue["back_ns"]))
    elif venue["stuck"] == 1 and message["kind"] == CANCEL:
        until = int(np.int64(venue["stuck_ns"]))
    return bool(until > at_ns and enqueue(env, message, until))


@hot
def act(env: Env, message: Row, at_ns: int, reports: Records, trades: Records) -> None:
    """One own message at its time."""
    env.state[0]["at_ns"] = at_ns
    if is_put_off(env, message, at_ns):
        return
    if message["kind"] == NEW:
        act_new(env, message, reports, trades)
    elif message["kind"] == LOOK:
        dealer.look(env, message, reports, trades)
    else:
        act_cancel(env, message, reports)
    touch(env.book, env.state[0])


@inner
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
        env.queue[kept & mask] = message
        kept += 1
    st["tail"] = kept
    return int(st["n_reports"])
