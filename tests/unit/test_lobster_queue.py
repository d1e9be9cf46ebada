"""The queue of a recorded day: who trades first, what is unknown, and a day that cheats is seen."""

from dataclasses import replace

import numpy as np
import pytest

from engine.domain.errors import Refused
from engine.kernels import recorded as kernel
from engine.runtime.feeds.lobster_queue import queues
from tests.support.recorded import BUY, SELL, a_recording, add, delete, execute, hidden, reduce

WARM = [add(1, 100, 1001, SELL), add(2, 80, 999, BUY)]


def a_day(*first, levels=2):
    start = [add(10, 50, 1000, SELL, 1), add(11, 50, 1000, SELL, 2), add(12, 50, 1000, SELL, 3)]
    return a_recording([hidden(1, 1000.5, BUY, 0), *start, *first], levels=levels, warm=WARM)


def test_the_oldest_order_of_a_known_queue_trades_first():
    day = a_day(
        execute(10, 20, 1000, SELL, 4),
        execute(10, 30, 1000, SELL, 5),
        execute(11, 5, 1000, SELL, 6),
    )
    report = queues(day)
    assert (report.known, report.known_first, report.unseen) == (3, 3, 0)
    assert report.levels_wrong == 0


def test_a_day_that_trades_the_newest_first_is_seen():
    day = a_day(execute(12, 50, 1000, SELL, 4), execute(11, 50, 1000, SELL, 5))
    report = queues(day)
    assert (report.known, report.known_first) == (2, 0)


def test_a_partial_cancel_keeps_the_place_and_a_new_order_has_the_last():
    kept = a_day(reduce(10, 20, 1000, SELL, 4), execute(10, 30, 1000, SELL, 5))
    assert queues(kept).known_first == 1
    again = a_day(
        delete(10, 50, 1000, SELL, 4), add(13, 50, 1000, SELL, 5), execute(11, 50, 1000, SELL, 6)
    )
    assert queues(again).known_first == 1


def test_volume_from_before_the_file_is_older_than_what_is_added():
    day = a_recording(
        [hidden(1, 1000, BUY, 0), add(20, 10, 1001, SELL, 1), execute(1, 40, 1001, SELL, 2),
         execute(20, 10, 1001, SELL, 3)],
        levels=2, warm=WARM,
    )  # fmt: skip
    report = queues(day)
    assert (report.known, report.unseen, report.unseen_first) == (0, 2, 1)


def test_a_level_that_the_messages_do_not_explain_is_counted():
    sound = a_day(execute(10, 20, 1000, SELL, 4))
    book = sound.book.copy()
    book[2, 1] += 7
    assert queues(replace(sound, book=book)).levels_wrong == 2  # into the row, and out of it


def test_a_day_without_prices_or_with_an_absurd_range_is_refused():
    day = a_day()
    none = replace(day, messages=day.messages[:1].copy(), book=np.full((1, 8), kernel.DUMMY))
    none.messages[:, kernel.TYPE] = kernel.HIDDEN
    with pytest.raises(Refused, match="at least one price"):
        queues(none)
    far = day.book.copy()
    far[0, 4] = kernel.DUMMY - 1
    with pytest.raises(Refused, match="must span at most"):
        queues(replace(day, book=far))
