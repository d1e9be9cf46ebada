"""Our place in the queue, from the book to the ladder."""

import numpy as np

from engine.core.show import quote_row
from engine.domain.kinds import BUY, CANCEL, LIMIT, NEW
from engine.domain.market import MESSAGE
from engine.domain.units import Nanos
from engine.exchange.hours import session_of
from engine.exchange.presets import PRESETS
from engine.exchange.simulated import SimulatedMarket
from tests.support.desk_rig import Rig

SECOND = 1_000_000_000


def message(kind: int, child: int, price: int, quantity: int, at: int) -> np.ndarray:
    row = np.zeros(1, dtype=MESSAGE)
    row["kind"], row["child"], row["side"], row["type"] = kind, child, BUY, LIMIT
    row["price"], row["quantity"], row["sent_ns"] = price, quantity, at
    return row


def test_the_shares_before_us_are_those_that_were_there_and_only_go_away():
    session = session_of("2026-11-30")
    market = SimulatedMarket(session=session, seed=7, presets=PRESETS[:1])
    at = session.open_at + 5 * SECOND
    tick = market.advance(Nanos(at)).ticks[0]
    price = int(tick["bid"][3])
    market.submit(message(NEW, 1, price, 500, at))
    before = int(market.advance(Nanos(at + 999_999)).ticks[0]["bid_size"][3])
    market.advance(Nanos(at + 1_000_000))  # latency: it rests from here
    there = market.queue_ahead(1)  # at its venue; the level is that of all three
    assert 0 < there < before
    seen = [there]
    for second in range(1, 60):
        market.advance(Nanos(at + second * SECOND))
        ahead = market.queue_ahead(1)
        if ahead is None:
            break
        seen.append(ahead)
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] < there


def test_a_second_order_stands_behind_the_first_and_a_cancelled_one_has_no_place():
    session = session_of("2026-11-30")
    market = SimulatedMarket(session=session, seed=7, presets=PRESETS[:2])
    at = session.open_at + 5 * SECOND
    price = int(market.advance(Nanos(at)).ticks[0]["bid"][5])
    market.submit(message(NEW, 1, price, 500, at))
    market.submit(message(NEW, 2, price, 100, at))
    market.advance(Nanos(at + 1_000_000))
    assert market.queue_ahead(2) == market.queue_ahead(1) + 500
    market.submit(message(CANCEL, 1, price, 500, at + 1_000_000))
    market.advance(Nanos(at + 2_000_000))
    assert market.queue_ahead(1) is None
    assert market.queue_ahead(77) is None


def test_the_ladder_carries_own_shares_and_what_is_ahead_of_the_oldest():
    rig = Rig()
    rig.run(3)
    (child, *_) = rig.run_until_live(rig.buy())
    rig.run(1)
    child = rig.state.child(child.id)
    rig.loop.desk.ahead = {child.id: 321}
    row = quote_row(rig.loop.desk, rig.symbol)
    level = next(x for x in row.bids if round(x[0] * 100) == child.price)
    same = [x.leaves for x in rig.state.children.values() if x.price == child.price]
    assert level[2:] == [sum(same), 321]
    assert all(len(x) == 3 for x in row.bids if x is not level)
