"""What may be asked of the engine. Imperative names; one Struct a verb, frozen and tagged.

Nothing is checked when a Struct is built in code; ``core.decide`` checks everything again.
Optional fields that are None mean "leave as it is".
"""

import msgspec

from engine.domain.governance import AlertCause, Evidence
from engine.domain.instrument import Instrument, Session
from engine.domain.limits import Terms
from engine.domain.orders import AtEnd, CatchUp, HoldChildren, Objective, OnModelLoss, OnRestart
from engine.domain.people import Person
from engine.domain.policy import Policy
from engine.domain.rollout import CanaryLimits, Stage
from engine.domain.safety import ResumeWhen, TradingMode
from engine.domain.units import Nanos, ParentId, PersonId, Shares, Symbol, Ticks


class Command(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag=True,
    tag_field="verb",
    forbid_unknown_fields=True,
):
    """Base of all commands; the tag is the class name."""


class SubmitParent(Command, frozen=True, kw_only=True):
    """Work a parent order."""

    symbol: Symbol
    side: int
    quantity: Shares
    strategy: str
    horizon_ns: Nanos  # duration from acceptance; cut at the close
    limit_price: Ticks | None = None
    parameters: dict[str, float] = {}
    on_restart: OnRestart = OnRestart.HOLD
    catch_up: CatchUp = CatchUp.SPREAD
    at_end: AtEnd = AtEnd.CLEANUP
    client: str = ""
    note: str = ""
    exclude: tuple[str, ...] = ()  # names of venues that it must not use
    override: int = 0  # the override under which it passes soft limits, 0 = none
    objective: Objective = Objective.UNSAID
    risk_aversion: float = 0.0  # bp of cost that a bp of standard deviation is worth
    on_disconnect: OnRestart | None = None  # None = as on_restart
    reenters: ParentId = ParentId(0)  # an order of today that has ended: work what was left of it
    on_model_loss: OnModelLoss = OnModelLoss.HOLD


class AmendParent(Command, frozen=True, kw_only=True):
    """Change a working parent. Towards less risk at once; towards more through the gate."""

    parent_id: ParentId
    quantity: Shares | None = None
    limit_price: Ticks | None = None
    clear_limit: bool = False
    end_at: Nanos | None = None
    exclude: tuple[str, ...] = ()  # venues to leave, at once
    include: tuple[str, ...] = ()  # venues to use again


class MoveParameter(Command, frozen=True, kw_only=True):
    """Set one parameter of one parent inside its approved band."""

    parent_id: ParentId
    name: str
    value: float


class CommentDecision(Command, frozen=True, kw_only=True):
    """Say something about one decision of an order: that which sent the child."""

    parent_id: ParentId
    child: str  # C-3-17
    text: str


class ApproveParent(Command, frozen=True, kw_only=True):
    """A second person lets a parent above the personal size limit work, or refuses it."""

    parent_id: ParentId
    approve: bool


class HoldParent(Command, frozen=True, kw_only=True):
    """Stop sending for this parent; live children are cancelled or left, as said."""

    parent_id: ParentId
    children: HoldChildren = HoldChildren.CANCEL
    cause: str = "person"


class ResumeParent(Command, frozen=True, kw_only=True):
    """Go on after a hold; ``catch_up`` overrides the choice made at entry."""

    parent_id: ParentId
    catch_up: CatchUp | None = None


class UseModel(Command, frozen=True, kw_only=True):
    """Let one parent use its strategy's model again, or work it by the base schedule from now."""

    parent_id: ParentId
    use: bool


class HoldScope(Command, frozen=True, kw_only=True):
    """Hold everything in a scope, and let nothing new enter it."""

    scope: str  # as for a kill, without child, venue and model
    target: str = ""
    children: HoldChildren = HoldChildren.CANCEL
    seconds: float | None = None  # of market time; None = until somebody ends it
    when: ResumeWhen | None = None  # or this ends it, whichever comes first
    level: float = 0.0  # of ``when``: [bp] or [currency]
    symbol: Symbol = Symbol("")  # whose market ``when`` looks at; "" = the target of a symbol scope


class ReleaseHold(Command, frozen=True, kw_only=True):
    """End a hold by scope; its parents go on with the catch-up chosen at their entry."""

    hold_id: int


class SetMode(Command, frozen=True, kw_only=True):
    """Allow less, at once: REDUCING or HALTED."""

    mode: TradingMode


class RelaxMode(Command, frozen=True, kw_only=True):
    """Ask for, or as a different person grant, that more is allowed again."""

    mode: TradingMode


class RequestKill(Command, frozen=True, kw_only=True):
    """Kill everything in a scope. The flag file is written first; this is its record and reason."""

    scope: str  # one of KILL_SCOPES
    target: str = ""


class ReleaseKill(Command, frozen=True, kw_only=True):
    """Ask for, or as a different person grant, the release of a kill."""

    kill_id: int


class ProposeChange(Command, frozen=True, kw_only=True):
    """Propose new parameter values (or a model version) for a strategy."""

    strategy: str
    values: dict[str, float] = {}
    model_id: str | None = None
    stage: Stage | None = None  # None = in force at once
    canary: CanaryLimits | None = None  # of the stage canary, all four


class EditChange(Command, frozen=True, kw_only=True):
    """Edit an open proposal. Any approval or content hash given before is void."""

    change_id: int
    values: dict[str, float] = {}
    model_id: str | None = None
    stage: Stage | None = None  # None = as it is
    canary: CanaryLimits | None = None


class WithdrawChange(Command, frozen=True, kw_only=True):
    """Take an own proposal back."""

    change_id: int


class StopRollout(Command, frozen=True, kw_only=True):
    """The candidate of a strategy decides no more, neither beside nor within limits."""

    strategy: str


class CommentChange(Command, frozen=True, kw_only=True):
    """Say something beside an open request; its content stays as it is."""

    change_id: int
    text: str


class DecideChange(Command, frozen=True, kw_only=True):
    """Approve or refuse exactly the content of ``content_hash``."""

    change_id: int
    content_hash: str
    approve: bool


class AttachEvidence(Command, frozen=True, kw_only=True):
    """The desk's own simulation of exactly the content of ``content_hash``."""

    change_id: int
    content_hash: str
    evidence: Evidence


class ProposeLimit(Command, frozen=True, kw_only=True):
    """Change one limit: tightening takes effect at once, all else waits for a second person."""

    terms: Terms


class EditLimit(Command, frozen=True, kw_only=True):
    """New content of an open limit change; what was said about the old one is void."""

    limit_change_id: int
    terms: Terms


class WithdrawLimit(Command, frozen=True, kw_only=True):
    """Take an own limit change back."""

    limit_change_id: int


class CommentLimit(Command, frozen=True, kw_only=True):
    """Say something beside an open limit change; its content stays as it is."""

    limit_change_id: int
    text: str


class DecideLimit(Command, frozen=True, kw_only=True):
    """Approve or refuse exactly the content of ``content_hash``."""

    limit_change_id: int
    content_hash: str
    approve: bool


class EnableStrategy(Command, frozen=True, kw_only=True):
    """Let a strategy trade again that the repeated-execution throttle has disabled."""

    strategy: str


class AskOverride(Command, frozen=True, kw_only=True):
    """Ask that one own order may pass the soft limits that it breaks."""

    order: SubmitParent


class ConfirmOverride(Command, frozen=True, kw_only=True):
    """One of the two people: let exactly the order of ``content_hash`` pass, or refuse it."""

    override_id: int
    content_hash: str
    approve: bool


class AcknowledgeAlert(Command, frozen=True, kw_only=True):
    """A named person has seen it."""

    alert_id: int


class ShowAlerts(Command, frozen=True, kw_only=True):
    """A browser says that these stand on its screen now; the first one counts."""

    alert_ids: tuple[int, ...]


class AssignAlert(Command, frozen=True, kw_only=True):
    """Somebody takes an exception, or is given it; ``to`` "" = whoever asks."""

    alert_id: int
    to: PersonId = PersonId("")


class AnnotateAlert(Command, frozen=True, kw_only=True):
    """A note beside an exception."""

    alert_id: int
    text: str


class ResolveAlert(Command, frozen=True, kw_only=True):
    """Close an exception whose cause is over. Needs a reason."""

    alert_id: int
    cause: AlertCause


class TickStep(Command, frozen=True, kw_only=True):
    """A step of the playbook is done, about this exception."""

    alert_id: int
    section: str
    version: int  # that the person read
    step: int  # 0 = the first


class EditPlaybook(Command, frozen=True, kw_only=True):
    """A new text of one section of the playbook. Needs a reason."""

    section: str
    version: int  # that the person edited
    body: str


class AcceptReconciliation(Command, frozen=True, kw_only=True):
    """Accept the shown difference between our books and the venue's."""

    difference: str  # hash of the difference shown
    symbol: Symbol = Symbol("")  # "" = that of the whole desk, found at a log-on


class SetSpeed(Command, frozen=True, kw_only=True):
    """Speed of the simulated market, 1 to 600 times; 0 pauses it."""

    speed: float


class StartIncident(Command, frozen=True, kw_only=True):
    """Let something happen to the simulated market now: a drill. Needs a reason."""

    kind: str  # one of INCIDENT_KINDS
    seconds: float
    venue: str = ""  # name; only for kinds that are of a venue
    symbol: Symbol = Symbol("")  # "" = all
    size: int = 0  # flash, news: by how much the price jumps [tick]; of an order [share]
    child: str = ""  # C-3-17, of what befalls an order; "" = the newest that fits
    trainee: PersonId = PersonId("")  # whose acts the debrief judges, "" = everybody's


class OpenNextDay(Command, frozen=True, kw_only=True):
    """Open the next simulated day after the close."""


class AnnotateTca(Command, frozen=True, kw_only=True):
    """A note on a parent's or (parent 0) the day's TCA."""

    day: str
    parent_id: ParentId = ParentId(0)
    text: str


class SignDay(Command, frozen=True, kw_only=True):
    """Sign off a day's TCA report, by its hash."""

    day: str
    report_hash: str


class ReportTca(Command, frozen=True, kw_only=True):
    """The worker has built a day's TCA report."""

    day: str
    report_hash: str
    parents: int
    shortfall_bps: float | None


class SetPeople(Command, frozen=True, kw_only=True):
    """Who there is and what they are; replaces the table."""

    people: tuple[Person, ...]


class SetPolicy(Command, frozen=True, kw_only=True):
    """The limits in force."""

    policy: Policy


class OpenSession(Command, frozen=True, kw_only=True):
    """Start a trading day."""

    session: Session
    instruments: tuple[Instrument, ...]
    source: str
    seed: int


class InstallModel(Command, frozen=True, kw_only=True):
    """First model of a fresh demo desk; refused once any model was ever approved or installed."""

    strategy: str
    model_id: str
    card: str  # words for people: data, n, AUC


AnyCommand = (
    SubmitParent
    | AmendParent
    | MoveParameter
    | CommentDecision
    | ApproveParent
    | HoldParent
    | ResumeParent
    | UseModel
    | HoldScope
    | ReleaseHold
    | SetMode
    | RelaxMode
    | RequestKill
    | ReleaseKill
    | ProposeChange
    | EditChange
    | WithdrawChange
    | StopRollout
    | CommentChange
    | DecideChange
    | AttachEvidence
    | ProposeLimit
    | EditLimit
    | WithdrawLimit
    | CommentLimit
    | DecideLimit
    | EnableStrategy
    | AskOverride
    | ConfirmOverride
    | AcknowledgeAlert
    | ShowAlerts
    | AssignAlert
    | AnnotateAlert
    | ResolveAlert
    | TickStep
    | EditPlaybook
    | AcceptReconciliation
    | SetSpeed
    | StartIncident
    | OpenNextDay
    | AnnotateTca
    | SignDay
    | ReportTca
    | SetPeople
    | SetPolicy
    | OpenSession
    | InstallModel
)

# the permission each verb needs (domain/people.py); a verb without a row is refused
PERMISSION: dict[str, str] = {
    "SubmitParent": "order.submit",
    "AmendParent": "order.amend",
    "MoveParameter": "parameter.move",
    "CommentDecision": "decision.comment",
    "ApproveParent": "order.approve",
    "HoldParent": "order.hold",
    "ResumeParent": "order.resume",
    "UseModel": "order.resume",
    "HoldScope": "order.hold",
    "ReleaseHold": "hold.release",
    "SetMode": "mode.set",
    "RelaxMode": "mode.set",
    "RequestKill": "order.kill",
    "ReleaseKill": "kill.release",
    "ProposeChange": "change.propose",
    "EditChange": "change.propose",
    "WithdrawChange": "change.propose",
    "StopRollout": "change.propose",
    "CommentChange": "change.comment",
    "DecideChange": "change.decide",
    "AttachEvidence": "evidence.attach",
    "ProposeLimit": "limit.propose",
    "EditLimit": "limit.propose",
    "WithdrawLimit": "limit.propose",
    "CommentLimit": "change.comment",
    "DecideLimit": "limit.decide",
    "EnableStrategy": "strategy.enable",
    "AskOverride": "order.submit",
    "ConfirmOverride": "override.confirm",
    "AcknowledgeAlert": "alert.acknowledge",
    "ShowAlerts": "view.exceptions",
    "AssignAlert": "alert.assign",
    "AnnotateAlert": "alert.note",
    "ResolveAlert": "alert.resolve",
    "TickStep": "playbook.tick",
    "EditPlaybook": "playbook.edit",
    "AcceptReconciliation": "reconciliation.accept",
    "SetSpeed": "market.speed",
    "StartIncident": "drill.incident",
    "OpenNextDay": "market.speed",
    "AnnotateTca": "tca.note",
    "SignDay": "tca.sign",
    "ReportTca": "tca.report",
    "SetPeople": "desk.configure",  # people are managed at the web, which tells the engine
    "SetPolicy": "desk.configure",
    "OpenSession": "desk.configure",
    "InstallModel": "desk.configure",
}

RISK_REDUCING = frozenset(
    {
        "HoldParent",
        "HoldScope",
        "SetMode",
        "RequestKill",
        "WithdrawChange",
        "StopRollout",
        "WithdrawLimit",
        "AcknowledgeAlert",
    }
)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A command on its way: who asks, until when it counts, and against which version.

    ``expires_at`` is on the desk clock and stamped by the gateway. ``expected_version`` is the
    object's count of human-made changes the person saw; None skips the check, and risk-reducing
    commands ignore it.
    """

    id: str
    person: PersonId
    epoch: int  # engine epoch the sender last saw; 0 = any
    expires_at: Nanos
    command: AnyCommand
    expected_version: int | None = None
    reason: str = ""
    door: str = ""  # "web", "cli", "worker": where it came in
