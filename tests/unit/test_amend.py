"""An amendment of a parent with live children: the venue replaces them, and nothing is lost."""

import pytest

from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.kinds import LIMIT
from engine.domain.report_kinds import REASON_REQUEUED
from tests.support.desk_rig import Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(3)
    return rig


def working(rig: Rig, number: int):
    """The parent with a resting child of more than a lot."""
    for _ in range(600):
        live = rig.state.live_children(number)
        if live and live[-1].state == "OPEN" and live[-1].type == LIMIT and live[-1].leaves > 1:
            return live[-1]
        rig.run(1)
    raise AssertionError("nothing rests")


def test_an_amendment_down_replaces_the_children_and_keeps_their_place(rig: Rig):
    number = rig.buy()
    child = working(rig, number)
    parent = rig.state.parents[number]
    promised = parent.filled + rig.state.reserved(number)
    place = rig.venue.market.queue_ahead(child.id)
    rig.do(c.AmendParent(parent_id=number, quantity=promised - child.leaves + 1))
    (asked,) = [x for x in rig.journal.events(e.ChildReplaceIntended) if x.child_id == child.id]
    assert asked.quantity == child.filled + 1
    parent = rig.state.parents[number]
    assert (parent.quantity, parent.wanted) == (promised, promised - child.leaves + 1)
    rig.loop._step((), (), rig.loop._ask_venue(0, rig.state.market_ns + 2_000_000))
    rig.loop._step((), (), None)
    done = [x for x in rig.journal.events(e.ChildReplaced) if x.child_id == child.id]
    assert [(x.quantity, x.reason) for x in done] == [(child.filled + 1, 0)]
    assert rig.venue.market.queue_ahead(child.id) == place
    parent = rig.state.parents[number]
    assert parent.quantity == parent.filled + rig.state.reserved(number)
    assert parent.wanted == 0


def test_a_tighter_limit_replaces_the_children_beyond_it(rig: Rig):
    number = rig.buy()
    child = working(rig, number)
    rig.do(c.AmendParent(parent_id=number, limit_price=child.price - 3))
    assert rig.state.child(child.id).state == "PENDING_REPLACE"
    rig.loop._step((), (), rig.loop._ask_venue(0, rig.state.market_ns + 2_000_000))
    rig.loop._step((), (), None)
    (done,) = [x for x in rig.journal.events(e.ChildReplaced) if x.child_id == child.id]
    assert (done.price, done.reason) == (child.price - 3, REASON_REQUEUED)
    assert rig.state.child(child.id).price == child.price - 3
    rig.run(1)
    assert all(x.price <= child.price - 3 for x in rig.state.live_children(number))
