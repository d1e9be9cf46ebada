"""The policy of RL: learnt on problems whose answer is known, kept from what it may not see."""

import json
from dataclasses import replace

import numpy as np
import pytest

from engine.cli import main
from engine.domain import kinds
from engine.domain.errors import Refused
from engine.exchange.presets import market_hash
from engine.kernels.inference import score_rows
from engine.kernels.policy import BASE_CHOICE
from engine.lab.market import SeedRange
from engine.lab.paired import contender
from engine.lab.run import Question, run
from engine.lab.scenario import load
from engine.learn.judgement import Plan
from engine.learn.policy import USED, every_choice, fitted_q, learn, train_policy
from engine.learn.rollout import SLOT_S, Slots, collect
from engine.runtime.models import load_model, read_policy_card
from tests.support.lab import SHORT, a_scenario

pytestmark = pytest.mark.timeout(900)  # the first of them may compile
CHOSEN = [kinds.S_TILT, kinds.S_PATIENCE, kinds.S_OFF]


def drawn_slots(n=3_000, length=10, seed=1):
    """Random states and choices without a reward, in paths of ``length`` slots."""
    draw = np.random.default_rng(seed)
    states = draw.uniform(0.0, 1.0, (n, 16)).astype(np.float32)
    states[:, CHOSEN] = every_choice(states[:1])[draw.integers(0, 12, n)][:, CHOSEN]
    last = np.arange(n) % length == length - 1
    return Slots(states=states, rewards=np.zeros(n), last=last, paths=np.arange(n) // length)


def choices_of(states):
    found = 4 * (states[:, kinds.S_TILT] + 1) + 2 * states[:, kinds.S_PATIENCE]
    return (found + states[:, kinds.S_OFF]).astype(int)


def best_choices(model, states):
    """The choice a compiled policy values most in each state."""
    out = np.empty(len(states) * 12)
    score_rows(model, every_choice(states), out)
    return out.reshape(-1, 12).argmax(axis=1)


def test_the_twelve_choices_are_each_there_once():
    rows = every_choice(np.zeros((2, 16), np.float32))
    assert choices_of(rows).tolist() == [*range(12), *range(12)]
    assert BASE_CHOICE == 4


def test_what_pays_at_once_is_chosen_where_it_pays():
    slots = drawn_slots()
    early = slots.states[:, kinds.S_TIME] > 0.5
    chosen = choices_of(slots.states)
    pays = np.where(early, chosen == 7, chosen == 0)
    learnt = learn(replace(slots, rewards=pays * 1.0))
    ask = drawn_slots(200, seed=9).states
    clear = np.abs(ask[:, kinds.S_TIME] - 0.5) > 0.1
    wanted = np.where(ask[:, kinds.S_TIME] > 0.5, 7, 0)
    assert (best_choices(learnt.model, ask)[clear] == wanted[clear]).mean() > 0.95
    assert learnt.compiled_difference <= 1e-9


def test_a_choice_that_only_pays_later_is_found_by_the_rounds():
    """Being off exchange in one slot doubles ``ahead`` in the next, and only that pays."""
    slots = drawn_slots(3_000)
    off = slots.states[:, kinds.S_OFF] == 1
    ahead = np.append([False], off[:-1])
    slots.states[:, kinds.S_AHEAD] = ahead
    slots = replace(slots, rewards=ahead * 1.0)
    candidates = every_choice(slots.states[:300])[:, list(USED)].astype(float)
    at_once = fitted_q(slots, rounds=1).predict(candidates).reshape(-1, 12)
    later = fitted_q(slots, rounds=6, discount=0.9).predict(candidates).reshape(-1, 12)
    gain = (later[:, 1::2] - later[:, ::2]).mean()
    assert abs((at_once[:, 1::2] - at_once[:, ::2]).mean()) < 0.05
    assert gain == pytest.approx(0.9, abs=0.15)


def test_rewards_that_are_noise_teach_nothing():
    slots = drawn_slots(3_000)
    noise = np.random.default_rng(3).normal(0.0, 1.0, 3_000)
    fitted = fitted_q(replace(slots, rewards=noise), rounds=1)
    ask = drawn_slots(2_000, seed=5)
    fresh = np.random.default_rng(4).normal(0.0, 1.0, 2_000)
    said = fitted.predict(ask.states[:, list(USED)].astype(float))
    assert abs(np.corrcoef(said, fresh)[0, 1]) < 0.1


def test_training_validation_and_comparison_share_no_path():
    scenario = a_scenario()
    training, validation = SeedRange("training", 1, 0, 3), SeedRange("validation", 1, 0, 10)
    assert Plan(scenario=scenario, training=training, validation=validation)
    with pytest.raises(Refused, match="learns on training paths"):
        Plan(scenario=scenario, training=SeedRange("comparison", 1, 0, 3), validation=validation)
    with pytest.raises(Refused, match="at least 10 paths"):
        Plan(scenario=scenario, training=training, validation=validation._replace(days=2))


def test_a_policy_is_refused_on_the_paths_it_has_learnt_from():
    """The cheat: a comparison on the very paths of training."""
    scenario = a_scenario()
    who = replace(contender(scenario, "RL"), trained_on=(SeedRange("training", 5, 0, 4),))
    question = Question(scenario=scenario, contenders=(who,), days=2, seed=5, purpose="training")
    with pytest.raises(Refused, match="must not share paths"):
        run(question, workers=0)
    assert run(replace(question, seed=6), workers=0).n == 2


def test_the_slots_of_a_path_add_up_to_what_it_saved_against_the_base():
    scenario = a_scenario(quantity=12_000)
    paths = SeedRange("training", 3, 0, 2)
    slots = collect([scenario], paths)
    assert len(slots.rewards) == 2 * 600 // SLOT_S
    assert slots.last.sum() == 2
    drawn = contender(scenario, "RL")
    base = run(
        Question(scenario=scenario, contenders=(drawn,), days=2, seed=3, purpose="training"),
        workers=0,
    )
    assert np.isfinite(slots.rewards).all()
    assert (base.rows["filled"] == 12_000).all()
    total = [slots.rewards[slots.paths == path].sum() for path in (0, 1)]
    assert all(0.001 < abs(value) < 30.0 for value in total)


def test_a_policy_is_stored_judged_compared_and_refused_in_another_market(tmp_path, capsys):
    text = SHORT.replace("09:41", "10:31").format(side="buy", quantity=12_000, relax=120)
    scenario_file = tmp_path / "short.toml"
    scenario_file.write_text(text)
    scenario = load(str(scenario_file))
    plan = Plan(
        scenario=scenario,
        training=SeedRange("training", 3, 0, 10),
        validation=SeedRange("validation", 3, 0, 12),
    )
    model_id = train_policy(tmp_path, plan, now_ns=5, expires_at=77, workers=0, ablation=True)
    card = read_policy_card(tmp_path, model_id)
    assert card.market_hash == market_hash()
    assert [paths.purpose for paths in card.paths] == ["training", "validation"]
    pays = card.saved_low > 0.0 and not card.against_twap.startswith(("no different", "dearer"))
    assert (card.red_flag == "") == pays
    assert [point.days for point in card.curve] == [5, 10]  # two paths are too few to learn from
    assert [row.name for row in card.by_regime] == ["usual", "volatile"]
    assert "spread" in {row.name for row in card.ablation}
    assert "tilt" not in {row.name for row in card.ablation}  # a choice is no input
    mean = sum(row.saved_bps for row in card.by_regime) / 2  # six paths each
    assert mean == pytest.approx(card.saved_bps, abs=1e-6)
    sizes = [(row.quantity, row.cap) for row in card.by_part]
    assert sizes == [(1_400, 0.25), (4_800, 0.25), (12_000, 0.25)]  # it has no cap of its own
    assert [row.n for row in card.by_part] == [4, 4, 4]
    assert sum(row.saved_bps for row in card.by_part) / 3 == pytest.approx(card.saved_bps, abs=1e-6)
    assert "1,400, 4,800, 12,000 shares, each under a cap of 25% of volume" in card.words
    assert load_model(tmp_path, model_id).policy
    argv = ["compare", "--scenario", str(scenario_file), "--days", "2", "--workers", "0", "--json"]
    argv += ["--strategies", "TWAP,RL", "--model", f"RL={tmp_path / model_id}"]
    assert main(argv) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["model"] for row in rows] == [None, model_id]
    assert main([*argv[:-1], f"TWAP={tmp_path / model_id}"]) == 2
    assert "TWAP uses no model" in capsys.readouterr().err
    assert main([*argv, "--purpose", "validation", "--seed", "3"]) == 2
    assert "must not share paths" in capsys.readouterr().err
