"""What the client wants is kept with the order, from the ticket to the read tables."""

import msgspec
import pytest

from db.project import live_source, project
from db.queries import Queries
from engine.core.show import parent_row
from engine.domain import commands as c
from engine.domain.codec import entry_from_json, entry_to_json
from engine.domain.orders import Objective
from engine.domain.units import MINUTE
from tests.support.busy_desk import tables
from tests.support.desk_rig import Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    return rig


def order(rig: Rig, **changed) -> c.SubmitParent:
    return c.SubmitParent(**{
        "symbol": rig.symbol, "side": 1, "quantity": 900, "strategy": "TWAP",
        "horizon_ns": 9 * MINUTE, **changed,
    })  # fmt: skip


def test_the_objective_stands_on_the_order_and_in_the_read_tables(rig: Rig, tmp_path):
    rig.do(order(rig, objective=Objective.URGENCY, risk_aversion=0.7))
    rig.do(order(rig))
    shown = [parent_row(rig.loop.desk, parent) for parent in rig.state.parents.values()]
    assert [(row.objective, row.risk_aversion) for row in shown] == [
        ("urgency", 0.7), ("unsaid", 0.0)
    ]  # fmt: skip
    engine = tables(tmp_path / "desk.db")
    project(engine, live_source(tmp_path), rig.journal.entries, now_ns=5)
    stored = Queries(engine, tmp_path)
    assert stored.parent(1).objective == "urgency"
    assert stored.parent(1).risk_aversion == 0.7
    assert stored.parent(2).objective == "unsaid"


@pytest.mark.parametrize("aversion", [-0.1, 20.1, float("nan"), float("inf")])
def test_a_risk_aversion_that_is_none_is_refused(rig: Rig, aversion):
    wanted = order(rig, objective=Objective.URGENCY, risk_aversion=aversion)
    assert rig.ask(wanted)  # a sentence
    assert rig.state.parents == {}


def test_a_journal_without_objectives_is_read(rig: Rig):
    rig.do(order(rig))
    found = [x for x in rig.journal.entries if type(x.event).__name__ == "ParentAccepted"]
    assert len(found) == 1
    body = msgspec.json.decode(entry_to_json(found[0]))
    parent = body["event"]["parent"]
    assert parent.pop("objective") == "unsaid"
    assert parent.pop("risk_aversion") == 0.0
    assert entry_from_json(msgspec.json.encode(body)) == found[0]
