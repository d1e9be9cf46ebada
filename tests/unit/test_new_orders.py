"""New orders of the desk have a bucket; cancels have none, go first and never wait for it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.rules import limits
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain.orders import ParentState
from engine.domain.units import SECOND, child_id
from engine.runtime import send
from tests.support.desk_rig import Rig
from tests.support.order_desk import INSTRUMENT, OrderDesk, a_report


def busy(parents: int, bucket: int) -> Rig:
    """Many orders of two symbols that decide in the same second."""
    rig = Rig(symbols=2)
    rig.loop.facts((e.PolicySet(policy=replace(rig.state.policy, max_new_orders=bucket)),))
    rig.run(3)
    names = list(rig.state.instruments)
    for i in range(parents):
        rig.buy(10_000 + 100 * i, symbol=names[i % 2], on_restart="resume")
    return rig


def batches(rig: Rig) -> dict[int, list[int]]:
    """Kinds of messages by the market second in which they reached the venue, in their order."""
    out: dict[int, list[int]] = {}
    for row in rig.venue.sent:
        out.setdefault(int(row["sent_ns"]) // SECOND, []).append(int(row["kind"]))
    return out


def stopped(rig: Rig) -> list[str]:
    return [x.rule for x in rig.journal.events(e.ChildSendRefused)]


@pytest.mark.parametrize(
    ("sent", "rule"), [(0, ""), (4, ""), (5, "max_new_orders"), (9, "max_new_orders")]
)
def test_the_next_order_is_stopped_when_the_bucket_of_the_second_is_empty(sent, rule):
    rig = busy(1, 5)
    now = rig.state.market_ns
    book = rig.state.limits.sent
    book["firm", ""] = [now - SECOND, *[now - SECOND + 1] * sent]  # the first is out of the window
    uses = [u for u in limits.child_uses(
        rig.state, rig.loop.desk.quotes, rig.state.parents[1], an_order(rig))
        if u.limit.kind == "max_new_orders"]  # fmt: skip
    assert [use.used for use in uses] == [sent + 1]
    assert [use.rule for use in uses if use.is_beyond] == ([rule] if rule else [])


def an_order(rig: Rig) -> e.ChildIntended:
    quote = rig.loop.desk.quotes.get(rig.symbol)
    return e.ChildIntended(
        child_id=99, parent_id=1, symbol=rig.symbol, side=1, type=1, price=quote.bid, quantity=100,
        ttl_ns=0, why=1, binding=0, parameter_version=1,
    )  # fmt: skip


def test_no_second_brings_more_new_orders_to_the_venue_than_the_bucket_holds():
    rig = busy(12, 3)
    rig.run(40)
    news = [kinds.count(k.NEW) for kinds in batches(rig).values()]
    assert max(news) == 3
    assert "max_new_orders" in stopped(rig)
    assert rig.state.limits.refused["max_new_orders", "firm", ""] > 0


def test_a_cancel_leaves_while_no_new_order_may():
    rig = busy(6, 200)
    rig.run_until_live(1)
    rig.loop.facts((e.PolicySet(policy=replace(rig.state.policy, max_new_orders=1)),))
    rig.state.limits.sent["firm", ""] = [rig.state.market_ns + i * SECOND for i in range(60)]
    live = set(rig.state.children)
    assert live
    before = len(rig.venue.sent)
    rig.gate.request("all", "", "u1", door="web", now_ns=rig.clock.wall_ns())
    rig.run(1)
    rows = rig.venue.sent[before:]
    assert {int(row["child"]) for row in rows if row["kind"] == k.CANCEL} == live
    assert [row for row in rows if row["kind"] == k.NEW] == []
    rig.run(5)
    assert all(p.state == ParentState.KILLED for p in rig.state.parents.values())


def test_a_hold_takes_its_children_back_out_of_an_empty_bucket():
    rig = busy(2, 1)
    (child, *_) = rig.run_until_live(1)
    rig.state.limits.sent["firm", ""] = [rig.state.market_ns + i * SECOND for i in range(60)]
    rig.do(c.HoldParent(parent_id=1))
    assert any(row["kind"] == k.CANCEL and int(row["child"]) == child.id for row in rig.venue.sent)


def batch(cancels: int, news: int) -> list[int]:
    """Kinds of the messages of one turn with so many of both, in the order in which they leave."""
    desk = OrderDesk()
    desk.parent()
    ids = []
    for i in range(cancels):
        child = desk.child(100)
        desk.hear(a_report(k.ACCEPTED, i + 1, child))
        desk.cancel(child)
        ids.append(child)
    fresh = [
        e.ChildIntended(
            child_id=child_id(1, 500 + i), parent_id=1, symbol=INSTRUMENT.symbol, side=1,
            type=k.LIMIT, price=5000, quantity=100, ttl_ns=0, why=0, binding=0,
            parameter_version=1,
        )
        for i in range(news)
    ]  # fmt: skip
    return [int(kind) for kind in send.messages_for(desk.state, ids, fresh)["kind"]]


@settings(max_examples=50, deadline=None)
@given(cancels=st.integers(0, 8), news=st.integers(0, 8))
def test_of_every_batch_the_cancels_go_first(cancels, news):
    assert batch(cancels, news) == [k.CANCEL] * cancels + [k.NEW] * news


def test_a_batch_that_puts_new_orders_first_is_seen(monkeypatch):
    """The cheat: the rows the other way round."""
    real = send.messages_for
    monkeypatch.setattr(send, "messages_for", lambda *given: real(*given)[::-1])
    assert batch(2, 1) != [k.CANCEL] * 2 + [k.NEW]
