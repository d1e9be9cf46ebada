"""Fold an event into the state. No rules here: what is written has happened.

A step that a NEXT table lacks is a ``BrokenInvariant``: the journal or the code is wrong.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from engine.core.state import State
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant
from engine.domain.events import AnyEvent, Entry
from engine.domain.governance import (
    Alert,
    Change,
    ChangeState,
    Kill,
    KillState,
    ModelInForce,
    ParameterVersion,
)
from engine.domain.kinds import PASSIVE
from engine.domain.orders import (
    CHILD_LIVE,
    CHILD_NEXT,
    PARENT_NEXT,
    Child,
    ChildState,
    HoldChildren,
    Parent,
    ParentState,
)
from engine.domain.units import CHILD_BITS, ChildId, Nanos, ParentId, PersonId, Shares


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
    handler(state, entry.event)
    return state


# --- helpers --------------------------------------------------------------------------------
def _parent(state: State, parent_id: ParentId) -> Parent:
    found = state.parents.get(parent_id)
    if found is None:
        raise BrokenInvariant(f"entry {state.seq}: parent P-{parent_id} does not exist")
    return found


def _child(state: State, child_id: ChildId) -> Child:
    found = state.child(child_id)
    if found is None:
        raise BrokenInvariant(f"entry {state.seq}: child {child_id} does not exist")
    return found


def _step_parent(state: State, parent: Parent, to: ParentState, **changes: Any) -> None:
    if to not in PARENT_NEXT[parent.state]:
        raise BrokenInvariant(f"entry {state.seq}: P-{parent.id} cannot go {parent.state} -> {to}")
    state.parents[parent.id] = replace(parent, state=to, **changes)


def _step_child(state: State, child: Child, to: ChildState, **changes: Any) -> None:
    if to != child.state and to not in CHILD_NEXT[child.state]:
        raise BrokenInvariant(f"entry {state.seq}: C-{child.id} cannot go {child.state} -> {to}")
    moved = replace(child, state=to, **changes)
    if to in CHILD_LIVE:
        state.children[child.id] = moved
        return
    if state.children.pop(child.id, None) is not None:
        left = tuple(i for i in state.live.get(child.parent_id, ()) if i != child.id)
        if left:
            state.live[child.parent_id] = left
        else:
            state.live.pop(child.parent_id, None)
        moved = replace(moved, ended_at=state.market_ns)
    state.ended[child.id] = moved


def _human(parent: Parent, **changes: Any) -> Parent:
    return replace(parent, version=parent.version + 1, **changes)


# --- the desk -------------------------------------------------------------------------------
def engine_started(state: State, event: e.EngineStarted) -> None:
    state.epoch = event.epoch
    state.code = event.code
    state.mode = event.mode
    state.next_child = 1


def desk_carried(state: State, event: e.DeskCarried) -> None:
    """Everything that outlives a day; orders of the day before are gone."""
    state.epoch, state.code, state.mode = event.epoch, event.code, event.mode
    state.session, state.is_open = event.session, False
    state.speed, state.seed = event.speed, event.seed
    state.people = {row.id: row for row in event.people}
    state.policy = event.policy
    state.parameters = {row.strategy: row for row in event.parameters}
    state.models = {row.strategy: row for row in event.models}
    state.kills = {row.id: row for row in event.kills}
    state.changes = {row.id: row for row in event.changes}
    state.alerts = {row.id: row for row in event.alerts}
    state.reports = dict(event.reports)
    state.signed = dict(event.signed)
    (
        state.next_parent,
        state.next_child,
        state.next_kill,
        state.next_change,
        state.next_alert,
    ) = event.next_ids
    state.kill_generation = event.kill_generation
    _clear_day(state)


def _clear_day(state: State) -> None:
    state.parents = {}
    state.children = {}
    state.ended = {}
    state.live = {}
    state.sent = {}
    state.own_volume = {}
    state.commands = {}


def people_set(state: State, event: e.PeopleSet) -> None:
    state.people = {person.id: person for person in event.people}


def policy_set(state: State, event: e.PolicySet) -> None:
    state.policy = event.policy


def parameters_set(state: State, event: e.ParametersSet) -> None:
    state.parameters[event.strategy] = ParameterVersion(
        strategy=event.strategy,
        version=event.version,
        values=dict(event.values),
        change_id=event.change_id,
        by=event.by,
        since=state.desk_ns,
    )


def model_set(state: State, event: e.ModelSet) -> None:
    state.models[event.strategy] = ModelInForce(
        strategy=event.strategy,
        model_id=event.model_id,
        change_id=event.change_id,
        card=event.card,
        by=event.by,
        since=state.desk_ns,
    )


def session_opened(state: State, event: e.SessionOpened) -> None:
    """A new day: yesterday's orders leave the state, ids and governance stay."""
    state.session = event.session
    state.is_open = True
    state.source = event.source
    state.seed = event.seed
    state.instruments = {row.symbol: row for row in event.instruments}
    _clear_day(state)


def session_closed(state: State, event: e.SessionClosed) -> None:
    del event
    state.is_open = False


def speed_set(state: State, event: e.SpeedSet) -> None:
    state.speed = event.speed


def command_taken(state: State, event: e.CommandTaken) -> None:
    state.commands[event.envelope.id] = ""


def command_refused(state: State, event: e.CommandRefused) -> None:
    state.commands[event.id] = event.sentence


# --- parents --------------------------------------------------------------------------------
def parent_accepted(state: State, event: e.ParentAccepted) -> None:
    state.parents[event.parent.id] = event.parent
    state.next_parent = max(state.next_parent, event.parent.id + 1)


def parent_approved(state: State, event: e.ParentApproved) -> None:
    parent = _human(_parent(state, event.parent_id))
    _step_parent(
        state,
        parent,
        ParentState.WORKING,
        accepted_at=state.market_ns,
        start_at=state.market_ns,
        base_at=state.market_ns,
        end_at=event.end_at,
        arrival_price=event.arrival_price,
        arrival_volume=event.arrival_volume,
        arrival_notional=event.arrival_notional,
    )


def parent_turned_down(state: State, event: e.ParentTurnedDown) -> None:
    parent = _human(_parent(state, event.parent_id))
    _step_parent(state, parent, ParentState.REFUSED, ended_at=state.market_ns)


def parent_amended(state: State, event: e.ParentAmended) -> None:
    parent = _parent(state, event.parent_id)
    state.parents[parent.id] = _human(
        parent,
        quantity=event.quantity,
        limit_price=event.limit_price,
        end_at=event.end_at,
        base_at=state.market_ns,
        base_filled=parent.filled,
        base_volume=event.base_volume,
    )


def parameter_moved(state: State, event: e.ParameterMoved) -> None:
    parent = _parent(state, event.parent_id)
    values = {**dict(parent.overrides), event.name: event.value}
    state.parents[parent.id] = _human(parent, overrides=tuple(sorted(values.items())))


def parent_hold_asked(state: State, event: e.ParentHoldAsked) -> None:
    parent = _human(_parent(state, event.parent_id))
    _step_parent(
        state,
        parent,
        ParentState.HOLDING,
        hold_cause=event.cause,
        hold_by=event.by,
        hold_children=event.children,
        held_at=state.market_ns,
    )


def parent_held(state: State, event: e.ParentHeld) -> None:
    _step_parent(state, _parent(state, event.parent_id), ParentState.HELD)


def parent_resumed(state: State, event: e.ParentResumed) -> None:
    parent = _human(_parent(state, event.parent_id))
    _step_parent(
        state,
        parent,
        ParentState.WORKING,
        catch_up=event.catch_up,
        end_at=event.end_at,
        quantity=event.quantity,
        base_at=state.market_ns,
        base_filled=parent.filled,
        base_volume=event.base_volume,
        hold_cause="",
        hold_by=PersonId(""),
        hold_children=HoldChildren.CANCEL,
        held_at=Nanos(0),
    )


def parent_passive_only(state: State, event: e.ParentPassiveOnly) -> None:
    parent = _parent(state, event.parent_id)
    state.parents[parent.id] = replace(parent, passive_only=True)


def parent_ended(state: State, event: e.ParentEnded) -> None:
    _step_parent(
        state,
        _parent(state, event.parent_id),
        ParentState(event.state),
        ended_at=state.market_ns,
        end_price=event.end_price,
        end_volume=event.end_volume,
        end_notional=event.end_notional,
    )


# --- children -------------------------------------------------------------------------------
def child_intended(state: State, event: e.ChildIntended) -> None:
    child = Child(
        id=event.child_id,
        parent_id=event.parent_id,
        symbol=event.symbol,
        side=event.side,
        type=event.type,
        price=event.price,
        quantity=event.quantity,
        state=ChildState.INTENDED,
        sent_at=state.market_ns,
        ttl_ns=event.ttl_ns,
        why=event.why,
        binding=event.binding,
        parameter_version=event.parameter_version,
        model_id=event.model_id,
        decision_seq=state.seq,
    )
    if child.id in state.children or child.id in state.ended:
        raise BrokenInvariant(f"entry {state.seq}: child id {child.id} used twice")
    state.children[child.id] = child
    state.live[child.parent_id] = (*state.live.get(child.parent_id, ()), child.id)
    state.next_child = (child.id & ((1 << CHILD_BITS) - 1)) + 1
    since = state.market_ns - state.policy.message_window_ns
    kept = tuple(at for at in state.sent.get(child.symbol, ()) if at > since)
    state.sent[child.symbol] = (*kept, state.market_ns)


def child_send_refused(state: State, event: e.ChildSendRefused) -> None:
    _step_child(state, _child(state, event.child_id), ChildState.SEND_REFUSED)


def cancel_intended(state: State, event: e.CancelIntended) -> None:
    child = _child(state, event.child_id)
    if child.is_live:
        _step_child(
            state,
            child,
            ChildState.PENDING_CANCEL,
            cancel_asked_at=state.market_ns,
            cancel_by=event.by,
        )


def child_accepted(state: State, event: e.ChildAccepted) -> None:
    child = _child(state, event.child_id)
    to = (
        ChildState.OPEN if child.state in (ChildState.INTENDED, ChildState.UNKNOWN) else child.state
    )
    _step_child(state, child, to, execs=child.execs | {event.exec_id})


def _state_after_fill(child: Child, filled: int) -> ChildState:
    if not child.is_live:
        return child.state
    if filled >= child.quantity:
        return ChildState.FILLED
    if child.state == ChildState.PENDING_CANCEL:
        return ChildState.PENDING_CANCEL
    return ChildState.PARTIAL


def child_filled(state: State, event: e.ChildFilled) -> None:
    """Book a fill on the child and its parent; late and excess fills are facts too."""
    child = _child(state, event.child_id)
    filled = Shares(child.filled + event.quantity)
    _step_child(
        state,
        child,
        _state_after_fill(child, filled),
        filled=filled,
        notional=child.notional + event.price * event.quantity,
        execs=child.execs | {event.exec_id},
    )
    parent = _parent(state, child.parent_id)
    done = Shares(parent.filled + event.quantity)
    passive = event.quantity if event.liquidity == PASSIVE else 0
    state.parents[parent.id] = replace(
        parent,
        filled=done,
        notional=parent.notional + event.price * event.quantity,
        passive_filled=Shares(parent.passive_filled + passive),
        overfilled=Shares(max(done - parent.quantity, 0)),
    )
    state.own_volume[child.symbol] = state.own_volume.get(child.symbol, 0) + event.quantity


def _child_ended(
    to: ChildState,
) -> Callable[[State, e.ChildCancelled | e.ChildRejected], None]:
    def handler(state: State, event: e.ChildCancelled | e.ChildRejected) -> None:
        child = _child(state, event.child_id)
        execs = child.execs | {event.exec_id}
        if child.is_live:
            _step_child(state, child, to, execs=execs, reason=event.reason)
        else:
            state.ended[child.id] = replace(child, execs=execs)

    return handler


def cancel_rejected(state: State, event: e.CancelRejected) -> None:
    child = _child(state, event.child_id)
    execs = child.execs | {event.exec_id}
    if child.state == ChildState.PENDING_CANCEL:
        to = ChildState.PARTIAL if child.filled else ChildState.OPEN
        _step_child(state, child, to, execs=execs, cancel_asked_at=Nanos(0), cancel_by="")
    elif child.is_live:
        _step_child(state, child, child.state, execs=execs)


def child_expired(state: State, event: e.ChildExpired) -> None:
    child = _child(state, event.child_id)
    if child.is_live:
        _step_child(state, child, ChildState.EXPIRED, execs=child.execs | {event.exec_id})


def child_unknown(state: State, event: e.ChildUnknown) -> None:
    _step_child(state, _child(state, event.child_id), ChildState.UNKNOWN)


def child_never_arrived(state: State, event: e.ChildNeverArrived) -> None:
    _step_child(state, _child(state, event.child_id), ChildState.REJECTED)


def stray_report(state: State, event: e.StrayReport) -> None:
    """Nothing to book it on; the alert that goes with it is the record people work from."""
    del state, event


# --- kill -----------------------------------------------------------------------------------
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
        parent = _parent(state, parent_id)
        if parent.is_live and parent.state != ParentState.KILLING:
            _step_parent(state, parent, ParentState.KILLING, kill_id=event.kill_id)


def _set_kill(desk: State, kill_id: int, /, **changes: Any) -> None:
    desk.kills[kill_id] = replace(desk.kills[kill_id], **changes)


def kill_cancel_sent(state: State, event: e.KillCancelSent) -> None:
    _set_kill(state, event.kill_id, state=KillState.CANCEL_SENT, cancel_sent_at=state.desk_ns)


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
    )


# --- four eyes ------------------------------------------------------------------------------
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
    )


def _decided(
    to: ChangeState,
) -> Callable[[State, e.ChangeApproved | e.ChangeRefused], None]:
    def handler(state: State, event: e.ChangeApproved | e.ChangeRefused) -> None:
        state.changes[event.change_id] = replace(
            state.changes[event.change_id],
            state=to,
            decided_by=event.by,
            decided_at=state.desk_ns,
            decision_reason=event.reason,
        )

    return handler


def change_withdrawn(state: State, event: e.ChangeWithdrawn) -> None:
    change = state.changes[event.change_id]
    state.changes[event.change_id] = replace(
        change, state=ChangeState.WITHDRAWN, decided_by=event.by, decided_at=state.desk_ns
    )


def change_expired(state: State, event: e.ChangeExpired) -> None:
    change = state.changes[event.change_id]
    state.changes[event.change_id] = replace(
        change, state=ChangeState.EXPIRED, decided_at=state.desk_ns
    )


# --- oversight ------------------------------------------------------------------------------
def alert_raised(state: State, event: e.AlertRaised) -> None:
    known = state.alerts.get(event.alert_id)
    if known is not None:
        state.alerts[event.alert_id] = replace(
            known, times=known.times + 1, sentence=event.sentence, raised_at=state.desk_ns
        )
        return
    state.alerts[event.alert_id] = Alert(
        id=event.alert_id,
        severity=event.severity,
        kind=event.kind,
        object=event.object,
        sentence=event.sentence,
        raised_at=state.desk_ns,
    )
    state.next_alert = event.alert_id + 1


def alert_acknowledged(state: State, event: e.AlertAcknowledged) -> None:
    state.alerts[event.alert_id] = replace(
        state.alerts[event.alert_id], acknowledged_by=event.by, acknowledged_at=state.desk_ns
    )


def reconciled(state: State, event: e.Reconciled) -> None:
    state.difference = event.difference


def reconciliation_accepted(state: State, event: e.ReconciliationAccepted) -> None:
    del event
    state.difference = ""


# --- after the close ------------------------------------------------------------------------
def tca_reported(state: State, event: e.TcaReported) -> None:
    state.reports[event.day] = event.report_hash


def tca_annotated(state: State, event: e.TcaAnnotated) -> None:
    """Notes live in the journal and the read tables; no rule looks at them."""
    del state, event


def day_signed(state: State, event: e.DaySigned) -> None:
    state.signed[event.day] = (event.report_hash, event.by)


HANDLERS: Final[dict[type[AnyEvent], Callable[[State, Any], None]]] = {
    e.EngineStarted: engine_started,
    e.DeskCarried: desk_carried,
    e.PeopleSet: people_set,
    e.PolicySet: policy_set,
    e.ParametersSet: parameters_set,
    e.ModelSet: model_set,
    e.SessionOpened: session_opened,
    e.SessionClosed: session_closed,
    e.SpeedSet: speed_set,
    e.CommandTaken: command_taken,
    e.CommandRefused: command_refused,
    e.ParentAccepted: parent_accepted,
    e.ParentApproved: parent_approved,
    e.ParentTurnedDown: parent_turned_down,
    e.ParentAmended: parent_amended,
    e.ParameterMoved: parameter_moved,
    e.ParentHoldAsked: parent_hold_asked,
    e.ParentHeld: parent_held,
    e.ParentResumed: parent_resumed,
    e.ParentPassiveOnly: parent_passive_only,
    e.ParentEnded: parent_ended,
    e.ChildIntended: child_intended,
    e.ChildSendRefused: child_send_refused,
    e.CancelIntended: cancel_intended,
    e.ChildAccepted: child_accepted,
    e.ChildFilled: child_filled,
    e.ChildCancelled: _child_ended(ChildState.CANCELLED),
    e.ChildRejected: _child_ended(ChildState.REJECTED),
    e.CancelRejected: cancel_rejected,
    e.ChildExpired: child_expired,
    e.ChildUnknown: child_unknown,
    e.ChildNeverArrived: child_never_arrived,
    e.StrayReport: stray_report,
    e.KillBlocked: kill_blocked,
    e.KillCancelSent: kill_cancel_sent,
    e.KillConfirmed: kill_confirmed,
    e.KillReasonGiven: kill_reason_given,
    e.KillReleaseAsked: kill_release_asked,
    e.KillReleased: kill_released,
    e.ChangeProposed: change_proposed,
    e.ChangeEdited: change_edited,
    e.ChangeWithdrawn: change_withdrawn,
    e.ChangeApproved: _decided(ChangeState.APPROVED),
    e.ChangeRefused: _decided(ChangeState.REFUSED),
    e.ChangeExpired: change_expired,
    e.AlertRaised: alert_raised,
    e.AlertAcknowledged: alert_acknowledged,
    e.Reconciled: reconciled,
    e.ReconciliationAccepted: reconciliation_accepted,
    e.TcaReported: tca_reported,
    e.TcaAnnotated: tca_annotated,
    e.DaySigned: day_signed,
}
