"""How a policy of RL is judged: against its base, paired, on validation paths of every order.

The mixture it has learnt is the mixture it is judged on, each order on paths of its own. A policy
that is dearer than its base in any of them says so on its card.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.domain.errors import Refused
from engine.domain.kinds import CHOICES
from engine.domain.units import Nanos
from engine.exchange.presets import market_hash
from engine.kernels.inference import Model
from engine.lab.market import SeedRange, refuse_overlap
from engine.lab.paired import contender
from engine.lab.report import unfinished, verdict
from engine.lab.run import Question, Result, run
from engine.lab.scenario import Scenario
from engine.lab.statistics import paired
from engine.learn.mixture import Part, mixture, one_order, shares_of, words_of
from engine.learn.rollout import SLOT_S
from engine.runtime.model_bytes import pack
from engine.runtime.models import (
    CurvePoint,
    NamedGain,
    PartGain,
    PathRange,
    PolicyCard,
    Z,
    arrays_digest,
)

Floats = npt.NDArray[np.float64]

WHOLE: Final = "policy"  # the contenders of a judgement
WITHOUT: Final = "without "
PATHS: Final = " paths"
LEAST_PATHS: Final = 10  # of validation
NO_DIFFERENT: Final = "no different from its base schedule on validation paths"
DEARER: Final = "dearer than its base schedule"
JUDGED_ON: Final = "on validation paths"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A policy, compiled."""

    model: Model
    compiled_difference: float  # largest, on half of the slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a policy has learnt from, and how."""

    recipe: str
    features: tuple[str, ...]
    data_sha256: str
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a policy is learnt and judged on; refused when the two share a path."""

    scenario: Scenario
    training: SeedRange
    validation: SeedRange
    mixed: bool = True  # False = the scenario's own order alone

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

    @property
    def parts(self) -> tuple[Part, ...]:
        """The orders of the mixture."""
        return mixture(self.scenario) if self.mixed else one_order(self.scenario)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The base, each policy and TWAP on the validation paths of every part, part by part."""

    parts: tuple[Part, ...]
    results: tuple[Result, ...]

    @property
    def names(self) -> list[str]:
        """The contenders: the base first, the policy second, TWAP last."""
        return [who.name for who in self.results[0].question.contenders]

    @property
    def n(self) -> int:
        """Paths of all parts."""
        return sum(result.n for result in self.results)

    def total(self) -> Floats:
        """Total cost of every path, shape (n, contenders). [bp]"""
        return np.concatenate([result.parts()["total"] for result in self.results])

    def unfinished(self) -> npt.NDArray[np.bool_]:
        """Paths without a cost, shape (n, contenders)."""
        return np.concatenate([unfinished(result) for result in self.results])

    def regimes(self) -> npt.NDArray[np.str_]:
        """Regime of every path, shape (n,)."""
        return np.array([r.question.scenario.regime(i) for r in self.results for i in range(r.n)])

    def turns(self) -> npt.NDArray[np.int64]:
        """Part of every path, shape (n,)."""
        return np.repeat(np.arange(len(self.results)), [result.n for result in self.results])


def judged(plan: Plan, models: dict[str, Model], workers: int) -> Judgement:
    """The base and each policy on the validation paths, paired, part by part."""
    results = []
    for one, paths in zip(plan.parts, shares_of(plan.validation, len(plan.parts)), strict=True):
        base = contender(one.scenario, "RL")
        others = [
            replace(base, name=name, model=pack(model), trained_on=(plan.training,))
            for name, model in models.items()
        ]
        twap = contender(one.scenario, "TWAP")
        question = Question(
            scenario=one.scenario,
            contenders=(replace(base, name="base"), *others, twap),
            days=paths.days,
            seed=paths.seed,
            purpose=paths.purpose,
            first=paths.first,
        )
        results.append(run(question, workers=workers))
    return Judgement(parts=plan.parts, results=tuple(results))


def saved(
    found: Judgement, which: int, chosen: npt.NDArray[np.bool_] | None = None
) -> tuple[float, float]:
    """Mean of the total cost saved against the base, and its standard error. [bp]

    chosen : of these paths only, None = of all. Paths that one of both did not finish are left out.
    NaN below two paths.
    """
    known = ~found.unfinished()[:, [0, which]].any(axis=1)
    if chosen is not None:
        known &= chosen
    total = found.total()[known]
    gain = total[:, 0] - total[:, which]
    if len(gain) < 2:
        return math.nan, math.nan
    return float(gain.mean()), float(gain.std(ddof=1)) / math.sqrt(len(gain))


def curve_of(plan: Plan, found: Judgement) -> tuple[CurvePoint, ...]:
    """The learning curve as judged; a point that had too little to learn from is missing."""
    points = [
        (int(name.removesuffix(PATHS)), i)
        for i, name in enumerate(found.names)
        if name.endswith(PATHS)
    ]
    curve = []
    for days, i in (*points, (plan.training.days, 1)):
        gain, error = saved(found, i)
        curve.append(CurvePoint(days=days, saved_bps=gain, error=error))
    return tuple(curve)


def gains_of(found: Judgement) -> tuple[tuple[NamedGain, ...], tuple[NamedGain, ...]]:
    """What the policy saves by regime, and what the policies without one input save."""
    names = found.regimes()
    scenario = found.results[0].question.scenario
    regimes = [(regime, *saved(found, 1, names == regime)) for regime in scenario.regimes]
    without = [
        (name.removeprefix(WITHOUT), *saved(found, i))
        for i, name in enumerate(found.names)
        if name.startswith(WITHOUT)
    ]

    def rows(gains: list[tuple[str, float, float]]) -> tuple[NamedGain, ...]:
        known = [row for row in gains if math.isfinite(row[1])]
        return tuple(NamedGain(name=n, saved_bps=g, error=e) for n, g, e in known)

    return rows(regimes), rows(without)


def by_part(found: Judgement) -> tuple[PartGain, ...]:
    """What the policy saves on each order of the mixture; one with too few paths is missing."""
    turns, short = found.turns(), found.unfinished()
    rows = []
    for i, one in enumerate(found.parts):
        gain, error = saved(found, 1, turns == i)
        if not math.isfinite(gain):
            continue
        mine = short[turns == i]
        rows.append(
            PartGain(
                name=one.name,
                quantity=one.quantity,
                cap=one.cap,
                saved_bps=gain,
                error=error,
                n=int((~mine[:, :2].any(axis=1)).sum()),
                unfinished=int(mine[:, 1].sum()),
                base_unfinished=int(mine[:, 0].sum()),
            )
        )
    return tuple(rows)


def flag_of(found: Judgement, low: float, high: float) -> tuple[str, str]:
    """Red flag of a policy, and the sentence about it and TWAP."""
    parts = found.total()[~found.unfinished()[:, [1, -1]].any(axis=1)]
    against = paired(parts[:, 1], parts[:, -1])
    said = verdict(WHOLE, "TWAP", against, market_hash())
    said = said.replace(f"{WHOLE} ", "").replace("no difference shown", "no different from TWAP")
    if said.startswith(("no different", "dearer")):
        return f"{said} {JUDGED_ON}", said
    if high < 0.0:
        return f"{DEARER} {JUDGED_ON}", said
    dearer = [row.name for row in by_part(found) if row.dearer]
    if dearer:
        return f"{DEARER} at {', '.join(dearer)} {JUDGED_ON}", said
    return ("" if low > 0.0 else NO_DIFFERENT), said


def write_card(
    plan: Plan, seen: Seen, learnt: Learnt, found: Judgement, now_ns: Nanos, expires_at: Nanos
) -> PolicyCard:
    """The card of a policy."""
    gain, error = saved(found, 1)
    low, high = gain - Z * error, gain + Z * error
    flag, against_twap = flag_of(found, low, high)
    by_regime, ablation = gains_of(found)
    return PolicyCard(
        type=seen.recipe,
        problem="optimise execution: how to leave a base schedule within a bound",
        objective="total cost against the no-trade twin, fees included, saved against the base",
        success="the whole interval of what it saves on validation paths above zero",
        limits="has learnt one instrument and side of one simulator; outside of the states it has "
        "seen, after expiry or with a missing input it is its base schedule",
        words=f"Chooses among {CHOICES} ways to leave its base schedule. Saved {gain:.2f} bp "
        f"[{low:.2f}, {high:.2f}] of total cost against it on {found.n} validation paths of "
        f"{plan.scenario.name}, simulator {market_hash()}: "
        f"{words_of(found.parts)}. It has learnt the simulator.",
        horizon_s=SLOT_S,
        features=seen.features,
        scenario=plan.scenario.name,
        base="VWAP",
        data_sha256=seen.data_sha256,
        arrays_sha256=arrays_digest(learnt.model),
        n_train=seen.slots,
        minimum_n=LEAST_PATHS,
        curve=curve_of(plan, found),
        by_regime=by_regime,
        ablation=ablation,
        against_twap=against_twap,
        n=found.n,
        saved_bps=gain,
        saved_low=low,
        saved_high=high,
        red_flag=flag,
        compiled_difference=learnt.compiled_difference,
        trained_at=now_ns,
        expires_at=expires_at,
        market_hash=market_hash(),
        paths=tuple(PathRange(**paths._asdict()) for paths in (plan.training, plan.validation)),
        by_part=by_part(found),
    )
