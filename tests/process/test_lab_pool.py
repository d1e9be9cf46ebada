"""Processes of the lab: the same bytes for any number of them, cancel, refusals, the end."""

import json

import pytest

from engine.cli import main
from engine.domain.errors import BrokenInvariant, Refused
from engine.lab.pool import Pool
from engine.lab.run import CANCELLED, run
from tests.support.lab import a_question, a_task

N = 7
pytestmark = pytest.mark.timeout(900)  # the first process may compile


@pytest.fixture(scope="module")
def pool():
    with Pool(3) as hands:
        yield hands


@pytest.fixture
def hands(pool):
    """The pool with as many of its processes as asked for."""
    every = pool.hands

    def chosen(count):
        pool.hands = every[:count]
        return pool

    yield chosen
    pool.hands = every


def test_any_number_of_processes_and_any_slice_gives_the_same_bytes(hands):
    question = a_question("TWAP", "POV", days=N)
    here = run(question, workers=0)
    assert here.n == N
    for workers, slice_days in ((1, 1), (2, 1), (3, 2), (3, 7)):
        result = run(question, pool=hands(workers), slice_days=slice_days)
        assert result.rows.tobytes() == here.rows.tobytes()
        assert result.digest == here.digest
    other = run(a_question("TWAP", "POV", days=N, seed=8), pool=hands(2))
    assert other.digest != here.digest


def test_cancel_ends_a_long_run_within_a_batch(hands):
    seen = []
    question = a_question("TWAP", days=5_000)
    result = run(question, pool=hands(2), on_batch=seen.append, should_stop=lambda: len(seen) >= 2)
    assert result.stopped == CANCELLED
    assert result.n == seen[-1].n <= 50
    again = run(a_question("TWAP", days=2), pool=hands(2))  # the processes are still of use
    assert again.n == 2


def test_a_refusal_in_a_process_is_the_refusal_of_the_run(hands):
    with pytest.raises(Refused, match="seed must be from 0 to"):
        hands(1).spread(a_task("TWAP", seed=-1), 2, 1, lambda _first, _rows: False)


def test_a_process_that_dies_is_not_passed_over():
    with Pool(1) as pool:
        run(a_question("TWAP", days=1), pool=pool)
        pool.hands[0].process.kill()
        pool.hands[0].process.wait()
        with pytest.raises(BrokenInvariant, match="a process of the lab ended"):
            run(a_question("TWAP", days=1), pool=pool)


def test_compare_prints_one_object_and_refuses_what_it_does_not_know(capsys):
    argv = ["compare", "--scenario", "volatile-open", "--days", "3", "--workers", "0", "--json"]
    assert main([*argv, "--strategies", "VWAP_STATIC,TWAP,POV"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert [row["strategy"] for row in body["rows"]] == ["VWAP_STATIC", "TWAP", "POV"]
    assert set(body["rows"][2]["paired_vs"]) == {"VWAP_STATIC", "TWAP"}
    assert all(row["completion"] == 1.0 for row in body["rows"])
    assert main([*argv, "--strategies", "TWAP,MAGIC"]) == 2
    assert "strategy must be one of" in capsys.readouterr().err


def test_simulate_and_scenarios_speak_json_too(capsys):
    argv = ["--scenario", "volatile-open", "--days", "2", "--workers", "0", "--json"]
    assert main(["simulate", "--strategy", "TWAP", *argv]) == 0
    body = json.loads(capsys.readouterr().out)
    assert len(body["digest"]) == 64
    assert main(["scenarios", "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)["scenarios"]]
    assert "midcap-500k" in names
    assert main(["scenarios", "--check", "nowhere.toml"]) == 2
    assert "or a file" in capsys.readouterr().err
