"""What is wrong with the desk itself: seen once, said once, over when it is over."""

import time

import pytest

from engine.core.rules.modes import in_force
from engine.domain import commands as c
from engine.domain import events as e
from engine.lifeline import boot
from engine.runtime.clock import SystemClock
from engine.runtime.conditions import Readings, found
from engine.runtime.rounds import Watch
from tests.support.desk_rig import Rig

S = 10**9
HOUR = 3600 * S


@pytest.mark.parametrize(
    ("readings", "kinds"),
    [
        (Readings(), set()),
        (Readings(lease_age_ns=3 * S), set()),
        (Readings(lease_age_ns=3 * S + 1), {"watchdog"}),
        (Readings(clock_step_ns=S), set()),
        (Readings(clock_step_ns=HOUR), {"clock"}),
        (Readings(clock_step_ns=-HOUR), {"clock"}),
        (Readings(disk="disk: 3 MB are free"), {"disk"}),
        (Readings(commit_ns=S), set()),
        (Readings(commit_ns=2 * S), {"journal"}),
        (Readings(alone_ns=HOUR), set()),  # the setting is off
        (Readings(alone_ns=60 * S, unattended_ns=60 * S), set()),
        (Readings(alone_ns=61 * S, unattended_ns=60 * S), {"unattended"}),
    ],
)
def test_each_condition_has_its_threshold(readings: Readings, kinds: set[str]):
    assert {wrong.kind for wrong in found(readings)} == kinds


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("watchdog", "REDUCING"),
        ("disk", "REDUCING"),
        ("unattended", "REDUCING"),
        ("clock", "NORMAL"),
        ("journal", "NORMAL"),
    ],
)
def test_each_condition_asks_for_its_mode(kind: str, mode: str):
    everything = Readings(
        lease_age_ns=HOUR, clock_step_ns=HOUR, disk="full", commit_ns=HOUR, alone_ns=HOUR,
        unattended_ns=S,
    )  # fmt: skip
    assert {w.kind: w.mode for w in found(everything)}[kind] == mode


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    rig.round()
    rig.round(0.1)
    return rig


def test_a_watchdog_that_is_gone_reduces_the_desk_until_it_is_back(rig: Rig):
    rig.gate.lease_age = 5 * S
    rig.clock.now += HOUR
    rig.round(1)
    assert in_force(rig.state).mode == "REDUCING"
    ticket = c.SubmitParent(symbol="MIDC", side=1, quantity=100, strategy="TWAP", horizon_ns=HOUR)
    assert "the desk is REDUCING (the watchdog is gone" in rig.ask(ticket)
    for _ in range(10):
        rig.round(1)
    assert len(rig.journal.events(e.ConditionBegan)) == 1  # said once
    rig.gate.lease_age = 0
    rig.round(1)
    assert in_force(rig.state).mode == "REDUCING"  # not at the first good look
    rig.round(3)
    assert in_force(rig.state).mode == "NORMAL"
    rig.do(ticket)


def test_a_watchdog_that_starts_beside_us_is_given_time(rig: Rig):
    rig.loop.rounds.started = rig.clock.mono_ns()
    rig.gate.lease_age = 10**18  # never stamped
    rig.round(29)
    assert not rig.state.conditions
    rig.round(5)
    assert ("watchdog", "") in rig.state.conditions


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_clock_that_is_set_is_said_and_nothing_expires_or_fires(rig: Rig, step: int):
    rig.buy()
    rig.do(c.HoldScope(scope="symbol", target="MIDC", seconds=600.0), "u3")
    before = (rig.state.desk_ns, rig.state.market_ns, dict(rig.state.holds))
    rig.clock.step = step
    rig.round(1)
    said = [row.sentence for row in rig.state.alerts.values() if row.kind == "desk.clock"]
    assert len(said) == 1
    assert ("forward" if step > 0 else "back") in said[0]
    assert "3,600 s" in said[0]
    assert in_force(rig.state).mode == "NORMAL"
    assert rig.state.desk_ns - before[0] < 10 * S
    assert (rig.state.market_ns, rig.state.holds) == before[1:]
    for _ in range(10):
        rig.round(1)
    assert len([x for x in rig.journal.events(e.ConditionBegan) if x.kind == "clock"]) == 1
    rig.clock.step = 2 * step
    rig.round(1)
    assert len([x for x in rig.journal.events(e.ConditionBegan) if x.kind == "clock"]) == 2


def test_nobody_here_reduces_the_desk_only_where_that_is_set():
    for allowed, mode in ((0, "NORMAL"), (60 * S, "REDUCING")):
        rig = Rig()
        rig.loop.rounds.watch = Watch(unattended_ns=allowed)
        rig.run(5)
        rig.loop.rounds.present({"supervisors": 0, "traders": 1})
        rig.round(61)
        assert in_force(rig.state).mode == mode


def test_a_supervisor_who_looks_keeps_the_desk_attended():
    rig = Rig()
    rig.loop.rounds.watch = Watch(unattended_ns=60 * S)
    rig.run(5)
    for _ in range(5):
        rig.loop.rounds.present({"supervisors": 1})
        rig.round(30)
    assert in_force(rig.state).mode == "NORMAL"
    rig.round(61)
    assert in_force(rig.state).mode == "REDUCING"
    rig.loop.rounds.present({"supervisors": 1})
    rig.round(1)
    rig.round(3)
    assert in_force(rig.state).mode == "NORMAL"


def test_all_processes_of_a_desk_keep_one_time(tmp_path):
    an_hour_off = time.time_ns() - time.monotonic_ns() - HOUR
    clock = SystemClock(an_hour_off)
    assert abs(clock.step_ns() - HOUR) < S
    assert abs(time.time_ns() - HOUR - clock.wall_ns()) < S
    path = tmp_path / "clock.offset"
    assert abs(SystemClock.of(path).step_ns()) < S  # no desk: our own
    path.write_text(f"{an_hour_off}\n{boot()}\n")
    assert abs(SystemClock.of(path).step_ns() - HOUR) < S
    path.write_text(f"{an_hour_off}\nanother-boot\n")
    assert abs(SystemClock.of(path).step_ns()) < S  # from before a reboot: it says nothing
