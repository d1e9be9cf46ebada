"""`bench sim` on a few days: keys, exit codes, the same digest for any number of workers."""

import json

import pytest

from engine.bench import sim
from engine.bench.sim import DISAGREE, DONE, SCENARIOS, USAGE, main

KEYS = {
    "days_per_second",
    "ns_per_book_event",
    "book_events_per_day",
    "decisions_per_day",
    "cpu_ms_per_day",
    "digest",
}


def report(capsys, *argv):
    assert main([*argv, "--json"]) == DONE
    return json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def one_day_to_learn_from(monkeypatch):
    monkeypatch.setattr(sim, "MODEL_SEEDS", (9_001,))


@pytest.mark.timeout(900)  # kernels may compile, two models are fitted
def test_the_report_has_every_key_and_the_same_digest_for_any_number_of_workers(capsys):
    one = report(capsys, "--days", "3", "--workers", "1")
    two = report(capsys, "--days", "3", "--workers", "2")
    three = report(capsys, "--days", "3", "--workers", "3")
    assert (one["days"], one["workers"], two["workers"]) == (3, 1, 2)
    assert one["scenarios"].keys() == SCENARIOS.keys()
    for name, row in one["scenarios"].items():
        assert row.keys() == KEYS
        assert row["digest"] == two["scenarios"][name]["digest"]
        assert row["digest"] == three["scenarios"][name]["digest"]
        assert 100_000 < row["book_events_per_day"] < 400_000
    assert one["scenarios"]["flow"]["decisions_per_day"] == 0
    worked = [row for name, row in one["scenarios"].items() if name != "flow"]
    assert all(row["decisions_per_day"] > 20_000 for row in worked)
    assert len({row["digest"] for row in worked}) == 3  # each model decides something else
    assert one["meta"]["machine"]["numba"]


def test_other_days_give_another_digest(capsys):
    digests = [
        report(capsys, "--days", days, "--scenario", "flow")["scenarios"]["flow"]["digest"]
        for days in ("1", "2")
    ]
    assert digests[0] != digests[1]


def test_a_day_that_comes_out_differently_the_second_time_is_exit_three(monkeypatch, capsys):
    calls = iter(range(1_000))

    def cheating(seed):
        return sim.Outcome(1, 0, bytes([next(calls)]))

    monkeypatch.setitem(sim.SCENARIOS, "flow", cheating)
    assert main(["--days", "2", "--scenario", "flow"]) == DISAGREE
    assert "gave different results" in capsys.readouterr().err


@pytest.mark.timeout(900)  # its process may compile
def test_a_paired_comparison_says_when_the_first_ranking_was_there(capsys):
    argv = ("--days", "1", "--scenario", "flow", "--workers", "1", "--paired", "45")
    found = report(capsys, *argv)["paired"]
    assert (found["strategies"], found["paths"], found["day_runs"]) == (4, 9, 45)
    assert found["first_ranking_paths"] == 8
    assert 0.0 < found["first_ranking_seconds"] <= found["seconds"]
    assert len(found["digest"]) == 64
    assert "paired" not in report(capsys, *argv[:4])


@pytest.mark.parametrize(
    "argv", [["--days", "0"], ["--workers", "-1"], ["--scenario", "gold"], ["--paired", "0"]]
)
def test_bad_usage_is_exit_two(argv, capsys):
    assert main(argv) == USAGE
    capsys.readouterr()
