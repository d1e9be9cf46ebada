"""A cancel without an answer ages: amber after 2 s, an alert after 10 s, never taken for done."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import show
from engine.core.rules import pending
from engine.core.rules.pending import ALERT_NS, AMBER_NS, MOST_ALONE, Late
from engine.core.show_safety import pending_rows
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain.orders import ChildState
from engine.domain.units import SECOND, child_text
from tests.support.desk_rig import Rig
from tests.support.order_desk import OrderDesk, a_report

KIND = "market.pending"


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (0, ""), (AMBER_NS - 1, ""), (AMBER_NS, "amber"), (ALERT_NS - 1, "amber"),
        (ALERT_NS, "alert"), (3600 * SECOND, "alert"),
    ],
)  # fmt: skip
def test_a_cancel_is_amber_from_two_seconds_and_an_alert_from_ten(age, shown):
    assert (AMBER_NS, ALERT_NS) == (2 * SECOND, 10 * SECOND)
    assert pending.late(age) == Late(shown)


def open_child(desk: OrderDesk, parent: int, exec_id: int) -> int:
    child = desk.child(100, parent)
    desk.hear(a_report(k.ACCEPTED, exec_id, child))
    return child


def asked(parents: int, each: int = 1) -> OrderDesk:
    """Parents with children whose cancels are under way."""
    desk = OrderDesk()
    for number in range(parents):
        parent = desk.parent()
        for i in range(each):
            desk.cancel(open_child(desk, parent, 1 + number * each + i), by="hold")
    return desk


def later(desk: OrderDesk, seconds: float) -> None:
    desk.now += int(seconds * SECOND)
    desk.facts(e.SpeedSet(speed=1.0))


def test_the_alert_is_of_the_order_and_names_children_place_age_and_shares():
    desk = asked(1, each=4)
    later(desk, 9.9)
    assert pending.found(desk.state) == {}
    later(desk, 0.3)
    ((about, (age, sentence)),) = pending.found(desk.state).items()
    assert about == "P-1"
    assert age >= ALERT_NS
    assert sentence.startswith("P-1: 4 cancels are without an answer for 10 s (C-1-1 at SIM-A, ")
    assert "and 1 more" in sentence
    assert "400 shares may still trade" in sentence


def test_many_orders_are_one_alert_and_stay_one_until_the_last_is_answered():
    desk = asked(MOST_ALONE + 1)
    later(desk, 11)
    assert list(pending.found(desk.state)) == ["all"]
    desk.facts(e.TroubleSeen(kind=pending.PENDING, object="all", since=desk.now))
    children = list(desk.state.children)
    for i, child in enumerate(children[:-1]):
        desk.hear(a_report(k.CANCELLED, 100 + i, child))
        assert list(pending.found(desk.state)) == ["all"]
    desk.hear(a_report(k.CANCELLED, 200, children[-1]))
    assert pending.found(desk.state) == {}
    few = asked(MOST_ALONE)
    later(few, 11)
    assert len(pending.found(few.state)) == MOST_ALONE


def test_an_answer_ends_it_whatever_it_is():
    for answer in (k.CANCELLED, k.CANCEL_REJECTED, k.FILLED):
        desk = asked(1)
        (child,) = desk.state.children
        later(desk, 11)
        assert pending.found(desk.state)
        more = {"quantity": 100, "price": 5000} if answer == k.FILLED else {}
        desk.hear(a_report(answer, 50, child, **more))
        assert pending.waiting(desk.state) == ()
        assert pending.found(desk.state) == {}


@settings(max_examples=60, deadline=None)
@given(
    ages=st.lists(st.integers(0, 20), min_size=1, max_size=9),
    away=st.lists(st.integers(0, 20), min_size=9, max_size=9),
)
def test_a_cancel_is_told_exactly_when_market_and_away_time_reach_ten_seconds(ages, away):
    desk = OrderDesk()
    late = set()
    start = desk.now
    for number, age in enumerate(sorted(ages, reverse=True)):
        parent = desk.parent()
        child = open_child(desk, parent, number + 1)
        desk.now = max(start + (20 - age) * SECOND, desk.now)
        desk.cancel(child)
    desk.now = start + 30 * SECOND
    later(desk, 0)
    extra = {child: away[i] * SECOND for i, child in enumerate(desk.state.children)}
    for child in desk.state.children.values():
        age = desk.state.market_ns - child.cancel_asked_at + extra[child.id]
        assert pending.waited(desk.state, child, extra) == age
        if age >= ALERT_NS:
            late.add(f"P-{child.parent_id}")
    found = pending.found(desk.state, extra)
    assert set(found) == (late if len(late) <= MOST_ALONE else {"all"})
    shares = sum(desk.state.reserved(number) for number in desk.state.parents)
    assert shares == 100 * len(ages)  # whatever its age, nothing is given back


# --- the desk -----------------------------------------------------------------------------------
@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    rig.buy(on_restart="resume")
    rig.run_until_live(1)
    return rig


def answers_no_cancel(rig: Rig) -> None:
    def lose(advance):
        rows = advance.reports
        return replace(advance, reports=rows[rows["kind"] != k.CANCELLED])

    rig.venue.lose = lose


def stood(rig: Rig) -> list[str]:
    return [x.object for x in rig.journal.events(e.AlertRaised) if x.kind == KIND]


def until_pending(rig: Rig) -> int:
    for _ in range(300):
        found = pending.waiting(rig.state)
        if found:
            return found[0]
        rig.run(1)
    raise AssertionError("no cancel was asked for")


def test_a_venue_that_forgets_a_cancel_is_shown_ageing_and_told_once(rig: Rig):
    answers_no_cancel(rig)
    rig.do(c.HoldParent(parent_id=1))
    child = until_pending(rig)
    rig.run(1)
    assert pending_rows(rig.loop.desk) == ()
    rig.run(2)
    (row,) = pending_rows(rig.loop.desk)
    assert (row.id, row.parent, row.late, row.by) == (child_text(child), "P-1", "amber", "hold")
    shown = show.child_row(rig.loop.desk, rig.state.children[child])
    assert (shown.state, shown.late) == (ChildState.PENDING_CANCEL, "amber")
    assert shown.unconfirmed.startswith("cancel unconfirmed at SIM-")
    assert stood(rig) == []
    rig.run(30)
    assert stood(rig) == ["P-1"]  # once, however long it lasts
    assert show.child_row(rig.loop.desk, rig.state.children[child]).late == "alert"
    rig.venue.lose = lambda advance: advance
    rig.loop.rounds.compare(rig.clock.mono_ns(), ("open",))  # the books bring the answer
    rig.run(1)
    assert pending_rows(rig.loop.desk) == ()
    assert (pending.PENDING, "P-1") not in rig.state.trouble


def test_while_the_exchange_is_away_a_cancel_ages_by_the_clock_of_the_desk(rig: Rig):
    rig.venue.silent = True
    rig.do(c.HoldParent(parent_id=1))
    assert pending.waiting(rig.state)
    before = rig.state.market_ns
    rig.round(1)
    rig.round(5)
    assert rig.state.market_ns == before
    (row,) = pending_rows(rig.loop.desk)
    assert (row.late, row.age_s) == ("amber", pytest.approx(5.0))
    assert stood(rig) == []
    rig.round(5)
    rig.round(60)
    assert stood(rig) == ["P-1"]
    rig.venue.silent = False
    rig.loop._find_venue()
    rig.run(3)
    assert pending_rows(rig.loop.desk) == ()
    assert rig.loop.rounds.away == {}
    assert (pending.PENDING, "P-1") not in rig.state.trouble


def test_a_rule_that_forgets_the_age_is_caught(rig: Rig, monkeypatch):
    """The cheat: every cancel is as good as new, so nobody is ever told."""
    monkeypatch.setattr(pending, "waited", lambda state, child, away=None: 0)
    answers_no_cancel(rig)
    rig.do(c.HoldParent(parent_id=1))
    until_pending(rig)
    rig.run(30)
    assert stood(rig) == []
    with pytest.raises(ValueError, match="not enough values"):
        test_the_alert_is_of_the_order_and_names_children_place_age_and_shares()
