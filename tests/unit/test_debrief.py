"""The debrief of a drill is what the journal says: instants, targets, people, and the cost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from db.project import catch_up
from db.queries import Queries
from db.records import AlertRecord, DrillRecord, EntryRecord, FillRecord
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.governance import AlertCause
from engine.domain.incidents import INCIDENT_KINDS, OF_MARKET
from engine.domain.orders import HoldChildren
from engine.domain.playbook import section_of
from engine.domain.units import SECOND
from engine.gateway.debrief import Debrief, Step, debrief, last_drills, signs, touched
from tests.support.busy_desk import journal_in, tables
from tests.support.desk_rig import Rig

BOSS, TRADER = "u3", "u1"
ALARM_S = 120.0


def a_drill(**changed: Any) -> DrillRecord:
    drill = DrillRecord(
        id="I-1", seq=10, source="live", origin="LIVE", day="2026-11-27", kind="halt", venue="",
        symbol="MIDC", seconds=60.0, size=0, by=BOSS, reason="drill", asked_at=99 * SECOND,
        began_at=100 * SECOND, market_at=1_000 * SECOND, ends_at=1_060 * SECOND,
    )  # fmt: skip
    return msgspec.structs.replace(drill, **changed)


def an_alert(**changed: Any) -> AlertRecord:
    alert = AlertRecord(
        id="A-4", severity="warn", kind="market.halt", object="MIDC", sentence="halted",
        raised_at=101 * SECOND, times=1, acknowledged_by="", first_at=101 * SECOND,
        day="2026-11-27", origin="LIVE", source="live",
    )  # fmt: skip
    return msgspec.structs.replace(alert, **changed)


def an_entry(event: str, at_s: float, **changed: Any) -> EntryRecord:
    entry = EntryRecord(
        seq=11 + int(at_s), source="live", origin="LIVE", day="2026-11-27", turn=1,
        market_at=int((1_000 + 10 * (at_s - 100)) * SECOND), desk_at=int(at_s * SECOND),
        event=event, person="", object="A-4", about="", text=event,
    )  # fmt: skip
    return msgspec.structs.replace(entry, **changed)


def a_fill(price: float, quantity: int, mid: float | None, **changed: Any) -> FillRecord:
    fill = FillRecord(
        seq=1, child="C-1-1", parent="P-1", symbol="MIDC", side=1, venue_at=0, price=price,
        quantity=quantity, venue="SIM-A", fee=0.0, liquidity="passive", mid=mid, origin="LIVE",
    )  # fmt: skip
    return msgspec.structs.replace(fill, **changed)


def steps_of(one: Debrief) -> dict[str, Step]:
    return {step.name: step for step in one.steps}


TOLD = (
    an_entry("AlertRaised", 101, object="MIDC"),
    an_entry("AlertShown", 107, person="u2"),
    an_entry("AlertAcknowledged", 130, person=TRADER),
    an_entry("ParentHoldAsked", 140, object="P-1", person=TRADER),
    an_entry("TroubleOver", 160, object="MIDC"),
    an_entry("AlertResolved", 200, person="u4"),
)


def test_each_step_is_timed_from_the_begin_and_against_its_target() -> None:
    steps = steps_of(debrief(a_drill(), TOLD, (an_alert(),), (), ALARM_S))
    assert {name: step.desk_s for name, step in steps.items()} == {
        "the incident began": 0.0, "the desk saw it": 1.0, "on the first screen": 7.0,
        "acknowledged": 30.0, "first protective act": 40.0, "the cause was over": 60.0,
        "closed": 100.0,
    }  # fmt: skip
    assert (
        steps["the desk saw it"].market_s == 10.0
    )  # this desk runs at ten market seconds a second
    shown, taken, closed = (
        steps[name] for name in ("on the first screen", "acknowledged", "closed")
    )
    assert (shown.took_s, shown.target_s, shown.is_late) == (6.0, 5.0, True)
    assert (taken.took_s, taken.target_s, taken.is_late) == (29.0, ALARM_S, False)
    section = section_of("market.halt")
    assert section is not None
    assert (closed.took_s, closed.target_s) == (99.0, section.within_min * 60.0)
    assert steps["first protective act"].what == "hold: ParentHoldAsked"


def test_people_are_those_who_answered_or_acted_not_whose_screen_it_was() -> None:
    one = debrief(a_drill(), TOLD, (an_alert(),), (), ALARM_S)
    assert one.people == (TRADER, "u4")


def test_what_did_not_happen_has_no_time_and_is_not_late() -> None:
    one = debrief(a_drill(), (), (), (), ALARM_S)
    assert [step.at for step in one.steps[1:]] == [0] * 6
    assert not any(step.is_late for step in one.steps)
    assert one.people == ()


@pytest.mark.parametrize(
    "other",
    [
        an_alert(first_at=99 * SECOND),  # it was open before
        an_alert(object="NRTH"),
        an_alert(kind="market.move"),
        an_alert(source="demo-2026-11-27"),
    ],
)
def test_an_exception_of_something_else_is_not_the_drills(other: AlertRecord) -> None:
    steps = steps_of(debrief(a_drill(), TOLD, (other,), (), ALARM_S))
    assert steps["the desk saw it"].at == steps["acknowledged"].at == 0


def test_an_act_of_the_desk_itself_protects_but_is_nobodys() -> None:
    own = an_entry("ScopeHeld", 120, object="H-1", person="system")
    steps = steps_of(debrief(a_drill(), (own,), (an_alert(),), (), ALARM_S))
    assert steps["first protective act"].at == 0


def test_the_cost_is_against_the_mid_before_the_first_fill_and_signed_by_side() -> None:
    bought = [a_fill(50.02, 100, 50.0), a_fill(50.05, 200, 50.04)]
    sold = [msgspec.structs.replace(fill, side=-1, parent="P-2") for fill in bought]
    busted = a_fill(60.0, 0, 50.0, fate="busted")
    one, other = touched([*bought, busted, *sold])
    assert one.cost == pytest.approx(0.02 * 100 + 0.05 * 200)
    assert one.cost_bps == pytest.approx(12.0 / (50.0 * 300) * 1e4)
    assert (other.cost, other.filled) == (pytest.approx(-12.0), 300)
    (unknown,) = touched([a_fill(50.0, 10, None)])
    assert (unknown.cost, unknown.cost_bps) == (None, None)


def test_the_last_drill_of_a_person_is_the_newest_begun_one() -> None:
    old = debrief(a_drill(), TOLD, (an_alert(),), (), ALARM_S)
    new = debrief(a_drill(id="I-2", asked_at=500 * SECOND), (), (), (), ALARM_S)
    refused = debrief(
        a_drill(id="I-3", asked_at=900 * SECOND, began_at=0, by="u5"), (), (), (), 0.0
    )
    found = last_drills([new, old, refused])
    assert {who: drill.id for who, drill in found.items()} == {
        BOSS: "I-2", TRADER: "I-1", "u4": "I-1",
    }  # fmt: skip


def test_every_incident_of_the_market_has_signs_that_the_playbook_knows() -> None:
    assert all(section_of(sign) for kind in (*OF_MARKET, "kill") for sign in signs(kind))
    assert all(signs(kind) for kind in (*OF_MARKET, "kill"))
    assert signs("bust") == ("fill",)
    assert set(OF_MARKET) <= set(INCIDENT_KINDS)


# --- a named trainee -----------------------------------------------------------------------------
def judged(drill: DrillRecord, entries: Any, alert: AlertRecord | None = None) -> dict[str, Any]:
    one = debrief(drill, entries, (alert or an_alert(),), (), ALARM_S)
    return {row.name: row for row in one.judged}


def test_without_a_trainee_or_before_the_desk_has_seen_it_nobody_is_judged() -> None:
    assert debrief(a_drill(), TOLD, (an_alert(),), (), ALARM_S).judged == ()
    assert debrief(a_drill(trainee=TRADER), TOLD, (), (), ALARM_S).judged == ()


def test_a_trainee_is_judged_by_own_acts_from_the_moment_the_desk_saw_it() -> None:
    rows = judged(a_drill(trainee=TRADER), TOLD)
    assert (rows["acknowledged"].took_s, rows["acknowledged"].goal_s) == (29.0, ALARM_S)
    assert rows["acknowledged"].is_met is True
    assert (rows["first act"].took_s, rows["first act"].is_met) == (39.0, True)


def test_what_somebody_else_did_is_named_and_is_not_the_trainees() -> None:
    rows = judged(a_drill(trainee=TRADER), TOLD)
    assert (rows["seen"].by_other, rows["seen"].goal_s) == ("u2", None)  # another screen was first
    assert rows["seen"].took_s == 29.0  # the first sign of it by this person
    assert (rows["closed"].by_other, rows["closed"].took_s) == ("u4", None)
    assert rows["closed"].is_met is False
    nobody = judged(a_drill(trainee="u5"), TOLD)
    assert [row.took_s for row in nobody.values()] == [None] * 4
    assert nobody["first act"].by_other == TRADER


def test_the_first_screen_of_the_trainee_has_five_seconds() -> None:
    for after, met in ((4, True), (6, False)):
        rows = judged(
            a_drill(trainee=TRADER), (an_entry("AlertShown", 101 + after, person=TRADER),)
        )
        assert (rows["seen"].took_s, rows["seen"].goal_s, rows["seen"].is_met) == (after, 5.0, met)


def test_an_act_before_the_desk_saw_it_answers_nothing() -> None:
    early = an_entry("ParentHoldAsked", 100.5, object="P-1", person=TRADER)
    assert judged(a_drill(trainee=TRADER), (early,))["first act"].took_s is None


CALL = an_alert(kind="drill.kill", severity="critical")


@pytest.mark.parametrize(
    ("text", "took"),
    [
        ("kill symbol MIDC by page: 2 parents, 5 children", 20.0),
        ("kill all  by page: 9 parents, 30 children", 20.0),
        ("kill symbol NRTH by page: 1 parents, 0 children", None),
        ("kill parent P-1 by page: 1 parents, 0 children", None),
        ("kill venue SIM-A by page: 0 parents, 3 children", None),
    ],
)
def test_a_kill_call_is_answered_by_a_kill_that_covers_it(text: str, took: float | None) -> None:
    kill = an_entry("KillBlocked", 121, object="K-2", person=TRADER, text=text)
    hold = an_entry("ParentHoldAsked", 110, object="P-1", person=TRADER)
    done = an_entry("KillConfirmed", 123, object="K-2")
    drill = a_drill(kind="kill", trainee=TRADER)
    rows = judged(drill, (hold, kill, done), CALL)
    assert (rows["killed"].took_s, rows["killed"].goal_s) == (took, 60.0)
    steps = steps_of(debrief(drill, (hold, kill, done), (CALL,), (), ALARM_S))
    assert steps["every order confirmed"].took_s == (None if took is None else 2.0)


def test_a_trader_who_was_called_about_an_own_order_kills_that_order() -> None:
    call = an_alert(kind="drill.kill", severity="critical", object="P-1")
    kill = an_entry("KillBlocked", 121, object="K-2", person=TRADER,
                    text="kill parent P-1 by page: 1 parents, 0 children")  # fmt: skip
    rows = judged(a_drill(kind="kill", trainee=TRADER), (kill,), call)
    assert rows["killed"].is_met is True


def test_who_may_not_answer_an_exception_has_no_goal_in_that() -> None:
    drill = a_drill(trainee=TRADER)
    one = debrief(drill, TOLD, (an_alert(),), (), ALARM_S, narrow=True)
    goals = {row.name: row.goal_s for row in one.judged}
    assert (goals["acknowledged"], goals["closed"]) == (None, None)
    assert goals["first act"] is not None


def test_a_drift_is_told_by_a_strategy_or_an_order_whatever_stock_it_is_in() -> None:
    for kind, about in (("model.demoted", "ADAPTIVE"), ("order.doubt", "P-6")):
        alert = an_alert(kind=kind, object=about)
        steps = steps_of(debrief(
            a_drill(kind="drift"), (an_entry("AlertRaised", 101, object=about),), (alert,), (), 0.0
        ))  # fmt: skip
        assert steps["the desk saw it"].desk_s == 1.0


# --- on a desk ----------------------------------------------------------------------------------
@pytest.fixture
def drilled(tmp_path: Path) -> Iterator[tuple[Rig, Queries]]:
    """A halt that people noticed, held an order in, and closed; in the read tables."""
    rig = Rig()
    rig.run(30)
    rig.buy(200_000)
    rig.run(60)
    halt = c.StartIncident(kind="halt", seconds=30.0, symbol=rig.symbol, trainee=TRADER)
    rig.do(halt, BOSS, reason="drill")
    rig.run(5)
    (raised,) = [x for x in rig.journal.events(e.AlertRaised) if x.kind == "market.halt"]
    rig.do(c.ShowAlerts(alert_ids=(raised.alert_id,)), TRADER)
    rig.run(4)
    rig.do(c.AcknowledgeAlert(alert_id=raised.alert_id), BOSS)
    rig.do(c.HoldParent(parent_id=1, children=HoldChildren.CANCEL), TRADER)
    rig.run(60)
    rig.do(c.ResolveAlert(alert_id=raised.alert_id, cause=AlertCause.PASSED), BOSS, reason="over")
    rig.run(2)
    engine = tables(tmp_path / "desk.db")
    catch_up(engine, journal_in(tmp_path, rig), 123)
    yield rig, Queries(engine, tmp_path)
    engine.dispose()


def test_the_tables_tell_a_drill_as_the_journal_has_it(drilled: tuple[Rig, Queries]) -> None:
    rig, tables_ = drilled
    (drill,) = tables_.drills()
    at = {type(x.event): x for x in rig.journal.entries if isinstance(
        x.event, e.IncidentAsked | e.IncidentStarted | e.AlertAcknowledged | e.ParentHoldAsked
        | e.AlertResolved)}  # fmt: skip
    assert (drill.kind, drill.symbol, drill.by) == ("halt", rig.symbol, BOSS)
    assert drill.began_at == at[e.IncidentStarted].desk_ns
    assert drill.ends_at - drill.market_at == 30 * SECOND
    assert tables_.drill(drill.source, drill.seq) == drill
    fills = tables_.fills_between(drill.source, drill.market_at, drill.ends_at, drill.symbol)
    assert all(drill.market_at <= fill.venue_at <= drill.ends_at for fill in fills)
    one = debrief(drill, tables_.drill_entries(drill), tables_.alerts(), fills, ALARM_S)
    steps = steps_of(one)
    assert steps["acknowledged"].at == at[e.AlertAcknowledged].desk_ns
    assert steps["first protective act"].at == at[e.ParentHoldAsked].desk_ns
    assert steps["closed"].at == at[e.AlertResolved].desk_ns
    order = [step.at for step in one.steps]
    assert order == sorted(order)
    assert order[-1] > 0
    assert one.people == (BOSS, TRADER)
    assert drill.trainee == TRADER
    mine = {row.name: row for row in one.judged}
    assert (mine["seen"].is_met, mine["first act"].is_met) == (True, True)
    assert (mine["acknowledged"].by_other, mine["acknowledged"].is_met) == (BOSS, False)


def test_a_kill_call_is_judged_from_the_journal(tmp_path: Path) -> None:
    rig = Rig()
    rig.run(30)
    rig.buy(200_000)
    rig.run(60)
    call = c.StartIncident(kind="kill", seconds=600.0, symbol=rig.symbol, trainee=TRADER)
    rig.do(call, BOSS, reason="drill")
    rig.run(2)
    (raised,) = [x for x in rig.journal.events(e.AlertRaised) if x.kind == "drill.kill"]
    rig.do(c.AcknowledgeAlert(alert_id=raised.alert_id), TRADER)
    rig.gate.request("parent", "P-1", TRADER, door="test", now_ns=rig.clock.now)
    rig.run(5)
    rig.do(c.ResolveAlert(alert_id=raised.alert_id, cause=AlertCause.EXPECTED), TRADER,
           reason="done")  # fmt: skip
    engine = tables(tmp_path / "desk.db")
    catch_up(engine, journal_in(tmp_path, rig), 123)
    tables_ = Queries(engine, tmp_path)
    (drill,) = tables_.drills()
    one = debrief(drill, tables_.drill_entries(drill), tables_.alerts(), (), ALARM_S)
    engine.dispose()
    assert {row.name: row.is_met for row in one.judged} == {
        "seen": None, "acknowledged": True, "killed": True, "closed": True,
    }  # fmt: skip
    assert all(step.at for step in one.steps if step.name != "on the first screen")
