"""One decision of one parent: what it sees -> at most one new child and a mask of cancels.

The schedule says how much should be done by now (``schedules``); this file places it. Inside the
band children rest at the own touch; behind the band they cross, up to the collar; ahead they wait.
The same kernel serves the live loop, the simulator, the twin and training.

What always holds, whatever the inputs: filled + live + new child <= quantity (live counts children
whose cancel is on its way); no price beyond the limit or the collar; no child above the maximum;
own share of volume since the base never above the cap, this child included on both sides; whole
lots, but for a last child that takes everything left. A child goes to one venue that it may use
(``route``), and never past a better price that another such venue shows.
"""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    ADAPTIVE,
    BOUND_BAND,
    BOUND_COLLAR,
    BOUND_FINISHED,
    BOUND_LEAVES,
    BOUND_LIMIT_PRICE,
    BOUND_NO_QUOTE,
    BOUND_NOT_STARTED,
    BOUND_NOTHING,
    BOUND_SLOTS,
    BOUND_VENUE,
    IOC,
    LIMIT,
    MODEL_DOUBTFUL,
    MODEL_LIVE,
    MODEL_NONE,
    MODEL_UNSURE,
    N_FEATURES,
    P_AGGRESSION,
    P_BAND,
    P_BASE,
    P_CONFIDENCE,
    P_DARK,
    P_DISPLAY_OFFSET,
    P_MAX_TILT,
    P_PASSIVE,
    P_SLICE_S,
    PEG_MID,
    WHY_BEHIND,
    WHY_CLEANUP,
    WHY_DARK,
    WHY_PASSIVE,
    WHY_REPRICE,
    WHY_TILT_OFF,
    WHY_TILT_ON,
    WHY_WAIT,
)
from engine.domain.market import ACTION, SLOTS
from engine.kernels.inference import (
    FEATURES_FINE,
    FULL_TILT_AT,
    NO_MODEL,
    Model,
    attribute,
    attributes_at_once,
    first_doubtful,
    lean,
    score,
)
from engine.kernels.jit import hot, inner, kernel
from engine.kernels.route import (
    any_lit,
    cross_shares,
    cross_touch,
    cross_venue,
    next_touch,
    pool_venue,
    rest_venue,
)
from engine.kernels.schedules import SECOND_NS, allowance_shares, target_shares
from engine.kernels.sizes import (
    bounded_size,
    dark_shares,
    free_slots,
    in_cleanup,
    live_shares,
    working_mask,
)

Floats: TypeAlias = npt.NDArray[np.float64]

REPRICE_AGE_NS = 3 * SECOND_NS  # a younger child keeps its price: else the message rate explodes
IOC_TTL_NS = 5 * SECOND_NS  # an immediate order without an answer by then is cancelled
PASSIVE_TTL_LEAST_NS = 30 * SECOND_NS


@kernel
def clear(action: Any) -> None:
    """Write "do nothing" into the action."""
    action["type"] = 0
    action["cancel_mask"] = 0
    action["price"] = 0
    action["size"] = 0
    action["ttl_ns"] = 0
    action["why"] = WHY_WAIT
    action["binding"] = BOUND_NOTHING
    action["model_state"] = MODEL_NONE
    action["kind"] = 0
    action["target"] = 0.0
    action["band_low"] = 0.0
    action["band_high"] = 0.0
    action["score"] = math.nan
    action["tilt"] = 0.0
    action["venue"] = 0
    action["display"] = 0
    action["minimum"] = 0
    for i in range(N_FEATURES):
        action["contributions"][i] = 0.0


@kernel
def passive_price(observation: Any, parameters: Floats) -> int:
    """Own touch, the offset behind it, never beyond the limit price, at least 1. [tick]"""
    offset = max(0, int(parameters[P_DISPLAY_OFFSET]))
    limit = observation["limit_price"]
    if observation["side"] > 0:
        price = observation["bid"] - offset
        if limit > 0:
            price = min(price, limit)
        return int(max(price, 1))
    price = observation["ask"] + offset
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
def cross(observation: Any, parameters: Floats, wanted: float, action: Any) -> bool:
    """Write an immediate child up to the collar; False when limit, size or slots forbid it."""
    place = cross_venue(observation)
    price = crossing_price(observation, place, action)
    if price == 0:
        return False
    if free_slots(observation) == 0:
        action["binding"] = BOUND_SLOTS
        return False
    size = bounded_size(observation, parameters, wanted, action)
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
def rest(observation: Any, parameters: Floats, wanted: float, action: Any) -> bool:
    """Write a resting child at the own touch; False when size, slots or venues forbid it."""
    if free_slots(observation) == 0:
        action["binding"] = BOUND_SLOTS
        return False
    price = passive_price(observation, parameters)
    place = rest_venue(observation, price)
    if place < 0:
        action["binding"] = BOUND_VENUE
        return False
    size = bounded_size(observation, parameters, wanted, action)
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
def rest_dark(observation: Any, parameters: Floats, wanted: float, action: Any) -> bool:
    """Write a child for a dark pool, one at a time; False when there is nothing to send there.

    Its price caps the mid it trades at: the other touch plus the collar, and the limit price.
    """
    if not parameters[P_DARK] > 0.0 or dark_shares(observation) > 0:
        return False
    if free_slots(observation) == 0:
        return False
    place = pool_venue(observation)
    if place < 0:
        return False
    side = observation["side"]
    limit = observation["limit_price"]
    far = observation["ask"] if side > 0 else observation["bid"]
    price = max(1, far + side * max(0, observation["collar_ticks"]))
    if limit > 0 and side * (price - limit) > 0:
        price = limit
    if side * (2 * price - observation["bid"] - observation["ask"]) < 0:
        return False  # the mid is beyond the limit price
    resting = wanted + live_shares(observation)
    part = min(parameters[P_DARK], 1.0) * max(resting, 0.0)
    size = bounded_size(observation, parameters, min(part, wanted), action)
    if size <= 0:
        action["binding"] = BOUND_NOTHING
        return False
    action["type"] = PEG_MID
    action["venue"] = place
    action["price"] = price
    write_resting(observation, parameters, size, action)
    action["why"] = WHY_DARK
    return True


@kernel
def stale_mask(observation: Any, parameters: Floats) -> int:
    """Bits of working children that the touch has left behind. The touch moved away from them.

    A child at the mid of a dark pool follows by itself; it is stale once the mid is past its cap.
    """
    wanted = passive_price(observation, parameters)
    mid2 = observation["bid"] + observation["ask"]
    mask = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] == 0 or observation["slot_cancelling"][i] != 0:
            continue
        behind = observation["side"] * (wanted - observation["slot_price"][i])
        if observation["slot_type"][i] == PEG_MID:
            behind = observation["side"] * (mid2 - 2 * observation["slot_price"][i])
        old = observation["now_ns"] - observation["slot_sent_ns"][i] >= REPRICE_AGE_NS
        if behind > 0 and old:
            mask |= 1 << i
    return mask


@kernel
def excess_mask(observation: Any, most: float) -> int:
    """Bits of the newest working children, as many as it takes so that filled + working <= most."""
    mask = working_mask(observation)
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


@inner
def tilt_shares(observation: Any, parameters: Floats, model: Model, action: Any) -> float:
    """Shares the model adds to the base target; writes score and state. [share]

    side * clip(lean, -1, 1) * P_MAX_TILT * quantity: a buy hurries when the price is about to rise,
    a sell when it is about to fall; (P(up) - 0.5) / 0.25 leans all the way at 1. 0 unless the model
    is live, its features are inside the training range and the score is outside the confidence
    floor.
    Hurrying rests more, earlier; waiting rests less and puts off crossing. The model alone never
    crosses the spread and never takes a resting child's place in the queue away: the move of the
    next seconds is worth less than half a spread.
    """
    state = observation["model_state"]
    action["model_state"] = state
    if state != MODEL_LIVE:
        return 0.0
    if model.row[0]["type"] == NO_MODEL:
        action["model_state"] = MODEL_NONE
        return 0.0
    if first_doubtful(model, observation["features"][:]) != FEATURES_FINE:
        action["model_state"] = MODEL_DOUBTFUL
        return 0.0
    found = score(model, observation["features"][:])
    action["score"] = found
    action["kind"] = ADAPTIVE
    leaning = lean(model, found)
    if abs(leaning) * FULL_TILT_AT < parameters[P_CONFIDENCE]:
        action["model_state"] = MODEL_UNSURE
        return 0.0
    strength = min(max(leaning, -1.0), 1.0)
    most = max(parameters[P_MAX_TILT], 0.0) * observation["quantity"]
    return float(observation["side"] * strength * most)


@inner
def attribute_action(observation: Any, model: Model, action: Any) -> None:
    """Which feature moved the score: of an action that is stored and has one, where it is cheap.

    Of other models it is computed from the stored features when somebody asks: the same bits.
    """
    acts = action["type"] != 0 or action["cancel_mask"] != 0
    if acts and not math.isnan(action["score"]) and attributes_at_once(model):
        attribute(model, observation["features"][:], action["contributions"][:])


@kernel
def may_cross(observation: Any, action: Any) -> bool:
    """Whether some venue lets a crossing child trade at once."""
    return crossing_price(observation, cross_venue(observation), action) > 0


@kernel
def place(
    observation: Any, parameters: Floats, crossable: float, allowance: float, action: Any
) -> None:
    """Choose between crossing, up to ``crossable`` done, and resting, up to ``allowance``."""
    filled = observation["filled"]
    live = live_shares(observation)
    missing = crossable - filled
    lot = max(1, observation["lot"])
    last = crossable >= observation["quantity"]
    if filled < action["band_low"] and (missing >= lot or last):
        if action["why"] != WHY_CLEANUP:
            action["why"] = WHY_BEHIND
        if parameters[P_PASSIVE] <= 0.0 and may_cross(observation, action):
            # what rests is not filling: take it back, cross the rest now, this part when it is back
            action["cancel_mask"] = working_mask(observation)
            cross(observation, parameters, missing - live, action)
            return
        # limit price or a passive finish forbid crossing: rest instead
    excess = excess_mask(observation, action["band_high"])
    if excess != 0:
        action["cancel_mask"] = excess
        action["binding"] = BOUND_BAND
        return
    stale = stale_mask(observation, parameters)
    if stale != 0:
        action["cancel_mask"] = stale
        action["why"] = WHY_REPRICE
    post(observation, parameters, allowance - filled - live, action)


@kernel
def post(observation: Any, parameters: Floats, want: float, action: Any) -> None:
    """Rest what the allowance leaves, if it is worth a child."""
    live = live_shares(observation)
    step = float(max(1, observation["lot"]))
    if live > dark_shares(observation):  # beside a shown child only what is worth another one
        step = max(step, 0.5 * max(parameters[P_BAND], 0.0) * observation["quantity"])
    last = live == 0 and observation["filled"] + want >= observation["quantity"]
    if want >= step or (last and want > 0.0):
        if rest_dark(observation, parameters, want, action):
            return
        if rest(observation, parameters, want, action) and action["why"] == WHY_WAIT:
            action["why"] = WHY_PASSIVE
    elif action["binding"] == BOUND_NOTHING:
        all_out = observation["filled"] + live >= observation["quantity"]
        action["binding"] = BOUND_LEAVES if all_out else BOUND_BAND


@kernel
def explain_tilt(observation: Any, base_low: float, base_allowance: float, action: Any) -> None:
    """Say so when the tilt is the reason for a child, or for none."""
    tilt = action["tilt"]
    if tilt == 0.0:
        return
    base_want = base_allowance - observation["filled"] - live_shares(observation)
    lot = max(1, observation["lot"])
    if tilt > 0.0 and action["type"] == LIMIT and base_want < lot:
        action["why"] = WHY_TILT_ON
    elif tilt < 0.0 and action["type"] == 0 and action["cancel_mask"] == 0:
        if observation["filled"] < base_low or base_want >= lot:
            action["why"] = WHY_TILT_OFF


@hot
def act(observation: Any, parameters: Floats, curve: Floats, model: Model, action: Any) -> None:
    """Decide for one parent at one instant; writes every field of ``action``.

    observation : one OBSERVATION row; parameters : float64, by P_* index, shape (N_PARAMETERS,);
    curve : cumulative volume at the edges of the session, shape (n + 1,); action : one ACTION row,
    whose contributions stay 0 when it only waits. Uses nothing else: the same inputs give the same
    bits.
    """
    clear(action)
    kind = observation["kind"]
    base = int(parameters[P_BASE]) if kind == ADAPTIVE else kind
    action["kind"] = base
    if kind == ADAPTIVE:
        action["model_state"] = observation["model_state"]
    if observation["now_ns"] < observation["start_ns"]:
        action["binding"] = BOUND_NOT_STARTED
        return
    quantity = observation["quantity"]
    filled = observation["filled"]
    if filled >= quantity or observation["now_ns"] >= observation["end_ns"]:
        action["binding"] = BOUND_FINISHED
        action["cancel_mask"] = working_mask(observation)
        return
    cleanup = in_cleanup(observation, parameters)
    tilt = 0.0
    if kind == ADAPTIVE:
        tilt = tilt_shares(observation, parameters, model, action)
    base_target = target_shares(base, observation, parameters, curve)
    base_allowance = allowance_shares(base, observation, parameters, curve)
    whole = float(quantity)
    if cleanup:
        tilt = 0.0
        base_target = whole
        base_allowance = whole
    half = max(parameters[P_BAND], 0.0) * quantity
    below = half * (1.0 - min(max(parameters[P_AGGRESSION], 0.0), 1.0))
    if cleanup:
        below = 0.0
    target = min(max(base_target + tilt, 0.0), whole)
    allowance = min(max(base_allowance + tilt, target), whole)
    crossable = min(target, base_target)
    action["tilt"] = tilt
    action["target"] = target
    action["band_low"] = max(0.0, crossable - below)
    high = min(max(target, base_target) + half, whole)
    action["band_high"] = max(high, allowance, base_allowance)
    bid = observation["bid"]
    ask = observation["ask"]
    if bid <= 0 or ask <= 0 or bid >= ask:
        action["binding"] = BOUND_NO_QUOTE
        return
    if not any_lit(observation):
        action["binding"] = BOUND_VENUE
        return
    if cleanup:
        action["why"] = WHY_CLEANUP
    place(observation, parameters, crossable, allowance, action)
    explain_tilt(observation, max(0.0, base_target - below), base_allowance, action)
    attribute_action(observation, model, action)


@hot
def act_first(observations: Any, parameters: Floats, curve: Floats, model: Model, out: Any) -> None:
    """``act`` on row 0 of each record array: the door from Python.

    Handing numba an array costs 0.1 us, a single record 2 us.
    """
    act(observations[0], parameters, curve, model, out[0])


def decide(observation: Any, parameters: Floats, curve: Floats, model: Model) -> Any:
    """``act`` into a fresh ACTION row: for tests, explain and recompute, not for loops."""
    action = np.zeros(1, dtype=ACTION)
    act(observation, parameters, curve, model, action[0])
    return action[0]
