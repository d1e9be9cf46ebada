"""Direct search over parameters: takes what is cheaper, hides nothing, is judged on other paths."""

import json

import pytest

from engine.cli import main
from engine.domain.errors import Refused
from engine.lab.market import SeedRange
from engine.lab.scenario import load
from engine.lab.tuned import Trial, read_tuned
from engine.learn import search
from engine.learn.policy import Plan
from tests.support.lab import SHORT

pytestmark = pytest.mark.timeout(900)  # the first of them may compile


def a_trial(headline, total, **values):
    return Trial(values=values, headline_bps=headline, total_bps=total, n=10)


def test_the_cheapest_set_is_taken():
    start = a_trial(10.0, 20.0, band=0.01)
    tried = [a_trial(9.5, 19.9, band=0.02), a_trial(9.0, 19.0, band=0.03), a_trial(11.0, 18.0)]
    assert search.better(start, tried).values == {"band": 0.03}


def test_a_set_that_moves_cost_into_permanent_impact_is_not_taken():
    """The cheat: the headline falls and the client pays more."""
    start = a_trial(10.0, 20.0, band=0.01)
    assert search.better(start, [a_trial(7.0, 20.1, band=0.2)]) is start


def test_a_search_is_stored_with_all_it_tried_judged_elsewhere_and_compared(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(search, "GRID", {"band": (0.005, 0.2), "max_child": (100.0,)})
    text = SHORT.format(side="buy", quantity=6_000, relax=120)
    file = tmp_path / "short.toml"
    file.write_text(text)
    argv = ["learn", "search", "--scenario", str(file), "--strategy", "VWAP_STATIC", "--json"]
    argv += ["--days", "4", "--validation-days", "10", "--workers", "0", "--out", str(tmp_path)]
    assert main(argv) == 0
    told = json.loads(capsys.readouterr().out)
    card = read_tuned(tmp_path / told["path"].rsplit("/", 1)[1])
    first, *_ = card.trials
    assert first.values == {"curve_update": 0.0}  # the catalogue's values, and what names it
    assert {trial.n for trial in card.trials} == {4}
    least = min(t.headline_bps for t in card.trials if t.total_bps <= first.total_bps)
    assert any(t.values == card.values and t.headline_bps <= least + 1e-9 for t in card.trials)
    assert [paths.purpose for paths in card.paths] == ["training", "validation"]
    assert [row["strategy"] for row in card.judged["rows"]] == [
        "start",
        "VWAP_STATIC_TUNED",
        "TWAP",
    ]
    assert card.verdict == card.judged["rows"][1]["paired_vs"]["start"]["verdict"]

    compare = ["compare", "--scenario", str(file), "--strategies", "VWAP_STATIC,TWAP", "--json"]
    compare += ["--days", "2", "--workers", "0", "--tuned", told["path"]]
    assert main(compare) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[2]["strategy"] == "VWAP_STATIC_TUNED"
    assert list(rows[2]["paired_vs"]) == ["VWAP_STATIC", "TWAP"]
    assert main([*compare, "--purpose", "validation"]) == 2  # the paths that have judged it
    assert "must not share paths" in capsys.readouterr().err


def test_nothing_is_learnt_on_a_scenario_that_is_held_out(tmp_path, capsys):
    assert load("large-cap").held_out
    assert load("no-signal").held_out
    assert not load("midcap-500k").held_out
    for what in ("rl", "direction", "search"):
        assert main(["learn", what, "--scenario", "large-cap", "--out", str(tmp_path)]) == 2
        assert "nothing is learnt or tuned on it" in capsys.readouterr().err


def test_a_search_never_sees_the_paths_of_a_comparison():
    scenario, seen = load("midcap-500k"), SeedRange("comparison", 1, 0, 4)
    with pytest.raises(Refused, match="learns on training paths"):
        Plan(scenario=scenario, training=seen, validation=SeedRange("validation", 1, 0, 10))
