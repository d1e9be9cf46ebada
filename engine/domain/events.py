"""What happened. Past tense; frozen, numbered and stored before it is believed.

An event is named after what is true when it is written: ``ChildIntended`` is in the journal
before the message is on the wire. Those of children are in ``child_events``.
"""

import msgspec

from engine.domain.child_events import CancelIntended as CancelIntended
from engine.domain.child_events import CancelRejected as CancelRejected
from engine.domain.child_events import ChildAccepted as ChildAccepted
from engine.domain.child_events import ChildAdopted as ChildAdopted
from engine.domain.child_events import ChildCancelled as ChildCancelled
from engine.domain.child_events import ChildDoneForDay as ChildDoneForDay
from engine.domain.child_events import ChildExpired as ChildExpired
from engine.domain.child_events import ChildFilled as ChildFilled
from engine.domain.child_events import ChildIntended as ChildIntended
from engine.domain.child_events import ChildNeverArrived as ChildNeverArrived
from engine.domain.child_events import ChildPending as ChildPending
from engine.domain.child_events import ChildRejected as ChildRejected
from engine.domain.child_events import ChildReplaced as ChildReplaced
from engine.domain.child_events import ChildReplaceIntended as ChildReplaceIntended
from engine.domain.child_events import ChildRestated as ChildRestated
from engine.domain.child_events import ChildSendRefused as ChildSendRefused
from engine.domain.child_events import ChildStatusTold as ChildStatusTold
from engine.domain.child_events import ChildStopped as ChildStopped
from engine.domain.child_events import ChildUnknown as ChildUnknown
from engine.domain.child_events import FillBusted as FillBusted
from engine.domain.child_events import FillCorrected as FillCorrected
from engine.domain.child_events import ReplaceNeverArrived as ReplaceNeverArrived
from engine.domain.child_events import ReplaceRejected as ReplaceRejected
from engine.domain.child_events import StrayReport as StrayReport
from engine.domain.commands import Envelope
from engine.domain.event import Event as Event
from engine.domain.governance import Alert, Change, Evidence, Kill, ModelInForce, ParameterVersion
from engine.domain.instrument import Instrument, Session
from engine.domain.limit_events import *  # noqa: F403 - they are events like those below
from engine.domain.limit_events import LimitEvent
from engine.domain.limits import LimitsCarried
from engine.domain.orders import CatchUp, HoldChildren, Parent
from engine.domain.people import Person
from engine.domain.playbook import Drilled, SectionVersion
from engine.domain.policy import Policy
from engine.domain.rollout import CanaryLimits, Rollout, Stage
from engine.domain.rollout_events import *  # noqa: F403 - they are events like those below
from engine.domain.rollout_events import RolloutEvent
from engine.domain.safety import Condition, Hold, ModeSetting
from engine.domain.safety_events import *  # noqa: F403 - they are events like those below
from engine.domain.safety_events import SafetyEvent
from engine.domain.units import ChildId, Nanos, ParentId, PersonId, Shares, Ticks
from engine.domain.venue import Venue


# --- the desk -------------------------------------------------------------------------------
class EngineStarted(Event, frozen=True, kw_only=True):
    """A new epoch. ``code`` is the hash of what trades: domain, core, kernels, runtime."""

    epoch: int
    code: str
    mode: str = "SIM"


class DeskCarried(Event, frozen=True, kw_only=True):
    """First entry of a new segment: all that outlives a day, so that a fold may start here."""

    epoch: int
    code: str
    mode: str
    session: Session | None
    speed: float
    seed: int
    people: tuple[Person, ...]
    policy: Policy
    parameters: tuple[ParameterVersion, ...]
    models: tuple[ModelInForce, ...]
    kills: tuple[Kill, ...]
    changes: tuple[Change, ...]
    alerts: tuple[Alert, ...]
    reports: dict[str, str]
    signed: dict[str, tuple[str, PersonId]]
    next_ids: tuple[int, int, int, int, int]  # parent, child, kill, change, alert
    kill_generation: int
    limits: LimitsCarried = LimitsCarried()
    trading: ModeSetting = ModeSetting()
    conditions: tuple[Condition, ...] = ()
    holds: tuple[Hold, ...] = ()
    next_hold: int = 1
    playbook: tuple[SectionVersion, ...] = ()
    drilled: tuple[Drilled, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
    trusted: tuple[tuple[str, tuple[str, ...]], ...] = ()  # models that were in force, by strategy
    judged: tuple[tuple[str, tuple[str, ...]], ...] = ()  # what their cards say against versions
    lapsed: tuple[tuple[str, tuple[str, ...]], ...] = ()  # why versions were demoted


class PeopleSet(Event, frozen=True, kw_only=True):
    people: tuple[Person, ...]


class PolicySet(Event, frozen=True, kw_only=True):
    policy: Policy


class ParametersSet(Event, frozen=True, kw_only=True):
    """These values are in force for the strategy from the next decision on."""

    strategy: str
    version: int
    values: dict[str, float]
    change_id: int = 0
    by: PersonId = PersonId("")


class ModelSet(Event, frozen=True, kw_only=True):
    """The model in force for the strategy from the next decision on; "" = none."""

    strategy: str
    model_id: str
    change_id: int = 0
    card: str = ""
    by: PersonId = PersonId("")


class SessionOpened(Event, frozen=True, kw_only=True):
    session: Session
    instruments: tuple[Instrument, ...]
    source: str
    seed: int


class SessionClosed(Event, frozen=True, kw_only=True):
    day: str


class VenuesSeen(Event, frozen=True, kw_only=True):
    """Where children may go today, as the exchange says at the log-on. Place = index in records."""

    venues: tuple[Venue, ...]


class VenueLost(Event, frozen=True, kw_only=True):
    """A venue is down while the market trades: nothing new goes there."""

    venue: str


class VenueBack(Event, frozen=True, kw_only=True):
    venue: str


class TroubleSeen(Event, frozen=True, kw_only=True):
    """Something is wrong with the market, seen from its data alone; its alert follows."""

    kind: str  # crossed, feed, halt, move, stuck, pending
    object: str  # a venue, a symbol, an order, or "all"
    since: Nanos  # market time of the cause, as far as it can be known


class TroubleOver(Event, frozen=True, kw_only=True):
    kind: str
    object: str


class SpeedSet(Event, frozen=True, kw_only=True):
    speed: float


# --- drills ---------------------------------------------------------------------------------
class IncidentAsked(Event, frozen=True, kw_only=True):
    """A person wants something to happen to the simulated market; the exchange is asked next."""

    incident_id: int
    kind: str
    venue: str
    symbol: str
    seconds: float
    size: int
    by: PersonId
    reason: str
    child: int = 0
    trainee: PersonId = PersonId("")


class IncidentStarted(Event, frozen=True, kw_only=True):
    """The exchange has begun it; both instants are market time."""

    incident_id: int
    started_at: Nanos
    ends_at: Nanos


class IncidentNotStarted(Event, frozen=True, kw_only=True):
    """The exchange says no, or (``is_unknown``) nothing at all: then it may have begun."""

    incident_id: int
    sentence: str
    is_unknown: bool = False


# --- inputs ---------------------------------------------------------------------------------
class CommandTaken(Event, frozen=True, kw_only=True):
    """A command came in; what it did follows in the same turn."""

    envelope: Envelope


class CommandRefused(Event, frozen=True, kw_only=True):
    id: str
    sentence: str
    field: str = ""
    rule: str = ""


# --- parents --------------------------------------------------------------------------------
class ParentAccepted(Event, frozen=True, kw_only=True):
    """The whole parent as it starts its life: WORKING or NEEDS_APPROVAL."""

    parent: Parent


class ParentApproved(Event, frozen=True, kw_only=True):
    parent_id: ParentId
    by: PersonId
    arrival_price: float
    arrival_volume: Shares
    arrival_notional: int
    end_at: Nanos


class ParentTurnedDown(Event, frozen=True, kw_only=True):
    parent_id: ParentId
    by: PersonId
    reason: str


class ParentAmended(Event, frozen=True, kw_only=True):
    """``wanted`` : where the quantity goes as the venue takes children down; 0 = it is there."""

    parent_id: ParentId
    quantity: Shares
    limit_price: Ticks | None
    end_at: Nanos
    base_volume: Shares  # market volume since acceptance: the schedule restarts here
    by: PersonId
    wanted: Shares = Shares(0)


class ParentTrimmed(Event, frozen=True, kw_only=True):
    """An amendment follows what the venue has answered; ``wanted`` 0 = it has come to its end."""

    parent_id: ParentId
    quantity: Shares
    wanted: Shares = Shares(0)


class ParentReentered(Event, frozen=True, kw_only=True):
    """What was left of an order that has ended is worked by another one, which names it too."""

    parent_id: ParentId  # the one that has ended
    by: PersonId
    linked: ParentId
    quantity: Shares


class ParentVenuesSet(Event, frozen=True, kw_only=True):
    """The venues that the parent must not use, all of them."""

    parent_id: ParentId
    excluded: tuple[str, ...]
    by: PersonId


class ParameterMoved(Event, frozen=True, kw_only=True):
    parent_id: ParentId
    name: str
    value: float
    by: PersonId


class ParentHoldAsked(Event, frozen=True, kw_only=True):
    parent_id: ParentId
    children: HoldChildren
    cause: str
    by: PersonId


class ParentHeld(Event, frozen=True, kw_only=True):
    parent_id: ParentId


class ParentResumed(Event, frozen=True, kw_only=True):
    parent_id: ParentId
    catch_up: CatchUp
    end_at: Nanos
    quantity: Shares
    base_volume: Shares
    by: PersonId


class ParentPassiveOnly(Event, frozen=True, kw_only=True):
    """From here on it rests and never crosses."""

    parent_id: ParentId
    cause: str


class ParentEnded(Event, frozen=True, kw_only=True):
    """COMPLETED, EXPIRED or KILLED, with the market at that instant."""

    parent_id: ParentId
    state: str
    end_price: float | None
    end_volume: Shares
    end_notional: int


# --- four eyes ------------------------------------------------------------------------------
class ChangeProposed(Event, frozen=True, kw_only=True):
    change_id: int
    strategy: str
    values: dict[str, float]
    model_id: str | None
    content_hash: str
    by: PersonId
    reason: str
    expires_at: Nanos  # desk clock
    material: bool
    stage: Stage | None = None  # None = in force at once
    canary: CanaryLimits | None = None


class ChangeEdited(Event, frozen=True, kw_only=True):
    """New content: whatever was decided on the old content is void."""

    change_id: int
    values: dict[str, float]
    model_id: str | None
    content_hash: str
    by: PersonId
    reason: str
    material: bool
    stage: Stage | None = None
    canary: CanaryLimits | None = None


class EvidenceAttached(Event, frozen=True, kw_only=True):
    """What the change would have cost on simulated paths stands beside it."""

    change_id: int
    content_hash: str
    evidence: Evidence


class ChangeCommented(Event, frozen=True, kw_only=True):
    change_id: int
    text: str
    by: PersonId


class ChangeWithdrawn(Event, frozen=True, kw_only=True):
    change_id: int
    by: PersonId


class ChangeApproved(Event, frozen=True, kw_only=True):
    change_id: int
    content_hash: str
    by: PersonId
    reason: str


class ChangeRefused(Event, frozen=True, kw_only=True):
    change_id: int
    content_hash: str
    by: PersonId
    reason: str


class ChangeExpired(Event, frozen=True, kw_only=True):
    change_id: int


# --- oversight ------------------------------------------------------------------------------
class AlertRaised(Event, frozen=True, kw_only=True):
    alert_id: int
    severity: str  # info, warn, critical
    kind: str
    object: str
    sentence: str
    event_at: Nanos = Nanos(0)  # market time of the cause; 0 = that of the entry


class AlertAcknowledged(Event, frozen=True, kw_only=True):
    alert_id: int
    by: PersonId


class AlertShown(Event, frozen=True, kw_only=True):
    """The first browser has it on its screen; the time of the entry is that of its word."""

    alert_id: int
    by: PersonId


class AlertAssigned(Event, frozen=True, kw_only=True):
    alert_id: int
    to: PersonId
    by: PersonId


class AlertAnnotated(Event, frozen=True, kw_only=True):
    alert_id: int
    text: str
    by: PersonId


class DecisionCommented(Event, frozen=True, kw_only=True):
    """Somebody said something about the decision that sent a child."""

    parent_id: ParentId
    child_id: ChildId
    decision_seq: int  # entry with the decision record
    text: str
    by: PersonId


class AlertEscalated(Event, frozen=True, kw_only=True):
    """A critical one that nobody has acknowledged in time: the desk is unattended."""

    alert_id: int
    after_s: float  # desk clock


class AlertResolved(Event, frozen=True, kw_only=True):
    alert_id: int
    cause: str
    reason: str
    by: PersonId


class StepTicked(Event, frozen=True, kw_only=True):
    """A step of the playbook was done about an exception."""

    alert_id: int
    section: str
    version: int
    step: int
    text: str
    by: PersonId


class PlaybookEdited(Event, frozen=True, kw_only=True):
    """The text of a section from here on; earlier ones stay readable."""

    section: str
    version: int
    body: str
    by: PersonId
    reason: str


# --- after the close ------------------------------------------------------------------------
class TcaReported(Event, frozen=True, kw_only=True):
    day: str
    report_hash: str
    parents: int
    shortfall_bps: float | None


class TcaAnnotated(Event, frozen=True, kw_only=True):
    day: str
    parent_id: ParentId
    text: str
    by: PersonId


class DaySigned(Event, frozen=True, kw_only=True):
    day: str
    report_hash: str
    by: PersonId


AnyEvent = (
    EngineStarted
    | DeskCarried
    | PeopleSet
    | PolicySet
    | ParametersSet
    | ModelSet
    | SessionOpened
    | SessionClosed
    | VenuesSeen
    | VenueLost
    | VenueBack
    | TroubleSeen
    | TroubleOver
    | SpeedSet
    | IncidentAsked
    | IncidentStarted
    | IncidentNotStarted
    | CommandTaken
    | CommandRefused
    | ParentAccepted
    | ParentApproved
    | ParentTurnedDown
    | ParentAmended
    | ParentTrimmed
    | ParentReentered
    | ParentVenuesSet
    | ParameterMoved
    | ParentHoldAsked
    | ParentHeld
    | ParentResumed
    | ParentPassiveOnly
    | ParentEnded
    | ChildIntended
    | ChildSendRefused
    | CancelIntended
    | ChildAccepted
    | ChildFilled
    | ChildCancelled
    | ChildRejected
    | CancelRejected
    | ChildExpired
    | ChildReplaceIntended
    | ChildPending
    | ChildReplaced
    | ReplaceRejected
    | ReplaceNeverArrived
    | ChildRestated
    | ChildDoneForDay
    | ChildStopped
    | ChildStatusTold
    | FillBusted
    | FillCorrected
    | ChildUnknown
    | ChildNeverArrived
    | StrayReport
    | ChildAdopted
    | ChangeProposed
    | ChangeEdited
    | EvidenceAttached
    | ChangeCommented
    | ChangeWithdrawn
    | ChangeApproved
    | ChangeRefused
    | ChangeExpired
    | LimitEvent
    | AlertRaised
    | AlertAcknowledged
    | AlertShown
    | AlertAssigned
    | AlertAnnotated
    | DecisionCommented
    | AlertEscalated
    | AlertResolved
    | StepTicked
    | PlaybookEdited
    | TcaReported
    | TcaAnnotated
    | DaySigned
    | SafetyEvent
    | RolloutEvent
)


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the journal: an event with its place in order and both clocks."""

    seq: int
    turn: int
    market_ns: Nanos
    desk_ns: Nanos
    event: AnyEvent
    still: bool = False  # first of a turn for which the market did not move: its second is decided
