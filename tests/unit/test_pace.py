"""How late a tick is: from the instant it was due to the instant it began."""

from engine.domain.units import SECOND
from engine.runtime.pace import KEPT, Pace

MS = 1_000_000


def a_pace(speed: float = 10.0) -> Pace:
    pace = Pace()
    pace.anchor(0, 0, speed)
    return pace


def test_a_tick_that_begins_when_it_is_due_is_not_late_and_one_later_is_by_as_much():
    pace = a_pace()  # a market second each 100 ms
    assert pace.target(99 * MS, 0, 0) is None
    assert list(pace.late) == []
    assert pace.target(100 * MS, 0, 0) == SECOND
    assert pace.target(217 * MS, SECOND, 0) == 2 * SECOND
    assert list(pace.late) == [0, 17 * MS]


def test_a_part_of_a_second_is_no_tick():
    pace = a_pace(speed=1.0)
    assert pace.target(400 * MS, 0, 0) == 400 * MS
    assert list(pace.late) == []


def test_a_tick_so_late_that_its_time_is_given_up_is_counted_once_as_late_as_it_was():
    pace = a_pace()
    assert pace.target(1_100 * MS, 0, 0) == SECOND  # ten seconds behind; 250 ms of it is kept
    assert list(pace.late) == [1_000 * MS]
    assert pace.target(1_100 * MS, SECOND, 0) == 2 * SECOND  # of the 2.5 s that are kept
    assert list(pace.late) == [1_000 * MS, 50 * MS]


def test_a_market_that_stands_is_never_late():
    pace = a_pace(speed=0.0)
    assert pace.target(5_000 * MS, 0, 0) is None
    assert list(pace.late) == []


def test_only_the_newest_are_kept():
    pace = a_pace()
    for number in range(KEPT + 10):
        pace.target((number + 1) * 100 * MS, number * SECOND, 0)
    assert len(pace.late) == KEPT
