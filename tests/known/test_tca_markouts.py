"""Spreads and markouts worked by hand (KA-7, KA-9)."""

import numpy as np
import pytest

from engine.domain.kinds import AGGRESSIVE, PASSIVE
from engine.domain.units import SECOND
from engine.tca.inputs import MidSeries
from engine.tca.markouts import (
    effective_spread,
    executions,
    impact_spread,
    markout,
    markout_bps,
    mids_after,
    realised_spread,
)
from tests.support.tca import T0, a_parent, some_fills, some_mids

HORIZONS = (1 * SECOND, 15 * SECOND, 60 * SECOND, 300 * SECOND)
LATER = np.array([100.012, 100.02, 100.03, 100.022])


def series(*, filled_at):
    """Mids in ticks: 10001 at the fill, then KA-9's at 1, 15, 60 and 300 s after it."""
    at = filled_at + np.array([0, *HORIZONS])
    mid = np.array([10001.0, *(LATER * 100)])
    return MidSeries(at_ns=at, mid=mid, until_ns=int(at[-1]), stale_after_ns=SECOND)


@pytest.mark.parametrize("side", [1, -1])
def test_spreads_of_the_example(side):
    # KA-7: 100.02 against mid 100.01, later 100.015; the seller's mirror has the same spreads
    price, mid = np.array([100.01 + side * 0.01]), np.array([100.01])
    after = mid + side * 0.005
    effective = effective_spread(side, price, mid)
    assert effective == pytest.approx(0.02)
    assert realised_spread(side, price, after) == pytest.approx(0.01)
    assert impact_spread(side, mid, after) == pytest.approx(0.01)
    assert effective / 0.02 == pytest.approx(1.0)  # E/Q


def test_markouts_of_the_example_flip_for_a_seller():
    # KA-9
    price = np.full(4, 100.02)
    buyer = markout_bps(1, price, LATER)
    assert buyer == pytest.approx([-0.7998, 0.0, 0.9998, 0.2000], abs=5e-5)
    assert (markout_bps(-1, price, LATER) == -buyer).all()


def test_an_order_has_the_markouts_and_realised_spreads_of_the_example():
    parent = a_parent(quantity=300, filled=300)
    fills = some_fills([(300, 10002)])
    after = mids_after(fills, series(filled_at=T0 + SECOND), HORIZONS)
    got = [markout(parent, fills, after[k], h) for k, h in enumerate(HORIZONS)]
    assert [m.gain.bps for m in got] == pytest.approx([-0.7998, 0.0, 0.9998, 0.2000], abs=5e-5)
    assert [m.realised.bps for m in got] == pytest.approx([1.5998, 0, -1.9998, -0.4], abs=5e-5)
    # mid 100.01 -> 100.03 is +1.9998 bp from the mid, and 300 * .02 = 6.00
    assert got[2].from_mid.bps == pytest.approx(1.9998, abs=5e-5)
    assert got[2].from_mid.cost == pytest.approx(6.0)
    assert [m.missing for m in got] == [0, 0, 0, 0]


def test_effective_is_realised_plus_twice_the_move_from_the_mid():
    parent = a_parent(side=-1, quantity=300, filled=300)
    fills = some_fills([(100, 10002), (200, 10004)])
    mids = some_mids([10001.0, 10001.0, 10000.5, 9999.0, 9998.0])
    whole, _ = executions(parent, fills, mids, (SECOND,))
    after = whole.markouts[0]
    moved = 2 * after.from_mid.cost
    assert whole.effective.cost == pytest.approx(after.realised.cost + moved, rel=1e-12)


def test_a_mid_that_is_missing_stale_or_after_the_close_is_nan():
    fills = some_fills([(100, 5000), (100, 5000), (100, 5000), (100, 5000)])  # at 1, 2, 3, 4 s
    at = T0 + SECOND * np.array([1, 2, 9])
    mids = MidSeries(
        at_ns=at, mid=np.array([4999.0, np.nan, 4997.0]), until_ns=T0 + 11 * SECOND,
        stale_after_ns=3 * SECOND,
    )  # fmt: skip
    at_fill = mids_after(fills, mids, (0,))[0]
    assert at_fill[0] == 4999.0
    assert np.isnan(at_fill[1:]).all()  # the book was one-sided
    late = mids_after(fills, mids, (8 * SECOND,))[0]  # 9, 10, 11, 12 s: the last is after the end
    assert late[:3].tolist() == [4997.0] * 3
    assert np.isnan(late[3])
    assert np.isnan(
        mids_after(fills, mids, (5 * SECOND,))[0][:2]
    ).all()  # 6 and 7 s: 2 s is too old
    assert np.isnan(mids_after(fills, some_mids([]), (0,))[0]).all()


def test_a_fill_without_a_mid_leaves_both_sums_and_is_counted():
    parent = a_parent(quantity=300, filled=300)
    fills = some_fills([(100, 10002), (200, 10004)], mid=np.array([10001.0, np.nan]))
    whole, _ = executions(parent, fills, some_mids([10001.0, 10001.0, 10003.0]), (SECOND,))
    assert whole.effective.n == 1
    assert whole.effective.notional == pytest.approx(100 * 100.01)
    # both fills have a mid later: 100 * (100.03 - 100.02) + 200 * (100.03 - 100.04) = -1.00
    assert whole.markouts[0].gain.cost == pytest.approx(-1.0)
    assert whole.markouts[0].realised.n == 1


def test_fills_are_counted_by_liquidity():
    fills = some_fills(
        [(100, 5000), (200, 5001), (50, 5001)],
        liquidity=np.array([PASSIVE, AGGRESSIVE, 0], dtype=np.int32),
    )
    whole, _ = executions(a_parent(filled=350), fills, some_mids([]), ())
    assert (whole.fills, whole.passive, whole.aggressive, whole.passive_shares) == (3, 1, 1, 100)
