"""What people may try against each other inside the engine: ids, approvals, orders, alerts."""

import pytest

from engine.core import show
from engine.core.evolve import evolve
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.governance import ChangeState
from engine.domain.orders import ParentState
from engine.domain.people import Person, Role
from engine.domain.units import MINUTE, Nanos
from tests.support.busy_desk import kill
from tests.support.desk_rig import PEOPLE, Rig

LATER = 24 * 3600 * 1_000_000_000


@pytest.fixture
def rig() -> Rig:
    found = Rig()
    found.run(seconds=3)
    return found


def order(rig: Rig, quantity: int = 1_000, **more: object) -> c.SubmitParent:
    return c.SubmitParent(
        symbol=rig.symbol, side=1, quantity=quantity, strategy="TWAP", horizon_ns=30 * MINUTE,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def proposed(rig: Rig, person: str = "u1", value: float = 0.03) -> int:
    rig.do(c.ProposeChange(strategy="TWAP", values={"band": value}), person)
    return max(rig.state.changes)


def decision(rig: Rig, number: int, *, approve: bool = True, digest: str = "") -> c.DecideChange:
    shown = digest or rig.state.changes[number].content_hash
    return c.DecideChange(change_id=number, content_hash=shown, approve=approve)


def people(rig: Rig, *rows: Person) -> None:
    rig.do(c.SetPeople(people=(*PEOPLE, *rows)), "system")


# --- ids of commands -------------------------------------------------------------------------
def test_the_id_of_somebody_elses_command_swallows_nothing_and_tells_nothing(rig: Rig) -> None:
    rig.ask(c.HoldParent(parent_id=77), "u2", name="shared-id-1")
    refusal = rig.ask(order(rig), "u1", name="shared-id-1")
    assert "the id shared-id-1 is that of another command" in refusal
    assert "P-77" not in refusal
    assert not rig.state.parents
    rig.do(order(rig), "u1", name="own-id-001")
    assert "another command" in rig.ask(order(rig), "u2", name="own-id-001")
    assert len(rig.state.parents) == 1


def test_the_same_command_again_is_the_same_answer(rig: Rig) -> None:
    for _ in range(3):
        assert rig.ask(order(rig), "u1", name="again-0001") == ""
    assert len(rig.state.parents) == 1
    assert "another command" in rig.ask(order(rig, 2_000), "u1", name="again-0001")


def test_after_a_replay_of_the_journal_an_id_is_still_that_of_its_person(rig: Rig) -> None:
    rig.do(order(rig), "u1", name="own-id-001")
    again = State()
    for entry in rig.journal.entries:
        evolve(again, entry)
    assert again.asked == rig.state.asked
    assert again.asked["own-id-001"][0] == "u1"


# --- numbers that are none -------------------------------------------------------------------
@pytest.mark.parametrize("target", ["P-\xb2", "P-" + "9" * 5_000, "P-\u0663", "P--1", "C-1", ""])
def test_a_kill_of_what_is_no_number_stops_neither_the_engine_nor_anything_else(
    rig: Rig, target: str
) -> None:
    rig.do(order(rig), "u1")
    assert rig.ask(c.RequestKill(scope="parent", target=target), "u1")
    kill(rig, "parent", target[:40] or "P-")
    rig.run(seconds=2)
    assert rig.state.parents[1].state == ParentState.WORKING
    child = "C-1-\xb2"
    kill(rig, "child", child)
    rig.run(seconds=2)
    assert [row.children for row in rig.state.kills.values()] == [(), ()]


# --- people ----------------------------------------------------------------------------------
def test_only_the_desk_itself_replaces_the_people(rig: Rig) -> None:
    people(rig, Person(id="u10", roles=(Role.ADMIN,), desk="main"))
    row = Person(id="u10", roles=(Role.TRADER,), desk="main", max_notional=1e15)
    assert "needs the right" in rig.ask(c.SetPeople(people=(row,)), "u10")
    made = Person(id="u11", roles=(Role.SYSTEM,), desk="main")
    assert "role system" in rig.ask(c.SetPeople(people=(*PEOPLE, made)), "system")
    assert "each person once" in rig.ask(c.SetPeople(people=(*PEOPLE, PEOPLE[0])), "system")
    assert set(rig.state.people) == {row.id for row in PEOPLE} | {"u10"}


@pytest.mark.parametrize("person", ["SYSTEM", "System", "system ", "", "U1", "u1 ", "nobody"])
def test_an_id_that_looks_like_another_person_is_nobody(rig: Rig, person: str) -> None:
    assert "unknown to the engine" in rig.ask(c.SetSpeed(speed=1.0), person)


# --- approvals -------------------------------------------------------------------------------
def test_nobody_decides_what_they_wrote_whatever_their_roles(rig: Rig) -> None:
    people(rig, Person(id="u20", roles=(Role.TRADER, Role.SUPERVISOR, Role.QUANT), desk="main"))
    number = proposed(rig, "u20")
    assert "nobody decides a change they proposed" in rig.ask(decision(rig, number), "u20")
    number = proposed(rig, "u1", 0.04)
    rig.do(c.EditChange(change_id=number, values={"band": 0.03}), "u20")
    assert "nobody decides" in rig.ask(decision(rig, number), "u20")
    for spelled in ("U20", " u20", "u20\0"):
        assert "unknown" in rig.ask(decision(rig, number), spelled)


def test_an_edit_after_the_look_voids_the_approval_also_when_it_is_edited_back(rig: Rig) -> None:
    number = proposed(rig)
    seen = rig.state.changes[number].content_hash
    rig.do(c.EditChange(change_id=number, values={"band": 0.05}), "u2")
    assert "was edited since you saw it" in rig.ask(decision(rig, number, digest=seen), "u3")
    rig.do(c.EditChange(change_id=number, values={"band": 0.03}), "u2")
    assert rig.state.changes[number].content_hash == seen  # the very content that was shown
    assert rig.ask(decision(rig, number, digest=seen), "u3") == ""
    assert rig.state.parameters["TWAP"].values["band"] == 0.03


def test_an_approval_counts_once_and_for_its_own_request(rig: Rig) -> None:
    number = proposed(rig)
    shown = decision(rig, number)
    rig.do(shown, "u3")
    version = rig.state.parameters["TWAP"].version
    assert "can no longer be" in rig.ask(shown, "u4")
    other = proposed(rig, "u2", 0.04)
    stolen = c.DecideChange(change_id=other, content_hash=shown.content_hash, approve=True)
    assert "was edited since" in rig.ask(stolen, "u3")
    assert rig.state.parameters["TWAP"].version == version


def test_an_approval_comes_too_late_after_a_day_and_against_another_version(rig: Rig) -> None:
    first, second = proposed(rig), proposed(rig, "u2", 0.04)
    rig.do(decision(rig, first), "u3")
    assert "was written against version" in rig.ask(decision(rig, second), "u4")
    third = proposed(rig, "u2", 0.05)
    rig.clock.now = Nanos(rig.clock.now + LATER + 1)
    rig.run(seconds=1)
    assert rig.state.changes[third].state == ChangeState.EXPIRED
    assert "can no longer be" in rig.ask(decision(rig, third), "u4")


def test_a_trader_without_the_right_decides_nothing_by_the_direct_road(rig: Rig) -> None:
    number = proposed(rig)
    for person in ("u2", "u5", "u8"):
        assert "needs the right" in rig.ask(decision(rig, number), person)


def test_an_order_is_approved_by_another_person_of_its_desk(rig: Rig) -> None:
    people(
        rig,
        Person(id="u20", roles=(Role.TRADER, Role.SUPERVISOR), desk="main", max_notional=1.0),
    )
    rig.do(order(rig), "u20")
    number = max(rig.state.parents)
    yes = c.ApproveParent(parent_id=number, approve=True)
    assert "different person" in rig.ask(yes, "u20")
    assert "belongs to u20" in rig.ask(yes, "u9")  # a supervisor of another desk
    rig.do(yes, "u3")
    assert "does not wait" in rig.ask(yes, "u4")


def test_what_a_second_person_approved_is_not_loosened_by_the_first_alone(rig: Rig) -> None:
    people(rig, Person(id="u20", roles=(Role.TRADER,), desk="main", max_notional=1.0))
    mid = rig.loop.desk.quotes.mid(rig.symbol)
    assert mid is not None
    limit = int(mid)
    rig.do(order(rig, limit_price=limit), "u20")
    number = max(rig.state.parents)
    rig.do(c.ApproveParent(parent_id=number, approve=True), "u3")
    assert "approved" in rig.ask(c.AmendParent(parent_id=number, limit_price=limit + 5), "u20")
    assert "approved" in rig.ask(c.AmendParent(parent_id=number, clear_limit=True), "u20")
    assert "personal size limit" in rig.ask(c.AmendParent(parent_id=number, quantity=9_000), "u20")
    assert rig.ask(c.AmendParent(parent_id=number, limit_price=limit - 5), "u20") == ""
    assert rig.ask(c.AmendParent(parent_id=number, limit_price=limit + 5), "u3") == ""


def test_the_release_of_a_kill_needs_two_people(rig: Rig) -> None:
    kill(rig, "symbol", str(rig.symbol))
    rig.run(seconds=2)
    ask = c.ReleaseKill(kill_id=1)
    rig.do(ask, "u3")
    assert "different person" in rig.ask(ask, "u3")
    assert "needs the right" in rig.ask(ask, "u1")
    rig.do(ask, "u5")


# --- objects of others -----------------------------------------------------------------------
def test_a_trader_cannot_make_an_alert_go_away_that_is_not_about_own_orders(rig: Rig) -> None:
    rig.do(order(rig), "u1")
    rig.loop.facts(
        tuple(
            e.AlertRaised(alert_id=number, severity="critical", kind="x", object=about, sentence="")
            for number, about in ((1, ""), (2, "P-1"), (3, "P-1"))
        )
    )
    for person in ("u1", "u2"):
        assert "a trader acknowledges" in rig.ask(c.AcknowledgeAlert(alert_id=1), person)
    assert "a trader acknowledges" in rig.ask(c.AcknowledgeAlert(alert_id=2), "u2")
    assert rig.ask(c.AcknowledgeAlert(alert_id=2), "u1") == ""
    assert rig.ask(c.AcknowledgeAlert(alert_id=1), "u5") == ""


def test_a_trader_writes_no_note_to_an_order_of_somebody_else(rig: Rig) -> None:
    rig.do(order(rig), "u1")
    assert rig.state.session is not None
    day = rig.state.session.day
    rig.do(c.ReportTca(day=day, report_hash="h", parents=1, shortfall_bps=None), "system")
    note = c.AnnotateTca(day=day, parent_id=1, text="it was his fault")
    assert "belongs to u1" in rig.ask(note, "u2")
    assert rig.ask(note, "u8") == ""
    assert rig.ask(note, "u1") == ""


@pytest.mark.parametrize("epoch", [1_000, 999])
def test_a_command_of_another_engine_start_or_too_late_does_nothing(rig: Rig, epoch: int) -> None:
    assert "was meant for engine start" in rig.ask(order(rig), "u1", epoch=epoch)
    assert "too late" in rig.ask(order(rig), "u1", expires_in=-1)
    assert not rig.state.parents


# --- small steps -----------------------------------------------------------------------------
def step(rig: Rig, value: float, *, approve: bool = True) -> bool:
    """Move the band of TWAP; whether the step is material."""
    number = proposed(rig, "u1", value)
    is_material = rig.state.changes[number].material
    if approve:
        rig.do(decision(rig, number), "u3")
    return is_material


def test_small_steps_that_together_are_a_large_change_are_material(rig: Rig) -> None:
    """The band of TWAP: 0.005 to 0.05 is approved, 0.01 in force; half of that width is 0.0225."""
    assert [step(rig, value) for value in (0.018, 0.026, 0.032)] == [False, False, False]
    assert step(rig, 0.034)  # 0.024 from where it began
    assert not step(rig, 0.036)  # a full approval was given: the sum begins anew
    assert not step(rig, 0.05)
    assert step(rig, 0.03)


def test_there_and_back_is_a_walk_too(rig: Rig) -> None:
    assert [step(rig, value) for value in (0.018, 0.010, 0.018)] == [False, False, True]


def test_one_step_inside_the_band_is_minor_and_beyond_it_material(rig: Rig) -> None:
    assert not step(rig, 0.05, approve=False)
    assert step(rig, 0.051, approve=False)


def test_only_what_was_approved_counts_and_only_for_its_own_parameter(rig: Rig) -> None:
    step(rig, 0.018)
    for value in (0.03, 0.01, 0.03):
        step(rig, value, approve=False)
    assert not step(rig, 0.019)
    rig.do(c.ProposeChange(strategy="TWAP", values={"aggression": 0.6}), "u1")
    assert not rig.state.changes[max(rig.state.changes)].material
    rig.do(c.ProposeChange(strategy="POV", values={"band": 0.05}), "u1")
    assert not rig.state.changes[max(rig.state.changes)].material


def test_an_edit_is_judged_by_the_sum_too_and_the_row_says_how_far(rig: Rig) -> None:
    step(rig, 0.03)
    number = proposed(rig, "u1", 0.031)
    assert not rig.state.changes[number].material
    rig.do(c.EditChange(change_id=number, values={"band": 0.034}), "u2")
    assert rig.state.changes[number].material
    row = show.change_row(rig.loop.desk, rig.state.changes[number])
    assert row.moved == {"band": pytest.approx((0.03 - 0.01 + 0.004) / 0.045)}
    rig.do(decision(rig, number), "u3")
    assert show.change_row(rig.loop.desk, rig.state.changes[number]).moved == {}


def test_a_decided_request_keeps_what_it_replaced_also_after_a_later_change(rig: Rig) -> None:
    old = rig.state.parameters["TWAP"].values["band"]
    first = proposed(rig, value=0.03)
    assert show.change_row(rig.loop.desk, rig.state.changes[first]).before == {"band": old}
    rig.do(decision(rig, first), "u4")
    second = proposed(rig, value=0.04)
    rig.do(decision(rig, second), "u4")
    third = proposed(rig, value=0.02)
    rig.do(decision(rig, third, approve=False), "u4", reason="too narrow")
    rows = [show.change_row(rig.loop.desk, rig.state.changes[n]) for n in (first, second, third)]
    assert [row.before["band"] for row in rows] == [old, 0.03, 0.04]
    assert [row.values["band"] for row in rows] == [0.03, 0.04, 0.02]
