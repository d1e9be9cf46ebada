"""Every status of a child x every act of a user: each has an answer, and none is an accident."""

import numpy as np
import pytest

from engine.domain import commands as c
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain import report_kinds as x
from engine.domain.commands import Envelope
from engine.domain.market import TICK
from engine.domain.orders import CHILD_LIVE, ChildState, HoldChildren
from engine.domain.units import Nanos
from tests.support.order_desk import OrderDesk, a_report

S = ChildState
PRICE = 5_000


def a_child_in(state: ChildState) -> tuple[OrderDesk, int]:
    """A working parent of 10,000 with one child of 1,000 in this state, and how it came there."""
    desk = OrderDesk()
    desk.parent(10_000)
    child = desk.child(1_000, price=PRICE)

    def hear(kind, exec_id, **more):
        desk.hear(a_report(kind, exec_id, child, **more))

    if state not in (S.INTENDED, S.UNKNOWN, S.REJECTED, S.SEND_REFUSED):
        hear(k.ACCEPTED, 1)
    match state:
        case S.PARTIAL:
            hear(k.FILLED, 2, quantity=100, price=PRICE)
        case S.STOPPED:
            hear(x.STOPPED, 2)
        case S.PENDING_CANCEL:
            desk.cancel(child)
        case S.PENDING_REPLACE:
            desk.replace(child, 900)
        case S.UNKNOWN:
            desk.facts(e.ChildUnknown(child_id=child))
        case S.CARRIED:
            hear(x.DONE_FOR_DAY, 2, leaves=1_000)
        case S.FILLED:
            hear(k.FILLED, 2, quantity=1_000, price=PRICE)
        case S.CANCELLED:
            hear(k.CANCELLED, 2)
        case S.REJECTED:
            hear(k.REJECTED, 2)
        case S.EXPIRED:
            hear(k.EXPIRED, 2)
        case S.DONE_FOR_DAY:
            hear(x.DONE_FOR_DAY, 2)
        case S.SEND_REFUSED:
            desk.facts(e.ChildSendRefused(child_id=child, rule="test", sentence="stopped"))
    assert desk.of(child).state == state
    return desk, child


def a_tick():
    row = np.zeros(1, TICK)
    row["session"], row["at_ns"] = k.CONTINUOUS, 10**9
    row["bid"][0][0], row["ask"][0][0] = PRICE - 1, PRICE + 1
    row["bid_size"][0][0] = row["ask_size"][0][0] = 100
    return row


def acted(desk: OrderDesk, command: c.AnyCommand) -> list:
    """What the desk wants sent for it."""
    before = len(desk.entries)
    envelope = Envelope(
        id=f"act-{before}-000", person="u1", epoch=1, expires_at=Nanos(desk.now + 10**10),
        command=command, reason="test",
    )  # fmt: skip
    out = desk.turn(commands=(envelope,), ticks=a_tick())
    assert out.answers[envelope.id] == ""
    return wanted(desk, before)


def killed(desk: OrderDesk, scope: str, target: str) -> list:
    before = len(desk.entries)
    desk.turn(kills=(e.KillBlocked(
        kill_id=0, generation=1, scope=scope, target=target, by="u1", door="web",
        requested_at=Nanos(1), parents=(), children=(),
    ),))  # fmt: skip
    return wanted(desk, before)


def wanted(desk: OrderDesk, before: int) -> list:
    events = [entry.event for entry in desk.entries[before:]]
    return [
        type(event).__name__
        for event in events
        if isinstance(event, e.CancelIntended | e.ChildReplaceIntended)
    ]


ACTS = {
    "hold": lambda d, _: acted(d, c.HoldParent(parent_id=1)),
    "hold and leave": lambda d, _: acted(d, c.HoldParent(parent_id=1, children=HoldChildren.LEAVE)),
    "kill the parent": lambda d, _: killed(d, "parent", "P-1"),
    "kill the child": lambda d, n: killed(d, "child", f"C-1-{n & 0xFFFFFF}"),
    "kill all": lambda d, _: killed(d, "all", ""),
    "cut": lambda d, n: acted(d, c.AmendParent(parent_id=1, quantity=d.of(n).filled + 400)),
    "cut to what is done": lambda d, n: acted(
        d, c.AmendParent(parent_id=1, quantity=max(d.of(n).filled, 1))
    ),
    "tighten": lambda d, _: acted(d, c.AmendParent(parent_id=1, limit_price=PRICE - 10)),
    "raise": lambda d, _: acted(d, c.AmendParent(parent_id=1, quantity=20_000)),
}
CANCEL, REPLACE, NOTHING = ["CancelIntended"], ["ChildReplaceIntended"], []
TAKEN_BACK = dict.fromkeys(("hold", "kill the parent", "kill the child", "kill all"), CANCEL)
WORKS = {
    **TAKEN_BACK, "hold and leave": NOTHING, "cut": REPLACE, "tighten": REPLACE, "raise": NOTHING,
}  # fmt: skip
OVER = dict.fromkeys(ACTS, NOTHING)
ANSWERS = {
    S.INTENDED: {**WORKS, "cut to what is done": REPLACE},
    S.OPEN: {**WORKS, "cut to what is done": REPLACE},
    S.PARTIAL: {**WORKS, "cut to what is done": CANCEL},
    S.STOPPED: {**WORKS, "cut to what is done": REPLACE},
    S.UNKNOWN: {**WORKS, "cut to what is done": REPLACE},
    S.CARRIED: {**WORKS, "cut to what is done": REPLACE},
    S.PENDING_REPLACE: {
        **TAKEN_BACK, "hold and leave": NOTHING, "cut": NOTHING, "tighten": NOTHING,
        "raise": NOTHING, "cut to what is done": NOTHING,
    },
    S.PENDING_CANCEL: OVER,
    S.FILLED: OVER,
    S.CANCELLED: OVER,
    S.REJECTED: OVER,
    S.EXPIRED: OVER,
    S.DONE_FOR_DAY: OVER,
    S.SEND_REFUSED: OVER,
}  # fmt: skip


def test_the_matrix_has_every_status():
    assert set(ANSWERS) == set(ChildState)
    assert all(set(row) == set(ACTS) for row in ANSWERS.values())
    assert {state for state, row in ANSWERS.items() if row["kill all"]} == CHILD_LIVE - {
        S.PENDING_CANCEL
    }


@pytest.mark.parametrize("state", list(ChildState))
def test_each_act_has_its_answer_in_each_status(state):
    for name, act in ACTS.items():
        desk, child = a_child_in(state)
        assert act(desk, child) == ANSWERS[state][name], f"{state}: {name}"
        parent = desk.state.parents[1]
        used = parent.filled + desk.state.reserved(1)
        assert used <= parent.quantity, f"{state}: {name}"


@pytest.mark.parametrize("answer", [x.REPLACED, x.REPLACE_REJECTED])
def test_an_act_that_waits_for_a_replace_is_done_when_it_is_answered(answer):
    desk, child = a_child_in(S.PENDING_REPLACE)
    assert ACTS["cut"](desk, child) == NOTHING
    assert desk.state.parents[1].wanted == 400
    before = len(desk.entries)
    desk.hear(a_report(answer, 5, child, request=1, quantity=900, price=PRICE))
    assert wanted(desk, before) == (REPLACE if answer == x.REPLACED else CANCEL)
