"""The kill: exactly its scope, nothing new after it, late fills booked, two people to release."""

from typing import Any

import pytest

from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.governance import KillState
from engine.domain.kinds import CANCEL
from engine.domain.orders import ParentState
from engine.domain.units import Nanos, child_text
from tests.support.desk_rig import Rig


def request(rig: Rig, scope: str, target: str = "") -> None:
    generation = len(rig.gate.requests) + 1
    rig.gate.requests.append(
        e.KillBlocked(
            kill_id=0,
            generation=generation,
            scope=scope,
            target=target,
            by="u5",
            door="test",
            requested_at=Nanos(rig.clock.now),
            parents=(),
            children=(),
        )
    )
    rig.loop._step(rig.gate.unread(rig.state), (), None)


@pytest.fixture
def rig() -> Rig:
    rig = Rig(symbols=2)
    rig.run(5)
    rig.buy()
    rig.buy(strategy="POV", side=-1, client="C-7")
    rig.buy(person="u2", quantity=10_000, symbol=list(rig.state.instruments)[1])
    rig.run(90)
    rig.run_until_live(1)
    return rig


@pytest.mark.parametrize(
    ("scope", "target", "killed"),
    [
        ("all", "", {1, 2, 3}),
        ("parent", "P-2", {2}),
        ("trader", "u2", {3}),
        ("symbol", "MIDC", {1, 2}),
        ("strategy", "POV", {2}),
        ("desk", "main", {1, 2, 3}),
        ("desk", "other", set()),
        ("client", "C-7", {2}),
        ("client", "", set()),
        ("model", "m1", set()),
        ("parent", "P-99", set()),
        ("parent", "nonsense", set()),
        ("galaxy", "x", set()),
    ],
)
def test_a_kill_covers_exactly_its_scope(rig: Rig, scope: str, target: str, killed: set):
    request(rig, scope, target)
    kill = rig.state.kills[1]
    assert set(kill.parents) == killed
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(60)
    assert rig.state.kills[1].state == KillState.CONFIRMED
    for number, parent in rig.state.parents.items():
        expected = ParentState.KILLED if number in killed else ParentState.WORKING
        assert parent.state == expected
        if number in killed:
            assert rig.state.live_children(number) == ()
    late = rig.journal.events(e.ChildIntended)[sent:]
    assert all(event.parent_id not in killed for event in late)


def test_a_child_kill_takes_back_one_child_and_leaves_the_parent(rig: Rig):
    child = next(iter(rig.state.children))
    request(rig, "child", child_text(child))
    assert rig.state.kills[1].children == (child,)
    rig.run(10)
    assert child not in rig.state.children
    assert rig.state.kills[1].state == KillState.CONFIRMED


def test_nothing_new_may_enter_a_killed_scope_until_it_is_released(rig: Rig):
    request(rig, "symbol", "MIDC")
    rig.run(5)
    ticket = c.SubmitParent(
        symbol="MIDC", side=1, quantity=100, strategy="TWAP", horizon_ns=3600_000_000_000
    )
    assert "kill K-1 (symbol MIDC) is in force" in rig.ask(ticket)
    rig.do(c.ReleaseKill(kill_id=1), "u3")
    assert "different person" in rig.ask(c.ReleaseKill(kill_id=1), "u3")
    assert "in force" in rig.ask(ticket)
    rig.do(c.ReleaseKill(kill_id=1), "u5")
    assert rig.state.kills[1].state == KillState.RELEASED
    assert rig.gate.released == [1]
    rig.do(ticket)


def test_a_release_waits_for_every_receipt_and_a_reason(rig: Rig):
    request(rig, "all")
    assert "not confirmed by the venue" in rig.ask(c.ReleaseKill(kill_id=1), "u3")
    rig.run(5)
    assert rig.ask(c.ReleaseKill(kill_id=1), "u3", reason=" ") == "a release needs a reason"


def test_a_silent_venue_leaves_children_unconfirmed_and_says_so(rig: Rig):
    rig.venue.silent = True
    request(rig, "all")
    kill = rig.state.kills[1]
    assert kill.state == KillState.BLOCKED  # no cancel has reached the venue: it must not say so
    assert rig.state.children
    assert "venue" in {alert.kind for alert in rig.state.alerts.values()}
    rig.venue.silent = False
    rig.loop._find_venue()
    rig.run(5)
    assert rig.state.kills[1].state == KillState.CONFIRMED


def test_at_a_log_on_the_cancels_of_a_kill_go_before_any_question(rig: Rig):
    rig.venue.silent = True
    request(rig, "all")
    killed = set(rig.state.kills[1].children)
    sent = len(rig.venue.sent)
    known: list[set[int]] = []

    def told(books: Any) -> Any:
        known.append({int(row["child"]) for row in rig.venue.sent[sent:]})
        return books

    rig.venue.tell = told
    rig.venue.silent = False
    rig.loop._find_venue()
    assert known == [killed]
    assert all(row["kind"] == CANCEL for row in rig.venue.sent[sent:])
    rig.run(5)
    assert rig.state.kills[1].state == KillState.CONFIRMED
    assert rig.state.difference == ""


def test_a_killed_parent_is_finished_and_keeps_its_fills(rig: Rig):
    before = rig.state.parents[1].filled
    request(rig, "parent", "P-1")
    rig.run(5)
    parent = rig.state.parents[1]
    assert parent.state == ParentState.KILLED
    assert parent.filled >= before
    assert "can no longer be amended" in rig.ask(c.AmendParent(parent_id=1, quantity=50_000))
    assert rig.ask(c.ResumeParent(parent_id=1)) != ""


def test_a_new_parent_in_the_shell_gate_is_stopped_and_written_down(rig: Rig):
    rig.gate.closed = "lease: the watchdog has been silent for 2.0 s"
    before = len(rig.venue.sent)
    rig.run(60)
    assert all(row["kind"] == 2 for row in rig.venue.sent[before:])
    stopped = rig.journal.events(e.ChildSendRefused)
    assert stopped
    assert {event.rule for event in stopped} == {"lease"}


def turned_down(rig: Rig) -> int:
    """The venue turns the cancel of a live child down although it still works; its id."""
    child = next(c for c in rig.state.live_children(1) if c.state == "PENDING_CANCEL")
    refusal = e.CancelRejected(
        child_id=child.id, exec_id=10**9, venue_at=Nanos(rig.state.market_ns), reason=2
    )
    rig.loop.facts((refusal,))
    return child.id


@pytest.mark.parametrize("how", ["kill", "hold"])
def test_a_cancel_that_was_turned_down_is_asked_for_again(rig: Rig, how: str):
    rig.run_until_live(1)
    if how == "kill":
        request(rig, "parent", "P-1")
    else:
        rig.do(c.HoldParent(parent_id=1))
    child = turned_down(rig)
    asked = [x.child_id for x in rig.journal.events(e.CancelIntended)].count(child)
    rig.loop._step((), (), None)
    assert [x.child_id for x in rig.journal.events(e.CancelIntended)].count(child) == asked + 1
