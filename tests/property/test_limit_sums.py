"""Running sums equal sums made anew from all children, whatever happens on the day."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.core.evolve import evolve
from engine.core.folds import limits
from engine.core.limitbook import scopes_of, tick_coins
from engine.core.state import State
from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.units import ChildId
from engine.drill.nasty import NastyVenue
from engine.drill.schedules import Schedule
from tests.property.test_order_interleavings import Drawn
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


# --- busts and corrections ----------------------------------------------------------------------
class Watched(Schedule):
    """A schedule whose running sums are made anew after every turn."""

    def _conserved(self) -> None:
        super()._conserved()
        opened, traded = recomputed(self.state)
        if kept(self.state.limits.open) != kept(opened):
            self.wrong.append(f"open {kept(self.state.limits.open)}, anew {kept(opened)}")
        if kept(self.state.limits.traded) != kept(traded):
            self.wrong.append(f"traded {kept(self.state.limits.traded)}, anew {kept(traded)}")


class WatchedDrawn(Watched, Drawn):
    """The same with the test's dice."""


def money_there(venue: NastyVenue, child: int) -> int:
    """What stands of a child's fills, by the venue's reports alone. [tick * share]"""
    stands: dict[int, int] = {}
    for row in venue.reports:
        one: Any = row[0]
        if one["child"] != child:
            continue
        if one["kind"] in (x.BUSTED, x.CORRECTED):
            stands.pop(int(one["ref"]))
        if one["kind"] in (k.FILLED, x.CORRECTED):
            stands[int(one["exec_id"])] = int(one["quantity"]) * int(one["price"])
    return sum(stands.values())


def traded_there(one: Watched) -> Counter:
    """Traded value by place, from the venue's own reports. [coin]"""
    found: Counter = Counter()
    for number in one.venue.orders:
        child = one.state.child(ChildId(number))
        if child is not None:
            parent = one.state.parents[child.parent_id]
            coins = tick_coins(one.state.instruments[child.symbol].tick_size)
            for scope in scopes_of(parent):
                found[scope] += 100 * coins * money_there(one.venue, number)
    return found


@given(rolls=some.lists(some.integers(0, 2**20), min_size=40, max_size=200))
@settings(max_examples=20, deadline=None)
def test_what_is_used_follows_the_venue_in_every_interleaving(rolls):
    one = WatchedDrawn(rolls)
    one.run()
    assert one.wrong == []
    assert kept(one.state.limits.traded) == kept(traded_there(one))
    assert kept(one.state.limits.open) == {}


def test_what_is_used_follows_every_bust_and_correction_to_the_coin():
    did: Counter = Counter()
    for number in range(30):
        one = Watched(5, number)
        one.run()
        assert one.wrong == []
        assert kept(one.state.limits.traded) == kept(traded_there(one))
        did.update(one.venue.did)
    assert did["busts"] > 20
    assert did["corrections"] > 20


def test_a_sum_that_never_goes_down_is_seen(monkeypatch):
    reweigh = limits.reweigh

    def upwards(state, child_id, before):
        if limits.weight(state, child_id)[1] >= before[1]:
            reweigh(state, child_id, before)

    monkeypatch.setattr(limits, "reweigh", upwards)
    found = [Watched(5, number) for number in range(30)]
    for one in found:
        one.run()
    assert any("traded" in text for one in found for text in one.wrong)
    assert any(kept(one.state.limits.traded) != kept(traded_there(one)) for one in found)
