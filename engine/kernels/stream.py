"""A stream of book messages by order id, as the benchmark and recorded streams bring it.

Ids are dense (0 .. n - 1) and prices are levels of the book: the loader made them so.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels.book import OK, Book, add_limit, reduce, remove
from engine.kernels.jit import door, hot, leaf
from engine.kernels.ladder import U0, above

ADD: Final = 0
CANCEL: Final = 1
REDUCE: Final = 2

MESSAGE = np.dtype([("kind", "<i4"), ("price", "<i4"), ("quantity", "<i4"), ("id", "<i4")])
RESTING = np.dtype([("level", "<i8"), ("side", "<i8"), ("tag", "<i8"), ("quantity", "<i8")])
KIND_MASK: Final = 255
SIDE_SHIFT: Final = 8


@leaf
def live_slot(book: Book, slots: npt.NDArray[np.uint32], order: int) -> int:
    """Slot of a live id, 0 = unknown or finished.

    A finished order is not taken off the table: its node has another tag or no quantity by now,
    and a cancel has to read that node anyway. Node 0 never has a quantity.
    """
    slot = np.uint64(slots[np.uint64(order)])
    node = book.nodes[slot]
    if slot == U0 or node["quantity"] == 0 or node["tag"] != order:
        return 0
    return int(np.int64(slot))


@door
def apply(
    book: Book, message: Any, slots: npt.NDArray[np.uint32], fills: Any, n: int
) -> tuple[int, int]:
    """Apply one message: (fills on the tape, status)."""
    kind = message["kind"] & KIND_MASK
    order = int(message["id"])
    if kind == ADD:
        side = 1 - 2 * (message["kind"] >> SIDE_SHIFT)
        price, quantity = message["price"], message["quantity"]
        slot, n, status = add_limit(book, side, price, quantity, order, fills, n)
        slots[np.uint64(order)] = np.uint32(slot)
        return n, status
    slot = live_slot(book, slots, order)
    if slot != 0:
        if kind == CANCEL:
            remove(book, slot)
        else:
            reduce(book, slot, message["quantity"])
    return n, OK


@hot
def play(
    book: Book, messages: Any, slots: npt.NDArray[np.uint32], fills: Any, n: int
) -> tuple[int, int, int]:
    """Apply messages in order: (how many were applied, fills on the tape, status).

    Stops at the first message whose status is not OK, so that nothing is lost unseen.
    """
    for i in range(messages.size):
        n, status = apply(book, messages[np.uint64(i)], slots, fills, n)
        if status != OK:
            return i, n, status
    return messages.size, n, OK


@hot
def step(
    book: Book, message: Any, slots: npt.NDArray[np.uint32], fills: Any, n: int
) -> tuple[int, int]:
    """``apply`` as a call, for loops in which a copy of it would only cost compile time."""
    return apply(book, message, slots, fills, n)


@hot
def rehearse(
    book: Book, messages: Any, slots: npt.NDArray[np.uint32], fills: Any, found: Any
) -> int:
    """Play all messages and throw the tape away: OK, or the status that stopped it.

    found : three ints, set to: index of the first add of a live id (-1 = none; stops there), most
    orders live at a time, fills.
    """
    found[0] = -1
    found[1] = 0
    found[2] = 0
    for i in range(messages.size):
        message = messages[np.uint64(i)]
        is_add = (message["kind"] & KIND_MASK) == ADD
        if is_add and live_slot(book, slots, int(message["id"])) != 0:
            found[0] = i
            return OK
        n, status = step(book, message, slots, fills, 0)
        if status != OK:
            return status
        found[1] = max(found[1], book.top[0]["live"])
        found[2] += n
    return OK


@hot
def resting(book: Book, out: Any) -> int:
    """Write all orders of the book by level, oldest first, as RESTING rows; how many."""
    n = 0
    nodes = book.nodes
    end = book.top[0]["end"]
    level = U0
    while True:
        level = above(book.bits, book.top[0], level)
        if level == end:
            return n
        slot = np.uint64(nodes[level]["next"])
        while slot != level:
            row = out[np.uint64(n)]
            row["level"] = np.int64(level)
            row["side"] = nodes[slot]["side"]
            row["tag"] = nodes[slot]["tag"]
            row["quantity"] = nodes[slot]["quantity"]
            n += 1
            slot = np.uint64(nodes[slot]["next"])
