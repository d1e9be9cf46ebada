"""Draws are pure functions with known answers, and behave like chance."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from engine.kernels import rng
from engine.kernels.bits import clz, ctz, plain_clz, plain_ctz, plain_wrap
from engine.kernels.jit import JIT, hot

MASK = (1 << 64) - 1
N = 20_000 if JIT else 2_000


def splitmix(state: int) -> int:
    z = state & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


@hot
def fill(kind, seed, stream, out):
    for i in range(out.size):
        if kind == 0:
            out[i] = rng.uniform(seed, stream, i)
        elif kind == 1:
            out[i] = rng.normal(seed, stream, i)
        else:
            out[i] = rng.exponential(seed, stream, i)


def sample(kind, seed=7, stream=3):
    out = np.zeros(N)
    fill(kind, seed, stream, out)
    return out


def test_a_stream_is_the_published_splitmix64_sequence():
    # first five numbers of splitmix64 seeded with 1234567, as printed with its reference code
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [int(rng.draw(np.uint64(1234567), step)) for step in range(5)] == expected


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize(("stream", "step"), [(0, 0), (1, 0), (0, 1), (77, 10**12)])
def test_the_hash_is_the_one_of_exact_integers(seed, stream, step):
    golden = 0x9E3779B97F4A7C15
    key = splitmix(splitmix(seed + golden) + stream * golden)
    assert int(rng.hash3(seed, stream, step)) == splitmix(key + (step + 1) * golden)


def test_known_draws_stay_what_they_are():
    # a change here changes every simulated day: it needs a line in the change notes
    assert int(rng.hash3(1, 2, 3)) == 0x8E1E6EACAA45F47F
    assert rng.uniform(1, 2, 3) == 0.5551518603845336
    assert rng.normal(1, 2, 3) == 0.1386885338025995
    assert rng.exponential(1, 2, 3) == 0.8100223143491863
    assert rng.below(1, 2, 3, 10) == 5


@pytest.mark.parametrize("bits", [0, 1, 2**11 - 1, MASK, MASK - 2**11, 1 << 63])
def test_a_uniform_is_in_the_half_open_unit_interval(bits):
    value = rng.to_unit(np.uint64(bits))
    assert 0.0 <= value < 1.0
    assert value == (bits >> 11) / 2**53


def test_uniforms_fill_sixteen_bins_evenly():
    counts = np.bincount((sample(0) * 16).astype(int), minlength=16)
    chi_squared = ((counts - N / 16) ** 2 / (N / 16)).sum()
    assert 2.0 < chi_squared < 40.0  # 15 degrees of freedom: p beyond 1e-3 on both sides


@pytest.mark.parametrize(("seed", "stream"), [(8, 3), (7, 4), (7 + 2**32, 3), (-7, 3)], ids=str)
def test_neighbouring_seeds_and_streams_are_uncorrelated(seed, stream):
    correlation = np.corrcoef(sample(0), sample(0, seed, stream))[0, 1]
    assert abs(correlation) < 4.5 / math.sqrt(N)


@pytest.mark.parametrize("lag", [1, 2, 3, 8])
def test_successive_steps_are_uncorrelated(lag):
    draws = sample(0)
    assert abs(np.corrcoef(draws[:-lag], draws[lag:])[0, 1]) < 4.5 / math.sqrt(N)


def test_normals_have_the_moments_and_tails_of_the_normal():
    draws = sample(1)
    assert abs(draws.mean()) < 4.5 / math.sqrt(N)
    assert abs(draws.var() - 1.0) < 4.5 * math.sqrt(2.0 / N)
    share = (draws > 1.6448536269514722).mean()
    assert abs(share - 0.05) < 4.5 * math.sqrt(0.05 * 0.95 / N)


def test_exponentials_have_mean_and_deviation_one():
    draws = sample(2)
    assert draws.min() >= 0.0
    assert abs(draws.mean() - 1.0) < 4.5 / math.sqrt(N)
    assert abs(draws.std() - 1.0) < 9.0 / math.sqrt(N)


def test_below_reaches_every_value_and_no_other():
    assert {rng.below(5, 1, step, 7) for step in range(300)} == set(range(7))
    assert rng.below(5, 1, 0, 1) == 0


@pytest.mark.parametrize("p", [1e-300, 1e-12, 1e-3, 0.074, 0.0751, 0.3, 0.5, 0.9, 0.999, 1 - 1e-12])
def test_the_normal_quantile_is_that_of_the_standard_library(p):
    # two codings of AS 241: they differ by the rounding of a few operations
    assert rng.inverse_normal(p) == pytest.approx(NormalDist().inv_cdf(p), rel=1e-13, abs=1e-16)


@pytest.mark.parametrize("x", [5e-324, 1e-300, 0.1, 0.7071, 0.7072, 1.0, 1.5, 2.0, 1e300])
def test_the_logarithm_is_right_to_the_last_digits(x):
    assert rng.ln(x) == pytest.approx(math.log(x), rel=1e-15, abs=1e-17)


@pytest.mark.parametrize("shift", [0, 1, 31, 32, 62, 63])
def test_bit_counts_agree_with_their_plain_twins(shift):
    for value in (1 << shift, (1 << shift) | (1 << 63), (1 << shift) | 1):
        x = np.uint64(value)
        assert int(bit_counts(x, 0)) == int(plain_ctz(x)) == (value & -value).bit_length() - 1
        assert int(bit_counts(x, 1)) == int(plain_clz(x)) == 64 - value.bit_length()


@hot
def bit_counts(x, which):
    return ctz(x) if which == 0 else clz(x)


def test_wrapping_keeps_the_low_64_bits():
    assert [int(plain_wrap(x)) for x in (-1, 0, 5)] == [MASK, 0, 5]
