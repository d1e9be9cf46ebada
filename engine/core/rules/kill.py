"""The kill: what a flag slot covers, its cancels, its evidence, and the way back.

Pure. Never refused where it stops something: who may kill was checked at the door.
"""

import contextlib

from engine.core.rules import models, rollout
from engine.core.rules.four_eyes import check_reason
from engine.core.rules.orders import needs_cancel
from engine.core.rules.scope import Tags, blocking_kill, check_scope, covered, tags_of
from engine.core.rules.trips import DOOR
from engine.core.state import State
from engine.domain import events as e
from engine.domain.commands import Envelope, ReleaseKill, RequestKill
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import DRILL_SCOPE, Kill, KillState
from engine.domain.orders import Child, Parent
from engine.domain.people import Person
from engine.domain.safety import Trip
from engine.domain.units import ChildId, Nanos, PersonId, Symbol


def block(state: State, request: e.KillBlocked) -> tuple[AnyEvent, ...]:
    """The owner thread has seen a flag slot: block the scope and take every child back.

    ``request`` carries what the slot says; parents and children are filled in here. Never refused:
    who may kill was checked at the door, and a wrong target covers nothing.
    """
    parents: tuple[Parent, ...] = ()
    children: tuple[Child, ...] = ()
    with contextlib.suppress(Refused):  # an unreadable target covers nothing, and is recorded
        if request.scope != DRILL_SCOPE:
            check_scope(request.scope, request.target)
            parents, children = covered(state, request.scope, request.target)
    held: tuple[AnyEvent, ...] = ()
    if request.scope == "model":  # its orders are sound, what decides for them is not
        cause = models.kill_cause(state.next_kill)
        held = models.lose(state, parents, request.target, cause, killed=True)
        held += rollout.killed(state, request.target, cause)
        parents = ()
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
    trip = _trip_of(state, request)
    if trip is None:
        return (blocked, *held, *cancels)
    why = e.KillReasonGiven(kill_id=blocked.kill_id, by=PersonId(request.by), reason=trip.sentence)
    return (blocked, why, *cancels)


def _trip_of(state: State, request: e.KillBlocked) -> Trip | None:
    """What an automatic kill saw: its reason."""
    if request.door != DOOR:
        return None
    kind = request.by.partition(":")[2]
    return state.trips.get((kind, request.scope, request.target))


def probe_verdict(state: State, kill: Kill) -> str:
    """What is wrong with a self-test whose receipts are here; "" = it barred exactly its probe."""
    probe = Tags(
        symbol=Symbol(""), trader=PersonId(""), strategy="", desk="", client="", model="",
        probe=kill.target,
    )  # fmt: skip
    if blocking_kill(state, probe) is None:
        return "an order with the tag of the self-test would have passed"
    if kill.parents or kill.children:
        return f"it covered {len(kill.parents)} parents and {len(kill.children)} children"
    others = (
        blocking_kill(state, tags_of(state, parent))
        for parent in state.parents.values()
        if parent.is_live
    )
    if any(found is not None and found.id == kill.id for found in others):
        return "it barred an order of the desk"
    return ""


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
    check_reason(envelope, "a release")
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
