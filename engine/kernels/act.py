"""One decision of one parent: what it sees -> at most one new child and a mask of cancels.

The schedule says how much should be done by now (``schedules``); this file places it. Inside the
band children rest at the own touch; behind the band they cross, up to the collar; ahead they wait.
The same kernel serves the live loop, the simulator, the twin and training.

What always holds, whatever the inputs: filled + live + new child <= quantity (live counts children
whose cancel is on its way); no price beyond the limit or the collar; no child above the maximum;
own share of volume since the base never above the cap, this child included on both sides; whole
lots, but for a last child that takes everything left.
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
    BOUND_LOT,
    BOUND_MAX_CHILD,
    BOUND_NO_QUOTE,
    BOUND_NOT_STARTED,
    BOUND_NOTHING,
    BOUND_PARTICIPATION,
    BOUND_SLOTS,
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
    P_DISPLAY_OFFSET,
    P_EXPIRE,
    P_MAX_CHILD,
    P_MAX_PARTICIPATION,
    P_MAX_TILT,
    P_PASSIVE,
    P_SLICE_S,
    WHY_BEHIND,
    WHY_CLEANUP,
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
from engine.kernels.jit import hot, kernel
from engine.kernels.schedules import SECOND_NS, allowance_shares, target_shares

Floats: TypeAlias = npt.NDArray[np.float64]

CLEANUP_MOST_NS = 30 * SECOND_NS  # clean-up takes the last tenth of the horizon, 3 s ... 30 s of it
CLEANUP_LEAST_NS = 3 * SECOND_NS
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
    for i in range(N_FEATURES):
        action["contributions"][i] = 0.0


@kernel
def live_shares(observation: Any) -> int:
    """Shares at the venue or on the way to it, cancels in flight included. [share]"""
    total = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] != 0:
            total += max(0, observation["slot_leaves"][i])
    return total


@kernel
def working_mask(observation: Any) -> int:
    """Bits of the slots whose child is live and not being cancelled."""
    mask = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] != 0 and observation["slot_cancelling"][i] == 0:
            mask |= 1 << i
    return mask


@kernel
def free_slots(observation: Any) -> int:
    """How many more children fit."""
    count = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] == 0:
            count += 1
    return count


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
def crossing_price(observation: Any, action: Any) -> int:
    """Other touch plus the collar, never beyond the limit price; 0 = may not cross. [tick]"""
    limit = observation["limit_price"]
    collar = max(0, observation["collar_ticks"])
    if observation["side"] > 0:
        touch = observation["ask"]
        price = touch + collar
        if limit > 0 and limit < price:
            price = limit
            action["binding"] = BOUND_LIMIT_PRICE
        return int(price) if price >= touch else 0
    touch = observation["bid"]
    price = touch - collar
    if price < 1:
        price = 1
        action["binding"] = BOUND_COLLAR
    if limit > 0 and limit > price:
        price = limit
        action["binding"] = BOUND_LIMIT_PRICE
    return int(price) if price <= touch else 0


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


@kernel
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
def bounded_size(observation: Any, parameters: Floats, wanted: float, action: Any) -> int:
    """Size a child may have out of ``wanted``; names the tightest bound in ``binding``. [share]"""
    live = live_shares(observation)
    free = max(0, observation["quantity"] - observation["filled"] - live)
    lot = max(1, observation["lot"])
    size = math.floor(min(max(wanted, 0.0), 4e15) + 1e-9)  # 1e-9: float noise of a whole lot
    if size >= free:
        if size > free:
            action["binding"] = BOUND_LEAVES
        size = free
    most = int(max(parameters[P_MAX_CHILD], 0.0))
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


@kernel
def cross(observation: Any, parameters: Floats, wanted: float, action: Any) -> bool:
    """Write an immediate child up to the collar; False when limit, size or slots forbid it."""
    price = crossing_price(observation, action)
    if price == 0:
        return False
    if free_slots(observation) == 0:
        action["binding"] = BOUND_SLOTS
        return False
    size = bounded_size(observation, parameters, wanted, action)
    if size <= 0:
        return False
    touch = observation["ask_size"] if observation["side"] > 0 else observation["bid_size"]
    if action["binding"] == BOUND_NOTHING and size > touch:
        action["binding"] = BOUND_COLLAR  # it may walk the book that far and no further
    action["type"] = IOC
    action["price"] = price
    action["size"] = size
    action["ttl_ns"] = IOC_TTL_NS
    return True


@kernel
def rest(observation: Any, parameters: Floats, wanted: float, action: Any) -> bool:
    """Write a resting child at the own touch; False when size or slots forbid it."""
    if free_slots(observation) == 0:
        action["binding"] = BOUND_SLOTS
        return False
    size = bounded_size(observation, parameters, wanted, action)
    if size <= 0:
        return False
    action["type"] = LIMIT
    action["price"] = passive_price(observation, parameters)
    action["size"] = size
    two_slices = int(2.0 * max(parameters[P_SLICE_S], 0.0)) * SECOND_NS
    left = observation["end_ns"] - observation["now_ns"]
    action["ttl_ns"] = max(1, min(max(two_slices, PASSIVE_TTL_LEAST_NS), left))
    return True


@kernel
def stale_mask(observation: Any, parameters: Floats) -> int:
    """Bits of working children that the touch has left behind. The touch moved away from them."""
    wanted = passive_price(observation, parameters)
    mask = 0
    for i in range(SLOTS):
        if observation["slot_child"][i] == 0 or observation["slot_cancelling"][i] != 0:
            continue
        behind = observation["side"] * (wanted - observation["slot_price"][i])
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


@hot
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
    if first_doubtful(model, observation["features"]) != FEATURES_FINE:
        action["model_state"] = MODEL_DOUBTFUL
        return 0.0
    found = score(model, observation["features"])
    action["score"] = found
    action["kind"] = ADAPTIVE
    leaning = lean(model, found)
    if abs(leaning) * FULL_TILT_AT < parameters[P_CONFIDENCE]:
        action["model_state"] = MODEL_UNSURE
        return 0.0
    strength = min(max(leaning, -1.0), 1.0)
    most = max(parameters[P_MAX_TILT], 0.0) * observation["quantity"]
    return float(observation["side"] * strength * most)


@hot
def attribute_action(observation: Any, model: Model, action: Any) -> None:
    """Which feature moved the score: of an action that is stored and has one, where it is cheap.

    Of other models it is computed from the stored features when somebody asks: the same bits.
    """
    acts = action["type"] != 0 or action["cancel_mask"] != 0
    if acts and not math.isnan(action["score"]) and attributes_at_once(model):
        attribute(model, observation["features"], action["contributions"])


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
        if parameters[P_PASSIVE] <= 0.0 and crossing_price(observation, action) > 0:
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
    if live > 0:  # beside a resting child only what is worth another one
        step = max(step, 0.5 * max(parameters[P_BAND], 0.0) * observation["quantity"])
    last = live == 0 and observation["filled"] + want >= observation["quantity"]
    if want >= step or (last and want > 0.0):
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
