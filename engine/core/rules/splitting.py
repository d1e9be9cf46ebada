"""Many small changes are one large one: what was moved since the last full approval is summed.

A change inside the approved bands is minor. Without this sum a strategy could be walked anywhere
inside them, step by step, and no step would ever be called material.
"""

from collections.abc import Mapping
from typing import Final

from engine.core.state import State
from engine.domain.governance import ChangeState
from engine.domain.strategy import strategy

LIMIT: Final = 0.5  # of the width of its band; a further step beyond makes the change material


def moved(state: State, name: str) -> dict[str, float]:
    """How far minor changes moved each parameter since the last material one of the strategy.

    Share of the width of the band; forth and back both count. The chain of values is that of the
    approved changes, from the factory values on; [0, inf).
    """
    algo = strategy(name)
    values, sums = algo.defaults(), dict.fromkeys(algo.defaults(), 0.0)
    approved = (
        change
        for change in state.changes.values()
        if change.strategy == name and change.state == ChangeState.APPROVED
    )
    for change in sorted(approved, key=lambda change: (change.decided_at, change.id)):
        if change.material:
            sums = dict.fromkeys(sums, 0.0)
        else:
            for key in change.values.keys() & sums.keys():  # not of a catalogue before this one
                sums[key] += _share(name, key, values[key], change.values[key])
        values.update(change.values)
    return sums


def with_step(state: State, name: str, values: Mapping[str, float]) -> dict[str, float]:
    """The sums as they would be after these values; only of parameters that they move."""
    sums, in_force = moved(state, name), state.parameters[name].values
    return {
        key: sums[key] + _share(name, key, in_force[key], value)
        for key, value in values.items()
        if value != in_force[key]
    }


def is_split(state: State, name: str, values: Mapping[str, float]) -> bool:
    """Whether these values are one more step of a walk that together is a large change.

    The first step since the last full approval is judged by its band alone.
    """
    before = moved(state, name)
    after = with_step(state, name, values)
    return any(before[key] > 0.0 and total > LIMIT for key, total in after.items())


def _share(name: str, key: str, old: float, new: float) -> float:
    row = strategy(name).parameter(key)
    return abs(new - old) / (row.band_high - row.band_low)
