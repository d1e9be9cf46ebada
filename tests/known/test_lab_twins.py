"""Twins: the bits of the simulator, the same market until the first action, nothing unfilled."""

from dataclasses import replace

import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.domain.strategy import STRATEGIES, vector
from engine.domain.units import SECOND
from engine.exchange.presets import PRESETS
from engine.kernels.features import new_state, prior_microprice
from engine.kernels.inference import no_model
from engine.kernels.schedules import u_shape_curve
from engine.kernels.simulate import FINE, new_tape, simulate
from engine.kernels.twin import BEFORE_SWEEP, quiet
from engine.lab.market import (
    CLOSE_NS,
    OPEN_NS,
    SeedRange,
    fees,
    fresh_run,
    open_path,
    path_seed,
    refuse_overlap,
)
from engine.lab.paired import Task, contender, parent_row, run_one, run_path, small_tape
from engine.lab.run import run
from tests.support.lab import a_question, a_scenario, a_task

TAPE = small_tape(4_096)
pytestmark = pytest.mark.timeout(900)  # the first of them may compile


def a_day(task, index=0):
    seed = task.paths.path(index)
    return open_path(task.scenario, index, seed), seed


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_twin_makes_the_very_fills_of_the_simulator(name):
    task = a_task(name)
    day, seed = a_day(task)
    who = task.contenders[0]
    ours = run_one(task, who, day, seed, TAPE)
    tape = new_tape(1_000, 4_096)  # it records: features are watched, the market goes on
    curve = u_shape_curve()
    adv = float(task.scenario.preset.instrument.adv)
    state = new_state(OPEN_NS, CLOSE_NS, adv, curve, prior_microprice())
    values = np.array(vector(name, dict(who.values), task.scenario.preset.instrument))
    parent = parent_row(task, who, seed)
    status = simulate(
        fresh_run(task.scenario, day), state[0], parent, values, curve, no_model(), 1, tape
    )
    assert status == FINE
    before = ours.sums[BEFORE_SWEEP]
    assert before > 5
    assert tape.fills[: tape.counts[1]].tobytes() == ours.fills[:before].tobytes()


def quiet_by_second(task, seconds):
    day, _ = a_day(task)
    mids = np.empty(seconds)
    instants = OPEN_NS + np.arange(seconds) * SECOND + 1
    assert quiet(fresh_run(task.scenario, day, 1), instants, mids, TAPE) == FINE
    return mids


def test_all_twins_are_the_no_trade_twin_until_they_act():
    task = a_task("TWAP", "POV")
    day, seed = a_day(task)
    quiet_mids = quiet_by_second(task, 700)
    for who in task.contenders:
        run = run_one(task, who, day, seed, TAPE)
        start = task.scenario.order.start_ns // SECOND
        assert np.array_equal(run.mids[: start + 1], quiet_mids[: start + 1])
        assert not np.array_equal(run.mids[:700], quiet_mids)


def test_a_strategy_against_itself_costs_the_same_to_the_bit():
    scenario = a_scenario()
    same = contender(scenario, "VWAP", curve_update=0.0)
    twice = (contender(scenario, "VWAP_STATIC"), same)
    rows = run_path(
        Task(scenario=scenario, contenders=twice, paths=SeedRange("question", 1, 0, 1)), 0
    )
    assert rows[0].tobytes() == rows[1].tobytes()
    assert rows["filled"][0] > 0


def test_who_else_is_compared_changes_nothing():
    alone = run_path(a_task("POV"), 2)[0]
    beside = run_path(a_task("TWAP", "POV", "VWAP"), 2)[1]
    assert alone.tobytes() == beside.tobytes()


def test_what_a_strategy_leaves_over_is_swept_and_counted():
    scenario = a_scenario(
        quantity=60_000, relax=1_800
    )  # far more than its cap lets it do in ten minutes
    row = run_path(a_task("POV", scenario=scenario), 0)[0]
    assert row["filled"] == 60_000
    assert 15_000 < row["cleanup"] < 60_000
    assert row["over_ns"] > scenario.order.end_ns
    in_time = run_path(a_task("TWAP"), 0)[0]
    assert (in_time["filled"], in_time["cleanup"]) == (6_000, 0)


def test_a_seller_is_swept_too_and_the_impact_of_both_is_a_cost():
    scenario = a_scenario(side="sell", quantity=40_000, relax=1_800)
    for task in (
        a_task("TWAP", scenario=scenario),
        a_task("TWAP", scenario=a_scenario(quantity=40_000, relax=1_800)),
    ):
        row = run_path(task, 0)[0]
        assert row["filled"] == 40_000
        assert row["cost"] > 0
        assert row["impact_end"] > 0


def test_news_and_a_flash_move_the_market_of_every_twin_alike():
    news = '[[incidents]]\nkind = "news"\nat = "09:35"\nsize = 60\n'
    flash = '[[incidents]]\nkind = "flash"\nat = "09:35"\nseconds = 60\nsize = -60\n'
    usual = quiet_by_second(a_task("TWAP"), 900)
    jumped = quiet_by_second(a_task("TWAP", scenario=a_scenario(more=news)), 900)
    dipped = quiet_by_second(a_task("TWAP", scenario=a_scenario(more=flash)), 900)
    before, during, after = 299, 308, 899  # a flash is deepest after a tenth of its time
    assert usual[before] == jumped[before] == dipped[before]
    assert jumped[during] - usual[during] == pytest.approx(60, abs=15)
    assert dipped[during] - usual[during] == pytest.approx(-60, abs=20)
    assert jumped[after] - usual[after] == pytest.approx(60, abs=15)
    assert dipped[after] - usual[after] == pytest.approx(0, abs=15)


def test_children_stay_at_the_venues_they_may_go_to():
    scenario = replace(a_scenario(), venues=("SIM-B",))
    only, free = run_path(a_task("TWAP", scenario=scenario), 0)[0], run_path(a_task("TWAP"), 0)[0]
    assert only["venue"].tolist() == [0, 6_000, 0, 0, 0, 0, 0, 0]
    assert np.count_nonzero(free["venue"]) > 1
    assert free["venue"].sum() == 6_000


def test_an_outage_sends_children_elsewhere_and_the_no_trade_twin_sees_it_too():
    out = '[[incidents]]\nkind = "outage"\nvenue = "SIM-A"\nat = "09:30"\nseconds = 1800\n'
    scenario = a_scenario(more=out)
    row = run_path(a_task("TWAP", scenario=scenario), 0)[0]
    assert (row["filled"], row["venue"][0]) == (6_000, 0)
    usual, down = (
        quiet_by_second(a_task("TWAP"), 900),
        quiet_by_second(a_task("TWAP", scenario=scenario), 900),
    )
    assert not np.array_equal(usual, down)


def test_fees_of_the_fills_are_those_of_their_venues():
    row = run_path(a_task("TWAP"), 0)[0]
    table = fees()
    least = sum(int(n) * min(table[place, 1:]) for place, n in enumerate(row["venue"]))
    most = sum(int(n) * max(table[place, 1:]) for place, n in enumerate(row["venue"]))
    assert least <= row["fees"] <= most
    assert least < most


def test_paths_of_two_purposes_are_never_the_same():
    seeds = {
        path_seed(purpose, seed, day)
        for purpose in ("training", "validation", "comparison")
        for seed in (0, 1, (1 << 32) - 1)
        for day in (0, 1, (1 << 24) - 1)
    }
    assert len(seeds) == 27
    assert min(seeds) >= 1 << 56  # above every seed of the live exchange and of past days
    assert max(seeds) < 1 << 63


@pytest.mark.parametrize(("seed", "day"), [(-1, 0), (1 << 32, 0), (0, -1), (0, 1 << 24)])
def test_a_seed_or_day_that_would_spill_into_another_purpose_is_refused(seed, day):
    with pytest.raises(Refused, match=r"must be from 0 to"):
        path_seed("training", seed, day)


def test_ranges_that_share_a_path_are_refused():
    refuse_overlap(SeedRange("training", 5, 0, 100), SeedRange("comparison", 5, 0, 100))
    refuse_overlap(SeedRange("training", 5, 0, 100), SeedRange("training", 5, 100, 100))
    with pytest.raises(Refused, match="must not share paths"):
        refuse_overlap(SeedRange("training", 5, 0, 100), SeedRange("training", 5, 99, 10))


def test_a_model_is_never_compared_on_paths_it_has_seen():
    question = a_question("ADAPTIVE", days=10)
    seen = SeedRange("comparison", question.seed, 9, 5)
    cheat = replace(question.contenders[0], trained_on=(seen,))
    with pytest.raises(Refused, match="must not share paths"):
        run(replace(question, contenders=(cheat,)), workers=0)


def test_an_unknown_strategy_is_refused_with_the_names():
    with pytest.raises(
        Refused, match=r"strategy must be one of TWAP, VWAP.*VWAP_STATIC, was 'MAGIC'"
    ):
        contender(a_scenario(), "MAGIC")


def test_the_presets_hold_the_stock_of_the_scenario():
    assert PRESETS[0].instrument.symbol == "MIDC"
