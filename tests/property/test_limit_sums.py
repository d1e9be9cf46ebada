"""Running sums equal sums made anew from all children, whatever happens on the day."""

from collections import Counter

import pytest

from engine.core.evolve import evolve
from engine.core.limitbook import scopes_of, tick_coins
from engine.core.state import State
from tests.support.busy_desk import entries_of


def recomputed(state: State) -> tuple[Counter, Counter]:
    """Slow and plain: walk over every child of the day."""
    opened: Counter = Counter()
    traded: Counter = Counter()
    for child in (*state.children.values(), *state.ended.values()):
        parent = state.parents[child.parent_id]
        coins = tick_coins(state.instruments[child.symbol].tick_size)
        for scope in scopes_of(parent):
            opened[scope] += 100 * child.leaves * child.price * coins
            traded[scope] += child.notional100 * coins
    return opened, traded


def kept(sums: dict) -> dict:
    return {scope: value for scope, value in sums.items() if value}


@pytest.mark.parametrize("seed", [7, 8])
def test_running_sums_equal_recomputed_sums_after_every_entry(seed):
    state = State()
    compared = 0
    for entry in entries_of(seed):
        evolve(state, entry)
        if getattr(entry.event, "child_id", None) is None:
            continue
        opened, traded = recomputed(state)
        assert kept(state.limits.open) == kept(opened)
        assert kept(state.limits.traded) == kept(traded)
        compared += 1
    assert compared > 50
    assert kept(state.limits.traded)


def test_a_sum_that_is_off_by_one_share_is_seen():
    state = State()
    for entry in entries_of(7):
        evolve(state, entry)
    scope = next(iter(kept(state.limits.traded)))
    state.limits.traded[scope] += 1
    assert kept(state.limits.traded) != kept(recomputed(state)[1])
