"""Four eyes, permissions by object, commands that come late, twice or for another engine."""

import pytest

from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import PERMISSION
from engine.domain.governance import ChangeState
from engine.domain.people import PERMISSIONS, Reach, Role, may, reach
from tests.support.desk_rig import Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    return rig


def propose(rig: Rig, person: str = "u1", value: float = 0.9) -> int:
    rig.do(c.ProposeChange(strategy="TWAP", values={"aggression": value}), person)
    return rig.state.next_change - 1


def test_an_approved_change_is_used_at_the_next_decision(rig: Rig):
    rig.buy()
    rig.run(10)
    number = propose(rig)
    change = rig.state.changes[number]
    rig.do(c.DecideChange(change_id=number, content_hash=change.content_hash, approve=True), "u3")
    assert rig.state.parameters["TWAP"].version == 2
    assert rig.state.parameters["TWAP"].values["aggression"] == 0.9
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(60)
    later = rig.journal.events(e.ChildIntended)[sent:]
    assert later
    assert {event.parameter_version for event in later} == {2}


def test_an_edit_voids_what_the_supervisor_saw(rig: Rig):
    number = propose(rig)
    seen = rig.state.changes[number].content_hash
    rig.do(c.EditChange(change_id=number, values={"aggression": 0.95}))
    refusal = rig.ask(c.DecideChange(change_id=number, content_hash=seen, approve=True), "u3")
    assert "was edited since you saw it" in refusal
    assert rig.state.changes[number].state == ChangeState.OPEN
    assert rig.state.parameters["TWAP"].version == 1


@pytest.mark.parametrize("author", ["proposer", "editor"])
def test_nobody_decides_a_change_they_wrote(rig: Rig, author: str):
    number = propose(rig, "u3" if author == "proposer" else "u1")
    if author == "editor":
        rig.do(c.EditChange(change_id=number, values={"aggression": 0.8}), "u3")
    digest = rig.state.changes[number].content_hash
    for approve in (True, False):
        decision = c.DecideChange(change_id=number, content_hash=digest, approve=approve)
        assert "nobody decides a change they proposed or edited" in rig.ask(decision, "u3")
    rig.do(c.DecideChange(change_id=number, content_hash=digest, approve=True), "u4")


def test_a_change_is_decided_once(rig: Rig):
    number = propose(rig)
    decision = c.DecideChange(
        change_id=number, content_hash=rig.state.changes[number].content_hash, approve=False
    )
    assert rig.ask(decision, "u3", reason="") == "a refusal needs a reason"
    rig.do(decision, "u3", reason="not today")
    assert "is REFUSED and can no longer" in rig.ask(decision, "u4")


def test_a_change_written_against_an_older_version_must_be_edited_first(rig: Rig):
    first, second = propose(rig), propose(rig, value=0.8)
    for number, outcome in ((first, ""), (second, "it must be edited first")):
        digest = rig.state.changes[number].content_hash
        decision = c.DecideChange(change_id=number, content_hash=digest, approve=True)
        refusal = rig.ask(decision, "u3")
        assert refusal == "" if not outcome else outcome in refusal


def test_a_change_expires_after_a_day(rig: Rig):
    number = propose(rig)
    rig.clock.now += 24 * 3600 * 1_000_000_000 + 10**9
    rig.run(1)
    assert rig.state.changes[number].state == ChangeState.EXPIRED


def test_the_same_command_id_has_one_effect(rig: Rig):
    command = c.SubmitParent(
        symbol=rig.symbol, side=1, quantity=1_000, strategy="TWAP", horizon_ns=3600_000_000_000
    )
    rig.do(command, name="twice-0001")
    rig.do(command, name="twice-0001")
    assert len(rig.state.parents) == 1


def test_a_late_command_and_one_for_another_epoch_are_refused(rig: Rig):
    number = rig.buy()
    hold = c.HoldParent(parent_id=number)
    assert "too late" in rig.ask(hold, expires_in=-1)
    amend = c.AmendParent(parent_id=number, quantity=30_000)
    assert "was meant for engine start 9" in rig.ask(amend, epoch=9)
    assert rig.state.parents[number].quantity == 20_000
    assert rig.state.parents[number].state == "WORKING"
    rig.do(hold, epoch=9)  # what cuts risk is done whoever it was meant for


@pytest.mark.parametrize("person", ["u2", "u9", "u8"])
def test_an_order_is_touched_only_by_its_trader_desk_or_risk(rig: Rig, person: str):
    number = rig.buy()
    assert rig.ask(c.HoldParent(parent_id=number), person) != ""
    rig.do(c.HoldParent(parent_id=number), "u5")


def test_an_unknown_person_may_do_nothing(rig: Rig):
    assert "person 'zz' is unknown" in rig.ask(c.SetSpeed(speed=5.0), "zz")


def test_every_verb_has_a_permission_that_exists():
    verbs = {kind.__name__ for kind in c.AnyCommand.__args__}
    assert verbs == set(PERMISSION)
    assert set(PERMISSION.values()) <= set(PERMISSIONS)


def test_nobody_both_trades_and_approves_by_one_role():
    for role in Role:
        assert not (may((role,), "order.submit") and may((role,), "change.decide"))
    assert reach((Role.RISK,), "order.submit") == Reach.NONE
    assert reach((Role.TRADER,), "nothing.such") == Reach.NONE
