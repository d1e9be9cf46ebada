"""Holds by scope: a pause of everything in it, its end by a person, a time or a condition."""

from typing import Final

from engine.core.quotes import Quotes
from engine.core.rules import models
from engine.core.rules.books import check_symbol
from engine.core.rules.hold import BY_SCOPE, resumed
from engine.core.rules.modes import allows, in_force
from engine.core.rules.orders import cancels, needs_cancel
from engine.core.rules.scope import (
    Tags,
    blocking_hold,
    blocking_kill,
    check_scope,
    covered,
    tags_of,
)
from engine.core.rules.trouble import waits_for
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.orders import HoldChildren, Parent, ParentState
from engine.domain.people import Person, Reach, covers, reach
from engine.domain.safety import HOLD_SCOPES, Hold, HoldState, ResumeWhen
from engine.domain.units import SECOND, Nanos, ParentId, PersonId, Symbol

OWN_SCOPES: Final = ("parent", "trader")  # what a person without a wider reach may hold
TIMER: Final = PersonId("timer")
CONDITION: Final = PersonId("condition")


def text(hold: Hold) -> str:
    """``H-3 (symbol MIDC)``."""
    return f"H-{hold.id} ({hold.scope} {hold.target}".rstrip() + ")"


def check_tags(state: State, tags: Tags) -> None:
    """Refuse what would enter or go on in a held scope."""
    found = blocking_hold(state, tags)
    if found is not None:
        raise Refused(f"hold {text(found)} by {found.by} is in force", rule="hold")


def check_reach(state: State, person: Person, scope: str, target: str) -> None:
    """Everything in the scope must be within the person's reach, what may come later too."""
    how_far = reach(person.roles, "order.hold")
    if how_far == Reach.OWN and scope not in OWN_SCOPES:
        raise Refused(
            f"a hold of a {scope} reaches beyond your own orders: it needs a supervisor or risk",
            rule="permission",
        )
    if scope == "desk" and target != person.desk and how_far != Reach.ALL:
        raise Refused(f"desk {target} is not yours: it needs risk", rule="permission")
    if scope == "trader" and how_far == Reach.OWN and target != person.id:
        raise Refused(f"{target} is somebody else", rule="permission")
    for parent in touched(state, scope, target):
        if not covers(person, "order.hold", owner=parent.trader, desk=parent.desk):
            raise Refused(f"P-{parent.id} in this scope belongs to {parent.trader}, not to you",
                          rule="permission")  # fmt: skip


def touched(state: State, scope: str, target: str) -> tuple[Parent, ...]:
    """Parents of the scope, and those with a child in it."""
    parents, children = covered(state, scope, target)
    found = {parent.id: parent for parent in parents}
    found.update((child.parent_id, state.parents[child.parent_id]) for child in children)
    return tuple(found.values())


def hold(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Hold the scope: its working parents now, and whatever would enter it."""
    command = envelope.command
    assert isinstance(command, c.HoldScope)
    if command.scope not in HOLD_SCOPES:
        raise Refused(f"scope must be one of {', '.join(HOLD_SCOPES)}, was {command.scope!r}",
                      field="scope")  # fmt: skip
    check_scope(command.scope, command.target)
    check_reach(state, person, command.scope, command.target)
    for known in state.holds.values():
        if known.is_active and (known.scope, known.target) == (command.scope, command.target):
            raise Refused(f"{text(known)} is in force already", field="scope")
    parents, children = covered(state, command.scope, command.target)
    held = tuple(parent for parent in parents if parent.state == ParentState.WORKING)
    fact = e.ScopeHeld(
        hold=Hold(
            id=state.next_hold,
            scope=command.scope,
            target=command.target,
            children=command.children,
            by=person.id,
            reason=envelope.reason.strip(),
            since=state.desk_ns,
            parents=tuple(parent.id for parent in held),
            until=_until(state, command.seconds),
            when=command.when,
            level=command.level,
            symbol=_watched(state, command, held),
        )
    )
    out: list[AnyEvent] = [fact]
    for parent in held:
        out += _asked(state, parent, fact.hold)
    if command.scope == "venue" and command.children == HoldChildren.CANCEL:
        out += (e.CancelIntended(child_id=x.id, by="hold") for x in children if needs_cancel(x))
    return tuple(out)


def _asked(state: State, parent: Parent, hold: Hold) -> tuple[AnyEvent, ...]:
    asked = e.ParentHoldAsked(
        parent_id=parent.id,
        children=HoldChildren(hold.children),
        cause=f"{BY_SCOPE}{hold.id}",
        by=hold.by,
    )
    if hold.children == HoldChildren.LEAVE:
        return (asked, e.ParentHeld(parent_id=parent.id))
    return (asked, *cancels(state, parent, "hold"))


def _until(state: State, seconds: float | None) -> Nanos | None:
    if seconds is None:
        return None
    if not 1.0 <= seconds <= 86_400.0:
        raise Refused(f"seconds must be between 1 and 86,400 of market time, was {seconds:g}",
                      field="seconds")  # fmt: skip
    return Nanos(state.market_ns + int(seconds * SECOND))


def _watched(state: State, command: c.HoldScope, held: tuple[Parent, ...]) -> Symbol:
    """The symbol whose market ends the hold."""
    if command.when is None:
        return Symbol("")
    of_parent = {parent.symbol for parent in held} if command.scope == "parent" else set()
    named = Symbol(command.target) if command.scope == "symbol" else Symbol("")
    symbol = command.symbol or named or next(iter(of_parent), Symbol(""))
    if symbol not in state.instruments:
        raise Refused(
            f"symbol must be one of {', '.join(state.instruments)} for a condition, was {symbol!r}",
            field="symbol",
        )
    if command.when != ResumeWhen.MARKET_SOUND and not command.level > 0:
        raise Refused(f"level must be above 0, was {command.level:g}", field="level")
    return symbol


def release(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """By the person who set it, or by somebody whose reach covers everything it holds."""
    command = envelope.command
    assert isinstance(command, c.ReleaseHold)
    found = state.holds.get(command.hold_id)
    if found is None:
        raise Refused(f"there is no hold H-{command.hold_id}")
    if not found.is_active:
        raise Refused(f"H-{found.id} is already released by {found.released_by}")
    if person.id != found.by:
        _check_release(state, found, person)
    return (e.HoldReleased(hold_id=found.id, by=person.id, reason=envelope.reason.strip()),)


def _check_release(state: State, found: Hold, person: Person) -> None:
    if reach(person.roles, "hold.release") == Reach.OWN:
        raise Refused(f"{text(found)} is {found.by}'s: that person or a supervisor ends it",
                      rule="permission")  # fmt: skip
    for parent_id in found.parents:
        parent = state.parents[parent_id]
        if not covers(person, "hold.release", owner=parent.trader, desk=parent.desk):
            raise Refused(f"P-{parent.id} in it belongs to desk {parent.desk}, not to yours",
                          rule="permission")  # fmt: skip


# --- its end by itself ----------------------------------------------------------------------
def end_due(state: State, quotes: Quotes, *, on_grid: bool) -> tuple[AnyEvent, ...]:
    """Holds whose time is over, and (on whole seconds) those whose condition has come."""
    out: list[AnyEvent] = []
    for row in state.holds.values():
        if not row.is_active:
            continue
        if row.until is not None and state.market_ns >= row.until:
            out.append(e.HoldReleased(hold_id=row.id, by=TIMER, reason="its time is over"))
        elif on_grid and row.when is not None and _has_come(state, quotes, row):
            reason = f"{row.when.replace('_', ' ')} in {row.symbol}"
            out.append(e.HoldReleased(hold_id=row.id, by=CONDITION, reason=reason))
    return tuple(out)


def _has_come(state: State, quotes: Quotes, hold: Hold) -> bool:
    quote, instrument = quotes.get(hold.symbol), state.instruments.get(hold.symbol)
    mid = None if quote is None else quote.mid
    if instrument is None or quote is None or mid is None:
        return False
    if waits_for(state, quotes, hold.symbol):
        return False  # no condition is read from a market that is not fit to trade on
    match hold.when:
        case ResumeWhen.MARKET_SOUND:
            return True
        case ResumeWhen.SPREAD_BELOW:
            return (quote.ask - quote.bid) / mid * 1e4 < hold.level
        case ResumeWhen.PRICE_ABOVE:
            return mid * instrument.tick_size > hold.level
        case ResumeWhen.PRICE_BELOW:
            return mid * instrument.tick_size < hold.level
        case None:
            return False


def go_on(state: State, quotes: Quotes) -> tuple[AnyEvent, ...]:
    """Parents of ended holds that are HELD and that nothing else stops."""
    return tuple(
        resumed(state, quotes, parent, parent.catch_up, row.released_by)
        for row in state.holds.values()
        if row.state == HoldState.RELEASED
        for parent in (state.parents.get(ParentId(i)) for i in row.parents)
        if parent is not None and _may_go_on(state, parent, row)
    )


def _may_go_on(state: State, parent: Parent, hold: Hold) -> bool:
    if parent.state != ParentState.HELD or parent.hold_cause != f"{BY_SCOPE}{hold.id}":
        return False
    if not state.is_open or not allows(in_force(state).mode, "raise"):
        return False
    tags = tags_of(state, parent)
    if blocking_kill(state, tags) is not None or blocking_hold(state, tags) is not None:
        return False
    if models.holding_kill(state, parent) is not None:
        return False
    return parent.symbol not in state.differences


# --- the door -------------------------------------------------------------------------------
def check(state: State, person: Person, command: c.AnyCommand) -> None:
    """Refuse what raises risk in a held scope, or in a symbol whose books differ."""
    match command:
        case c.SubmitParent():
            check_symbol(state, command.symbol)
            check_tags(
                state,
                Tags(
                    symbol=command.symbol, trader=person.id, strategy=command.strategy,
                    desk=person.desk, client=command.client,
                    model=state.model_id(command.strategy),
                ),
            )  # fmt: skip
        case c.ApproveParent() | c.ResumeParent() | c.AmendParent() | c.MoveParameter():
            parent = state.parents.get(command.parent_id)
            if parent is None:
                return
            check_symbol(state, parent.symbol)
            if not isinstance(command, c.AmendParent | c.MoveParameter):
                check_tags(state, tags_of(state, parent))
        case _:
            return
