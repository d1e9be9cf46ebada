"""A recorded LOBSTER day as an observer would have seen it: the same rows as a simulated one."""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.exchange.hours import session_of
from engine.exchange.recorded_day import in_hours, in_ticks, source_of
from engine.kernels import queue
from engine.kernels.observed import HIT, SEEN
from engine.kernels.recorded import EXECUTED
from engine.realism.moments import SECOND, Records, Watched
from engine.runtime.feeds.lobster import Recording, read_recording

Ints = NDArray[np.int64]

ASK, ASK_SIZE, BID, BID_SIZE = 0, 1, 2, 3  # columns of the displayed book


def imbalance_steps(book: Ints) -> NDArray[np.float64]:
    """What each row adds to the order-flow imbalance of the touch; 0 for the first. [share]"""
    steps = np.zeros(len(book))
    before, after = book[:-1], book[1:]
    change = np.where(after[:, BID] >= before[:, BID], after[:, BID_SIZE], 0)
    change = change - np.where(after[:, BID] <= before[:, BID], before[:, BID_SIZE], 0)
    change = change - np.where(after[:, ASK] <= before[:, ASK], after[:, ASK_SIZE], 0)
    change = change + np.where(after[:, ASK] >= before[:, ASK], before[:, ASK_SIZE], 0)
    quoted = (before[:, (BID, ASK)] > 0).all(axis=1) & (after[:, (BID, ASK)] > 0).all(axis=1)
    steps[1:] = np.where(quoted, change, 0)
    return steps


def seconds_of(rows: Ints, book: Ints, open_ns: int, seconds: int) -> Records:
    """SEEN of every second: the last row at or before it; the first row before there is one."""
    at = open_ns + np.arange(seconds) * SECOND
    last = np.maximum(0, np.searchsorted(rows[:, queue.AT], at, side="right") - 1)
    visible = rows[:, queue.KIND] == EXECUTED
    volume = np.cumsum(np.where(visible, rows[:, queue.SIZE], 0))
    seen = np.zeros(seconds, SEEN)
    for name, column in (
        ("bid", BID),
        ("ask", ASK),
        ("bid_size", BID_SIZE),
        ("ask_size", ASK_SIZE),
    ):
        seen[name] = book[last, column]
    seen["volume"] = volume[last]
    seen["ofi"] = np.cumsum(imbalance_steps(book))[last]
    return seen


def aggressors_of(rows: Ints, book: Ints) -> Records:
    """HIT rows: visible executions of one instant and side together, with the book around them."""
    at = np.flatnonzero(rows[:, queue.KIND] == EXECUTED)
    at = at[at > 0]
    side = -rows[at, queue.SIDE]  # the recorded side is that of the resting order
    same = (np.diff(rows[at, queue.AT]) == 0) & (np.diff(side) == 0)
    begins = np.flatnonzero(np.r_[True, ~same])
    ends = np.r_[begins[1:], len(at)] - 1
    first, last = at[begins], at[ends]
    hits = np.zeros(len(begins), HIT)
    hits["at_ns"], hits["side"] = rows[first, queue.AT], side[begins]
    hits["quantity"] = np.add.reduceat(rows[at, queue.SIZE], begins)
    price = rows[at, queue.TICKS]
    hits["prices"] = 1 + np.add.reduceat(np.r_[0, np.diff(price) != 0] * np.r_[False, same], begins)
    for name, when in (("", first - 1), ("_after", last)):
        hits["bid" + name], hits["ask" + name] = book[when, BID], book[when, ASK]
    mid2 = book[first - 1, BID] + book[first - 1, ASK]
    hits["wrong"] = side[begins] * (2 * price[begins] - mid2) <= 0
    return hits


def recorded_day(messages: Path, orderbook: Path) -> tuple[Watched, str, Ints]:
    """The day, where it comes from, and the displayed book of each row."""
    recording = read_recording(messages, orderbook)
    day, book = observed(recording)
    return day, source_of(recording), book


def observed(recording: Recording) -> tuple[Watched, Ints]:
    """The day, and the displayed book of each row; Refused outside the hours or off the ticks."""
    in_hours(recording)
    rows, book = in_ticks(recording)
    session = session_of(recording.day)
    seconds: Final = int(session.close_at - session.open_at) // SECOND
    seen = seconds_of(rows, book, int(session.open_at), seconds)
    return Watched(seen, aggressors_of(rows, book), int(session.open_at)), book
