"""Compile every kernel of a recorded market before the desk leans on it."""

import numpy as np

from engine.domain.kinds import BUY, IOC, LIMIT, NEW
from engine.domain.market import MESSAGE
from engine.domain.units import SECOND, Nanos, Symbol
from engine.exchange.recorded import RecordedMarket
from engine.exchange.recorded_day import OPEN_S
from engine.kernels.recorded import DUMMY
from engine.runtime.feeds.lobster import Recording

OPEN = OPEN_S * SECOND
MESSAGES = (  # time, type, id, size, price, side
    (OPEN, 1, 1, 100, 10_000, 1),
    (OPEN, 1, 2, 100, 10_100, -1),
    (OPEN + 2 * SECOND, 4, 2, 50, 10_100, -1),
)
BOOKS = (  # ask price, ask size, bid price, bid size
    (DUMMY, 0, 10_000, 100),
    (10_100, 100, 10_000, 100),
    (10_100, 50, 10_000, 100),
)


def warm() -> None:
    """Rest, take, be withdrawn and reach the close on a day of three messages."""
    recording = Recording(
        symbol=Symbol("WARM"),
        day="2000-01-03",
        files="",
        levels=1,
        messages=np.array(MESSAGES, dtype=np.int64),
        book=np.array(BOOKS, dtype=np.int64),
        digest="",
    )
    market = RecordedMarket(recording, latency_ns=Nanos(0))
    market.advance(market.open_ns)
    order = np.zeros(2, dtype=MESSAGE)
    order["kind"], order["side"], order["quantity"] = NEW, BUY, 10
    order["type"], order["price"], order["child"] = (LIMIT, IOC), (100, 101), (1, 2)
    order["sent_ns"] = market.open_ns
    market.submit(order)
    market.advance(Nanos(market.open_ns + 3 * SECOND))
    market.cancel_now([(0, 1)])
    market.advance(market.close_ns)
