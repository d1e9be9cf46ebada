"""Exceptions: seen, taken, annotated and closed by named persons; and what nobody saw in time."""

from engine.core.rules.drills import calls
from engine.core.rules.four_eyes import check_reason
from engine.core.rules.notes import check_note
from engine.core.rules.scope import child_number
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import Alert, AlertCause
from engine.domain.orders import Parent
from engine.domain.people import Person, Reach, may, reach
from engine.domain.units import ChildId, Nanos, ParentId, PersonId

DAY_IS_OVER = "the day of its order is over: nobody had closed it"


def acknowledge(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """A named person has seen an alert."""
    command = envelope.command
    assert isinstance(command, c.AcknowledgeAlert)
    alert = find(state, command.alert_id)
    if alert.acknowledged_by:
        raise Refused(f"A-{alert.id} is already acknowledged by {alert.acknowledged_by}")
    check_open(alert)
    check_reach(state, person, alert, "alert.acknowledge", "acknowledges")
    return (e.AlertAcknowledged(alert_id=alert.id, by=person.id),)


def show(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """The first browser that has an alert on its screen; later ones change nothing."""
    command = envelope.command
    assert isinstance(command, c.ShowAlerts)
    found = (state.alerts.get(number) for number in dict.fromkeys(command.alert_ids))
    return tuple(
        e.AlertShown(alert_id=alert.id, by=person.id)
        for alert in found
        if alert is not None and not alert.shown_at
    )


def assign(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Somebody who could close it takes an exception, or is given it."""
    command = envelope.command
    assert isinstance(command, c.AssignAlert)
    alert = open_to(state, person, command.alert_id, "alert.assign", "assigns")
    to = state.people.get(command.to or person.id)
    if to is None or not to.active or not may(to.roles, "alert.resolve"):
        raise Refused(
            f"an exception goes to a trader, a supervisor or risk, {command.to!r} is none",
            field="to",
        )
    if _only_own(to, "alert.resolve") and not _is_own(state, to, alert):
        raise Refused(f"A-{alert.id} is not about an order of {to.id}", field="to")
    if to.id == alert.assigned_to:
        raise Refused(f"A-{alert.id} is already with {to.id}", field="to")
    return (e.AlertAssigned(alert_id=alert.id, to=to.id, by=person.id),)


def annotate(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """A note beside an exception, open or closed; nothing else changes."""
    command = envelope.command
    assert isinstance(command, c.AnnotateAlert)
    alert = find(state, command.alert_id)
    text = check_note(command.text, alert.notes, f"A-{alert.id}")
    return (e.AlertAnnotated(alert_id=alert.id, text=text, by=person.id),)


def resolve(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Close an exception; one whose cause the desk still sees stays open."""
    command = envelope.command
    assert isinstance(command, c.ResolveAlert)
    alert = open_to(state, person, command.alert_id, "alert.resolve", "closes")
    reason = check_reason(envelope, "closing an exception")
    if stands(state, alert):
        raise Refused(
            f"the cause of A-{alert.id} still stands ({alert.sentence}): acknowledge it, and close "
            "it when it is over"
        )
    seen = () if alert.acknowledged_by else (e.AlertAcknowledged(alert_id=alert.id, by=person.id),)
    closed = e.AlertResolved(alert_id=alert.id, cause=command.cause, reason=reason, by=person.id)
    return (*seen, closed)


def overdue(state: State, now: Nanos, after_ns: int) -> tuple[AnyEvent, ...]:
    """Critical alerts that nobody has acknowledged for ``after_ns``, each said once. [desk clock]

    ``after_ns`` 0 = nobody waits for that.
    """
    if not after_ns:
        return ()
    return tuple(
        e.AlertEscalated(alert_id=alert.id, after_s=(now - alert.raised_at) / 1e9)
        for alert in state.alerts.values()
        if alert.severity == "critical"
        and not (alert.acknowledged_by or alert.is_closed or alert.escalated_at)
        and now - alert.raised_at >= after_ns
    )


def day_over(state: State, by: PersonId) -> tuple[AnyEvent, ...]:
    """Warnings about orders are closed with their day, in the desk's name, and say so.

    Nobody can act on them any more. Everything else stays open over the night.
    """
    return tuple(
        e.AlertResolved(alert_id=alert.id, cause=AlertCause.PASSED, reason=DAY_IS_OVER, by=by)
        for alert in state.alerts.values()
        if alert.kind.startswith("order.") and alert.severity != "critical" and not alert.is_closed
    )


def stands(state: State, alert: Alert) -> bool | None:
    """Whether the cause is still seen by the desk itself; None = it does not look for that."""
    family, _, kind = alert.kind.partition(".")
    match family, kind:
        case "market", ("crossed" | "feed" | "halt" | "move" | "stuck" | "pending"):
            return (kind, alert.object) in state.trouble
        case "order", _:
            parent = parent_of(state, alert.object)
            at_work = parent is not None and parent.is_live
            return at_work and (kind, alert.object) in state.trouble
        case "desk", _:
            return (kind, "") in state.conditions
        case "kill", "selftest":
            return ("selftest", "") in state.conditions
        case "venue", "down":
            return alert.object in state.lost
        case "drill", "kill":
            return calls(state, alert.object)
        case "reconciliation", "":
            differ = state.difference if alert.object == "venue" else ""
            return bool(differ) or alert.object in state.differences
        case _:
            return None


def find(state: State, number: int) -> Alert:
    """The exception of a number."""
    alert = state.alerts.get(number)
    if alert is None:
        raise Refused(f"there is no alert A-{number}")
    return alert


def open_to(state: State, person: Person, number: int, right: str, what: str) -> Alert:
    """The exception of a number, which nobody has closed and which this person may act on."""
    alert = find(state, number)
    check_open(alert)
    check_reach(state, person, alert, right, what)
    return alert


def check_open(alert: Alert) -> None:
    """Refuse what somebody has closed."""
    if alert.is_closed:
        by = alert.resolved_by or alert.acknowledged_by
        raise Refused(f"A-{alert.id} is already closed by {by}")


def check_reach(state: State, person: Person, alert: Alert, right: str, what: str) -> None:
    """Traders act on exceptions of their own orders only."""
    if _only_own(person, right) and not _is_own(state, person, alert):
        raise Refused(
            f"A-{alert.id} is about {alert.object or 'the desk'}: a trader {what} alerts of "
            "own orders, this needs a supervisor or risk",
            rule="permission",
        )


def _only_own(person: Person, right: str) -> bool:
    return reach(person.roles, right) <= Reach.OWN


def _is_own(state: State, person: Person, alert: Alert) -> bool:
    parent = parent_of(state, alert.object)
    return parent is not None and parent.trader == person.id


def parent_of(state: State, about: str) -> Parent | None:
    """The order that ``P-3`` or ``C-3-17`` names, None when it is of no order of today."""
    if about.startswith("P-") and about[2:].isdecimal():
        return state.parents.get(ParentId(int(about[2:])))
    if not about.startswith("C-"):
        return None
    child = state.child(ChildId(child_number(about)))
    return None if child is None else state.parents.get(child.parent_id)
