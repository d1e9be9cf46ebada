"""Steps of parents and children, held to the NEXT tables."""

from dataclasses import replace
from typing import Any

from engine.core.state import State
from engine.domain.errors import BrokenInvariant
from engine.domain.orders import (
    CHILD_LIVE,
    CHILD_NEXT,
    PARENT_NEXT,
    Child,
    ChildState,
    Parent,
    ParentState,
)
from engine.domain.units import ChildId, ParentId


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


def step_child(state: State, child: Child, to: ChildState, **changes: Any) -> None:
    """Move a child; terminal ones leave the live tables."""
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


def by_human(parent: Parent, **changes: Any) -> Parent:
    """The parent after a human-made change: its version counts up."""
    return replace(parent, version=parent.version + 1, **changes)
