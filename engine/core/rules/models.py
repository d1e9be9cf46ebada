"""A model version that may decide no more: each order does what its ticket said, with a receipt.

Lost by a kill, by drift or by its own expiry. An order that left its version stays with the base
schedule until somebody tells it otherwise, whatever becomes of the version.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from engine.core.rules.desk import raise_alert
from engine.core.rules.orders import LIVE, cancels, check_version, find
from engine.core.rules.scope import active_kill_of
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import Kill
from engine.domain.orders import HoldChildren, OnModelLoss, Parent, ParentState
from engine.domain.people import Person
from engine.domain.strategy import strategy
from engine.domain.units import PersonId

SYSTEM: Final = PersonId("system")


def lose(
    state: State, parents: Iterable[Parent], model_id: str, cause: str, *, killed: bool
) -> tuple[AnyEvent, ...]:
    """What each of these live parents does without the version it works by."""
    out: list[AnyEvent] = []
    for parent in parents:
        out.append(
            e.ParentModelSet(
                parent_id=parent.id, use=False, model_id=model_id, cause=cause, by=SYSTEM
            )
        )
        waits = parent.without_model(killed=killed) == OnModelLoss.HOLD
        if waits and parent.state == ParentState.WORKING:
            out.append(
                e.ParentHoldAsked(
                    parent_id=parent.id, children=HoldChildren.CANCEL, cause=cause, by=SYSTEM
                )
            )
            if not killed:  # a kill takes back every child that the version decided
                out += cancels(state, parent, "model")
    return tuple(out)


def without(parents: Iterable[Parent]) -> tuple[int, int, int]:
    """What a kill of their version would leave: orders on hold, going on by the base schedule, and
    those that wait for their approval or are being killed: it changes nothing for them.
    """
    held = base = other = 0
    for parent in parents:
        waits = parent.state != ParentState.WORKING  # on hold already, and it stays so
        if parent.state not in LIVE:
            other += 1
        elif waits or parent.without_model(killed=True) == OnModelLoss.HOLD:
            held += 1
        else:
            base += 1
    return held, base, other


def users(state: State, name: str) -> tuple[Parent, ...]:
    """Live parents that work by the version in force of a strategy, in the order of entry."""
    return tuple(
        parent
        for parent in state.parents.values()
        if parent.strategy == name and parent.is_live and state.model_of(parent)
    )


def watch(state: State, verdicts: Mapping[str, str]) -> tuple[AnyEvent, ...]:
    """Demote versions in force of which ``verdicts`` (by strategy) says what is wrong."""
    out: list[AnyEvent] = []
    for name, wrong in verdicts.items():
        model_id = state.model_id(name)
        if not wrong or not model_id:
            continue
        cause = f"model {model_id} {wrong}"
        mine = users(state, name)
        held = sum(1 for parent in mine if parent.without_model(killed=False) == OnModelLoss.HOLD)
        sentence = (
            f"{name} works without its model: {cause}. Of {len(mine)} orders {held} hold and "
            f"{len(mine) - held} go on by the base schedule, as their tickets say"
        )
        out.append(e.ModelDemoted(strategy=name, model_id=model_id, cause=wrong))
        out += lose(state, mine, model_id, cause, killed=False)
        out.append(raise_alert(state, "critical", "model.demoted", name, sentence))
    return tuple(out)


def holding_kill(state: State, parent: Parent) -> Kill | None:
    """The kill of its version that an order which holds on such a loss still waits for."""
    if parent.on_model_loss == OnModelLoss.BASE or not parent.model_off:
        return None
    return next((k for k in state.active_kills() if kill_cause(k.id) == parent.model_off), None)


def kill_cause(kill_id: int) -> str:
    """How a kill stands in the cause of a hold or of a lost version."""
    return f"kill K-{kill_id}"


def use_model(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Take one order off its model at once; back on it, after the desk took it off, by another."""
    command = envelope.command
    assert isinstance(command, c.UseModel)
    parent = find(state, command.parent_id)
    if not strategy(parent.strategy).uses_model:
        raise Refused(f"{parent.strategy} uses no model")
    if parent.state not in LIVE:
        raise Refused(f"P-{parent.id} is {parent.state}: its model no longer matters")
    if command.use:
        _check_return(state, envelope, parent, person)
    elif parent.model_off:
        raise Refused(f"P-{parent.id} works without its model already: {parent.model_off}")
    return (
        e.ParentModelSet(
            parent_id=parent.id,
            use=command.use,
            model_id=state.model_id(parent.strategy),
            cause=envelope.reason.strip() or "told by a person",
            by=person.id,
        ),
    )


def _check_return(state: State, envelope: Envelope, parent: Parent, person: Person) -> None:
    check_version(parent, envelope.expected_version)
    if not parent.model_off:
        raise Refused(f"P-{parent.id} may use its model already")
    if parent.model_off_by == SYSTEM and person.id == parent.trader:
        raise Refused(
            f"P-{parent.id} was taken off its model by the desk ({parent.model_off}): a person "
            "other than its trader gives it back",
            rule="four_eyes",
        )
    known, model_id = state.models.get(parent.strategy), state.model_id(parent.strategy)
    if known is not None and known.demoted:
        raise Refused(
            f"model {known.model_id} {known.demoted}: a change request must put a version in force",
            rule="model",
        )
    if not model_id:
        raise Refused(f"{parent.strategy} has no model in force", rule="model")
    kill = active_kill_of(state, "model", model_id)
    if kill is not None:
        raise Refused(
            f"K-{kill.id} of model {model_id} is in force: it must be released first", rule="kill"
        )
