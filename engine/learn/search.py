"""Direct search over the parameters of one strategy: what a policy that learns has to beat.

One parameter after the other is set to each of a few values, on the same training paths, paired;
the cheapest in headline cost is kept when the total cost does not rise with it: the headline leaves
permanent impact out, so without that guard the search would hide cost there. What it found is
judged once, on validation paths. Every set of values that was tried is written down: the best of
many looks better than it is.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.domain.errors import Refused
from engine.exchange.presets import market_hash
from engine.lab.market import SeedRange
from engine.lab.paired import Contender, contender
from engine.lab.report import comparison, unfinished
from engine.lab.run import Question, Result, run
from engine.lab.scenario import FIXED, Scenario
from engine.lab.tuned import SUFFIX, Trial, TunedCard
from engine.learn.judgement import Plan
from engine.runtime.models import PathRange

# what is tried of each parameter; a strategy without one is not asked
GRID: Final[dict[str, tuple[float, ...]]] = {
    "dealers": (0.0, 1.0),
    "dark": (0.0, 0.3, 0.6),
    "max_child": (2_000.0, 1_000.0, 500.0, 300.0, 200.0),
    "child_of_touch": (8.5, 4.25, 2.13, 1.28, 0.85),  # the same on the calibrated stock
    "band": (0.005, 0.01, 0.02),
    "aggression": (0.0, 0.3, 0.7),
    "slice": (10.0, 30.0, 120.0),
}
ROUNDS: Final = 2
SHORT: Final = "tuned"


@dataclass(slots=True)
class Search:
    """Where a search stands."""

    plan: Plan
    name: str
    workers: int
    at: dict[str, float]
    trials: list[Trial]

    def costs(self, sets: list[dict[str, float]]) -> list[Trial]:
        """Cost of each set on the training paths that all of them finished."""
        scenario, paths = self.plan.scenario, self.plan.training
        who = [
            replace(contender(scenario, self.name, b"", **values), name=f"{i}")
            for i, values in enumerate(sets)
        ]
        result = asked(scenario, who, paths, self.workers)
        priced = ~unfinished(result).any(axis=1)
        if not priced.any():
            raise Refused(f"{scenario.name}: no training path was finished by every set of values")
        parts = result.parts()
        found = [
            Trial(
                values=values,
                headline_bps=float(parts["headline"][priced, i].mean()),
                total_bps=float(parts["total"][priced, i].mean()),
                n=int(priced.sum()),
            )
            for i, values in enumerate(sets)
        ]
        self.trials += found
        return found

    def step(self, name: str, values: tuple[float, ...]) -> bool:
        """Set one parameter to its cheapest value; True when it moved."""
        start, *tried = self.costs([self.at, *({**self.at, name: value} for value in values)])
        best = better(start, tried)
        moved = best.values != self.at
        self.at = dict(best.values)
        return moved


def better(start: Trial, tried: list[Trial]) -> Trial:
    """The trial with the least headline cost among those whose total is not above the start's."""
    fair = [trial for trial in tried if trial.total_bps <= start.total_bps]
    return min([start, *fair], key=lambda trial: trial.headline_bps)


def asked(scenario: Scenario, who: list[Contender], paths: SeedRange, workers: int) -> Result:
    """These contenders on these paths."""
    question = Question(
        scenario=scenario,
        contenders=tuple(who),
        days=paths.days,
        seed=paths.seed,
        purpose=paths.purpose,
        first=paths.first,
    )
    return run(question, workers=workers)


def searched(plan: Plan, name: str, workers: int = 1, rounds: int = ROUNDS) -> Search:
    """Coordinate search from the catalogue's values; ends early when a round moves nothing."""
    known = dict(contender(plan.scenario, name).values)
    names = {row.name for row in strategy_of(name).parameters}
    search = Search(plan, name, workers, known, [])
    for _ in range(rounds):
        moves = [search.step(key, values) for key, values in GRID.items() if key in names]
        if not any(moves):
            break
    return search


def strategy_of(name: str) -> Any:
    """The catalogue's row behind a name of the lab."""
    from engine.domain.strategy import strategy

    return strategy(FIXED.get(name, name))


def tune(directory: Path, plan: Plan, name: str, workers: int = 1) -> Path:
    """Search, judge on validation paths, store; where it is stored."""
    search = searched(plan, name, workers)
    start, twap = contender(plan.scenario, name), contender(plan.scenario, "TWAP")
    found = contender(plan.scenario, name, b"", **search.at)
    who = [replace(start, name="start"), replace(found, name=name + SUFFIX), twap]
    result = asked(plan.scenario, who, plan.validation, workers)
    body = comparison(result, baselines=("start", "TWAP"))
    pairs = body["rows"][1]["paired_vs"]
    card = TunedCard(
        name=name,
        values=search.at,
        scenario=plan.scenario.name,
        market_hash=market_hash(),
        trials=tuple(search.trials),
        paths=tuple(PathRange(**p._asdict()) for p in (plan.training, plan.validation)),
        judged=body,
        verdict=pairs["start"]["verdict"],
        against_twap=pairs["TWAP"]["verdict"],
    )
    raw = msgspec.json.format(msgspec.json.encode(card, order="deterministic"), indent=1)
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / f"{SHORT}-{hashlib.sha256(raw).hexdigest()[:12]}.json"
    place.write_bytes(raw)
    return place
