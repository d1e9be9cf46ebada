"""The recorded market, rule by rule, on small crafted days (prices in ticks, one cent)."""

from dataclasses import replace

import numpy as np
import pytest

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.kinds import (
    ACCEPTED,
    AGGRESSIVE,
    BUY,
    CANCEL,
    CANCEL_REJECTED,
    CANCELLED,
    CLOSED,
    CONTINUOUS,
    EXPIRED,
    FILLED,
    HALTED,
    IOC,
    LIMIT,
    NEW,
    PASSIVE,
    PRE_OPEN,
    REASON_BAD_PRICE,
    REASON_BAD_QUANTITY,
    REASON_CLOSED,
    REASON_DUPLICATE,
    REASON_IOC_REMAINDER,
    REASON_MASS_CANCEL,
    REASON_NONE,
    REASON_REQUESTED,
    REASON_TOO_LATE,
    REASON_UNKNOWN_ORDER,
    REJECTED,
    SELL,
)
from engine.domain.units import Nanos
from engine.exchange.hours import session_of
from engine.exchange.recorded import RecordedMarket, open_recorded
from tests.support.recorded import (
    OPENED,
    SECOND,
    Row,
    a_market,
    a_message,
    a_recording,
    add,
    delete,
    execute,
    halt,
    hidden,
    reduce,
)

WARM = [
    add(1, 100, 999, BUY),
    add(2, 50, 998, BUY),
    add(3, 40, 1002, SELL),
    add(4, 60, 1003, SELL),
    add(5, 70, 1004, SELL),
]
FIRST = add(9, 10, 997, BUY, 1)  # three levels a side from here on: the quote before we act
LAST = hidden(1, 1000.5, BUY, 900 * SECOND)


def a_day(*rows, levels=3, latency_ns=0):
    first = FIRST if levels > 2 else hidden(1, 1000.5, BUY, 1)  # a row that this window shows
    return a_market([first, *rows, LAST], levels, latency_ns, WARM)


def at(second):
    return Nanos(OPENED + int(second * SECOND))


def said(advance):
    """(kind, child, price, quantity, leaves, reason) of each report."""
    names = ("kind", "child", "price", "quantity", "leaves", "reason")
    return [tuple(int(row[name]) for name in names) for row in advance.reports]


def prints(advance):
    return [
        tuple(int(row[name]) for name in ("price", "quantity", "own", "side", "hidden"))
        for row in advance.trades
    ]


def order(child, price, quantity, second, side=BUY, kind=LIMIT):
    return a_message(
        NEW, child, price=price, quantity=quantity, side=side, type=kind, at=int(second * SECOND)
    )


def cancel(child, second):
    return a_message(CANCEL, child, at=int(second * SECOND))


def test_the_session_is_the_new_york_day_in_summer_and_winter():
    assert session_of("2012-06-21").open_at == 1_340_285_400 * SECOND  # 13:30 UTC
    winter = session_of("2012-12-21")
    assert winter.open_at == 1_356_100_200 * SECOND  # 14:30 UTC
    assert winter.close_at - winter.open_at == 23_400 * SECOND


def test_before_the_open_there_is_no_quote_and_an_order_is_refused():
    market = a_day()
    market.submit(a_message(NEW, 1, price=999, quantity=10, at=-5 * SECOND))
    early = market.advance(at(-1))
    assert early.session == PRE_OPEN
    assert said(early) == [(REJECTED, 1, 0, 0, 0, REASON_CLOSED)]
    assert not early.ticks[0]["bid"].any()
    assert market.advance(at(1)).session == CONTINUOUS


def test_a_tick_shows_the_displayed_book_and_the_flow_since_the_open():
    rows = (
        execute(3, 30, 1002, SELL, 2 * SECOND),  # buyer-initiated
        add(20, 5, 1000, BUY, 3 * SECOND),  # a better bid
        hidden(7, 1001, SELL, 4 * SECOND),
        delete(20, 5, 1000, BUY, 5 * SECOND),
    )
    tick = a_day(*rows).advance(at(10)).ticks[0]
    assert tick["ask"][:4].tolist() == [1002, 1003, 1004, 0]
    assert tick["ask_size"][:3].tolist() == [10, 60, 70]
    assert tick["bid"][:3].tolist() == [999, 998, 997]
    assert (tick["volume"], tick["signed_volume"], tick["own_volume"]) == (37, 37, 0)
    assert tick["notional"] == 30 * 1002 + 7 * 1001
    assert (tick["trades"], tick["last"], tick["events"]) == (2, 1001, 4)
    # e_n: +30 (the ask shrinks), +5 (new best bid), 0 (hidden), -5 (best bid gone)
    assert tick["ofi"] == 30.0
    assert tick["at_ns"] == at(10)


def test_a_hidden_print_between_ticks_keeps_its_exact_value():
    tick = a_day(hidden(10, 1000.5, BUY, 2 * SECOND)).advance(at(10)).ticks[0]
    assert tick["notional"] == 10_005
    assert tick["last"] == 1000  # the print itself is rounded, half to even


def test_a_cross_print_is_volume_without_an_aggressor_and_fills_nobody():
    market = a_day(Row(6, -1, 500, 999, -1, 10 * SECOND))
    market.submit(order(1, 1001, 40, 5))
    end = market.advance(at(20))
    assert [r[0] for r in said(end)] == [ACCEPTED]
    assert prints(end) == [(999, 500, 0, 0, 0)]
    assert (end.ticks[0]["volume"], end.ticks[0]["signed_volume"]) == (500, 0)


def test_an_order_waits_until_the_shares_ahead_of_it_are_gone():
    market = a_day(
        execute(1, 60, 999, BUY, 10 * SECOND),
        add(21, 30, 999, BUY, 11 * SECOND),  # behind us
        execute(1, 40, 999, BUY, 12 * SECOND),  # the queue ahead is gone only now
        execute(21, 20, 999, BUY, 13 * SECOND),
    )
    market.submit(order(1, 999, 50, 5))
    assert said(market.advance(at(5))) == [(ACCEPTED, 1, 0, 0, 50, REASON_NONE)]
    assert market.queue_ahead(1) == 100
    market.advance(at(10))
    assert market.queue_ahead(1) == 40
    assert said(market.advance(at(12))) == []
    filled = market.advance(at(13))
    assert said(filled) == [(FILLED, 1, 999, 20, 30, REASON_NONE)]
    assert filled.reports[0]["liquidity"] == PASSIVE
    assert (filled.reports[0]["bid"], filled.reports[0]["ask"]) == (999, 1002)
    assert prints(filled) == [(999, 20, 20, SELL, 0)]  # split, never enlarged
    assert filled.ticks[0]["volume"] == 120


def test_cancels_of_older_orders_move_us_up_and_those_of_younger_ones_do_not():
    market = a_day(
        add(21, 30, 999, BUY, 10 * SECOND),
        reduce(1, 40, 999, BUY, 11 * SECOND),
        reduce(21, 10, 999, BUY, 12 * SECOND),
        delete(21, 20, 999, BUY, 13 * SECOND),
        delete(1, 60, 999, BUY, 14 * SECOND),
    )
    market.submit(order(1, 999, 50, 5))
    ahead = [(market.advance(at(s)), market.queue_ahead(1))[1] for s in (10, 11, 12, 13, 14)]
    assert ahead == [100, 60, 60, 60, 0]


def test_an_execution_out_of_turn_changes_nothing_for_us():
    market = a_day(add(21, 30, 999, BUY, 10 * SECOND), execute(21, 30, 999, BUY, 11 * SECOND))
    market.submit(order(1, 999, 50, 5))
    end = market.advance(at(20))
    assert [r[0] for r in said(end)] == [ACCEPTED]
    assert market.queue_ahead(1) == 100


def test_own_orders_at_one_price_fill_in_their_order_of_arrival_and_share_one_print():
    market = a_day(
        delete(1, 100, 999, BUY, 10 * SECOND),
        add(21, 50, 999, BUY, 11 * SECOND),
        execute(21, 50, 999, BUY, 12 * SECOND),
    )
    market.submit(order(2, 999, 30, 5))
    market.submit(order(1, 999, 30, 6))
    end = market.advance(at(20))
    fills = [r for r in said(end) if r[0] == FILLED]
    assert fills == [(FILLED, 2, 999, 30, 0, 0), (FILLED, 1, 999, 20, 10, 0)]


def test_a_print_through_our_price_fills_us_at_our_price_and_the_rest_stays_a_print():
    market = a_day(execute(1, 60, 999, BUY, 10 * SECOND))
    market.submit(order(1, 1001, 40, 5))  # inside the spread, alone
    end = market.advance(at(20))
    assert said(end)[1:] == [(FILLED, 1, 1001, 40, 0, REASON_NONE)]
    assert prints(end) == [(1001, 40, 40, SELL, 0), (999, 20, 0, SELL, 0)]
    assert end.ticks[0]["volume"] == 60


@pytest.mark.parametrize(("price", "filled"), [(1000, 7), (1001, 0), (1002, 0)])
def test_a_hidden_print_fills_us_only_when_it_went_through_our_price(price, filled):
    market = a_day(hidden(7, 1001, BUY, 10 * SECOND))
    market.submit(order(1, price, 40, 5, side=SELL))
    end = market.advance(at(20))
    assert sum(r[3] for r in said(end) if r[0] == FILLED) == filled
    assert end.ticks[0]["volume"] == 7


def test_the_recorded_book_coming_to_our_price_fills_us_with_what_it_displays():
    market = a_day(
        add(21, 25, 1000, SELL, 10 * SECOND),
        add(22, 5, 1000, SELL, 11 * SECOND),
        delete(21, 25, 1000, SELL, 12 * SECOND),
    )
    market.submit(order(1, 1000, 40, 5))
    end = market.advance(at(20))
    assert said(end)[1:] == [(FILLED, 1, 1000, 25, 15, 0), (FILLED, 1, 1000, 5, 10, 0)]
    assert (end.reports["liquidity"][1:] == PASSIVE).all()
    assert end.ticks[0]["volume"] == 30  # own prints are part of the volume


def test_an_aggressive_order_takes_displayed_levels_within_its_limit_and_rests():
    market = a_day()
    market.submit(order(1, 1003, 120, 5))
    end = market.advance(at(6))
    assert said(end) == [
        (ACCEPTED, 1, 0, 0, 120, 0),
        (FILLED, 1, 1002, 40, 80, 0),
        (FILLED, 1, 1003, 60, 20, 0),
    ]
    assert (end.reports["liquidity"][1:] == AGGRESSIVE).all()
    assert prints(end) == [(1002, 40, 40, BUY, 0), (1003, 60, 60, BUY, 0)]
    assert end.ticks[0]["ask_size"][:2].tolist() == [40, 60]  # the recording is not ours to change
    assert end.reports["exec_id"].tolist() == [1, 2, 3]
    assert market.queue_ahead(1) == 0


def test_the_remainder_of_an_ioc_is_cancelled():
    market = a_day()
    market.submit(order(1, 1002, 100, 5, kind=IOC))
    assert said(market.advance(at(6)))[1:] == [
        (FILLED, 1, 1002, 40, 60, 0),
        (CANCELLED, 1, 0, 0, 0, REASON_IOC_REMAINDER),
    ]


def test_displayed_shares_are_not_taken_twice_until_the_level_is_refreshed():
    market = a_day(
        add(21, 15, 1002, SELL, 20 * SECOND),
        delete(3, 40, 1002, SELL, 30 * SECOND),
        delete(21, 15, 1002, SELL, 40 * SECOND),
        add(22, 12, 1002, SELL, 50 * SECOND),
    )
    taken = []
    for child, second in enumerate((5, 6, 25, 26, 35, 55), start=1):
        market.submit(order(child, 1002, 200, second, kind=IOC))
        end = market.advance(at(second))
        taken.append(int(end.reports["quantity"].sum()))
    assert taken == [40, 0, 15, 0, 0, 12]


def test_an_execution_uses_up_the_shares_we_took_first():
    market = a_day(execute(3, 25, 1002, SELL, 10 * SECOND))
    market.submit(order(1, 1002, 30, 5, kind=IOC))
    market.advance(at(10))
    market.submit(order(2, 1002, 200, 11, kind=IOC))
    assert market.advance(at(12)).reports["quantity"].sum() == 10  # 15 displayed, 5 still ours


def test_beyond_the_window_an_order_waits_and_then_stands_behind_all_that_is_displayed():
    market = a_day(
        add(20, 8, 997, BUY, 10 * SECOND),  # out of view: the file does not hold it
        delete(1, 100, 999, BUY, 20 * SECOND),
        execute(2, 50, 998, BUY, 30 * SECOND),
        levels=2,
    )
    market.submit(order(1, 997, 5, 5))
    market.advance(at(11))
    assert market.queue_ahead(1) is None
    market.advance(at(20))  # 998 and 997 are in view
    assert market.queue_ahead(1) == 8


def test_after_our_price_left_the_window_an_unseen_cancel_does_not_move_us_up():
    market = a_day(
        add(20, 8, 1000, BUY, 10 * SECOND),  # 998 leaves the two levels
        delete(20, 8, 1000, BUY, 20 * SECOND),  # and comes back
        reduce(2, 20, 998, BUY, 30 * SECOND),  # older than the file, but may be behind us now
        levels=2,
    )
    market.submit(order(1, 998, 5, 5))
    market.advance(at(6))
    assert market.queue_ahead(1) == 50
    market.advance(at(25))
    assert market.queue_ahead(1) == 50
    market.advance(at(30))
    assert market.queue_ahead(1) == 30  # not by the cancel but because no more is displayed


def test_a_cancel_of_shares_that_came_unseen_behind_us_does_not_move_us_up():
    market = a_day(
        add(20, 8, 1000, BUY, 10 * SECOND),
        add(30, 90, 998, BUY, 15 * SECOND),  # out of view: the file does not hold it
        delete(20, 8, 1000, BUY, 20 * SECOND),
        delete(30, 90, 998, BUY, 30 * SECOND),  # an id the file never saw: younger than us
        levels=2,
    )
    market.submit(order(1, 998, 5, 5))
    market.advance(at(25))
    assert market.queue_ahead(1) == 50  # never more than before, though 140 are displayed
    market.advance(at(30))
    assert market.queue_ahead(1) == 50


def test_an_order_sent_before_the_first_row_stands_behind_the_first_book():
    market = a_day()
    market.submit(a_message(NEW, 1, price=999, quantity=10, at=0))
    assert market.advance(at(0)).ticks[0]["bid"][0] == 0
    assert market.queue_ahead(1) is None
    market.advance(at(1))
    assert market.queue_ahead(1) == 100


def test_messages_act_after_the_latency_in_market_time():
    market = a_day(execute(1, 100, 999, BUY, 10 * SECOND), latency_ns=2 * SECOND)
    market.submit(order(1, 999, 10, 9))
    assert said(market.advance(at(10.9))) == []
    accepted = market.advance(at(11))
    assert accepted.reports[0]["venue_ns"] == at(11)
    assert market.queue_ahead(1) == 0


def test_recorded_rows_of_an_instant_come_before_our_message_of_that_instant():
    market = a_day(reduce(1, 30, 999, BUY, 5 * SECOND))
    market.submit(order(1, 999, 10, 5))
    market.advance(at(5))
    assert market.queue_ahead(1) == 70


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": 0}, REASON_BAD_PRICE),
        ({"price": -5}, REASON_BAD_PRICE),
        ({"price": 10**12}, REASON_BAD_PRICE),
        ({"quantity": 0}, REASON_BAD_QUANTITY),
        ({"quantity": 2 * 10**9}, REASON_BAD_QUANTITY),
    ],
)
def test_a_bad_order_is_rejected_with_its_reason(changes, reason):
    market = a_day()
    market.submit(a_message(NEW, 1, **{"price": 999, "quantity": 10, "at": SECOND, **changes}))
    assert said(market.advance(at(2))) == [(REJECTED, 1, 0, 0, 0, reason)]


@pytest.mark.parametrize("changes", [{"side": 0}, {"symbol": 1}, {"kind": 3}])
def test_a_malformed_message_is_our_own_bug(changes):
    message = a_message(NEW, 1, price=999, quantity=10)
    for name, value in changes.items():
        message[name] = value
    with pytest.raises(BrokenInvariant, match="no such"):
        a_day().submit(message)


def test_a_message_never_overtakes_an_earlier_one():
    market = a_day()
    market.submit(order(1, 999, 10, 5))
    market.submit(cancel(1, 3))
    assert said(market.advance(at(4))) == []
    assert [r[0] for r in said(market.advance(at(5)))] == [ACCEPTED, CANCELLED]


def test_a_mass_cancel_ends_working_orders_and_those_on_their_way_at_once():
    market = a_day(latency_ns=SECOND)
    market.submit(order(1, 999, 10, 1))
    market.advance(at(3))
    market.submit(order(2, 999, 10, 3))
    reports = market.cancel_now([(0, 1), (0, 2), (0, 7)])
    assert [(int(r["kind"]), int(r["child"]), int(r["reason"])) for r in reports] == [
        (CANCELLED, 1, REASON_MASS_CANCEL),
        (REJECTED, 2, REASON_MASS_CANCEL),
    ]
    assert (reports["venue_ns"] == at(3)).all()
    after = market.advance(at(10))
    assert said(after) == []
    market.submit(order(2, 999, 10, 11))
    assert [r[5] for r in said(market.advance(at(12)))] == [REASON_DUPLICATE]


def test_a_duplicate_is_answered_with_where_the_first_order_stands():
    market = a_day()
    market.submit(order(1, 1002, 50, 1))
    market.submit(order(1, 999, 10, 2))
    market.submit(cancel(1, 3))
    market.submit(order(1, 999, 10, 4))
    end = market.advance(at(5))
    twice = end.reports[end.reports["kind"] == REJECTED]
    assert twice["cum"].tolist() == [40, 40]
    assert twice["leaves"].tolist() == [10, 0]


def test_duplicates_unknown_and_late_cancels_are_answered():
    market = a_day()
    market.submit(order(1, 999, 10, 1))
    market.submit(order(1, 999, 10, 2))
    market.submit(cancel(7, 3))
    market.submit(cancel(1, 4))
    market.submit(cancel(1, 5))
    assert [(r[0], r[1], r[5]) for r in said(market.advance(at(6)))] == [
        (ACCEPTED, 1, REASON_NONE),
        (REJECTED, 1, REASON_DUPLICATE),
        (CANCEL_REJECTED, 7, REASON_UNKNOWN_ORDER),
        (CANCELLED, 1, REASON_REQUESTED),
        (CANCEL_REJECTED, 1, REASON_TOO_LATE),
    ]


def test_at_the_close_orders_expire_and_later_messages_are_answered():
    market = a_day()
    market.submit(order(1, 999, 10, 1))
    market.submit(order(2, 999, 10, 23_400))
    end = market.advance(at(999_999))
    assert end.at_ns == market.close_ns
    assert end.session == CLOSED
    assert [(r[0], r[1], r[5]) for r in said(end)] == [
        (ACCEPTED, 1, REASON_NONE),
        (EXPIRED, 1, REASON_CLOSED),
        (REJECTED, 2, REASON_CLOSED),
    ]
    market.submit(cancel(1, 23_401))
    market.submit(order(3, 999, 10, 23_401))
    assert [(r[0], r[1], r[5]) for r in said(market.advance(market.close_ns))] == [
        (CANCEL_REJECTED, 1, REASON_CLOSED),
        (REJECTED, 3, REASON_CLOSED),
    ]


def test_in_a_halt_nothing_matches_and_the_session_says_so():
    market = a_day(
        halt(-1, 10 * SECOND),
        halt(0, 20 * SECOND),
        add(21, 9, 1000, SELL, 25 * SECOND),
        halt(1, 30 * SECOND),
    )
    market.submit(order(1, 1000, 5, 5))
    market.submit(order(2, 1002, 30, 15, kind=IOC))
    market.submit(order(3, 998, 30, 16))
    market.submit(cancel(3, 17))
    stopped = market.advance(at(29))
    assert stopped.session == stopped.ticks[0]["session"] == HALTED
    assert [(r[0], r[1]) for r in said(stopped)] == [
        (ACCEPTED, 1),
        (ACCEPTED, 2),
        (CANCELLED, 2),
        (ACCEPTED, 3),
        (CANCELLED, 3),
    ]
    on = market.advance(at(30))
    assert on.session == CONTINUOUS
    assert said(on) == [(FILLED, 1, 1000, 5, 0, REASON_NONE)]


def test_market_time_does_not_go_back():
    market = a_day()
    market.advance(at(5))
    with pytest.raises(BrokenInvariant, match="must not go back"):
        market.advance(at(4))


def test_many_own_orders_and_many_prints_between_two_looks_lose_nothing():
    rows = [add(100 + i, 1, 999, BUY, (10 + i) * SECOND) for i in range(300)]
    market = a_day(delete(1, 100, 999, BUY, 9 * SECOND), *rows)
    for child in range(1, 401):
        market.submit(order(child, 999, 3, 5))
    more = a_day(
        delete(1, 100, 999, BUY, 9 * SECOND),
        *(row for i in range(300) for row in (rows[i], execute(100 + i, 1, 999, BUY, rows[i].at))),
    )
    for child in range(1, 401):
        more.submit(order(child, 999, 3, 5))
    end, busy = market.advance(at(23_400)), more.advance(at(23_400))
    assert [r[0] for r in said(end)].count(EXPIRED) == 400
    assert [r[0] for r in said(busy)].count(FILLED) == 300
    assert [r[0] for r in said(busy)].count(EXPIRED) == 300
    assert np.array_equal(busy.reports["exec_id"], np.arange(1, len(busy.reports) + 1))


def test_the_instrument_is_what_the_day_says():
    market = a_day(execute(3, 30, 1002, SELL, 2 * SECOND))
    (instrument,) = market.instruments
    assert (instrument.symbol, instrument.tick_size, instrument.lot) == ("TEST", 0.01, 100)
    assert instrument.adv == 31
    assert instrument.reference_price == 1000
    assert instrument.spread_ticks == pytest.approx(3.0)
    assert instrument.touch == 60  # mean of 100 and 40, then 100 and 10 twice
    assert market.source == (
        "REPLAY / VIRTUAL TEST 2012-06-21, 3 levels, sha256 000000000000, crafted"
    )
    assert market.watermark == "0" * 64 + ":0"
    market.advance(at(5))
    assert market.watermark == "0" * 64 + ":2"


def changed(recording, **values):
    return RecordedMarket(replace(recording, **values), latency_ns=Nanos(0))


def test_a_day_that_cannot_be_traded_is_refused():
    sound = a_recording([FIRST, LAST], 3, WARM)
    with pytest.raises(Refused, match="file name must hold symbol and day"):
        changed(sound, day="")
    late = sound.messages.copy()
    late[-1, 0] = 57_601 * SECOND
    with pytest.raises(Refused, match="time must be within 09:30 to 16:00"):
        changed(sound, messages=late)
    wrong = sound.book.copy()
    wrong[-1, 1] += 1
    with pytest.raises(Refused, match="the book after row 1 must follow from"):
        changed(sound, book=wrong)
    fine = sound.messages.copy()
    fine[0, 4] += 50
    book = sound.book.copy()
    book[:, 10] += 50
    with pytest.raises(Refused, match="must be a whole tick"):
        changed(sound, messages=fine, book=book)
    with pytest.raises(Refused, match="must hold executions"):
        changed(sound, messages=sound.messages[:1], book=sound.book[:1])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(Refused, match="cannot be read"):
        open_recorded(tmp_path / "a.csv", tmp_path / "b.csv", latency_ns=Nanos(0))
