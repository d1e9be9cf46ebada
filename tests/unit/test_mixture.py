"""The orders a policy learns from: sizes by caps, in turn, judged on paths of their own."""

import math

import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.lab.market import SeedRange
from engine.lab.scenario import load
from engine.learn.judgement import DEARER, NO_DIFFERENT, Judgement, by_part, flag_of, saved
from engine.learn.mixture import default_cap, mixture, part_of_path, shares_of
from tests.support.lab import a_result, a_scenario


def test_a_mixture_is_each_size_under_the_cap_of_the_desk_and_that_of_the_scenario():
    parts = mixture(load("midcap-500k"))
    found = {(one.quantity, one.scenario.values("RL")["max_participation"]) for one in parts}
    assert found == {(size, cap) for size in (60_000, 200_000, 500_000) for cap in (0.25, 0.35)}
    assert default_cap() == 0.25
    assert all(one.scenario.values("TWAP")["max_participation"] == one.cap for one in parts)
    assert parts[0].name == "60,000 shares under a cap of 25%"


def test_a_cap_that_a_scenario_gives_rl_alone_is_the_other_cap_and_nothing_else_changes():
    more = "[strategies.all]\nmax_participation = 0.3\n[strategies.RL]\nmax_participation = 0.1\n"
    scenario = a_scenario(more=more + "dark = 0.1\n")
    parts = mixture(scenario)
    assert {one.cap for one in parts} == {0.1, 0.25}
    for one in parts:
        assert one.scenario.values("RL") == {"max_participation": one.cap, "dark": 0.1}


def test_orders_are_in_whole_lots_and_never_none():
    assert [one.quantity for one in mixture(a_scenario(quantity=100))] == [100, 100, 100]


@pytest.mark.parametrize(("parts", "regimes"), [(6, 5), (3, 2), (6, 3), (4, 4), (1, 5)])
def test_every_order_is_learnt_in_every_regime_as_often_as_any_other(parts, regimes):
    turns = [(part_of_path(i, parts, regimes), i % regimes) for i in range(parts * regimes)]
    assert len(set(turns)) == parts * regimes
    assert sorted(part for part, _ in turns[:parts]) == list(range(parts))


def test_each_order_is_judged_on_paths_of_its_own():
    blocks = shares_of(SeedRange("validation", 1, 5, 20), 6)
    seen = [block.first + i for block in blocks for i in range(block.days)]
    assert seen == list(range(5, 25))
    assert max(b.days for b in blocks) - min(b.days for b in blocks) <= 1
    with pytest.raises(Refused, match="at least 6 paths, was 5"):
        shares_of(SeedRange("validation", 1, 0, 5), 6)


def a_judgement(gains):
    """Twenty paths an order: base, a policy that saves so much on each of them, a dear TWAP."""
    noise = np.random.default_rng(1).normal(0.0, 0.01, (len(gains), 20))
    results = []
    for gain, wobble in zip(gains, noise, strict=True):
        base = np.full(20, 10.0)
        results.append(a_result(np.stack([base, base - gain - wobble, base + 5.0], axis=1)))
    parts = mixture(a_scenario())[: len(gains)]
    return Judgement(parts=parts, results=tuple(results))


def test_a_policy_that_pays_on_the_whole_and_is_dearer_on_one_order_is_flagged():
    """The cheat: what it loses on one order is hidden by what it saves on the others."""
    found = a_judgement([0.5, 0.5, -0.2])
    gain, error = saved(found, 1)
    assert gain - 1.96 * error > 0.0
    flag, against = flag_of(found, gain - 1.96 * error, gain + 1.96 * error)
    assert flag.startswith(f"{DEARER} at 6,000 shares under a cap of 25%")
    assert against.startswith("cheaper than TWAP")
    assert [row.dearer for row in by_part(found)] == [False, False, True]


def test_a_policy_that_is_dearer_nowhere_is_flagged_only_when_it_saves_nothing():
    assert flag_of(a_judgement([0.5, 0.4, 0.6]), 0.4, 0.6)[0] == ""
    assert flag_of(a_judgement([0.0, 0.0, 0.0]), -0.1, 0.1)[0] == NO_DIFFERENT


def test_paths_that_were_not_finished_are_counted_and_have_no_cost():
    filled = np.full((20, 3), 6_000)
    filled[:3, 1] = 5_900
    costs = np.tile([10.0, 9.0, 15.0], (20, 1))
    found = Judgement(parts=mixture(a_scenario())[:1], results=(a_result(costs, filled=filled),))
    (row,) = by_part(found)
    assert (row.n, row.unfinished, row.base_unfinished) == (17, 3, 0)
    assert row.saved_bps == pytest.approx(1.0, abs=0.01)
    assert math.isfinite(row.error)
