"""Facts of a report from the records that the desk keeps."""

import numpy as np

from engine.domain.market import TICK, TRADE
from engine.tca.inputs import MidSeries, Tape, mid_of_touch, mids_of, tape_of


def test_a_tape_comes_from_trade_rows_of_any_buffer_and_adds_up_exactly():
    rows = np.zeros(4, TRADE)
    rows["at_ns"], rows["price"], rows["quantity"] = [5, 6, 6, 9], 5001, [100, 200, 300, 400]
    tape = tape_of(np.frombuffer(rows.tobytes(), TRADE)[::2])  # read-only and strided
    assert tape.at_ns.tolist() == [5, 6]
    assert tape.volume_before.tolist() == [0, 100, 400]
    assert tape.notional100_before.tolist() == [0, 50_010_000, 200_040_000]
    assert tape.price.flags.writeable
    assert tape.price.flags.c_contiguous


def test_a_mid_needs_both_sides_of_the_book():
    ticks = np.zeros(3, TICK)
    ticks["at_ns"] = [1, 2, 3]
    ticks["bid"][:, 0] = [5000, 0, 5001]
    ticks["ask"][:, 0] = [5001, 5002, 0]
    series = mids_of(ticks, until_ns=3, stale_after_ns=1)
    np.testing.assert_array_equal(series.mid, [5000.5, np.nan, np.nan])
    touch = mid_of_touch(ticks["bid"][:, 0], ticks["ask"][:, 0])
    np.testing.assert_array_equal(touch, series.mid)


def test_empty_market_facts_are_facts():
    none = np.array([], dtype=np.int64)
    assert Tape(at_ns=none, price=none, quantity=none).volume_before.tolist() == [0]
    assert len(MidSeries(at_ns=none, mid=none, until_ns=0).mid) == 0
