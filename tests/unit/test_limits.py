"""Limits on levels: the tightest binds, its refusal names it, and what is used is known."""

from dataclasses import replace

import pytest

from engine.core.evolve import evolve
from engine.core.limitbook import COINS
from engine.core.rules.risk import gate
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.limits import KINDS, TRIPS, Limit, delivered, key_of, key_text
from engine.domain.orders import ParentState
from engine.domain.policy import Policy
from engine.domain.units import MINUTE, SECOND, Nanos
from tests.support.desk_rig import Rig
from tests.support.limits import loosen, terms, tighten

PLACES = (
    ("firm", ""), ("desk", "main"), ("trader", "u1"), ("client", "C-7"),
    ("instrument", "AAA"), ("strategy", "TWAP"),
)  # fmt: skip


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    rig.buy(20_000, client="C-7")
    return rig


def place(rig: Rig, level: str, subject: str) -> tuple[str, str]:
    """The instrument of the rig has another name than in the table."""
    return level, rig.symbol if level == "instrument" else subject


def order(rig: Rig, **changed) -> e.ChildIntended:
    quote = rig.loop.desk.quotes.get(rig.symbol)
    fields = {
        "child_id": 99, "parent_id": 1, "symbol": rig.symbol, "side": 1, "type": 1,
        "price": quote.bid, "quantity": 100, "ttl_ns": 0, "why": 1, "binding": 0,
        "parameter_version": 1,
    }  # fmt: skip
    return e.ChildIntended(**{**fields, **changed})


def stopped_by(rig: Rig, asked: e.ChildIntended) -> Refused | None:
    try:
        gate(rig.state, rig.loop.desk.quotes, rig.state.parents[1], asked)
    except Refused as refusal:
        return refusal
    return None


def put(rig: Rig, kind: str, level: str, subject: str, value: float, **more) -> None:
    """A limit without the road to it."""
    row = Limit(kind=kind, level=level, subject=subject, value=value, version=1, **more)
    rig.state.limits.rows.setdefault(kind, {})[level, subject] = row


def test_every_kind_is_delivered_with_a_derivation_and_the_number_of_the_policy():
    rows = delivered(Policy(max_child_quantity=7))
    assert set(rows) == set(KINDS) - set(TRIPS)
    assert rows["max_child_quantity"].value == 7
    assert all(row.derivation and row.version == 0 for row in rows.values())


@pytest.mark.parametrize(("level", "subject"), PLACES)
def test_a_limit_binds_at_its_level_and_for_nobody_else(rig: Rig, level: str, subject: str):
    level, subject = place(rig, level, subject)
    put(rig, "max_child_quantity", level, subject, 100)
    assert stopped_by(rig, order(rig, quantity=100)) is None
    refusal = stopped_by(rig, order(rig, quantity=101))
    assert refusal is not None
    assert key_of(refusal.rule) == ("max_child_quantity", level, subject)
    assert "must be at most 100 shares, would be 101 shares" in str(refusal)
    assert (f"of {level} {subject}" if subject else "of the firm") in str(refusal)
    if subject:
        del rig.state.limits.rows["max_child_quantity"]
        put(rig, "max_child_quantity", level, "somebody-else", 1)
        assert stopped_by(rig, order(rig, quantity=101)) is None


def test_the_tightest_level_is_the_one_that_is_named(rig: Rig):
    for number, (level, subject) in enumerate(PLACES):
        put(rig, "max_child_value", *place(rig, level, subject), 1_000.0 + number)
    put(rig, "max_child_value", "trader", "u1", 900.0)
    refusal = stopped_by(rig, order(rig, quantity=1_000))
    assert refusal is not None
    assert refusal.rule == "max_child_value@trader:u1"
    assert "child value of trader u1 must be at most 900 USD" in str(refusal)


def test_a_limit_for_each_binds_each_and_gives_way_to_an_own_one(rig: Rig):
    put(rig, "max_child_quantity", "trader", "*", 50)
    assert stopped_by(rig, order(rig, quantity=51)) is not None
    put(rig, "max_child_quantity", "trader", "u1", 80)
    assert stopped_by(rig, order(rig, quantity=80)) is None
    assert stopped_by(rig, order(rig, quantity=81)) is not None


def test_open_value_counts_what_is_at_the_venue_for_each_level(rig: Rig):
    rig.buy(20_000, person="u2", side=-1)
    rig.run(120)
    children = rig.state.children.values()
    tick = rig.state.instruments[rig.symbol].tick_size
    mine = [x for x in children if rig.state.parents[x.parent_id].trader == "u1"]
    held = sum(x.leaves * x.price for x in mine) * tick
    assert rig.state.limits.open.get(("trader", "u1"), 0) / COINS == pytest.approx(held)
    price = order(rig).price
    put(rig, "max_open_value", "trader", "u1", held + 100 * price * tick)
    assert stopped_by(rig, order(rig, quantity=100)) is None
    refusal = stopped_by(rig, order(rig, quantity=101))
    assert refusal is not None
    assert str(refusal).startswith("open value of trader u1 must be at most ")
    put(rig, "max_open_value", "trader", "u1", 1e12)
    every = sum(x.leaves * x.price for x in rig.state.children.values()) * tick
    put(rig, "max_open_value", "firm", "", every + 99 * price * tick)
    refusal = stopped_by(rig, order(rig, quantity=100))
    assert refusal is not None
    assert refusal.rule == "max_open_value"


def test_the_value_of_the_day_counts_what_was_traded_and_what_is_still_to_do(rig: Rig):
    mid = rig.loop.desk.quotes.mid(rig.symbol)
    tick = rig.state.instruments[rig.symbol].tick_size
    first = 20_000 * rig.state.parents[1].arrival_price * tick
    put(rig, "max_day_value", "client", "C-7", first + 1_000 * mid * tick + 1)
    order_of = {"symbol": rig.symbol, "side": -1, "strategy": "TWAP", "horizon_ns": 9 * MINUTE}
    refusal = rig.ask(c.SubmitParent(quantity=1_001, client="C-7", **order_of))
    assert refusal.startswith("value of the day of client C-7 must be at most ")
    rig.do(c.SubmitParent(quantity=1_001, client="other", **order_of))
    rig.do(c.SubmitParent(quantity=1_000, client="C-7", **order_of))
    assert len(rig.state.parents) == 3


def test_a_basket_of_small_orders_is_stopped_by_its_sum(rig: Rig):
    mid = rig.loop.desk.quotes.mid(rig.symbol)
    tick = rig.state.instruments[rig.symbol].tick_size
    put(rig, "max_day_value", "trader", "u1", 45_000 * mid * tick)
    taken = [
        rig.ask(
            c.SubmitParent(
                symbol=rig.symbol, side=1, quantity=5_000 + number, strategy="TWAP",
                horizon_ns=9 * MINUTE,
            )
        )
        for number in range(8)
    ]  # fmt: skip
    assert taken[0] == ""
    assert taken[-1].startswith("value of the day of trader u1")


def test_messages_are_counted_at_every_level_in_its_own_window(rig: Rig):
    now = rig.state.market_ns
    put(rig, "max_messages", "trader", "u1", 3, window_ns=Nanos(SECOND))
    sent = rig.state.limits.sent
    sent["trader", "u1"] = [now - SECOND, now, now]
    assert stopped_by(rig, order(rig)) is None
    sent["trader", "u1"] = [now - SECOND + 1, now, now]
    refusal = stopped_by(rig, order(rig))
    assert refusal is not None
    assert str(refusal) == "new orders of trader u1 must be at most 3 in 1 s, would be 4"


def test_a_walk_of_small_steps_ends_at_the_mean_of_the_window(rig: Rig):
    """Each step is inside the collar at the touch, and near arrival; the window sees the walk."""
    quotes = rig.loop.desk.quotes
    asked = order(rig, price=quotes.get(rig.symbol).ask)
    assert stopped_by(rig, asked) is None
    put(rig, "drift_collar_bps", "firm", "", 20.0, window_ns=Nanos(60 * SECOND))
    trail = quotes.trails[rig.symbol]
    now = rig.state.market_ns
    trail.instants, trail.sums = [], []
    low = int(asked.price * 2 * 0.9975)  # mids a quarter of a per cent below
    for second in range(50):
        trail.add(Nanos(now - (50 - second) * SECOND), low)
    refusal = stopped_by(rig, asked)
    assert refusal is not None
    assert refusal.rule == "drift_collar_bps"
    put(rig, "drift_collar_bps", "firm", "", 30.0, window_ns=Nanos(60 * SECOND))
    assert stopped_by(rig, asked) is None
    trail.instants, trail.sums = [], []  # after a start nothing is known: arrival alone binds
    put(rig, "drift_collar_bps", "firm", "", 0.0, window_ns=Nanos(60 * SECOND))
    assert stopped_by(rig, asked) is None


@pytest.mark.parametrize("price", [0, -1])
def test_a_price_that_is_none_never_leaves(rig: Rig, price: int):
    refusal = stopped_by(rig, order(rig, price=price))
    assert refusal is not None
    assert refusal.rule == "price"


def test_a_restricted_symbol_of_one_trader_is_free_for_the_others(rig: Rig):
    tighten(rig, "restricted", "trader", "u1", symbols=rig.symbol)
    assert stopped_by(rig, order(rig)).rule == "restricted@trader:u1"
    wanted = c.SubmitParent(
        symbol=rig.symbol, side=1, quantity=500, strategy="TWAP", horizon_ns=9 * MINUTE
    )
    assert "is on the restricted list of trader u1" in rig.ask(wanted, "u1")
    rig.do(wanted, "u2")


def test_the_same_order_again_and_again_within_seconds_is_stopped(rig: Rig):
    wanted = c.SubmitParent(
        symbol=rig.symbol, side=1, quantity=700, strategy="TWAP", horizon_ns=9 * MINUTE
    )
    for _ in range(3):
        rig.do(wanted)
    refusal = rig.ask(wanted)
    assert refusal == "equal orders of the firm must be at most 3 in 10 s, would be 4"
    rig.do(wanted, "u2")  # somebody else's order is another order
    rig.do(replace_quantity(wanted, 701))
    rig.clock.now = Nanos(rig.clock.now + 11 * SECOND)
    rig.do(wanted)


def replace_quantity(order_: c.SubmitParent, quantity: int) -> c.SubmitParent:
    return c.SubmitParent(
        symbol=order_.symbol, side=order_.side, quantity=quantity, strategy=order_.strategy,
        horizon_ns=order_.horizon_ns,
    )  # fmt: skip


# --- money typed as shares ------------------------------------------------------------------
def test_money_typed_as_shares_is_stopped_before_any_child_and_says_what_was_meant(rig: Rig):
    """58 million meant, 58 million shares keyed."""
    children = len(rig.journal.events(e.ChildIntended))
    wanted = c.SubmitParent(
        symbol=rig.symbol, side=-1, quantity=58_000_000, strategy="VWAP", horizon_ns=60 * MINUTE
    )
    refusal = rig.ask(wanted)
    mid = rig.loop.desk.quotes.mid(rig.symbol)
    tick = rig.state.instruments[rig.symbol].tick_size
    shares = int(58_000_000 / (mid * tick)) // 100 * 100
    assert f"if 58,000,000 was meant as money: {shares:,} shares" in refusal
    assert "quantity must be at most 700,000 shares" in refusal
    rig.run(30)
    assert len(rig.state.parents) == 1
    later = rig.journal.events(e.ChildIntended)[children:]
    assert all(child.parent_id == 1 for child in later)
    assert rig.state.limits.refused["max_parent_adv", "firm", ""] == 1


# --- the throttle ---------------------------------------------------------------------------
def throttled(rig: Rig) -> None:
    """So tight that a schedule of one child in some seconds sets it off."""
    tighten(rig, "max_repeats", "strategy", "TWAP", 2, window_s=600)
    rig.buy(60_000, horizon_ns=20 * MINUTE)
    rig.buy(20_000, strategy="VWAP")
    for _ in range(600):
        if rig.state.limits.tripped:
            return
        rig.run(1)
    raise AssertionError("the throttle did not trip")


def test_a_strategy_that_repeats_itself_is_disabled_until_risk_enables_it(rig: Rig):
    throttled(rig)
    rig.run(30)
    assert set(rig.state.limits.tripped) == {"TWAP"}
    by_twap = [p for p in rig.state.parents.values() if p.strategy == "TWAP" and p.is_live]
    assert {p.state for p in by_twap} == {ParentState.HELD}
    assert {p.hold_cause for p in by_twap} == {"throttle"}
    assert not any(rig.state.live_children(p.id) for p in by_twap)
    assert rig.state.parents[3].state == ParentState.WORKING  # the other strategy goes on
    wanted = c.SubmitParent(
        symbol=rig.symbol, side=1, quantity=900, strategy="TWAP", horizon_ns=9 * MINUTE
    )
    assert "TWAP is disabled" in rig.ask(wanted, "u2")
    for person in ("u1", "u2", "u3"):  # its trader, another trader, a supervisor: not designated
        assert "needs the right" in rig.ask(c.EnableStrategy(strategy="TWAP"), person)
    assert "needs a reason" in rig.ask(c.EnableStrategy(strategy="TWAP"), "u5", reason=" ")
    rig.do(c.EnableStrategy(strategy="TWAP"), "u5", reason="looked at it with the quant")
    rig.do(wanted, "u2")


def test_time_and_a_new_day_do_not_enable_a_strategy(rig: Rig):
    throttled(rig)
    rig.run(700)
    assert "TWAP" in rig.state.limits.tripped
    later = State()
    carried = e.DeskCarried(
        epoch=2, code="", mode="SIM", session=None, speed=1.0, seed=7,
        people=tuple(rig.state.people.values()), policy=rig.state.policy, parameters=(), models=(),
        kills=(), changes=(), alerts=(), reports={}, signed={}, next_ids=(1, 1, 1, 1, 1),
        kill_generation=0, limits=rig.state.limits.carried(),
    )  # fmt: skip
    evolve(later, e.Entry(seq=1, turn=1, market_ns=1, desk_ns=1, event=carried))
    assert later.limits.tripped == rig.state.limits.tripped
    assert later.limits.rows == rig.state.limits.rows


def test_an_ordinary_day_never_trips_the_throttle_as_delivered(rig: Rig):
    rig.buy(30_000, strategy="POV")
    rig.buy(30_000, strategy="ADAPTIVE", side=-1)
    rig.run(300)
    assert not rig.state.limits.tripped
    assert rig.journal.events(e.ChildIntended)


# --- use ------------------------------------------------------------------------------------
def test_the_highest_use_of_the_day_is_written_down_with_its_limit(rig: Rig):
    tighten(rig, "max_child_quantity", "trader", "u1", 5_000)
    rig.run(300)
    quantities = [x.quantity for x in (*rig.state.ended.values(), *rig.state.children.values())]
    used, limit, at = rig.state.limits.peaks["max_child_quantity", "trader", "u1"]
    assert limit == 5_000
    assert max(quantities) - 5_000 * 0.02 <= used <= max(quantities)
    assert at > 0


def test_what_the_gate_stopped_is_counted_but_is_no_use(rig: Rig):
    tighten(rig, "max_child_quantity", "trader", "u1", 1)
    rig.run(120)
    key = ("max_child_quantity", "trader", "u1")
    assert rig.state.limits.refused[key] >= 1
    assert key not in rig.state.limits.peaks
    stops = rig.journal.events(e.ChildSendRefused)
    assert {stop.rule for stop in stops} == {key_text(key)}


def test_a_new_limit_does_not_touch_what_is_already_there_and_binds_the_next_child(rig: Rig):
    rig.run_until_live(1)
    tighten(rig, "max_participation", "strategy", "TWAP", 0.01)
    assert rig.state.live_children(1)
    loosen(rig, "max_participation", "strategy", "TWAP", 0.0124)
    assert rig.state.limits.rows["max_participation"]["strategy", "TWAP"].version == 2


def test_an_approved_order_meets_the_limits_of_the_moment_of_approval(rig: Rig):
    rig.do(
        c.SubmitParent(
            symbol=rig.symbol, side=1, quantity=100_000, strategy="TWAP", horizon_ns=60 * MINUTE
        ),
        "u2",
    )
    assert rig.state.parents[2].state == ParentState.NEEDS_APPROVAL
    tighten(rig, "max_parent_adv", "trader", "u2", 0.01)
    refusal = rig.ask(c.ApproveParent(parent_id=2, approve=True), "u3")
    assert "of trader u2" in refusal
    assert rig.state.parents[2].state == ParentState.NEEDS_APPROVAL
    rig.do(c.ApproveParent(parent_id=2, approve=False), "u3")


def test_less_is_always_allowed(rig: Rig):
    tighten(rig, "max_parent_adv", "trader", "u1", 0.001)
    assert rig.ask(c.AmendParent(parent_id=1, quantity=20_100)).startswith("quantity must be")
    rig.do(c.AmendParent(parent_id=1, quantity=15_000))


# --- old journals ---------------------------------------------------------------------------
def test_a_journal_without_limits_folds_to_the_limits_as_delivered(rig: Rig):
    old = e.PolicySet(policy=replace(Policy(), max_child_quantity=11))
    body = e.msgspec.json.encode(old)
    plain = e.msgspec.json.decode(body)
    for name in ("max_day_value", "drift_collar_bps", "max_repeats", "max_equal_orders"):
        del plain["policy"][name]
    again = e.msgspec.convert(plain, e.PolicySet)
    assert again == old
    carried = {
        "event": "DeskCarried", "epoch": 1, "code": "", "mode": "SIM", "session": None, "speed": 1,
        "seed": 1, "people": [], "policy": plain["policy"], "parameters": [], "models": [],
        "kills": [], "changes": [], "alerts": [], "reports": {}, "signed": {},
        "next_ids": [1, 1, 1, 1, 1], "kill_generation": 0,
    }  # fmt: skip
    state = State()
    event = e.msgspec.convert(carried, e.DeskCarried)
    evolve(state, e.Entry(seq=1, turn=1, market_ns=1, desk_ns=1, event=event))
    assert state.limits.next_change == 1
    assert delivered(state.policy)["max_child_quantity"].value == 11
    assert terms("max_repeats", "firm").key == ("max_repeats", "firm", "")
