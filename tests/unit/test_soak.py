"""What the soak calls growth, and what it calls an unhandled exception."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from engine.drill.deaths import Drill
from engine.drill.memory import GROWTH, Memory, below, growth, rss
from engine.drill.soak import (
    FASTEST,
    RUNNING,
    STUCK_S,
    Plan,
    Week,
    last_traceback,
    memory_failures,
    tracebacks,
)
from engine.stage import CLOCK, NotReady
from engine.watchdog.books import AtExchange

SECOND = 1_000_000_000


def test_growth_is_that_of_the_life_that_saw_most_closes_from_its_second_on():
    ended = [(4, 150.0), (4, 180.0)]
    assert growth([*ended, (7, 100.0), (7, 200.0), (7, 210.0), (7, 209.0)]) == 4.5
    assert growth([(7, 100.0), (7, 200.0), (7, 150.0)]) == -25.0


def test_nothing_is_said_of_growth_when_no_life_saw_three_closes():
    assert growth([]) is None
    assert growth([(7, 100.0), (7, 200.0), (8, 300.0), (8, 400.0)]) is None
    assert growth([(7, 100.0), (0, 0.0), (7, 200.0)]) is None  # it was not there at a close


def test_a_process_that_grows_is_named_and_a_week_must_say_something_of_each():
    memory = {"engine": {"growth_pct": GROWTH + 0.1, "closes_mb": [1.0, 2.0, 3.0]},
              "web": {"growth_pct": GROWTH}, "worker": {"lives": 0}}  # fmt: skip
    assert memory_failures(memory, days=3) == [
        "the memory of the engine grows from close to close: [1.0, 2.0, 3.0] MB"
    ]
    assert memory_failures(memory, days=5)[1].startswith("no worker lived through 3 closes")


def test_the_speed_asked_is_what_the_days_left_need_of_the_time_left():
    plan = Plan(days=3, day_s=6_000.0, every_s=360.0, end=1_000 * SECOND)
    assert plan.speed(0, 0.0, 0) == pytest.approx(18_000 / (1_000 * RUNNING))
    assert plan.speed(1, 3_000.0, 500 * SECOND) == pytest.approx(9_000 / (500 * RUNNING))
    assert plan.speed(1, 0.0, 999 * SECOND) == FASTEST  # late: as fast as it goes
    assert plan.speed(2, 5_999.0, 0) == 1.0


def test_the_memory_of_this_process_is_seen_and_of_one_that_is_gone_is_none():
    assert rss(os.getpid()) > 10_000_000
    assert rss(2**22 + 1) == 0


def test_what_any_thread_of_a_process_started_is_seen_and_judged_beside_it():
    started, done = Event(), Event()

    def work():
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE):
            started.set()
            done.wait()

    thread = Thread(target=work)
    before = below(os.getpid())
    thread.start()
    started.wait()
    memory = Memory()
    memory.close("worker", os.getpid())
    assert below(os.getpid()) > before
    done.set()
    thread.join()
    rows = [(7, 200.0), (7, 200.0), (7, 220.0)]
    assert set(memory.of_started()) == {"worker's processes"}
    memory.closes["worker's processes"] = rows
    assert memory_failures(memory.of_started(), days=5) == [
        "the memory of the worker's processes grows from close to close: [200.0, 200.0, 220.0] MB"
    ]


def test_sizes_within_a_life_are_those_after_its_warm_up_and_at_its_end(monkeypatch):
    sizes = iter([900, *[100] * 59, *[110] * 59, 110])
    monkeypatch.setattr("engine.drill.memory.rss", lambda pid: next(sizes) * 1_048_576)
    memory = Memory()
    for second in range(0, 240, 2):
        memory.sample("engine", 7, second * SECOND)
    report = memory.report("engine")
    assert (report["warm_mb"], report["end_mb"]) == (100.0, 110.0)
    assert (report["lives"], report["peak_mb"]) == (1, 900.0)
    assert memory.report("web") == {"lives": 0}


def test_a_traceback_in_any_log_is_counted_and_quoted(tmp_path: Path):
    (tmp_path / "engine.log").write_text("engine ready: epoch 1\n")
    (tmp_path / "worker.log").write_text(
        "ready\nTraceback (most recent call last):\n  File x\nKeyError: 'MIDC'\n"
    )
    assert tracebacks(tmp_path) == {"worker.log": 1}
    assert last_traceback(tmp_path / "worker.log").endswith("KeyError: 'MIDC'")


def test_children_of_one_parent_share_their_tags_in_the_watchdog():
    venue = AtExchange()
    rows = [{"child": n, "kind": 1, "cum": 0, "tags": {"parent": "P-1"}} for n in (1, 2)]
    rows.append({"child": 3, "kind": 1, "cum": 0, "tags": {"parent": "P-2"}})
    log = {"day": "", "reports": rows, "next": 3, "more": False}
    assert venue.take(log, {"orders": [], "at": 1}, 1)
    assert venue.tags[1] is venue.tags[2]
    assert venue.tags[3] == {"parent": "P-2"}


class Stand:
    """A stage on which only deaths are seen, each held as long as a test wants."""

    def __init__(self) -> None:
        self.killed: list[str] = []
        self.speeds: list[float] = []

    def kill_process(self, name: str) -> bool:
        self.killed.append(name)
        return True

    def set_speed(self, speed: float) -> None:
        self.speeds.append(speed)


def a_week(stage: Stand, days: int = 5) -> Week:
    plan = Plan(days=days, day_s=6_000.0, every_s=360.0, end=CLOCK.mono_ns() + 1_000 * SECOND)
    return Week(drill=Drill(stage=stage, seed=7, speed=0.0), plan=plan)


def test_each_day_begins_with_the_death_of_its_own_process_and_the_next_fault_is_later():
    stage = Stand()
    week = a_week(stage)
    for day in range(7):
        week.next_fault, week.market = 0, day * 86_400 * SECOND
        week.fault()
        assert 0.5 * 360 <= (week.next_fault - week.market) / SECOND <= 1.5 * 360
        week.closes.append({"day": str(day)})
    assert stage.killed == ["engine", "exchange", "watchdog", "web", "worker", "engine", "exchange"]
    assert week.faults["kill engine"] == 2


def test_the_speed_is_asked_anew_only_when_it_is_off():
    stage = Stand()
    week = a_week(stage, days=1)
    wanted = 6_000 / (1_000 * RUNNING)
    week.keep_pace({"market_at": 0, "open_at": 0, "speed": wanted})
    assert stage.speeds == []
    week.paced = 0
    week.keep_pace({"market_at": 0, "open_at": 0, "speed": wanted / 2})
    assert stage.speeds == [pytest.approx(wanted, rel=0.01)]
    week.keep_pace({"market_at": 0, "open_at": 0, "speed": wanted / 2})  # a moment later: not yet
    assert len(stage.speeds) == 1


def test_a_market_that_does_not_move_ends_the_drill_with_the_last_words_of_the_desk():
    stage = Stand()
    stage.pid = lambda _name: None
    stage.last_words = lambda: "gate: kill"
    stage.status = lambda: {"desk": {"market_at": 5, "session": "CLOSED", "speed": 1.0}}
    week = a_week(stage)
    assert week.look() is not None
    week.moved -= int((STUCK_S + 1) * 1e9)
    with pytest.raises(NotReady, match="gate: kill"):
        week.look()
