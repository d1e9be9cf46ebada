"""The candidate of a strategy."""

from msgspec.structs import replace

from engine.core.folds.desk import lapse
from engine.core.state import State
from engine.domain import events as e
from engine.domain.rollout import Rollout, Stage

SUMS = ("compared", "same", "sends", "former_sends", "shares", "former_shares")


def staged(state: State, event: e.RolloutStaged) -> None:
    before = state.rollouts.get(event.strategy)
    fresh = Rollout(
        strategy=event.strategy,
        values=dict(event.values),
        model_id=event.model_id,
        stage=event.stage,
        change_id=event.change_id,
        by=event.by,
        since=state.desk_ns,
        limits=event.limits,
    )
    if before is not None and event.stage == Stage.CANARY:  # what was compared stays known
        fresh = replace(
            fresh,
            demotions=before.demotions,
            **{name: getattr(before, name) for name in SUMS},
        )
    state.rollouts[event.strategy] = fresh


def demoted(state: State, event: e.RolloutDemoted) -> None:
    before = state.rollouts[event.strategy]
    if before.model_id:
        lapse(state, before.model_id, f"demoted as a canary: {event.cause}")
    state.rollouts[event.strategy] = replace(
        before,
        stage=Stage.SHADOW,
        since=state.desk_ns,
        demoted=event.cause,
        demotions=before.demotions + 1,
        **dict.fromkeys(SUMS, 0),
    )


def ended(state: State, event: e.RolloutEnded) -> None:
    state.rollouts.pop(event.strategy, None)


def shadow_decided(state: State, event: e.ShadowDecided) -> None:
    """It is for people and for proof: nothing of the desk depends on it."""
    del state, event


def compared(state: State, event: e.ShadowCompared) -> None:
    found = state.rollouts.get(event.strategy)
    if found is not None:
        sums = {name: getattr(found, name) + getattr(event, name) for name in SUMS}
        state.rollouts[event.strategy] = replace(found, **sums)


def sent(state: State, event: e.ChildIntended) -> None:
    """An order of a canary uses its limits, whether or not our gate lets it pass."""
    strategy = state.parents[event.parent_id].strategy
    found = state.rollouts.get(strategy)
    if found is None or found.change_id != event.rollout:
        return
    value = found.value + state.value_of(event)
    state.rollouts[strategy] = replace(found, orders=found.orders + 1, value=value)
