"""Steps of parents and children, held to the NEXT tables."""

from typing import Any

from msgspec.structs import replace

from engine.core.state import State
from engine.domain.errors import BrokenInvariant
from engine.domain.orders import (
    CHILD_NEXT,
    PARENT_NEXT,
    Child,
    Parent,
    ParentState,
)
from engine.domain.units import ChildId, Nanos, ParentId, child_text


def find_parent(state: State, parent_id: ParentId) -> Parent:
    """The parent an entry speaks of."""
    found = state.parents.get(parent_id)
    if found is None:
        raise BrokenInvariant(f"entry {state.seq}: parent P-{parent_id} does not exist")
    return found


def find_child(state: State, child_id: ChildId) -> Child:
    """The child an entry speaks of."""
    found = state.child(child_id)
    if found is None:
        raise BrokenInvariant(f"entry {state.seq}: child {child_id} does not exist")
    return found


def step_parent(state: State, parent: Parent, to: ParentState, **changes: Any) -> None:
    """Move a parent; a step its table lacks is a broken invariant."""
    if to not in PARENT_NEXT[parent.state]:
        raise BrokenInvariant(f"entry {state.seq}: P-{parent.id} cannot go {parent.state} -> {to}")
    state.parents[parent.id] = replace(parent, state=to, **changes)


def step_child(state: State, now: Child) -> None:
    """Put a child where it stands now: among the live ones, or among those that have ended.

    A bust, or a replace that makes it larger, brings one back that had ended.
    """
    was = find_child(state, now.id)
    if now.state != was.state and now.state not in CHILD_NEXT[was.state]:
        raise BrokenInvariant(
            f"entry {state.seq}: {child_text(now.id)} cannot go {was.state} -> {now.state}"
        )
    if now.is_live:
        state.children[now.id] = now if was.is_live else replace(now, ended_at=Nanos(0))
        if state.ended.pop(now.id, None) is not None:
            state.live[now.parent_id] = (*state.live.get(now.parent_id, ()), now.id)
        return
    if state.children.pop(now.id, None) is not None:
        left = tuple(i for i in state.live.get(now.parent_id, ()) if i != now.id)
        if left:
            state.live[now.parent_id] = left
        else:
            state.live.pop(now.parent_id, None)
        now = replace(now, ended_at=state.market_ns)
    state.ended[now.id] = now


def by_human(parent: Parent, **changes: Any) -> Parent:
    """The parent after a human-made change: its version counts up."""
    return replace(parent, version=parent.version + 1, **changes)
