"""No kind of entry is forgotten: each has its fold, its projection and its sentence."""

import inspect
from typing import get_args

import pytest

from db import audit, project
from engine.core.evolve import HANDLERS
from engine.domain.events import AnyEvent

EVENTS = get_args(AnyEvent)


def unprojected(events: tuple[type, ...]) -> list[str]:
    known = {*project.RULES, *project.INDEX_ONLY}
    return [event.__name__ for event in events if event not in known]


def unspoken(events: tuple[type, ...]) -> list[str]:
    special = inspect.getsource(audit.text_of) + inspect.getsource(audit._of_safety)
    return [
        event.__name__
        for event in events
        if event not in audit.SENTENCES and f"e.{event.__name__}(" not in special
    ]


def test_there_are_events_to_look_at():
    assert len(EVENTS) > 60


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_each_event_has_its_fold_its_projection_and_its_sentence(event):
    assert event in HANDLERS
    assert unprojected((event,)) == []
    assert unspoken((event,)) == []


def test_an_event_that_was_forgotten_is_seen():
    class Forgotten:
        pass

    assert unprojected((Forgotten,)) == ["Forgotten"]
    assert unspoken((Forgotten,)) == ["Forgotten"]
