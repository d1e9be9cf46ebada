"""Hold and resume: a pause with a cause, and the way on from it."""

from typing import Final

from engine.core.quotes import Quotes
from engine.core.rules import models, reentry
from engine.core.rules.orders import cancels, check_version, find
from engine.core.rules.scope import blocking_kill, tags_of
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.orders import CatchUp, HoldChildren, Parent, ParentState
from engine.domain.people import Person
from engine.domain.units import Nanos, PersonId, Shares

BY_SCOPE: Final = "hold H-"  # cause of what a hold by scope holds, with its number


def hold(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Stop sending; children cancelled (default) or declared left."""
    command = envelope.command
    assert isinstance(command, c.HoldParent)
    parent = find(state, command.parent_id)
    if parent.state in (ParentState.HOLDING, ParentState.HELD):
        raise Refused(f"P-{parent.id} is already {parent.state}")
    if parent.state != ParentState.WORKING:
        raise Refused(f"P-{parent.id} is {parent.state} and cannot be held")
    asked = e.ParentHoldAsked(
        parent_id=parent.id, children=command.children, cause=command.cause, by=person.id
    )
    if command.children == HoldChildren.LEAVE:
        return (asked, e.ParentHeld(parent_id=parent.id))
    return (asked, *cancels(state, parent, "hold"))


def system_hold(state: State, parent: Parent, cause: str) -> tuple[AnyEvent, ...]:
    """A hold set by the desk itself; only a person other than the trader ends it."""
    asked = e.ParentHoldAsked(
        parent_id=parent.id,
        children=HoldChildren.CANCEL,
        cause=cause,
        by=PersonId("system"),
    )
    return (asked, *cancels(state, parent, "hold"))


def resume(
    state: State, quotes: Quotes, envelope: Envelope, person: Person
) -> tuple[AnyEvent, ...]:
    """Go on after a hold. A hold set by the system is released by another person than the owner."""
    command = envelope.command
    assert isinstance(command, c.ResumeParent)
    parent = find(state, command.parent_id)
    if parent.state != ParentState.HELD:
        raise Refused(f"P-{parent.id} is {parent.state}, only a HELD parent can resume")
    check_version(parent, envelope.expected_version)
    if is_by_system(parent) and person.id == parent.trader:
        raise Refused(
            f"P-{parent.id} is held by the system ({parent.hold_cause}): a person other than its "
            "trader must release it",
            rule="four_eyes",
        )
    if not state.is_open:
        raise Refused("the session is closed", rule="session")
    kill = blocking_kill(state, tags_of(state, parent)) or models.holding_kill(state, parent)
    if kill is not None:
        scope = f"{kill.scope} {kill.target}".rstrip()
        raise Refused(f"K-{kill.id} of {scope} is in force: it must be released first", rule="kill")
    if parent.overfilled:
        raise Refused(
            f"P-{parent.id} has {parent.overfilled:,} shares too many: its cause is not cleared",
            rule="overfill",
        )
    reentry.check_fits(state, parent)
    return (resumed(state, quotes, parent, command.catch_up or parent.catch_up, person.id),)


def resumed(
    state: State, quotes: Quotes, parent: Parent, how: CatchUp, by: PersonId
) -> e.ParentResumed:
    """The schedule starts again where it stands."""
    quantity, end_at = after_hold(state, parent, how)
    volume, _ = quotes.totals(parent.symbol)
    return e.ParentResumed(
        parent_id=parent.id,
        catch_up=how,
        end_at=end_at,
        quantity=quantity,
        base_volume=Shares(volume - parent.arrival_volume),
        by=by,
    )


def is_by_system(parent: Parent) -> bool:
    """Whether a rule holds it and no person: then its trader does not release it."""
    return parent.hold_cause != "person" and not parent.hold_cause.startswith(BY_SCOPE)


def after_hold(state: State, parent: Parent, how: CatchUp) -> tuple[Shares, Nanos]:
    """Quantity and end after the hold: spread keeps both, shift moves the end, skip cuts quantity.

    Skip gives up the hold's share of what was left, in proportion to time, in whole lots.
    """
    assert state.session is not None
    held = state.market_ns - parent.held_at
    if how == CatchUp.SHIFT:
        return parent.quantity, Nanos(min(parent.end_at + held, state.session.close_at))
    if how == CatchUp.SKIP:
        window = max(parent.end_at - parent.held_at, 1)
        lot = state.instruments[parent.symbol].lot
        left = parent.quantity - parent.filled
        missed = int(left * min(held / window, 1.0)) // lot * lot
        promised = parent.filled + state.reserved(parent.id)
        return Shares(max(parent.quantity - missed, promised, 1)), parent.end_at
    return parent.quantity, parent.end_at
