"""What venues do to orders, on request: reported, booked by the desk, the same when run again."""

import zlib

import numpy as np
import pytest

from engine.domain import commands as c
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.executions import ORDER, orders
from engine.domain.incidents import INCIDENT_KINDS
from engine.exchange.core import Exchange
from engine.exchange.order_log import log_path
from engine.redecide import Again, simulated
from engine.runtime.reconcile import VenueBooks, adopt
from engine.runtime.venues.exchange import DirectVenue
from engine.runtime.venues.wire import Incident
from tests.support.desk_rig import Rig
from tests.support.exchange import INSTRUMENTS, NOTHING, open_small
from tests.support.market import OPEN, SECOND, message, session
from tests.support.order_desk import OrderDesk, a_report

BOSS = "u3"
FIT = {  # what an order must be for it
    "bust": "filled", "correct": "filled", "duplicate_report": "open",
}  # fmt: skip
OF_ORDER = sorted(name for name, row in INCIDENT_KINDS.items() if row.is_of_order)


def an_exchange(folder=None):
    exchange = Exchange(open_small, folder)
    venue = DirectVenue(exchange.handle)
    venue.hello(session(), INSTRUMENTS, 7, 1)
    return exchange, venue


def a_message(child, kind=k.NEW, request=0, at=OPEN, **fields):
    row = orders(message(child, at=at, kind=kind, **fields))
    row["request"] = request
    return row


def resting(venue, child=1, quantity=400, price=4_980):
    return venue.advance(
        OPEN + SECOND, a_message(child, price=price, quantity=quantity), {}
    ).reports.tolist()


def a_replace(venue, child, request, quantity, price, at=OPEN + SECOND):
    row = a_message(child, x.REPLACE, request, at, price=price, quantity=quantity)
    return venue.advance(at + SECOND, row, {}).reports


def test_a_replace_down_keeps_the_place_and_one_to_another_price_says_that_it_is_lost():
    exchange, venue = an_exchange()
    resting(venue)
    ahead = exchange.day.market.queue_ahead(1)
    (down,) = a_replace(venue, 1, 1, 100, 4_980)
    assert (down["kind"], down["quantity"], down["leaves"], down["reason"]) == (
        x.REPLACED, 100, 100, 0,
    )  # fmt: skip
    assert exchange.day.market.queue_ahead(1) == ahead
    (moved,) = a_replace(venue, 1, 2, 300, 4_979, OPEN + 3 * SECOND)
    assert (moved["kind"], moved["leaves"], moved["reason"]) == (
        x.REPLACED, 300, x.REASON_REQUEUED,
    )  # fmt: skip
    assert {o.child: (o.quantity, o.price, o.leaves) for o in venue.orders()} == {
        1: (300, 4_979, 300)
    }
    assert venue.orders()[0].requests == (1, 2)


def test_a_replaced_order_is_cancelled_by_its_own_id_and_ends_at_the_close():
    _, venue = an_exchange()
    resting(venue)
    resting_too = a_message(2, at=OPEN + SECOND, price=4_970, quantity=50)
    venue.advance(OPEN + 2 * SECOND, resting_too, {})
    a_replace(venue, 1, 1, 300, 4_979, OPEN + 3 * SECOND)
    a_replace(venue, 2, 1, 40, 4_969, OPEN + 5 * SECOND)
    (gone,) = venue.advance(
        OPEN + 9 * SECOND, a_message(1, k.CANCEL, 2, OPEN + 8 * SECOND), {}
    ).reports
    assert (gone["kind"], gone["child"], gone["reason"]) == (k.CANCELLED, 1, k.REASON_REQUESTED)
    last = venue.advance(OPEN + 10_000 * SECOND, NOTHING, {}).reports
    assert [(r["kind"], r["child"]) for r in last] == [(k.EXPIRED, 2)]
    assert not any(order.leaves for order in venue.orders())


def test_a_replace_of_what_is_gone_or_unknown_is_refused_and_one_sent_twice_acts_once():
    _, venue = an_exchange()
    resting(venue)
    both = np.concatenate([
        a_message(1, x.REPLACE, 1, OPEN + SECOND, price=4_980, quantity=100),
        a_message(1, x.REPLACE, 1, OPEN + SECOND, price=4_980, quantity=100),
        a_message(9, x.REPLACE, 1, OPEN + SECOND, price=4_980, quantity=100),
    ])  # fmt: skip
    told = venue.advance(OPEN + 2 * SECOND, both, {}).reports
    assert [(r["kind"], r["reason"]) for r in told] == [
        (x.REPLACED, 0), (x.REPLACE_REJECTED, k.REASON_UNKNOWN_ORDER),
    ]  # fmt: skip
    venue.advance(OPEN + 3 * SECOND, a_message(1, k.CANCEL, 2, OPEN + 2 * SECOND), {})
    (late,) = a_replace(venue, 1, 3, 50, 4_980, OPEN + 4 * SECOND)
    assert (late["kind"], late["reason"]) == (x.REPLACE_REJECTED, k.REASON_TOO_LATE)


def test_slices_of_an_advance_change_nothing_with_replaces_and_troubles():
    ends = []
    for slices in (1, 40):
        _, venue = an_exchange()
        resting(venue)
        venue.advance(
            OPEN + 2 * SECOND, a_message(2, at=OPEN + SECOND, price=4_998, quantity=5_000), {}
        )
        row = a_message(1, x.REPLACE, 1, OPEN + 2 * SECOND, price=4_998, quantity=900)
        venue.incident(Incident(kind=x.TROUBLE_OUT_OF_ORDER, child=2, seconds=5))
        venue.advance(OPEN + 2 * SECOND, row, {})
        for step in range(1, slices + 1):
            venue.advance(OPEN + 2 * SECOND + step * 40 * SECOND // slices, NOTHING, {})
        ends.append(venue.books()[0].tolist())
    assert ends[0] == ends[1]
    assert len(ends[0]) > 4


def test_a_day_with_every_trouble_is_run_again_to_the_same_reports(tmp_path):
    exchange, venue = an_exchange(tmp_path)
    for number, name in enumerate(OF_ORDER, start=1):
        at = OPEN + 7 * number * SECOND
        kind = k.IOC if FIT.get(name) == "filled" and number == 1 else k.LIMIT
        row = a_message(number, at=at, price=5_020, quantity=60, type=kind, symbol=0)
        if FIT.get(name) != "filled":
            row["price"] = 4_900
        venue.advance(at + SECOND, row, {})
        venue.incident(Incident(kind=INCIDENT_KINDS[name].number, seconds=2.0, size=10))
        again = a_message(number, x.REPLACE, 1, at + SECOND, price=4_901, quantity=70)
        venue.advance(at + 3 * SECOND, again, {})
        venue.advance(at + 6 * SECOND, a_message(number, k.CANCEL, 2, at + 3 * SECOND), {})
    reports, _ = venue.books()
    assert {int(kind) for kind in reports["kind"]} >= {
        x.BUSTED, x.CORRECTED, x.RESTATED, x.DONE_FOR_DAY, x.STOPPED, x.STATUS, x.REPLACED,
        x.REPLACE_REJECTED, x.PENDING_REPLACE, k.CANCEL_REJECTED,
    }  # fmt: skip
    there = {o.child: (o.cum, o.leaves) for o in venue.orders()}
    exchange.close()
    fresh = Exchange(open_small, tmp_path)
    fresh.reopen(log_path(tmp_path, session().day))
    assert fresh.day.ledger.rows().tolist() == reports.tolist()
    again = {o.child: (o.cum, o.leaves) for o in fresh.day.ledger.listed()}
    assert again == there
    fresh.close()


def test_a_log_of_the_older_layout_is_refused(tmp_path):
    exchange, _ = an_exchange(tmp_path)
    exchange.close()
    path = log_path(tmp_path, session().day)
    lines = path.read_bytes().split(b"\n")
    body = lines[0][9:].replace(b'"layout":2', b'"layout":1')
    path.write_bytes(b"\n".join([b"%08x %b" % (zlib.crc32(body), body), *lines[1:]]))
    with pytest.raises(BrokenInvariant, match="older layout"):
        an_exchange(tmp_path)


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(3)
    return rig


def working(rig: Rig, number: int):
    """Its newest resting child."""
    for _ in range(900):
        live = [x for x in rig.state.live_children(number) if x.type == k.LIMIT]
        if live and live[-1].state in ("OPEN", "PARTIAL") and live[-1].leaves > 10:
            return live[-1]
        rig.run(1)
    raise AssertionError("nothing rests")


def with_fill(rig: Rig, number: int):
    """Its newest child that has a fill."""
    for _ in range(900):
        kids = [*rig.state.children.values(), *rig.state.ended.values()]
        filled = [child for child in kids if child.parent_id == number and child.filled]
        if filled:
            return max(filled, key=lambda child: child.id)
        rig.run(1)
    raise AssertionError("nothing was filled")


SAID = {
    "bust": "fill.busted", "correct": "fill.corrected", "restate": "venue.change",
    "unsolicited_cancel": "venue.change", "done_for_day": "venue.change",
    "late_fill": "late_fill", "over_fill": "overfill", "stray": "stray",
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ORDER)
def test_the_desk_books_each_trouble_and_its_books_stay_those_of_the_venue(rig, name):
    number = rig.buy(40_000, person="u1", parameters={"aggression": 0.2})
    child = with_fill(rig, number) if FIT.get(name) == "filled" else working(rig, number)
    named = "" if name == "stray" else f"C-{child.id >> 24}-{child.id & 0xFFFFFF}"
    command = c.StartIncident(kind=name, seconds=3.0, child=named)
    assert rig.ask(command, BOSS) == ""
    rig.run(2)
    rig.do(c.HoldParent(parent_id=number)) if rig.state.parents[number].state == "WORKING" else None
    rig.run(20)
    (started,) = rig.journal.events(e.IncidentStarted)
    assert started.incident_id == 1
    said = {alert.kind for alert in rig.state.alerts.values()}
    assert SAID.get(name, "") in {*said, ""}
    rows, books = rig.venue.books()
    for kid in (*rig.state.children.values(), *rig.state.ended.values()):
        assert kid.filled == books.filled.get(kid.id, 0)
        assert kid.leaves == books.open_leaves.get(kid.id, 0)
    parent = rig.state.parents[number]
    kids = [*rig.state.children.values(), *rig.state.ended.values()]
    assert parent.filled == sum(kid.filled for kid in kids if kid.parent_id == number)
    assert len(rows) >= len(rig.journal.events(e.ChildFilled))


def test_what_fits_no_order_is_refused_by_the_exchange(rig):
    assert rig.ask(c.StartIncident(kind="bust", seconds=1.0), BOSS) == ""
    (no,) = rig.journal.events(e.IncidentNotStarted)
    assert "no order of the desk" in no.sentence
    words = "order must be one of today's"
    assert words in rig.ask(c.StartIncident(kind="bust", seconds=1.0, child="C-1-99"), BOSS)
    words = "leave the order out"
    assert words in rig.ask(c.StartIncident(kind="halt", seconds=5.0, child="C-1-1"), BOSS)


def test_a_replace_without_a_number_is_refused_before_anything_acts():
    _, venue = an_exchange()
    row = np.zeros(1, ORDER)
    row["kind"], row["child"], row["quantity"] = x.REPLACE, 1, 5
    with pytest.raises((Refused, BrokenInvariant), match="must have a number"):
        venue.advance(OPEN + SECOND, row, {})


def test_a_day_of_order_troubles_and_amendments_is_decided_again_byte_for_byte():
    rig = Rig(seed=5)
    rig.run(3)
    number = rig.buy(60_000, parameters={"aggression": 0.3})
    other = rig.buy(60_000)
    done = [one for one in OF_ORDER if one not in ("stray", "over_fill")]
    for turn, name in enumerate(reversed(done)):
        assert rig.ask(c.StartIncident(kind=name, seconds=2.0), BOSS) == ""
        rig.run(8)
        before = len(rig.journal.bodies)
        rig.run(1)
        if len(rig.journal.bodies) == before:
            continue  # an idle second leaves no entry to come back to
        for parent in (number, other):
            promised = rig.state.parents[parent].filled + rig.state.reserved(parent)
            wanted = 60_000 if turn % 2 else max(promised - 30, 1)
            rig.ask(c.AmendParent(parent_id=parent, quantity=wanted))
        rig.run(9)
    assert rig.journal.events(e.ChildReplaceIntended)
    assert rig.journal.events(e.FillBusted)
    deliveries = sorted(
        [(int(row["sent_ns"]), np.array([row])) for row in rig.venue.sent] + rig.venue.happened,
        key=lambda delivery: delivery[0],
    )
    again = Again(
        open_market=simulated, open_deliveries=lambda _day: deliveries, load=lambda _model: None
    )
    again.run(rig.journal.entries)
    assert again.first_difference is None, again.why
    assert again.decided == len(rig.journal.entries)


class KnownThere:
    """An order as a venue lists it."""

    def __init__(self, child: int, parent: str, quantity: int = 500, side: int = 1) -> None:
        self.child, self.quantity, self.side = child, quantity, side
        self.symbol, self.type, self.venue, self.price = 0, k.LIMIT, 0, 5_000
        self.tags = {"parent": parent}


def books_with(*orders: KnownThere) -> VenueBooks:
    return VenueBooks(
        known=frozenset(order.child for order in orders), open_leaves={}, filled={}, orders=orders
    )


def adopted(desk: OrderDesk, *orders: KnownThere) -> None:
    for events in adopt(desk.state, books_with(*orders)):
        desk.facts(*events)


def test_an_order_that_only_the_venue_knows_is_adopted_by_its_tags_with_what_was_parked():
    desk = OrderDesk()
    desk.parent(1_000)
    lost = (3 << 24) | 7
    desk.hear(a_report(k.ACCEPTED, 1, lost), a_report(k.FILLED, 2, lost, quantity=40, price=5_000))
    assert desk.sums() == (0, 0)
    adopted(desk, KnownThere(lost, "P-1"))
    assert desk.of(lost).state == "PARTIAL"
    assert (desk.sums(), desk.state.reserved(1)) == ((40, 40), 460)
    assert desk.state.strays == {}
    desk.hear(a_report(k.FILLED, 2, lost, quantity=40, price=5_000))  # counted already
    assert desk.sums() == (40, 40)


@pytest.mark.parametrize(
    ("order", "state"),
    [
        (KnownThere(9, "P-1", quantity=5_000), "PENDING_CANCEL"),  # the parent has no room for it
        (KnownThere(9, "P-1", side=-1), None),
        (KnownThere(9, "P-77"), None),
        (KnownThere(9, ""), None),
    ],
)
def test_what_does_not_fit_is_taken_back_or_stays_parked(order, state):
    desk = OrderDesk()
    desk.parent(1_000)
    desk.hear(a_report(k.FILLED, 2, 9, quantity=40, price=5_000))
    adopted(desk, order)
    found = desk.state.child(9)
    assert (None if found is None else found.state) == state
    assert (9 in desk.state.strays) == (state is None)
