"""Comparisons that people ask for: one at a time, ended by whom it may be, kept over a restart."""

from threading import Event
from types import SimpleNamespace

import pytest

from db.queries_lab import comparisons as kept
from engine.domain.errors import Refused
from engine.lab import report
from engine.lab.run import run
from engine.runtime.link import Request
from engine.worker import comparisons as c
from engine.worker import door
from engine.worker.answers import DONE, REFUSED, RUNNING, STOPPED, WAITING
from tests.support.lab import a_scenario


class Clock:
    def __init__(self):
        self.now = 10**18

    def wall_ns(self):
        self.now += 10**9
        return self.now


class Here:
    """Runs in this thread, for real; ``after`` is called after each batch."""

    def __init__(self):
        self.after = lambda: None
        self.closed = 0

    def close(self):
        self.closed += 1

    def result(self, question, on_batch, should_stop):
        def told(now):
            on_batch(now)
            self.after()

        return run(question, workers=0, on_batch=told, should_stop=should_stop)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """An empty table whose only scenario lasts ten minutes."""
    monkeypatch.setattr(c, "shipped", lambda: {"short": None})
    monkeypatch.setattr(c, "load", lambda _: a_scenario())
    return a_table(tmp_path)


def a_table(folder):
    where = SimpleNamespace(state=folder, models=folder / "models")
    return c.Comparisons(clock=Clock(), where=where, runs=Here())


def wanted(**changed):
    return c.Wanted(**{
        "scenario": "short", "strategies": ["TWAP", "VWAP"], "paths": 10, "seed": 3,
        "same_placement": False, **changed,
    })  # fmt: skip


def test_what_is_asked_for_is_the_comparison_of_the_verb_and_is_kept(table, tmp_path):
    row = table.ask("u1", wanted())
    assert (row.number, row.by, row.state, row.n) == (1, "u1", WAITING, 0)
    table.work(1, Event())
    (row,) = table.shown()
    assert (row.state, row.n) == (DONE, 10)
    assert row.began_at < row.ended_at
    (body,) = kept(tmp_path)
    assert body["id"] == row.kept
    expected = report.comparison(run(table.question(1), workers=0))
    assert {name: body[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"scenario": "../etc"}, "scenario must be one of short"),
        ({"strategies": ["TWAP"]}, "two or more different ones"),
        ({"strategies": ["TWAP", "TWAP"]}, "two or more different ones"),
        ({"strategies": ["TWAP", "MAGIC"]}, "two or more different ones"),
        ({"paths": 9}, "paths must be from 10 to 1,000, was 9"),
        ({"paths": 1_001}, "paths must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_what_is_no_question_is_refused_and_not_kept(table, changed, said):
    with pytest.raises(Refused, match=said):
        table.ask("u1", wanted(**changed))
    assert table.shown() == []


def test_the_same_twice_and_too_many_are_refused(table):
    table.ask("u1", wanted())
    with pytest.raises(Refused, match="the same comparison is waiting already, asked for as 1"):
        table.ask("u2", wanted())
    for seed in range(10, 10 + c.WAIT_MOST - 1):
        table.ask("u1", wanted(seed=seed))
    with pytest.raises(Refused, match="8 comparisons wait or run already"):
        table.ask("u1", wanted(seed=99))


def test_one_that_waits_is_ended_by_whoever_asked_or_by_whom_the_table_lets(table):
    table.ask("u1", wanted())
    with pytest.raises(Refused, match="by somebody else"):
        table.end("u2", 1, any_of=False)
    row = table.end("u2", 1, any_of=True)
    assert (row.state, row.ended_by) == (STOPPED, "u2")
    with pytest.raises(Refused, match="is cancelled already"):
        table.end("u1", 1, any_of=False)
    with pytest.raises(Refused, match="there is no comparison 7"):
        table.end("u1", 7, any_of=True)


def test_one_that_runs_is_ended_within_a_batch_and_nothing_is_kept(table, tmp_path):
    table.ask("u1", wanted(paths=60))
    seen = []

    def end():
        seen.append(table.shown()[0].n)
        if len(seen) == 1:
            table.end("u1", 1, any_of=False)

    table.runs.after = end
    table.work(1, Event())
    (row,) = table.shown()
    assert (row.state, row.ended_by) == (STOPPED, "u1")
    assert 0 < row.n < 60
    assert kept(tmp_path) == ()


def test_progress_is_said_path_by_path_with_the_cheapest(table):
    table.ask("u1", wanted(paths=10))
    said = []
    table.runs.after = lambda: said.append((table.shown()[0].state, table.shown()[0].detail))
    table.work(1, Event())
    assert said
    assert all(state == RUNNING and "cheapest so far" in words for state, words in said)


def test_a_worker_that_starts_again_begins_anew_what_ran_and_keeps_what_waits(table, tmp_path):
    table.ask("u1", wanted())
    table.ask("u2", wanted(seed=4))
    table.end("u2", 2, any_of=False)
    table.ask("u3", wanted(seed=5))
    stop = Event()
    table.runs.after = stop.set  # the worker stops in the middle of it
    table.work(1, stop)
    again = a_table(tmp_path)
    again.recall()
    states = {row.number: (row.state, row.n, row.detail) for row in again.shown()}
    assert states[1] == (WAITING, 0, c.STOPPED_WORKER) or states[1][0] == DONE
    assert states[2][0] == STOPPED
    assert states[3] == (WAITING, 0, "")
    assert again.ask("u4", wanted(seed=6)).number == 4


def test_they_are_worked_off_oldest_first_and_then_the_processes_end(table):
    table.ask("u1", wanted())
    table.ask("u1", wanted(seed=4))
    stop, order = Event(), []
    table.runs.after = lambda: order.append(
        next(row.number for row in table.shown() if row.state == RUNNING)
    )
    close = table.runs.close

    def closed():
        close()
        stop.set()

    table.runs.close = closed
    table.serve(stop)
    assert order == sorted(order)
    assert [row.state for row in table.shown()] == [DONE, DONE]
    assert table.runs.closed == 1


def test_a_model_that_is_not_there_is_said_and_the_next_one_goes_on(table):
    table.ask("u1", wanted(strategies=["TWAP", "ADAPTIVE"], models={"ADAPTIVE": "nobody"}))
    table.work(1, Event())
    (row,) = table.shown()
    assert row.state == REFUSED
    assert "nobody" in row.detail


def test_only_the_newest_that_are_over_are_remembered(table):
    for seed in range(c.SHOWN + 3):
        number = table.ask("u1", wanted(seed=seed)).number
        table.end("u1", number, any_of=False)
    assert [row.number for row in table.shown()] == list(range(c.SHOWN + 3, 3, -1))


def test_the_door_asks_tells_and_ends(table):
    doors = door.askers(None, None, table)

    def said(name, **args):
        return door.reply(doors, Request(re=1, op="ask", name=name, args=args))

    body = {"scenario": "short", "strategies": ["TWAP", "VWAP"], "paths": 10}
    assert said("compare", by="u1", **body).body["number"] == 1
    told = said("compared").body
    assert [row["number"] for row in told["items"]] == [1]
    assert told["scenarios"] == [{"name": "short", "words": "Ten minutes."}]
    assert "somebody else" in said("compare_end", by="u2", number=1, any_of=False).refusal
    assert said("compare_end", by="u1", number=1, any_of=False).body["state"] == STOPPED
    assert "not understood" in said("compare", by="u1", **{**body, "more": 1}).refusal
    assert "not understood" in said("compare", **body).refusal
