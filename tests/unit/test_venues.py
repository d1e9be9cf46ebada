"""Several venues: where children go, what bars one, what a silent one means."""

import numpy as np
import pytest

from engine.core import show
from engine.core.rules.risk import gate
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.governance import KillState
from engine.domain.kinds import AGGRESSIVE, INCIDENT_OUTAGE, PASSIVE, PEG_MID
from engine.domain.orders import ParentState
from engine.domain.policy import Policy
from engine.exchange.venues import simulated_venues
from engine.runtime.venues.wire import Incident
from tests.support.desk_rig import Rig
from tests.unit.test_kill_rules import request


@pytest.fixture
def rig() -> Rig:
    """A desk on the simulated venues with one order at work."""
    rig = Rig()
    rig.run(30)
    rig.buy(quantity=200_000)
    return rig


LIT = {"SIM-A", "SIM-B", "SIM-C"}
ALL = tuple(venue.name for venue in simulated_venues())


def outage(rig: Rig, place: int, seconds: float) -> None:
    """The venue answers nothing for a while."""
    rig.venue.market.incident(Incident(kind=INCIDENT_OUTAGE, venue=place, seconds=seconds))


def used(rig: Rig, since: int = 0) -> set[str]:
    """Names of the venues that children were intended for."""
    sent = rig.journal.events(e.ChildIntended)[since:]
    return {rig.state.venue_name(event.venue) for event in sent}


def test_the_day_knows_its_venues_and_children_are_spread_over_them(rig):
    assert rig.state.venues == simulated_venues()
    rig.run(240)
    assert used(rig) == LIT
    reported = {int(row["child"]): int(row["venue"]) for row in rig.venue.reports}
    assert all(rig.state.child(child).venue == place for child, place in reported.items())


def test_fees_follow_venue_and_liquidity_and_add_up(rig):
    rig.run(400)
    fills = rig.journal.events(e.ChildFilled)
    assert {fill.liquidity for fill in fills} == {PASSIVE, AGGRESSIVE}
    due = 0.0
    for fill in fills:
        venue = rig.state.venues[fill.venue]
        rate = venue.make_fee if fill.liquidity == PASSIVE else venue.take_fee
        assert fill.fee == pytest.approx(rate * fill.quantity)
        due += fill.fee
    parent = rig.state.parents[1]
    assert parent.fees == pytest.approx(due)
    rows = [show.use_row(rig.loop.desk, 1, place) for _, place in rig.state.use]
    assert sum(row.filled for row in rows) == parent.filled
    assert sum(row.fees for row in rows) == pytest.approx(parent.fees)
    worth = sum(use.notional100 for use in rig.state.use.values())
    assert worth == parent.notional100


def test_an_excluded_venue_is_left_at_once_and_used_again_when_included(rig):
    rig.run(240)
    rig.do(c.AmendParent(parent_id=1, exclude=("SIM-B",)))
    parent = rig.state.parents[1]
    assert parent.excluded == ("SIM-B",)
    assert all(child.cancel_asked_at for child in rig.state.live_children(1) if child.venue == 1)
    before = len(rig.journal.events(e.ChildIntended))
    rig.run(240)
    assert used(rig, before) <= {"SIM-A", "SIM-C"}
    assert not any(child.venue == 1 for child in rig.state.children.values())
    rig.do(c.AmendParent(parent_id=1, include=("SIM-B",)))
    before = len(rig.journal.events(e.ChildIntended))
    rig.run(240)
    assert "SIM-B" in used(rig, before)


def test_leaving_a_venue_does_not_restart_the_schedule(rig):
    rig.run(120)
    before = rig.state.parents[1]
    rig.do(c.AmendParent(parent_id=1, exclude=("SIM-B",)))
    after = rig.state.parents[1]
    assert (after.base_at, after.base_filled, after.version) == (
        before.base_at, before.base_filled, before.version + 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exclude": ("SIM-X",)}, "venue must be one of DARK-1"),
        ({"exclude": ALL}, "at least one venue must remain"),
        ({"include": ("SIM-X",)}, "venue must be one of DARK-1"),
    ],
)
def test_an_amendment_of_venues_that_makes_no_sense_is_refused(rig, change, words):
    assert words in rig.ask(c.AmendParent(parent_id=1, **change))


def test_a_ticket_may_exclude_a_venue_from_the_start(rig):
    number = rig.buy(quantity=5_000, exclude=("SIM-A",))
    rig.run(200)
    sent = [x for x in rig.journal.events(e.ChildIntended) if x.parent_id == number]
    assert sent
    assert {event.venue for event in sent} <= {1, 2}


def test_a_policy_of_venues_holds_for_everybody(rig):
    rig.do(c.SetPolicy(policy=Policy(venues=("SIM-A", "SIM-C"))), "system")
    before = len(rig.journal.events(e.ChildIntended))
    rig.run(240)
    assert used(rig, before) <= {"SIM-A", "SIM-C"}


def test_without_a_venue_nothing_is_sent_and_the_reason_is_said(rig):
    for name in sorted(LIT):
        request(rig, "venue", name)
    before = len(rig.journal.events(e.ChildIntended))
    rig.run(60)
    assert len(rig.journal.events(e.ChildIntended)) == before
    assert rig.state.parents[1].state == ParentState.WORKING
    row = show.parent_row(rig.loop.desk, rig.state.parents[1])
    assert row.binding == "no venue open to it"


def test_the_gate_knows_the_venue_by_itself(rig):
    rig.run_until_live(1)
    order = rig.journal.events(e.ChildIntended)[-1]
    parent, quotes = rig.state.parents[1], rig.loop.desk.quotes

    def refused(**change):
        fields = {name: getattr(order, name) for name in order.__struct_fields__}
        with pytest.raises(Refused) as caught:
            gate(rig.state, quotes, parent, e.ChildIntended(**{**fields, **change}))
        return caught.value.rule

    assert refused(venue=5) == "venue"
    assert refused(type=PEG_MID) == "venue"
    outage(rig, order.venue, 60)
    rig.run(1)
    assert refused() == "venue"


def test_a_venue_kill_takes_its_children_back_and_lets_the_order_work_elsewhere(rig):
    rig.run(240)
    there = {child.id for child in rig.state.children.values() if child.venue == 1}
    request(rig, "venue", "SIM-B")
    kill = rig.state.kills[1]
    assert kill.parents == ()
    assert set(kill.children) == there
    before = len(rig.journal.events(e.ChildIntended))
    rig.run(240)
    assert rig.state.kills[1].state == KillState.CONFIRMED
    assert used(rig, before) <= {"SIM-A", "SIM-C"}
    assert rig.state.parents[1].state == ParentState.WORKING
    assert {row.id: row.state for row in show.venue_rows(rig.loop.desk)}["SIM-B"] == "killed"
    rig.do(c.ReleaseKill(kill_id=1), "u3")
    rig.do(c.ReleaseKill(kill_id=1), "u5")
    before = len(rig.journal.events(e.ChildIntended))
    rig.run(240)
    assert "SIM-B" in used(rig, before)


def test_a_silent_venue_is_alarmed_routed_around_and_settled_at_its_return(rig):
    while not any(child.venue == 1 for child in rig.state.children.values()):
        rig.run(1)
    outage(rig, 1, 45)
    rig.run(1)
    there = {child.id: child for child in rig.state.children.values() if child.venue == 1}
    alert = next(row for row in rig.state.alerts.values() if row.kind == "venue.down")
    assert alert.severity == "critical"
    assert "SIM-B is silent" in alert.sentence
    assert "+1 555 0102" in alert.sentence
    assert rig.state.lost == {"SIM-B"}
    assert all(child.cancel_asked_at for child in there.values())
    before = len(rig.journal.events(e.ChildIntended))
    rig.run(41)
    assert used(rig, before) <= {"SIM-A", "SIM-C"}
    row = show.child_row(rig.loop.desk, next(iter(there.values())))
    assert row.unconfirmed == "cancel unconfirmed at SIM-B, 41 s"
    states = {row.id: row.state for row in show.venue_rows(rig.loop.desk)}
    assert states == {**dict.fromkeys(ALL, "up"), "SIM-B": "down"}
    for child_id in there:
        sent = [m for m in rig.venue.sent if int(m["child"]) == child_id and m["kind"] == 1]
        assert len(sent) == 1, "nothing is sent twice"
    reserved = sum(rig.state.children[child_id].leaves for child_id in there)
    assert reserved > 0
    rig.run(6)
    assert not set(there) & set(rig.state.children)
    assert rig.state.lost == frozenset()
    assert "venue.back" in {row.kind for row in rig.state.alerts.values()}
    before = len(rig.journal.events(e.ChildIntended))
    rig.run(240)
    assert "SIM-B" in used(rig, before)


def test_a_silent_venue_never_makes_an_order_too_large(rig):
    rig.run(120)
    outage(rig, 0, 600)
    rig.run(1_200)
    parent = rig.state.parents[1]
    assert parent.filled + rig.state.reserved(1) <= parent.quantity
    assert parent.overfilled == 0
    booked = sum(int(row["quantity"]) for row in rig.venue.reports if row["kind"] == 2)
    assert booked == parent.filled


def test_the_mark_out_of_a_fill_is_the_mid_ten_seconds_later(rig):
    rig.run(300)
    fills = rig.journal.events(e.ChildFilled)
    total, shares = 0.0, 0
    marks = rig.loop.desk.sight.marks
    for fill in fills:
        if fill.venue_at + 10_000_000_000 > rig.state.market_ns:
            continue
        second = -(-(fill.venue_at + 10_000_000_000 - rig.state.session.open_at) // 10**9)
        mid = rig.mids[second]
        price = fill.price + fill.sub / 100
        total += (mid - price) / price * 1e4 * fill.quantity
        shares += fill.quantity
    assert shares > 0
    done = [marks.of_venue(place) for place in range(7)]
    weights = [marks.sums.get((0, place), (0.0, 0))[1] for place in range(7)]
    mean = np.nansum([m * w for m, w in zip(done, weights, strict=True)]) / sum(weights)
    assert sum(weights) == shares
    assert mean == pytest.approx(total / shares)


def test_a_part_of_what_rests_goes_to_a_pool_and_fills_at_the_mid(rig):
    number = rig.buy(quantity=60_000, parameters={"dark": 0.5}, horizon_ns=1_800_000_000_000)
    rig.run(1_200)
    sent = [x for x in rig.journal.events(e.ChildIntended) if x.parent_id == number]
    hidden = {x.child_id: x for x in sent if x.type == PEG_MID}
    assert hidden
    assert {rig.state.venue_name(x.venue) for x in hidden.values()} <= {"DARK-1", "DARK-2"}
    assert all(rig.state.venue_name(x.venue) in LIT for x in sent if x.type != PEG_MID)
    fills = [x for x in rig.journal.events(e.ChildFilled) if x.child_id in hidden]
    assert fills
    assert all(100 * x.price + x.sub == 50 * (x.bid + x.ask) for x in fills)
    assert rig.journal.events(e.ChildSendRefused) == []
