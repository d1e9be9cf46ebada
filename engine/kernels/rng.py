"""Chance: every draw is a pure function of (seed, stream, step).

No generator object and no state: a new draw in one place moves no other, results are the same
for any number of workers and any slicing, and one draw can be asked for again. A *stream* is a
purpose (background flow, latency, jitter ...), a *step* counts within it. The mixing is
splitmix64; uniform and normal use only + - * / and sqrt, so the bits do not depend on libm.
"""

from collections.abc import Callable
from math import frexp, sqrt
from typing import TypeVar

import numpy as np

from engine.kernels.bits import wrap
from engine.kernels.jit import JIT, door, hot, leaf

F = TypeVar("F", bound=Callable[..., object])

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
S11 = np.uint64(11)
S12 = np.uint64(12)
S27 = np.uint64(27)
S30 = np.uint64(30)
S31 = np.uint64(31)
S32 = np.uint64(32)
TO_UNIT = 2.0**-53
TO_UNIT_52 = 2.0**-52
LN_2 = 0.6931471805599453
SQRT_HALF = 0.7071067811865476


def _wrapping(function: F) -> F:
    """Integer hashing overflows on purpose; only plain numpy scalars would warn."""
    wrapped: F = function if JIT else np.errstate(over="ignore")(function)
    return wrapped


@_wrapping
@leaf
def mix(z: np.uint64) -> np.uint64:
    """The splitmix64 finaliser: a bijection in which each bit moves half of the others."""
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return z ^ (z >> S31)


@_wrapping
@door
def stream_key(seed: int, stream: int) -> np.uint64:
    """Where the stream of this seed starts; hoist it out of a loop over steps."""
    return mix(mix(wrap(seed) + GOLDEN) + wrap(stream) * GOLDEN)


@_wrapping
@door
def draw(key: np.uint64, step: int) -> np.uint64:
    """The ``step``-th number of the stream that starts at ``key``: 64 random bits."""
    return mix(key + (wrap(step) + np.uint64(1)) * GOLDEN)


@door
def hash3(seed: int, stream: int, step: int) -> np.uint64:
    """64 random bits as a function of the three."""
    return draw(stream_key(seed, stream), step)


@door
def to_unit(bits: np.uint64) -> float:
    """The upper 53 bits as a float in [0, 1)."""
    return float(np.float64(bits >> S11) * TO_UNIT)


@door
def ln(x: float) -> float:
    """Natural logarithm of a finite x > 0 in plain arithmetic, error below 1e-15 relative.

    ln x = e ln 2 + 2 atanh((m - 1) / (m + 1)) with x = m 2**e and m in [sqrt 0.5, sqrt 2).
    """
    m, e = frexp(x)
    if m < SQRT_HALF:
        m *= 2.0
        e -= 1
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    tail = 1.0 / 17.0 + z * (1.0 / 19.0 + z * (1.0 / 21.0))
    tail = 1.0 / 11.0 + z * (1.0 / 13.0 + z * (1.0 / 15.0 + z * tail))
    tail = 1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z * tail))
    return e * LN_2 + 2.0 * s * (1.0 + z * (1.0 / 3.0 + z * tail))


@hot
def inverse_normal(p: float) -> float:
    """Quantile of the standard normal for 0 < p < 1, error below 1e-9 relative.

    Source: Wichura, algorithm AS 241 (PPND16), Applied Statistics 37 (1988).
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        a = r * 2509.0809287301226727 + 33430.575583588128105
        a = ((a * r + 67265.770927008700853) * r + 45921.953931549871457) * r
        a = ((a + 13731.693765509461125) * r + 1971.5909503065514427) * r
        a = (a + 133.14166789178437745) * r + 3.387132872796366608
        b = r * 5226.495278852545925 + 28729.085735721942674
        b = ((b * r + 39307.89580009271061) * r + 21213.794301586595867) * r
        b = ((b + 5394.1960214247511077) * r + 687.1870074920579083) * r
        b = (b + 42.313330701600911252) * r + 1.0
        return q * a / b
    r = sqrt(-ln(p if q < 0.0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        a = r * 7.7454501427834140764e-4 + 0.0227238449892691845833
        a = ((a * r + 0.24178072517745061177) * r + 1.27045825245236838258) * r
        a = ((a + 3.64784832476320460504) * r + 5.7694972214606914055) * r
        a = (a + 4.6303378461565452959) * r + 1.42343711074968357734
        b = r * 1.05075007164441684324e-9 + 5.475938084995344946e-4
        b = ((b * r + 0.0151986665636164571966) * r + 0.14810397642748007459) * r
        b = ((b + 0.68976733498510000455) * r + 1.6763848301838038494) * r
        b = (b + 2.05319162663775882187) * r + 1.0
    else:
        r -= 5.0
        a = r * 2.01033439929228813265e-7 + 2.71155556874348757815e-5
        a = ((a * r + 0.0012426609473880784386) * r + 0.026532189526576123093) * r
        a = ((a + 0.29656057182850489123) * r + 1.7848265399172913358) * r
        a = (a + 5.4637849111641143699) * r + 6.6579046435011037772
        b = r * 2.04426310338993978564e-15 + 1.4215117583164458887e-7
        b = ((b * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r
        b = ((b + 0.0148753612908506148525) * r + 0.13692988092273580531) * r
        b = (b + 0.59983220655588793769) * r + 1.0
    return -a / b if q < 0.0 else a / b


@door
def uniform(seed: int, stream: int, step: int) -> float:
    """Uniform in [0, 1)."""
    return to_unit(hash3(seed, stream, step))


@door
def below(seed: int, stream: int, step: int, n: int) -> int:
    """Uniform integer in [0, n), 1 <= n <= 2**32; bias below n / 2**32."""
    return int(np.int64(((hash3(seed, stream, step) >> S32) * np.uint64(n)) >> S32))


@door
def exponential(seed: int, stream: int, step: int) -> float:
    """Exponential with mean 1."""
    return -ln(1.0 - uniform(seed, stream, step))


@door
def normal(seed: int, stream: int, step: int) -> float:
    """Standard normal; 52 bits and a half, so that neither 0 nor 1 goes into the quantile."""
    half_way = np.float64(hash3(seed, stream, step) >> S12) + 0.5
    return inverse_normal(half_way * TO_UNIT_52)
