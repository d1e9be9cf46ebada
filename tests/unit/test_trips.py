"""Automatic kills: off by default, each fires once, says what it saw, and takes the flag's road."""

from dataclasses import replace

import pytest
from msgspec import structs

from engine.core import show_limits
from engine.core.rules.trips import loss_of, owed
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.limits import TRIPS
from engine.domain.orders import ChildState, ParentState
from engine.domain.units import SECOND
from tests.support.desk_rig import Rig
from tests.support.limits import decide, terms, tighten


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    rig.round()
    rig.round(0.1)
    rig.buy(on_restart="resume")
    rig.run_until_live(1)
    return rig


def policy(rig: Rig, **limits) -> None:
    rig.loop.facts((e.PolicySet(policy=replace(rig.state.policy, **limits)),))


def until_killed(rig: Rig) -> None:
    for _ in range(20):
        rig.run(1)
        rig.round(0.1)
        if any(kill.door == "trip" and kill.is_active for kill in rig.state.kills.values()):
            return
    raise AssertionError("nothing tripped")


def trips(rig: Rig) -> list[e.TripFired]:
    return rig.journal.events(e.TripFired)


def test_no_trip_is_armed_unless_the_policy_says_so(rig: Rig):
    rig.state.parents[1] = structs.replace(rig.state.parents[1], fees=1e9, filled=1)
    rig.run(5)
    assert trips(rig) == []


@pytest.mark.parametrize(
    ("side", "paid", "lost"),
    [(1, 102.0, 20.0), (-1, 98.0, 20.0), (1, 98.0, -20.0), (-1, 102.0, -20.0)],
)
def test_the_loss_of_a_parent_is_its_side_times_what_it_paid_beyond_arrival(rig, side, paid, lost):
    parent = structs.replace(
        rig.state.parents[1], side=side, arrival_price=100.0, filled=1_000,
        notional100=int(paid * 100) * 1_000, fees=1.5,
    )  # fmt: skip
    assert loss_of(parent, 0.01) == pytest.approx(lost + 1.5)
    assert loss_of(structs.replace(parent, filled=0), 0.01) == 0.0


def test_a_loss_beyond_its_limit_kills_the_parent_and_says_by_how_much(rig: Rig):
    policy(rig, trip_loss=1_000.0)
    rig.state.parents[1] = structs.replace(
        rig.state.parents[1], filled=100, notional100=100 * 5_000 * 100, fees=999_999.0
    )
    until_killed(rig)
    kill = max(rig.state.kills.values(), key=lambda row: row.id)
    assert (kill.scope, kill.target, kill.by) == ("parent", "P-1", "trip:loss")
    assert "trip_loss is 1,000" in kill.reason
    assert "arrival" in kill.reason
    assert rig.state.parents[1].state in (ParentState.KILLING, ParentState.KILLED)
    rig.run(10)
    rig.round(1)
    assert len(trips(rig)) == 1


def test_a_move_beyond_its_limit_kills_the_symbol_once_until_it_is_released(rig: Rig):
    policy(rig, trip_move=1e-9)
    rig.run(3)
    until_killed(rig)
    kill = max(rig.state.kills.values(), key=lambda row: row.id)
    assert (kill.scope, kill.target, kill.by) == ("symbol", "MIDC", "trip:move")
    assert "in 60 s of market time" in kill.reason
    for _ in range(5):
        rig.run(2)
        rig.round(0.1)
    assert len(trips(rig)) == 1


def test_more_rejects_than_allowed_kill_the_parent(rig: Rig):
    policy(rig, trip_rejects=2)
    child = next(iter(rig.state.children.values()))
    for i in range(3):
        lost = structs.replace(
            child, id=child.id + 1_000 + i, state=ChildState.REJECTED,
            ended_at=rig.state.market_ns,
        )  # fmt: skip
        rig.state.ended[lost.id] = lost
        if i < 2:
            rig.run(1)
            assert trips(rig) == []
    until_killed(rig)
    assert "3 children of P-1 were rejected" in trips(rig)[0].trip.sentence


def test_a_trip_whose_flag_was_never_written_is_owed_after_a_restart(rig: Rig):
    policy(rig, trip_loss=1_000.0)
    rig.state.parents[1] = structs.replace(
        rig.state.parents[1], filled=100, notional100=100 * 5_000 * 100, fees=999_999.0
    )
    before = len(rig.gate.requests)
    rig.run(1)  # the fact is in the journal; the process dies before its rounds
    assert len(rig.gate.requests) == before
    assert [trip.target for trip in owed(rig.state)] == ["P-1"]
    rig.round()
    assert len(rig.gate.requests) == before + 1
    rig.round(0.1)
    assert owed(rig.state) == ()
    rig.round(0.1)
    assert len(rig.gate.requests) == before + 1


# --- set by people, as limits -------------------------------------------------------------------
def losing(rig: Rig) -> None:
    """An order that has lost a thousand in fees."""
    rig.state.parents[1] = structs.replace(rig.state.parents[1], fees=1_000.0, filled=1)


def test_one_person_arms_an_automatic_kill_at_once(rig: Rig):
    losing(rig)
    tighten(rig, "trip_loss", "firm", "", 500.0)
    until_killed(rig)
    (fired,) = [row.trip for row in trips(rig)]
    assert (fired.target, fired.threshold) == ("P-1", 500.0)
    assert "trip_loss is 500" in fired.sentence
    assert rig.state.parents[1].state == ParentState.KILLED


def test_it_binds_at_its_level_for_nobody_else_and_the_tightest_counts(rig: Rig):
    losing(rig)
    tighten(rig, "trip_loss", "trader", "u2", 1.0)
    tighten(rig, "trip_loss", "firm", "", 5_000.0)
    rig.run(5)
    assert trips(rig) == []
    tighten(rig, "trip_loss", "trader", "*", 900.0)
    until_killed(rig)
    (fired,) = [row.trip for row in trips(rig)]
    assert fired.threshold == 900.0
    assert "trip_loss@trader:* is 900" in fired.sentence


def test_looser_or_off_again_takes_two_people(rig: Rig):
    key = ("trip_loss", "firm", "")
    tighten(rig, *key, 500.0)
    rig.do(c.ProposeLimit(terms=terms(*key, 50_000.0)), "u5")
    assert rig.state.limits.find(*key).value == 500.0
    decide(rig, 1, "u3")
    assert rig.state.limits.find(*key).value == 50_000.0
    rig.do(c.ProposeLimit(terms=terms(*key, None)), "u5")
    assert rig.state.limits.find(*key) is not None
    decide(rig, 2, "u3")
    assert rig.state.limits.find(*key) is None
    losing(rig)
    rig.run(5)
    assert trips(rig) == []


def test_a_window_that_nobody_gives_is_the_one_as_delivered(rig: Rig):
    tighten(rig, "trip_rejects", "strategy", "TWAP", 2.0)
    assert rig.state.limits.find("trip_rejects", "strategy", "TWAP").window_ns == 60 * SECOND
    tighten(rig, "max_messages", "trader", "u1", 5.0)  # as for every other limit with a window
    assert rig.state.limits.find("max_messages", "trader", "u1").window_ns == 10 * SECOND


def test_a_move_of_a_price_is_nobodys_own(rig: Rig):
    asked = c.ProposeLimit(terms=terms("trip_move", "trader", "u1", 0.1))
    assert "can stand at firm or instrument, was trader" in rig.ask(asked, "u5")
    tighten(rig, "trip_move", "instrument", rig.symbol, 0.1)
    (row,) = [row for row in show_limits.topics(rig.state)["limits"].values()
              if row["kind"] == "trip_move"]  # fmt: skip
    assert (row["id"], row["value"]) == (f"trip_move@instrument:{rig.symbol}", 0.1)


def test_an_automatic_kill_that_is_off_is_no_row_and_no_limit_that_nobody_came_near(rig: Rig):
    kinds = {row["kind"] for row in show_limits.topics(rig.state)["limits"].values()}
    assert kinds.isdisjoint(TRIPS)
