"""A report counts once, whatever its kind and however late: reconciling may repeat all of them."""

import numpy as np
import pytest

from engine.core.evolve import evolve
from engine.core.rules.reports import book_report
from engine.core.state import State
from engine.domain import events as e
from engine.domain.instrument import Session
from engine.domain.kinds import ACCEPTED, CANCEL_REJECTED, CANCELLED, EXPIRED, FILLED
from engine.domain.market import REPORT
from engine.domain.units import Nanos, child_id
from tests.process.test_watchdog import a_parent, intended

CHILD = child_id(1, 1)


def a_state() -> State:
    state = State()
    session = Session(day="2026-11-27", open_at=Nanos(0), close_at=Nanos(10**15), zone="UTC")
    take(
        state,
        e.EngineStarted(epoch=1, code="c"),
        e.SessionOpened(session=session, instruments=(), source="test", seed=1),
        e.ParentAccepted(parent=a_parent()),
        intended(1, 100),
    )
    return state


def take(state: State, *events: e.AnyEvent) -> None:
    for event in events:
        entry = e.Entry(
            seq=state.seq + 1, turn=1, market_ns=Nanos(5), desk_ns=Nanos(5), event=event
        )
        evolve(state, entry)


def report(kind: int, exec_id: int, quantity: int = 0) -> np.void:
    row = np.zeros(1, dtype=REPORT)
    row["kind"], row["child"], row["exec_id"], row["quantity"] = kind, CHILD, exec_id, quantity
    return row[0]


@pytest.mark.parametrize("late", [CANCEL_REJECTED, EXPIRED, CANCELLED, FILLED, ACCEPTED])
@pytest.mark.parametrize("end", [CANCELLED, EXPIRED])
def test_a_late_report_on_an_ended_child_is_booked_once(late: int, end: int):
    state = a_state()
    take(state, *book_report(state, report(ACCEPTED, 1)))
    take(state, *book_report(state, report(end, 2)))
    take(state, *book_report(state, report(late, 3, 10)))
    assert book_report(state, report(late, 3, 10)) == ()
