"""Paths of the simulated market: the day that no order can change, and fresh runs of it.

The only module of the lab that knows how a market is made.
"""

import hashlib
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.plan import COLLAR_BPS
from engine.domain.errors import Refused
from engine.domain.kinds import VENUES
from engine.domain.units import SECOND
from engine.exchange.hours import session_of
from engine.exchange.presets import LATENCY_NS
from engine.exchange.regimes import regime as regime_named
from engine.kernels.environment import Day, Env, new_day
from engine.kernels.flow import new_env
from engine.lab.scenario import FLASH, NEWS, Incident, Scenario

SESSION: Final = session_of("2026-01-02")  # every path is a day of the same hours
OPEN_NS: Final = int(SESSION.open_at)
CLOSE_NS: Final = int(SESSION.close_at)
SECONDS: Final = (CLOSE_NS - OPEN_NS) // SECOND
CHILDREN: Final = SECONDS + 64  # a parent sends at most one a second

# Which paths a result may be made of. A path's seed has the purpose in its upper bits, so no path
# of training is ever one of comparison, whatever seeds people choose; seeds below 2**56 belong to
# the live exchange, the demo days and the first model.
PURPOSES: Final = {"training": 1, "validation": 2, "comparison": 3, "question": 4}
SEED_BITS, DAY_BITS = 32, 24


class SeedRange(NamedTuple):
    """Paths first ... first + days - 1 of one seed of one purpose."""

    purpose: str
    seed: int
    first: int
    days: int

    def path(self, index: int) -> int:
        """Seed of a path, unique over purposes, seeds and days."""
        return path_seed(self.purpose, self.seed, self.first + index)


def path_seed(purpose: str, seed: int, day: int) -> int:
    """64 bits: purpose, seed, day; refused outside of its own field."""
    if purpose not in PURPOSES:
        raise Refused(f"purpose must be one of {', '.join(PURPOSES)}, was {purpose!r}")
    if not 0 <= seed < 1 << SEED_BITS:
        raise Refused(f"seed must be from 0 to {(1 << SEED_BITS) - 1}, was {seed}", field="seed")
    if not 0 <= day < 1 << DAY_BITS:
        raise Refused(f"day must be from 0 to {(1 << DAY_BITS) - 1}, was {day}", field="days")
    return PURPOSES[purpose] << (SEED_BITS + DAY_BITS) | seed << DAY_BITS | day


def refuse_overlap(*ranges: SeedRange) -> None:
    """Refuse a range that is none, and two of these ranges that share a path."""
    for i, one in enumerate(ranges):
        one.path(0), one.path(one.days - 1)
        for other in ranges[:i]:
            first, last = one.path(0), one.path(one.days - 1)
            if first <= other.path(other.days - 1) and other.path(0) <= last:
                raise Refused(
                    f"{one.purpose} and {other.purpose} must not share paths: both hold paths of "
                    f"seed {one.seed} from day {max(one.first, other.first)} on",
                    field="seed",
                )


def flow_of(scenario: Scenario, regime: str) -> NDArray[np.void]:
    """FLOW record of a scenario in a regime: preset, regime, then what the scenario says."""
    flow = regime_named(regime).of(scenario.preset.flow())
    for name, value in scenario.market:
        flow[name] = value
    return flow


def market_text(scenario: Scenario) -> str:
    """Short hash of every market parameter of this scenario, regimes and incidents included."""
    digest = hashlib.sha256(repr((scenario.incidents, scenario.venues)).encode())
    for regime in scenario.regimes:
        digest.update(flow_of(scenario, regime).tobytes())
    return digest.hexdigest()[:8]


def refuse_unbuilt(scenario: Scenario) -> None:
    """Say which part of a scenario this market does not have."""
    if scenario.venues:
        raise Refused(f"{scenario.name}: this market has one venue, it cannot be limited to some")
    for incident in scenario.incidents:
        if incident.kind not in (NEWS, FLASH):
            raise Refused(f"{scenario.name}: this market has no incident {incident.kind!r} yet")


def _jump(day: Day, incident: Incident) -> None:
    """Move the reference price from a second on, for good (news) or for a while (flash)."""
    first = incident.at_ns // SECOND
    last = first + incident.seconds if incident.kind == FLASH else len(day.seconds)
    day.seconds["r"][first:last] += incident.size


def open_path(scenario: Scenario, index: int, seed: int) -> Day:
    """The exogenous layer of a path, shared by all of its twins."""
    day = new_day(seed, flow_of(scenario, scenario.regime(index)), OPEN_NS, CLOSE_NS)
    for incident in scenario.incidents:
        _jump(day, incident)
    return day


def fresh_run(day: Day, children: int = CHILDREN) -> Env:
    """A run of a path before the open; all runs of a path begin with the same bits."""
    return new_env(day, 0, LATENCY_NS, max_own=children)


def collar_ticks(scenario: Scenario) -> int:
    """How far a child may cross, as the desk has it. [tick]"""
    return max(1, int(scenario.preset.instrument.reference_price * COLLAR_BPS / 1e4))


def fees() -> NDArray[np.float64]:
    """Fee of a fill by (venue, liquidity flag), negative = rebate. [currency / share]"""
    return np.zeros((VENUES, 3))


def venue_classes() -> dict[str, tuple[int, ...]]:
    """Places of the venues of each class."""
    return {"lit": (0,)}
