"""Scratch arrays of a fixed size that cost nothing: on the stack when compiled.

A ``hot`` kernel may not allocate, and scratch handed in by the caller would be shared by threads.
The array lives until the kernel that asked for it returns: never return it, never keep it. What is
in it at first is undefined.
"""
# ruff: noqa: ARG001  (numba fixes the signatures of an intrinsic)

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from numba.core import cgutils, types
from numba.extending import intrinsic

from engine.kernels.jit import JIT

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]


def plain_floats(size: int) -> Floats:
    """An array of ``size`` float64, shape (size,), full of NaN: whoever reads first sees it."""
    return np.full(size, np.nan)


def plain_words(size: int) -> Words:
    """An array of ``size`` uint64, shape (size,), full of ones: no slot and no price."""
    return np.full(size, 2**64 - 1, np.uint64)


def _of(kind: Any) -> Any:
    """What numba needs to make an array of this kind on the stack."""

    def typed(typing_context: Any, size: Any) -> Any:
        if not isinstance(size, types.IntegerLiteral):
            return None  # numba then says that the size must be a constant
        array = types.Array(kind, 1, "C")
        n = size.literal_value

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            element = context.get_value_type(kind)
            length, width = (context.get_constant(types.intp, number) for number in (n, 8))
            data = cast("Any", cgutils).alloca_once(builder, element, size=length)
            found = context.make_array(array)(context, builder)
            context.populate_array(
                found, data=data, shape=[length], strides=[width], itemsize=width, meminfo=None
            )
            return found._getvalue()

        return array(size), generate

    return intrinsic(prefer_literal=True)(typed)


floats = cast("Callable[[int], Floats]", _of(types.float64) if JIT else plain_floats)
words = cast("Callable[[int], Words]", _of(types.uint64) if JIT else plain_words)
