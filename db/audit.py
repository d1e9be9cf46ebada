"""An entry in words: who, what about, one sentence. The journal itself keeps everything."""

from typing import Any, Final

import msgspec

from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import AnyCommand
from engine.domain.events import AnyEvent
from engine.domain.limits import key_text
from engine.domain.units import child_text, parent_text

SENTENCES: Final[dict[type[Any], str]] = {
    e.EngineStarted: "engine start {epoch}, mode {mode}, code {code:.12}",
    e.DeskCarried: "the desk is carried into a new segment",
    e.PeopleSet: "people set",
    e.PolicySet: "policy set",
    e.ParametersSet: "{strategy} version {version} in force: {values}",
    e.ModelSet: "{strategy} uses model {model_id:.12}",
    e.ModelJudged: "held against model {model_id:.15}: {against}",
    e.ModelDemoted: "{strategy} works without model {model_id:.12}: it {cause}",
    e.RolloutStaged: "{strategy} {stage} by R-{change_id}: {values}, model {model_id}, {limits}",
    e.RolloutDemoted: "the canary of {strategy} is shadow again: {cause}",
    e.RolloutEnded: "the candidate of {strategy} is gone: {outcome}",
    e.ShadowDecided: "beside, R-{rollout}: {quantity:,} at {price} ticks, the same: {same}",
    e.ShadowCompared: "{strategy} beside: {same:,} of {compared:,} decisions the same",
    e.SessionOpened: "session opened on {source}",
    e.SessionClosed: "session {day} closed",
    e.VenueLost: "{venue} is silent: nothing new goes there",
    e.VenueBack: "{venue} answers again",
    e.TroubleSeen: "{kind}: {object}",
    e.TroubleOver: "{kind} is over: {object}",
    e.IncidentAsked: "drill {kind} {venue}{symbol} for {seconds:g} s, size {size}: {reason}",
    e.IncidentStarted: "the exchange has begun it",
    e.IncidentNotStarted: "not begun: {sentence}",
    e.SpeedSet: "speed {speed:g}x",
    e.CommandRefused: "refused: {sentence}",
    e.ParentApproved: "approved, arrival {arrival_price:g} ticks",
    e.ParentTurnedDown: "turned down: {reason}",
    e.ParentAmended: "amended to {quantity:,} shares, limit {limit_price}",
    e.ParentTrimmed: "the amendment follows the venue: {quantity:,} shares",
    e.ParentReentered: "what was left is worked by P-{linked}: {quantity:,} shares",
    e.ParentVenuesSet: "venues it must not use: {excluded}",
    e.ParameterMoved: "{name} = {value:g}",
    e.ParentHoldAsked: "hold asked ({cause}), children: {children}",
    e.ParentHeld: "held",
    e.ParentResumed: "resumed, catch-up {catch_up}, {quantity:,} shares",
    e.ParentModelSet: "uses model {model_id:.12}: {use} ({cause})",
    e.ParentPassiveOnly: "passive only: {cause}",
    e.ParentEnded: "{state}",
    e.ChildSendRefused: "stopped by our gate, {rule}: {sentence}",
    e.CancelIntended: "cancel intended by {by}",
    e.ChildAccepted: "accepted by the venue",
    e.ChildCancelled: "cancelled, reason {reason}",
    e.ChildRejected: "rejected, reason {reason}",
    e.CancelRejected: "cancel rejected, reason {reason}",
    e.ChildExpired: "expired at the close",
    e.ChildReplaceIntended: "replace to {quantity:,} at {price} ticks intended by {by}",
    e.ChildPending: "the venue has request {request} and has not decided",
    e.ChildReplaced: "replaced: {quantity:,} at {price} ticks, reason {reason}",
    e.ReplaceRejected: "replace rejected, reason {reason}",
    e.ReplaceNeverArrived: "request {request} never arrived at the venue",
    e.ChildRestated: "changed by the venue: {quantity:,} at {price} ticks",
    e.ChildDoneForDay: "done for the day, {leaves:,} shares work again tomorrow",
    e.ChildStopped: "the venue guarantees a price",
    e.ChildStatusTold: "the venue knows it",
    e.FillBusted: "fill {ref} busted",
    e.FillCorrected: "fill {ref} corrected to {quantity:,} at {price} ticks",
    e.ChildAdopted: "adopted: {quantity:,} {symbol} at {price} ticks, known to the venue only",
    e.ChildUnknown: "unknown: asked for, never resent",
    e.ChildNeverArrived: "never arrived at the venue",
    e.StrayReport: "a report for an order we do not know: {quantity:,} at {price} ticks",
    e.KillCancelSent: "{cancels} cancels written to the venue",
    e.KillRepeated: "{cancels} cancels sent again, attempt {attempt}",
    e.KillConfirmed: "every child confirmed by the venue",
    e.KillReasonGiven: "reason: {reason}",
    e.KillReleaseAsked: "release asked: {reason}",
    e.KillReleased: "released: {reason}",
    e.ChangeProposed: "{strategy} {values} model {model_id} {stage}: {reason}",
    e.ChangeEdited: "edited to {values}, earlier decisions are void",
    e.EvidenceAttached: "evidence {evidence.question} of {evidence.n} paths, "
    "content {content_hash:.8}",
    e.ChangeCommented: "comment: {text}",
    e.ChangeWithdrawn: "withdrawn",
    e.ChangeApproved: "content {content_hash:.8} approved: {reason}",
    e.ChangeRefused: "content {content_hash:.8} refused: {reason}",
    e.ChangeExpired: "expired without a decision",
    e.LimitProposed: "{terms.kind} {terms.level} {terms.subject} to {terms.value}: {reason}",
    e.LimitEdited: "edited to {terms.value}, earlier decisions are void",
    e.LimitCommented: "comment: {text}",
    e.LimitWithdrawn: "withdrawn",
    e.LimitApproved: "content {content_hash:.8} approved: {reason}",
    e.LimitRefused: "content {content_hash:.8} refused: {reason}",
    e.LimitExpired: "expired without a decision",
    e.LimitSet: "version {limit.version} in force: {limit.value:g}",
    e.LimitUsed: "{kind} {level} {subject} used {used:g} of {limit:g}",
    e.StrategyTripped: "{strategy} disabled: its order was repeated {count} times",
    e.StrategyEnabled: "{strategy} enabled again: {reason}",
    e.OverrideAsked: "override asked: {override.sentence}: {override.reason}",
    e.OverrideConfirmed: "order {content_hash:.8} may pass, granted {granted}: {reason}",
    e.OverrideRefused: "override refused: {reason}",
    e.OverrideUsed: "override spent",
    e.OverrideExpired: "override expired",
    e.AlertRaised: "{severity} {kind}: {sentence}",
    e.AlertAcknowledged: "acknowledged",
    e.AlertShown: "first on a screen",
    e.AlertAssigned: "assigned to {to}",
    e.AlertAnnotated: "note: {text}",
    e.DecisionCommented: "comment on the decision of entry {decision_seq}: {text}",
    e.AlertEscalated: "UNATTENDED: not acknowledged for {after_s:.0f} s",
    e.AlertResolved: "closed, {cause}: {reason}",
    e.StepTicked: "{section} {version}, step {step} done: {text}",
    e.PlaybookEdited: "playbook {section} version {version}: {reason}",
    e.Reconciled: "books compared, {open_children} open children, difference: {difference:.8}",
    e.BooksCompared: "books compared ({checks}), {children} children",
    e.ReconciliationAcceptAsked: "difference {difference:.8} accepted by the first: {reason}",
    e.ModeSet: "mode {mode}: {reason}",
    e.ModeAsked: "mode {mode} asked for: {reason}",
    e.ConditionBegan: "{sentence}",
    e.ConditionOver: "{kind} is over",
    e.HoldReleased: "hold ends: {reason}",
    e.ReconciliationAccepted: "difference {difference:.8} accepted: {reason}",
    e.TcaReported: "report {report_hash:.8} of {parents} parents",
    e.TcaAnnotated: "note: {text}",
    e.DaySigned: "report {report_hash:.8} signed off",
}


def text_of(event: AnyEvent) -> str:
    """One sentence."""
    match event:
        case e.CommandTaken(envelope=envelope):
            reason = f": {envelope.reason}" if envelope.reason else ""
            return f"{type(envelope.command).__name__} by {envelope.person}{reason}"
        case e.ParentAccepted(parent=parent):
            side = "buy" if parent.side > 0 else "sell"
            return f"{side} {parent.quantity:,} {parent.symbol} {parent.strategy}, {parent.state}"
        case e.ChildIntended():
            side = "buy" if event.side > 0 else "sell"
            return f"{side} {event.quantity:,} {event.symbol} at {event.price} ticks"
        case e.VenuesSeen(venues=venues):
            return f"venues of the day: {', '.join(venue.name for venue in venues)}"
        case e.ChildFilled(quantity=quantity, price=price, sub=sub):
            return f"filled {quantity:,} at {price + sub / 100:g} ticks"
        case _:
            return _of_safety(event) or _plain(event)


def _of_safety(event: AnyEvent) -> str:
    """Kills, holds, trips and books in words; "" = none of them."""
    match event:
        case e.KillBlocked():
            return (
                f"kill {event.scope} {event.target} by {event.door}: "
                f"{len(event.parents)} parents, {len(event.children)} children"
            )
        case e.ScopeHeld(hold=hold):
            scope = f"{hold.scope} {hold.target}".rstrip()
            return f"{scope} held, {len(hold.parents)} parents: {hold.reason}"
        case e.TripFired(trip=trip):
            return f"kill of {trip.scope} {trip.target}: {trip.sentence}"
        case e.BooksCompared(found=found) if found:
            return "books differ: " + "; ".join(row.sentences[0] for row in found)
        case _:
            return ""


def _plain(event: AnyEvent) -> str:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return SENTENCES[type(event)].format_map(fields)


def person_of(event: AnyEvent) -> str:
    """The person whose act it was; "" when it was nobody's."""
    if isinstance(event, e.CommandTaken):
        return event.envelope.person
    if isinstance(event, e.CancelIntended):
        return ""  # by a plan, a hold or a kill, which has its own entry
    if isinstance(event, e.ScopeHeld):
        return event.hold.by
    return str(getattr(event, "by", ""))


def object_of(event: AnyEvent) -> str:
    """What the entry is about, as screens name it."""
    match event:
        case e.CommandTaken(envelope=envelope):
            return object_of_command(envelope.command)
        case e.ParentAccepted(parent=parent):
            return parent_text(parent.id)
        case (
            e.AlertRaised(object=about) | e.TroubleSeen(object=about) | e.TroubleOver(object=about)
        ):
            return about
        case e.TcaAnnotated(parent_id=parent_id, day=day):
            return parent_text(parent_id) if parent_id else f"TCA {day}"
        case e.TcaReported(day=day) | e.DaySigned(day=day):
            return f"TCA {day}"
        case _:
            return _of_limits(event) or _safety_object(event) or _named(event)


def _of_limits(event: AnyEvent) -> str:
    match event:
        case e.LimitSet(limit=limit):
            return key_text(limit.key)
        case e.LimitUsed():
            return key_text((event.kind, event.level, event.subject))
        case e.OverrideAsked(override=override):
            return f"O-{override.id}"
        case _:
            return ""


def _safety_object(event: AnyEvent) -> str:
    match event:
        case e.ScopeHeld(hold=hold):
            return f"H-{hold.id}"
        case e.TripFired(trip=trip):
            return trip.target
        case e.ConditionBegan(kind=kind) | e.ConditionOver(kind=kind):
            return kind
        case e.ReconciliationAccepted(symbol=s) | e.ReconciliationAcceptAsked(symbol=s):
            return s
        case _:
            return ""


def _named(event: AnyEvent | AnyCommand) -> str:
    child = getattr(event, "child_id", None)
    if child is not None:
        return child_text(child)
    for name, letter in (
        ("parent_id", "P"),
        ("kill_id", "K"),
        ("change_id", "R"),
        ("alert_id", "A"),
        ("limit_change_id", "L"),
        ("override_id", "O"),
        ("incident_id", "I"),
        ("hold_id", "H"),
    ):
        number = getattr(event, name, None)
        if number:
            return f"{letter}-{number}"
    return str(
        getattr(event, "venue", "")
        or getattr(event, "strategy", "")
        or getattr(event, "section", "")
        or getattr(event, "day", "")
    )


def object_of_command(command: AnyCommand) -> str:
    """What a command is aimed at, as screens name it."""
    match command:
        case c.SubmitParent(symbol=symbol):
            return symbol
        case c.AskOverride(order=order):
            return order.symbol
        case c.ProposeLimit(terms=terms):
            return f"{terms.kind} {terms.level} {terms.subject}".rstrip()
        case c.RequestKill(scope=scope, target=target) | c.HoldScope(scope=scope, target=target):
            return f"{scope} {target}".rstrip()
        case c.AnnotateTca(day=day, parent_id=parent_id):
            return parent_text(parent_id) if parent_id else f"TCA {day}"
        case c.SignDay(day=day) | c.ReportTca(day=day):
            return f"TCA {day}"
        case _:
            return _named(command)


def dump(value: object) -> str:
    """Canonical JSON of a small value, for a text column."""
    return msgspec.json.encode(value, order="deterministic").decode()
