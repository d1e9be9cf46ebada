"""The arrays of a book, and the bitmap that finds the next best price.

Layout. Every order and every price level is one 32-byte NODE of one array. A level is the
sentinel of a circular list, so linking and unlinking never ask whether a neighbour exists:
the cost of a book is mispredicted branches. Nodes 0 .. n_ticks + 1 are levels (0 and
n_ticks + 1 stand for "no bid" and "no ask"), the slots of orders follow. Which levels hold
orders stands in a bitmap of three storeys (up to 4,096 levels the second is a single word), the
two end sentinels always set, so that a search for the next best price always ends.

``top`` is the TOP row of the book: it knows where the second and third storey start.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.kernels.bits import clz, ctz
from engine.kernels.handed import one_word
from engine.kernels.jit import door, leaf

Records: TypeAlias = npt.NDArray[np.void]
Ints: TypeAlias = npt.NDArray[np.int64]

NODE = np.dtype(
    [
        ("next", "<u4"),  # order: behind it; level: its oldest order; free: next free slot
        ("previous", "<u4"),  # order: ahead of it; level: its newest order
        ("quantity", "<i8"),  # order: what is left, 0 = free; level: sum of its orders [share]
        ("tag", "<i8"),  # order: owner's number; level: how many orders
        ("level", "<u4"),
        ("side", "<i4"),  # order: BUY or SELL
    ]
)

FILL = np.dtype(
    [
        ("maker", "<i8"),  # tag of the resting order
        ("taker", "<i8"),  # tag of the incoming order
        ("quantity", "<i8"),  # [share]
        ("price", "<i8"),  # of the resting order [tick]
        ("left", "<i8"),  # of the resting order after this fill [share]
        ("slot", "<i8"),  # of the resting order; free again when left is 0
    ]
)

# the scalars of one book
TOP = np.dtype(
    [
        ("bid", "<u8"),  # level of the best bid, 0 = none
        ("ask", "<u8"),  # level of the best ask, n_ticks + 1 = none
        ("free", "<u8"),  # first free slot, 0 = the pool is full
        ("second", "<u8"),  # where the second storey of the bitmap starts
        ("third", "<u8"),
        ("end", "<u8"),  # n_ticks + 1
        ("offset", "<i8"),  # level = price - offset
        ("live", "<i8"),  # resting orders
    ]
)

U0 = np.uint64(0)
U1 = np.uint64(1)
U6 = np.uint64(6)
U63 = np.uint64(63)
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


@one_word
class Book(NamedTuple):
    """The arrays of one book; made by ``new_book``, copied by ``copy_book``."""

    nodes: Records  # NODE, shape (n_ticks + 2 + capacity,)
    bits: npt.NDArray[np.uint64]
    top: Records  # TOP, shape (1,)


def new_book(n_ticks: int, base_price: int, capacity: int) -> Book:
    """An empty book for prices base_price .. base_price + n_ticks - 1 and ``capacity`` orders."""
    if n_ticks < 1 or capacity < 1 or n_ticks + 2 + capacity >= 2**32:
        raise ValueError(f"n_ticks and capacity must be 1 .. 2**32, were {n_ticks}, {capacity}")
    levels = n_ticks + 2
    nodes = np.zeros(levels + capacity, NODE)
    index = np.arange(levels, dtype=np.uint32)
    for name in ("next", "previous", "level"):
        nodes[name][:levels] = index
    nodes["next"][levels:-1] = np.arange(levels + 1, levels + capacity, dtype=np.uint32)
    second = (levels + 63) // 64
    third = second + (second + 63) // 64
    bits = np.zeros(third + (third - second + 63) // 64, np.uint64)
    for level in (0, levels - 1):
        for start, shift in ((0, 6), (second, 12), (third, 18)):
            bits[start + (level >> shift)] |= U1 << np.uint64((level >> (shift - 6)) & 63)
    top = np.zeros(1, TOP)
    top[0] = (0, n_ticks + 1, levels, second, third, n_ticks + 1, base_price - 1, 0)
    return Book(nodes, bits, top)


def new_fills(capacity: int) -> Records:
    """An empty tape for that many fills."""
    return np.zeros(capacity, FILL)


def copy_book(book: Book) -> Book:
    """A snapshot that shares nothing with ``book``."""
    return Book(book.nodes.copy(), book.bits.copy(), book.top.copy())


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


@door
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


@leaf
def walk_down(nodes: Any, bits: Any, top: Any, n: int, prices: Any, sizes: Any) -> int:
    """Price and shares of the best n bids, best first; how many there are. [tick, share]

    One word of the bitmap at a time: most steps touch no other memory than the level itself.
    """
    level = top["bid"]
    word = level >> U6
    left = bits[word] & ((U1 << (level & U63)) - U1)
    found = 0
    while found < n and level != U0:
        at = np.uint64(found)
        prices[at] = np.int64(level) + top["offset"]
        sizes[at] = nodes[level]["quantity"]
        found += 1
        if left != U0:
            bit = U63 - clz(left)
            left ^= U1 << bit
            level = (word << U6) | bit
        else:  # never in the lowest word: level 0 is always marked
            level = below(bits, top, word << U6)
            word = level >> U6
            left = bits[word] & ((U1 << (level & U63)) - U1)
    return found


@leaf
def walk_up(nodes: Any, bits: Any, top: Any, n: int, prices: Any, sizes: Any) -> int:
    """``walk_down`` for the asks."""
    level = top["ask"]
    word = level >> U6
    left = bits[word] & ((ALL << (level & U63)) << U1)
    found = 0
    while found < n and level != top["end"]:
        at = np.uint64(found)
        prices[at] = np.int64(level) + top["offset"]
        sizes[at] = nodes[level]["quantity"]
        found += 1
        if left != U0:
            bit = ctz(left)
            left &= left - U1
            level = (word << U6) | bit
        else:  # never in the highest word: the last level is always marked
            level = above(bits, top, (word << U6) | U63)
            word = level >> U6
            left = bits[word] & ((ALL << (level & U63)) << U1)
    return found
