"""What happens to a market: outages, halts, flash moves, news; each at its instant.

An INCIDENT row waits, is under way, is over. The two instants at which that changes are events of
their own, before the messages and candidates of the same instant. Gaps of the feed are not here:
they change what is published, not what is (`engine.exchange.simulated`).
"""

from typing import Final

import numpy as np

from engine.domain.kinds import (
    ACCEPTED,
    CANCELLED,
    CLOSED,
    CONTINUOUS,
    HALTED,
    HIDDEN,
    INCIDENT_CROSSED,
    INCIDENT_HALT,
    INCIDENT_OUTAGE,
    INCIDENT_STUCK_DARK,
    LIT,
    REASON_VENUE_DOWN,
)
from engine.kernels import auction
from engine.kernels.book import NIL, Book, Records, remove
from engine.kernels.environment import FAR_NS, INCIDENTS, LIT_VENUES, Env, Row
from engine.kernels.jit import hot, inner
from engine.kernels.lit import is_no_level, next_up
from engine.kernels.own_orders import end_order
from engine.kernels.pace import set_shares, skip_to
from engine.kernels.prints import forget_hidden, touch

TO_COME: Final = 0
UNDER_WAY: Final = 1
OVER: Final = 2


@inner
def next_change(env: Env) -> int:
    """When the next incident begins or ends, FAR_NS = never. [ns]"""
    soonest = FAR_NS
    for i in range(env.state[0]["incidents"]):
        row = env.state[0]["happened"][i]
        if row["phase"] == TO_COME:
            soonest = min(soonest, int(np.int64(row["from_ns"])))
        elif row["phase"] == UNDER_WAY:
            soonest = min(soonest, int(np.int64(row["to_ns"])))
    return int(np.int64(soonest))


@hot
def add_incident(env: Env, incident: Row) -> bool:
    """Schedule an INCIDENT, not before now; False: the day has had too many."""
    st = env.state[0]
    if st["incidents"] >= INCIDENTS:
        return False
    row = st["happened"][st["incidents"]]
    row["kind"] = incident["kind"]
    row["venue"] = incident["venue"]
    row["from_ns"] = max(incident["from_ns"], st["now_ns"])
    row["to_ns"] = max(incident["to_ns"], row["from_ns"])
    row["size"] = incident["size"]
    row["phase"] = TO_COME
    st["incidents"] += 1
    st["next_incident_ns"] = next_change(env)
    return True


@inner
def clear_level(book: Book, level: np.uint64) -> None:
    """Take every order of one level out of the book."""
    slot = np.uint64(book.nodes[level]["next"])
    while slot != level:
        behind = np.uint64(book.nodes[slot]["next"])
        remove(book, int(np.int64(slot)))
        slot = behind


@inner
def go_down(env: Env, v: int) -> None:
    """A venue is gone: its quotes vanish, our orders there are in nobody's book."""
    env.state[0]["venues"][v]["state"] = CLOSED
    if env.state[0]["venues"][v]["kind"] == LIT:
        level = next_up(env.book, v, np.uint64(4))
        while not is_no_level(env.book, level):
            clear_level(env.book, level)
            level = next_up(env.book, v, level)
        set_shares(env)
    for row in range(env.state[0]["n_own"]):
        own = env.own[row]
        if own["state"] == ACCEPTED and own["venue"] == v:
            own["slot"] = NIL
            own["waiting"] = 0
            if own["type"] == HIDDEN:
                forget_hidden(env, row)


@inner
def come_back(env: Env, v: int, reports: Records) -> None:
    """A venue is back: what rested there is reported cancelled."""
    env.state[0]["venues"][v]["state"] = CONTINUOUS
    if env.state[0]["venues"][v]["kind"] == LIT:
        set_shares(env)
    for row in range(env.state[0]["n_own"]):
        own = env.own[row]
        if own["state"] == ACCEPTED and own["venue"] == v:
            end_order(env, row, CANCELLED, REASON_VENUE_DOWN, reports)


@inner
def lit_up(env: Env) -> int:
    """How many lit venues are up."""
    count = 0
    for v in range(LIT_VENUES):
        count += 1 if env.state[0]["venues"][v]["state"] == CONTINUOUS else 0
    return count


@hot
def begin(env: Env, incident: Row) -> None:
    """An incident begins."""
    st = env.state[0]
    v = max(0, int(np.int64(incident["venue"])))
    venue = st["venues"][v]
    kind = incident["kind"]
    until = int(np.int64(incident["to_ns"]))
    if kind == INCIDENT_OUTAGE:
        may_go = venue["kind"] != LIT or lit_up(env) > 1  # one public book always stays
        if may_go and venue["state"] == CONTINUOUS:
            go_down(env, v)
        if venue["state"] == CLOSED:
            venue["back_ns"] = max(venue["back_ns"], until)
    elif kind == INCIDENT_HALT and st["session"] == CONTINUOUS:
        st["session"] = HALTED
    elif kind == INCIDENT_STUCK_DARK:
        venue["stuck"] = 1
        venue["stuck_ns"] = max(venue["stuck_ns"], until)
    elif kind == INCIDENT_CROSSED:
        venue["crossed"] = 1


@inner
def others_under_way(env: Env, incident: Row) -> bool:
    """Whether another incident keeps up the same state."""
    for i in range(env.state[0]["incidents"]):
        row = env.state[0]["happened"][i]
        if row["phase"] == UNDER_WAY and row["kind"] == incident["kind"]:
            if row["venue"] == incident["venue"]:
                return True
    return False


@inner
def finish(env: Env, incident: Row, reports: Records, trades: Records) -> None:
    """An incident is over; another of its kind may still be under way."""
    if others_under_way(env, incident):
        return
    st = env.state[0]
    v = max(0, int(np.int64(incident["venue"])))
    venue = st["venues"][v]
    kind = incident["kind"]
    if kind == INCIDENT_OUTAGE and venue["state"] == CLOSED:
        come_back(env, v, reports)
    elif kind == INCIDENT_HALT and st["session"] == HALTED:
        st["session"] = CONTINUOUS
        st["release"] = 0
        skip_to(env, int(np.int64(st["at_ns"])))
        auction.reopen(env, reports, trades)
    elif kind == INCIDENT_STUCK_DARK:
        venue["stuck"] = 0
    elif kind == INCIDENT_CROSSED:
        venue["crossed"] = 0


@hot
def change(env: Env, reports: Records, trades: Records) -> None:
    """All incidents that begin or end at the next instant of change, ends first."""
    st = env.state[0]
    at_ns = st["next_incident_ns"]
    st["at_ns"] = at_ns
    for i in range(st["incidents"]):
        row = env.state[0]["happened"][i]
        if row["phase"] == UNDER_WAY and row["to_ns"] <= at_ns:
            row["phase"] = OVER
            finish(env, row, reports, trades)
    for i in range(st["incidents"]):
        row = env.state[0]["happened"][i]
        if row["phase"] == TO_COME and row["from_ns"] <= at_ns:
            row["phase"] = UNDER_WAY
            begin(env, row)
    st["events"] += 1
    touch(env.book, st)
    st["next_incident_ns"] = next_change(env)
