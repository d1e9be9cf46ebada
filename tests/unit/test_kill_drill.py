"""The judge of the kill drill sees what got past a kill, and nothing else."""

import pytest

from engine.domain import events as e
from engine.domain.units import child_id
from engine.drill.kill import Judgement
from tests.process.test_watchdog import intended

TAGS = {
    "parent": "P-1", "trader": "u1", "symbol": "MIDC", "strategy": "TWAP", "desk": "main",
    "client": "fund", "venue": "SIM-A", "model": "m-1",
}  # fmt: skip
MS = 1_000_000


def blocked(scope: str, target: str, parents: tuple[int, ...] = ()) -> e.KillBlocked:
    return e.KillBlocked(
        kill_id=1, generation=1, scope=scope, target=target, by="x", door="cli",
        requested_at=100 * MS, parents=parents, children=(),
    )  # fmt: skip


def judged(*events, taken: bool = True) -> Judgement:
    entries = [
        e.Entry(seq=number, turn=1, market_ns=0, desk_ns=(100 + number) * MS, event=event)
        for number, event in enumerate(events, start=1)
    ]
    found = Judgement()
    found.read(entries, {child_id(1, 1): TAGS} if taken else {})
    return found


RELEASED = e.KillReleased(kill_id=1, by="u4", reason="over")
SCOPES = [*TAGS.items(), ("child", "C-1-1"), ("all", "")]


@pytest.mark.parametrize(("scope", "target"), SCOPES)
def test_a_child_sent_under_a_kill_of_its_scope_is_a_violation(scope, target):
    found = judged(blocked(scope, target), intended(1, 100))
    assert len(found.violations) == 1
    assert "C-1-1 was sent under K-1" in found.violations[0]


@pytest.mark.parametrize(("scope", "target"), SCOPES)
def test_before_the_kill_after_its_release_or_never_sent_is_none(scope, target):
    assert judged(intended(1, 100), blocked(scope, target)).violations == []
    assert judged(blocked(scope, target), RELEASED, intended(1, 100)).violations == []
    assert judged(blocked(scope, target), intended(1, 100), taken=False).violations == []


@pytest.mark.parametrize("scope", [scope for scope, _ in SCOPES if scope != "all"])
def test_another_target_of_the_same_kind_is_left_alone(scope):
    assert judged(blocked(scope, "other"), intended(1, 100)).violations == []


def test_a_killed_parent_is_over_for_good():
    found = judged(blocked("trader", "u9", parents=(1,)), RELEASED, intended(1, 100))
    assert found.violations == ["entry 3: C-1-1 was sent for a killed P-1"]


def test_times_run_from_the_request_in_the_flag():
    sent = e.KillCancelSent(kill_id=1, cancels=0)
    found = judged(blocked("all", ""), sent, e.KillConfirmed(kill_id=1))
    assert (found.blocked_ms, found.cancel_sent_ms, found.confirmed_ms) == ([1.0], [2.0], [3.0])
    assert (found.kills["all"], found.confirmed) == (1, 1)


def test_the_self_test_of_a_start_is_no_kill_of_the_drill():
    sent = e.KillCancelSent(kill_id=1, cancels=0)
    found = judged(blocked("drill", "self-test"), sent, e.KillConfirmed(kill_id=1))
    assert (sum(found.kills.values()), found.confirmed, found.blocked_ms) == (0, 0, [])
