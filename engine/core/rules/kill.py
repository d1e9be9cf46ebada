"""The kill: what a flag slot covers, its cancels, its evidence, and the way back.

Pure. Never refused where it stops something: who may kill was checked at the door.
"""

from engine.core.rules.orders import needs_cancel
from engine.core.rules.scope import check_scope, covered
from engine.core.state import State
from engine.domain import events as e
from engine.domain.commands import Envelope, ReleaseKill, RequestKill
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import Kill, KillState
from engine.domain.people import Person
from engine.domain.units import ChildId, Nanos


def block(state: State, request: e.KillBlocked) -> tuple[AnyEvent, ...]:
    """The owner thread has seen a flag slot: block the scope and take every child back.

    ``request`` carries what the slot says; parents and children are filled in here. Never refused:
    who may kill was checked at the door, and a wrong target covers nothing.
    """
    try:
        check_scope(request.scope, request.target)
        parents, children = covered(state, request.scope, request.target)
    except Refused:
        parents, children = (
            (),
            (),
        )  # an unreadable target covers nothing; the kill is still recorded
    blocked = e.KillBlocked(
        kill_id=state.next_kill,
        generation=request.generation,
        scope=request.scope,
        target=request.target,
        by=request.by,
        door=request.door,
        requested_at=request.requested_at,
        parents=tuple(parent.id for parent in parents),
        children=tuple(child.id for child in children),
    )
    cancels = tuple(
        e.CancelIntended(child_id=child.id, by=f"kill:{blocked.kill_id}")
        for child in children
        if needs_cancel(child)
    )
    return (blocked, *cancels)


def press(state: State) -> tuple[AnyEvent, ...]:
    """Cancels that were turned down are asked for again, until the venue confirms an end."""
    return tuple(
        e.CancelIntended(child_id=child_id, by=f"kill:{kill.id}")
        for kill in state.kills.values()
        if kill.state in (KillState.BLOCKED, KillState.CANCEL_SENT)
        for child_id in kill.children
        if child_id in state.children and needs_cancel(state.children[child_id])
    )


def confirm(state: State) -> tuple[AnyEvent, ...]:
    """Kills whose every child is terminal by venue evidence."""
    return tuple(
        e.KillConfirmed(kill_id=kill.id)
        for kill in state.kills.values()
        if kill.state == KillState.CANCEL_SENT
        and not any(child_id in state.children for child_id in kill.children)
    )


def give_reason(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """The record and reason of a kill, asked for after the act. Attaches to the newest match."""
    request = envelope.command
    assert isinstance(request, RequestKill)
    check_scope(request.scope, request.target)
    for kill in reversed(tuple(state.kills.values())):
        if kill.scope == request.scope and kill.target == request.target and kill.is_active:
            reason = envelope.reason.strip()
            if not reason:
                return ()
            return (e.KillReasonGiven(kill_id=kill.id, by=person.id, reason=reason),)
    raise Refused(
        "a kill goes through the kill flag first (KILL button, python -m engine kill): "
        f"none is active for {request.scope} {request.target}".rstrip(),
        rule="kill",
    )


def release(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Two different people: the first asks, the second grants."""
    command = envelope.command
    assert isinstance(command, ReleaseKill)
    kill = state.kills.get(command.kill_id)
    if kill is None:
        raise Refused(f"there is no kill K-{command.kill_id}")
    if not kill.is_active:
        raise Refused(f"K-{kill.id} is already released")
    if kill.state != KillState.CONFIRMED:
        left = sum(1 for child_id in kill.children if child_id in state.children)
        raise Refused(
            f"K-{kill.id} is {kill.state}: {left} children are not confirmed by the venue yet"
        )
    if not envelope.reason.strip():
        raise Refused("a release needs a reason", field="reason")
    if not kill.release_by:
        return (e.KillReleaseAsked(kill_id=kill.id, by=person.id, reason=envelope.reason),)
    if kill.release_by == person.id:
        raise Refused(
            f"K-{kill.id}: a different person than the one who asked must grant the release",
            rule="four_eyes",
        )
    return (e.KillReleased(kill_id=kill.id, by=person.id, reason=envelope.reason),)


def unconfirmed(state: State, kill: Kill) -> tuple[tuple[ChildId, Nanos], ...]:
    """Children of the kill without venue evidence, with the age of their cancel (market clock)."""
    return tuple(
        (child_id, Nanos(state.market_ns - state.children[child_id].cancel_asked_at))
        for child_id in kill.children
        if child_id in state.children
    )
