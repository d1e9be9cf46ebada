"""Auctions: the price is the best of all, every share has a partner, nobody is passed over."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.kinds import (
    ACCEPTED,
    AT_CLOSE,
    AT_OPEN,
    BUY,
    CANCELLED,
    EXPIRED,
    FILLED,
    PRE_OPEN,
    REASON_CLOSED,
    REASON_SELF_MATCH,
    SELL,
)
from engine.domain.market import TICK
from engine.exchange.presets import PRESETS
from engine.kernels import auction
from engine.kernels.environment import new_day
from engine.kernels.jit import JIT
from tests.oracle import naive_auction as naive
from tests.support.market import OPEN, SECOND
from tests.support.off import Desk

SECONDS = 120
DAYS = [new_day(seed, PRESETS[0].flow(), OPEN, OPEN + SECONDS * SECOND) for seed in range(1, 5)]
OWN = st.lists(
    st.tuples(
        st.sampled_from([0, 0, -30, -5, -2, -1, 0, 1, 2, 5, 30, 400]),  # limit from the middle
        st.integers(1, 60_000),
        st.integers(0, 700),  # seconds before the auction
    ),
    max_size=6,
)


def at_auction(day, side, own, kind, at_ns):
    """An environment just before an auction with own orders in it, and the twin's orders."""
    desk = Desk(day)
    desk.st["r"] = 5_003.7
    usual, sigma = float(desk.env.off[0]["top"][0]["usual"]), float(day.flow[0]["sigma"])
    number, name = (0, "open") if kind == AT_OPEN else (1, "close")
    orders = naive.others(day.seed, number, name, usual, sigma, 5_003.7)
    for child, (away, quantity, early) in enumerate(
        sorted(own, key=lambda order: -order[2]), start=1
    ):
        price = 5_004 + away if away else 0
        row, message = desk.enter(
            child, side=side, type=kind, price=price, quantity=quantity, venue=0
        )
        desk.st["at_ns"] = at_ns - early * SECOND
        auction.takes_part(desk.env, row, message, desk.reports)
        orders.append(
            {"side": side, "price": price, "quantity": quantity, "early": early * SECOND,
             "child": child}
        )  # fmt: skip
    desk.st["at_ns"] = desk.st["now_ns"] = at_ns
    return desk, orders


@given(st.sampled_from(DAYS), st.sampled_from([BUY, SELL]), OWN, st.booleans())
@settings(max_examples=120 if JIT else 15, deadline=None)
def test_the_price_is_the_best_of_all_and_every_share_has_a_partner(day, side, own, opens):
    kind, at_ns = (AT_OPEN, OPEN) if opens else (AT_CLOSE, OPEN + SECONDS * SECOND)
    desk, orders = at_auction(day, side, own, kind, at_ns)
    hold = auction.open_auction if opens else auction.close_auction
    hold(desk.env, desk.reports, desk.trades)
    price, volume, _ = naive.clearing(orders, 5_004)
    fills = naive.allotted(orders, price, volume)
    ours = sum(fill for fill, order in zip(fills, orders, strict=True) if "child" in order)
    assert desk.printed() == [(price, 0, volume, ours)]
    print_ = desk.trades[0]
    assert (print_["auction"], print_["side"], print_["at_ns"]) == (1, 0, at_ns)
    wanted = [
        (order["child"], price, fill)
        for fill, order in zip(fills, orders, strict=True)
        if "child" in order and fill
    ]
    filled = [row for row in desk.seen() if row[0] == FILLED]
    assert [(row[1], row[2], row[4]) for row in filled] == wanted
    left = [row for row in desk.seen() if row[0] != FILLED]
    if opens:
        open_ = [o["child"] for f, o in zip(fills, orders, strict=True)
                 if "child" in o and f < o["quantity"]]  # fmt: skip
        assert [(row[0], row[1], row[7]) for row in left] == [
            (EXPIRED, child, REASON_CLOSED) for child in open_
        ]
    else:
        assert left == []  # with the close everything expires
    assert desk.st["pushed"] == side * ours
    assert desk.st["volume"] == desk.st["notional"] == 0  # auctions have a volume of their own
    assert desk.env.state[0]["venues"][0]["volume"] == volume


def test_an_own_order_moves_the_price_against_itself_and_more_the_larger_it_is():
    prices = []
    for quantity in (0, 20_000, 60_000, 150_000):
        own = [(0, quantity, 300)] if quantity else []
        desk, _ = at_auction(DAYS[0], BUY, own, AT_CLOSE, OPEN + SECONDS * SECOND)
        auction.close_auction(desk.env, desk.reports, desk.trades)
        prices.append(desk.printed()[0][0])
    assert prices == sorted(prices)
    assert prices[0] < prices[-2] < prices[-1]


def test_own_orders_of_both_sides_are_never_in_one_auction():
    desk, _ = at_auction(DAYS[0], BUY, [(0, 500, 300)], AT_CLOSE, OPEN + SECONDS * SECOND)
    row, message = desk.enter(9, side=SELL, type=AT_CLOSE, price=0, quantity=100, venue=0)
    auction.takes_part(desk.env, row, message, desk.reports)
    assert desk.seen()[0][:2] == (CANCELLED, 9)
    assert desk.seen()[0][7] == REASON_SELF_MATCH
    assert desk.env.own[0]["state"] == ACCEPTED


def test_the_indication_is_what_an_auction_of_those_who_have_come_would_do():
    desk, orders = at_auction(DAYS[1], BUY, [(2, 7_000, 500)], AT_OPEN, OPEN)
    desk.st["session"] = PRE_OPEN
    tick = np.zeros(1, TICK)
    for ahead_s in (700, 600, 400, 100, 1):
        desk.st["now_ns"] = OPEN - ahead_s * SECOND
        auction.write_indicative(desk.env, tick[0])
        shown = tuple(int(tick[0][f"auction_{name}"]) for name in ("price", "volume", "imbalance"))
        if ahead_s > 600:
            assert shown == (0, 0, 0)
            continue
        came = [o for o in orders if "child" in o or o["early"] >= ahead_s * SECOND]
        assert shown == (naive.clearing(came, 5_004) or (0, 0, shown[2]))
    assert shown[1] > 10_000
