"""Exceptions: counted up, shown, taken, annotated, closed; and the alarm that nobody looks."""

import pytest

from db.project import catch_up
from db.queries import Queries
from db.tables import ALERTS
from engine.core.show_alerts import alert_row
from engine.core.turn import carried
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.governance import AlertCause
from engine.domain.orders import HoldChildren
from engine.domain.people import Person, Role
from engine.gateway.degraded import watchers
from engine.runtime.conditions import Readings, found
from engine.runtime.rounds import Watch
from tests.support.busy_desk import journal_in, tables
from tests.support.desk_rig import PEOPLE, Rig

S = 10**9
FIXED = AlertCause.FIXED


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.run(5)
    return made


def raised(rig: Rig, kind="reject", about="MIDC", severity="critical", event_at=0) -> int:
    """Raise as the desk does; the number."""
    from engine.core.rules.desk import raise_alert

    alert = raise_alert(rig.state, severity, kind, about, f"{kind} of {about}", event_at)
    rig.loop.facts((alert,))
    return alert.alert_id


def row(rig: Rig, number: int):
    return alert_row(rig.state, rig.state.alerts[number])


# --- counted up until it is closed -------------------------------------------------------------
def test_equal_exceptions_are_one_line_until_it_is_closed(rig):
    first = raised(rig)
    at = rig.state.alerts[first].first_at
    rig.run(1)
    assert raised(rig) == first
    rig.do(c.ResolveAlert(alert_id=first, cause=FIXED), "u5")
    again = raised(rig)
    assert again != first
    assert (row(rig, first).times, row(rig, first).first_at) == (2, at)
    assert row(rig, first).raised_at > at
    assert (row(rig, first).state, row(rig, again).state) == ("resolved", "open")


@pytest.mark.parametrize(("severity", "state"), [("critical", "open"), ("warn", "acknowledged")])
def test_a_critical_one_that_comes_back_must_be_seen_again(rig, severity, state):
    number = raised(rig, severity=severity)
    rig.do(c.AcknowledgeAlert(alert_id=number), "u5")
    assert raised(rig, severity=severity) == number
    assert row(rig, number).state == state


def test_what_only_informs_is_closed_by_its_acknowledgement(rig):
    number = raised(rig, severity="info")
    rig.do(c.AcknowledgeAlert(alert_id=number), "u5")
    assert row(rig, number).state == "resolved"
    assert raised(rig, severity="info") != number


def test_an_exception_that_nobody_closed_goes_into_the_next_day(rig):
    seen, closed = raised(rig), raised(rig, about="NRTH")
    rig.do(c.AcknowledgeAlert(alert_id=seen), "u5")
    rig.do(c.ResolveAlert(alert_id=closed, cause=FIXED), "u5")
    assert [alert.id for alert in carried(rig.state).alerts] == [seen]


# --- event, detection, display -----------------------------------------------------------------
def test_cause_detection_and_display_are_kept_and_the_first_screen_counts(rig):
    cause = rig.state.market_ns - 3 * S
    number = raised(rig, event_at=cause)
    rig.clock.now += 2 * S
    rig.do(c.ShowAlerts(alert_ids=(number, number, 77)), "u1")
    rig.clock.now += 5 * S
    rig.do(c.ShowAlerts(alert_ids=(number,)), "u5")
    shown = row(rig, number)
    assert shown.delay_s == 3.0
    assert shown.shown_s == pytest.approx(2.0, abs=0.1)
    assert shown.shown_by == "u1"
    assert len(rig.journal.events(e.AlertShown)) == 1


# --- people ------------------------------------------------------------------------------------
def test_a_trader_handles_exceptions_of_own_orders_and_their_children_only(rig):
    parent = rig.buy(5_000)
    (child, *_) = rig.run_until_live(parent)
    own = raised(rig, about=f"C-{child.id >> 24}-{child.id & 0xFFFFFF}")
    desk = raised(rig, kind="model", about="")
    assert row(rig, own).order == f"P-{parent}"
    for verb in (
        lambda n: c.AssignAlert(alert_id=n),
        lambda n: c.AcknowledgeAlert(alert_id=n),
        lambda n: c.ResolveAlert(alert_id=n, cause=FIXED),
    ):
        assert "own orders" in rig.ask(verb(desk), "u1")
        assert "own orders" in rig.ask(verb(own), "u2")
        rig.do(verb(own), "u1")
    assert row(rig, own).resolved_by == "u1"


def test_an_exception_is_taken_by_one_or_given_to_somebody_who_may_close_it(rig):
    number = raised(rig)
    rig.do(c.AssignAlert(alert_id=number), "u5")
    assert row(rig, number).assigned_to == "u5"
    rig.do(c.AssignAlert(alert_id=number, to="u3"), "u5")
    assert row(rig, number).assigned_to == "u3"
    assert "already with u3" in rig.ask(c.AssignAlert(alert_id=number, to="u3"), "u5")
    assert "'u8' is none" in rig.ask(c.AssignAlert(alert_id=number, to="u8"), "u5")
    assert "'u77' is none" in rig.ask(c.AssignAlert(alert_id=number, to="u77"), "u5")
    assert "not about an order of u1" in rig.ask(c.AssignAlert(alert_id=number, to="u1"), "u5")


def test_notes_are_kept_with_who_and_when_up_to_a_number(rig):
    number = raised(rig)
    rig.do(c.AnnotateAlert(alert_id=number, text=" called the venue "), "u8")
    at = rig.state.desk_ns
    assert row(rig, number).notes == [[at, "u8", "called the venue"]]
    for text in ("", "  ", "x" * 2_001):
        assert "1 to 2,000" in rig.ask(c.AnnotateAlert(alert_id=number, text=text), "u8")
    for _ in range(49):
        rig.do(c.AnnotateAlert(alert_id=number, text="more"), "u8")
    assert "takes no more" in rig.ask(c.AnnotateAlert(alert_id=number, text="more"), "u8")


def test_closing_needs_a_reason_and_counts_as_having_seen_it(rig):
    number = raised(rig)
    close = c.ResolveAlert(alert_id=number, cause=AlertCause.FALSE)
    assert "needs a reason" in rig.ask(close, "u5", reason=" ")
    rig.do(close, "u5", reason="two venues agree")
    shown = row(rig, number)
    assert (shown.acknowledged_by, shown.cause, shown.resolution) == (
        "u5", "false_alarm", "two venues agree",
    )  # fmt: skip
    assert "already closed" in rig.ask(close, "u5")
    assert "already closed" in rig.ask(c.AssignAlert(alert_id=number), "u5")
    rig.do(c.AnnotateAlert(alert_id=number, text="seen again in the log"), "u8")  # notes stay open


def test_what_still_stands_cannot_be_closed(rig):
    rig.loop.facts((e.TroubleSeen(kind="halt", object="MIDC", since=rig.state.market_ns),))
    number = raised(rig, kind="market.halt")
    assert row(rig, number).stands == "yes"
    assert "still stands" in rig.ask(c.ResolveAlert(alert_id=number, cause=FIXED), "u5")
    rig.loop.facts((e.TroubleOver(kind="halt", object="MIDC"),))
    assert row(rig, number).stands == "over"
    assert rig.link.rows  # something is published
    rig.clock.now += S
    rig.loop.publisher.flush(rig.loop.desk, rig.loop._header)
    assert rig.link.rows["alerts"][f"A-{number}"]["stands"] == "over"  # though its row had no event
    rig.do(c.ResolveAlert(alert_id=number, cause=AlertCause.PASSED), "u5")


# --- nobody looks ------------------------------------------------------------------------------
def test_a_critical_one_that_nobody_acknowledges_in_time_is_alarmed_once(rig):
    rig.loop.rounds.watch = Watch(alarm_ns=60 * S)
    ignored, seen = raised(rig), raised(rig, about="NRTH")
    raised(rig, about="ESTX", severity="warn")
    rig.do(c.AcknowledgeAlert(alert_id=seen), "u5")
    rig.round(59)
    assert rig.journal.events(e.AlertEscalated) == []
    for _ in range(3):
        rig.round(30)
    assert [x.alert_id for x in rig.journal.events(e.AlertEscalated)] == [ignored]
    assert row(rig, ignored).escalated_at > 0
    rig.do(c.AcknowledgeAlert(alert_id=ignored), "u5")
    raised(rig)  # it comes back: the clock starts again
    rig.round(61)
    assert len(rig.journal.events(e.AlertEscalated)) == 2


def test_without_the_setting_nobody_waits_for_an_acknowledgement(rig):
    raised(rig)
    rig.round(100_000)
    assert rig.journal.events(e.AlertEscalated) == []


@pytest.mark.parametrize(
    ("away", "said"),
    [
        ({}, ""),
        ({"no_trader_ns": 61 * S}, "no trader is here for 61 s, and 2 orders"),
        ({"no_risk_ns": 61 * S}, "no independent risk person is here for 61 s, and 2 orders"),
        ({"no_trader_ns": 90 * S, "no_risk_ns": 61 * S}, "no trader is here for 90 s and no "),
        ({"no_trader_ns": 90 * S, "working": 0}, ""),
        ({"no_trader_ns": 90 * S, "attendance_ns": 0}, ""),
    ],
)
def test_orders_at_work_are_watched_by_a_trader_and_by_risk(away, said):
    readings = Readings(**{"working": 2, "attendance_ns": 60 * S, **away})
    wrong = [row for row in found(readings) if row.kind == "attendance"]
    assert [row.sentence[: len(said)] for row in wrong] == ([said] if said else [])
    assert all(row.severity == "critical" for row in wrong)


def test_attendance_is_a_condition_while_orders_work_and_over_when_both_are_here(rig):
    rig.loop.rounds.watch = Watch(attendance_ns=60 * S)
    rig.round(100)
    assert ("attendance", "") not in rig.state.conditions  # nothing works
    parent = rig.buy(5_000)
    rig.loop.rounds.present({"traders": 1, "risks": 0, "supervisors": 3})
    rig.round(1)
    assert "no independent risk" in rig.state.conditions["attendance", ""].sentence
    for _ in range(5):
        rig.loop.rounds.present({"traders": 1, "risks": 1})
        rig.round(1)
    assert ("attendance", "") not in rig.state.conditions
    rig.do(c.HoldParent(parent_id=parent, children=HoldChildren.CANCEL), "u1")


def test_whoever_trades_is_no_independent_eye_on_it():
    class Page:
        def __init__(self, person_id):
            self.session, self.person_id = person_id, person_id

    class Pages:
        clients = (Page("u1"), Page("both"), Page("gone"))

    class Logins:
        persons = {row.id: row for row in PEOPLE} | {
            "both": Person(id="both", roles=(Role.TRADER, Role.RISK), desk="main")
        }

        @staticmethod
        def idle(session, at):
            return False

    assert watchers(Pages, Logins, 0) == {"supervisors": 0, "traders": 2, "risks": 0}


# --- stored ------------------------------------------------------------------------------------
def test_the_read_tables_tell_of_an_exception_what_the_state_does(rig, tmp_path):
    rig.loop.rounds.watch = Watch(alarm_ns=60 * S)
    first, second = raised(rig), raised(rig, about="NRTH")
    rig.round(61)
    rig.do(c.ShowAlerts(alert_ids=(first, second)), "u1")
    rig.do(c.AssignAlert(alert_id=first), "u5")
    rig.do(c.AcknowledgeAlert(alert_id=first), "u5")
    raised(rig)
    rig.do(c.AcknowledgeAlert(alert_id=second), "u5")
    rig.do(c.ResolveAlert(alert_id=second, cause=FIXED), "u5", reason="cable")
    engine = tables(tmp_path / "desk.db")
    catch_up(engine, journal_in(tmp_path, rig), 123)
    with engine.connect() as connection:
        stored = {r["id"]: dict(r) for r in connection.execute(ALERTS.select()).mappings()}
    for number, alert in rig.state.alerts.items():
        for name in (
            "times", "acknowledged_by", "acknowledged_at", "first_at", "raised_at", "shown_at",
            "shown_by", "assigned_to", "escalated_at", "cause", "resolution", "resolved_by",
            "resolved_at", "severity",
        ):  # fmt: skip
            assert stored[number][name] == getattr(alert, name), (number, name)
    records = {record.id: record.state for record in Queries(engine, tmp_path).alerts()}
    assert (records[f"A-{first}"], records[f"A-{second}"]) == ("open", "resolved")
