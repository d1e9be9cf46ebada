"""Four eyes: a change request is approved by a different person, exactly as it was shown.

Bound to a content hash; any edit writes a new hash and so voids what was said before; single use;
expires. An approval applies in the same turn, before the next decision.
"""

from collections.abc import Iterable

from engine.core.rules import four_eyes, rollout
from engine.core.rules.splitting import is_split
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.governance import Change, ChangeState, content_hash
from engine.domain.orders import Parent
from engine.domain.people import Person
from engine.domain.rollout import CanaryLimits, Stage
from engine.domain.strategy import check_values, strategy
from engine.domain.units import Nanos

SEEN = (
    "red flag seen"  # what the reason of an approval says when the desk holds something against it
)
REASON_LEAST = 10  # characters beside these words
LIFE_NS = 24 * 3600 * 1_000_000_000  # desk clock


def find_open(state: State, change_id: int) -> Change:
    """The open change, or a refusal that says what became of it."""
    change = state.changes.get(change_id)
    if change is None:
        raise Refused(f"there is no change request R-{change_id}")
    four_eyes.check_open(f"R-{change_id}", change)
    return change


def _content(
    state: State,
    name: str,
    content: tuple[dict[str, float], str | None],
    stage: Stage | None,
    canary: CanaryLimits | None,
) -> tuple[str, bool]:
    """Hash and classification of a content; refuses an empty, unknown or unchanged one."""
    algo = strategy(name)
    values, model_id = content
    if not values and model_id is None:
        raise Refused("a change request must change something", field="values")
    check_values(name, values)
    in_force = state.parameters[name]
    if model_id is not None and not algo.uses_model:
        raise Refused(f"{name} uses no model", field="model_id")
    if model_id is not None and not values and model_id == state.model_id(name):
        raise Refused(f"{name} uses {model_id or 'no model'} already", field="model_id")
    if model_id is None and all(in_force.values.get(k) == value for k, value in values.items()):
        raise Refused("the values proposed are those in force", field="values")
    rollout.check(state, name, content, stage, canary)
    material = (
        stage is not None
        or model_id is not None
        or any(not algo.parameter(key).is_inside_band(value) for key, value in values.items())
        or is_split(state, name, values)
    )
    return content_hash(name, values, model_id, in_force.version, stage, canary), material


def propose(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Open a change request."""
    command = envelope.command
    assert isinstance(command, c.ProposeChange)
    four_eyes.check_reason(envelope, "a change request")
    name, stage = command.strategy, command.stage
    content = rollout.content_of(state, name, command.values, command.model_id, stage)
    digest, material = _content(state, name, content, stage, command.canary)
    return (
        e.ChangeProposed(
            change_id=state.next_change,
            strategy=command.strategy,
            values=content[0],
            model_id=content[1],
            content_hash=digest,
            by=person.id,
            reason=envelope.reason,
            expires_at=Nanos(state.desk_ns + LIFE_NS),
            material=material,
            stage=stage,
            canary=command.canary,
        ),
    )


def edit(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """New content under the same number; the editor becomes an author too."""
    command = envelope.command
    assert isinstance(command, c.EditChange)
    change = find_open(state, command.change_id)
    stage, canary = command.stage or change.stage, command.canary or change.canary
    canary = canary if stage == Stage.CANARY else command.canary
    name = change.strategy
    content = rollout.content_of(state, name, command.values, command.model_id, stage)
    digest, material = _content(state, name, content, stage, canary)
    return (
        e.ChangeEdited(
            change_id=change.id,
            values=content[0],
            model_id=content[1],
            content_hash=digest,
            by=person.id,
            reason=envelope.reason,
            material=material,
            stage=stage,
            canary=canary,
        ),
    )


def attach(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """What the desk's own simulation found; only beside the content that it looked at."""
    del person
    command = envelope.command
    assert isinstance(command, c.AttachEvidence)
    change = find_open(state, command.change_id)
    four_eyes.check_shown(f"R-{change.id}", change, command.content_hash)
    return (
        e.EvidenceAttached(
            change_id=change.id, content_hash=change.content_hash, evidence=command.evidence
        ),
    )


def withdraw(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """An author takes the request back."""
    command = envelope.command
    assert isinstance(command, c.WithdrawChange)
    change = find_open(state, command.change_id)
    four_eyes.check_author("change request", change, person)
    return (e.ChangeWithdrawn(change_id=change.id, by=person.id),)


def decide_change(state: State, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Approve or refuse exactly the content whose hash was shown."""
    command = envelope.command
    assert isinstance(command, c.DecideChange)
    change = find_open(state, command.change_id)
    name, in_force = f"R-{change.id}", state.parameters[change.strategy]
    four_eyes.check_other(name, change, person)
    four_eyes.check_shown(name, change, command.content_hash)
    four_eyes.check_base(name, change, change.strategy, in_force.version)
    reason = envelope.reason.strip()
    if not command.approve:
        four_eyes.check_reason(envelope, "a refusal")
        return (
            e.ChangeRefused(
                change_id=change.id, content_hash=change.content_hash, by=person.id, reason=reason
            ),
        )
    check_seen(state, change, reason)
    content = (change.values, change.model_id)
    rollout.check(state, change.strategy, content, change.stage, change.canary)
    approved = e.ChangeApproved(
        change_id=change.id, content_hash=change.content_hash, by=person.id, reason=reason
    )
    return (approved, *_apply(state, change, person))


def asking(state: State) -> tuple[int, ...]:
    """Open requests that ask for a model version."""
    rows = state.changes.values()
    return tuple(row.id for row in rows if row.state == ChangeState.OPEN and row.model_id)


def asked_for(commands: Iterable[Envelope]) -> tuple[str, ...]:
    """Model versions that these commands ask for, each once."""
    every = (getattr(one.command, "model_id", None) for one in commands)
    return tuple(dict.fromkeys(name for name in every if name))


def check_seen(state: State, change: Change, reason: str) -> None:
    """Refuse an approval of a version with a red flag whose reason does not name it as seen."""
    against = state.against(change.model_id)
    if not against:
        return
    said = " ".join(reason.lower().split())
    if SEEN not in said or len(said.replace(SEEN, "").strip(" .,:;-")) < REASON_LEAST:
        raise Refused(
            f"the desk holds against model {change.model_id}: {'; '.join(against)}. An approval "
            f"says {SEEN!r} in its reason, and why all the same",
            field="reason", rule="red_flag",
        )  # fmt: skip


def _apply(state: State, change: Change, person: Person) -> tuple[AnyEvent, ...]:
    if change.stage in (Stage.SHADOW, Stage.CANARY):
        return rollout.apply(change, person)
    in_force = state.parameters[change.strategy]
    out: list[AnyEvent] = []
    if change.values:
        out.append(
            e.ParametersSet(
                strategy=change.strategy,
                version=in_force.version + 1,
                values={**in_force.values, **change.values},
                change_id=change.id,
                by=person.id,
            )
        )
    if change.model_id is not None:
        out.append(
            e.ModelSet(
                strategy=change.strategy,
                model_id=change.model_id,
                change_id=change.id,
                by=person.id,
            )
        )
    if change.stage == Stage.FULL:
        out.append(e.RolloutEnded(strategy=change.strategy, outcome=Stage.FULL.value, by=person.id))
    return tuple(out)


def expire(state: State) -> tuple[AnyEvent, ...]:
    """Open requests whose time is over (desk clock)."""
    return tuple(
        e.ChangeExpired(change_id=change.id)
        for change in state.changes.values()
        if four_eyes.is_over(change, state.desk_ns)
    )


def check_loosened(parent: Parent, limit: int | None, value: float, person: Person) -> None:
    """What a second person approved is not loosened by the first alone."""
    was = parent.limit_price
    looser = was is not None and (limit is None or parent.side * (limit - was) > 0)
    if looser and person.id == parent.trader and value > person.max_notional:
        raise Refused(
            f"P-{parent.id} is above your personal size limit: its limit of {was} ticks was "
            f"approved and may only become stricter, was {limit or 'none'}",
            field="limit_price", rule="four_eyes",
        )  # fmt: skip
