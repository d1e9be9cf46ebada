"""Staged rollout: a version decides beside, then inside four limits, then for all.

Each step is a change request that somebody else approves. Back goes by itself: an order beyond a
limit is not sent, the version in force decides instead, and the candidate only decides beside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.core.rules.desk import raise_alert
from engine.core.rules.scope import active_kill_of
from engine.core.sight import LoadedModel
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import Change
from engine.domain.orders import Parent
from engine.domain.people import Person
from engine.domain.rollout import CanaryLimits, Rollout, Stage

LEAST_COMPARED: Final = 600  # decisions beside, since it came or was demoted, before it may act
LEAST_ORDERS: Final = 20  # of a canary before it may decide for all

Values = dict[str, float]


# --- requests -------------------------------------------------------------------------------
def content_of(
    state: State, strategy: str, values: Values, model_id: str | None, stage: Stage | None
) -> tuple[Values, str | None]:
    """What a request is about: a later stage that names nothing means the candidate."""
    found = state.rollouts.get(strategy)
    if stage in (Stage.CANARY, Stage.FULL) and found and not values and model_id is None:
        return dict(found.values), found.model_id
    return values, model_id


def check(
    state: State,
    strategy: str,
    content: tuple[Values, str | None],
    stage: Stage | None,
    canary: CanaryLimits | None,
) -> None:
    """Refuse a request that skips a stage, or a canary without all of its limits."""
    if canary is not None and stage != Stage.CANARY:
        raise Refused("limits belong to the stage canary alone", field="canary")
    found = state.rollouts.get(strategy)
    if stage is None:
        _check_at_once(state, strategy, content[1])
    elif stage == Stage.SHADOW:
        if found is not None and found.stage == Stage.CANARY:
            raise Refused(f"{strategy} has a canary: it must be stopped first", rule="rollout")
    else:
        _check_next(state, strategy, content, stage, canary)


def _check_at_once(state: State, strategy: str, model_id: str | None) -> None:
    """No model, or one that was in force before, may come at once; values always may."""
    if model_id and model_id not in state.trusted.get(strategy, ()):
        raise Refused(
            f"model {model_id} was never in force for {strategy}: it must begin as shadow, "
            "then canary, then full",
            field="stage", rule="rollout",
        )  # fmt: skip


def _check_next(
    state: State,
    strategy: str,
    content: tuple[Values, str | None],
    stage: Stage,
    canary: CanaryLimits | None,
) -> None:
    found = state.rollouts.get(strategy)
    if found is None or (found.values, found.model_id) != content:
        raise Refused(
            f"{stage} is for exactly what decided beside: {strategy} has no such candidate",
            field="stage", rule="rollout",
        )  # fmt: skip
    _check_kill(state, found)
    if stage == Stage.CANARY:
        _check_canary(state, found, canary)
    elif found.stage != Stage.CANARY or found.orders < LEAST_ORDERS:
        raise Refused(
            f"full needs a canary with at least {LEAST_ORDERS} orders: {strategy} is "
            f"{found.stage} with {found.orders if found.stage == Stage.CANARY else 0}",
            field="stage", rule="rollout",
        )  # fmt: skip


def _check_kill(state: State, found: Rollout) -> None:
    kill = active_kill_of(state, "model", found.model_id) if found.model_id else None
    if kill is not None:
        raise Refused(f"K-{kill.id} of model {found.model_id} is in force", rule="kill")


def _check_canary(state: State, found: Rollout, limits: CanaryLimits | None) -> None:
    if found.stage != Stage.SHADOW:
        raise Refused(f"{found.strategy} has a canary already", rule="rollout")
    said = limits or CanaryLimits()
    missing = [name for name in said.__struct_fields__ if not getattr(said, name)]
    if missing:
        raise Refused(
            f"a canary needs four limits before it acts: {', '.join(missing)} must be given",
            field=f"canary.{missing[0]}", rule="rollout",
        )  # fmt: skip
    if said.value < 0 or said.orders < 0:
        raise Refused("value and orders of a canary must be above 0", field="canary.value")
    venues = {venue.name for venue in state.venues}
    for field, names, known in (
        ("instruments", said.instruments, set(state.instruments)), ("venues", said.venues, venues),
    ):  # fmt: skip
        for name in names:
            if name not in known:
                raise Refused(
                    f"{field} must be of {', '.join(sorted(known)) or 'none'}, was {name!r}",
                    field=f"canary.{field}",
                )
    if found.compared < LEAST_COMPARED:
        why = f" since it was demoted ({found.demoted})" if found.demoted else ""
        raise Refused(
            f"canary needs {LEAST_COMPARED} decisions beside{why}, there are {found.compared:,}",
            field="stage", rule="rollout",
        )  # fmt: skip


def apply(change: Change, person: Person) -> tuple[AnyEvent, ...]:
    """What an approved stage before full does."""
    assert change.stage is not None
    return (
        e.RolloutStaged(
            strategy=change.strategy, values=change.values, model_id=change.model_id,
            stage=change.stage, limits=change.canary, change_id=change.id, by=person.id,
        ),
    )  # fmt: skip


def stop(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """One person, at once: the version in force decides alone."""
    command = envelope.command
    assert isinstance(command, c.StopRollout)
    if command.strategy not in state.rollouts:
        raise Refused(f"{command.strategy} has no candidate")
    why = envelope.reason.strip() or "stopped"
    return (e.RolloutEnded(strategy=command.strategy, outcome=why, by=person.id),)


# --- decisions ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The candidate as it decides for one parent."""

    rollout: Rollout
    model: LoadedModel | None
    acts: bool  # inside its instruments, and far enough


def trial_of(state: State, parent: Parent, models: Mapping[str, LoadedModel]) -> Trial | None:
    """The candidate that decides for this parent too, None = there is none."""
    found = state.rollouts.get(parent.strategy)
    if found is None:
        return None
    model_id = found.model_id
    if model_id is None:
        model = models.get(state.model_of(parent))
    else:
        model = models.get(model_id)
        killed = bool(model_id) and active_kill_of(state, "model", model_id) is not None
        if parent.model_off or killed or (model_id and model is None):
            return None
    limits = found.limits
    acts = found.stage == Stage.CANARY and limits and parent.symbol in limits.instruments
    return Trial(rollout=found, model=model, acts=bool(acts))


def places(state: State, trial: Trial) -> int:
    """Bits of the venues that the candidate is shown: those of its limits once it acts."""
    limits = trial.rollout.limits
    if not trial.acts or limits is None:
        return -1
    return sum(1 << i for i, venue in enumerate(state.venues) if venue.name in limits.venues)


def breach(state: State, found: Rollout, order: e.ChildIntended) -> str:
    """Which limit of the canary the order would pass, with its numbers; "" = none."""
    limits = found.limits or CanaryLimits()
    venue = state.venue_name(order.venue)
    value = found.value + state.value_of(order)
    if order.symbol not in limits.instruments:
        return f"{order.symbol} is not of its instruments"
    if venue not in limits.venues:
        return f"{venue or 'no venue'} is not of its venues"
    if found.orders + 1 > limits.orders:
        return f"order {found.orders + 1:,} of at most {limits.orders:,}"
    if value > limits.value:
        return f"orders of {value:,.0f} of at most {limits.value:,.0f} in value"
    return ""


def gate(state: State, strategy: str, order: e.ChildIntended) -> None:
    """The last look at an order of a candidate, whatever let it come this far."""
    if not order.rollout:
        return
    found = state.rollouts.get(strategy)
    if found is None or found.stage != Stage.CANARY or found.change_id != order.rollout:
        raise Refused(f"R-{order.rollout} of {strategy} is no canary", rule="rollout")
    _check_kill(state, found)
    wrong = breach(state, found, order)
    if wrong:
        raise Refused(f"beyond the limits of the canary: {wrong}", rule="rollout")


# --- back -----------------------------------------------------------------------------------
def demote(state: State, found: Rollout, cause: str) -> tuple[AnyEvent, ...]:
    """It decides beside only, and everybody is told."""
    sentence = (
        f"the canary of {found.strategy} (R-{found.change_id}) is shadow again: {cause}. It sent "
        f"{found.orders:,} orders of {found.value:,.0f} in value; the version in force decides"
    )
    return (
        e.RolloutDemoted(strategy=found.strategy, cause=cause),
        raise_alert(state, "critical", "rollout.demoted", found.strategy, sentence),
    )


def watch(state: State, verdicts: Mapping[str, str]) -> tuple[AnyEvent, ...]:
    """Demote canaries of which ``verdicts`` (by strategy) says what is wrong; one at a time."""
    for strategy, wrong in verdicts.items():
        found = state.rollouts.get(strategy)
        if wrong and found is not None and found.stage == Stage.CANARY:
            return demote(state, found, f"its model {wrong}")
    return ()


def killed(state: State, model_id: str, cause: str) -> tuple[AnyEvent, ...]:
    """Canaries by a killed version."""
    return tuple(
        event
        for found in state.rollouts.values()
        if found.model_id == model_id and found.stage == Stage.CANARY
        for event in demote(state, found, cause)
    )
