"""What the learnt policy of RL chooses: tilt x patience x venues, out of twelve.

The model says what each choice would save against the base schedule, in bp of the order, from here
to the end; the largest wins, of equals the one nearest the base. A choice never crosses earlier
than the base would, and never leaves it by more than what it may deviate.
"""

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.domain.kinds import (
    CHOICES,
    DARK,
    F_FLOW_60S,
    F_IMBALANCE_1,
    F_MOMENTUM_60S,
    F_QUEUE_ASK,
    F_QUEUE_BID,
    F_SPREAD,
    F_TIME,
    F_VOLATILITY_300S,
    F_VOLUME_RATIO,
    MODEL_DOUBTFUL,
    MODEL_LIVE,
    MODEL_NONE,
    P_DEVIATION,
    P_EXPLORE,
    RL,
    S_AHEAD,
    S_DARK,
    S_DAY,
    S_FLOW,
    S_IMBALANCE,
    S_LIVE,
    S_MOMENTUM,
    S_OFF,
    S_PATIENCE,
    S_QUEUE,
    S_SHARE,
    S_SPREAD,
    S_TILT,
    S_TIME,
    S_VOLATILITY,
    S_VOLUME,
    VENUES,
)
from engine.kernels import rng
from engine.kernels.inference import FEATURES_FINE, NO_MODEL, Model, first_doubtful, score
from engine.kernels.jit import inner, kernel
from engine.kernels.route import may_use
from engine.kernels.schedules import SECOND_NS
from engine.kernels.sizes import live_shares

Floats: TypeAlias = npt.NDArray[np.float64]

BASE_CHOICE = 4  # tilt 0, crosses as the base does, public books
STREAM_EXPLORE = 202
FARTHEST = 3.0


@kernel
def write_choice(choice: int, state: Any) -> None:
    """Choice = 4 (tilt + 1) + 2 patience + off exchange, into the state."""
    state[S_TILT] = choice // 4 - 1
    state[S_PATIENCE] = choice // 2 % 2
    state[S_OFF] = choice % 2


@kernel
def best_fill_rate(observation: Any) -> float:
    """Fill rate of the best pool that may be used, one never tried counts as 1; 0 without."""
    best = 0.0
    for place in range(VENUES):
        if may_use(observation, place, DARK):
            rate = float(observation["venue_fill"][place])
            best = max(best, 1.0 if math.isnan(rate) else rate)
    return best


@kernel
def write_state(observation: Any, parameters: Floats, base_target: float, state: Any) -> None:
    """What the policy sees: all but its choice."""
    side = float(observation["side"])
    most = max(1.0, max(parameters[P_DEVIATION], 0.0) * observation["quantity"])
    ahead = (observation["filled"] - base_target) / most
    horizon = float(max(1, observation["end_ns"] - observation["start_ns"]))
    volume = float(max(1, observation["volume"] - observation["base_volume"]))
    features = observation["features"]
    state[S_TIME] = (observation["end_ns"] - observation["now_ns"]) / horizon
    state[S_AHEAD] = min(max(ahead, -FARTHEST), FARTHEST)
    state[S_LIVE] = min(live_shares(observation) / most, FARTHEST)
    state[S_SHARE] = min((observation["filled"] - observation["base_filled"]) / volume, 1.0)
    state[S_SPREAD] = features[F_SPREAD]
    state[S_IMBALANCE] = side * features[F_IMBALANCE_1]
    state[S_FLOW] = side * features[F_FLOW_60S]
    state[S_MOMENTUM] = side * features[F_MOMENTUM_60S]
    state[S_VOLATILITY] = features[F_VOLATILITY_300S]
    state[S_VOLUME] = features[F_VOLUME_RATIO]
    state[S_QUEUE] = features[F_QUEUE_BID] if side > 0 else features[F_QUEUE_ASK]
    state[S_DAY] = features[F_TIME]
    state[S_DARK] = best_fill_rate(observation)


@kernel
def drawn_choice(observation: Any, parameters: Floats) -> int:
    """A choice of training: drawn anew every so many seconds, the base schedule a quarter."""
    slot = int(max(1.0, parameters[P_EXPLORE]) * SECOND_NS)
    k = (observation["now_ns"] - observation["start_ns"]) // slot
    u = rng.uniform(observation["seed"], STREAM_EXPLORE, k)
    if u < 0.25:
        return BASE_CHOICE
    return min(int((u - 0.25) / 0.75 * CHOICES), CHOICES - 1)


@inner
def choose(
    observation: Any, parameters: Floats, base_target: float, model: Model, action: Any
) -> int:
    """The choice of this decision; writes state, score and model state. BASE_CHOICE without model.

    score : what it saves against the base choice. [bp of the order]
    """
    state = action["state"]
    if parameters[P_EXPLORE] > 0.0:
        choice = drawn_choice(observation, parameters)
        write_state(observation, parameters, base_target, state)
        write_choice(choice, state)
        return choice
    action["model_state"] = observation["model_state"]
    if observation["model_state"] != MODEL_LIVE:
        return BASE_CHOICE
    if model.row[0]["type"] == NO_MODEL:
        action["model_state"] = MODEL_NONE
        return BASE_CHOICE
    write_state(observation, parameters, base_target, state)
    write_choice(BASE_CHOICE, state)
    if first_doubtful(model, state[:]) != FEATURES_FINE:
        action["model_state"] = MODEL_DOUBTFUL
        return BASE_CHOICE
    least = score(model, state[:])
    best = BASE_CHOICE
    found = least
    for choice in range(CHOICES):
        if choice == BASE_CHOICE:
            continue
        write_choice(choice, state)
        value = score(model, state[:])
        if value > found:
            best = choice
            found = value
    write_choice(best, state)
    action["score"] = found - least
    action["kind"] = RL
    return best


@kernel
def tilted(choice: int, parameters: Floats, part: float) -> float:
    """Shares a choice moves the target by, as a fraction of the quantity.

    part : of the quantity that the base has done. The first and the last tenth tilt less, so that
    nothing has to jump.
    """
    room = min(1.0, 10.0 * min(part, 1.0 - part))
    return float((choice // 4 - 1) * max(parameters[P_DEVIATION], 0.0) * max(room, 0.0))
