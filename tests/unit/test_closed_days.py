"""What the engine holds of days that are over: nothing that grows with their number."""

import os
from collections import Counter
from typing import Any

import pytest

from engine.core.turn import KEPT_KILLS, kills_carried
from engine.domain import commands as c
from engine.drill.memory import rss
from engine.runtime.answers import Answers
from engine.runtime.give_back import give_back
from tests.support.desk_rig import Rig
from tests.support.held import held

DAY_S = 300.0
PARTS = ("journal", "venue", "link", "gate", "clock", "days")


def look(rig: Rig) -> None:
    """A few seconds of the rounds and of the screens; the market stands."""
    for _ in range(5):
        rig.round(1.0)
        rig.loop.publisher.flush(rig.loop.desk, rig.loop._header)


def a_day(rig: Rig) -> None:
    """Two orders, a kill that people release, the close, and the next day opened and compared."""
    rig.run(10)
    rig.buy(20_000, horizon_ns=200_000_000_000)
    rig.buy(30_000, side=-1, horizon_ns=200_000_000_000)
    rig.run(120)
    assert rig.state.ended, "nothing was sent"
    rig.gate.request("client", "nobody", "u3", door="test", now_ns=rig.clock.wall_ns())
    for _ in range(3):
        rig.round(1.0)
        rig.run(2)
    kill = next(row.id for row in rig.state.active_kills() if row.scope == "client")
    rig.do(c.ReleaseKill(kill_id=kill), "u3")
    rig.do(c.ReleaseKill(kill_id=kill), "u4")
    while rig.state.is_open:
        rig.run(1)
    look(rig)
    rig.loop.open_day()
    rig.run(5)
    look(rig)


def holdings(rig: Rig) -> Counter[str]:
    """What the loop holds by itself, its connections to the outside left out."""
    return held(rig.loop, [getattr(rig, name) for name in PARTS])


def after_days(rig: Rig, days: int) -> list[Counter[str]]:
    """The holdings after each opening. The first days fill what is kept of the last kills."""
    found = []
    for _ in range(days):
        a_day(rig)
        found.append(holdings(rig))
    return found


@pytest.fixture
def two_kills_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the record of released kills is full after a day."""
    monkeypatch.setattr("engine.core.turn.KEPT_KILLS", 2)


@pytest.mark.usefixtures("two_kills_kept")
def test_an_engine_holds_after_three_days_what_it_held_after_two():
    rig = Rig(day_s=DAY_S)
    _, second, third = after_days(rig, 3)
    assert sum(second.values()) > 1_000
    ways = second.keys() | third.keys()
    assert {way: third[way] - second[way] for way in ways if third[way] != second[way]} == {}


def forget_nothing(_answers: Answers) -> None:
    """A leak: records of every day."""


def hoard(answers: Any, output: Any) -> None:
    """Another: every entry there ever was."""
    answers.hoard = [*getattr(answers, "hoard", ()), *output.entries]


LEAKS = {
    "answers._records": ("engine.runtime.answers.Answers.new_day", forget_nothing),
    "answers.hoard": ("engine.runtime.answers.Answers.remember", hoard),
    "state.kills": ("engine.core.turn.KEPT_KILLS", 1_000),
}


@pytest.mark.usefixtures("two_kills_kept")
@pytest.mark.parametrize("way", LEAKS)
def test_a_leak_is_found_and_named(way: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*LEAKS[way])
    _, second, third = after_days(Rig(day_s=DAY_S), 3)
    assert any(way in grown for grown in third - second)


def test_at_each_opening_memory_goes_back_to_the_machine():
    rig = Rig(day_s=DAY_S)
    asked: list[str] = []
    rig.loop.rounds.give_back = lambda: asked.append(rig.state.session.day)
    rig.run(3)
    assert asked == []
    while rig.state.is_open:
        rig.run(1)
    rig.loop.open_day()
    assert asked == [rig.state.session.day]


def test_memory_that_was_let_go_is_the_machine_s_again():
    give_back()
    before = rss(os.getpid())
    hoard = [bytes(3_000) for _ in range(40_000)]
    rest = hoard[::1_000]  # something in between stays
    most = rss(os.getpid())
    assert most - before > 100_000_000
    del hoard
    give_back()
    assert most - rss(os.getpid()) > 80_000_000
    assert len(rest) == 40


def test_a_new_day_keeps_every_kill_in_force_and_the_newest_released():
    rig = Rig(day_s=DAY_S)
    rig.run(1)
    for number in range(KEPT_KILLS + 5):
        generation = rig.gate.request(
            "client", f"c{number}", "u3", door="test", now_ns=rig.clock.wall_ns()
        )
        rig.round()
        kill = max(rig.state.kills)
        assert rig.state.kills[kill].generation == generation
        if number:  # the first stays in force
            rig.do(c.ReleaseKill(kill_id=kill), "u3")
            rig.do(c.ReleaseKill(kill_id=kill), "u4")
    kept = [row.id for row in kills_carried(rig.state)]
    released = [row.id for row in rig.state.kills.values() if not row.is_active]
    active = [row.id for row in rig.state.active_kills()]
    assert len(active) == 1
    assert kept == sorted(active + released[-KEPT_KILLS:])
