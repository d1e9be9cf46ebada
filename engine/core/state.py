"""All that the desk knows. Rebuilt by folding the journal; written by ``evolve`` alone.

Elements are frozen values; the tables are plain dicts that ``evolve`` changes in place, because
one owner thread holds the only reference (docs/decisions/0005). Iteration order is insertion
order, so a replay sees the same order.
"""

from dataclasses import dataclass, field

from engine.domain.commands import AnyCommand
from engine.domain.governance import Alert, Change, Kill, ModelInForce, ParameterVersion
from engine.domain.instrument import Instrument, Session
from engine.domain.orders import Child, Parent
from engine.domain.people import Person
from engine.domain.policy import Policy
from engine.domain.units import ChildId, Nanos, ParentId, PersonId, Symbol


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

    people: dict[PersonId, Person] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    parameters: dict[str, ParameterVersion] = field(default_factory=dict)
    models: dict[str, ModelInForce] = field(default_factory=dict)

    parents: dict[ParentId, Parent] = field(default_factory=dict)
    children: dict[ChildId, Child] = field(default_factory=dict)  # live
    ended: dict[ChildId, Child] = field(default_factory=dict)  # terminal, today
    live: dict[ParentId, tuple[ChildId, ...]] = field(default_factory=dict)
    sent: dict[Symbol, tuple[Nanos, ...]] = field(default_factory=dict)  # new orders in the window
    own_volume: dict[Symbol, int] = field(default_factory=dict)

    kills: dict[int, Kill] = field(default_factory=dict)
    changes: dict[int, Change] = field(default_factory=dict)
    alerts: dict[int, Alert] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)  # day -> hash of its TCA report
    signed: dict[str, tuple[str, PersonId]] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)  # id -> "" or the refusal
    asked: dict[str, tuple[PersonId, AnyCommand]] = field(default_factory=dict)  # by command id
    difference: str = ""  # hash of an unaccepted reconciliation difference
    kill_generation: int = 0

    next_parent: int = 1
    next_child: int = 1  # counter inside the epoch
    next_kill: int = 1
    next_change: int = 1
    next_alert: int = 1

    def child(self, child_id: ChildId) -> Child | None:
        return self.children.get(child_id) or self.ended.get(child_id)

    def live_children(self, parent_id: ParentId) -> tuple[Child, ...]:
        """Live children of a parent, oldest first."""
        return tuple(self.children[child_id] for child_id in self.live.get(parent_id, ()))

    def reserved(self, parent_id: ParentId) -> int:
        """Shares that may still trade through live children, UNKNOWN included. [share]"""
        return sum(child.leaves for child in self.live_children(parent_id))

    def parameter_values(self, parent: Parent) -> dict[str, float]:
        """Values in force for this parent: the strategy's version, then its own overrides."""
        version = self.parameters.get(parent.strategy)
        values = dict(version.values) if version is not None else {}
        values.update(parent.overrides)
        return values

    def active_kills(self) -> tuple[Kill, ...]:
        return tuple(kill for kill in self.kills.values() if kill.is_active)
