"""The last gate before the venue: each limit passes at its edge and stops one beyond it."""

from dataclasses import replace

import pytest
from msgspec import structs

from engine.core.rules.risk import gate
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.orders import ParentState
from engine.domain.policy import Policy
from engine.domain.units import Nanos
from tests.support.desk_rig import Rig


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(5)
    rig.buy(20_000)
    return rig


def order(rig: Rig, **changed) -> e.ChildIntended:
    quote = rig.loop.desk.quotes.get(rig.symbol)
    fields = {
        "child_id": 99,
        "parent_id": 1,
        "symbol": rig.symbol,
        "side": 1,
        "type": 1,
        "price": quote.bid,
        "quantity": 100,
        "ttl_ns": 0,
        "why": 1,
        "binding": 0,
        "parameter_version": 1,
    }
    return e.ChildIntended(**{**fields, **changed})


def stopped_by(rig: Rig, asked: e.ChildIntended) -> str:
    try:
        gate(rig.state, rig.loop.desk.quotes, rig.state.parents[1], asked)
    except Refused as refusal:
        return refusal.rule
    return ""


def allow(rig: Rig, **limits) -> None:
    rig.state.policy = replace(rig.state.policy, **limits)


def test_an_ordinary_child_passes(rig: Rig):
    assert stopped_by(rig, order(rig)) == ""


def test_quantity_stops_one_share_beyond_the_limit(rig: Rig):
    allow(rig, max_child_quantity=500, max_child_value=1e12)
    assert stopped_by(rig, order(rig, quantity=500)) == ""
    assert stopped_by(rig, order(rig, quantity=501)) == "max_child_quantity"
    assert stopped_by(rig, order(rig, quantity=0)) == "quantity"


def test_value_stops_one_share_beyond_the_limit(rig: Rig):
    price = order(rig).price
    allow(rig, max_child_value=500 * price * 0.01)
    assert stopped_by(rig, order(rig, quantity=500)) == ""
    assert stopped_by(rig, order(rig, quantity=501)) == "max_child_value"


def test_overfill_counts_what_is_live_and_under_way(rig: Rig):
    allow(rig, max_child_quantity=10**9, max_child_value=1e12, max_open_value=1e15)
    rig.run(60)
    parent = rig.state.parents[1]
    room = parent.quantity - parent.filled - rig.state.reserved(1)
    allow(rig, participation_grace=10**9)
    assert stopped_by(rig, order(rig, quantity=room)) == ""
    assert stopped_by(rig, order(rig, quantity=room + 1)) == "overfill"


@pytest.mark.parametrize("side", [1, -1])
def test_the_collar_stops_one_tick_beyond(rig: Rig, side: int):
    quote = rig.loop.desk.quotes.get(rig.symbol)
    touch = quote.ask if side > 0 else quote.bid
    most = int(rig.state.policy.collar_bps * touch / 1e4)
    assert stopped_by(rig, order(rig, side=side, price=touch + side * most)) == ""
    assert stopped_by(rig, order(rig, side=side, price=touch + side * (most + 1))) == "collar_bps"


def test_the_window_collar_looks_at_arrival(rig: Rig):
    allow(rig, collar_bps=1e6, window_collar_bps=10.0)
    arrival = rig.state.parents[1].arrival_price
    assert stopped_by(rig, order(rig, price=int(arrival * 1.0009))) == ""
    assert stopped_by(rig, order(rig, price=int(arrival * 1.0012))) == "window_collar_bps"
    assert stopped_by(rig, order(rig, price=int(arrival * 0.9))) == ""  # better than arrival


def test_the_limit_price_is_the_last_word(rig: Rig):
    price = order(rig).price
    rig.state.parents[1] = structs.replace(rig.state.parents[1], limit_price=price)
    assert stopped_by(rig, order(rig, price=price)) == ""
    assert stopped_by(rig, order(rig, price=price + 1)) == "limit"


def test_the_rate_stops_the_next_message_in_the_window(rig: Rig):
    allow(rig, max_messages=3)
    now = rig.state.market_ns
    sent = rig.state.limits.sent
    sent["instrument", rig.symbol] = [now, now]
    assert stopped_by(rig, order(rig)) == ""
    sent["instrument", rig.symbol] = [now, now, now]
    assert stopped_by(rig, order(rig)) == "max_messages"
    window = rig.state.policy.message_window_ns
    sent["instrument", rig.symbol] = [Nanos(now - window), now, now]
    assert stopped_by(rig, order(rig)) == ""


def test_participation_counts_own_volume_in_the_denominator(rig: Rig):
    allow(rig, participation_grace=0, max_participation=0.10, max_child_value=1e12)
    volume = rig.loop.desk.quotes.totals(rig.symbol)[0]
    parent = structs.replace(rig.state.parents[1], arrival_volume=volume - 9_000)
    rig.state.parents[1] = parent
    assert stopped_by(rig, order(rig, quantity=1_000)) == ""  # 1,000 of 10,000
    assert stopped_by(rig, order(rig, quantity=1_100)) == "max_participation"


def test_open_value_of_the_desk_is_counted(rig: Rig):
    price = order(rig).price
    held = sum(child.leaves * child.price for child in rig.state.children.values()) * 0.01
    allow(rig, max_open_value=held + 100 * price * 0.01)
    assert stopped_by(rig, order(rig, quantity=100)) == ""
    assert stopped_by(rig, order(rig, quantity=101)) == "max_open_value"


def test_a_stale_or_missing_quote_stops_everything(rig: Rig):
    rig.state.market_ns = Nanos(rig.state.market_ns + rig.state.policy.max_feed_age_ns + 1)
    asked = order(rig)
    assert stopped_by(rig, asked) == "feed_age"
    rig.loop.desk.quotes.by_symbol.clear()
    assert stopped_by(rig, asked) == "quote"


@pytest.mark.parametrize("state", [s for s in ParentState if s != ParentState.WORKING])
def test_only_a_working_parent_sends(rig: Rig, state: ParentState):
    rig.state.parents[1] = structs.replace(rig.state.parents[1], state=state)
    assert stopped_by(rig, order(rig)) == "state"


def test_restricted_names_and_types_are_stopped(rig: Rig):
    allow(rig, order_types=(1,))
    assert stopped_by(rig, order(rig, type=2)) == "order_types"
    allow(rig, restricted=(rig.symbol,))
    assert stopped_by(rig, order(rig)) == "restricted"
    rig.state.policy = Policy()
    rig.state.difference = "abc"
    assert stopped_by(rig, order(rig)) == "reconciliation"
