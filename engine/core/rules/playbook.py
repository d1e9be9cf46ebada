"""The playbook at work: steps that are done about an exception, and new texts of its sections."""

from engine.core.rules.alerts import open_to
from engine.core.rules.four_eyes import check_reason
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.people import Person
from engine.domain.playbook import (
    SECTIONS,
    SectionVersion,
    check_body,
    section_of,
    steps_of,
)


def text_of(state: State, section: str) -> SectionVersion:
    """The text of a section that is in force."""
    edited = state.playbook.get(section)
    if edited:
        return edited[-1]
    return SectionVersion(section=section, version=1, body=SECTIONS[section].body)


def tick(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """One step is done, once, in the text that the person read."""
    command = envelope.command
    assert isinstance(command, c.TickStep)
    alert = open_to(state, person, command.alert_id, "playbook.tick", "works on")
    bound = section_of(alert.kind)
    if bound is None or bound.id != command.section:
        wanted = "no section" if bound is None else bound.id
        raise Refused(
            f"A-{alert.id} is about {wanted} of the playbook, was {command.section!r}",
            field="section",
        )
    text = _as_read(state, command.section, command.version)
    steps = steps_of(text.body)
    if not 0 <= command.step < len(steps):
        raise Refused(f"step must be 0 to {len(steps) - 1}, was {command.step}", field="step")
    for done in alert.ticks:
        if (done.version, done.step) == (text.version, command.step):
            raise Refused(f"this step is done already, by {done.by}", field="step")
    return (
        e.StepTicked(
            alert_id=alert.id, section=command.section, version=text.version, step=command.step,
            text=steps[command.step], by=person.id,
        ),
    )  # fmt: skip


def edit(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """A new text of a section, against the one that was read."""
    command = envelope.command
    assert isinstance(command, c.EditPlaybook)
    if command.section not in SECTIONS:
        raise Refused(f"the playbook has no section {command.section!r}", field="section")
    before = _as_read(state, command.section, command.version)
    body = check_body(command.body)
    reason = check_reason(envelope, "a new text of the playbook")
    if body == before.body:
        raise Refused("the text is the one in force", field="body")
    return (
        e.PlaybookEdited(
            section=command.section, version=before.version + 1, body=body, by=person.id,
            reason=reason,
        ),
    )  # fmt: skip


def _as_read(state: State, section: str, version: int) -> SectionVersion:
    """The text in force, refused when it is not the one that the person saw."""
    text = text_of(state, section)
    if text.version != version:
        raise Refused(
            f"{section} is at version {text.version} by now, you read {version}: look again",
            rule="version",
        )
    return text
