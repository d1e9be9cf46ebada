"""What is left of an order that has ended, entered anew as a linked order.

A linked order is an order like any other: every check of an entry is made. What the link adds is
one sum that never breaks by our own act: what an order has filled and what its linked orders may
still take is at most what it was for. A late fill can break it from outside: it is said, and held.
"""

from collections.abc import Iterator
from typing import Final

from engine.core.rules.desk import raise_alert
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import PERMISSION
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.orders import Parent, ParentState
from engine.domain.people import Person, covers

ENDED: Final = (ParentState.KILLED, ParentState.EXPIRED, ParentState.COMPLETED)
EXCESS: Final = "re-entry"  # cause of the hold of a linked order that would exceed the first


def linked(state: State, parent: Parent) -> tuple[Parent, ...]:
    """Orders that work what was left of it, in the order of entry."""
    return tuple(state.parents[i] for i in parent.reentered)


def used(state: State, parent: Parent) -> int:
    """Shares that an order takes: all while it lives, then what it and its linked orders did."""
    if parent.is_live:
        return max(parent.quantity, parent.wanted, parent.filled)
    return parent.filled + sum(used(state, row) for row in linked(state, parent))


def room(state: State, parent: Parent) -> int:
    """Shares of an order that has ended which may be entered anew; negative = too many are out."""
    if parent.state not in ENDED:
        return 0
    return parent.quantity - used(state, parent)


def left(state: State, parent: Parent) -> int:
    """Shares of it that a new link may take: no order above it may be exceeded either. [share]"""
    return max(min(room(state, row) for row in (parent, *above(state, parent))), 0)


def check(state: State, order: c.SubmitParent, person: Person) -> None:
    """Refuse a link to an order that is not over, is another's, differs, or has no room."""
    if not order.reenters:
        return
    first = state.parents.get(order.reenters)
    if first is None:
        raise Refused(f"there is no parent P-{order.reenters} today", field="reenters")
    name = f"P-{first.id}"
    if first.state not in ENDED:
        raise Refused(
            f"{name} is {first.state}: only what an order that has ended left is entered anew",
            field="reenters",
        )
    if not covers(person, PERMISSION["SubmitParent"], owner=first.trader, desk=first.desk):
        raise Refused(
            f"{name} belongs to {first.trader} of desk {first.desk}, not to you", rule="permission"
        )
    for field, here, there in (
        ("symbol", order.symbol, first.symbol),
        ("side", order.side, first.side),
        ("client", order.client, first.client),
    ):
        if here != there:
            raise Refused(f"{field} must be that of {name}, {there!r}, was {here!r}", field=field)
    most = left(state, first)
    if order.quantity > most:
        raise Refused(
            f"quantity must be at most {most:,} to re-enter {name}: {first.quantity:,} "
            f"ordered, {first.filled:,} filled, {used(state, first) - first.filled:,} in orders "
            f"that are linked to it; was {order.quantity:,}",
            field="quantity",
            rule="reentry",
        )


def entered(parent: Parent) -> tuple[AnyEvent, ...]:
    """The other end of the link, told about the order that has ended."""
    if not parent.reenters:
        return ()
    return (
        e.ParentReentered(
            parent_id=parent.reenters, by=parent.trader, linked=parent.id, quantity=parent.quantity
        ),
    )


def check_grown(state: State, parent: Parent, quantity: int) -> None:
    """An amendment to more must fit into what is left of the first order."""
    first = state.parents.get(parent.reenters)
    if first is None or quantity <= max(parent.quantity, parent.wanted):
        return
    most = left(state, first) + used(state, parent)
    if quantity > most:
        raise Refused(
            f"quantity must be at most {most:,}, what is left of P-{first.id}, was {quantity:,}",
            field="quantity",
            rule="reentry",
        )


def check_fits(state: State, parent: Parent) -> None:
    """Before it works, at first or again: no order above it is exceeded."""
    for first in above(state, parent):
        more = -room(state, first)
        if more > 0:
            raise Refused(
                f"P-{parent.id} works what was left of P-{first.id}, which filled meanwhile: "
                f"amend it down by {more:,} first",
                rule="reentry",
            )


def exceeds(state: State, parent: Parent) -> bool:
    """Whether an order above it would be exceeded: then it sends nothing."""
    return any(room(state, first) < 0 for first in above(state, parent))


def above(state: State, parent: Parent) -> Iterator[Parent]:
    """The orders whose remainder it works, the nearest first."""
    first = state.parents.get(parent.reenters)
    while first is not None:
        yield first
        first = state.parents.get(first.reenters)


def below(state: State, parent: Parent) -> Iterator[Parent]:
    """Every order that is linked to it, whatever their number of steps."""
    for row in linked(state, parent):
        yield row
        yield from below(state, row)


def late(
    state: State, parent: Parent, more: int
) -> tuple[tuple[AnyEvent, ...], tuple[Parent, ...]]:
    """An order that has ended fills ``more`` shares: the alarm and whom to hold, or nothing.

    Asked before they are booked.
    """
    if parent.is_live or more <= 0:
        return (), ()
    broken = [
        row for row in (parent, *above(state, parent)) if row.reentered and room(state, row) < more
    ]
    if not broken:
        return (), ()
    top = broken[-1]
    sentence = (
        f"late fill of {more:,} on P-{parent.id}: with its linked orders P-{top.id} exceeds its "
        f"{top.quantity:,} by {more - room(state, top):,}; they are held, amend them down"
    )
    alarm = raise_alert(state, "critical", "reentry", f"P-{top.id}", sentence)
    working = (row for row in below(state, top) if row.state == ParentState.WORKING)
    return (alarm,), tuple(working)
