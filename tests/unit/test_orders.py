"""The life of a parent: entry, hold, amend, resume, end; what is refused and in which words."""

import msgspec
import pytest

from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.orders import CatchUp, HoldChildren, OnRestart, ParentState
from tests.support.desk_rig import Rig
from tests.support.order_desk import a_parent


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    return rig


def test_a_parent_is_worked_by_children_and_never_beyond_its_quantity(rig: Rig):
    number = rig.buy(5_000, horizon_ns=600_000_000_000)
    rig.run(700)
    parent = rig.state.parents[number]
    assert parent.state == ParentState.COMPLETED
    assert parent.filled == 5_000
    assert sum(event.quantity for event in rig.journal.events(e.ChildFilled)) == 5_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quantity": 0}, "quantity must be at least 1 share, was 0"),
        ({"quantity": 25_000_000}, "quantity must be at most 700,000 shares (35% of the average"),
        ({"symbol": "NOPE"}, "symbol must be one of MIDC, was 'NOPE'"),
        ({"side": 0}, "side must be +1 (buy) or -1 (sell), was 0"),
        (
            {"strategy": "MAGIC"},
            "strategy must be one of TWAP, VWAP, POV, IS, LIQUIDITY, ADAPTIVE, RL, was 'MAGIC'",
        ),
        ({"parameters": {"band": 9.0}}, "band must be between 0.001 and 0.2 of quantity, was 9"),
        ({"parameters": {"band": 0.1}}, "band must be between 0.005 and 0.05 of quantity for one"),
        ({"parameters": {"zeal": 1.0}}, "TWAP has no parameter 'zeal'"),
        ({"limit_price": 0}, "limit price must be at least 1 tick, was 0"),
        ({"limit_price": 50}, "limit price must be within half and double the mid"),
        ({"horizon_ns": 5}, "horizon must be at least 1 minute"),
    ],
)
def test_a_bad_ticket_is_refused_in_words_and_nothing_exists(rig: Rig, change: dict, words: str):
    fields = {
        "symbol": rig.symbol, "side": 1, "quantity": 1_000, "strategy": "TWAP",
        "horizon_ns": 3600_000_000_000,
    }  # fmt: skip
    refusal = rig.ask(c.SubmitParent(**{**fields, **change}))
    assert words in refusal
    assert rig.state.parents == {}
    assert rig.journal.events(e.CommandRefused)[-1].sentence == refusal


def test_a_notional_typed_as_quantity_is_stopped_before_any_child(rig: Rig):
    refusal = rig.ask(
        c.SubmitParent(
            symbol=rig.symbol,
            side=-1,
            quantity=58_000_000,
            strategy="TWAP",
            horizon_ns=3600_000_000_000,
        )
    )
    assert "quantity must be at most" in refusal
    assert rig.journal.events(e.ChildIntended) == []


def test_above_the_personal_limit_a_second_person_must_approve(rig: Rig):
    number = rig.buy(100_000, person="u2")
    assert rig.state.parents[number].state == ParentState.NEEDS_APPROVAL
    rig.run(20)
    assert rig.journal.events(e.ChildIntended) == []
    assert "needs the right" in rig.ask(c.ApproveParent(parent_id=number, approve=True), "u2")
    rig.do(c.ApproveParent(parent_id=number, approve=True), "u3")
    assert rig.state.parents[number].state == ParentState.WORKING
    rig.run(5)
    assert rig.journal.events(e.ChildIntended)


def test_a_refused_approval_needs_a_reason(rig: Rig):
    number = rig.buy(100_000, person="u2")
    asked = c.ApproveParent(parent_id=number, approve=False)
    assert rig.ask(asked, "u3", reason=" ") == "a refusal needs a reason"
    rig.do(asked, "u3", reason="too large for today")
    assert rig.state.parents[number].state == ParentState.REFUSED


def test_a_hold_cancels_the_children_and_sends_no_new_one(rig: Rig):
    number = rig.buy()
    rig.run_until_live(number)
    rig.do(c.HoldParent(parent_id=number))
    assert rig.state.parents[number].state == ParentState.HOLDING
    sent = len(rig.journal.events(e.ChildIntended))
    rig.run(120)
    assert rig.state.parents[number].state == ParentState.HELD
    assert rig.state.live_children(number) == ()
    assert len(rig.journal.events(e.ChildIntended)) == sent


def test_a_hold_may_leave_the_children_when_it_says_so(rig: Rig):
    number = rig.buy()
    left = rig.run_until_live(number)
    rig.do(c.HoldParent(parent_id=number, children=HoldChildren.LEAVE))
    assert rig.state.parents[number].state == ParentState.HELD
    assert rig.state.live_children(number) == left


def test_spread_never_sends_the_missed_amount_in_one_child(rig: Rig):
    number = rig.buy(60_000, catch_up=CatchUp.SPREAD)
    rig.run(30)
    largest = max(event.quantity for event in rig.journal.events(e.ChildIntended))
    rig.do(c.HoldParent(parent_id=number))
    rig.run(600)
    before = len(rig.journal.events(e.ChildIntended))
    rig.do(c.ResumeParent(parent_id=number))
    rig.run(60)
    after = rig.journal.events(e.ChildIntended)[before:]
    assert after
    assert max(event.quantity for event in after) <= 2 * largest + 200


def test_shift_moves_the_end_by_the_time_held(rig: Rig):
    number = rig.buy(catch_up=CatchUp.SHIFT)
    end = rig.state.parents[number].end_at
    rig.run(10)
    rig.do(c.HoldParent(parent_id=number))
    rig.run(300)
    rig.do(c.ResumeParent(parent_id=number))
    assert rig.state.parents[number].end_at == end + 300_000_000_000


def test_skip_leaves_the_missed_quantity_unfilled(rig: Rig):
    number = rig.buy(36_000, catch_up=CatchUp.SKIP)
    rig.do(c.HoldParent(parent_id=number))
    rig.run(600)  # a sixth of the hour
    rig.do(c.ResumeParent(parent_id=number))
    assert rig.state.parents[number].quantity == 30_000


def test_a_hold_by_the_system_is_released_by_another_person_than_the_trader(rig: Rig):
    number = rig.buy()
    rig.do(c.HoldParent(parent_id=number, cause="data"), "u3")
    rig.run(5)
    assert "held by the system (data)" in rig.ask(c.ResumeParent(parent_id=number))
    rig.do(c.ResumeParent(parent_id=number), "u3")


def test_an_amendment_below_what_is_filled_is_refused(rig: Rig):
    number = rig.buy()
    rig.run(120)
    filled = rig.state.parents[number].filled
    assert filled
    refusal = rig.ask(c.AmendParent(parent_id=number, quantity=filled - 1))
    assert f"quantity must be at least the {filled:,} filled" in refusal


def test_an_amendment_that_allows_more_leaves_the_children_and_counts_a_version(rig: Rig):
    number = rig.buy()
    rig.run_until_live(number)
    before = rig.state.live_children(number)
    rig.do(c.AmendParent(parent_id=number, quantity=40_000), version=1)
    parent = rig.state.parents[number]
    assert (parent.quantity, parent.wanted, parent.version) == (40_000, 0, 2)
    assert rig.state.live_children(number) == before
    stale = rig.ask(c.AmendParent(parent_id=number, quantity=50_000), version=1)
    assert "you saw version 1, it is 2" in stale


def test_a_limit_price_is_never_passed(rig: Rig):
    limit = int(rig.loop.desk.quotes.mid(rig.symbol)) - 3
    rig.buy(limit_price=limit)
    rig.run(600)
    assert all(event.price <= limit for event in rig.journal.events(e.ChildIntended))


def test_a_parameter_inside_the_band_counts_at_the_next_decision(rig: Rig):
    number = rig.buy()
    rig.run(10)
    assert "the approved band" in rig.ask(
        c.MoveParameter(parent_id=number, name="max_participation", value=0.3)
    )
    rig.do(c.MoveParameter(parent_id=number, name="aggression", value=0.7))
    assert rig.state.parameter_values(rig.state.parents[number])["aggression"] == 0.7


def test_the_close_expires_everything_and_a_new_day_starts_empty():
    rig = Rig()
    rig.run(2)
    number = rig.buy(400_000, horizon_ns=23_400_000_000_000, parameters={"aggression": 0.0})
    close = rig.state.session.close_at
    assert "still open" in rig.ask(c.OpenNextDay())
    rig.run((close - rig.state.market_ns) // 1_000_000_000)
    assert not rig.state.is_open
    assert rig.state.parents[number].state in (ParentState.EXPIRED, ParentState.COMPLETED)
    assert rig.state.children == {}
    rig.do(c.OpenNextDay())
    assert rig.state.is_open
    assert rig.state.session.day == "2026-12-01"
    assert rig.state.parents == {}
    assert len(rig.state.people) == 7
    rig.run(5)  # the venue is found and compared: what it said of the day before is not of this one
    assert rig.state.is_open
    assert rig.state.session.day == "2026-12-01"
    assert rig.state.parents[rig.buy(1_000)].state == ParentState.WORKING


@pytest.mark.parametrize("cause", ["restart", "venue"])
def test_each_break_asks_its_own_policy_and_not_the_other(cause):
    rig = Rig()
    rig.run(2)
    mine, others = ("on_restart", "on_disconnect") if cause == "restart" else (
        "on_disconnect", "on_restart"
    )  # fmt: skip
    pairs = [(one, other) for one in OnRestart for other in OnRestart]
    numbers = {
        rig.buy(1_000 + 100 * i, **{mine: one, others: other}): one
        for i, (one, other) in enumerate(pairs)
    }
    rig.run(3)
    if cause == "restart":
        rig.loop.resume_day()
        rig.loop.venue_ready = False
    else:
        rig.venue.silent = True
        rig.run(1)
        assert not rig.loop.venue_ready
        rig.venue.silent = False
    rig.loop._find_venue()
    for number, policy in numbers.items():
        parent = rig.state.parents[number]
        held = parent.state in (ParentState.HOLDING, ParentState.HELD)
        assert (held, parent.passive_only) == (
            policy == OnRestart.HOLD, policy == OnRestart.PASSIVE
        )  # fmt: skip
        assert parent.hold_cause == (cause if held else "")


def test_an_order_without_a_choice_for_a_lost_exchange_does_what_it_does_after_a_restart():
    old = a_parent(on_restart=OnRestart.PASSIVE)
    assert old.on_disconnect is None
    assert {old.after(cause) for cause in ("restart", "venue")} == {OnRestart.PASSIVE}
    raw = msgspec.json.decode(msgspec.json.encode(old))
    del raw["on_disconnect"]  # as journals of older versions have it
    assert msgspec.convert(raw, type(old)) == old


def test_every_restart_policy_does_what_the_ticket_said():
    rig = Rig()
    rig.run(2)
    numbers = {policy: rig.buy(on_restart=policy) for policy in OnRestart}
    rig.run(20)
    rig.loop.restart_cause = "restart"
    rig.loop.venue_ready = False
    rig.loop._find_venue()
    parents = rig.state.parents
    assert parents[numbers[OnRestart.RESUME]].state == ParentState.WORKING
    assert parents[numbers[OnRestart.HOLD]].state == ParentState.HOLDING
    assert parents[numbers[OnRestart.PASSIVE]].passive_only
    before = len(rig.journal.entries)
    rig.run(600)
    crossing = [
        entry.event for entry in rig.journal.entries[before:]
        if isinstance(entry.event, e.ChildIntended)
        and entry.event.parent_id == numbers[OnRestart.PASSIVE] and entry.event.type == 2
    ]  # fmt: skip
    assert crossing == []
