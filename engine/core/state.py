"""All that the desk knows. Rebuilt by folding the journal; written by ``evolve`` alone.

Elements are frozen values; the tables are plain dicts that ``evolve`` changes in place, because
one owner thread holds the only reference (docs/decisions/0005). Iteration order is insertion
order, so a replay sees the same order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from engine.core.limitbook import LimitBook
from engine.domain.child_events import ChildIntended
from engine.domain.commands import AnyCommand
from engine.domain.governance import Alert, Change, Kill, ModelInForce, Note, ParameterVersion
from engine.domain.incidents import Incident
from engine.domain.instrument import Instrument, Session
from engine.domain.life import Heard
from engine.domain.orders import Child, Parent, VenueUse
from engine.domain.people import Person
from engine.domain.playbook import Drilled, SectionVersion
from engine.domain.policy import Policy
from engine.domain.rollout import Rollout
from engine.domain.safety import Condition, Difference, Hold, ModeSetting, Trip
from engine.domain.units import ChildId, Nanos, ParentId, PersonId, Symbol
from engine.domain.venue import Venue

NONE: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class State:
    """The desk between two turns."""

    seq: int = 0
    turn: int = 0
    epoch: int = 0
    code: str = ""
    mode: str = "SIM"
    market_ns: Nanos = Nanos(0)
    desk_ns: Nanos = Nanos(0)
    speed: float = 1.0

    session: Session | None = None
    is_open: bool = False
    source: str = ""
    seed: int = 0
    instruments: dict[Symbol, Instrument] = field(default_factory=dict)
    venues: tuple[Venue, ...] = ()  # of the day, as the exchange says; index = place in records
    lost: frozenset[str] = frozenset()  # names of venues that are down

    trouble: dict[tuple[str, str], Nanos] = field(default_factory=dict)  # kind, object: since
    incidents: dict[int, Incident] = field(default_factory=dict)  # drills of today

    people: dict[PersonId, Person] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    limits: LimitBook = field(default_factory=LimitBook)
    parameters: dict[str, ParameterVersion] = field(default_factory=dict)
    models: dict[str, ModelInForce] = field(default_factory=dict)
    trusted: dict[str, tuple[str, ...]] = field(default_factory=dict)  # models once in force
    judged: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by the card of each version
    lapsed: dict[str, tuple[str, ...]] = field(default_factory=dict)  # why each was demoted
    rollouts: dict[str, Rollout] = field(default_factory=dict)  # the candidate of each strategy

    parents: dict[ParentId, Parent] = field(default_factory=dict)
    children: dict[ChildId, Child] = field(default_factory=dict)  # live
    ended: dict[ChildId, Child] = field(default_factory=dict)  # terminal, today
    live: dict[ParentId, tuple[ChildId, ...]] = field(default_factory=dict)
    strays: dict[ChildId, tuple[Heard, ...]] = field(default_factory=dict)  # parked reports
    own_volume: dict[Symbol, int] = field(default_factory=dict)
    use: dict[tuple[ParentId, int], VenueUse] = field(default_factory=dict)  # parent, place
    venue_use: dict[int, VenueUse] = field(default_factory=dict)  # place, today

    kills: dict[int, Kill] = field(default_factory=dict)
    changes: dict[int, Change] = field(default_factory=dict)
    alerts: dict[int, Alert] = field(default_factory=dict)
    comments: dict[ChildId, tuple[Note, ...]] = field(default_factory=dict)  # on decisions, today
    reports: dict[str, str] = field(default_factory=dict)  # day -> hash of its TCA report
    signed: dict[str, tuple[str, PersonId]] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)  # id -> "" or the refusal
    asked: dict[str, tuple[PersonId, AnyCommand]] = field(default_factory=dict)  # by command id
    difference: str = ""  # hash of an unaccepted reconciliation difference
    difference_grows: bool = False  # then two people must accept it
    difference_asked: PersonId = PersonId("")  # who accepted it first
    differences: dict[Symbol, Difference] = field(default_factory=dict)  # not accepted, by symbol
    accepted: dict[Symbol, str] = field(default_factory=dict)  # digest that people accepted
    trading: ModeSetting = field(default_factory=ModeSetting)  # as people set it
    conditions: dict[tuple[str, str], Condition] = field(default_factory=dict)  # kind, object
    holds: dict[int, Hold] = field(default_factory=dict)
    trips: dict[tuple[str, str, str], Trip] = field(default_factory=dict)  # kind, scope, target
    playbook: dict[str, tuple[SectionVersion, ...]] = field(default_factory=dict)  # edits only
    drilled: dict[str, Drilled] = field(default_factory=dict)  # by kind of incident
    kill_generation: int = 0

    next_parent: int = 1
    next_child: int = 1  # counter inside the epoch
    next_kill: int = 1
    next_change: int = 1
    next_alert: int = 1
    next_hold: int = 1

    def child(self, child_id: ChildId) -> Child | None:
        return self.children.get(child_id) or self.ended.get(child_id)

    def live_children(self, parent_id: ParentId) -> tuple[Child, ...]:
        """Live children of a parent, oldest first."""
        return tuple(self.children[child_id] for child_id in self.live.get(parent_id, ()))

    def reserved(self, parent_id: ParentId) -> int:
        """Shares that live children may still use: UNKNOWN ones and wanted replaces too. [share]"""
        return sum(child.reserve for child in self.live_children(parent_id))

    def parameter_values(
        self, parent: Parent, candidate: Mapping[str, float] = NONE
    ) -> dict[str, float]:
        """Values for this parent: the version in force, a candidate's changes, own overrides."""
        version = self.parameters.get(parent.strategy)
        values = dict(version.values) if version is not None else {}
        values.update(candidate)
        values.update(parent.overrides)
        return values

    def venue_name(self, place: int) -> str:
        """Name of a venue by its place, "" for a place that the day does not have."""
        return self.venues[place].name if 0 <= place < len(self.venues) else ""

    def place_of(self, name: str) -> int:
        """Place of a venue by its name, -1 when the day has none of it."""
        return next((i for i, venue in enumerate(self.venues) if venue.name == name), -1)

    def value_of(self, order: ChildIntended) -> float:
        """Price times quantity. [currency]"""
        return order.quantity * order.price * self.instruments[order.symbol].tick_size

    def model_id(self, strategy: str) -> str:
        """The model that decides for a strategy, "" = none or demoted."""
        found = self.models.get(strategy)
        return "" if found is None or found.demoted else found.model_id

    def model_of(self, parent: Parent) -> str:
        """The model that decides for this parent, "" = none."""
        return "" if parent.model_off else self.model_id(parent.strategy)

    def against(self, model_id: str | None) -> tuple[str, ...]:
        """What the desk's own validation and its own watch hold against a version; () = nothing."""
        name = model_id or ""
        return self.judged.get(name, ()) + self.lapsed.get(name, ())

    def models_wanted(self) -> frozenset[str]:
        """Models that decide or may: in force, demoted or candidates."""
        known = {row.model_id for row in self.models.values()}
        return frozenset(known | {row.model_id or "" for row in self.rollouts.values()}) - {""}

    def active_kills(self) -> tuple[Kill, ...]:
        return tuple([kill for kill in self.kills.values() if kill.is_active])
