"""Bit tricks on uint64: one instruction when compiled, plain Python when NUMBA_DISABLE_JIT=1."""
# ruff: noqa: ARG001, FBT003  (numba fixes the signatures of an intrinsic)

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from engine.kernels.jit import JIT

U64 = np.uint64
MASK = (1 << 64) - 1
SHIFTER = 6755399441055744.0  # 1.5 * 2**52: adding it to |k| < 2**31 leaves k in the low bits


def plain_ctz(x: np.uint64) -> np.uint64:
    """Number of zero bits below the lowest set bit; x must not be 0."""
    value = int(x)
    return np.uint64((value & -value).bit_length() - 1)


def plain_clz(x: np.uint64) -> np.uint64:
    """Number of zero bits above the highest set bit; x must not be 0."""
    return np.uint64(64 - int(x).bit_length())


def plain_wrap(x: int) -> np.uint64:
    """The low 64 bits of a signed integer."""
    return np.uint64(int(x) & MASK)


def plain_power(shifted: float) -> float:
    """2.0 ** k for shifted = k + SHIFTER, k a whole number in -1022 .. 1023."""
    return float(2.0 ** int(shifted - SHIFTER))


def _ctz(typing_context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = context.get_constant(types.boolean, True)  # zero is undefined: the caller checked
        return builder.cttz(args[0], one)

    return types.uint64(types.uint64), generate


def _clz(typing_context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = context.get_constant(types.boolean, True)
        return builder.ctlz(args[0], one)

    return types.uint64(types.uint64), generate


def _wrap(typing_context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[0], signature.args[0], types.uint64)

    return types.uint64(x), generate


def _power(typing_context: Any, shifted: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, double = (context.get_value_type(t) for t in (types.int64, types.float64))
        bits = builder.bitcast(context.cast(builder, args[0], shifted, types.float64), word)
        exponent = builder.shl(bits, context.get_constant(types.int64, 52))
        one = context.get_constant(types.int64, 0x3FF0000000000000)
        return builder.bitcast(builder.add(exponent, one), double)

    return types.float64(shifted), generate


ctz = cast("Callable[[np.uint64], np.uint64]", intrinsic(_ctz) if JIT else plain_ctz)
clz = cast("Callable[[np.uint64], np.uint64]", intrinsic(_clz) if JIT else plain_clz)
wrap = cast("Callable[[int], np.uint64]", intrinsic(_wrap) if JIT else plain_wrap)
power = cast("Callable[[float], float]", intrinsic(_power) if JIT else plain_power)
