"""Kills, change requests, alerts, reconciliation, sign-off."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.core.folds.steps import find_parent, step_parent
from engine.core.state import State
from engine.domain import events as e
from engine.domain.governance import (
    Alert,
    Change,
    ChangeState,
    Kill,
    KillState,
    Note,
)
from engine.domain.orders import (
    ParentState,
)
from engine.domain.playbook import SectionVersion, StepTick
from engine.domain.units import Nanos, PersonId


def kill_blocked(state: State, event: e.KillBlocked) -> None:
    state.kills[event.kill_id] = Kill(
        id=event.kill_id,
        generation=event.generation,
        scope=event.scope,
        target=event.target,
        by=event.by,
        door=event.door,
        state=KillState.BLOCKED,
        requested_at=event.requested_at,
        blocked_at=state.desk_ns,
        parents=event.parents,
        children=event.children,
    )
    state.next_kill = event.kill_id + 1
    state.kill_generation = max(state.kill_generation, event.generation)
    for parent_id in event.parents:
        parent = find_parent(state, parent_id)
        if parent.is_live and parent.state != ParentState.KILLING:
            step_parent(state, parent, ParentState.KILLING, kill_id=event.kill_id)


def _set_kill(desk: State, kill_id: int, /, **changes: Any) -> None:
    desk.kills[kill_id] = replace(desk.kills[kill_id], **changes)


def kill_cancel_sent(state: State, event: e.KillCancelSent) -> None:
    _set_kill(state, event.kill_id, state=KillState.CANCEL_SENT, cancel_sent_at=state.desk_ns)


def kill_repeated(state: State, event: e.KillRepeated) -> None:
    _set_kill(state, event.kill_id, repeats=event.attempt, repeated_at=state.desk_ns)


def kill_confirmed(state: State, event: e.KillConfirmed) -> None:
    _set_kill(state, event.kill_id, state=KillState.CONFIRMED, confirmed_at=state.desk_ns)


def kill_reason_given(state: State, event: e.KillReasonGiven) -> None:
    _set_kill(state, event.kill_id, reason=event.reason)


def kill_release_asked(state: State, event: e.KillReleaseAsked) -> None:
    _set_kill(state, event.kill_id, release_by=event.by)


def kill_released(state: State, event: e.KillReleased) -> None:
    _set_kill(
        state,
        event.kill_id,
        state=KillState.RELEASED,
        released_by=event.by,
        released_at=state.desk_ns,
        release_reason=event.reason,
    )


def _base_version(state: State, strategy: str) -> int:
    version = state.parameters.get(strategy)
    return version.version if version is not None else 0


def change_proposed(state: State, event: e.ChangeProposed) -> None:
    state.changes[event.change_id] = Change(
        id=event.change_id,
        strategy=event.strategy,
        values=dict(event.values),
        model_id=event.model_id,
        base_version=_base_version(state, event.strategy),
        content_hash=event.content_hash,
        authors=(event.by,),
        reason=event.reason,
        state=ChangeState.OPEN,
        proposed_at=state.desk_ns,
        expires_at=event.expires_at,
        material=event.material,
        stage=event.stage,
        canary=event.canary,
    )
    state.next_change = event.change_id + 1


def change_edited(state: State, event: e.ChangeEdited) -> None:
    change = state.changes[event.change_id]
    authors = change.authors if event.by in change.authors else (*change.authors, event.by)
    state.changes[event.change_id] = replace(
        change,
        values=dict(event.values),
        model_id=event.model_id,
        base_version=_base_version(state, change.strategy),
        content_hash=event.content_hash,
        authors=authors,
        reason=event.reason or change.reason,
        material=event.material,
        edits=change.edits + 1,
        stage=event.stage,
        canary=event.canary,
        evidence=None,  # it was about other content
    )


def evidence_attached(state: State, event: e.EvidenceAttached) -> None:
    found = replace(event.evidence, attached_at=state.desk_ns)
    state.changes[event.change_id] = replace(state.changes[event.change_id], evidence=found)


def change_commented(state: State, event: e.ChangeCommented) -> None:
    change = state.changes[event.change_id]
    note = Note(by=event.by, at=state.desk_ns, text=event.text)
    state.changes[event.change_id] = replace(change, comments=(*change.comments, note))


def decision_commented(state: State, event: e.DecisionCommented) -> None:
    note = Note(by=event.by, at=state.desk_ns, text=event.text)
    state.comments[event.child_id] = (*state.comments.get(event.child_id, ()), note)


def _in_force(state: State, change: Change) -> dict[str, float]:
    """What the request would replace, or replaces: an approval is folded before its values."""
    now = state.parameters[change.strategy].values
    return {name: now[name] for name in change.values if name in now}


def decided(
    to: ChangeState,
) -> Callable[[State, e.ChangeApproved | e.ChangeRefused], None]:
    def handler(state: State, event: e.ChangeApproved | e.ChangeRefused) -> None:
        change = state.changes[event.change_id]
        state.changes[event.change_id] = replace(
            change,
            state=to,
            replaced=_in_force(state, change),
            decided_by=event.by,
            decided_at=state.desk_ns,
            decision_reason=event.reason,
        )

    return handler


def change_withdrawn(state: State, event: e.ChangeWithdrawn) -> None:
    change = state.changes[event.change_id]
    state.changes[event.change_id] = replace(
        change, state=ChangeState.WITHDRAWN, decided_by=event.by, decided_at=state.desk_ns,
        replaced=_in_force(state, change),
    )  # fmt: skip


def change_expired(state: State, event: e.ChangeExpired) -> None:
    change = state.changes[event.change_id]
    state.changes[event.change_id] = replace(
        change, state=ChangeState.EXPIRED, decided_at=state.desk_ns,
        replaced=_in_force(state, change),
    )  # fmt: skip


def alert_raised(state: State, event: e.AlertRaised) -> None:
    known = state.alerts.get(event.alert_id)
    if known is not None:
        again = known.severity == "critical"  # somebody must see it again
        state.alerts[event.alert_id] = replace(
            known,
            times=known.times + 1,
            acknowledged_by=PersonId("") if again else known.acknowledged_by,
            acknowledged_at=Nanos(0) if again else known.acknowledged_at,
            escalated_at=Nanos(0) if again and known.acknowledged_by else known.escalated_at,
            sentence=event.sentence,
            raised_at=state.desk_ns,
            event_at=event.event_at or state.market_ns,
            seen_at=state.market_ns,
        )
        return
    state.alerts[event.alert_id] = Alert(
        id=event.alert_id,
        severity=event.severity,
        kind=event.kind,
        object=event.object,
        sentence=event.sentence,
        raised_at=state.desk_ns,
        event_at=event.event_at or state.market_ns,
        seen_at=state.market_ns,
        first_at=state.desk_ns,
        delay_ns=state.market_ns - (event.event_at or state.market_ns),
    )
    state.next_alert = event.alert_id + 1


def alert_acknowledged(state: State, event: e.AlertAcknowledged) -> None:
    state.alerts[event.alert_id] = replace(
        state.alerts[event.alert_id], acknowledged_by=event.by, acknowledged_at=state.desk_ns
    )


def alert_shown(state: State, event: e.AlertShown) -> None:
    state.alerts[event.alert_id] = replace(
        state.alerts[event.alert_id], shown_by=event.by, shown_at=state.desk_ns
    )


def alert_assigned(state: State, event: e.AlertAssigned) -> None:
    state.alerts[event.alert_id] = replace(state.alerts[event.alert_id], assigned_to=event.to)


def alert_annotated(state: State, event: e.AlertAnnotated) -> None:
    alert = state.alerts[event.alert_id]
    note = Note(by=event.by, at=state.desk_ns, text=event.text)
    state.alerts[event.alert_id] = replace(alert, notes=(*alert.notes, note))


def alert_escalated(state: State, event: e.AlertEscalated) -> None:
    state.alerts[event.alert_id] = replace(state.alerts[event.alert_id], escalated_at=state.desk_ns)


def alert_resolved(state: State, event: e.AlertResolved) -> None:
    state.alerts[event.alert_id] = replace(
        state.alerts[event.alert_id],
        resolved_by=event.by,
        resolved_at=state.desk_ns,
        cause=event.cause,
        resolution=event.reason,
    )


def step_ticked(state: State, event: e.StepTicked) -> None:
    alert = state.alerts[event.alert_id]
    tick = StepTick(
        section=event.section, version=event.version, step=event.step, text=event.text,
        by=event.by, at=state.desk_ns,
    )  # fmt: skip
    state.alerts[event.alert_id] = replace(alert, ticks=(*alert.ticks, tick))


def playbook_edited(state: State, event: e.PlaybookEdited) -> None:
    text = SectionVersion(
        section=event.section, version=event.version, body=event.body, by=event.by,
        at=state.desk_ns, reason=event.reason,
    )  # fmt: skip
    state.playbook[event.section] = (*state.playbook.get(event.section, ()), text)


def tca_reported(state: State, event: e.TcaReported) -> None:
    state.reports[event.day] = event.report_hash


def tca_annotated(state: State, event: e.TcaAnnotated) -> None:
    """Notes live in the journal and the read tables; no rule looks at them."""
    del state, event


def day_signed(state: State, event: e.DaySigned) -> None:
    state.signed[event.day] = (event.report_hash, event.by)
