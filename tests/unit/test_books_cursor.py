"""Books of a long day: what changed is told, what did not is proved by one number."""

import pytest

from engine.runtime.venues import mirror
from engine.runtime.venues.exchange import DirectVenue
from engine.runtime.venues.wire import Ask
from tests.support.desk_rig import Rig
from tests.support.exchange import INSTRUMENTS, direct, trade
from tests.support.market import session


def a_day(monkeypatch):
    """A morning that was compared, and (mark asked after, orders told) of each question."""
    noted = []
    ask_of = DirectVenue._ask

    def asked(self, ask: Ask):
        answer = ask_of(self, ask)
        if ask.op == "books":
            noted.append((ask.after, len(answer.orders)))
        return answer

    monkeypatch.setattr(DirectVenue, "_ask", asked)
    exchange, venue = direct()
    _, ticks = trade(venue, 0, 60)
    venue.books()
    return exchange, venue, ticks, noted


def test_only_what_changed_is_told_and_the_books_are_those_of_the_whole_day(monkeypatch):
    exchange, venue, ticks, noted = a_day(monkeypatch)
    trade(venue, 60, 66, ticks)
    assert venue.books(whole=False)[1] == venue.books()[1]
    (_, morning), (mark, told), (_, every) = noted
    assert mark > 0
    assert 0 < told < morning < every == len(exchange.day.ledger.orders)
    again = venue.books(whole=False)[1]
    assert noted[-1] == (exchange.day.ledger.mark, 0)
    assert again == venue.books()[1]


def lost(orders):
    orders.pop(next(iter(orders)))


def filled(orders):
    order = next(order for order in orders.values() if order.cum)
    order.cum -= 1


def works(orders):
    next(order for order in orders.values() if not order.leaves).leaves = 7


@pytest.mark.parametrize("cheat", [lost, filled, works])
def test_a_change_that_the_exchange_does_not_tell_is_seen_anywhere_in_the_day(monkeypatch, cheat):
    exchange, venue, _, noted = a_day(monkeypatch)
    before = venue.books(whole=False)[1]
    cheat(exchange.day.ledger.orders)
    after = venue.books(whole=False)[1]
    assert [mark for mark, _ in noted[-2:]] == [exchange.day.ledger.mark, 0]
    assert after != before
    assert after == venue.books()[1]


def test_without_the_sum_it_would_not_be_seen(monkeypatch):
    exchange, venue, _, _ = a_day(monkeypatch)
    monkeypatch.setattr(mirror.Mirror, "check", lambda self: exchange.day.ledger.check())
    before = venue.books()[1]
    filled(exchange.day.ledger.orders)
    assert venue.books(whole=False)[1] == before


def test_a_new_link_begins_with_everything(monkeypatch):
    exchange, venue, _, noted = a_day(monkeypatch)
    venue.hello(session(120), INSTRUMENTS, 7, 1)
    venue.books(whole=False)
    other = DirectVenue(exchange.handle)
    other.hello(session(120), INSTRUMENTS, 7, 2)
    other.books(whole=False)
    every = len(exchange.day.ledger.orders)
    assert noted[-2:] == [(0, every), (0, every)]


def test_the_desk_asks_for_everything_at_log_on_and_while_books_differ():
    rig = Rig(symbols=2)
    rig.run(5)
    rig.buy(on_restart="resume")
    rig.run(60)
    rig.run_until_live(1)
    rig.round()
    assert rig.venue.wholes == [True]
    rig.round(30)
    rig.round(30)
    assert rig.venue.wholes[1:] == [True, False]  # the first after a log-on proves nothing yet
    child = next(iter(rig.state.children))
    rig.venue.market.orders[child].cum += 1
    rig.round(30)
    assert rig.venue.wholes[3:] == [False, True]
    rig.round(30)
    assert rig.venue.wholes[5:] == [True, True]
    assert rig.state.differences
    rig.venue.market.orders[child].cum -= 1
    rig.round(30)
    rig.round(30)
    assert rig.venue.wholes[7:] == [True, False]
    assert not rig.state.differences
