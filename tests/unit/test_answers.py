"""The worker's table of questions: kept alive by asking, one a ticket, kept by content."""

from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

from engine.domain.errors import BrokenInvariant, Refused
from engine.lab.expected import Size
from engine.lab.pretrade import PATHS, Way, question
from engine.lab.run import CANCELLED, DAY_LIMIT, progress
from engine.runtime.clock import HandClock
from engine.runtime.link import Request
from engine.worker import answers as module
from engine.worker import door
from engine.worker.answers import DONE, LEFT_NS, REFUSED, RUNNING, STOPPED, WAITING, Answers
from engine.worker.asked import Asked, AskedWay, seed_of
from tests.support.lab import a_result, a_scenario

ORDER = {
    "kind": "pretrade", "mode": "SIM", "day": "2026-01-02", "open_at": 0, "at": 5_000,
    "symbol": "MIDC", "side": 1, "quantity": 6_000, "horizon_ns": 10**12,
    "ways": [{"strategy": "TWAP"}, {"strategy": "VWAP"}],
}  # fmt: skip
SIZE = Size(
    quantity=6_000, adv=2_000_000, days=0.5, sigma=0.02, price=50.0, spread=0.02,
    participation=0.01,
)  # fmt: skip


def asked(**changed):
    ways = [AskedWay(strategy=way["strategy"]) for way in ORDER["ways"]]
    return Asked(**{**ORDER, "ways": ways, **changed})


class Runs:
    """Stands in for the pool: prepared costs, batch after batch; a hook between them."""

    def __init__(self):
        level = 10.0 + 3.0 * np.cos(np.arange(PATHS))
        self.costs = np.stack([level, level + 2.0 + np.sin(np.arange(PATHS))], axis=1)
        self.between = lambda: None
        self.seeds = []

    def __call__(self, asks, on_batch, should_stop):
        self.seeds.append((asks.seed, len(asks.contenders)))
        rows = a_result(self.costs[:, : len(asks.contenders)]).rows
        rows["volume"], rows["notional"] = 10_000, 10_000 * 500_000
        for n in (8, 25, 50, PATHS):
            if should_stop():
                return CANCELLED
            on_batch(progress(asks, rows[:n]))
            self.between()
        return DAY_LIMIT


def prepared(order):
    if order.symbol == "NONE":
        raise Refused("NONE has no market")
    ways = tuple(Way(strategy=way.strategy) for way in order.ways)
    return SimpleNamespace(
        question=question(a_scenario(), ways, seed=seed_of(order)),
        market={"mid": 5_000.0}, matched={"volume": 1.0}, published=SIZE, notes=("a note",),
        digest="abc",
    )  # fmt: skip


@pytest.fixture
def desk():
    clock = HandClock(10**12)
    runs = Runs()
    return SimpleNamespace(clock=clock, runs=runs, answers=Answers(clock, prepared, runs))


def leave(desk):
    """Nobody looks for so long that a question has ended."""
    desk.clock.now += LEFT_NS + 1


def work(desk):
    """What the other thread does once."""
    job = desk.answers._next()
    if job is not None:
        desk.answers.answer(job, lambda: False)
    return job


def test_a_question_is_taken_up_answered_batch_by_batch_and_done(desk):
    assert desk.answers.ask("t", asked()).state == WAITING
    seen = []
    desk.runs.between = lambda: seen.append(desk.answers.ask("t", asked()))
    work(desk)
    assert [(told.state, told.n) for told in seen] == [
        (RUNNING, 8), (RUNNING, 25), (RUNNING, 50), (RUNNING, PATHS)
    ]  # fmt: skip
    told = desk.answers.ask("t", asked())
    assert (told.state, told.n, told.at, told.question) == (DONE, PATHS, 5_000, "abc")
    assert told.notes == ("a note",)
    assert [row.strategy for row in told.table.rows] == ["TWAP", "VWAP"]
    best, other = told.table.rows
    assert best.behind is None
    assert other.behind == pytest.approx(2.0, abs=0.2)
    assert best.low < best.cost < best.high
    assert seen[0].table.rows[0].worst is None  # eight paths have no twentieth
    assert best.worst is not None


def test_an_edit_ends_the_question_before_and_never_two_run_for_one_ticket(desk):
    desk.answers.ask("t", asked())
    desk.runs.between = lambda: desk.answers.ask("t", asked(quantity=700))
    first = work(desk)
    assert first.told.state == STOPPED
    desk.runs.between = lambda: None
    second = work(desk)
    assert second.asked.quantity == 700
    assert second.told.state == DONE
    assert work(desk) is None


def test_leaving_ends_a_question_that_runs_and_one_that_waits(desk):
    desk.answers.ask("t", asked())
    desk.runs.between = lambda: leave(desk)
    assert work(desk).told.state == STOPPED
    desk.answers.ask("t", asked(side=-1))
    leave(desk)
    assert work(desk) is None
    assert desk.answers.ask("t", asked(side=-1)).state == WAITING  # back again: asked anew


def test_the_same_question_from_another_ticket_is_answered_at_once_while_it_is_fresh(desk):
    desk.answers.ask("one", asked())
    work(desk)
    assert desk.answers.ask("two", asked(at=6_000)).state == DONE
    desk.clock.now += module.FRESH_NS + 1
    assert desk.answers.ask("three", asked()).state == DONE  # the market has not moved
    assert desk.answers.ask("four", asked(at=7_000)).state == WAITING
    assert len(desk.runs.seeds) == 1


def test_asking_again_runs_the_same_question_on_the_market_of_now(desk):
    desk.answers.ask("t", asked())
    work(desk)
    assert desk.answers.ask("t", asked(at=9_000)).at == 5_000
    assert desk.answers.ask("t", asked(at=9_000), again=True).state == WAITING
    work(desk)
    assert desk.answers.ask("t", asked(at=9_500)).at == 9_000


def test_a_refusal_is_an_answer_in_words(desk):
    desk.answers.ask("t", asked(symbol="NONE"))
    work(desk)
    told = desk.answers.ask("t", asked(symbol="NONE"))
    assert (told.state, told.detail) == (REFUSED, "NONE has no market")


def test_a_pool_that_breaks_is_said_and_the_next_question_runs(desk):
    def breaks():
        raise BrokenInvariant("a process of the lab ended: -9")

    desk.answers.ask("t", asked())
    desk.runs.between = breaks
    assert work(desk).told.detail == "a process of the lab ended: -9"
    desk.runs.between = lambda: None
    desk.answers.ask("t", asked(quantity=800))
    assert work(desk).told.state == DONE


def test_a_twin_runs_itself_on_other_draws_first_and_claims_only_beyond_that(desk):
    desk.answers.ask("t", asked(kind="twin"))
    work(desk)
    (own_seed, own), (seed, both) = desk.runs.seeds
    assert (own, both) == (1, 2)
    assert own_seed != seed
    told = desk.answers.ask("t", asked(kind="twin"))
    (claim,) = told.card.claims
    assert (told.card.own, claim.strategy, claim.verdict) == ("TWAP", "VWAP", "dearer")
    assert 0.0 < told.card.floor < claim.mean


def test_the_market_of_a_twin_is_that_of_its_start_and_part_of_the_question():
    assert asked(at=1).digest == asked(at=2).digest
    assert asked(kind="twin", at=1).digest != asked(kind="twin", at=2).digest
    assert asked(exclude=["SIM-A"]).digest != asked().digest


def test_too_many_tickets_are_refused_until_somebody_leaves(desk):
    for i in range(module.TICKETS):
        desk.answers.ask(f"t{i}", asked(quantity=100 + i))
    with pytest.raises(Refused, match="tickets"):
        desk.answers.ask("one more", asked())
    leave(desk)
    assert desk.answers.ask("one more", asked()).state == WAITING


def test_while_nobody_asks_idle_work_is_done_once_and_a_question_comes_first(desk):
    seen, stop = [], Event()
    answers = Answers(
        desk.clock, prepared, desk.runs, [lambda: seen.append(len(desk.runs.seeds)), stop.set]
    )
    answers.ask("t", asked())
    answers.serve(stop)
    assert seen == [1]  # after the question
    assert answers.ask("t", asked()).state == DONE


# --- the wire ---------------------------------------------------------------------------------
def said(desk, **changed):
    args = {key: value for key, value in ORDER.items() if key != "kind"}
    request = {"re": 4, "op": "ask", "name": "pretrade", "args": {**args, "ticket": "t"}}
    asked_of = door.askers(desk.answers, None, None)
    return door.reply(asked_of, Request(**{**request, **changed}))


def test_the_door_answers_a_question_and_repeats_its_number(desk):
    answer = said(desk)
    assert (answer.re, answer.refusal, answer.body["state"]) == (4, "", WAITING)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "orders"},
        {"op": "command"},
        {"args": {}},
        {"args": {"ticket": "t", "quantity": "many"}},
        {"args": {"ticket": "t", **{k: v for k, v in ORDER.items() if k != "kind"}, "more": 1}},
    ],
)
def test_the_door_refuses_what_it_does_not_understand(desk, changed):
    answer = said(desk, **changed)
    assert answer.re == 4
    assert answer.refusal
    assert desk.answers._next() is None
