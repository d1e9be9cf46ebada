"""How much a child may be: what is live, what is left, the cap, the lot."""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    BOUND_LEAVES,
    BOUND_LOT,
    BOUND_MAX_CHILD,
    BOUND_NOTHING,
    BOUND_PARTICIPATION,
    P_BAND,
    P_EXPIRE,
    P_MAX_PARTICIPATION,
    P_PASSIVE,
    PEG_MID,
)
from engine.domain.market import SLOTS
from engine.kernels.jit import kernel, leaf
from engine.kernels.schedules import SECOND_NS

Floats: TypeAlias = npt.NDArray[np.float64]

CLEANUP_MOST_NS = 30 * SECOND_NS  # clean-up takes the last tenth of the horizon, 3 s ... 30 s of it
CLEANUP_LEAST_NS = 3 * SECOND_NS


@leaf
def live_shares(observation: Any) -> int:
    """Shares at the venue or on the way to it, cancels in flight included. [share]"""
    total = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] != 0:
            total += max(0, observation["slot_leaves"][i])
    return total


@leaf
def working_mask(observation: Any) -> int:
    """Bits of the slots whose child is live and not being cancelled."""
    mask = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] != 0 and observation["slot_cancelling"][i] == 0:
            mask |= 1 << i
    return mask


@leaf
def free_slots(observation: Any) -> int:
    """How many more children fit."""
    count = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] == 0:
            count += 1
    return count


@leaf
def dark_shares(observation: Any) -> int:
    """Shares of live children that rest at the mid of a dark pool. [share]"""
    total = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] != 0 and observation["slot_type"][i] == PEG_MID:
            total += max(0, observation["slot_leaves"][i])
    return total


@kernel
def participation_room(observation: Any, parameters: Floats, live: int) -> int:
    """Shares a new child may have before own / (market incl. own) exceeds the cap. [share]

    Counted since the base; live children and the new one count as if they were filled. The largest
    x with own + live + x <= cap * (volume + live + x).
    """
    cap = parameters[P_MAX_PARTICIPATION]
    if cap >= 1.0:
        return int(observation["quantity"])
    if not cap > 0.0:
        return 0
    own = observation["filled"] - observation["base_filled"]
    volume = max(own, observation["volume"] - observation["base_volume"])
    room = (cap * volume - own) / (1.0 - cap) - live
    most: int = math.floor(min(max(room, 0.0), float(observation["quantity"])))
    return most


@leaf
def in_cleanup(observation: Any, parameters: Floats) -> bool:
    """Whether the horizon is about to end and what is left is crossed."""
    if parameters[P_EXPIRE] > 0.0 or parameters[P_PASSIVE] > 0.0:
        return False
    horizon = observation["end_ns"] - observation["start_ns"]
    window = min(max(horizon // 10, CLEANUP_LEAST_NS), CLEANUP_MOST_NS)
    return bool(observation["end_ns"] - observation["now_ns"] <= window)


@kernel
def worth_shares(observation: Any, parameters: Floats) -> int:
    """Smallest child worth sending while the cap binds: an eighth of the band; 0 in clean-up."""
    if in_cleanup(observation, parameters):
        return 0
    return int(0.25 * max(parameters[P_BAND], 0.0) * observation["quantity"])


@kernel
def bounded_size(
    observation: Any, parameters: Floats, wanted: float, largest: float, action: Any
) -> int:
    """Size a child may have out of ``wanted``; names the tightest bound in ``binding``. [share]

    largest : of one child, whole shares of it.
    """
    live = live_shares(observation)
    free = max(0, observation["quantity"] - observation["filled"] - live)
    lot = max(1, observation["lot"])
    size = math.floor(min(max(wanted, 0.0), 4e15) + 1e-9)  # 1e-9: float noise of a whole lot
    if size >= free:
        if size > free:
            action["binding"] = BOUND_LEAVES
        size = free
    most = int(max(largest, 0.0))
    if size > most:
        action["binding"] = BOUND_MAX_CHILD
        size = most
    room = participation_room(observation, parameters, live)
    if size > room:
        action["binding"] = BOUND_PARTICIPATION
        # room grows with every print: wait for a child worth sending, but not in the clean-up
        size = 0 if room < min(size, worth_shares(observation, parameters)) else room
    if size == free and live == 0:
        return int(size)  # a last child takes an odd lot with it
    whole = size // lot * lot
    if whole == 0 and (size > 0 or action["binding"] == BOUND_NOTHING):
        action["binding"] = BOUND_LOT
    return int(whole)
