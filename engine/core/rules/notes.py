"""What people write beside requests and decisions: kept with name and time, never rewritten."""

from typing import Final

from engine.core.rules import approval, limit_changes
from engine.core.rules.scope import child_number
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import Note
from engine.domain.people import Person
from engine.domain.units import ChildId

MOST: Final = 50  # beside one thing
TEXT_MOST: Final = 2_000  # characters


def check_note(text: str, known: tuple[Note, ...], about: str) -> str:
    """The text as it is kept; empty, endless and one too many are refused."""
    kept = text.strip()
    if not kept or len(kept) > TEXT_MOST:
        raise Refused(
            f"a note must have 1 to {TEXT_MOST:,} characters, was {len(kept):,}", field="text"
        )
    if len(known) >= MOST:
        raise Refused(f"{about} has {MOST} notes: it takes no more", field="text")
    return kept


def comment_change(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Either side of an open request says something; hash and evidence stay as they are."""
    command = envelope.command
    assert isinstance(command, c.CommentChange)
    change = approval.find_open(state, command.change_id)
    text = check_note(command.text, change.comments, f"R-{change.id}")
    return (e.ChangeCommented(change_id=change.id, text=text, by=person.id),)


def comment_limit(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """The same beside an open limit change."""
    command = envelope.command
    assert isinstance(command, c.CommentLimit)
    change = limit_changes.find_open(state, command.limit_change_id)
    text = check_note(command.text, change.comments, f"L-{change.id}")
    return (e.LimitCommented(limit_change_id=change.id, text=text, by=person.id),)


def comment_decision(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """About the decision record with which a child of this order was sent."""
    command = envelope.command
    assert isinstance(command, c.CommentDecision)
    number = child_number(command.child) if command.child.startswith("C-") else 0
    child = state.child(ChildId(number))
    if child is None or child.parent_id != command.parent_id:
        raise Refused(f"P-{command.parent_id} has no child {command.child} of today", field="child")
    if not child.decision_seq:
        raise Refused(
            f"{command.child} was adopted from the venue: the desk never decided it", field="child"
        )
    known = state.comments.get(child.id, ())
    text = check_note(command.text, known, f"the decision of {command.child}")
    return (
        e.DecisionCommented(
            parent_id=child.parent_id,
            child_id=child.id,
            decision_seq=child.decision_seq,
            text=text,
            by=person.id,
        ),
    )
