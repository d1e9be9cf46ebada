"""Crash points are named, counted, and never for real orders."""

import pytest

from engine.domain.errors import Refused
from engine.drill.points import chosen
from engine.runtime.crash import CRASH_POINTS, crash_hook


def test_without_a_point_there_is_no_hook():
    assert crash_hook("", "LIVE") is None


def test_a_point_that_does_not_exist_is_refused_and_the_known_ones_are_named():
    with pytest.raises(Refused, match=r"before_gate.*was before_lunch"):
        crash_hook("before_lunch", "SIM")
    with pytest.raises(Refused, match="was after_gate:soon"):
        crash_hook("after_gate:soon", "SIM")
    with pytest.raises(Refused, match="was after_gate,before_lunch"):
        chosen("after_gate,before_lunch")


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_where_real_orders_leave_no_crash_point_is_taken(point):
    assert crash_hook(point, "SIM") is not None
    assert crash_hook(f"{point}:3", "REPLAY") is not None
    with pytest.raises(Refused, match="must be empty in mode LIVE"):
        crash_hook(point, "LIVE")


def test_the_process_dies_when_it_passes_the_point_for_the_nth_time(monkeypatch):
    deaths = []
    monkeypatch.setattr("engine.runtime.crash.os.kill", lambda pid, number: deaths.append(number))
    reach = crash_hook("after_gate:3", "SIM")
    assert reach is not None
    for point in ("after_gate", "after_ack", "after_gate", "before_gate"):
        reach(point)
    assert deaths == []
    reach("after_gate")
    assert deaths == [9]
