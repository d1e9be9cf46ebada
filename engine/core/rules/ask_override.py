"""The trader's question: may this one order pass?"""

from engine.core.quotes import Quotes
from engine.core.rules import overrides
from engine.core.rules.orders import draft
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.people import Person


def ask(state: State, quotes: Quotes, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """All checks of an entry are made now; what breaks a hard limit cannot even be asked."""
    command = envelope.command
    assert isinstance(command, c.AskOverride)
    if command.order.override:
        raise Refused("an order under an override needs no further one", field="override")
    entry = draft(state, quotes, command.order, person)
    row = overrides.asked(
        state, envelope, command.order, person, entry.soft, entry.instrument.currency
    )
    return (e.OverrideAsked(override=row),)
