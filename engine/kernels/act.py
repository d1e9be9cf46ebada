"""One decision of one parent: what it sees -> at most one new child and a mask of cancels.

The schedule says how much should be done by now (``schedules``); a model or a policy may tilt it
(here and in ``policy``); ``place`` and ``seek`` say where and how the next child goes. The same
kernel serves the live loop, the simulator, the twin and training.

What always holds, whatever the inputs: filled + live + new child <= quantity (live counts children
whose cancel is on its way); no price beyond the limit or the collar; no child above the maximum;
own share of volume since the base never above the cap, this child included on both sides; whole
lots, but for a last child that takes everything left. A child goes to one venue that it may use
(``route``), and never past a better price that another such venue shows.
"""

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    ADAPTIVE,
    BOUND_FINISHED,
    BOUND_NO_QUOTE,
    BOUND_NOT_STARTED,
    BOUND_NOTHING,
    BOUND_VENUE,
    LIMIT,
    LIQUIDITY,
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
    P_DEALER,
    P_DEVIATION,
    P_DISPLAY_OFFSET,
    P_MAX_CHILD,
    P_MAX_TILT,
    P_SIZE_GAIN,
    P_SKEW,
    RL,
    WHY_CLEANUP,
    WHY_POLICY_OFF,
    WHY_POLICY_ON,
    WHY_TILT_OFF,
    WHY_TILT_ON,
    WHY_WAIT,
)
from engine.domain.market import ACTION
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
from engine.kernels.jit import hot, inner, kernel, leaf
from engine.kernels.place import Intent, has_reason, place
from engine.kernels.policy import BASE_CHOICE, choose, tilted
from engine.kernels.route import any_lit
from engine.kernels.schedules import allowance_shares, target_shares
from engine.kernels.seek import seek
from engine.kernels.sizes import in_cleanup, live_shares, working_mask

Floats: TypeAlias = npt.NDArray[np.float64]

OFF_PART = 0.5  # of what rests, when the policy chooses pools and dealers first


class Wish(NamedTuple):
    """What a decision wants, and what it would want without a tilt."""

    intent: Intent
    base_low: float  # shares below which the base schedule would be behind
    base_allowance: float


@leaf
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
        action["state"][i] = 0.0


@inner
def strength_of(observation: Any, parameters: Floats, model: Model, action: Any) -> float:
    """How far the model wants to hurry, -1 wait ... 1; writes score and state of the model.

    side * clip(lean, -1, 1): a buy hurries when the price is about to rise, a sell when it is about
    to fall; (P(up) - 0.5) / 0.25 leans all the way at 1. 0 unless the model is live, its features
    are inside the training range and the score is outside the confidence floor.
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
    return float(observation["side"] * min(max(leaning, -1.0), 1.0))


@inner
def attribute_action(observation: Any, model: Model, action: Any) -> None:
    """Which feature moved the score: of an action that is stored and has one, where it is cheap.

    Of other models it is computed from the stored features when somebody asks: the same bits.
    """
    acts = action["type"] != 0 or action["cancel_mask"] != 0
    if (
        acts
        and observation["kind"] == ADAPTIVE
        and not math.isnan(action["score"])
        and attributes_at_once(model)
    ):
        attribute(model, observation["features"][:], action["contributions"][:])


@kernel
def explain_tilt(observation: Any, base_low: float, base_allowance: float, action: Any) -> None:
    """Say so when the tilt is the reason for a child, or for none."""
    tilt = action["tilt"]
    if tilt == 0.0:
        return
    learnt = observation["kind"] == RL
    base_want = base_allowance - observation["filled"] - live_shares(observation)
    lot = max(1, observation["lot"])
    if tilt > 0.0 and action["type"] == LIMIT and base_want < lot:
        action["why"] = WHY_POLICY_ON if learnt else WHY_TILT_ON
    elif tilt < 0.0 and action["type"] == 0 and action["cancel_mask"] == 0:
        if observation["filled"] < base_low or base_want >= lot:
            action["why"] = WHY_POLICY_OFF if learnt else WHY_TILT_OFF


@leaf
def intent_of(
    parameters: Floats, crossable: float, allowance: float, strength: float, choice: int
) -> Intent:
    """What this decision wants, with what the model or the policy changes of it."""
    moved = round(max(parameters[P_SKEW], 0.0) * strength)
    off = choice % 2 == 1
    gain = max(parameters[P_SIZE_GAIN], 0.0) * max(strength, 0.0)
    dark = parameters[P_DARK]
    return Intent(
        crossable,
        allowance,
        max(0, int(parameters[P_DISPLAY_OFFSET])) - moved,
        max(parameters[P_MAX_CHILD], 0.0) * (1.0 + gain),
        max(dark, OFF_PART) if off else dark,
        off or parameters[P_DEALER] > 0.0,
    )


@leaf
def is_quoted(observation: Any) -> bool:
    """Whether there is a two-sided touch that is not locked or crossed."""
    bid = observation["bid"]
    ask = observation["ask"]
    return bool(bid > 0 and ask > 0 and bid < ask)


@leaf
def half_bands(observation: Any, parameters: Floats, choice: int) -> tuple[float, float]:
    """How far below and above the target the band reaches. [share]

    A patient policy goes down to what it may deviate before it crosses.
    """
    half = max(parameters[P_BAND], 0.0) * observation["quantity"]
    below = half * (1.0 - min(max(parameters[P_AGGRESSION], 0.0), 1.0))
    if choice // 2 % 2 == 1:
        below = max(below, max(parameters[P_DEVIATION], 0.0) * observation["quantity"])
    return below, half


@hot
def act(observation: Any, parameters: Floats, curve: Floats, model: Model, action: Any) -> None:
    """Decide for one parent at one instant; writes every field of ``action``.

    observation : one OBSERVATION row; parameters : float64, by P_* index, shape (N_PARAMETERS,);
    curve : cumulative volume at the edges of the session, shape (n + 1,); action : one ACTION row,
    whose contributions stay 0 when it only waits. Uses nothing else: the same inputs give the same
    bits.
    """
    if is_at_work(observation, parameters, action):
        wish = weigh(observation, parameters, curve, model, action)
        fulfil(observation, parameters, wish, model, action)


@leaf
def is_at_work(observation: Any, parameters: Floats, action: Any) -> bool:
    """Whether the parent has begun and is not finished; if not, the action is complete."""
    clear(action)
    kind = observation["kind"]
    action["kind"] = base_of(observation, parameters)
    if kind == ADAPTIVE or kind == RL:
        action["model_state"] = observation["model_state"]
    if observation["now_ns"] < observation["start_ns"]:
        action["binding"] = BOUND_NOT_STARTED
        return False
    is_done = observation["filled"] >= observation["quantity"]
    if is_done or observation["now_ns"] >= observation["end_ns"]:
        action["binding"] = BOUND_FINISHED
        action["cancel_mask"] = working_mask(observation)
        return False
    return True


@leaf
def base_of(observation: Any, parameters: Floats) -> int:
    """Whose schedule is followed: of what learns, the one that it starts from."""
    kind = observation["kind"]
    return int(parameters[P_BASE]) if kind == ADAPTIVE or kind == RL else int(kind)


@inner
def weigh(observation: Any, parameters: Floats, curve: Floats, model: Model, action: Any) -> Wish:
    """What a parent at work wants: its schedule, what tilts it, its band.

    Reads no venue, unless a policy of RL chooses.
    """
    kind = observation["kind"]
    base = base_of(observation, parameters)
    whole = float(observation["quantity"])
    base_target = target_shares(base, observation, parameters, curve)
    base_allowance = allowance_shares(base, observation, parameters, curve)
    strength, tilt, choice = 0.0, 0.0, BASE_CHOICE
    if kind == ADAPTIVE:
        strength = strength_of(observation, parameters, model, action)
        tilt = strength * (max(parameters[P_MAX_TILT], 0.0) * whole)
    elif kind == RL:
        choice = choose(observation, parameters, base_target, model, action)
        tilt = tilted(choice, parameters, base_target / whole) * whole
    below, half = half_bands(observation, parameters, choice)
    if in_cleanup(observation, parameters):
        base_target, base_allowance = whole, whole
        strength, tilt, below = 0.0, 0.0, 0.0
    target = min(max(base_target + tilt, 0.0), whole)
    allowance = min(max(base_allowance + tilt, target), whole)
    crossable = min(target, base_target)
    action["tilt"] = tilt
    action["target"] = target
    action["band_low"] = max(0.0, crossable - below)
    high = min(max(target, base_target) + half, whole)
    action["band_high"] = max(high, allowance, base_allowance)
    intent = intent_of(parameters, crossable, allowance, strength, choice)
    return Wish(intent, max(0.0, base_target - below), base_allowance)


@inner
def fulfil(observation: Any, parameters: Floats, wish: Wish, model: Model, action: Any) -> None:
    """The next child of a parent at work, and which it takes back."""
    if not is_quoted(observation):
        action["binding"] = BOUND_NO_QUOTE
        return
    if not any_lit(observation):
        action["binding"] = BOUND_VENUE
        return
    if in_cleanup(observation, parameters):
        action["why"] = WHY_CLEANUP
    if observation["kind"] == LIQUIDITY:
        seek(observation, parameters, wish.intent, action)
    else:
        place(observation, parameters, wish.intent, action)
    explain_tilt(observation, wish.base_low, wish.base_allowance, action)
    attribute_action(observation, model, action)


@leaf
def may_move(observation: Any, parameters: Floats, wish: Wish, action: Any) -> bool:
    """False when `fulfil` is certain to send and cancel nothing, whatever the venues show.

    Reads no venue, so nobody needs to look at them for a decision that is not recorded. True
    promises nothing: whether a child goes may depend on the venues.
    """
    if not is_quoted(observation):
        return False
    if in_cleanup(observation, parameters) or observation["kind"] == LIQUIDITY:
        return True
    return bool(has_reason(observation, parameters, wish.intent, action))


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
