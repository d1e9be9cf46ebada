"""The orders that a policy of RL learns from and is judged on: sizes by caps of a scenario.

A desk's orders are not one order. A policy that has seen one size under one cap does not know what
it sees in another, and one that does not see the cap waits where it should not.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

from engine.domain.errors import Refused
from engine.domain.kinds import P_MAX_PARTICIPATION
from engine.domain.strategy import strategy, vector
from engine.lab.market import SeedRange
from engine.lab.scenario import ALL, Scenario

CAP: Final = "max_participation"
LEARNS: Final = "RL"
WHOLE: Final = 1.0
SIZES: Final = (0.12, 0.4, WHOLE)  # of the scenario's order: 60,000, 200,000 and 500,000 MIDC


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One order of a mixture: the scenario with its size and cap."""

    scenario: Scenario
    cap: float  # of volume

    @property
    def quantity(self) -> int:
        """Size of its order. [share]"""
        return self.scenario.order.quantity

    @property
    def name(self) -> str:
        """As people read it."""
        return f"{self.quantity:,} shares under a cap of {self.cap:.0%}"


def default_cap() -> float:
    """The cap that a desk's ticket begins with. [of volume]"""
    return strategy(LEARNS).parameter(CAP).default


def part(scenario: Scenario, size: float, cap: float) -> Part:
    """The scenario with this part of its order, in whole lots, under this cap for everybody."""
    lot, quantity = scenario.preset.instrument.lot, scenario.order.quantity
    if size != WHOLE:
        quantity = max(lot, round(quantity * size / lot) * lot)
    others = {
        name: tuple((key, value) for key, value in values if key != CAP)
        for name, values in scenario.parameters
    }
    others[ALL] = (*others.get(ALL, ()), (CAP, cap))
    changed = replace(
        scenario,
        order=replace(scenario.order, quantity=quantity),
        parameters=tuple(others.items()),
    )
    return Part(scenario=changed, cap=cap)


def own_cap(scenario: Scenario) -> float:
    """The cap that the scenario gives RL. [of volume]"""
    values = vector(LEARNS, scenario.values(LEARNS), scenario.preset.instrument)
    return values[P_MAX_PARTICIPATION]


def one_order(scenario: Scenario) -> tuple[Part, ...]:
    """The scenario's own order under its own cap, and no other."""
    return (part(scenario, WHOLE, own_cap(scenario)),)


def mixture(scenario: Scenario) -> tuple[Part, ...]:
    """Each size under the desk's default cap and under the scenario's own."""
    caps = sorted({default_cap(), own_cap(scenario)})
    return tuple(part(scenario, size, cap) for size in SIZES for cap in caps)


def part_of_path(index: int, parts: int, regimes: int) -> int:
    """Which part a path of training works: in turn, and each part in each regime in the end."""
    return (index + index // math.lcm(parts, regimes)) % parts


def shares_of(paths: SeedRange, parts: int) -> tuple[SeedRange, ...]:
    """Validation paths of each part: blocks one after the other, none shared."""
    if paths.days < parts:
        raise Refused(
            f"a mixture of {parts} orders is judged on at least {parts} paths, was {paths.days}",
            field="days",
        )
    each, more = divmod(paths.days, parts)
    found, first = [], paths.first
    for i in range(parts):
        days = each + (i < more)
        found.append(paths._replace(first=first, days=days))
        first += days
    return tuple(found)


def words_of(parts: tuple[Part, ...]) -> str:
    """The mixture in words: sizes and caps."""
    if len(parts) == 1:
        return f"{parts[0].name} of volume"
    sizes = ", ".join(f"{size:,}" for size in sorted({one.quantity for one in parts}))
    caps = " and ".join(f"{cap:.0%}" for cap in sorted({one.cap for one in parts}))
    return f"{sizes} shares, each under a cap of {caps} of volume"
