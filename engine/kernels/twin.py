"""Twins of one path: a parent worked to its end and swept clean, and the same day without it.

`work` takes the steps of `simulate`, made of the same functions, so it decides the same bits; it
keeps fills and mids but no decisions. When the parent is over and shares are left, a clean-up order
crosses once a second, further and further, until nothing is left: under-filling is never cheap.
Then nothing is sent and the market relaxes.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import IOC
from engine.kernels.environment import Env
from engine.kernels.flow import DONE, REPORTS_FULL, TRADES_FULL, run_until
from engine.kernels.inference import NO_MODEL
from engine.kernels.jit import hot, inner
from engine.kernels.route import NOWHERE, cross_touch, cross_venue
from engine.kernels.schedules import SECOND_NS
from engine.kernels.simulate import (
    CHILDREN_FULL,
    FINE,
    VENUE_STUCK,
    Tape,
    advance,
    begin,
    decide_once,
    expire_children,
    is_over,
    look,
    look_closely,
    mark_out,
    observe,
    see_venues,
    send_new,
)

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

FIRST_CHILD = 1  # id of the first child of a run
WIDER_NS = 30 * SECOND_NS  # the clean-up reaches one collar further each time

# indexes of ``sums``
BEFORE_SWEEP = 0  # fills before the clean-up
FILLED_BEFORE = 1  # shares before it
LAST_NS = 2  # second in which the parent was over and filled, 0 = never
N_SUMS = 3


@inner
def middle(env: Env) -> float:
    """Mid of the consolidated touch as it is, whatever is published; NaN while a side is empty."""
    st = env.state[0]
    if st["bid"] > 0 and st["ask"] > 0:
        return float(0.5 * (st["bid"] + st["ask"]))
    return float(np.nan)


@hot
def sweep(env: Env, parent: Any, tape: Tape) -> int:
    """Cross what is left at the best venue, whatever the limit price; FINE or why not.

    Up to the collar, and every half minute one collar further: it has to end.
    """
    place = cross_venue(parent)
    touch = cross_touch(parent, place) if place != NOWHERE else 0
    if touch <= 0:
        return FINE  # nobody to trade with in this second
    if tape.counts[2] >= env.own.size:
        return CHILDREN_FULL
    action = tape.actions[0]
    action["type"] = IOC
    collars = 1 + (parent["now_ns"] - parent["end_ns"]) // WIDER_NS
    action["price"] = max(1, touch + parent["side"] * parent["collar_ticks"] * collars)
    action["size"] = parent["quantity"] - parent["filled"]
    action["ttl_ns"] = 0
    action["venue"] = place
    action["display"] = 0
    action["minimum"] = 0
    if not send_new(env, parent, action, FIRST_CHILD + tape.counts[2], tape):
        return VENUE_STUCK
    tape.counts[2] += 1
    return FINE


@hot
def work(
    env: Env,
    state: Any,
    parent: Any,
    parameters: Floats,
    curve: Floats,
    model: Any,
    until_ns: int,
    sums: Ints,
    tape: Tape,
) -> int:
    """Work one parent from its start, sweep what is left, watch until ``until_ns``.

    As `simulate` with a tape that does not record; the parent's arrival price is the mid of its
    first decision. Written: ``tape.fills``, ``tape.mids`` (of every whole second, NaN while a side
    is empty), ``tape.counts`` and ``sums``. FINE, or why it stopped early.
    """
    begin(parent, tape)
    sums[:] = 0
    sums[BEFORE_SWEEP] = -1
    open_ns = env.state[0]["open_ns"]
    last = min(env.state[0]["close_ns"] - 1, until_ns)
    arrival_volume = parent["volume"]
    tick = tape.tick[0]
    watched = model.row[0]["type"] != NO_MODEL
    over = False
    for k in range(min((last - open_ns) // SECOND_NS + 1, tape.mids.size)):
        t = open_ns + k * SECOND_NS
        status = advance(env, t, parent, tape)
        if status != FINE:
            return int(status)
        if watched and not over:
            look_closely(env, state, parent, tape)
        else:
            look(env, parent, tape)
        tape.mids[k] = middle(env)
        tape.counts[3] = k + 1
        parent["now_ns"] = t
        mark_out(parent, tick, tape)
        if t < parent["start_ns"] or sums[LAST_NS] != 0:
            continue
        if arrival_volume < 0:
            arrival_volume = tick["volume"]
            parent["arrival_price"] = tape.mids[k]
        status = expire_children(env, parent, tape)
        observe(env, parent, arrival_volume, tape)
        if not over and is_over(parent):
            over = True
            sums[BEFORE_SWEEP] = tape.counts[1]
            sums[FILLED_BEFORE] = parent["filled"]
        if status == FINE and not over:
            status = decide_once(env, parent, parameters, curve, model, FIRST_CHILD, tape)
        elif status == FINE and parent["filled"] >= parent["quantity"]:
            sums[LAST_NS] = t
        elif status == FINE and is_over(parent):
            see_venues(env, parent, tape)
            status = sweep(env, parent, tape)
        if status != FINE:
            return int(status)
    return FINE


@hot
def quiet(env: Env, instants: Ints, mids: Floats, tape: Tape) -> int:
    """A day without own orders: the mid just before each instant; FINE or why it stopped.

    instants : ascending, shape (n,). mids : shape (n,), written, NaN while a side is empty. [tick]
    """
    for i in range(instants.size):
        status = TRADES_FULL
        while status != DONE:
            status, _, _ = run_until(env, instants[i] - 1, tape.reports, 0, tape.trades, 0)
            if status != DONE and status != REPORTS_FULL and status != TRADES_FULL:
                return VENUE_STUCK
        mids[i] = middle(env)
    return FINE
