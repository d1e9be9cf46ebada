"""Beside what learns: the static schedule with its placement, and it itself without its model."""

import json
from dataclasses import replace

from engine.domain import kinds
from engine.domain.strategy import vector
from engine.lab.command import compare
from engine.lab.placed import SAME, with_same_placement
from engine.lab.report import comparison
from engine.lab.run import run
from engine.runtime.model_bytes import pack
from tests.support.lab import SHORT, a_question
from tests.support.parents import a_model


def test_the_same_placement_is_the_static_schedule_with_child_pools_and_dealers_of_what_learns():
    asked = with_same_placement(a_question("TWAP", "ADAPTIVE"))
    adaptive, same = asked.contenders[1:]
    stock = asked.scenario.preset.instrument
    knobs = vector(same.strategy, dict(same.values), stock)
    theirs = vector(adaptive.strategy, dict(adaptive.values), stock)
    for index in (kinds.P_MAX_CHILD, kinds.P_DARK, kinds.P_DEALER):
        assert knobs[index] == theirs[index]
    assert (same.name, same.strategy) == (SAME, "VWAP")
    assert knobs[kinds.P_CURVE_UPDATE] == 0.0


def test_what_learns_is_asked_bare_only_when_it_has_a_model():
    question = a_question("TWAP", "ADAPTIVE", "RL")
    model = pack(a_model(weights={kinds.S_TILT: 1.0}))
    trained = replace(question.contenders[2], model=model, model_id="rl-1")
    asked = with_same_placement(replace(question, contenders=(*question.contenders[:2], trained)))
    assert [who.name for who in asked.contenders] == ["TWAP", "ADAPTIVE", "RL", SAME, "RL_BASE"]
    assert asked.contenders[-1].model == b""
    assert with_same_placement(a_question("TWAP", "POV")) == a_question("TWAP", "POV")


def test_a_learner_is_paired_with_its_bare_self_and_a_stranger_is_not():
    model = pack(a_model(weights={kinds.S_TILT: 1.0, kinds.S_OFF: 0.5}))
    question = a_question("TWAP", "RL", days=3)
    trained = replace(question.contenders[1], model=model, model_id="rl-1")
    asked = with_same_placement(replace(question, contenders=(question.contenders[0], trained)))
    result = run(asked, workers=0)
    rows = {row["strategy"]: row["paired_vs"] for row in comparison(result)["rows"]}
    assert set(rows["TWAP"]) == {SAME}
    assert set(rows["RL"]) == {"TWAP", SAME, "RL_BASE"}
    assert rows["RL"]["RL_BASE"]["mean_bps"] != 0.0
    assert set(rows["RL_BASE"]) == {"TWAP", SAME}


def test_the_command_prints_the_pairs(tmp_path, capsys):
    file = tmp_path / "short.toml"
    file.write_text(SHORT.format(side="buy", quantity=6_000, relax=120))
    argv = ["--scenario", str(file), "--strategies", "TWAP,ADAPTIVE", "--days", "2"]
    assert compare([*argv, "--same-placement", "--workers", "0", "--json"], 1) == 0
    rows = {row["strategy"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert list(rows) == ["TWAP", "ADAPTIVE", SAME]
    assert rows["ADAPTIVE"]["paired_vs"][SAME]["n"] == 2
