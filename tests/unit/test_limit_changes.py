"""Changing limits: tighter at once, looser by two people, never without derivation and owner."""

import pytest

from engine.core.rules import limit_changes
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.governance import ChangeState
from engine.domain.units import Nanos
from tests.support.desk_rig import Rig
from tests.support.limits import decide, loosen, terms, tighten

PLACE = ("max_open_value", "trader", "u1")


@pytest.fixture
def rig() -> Rig:
    return Rig()


def row(rig: Rig, key=PLACE):
    return rig.state.limits.find(*key)


def test_tightening_takes_effect_at_once_with_one_person(rig: Rig):
    tighten(rig, *PLACE, 1_000_000)
    assert (row(rig).value, row(rig).version, row(rig).by) == (1_000_000, 1, "u5")
    tighten(rig, *PLACE, 900_000)
    assert (row(rig).value, row(rig).version) == (900_000, 2)
    assert [old.value for old in rig.state.limits.past[PLACE]] == [1_000_000]
    assert not rig.state.limits.changes


def test_loosening_waits_for_a_second_person(rig: Rig):
    tighten(rig, *PLACE, 1_000_000)
    rig.do(c.ProposeLimit(terms=terms(*PLACE, 1_100_000)), "u5")
    assert row(rig).value == 1_000_000
    decide(rig, 1, "u3")
    assert (row(rig).value, row(rig).version, row(rig).change_id) == (1_100_000, 2, 1)
    assert (row(rig).by, row(rig).approved_by) == ("u5", "u3")


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"derivation": ""}, "needs its derivation"),
        ({"derivation": "because I say"}, "needs its derivation"),
        ({"owner": ""}, "needs an owner who is here"),
        ({"owner": "u99"}, "needs an owner who is here"),
        ({"review": ""}, "needs a review date"),
        ({"review": "31.05.2027"}, "needs a review date"),
        ({"review": "2026-11-30"}, "must be after 2026-11-30"),
        ({"review": "2031-01-01"}, "at most 400 days ahead"),
        ({"value": -1.0}, "must not be negative"),
        ({"soft": 5.0}, "has no soft number"),
        ({"window_s": 5.0}, "has no window"),
        ({"symbols": "AAA"}, "has no list of symbols"),
    ],
)
def test_a_limit_without_its_why_its_owner_or_its_review_is_never_in_force(
    rig: Rig, changed: dict, sentence: str
):
    fields = {"value": 5.0, **changed}
    wanted = terms(*PLACE, fields.pop("value"), **fields)
    assert sentence in rig.ask(c.ProposeLimit(terms=wanted), "u5")
    assert row(rig) is None


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (("max_nothing", "firm", ""), "kind must be one of"),
        (("max_open_value", "planet", "x"), "level must be one of"),
        (("max_open_value", "trader", "u77"), "trader must be one of"),
        (("max_open_value", "instrument", "ZZZ"), "instrument must be one of"),
        (("max_open_value", "firm", "x"), "the firm has no subject"),
        (("max_open_value", "trader", ""), "the firm has no subject"),
    ],
)
def test_a_limit_stands_at_a_place_that_exists(rig: Rig, place, sentence):
    assert sentence in rig.ask(c.ProposeLimit(terms=terms(*place, 5.0)), "u5")


def test_a_trader_and_a_quant_change_no_limit_and_a_supervisor_only_the_own_desk(rig: Rig):
    wanted = c.ProposeLimit(terms=terms(*PLACE, 5.0))
    assert "needs the right limit.propose" in rig.ask(wanted, "u1")
    assert "is risk's to change" in rig.ask(wanted, "u9")  # another desk
    firm = c.ProposeLimit(terms=terms("max_open_value", "firm", "", 5.0))
    assert "is risk's to change" in rig.ask(firm, "u3")
    rig.do(wanted, "u3")
    assert row(rig).by == "u3"


def test_the_firms_number_cannot_be_taken_away_others_can_by_two(rig: Rig):
    assert "must have a limit" in rig.ask(
        c.ProposeLimit(terms=terms("max_open_value", "firm", "", None)), "u5"
    )
    tighten(rig, *PLACE, 10.0)
    loosen(rig, *PLACE, None)
    assert row(rig) is None
    assert [old.gone for old in rig.state.limits.past[PLACE]] == [False, True]
    tighten(rig, *PLACE, 10.0)
    assert row(rig).version == 3


def test_an_edit_voids_what_was_seen_and_the_editor_cannot_decide(rig: Rig):
    tighten(rig, *PLACE, 1_000_000)
    rig.do(c.ProposeLimit(terms=terms(*PLACE, 1_100_000)), "u5")
    seen = rig.state.limits.changes[1].content_hash
    rig.do(c.EditLimit(limit_change_id=1, terms=terms(*PLACE, 1_050_000)), "u3")
    command = c.DecideLimit(limit_change_id=1, content_hash=seen, approve=True)
    assert "was edited since you saw it" in rig.ask(command, "u4")
    now = rig.state.limits.changes[1].content_hash
    assert now != seen
    mine = c.DecideLimit(limit_change_id=1, content_hash=now, approve=True)
    for author in ("u5", "u3"):
        assert "nobody decides a change they proposed or edited" in rig.ask(mine, author)
    decide(rig, 1, "u4")
    assert row(rig).value == 1_050_000
    assert "can no longer be changed or decided" in rig.ask(mine, "u4")


def test_a_change_written_against_an_older_version_is_not_applied(rig: Rig):
    tighten(rig, *PLACE, 1_000_000)
    rig.do(c.ProposeLimit(terms=terms(*PLACE, 1_100_000)), "u5")
    tighten(rig, *PLACE, 500_000)
    digest = rig.state.limits.changes[1].content_hash
    command = c.DecideLimit(limit_change_id=1, content_hash=digest, approve=True)
    assert "was written against version 1" in rig.ask(command, "u3")
    assert row(rig).value == 500_000


def test_a_request_expires_and_an_author_may_withdraw_it(rig: Rig):
    tighten(rig, *PLACE, 1_000_000)
    rig.do(c.ProposeLimit(terms=terms(*PLACE, 1_100_000)), "u5")
    assert "only an author" in rig.ask(c.WithdrawLimit(limit_change_id=1), "u3")
    rig.do(c.WithdrawLimit(limit_change_id=1), "u5")
    rig.do(c.ProposeLimit(terms=terms(*PLACE, 1_100_000)), "u5")
    rig.clock.now = Nanos(rig.clock.now + 25 * 3600 * 10**9)
    rig.run(1)
    states = [change.state for change in rig.state.limits.changes.values()]
    assert states == [ChangeState.WITHDRAWN, ChangeState.EXPIRED]


def test_a_loosening_of_the_firm_needs_risk(rig: Rig):
    rig.do(c.ProposeLimit(terms=terms("max_open_value", "firm", "", 5e8)), "u5")
    assert rig.state.limits.changes[1].material
    decide(rig, 1, "u3")
    assert row(rig, ("max_open_value", "firm", "")).value == 5e8


def test_small_loosenings_are_summed_until_risk_must_look(rig: Rig):
    """Two supervisors may move a little; step by step they would get anywhere."""
    tighten(rig, *PLACE, 100.0)
    value = 100.0
    for _ in range(2):
        value *= 1.1
        rig.do(c.ProposeLimit(terms=terms(*PLACE, value)), "u3")
        number = rig.state.limits.next_change - 1
        assert not rig.state.limits.changes[number].material
        decide(rig, number, "u4")
    rig.do(c.ProposeLimit(terms=terms(*PLACE, value * 1.1)), "u3")
    number = rig.state.limits.next_change - 1
    change = rig.state.limits.changes[number]
    assert change.material
    command = c.DecideLimit(limit_change_id=number, content_hash=change.content_hash, approve=True)
    assert "risk must be one of the two" in rig.ask(command, "u4")
    decide(rig, number, "u5")
    assert limit_changes.walked(rig.state, PLACE) == 0.0  # a full approval starts the sum anew


def test_a_shorter_window_a_later_soft_number_and_a_shorter_list_are_looser(rig: Rig):
    key = ("max_equal_orders", "trader", "u1")
    tighten(rig, *key, 2.0, soft=1.0, window_s=30)
    for looser in (
        {"soft": 1.0, "window_s": 20}, {"soft": 2.0, "window_s": 30}, {"window_s": 30},
    ):  # fmt: skip
        rig.do(c.ProposeLimit(terms=terms(*key, 2.0, **looser)), "u5")
        assert rig.state.limits.find(*key).version == 1
    tighten(rig, "restricted", "firm", symbols=rig.symbol)
    rig.do(c.ProposeLimit(terms=terms("restricted", "firm", symbols="")), "u5")
    assert rig.state.limits.find("restricted", "firm", "").symbols == (rig.symbol,)
    assert len(rig.state.limits.changes) == 4


def test_a_later_review_alone_needs_a_second_person(rig: Rig):
    """To look again is a decision."""
    tighten(rig, *PLACE, 10.0)
    rig.do(c.ProposeLimit(terms=terms(*PLACE, 10.0, review="2027-11-30")), "u5")
    assert row(rig).review == "2027-05-31"
    decide(rig, 1, "u3")
    assert row(rig).review == "2027-11-30"


def test_the_limit_in_force_is_not_proposed_again(rig: Rig):
    tighten(rig, *PLACE, 10.0)
    assert "is the one in force" in rig.ask(c.ProposeLimit(terms=terms(*PLACE, 10.0)), "u5")


def test_an_earlier_version_comes_back_by_the_same_road(rig: Rig):
    tighten(rig, *PLACE, 100.0)
    tighten(rig, *PLACE, 50.0)
    old = rig.state.limits.past[PLACE][0]
    loosen(rig, *PLACE, old.value)
    assert (row(rig).value, row(rig).version) == (100.0, 3)


def test_a_review_that_is_over_is_an_alert_when_the_next_day_opens(rig: Rig):
    tighten(rig, *PLACE, 100.0, review="2026-12-01")
    tighten(rig, "max_day_value", "trader", "u1", 100.0, review="2026-12-01")
    tighten(rig, "max_day_value", "trader", "u2", 100.0)
    assert not rig.journal.events(e.AlertRaised)
    found = limit_changes.overdue(rig.state, "2026-12-02")
    assert [alert.object for alert in found] == [
        "max_open_value@trader:u1", "max_day_value@trader:u1",
    ]  # fmt: skip
    assert len({alert.alert_id for alert in found}) == 2
    assert limit_changes.overdue(rig.state, "2026-12-01") == ()
    assert limit_changes.overdue(State(), "2026-12-02") == ()
