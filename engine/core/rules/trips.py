"""Automatic kills: loss of a parent, move of a price, rejects. Each says what it saw.

A trip is an event with its inputs; the shell then writes the kill flag, as a person would, and
the kill takes its usual road. A trip fires once while its kill is in force.
"""

from collections.abc import Iterator
from typing import Final

from engine.core.limitbook import scopes_of
from engine.core.moves import Moves
from engine.core.rules.desk import raise_alert
from engine.core.rules.limits import limits_for
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.limits import TRIPS, Limit, Scope, delivered, key_text
from engine.domain.orders import ChildState, Parent
from engine.domain.safety import Trip
from engine.domain.units import SECOND, ParentId, parent_text

DOOR: Final = "trip"
LOSS: Final = "loss"
MOVE: Final = "move"
REJECTS: Final = "rejects"
TRIP_LOSS, TRIP_MOVE, TRIP_REJECTS = TRIPS  # as limits, from which the numbers come


def watch(state: State, moves: Moves) -> tuple[AnyEvent, ...]:
    """Trips that fire now, each with an alert. Looked for once a second of market time."""
    out: list[AnyEvent] = []
    number = 0
    for trip in (*_losses(state), *_moves(state, moves), *_rejects(state)):
        if is_known(state, trip):
            continue
        alert = raise_alert(state, "critical", f"trip.{trip.kind}", trip.target, trip.sentence)
        if isinstance(alert, e.AlertRaised) and alert.alert_id >= state.next_alert:
            alert = _numbered(alert, state.next_alert + number)
            number += 1
        out += (e.TripFired(trip=trip), alert)
    return tuple(out)


def _numbered(alert: e.AlertRaised, number: int) -> e.AlertRaised:
    return e.AlertRaised(
        alert_id=number, severity=alert.severity, kind=alert.kind, object=alert.object,
        sentence=alert.sentence, event_at=alert.event_at,
    )  # fmt: skip


def is_known(state: State, trip: Trip) -> bool:
    """Whether this trip has fired and its kill is not released yet."""
    known = state.trips.get((trip.kind, trip.scope, trip.target))
    if known is None:
        return False
    kill = next(
        (
            kill
            for kill in reversed(tuple(state.kills.values()))
            if kill.door == DOOR and (kill.scope, kill.target) == (trip.scope, trip.target)
        ),
        None,
    )
    return kill is None or kill.is_active or kill.requested_at < known.at


def owed(state: State) -> tuple[Trip, ...]:
    """Trips whose kill was never seen: the process died between the fact and the flag."""
    return tuple(
        trip
        for trip in state.trips.values()
        if not any(
            kill.door == DOOR
            and (kill.scope, kill.target) == (trip.scope, trip.target)
            and kill.requested_at >= trip.at
            for kill in state.kills.values()
        )
    )


def loss_of(parent: Parent, tick_size: float) -> float:
    """Side * (paid - arrival) * filled + fees: what working it has cost so far. [currency]

    Positive = lost; 0 before the first fill. What is not done yet has no part in it.
    """
    if not parent.filled:
        return 0.0
    worse = parent.side * (parent.average_price - parent.arrival_price)
    return worse * parent.filled * tick_size + parent.fees


def armed(state: State, kind: str) -> bool:
    """Whether this automatic kill is set anywhere: by the policy, or as a limit."""
    return kind in delivered(state.policy) or bool(state.limits.rows.get(kind))


def tightest(state: State, kind: str, scopes: tuple[Scope, ...]) -> Limit | None:
    """The smallest number of the places that something falls under."""
    rows = (row for row, _ in limits_for(state, kind, scopes))
    return min(rows, key=lambda row: row.value, default=None)


def _losses(state: State) -> Iterator[Trip]:
    if not armed(state, TRIP_LOSS):
        return
    for parent in state.parents.values():
        if not parent.is_live or not parent.filled:
            continue
        limit = tightest(state, TRIP_LOSS, scopes_of(parent))
        lost = loss_of(parent, state.instruments[parent.symbol].tick_size)
        if limit is not None and lost > limit.value:
            yield _loss(state, parent, lost, limit)


def _loss(state: State, parent: Parent, lost: float, limit: Limit) -> Trip:
    instrument = state.instruments[parent.symbol]
    paid = parent.average_price * instrument.tick_size
    sentence = (
        f"P-{parent.id} lost {lost:,.0f} {instrument.currency} against arrival, "
        f"{key_text(limit.key)} is {limit.value:,.0f}: {parent.filled:,} {parent.symbol} at "
        f"{paid:.4f}, arrival {parent.arrival_price * instrument.tick_size:.4f}, "
        f"fees {parent.fees:,.2f}"
    )
    return _of_order(state, LOSS, parent, limit, lost, sentence)


def _of_order(
    state: State, kind: str, parent: Parent, limit: Limit, value: float, sentence: str
) -> Trip:
    return Trip(
        kind=kind,
        scope="parent",
        target=parent_text(parent.id),
        sentence=sentence,
        value=value,
        threshold=limit.value,
        at=state.desk_ns,
    )


def _moves(state: State, moves: Moves) -> Iterator[Trip]:
    if not armed(state, TRIP_MOVE):
        return
    for symbol in state.instruments:
        move = moves.move(symbol)
        limit = tightest(state, TRIP_MOVE, (("firm", ""), ("instrument", symbol)))
        if move is not None and limit is not None and abs(move) > limit.value:
            yield Trip(
                kind=MOVE,
                scope="symbol",
                target=symbol,
                sentence=f"{symbol} moved {move * 100:+.2f} % in 60 s of market time, "
                f"{key_text(limit.key)} is {limit.value * 100:.2f} %",
                value=abs(move),
                threshold=limit.value,
                at=state.desk_ns,
            )


def _rejects(state: State) -> Iterator[Trip]:
    if not armed(state, TRIP_REJECTS):
        return
    rejected: dict[int, list[int]] = {}
    for child in state.ended.values():
        if child.state == ChildState.REJECTED:
            rejected.setdefault(child.parent_id, []).append(child.ended_at)
    for number, instants in rejected.items():
        parent = state.parents[ParentId(number)]
        if not parent.is_live:
            continue
        for limit, _ in limits_for(state, TRIP_REJECTS, scopes_of(parent)):
            n = sum(1 for at in instants if at > state.market_ns - limit.window_ns)
            if n > limit.value:
                yield _reject(state, parent, n, limit)
                break


def _reject(state: State, parent: Parent, n: int, limit: Limit) -> Trip:
    sentence = (
        f"{n} children of P-{parent.id} were rejected in {limit.window_ns // SECOND} s of market "
        f"time, {key_text(limit.key)} is {limit.value:g}"
    )
    return _of_order(state, REJECTS, parent, limit, float(n), sentence)
