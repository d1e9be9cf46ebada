"""How LIQUIDITY places: pools and dealers first, public books as the schedule demands.

In order, one child a decision: behind the band it crosses, a dealer's quote before a public book,
and takes back what rests on public books but not what waits in pools, unless its shares are
needed; then one child in each pool worth it, ahead of the schedule too; then, behind the target, a
dealer's quote; then it rests on public books what the schedule allows, as if nothing waited in
the pools.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    BOUND_NOTHING,
    P_MINIMUM,
    P_PASSIVE,
    PEG_MID,
    WHY_DARK,
)
from engine.domain.market import SLOTS
from engine.kernels.jit import kernel
from engine.kernels.place import (
    Intent,
    cross,
    is_worth_it,
    mid_cap,
    must_cross,
    rest_passive,
    take_quote,
    takes_back,
)
from engine.kernels.route import pool_venue
from engine.kernels.schedules import SECOND_NS
from engine.kernels.sizes import (
    bounded_size,
    dark_shares,
    free_slots,
    live_shares,
    working_mask,
)

Floats: TypeAlias = npt.NDArray[np.float64]

AHEAD = 0.05  # what waits in pools may run so far ahead of the schedule, fraction of the quantity
POOL_TTL_NS = 600 * SECOND_NS  # a younger child keeps its place in the line of a pool
KEPT_SLOTS = 2  # for public books and dealers


@kernel
def shown_mask(observation: Any) -> int:
    """Bits of the working children that do not wait in a pool."""
    mask = working_mask(observation)
    for i in range(SLOTS):
        if observation["slot_type"][i] == PEG_MID:
            mask &= ~(1 << i)
    return mask


@kernel
def taken_pools(observation: Any) -> int:
    """Bits of the venues where a child of ours waits."""
    taken = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] != 0 and observation["slot_type"][i] == PEG_MID:
            taken |= 1 << observation["slot_venue"][i]
    return taken


@kernel
def rest_in_pool(observation: Any, parameters: Floats, intent: Intent, action: Any) -> bool:
    """Write a child for the best pool without one of ours; False when none is worth it."""
    if not intent.dark > 0.0 or free_slots(observation) <= KEPT_SLOTS:
        return False
    place = pool_venue(observation, taken_pools(observation))
    price = mid_cap(observation)
    if place < 0 or price == 0:
        return False
    waiting = dark_shares(observation)
    left = observation["quantity"] - observation["filled"]
    room = min(intent.dark, 1.0) * left - waiting
    ahead = intent.allowance + AHEAD * observation["quantity"]
    room = min(room, ahead - observation["filled"] - waiting)
    size = bounded_size(observation, parameters, room, intent.most, action)
    action["binding"] = BOUND_NOTHING
    if size <= 0:
        return False
    action["type"] = PEG_MID
    action["venue"] = place
    action["price"] = price
    action["size"] = size
    action["minimum"] = min(int(max(parameters[P_MINIMUM], 0.0)), size)
    end = observation["end_ns"] - observation["now_ns"]
    action["ttl_ns"] = max(1, min(POOL_TTL_NS, end))
    action["why"] = WHY_DARK
    return True


@kernel
def demand(observation: Any, parameters: Floats, intent: Intent, shown: int, action: Any) -> None:
    """The schedule demands it: cross, and call back from the pools only what is needed."""
    want = intent.crossable - observation["filled"] - shown
    free = observation["quantity"] - observation["filled"] - live_shares(observation)
    action["cancel_mask"] = shown_mask(observation) if want <= free else working_mask(observation)
    cross(observation, parameters, intent, want, action)


@kernel
def seek(observation: Any, parameters: Floats, intent: Intent, action: Any) -> None:
    """Choose the next child of LIQUIDITY."""
    filled = observation["filled"]
    shown = live_shares(observation) - dark_shares(observation)
    if must_cross(observation, parameters, intent, action):
        demand(observation, parameters, intent, shown, action)
        return
    if takes_back(observation, parameters, shown_mask(observation), action):
        return
    if rest_in_pool(observation, parameters, intent, action):
        return
    missing = min(action["target"], intent.crossable) - filled - shown
    lot = max(1, observation["lot"])
    crosses = parameters[P_PASSIVE] <= 0.0 and intent.dealers and missing >= lot
    if crosses and take_quote(observation, parameters, missing, action):
        return
    want = intent.allowance - filled - shown  # as if nothing waited in the pools
    if is_worth_it(observation, parameters, want, action):
        rest_passive(observation, parameters, intent, want, action)
