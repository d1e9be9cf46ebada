"""Hold by scope: what it covers, who may, how it ends by a person, a time, a condition."""

import pytest

from engine.core import show
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.orders import ParentState
from engine.domain.people import Person, Role
from tests.support.desk_rig import PEOPLE, Rig

ABROAD = Person(id="u6", roles=(Role.TRADER,), desk="other", max_notional=30e6)
HELD = {ParentState.HOLDING, ParentState.HELD}


@pytest.fixture
def rig() -> Rig:
    rig = Rig(symbols=2)
    rig.run(5)
    rig.do(c.SetPeople(people=(*PEOPLE, ABROAD)), "system")
    rig.buy(client="C-1")
    rig.buy(strategy="POV", side=-1, client="C-2")
    rig.buy(person="u2", quantity=5_000, symbol=list(rig.state.instruments)[1])
    rig.buy(person="u6", quantity=5_000, strategy="POV", client="C-1")
    rig.run(30)
    return rig


def held(rig: Rig) -> set[int]:
    return {number for number, parent in rig.state.parents.items() if parent.state in HELD}


MATRIX = [
    ("all", "", {1, 2, 3, 4}),
    ("parent", "P-2", {2}),
    ("trader", "u2", {3}),
    ("symbol", "MIDC", {1, 2, 4}),
    ("strategy", "POV", {2, 4}),
    ("desk", "other", {4}),
    ("client", "C-1", {1, 4}),
    ("venue", "SIM-B", set()),
]


@pytest.mark.parametrize(("scope", "target", "hit"), MATRIX)
def test_a_hold_covers_exactly_its_scope_and_nothing_new_leaves_in_it(rig, scope, target, hit):
    rig.do(c.HoldScope(scope=scope, target=target), "u5")
    assert held(rig) == hit
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(60)
    new = rig.journal.events(e.ChildIntended)[sent:]
    assert not {order.parent_id for order in new} & hit
    if scope == "venue":
        assert all(rig.state.venue_name(order.venue) != target for order in new)
        assert {row.id: row.state for row in show.venue_rows(rig.loop.desk)}[target] == "held"
        quote = show.quote_row(rig.loop.desk, "MIDC")
        assert quote is not None
        assert {name: word for name, word, *_ in quote.venues}[target] == "held"
    assert held(rig) == hit
    assert all(not rig.state.live_children(number) for number in hit)


@pytest.mark.parametrize(
    ("who", "scope", "target", "may"),
    [
        ("u1", "trader", "u1", True),
        ("u1", "parent", "P-1", True),
        ("u1", "parent", "P-3", False),
        ("u1", "trader", "u2", False),
        ("u1", "symbol", "MIDC", False),
        ("u1", "all", "", False),
        ("u3", "strategy", "POV", False),  # P-4 is of another desk
        ("u3", "client", "C-2", True),
        ("u3", "desk", "other", False),
        ("u5", "all", "", True),
        ("u8", "symbol", "MIDC", False),
    ],
)
def test_who_may_hold_what(rig, who, scope, target, may):
    refusal = rig.ask(c.HoldScope(scope=scope, target=target), who)
    assert (refusal == "") == may, refusal


def test_leave_keeps_the_children_working(rig: Rig):
    rig.run_until_live(1)
    live = len(rig.state.live_children(1))
    rig.do(c.HoldScope(scope="parent", target="P-1", children="leave"), "u1")
    assert rig.state.parents[1].state == ParentState.HELD
    assert len(rig.state.live_children(1)) == live > 0


def test_nothing_new_enters_a_held_scope(rig: Rig):
    rig.do(c.HoldScope(scope="symbol", target="MIDC"), "u5", reason="news")
    ticket = c.SubmitParent(
        symbol="MIDC", side=1, quantity=100, strategy="TWAP", horizon_ns=3600 * 10**9
    )
    assert rig.ask(ticket) == "hold H-1 (symbol MIDC) by u5 is in force"
    rig.run(10)
    assert "hold H-1" in rig.ask(c.ResumeParent(parent_id=1))
    rig.do(c.ReleaseHold(hold_id=1), "u5")
    rig.do(ticket)


def test_a_planner_that_ignores_the_hold_is_stopped_at_the_gate(rig: Rig, monkeypatch):
    rig.do(c.HoldScope(scope="venue", target="SIM-A"), "u5")
    monkeypatch.setattr("engine.core.rules.scope.venue_stops", lambda state: {})
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(120)
    stopped = {x.child_id for x in rig.journal.events(e.ChildSendRefused) if x.rule == "hold"}
    there = {
        order.child_id
        for order in rig.journal.events(e.ChildIntended)[sent:]
        if rig.state.venue_name(order.venue) == "SIM-A"
    }
    assert there, "the cheat sent nothing there: the test shows nothing"
    assert there == stopped


@pytest.mark.parametrize(("who", "may"), [("u5", True), ("u3", True), ("u1", False), ("u9", False)])
def test_a_hold_ends_by_who_set_it_or_a_supervisor_and_not_by_the_owner(rig, who, may):
    rig.do(c.HoldScope(scope="parent", target="P-1"), "u5")  # risk holds the trader's order
    rig.run(5)
    assert (rig.ask(c.ReleaseHold(hold_id=1), who) == "") == may
    rig.run(5)
    assert (rig.state.parents[1].state == ParentState.WORKING) == may


def test_a_hold_with_a_time_ends_by_market_time_and_its_parents_go_on(rig: Rig):
    rig.do(c.HoldScope(scope="trader", target="u1", seconds=30.0), "u1")
    rig.run(29)
    assert held(rig) == {1, 2}
    rig.run(3)
    assert held(rig) == set()
    assert rig.state.holds[1].released_by == "timer"
    assert {x.parent_id for x in rig.journal.events(e.ParentResumed)} == {1, 2}


def test_a_hold_with_a_condition_ends_when_it_comes(rig: Rig):
    rig.do(c.HoldScope(scope="symbol", target="MIDC", when="price_above", level=1e9), "u5")
    rig.do(c.HoldScope(scope="parent", target="P-3", when="market_sound"), "u2")
    rig.run(5)
    assert rig.state.holds[2].released_by == "condition"
    assert held(rig) == {1, 2, 4}
    assert rig.state.parents[3].state == ParentState.WORKING
    assert rig.state.holds[1].is_active


def test_a_condition_needs_a_market_and_a_level(rig: Rig):
    assert "symbol must be one of" in rig.ask(
        c.HoldScope(scope="desk", target="main", when="market_sound"), "u5"
    )
    assert "level must be above 0" in rig.ask(
        c.HoldScope(scope="symbol", target="MIDC", when="spread_below"), "u5"
    )
    assert "seconds must be" in rig.ask(c.HoldScope(scope="all", seconds=0.1), "u5")


def test_an_ended_hold_does_not_start_what_something_else_stops(rig: Rig):
    rig.do(c.HoldScope(scope="symbol", target="MIDC"), "u5")
    rig.do(c.HoldScope(scope="trader", target="u1"), "u5")
    rig.run(5)
    rig.do(c.ReleaseHold(hold_id=1), "u5")
    rig.run(5)
    assert held(rig) == {1, 2}  # u1 is held still
    assert rig.state.parents[4].state == ParentState.WORKING
    rig.do(c.SetMode(mode="REDUCING"), "u5")
    assert "the desk is REDUCING" in rig.ask(c.ReleaseHold(hold_id=2), "u5")
    rig.run(5)
    assert held(rig) == {1, 2}
    rig.do(c.RelaxMode(mode="NORMAL"), "u5")
    rig.do(c.RelaxMode(mode="NORMAL"), "u3")
    rig.do(c.ReleaseHold(hold_id=2), "u5")
    rig.run(5)
    assert held(rig) == set()


def test_a_system_hold_is_released_by_somebody_else_and_only_without_its_cause(rig: Rig):
    rig.do(c.HoldParent(parent_id=1, cause="data"), "u3")
    rig.run(5)
    assert "other than its trader" in rig.ask(c.ResumeParent(parent_id=1), "u1")
    rig.do(c.ResumeParent(parent_id=1), "u3")


def test_a_hold_outlives_the_day_without_its_orders(rig: Rig):
    rig.do(c.HoldScope(scope="symbol", target="MIDC"), "u5")
    rig.loop.facts((e.SessionClosed(day=rig.state.session.day),))
    rig.loop.open_day()
    rig.run(5)
    assert rig.state.holds[1].is_active
    assert rig.state.holds[1].parents == ()
    ticket = c.SubmitParent(
        symbol="MIDC", side=1, quantity=100, strategy="TWAP", horizon_ns=3600 * 10**9
    )
    assert "hold H-1" in rig.ask(ticket)
