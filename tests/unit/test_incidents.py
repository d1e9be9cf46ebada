"""Drills: what may be asked for, what the desk sees of it by the market alone, and what it does."""

from typing import Any

import numpy as np
import pytest

from engine.core import show
from engine.core.moves import Moves, usual
from engine.core.plan import DECISION
from engine.core.rules.trouble import crossed_places, feed_age
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.incidents import INCIDENT_KINDS, IncidentState
from engine.domain.kinds import DARK, NEW
from engine.domain.policy import Policy
from engine.domain.units import Nanos, Symbol
from engine.exchange.presets import PRESETS
from engine.redecide import Again, simulated
from tests.support.desk_rig import Rig

BOSS = "u3"


@pytest.fixture
def rig() -> Rig:
    """A desk with two symbols and an order at work in each."""
    rig = Rig(symbols=2)
    rig.run(30)
    rig.buy(200_000)
    rig.buy(60_000, side=-1, symbol=other(rig))
    rig.run(90)
    return rig


def other(rig: Rig) -> str:
    return list(rig.state.instruments)[1]


def start(rig: Rig, kind: str, seconds: float = 60, person: str = BOSS, **more: Any) -> str:
    return rig.ask(c.StartIncident(kind=kind, seconds=seconds, **more), person)


def alerts(rig: Rig, kind: str) -> list[e.AlertRaised]:
    return [x for x in rig.journal.events(e.AlertRaised) if x.kind == kind]


def intended(rig: Rig) -> list[e.ChildIntended]:
    return rig.journal.events(e.ChildIntended)


# --- who may, and what is refused -----------------------------------------------------------
@pytest.mark.parametrize("person", ["u1", "u8"])
def test_a_trader_or_a_reviewer_may_not_start_an_incident(rig, person):
    assert "needs the right drill.incident" in start(rig, "halt", person=person)
    assert not rig.state.incidents


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"kind": "flood"}, "kind must be one of outage"),
        ({"kind": "outage"}, "the venue of outage must be one of SIM-A"),
        ({"kind": "outage", "venue": "SIM-X"}, "was 'SIM-X'"),
        ({"kind": "stuck_dark", "venue": "SIM-A"}, "must be one of DARK-1, DARK-2"),
        ({"kind": "crossed", "venue": "DARK-1"}, "must be one of SIM-A, SIM-B, SIM-C"),
        ({"kind": "outage", "venue": "SIM-B", "symbol": "MIDC"}, "leave the symbol out"),
        ({"kind": "halt", "venue": "SIM-B"}, "leave the venue out"),
        ({"kind": "halt", "symbol": "NOPE"}, "symbol must be one of"),
        ({"kind": "halt", "seconds": 0.5}, "seconds must be 1 to 3,600"),
        ({"kind": "halt", "seconds": 3_601.0}, "seconds must be 1 to 3,600"),
        ({"kind": "halt", "size": 5}, "halt has no size"),
        ({"kind": "flash"}, "size must be 1 to 500 ticks"),
        ({"kind": "news", "size": -501}, "size must be 1 to 500 ticks"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(rig, what, words):
    assert words in rig.ask(c.StartIncident(**{"seconds": 60.0, **what}), BOSS)
    assert not rig.state.incidents


def test_a_drill_needs_a_reason_a_simulated_exchange_and_an_open_market(rig):
    command = c.StartIncident(kind="halt", seconds=60)
    assert rig.ask(command, BOSS, reason=" ") == "a drill needs a reason"
    rig.state.mode = "REPLAY"
    assert "this desk runs REPLAY" in rig.ask(command, BOSS)
    rig.state.mode, rig.state.is_open = "SIM", False
    assert "must be open" in rig.ask(command, BOSS)


def test_the_same_incident_is_refused_while_it_runs_and_allowed_afterwards(rig):
    assert start(rig, "outage", 5, venue="SIM-B") == ""
    assert "I-1 is the same and still under way" in start(rig, "outage", 5, venue="SIM-B")
    assert start(rig, "outage", 5, venue="SIM-C") == ""
    rig.run(6)
    assert start(rig, "outage", 5, venue="SIM-B") == ""


def test_what_the_exchange_refuses_is_a_fact_with_its_words(rig):
    for name in ("SIM-A", "SIM-B"):
        assert start(rig, "outage", venue=name) == ""
    rig.run(2)
    assert start(rig, "outage", venue="SIM-C") == ""  # asked for; the exchange says no
    assert rig.state.incidents[3].state == IncidentState.REFUSED
    assert "last public book" in show.incident_row(rig.loop.desk, rig.state.incidents[3]).sentence


def test_without_an_answer_it_is_unknown_and_nothing_repeats_it(rig):
    rig.venue.silent = True
    assert start(rig, "halt") == ""
    assert rig.state.incidents[1].state == IncidentState.UNKNOWN
    assert not rig.loop.venue_ready
    rig.venue.silent = False
    rig.run(5)
    assert rig.venue.happened == []


def test_a_start_that_died_before_the_answer_leaves_it_unknown(rig):
    asked = e.IncidentAsked(
        incident_id=1, kind="halt", venue="", symbol="", seconds=5.0, size=0, by=BOSS, reason="r"
    )
    rig.loop.facts((asked,))
    rig.loop.facts((e.EngineStarted(epoch=2, code="x"),))
    assert rig.state.incidents[1].state == IncidentState.UNKNOWN


# --- what the desk sees ---------------------------------------------------------------------
def test_an_outage_is_said_once_children_age_unconfirmed_and_nothing_is_resent(rig):
    place = rig.state.children[max(rig.state.children)].venue
    name = rig.state.venue_name(place)
    there = [child.id for child in rig.state.children.values() if child.venue == place]
    start(rig, "outage", 41, venue=name)
    rig.run(20)
    row = next(row for row in show.venue_rows(rig.loop.desk) if row.id == name)
    assert (row.state, row.unconfirmed) == ("down", len(there))
    assert row.oldest_s == pytest.approx(20, abs=2)
    children = [show.child_row(rig.loop.desk, rig.state.child(i)) for i in there]
    assert all(f"unconfirmed at {name}" in child.unconfirmed for child in children)
    assert len(alerts(rig, "venue.down")) == 1
    rig.run(30)
    assert not any(i in rig.state.children for i in there)  # settled by its reports
    sent = [int(m["child"]) for m in rig.venue.sent if m["kind"] == NEW]
    assert len(sent) == len(set(sent))
    assert len(alerts(rig, "venue.back")) == 1


def test_a_feed_gap_stops_new_orders_after_the_age_limit_and_says_how_old_the_quote_is(rig):
    begin = rig.state.market_ns
    start(rig, "feed_gap", 40)
    rig.run(12)
    desk = rig.loop.desk
    assert feed_age(rig.state, desk.quotes, rig.symbol) == 12_000_000_000
    assert show.parent_row(desk, rig.state.parents[1]).binding == "the quote is 12 s old"
    assert show.quote_row(desk, rig.symbol).waits == "the quote is 12 s old"
    before = len(intended(rig))
    rig.run(25)
    assert len(intended(rig)) == before
    (alert,) = alerts(rig, "market.feed")
    assert (alert.object, alert.event_at) == ("all", begin)
    assert "no quotes of all 2 symbols" in alert.sentence
    rig.run(120)
    assert not rig.state.trouble
    assert len(intended(rig)) > before
    assert len(alerts(rig, "market.feed")) == 1


def test_crossed_quotes_are_named_and_price_nothing(rig):
    start(rig, "crossed", 60, venue="SIM-C")
    rig.run(2)
    assert crossed_places(rig.loop.desk.quotes, rig.symbol) == (2,)
    before = len(intended(rig))
    rig.run(50)
    assert len(intended(rig)) == before
    assert show.parent_row(rig.loop.desk, rig.state.parents[1]).binding == "crossed quotes at SIM-C"
    (alert,) = alerts(rig, "market.crossed")
    assert alert.object == "SIM-C"
    assert "crossed quotes at SIM-C" in alert.sentence
    rig.run(200)
    assert not rig.state.trouble
    assert len(intended(rig)) > before


@pytest.mark.parametrize("kind", ["flash", "news"])
def test_a_jump_is_said_with_its_size(rig, kind):
    start(rig, kind, 30, symbol=rig.symbol, size=-150)
    rig.run(20)
    (alert,) = alerts(rig, "market.move")
    assert alert.object == rig.symbol
    assert "% down in 60 s" in alert.sentence


def test_a_halt_is_said_orders_wait_and_go_on_after_it_reopens(rig):
    start(rig, "halt", 60, symbol=rig.symbol)
    rig.run(3)
    desk = rig.loop.desk
    assert show.parent_row(desk, rig.state.parents[1]).binding == f"{rig.symbol} is HALTED"
    assert show.parent_row(desk, rig.state.parents[2]).binding != f"{rig.symbol} is HALTED"
    before = [x for x in intended(rig) if x.parent_id == 1]
    rig.run(50)
    assert [x for x in intended(rig) if x.parent_id == 1] == before
    assert [x.object for x in alerts(rig, "market.halt")] == [rig.symbol]
    rig.run(240)
    assert [x.object for x in alerts(rig, "market.open")] == [rig.symbol]
    assert len([x for x in intended(rig) if x.parent_id == 1]) > len(before)


def test_a_halt_of_everything_is_one_trouble(rig):
    start(rig, "halt", 20)
    rig.run(5)
    assert [x.object for x in alerts(rig, "market.halt")] == ["all"]
    rig.run(30)
    assert [x.object for x in alerts(rig, "market.open")] == ["all"]


def test_a_stuck_pool_is_named_while_it_cancels_late():
    rig = Rig()
    rig.run(30)
    rig.buy(40_000)
    for name in ("DARK-1", "DARK-2"):
        start(rig, "stuck_dark", 300, venue=name)
    rig.do(c.MoveParameter(parent_id=1, name="dark", value=0.5))
    pools = {i for i, venue in enumerate(rig.state.venues) if venue.kind == DARK}
    for _ in range(200):
        rig.run(1)
        if alerts(rig, "market.stuck"):
            break
    (alert,) = alerts(rig, "market.stuck")
    assert "is up and does not answer: 1 unconfirmed" in alert.sentence
    waiting = [child for child in rig.state.children.values() if child.venue in pools]
    said = show.child_row(rig.loop.desk, waiting[0]).unconfirmed
    assert f"unconfirmed at {alert.object}" in said
    rig.run(300)
    assert not [key for key in rig.state.trouble if key[0] == "stuck"]


# --- properties -----------------------------------------------------------------------------
def test_no_order_is_ever_priced_from_crossed_or_stale_quotes():
    rig = Rig(symbols=2, seed=11)
    rig.run(5)
    rig.buy(300_000)
    rig.buy(90_000, side=-1, symbol=other(rig), strategy="POV")
    looked = 0
    for round_ in range(12):
        name = ("SIM-A", "SIM-B", "SIM-C")[round_ % 3]
        assert start(rig, "crossed", 30, venue=name) == ""
        rig.run(35)
        assert start(rig, "feed_gap", 25) == ""
        rig.run(30)
        looked += 65 * 2
    assert looked >= 1_000
    priced = 0
    for record in rig.journal.records.values():
        seen = np.frombuffer(record, DECISION)[0]
        if seen["action"]["type"] == 0:
            continue
        priced += 1
        row = seen["observation"]
        assert 0 < row["bid"] < row["ask"]
        assert not np.any((row["venue_bid"] > row["venue_ask"]) & (row["venue_ask"] > 0))
    assert priced > 20
    assert len(alerts(rig, "market.crossed")) == 12
    assert len(alerts(rig, "market.feed")) == 12


def test_a_day_of_incidents_is_decided_again_to_the_byte():
    rig = Rig(symbols=2, seed=5)
    rig.run(20)
    rig.buy(150_000)
    rig.buy(40_000, side=-1, symbol=other(rig))
    for kind, more in (
        ("outage", {"venue": "SIM-B"}), ("crossed", {"venue": "SIM-C"}), ("feed_gap", {}),
        ("flash", {"size": 120, "symbol": "MIDC"}), ("halt", {"symbol": "MIDC"}),
        ("stuck_dark", {"venue": "DARK-1"}), ("news", {"size": -90}),
    ):  # fmt: skip
        if more.get("symbol"):
            more["symbol"] = rig.symbol
        assert start(rig, kind, 25, **more) == ""
        rig.run(45)
    deliveries = sorted(
        [(int(row["sent_ns"]), np.array([row])) for row in rig.venue.sent] + rig.venue.happened,
        key=lambda delivery: delivery[0],
    )
    again = Again(
        open_market=simulated,
        open_deliveries=lambda _day: deliveries,
        load=lambda _model: None,
    )
    again.run(rig.journal.entries)
    assert again.first_difference is None, again.why
    assert again.decided == len(rig.journal.entries)


def test_a_usual_day_raises_no_alarm_of_the_market():
    rig = Rig(symbols=2, seed=3)
    rig.run(5)
    rig.buy(50_000)
    rig.run(1_200)
    assert [x.kind for x in rig.journal.events(e.AlertRaised)] == []


def test_a_move_counts_from_the_farthest_mid_of_the_last_minute():
    moves = Moves()
    for second, mid in enumerate([100.0, 101.0, 97.0]):
        moves.add(Nanos(second * 10**9), Symbol("X"), mid)
    assert moves.move(Symbol("X")) == pytest.approx(97 / 101 - 1)
    moves.add(Nanos(62 * 10**9), Symbol("X"), 98.0)
    assert moves.move(Symbol("X")) == pytest.approx(98 / 97 - 1)
    moves.add(Nanos(200 * 10**9), Symbol("X"), None)
    assert moves.move(Symbol("X")) is None
    assert usual(PRESETS[0].instrument) * Policy().alert_move < 0.02


def test_every_kind_of_incident_has_a_number_of_its_own():
    numbers = [row.number for row in INCIDENT_KINDS.values()]
    assert sorted(numbers) == [*range(1, 10), *range(20, 35)]
