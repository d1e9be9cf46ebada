"""Cancels without an answer: they age before everybody's eyes and are never taken for done.

Amber after 2 s, an alert after 10 s. The age is market time since the cancel was asked for. While
the exchange is away the market clock stands still: then the shell adds, child by child, how long it
has seen the cancel wait by the desk's clock.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from engine.core.rules.desk import raise_alert
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.orders import Child, ChildState
from engine.domain.units import SECOND, ChildId, Nanos, ParentId, child_text, parent_text

PENDING: Final = "pending"  # kind of the trouble and, after "market.", of the alert
AMBER_NS: Final = 2 * SECOND
ALERT_NS: Final = 10 * SECOND
MOST_ALONE: Final = 5  # parents with an alert each; more of them are one alert
ALL: Final = "all"
NAMED: Final = 3  # children that a sentence names
NOT_AWAY: Final[Mapping[ChildId, int]] = {}  # the exchange answers: no desk time to add [ns]


class Late(StrEnum):
    """How late the answer to a cancel is."""

    NO = ""
    AMBER = "amber"
    ALERT = "alert"


def waited(state: State, child: Child, away: Mapping[ChildId, int] = NOT_AWAY) -> Nanos:
    """How long a cancel is without an answer, 0 = none waits. [ns]"""
    if child.state != ChildState.PENDING_CANCEL:
        return Nanos(0)
    return Nanos(max(state.market_ns - child.cancel_asked_at, 0) + away.get(child.id, 0))


def waiting(state: State) -> tuple[ChildId, ...]:
    """Children whose cancel is without an answer."""
    return tuple(
        child.id for child in state.children.values() if child.state == ChildState.PENDING_CANCEL
    )


def late(age: int) -> Late:
    """What a cancel of this age is shown as."""
    if age >= ALERT_NS:
        return Late.ALERT
    return Late.AMBER if age >= AMBER_NS else Late.NO


def found(state: State, away: Mapping[ChildId, int] = NOT_AWAY) -> dict[str, tuple[Nanos, str]]:
    """Cancels that are owed an alert: object -> age of the oldest, sentence.

    An object is a parent; when more than MOST_ALONE of them wait it is all of them together, and
    stays so until the last has its answer.
    """
    waiting: dict[int, list[tuple[Nanos, Child]]] = {}
    for child in state.children.values():
        age = waited(state, child, away)
        if late(age) == Late.ALERT:
            waiting.setdefault(child.parent_id, []).append((age, child))
    together = (PENDING, ALL) in state.trouble or len(waiting) > MOST_ALONE
    if together and waiting:
        every = [row for rows in waiting.values() for row in rows]
        return {ALL: (_oldest(every), f"{len(waiting)} orders: {_sentence(state, every)}")}
    out = {}
    for parent_id, rows in waiting.items():
        name = parent_text(ParentId(parent_id))
        out[name] = (_oldest(rows), f"{name}: {_sentence(state, rows)}")
    return out


def _oldest(rows: list[tuple[Nanos, Child]]) -> Nanos:
    return max(age for age, _ in rows)


def _sentence(state: State, rows: list[tuple[Nanos, Child]]) -> str:
    """Which children, where, since when, and whom to call."""
    by_age = sorted(rows, key=lambda row: (-row[0], row[1].id))
    shares = sum(child.leaves for _, child in rows)
    names = ", ".join(
        f"{child_text(child.id)} at {state.venue_name(child.venue) or 'the venue'}"
        for _, child in by_age[:NAMED]
    )
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    phones = {
        venue.name: venue.phone
        for place, venue in enumerate(state.venues)
        if venue.phone and any(child.venue == place for _, child in rows)
    }
    call = "".join(f"; call {name} {phone}" for name, phone in phones.items())
    what = "a cancel is" if len(rows) == 1 else f"{len(rows)} cancels are"
    return (
        f"{what} without an answer for {_oldest(rows) // SECOND} s ({names}{more}): {shares:,} "
        f"shares may still trade and stay reserved, nothing is taken for cancelled{call}"
    )


def unseen(state: State, away: Mapping[ChildId, int]) -> tuple[AnyEvent, ...]:
    """The first cancel that turned late while the exchange is away, one a call; () = none new.

    While it answers, ``rules.trouble`` looks once a second of market time.
    """
    for about, (_, sentence) in found(state, away).items():
        if (PENDING, about) not in state.trouble:
            alarm = raise_alert(
                state, "critical", f"market.{PENDING}", about, sentence, state.market_ns
            )
            return (alarm, e.TroubleSeen(kind=PENDING, object=about, since=state.market_ns))
    return ()
