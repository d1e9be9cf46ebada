"""Commands become events, or a refusal. The one place that decides who may do what."""

from collections.abc import Callable
from typing import Final

from engine.core.quotes import Quotes
from engine.core.rules import (
    alerts,
    amend,
    approval,
    ask_override,
    books,
    desk,
    drills,
    hold,
    kill,
    limit_changes,
    models,
    modes,
    notes,
    orders,
    overrides,
    playbook,
    rollout,
    scope_hold,
    throttle,
)
from engine.core.rules.scope import covered
from engine.core.state import State
from engine.domain import commands as c
from engine.domain.commands import PERMISSION, RISK_REDUCING, Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import WIDE_SCOPES
from engine.domain.people import Person, Reach, Role, covers, may, reach
from engine.domain.units import ParentId, PersonId

SYSTEM_PERSON: Final = PersonId("system")  # the desk's own processes; no login has this id
SYSTEM: Final = Person(id=SYSTEM_PERSON, roles=(Role.SYSTEM,), desk="")

Rule = Callable[[State, Quotes, Envelope, Person], tuple[AnyEvent, ...]]
Plain = Callable[[State, Envelope, Person], tuple[AnyEvent, ...]]


def _plain(rule: Plain) -> Rule:
    """A rule that does not look at the market."""

    def run(
        state: State, quotes: Quotes, envelope: Envelope, person: Person
    ) -> tuple[AnyEvent, ...]:
        del quotes
        return rule(state, envelope, person)

    return run


RULES: Final[dict[type[c.AnyCommand], Rule]] = {
    c.SubmitParent: orders.submit,
    c.AmendParent: amend.amend,
    c.MoveParameter: _plain(orders.move_parameter),
    c.CommentDecision: _plain(notes.comment_decision),
    c.ApproveParent: orders.approve,
    c.HoldParent: _plain(hold.hold),
    c.ResumeParent: hold.resume,
    c.UseModel: _plain(models.use_model),
    c.HoldScope: _plain(scope_hold.hold),
    c.ReleaseHold: _plain(scope_hold.release),
    c.SetMode: _plain(modes.set_mode),
    c.RelaxMode: _plain(modes.relax),
    c.RequestKill: _plain(kill.give_reason),
    c.ReleaseKill: _plain(kill.release),
    c.ProposeChange: _plain(approval.propose),
    c.EditChange: _plain(approval.edit),
    c.WithdrawChange: _plain(approval.withdraw),
    c.StopRollout: _plain(rollout.stop),
    c.CommentChange: _plain(notes.comment_change),
    c.DecideChange: _plain(approval.decide_change),
    c.AttachEvidence: _plain(approval.attach),
    c.ProposeLimit: _plain(limit_changes.propose),
    c.EditLimit: _plain(limit_changes.edit),
    c.WithdrawLimit: _plain(limit_changes.withdraw),
    c.CommentLimit: _plain(notes.comment_limit),
    c.DecideLimit: _plain(limit_changes.decide_limit),
    c.EnableStrategy: _plain(throttle.enable),
    c.AskOverride: ask_override.ask,
    c.ConfirmOverride: _plain(overrides.confirm),
    c.AcknowledgeAlert: _plain(alerts.acknowledge),
    c.ShowAlerts: _plain(alerts.show),
    c.AssignAlert: _plain(alerts.assign),
    c.AnnotateAlert: _plain(alerts.annotate),
    c.ResolveAlert: _plain(alerts.resolve),
    c.TickStep: _plain(playbook.tick),
    c.EditPlaybook: _plain(playbook.edit),
    c.AcceptReconciliation: _plain(books.accept),
    c.SetSpeed: _plain(desk.set_speed),
    c.StartIncident: _plain(drills.start_incident),
    c.AnnotateTca: _plain(desk.annotate),
    c.SignDay: _plain(desk.sign),
    c.ReportTca: _plain(desk.report_tca),
    c.SetPeople: _plain(desk.set_people),
    c.SetPolicy: _plain(desk.set_policy),
    c.OpenSession: _plain(desk.open_session),
    c.OpenNextDay: _plain(desk.open_next_day),
    c.InstallModel: _plain(desk.install_model),
}


def answered(state: State, envelope: Envelope) -> str | None:
    """What this very command was told before; None when its id is new.

    An id is an effect of one person: under somebody else's id, or with other content, nobody gets
    an answer that was not meant for them, and no command is swallowed by another.
    """
    said = state.commands.get(envelope.id)
    if said is None or state.asked.get(envelope.id) == (envelope.person, envelope.command):
        return said
    return f"the id {envelope.id} is that of another command: nothing was done, use a new id"


def decide(state: State, quotes: Quotes, envelope: Envelope) -> tuple[AnyEvent, ...]:
    """The events a command causes now; raises Refused with the sentence for the person."""
    check_envelope(state, envelope)
    person = find_person(state, envelope.person)
    check_permission(state, person, envelope)
    modes.check(state, envelope.command)
    if not modes.reduces(state, envelope.command):
        scope_hold.check(state, person, envelope.command)
    rule = RULES.get(type(envelope.command))
    if rule is None:
        raise Refused(f"{type(envelope.command).__name__} is not available here", rule="verb")
    return rule(state, quotes, envelope, person)


def check_envelope(state: State, envelope: Envelope) -> None:
    """Late, or meant for an engine that is gone: refused; nothing queued acts after a restart."""
    if state.desk_ns > envelope.expires_at:
        late = (state.desk_ns - envelope.expires_at) / 1e9
        raise Refused(
            f"the command came {late:.1f} s too late and was not carried out", rule="late"
        )
    reduces = type(envelope.command).__name__ in RISK_REDUCING
    if envelope.epoch not in (0, state.epoch) and not reduces:
        raise Refused(
            f"the command was meant for engine start {envelope.epoch}, this is {state.epoch}: "
            "look again, then repeat it",
            rule="epoch",
        )


def find_person(state: State, person_id: PersonId) -> Person:
    """The person as the journal knows one; the desk's own processes act as SYSTEM."""
    if person_id == SYSTEM_PERSON:
        return SYSTEM
    person = state.people.get(person_id)
    if person is None:
        raise Refused(f"person {person_id!r} is unknown to the engine", rule="person")
    if not person.active:
        raise Refused(f"person {person_id!r} is no longer active", rule="person")
    return person


def check_permission(state: State, person: Person, envelope: Envelope) -> None:
    """Default deny by verb, then by object."""
    verb = type(envelope.command).__name__
    permission = PERMISSION.get(verb)
    if permission is None or not may(person.roles, permission):
        roles = ", ".join(person.roles) or "nobody"
        raise Refused(f"{verb} needs the right {permission}; you are {roles}", rule="permission")
    parent_id = getattr(envelope.command, "parent_id", None)
    if parent_id and not isinstance(envelope.command, c.AnnotateTca):
        _check_object(state, person, permission, parent_id)
    if isinstance(envelope.command, c.RequestKill):
        check_kill_reach(state, person, envelope.command.scope, envelope.command.target)


def _check_object(state: State, person: Person, permission: str, parent_id: ParentId) -> None:
    parent = state.parents.get(parent_id)
    if parent is None:
        raise Refused(f"there is no parent P-{parent_id} today")
    if not covers(person, permission, owner=parent.trader, desk=parent.desk):
        raise Refused(
            f"P-{parent_id} belongs to {parent.trader} of desk {parent.desk}, not to you",
            rule="permission",
        )


def reaches_wide(person: Person, scope: str, target: str) -> bool:
    """Whether a scope that bars others is open to the person: the own desk, or everything."""
    how_far = reach(person.roles, "order.kill")
    if scope == "desk" and target != person.desk:
        return how_far == Reach.ALL
    return how_far >= Reach.DESK


def check_kill_reach(state: State, person: Person, scope: str, target: str) -> None:
    """Every live order in the scope must be within the person's reach."""
    parents, children = covered(state, scope, target)
    if scope in WIDE_SCOPES and not reaches_wide(person, scope, target):
        raise Refused(
            f"a kill of a {scope} reaches beyond your own orders: it needs a supervisor or risk",
            rule="permission",
        )
    touched = {parent.id: parent for parent in parents}
    touched.update((child.parent_id, state.parents[child.parent_id]) for child in children)
    for parent in touched.values():
        if not covers(person, "order.kill", owner=parent.trader, desk=parent.desk):
            raise Refused(
                f"P-{parent.id} in this scope belongs to {parent.trader}, not to you",
                rule="permission",
            )
