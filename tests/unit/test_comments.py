"""Comments beside requests and on single decisions: kept, shown to both sides, found again."""

import pytest

from db.project import catch_up
from db.queries import Queries
from db.queries_audit import AuditFilter
from engine.core.evolve import evolve
from engine.core.rules.notes import MOST
from engine.core.show import change_row
from engine.core.show_limits import topics
from engine.core.state import State
from engine.core.turn import carried
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.codec import entry_from_json, entry_to_json
from engine.domain.units import child_text
from tests.support.busy_desk import journal_in, tables
from tests.support.desk_rig import Rig
from tests.support.limits import terms, tighten


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.run(5)
    return made


def asked(rig: Rig) -> int:
    rig.do(c.ProposeChange(strategy="TWAP", values={"aggression": 0.6}), "u1")
    return rig.state.next_change - 1


def sent(rig: Rig) -> tuple[int, str]:
    """A working order of u1 and its first child."""
    number = rig.buy()
    child, *_ = rig.run_until_live(number)
    return number, child_text(child.id)


# --- beside a request --------------------------------------------------------------------------
def test_both_sides_say_something_and_an_edit_of_the_request_keeps_it(rig):
    number = asked(rig)
    digest = rig.state.changes[number].content_hash
    rig.do(c.CommentChange(change_id=number, text=" why not 0.5? "), "u3")
    first_at = rig.state.desk_ns
    rig.do(c.CommentChange(change_id=number, text="fills are late"), "u1")
    assert rig.state.changes[number].content_hash == digest  # a comment is no edit
    rig.do(c.EditChange(change_id=number, values={"aggression": 0.5}), "u1")
    row = change_row(rig.loop.desk, rig.state.changes[number])
    assert row.comments[0] == [first_at, "u3", "why not 0.5?"]
    assert [(by, text) for _, by, text in row.comments] == [
        ("u3", "why not 0.5?"), ("u1", "fills are late"),
    ]  # fmt: skip


def test_who_comments_has_not_written_the_content_and_may_decide_it(rig):
    number = asked(rig)
    rig.do(c.CommentChange(change_id=number, text="looks right to me"), "u3")
    digest = rig.state.changes[number].content_hash
    rig.do(c.DecideChange(change_id=number, content_hash=digest, approve=True), "u3")
    assert "APPROVED" in rig.ask(c.CommentChange(change_id=number, text="late"), "u1").upper()
    assert len(rig.state.changes[number].comments) == 1


@pytest.mark.parametrize("text", ["", "   ", "x" * 2_001])
def test_a_comment_must_have_words_and_an_end(rig, text):
    number = asked(rig)
    assert "1 to 2,000" in rig.ask(c.CommentChange(change_id=number, text=text), "u3")
    assert rig.state.changes[number].comments == ()


def test_a_request_takes_fifty_comments(rig):
    number = asked(rig)
    for _ in range(MOST):
        rig.do(c.CommentChange(change_id=number, text="more"), "u3")
    assert "takes no more" in rig.ask(c.CommentChange(change_id=number, text="more"), "u1")


def test_a_limit_change_has_comments_too_until_it_is_decided(rig):
    tighten(rig, "max_open_value", "trader", "u1", 1_000_000)
    rig.do(c.ProposeLimit(terms=terms("max_open_value", "trader", "u1", 1_100_000)), "u5")
    rig.do(c.CommentLimit(limit_change_id=1, text="until the index event is over"), "u3")
    edited = terms("max_open_value", "trader", "u1", 1_050_000)
    rig.do(c.EditLimit(limit_change_id=1, terms=edited), "u5")
    row = topics(rig.state)["limit_changes"]["L-1"]
    assert [tuple(line[1:]) for line in row["comments"]] == [
        ("u3", "until the index event is over")
    ]
    rig.do(c.WithdrawLimit(limit_change_id=1), "u5")
    assert "WITHDRAWN" in rig.ask(c.CommentLimit(limit_change_id=1, text="late"), "u3").upper()


def test_comments_on_requests_outlive_the_day_and_the_process(rig):
    number = asked(rig)
    rig.do(c.CommentChange(change_id=number, text="tomorrow?"), "u3")
    tighten(rig, "max_open_value", "trader", "u1", 1_000_000)
    wanted = terms("max_open_value", "trader", "u1", 1_100_000)
    rig.do(c.ProposeLimit(terms=wanted), "u5")
    rig.do(c.CommentLimit(limit_change_id=1, text="not today"), "u3")
    told = e.Entry(seq=1, turn=1, market_ns=0, desk_ns=0, event=carried(rig.state))
    again = evolve(State(), entry_from_json(entry_to_json(told)))
    assert again.changes[number].comments == rig.state.changes[number].comments
    assert again.limits.changes[1].comments == rig.state.limits.changes[1].comments


# --- on one decision ---------------------------------------------------------------------------
def test_a_decision_is_commented_by_whoever_has_the_order_and_by_those_above(rig):
    number, child = sent(rig)
    rig.do(c.CommentDecision(parent_id=number, child=child, text="too early"), "u1")
    rig.do(c.CommentDecision(parent_id=number, child=child, text="the auction was near"), "u3")
    (first, second) = rig.journal.events(e.DecisionCommented)
    stored = rig.state.child(first.child_id)
    assert (child_text(first.child_id), first.decision_seq) == (child, stored.decision_seq)
    assert [first.text, second.text] == ["too early", "the auction was near"]
    other = c.CommentDecision(parent_id=number, child=child, text="mine?")
    assert "belongs to u1" in rig.ask(other, "u2")


@pytest.mark.parametrize("child", ["C-1-999", "C-x", "P-1", ""])
def test_a_comment_needs_a_decision_of_this_order(rig, child):
    number, _ = sent(rig)
    said = rig.ask(c.CommentDecision(parent_id=number, child=child, text="hm"), "u1")
    assert "has no child" in said or "like C-3-17" in said
    assert rig.journal.events(e.DecisionCommented) == []


def test_a_child_of_another_order_is_not_this_orders_decision(rig):
    first, child = sent(rig)
    second = rig.buy(30_000)
    said = rig.ask(c.CommentDecision(parent_id=second, child=child, text="hm"), "u1")
    assert f"P-{second} has no child {child}" in said
    assert first != second


def test_comments_are_found_by_their_words_and_stand_in_the_log_of_the_order(rig, tmp_path):
    number, child = sent(rig)
    rig.do(c.CommentDecision(parent_id=number, child=child, text="crossed a wide spread"), "u1")
    change = asked(rig)
    rig.do(c.CommentChange(change_id=change, text="after the wide spread"), "u3")
    engine = tables(tmp_path / "desk.db")
    catch_up(engine, journal_in(tmp_path, rig), 123)
    queries = Queries(engine, tmp_path)
    found = queries.audit_search(AuditFilter(text="wide spread")).rows
    assert {(row.event, row.person, row.object) for row in found} == {
        ("DecisionCommented", "u1", child), ("ChangeCommented", "u3", f"R-{change}"),
    }  # fmt: skip
    of_order = queries.audit_search(AuditFilter(text="wide spread", object=f"P-{number}")).rows
    assert [row.event for row in of_order] == ["DecisionCommented"]
    log = [row for row in queries.commands(about=f"P-{number}") if row.verb == "CommentDecision"]
    assert [row.after for row in log] == [{"child": child, "comment": "crossed a wide spread"}]
