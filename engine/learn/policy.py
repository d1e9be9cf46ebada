"""The policy of RL: fitted Q-iteration over slots of training, held to its base on other paths.

Q(state, choice) is what a choice saves against the base schedule from here on, discounted: with
every round it is fitted anew to the reward of a slot plus the best Q of the next one. Boosted
trees, compiled to the flat arrays of every other model. A policy that is not cheaper than its base
on validation paths, by the whole interval, gets a red flag: it is no different from its base.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from engine.exchange.presets import market_hash
from engine.kernels.inference import Model, score_rows
from engine.kernels.policy import write_choice
from engine.lab.market import SeedRange, refuse_overlap
from engine.lab.paired import contender
from engine.lab.report import unfinished, verdict
from engine.lab.run import Question, Result, run
from engine.lab.scenario import Scenario
from engine.lab.statistics import paired
from engine.learn import registry
from engine.learn.compile import blank_row, compile_hist_boosting
from engine.learn.dataset import Dataset
from engine.learn.fit import COMPILED_WITHIN
from engine.learn.rollout import SLOT_S, Slots, collect
from engine.runtime.model_bytes import pack
from engine.runtime.models import (
    CurvePoint,
    NamedGain,
    PathRange,
    PolicyCard,
    arrays_digest,
)

Floats = npt.NDArray[np.float64]
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
WHOLE: Final = "policy"  # the contenders of a judgement
WITHOUT: Final = "without "
PATHS: Final = " paths"
LEAST_PATHS: Final = 10  # of validation
Z: Final = 1.96
NO_DIFFERENT: Final = "no different from its base schedule on validation paths"
DEARER: Final = "dearer than its base schedule on validation paths"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A policy, compiled."""

    model: Model
    compiled_difference: float  # largest, on half of the slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a policy is learnt and judged on; refused when the two share a path."""

    scenario: Scenario
    training: SeedRange
    validation: SeedRange

    def __post_init__(self) -> None:
        if self.training.purpose != "training" or self.validation.purpose != "validation":
            raise Refused(
                "a policy learns on training paths and is judged on validation paths, was "
                f"{self.training.purpose} and {self.validation.purpose}",
                field="seed",
            )
        refuse_overlap(self.training, self.validation)
        if self.validation.days < LEAST_PATHS:
            raise Refused(
                f"a policy is judged on at least {LEAST_PATHS} paths, was {self.validation.days}",
                field="days",
            )


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


def judged(plan: Plan, models: dict[str, Model], workers: int) -> Result:
    """The base and each policy on the validation paths, paired."""
    base = contender(plan.scenario, "RL")
    others = [
        replace(base, name=name, model=pack(model), trained_on=(plan.training,))
        for name, model in models.items()
    ]
    question = Question(
        scenario=plan.scenario,
        contenders=(replace(base, name="base"), *others, contender(plan.scenario, "TWAP")),
        days=plan.validation.days,
        seed=plan.validation.seed,
        purpose=plan.validation.purpose,
        first=plan.validation.first,
    )
    return run(question, workers=workers)


def saved(result: Result, which: int, regime: str = "") -> tuple[float, float]:
    """Mean of the total cost saved against the base, and its standard error. [bp]

    regime : of these paths only, "" = of all. Paths that one of both did not finish are left out.
    NaN below two paths.
    """
    scenario = result.question.scenario
    names = np.array([scenario.regime(i) for i in range(result.n)])
    chosen = names == regime if regime else np.ones(result.n, np.bool_)
    chosen &= ~unfinished(result)[:, [0, which]].any(axis=1)
    total = result.parts()["total"][chosen]
    gain = total[:, 0] - total[:, which]
    if len(gain) < 2:
        return math.nan, math.nan
    return float(gain.mean()), float(gain.std(ddof=1)) / math.sqrt(len(gain))


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
    slots = collect(plan.scenario, plan.training, {})
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
    result = judged(plan, models, workers)
    card = write_card(plan, slots, whole, result, now_ns, expires_at)
    return registry.save(directory, whole.model, card)


def curve_days(days: int) -> tuple[int, ...]:
    """Training paths of the smaller points of the learning curve."""
    return tuple(sorted({max(1, days // 4), max(1, days // 2)} - {days}))


def curve_of(plan: Plan, result: Result) -> tuple[CurvePoint, ...]:
    """The learning curve as judged; a point that had too little to learn from is missing."""
    points = [
        (int(who.name.removesuffix(PATHS)), i)
        for i, who in enumerate(result.question.contenders)
        if who.name.endswith(PATHS)
    ]
    found = []
    for days, i in (*points, (plan.training.days, 1)):
        gain, error = saved(result, i)
        found.append(CurvePoint(days=days, saved_bps=gain, error=error))
    return tuple(found)


def parts_of(result: Result) -> tuple[tuple[NamedGain, ...], tuple[NamedGain, ...]]:
    """What the policy saves by regime, and what the policies without one input save."""
    names = [who.name for who in result.question.contenders]
    scenario = result.question.scenario
    regimes = [(regime, *saved(result, 1, regime)) for regime in scenario.regimes]
    without = [
        (name.removeprefix(WITHOUT), *saved(result, i))
        for i, name in enumerate(names)
        if name.startswith(WITHOUT)
    ]

    def rows(found: list[tuple[str, float, float]]) -> tuple[NamedGain, ...]:
        known = [row for row in found if math.isfinite(row[1])]
        return tuple(NamedGain(name=n, saved_bps=g, error=e) for n, g, e in known)

    return rows(regimes), rows(without)


def flag_of(result: Result, low: float, high: float) -> tuple[str, str]:
    """Red flag of a policy, and the sentence about it and TWAP."""
    parts = result.parts()["total"][~unfinished(result)[:, [1, -1]].any(axis=1)]
    against = paired(parts[:, 1], parts[:, -1])
    said = verdict(WHOLE, "TWAP", against, market_hash())
    said = said.replace(f"{WHOLE} ", "").replace("no difference shown", "no different from TWAP")
    if said.startswith(("no different", "dearer")):
        return f"{said} on validation paths", said
    if low > 0.0:
        return "", said
    return (DEARER if high < 0.0 else NO_DIFFERENT), said


def write_card(
    plan: Plan, slots: Slots, learnt: Learnt, result: Result, now_ns: Nanos, expires_at: Nanos
) -> PolicyCard:
    """The card of a policy."""
    gain, error = saved(result, 1)
    low, high = gain - Z * error, gain + Z * error
    flag, against_twap = flag_of(result, low, high)
    by_regime, ablation = parts_of(result)
    return PolicyCard(
        type=f"fitted Q-iteration, {ROUNDS} rounds, histogram gradient boosting, {TREES} trees",
        problem="optimise execution: how to leave a base schedule within a bound",
        objective="total cost against the no-trade twin, fees included, saved against the base",
        success="the whole interval of what it saves on validation paths above zero",
        limits="has learnt one scenario of one simulator; outside of the states it has seen, after "
        "expiry or with a missing input it is its base schedule",
        words=f"Chooses among {CHOICES} ways to leave its base schedule. Saved {gain:.2f} bp "
        f"[{low:.2f}, {high:.2f}] of total cost against it on {result.n} validation paths of "
        f"{plan.scenario.name}, simulator {market_hash()}. It has learnt the simulator.",
        horizon_s=SLOT_S,
        features=tuple(STATE_NAMES[index] for index in USED),
        scenario=plan.scenario.name,
        base="VWAP",
        data_sha256=digest(slots),
        arrays_sha256=arrays_digest(learnt.model),
        n_train=len(slots.rewards),
        minimum_n=LEAST_PATHS,
        curve=curve_of(plan, result),
        by_regime=by_regime,
        ablation=ablation,
        against_twap=against_twap,
        n=result.n,
        saved_bps=gain,
        saved_low=low,
        saved_high=high,
        red_flag=flag,
        compiled_difference=learnt.compiled_difference,
        trained_at=now_ns,
        expires_at=expires_at,
        market_hash=market_hash(),
        paths=tuple(PathRange(**paths._asdict()) for paths in (plan.training, plan.validation)),
    )
