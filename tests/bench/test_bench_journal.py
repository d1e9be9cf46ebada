"""`bench journal` on a moment of work: keys, exit codes, agreement. Never a time."""

import json

import pytest

from engine.bench import journal
from engine.bench.journal import DISAGREE, DONE, USAGE, main

TINY = ("--seconds", "0.01", "--children", "130")


def test_the_report_has_every_key_of_the_contract(capsys):
    assert main([*TINY, "--json"]) == DONE
    report = json.loads(capsys.readouterr().out)
    for name in ("single", "batch_16", "batch_64"):
        assert report[name].keys() == {"per_second", "commit_us"}
        assert report[name]["commit_us"].keys() == {"p50", "p99"}
        assert report[name]["per_second"] > 0
    assert report["verify_per_second"] > 0
    assert report["replay_events_per_second"] > 0
    assert 100 < report["bytes_per_event"] < 5_000
    assert report["meta"]["machine"]["cores"]


@pytest.mark.parametrize("argv", [["--seconds", "0"], ["--children", "0"], ["--nonsense"]])
def test_bad_usage_is_2(argv):
    assert main(argv) == USAGE


def test_a_chain_that_does_not_hold_is_3(capsys, monkeypatch):
    real = journal.trading_day
    monkeypatch.setattr(journal, "trading_day", lambda folder, children: real(folder, children) + 1)
    assert main([*TINY, "--json"]) == DISAGREE
    assert "verify walked" in capsys.readouterr().err
