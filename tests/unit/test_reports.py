"""What a venue reports is a fact: booked once, in any order, however late or odd."""

import numpy as np
import pytest

from engine.domain import events as e
from engine.domain import kinds
from engine.domain.market import REPORT
from engine.domain.orders import ChildState, ParentState
from tests.support.desk_rig import Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(3)
    rig.run_until_live(rig.buy(20_000))
    return rig


def report(rig: Rig, kind: int, exec_id: int, **fields) -> None:
    row = np.zeros(1, dtype=REPORT)
    row["kind"], row["exec_id"] = kind, exec_id
    row["child"] = fields.pop("child", next(iter(rig.state.children), 0))
    for name, value in fields.items():
        row[name] = value
    rig.loop.pending = row
    rig.loop._step((), (), None)


def kinds_of_alerts(rig: Rig) -> set[str]:
    return {alert.kind for alert in rig.state.alerts.values()}


def test_the_same_report_twice_counts_once(rig: Rig):
    for _ in range(2):
        report(rig, kinds.FILLED, 900, quantity=10, price=5000, liquidity=kinds.PASSIVE)
    assert rig.state.parents[1].filled == 10
    assert len(rig.journal.events(e.ChildFilled)) == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_order_of_fills_does_not_matter(rig: Rig, order: tuple[int, ...]):
    child = next(iter(rig.state.children.values()))
    share = child.quantity // 4
    fills = [(900, share, 5000), (901, share, 4999), (902, share, 5001)]
    for at in order:
        exec_id, quantity, price = fills[at]
        report(rig, kinds.FILLED, exec_id, quantity=quantity, price=price)
    booked = rig.state.child(child.id)
    assert (booked.filled, booked.notional100) == (3 * share, share * 100 * 15_000)
    assert booked.state == ChildState.PARTIAL


def test_a_fill_after_the_cancel_is_booked_and_said(rig: Rig):
    child = next(iter(rig.state.children))
    report(rig, kinds.CANCELLED, 900, child=child)
    assert rig.state.child(child).state == ChildState.CANCELLED
    report(rig, kinds.FILLED, 901, child=child, quantity=7, price=5000)
    assert rig.state.child(child).state == ChildState.CANCELLED
    assert (rig.state.child(child).filled, rig.state.parents[1].filled) == (7, 7)
    assert "late_fill" in kinds_of_alerts(rig)


def test_an_over_fill_is_booked_alarmed_and_holds_the_parent(rig: Rig):
    child = next(iter(rig.state.children))
    report(rig, kinds.FILLED, 900, child=child, quantity=20_500, price=5000)
    parent = rig.state.parents[1]
    assert (parent.filled, parent.overfilled, parent.leaves) == (20_500, 500, 0)
    assert parent.hold_cause == "over-fill"
    assert parent.state in (ParentState.HOLDING, ParentState.HELD, ParentState.COMPLETED)
    assert "overfill" in kinds_of_alerts(rig)
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(60)
    assert len(rig.journal.events(e.ChildIntended)) == sent


def test_a_report_for_an_order_we_never_sent_is_parked_and_alarmed(rig: Rig):
    report(rig, kinds.FILLED, 900, child=123_456_789, quantity=10, price=5000)
    (stray,) = rig.journal.events(e.StrayReport)
    assert (stray.child_id, stray.quantity) == (123_456_789, 10)
    assert rig.state.parents[1].filled == 0
    assert "stray" in kinds_of_alerts(rig)


def test_a_report_of_an_unknown_kind_is_alarmed_and_changes_nothing(rig: Rig):
    before = next(iter(rig.state.children.values()))
    report(rig, 77, 900, child=before.id)
    assert rig.state.child(before.id) == before
    assert "report" in kinds_of_alerts(rig)


def test_a_rejected_cancel_falls_back_to_where_the_child_was(rig: Rig):
    child = next(iter(rig.state.children.values()))
    report(rig, kinds.ACCEPTED, 899, child=child.id)
    report(rig, kinds.FILLED, 900, child=child.id, quantity=1, price=5000)
    rig.loop.facts((e.CancelIntended(child_id=child.id, by="plan"),))
    assert rig.state.child(child.id).state == ChildState.PENDING_CANCEL
    report(rig, kinds.CANCEL_REJECTED, 901, child=child.id, reason=kinds.REASON_TOO_LATE)
    assert rig.state.child(child.id).state == ChildState.PARTIAL
    assert rig.state.child(child.id).cancel_asked_at == 0
