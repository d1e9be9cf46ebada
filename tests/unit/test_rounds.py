"""Books compared all day: a difference blocks its symbol, heals when equal, people accept it."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from engine.core.evolve import evolve
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.kinds import FILLED
from engine.domain.orders import ChildState
from engine.runtime.rounds import (
    FILLS_EVERY_NS,
    IN_FLIGHT_EVERY_NS,
    OPEN_EVERY_NS,
    POSITIONS_EVERY_NS,
    again_after,
)
from tests.support.desk_rig import Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig(symbols=2)
    rig.run(5)
    rig.buy(on_restart="resume")
    rig.buy(symbol=list(rig.state.instruments)[1], on_restart="resume")
    rig.run(60)
    rig.run_until_live(1)
    rig.round()
    return rig


def compared(rig: Rig) -> list[e.BooksCompared]:
    return rig.journal.events(e.BooksCompared)


def alerts(rig: Rig, kind: str) -> list[str]:
    return [row.sentence for row in rig.state.alerts.values() if row.kind == kind]


def test_equal_books_are_compared_quietly_and_written_down_every_five_minutes(rig: Rig):
    asked = rig.venue.asked
    rig.round(29)
    assert rig.venue.asked == asked
    rig.round(1)
    assert rig.venue.asked == asked + 1
    assert compared(rig) == []
    rig.round(270)
    assert [(row.checks, row.found) for row in compared(rig)] == [
        (("open", "fills", "positions"), ())
    ]


@pytest.mark.parametrize(
    ("check", "every"),
    [("open", OPEN_EVERY_NS), ("fills", FILLS_EVERY_NS), ("positions", POSITIONS_EVERY_NS)],
)
def test_each_comparison_has_its_own_clock(rig: Rig, check: str, every: int):
    rounds, now = rig.loop.rounds, rig.clock.mono_ns()
    rounds.logged_on(now)
    assert check not in rounds._due(now + every - 1)
    assert check in rounds._due(now + every)


def test_a_fill_that_never_arrived_is_booked_from_the_books_and_said(rig: Rig):
    lost: list[int] = []

    def lose(advance):
        rows = advance.reports
        fill = (rows["kind"] == FILLED) & (not lost)
        lost.extend(int(row["exec_id"]) for row in rows[fill])
        return replace(advance, reports=rows[~fill])

    rig.venue.lose = lose
    while not lost:
        rig.run(1)
    here = sum(parent.filled for parent in rig.state.parents.values())
    rig.round(30)
    assert sum(parent.filled for parent in rig.state.parents.values()) > here
    assert any("had not arrived" in sentence for sentence in alerts(rig, "late_reports"))
    assert not rig.state.differences  # booked by evidence: nothing is left to accept
    booked = [x.exec_id for x in rig.journal.events(e.ChildFilled)]
    assert len(booked) == len(set(booked))


def other_venue(**changes):
    return lambda books: replace(books, **changes)


def test_a_difference_blocks_its_symbol_only_and_heals_when_equal_again(rig: Rig):
    child = next(x for x in rig.state.children.values() if x.symbol == "MIDC")
    rig.venue.tell = lambda books: replace(
        books, open_leaves={**books.open_leaves, child.id: child.leaves - 1}
    )
    rig.round(30)
    assert set(rig.state.differences) == {"MIDC"}
    assert f"{child.leaves - 1} leaves at the venue, {child.leaves} with us" in str(
        alerts(rig, "reconciliation")
    )
    ticket = {"side": 1, "quantity": 100, "strategy": "TWAP", "horizon_ns": 3600 * 10**9}
    assert "books and venue differ in MIDC" in rig.ask(c.SubmitParent(symbol="MIDC", **ticket))
    other = list(rig.state.instruments)[1]
    rig.do(c.SubmitParent(symbol=other, **ticket))
    assert "differ in MIDC" in rig.ask(c.AmendParent(parent_id=1, quantity=30_000))
    rig.do(c.AmendParent(parent_id=1, quantity=19_000))
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(120)
    new = rig.journal.events(e.ChildIntended)[sent:]
    assert {order.symbol for order in new} == {other}
    assert child.state not in (ChildState.REJECTED, ChildState.CANCELLED)  # nothing is invented
    rig.venue.tell = lambda books: books
    rig.round(30)
    assert not rig.state.differences
    assert alerts(rig, "reconciled") == ["books and venue are equal again in MIDC"]
    rig.do(c.SubmitParent(symbol="MIDC", **ticket))


def test_a_difference_that_makes_the_exposure_grow_needs_two_people(rig: Rig):
    rig.venue.tell = lambda books: replace(
        books, positions={**books.positions, "MIDC": books.positions["MIDC"] + 700}
    )
    rig.round(30)
    shown = rig.state.differences["MIDC"]
    assert shown.grows
    assert shown.sentences == ("the position in MIDC is 700 shares longer at the venue",)
    accept = c.AcceptReconciliation(difference=shown.digest, symbol="MIDC")
    assert "nothing to accept" in rig.ask(c.AcceptReconciliation(difference=shown.digest), "u5")
    assert "changed since" in rig.ask(
        c.AcceptReconciliation(difference="other", symbol="MIDC"), "u5"
    )
    assert "needs the right" in rig.ask(accept, "u1")
    rig.do(accept, "u5")
    assert "MIDC" in rig.state.differences
    assert "a different person than u5" in rig.ask(accept, "u5")
    rig.do(accept, "u3")
    assert not rig.state.differences
    rig.run(30)
    rig.round(30)
    assert not rig.state.differences  # the same difference, accepted: it does not block again
    rig.venue.tell = lambda books: replace(
        books, positions={**books.positions, "MIDC": books.positions["MIDC"] + 900}
    )
    rig.round(30)
    assert "900 shares" in str(rig.state.differences["MIDC"].sentences)  # another one does


def test_a_difference_in_our_favour_is_accepted_by_one(rig: Rig):
    child = next(x for x in rig.state.children.values() if x.symbol == "MIDC")
    rig.venue.tell = lambda books: replace(
        books, open_leaves={**books.open_leaves, child.id: child.leaves - 1}
    )
    rig.round(30)
    digest = rig.state.differences["MIDC"].digest
    rig.do(c.AcceptReconciliation(difference=digest, symbol="MIDC"), "u5")
    assert not rig.state.differences


def test_an_order_without_an_answer_is_asked_for_every_second_and_never_taken_for_rejected(
    rig: Rig,
):
    child = rig.run_until_live(1)[0]
    keep = rig.state.children[child.id]
    rig.state.children[child.id] = structs.replace(keep, state=ChildState.INTENDED)
    rig.venue.tell = lambda books: replace(
        books,
        known=books.known - {child.id},
        open_leaves={i: n for i, n in books.open_leaves.items() if i != child.id},
    )
    rig.loop.rounds._in_flight(rig.clock.mono_ns())
    rig.state.market_ns += 3 * 10**9
    asked = rig.venue.asked
    for _ in range(3):
        rig.round(1)
    assert rig.venue.asked >= asked + 2
    assert "was sent, the venue has it not" in str(rig.state.differences["MIDC"].sentences)
    assert rig.state.children[child.id].state == ChildState.INTENDED
    assert IN_FLIGHT_EVERY_NS == 10**9


def test_a_pause_is_no_silence(rig: Rig):
    child = rig.run_until_live(1)[0]
    rig.state.children[child.id] = structs.replace(
        rig.state.children[child.id], state=ChildState.INTENDED, sent_at=rig.state.market_ns
    )
    rig.loop.rounds._in_flight(rig.clock.mono_ns())
    asked = rig.venue.asked
    rig.round(10)
    assert rig.venue.asked == asked


def test_a_silent_exchange_is_no_difference(rig: Rig):
    rig.venue.silent = True
    rig.round(30)
    assert not rig.state.differences
    assert not rig.loop.venue_ready


def test_the_close_compares_at_once(rig: Rig):
    rig.loop.facts((e.SessionClosed(day=rig.state.session.day),))
    rig.round(0.1)
    assert compared(rig)[-1].checks == ("close",)


def test_a_restart_finds_the_same_differences_and_the_same_mode(rig: Rig):
    rig.venue.tell = lambda books: replace(
        books, positions={**books.positions, "MIDC": books.positions["MIDC"] + 700}
    )
    rig.round(30)
    again = State()
    for entry in rig.journal.entries:
        evolve(again, entry)
    assert again.differences == rig.state.differences
    assert again.accepted == rig.state.accepted
    assert again.alerts == rig.state.alerts


# --- kill again and again -------------------------------------------------------------------
def test_cancels_go_out_again_after_1_2_5_seconds_and_then_every_5():
    times = [again_after(done) // 10**9 for done in range(6)]
    assert times == [1, 2, 5, 10, 15, 20]


def kill_all(rig: Rig) -> None:
    rig.gate.request("all", "", "u5", door="test", now_ns=rig.clock.now)
    rig.loop._step(rig.gate.unread(rig.state), (), None)


def test_an_unconfirmed_kill_repeats_cancel_and_status_and_a_confirmed_one_does_not(rig: Rig):
    kill_all(rig)
    left = len(rig.state.children)
    assert left
    sent, asked = len(rig.venue.sent), rig.venue.asked
    number = max(rig.state.kills)
    rig.round()
    for second in range(1, 21):
        rig.round(1)
        expected = sum(1 for at in (1, 2, 5, 10, 15, 20) if at <= second)
        assert rig.state.kills[number].repeats == expected
    cancels = rig.venue.sent[sent:]
    assert len(cancels) == 6 * left
    assert all(row["kind"] == 2 for row in cancels)  # cancels may be repeated, orders never
    assert rig.venue.asked >= asked + 6
    rig.run(5)
    assert rig.state.kills[number].state == "CONFIRMED"
    rig.round(30)
    assert rig.state.kills[number].repeats == 6


def test_while_the_exchange_is_away_a_kill_claims_no_cancel_and_waits_for_it(rig: Rig):
    rig.venue.silent = True
    kill_all(rig)
    number = max(rig.state.kills)
    for _ in range(10):
        rig.round(1)
    assert rig.state.kills[number].state == "BLOCKED"
    assert rig.state.kills[number].repeats == 0
    rig.venue.silent = False
    rig.loop._find_venue()
    rig.run(5)
    assert rig.state.kills[number].state == "CONFIRMED"


def test_ten_thousand_children_are_killed_in_few_commits():
    rig = Rig()
    rig.run(5)
    rig.buy()
    first = rig.run_until_live(1)[0]
    for i in range(10_000):
        copy = structs.replace(first, id=(rig.state.epoch << 24) + 50_000 + i, quantity=1)
        rig.state.children[copy.id] = copy
    rig.state.live[1] = tuple(rig.state.children)
    commits = []
    append = rig.journal.append

    def counted(entries, records):
        commits.append(len(entries))
        append(entries, records)

    rig.journal.append = counted
    rig.venue.silent = True  # only the sweep and its record are looked at
    kill_all(rig)
    assert max(commits) > 10_000
    assert len(commits) <= 3
    assert len(rig.state.kills[max(rig.state.kills)].children) == 10_001


# --- self-test ------------------------------------------------------------------------------
def test_the_kill_tests_itself_at_the_open_and_stops_nobody():
    rig = Rig()
    rig.run(5)
    rig.buy()
    rig.round()  # writes the flag as anybody would
    rig.round(0.01)  # the owner thread has seen it; its receipts are judged
    kill = rig.state.kills[1]
    assert (kill.scope, kill.state, kill.released_by) == ("drill", "RELEASED", "system")
    assert (kill.parents, kill.children) == ((), ())
    assert rig.gate.released == [kill.generation]
    released = rig.journal.events(e.KillReleased)
    assert "self-test passed in" in released[0].reason
    rig.run_until_live(1)
    rig.round(1)
    assert len(rig.state.kills) == 1  # once a day


def test_a_self_test_without_a_receipt_is_a_critical_alert():
    rig = Rig()
    rig.run(5)
    rig.gate.unread = lambda state: ()  # the owner thread does not see the flag
    rig.round()
    rig.round(2.1)
    assert any("no receipt within 2 s" in sentence for sentence in alerts(rig, "kill.selftest"))


def test_a_self_test_that_bars_an_order_of_the_desk_fails(monkeypatch):
    rig = Rig()
    rig.run(5)
    rig.buy()
    rig.round()
    cheat = "engine.core.rules.kill.blocking_kill"
    monkeypatch.setattr(cheat, lambda state, tags: state.kills[1])
    rig.round(0.01)
    assert any("it barred an order of the desk" in x for x in alerts(rig, "kill.selftest"))


def test_a_self_test_that_bars_nothing_fails(monkeypatch):
    rig = Rig()
    rig.run(5)
    rig.round()
    monkeypatch.setattr("engine.core.rules.kill.blocking_kill", lambda state, tags: None)
    rig.round(0.01)
    assert any("would have passed" in sentence for sentence in alerts(rig, "kill.selftest"))


def test_reports_beside_the_stream_are_rows_like_any_other(rig: Rig):
    assert rig.venue.books()[0].dtype == np.zeros(0, rig.loop.pending.dtype).dtype
