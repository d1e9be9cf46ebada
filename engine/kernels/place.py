"""Where and how the next child goes: rest at the touch, at a mid, take a quote, or cross.

Inside the band children rest at the own touch; behind the band they cross, up to the collar; ahead
they wait. What the schedule, the model or the policy want of a decision is an ``Intent``.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    BOUND_BAND,
    BOUND_COLLAR,
    BOUND_LEAVES,
    BOUND_LIMIT_PRICE,
    BOUND_NOTHING,
    BOUND_SLOTS,
    BOUND_VENUE,
    IOC,
    LIMIT,
    P_BAND,
    P_DISPLAY_OFFSET,
    P_MAX_CHILD,
    P_PASSIVE,
    P_SKEW,
    P_SLICE_S,
    PEG_MID,
    WHY_BEHIND,
    WHY_CLEANUP,
    WHY_DARK,
    WHY_DEALER,
    WHY_PASSIVE,
    WHY_REPRICE,
    WHY_WAIT,
)
from engine.domain.market import SLOTS
from engine.kernels.jit import kernel, leaf
from engine.kernels.route import (
    cross_shares,
    cross_touch,
    cross_venue,
    next_touch,
    pool_venue,
    quote_venue,
    rest_venue,
)
from engine.kernels.schedules import SECOND_NS
from engine.kernels.sizes import (
    bounded_size,
    dark_shares,
    free_slots,
    live_shares,
    working_mask,
)

Floats: TypeAlias = npt.NDArray[np.float64]

REPRICE_AGE_NS = 3 * SECOND_NS  # a younger child keeps its price: else the message rate explodes
IOC_TTL_NS = 5 * SECOND_NS  # an immediate order without an answer by then is cancelled
PASSIVE_TTL_LEAST_NS = 30 * SECOND_NS


class Intent(NamedTuple):
    """What is wanted of one decision."""

    crossable: float  # shares that crossing may bring the parent to
    allowance: float  # shares that may be done or at work
    offset: int  # ticks behind the own touch that passive children rest, negative = in the spread
    most: float  # largest resting child [share]
    dark: float  # part of what rests that goes to a pool
    dealers: bool  # whether a dealer's quote may be taken instead of crossing


@leaf
def passive_price(observation: Any, offset: int) -> int:
    """Own touch less the offset, short of the other touch and the limit, at least 1. [tick]"""
    limit = observation["limit_price"]
    if observation["side"] > 0:
        price = min(observation["bid"] - offset, observation["ask"] - 1)
        if limit > 0:
            price = min(price, limit)
        return int(max(price, 1))
    price = max(observation["ask"] + offset, observation["bid"] + 1)
    return int(max(price, limit))


@kernel
def crossing_price(observation: Any, place: int, action: Any) -> int:
    """How far a crossing child may go at a venue; 0 = it may not cross there. [tick]

    The consolidated touch plus the collar, never beyond the limit price, never past a better price
    at another venue that we may use.
    """
    if place < 0:
        action["binding"] = BOUND_VENUE
        return 0
    side = observation["side"]
    limit = observation["limit_price"]
    touch = cross_touch(observation, place)
    far = observation["ask"] if side > 0 else observation["bid"]
    price = max(1, far + side * max(0, observation["collar_ticks"]))
    bound = BOUND_COLLAR if side * (touch - price) > 0 else BOUND_NOTHING
    if limit > 0 and side * (price - limit) > 0:
        price = limit
        bound = BOUND_LIMIT_PRICE
    other = next_touch(observation, place)
    if other > 0 and side * (price - other) > 0 and side * (other - touch) >= 0:
        price = other
    if bound != BOUND_NOTHING:
        action["binding"] = bound
    return int(price) if side * (price - touch) >= 0 else 0


@kernel
def cross(observation: Any, parameters: Floats, intent: Intent, wanted: float, action: Any) -> bool:
    """Write an immediate child up to the collar; False when limit, size or slots forbid it."""
    if intent.dealers and take_quote(observation, parameters, wanted, action):
        return True
    place = cross_venue(observation)
    price = crossing_price(observation, place, action)
    if price == 0:
        return False
    if free_slots(observation) == 0:
        action["binding"] = BOUND_SLOTS
        return False
    size = bounded_size(observation, parameters, wanted, parameters[P_MAX_CHILD], action)
    if size <= 0:
        return False
    if action["binding"] == BOUND_NOTHING and size > cross_shares(observation, place):
        action["binding"] = BOUND_COLLAR  # it may walk the book that far and no further
    action["type"] = IOC
    action["venue"] = place
    action["price"] = price
    action["size"] = size
    action["ttl_ns"] = IOC_TTL_NS
    return True


@kernel
def take_quote(observation: Any, parameters: Floats, wanted: float, action: Any) -> bool:
    """Write an immediate child at a dealer's quote; False when no quote is as good as the touch.

    The dealer may decline at its last look; the next decision knows.
    """
    place = quote_venue(observation)
    if place < 0 or free_slots(observation) == 0:
        return False
    limit = observation["limit_price"]
    price = cross_touch(observation, place)
    if limit > 0 and observation["side"] * (price - limit) > 0:
        return False
    most = min(parameters[P_MAX_CHILD], float(cross_shares(observation, place)))
    size = bounded_size(observation, parameters, wanted, most, action)
    action["binding"] = BOUND_NOTHING
    if size <= 0:
        return False
    action["type"] = IOC
    action["venue"] = place
    action["price"] = price
    action["size"] = size
    action["ttl_ns"] = IOC_TTL_NS
    if action["why"] != WHY_CLEANUP:
        action["why"] = WHY_DEALER
    return True


@kernel
def rest(observation: Any, parameters: Floats, intent: Intent, wanted: float, action: Any) -> bool:
    """Write a resting child at the own touch; False when size, slots or venues forbid it."""
    if free_slots(observation) == 0:
        action["binding"] = BOUND_SLOTS
        return False
    price = passive_price(observation, intent.offset)
    place = rest_venue(observation, price)
    if place < 0:
        action["binding"] = BOUND_VENUE
        return False
    size = bounded_size(observation, parameters, wanted, intent.most, action)
    if size <= 0:
        return False
    action["type"] = LIMIT
    action["venue"] = place
    action["price"] = price
    write_resting(observation, parameters, size, action)
    return True


@kernel
def write_resting(observation: Any, parameters: Floats, size: int, action: Any) -> None:
    """Size and time of a child that waits: two slices, 30 s at least, the horizon at most."""
    action["size"] = size
    two_slices = int(2.0 * max(parameters[P_SLICE_S], 0.0)) * SECOND_NS
    left = observation["end_ns"] - observation["now_ns"]
    action["ttl_ns"] = max(1, min(max(two_slices, PASSIVE_TTL_LEAST_NS), left))


@kernel
def mid_cap(observation: Any) -> int:
    """Highest price a buy (lowest a sell) may trade at in a pool; 0 = the mid is past it. [tick]

    The other touch plus the collar, and the limit price.
    """
    side = observation["side"]
    limit = observation["limit_price"]
    far = observation["ask"] if side > 0 else observation["bid"]
    price = max(1, far + side * max(0, observation["collar_ticks"]))
    if limit > 0 and side * (price - limit) > 0:
        price = limit
    past = side * (2 * price - observation["bid"] - observation["ask"]) < 0
    return 0 if past else int(price)


@kernel
def rest_dark(
    observation: Any, parameters: Floats, intent: Intent, wanted: float, action: Any
) -> bool:
    """Write a child for a dark pool, one at a time; False when there is nothing to send there."""
    if not intent.dark > 0.0 or dark_shares(observation) > 0:
        return False
    if free_slots(observation) == 0:
        return False
    place = pool_venue(observation, 0)
    price = mid_cap(observation)
    if place < 0 or price == 0:
        return False
    resting = wanted + live_shares(observation)
    part = min(intent.dark, 1.0) * max(resting, 0.0)
    size = bounded_size(observation, parameters, min(part, wanted), intent.most, action)
    if size <= 0:
        action["binding"] = BOUND_NOTHING
        return False
    action["type"] = PEG_MID
    action["venue"] = place
    action["price"] = price
    write_resting(observation, parameters, size, action)
    action["why"] = WHY_DARK
    return True


@leaf
def stale_mask(observation: Any, parameters: Floats) -> int:
    """Bits of working children that the touch has left behind. The touch moved away from them.

    What a model moved a child back by does not count. A child at the mid of a dark pool follows by
    itself; it is stale once the mid is past its cap.
    """
    wanted = passive_price(observation, max(0, int(parameters[P_DISPLAY_OFFSET])))
    slack = int(max(parameters[P_SKEW], 0.0))
    mid2 = observation["bid"] + observation["ask"]
    mask = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] == 0 or observation["slot_cancelling"][i] != 0:
            continue
        behind = observation["side"] * (wanted - observation["slot_price"][i]) - slack
        if observation["slot_type"][i] == PEG_MID:
            behind = observation["side"] * (mid2 - 2 * observation["slot_price"][i])
        old = observation["now_ns"] - observation["slot_sent_ns"][i] >= REPRICE_AGE_NS
        if behind > 0 and old:
            mask |= 1 << i
    return mask


@leaf
def excess_mask(observation: Any, mask: int, most: float) -> int:
    """Bits of the newest children of ``mask``, as many as it takes: filled + working <= most."""
    working = 0
    for i in range(SLOTS):
        if mask & (1 << i):
            working += observation["slot_leaves"][i]
    out = 0
    while mask != 0 and observation["filled"] + working > most:
        newest = -1
        for i in range(SLOTS):
            if mask & (1 << i) and (
                newest < 0 or observation["slot_sent_ns"][i] >= observation["slot_sent_ns"][newest]
            ):
                newest = i
        mask &= ~(1 << newest)
        out |= 1 << newest
        working -= observation["slot_leaves"][newest]
    return out


@kernel
def may_cross(observation: Any, action: Any) -> bool:
    """Whether some venue lets a crossing child trade at once."""
    return crossing_price(observation, cross_venue(observation), action) > 0


@leaf
def is_behind(observation: Any, intent: Intent, action: Any) -> bool:
    """Whether less is done than the band allows, by a lot at least, or by whatever is left."""
    missing = intent.crossable - observation["filled"]
    last = intent.crossable >= observation["quantity"]
    enough = missing >= max(1, observation["lot"]) or last
    return bool(observation["filled"] < action["band_low"] and enough)


@kernel
def must_cross(observation: Any, parameters: Floats, intent: Intent, action: Any) -> bool:
    """Whether it is behind and may cross; a limit price or a passive finish forbid it."""
    if not is_behind(observation, intent, action):
        return False
    if action["why"] != WHY_CLEANUP:
        action["why"] = WHY_BEHIND
    return bool(parameters[P_PASSIVE] <= 0.0 and may_cross(observation, action))


@kernel
def takes_back(observation: Any, parameters: Floats, mask: int, action: Any) -> bool:
    """Cancel what is too much of these children, and nothing else then; else those that are old."""
    excess = excess_mask(observation, mask, action["band_high"])
    if excess != 0:
        action["cancel_mask"] = excess
        action["binding"] = BOUND_BAND
        return True
    stale = stale_mask(observation, parameters)
    if stale != 0:
        action["cancel_mask"] = stale
        action["why"] = WHY_REPRICE
    return False


@leaf
def has_reason(observation: Any, parameters: Floats, intent: Intent, action: Any) -> bool:
    """Whether `place` may have something to do: behind, too much or stale at work, or worth more.

    Its own questions, up to the first one about a venue.
    """
    if is_behind(observation, intent, action):
        return True
    if excess_mask(observation, working_mask(observation), action["band_high"]) != 0:
        return True
    if stale_mask(observation, parameters) != 0:
        return True
    want = intent.allowance - observation["filled"] - live_shares(observation)
    return bool(is_worth_it(observation, parameters, want, action))


@kernel
def place(observation: Any, parameters: Floats, intent: Intent, action: Any) -> None:
    """Choose between crossing and resting."""
    filled = observation["filled"]
    live = live_shares(observation)
    if must_cross(observation, parameters, intent, action):
        # what rests is not filling: take it back, cross the rest now, this part when it is back
        action["cancel_mask"] = working_mask(observation)
        cross(observation, parameters, intent, intent.crossable - filled - live, action)
        return
    if takes_back(observation, parameters, working_mask(observation), action):
        return
    want = intent.allowance - filled - live
    if is_worth_it(observation, parameters, want, action) and not rest_dark(
        observation, parameters, intent, want, action
    ):
        rest_passive(observation, parameters, intent, want, action)


@leaf
def is_worth_it(observation: Any, parameters: Floats, want: float, action: Any) -> bool:
    """Whether what the allowance leaves is worth a child; if not, what binds."""
    live = live_shares(observation)
    step = float(max(1, observation["lot"]))
    if live > dark_shares(observation):  # beside a shown child only what is worth another one
        step = max(step, 0.5 * max(parameters[P_BAND], 0.0) * observation["quantity"])
    last = live == 0 and observation["filled"] + want >= observation["quantity"]
    if want >= step or (last and want > 0.0):
        return True
    if action["binding"] == BOUND_NOTHING:
        all_out = observation["filled"] + live >= observation["quantity"]
        action["binding"] = BOUND_LEAVES if all_out else BOUND_BAND
    return False


@kernel
def rest_passive(
    observation: Any, parameters: Floats, intent: Intent, want: float, action: Any
) -> None:
    """Rest on a public book, and say so where nothing else was to be said."""
    if rest(observation, parameters, intent, want, action) and action["why"] == WHY_WAIT:
        action["why"] = WHY_PASSIVE
