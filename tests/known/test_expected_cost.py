"""Published laws beside the simulation, and the frontier, against numbers worked elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from engine.lab.expected import Size, _model, frontier, laws
from engine.lab.pretrade import Way, cap_of, question
from engine.lab.scenario import load

# the product scenario: 500,000 of 2,000,000 a day at 40, two cents wide, 2 % a day
SCENARIO = Size(
    quantity=500_000, adv=2_000_000, days=1.0, sigma=0.02, price=40.0, spread=0.02,
    participation=0.25,
)  # fmt: skip


def test_the_laws_say_what_their_papers_say():
    found = {law.name: law for law in laws(SCENARIO)}
    assert found["Almgren et al."].bps == pytest.approx(41.88, abs=0.01)  # KA-16
    assert found["Square root"].bps == pytest.approx(2 / 3 * 0.842 * 100.0)  # KA-17: peak 100
    assert found["Half the spread"].bps == pytest.approx(2.5)
    star = 708 * 0.25**0.55 * (0.02 * 250**0.5) ** 0.71
    assert found["I-Star"].bps == pytest.approx(star * (0.98 * 0.5 + 0.02))
    assert all(law.formula and law.source for law in found.values())


def test_the_rule_of_thumb_gives_the_published_cost_of_an_even_schedule():
    even = np.linspace(500_000, 0, 14)
    model = _model(SCENARIO, 1.0)
    assert model.expected_cost(even) == pytest.approx(266_538.46, abs=0.01)  # KA-21, lambda 0


def test_the_frontier_begins_at_the_even_schedule_and_trades_risk_for_cost():
    line = frontier(SCENARIO, 15.0)
    assert line is not None
    assert line.cost[0] == pytest.approx(15.0)
    assert all(np.diff(line.cost) > 0)
    assert all(np.diff(line.risk) < 0)


def test_no_frontier_goes_through_a_cost_below_half_the_spread():
    assert frontier(SCENARIO, 2.4) is None


def test_a_cap_cuts_the_urgent_end_of_the_frontier_and_leaves_the_patient_one():
    free, capped = frontier(SCENARIO, 15.0), frontier(replace(SCENARIO, cap=0.35), 15.0)
    assert free is not None
    assert capped is not None
    most = 0.35 / 0.65 * 2_000_000 / 13
    assert replace(SCENARIO, cap=0.35).most == pytest.approx(most)
    # the free optimum of kappa = x begins with 1 - exp(-x / 13): 2.6 of it is the cap
    cut = np.array(free.aversion) > -13 * np.log(1 - most / 500_000)
    assert 0 < cut.sum() < len(cut)
    assert capped.cost[0] == pytest.approx(15.0)
    assert (np.array(capped.cost) < np.array(free.cost))[cut].all()
    assert min(capped.risk) > min(free.risk)
    gentle = np.array(free.aversion) < 2.0
    assert np.array(capped.cost)[gentle] == pytest.approx(np.array(free.cost)[gentle])
    assert "cap 35% of volume binds" in capped.words
    assert "cap" not in free.words


def test_a_cap_without_room_for_the_order_has_no_frontier():
    assert frontier(replace(SCENARIO, cap=0.19), 15.0) is None  # .19 / .81 of 2,000,000 < 500,000
    assert frontier(replace(SCENARIO, cap=0.21), 15.0) is not None


def test_the_frontier_keeps_the_cap_of_is_whatever_else_is_asked():
    scenario = load("midcap-500k")
    ways = (
        Way(strategy="TWAP", values=(("max_participation", 0.1),)),
        Way(strategy="IS", values=(("max_participation", 0.2),)),
    )
    assert cap_of(question(scenario, ways, seed=1)) == 0.2
    assert cap_of(question(scenario, ways[:1], seed=1)) == 0.1


def test_a_point_of_the_frontier_is_the_best_for_its_risk_aversion():
    """Any other schedule of the family costs more in expected cost + lambda x variance."""
    model = _model(SCENARIO, 1.0)
    aversion = 1e-6
    best = model.holdings(500_000, 13, aversion)

    def objective(held):
        return model.expected_cost(held) + aversion * model.risk(held) ** 2

    for k in range(1, 13):
        for change in (-100.0, 100.0):
            other = best.copy()
            other[k] += change
            assert objective(other) > objective(best)
