"""Multilayer perceptron and support vector machine over standardised features, in float64.

The inner loops run over units and over support vectors, whose weights stand side by side; float32
would miss the bound on what compiled and trained model may differ by (3e-4 for the machine).
"""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.kernels import stack
from engine.kernels.bits import SHIFTER, power
from engine.kernels.jit import door, hot, leaf

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

RELU, TANH, SIGMOID, IDENTITY = 0, 1, 2, 3  # activations of hidden layers
WIDEST = 128  # units of a layer
BLOCK = 64  # support vectors of a block

LOG2_E = 1.4426950408889634
LN_2_HIGH = 6.93147180369123816490e-01  # 32 bits: a whole number times it is exact
LN_2_LOW = 1.90821492927058770002e-10
LEAST_EXPONENT = -700.0  # smaller ones count as this: e**-700 is 1e-304


@door
def exp(x: float) -> float:
    """The exponential for x <= 1, within 2e-15 relative, in plain arithmetic: no C library.

    x = k ln 2 + r, |r| <= ln 2 / 2; e ** r by its series. A loop of it becomes vector code, the C
    library's does not (7.0 -> 3.9 us for 1,400 support vectors).
    """
    x = max(x, LEAST_EXPONENT)
    shifted = x * LOG2_E + SHIFTER
    k = shifted - SHIFTER
    r = (x - k * LN_2_HIGH) - k * LN_2_LOW
    p = 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    return float((p * r + 1.0) * power(shifted))


@leaf
def logistic(z: float) -> float:
    """1 / (1 + e ** -z) without overflow. [probability]"""
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    e = math.exp(z)
    return e / (1.0 + e)


@leaf
def activate(units: Floats, n: int, activation: int) -> None:
    """The activation of a hidden layer, in place."""
    if activation == RELU:
        for j in range(n):
            units[j] = max(units[j], 0.0)
    elif activation == TANH:
        for j in range(n):
            units[j] = math.tanh(units[j])
    elif activation == SIGMOID:
        for j in range(n):
            units[j] = logistic(units[j])


@leaf
def add_weighted_rows(y: Floats, x: Floats, n: int, table: Floats, at: int, width: int) -> None:
    """Add x[0] row_0[j] + x[1] row_1[j] ... to y[j], in this order; the rows begin at ``at``.

    Four rows at a time: y is read and written a quarter as often (1.5 -> 0.7 us for 64-64).
    """
    fours = n // 4 * 4
    for i in range(0, fours, 4):
        rows = table[at + i * width : at + (i + 4) * width]
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(width):
            sum_2 = (y[j] + a * rows[j]) + b * rows[width + j]
            y[j] = (sum_2 + c * rows[2 * width + j]) + d * rows[3 * width + j]
    for i in range(fours, n):
        row = table[at + i * width : at + (i + 1) * width]
        xi = x[i]
        for j in range(width):
            y[j] += xi * row[j]


@door
def layer(values: Floats, at: int, n_in: int, n_out: int, x: Floats, y: Floats) -> None:
    """One layer: y = x W + b. values from ``at`` on : W, shape (n_in, n_out), then b."""
    bias = at + n_in * n_out
    for j in range(n_out):
        y[j] = values[bias + j]
    add_weighted_rows(y, x, n_in, values, at, n_out)


@hot
def perceptron(values: Floats, plan: Ints, activation: int, standard: Floats) -> float:
    """Output before the link. plan : layers of weights, then units of each layer, input first."""
    here, there = stack.floats(WIDEST), stack.floats(WIDEST)
    n = plan[1]
    for i in range(n):
        here[i] = standard[i]
    at = 0
    last = plan[0] - 1
    for k in range(plan[0]):
        n_out = plan[2 + k]
        layer(values, at, n, n_out, here, there)
        if k < last:
            activate(there, n_out, activation)
        at += (n + 1) * n_out
        n = n_out
        here, there = there, here
    return float(here[0])


@hot
def machine(values: Floats, plan: Ints, gamma: float, standard: Floats) -> float:
    """Sum over support vectors s of coefficient * exp(-gamma |x - s|**2).

    plan : blocks of 64 vectors, features. values, block by block : -gamma |s|**2 of each vector,
    coefficients, then 2 gamma s of each feature. The last block is filled up with coefficients 0.
    -gamma |x - s|**2 = -gamma |x|**2 - gamma |s|**2 + x (2 gamma s) is a product less a feature.
    """
    exponent = stack.floats(BLOCK)
    n = plan[1]
    square = 0.0
    for i in range(n):
        square += standard[i] * standard[i]
    shift = -gamma * square
    width = BLOCK * (2 + n)
    total = 0.0
    for k in range(plan[0]):
        block = values[k * width : (k + 1) * width]
        for j in range(BLOCK):
            exponent[j] = block[j] + shift
        add_weighted_rows(exponent, standard, n, block, 2 * BLOCK, BLOCK)
        for j in range(BLOCK):
            exponent[j] = exp(min(exponent[j], 0.0)) * block[BLOCK + j]
        for j in range(BLOCK):
            total += exponent[j]
    return float(total)
