"""Our books against the venue's, after a restart or a broken link.

Every report of the day is fed in again (each counts once, by ExecID); a child the venue does not
know, with nothing on the way, never arrived; an order the venue has and we do not is a stray. What
still differs is shown, and nothing new leaves until a person accepts it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from engine.core.rules.desk import raise_alert
from engine.core.rules.hold import system_hold
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.orders import ChildState, OnRestart, ParentState
from engine.domain.units import ChildId, child_text


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBooks:
    """What the venue says: every order it ever took today, and the leaves of the open ones."""

    known: frozenset[int]
    open_leaves: dict[int, int]
    filled: dict[int, int]


def resolve_missing(state: State, books: VenueBooks) -> tuple[AnyEvent, ...]:
    """Children whose message never reached the venue."""
    return tuple(
        e.ChildNeverArrived(child_id=child.id)
        for child in state.children.values()
        if child.id not in books.known
    )


def differences(state: State, books: VenueBooks) -> list[str]:
    """What still differs once every report is booked, one sentence each."""
    found = []
    ours = {child.id: child.leaves for child in state.children.values()}
    for child_id, leaves in books.open_leaves.items():
        if child_id not in ours:
            found.append(f"{child_text(ChildId(child_id))} is open at the venue, not with us")
        elif ours[ChildId(child_id)] != leaves:
            found.append(
                f"{child_text(ChildId(child_id))} has {leaves} leaves at the venue, "
                f"{ours[ChildId(child_id)]} with us"
            )
    found.extend(
        f"{child_text(child_id)} is open with us, not at the venue"
        for child_id in ours
        if child_id not in books.open_leaves
    )
    for child in (*state.children.values(), *state.ended.values()):
        there = books.filled.get(child.id, 0)
        if there != child.filled:
            found.append(f"{child_text(child.id)} filled {there} at the venue, {child.filled} here")
    return found


def verdict(state: State, books: VenueBooks, resolved: int) -> tuple[AnyEvent, ...]:
    """The fact of the comparison; a difference is alarmed and blocks new orders."""
    found = differences(state, books)
    digest = hashlib.sha256("\n".join(found).encode()).hexdigest() if found else ""
    fact = e.Reconciled(open_children=len(state.children), resolved=resolved, difference=digest)
    if not found:
        return (fact,)
    sentence = f"books and venue differ in {len(found)} places: {'; '.join(found[:5])}"
    return (fact, raise_alert(state, "critical", "reconciliation", "venue", sentence))


def policies(state: State, cause: str) -> Iterable[tuple[AnyEvent, ...]]:
    """What each working parent does after the break, as its trader chose."""
    for parent in tuple(state.parents.values()):
        if parent.state != ParentState.WORKING:
            continue
        match parent.on_restart:
            case OnRestart.HOLD:
                yield system_hold(state, parent, cause)
            case OnRestart.PASSIVE:
                yield (e.ParentPassiveOnly(parent_id=parent.id, cause=cause),)
            case OnRestart.RESUME:
                continue


def resend_cancels(state: State) -> tuple[ChildId, ...]:
    """Live children whose cancel may have been lost: cancels may be repeated, orders never."""
    return tuple(
        child.id
        for child in state.children.values()
        if child.state in (ChildState.PENDING_CANCEL, ChildState.UNKNOWN) and child.cancel_asked_at
    )
