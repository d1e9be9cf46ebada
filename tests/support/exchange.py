"""Builders for the exchange: a small one in this process, and a day's trading against it."""

import numpy as np

from engine.domain.kinds import BUY, IOC, SELL
from engine.domain.market import MESSAGE
from engine.exchange.core import Exchange
from engine.exchange.presets import PRESETS
from engine.exchange.simulated import SimulatedMarket
from engine.runtime.venues.exchange import DirectVenue
from tests.support.market import OPEN, SECOND, cancel, message, session

SMALL = PRESETS[:3]
INSTRUMENTS = tuple(preset.instrument for preset in SMALL)
NOTHING = np.zeros(0, MESSAGE)
TAGS = {"parent": "P-1", "trader": "u1", "strategy": "TWAP", "desk": "cash"}


def open_small(session, seed):
    return SimulatedMarket(session=session, seed=seed, presets=SMALL)


def direct(folder=None, epoch=1, seconds=120, exchange=None):
    """An exchange and a venue that has said hello to it."""
    exchange = exchange or Exchange(open_small, folder)
    venue = DirectVenue(exchange.handle)
    venue.hello(session(seconds), INSTRUMENTS, 7, epoch)
    return exchange, venue


def orders_at(second, ticks):
    """What the test desk sends at a second: three children an instrument, and cancels."""
    at = OPEN + second * SECOND
    rows = []
    for symbol, tick in enumerate(ticks):
        child = 1_000 * second + 10 * symbol
        bid, ask = int(tick["bid"][0]), int(tick["ask"][0])
        rows += [
            message(child + 1, at=at, side=BUY, price=bid, quantity=200, symbol=symbol),
            message(child + 2, at=at, side=SELL, price=ask + 2, quantity=100, symbol=symbol),
            message(child + 3, at=at, type=IOC, price=ask + 1, quantity=500, symbol=symbol),
            cancel(child + 1 - 2_000, at=at, symbol=symbol),
        ]
    return np.concatenate(rows)


def trade(venue, first, last, ticks=None, every=5):
    """Trade seconds first..last against a venue; (reports as tuples, last ticks)."""
    seen = []
    if ticks is None:
        ticks = venue.advance(OPEN + first * SECOND, NOTHING, {}).ticks
    for second in range(first, last):
        rows = orders_at(second, ticks) if second % every == 0 else NOTHING
        tags = {str(child): TAGS for child in rows["child"]}
        answer = venue.advance(OPEN + (second + 1) * SECOND, rows, tags)
        seen += answer.reports.tolist()
        ticks = answer.ticks
    return seen, ticks
