"""Parents."""

from msgspec.structs import replace

from engine.core.folds.limits import parent_entered
from engine.core.folds.steps import by_human, find_parent, step_parent
from engine.core.state import State
from engine.domain import events as e
from engine.domain.orders import (
    HoldChildren,
    ParentState,
)
from engine.domain.units import Nanos, PersonId


def parent_accepted(state: State, event: e.ParentAccepted) -> None:
    state.parents[event.parent.id] = event.parent
    state.next_parent = max(state.next_parent, event.parent.id + 1)
    parent_entered(state, event.parent)


def parent_approved(state: State, event: e.ParentApproved) -> None:
    parent = by_human(find_parent(state, event.parent_id))
    step_parent(
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
    parent = by_human(find_parent(state, event.parent_id))
    step_parent(state, parent, ParentState.REFUSED, ended_at=state.market_ns)


def parent_amended(state: State, event: e.ParentAmended) -> None:
    parent = find_parent(state, event.parent_id)
    state.parents[parent.id] = by_human(
        parent,
        quantity=event.quantity,
        wanted=event.wanted,
        limit_price=event.limit_price,
        end_at=event.end_at,
        base_at=state.market_ns,
        base_filled=parent.filled,
        base_volume=event.base_volume,
    )


def parent_trimmed(state: State, event: e.ParentTrimmed) -> None:
    parent = find_parent(state, event.parent_id)
    state.parents[parent.id] = replace(parent, quantity=event.quantity, wanted=event.wanted)


def parent_reentered(state: State, event: e.ParentReentered) -> None:
    parent = find_parent(state, event.parent_id)
    state.parents[parent.id] = replace(parent, reentered=(*parent.reentered, event.linked))


def parent_venues_set(state: State, event: e.ParentVenuesSet) -> None:
    parent = find_parent(state, event.parent_id)
    state.parents[parent.id] = by_human(parent, excluded=event.excluded)


def parameter_moved(state: State, event: e.ParameterMoved) -> None:
    parent = find_parent(state, event.parent_id)
    values = {**dict(parent.overrides), event.name: event.value}
    state.parents[parent.id] = by_human(parent, overrides=tuple(sorted(values.items())))


def parent_hold_asked(state: State, event: e.ParentHoldAsked) -> None:
    parent = by_human(find_parent(state, event.parent_id))
    step_parent(
        state,
        parent,
        ParentState.HOLDING,
        hold_cause=event.cause,
        hold_by=event.by,
        hold_children=event.children,
        held_at=state.market_ns,
    )


def parent_held(state: State, event: e.ParentHeld) -> None:
    step_parent(state, find_parent(state, event.parent_id), ParentState.HELD)


def parent_resumed(state: State, event: e.ParentResumed) -> None:
    parent = by_human(find_parent(state, event.parent_id))
    step_parent(
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


def parent_model_set(state: State, event: e.ParentModelSet) -> None:
    parent = find_parent(state, event.parent_id)
    state.parents[parent.id] = by_human(
        parent,
        model_off="" if event.use else event.cause,
        model_off_by=PersonId("") if event.use else event.by,
    )


def parent_passive_only(state: State, event: e.ParentPassiveOnly) -> None:
    parent = find_parent(state, event.parent_id)
    state.parents[parent.id] = replace(parent, passive_only=True)


def parent_ended(state: State, event: e.ParentEnded) -> None:
    step_parent(
        state,
        find_parent(state, event.parent_id),
        ParentState(event.state),
        ended_at=state.market_ns,
        end_price=event.end_price,
        end_volume=event.end_volume,
        end_notional=event.end_notional,
    )
