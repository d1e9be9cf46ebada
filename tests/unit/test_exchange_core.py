"""One exchange, one engine at a time: tokens, turns, mass cancels, running a day again."""

import numpy as np
import pytest

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.executions import orders
from engine.domain.kinds import (
    AT_OPEN,
    CANCEL,
    CANCELLED,
    CLOSED,
    CONTINUOUS,
    DARK,
    DEALER,
    EXPIRED,
    FILLED,
    INCIDENT_FEED_GAP,
    INCIDENT_FLASH,
    INCIDENT_HALT,
    INCIDENT_NEWS,
    INCIDENT_OUTAGE,
    INCIDENT_STUCK_DARK,
    IOC,
    LIT,
    REASON_HALTED,
    REASON_MASS_CANCEL,
    REASON_VENUE_DOWN,
    REJECTED,
)
from engine.exchange.core import Exchange
from engine.exchange.ledger import read_log
from engine.exchange.order_log import Happened, log_path, read_entries
from engine.exchange.simulated import warm
from engine.kernels import dark, dealer
from engine.kernels.flow import add_incident, run_until
from engine.kernels.own_checks import is_lit_type
from engine.kernels.own_orders import drop_in_flight, mass_cancel, relink
from engine.runtime.venues.exchange import DirectVenue
from engine.runtime.venues.wire import Ask, Incident
from tests.support.exchange import INSTRUMENTS, NOTHING, TAGS, direct, open_small, trade
from tests.support.market import OPEN, SECOND, message, session
from tests.support.recorded import a_market, add, hidden


def test_exec_ids_are_unique_over_all_instruments_and_times_never_go_back():
    _, venue = direct()
    seen, _ = trade(venue, 0, 120)
    reports, books = venue.books()
    assert reports.tolist() == seen
    assert len(set(reports["exec_id"].tolist())) == len(reports) > 100
    assert np.all(np.diff(reports["venue_ns"]) >= 0)
    assert books.open_leaves == {}
    assert books.filled == {
        child: int(reports["quantity"][reports["child"] == child].sum()) for child in books.filled
    }


def test_slices_of_an_advance_change_nothing():
    _, whole = direct()
    _, cut = direct()
    trade(whole, 0, 20)
    trade(cut, 0, 20)
    for step in range(1, 41):
        cut.advance(OPEN + 20 * SECOND + step * SECOND, NOTHING, {})
    whole.advance(OPEN + 60 * SECOND, NOTHING, {})
    assert whole.books()[0].tolist() == cut.books()[0].tolist()
    a, b = (venue.advance(OPEN + 61 * SECOND, NOTHING, {}) for venue in (whole, cut))
    assert a.ticks.tobytes() == b.ticks.tobytes()
    assert a.trades.tolist() == b.trades.tolist()


def test_an_older_engine_and_an_older_link_are_refused():
    exchange, old = direct(epoch=4)
    new = DirectVenue(exchange.handle)
    with pytest.raises(BrokenInvariant, match="is not newer"):
        new.hello(session(), INSTRUMENTS, 7, 3)
    new.hello(session(), INSTRUMENTS, 7, 5)
    with pytest.raises(BrokenInvariant, match="held by epoch 5"):
        old.advance(OPEN + SECOND, message(1, at=OPEN, price=4_990), {})
    assert new.books()[1].known == frozenset()


def test_a_request_left_over_from_a_broken_link_no_longer_acts():
    exchange, venue = direct()
    late = Ask(
        op="advance",
        epoch=1,
        link=1,
        turn=1,
        to_ns=OPEN + SECOND,
        messages=orders(message(1, at=OPEN, price=4_990)).tobytes(),
    )
    venue.hello(session(), INSTRUMENTS, 7, 1)
    assert "held by epoch 1 link 2" in exchange.handle(late).refusal
    assert venue.books()[1].known == frozenset()


def test_a_repeated_turn_is_answered_from_memory_and_acts_once():
    exchange, venue = direct()
    ask = Ask(
        op="advance",
        epoch=1,
        link=1,
        turn=1,
        to_ns=OPEN + SECOND,
        messages=orders(message(1, at=OPEN, price=4_990)).tobytes(),
    )
    first = exchange.handle(ask)
    assert exchange.handle(ask) == first
    assert len(venue.books()[0]) == 1
    assert "turn 0 is over" in exchange.handle(Ask(op="advance", epoch=1, link=1)).refusal


def test_another_session_other_instruments_or_a_second_day_before_the_close_are_refused():
    exchange, _ = direct()
    for asked, symbols, sentence in (
        (session(240), INSTRUMENTS, "was opened with"),
        (session(), INSTRUMENTS[:1], "the instruments here"),
        (session(day="2026-11-30", open_at=OPEN + 10**14), INSTRUMENTS, "is not closed yet"),
    ):
        with pytest.raises(BrokenInvariant, match=sentence):
            DirectVenue(exchange.handle).hello(asked, symbols, 7, 9)


def test_the_next_day_opens_after_the_close():
    exchange, venue = direct()
    assert venue.advance(OPEN + 500 * SECOND, NOTHING, {}).session == CLOSED
    later = session(day="2026-11-30", open_at=OPEN + 10**14)
    venue.hello(later, INSTRUMENTS, 7, 1)
    answer = venue.advance(later.open_at + SECOND, NOTHING, {})
    assert (answer.session, exchange.day.session.day) == (CONTINUOUS, "2026-11-30")


def test_the_close_ends_every_order():
    _, venue = direct()
    seen, _ = trade(venue, 0, 120)
    assert any(row[0] == EXPIRED for row in seen)
    assert all(order.leaves == 0 for order in venue.orders())


def test_a_mass_cancel_acts_at_once_and_its_reports_come_with_the_next_advance():
    exchange, venue = direct()
    trade(venue, 0, 20)
    open_before = {o.child for o in venue.orders() if o.leaves}
    counts = exchange.mass_cancel("all", "watchdog")
    assert counts["cancelled"] == len(open_before) > 0
    assert counts["open"] == 0
    assert all(order.leaves == 0 for order in venue.orders())
    answer = venue.advance(OPEN + 20 * SECOND, NOTHING, {})
    assert set(answer.reports["child"].tolist()) == open_before
    assert set(answer.reports["kind"].tolist()) == {CANCELLED}
    assert set(answer.reports["reason"].tolist()) == {REASON_MASS_CANCEL}
    assert set(answer.reports["venue_ns"].tolist()) == {OPEN + 20 * SECOND}
    assert len(venue.advance(OPEN + 21 * SECOND, NOTHING, {}).reports) == 0
    assert exchange.mass_cancel("all", "watchdog")["cancelled"] == 0


def test_a_mass_cancel_leaves_nothing_on_its_way_behind():
    exchange, venue = direct()
    venue.advance(OPEN + SECOND, message(5, at=OPEN + SECOND, price=4_900), {})
    assert [o.state for o in venue.orders()] == [0]
    exchange.mass_cancel("all", "watchdog")
    answer = venue.advance(OPEN + 5 * SECOND, NOTHING, {})
    assert [(r["kind"], r["reason"]) for r in answer.reports] == [(REJECTED, REASON_MASS_CANCEL)]
    assert [o.leaves for o in venue.orders()] == [0]


def test_ten_thousand_cancels_of_one_instrument_in_one_turn_are_all_answered():
    _, venue = direct()
    first = np.concatenate([message(k, at=OPEN, price=4_900, quantity=1) for k in range(1, 5_001)])
    venue.advance(OPEN + SECOND, first, {})
    more = [np.array(first) for _ in range(2)]
    more[0]["kind"] = CANCEL
    more[1]["child"] += 5_000
    for rows in more:
        rows["sent_ns"] = OPEN + SECOND
    answer = venue.advance(OPEN + 2 * SECOND, np.concatenate(more), {})
    assert np.count_nonzero(answer.reports["kind"] == CANCELLED) == 5_000
    assert sorted(o.child for o in venue.orders() if o.leaves) == list(range(5_001, 10_001))


def test_a_mass_cancel_takes_only_its_scope():
    exchange, venue = direct()
    prices = (4_900, 8_000)  # of MIDC and NRTH, below both bids
    rows = [message(k, at=OPEN, price=prices[k % 2], symbol=k % 2) for k in range(1, 5)]
    rows = np.concatenate(rows)
    tags = {str(k): {**TAGS, "parent": f"P-{k}"} for k in range(1, 5)}
    venue.advance(OPEN + SECOND, rows, tags)
    assert exchange.mass_cancel("parent:P-3", "t")["cancelled"] == 1
    assert exchange.mass_cancel({"symbol": "MIDC", "trader": "u1"}, "t")["cancelled"] == 2
    assert exchange.mass_cancel("trader:nobody", "t")["cancelled"] == 0
    assert [o.child for o in venue.orders() if o.leaves] == [1]
    with pytest.raises(Refused, match="scope must be"):
        exchange.mass_cancel("everything", "t")


def test_warming_up_calls_the_kernels_that_a_mass_cancel_needs():
    warm()
    for function in (mass_cancel, drop_in_flight, relink, run_until, add_incident):
        assert not hasattr(function, "signatures") or function.signatures


def test_malformed_messages_are_the_engines_bug():
    _, venue = direct()
    for rows, sentence in (
        (message(1, at=OPEN, symbol=7), "symbol must be 0 .. 2, was 7"),
        (message(1, at=OPEN, kind=9), "kind must be"),
        (message(1, at=OPEN, side=0), "side must be"),
        (message(1, at=OPEN, type=0), "type must be"),
        (message(1, at=OPEN, venue=7), "venue must be 0 .. 6, was 7"),
    ):
        with pytest.raises(BrokenInvariant, match=sentence):
            venue.advance(OPEN + SECOND, np.concatenate([message(2, at=OPEN), rows]), {})
    assert venue.orders() == ()


def test_a_day_run_again_from_its_log_goes_on_as_if_nothing_had_happened(tmp_path):
    _, calm = direct(tmp_path / "calm")
    seen, ticks = trade(calm, 0, 60)
    rest, _ = trade(calm, 60, 120, ticks)

    first, venue = direct(tmp_path / "torn")
    assert trade(venue, 0, 60)[0] == seen
    first.close()
    again = Exchange(open_small, tmp_path / "torn")
    _, venue = direct(epoch=2, exchange=again)
    more, _ = trade(venue, 60, 120, ticks)
    assert more == rest
    assert venue.books()[0].tolist() == seen + rest
    account = read_log(log_path(tmp_path / "torn", "2026-11-27"))
    assert account.reports.tolist() == seen + rest
    assert account.orders == venue.orders()


def test_mass_cancels_are_run_again_at_their_time(tmp_path):
    exchange, venue = direct(tmp_path)
    trade(venue, 0, 30)
    exchange.mass_cancel("symbol:MIDC", "watchdog")
    state = venue.books()[0].tolist()
    exchange.close()
    again = Exchange(open_small, tmp_path)
    again.reopen(log_path(tmp_path, "2026-11-27"))
    assert again.day.ledger.rows().tolist() == state
    _, venue = direct(epoch=2, exchange=again)
    answer = venue.advance(OPEN + 30 * SECOND, NOTHING, {})
    assert set(answer.reports["reason"].tolist()) == {REASON_MASS_CANCEL}
    assert read_log(log_path(tmp_path, "2026-11-27")).cancels[0].by == "watchdog"


def test_the_venues_of_the_day_come_with_the_hello():
    exchange, venue = direct()
    assert [place.name for place in venue.venues] == [
        "SIM-A", "SIM-B", "SIM-C", "DARK-1", "DARK-2", "DEAL-1", "DEAL-2",
    ]  # fmt: skip
    rows = exchange.day.market.market.envs[0].state[0]["venues"]
    for place, row in zip(venue.venues, rows, strict=False):
        assert (place.kind, place.share) == (row["kind"], row["share"])
        assert place.latency_ns == row["latency_ns"]
        takes = {DARK: dark.takes, DEALER: dealer.takes, LIT: is_lit_type}[place.kind]
        continuous = {kind for kind in place.order_types if kind < AT_OPEN}
        assert continuous == {kind for kind in range(1, AT_OPEN) if takes(kind)}


def test_incidents_are_run_again_at_their_time(tmp_path):
    exchange, venue = direct(tmp_path)
    trade(venue, 0, 20)
    venue.incident(Incident(kind=INCIDENT_OUTAGE, venue=0, seconds=8.5))
    venue.incident(Incident(kind=INCIDENT_HALT, symbol=1, seconds=15))
    venue.incident(Incident(kind=INCIDENT_FLASH, symbol=0, seconds=30, size=-25))
    seen, _ = trade(venue, 20, 60)
    assert {row[9] for row in seen} >= {REASON_VENUE_DOWN, REASON_HALTED}
    state = venue.books()[0].tolist()
    exchange.close()
    again = Exchange(open_small, tmp_path)
    again.reopen(log_path(tmp_path, "2026-11-27"))  # other reports than before would stop it
    assert again.day.ledger.rows().tolist() == state


def test_in_a_gap_of_the_feed_ticks_grow_old_and_prints_are_lost_but_reports_come():
    _, venue = direct()
    trade(venue, 0, 20)
    venue.incident(Incident(kind=INCIDENT_FEED_GAP, symbol=0, seconds=10))
    order = message(900, at=OPEN + 20 * SECOND, type=IOC, price=5_100, quantity=50)
    answer = venue.advance(OPEN + 25 * SECOND, order, {})
    assert answer.ticks["at_ns"].tolist() == [OPEN + s * SECOND for s in (20, 25, 25)]
    assert 0 not in answer.trades["symbol"]
    assert 1 in answer.trades["symbol"]
    assert FILLED in answer.reports["kind"]
    answer = venue.advance(OPEN + 30 * SECOND, NOTHING, {})
    assert set(answer.ticks["at_ns"].tolist()) == {OPEN + 30 * SECOND}


def test_what_cannot_happen_is_refused_and_in_no_log(tmp_path):
    _, venue = direct(tmp_path)
    venue.advance(OPEN - SECOND, NOTHING, {})
    with pytest.raises(Refused, match="must be open"):
        venue.incident(Incident(kind=INCIDENT_HALT, seconds=5))
    venue.advance(OPEN + SECOND, NOTHING, {})
    for what, sentence in (
        (Incident(kind=99, seconds=5), "kind must be"),
        (Incident(kind=INCIDENT_OUTAGE, venue=9, seconds=5), "venue must be"),
        (Incident(kind=INCIDENT_STUCK_DARK, venue=0, seconds=5), "SIM-A"),
        (Incident(kind=INCIDENT_HALT, symbol=3, seconds=5), "symbol must be"),
        (Incident(kind=INCIDENT_HALT, seconds=0), "seconds must be"),
        (Incident(kind=INCIDENT_NEWS, seconds=5, size=501), "size must be"),
    ):
        with pytest.raises(Refused, match=sentence):
            venue.incident(what)
    for place in (0, 1):
        venue.incident(Incident(kind=INCIDENT_OUTAGE, venue=place, seconds=5))
        venue.advance(OPEN + (2 + place) * SECOND, NOTHING, {})
    with pytest.raises(Refused, match="last public book"):
        venue.incident(Incident(kind=INCIDENT_OUTAGE, venue=2, seconds=5))
    entries, _ = read_entries(log_path(tmp_path, "2026-11-27"))
    assert sum(isinstance(entry, Happened) for entry in entries) == 2


def test_nothing_can_happen_to_a_recorded_day():
    warm = [add(1, 100, 999, 1), add(2, 50, 998, 1), add(3, 100, 1_001, -1), add(4, 60, 1_002, -1)]
    rows = [add(9, 10, 997, 1, 1), hidden(1, 1000.5, 1, 900 * SECOND)]
    market = a_market(rows, warm=warm)
    with pytest.raises(Refused, match="recording"):
        market.incident(Incident(kind=INCIDENT_HALT, seconds=5))
    assert [place.name for place in market.venues] == ["XNAS"]


def test_the_last_answer_survives_a_restart(tmp_path):
    exchange, venue = direct(tmp_path)
    trade(venue, 0, 10)
    turn = exchange.day.last.turn + 1
    ask = Ask(
        op="advance",
        epoch=1,
        link=1,
        turn=turn,
        from_ns=OPEN + 10 * SECOND,
        to_ns=OPEN + 11 * SECOND,
        messages=orders(message(77, at=OPEN + 10 * SECOND, price=4_900)).tobytes(),
        tags={"77": TAGS},
    )
    answer = exchange.handle(ask)
    exchange.close()
    again = Exchange(open_small, tmp_path)
    again.reopen(log_path(tmp_path, "2026-11-27"))
    assert again.handle(ask) == answer


def test_a_recorded_day_is_traded_withdrawn_and_run_again_the_same_way(tmp_path):
    warm = [add(1, 100, 999, 1), add(2, 50, 998, 1), add(3, 100, 1_001, -1), add(4, 60, 1_002, -1)]
    rows = [add(9, 10, 997, 1, 1), hidden(1, 1000.5, 1, 900 * SECOND)]
    recorded = a_market(rows, warm=warm)

    def exchange():
        made = Exchange(lambda _session, _seed: a_market(rows, warm=warm), tmp_path)
        venue = DirectVenue(made.handle)
        return made, venue

    made, venue = exchange()
    venue.hello(recorded.session, recorded.instruments, 0, 1)
    opened = int(recorded.session.open_at)
    orders = np.concatenate([message(1, at=opened + SECOND, price=1_001, quantity=150),
                             message(2, at=opened + SECOND, price=995)])  # fmt: skip
    venue.advance(opened + SECOND, NOTHING, {})
    venue.advance(opened + 2 * SECOND, orders, {"1": TAGS, "2": TAGS})
    assert made.mass_cancel("all", "watchdog")["cancelled"] == 2
    reports = venue.books()[0].tolist()
    assert venue.books()[1].filled == {1: 100}
    made.close()

    again, venue = exchange()
    again.reopen(log_path(tmp_path, recorded.session.day))
    assert again.day.ledger.rows().tolist() == reports
    venue.hello(recorded.session, recorded.instruments, 0, 2)
    answer = venue.advance(opened + 3 * SECOND, NOTHING, {})
    assert answer.reports["reason"].tolist() == [REASON_MASS_CANCEL] * 2


def test_a_log_of_another_market_is_not_run_again(tmp_path):
    direct(tmp_path)[0].close()

    def cheating(session, seed):
        return open_small(session, seed + 1)

    with pytest.raises(BrokenInvariant, match="written by another market"):
        direct(tmp_path, epoch=2, exchange=Exchange(cheating, tmp_path))


def test_a_market_that_answers_differently_is_found_out(tmp_path):
    exchange, venue = direct(tmp_path)
    trade(venue, 0, 10)
    exchange.close()

    class Cheat:
        def __init__(self, market):
            self.market = market

        def __getattr__(self, name):
            return getattr(self.market, name)

        def advance(self, to_ns):
            answer = self.market.advance(to_ns)
            answer.reports["quantity"] += answer.reports["quantity"] > 0
            return answer

    def cheating(session, seed):
        return Cheat(open_small(session, seed))

    with pytest.raises(BrokenInvariant, match="gives other reports"):
        direct(tmp_path, epoch=2, exchange=Exchange(cheating, tmp_path))
