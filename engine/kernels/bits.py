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


ctz = cast("Callable[[np.uint64], np.uint64]", intrinsic(_ctz) if JIT else plain_ctz)
clz = cast("Callable[[np.uint64], np.uint64]", intrinsic(_clz) if JIT else plain_clz)
wrap = cast("Callable[[int], np.uint64]", intrinsic(_wrap) if JIT else plain_wrap)
