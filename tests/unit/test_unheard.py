"""After a break the venue tells the whole day again: what counts already is told apart first."""

import numpy as np
from msgspec import structs

from engine.core.rules.reports import book_report
from engine.core.state import State
from engine.domain.orders import lived
from engine.runtime.reconcile import unheard
from tests.support.desk_rig import Rig


def traded() -> Rig:
    rig = Rig()
    rig.run(3)
    rig.buy(30_000)
    rig.run(300)
    return rig


def test_of_a_day_that_was_heard_nothing_is_left_and_of_a_desk_that_heard_nothing_all():
    rig = traded()
    rows, _ = rig.venue.books()
    assert len(rows) > 10
    assert len(unheard(rig.state, rows)) == 0
    assert len(unheard(rig.state, rows[:0])) == 0
    assert (unheard(State(), rows) == rows).all()


def test_a_report_that_one_child_lacks_is_the_one_that_is_left_and_the_only_one_to_be_booked():
    rig = traded()
    rows, _ = rig.venue.books()
    child = next(x for x in rig.state.ended.values() if len(x.life.reports) > 1)
    lost = child.life.reports[-1]
    short = structs.replace(child.life, reports=child.life.reports[:-1])
    rig.state.ended[child.id] = lived(child, short)
    left = unheard(rig.state, rows)
    assert left["exec_id"].tolist() == [lost.exec_id]
    booked = [bool(book_report(rig.state, row)) for row in rows]
    assert (
        np.flatnonzero(booked).tolist() == np.flatnonzero(rows["exec_id"] == lost.exec_id).tolist()
    )
