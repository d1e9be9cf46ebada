"""What people decide about: kills, change requests, alerts, versions in force."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from engine.domain.playbook import StepTick
from engine.domain.rollout import CanaryLimits, Stage
from engine.domain.units import ChildId, Nanos, ParentId, PersonId


class KillState(StrEnum):
    """How far a kill has come, by evidence."""

    BLOCKED = "BLOCKED"  # the owner thread saw the flag; no new child passes
    CANCEL_SENT = "CANCEL_SENT"
    CONFIRMED = "CONFIRMED"  # every child in scope is terminal by venue evidence
    RELEASED = "RELEASED"


KILL_SCOPES: Final = (
    "child", "parent", "trader", "symbol", "strategy", "venue", "desk", "client", "model", "all",
)  # fmt: skip
DRILL_SCOPE: Final = "drill"  # the self-test: covers nothing, bars its own probe only
# what a person must reach beyond the own orders before such a scope is open to them: it bars
# others, whether or not they have an order in it now
WIDE_SCOPES: Final = ("venue", "desk", "client", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill with its receipts. Times are on the desk clock."""

    id: int
    generation: int
    scope: str
    target: str
    by: str
    door: str
    state: KillState
    requested_at: Nanos
    blocked_at: Nanos
    cancel_sent_at: Nanos = Nanos(0)
    confirmed_at: Nanos = Nanos(0)
    released_at: Nanos = Nanos(0)
    parents: tuple[ParentId, ...] = ()
    children: tuple[ChildId, ...] = ()
    reason: str = ""
    release_by: PersonId = PersonId("")  # who asked for the release
    repeats: int = 0  # how often the cancels were sent again
    repeated_at: Nanos = Nanos(0)
    released_by: PersonId = PersonId("")
    release_reason: str = ""

    @property
    def is_active(self) -> bool:
        return self.state != KillState.RELEASED


class ChangeState(StrEnum):
    """The life of a change request."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"  # and applied, in the same turn
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one reference order costs with one set of values, over all paths."""

    cost_bps: float  # mean against the path without the order, positive = cost
    low_bps: float | None  # 95 % interval of the mean
    high_bps: float | None
    worst_bps: float | None  # shortfall that one path in twenty exceeds
    participation: float | None  # of the market's volume
    unfinished: int  # paths on which it was not done


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A change on matched paths: the same simulated market with the values in force and without.

    ``gain`` is in force minus proposed on the same paths, positive = the proposal is cheaper.
    """

    symbol: str
    side: int
    quantity: int
    minutes: float
    n: int  # paths
    seed: int
    before: Side
    after: Side
    gain_bps: float | None  # None = the dearer one leaves shares over on some path
    gain_low_bps: float | None
    gain_high_bps: float | None
    question: str  # hash of everything that decides the answer
    market: str  # hash of the simulated market
    asked_at: Nanos  # market instant that it begins at
    attached_at: Nanos = Nanos(0)  # desk clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What somebody wrote beside an exception, a request or a decision. Time on the desk clock."""

    by: PersonId
    at: Nanos
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A proposal and everybody who touched its content. Times are on the desk clock."""

    id: int
    strategy: str
    values: dict[str, float]
    model_id: str | None
    base_version: int  # version in force when the content was written
    content_hash: str
    authors: tuple[PersonId, ...]
    reason: str
    state: ChangeState
    proposed_at: Nanos
    expires_at: Nanos
    material: bool
    edits: int = 0
    decided_by: PersonId = PersonId("")
    decided_at: Nanos = Nanos(0)
    decision_reason: str = ""
    replaced: dict[str, float] = field(default_factory=dict)  # in force when it was decided
    evidence: Evidence | None = None  # of exactly this content
    comments: tuple[Note, ...] = ()  # of both sides, oldest first; an edit keeps them
    stage: Stage | None = None  # None = in force at once
    canary: CanaryLimits | None = None


def content_hash(
    strategy: str,
    values: dict[str, float],
    model_id: str | None,
    base: int,
    stage: Stage | None = None,
    canary: CanaryLimits | None = None,
) -> str:
    """SHA-256 over exactly what an approval approves. Any other content has another hash."""
    body: list[object] = [strategy, sorted(values.items()), model_id, base]
    if stage is not None:
        body += [stage, canary]
    return hashlib.sha256(msgspec.json.encode(body)).hexdigest()


class AlertCause(StrEnum):
    """Why an exception is closed; the reason in words stands beside it."""

    FIXED = "fixed"
    PASSED = "passed"  # it went away by itself
    EXPECTED = "expected"  # a drill, or known beforehand
    FALSE = "false_alarm"
    ACCEPTED = "accepted"  # it stays as it is, and somebody answers for that


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An exception: something a person must see and close. Times are on the desk clock.

    Equal ones (kind and object) are counted up until it is resolved.
    """

    id: int
    severity: str
    kind: str
    object: str
    sentence: str
    raised_at: Nanos
    acknowledged_by: PersonId = PersonId("")
    acknowledged_at: Nanos = Nanos(0)
    times: int = 1
    event_at: Nanos = Nanos(0)  # cause, newest time [market clock]
    seen_at: Nanos = Nanos(0)  # when the desk saw it [market clock]
    first_at: Nanos = Nanos(0)  # ``raised_at`` of the first time
    delay_ns: int = 0  # from the cause to the alert, the first time [market clock]
    shown_at: Nanos = Nanos(0)  # the first browser had it on its screen
    shown_by: PersonId = PersonId("")
    assigned_to: PersonId = PersonId("")
    escalated_at: Nanos = Nanos(0)  # nobody had acknowledged it in time
    resolved_by: PersonId = PersonId("")
    resolved_at: Nanos = Nanos(0)
    cause: str = ""  # one of AlertCause
    resolution: str = ""  # the reason in words
    notes: tuple[Note, ...] = ()
    ticks: tuple[StepTick, ...] = ()  # steps of the playbook that somebody has done

    @property
    def is_closed(self) -> bool:
        """Resolved; what only informs is closed by the acknowledgement."""
        return bool(self.resolved_by) or (self.severity == "info" and bool(self.acknowledged_by))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterVersion:
    """The parameter values in force for a strategy."""

    strategy: str
    version: int
    values: dict[str, float]
    change_id: int = 0
    by: PersonId = PersonId("")
    since: Nanos = Nanos(0)  # desk clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInForce:
    """The model a strategy uses; "" = none."""

    strategy: str
    model_id: str
    change_id: int = 0
    card: str = ""
    by: PersonId = PersonId("")
    since: Nanos = Nanos(0)
    demoted: str = ""  # why it decides no more, "" = it may
