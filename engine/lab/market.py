"""Paths of the simulated market: the day that no order can change, and fresh runs of it.

The only module of the lab that knows how a market is made.
"""

import functools
import hashlib
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.observe import COLLAR_BPS
from engine.domain.errors import Refused
from engine.domain.kinds import (
    AGGRESSIVE,
    DARK,
    DEALER,
    INCIDENT_CROSSED,
    INCIDENT_FLASH,
    INCIDENT_HALT,
    INCIDENT_NEWS,
    INCIDENT_OUTAGE,
    INCIDENT_STUCK_DARK,
    LIT,
    PASSIVE,
    VENUES,
)
from engine.domain.units import SECOND
from engine.exchange.hours import session_of
from engine.exchange.presets import LATENCY_NS
from engine.exchange.regimes import regime as regime_named
from engine.kernels.environment import INCIDENT, Day, Env, new_day
from engine.kernels.flow import add_incident, new_env
from engine.lab.late import late_day
from engine.lab.scenario import (
    CROSSED,
    FEED_GAP,
    FLASH,
    HALT,
    NEWS,
    OUTAGE,
    PLACES,
    SIMULATED,
    STUCK_DARK,
    Incident,
    Scenario,
)

SESSION: Final = session_of("2026-01-02")  # every path is a day of the same hours
OPEN_NS: Final = int(SESSION.open_at)
CLOSE_NS: Final = int(SESSION.close_at)
SECONDS: Final = (CLOSE_NS - OPEN_NS) // SECOND
CHILDREN: Final = SECONDS + 64  # a parent sends at most one a second

CODES: Final = {
    NEWS: INCIDENT_NEWS,
    FLASH: INCIDENT_FLASH,
    OUTAGE: INCIDENT_OUTAGE,
    CROSSED: INCIDENT_CROSSED,
    HALT: INCIDENT_HALT,
    STUCK_DARK: INCIDENT_STUCK_DARK,
}

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
    """Say which part of a scenario a simulated path does not have."""
    for incident in scenario.incidents:
        if incident.kind == FEED_GAP:
            raise Refused(
                f"{scenario.name}: a feed gap changes what is published and not the market: "
                "it can be asked of the exchange process only"
            )


def incident_row(incident: Incident) -> NDArray[np.void]:
    """INCIDENT record, shape (1,)."""
    row = np.zeros(1, INCIDENT)
    row["kind"] = CODES[incident.kind]
    row["venue"] = PLACES.get(incident.venue, 0)
    row["from_ns"] = OPEN_NS + incident.at_ns
    row["to_ns"] = OPEN_NS + incident.at_ns + incident.seconds * SECOND
    row["size"] = incident.size
    return row


def open_path(scenario: Scenario, index: int, seed: int) -> Day:
    """The exogenous layer of a path, shared by all of its twins."""
    flow = flow_of(scenario, scenario.regime(index))
    if scenario.begin_ns:
        return late_day(seed, flow, OPEN_NS, CLOSE_NS, int(scenario.begin_ns))
    return new_day(seed, flow, OPEN_NS, CLOSE_NS)


def fresh_run(scenario: Scenario, day: Day, children: int = CHILDREN) -> Env:
    """A run of a path before the open; all runs of a path begin with the same bits."""
    env = new_env(day, 0, LATENCY_NS, max_own=children)
    for incident in scenario.incidents:
        if not add_incident(env, incident_row(incident)[0]):
            raise Refused(f"{scenario.name}: a day holds fewer incidents than these")
    return env


def collar_ticks(scenario: Scenario) -> int:
    """How far a child may cross, as the desk has it. [tick]"""
    return max(1, int(scenario.preset.instrument.reference_price * COLLAR_BPS / 1e4))


@functools.cache
def fees() -> NDArray[np.float64]:
    """Fee of a fill by (venue, liquidity flag), negative = rebate. [currency / share]"""
    table = np.zeros((VENUES, 3))
    for place, venue in enumerate(SIMULATED):
        table[place, PASSIVE], table[place, AGGRESSIVE] = venue.make_fee, venue.take_fee
    table.flags.writeable = False  # everybody gets the same one
    return table


def allowed_places(scenario: Scenario) -> int:
    """Bits of the venues that children may go to."""
    names = scenario.venues or tuple(PLACES)
    return sum(1 << PLACES[name] for name in names)


def venue_classes() -> dict[str, tuple[int, ...]]:
    """Places of the venues of each class."""
    names = {LIT: "lit", DARK: "dark", DEALER: "dealer"}
    return {
        name: tuple(place for place, venue in enumerate(SIMULATED) if venue.kind == kind)
        for kind, name in names.items()
    }
