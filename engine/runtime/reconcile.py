"""Our books against the venue's: after a restart or a broken link, and all day beside it.

Every report is fed in again (each counts once, by ExecID); a child the venue does not know, with
nothing on the way, never arrived; an order the venue has and we do not is a stray. What still
differs is shown. At a log-on it stops all new orders until a person accepts it; beside a healthy
link it stops what raises risk in its symbol, and nothing is ever taken for rejected by it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.core.rules.desk import raise_alert
from engine.core.rules.hold import system_hold
from engine.core.rules.reports import book, may_work
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.kinds import CANCEL_REJECTED
from engine.domain.life import CHANGE, waiting_of
from engine.domain.orders import Child, ChildState, OnRestart, Parent, ParentState
from engine.domain.safety import Difference
from engine.domain.units import ChildId, ParentId, Shares, Symbol, Ticks, child_text

SHOWN: Final = 5  # sentences of a difference that an alert repeats


class VenueOrder(Protocol):
    """What a venue says of one order; see ``venues.wire.Order``."""

    @property
    def child(self) -> int: ...
    @property
    def symbol(self) -> int: ...
    @property
    def side(self) -> int: ...
    @property
    def type(self) -> int: ...
    @property
    def venue(self) -> int: ...
    @property
    def price(self) -> int: ...
    @property
    def quantity(self) -> int: ...
    @property
    def tags(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBooks:
    """What the venue says: every order it ever took today, and the leaves of the open ones."""

    known: frozenset[int]
    open_leaves: dict[int, int]
    filled: dict[int, int]
    symbols: dict[int, Symbol] = field(default_factory=dict)  # of every order
    positions: dict[Symbol, int] = field(default_factory=dict)  # bought less sold today [share]
    requests: dict[int, tuple[int, ...]] = field(default_factory=dict)  # replaces that came
    orders: tuple[VenueOrder, ...] = ()  # everything it says of each


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that differs."""

    symbol: Symbol
    sentence: str
    grows: bool = False  # the venue has more of ours than we know of


def resolve_missing(state: State, books: VenueBooks) -> tuple[AnyEvent, ...]:
    """Children and replaces that never reached the venue. Only after a log-on with a new token."""
    never = tuple(
        e.ChildNeverArrived(child_id=child.id)
        for child in state.children.values()
        if child.id not in books.known
    )
    lost = tuple(
        e.ReplaceNeverArrived(child_id=child.id, request=request.number)
        for child in state.children.values()
        if child.id in books.known
        for request in waiting_of(child.life)
        if request.kind == CHANGE and request.number not in books.requests.get(child.id, ())
    )
    return (*never, *lost)


def adopt(state: State, books: VenueBooks) -> Iterable[tuple[AnyEvent, ...]]:
    """Orders of this desk that only the venue knows, tied to their parents by the venue's tags.

    What their parked reports say is booked right after. One without a fitting parent stays parked.
    """
    for order in books.orders:
        if state.child(ChildId(order.child)) is not None:
            continue  # nearly all of a long day: nothing more is looked at
        parent = _parent_of(state, order)
        if parent is None:
            continue
        parked = state.strays.get(ChildId(order.child), ())
        adopted = e.ChildAdopted(
            child_id=ChildId(order.child),
            parent_id=parent.id,
            symbol=parent.symbol,
            side=order.side,
            type=order.type,
            price=Ticks(order.price),
            quantity=Shares(order.quantity),
            venue=order.venue,
        )
        sentence = (
            f"{child_text(adopted.child_id)} of P-{parent.id} was known to the venue only: adopted"
        )
        alarm = raise_alert(state, "critical", "adopted", f"P-{parent.id}", sentence)
        yield (adopted, alarm)
        for report in parked:
            child = state.child(adopted.child_id)
            assert child is not None
            yield book(state, child, report, (order.venue, 0, 0))
        now = state.parents[parent.id]
        if not may_work(now) or now.filled + state.reserved(now.id) > now.quantity:
            yield (e.CancelIntended(child_id=adopted.child_id, by="adopted"),)


def _parent_of(state: State, order: VenueOrder) -> Parent | None:
    """The parent that an order says it is of, if symbol and side agree."""
    tag = order.tags.get("parent", "")
    number = int(tag[2:]) if tag.startswith("P-") and tag[2:].isdigit() else 0
    parent = state.parents.get(ParentId(number))
    symbols = [str(symbol) for symbol in state.instruments]
    if parent is None or not order.side or order.symbol >= len(symbols):
        return None
    fits = symbols[order.symbol] == parent.symbol and order.side == parent.side
    return parent if fits else None


def compare(state: State, books: VenueBooks) -> list[Found]:
    """What differs now, child by child and in the positions, in the order of entry."""
    found = _strays(state, books)
    for child in (*state.children.values(), *state.ended.values()):
        found += _of_child(child, books)
    ours = positions(state)
    for symbol, there in books.positions.items():
        more = there - ours.get(symbol, 0)
        if more:
            found.append(
                Found(
                    symbol=symbol,
                    sentence=f"the position in {symbol} is {abs(more):,} shares "
                    f"{'longer' if more > 0 else 'shorter'} at the venue",
                    grows=True,
                )
            )
    return found


def positions(state: State) -> dict[Symbol, int]:
    """Bought less sold today, by the parents' own sums. [share]"""
    held: dict[Symbol, int] = {}
    for parent in state.parents.values():
        held[parent.symbol] = held.get(parent.symbol, 0) + parent.side * parent.filled
    return held


def _strays(state: State, books: VenueBooks) -> list[Found]:
    return [
        Found(
            symbol=books.symbols.get(child_id, Symbol("")),
            sentence=f"{child_text(ChildId(child_id))} is open at the venue, not with us",
            grows=True,
        )
        for child_id in books.open_leaves
        if ChildId(child_id) not in state.children
    ]


def _of_child(child: Child, books: VenueBooks) -> list[Found]:
    found = []
    name = child_text(child.id)
    there, leaves = books.filled.get(child.id, 0), books.open_leaves.get(child.id, 0)
    if child.is_live and child.id not in books.known:
        found.append(Found(symbol=child.symbol, sentence=f"{name} was sent, the venue has it not"))
    elif child.is_live and not leaves:
        sentence = f"{name} is open with us, not at the venue"
        found.append(Found(symbol=child.symbol, sentence=sentence))
    elif child.is_live and leaves != child.leaves:
        sentence = f"{name} has {leaves} leaves at the venue, {child.leaves} with us"
        found.append(Found(symbol=child.symbol, sentence=sentence, grows=leaves > child.leaves))
    if there != child.filled:
        sentence = f"{name} filled {there} at the venue, {child.filled} here"
        found.append(Found(symbol=child.symbol, sentence=sentence, grows=there > child.filled))
    return found


def digest_of(found: list[Found]) -> str:
    """What an acceptance accepts: exactly these sentences; "" = equal."""
    if not found:
        return ""
    return hashlib.sha256("\n".join(row.sentence for row in found).encode()).hexdigest()


def by_symbol(found: list[Found]) -> tuple[Difference, ...]:
    """The differences of each symbol as one thing to accept."""
    rows: dict[Symbol, list[Found]] = {}
    for row in found:
        rows.setdefault(row.symbol, []).append(row)
    return tuple(
        Difference(
            symbol=symbol,
            digest=digest_of(mine),
            sentences=tuple(row.sentence for row in mine),
            grows=any(row.grows for row in mine),
        )
        for symbol, mine in rows.items()
    )


def unheard(state: State, rows: NDArray[np.void]) -> NDArray[np.void]:
    """Reports that do not count yet: of a long day, told again after a break, nearly none."""
    pairs = zip(rows["child"].tolist(), rows["exec_id"].tolist(), strict=True)
    return rows[[not _counts(state, ChildId(child), exec_id) for child, exec_id in pairs]]


def _counts(state: State, child_id: ChildId, exec_id: int) -> bool:
    child = state.child(child_id)
    return child is not None and child.life.has(exec_id)


def unbooked(state: State, rows: NDArray[np.void], strays: set[int]) -> NDArray[np.void]:
    """Reports that should have arrived and did not. ``strays`` are ExecIDs already alarmed."""
    missed = []
    for i, row in enumerate(rows):
        child, exec_id = state.child(ChildId(int(row["child"]))), int(row["exec_id"])
        if child is None:
            if exec_id not in strays:
                strays.add(exec_id)
                missed.append(i)
        elif exec_id not in child.execs and not _is_answered(child, row):
            missed.append(i)
    return rows[missed]


def _is_answered(child: Child, row: np.void) -> bool:
    """A refused cancel says nothing of a child that waits for none."""
    return row["kind"] == CANCEL_REJECTED and child.state != ChildState.PENDING_CANCEL


def is_news(state: State, found: tuple[Difference, ...]) -> bool:
    """Whether the differences are others than those that are shown or accepted."""
    now = {row.symbol: row.digest for row in found}
    shown = {symbol: row.digest for symbol, row in state.differences.items()}
    return now != {**state.accepted, **shown}


def alerts(state: State, found: tuple[Difference, ...]) -> list[tuple[AnyEvent, ...]]:
    """What people must see of a comparison: each new difference, and each symbol that healed."""
    out: list[tuple[AnyEvent, ...]] = []
    for row in found:
        known = state.differences.get(row.symbol)
        if state.accepted.get(row.symbol) == row.digest or (
            known is not None and known.digest == row.digest
        ):
            continue
        sentence = (
            f"books and venue differ in {row.symbol or 'an unknown symbol'}, nothing new is sent "
            f"in it: {'; '.join(row.sentences[:SHOWN])}"
        )
        out.append((raise_alert(state, "critical", "reconciliation", row.symbol, sentence),))
    names = {row.symbol for row in found}
    for symbol in state.differences:
        if symbol not in names:
            sentence = f"books and venue are equal again in {symbol}"
            out.append((raise_alert(state, "info", "reconciled", symbol, sentence),))
    return out


def verdict(state: State, books: VenueBooks, resolved: int) -> tuple[AnyEvent, ...]:
    """The fact of a comparison at a log-on; a difference is alarmed and blocks new orders."""
    found = compare(state, books)
    fact = e.Reconciled(
        open_children=len(state.children),
        resolved=resolved,
        difference=digest_of(found),
        grows=any(row.grows for row in found),
    )
    if not found:
        return (fact,)
    sentences = [row.sentence for row in found]
    sentence = f"books and venue differ in {len(found)} places: {'; '.join(sentences[:SHOWN])}"
    return (fact, raise_alert(state, "critical", "reconciliation", "venue", sentence))


def policies(state: State, cause: str) -> Iterable[tuple[AnyEvent, ...]]:
    """What each working parent does after the break, as its trader chose."""
    for parent in tuple(state.parents.values()):
        if parent.state != ParentState.WORKING:
            continue
        match parent.after(cause):
            case OnRestart.HOLD:
                yield system_hold(state, parent, cause)
            case OnRestart.PASSIVE:
                yield (e.ParentPassiveOnly(parent_id=parent.id, cause=cause),)
            case OnRestart.RESUME:
                continue


def killed(state: State) -> tuple[ChildId, ...]:
    """Children that a kill covers and the venue has: at a log-on their cancels go before all else.

    One the venue may never have had is asked for first.
    """
    covered = {child_id for kill in state.active_kills() for child_id in kill.children}
    return tuple(
        child.id
        for child in state.children.values()
        if child.id in covered and child.state == ChildState.PENDING_CANCEL
    )


def resend_cancels(state: State) -> tuple[ChildId, ...]:
    """Live children whose cancel may have been lost: cancels may be repeated, orders never."""
    return tuple(
        child.id
        for child in state.children.values()
        if child.state in (ChildState.PENDING_CANCEL, ChildState.UNKNOWN) and child.cancel_asked_at
    )
