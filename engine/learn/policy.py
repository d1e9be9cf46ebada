"""The policy of RL: fitted Q-iteration over slots of training, held to its base on other paths.

Q(state, choice) is what a choice saves against the base schedule from here on, discounted: with
every round it is fitted anew to the reward of a slot plus the best Q of the next one. Boosted
trees, compiled to the flat arrays of every other model. A policy that is not cheaper than its base
on validation paths, by the whole interval, gets a red flag: it is no different from its base.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.domain.kinds import (
    CHOICES,
    S_AHEAD,
    S_DARK,
    S_DAY,
    S_OFF,
    S_PATIENCE,
    S_SHARE,
    S_SPREAD,
    S_TILT,
    S_TIME,
    S_VOLATILITY,
    S_VOLUME,
    STATE_NAMES,
)
from engine.domain.units import Nanos
from engine.kernels.inference import score_rows
from engine.kernels.policy import write_choice
from engine.learn import registry
from engine.learn.compile import blank_row, compile_hist_boosting
from engine.learn.dataset import Dataset
from engine.learn.fit import COMPILED_WITHIN
from engine.learn.judgement import PATHS, WHOLE, WITHOUT, Learnt, Plan, Seen, judged, write_card
from engine.learn.rollout import SLOT_S, Slots, collect

Inputs = tuple[int, ...]

USED: Final = (
    S_TIME, S_AHEAD, S_SHARE, S_SPREAD, S_VOLATILITY, S_VOLUME, S_DAY, S_DARK, S_TILT, S_PATIENCE,
    S_OFF,
)  # fmt: skip
CHOSEN: Final = (S_TILT, S_PATIENCE, S_OFF)
MARGIN: Final = 0.012  # of the order a slot: five standard errors of a choice's mean reward [bp]
DISCOUNT: Final = 0.85  # a slot: what a choice does shows within a few of them
ROUNDS: Final = 8
TREES: Final = 60
LEAVES: Final = 8
LEAF_ROWS: Final = 60
LEAST_SLOTS: Final = 2 * LEAF_ROWS
SEED: Final = 1


def estimator() -> Any:
    """What is fitted in every round."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAF_ROWS,
        early_stopping=False,
        random_state=SEED,
    )


def every_choice(states: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The states with each of the twelve choices in turn, shape (n * 12, 16)."""
    rows = np.repeat(states, CHOICES, axis=0)
    for choice in range(CHOICES):
        one = np.zeros(states.shape[1], np.float32)
        write_choice(choice, one)
        rows[choice::CHOICES, [S_TILT, S_PATIENCE, S_OFF]] = one[[S_TILT, S_PATIENCE, S_OFF]]
    return rows


def complete(slots: Slots, used: Inputs = USED) -> npt.NDArray[np.bool_]:
    """Slots without a missing input, shape (n,)."""
    return np.asarray(np.isfinite(slots.states[:, list(used)]).all(axis=1))


def fitted_q(
    slots: Slots,
    make: Callable[[], Any] = estimator,
    *,
    rounds: int = ROUNDS,
    discount: float = DISCOUNT,
    used: Inputs = USED,
) -> Any:
    """The last round's regressor over the used columns. Slots with a missing input are left out."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # its threads wait in a loop for cores that others use
        return _rounds(slots, make, rounds, discount, used)


def _rounds(
    slots: Slots, make: Callable[[], Any], rounds: int, discount: float, used: Inputs
) -> Any:
    columns = list(used)
    known = complete(slots, used)
    goes_on = np.logical_and(~slots.last, np.append(known[1:], np.zeros(1, np.bool_)))
    after = np.flatnonzero(goes_on) + 1
    candidates = every_choice(slots.states[after])[:, columns].astype(np.float64)
    x = slots.states[:, columns].astype(np.float64)
    target = slots.rewards.copy()
    fitted = make().fit(x[known], target[known])
    for _ in range(rounds - 1):
        target[:] = slots.rewards
        best = fitted.predict(candidates).reshape(-1, CHOICES).max(axis=1)
        target[goes_on] += discount * best
        fitted = make().fit(x[known], target[known])
    return fitted


def doubted(slots: Slots, margin: float) -> Slots:
    """The slots with ``margin`` [bp] taken from the reward of every choice but the base.

    The largest of twelve noisy values looks better than it is: a choice has to be worth so much
    more than the base, slot by slot, before it is taken.
    """
    leaves = (slots.states[:, list(CHOSEN)] != 0.0).any(axis=1)
    return replace(slots, rewards=slots.rewards - margin * leaves)


def learn(slots: Slots, used: Inputs = USED, margin: float = MARGIN) -> Learnt:
    """Fit and compile; refused when the compiled policy is not what scikit-learn says."""
    slots = doubted(slots, margin)
    known = np.flatnonzero(complete(slots, used))
    if len(known) < LEAST_SLOTS:
        raise Refused(f"a policy needs at least {LEAST_SLOTS} slots, were {len(known)}")
    fitted = fitted_q(slots, used=used)
    at = np.arange(len(known), dtype=np.int64)
    data = Dataset(
        features=slots.states[known],
        ups=slots.rewards[known] > 0.0,
        moves=slots.rewards[known],
        at_ns=at,
        label_end_ns=at,
        names=(),
        horizon_s=SLOT_S,
    )
    plain = np.zeros(len(used)), np.ones(len(used))
    model = compile_hist_boosting(blank_row(data, used, *plain), fitted)
    checked = data.features[::2]
    found = np.empty(len(checked))
    score_rows(model, checked, found)
    wanted = fitted.predict(checked[:, list(used)].astype(np.float64))
    difference = float(np.abs(found - wanted).max())
    if not difference <= COMPILED_WITHIN:
        raise Refused(
            f"compiled and trained policy differ by {difference:g}", rule="model.compiled"
        )
    return Learnt(model=model, compiled_difference=difference)


def first_paths(slots: Slots, n: int) -> Slots:
    """The slots of the first n paths, at least of one."""
    few = slots.paths < max(1, n)
    return Slots(
        states=slots.states[few],
        rewards=slots.rewards[few],
        last=slots.last[few],
        paths=slots.paths[few],
    )


def digest(slots: Slots) -> str:
    """SHA-256 of all that training sees."""
    out = hashlib.sha256()
    for array in (slots.states, slots.rewards, slots.last, slots.paths):
        out.update(f"{array.dtype.str}{array.shape}".encode())
        out.update(np.ascontiguousarray(array).tobytes())
    return out.hexdigest()


def train_policy(
    directory: Path,
    plan: Plan,
    *,
    now_ns: Nanos,
    expires_at: Nanos,
    workers: int = 1,
    ablation: bool = False,
) -> str:
    """Learn from the training paths, judge on the validation paths, store; the id of the version.

    A quarter of the training paths, half, and all: the learning curve. ablation : also learn
    without each input in turn; what that costs says what the input is worth. The version is only
    stored; whether it may trade is an approval, and a red flag on its card says when it should not.
    """
    slots = collect([one.scenario for one in plan.parts], plan.training)
    whole = learn(slots)
    models = {WHOLE: whole.model}
    for days in curve_days(plan.training.days):
        few = first_paths(slots, days)
        if complete(few).sum() >= LEAST_SLOTS:
            models[f"{days}{PATHS}"] = learn(few).model
    if ablation:
        for index in USED:
            if index not in CHOSEN:
                left = tuple(other for other in USED if other != index)
                models[f"{WITHOUT}{STATE_NAMES[index]}"] = learn(slots, left).model
    found = judged(plan, models, workers)
    recipe = f"fitted Q-iteration, {ROUNDS} rounds, histogram gradient boosting, {TREES} trees"
    seen = Seen(
        recipe=recipe,
        features=tuple(STATE_NAMES[index] for index in USED),
        data_sha256=digest(slots),
        slots=len(slots.rewards),
    )
    card = write_card(plan, seen, whole, found, now_ns, expires_at)
    return registry.save(directory, whole.model, card)


def curve_days(days: int) -> tuple[int, ...]:
    """Training paths of the smaller points of the learning curve."""
    return tuple(sorted({max(1, days // 4), max(1, days // 2)} - {days}))
