"""Which levels of a book hold orders: a bitmap of three storeys, searched by bit instructions.

``top`` is the TOP row of the book: it knows where the second and third storey start. Level 0 and
the last one are sentinels and always set, so no search runs off the end.
"""

from typing import Any

import numpy as np

from engine.kernels.bits import clz, ctz
from engine.kernels.jit import leaf

U0 = np.uint64(0)
U1 = np.uint64(1)
U6 = np.uint64(6)
U63 = np.uint64(63)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@leaf
def set_bit(bits: Any, top: Any, level: np.uint64) -> None:
    """Mark a level as occupied, in all three storeys."""
    word = level >> U6
    page = word >> U6
    bits[word] |= U1 << (level & U63)
    bits[top["second"] + page] |= U1 << (word & U63)
    bits[top["third"] + (page >> U6)] |= U1 << (page & U63)


@leaf
def clear_bit(bits: Any, top: Any, level: np.uint64) -> None:
    """Mark a level as empty; a storey above changes only when a word became 0."""
    word = level >> U6
    bits[word] &= ~(U1 << (level & U63))
    if bits[word] == U0:
        page = word >> U6
        at = top["second"] + page
        bits[at] &= ~(U1 << (word & U63))
        if bits[at] == U0:
            bits[top["third"] + (page >> U6)] &= ~(U1 << (page & U63))


@leaf
def below(bits: Any, top: Any, level: np.uint64) -> np.uint64:
    """Highest occupied level under ``level`` >= 1; 0, always set, ends the search."""
    word = level >> U6
    x = bits[word] & ((U1 << (level & U63)) - U1)
    if x != U0:
        return (word << U6) | (U63 - clz(x))
    page = word >> U6
    x = bits[top["second"] + page] & ((U1 << (word & U63)) - U1)
    if x == U0:
        sheet = page >> U6
        x = bits[top["third"] + sheet] & ((U1 << (page & U63)) - U1)
        while x == U0:
            sheet -= U1
            x = bits[top["third"] + sheet]
        page = (sheet << U6) | (U63 - clz(x))
        x = bits[top["second"] + page]
    word = (page << U6) | (U63 - clz(x))
    return (word << U6) | (U63 - clz(bits[word]))


@leaf
def above(bits: Any, top: Any, level: np.uint64) -> np.uint64:
    """Lowest occupied level over ``level`` <= n_ticks; n_ticks + 1, always set, ends the search."""
    word = level >> U6
    x = bits[word] & ((ALL << (level & U63)) << U1)
    if x != U0:
        return (word << U6) | ctz(x)
    page = word >> U6
    x = bits[top["second"] + page] & ((ALL << (word & U63)) << U1)
    if x == U0:
        sheet = page >> U6
        x = bits[top["third"] + sheet] & ((ALL << (page & U63)) << U1)
        while x == U0:
            sheet += U1
            x = bits[top["third"] + sheet]
        page = (sheet << U6) | ctz(x)
        x = bits[top["second"] + page]
    word = (page << U6) | ctz(x)
    return (word << U6) | ctz(bits[word])
