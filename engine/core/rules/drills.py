"""Drills: who may let what happen to the simulated market."""

from engine.core.rules.desk import raise_alert
from engine.core.rules.four_eyes import check_reason
from engine.core.rules.scope import child_number
from engine.core.state import State
from engine.domain import events as e
from engine.domain.commands import Envelope, StartIncident
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.incidents import (
    INCIDENT_KINDS,
    LEAST_SECONDS,
    MOST_SECONDS,
    MOST_SHARES,
    MOST_TICKS,
    Incident,
    IncidentState,
)
from engine.domain.orders import Parent
from engine.domain.people import Person, Reach, may, reach
from engine.domain.strategy import STRATEGIES
from engine.domain.units import PersonId, parent_text


def start_incident(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Ask the exchange for an incident; its answer is a fact of its own."""
    command = envelope.command
    assert isinstance(command, StartIncident)
    _check_desk(state, envelope)
    _check_what(state, command)
    _check_size(command)
    _check_trainee(state, command)
    for known in state.incidents.values():
        same = (known.kind, known.venue, known.symbol) == (
            command.kind, command.venue, command.symbol,
        )  # fmt: skip
        if same and is_under_way(state, known) and not INCIDENT_KINDS[known.kind].is_of_order:
            raise Refused(f"I-{known.id} is the same and still under way", field="kind")
    asked = e.IncidentAsked(
        incident_id=len(state.incidents) + 1,
        kind=command.kind,
        venue=command.venue,
        symbol=command.symbol,
        seconds=command.seconds,
        size=command.size,
        by=person.id,
        reason=envelope.reason.strip(),
        child=_child(state, command),
        trainee=command.trainee,
    )
    return (asked,) if command.kind != "kill" else (asked, *_call(state, command, person.id))


def _call(state: State, command: StartIncident, by: PersonId) -> tuple[AnyEvent, ...]:
    """The exception of a kill call, with its trainee: no market tells the desk of it.

    A trader is called about an own order, everybody else about the stock.
    """
    trainee = state.people.get(command.trainee)
    about = str(command.symbol)
    if trainee is not None and reach(trainee.roles, "order.kill") == Reach.OWN:
        own = [row for row in _at_work(state, command.symbol) if row.trader == trainee.id]
        if not own:
            raise Refused(
                f"{trainee.id} has no order at work in {command.symbol} to kill", field="symbol"
            )
        about = parent_text(own[-1].id)
    raised = raise_alert(
        state, "critical", "drill.kill", about,
        f"DRILL, a call to kill {about}: now, and for good. The debrief counts the seconds",
    )  # fmt: skip
    if trainee is None:
        return (raised,)
    assert isinstance(raised, e.AlertRaised)
    with_them = e.AlertAssigned(alert_id=raised.alert_id, to=trainee.id, by=by)
    return (raised, with_them)


def calls(state: State, about: str) -> bool:
    """Whether a kill call about a stock or an order is under way and something of it is alive."""
    mine = [
        row
        for row in state.parents.values()
        if row.is_live and about in (row.symbol, parent_text(row.id))
    ]
    symbols = {row.symbol for row in mine}
    return any(
        known.kind == "kill" and known.symbol in symbols and is_under_way(state, known)
        for known in state.incidents.values()
    )


def _at_work(state: State, symbol: str) -> list[Parent]:
    return [row for row in state.parents.values() if row.is_live and symbol in ("", row.symbol)]


def _check_trainee(state: State, command: StartIncident) -> None:
    if not command.trainee:
        return
    found = state.people.get(command.trainee)
    if found is None or not found.active or not may(found.roles, "alert.acknowledge"):
        raise Refused(
            "a trainee must be an active trader, supervisor or somebody of risk, "
            f"was {command.trainee!r}",
            field="trainee",
        )


def _check_orders(state: State, command: StartIncident) -> None:
    """Some drills are about orders: without one nobody could notice, or do, anything."""
    mine = _at_work(state, command.symbol)
    if command.kind == "kill" and not (command.symbol and mine):
        raise Refused("a kill call names a stock with an order at work", field="symbol")
    if command.kind == "drift" and not any(
        STRATEGIES[row.strategy].uses_model and row.strategy in state.models for row in mine
    ):
        raise Refused(
            "a drift is seen by a model in force: no order there works with one", field="symbol"
        )


def _child(state: State, command: StartIncident) -> int:
    """The order that is meant, 0 = the exchange chooses."""
    if not command.child:
        return 0
    if not INCIDENT_KINDS[command.kind].is_of_order:
        raise Refused(f"{command.kind} is not of an order: leave the order out", field="child")
    number = child_number(command.child)
    if state.child(number) is None:
        raise Refused(
            f"order must be one of today's, like C-3-17, was {command.child!r}", field="child"
        )
    return number


def is_under_way(state: State, incident: Incident) -> bool:
    """Whether it has begun and is not over; one without an answer counts for its whole length."""
    if incident.state == IncidentState.REFUSED:
        return False
    ends_at = incident.ends_at or incident.asked_at + int(incident.seconds * 1e9)
    return state.market_ns < ends_at


def _check_desk(state: State, envelope: Envelope) -> None:
    if state.mode not in ("SIM", "REACTIVE"):
        raise Refused(f"incidents are of the simulated exchange: this desk runs {state.mode}")
    if not state.is_open or state.session is None or state.market_ns < state.session.open_at:
        raise Refused("the market must be open for an incident")
    check_reason(envelope, "a drill")


def _check_what(state: State, command: StartIncident) -> None:
    kind = INCIDENT_KINDS.get(command.kind)
    if kind is None:
        raise Refused(
            f"kind must be one of {', '.join(INCIDENT_KINDS)}, was {command.kind!r}", field="kind"
        )
    if command.symbol and (kind.venues or command.symbol not in state.instruments):
        raise Refused(
            f"{command.kind} is of a venue, not of a symbol: leave the symbol out"
            if kind.venues
            else f"symbol must be one of {', '.join(state.instruments)}, was {command.symbol!r}",
            field="symbol",
        )
    _check_orders(state, command)
    fitting = tuple(venue.name for venue in state.venues if venue.kind in kind.venues)
    if kind.venues and command.venue not in fitting:
        raise Refused(
            f"the venue of {command.kind} must be one of {', '.join(fitting)}, "
            f"was {command.venue!r}",
            field="venue",
        )
    if not kind.venues and command.venue:
        raise Refused(
            f"{command.kind} is of symbols, not of a venue: leave the venue out", field="venue"
        )


def _check_size(command: StartIncident) -> None:
    if not LEAST_SECONDS <= command.seconds <= MOST_SECONDS:
        raise Refused(
            f"seconds must be {LEAST_SECONDS:g} to {MOST_SECONDS:,.0f}, was {command.seconds:g}",
            field="seconds",
        )
    sized = INCIDENT_KINDS[command.kind].is_sized
    if INCIDENT_KINDS[command.kind].is_of_order:
        if not 0 <= command.size <= MOST_SHARES:
            raise Refused(
                f"size must be 0 to {MOST_SHARES:,} shares, was {command.size}", field="size"
            )
        return
    if sized and not 0 < abs(command.size) <= MOST_TICKS:
        raise Refused(
            f"size must be 1 to {MOST_TICKS} ticks, up or (negative) down, was {command.size}",
            field="size",
        )
    if not sized and command.size:
        raise Refused(f"{command.kind} has no size: leave it out", field="size")
