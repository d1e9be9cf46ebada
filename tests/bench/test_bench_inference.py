"""`bench inference` on few rows: keys, exit codes, agreement. Never a time."""

import json

import pytest

from engine.bench import inference
from engine.bench.inference import DISAGREE, DONE, GOALS, USAGE, main

TINY = ("--rounds", "1", "--rows", "600", "--decisions", "40")


def test_the_report_has_every_kind_and_every_key_and_every_decision_asked_the_model(capsys):
    assert main([*TINY, "--json"]) == DONE
    report = json.loads(capsys.readouterr().out)
    assert report["models"].keys() == GOALS.keys()
    assert set(GOALS) >= {
        "linear", "logistic", "tree", "forest", "gradient_boosting", "hist_gradient_boosting",
        "mlp", "svm",
    }  # fmt: skip
    for name, row in report["models"].items():
        assert row["ns_compiled"] > 0 < row["us_sklearn_one_row"]
        assert 0.0 <= row["max_abs_diff"] <= 1e-6
        assert row["goal_ratio"] == GOALS[name]
        decision = report["decision"][name]
        assert decision["n"] == 40
        assert decision["scored"] > 30, "a decision that does not ask the model costs nothing"
        assert decision["p50_us"] <= decision["p99_us"] <= decision["max_us"]
    assert report["meta"]["machine"]["numba"]


def test_scores_that_differ_are_exit_three(capsys, monkeypatch):
    real = inference.expected
    monkeypatch.setattr(inference, "expected", lambda *seen: real(*seen) + 1e-5)
    assert main([*TINY, "--model", "tree"]) == DISAGREE
    shown = capsys.readouterr()
    assert "tree differs from scikit-learn by 1e-05" in shown.err
    assert "tree" in shown.out


@pytest.mark.parametrize(
    "argv", [["--rounds", "0"], ["--rows", "10"], ["--decisions", "0"], ["--model", "oracle"]]
)
def test_bad_usage_is_exit_two(argv, capsys):
    assert main(argv) == USAGE
    capsys.readouterr()
