"""Fold an event into the state. No rules here: what is written has happened.

A step that a NEXT table lacks is a ``BrokenInvariant``: the journal or the code is wrong.
"""

from collections.abc import Callable
from typing import Any, Final

from engine.core.folds import children, desk, governance, limits, parents, rollout, safety
from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant
from engine.domain.events import AnyEvent, Entry
from engine.domain.governance import ChangeState


def evolve(state: State, entry: Entry) -> State:
    """Fold one entry; returns the same state, changed."""
    if entry.seq != state.seq + 1:
        raise BrokenInvariant(f"entry {entry.seq} does not follow {state.seq}")
    state.seq = entry.seq
    state.turn = entry.turn
    state.market_ns = entry.market_ns
    state.desk_ns = entry.desk_ns
    handler = HANDLERS.get(type(entry.event))
    if handler is None:
        raise BrokenInvariant(f"entry {entry.seq}: no rule for {type(entry.event).__name__}")
    child_id = getattr(entry.event, "child_id", None)
    if child_id is None:
        handler(state, entry.event)
        return state
    before = limits.weight(state, child_id)
    handler(state, entry.event)
    limits.reweigh(state, child_id, before)
    return state


HANDLERS: Final[dict[type[AnyEvent], Callable[[State, Any], None]]] = {
    e.EngineStarted: desk.engine_started,
    e.DeskCarried: desk.desk_carried,
    e.PeopleSet: desk.people_set,
    e.PolicySet: desk.policy_set,
    e.ParametersSet: desk.parameters_set,
    e.ModelSet: desk.model_set,
    e.ModelJudged: desk.model_judged,
    e.ModelDemoted: desk.model_demoted,
    e.SessionOpened: desk.session_opened,
    e.SessionClosed: desk.session_closed,
    e.VenuesSeen: desk.venues_seen,
    e.VenueLost: desk.venue_lost,
    e.VenueBack: desk.venue_back,
    e.TroubleSeen: desk.trouble_seen,
    e.TroubleOver: desk.trouble_over,
    e.IncidentAsked: desk.incident_asked,
    e.IncidentStarted: desk.incident_started,
    e.IncidentNotStarted: desk.incident_not_started,
    e.SpeedSet: desk.speed_set,
    e.CommandTaken: desk.command_taken,
    e.CommandRefused: desk.command_refused,
    e.ParentAccepted: parents.parent_accepted,
    e.ParentApproved: parents.parent_approved,
    e.ParentTurnedDown: parents.parent_turned_down,
    e.ParentAmended: parents.parent_amended,
    e.ParentTrimmed: parents.parent_trimmed,
    e.ParentReentered: parents.parent_reentered,
    e.ParentVenuesSet: parents.parent_venues_set,
    e.ParameterMoved: parents.parameter_moved,
    e.ParentHoldAsked: parents.parent_hold_asked,
    e.ParentHeld: parents.parent_held,
    e.ParentResumed: parents.parent_resumed,
    e.ParentModelSet: parents.parent_model_set,
    e.ParentPassiveOnly: parents.parent_passive_only,
    e.ParentEnded: parents.parent_ended,
    e.ChildIntended: children.child_intended,
    e.ChildSendRefused: children.child_send_refused,
    e.CancelIntended: children.cancel_intended,
    e.ChildAccepted: children.reported,
    e.ChildFilled: children.reported,
    e.ChildCancelled: children.reported,
    e.ChildRejected: children.reported,
    e.CancelRejected: children.reported,
    e.ChildExpired: children.reported,
    e.ChildReplaceIntended: children.replace_intended,
    e.ChildPending: children.reported,
    e.ChildReplaced: children.reported,
    e.ReplaceRejected: children.reported,
    e.ReplaceNeverArrived: children.replace_never_arrived,
    e.ChildRestated: children.reported,
    e.ChildDoneForDay: children.reported,
    e.ChildStopped: children.reported,
    e.ChildStatusTold: children.reported,
    e.FillBusted: children.reported,
    e.FillCorrected: children.reported,
    e.ChildUnknown: children.child_unknown,
    e.ChildNeverArrived: children.child_never_arrived,
    e.StrayReport: children.stray_report,
    e.ChildAdopted: children.child_adopted,
    e.KillBlocked: governance.kill_blocked,
    e.KillCancelSent: governance.kill_cancel_sent,
    e.KillRepeated: governance.kill_repeated,
    e.KillConfirmed: governance.kill_confirmed,
    e.KillReasonGiven: governance.kill_reason_given,
    e.KillReleaseAsked: governance.kill_release_asked,
    e.KillReleased: governance.kill_released,
    e.ChangeProposed: governance.change_proposed,
    e.ChangeEdited: governance.change_edited,
    e.EvidenceAttached: governance.evidence_attached,
    e.ChangeCommented: governance.change_commented,
    e.DecisionCommented: governance.decision_commented,
    e.ChangeWithdrawn: governance.change_withdrawn,
    e.ChangeApproved: governance.decided(ChangeState.APPROVED),
    e.ChangeRefused: governance.decided(ChangeState.REFUSED),
    e.ChangeExpired: governance.change_expired,
    e.LimitProposed: limits.limit_proposed,
    e.LimitEdited: limits.limit_edited,
    e.LimitCommented: limits.limit_commented,
    e.LimitWithdrawn: limits.limit_withdrawn,
    e.LimitApproved: limits.limit_approved,
    e.LimitRefused: limits.limit_refused,
    e.LimitExpired: limits.limit_expired,
    e.LimitSet: limits.limit_set,
    e.LimitUsed: limits.limit_used,
    e.StrategyTripped: limits.strategy_tripped,
    e.StrategyEnabled: limits.strategy_enabled,
    e.OverrideAsked: limits.override_asked,
    e.OverrideConfirmed: limits.override_confirmed,
    e.OverrideRefused: limits.override_refused,
    e.OverrideUsed: limits.override_used,
    e.OverrideExpired: limits.override_expired,
    e.AlertRaised: governance.alert_raised,
    e.AlertAcknowledged: governance.alert_acknowledged,
    e.AlertShown: governance.alert_shown,
    e.AlertAssigned: governance.alert_assigned,
    e.AlertAnnotated: governance.alert_annotated,
    e.AlertEscalated: governance.alert_escalated,
    e.AlertResolved: governance.alert_resolved,
    e.StepTicked: governance.step_ticked,
    e.PlaybookEdited: governance.playbook_edited,
    e.Reconciled: safety.reconciled,
    e.BooksCompared: safety.books_compared,
    e.ReconciliationAcceptAsked: safety.accept_asked,
    e.ReconciliationAccepted: safety.reconciliation_accepted,
    e.ModeSet: safety.mode_set,
    e.ModeAsked: safety.mode_asked,
    e.ConditionBegan: safety.condition_began,
    e.ConditionOver: safety.condition_over,
    e.ScopeHeld: safety.scope_held,
    e.HoldReleased: safety.hold_released,
    e.TripFired: safety.trip_fired,
    e.RolloutStaged: rollout.staged,
    e.RolloutDemoted: rollout.demoted,
    e.RolloutEnded: rollout.ended,
    e.ShadowDecided: rollout.shadow_decided,
    e.ShadowCompared: rollout.compared,
    e.TcaReported: governance.tca_reported,
    e.TcaAnnotated: governance.tca_annotated,
    e.DaySigned: governance.day_signed,
}
