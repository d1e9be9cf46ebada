"""The cost metric of the lab on fills that were worked by hand."""

import numpy as np
import pytest

from engine.domain.kinds import AGGRESSIVE, PASSIVE
from engine.domain.market import REPORT
from engine.lab.cost import OUTCOME, fill_costs, fill_fees, parts_bps
from engine.lab.paired import distinct

# price, sub, shares, liquidity, venue, own bid, own ask, mid without us
BOUGHT = (
    (5_002, 0, 300, AGGRESSIVE, 0, 5_000, 5_002, 5_000.5),
    (5_001, 50, 100, PASSIVE, 3, 5_001, 5_002, 5_000.0),
)


def reports(fills):
    rows = np.zeros(len(fills), REPORT)
    for row, fill in zip(rows, fills, strict=True):
        for name, value in zip(
            ("price", "sub", "quantity", "liquidity", "venue", "bid", "ask"), fill, strict=False
        ):
            row[name] = value
    return rows, np.array([fill[7] for fill in fills])


def an_outcome(fills, side=1, start=5_000.0, impact=0.0):
    out = np.zeros(1, OUTCOME)
    rows, quiet = reports(fills)
    fill_costs(out[0], rows, quiet, side, start)
    out["impact"] = impact
    return out


def test_cost_spread_and_arrival_are_exact_sums_in_hundredths_of_a_tick():
    out = an_outcome(BOUGHT)[0]
    # 300 (5002 - 5000.5) + 100 (5001.5 - 5000) = 450 + 150 ticks
    assert out["cost"] == 60_000
    # 300 (5002 - 5001) + 100 (5001.5 - 5001.5) = 300 ticks
    assert out["spread"] == 30_000
    # 300 (5002 - 5000) + 100 (5001.5 - 5000) = 750 ticks
    assert out["arrival"] == 75_000
    assert (out["filled"], out["passive"], out["fills"]) == (400, 100, 2)
    assert out["venue"].tolist() == [300, 0, 0, 100, 0, 0, 0, 0]


def test_a_seller_at_the_same_prices_earns_what_the_buyer_pays():
    bought, sold = an_outcome(BOUGHT), an_outcome(BOUGHT, side=-1)
    for name in ("cost", "spread", "arrival"):
        assert sold[name][0] == -bought[name][0]


def test_the_three_parts_add_up_and_the_headline_leaves_the_permanent_part_out():
    out = an_outcome(BOUGHT, impact=2.0)
    out["fees"] = 0.4  # currency = 40 ticks * share
    parts = {name: values[0] for name, values in parts_bps(out, 400, 0.01).items()}
    on = 400 * 5_000 / 1e4
    assert parts["total"] == pytest.approx((600 + 40) / on)
    assert parts["permanent"] == pytest.approx(0.5 * 2.0 * 400 / on)
    assert parts["spread"] == pytest.approx(300 / on)
    assert parts["temporary"] + parts["spread"] + parts["permanent"] == pytest.approx(
        parts["total"]
    )
    assert parts["headline"] == pytest.approx(parts["temporary"] + parts["spread"])
    assert parts["shortfall"] == pytest.approx((750 + 40) / on)


def test_a_fill_into_a_one_sided_book_has_no_spread_part_and_is_counted():
    out = an_outcome([(5_002, 0, 300, AGGRESSIVE, 0, 0, 5_002, 5_000.5)])[0]
    assert (out["unquoted"], out["spread"], out["cost"]) == (300, 0, 45_000)


def test_fees_are_by_venue_and_liquidity_and_a_rebate_is_negative():
    table = np.zeros((8, 3))
    table[0, AGGRESSIVE], table[3, PASSIVE] = 0.003, -0.001
    assert fill_fees(reports(BOUGHT)[0], table) == pytest.approx(300 * 0.003 - 100 * 0.001)


def test_instants_of_several_runs_are_put_in_order_and_stand_once():
    one, other, none = np.array([3, 3, 5, 9]), np.array([1, 5, 7]), np.array([], np.int64)
    assert distinct(one, none, other).tolist() == [1, 3, 5, 7, 9]
    assert distinct(np.array([4])).tolist() == [4]
