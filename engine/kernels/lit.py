"""The queues of all lit venues on one ladder.

A price has a group of four levels, one a venue (the fourth is never used): the level of price p
at venue v is ``4 * (p - base + 1) + v``. So the best consolidated price is the best level of one
book, its size the sum of neighbours, and a venue's own best the next bit of one residue. It is
right as long as no bid of any venue reaches an ask of another: an order that would lock or cross
the market is not shown (`engine.kernels.own_orders`), and background quotes never do.
"""

from typing import Final

import numpy as np

from engine.kernels.bits import clz, ctz
from engine.kernels.book import Book, level_of
from engine.kernels.jit import inner, leaf
from engine.kernels.ladder import ALL, U0, U1, U6, U63

U2 = np.uint64(2)
U3 = np.uint64(3)
U4 = np.uint64(4)
GROUP = np.uint64(0xFFFFFFFFFFFFFFFC)
RESIDUE = np.uint64(0x1111111111111111)  # bit 0 of every group of four
NOT_QUOTED: Final = 0


@leaf
def level_at(book: Book, price: int, venue: int) -> np.uint64:
    """Level of a price at a venue; one of an unused group for prices off the ladder."""
    return level_of(book, 4 * price + venue)


@leaf
def is_level(book: Book, level: np.uint64) -> bool:
    """Whether orders may rest there."""
    return bool(level >= U4 and level < (book.top[0]["end"] & GROUP))


@leaf
def price_at(book: Book, level: np.uint64) -> int:
    """Price of a level. [tick]"""
    return int((np.int64(level) + book.top[0]["offset"]) >> 2)


@leaf
def group_quantity(book: Book, level: np.uint64) -> int:
    """Shares that all venues show at the price of a level. [share]"""
    at = level & GROUP
    nodes = book.nodes
    return int(nodes[at]["quantity"] + nodes[at + U1]["quantity"] + nodes[at + U2]["quantity"])


@leaf
def group_count(book: Book, level: np.uint64) -> int:
    """Orders that all venues show at the price of a level."""
    at = level & GROUP
    nodes = book.nodes
    return int(nodes[at]["tag"] + nodes[at + U1]["tag"] + nodes[at + U2]["tag"])


@leaf
def touch_price(book: Book, side: int) -> int:
    """Best consolidated price of a side, 0 = none. [tick]"""
    top = book.top[0]
    if side > 0:
        return 0 if top["bid"] == U0 else price_at(book, np.uint64(top["bid"]))
    return 0 if top["ask"] == top["end"] else price_at(book, np.uint64(top["ask"]))


@inner
def next_up(book: Book, venue: int, level: np.uint64) -> np.uint64:
    """Lowest occupied level of a venue from ``level`` on; ``end`` = none."""
    bits, end = book.bits, np.uint64(book.top[0]["end"])
    mine = RESIDUE << np.uint64(venue)
    word, last = level >> U6, end >> U6
    x = bits[word] & mine & (ALL << (level & U63))
    while x == U0:
        word += U1
        if word > last:
            return end
        x = bits[word] & mine
    return np.uint64((word << U6) | ctz(x))


@inner
def next_down(book: Book, venue: int, level: np.uint64) -> np.uint64:
    """Highest occupied level of a venue from ``level`` on; 0 = none."""
    bits = book.bits
    mine = RESIDUE << np.uint64(venue)
    word = level >> U6
    x = bits[word] & mine & (ALL >> (U63 - (level & U63)))
    while x == U0:
        if word == U0:
            return U0
        word -= U1
        x = bits[word] & mine
    found = np.uint64((word << U6) | (U63 - clz(x)))
    return found if found >= U4 else U0


@leaf
def best_level(book: Book, venue: int, side: int) -> np.uint64:
    """Level of a venue's own best price of a side; 0 or ``end`` = none."""
    top = book.top[0]
    touched = np.uint64(top["bid"] if side > 0 else top["ask"])
    here = (touched & GROUP) | np.uint64(venue)
    if book.nodes[here]["quantity"] > 0:
        return here
    if side > 0:
        return next_down(book, venue, np.uint64(top["bid"]))
    return next_up(book, venue, np.uint64(top["ask"]))


@leaf
def is_no_level(book: Book, level: np.uint64) -> bool:
    """Whether a search found nothing."""
    return bool(level < U4 or level >= (book.top[0]["end"] & GROUP))


@inner
def best_price(book: Book, venue: int, side: int) -> int:
    """A venue's own best price of a side, 0 = none. [tick]"""
    level = best_level(book, venue, side)
    return 0 if is_no_level(book, level) else price_at(book, level)


@inner
def first_own(book: Book, level: np.uint64) -> tuple[int, bool]:
    """Shares before the first tagged order of a level, and whether there is one. [share]"""
    nodes = book.nodes
    total = np.int64(0)
    slot = np.uint64(nodes[level]["next"])
    while slot != level:
        order = nodes[slot]
        if order["tag"] != 0:
            return int(total), True
        total += order["quantity"]
        slot = np.uint64(order["next"])
    return int(total), False
