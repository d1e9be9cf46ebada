import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.market import TICK
from engine.kernels.features import flat_microprice, new_state, update_many
from engine.kernels.schedules import u_shape_curve
from tests.oracle.naive_features import features

SECOND = 1_000_000_000
OPEN, CLOSE = 10**18, 10**18 + 23_400 * SECOND
ADV = 2e6


def a_day(seed, n, *, gap_at=None, empty_at=()):
    """Ticks of a random walk; one missing second and seconds without bids on request."""
    draw = np.random.default_rng(seed)
    ticks = np.zeros(n, dtype=TICK)
    mid = 5000 + np.cumsum(draw.integers(-1, 2, n))
    at = np.arange(n) + (0 if gap_at is None else (np.arange(n) >= gap_at))
    ticks["at_ns"] = OPEN + at * SECOND
    for level in range(10):
        ticks["bid"][:, level] = mid - 1 - level
        ticks["ask"][:, level] = mid + draw.integers(0, 4, n) + level
        ticks["bid_size"][:, level] = draw.integers(1, 900, n)
        ticks["ask_size"][:, level] = draw.integers(1, 900, n)
    traded = draw.integers(0, 3, n) * 100
    ticks["volume"] = np.cumsum(traded)
    ticks["signed_volume"] = np.cumsum(traded * draw.integers(-1, 2, n))
    ticks["ofi"] = np.cumsum(draw.integers(-500, 500, n)).astype(float)
    for i in empty_at:
        ticks["bid"][i] = 0
        ticks["bid_size"][i] = 0
    return ticks


def compare(ticks, places):
    micro = flat_microprice() + np.arange(40).reshape(4, 10) / 100
    curve = u_shape_curve()
    state = new_state(OPEN, CLOSE, ADV, curve, micro)
    out = np.zeros((len(ticks), 16), dtype=np.float32)
    update_many(state[0], ticks, out)
    for i in places:
        naive = features(ticks[: i + 1], OPEN, CLOSE, ADV, curve, micro)
        assert out[i] == pytest.approx(naive, rel=2e-6, abs=1e-6, nan_ok=True), i


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    gap_at=st.none() | st.integers(1, 79),
    empty_at=st.lists(st.integers(0, 79), max_size=3),
)
def test_the_kernel_equals_its_slow_twin_with_gaps_and_empty_sides(seed, gap_at, empty_at):
    compare(a_day(seed, 80, gap_at=gap_at, empty_at=empty_at), range(0, 80, 7))


def test_the_kernel_equals_its_slow_twin_once_the_ring_has_wrapped():
    compare(
        a_day(5, 700, empty_at=(350,)),
        [9, 10, 59, 60, 61, 299, 300, 301, 303, 304, 410, 411, 650, 651, 699],
    )


def test_nothing_is_known_of_a_window_before_it_is_full():
    ticks = a_day(1, 302)
    state = new_state(OPEN, CLOSE, ADV, u_shape_curve(), flat_microprice())
    out = np.zeros((302, 16), dtype=np.float32)
    update_many(state[0], ticks, out)
    first_known = [int(np.argmax(np.isfinite(out[:, i]))) for i in range(16)]
    assert first_known == [0, 0, 0, 0, 0, 10, 10, 60, 60, 300, 10, 60, 0, 0, 0, 60]


def test_a_missing_second_empties_the_windows():
    ticks = a_day(1, 120, gap_at=100)
    state = new_state(OPEN, CLOSE, ADV, u_shape_curve(), flat_microprice())
    out = np.zeros((120, 16), dtype=np.float32)
    update_many(state[0], ticks, out)
    assert np.isfinite(out[99, [5, 6, 7, 8, 10, 11, 15]]).all()
    assert np.isnan(out[100, [5, 6, 7, 8, 10, 11, 15]]).all()
    assert np.isfinite(out[110, [5, 6, 10]]).all()
    assert np.isnan(out[119, [7, 8, 11, 15]]).all()
