"""One order book with price-time priority: of simulation, replay, venue and environments.

The arrays are described in ladder.py. A slot is an int64, NIL = 0. A ``tag`` is the owner's own
number: a child id, 0 = background. Prices are ticks in
[base_price, base_price + n_ticks), quantities shares >= 1, side BUY or SELL.

Nothing is dropped silently: a full pool, a full tape or a price off the ladder comes back as
the status of the call. Kernels do not check slots: hand in only slots of live orders.

Call these from ``hot`` kernels (jit.py): one that counts references is many times slower.
"""

from typing import Any, Final

import numpy as np

from engine.kernels.jit import door, hot, leaf
from engine.kernels.ladder import (
    FILL,
    NODE,
    TOP,
    U0,
    Book,
    Records,
    above,
    below,
    clear_bit,
    copy_book,
    new_book,
    new_fills,
    set_bit,
    walk_down,
    walk_up,
)

__all__ = [
    "FILL",
    "NIL",
    "NODE",
    "OFF_LADDER",
    "OK",
    "POOL_FULL",
    "TAPE_FULL",
    "TOP",
    "Book",
    "Records",
    "above",
    "add_limit",
    "ahead",
    "behind",
    "below",
    "best_ask",
    "best_bid",
    "copy_book",
    "depth",
    "has_room",
    "level_count",
    "level_of",
    "level_volume",
    "live_orders",
    "match",
    "new_book",
    "new_fills",
    "newest",
    "oldest",
    "price_of",
    "quantity_of",
    "reduce",
    "remove",
    "rest",
    "shares_ahead",
    "side_of",
    "tag_of",
    "take_level",
    "worse_price",
]

NIL: Final = 0

# status of a call
OK: Final = 0
TAPE_FULL: Final = 1  # stopped before the next fill: empty the tape, call again with what is left
POOL_FULL: Final = 2  # what could trade has traded; the remainder does not rest
OFF_LADDER: Final = 3  # the limit price has no level: nothing happened


# --- changes ----------------------------------------------------------------------------------


@leaf
def _emptied(book: Book, level: np.uint64) -> None:
    """A level lost its last order: clear its bit, find the next best price."""
    top = book.top[0]
    clear_bit(book.bits, top, level)
    if level == top["bid"]:
        top["bid"] = below(book.bits, top, level)
    elif level == top["ask"]:
        top["ask"] = above(book.bits, top, level)


@leaf
def level_of(book: Book, price: int) -> np.uint64:
    """Level of a price; the sentinels 0 and n_ticks + 1 for prices off the ladder."""
    top = book.top[0]
    level = price - top["offset"]
    end = np.int64(top["end"])
    return np.uint64(min(max(level, np.int64(0)), end))


@door
def rest(book: Book, side: int, level: np.uint64, quantity: int, tag: int) -> int:
    """Put an order behind the queue of its level, without matching; its slot, NIL = pool full."""
    nodes = book.nodes
    top = book.top[0]
    slot = top["free"]
    if slot == U0:
        return NIL
    order = nodes[slot]
    queue = nodes[level]
    top["free"] = np.uint64(order["next"])
    top["live"] += 1
    newest_slot = np.uint64(queue["previous"])
    order["next"] = np.uint32(level)
    order["previous"] = np.uint32(newest_slot)
    order["quantity"] = quantity
    order["tag"] = tag
    order["level"] = np.uint32(level)
    order["side"] = side
    nodes[newest_slot]["next"] = np.uint32(slot)
    queue["previous"] = np.uint32(slot)
    queue["quantity"] += quantity
    queue["tag"] += 1
    if newest_slot == level:
        set_bit(book.bits, top, level)
        if side > 0:
            top["bid"] = max(top["bid"], level)
        else:
            top["ask"] = min(top["ask"], level)
    return int(np.int64(slot))


@leaf
def _take_level(
    book: Book, level: np.uint64, quantity: int, tag: int, fills: Any, n: int
) -> tuple[int, int]:
    """Trade against one level, oldest first, while the tape has room: (left, n_fills)."""
    nodes = book.nodes
    top = book.top[0]
    queue = nodes[level]
    price = np.int64(level) + top["offset"]
    left = quantity
    slot = np.uint64(queue["next"])
    while left > 0 and slot != level and n < fills.size:
        order = nodes[slot]
        traded = min(left, order["quantity"])
        rests = order["quantity"] - traded
        left -= traded
        fill = fills[np.uint64(n)]
        fill["maker"] = order["tag"]
        fill["taker"] = tag
        fill["quantity"] = traded
        fill["price"] = price
        fill["left"] = rests
        fill["slot"] = np.int64(slot)
        n += 1
        order["quantity"] = rests
        if rests > 0:
            break
        behind = np.uint64(order["next"])
        order["next"] = np.uint32(top["free"])
        top["free"] = slot
        top["live"] -= 1
        queue["tag"] -= 1
        slot = behind
    queue["next"] = np.uint32(slot)
    nodes[slot]["previous"] = np.uint32(level)
    queue["quantity"] -= quantity - left
    return left, n


@leaf
def take_level(
    book: Book, level: np.uint64, quantity: int, tag: int, fills: Any, n: int
) -> tuple[int, int]:
    """Take liquidity of one occupied level, oldest first; nothing rests.

    Returns (quantity left, fills on the tape); a full tape stops it.
    """
    left, n = _take_level(book, level, quantity, tag, fills, n)
    if np.uint64(book.nodes[level]["next"]) == level:
        _emptied(book, level)
    return left, n


@door
def match(
    book: Book, side: int, limit_price: int, quantity: int, tag: int, fills: Any, n: int
) -> tuple[int, int, int]:
    """Take liquidity up to a limit price, best price first, then oldest; nothing rests.

    ``side`` is the taker's, ``n`` how many fills the tape holds already.
    Returns (quantity left, fills on the tape, OK or TAPE_FULL).
    Limit = ``best_ask(book)`` for a buy stops at the best queue.
    """
    top = book.top[0]
    limit = level_of(book, limit_price)
    left = quantity
    while left > 0:
        level = top["ask"] if side > 0 else top["bid"]
        if side > 0:
            if level > limit or level == top["end"]:
                break
        elif level < limit or level == U0:
            break
        if n >= fills.size:
            return left, n, TAPE_FULL
        left, n = _take_level(book, level, left, tag, fills, n)
        if np.uint64(book.nodes[level]["next"]) == level:
            _emptied(book, level)
    return left, n, OK


@door
def add_limit(
    book: Book, side: int, price: int, quantity: int, tag: int, fills: Any, n: int
) -> tuple[int, int, int]:
    """Match, then rest what is left at its limit.

    Returns (slot or NIL, fills on the tape, status). NIL with OK: filled completely.
    After TAPE_FULL or POOL_FULL the remainder is ``quantity`` minus the fills of this call.
    """
    top = book.top[0]
    level = level_of(book, price)
    if level == U0 or level == top["end"]:
        return NIL, n, OFF_LADDER
    left = quantity
    if (side > 0 and level >= top["ask"]) or (side < 0 and level <= top["bid"]):
        left, n, status = match(book, side, price, quantity, tag, fills, n)
        if status != OK:
            return NIL, n, status
        if left == 0:
            return NIL, n, OK
    slot = rest(book, side, level, left, tag)
    return slot, n, (POOL_FULL if slot == NIL else OK)


@door
def remove(book: Book, slot: int) -> int:
    """Take an order out of the book; the quantity it had left. [share]"""
    nodes = book.nodes
    top = book.top[0]
    at = np.uint64(slot)
    order = nodes[at]
    behind = np.uint64(order["next"])
    ahead = np.uint64(order["previous"])
    level = np.uint64(order["level"])
    quantity = order["quantity"]
    nodes[behind]["previous"] = np.uint32(ahead)
    nodes[ahead]["next"] = np.uint32(behind)
    queue = nodes[level]
    queue["quantity"] -= quantity
    queue["tag"] -= 1
    order["quantity"] = 0
    order["next"] = np.uint32(top["free"])
    top["free"] = at
    top["live"] -= 1
    if behind == ahead:  # only the sentinel is both
        _emptied(book, level)
    return int(quantity)


@door
def reduce(book: Book, slot: int, quantity: int) -> int:
    """Take shares off an order, which keeps its place; what is left, 0 = removed. [share]"""
    order = book.nodes[np.uint64(slot)]
    if order["quantity"] <= quantity:
        remove(book, slot)
        return 0
    order["quantity"] -= quantity
    book.nodes[np.uint64(order["level"])]["quantity"] -= quantity
    return int(order["quantity"])


# --- questions --------------------------------------------------------------------------------


@door
def best_bid(book: Book) -> int:
    """Highest price somebody bids, 0 = nobody. [tick]"""
    top = book.top[0]
    return 0 if top["bid"] == U0 else int(np.int64(top["bid"]) + top["offset"])


@door
def best_ask(book: Book) -> int:
    """Lowest price somebody asks, 0 = nobody. [tick]"""
    top = book.top[0]
    return 0 if top["ask"] == top["end"] else int(np.int64(top["ask"]) + top["offset"])


@door
def level_volume(book: Book, price: int) -> int:
    """Shares resting at a price. [share]"""
    return int(book.nodes[level_of(book, price)]["quantity"])


@door
def level_count(book: Book, price: int) -> int:
    """Orders resting at a price."""
    return int(book.nodes[level_of(book, price)]["tag"])


@door
def live_orders(book: Book) -> int:
    """Orders resting in the whole book."""
    return int(book.top[0]["live"])


@door
def has_room(book: Book) -> bool:
    """False when the pool is full."""
    return bool(book.top[0]["free"] != U0)


@leaf
def _slot_or_nil(book: Book, node: np.uint64) -> int:
    """Hide the sentinels: a level is not an order."""
    return NIL if node <= book.top[0]["end"] else int(np.int64(node))


@door
def oldest(book: Book, price: int) -> int:
    """Slot of the first order in the queue of a price, NIL = empty."""
    return _slot_or_nil(book, np.uint64(book.nodes[level_of(book, price)]["next"]))


@door
def newest(book: Book, price: int) -> int:
    """Slot of the last order in the queue of a price, NIL = empty."""
    return _slot_or_nil(book, np.uint64(book.nodes[level_of(book, price)]["previous"]))


@door
def behind(book: Book, slot: int) -> int:
    """Slot of the order right behind, NIL = it is the newest."""
    return _slot_or_nil(book, np.uint64(book.nodes[np.uint64(slot)]["next"]))


@door
def ahead(book: Book, slot: int) -> int:
    """Slot of the order right ahead, NIL = it is the oldest."""
    return _slot_or_nil(book, np.uint64(book.nodes[np.uint64(slot)]["previous"]))


@door
def tag_of(book: Book, slot: int) -> int:
    """The owner's number of an order."""
    return int(book.nodes[np.uint64(slot)]["tag"])


@door
def quantity_of(book: Book, slot: int) -> int:
    """What is left of an order, 0 = the slot is free. [share]"""
    return int(book.nodes[np.uint64(slot)]["quantity"])


@door
def price_of(book: Book, slot: int) -> int:
    """Limit price of an order. [tick]"""
    return int(np.int64(book.nodes[np.uint64(slot)]["level"]) + book.top[0]["offset"])


@door
def side_of(book: Book, slot: int) -> int:
    """BUY or SELL."""
    return int(book.nodes[np.uint64(slot)]["side"])


@hot
def shares_ahead(book: Book, slot: int) -> int:
    """Shares in front of an order in its queue; a walk, cost grows with the queue. [share]"""
    nodes = book.nodes
    end = book.top[0]["end"]
    node = np.uint64(nodes[np.uint64(slot)]["previous"])
    total = np.int64(0)
    while node > end:
        total += nodes[node]["quantity"]
        node = np.uint64(nodes[node]["previous"])
    return int(total)


@hot
def worse_price(book: Book, side: int, price: int) -> int:
    """Next occupied price behind ``price`` on a side, 0 = none; ``price`` need not be occupied.

    For the best price itself use ``best_bid`` and ``best_ask``.
    """
    top = book.top[0]
    level = level_of(book, price)
    if side > 0:
        if level == U0:
            return 0
        level = below(book.bits, top, level)
        return 0 if level == U0 else int(np.int64(level) + top["offset"])
    if level == top["end"]:
        return 0
    level = above(book.bits, top, level)
    return 0 if level == top["end"] else int(np.int64(level) + top["offset"])


@hot
def depth(book: Book, side: int, n: int, prices: Any, sizes: Any) -> int:
    """Write the best n levels of a side, best first; missing ones are 0. How many there are.

    prices, sizes : int arrays of at least n. [tick, share]
    """
    if side > 0:
        found = walk_down(book.nodes, book.bits, book.top[0], n, prices, sizes)
    else:
        found = walk_up(book.nodes, book.bits, book.top[0], n, prices, sizes)
    for i in range(found, n):
        prices[i] = 0
        sizes[i] = 0
    return found
