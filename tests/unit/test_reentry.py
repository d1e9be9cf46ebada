"""The remainder of an order that has ended, entered anew: linked both ways, never more in sum."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core import show
from engine.core.rules import reentry
from engine.core.turn import stopped_by
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain.errors import Refused
from engine.domain.orders import ParentState
from engine.domain.people import Person, Role
from tests.support.desk_rig import Rig
from tests.support.order_desk import INSTRUMENT, PEOPLE, OrderDesk, a_report, folded

TRADER, SUPERVISOR = PEOPLE
OTHER = Person(id="u9", roles=(Role.TRADER,), desk="other")


def an_order(quantity: int, first: int = 1, **changed) -> c.SubmitParent:
    fields = {
        "symbol": INSTRUMENT.symbol, "side": 1, "quantity": quantity, "strategy": "TWAP",
        "horizon_ns": 3600 * 10**9, "reenters": first, **changed,
    }  # fmt: skip
    return c.SubmitParent(**fields)


def ended(quantity: int, filled: int, state: ParentState = ParentState.KILLED) -> OrderDesk:
    """A desk whose first order has ended with some of it done."""
    desk = OrderDesk()
    end(desk, desk.parent(quantity), filled, state)
    return desk


def end(desk: OrderDesk, number: int, filled: int, state: ParentState) -> None:
    """The children of an order fill so much, then it is over."""
    if filled:
        child = desk.child(filled, number)
        first = 10 * desk.now
        desk.hear(a_report(k.ACCEPTED, first, child))
        desk.hear(a_report(k.FILLED, first + 1, child, quantity=filled, price=5000))
    if desk.state.parents[number].is_live:
        if state == ParentState.KILLED:
            desk.state.parents[number] = replace(
                desk.state.parents[number], state=ParentState.KILLING
            )
        desk.facts(
            e.ParentEnded(
                parent_id=number, state=state, end_price=None, end_volume=0, end_notional=0
            )
        )  # fmt: skip


def link(desk: OrderDesk, quantity: int, first: int = 1) -> int:
    """Let the rule judge, then enter: the number of the linked order."""
    reentry.check(desk.state, an_order(quantity, first), TRADER)
    number = desk.parent(quantity, reenters=first)
    desk.facts(*reentry.entered(desk.state.parents[number]))
    return number


# --- the rule -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changed", "person", "words"),
    [
        ({"quantity": 70_001}, TRADER, "quantity must be at most 70,000 to re-enter P-1"),
        ({"side": -1}, TRADER, "side must be that of P-1, 1, was -1"),
        ({"symbol": "NRTH"}, TRADER, "symbol must be that of P-1"),
        ({"client": "Acme"}, TRADER, "client must be that of P-1, '', was 'Acme'"),
        ({"reenters": 7}, TRADER, "there is no parent P-7 today"),
        ({}, OTHER, "P-1 belongs to u1 of desk main, not to you"),
    ],
)  # fmt: skip
def test_a_link_that_does_not_fit_is_refused_and_says_why(changed, person, words):
    desk = ended(100_000, 30_000)
    order = replace(an_order(70_000), **changed)
    with pytest.raises(Refused, match=words):
        reentry.check(desk.state, order, person)
    reentry.check(desk.state, an_order(70_000), TRADER)


@pytest.mark.parametrize("state", ParentState)
def test_only_an_order_that_has_ended_is_entered_anew(state):
    desk = OrderDesk()
    desk.parent(1_000)
    desk.state.parents[1] = replace(desk.state.parents[1], state=state)
    if state in (ParentState.KILLED, ParentState.EXPIRED, ParentState.COMPLETED):
        reentry.check(desk.state, an_order(1_000), TRADER)
        return
    with pytest.raises(Refused, match=f"P-1 is {state}"):
        reentry.check(desk.state, an_order(1_000), TRADER)


def test_an_order_without_a_link_is_not_looked_at():
    reentry.check(OrderDesk().state, an_order(10**9, 0), TRADER)


def test_the_link_is_journalled_both_ways_and_old_journals_have_none():
    desk = ended(100_000, 30_000)
    number = link(desk, 40_000)
    first, second = desk.state.parents[1], desk.state.parents[number]
    assert (second.reenters, first.reentered) == (1, (number,))
    told = [x.event for x in desk.entries if isinstance(x.event, e.ParentReentered)]
    assert [(x.parent_id, x.linked, x.quantity, x.by) for x in told] == [(1, number, 40_000, "u1")]
    assert folded(desk.entries).parents[1].reentered == (number,)
    shown = show.parent_row(desk.desk, first)
    assert (shown.reentered, shown.room) == ([f"P-{number}"], 30_000)
    assert show.parent_row(desk.desk, second).reenters == "P-1"
    raw = msgspec.to_builtins(first)
    for name in ("reenters", "reentered"):
        del raw[name]
    old = msgspec.convert({**raw, "next_parent": 0}, type(first))  # as older versions wrote it
    assert (old.reenters, old.reentered) == (0, ())


def test_what_a_linked_order_leaves_may_be_entered_again_by_another_one():
    desk = ended(100_000, 30_000)
    second = link(desk, 70_000)
    with pytest.raises(Refused, match="at most 0 to re-enter P-1"):
        link(desk, 1)
    end(desk, second, 20_000, ParentState.KILLED)
    assert reentry.room(desk.state, desk.state.parents[1]) == 50_000
    third = link(desk, 10_000, second)
    assert reentry.room(desk.state, desk.state.parents[1]) == 40_000
    assert reentry.room(desk.state, desk.state.parents[second]) == 40_000
    reentry.check_grown(desk.state, desk.state.parents[third], 50_000)
    with pytest.raises(Refused, match="at most 50,000, what is left of P-2, was 50,001"):
        reentry.check_grown(desk.state, desk.state.parents[third], 50_001)


def test_what_an_order_between_left_is_taken_only_if_the_first_has_room_for_it():
    desk = ended(1_000, 250)
    between = link(desk, 11)
    end(desk, between, 1, ParentState.KILLED)
    link(desk, 740)  # the first order's own remainder, of which 9 are left now
    assert reentry.left(desk.state, desk.state.parents[between]) == 9
    with pytest.raises(Refused, match="at most 9 to re-enter P-2"):
        link(desk, 10, between)


def sum_of(desk: OrderDesk) -> int:
    """What the first order and all that is linked to it have done or may do, counted plainly."""
    return sum(p.quantity if p.is_live else p.filled for p in desk.state.parents.values())


@settings(max_examples=60, deadline=None)
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(["link", "end", "grow"]), st.integers(0, 5), st.integers(1, 900)),
        max_size=14,
    )
)
def test_no_sequence_of_acts_makes_linked_orders_more_than_the_first(acts):
    desk = ended(1_000, 250)
    for act, which, n in acts:
        number = 1 + which % len(desk.state.parents)
        parent = desk.state.parents[number]
        if act == "link":
            with suppress(Refused):
                link(desk, n, number)
        elif act == "grow" and parent.is_live:
            try:
                reentry.check_grown(desk.state, parent, parent.quantity + n)
            except Refused:
                continue
            desk.state.parents[number] = replace(parent, quantity=parent.quantity + n)
        elif act == "end" and parent.is_live:
            fills = min(n, parent.quantity - parent.filled)
            end(desk, number, fills, ParentState.KILLED)
        assert sum_of(desk) <= 1_000
        for row in desk.state.parents.values():
            assert reentry.room(desk.state, row) >= 0


def test_a_late_fill_that_takes_the_room_is_said_and_holds_the_linked_orders():
    desk = OrderDesk()
    first = desk.parent(1_000)
    child = desk.child(600, first)
    desk.hear(a_report(k.ACCEPTED, 1, child))
    desk.hear(a_report(k.CANCELLED, 2, child))
    end(desk, first, 0, ParentState.KILLED)
    second = link(desk, 900)
    desk.hear(a_report(k.FILLED, 3, child, quantity=100, price=5000))
    assert desk.state.parents[second].state == ParentState.WORKING  # 100 + 900 fit
    assert "reentry" not in desk.alerts()
    desk.hear(a_report(k.FILLED, 4, child, quantity=50, price=5000))
    (alert,) = [row for row in desk.state.alerts.values() if row.kind == "reentry"]
    assert "with its linked orders P-1 exceeds its 1,000 by 50" in alert.sentence
    held = desk.state.parents[second]
    assert held.hold_cause == reentry.EXCESS
    assert reentry.exceeds(desk.state, held)
    with pytest.raises(Refused, match="amend it down by 50 first"):
        reentry.check_fits(desk.state, held)
    desk.state.parents[second] = replace(held, quantity=850)
    reentry.check_fits(desk.state, desk.state.parents[second])


def test_an_order_whose_first_filled_meanwhile_decides_nothing():
    desk = ended(1_000, 0)
    second = link(desk, 1_000)
    assert stopped_by(desk.state, desk.state.parents[second]) == ""
    desk.state.parents[1] = replace(desk.state.parents[1], filled=10)
    assert "P-1 and its linked orders would exceed" in stopped_by(
        desk.state, desk.state.parents[second]
    )


# --- the desk -----------------------------------------------------------------------------------
def test_on_a_desk_the_remainder_of_a_killed_order_is_worked_by_a_linked_one():
    rig = Rig()
    rig.run(3)
    first = rig.buy(20_000)
    rig.run_until_live(first)
    order = c.SubmitParent(
        symbol=rig.symbol, side=1, quantity=1, strategy="TWAP", horizon_ns=3600 * 10**9,
        reenters=first,
    )  # fmt: skip
    assert "is WORKING" in rig.ask(order)
    rig.gate.request("parent", f"P-{first}", "u1", door="web", now_ns=rig.clock.wall_ns())
    rig.run(5)
    killed = rig.state.parents[first]
    assert killed.state == ParentState.KILLED
    left = killed.quantity - killed.filled
    assert show.parent_row(rig.loop.desk, killed).room == left
    assert "quantity must be at most" in rig.ask(replace(order, quantity=left + 1))
    rig.do(replace(order, quantity=left))
    second = rig.state.next_parent - 1
    assert rig.state.parents[first].reentered == (second,)
    assert rig.run_until_live(second)


def test_a_rule_that_forgets_linked_orders_is_caught(monkeypatch):
    """The cheat: every link sees the whole remainder."""
    monkeypatch.setattr(reentry, "used", lambda state, parent: parent.filled)
    desk = ended(1_000, 0)
    link(desk, 1_000)
    link(desk, 1_000)
    assert sum_of(desk) > 1_000  # what the property above would have found
