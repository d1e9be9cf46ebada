"""What a difference between our books and the venue's stops, and how it is accepted."""

from engine.core.rules.four_eyes import check_reason
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.people import Person
from engine.domain.units import PersonId, Symbol


def check_symbol(state: State, symbol: Symbol) -> None:
    """Refuse what raises risk in a symbol whose books differ. Other symbols go on."""
    found = state.differences.get(symbol)
    if found is not None:
        raise Refused(
            f"books and venue differ in {symbol} and nobody has accepted it: {found.sentences[0]}",
            rule="reconciliation",
        )


def accept(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Exactly the difference that was shown; two people where the exposure grows by it."""
    command = envelope.command
    assert isinstance(command, c.AcceptReconciliation)
    digest, grows, asked_by = _shown(state, command.symbol)
    if not digest:
        raise Refused("books and venue are equal: there is nothing to accept")
    if command.difference != digest:
        raise Refused("the difference has changed since you saw it", rule="content_hash")
    check_reason(envelope, "accepting a difference")
    if grows and not asked_by:
        return (
            e.ReconciliationAcceptAsked(
                difference=digest, by=person.id, reason=envelope.reason, symbol=command.symbol
            ),
        )
    if grows and asked_by == person.id:
        raise Refused(
            "the venue has more of ours than we know of: a different person than "
            f"{asked_by} must accept it too",
            rule="four_eyes",
        )
    return (
        e.ReconciliationAccepted(
            difference=digest, by=person.id, reason=envelope.reason, symbol=command.symbol
        ),
    )


def _shown(state: State, symbol: Symbol) -> tuple[str, bool, PersonId]:
    if not symbol:
        return state.difference, state.difference_grows, state.difference_asked
    found = state.differences.get(symbol)
    return ("", False, PersonId("")) if found is None else (
        found.digest, found.grows, found.asked_by
    )  # fmt: skip
