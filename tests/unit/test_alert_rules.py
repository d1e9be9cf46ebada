"""Alert rules: delivered, changed by the right people, in force before the next decision."""

import numpy as np
import pytest

from engine.core import alarms
from engine.core.alarms import Doubts, Looks, alarm, measure
from engine.core.rules.alerts import DAY_IS_OVER, stands
from engine.core.rules.limits import threshold
from engine.core.show_limits import topics
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.kinds import MODEL_DOUBTFUL, MODEL_LIVE, MODEL_NONE
from engine.domain.limits import ALERTS, KINDS
from engine.domain.policy import Policy
from tests.support.desk_rig import Rig
from tests.support.limits import decide, terms, tighten

S = 10**9


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.run(5)
    return made


def rule(rig: Rig, kind: str, value: float, person: str = "u5") -> str:
    return rig.ask(c.ProposeLimit(terms=terms(kind, "firm", "", value)), person)


def alerts(rig: Rig, kind: str) -> list[e.AlertRaised]:
    return [event for event in rig.journal.events(e.AlertRaised) if event.kind == kind]


# --- the one function --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("standing", "value", "said"),
    [
        (False, 10.0, False), (False, 10.1, True), (True, 10.0, True), (True, 8.1, True),
        (True, 8.0, False), (False, 9.0, False), (True, float("nan"), True),
        (False, float("nan"), False),
    ],
)  # fmt: skip
def test_an_alarm_begins_beyond_its_threshold_and_ends_well_below(standing, value, said):
    assert alarm(standing, value, 10.0, 0.8) is said


def looks(**more) -> Looks:
    """One order after 1,000 of 10,000 shares, bought at 101 while the market paid 100."""
    one = {
        "side": 1, "quantity": 10_000, "filled": 1_000, "average": 101.0, "vwap": 100.0,
        "target": 3_000.0, "volume": 4_000, "doubt": 0.5, **more,
    }  # fmt: skip
    return Looks(**{name: np.array([value], dtype=np.float64) for name, value in one.items()})


@pytest.mark.parametrize(
    ("kind", "more", "value"),
    [
        (alarms.SLIPPAGE, {}, 100.0),
        (alarms.SLIPPAGE, {"side": -1}, -100.0),  # a seller gained
        (alarms.SLIPPAGE, {"filled": 499}, np.nan),  # less than a twentieth says nothing
        (alarms.BEHIND, {}, 0.2),
        (alarms.BEHIND, {"filled": 5_000}, 0.2),  # ahead counts as much
        (alarms.BEHIND, {"target": np.nan}, np.nan),
        (alarms.PARTICIPATION, {}, 0.25),
        (alarms.PARTICIPATION, {"volume": 0}, np.nan),
        (alarms.DOUBT, {}, 0.5),
    ],
)
def test_each_measure_is_its_formula(kind, more, value):
    assert measure(kind, looks(**more))[0] == pytest.approx(value, nan_ok=True)


def test_doubt_is_a_share_of_the_last_ten_minutes_and_nothing_without_a_model():
    doubts = Doubts()
    told = [doubts.add(7, t * S, MODEL_DOUBTFUL if t < 300 else MODEL_LIVE) for t in range(1_000)]
    assert all(value != value for value in told[:449])
    assert told[449] == pytest.approx(300 / 450)  # what follows a start alone alarms nobody
    assert max(told[449:]) < Policy().alert_doubt
    assert told[599] == pytest.approx(300 / 600)
    assert told[899] == 0.0  # the doubt is older than ten minutes
    assert np.isnan(doubts.add(8, 0, MODEL_NONE))


# --- in force ----------------------------------------------------------------------------------
def test_every_rule_is_delivered_inside_its_range_and_shown_with_owner_and_version(rig):
    rows = topics(rig.state)["limits"]
    assert set(ALERTS) == set(alarms.RULES) <= set(rows)
    for kind in ALERTS:
        assert KINDS[kind].low <= rows[kind]["value"] <= KINDS[kind].high, kind
        assert rows[kind]["version"] == 0
    tighten(rig, alarms.MOVE, "firm", "", 12.0)
    row = topics(rig.state)["limits"][alarms.MOVE]
    assert (row["value"], row["version"], row["by"], row["owner"]) == (12.0, 1, "u5", "u5")


def test_a_tighter_rule_alarms_at_the_next_decision_and_a_wider_one_ends_it(rig):
    number = rig.buy(30_000, strategy="TWAP")
    rig.run(900)
    parent = rig.state.parents[number]
    assert parent.filled >= 0.05 * parent.quantity
    assert alerts(rig, "order.participation") == []
    share = parent.filled / (rig.loop.desk.quotes.totals(parent.symbol)[0] - parent.arrival_volume)
    assert rule(rig, alarms.PARTICIPATION, max(0.01, round(share / 2, 4))) == ""
    assert alerts(rig, "order.participation") == []  # a rule is no decision
    rig.run(1)
    (raised,) = alerts(rig, "order.participation")
    assert raised.object == f"P-{number}"
    assert f"{share * 100:.1f} % of the volume" in raised.sentence
    rig.run(30)
    assert len(alerts(rig, "order.participation")) == 1  # it stands: said once
    alert = rig.state.alerts[raised.alert_id]
    assert stands(rig.state, alert) is True
    rule(rig, alarms.PARTICIPATION, 0.5)
    decide(rig, 1, "u3")
    rig.run(1)
    assert stands(rig.state, alert) is False
    assert [x.kind for x in rig.journal.events(e.TroubleOver)] == ["participation"]


def test_what_an_order_was_alarmed_for_is_over_when_the_order_is(rig):
    number = rig.buy(30_000, strategy="TWAP")
    rig.run(600)
    tighten(rig, alarms.PARTICIPATION, "firm", "", 0.01)
    rig.run(1)
    (raised,) = alerts(rig, "order.participation")
    rig.gate.request("parent", f"P-{number}", "u1", door="web", now_ns=rig.clock.wall_ns())
    rig.run(30)
    assert not rig.state.parents[number].is_live
    assert stands(rig.state, rig.state.alerts[raised.alert_id]) is False
    assert rig.state.trouble == {}


def test_a_warning_that_nobody_closed_is_closed_with_the_day_of_its_order_and_says_so():
    rig = Rig(day_s=300.0)
    rig.run(5)
    rig.buy(30_000, strategy="TWAP", horizon_ns=200 * S)
    tighten(rig, alarms.PARTICIPATION, "firm", "", 0.01)
    rig.run(60)
    (raised,) = alerts(rig, "order.participation")
    while rig.state.is_open:
        rig.run(1)
    assert not rig.state.alerts[raised.alert_id].is_closed
    rig.loop.open_day()
    assert raised.alert_id not in rig.state.alerts
    closed = {event.alert_id: event for event in rig.journal.events(e.AlertResolved)}
    said = closed[raised.alert_id]
    assert (said.by, said.cause, said.reason) == ("system", "passed", DAY_IS_OVER)


def test_a_quote_is_told_to_be_old_before_the_gate_stops(rig):
    from engine.core.moves import Moves
    from engine.core.rules.trouble import watch

    desk = rig.loop.desk
    tighten(rig, alarms.STALE, "firm", "", 4.0)
    rig.state.market_ns += 4 * S
    assert not any(isinstance(x, e.AlertRaised) for x in watch(rig.state, desk.quotes, Moves()))
    rig.state.market_ns += 1 * S
    told = [x for x in watch(rig.state, desk.quotes, Moves()) if isinstance(x, e.AlertRaised)]
    assert [x.kind for x in told] == ["market.feed"]
    assert "older than 10 s" in told[0].sentence  # the gate has its own number


# --- who changes it ----------------------------------------------------------------------------
def test_tighter_is_in_force_at_once_looser_waits_for_a_second_person(rig):
    assert rule(rig, alarms.SLIPPAGE, 20.0) == ""
    assert threshold(rig.state, alarms.SLIPPAGE) == 20.0
    assert rule(rig, alarms.SLIPPAGE, 24.0) == ""
    assert threshold(rig.state, alarms.SLIPPAGE) == 20.0
    digest = rig.state.limits.changes[1].content_hash
    yes = c.DecideLimit(limit_change_id=1, content_hash=digest, approve=True)
    assert "nobody decides" in rig.ask(yes, "u5")
    rig.do(yes, "u3")
    assert threshold(rig.state, alarms.SLIPPAGE) == 24.0
    versions = [row.value for row in rig.state.limits.past[alarms.SLIPPAGE, "firm", ""]]
    assert versions == [20.0]
    (first, second) = [x.limit for x in rig.journal.events(e.LimitSet)]
    assert (first.version, second.version, second.approved_by) == (1, 2, "u3")


def test_an_earlier_version_comes_back_on_the_same_road(rig):
    for value in (20.0, 18.0):
        assert rule(rig, alarms.SLIPPAGE, value) == ""
    assert rule(rig, alarms.SLIPPAGE, 20.0) == ""  # looser than what is in force
    assert threshold(rig.state, alarms.SLIPPAGE) == 18.0
    decide(rig, 1, "u3")
    assert threshold(rig.state, alarms.SLIPPAGE) == 20.0


@pytest.mark.parametrize(
    ("person", "said"),
    [("u1", "needs the right limit.propose"), ("u3", "risk's to change")],
)
def test_a_rule_of_the_firm_is_risks_to_propose(rig, person, said):
    assert said in rule(rig, alarms.SLIPPAGE, 20.0, person)
    assert threshold(rig.state, alarms.SLIPPAGE) == Policy().alert_slippage


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (alarms.SLIPPAGE, 0.5), (alarms.SLIPPAGE, 501.0), (alarms.MOVE, 2.0),
        (alarms.STALE, 11.0), (alarms.BEHIND, 1.5), (alarms.REJECTS, 101.0),
    ],
)  # fmt: skip
def test_a_threshold_outside_its_range_is_refused(rig, kind, value):
    assert "must be between" in rule(rig, kind, value)


def test_a_rule_cannot_be_taken_away_and_stands_at_the_firm_alone(rig):
    wanted = terms(alarms.SLIPPAGE, "firm", "", None)
    assert "must have a limit" in rig.ask(c.ProposeLimit(terms=wanted), "u5")
    wanted = terms(alarms.SLIPPAGE, "trader", "u1", 20.0)
    assert "can stand at firm" in rig.ask(c.ProposeLimit(terms=wanted), "u5")
