"""A recorded LOBSTER day order by order, on the kernel's book: is the queue first in, first out?

A level is fully known when every share in it was added in the file while the level was in view;
what was there before is anonymous and older. Shares that trade from a fully known queue must be
those of its oldest order.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.domain.errors import Refused
from engine.kernels import l3
from engine.kernels import recorded as kernel
from engine.kernels.book import new_book
from engine.runtime.feeds.lobster import Recording

MOST_TICKS: Final = 1 << 22  # of the day's range of prices
UNIT: Final = 100  # of the format's price units in a tick of one cent


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReport:
    """Executions by what was known of their queue; the book of the file is the judge of levels."""

    known: int  # executions in a queue whose every order is known
    known_first: int  # of them, at its oldest order
    unseen: int  # executions in a queue with older volume that nobody knows by name
    unseen_first: int  # of them, of that volume
    levels_adopted: int  # at the edge of the window
    levels_wrong: int  # that the messages do not explain


def queues(recording: Recording, unit: int = UNIT) -> QueueReport:
    """Replay the day order by order."""
    messages, rows = recording.messages, recording.book
    visible = messages[:, kernel.TYPE] <= kernel.EXECUTED
    prices = np.concatenate((rows[:, ::2].ravel(), messages[visible, kernel.PRICE]))
    prices = prices[np.abs(prices) != kernel.DUMMY] // unit
    if prices.size == 0:
        raise Refused("a day must have at least one price to be replayed", field="replay")
    low, ticks = int(prices.min()), int(prices.max() - prices.min()) + 1
    if ticks > MOST_TICKS:
        raise Refused(f"a day's prices must span at most {MOST_TICKS} ticks, span {ticks}")
    submitted = int((messages[:, kernel.TYPE] == kernel.SUBMITTED).sum())
    room = submitted + 4 * recording.levels + 8
    bids, asks = (new_book(ticks, low, room) for _ in range(2))
    counts = np.zeros(l3.COUNTS, dtype=np.int64)
    l3.window_queues(bids, asks, l3.new_orders(room), messages, rows, unit, counts)
    return QueueReport(
        known=int(counts[l3.KNOWN]),
        known_first=int(counts[l3.KNOWN_FIRST]),
        unseen=int(counts[l3.UNSEEN]),
        unseen_first=int(counts[l3.UNSEEN_FIRST]),
        levels_adopted=int(counts[l3.ADOPTED_LEVELS]),
        levels_wrong=int(counts[l3.WRONG_LEVELS]),
    )
