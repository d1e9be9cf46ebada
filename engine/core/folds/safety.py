"""Modes, conditions, holds by scope, trips, and what the comparison of books found."""

from dataclasses import replace

from engine.core.state import State
from engine.domain import events as e
from engine.domain.safety import Condition, HoldState, ModeSetting
from engine.domain.units import Nanos, PersonId


def carried(state: State, event: e.DeskCarried) -> None:
    """What outlives the day."""
    state.trading = event.trading
    state.conditions = {(row.kind, row.object): row for row in event.conditions}
    state.holds = {row.id: row for row in event.holds}
    state.next_hold = event.next_hold


def clear_day(state: State) -> None:
    """Yesterday's orders are gone, and with them what was said about them."""
    state.difference, state.difference_grows = "", False
    state.difference_asked = PersonId("")
    state.differences, state.accepted = {}, {}
    state.trips = {}
    state.holds = {i: replace(row, parents=()) for i, row in state.holds.items() if row.is_active}


def mode_set(state: State, event: e.ModeSet) -> None:
    state.trading = ModeSetting(
        mode=event.mode, by=event.by, reason=event.reason, since=state.desk_ns
    )


def mode_asked(state: State, event: e.ModeAsked) -> None:
    state.trading = replace(state.trading, asked=event.mode, asked_by=event.by)


def condition_began(state: State, event: e.ConditionBegan) -> None:
    known = state.conditions.get((event.kind, event.object))
    state.conditions[event.kind, event.object] = Condition(
        kind=event.kind,
        object=event.object,
        sentence=event.sentence,
        mode=event.mode,
        since=state.desk_ns if known is None else known.since,
    )


def condition_over(state: State, event: e.ConditionOver) -> None:
    state.conditions.pop((event.kind, event.object), None)


def scope_held(state: State, event: e.ScopeHeld) -> None:
    state.holds[event.hold.id] = event.hold
    state.next_hold = event.hold.id + 1


def hold_released(state: State, event: e.HoldReleased) -> None:
    state.holds[event.hold_id] = replace(
        state.holds[event.hold_id],
        state=HoldState.RELEASED,
        released_by=event.by,
        released_at=state.desk_ns,
    )


def trip_fired(state: State, event: e.TripFired) -> None:
    trip = event.trip
    state.trips[trip.kind, trip.scope, trip.target] = trip


def reconciled(state: State, event: e.Reconciled) -> None:
    if event.difference != state.difference:
        state.difference_asked = PersonId("")
    state.difference, state.difference_grows = event.difference, event.grows
    if not event.difference:
        state.differences, state.accepted = {}, {}


def books_compared(state: State, event: e.BooksCompared) -> None:
    """A symbol heals only here, by being equal again; an accepted difference stays so as it is."""
    before = state.differences
    now = {row.symbol: row for row in event.found}
    kept = {symbol: row.digest for symbol, row in now.items()}
    state.accepted = {s: d for s, d in state.accepted.items() if kept.get(s) == d}
    state.differences = {}
    for symbol, row in now.items():
        if state.accepted.get(symbol) == row.digest:
            continue
        known = before.get(symbol)
        same = known is not None and known.digest == row.digest
        state.differences[symbol] = replace(
            row,
            since=Nanos(state.desk_ns) if known is None else known.since,
            asked_by=known.asked_by if known is not None and same else PersonId(""),
        )


def accept_asked(state: State, event: e.ReconciliationAcceptAsked) -> None:
    if not event.symbol:
        state.difference_asked = event.by
        return
    state.differences[event.symbol] = replace(state.differences[event.symbol], asked_by=event.by)


def reconciliation_accepted(state: State, event: e.ReconciliationAccepted) -> None:
    if not event.symbol:
        state.difference, state.difference_asked = "", PersonId("")
        return
    state.differences.pop(event.symbol, None)
    state.accepted[event.symbol] = event.difference
