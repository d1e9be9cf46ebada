"""DOMAIN.md KA-1, KA-2, KA-4."""

import itertools

import pytest

from engine.domain.kinds import F_MICROPRICE, F_WEIGHTED_MID, FEATURE_NAMES
from engine.kernels.features import (
    imbalance,
    microprice_shift,
    order_flow_step,
    prior_microprice,
    trade_sign,
    weighted_mid,
)

QUOTES = [  # bid, bid size, ask, ask size [tick = 0.01], weighted mid, imbalance, spread bp
    ((10000, 300, 10002, 200), 10001.2, 0.2, 1.99980),
    ((10000, 500, 10002, 200), 10001.428571, 0.42857143, 1.99980),
    ((10001, 100, 10002, 150), 10001.4, -0.2, 0.99985),
    ((10001, 100, 10003, 400), 10001.4, -0.6, 1.99960),
    ((10000, 450, 10002, 250), 10001.285714, 0.28571429, 1.99980),
    ((10000, 450, 10002, 100), 10001.636364, 0.63636364, 1.99980),
]


@pytest.mark.parametrize(("quote", "weighted", "touch", "spread_bp"), QUOTES)
def test_the_top_of_book_measures_are_those_of_the_table(quote, weighted, touch, spread_bp):
    bid, bid_size, ask, ask_size = quote
    assert weighted_mid(bid, bid_size, ask, ask_size) == pytest.approx(weighted, abs=5e-7)
    assert imbalance(bid_size, ask_size) == pytest.approx(touch, abs=5e-9)
    assert (ask - bid) / (0.5 * (ask + bid)) * 1e4 == pytest.approx(spread_bp, abs=5e-6)


def test_order_flow_imbalance_of_six_quotes():
    quotes = [tuple(float(x) for x in quote) for quote, *_ in QUOTES]
    steps = [order_flow_step(a, b) for a, b in itertools.pairwise(quotes)]
    assert steps == [200, 150, 150, -350, 150]
    assert sum(steps) == 300


@pytest.mark.parametrize(
    ("price", "last_different", "sign"),
    [
        (10002.0, 10000.0, 1),
        (10000.0, 10002.0, -1),
        (10001.5, 10002.0, 1),
        (10000.5, 10000.0, -1),
        (10001.0, 10000.0, 1),
        (10001.0, 10002.0, -1),
    ],
)
def test_trade_signs(price, last_different, sign):
    assert trade_sign(price, 10000.0, 10002.0, last_different) == sign


def test_on_a_zero_uptick_the_last_different_price_decides():
    before = [10000.0, 10001.0]  # then 10001 again
    last_different = next(price for price in reversed(before) if price != 10001.0)
    assert trade_sign(10001.0, 10000.0, 10002.0, last_different) == 1


def test_a_trade_at_the_mid_without_a_different_price_before_it_has_no_sign():
    assert trade_sign(10001.0, 10000.0, 10002.0, 10001.0) == 0


def test_weighted_mid_and_microprice_are_two_numbers_with_two_names():
    table = prior_microprice()
    assert FEATURE_NAMES[F_WEIGHTED_MID] != FEATURE_NAMES[F_MICROPRICE]
    assert weighted_mid(10000, 300, 10002, 200) - 10001 == pytest.approx(0.2)
    assert microprice_shift(table, 300, 200, 2) == pytest.approx(0.074)


@pytest.mark.parametrize("spread", [1, 2, 3, 4, 40])
def test_the_microprice_is_antisymmetric_and_leans_to_the_longer_queue(spread):
    table = prior_microprice()
    for bid_size, ask_size in ((950, 50), (750, 250), (560, 440)):
        up = microprice_shift(table, bid_size, ask_size, spread)
        assert up == -microprice_shift(table, ask_size, bid_size, spread)
        assert up > 0 or spread >= 4
