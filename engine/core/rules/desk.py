"""The desk itself: day, people, policy, speed, sign-off, and how an alert is raised."""

from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.people import Person, Role, covers
from engine.domain.strategy import STRATEGIES
from engine.domain.units import Nanos

MAX_SPEED = 600.0


def open_session(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """A new day; yesterday must be closed."""
    del person
    command = envelope.command
    assert isinstance(command, c.OpenSession)
    if state.is_open:
        raise Refused("the session is already open")
    if state.session is not None and command.session.day <= state.session.day:
        raise Refused(f"the day must be after {state.session.day}, was {command.session.day}")
    opened = e.SessionOpened(
        session=command.session,
        instruments=command.instruments,
        source=command.source,
        seed=command.seed,
    )
    return (opened, *first_parameters(state))


def first_parameters(state: State) -> tuple[AnyEvent, ...]:
    """The factory values of every strategy that has none in force yet."""
    return tuple(
        e.ParametersSet(strategy=name, version=1, values=algo.defaults())
        for name, algo in STRATEGIES.items()
        if name not in state.parameters
    )


def open_next_day(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Allowed once the day is closed; the shell then starts the next segment and session."""
    del envelope, person
    if state.is_open and state.session is not None:
        raise Refused(f"{state.session.day} is still open", rule="session")
    if state.mode == "REPLAY" and state.session is not None:
        raise Refused(
            f"the recording holds {state.session.day} only: start the desk again with another "
            "recording and its own state folder",
            rule="recording",
        )
    return ()


def set_people(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Replace the table of people; at least one stays."""
    del person
    command = envelope.command
    assert isinstance(command, c.SetPeople)
    if not command.people:
        raise Refused("there must be at least one person", field="people")
    ids = [row.id for row in command.people]
    if len(set(ids)) != len(ids) or any(Role.SYSTEM in row.roles for row in command.people):
        raise Refused("each person once, and none of them with the role system", field="people")
    if tuple(state.people.values()) == command.people:
        return ()
    return (e.PeopleSet(people=command.people),)


def set_policy(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """New limits, by the desk's own configuration only."""
    del person
    command = envelope.command
    assert isinstance(command, c.SetPolicy)
    return () if command.policy == state.policy else (e.PolicySet(policy=command.policy),)


def set_speed(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Speed of the simulated market; 0 pauses it."""
    del person
    command = envelope.command
    assert isinstance(command, c.SetSpeed)
    if not (command.speed == 0 or 1.0 <= command.speed <= MAX_SPEED):
        raise Refused(
            f"speed must be 0 (pause) or between 1 and {MAX_SPEED:g}, was {command.speed:g}",
            field="speed",
        )
    return () if command.speed == state.speed else (e.SpeedSet(speed=command.speed),)


def install_model(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """The first model of a fresh desk; later ones go through a change request."""
    command = envelope.command
    assert isinstance(command, c.InstallModel)
    if command.strategy in state.models:
        raise Refused(
            f"{command.strategy} has had a model: the next one needs a change request", rule="model"
        )
    return (
        e.ModelSet(
            strategy=command.strategy, model_id=command.model_id, card=command.card, by=person.id
        ),
    )


def report_tca(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """The worker has built a day's report; a signed day keeps its hash."""
    del person
    command = envelope.command
    assert isinstance(command, c.ReportTca)
    if state.reports.get(command.day) == command.report_hash:
        return ()
    if command.day in state.signed:
        raise Refused(
            f"{command.day} is signed off: its report can no longer change", rule="signed"
        )
    return (
        e.TcaReported(
            day=command.day,
            report_hash=command.report_hash,
            parents=command.parents,
            shortfall_bps=command.shortfall_bps,
        ),
    )


def annotate(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """A note beside the numbers, never into them."""
    command = envelope.command
    assert isinstance(command, c.AnnotateTca)
    text = command.text.strip()
    if not text:
        raise Refused("a note must have text", field="text")
    if len(text) > 2_000:
        raise Refused(f"a note has at most 2,000 characters, was {len(text):,}", field="text")
    if command.day not in state.reports:
        raise Refused(f"there is no TCA report of {command.day}", field="day")
    today = state.session is not None and state.session.day == command.day
    parent = state.parents.get(command.parent_id) if today else None
    if parent is not None and not covers(person, "tca.note", owner=parent.trader, desk=parent.desk):
        raise Refused(f"P-{parent.id} belongs to {parent.trader}, not to you", rule="permission")
    return (e.TcaAnnotated(day=command.day, parent_id=command.parent_id, text=text, by=person.id),)


def sign(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Sign off exactly the report that was shown."""
    command = envelope.command
    assert isinstance(command, c.SignDay)
    shown = state.reports.get(command.day)
    if shown is None:
        raise Refused(f"there is no TCA report of {command.day}", field="day")
    if command.day in state.signed:
        raise Refused(f"{command.day} is already signed off by {state.signed[command.day][1]}")
    if shown != command.report_hash:
        raise Refused(
            f"the report has changed since you saw it: you saw {command.report_hash[:8]}, "
            f"it is {shown[:8]}",
            rule="content_hash",
        )
    return (e.DaySigned(day=command.day, report_hash=shown, by=person.id),)


def raise_alert(
    state: State, severity: str, kind: str, about: str, sentence: str, event_at: Nanos = Nanos(0)
) -> AnyEvent:
    """An alert; an equal one that nobody has closed is counted up instead of doubled."""
    for alert in reversed(tuple(state.alerts.values())):
        if alert.kind == kind and alert.object == about and not alert.is_closed:
            number = alert.id
            break
    else:
        number = state.next_alert
    return e.AlertRaised(
        alert_id=number,
        severity=severity,
        kind=kind,
        object=about,
        sentence=sentence,
        event_at=event_at,
    )
