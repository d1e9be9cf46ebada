"""Order-level feeds on the book of book.py: every order by its id, in its place in the queue.

Two replays. ``apply_events`` takes a full order-level feed (snapshot, then every change).
``window_queues`` takes a recording that shows a window of L levels a side: what comes into view
at the edge is older than anything added later and belongs to nobody by name.

Bids and asks have a book each: before the open and in auctions a book may be crossed, and one
price then holds both. ``Orders`` maps an id to its slot: open addressing, a power of two of places,
at most half used. A slot is positive in the book of bids, negative in that of asks.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.kernels.book import (
    NIL,
    Book,
    Records,
    best_ask,
    best_bid,
    level_of,
    level_volume,
    oldest,
    price_of,
    quantity_of,
    reduce,
    remove,
    rest,
    tag_of,
    worse_price,
)
from engine.kernels.handed import one_word
from engine.kernels.jit import hot, inner, leaf
from engine.kernels.recorded import EXECUTED, ID, PRICE, REDUCED, SIDE, SIZE, SUBMITTED, TYPE

Ints = NDArray[np.int64]

EVENT: Final = np.dtype(
    [
        ("venue_ns", "<i8"),  # when it happened, by the venue's clock; 0 = not stated [UTC ns]
        ("local_ns", "<i8"),  # when it was received; 0 = not stated [UTC ns]
        ("seq", "<i8"),  # the feed's own number, -1 = it has none
        ("row", "<i8"),  # of the file, from 0
        ("symbol", "<i4"),  # index into the feed's symbols
        ("source", "<i4"),  # index into the feed's sources: a venue, or the name of a signal
        ("kind", "<i2"),
        ("side", "<i2"),  # of the order or quote; of the aggressor in a trade; 0 = not stated
        ("flags", "<i4"),
        ("price", "<i8"),  # [1e-9 of the currency], 0 = none
        ("size", "<i8"),  # [1e-8 of a share, contract or coin]
        ("order", "<i8"),  # id of the order, -1 = none
        ("value", "<f8"),  # of a signal, NaN elsewhere
    ]
)

# kinds of an event
CLEAR, ADD, REDUCE, DELETE, MODIFY, TRADE, FILL = 1, 2, 3, 4, 5, 6, 7
LEVEL, QUOTE, HIDDEN_TRADE, CROSS_TRADE, HALTED, QUOTING, TRADING, SIGNAL = (
    8, 9, 10, 11, 12, 13, 14, 15,
)  # fmt: skip

# flags of an event
LAST: Final = 1  # of what the venue did at once: the book may be looked at now
SNAPSHOT: Final = 2  # part of a picture of the whole book
CONTINUOUS: Final = 4  # trading is continuous: a crossed book is an error

# what became of an event
DONE: Final = 0
PARKED_FAR: Final = 1  # its price is off the ladder; the order is known, not in the book
UNKNOWN_ID: Final = 2
KNOWN_ID: Final = 3  # an order with this id rests already
TOO_MUCH: Final = 4  # takes more than the order has left; nothing happened
CROSSED: Final = 5  # the book was crossed after it; the order was taken out again
NO_ROOM: Final = 6  # the pool or the table of ids is full

FREE: Final = -1
PARKED: Final = 0  # slot of an order off the ladder

# columns of what window_queues counts
KNOWN, KNOWN_FIRST, UNSEEN, UNSEEN_FIRST, WRONG_LEVELS, ADOPTED_LEVELS = 0, 1, 2, 3, 4, 5
COUNTS: Final = 6
NOBODY: Final = 0  # tag of anonymous volume


@one_word
class Orders(NamedTuple):
    """Resting orders by id."""

    keys: Ints  # ids, FREE = nobody
    slots: Ints  # of bids, negative of asks, PARKED = off the ladder
    sizes: Ints  # of a parked order
    held: Ints  # shape (2,): ids held, of them parked


def new_orders(most: int) -> Orders:
    """Room for ``most`` resting orders."""
    places = 2
    while places < 2 * most:
        places *= 2
    return Orders(
        keys=np.full(places, FREE, dtype=np.int64),
        slots=np.zeros(places, dtype=np.int64),
        sizes=np.zeros(places, dtype=np.int64),
        held=np.zeros(2, dtype=np.int64),
    )


@leaf
def _home(orders: Orders, key: int) -> int:
    """Where an id would be when nobody else was there."""
    return int((key ^ (key >> 17) ^ (key >> 34)) & np.int64(orders.keys.size - 1))


@hot
def place_of(orders: Orders, key: int) -> int:
    """Where the id is, or the free place that it would take."""
    at = _home(orders, key)
    mask = orders.keys.size - 1
    while orders.keys[at] != FREE and orders.keys[at] != key:
        at = (at + 1) & mask
    return at


@hot
def keep(orders: Orders, at: int, key: int, slot: int, size: int) -> None:
    """Enter an id at the free place that ``place_of`` named."""
    orders.keys[at] = key
    orders.slots[at] = slot
    orders.sizes[at] = size
    orders.held[0] += 1
    if slot == PARKED:
        orders.held[1] += 1


@inner
def forget(orders: Orders, at: int) -> None:
    """Take the id at a place out; ids behind it move up, so that no search ends too early."""
    mask = orders.keys.size - 1
    orders.held[0] -= 1
    if orders.slots[at] == PARKED:
        orders.held[1] -= 1
    hole = at
    while True:
        at = (at + 1) & mask
        if orders.keys[at] == FREE:
            break
        home = _home(orders, orders.keys[at])
        if ((at - home) & mask) >= ((at - hole) & mask):
            orders.keys[hole] = orders.keys[at]
            orders.slots[hole] = orders.slots[at]
            orders.sizes[hole] = orders.sizes[at]
            hole = at
    orders.keys[hole] = FREE


# --- a full order-level feed -----------------------------------------------------------------


@inner
def _enter(bids: Book, asks: Book, orders: Orders, event: Any, price: int) -> int:
    """A new order behind its queue; ``price`` in ticks. What became of it."""
    key, side, size = event["order"], event["side"], event["size"]
    at = place_of(orders, key)
    if orders.keys[at] == key:
        return KNOWN_ID
    if 2 * orders.held[0] >= orders.keys.size:
        return NO_ROOM
    book = bids if side > 0 else asks
    level = level_of(book, price)
    if level == np.uint64(0) or level == book.top[0]["end"]:
        keep(orders, at, key, PARKED, size)
        return PARKED_FAR
    slot = rest(book, side, level, size, key)
    if slot == NIL:
        return NO_ROOM
    keep(orders, at, key, side * slot, 0)
    return DONE


@inner
def _left(bids: Book, asks: Book, orders: Orders, at: int) -> int:
    """What the order at a place has left."""
    slot = orders.slots[at]
    if slot == PARKED:
        return int(orders.sizes[at])
    return int(quantity_of(bids if slot > 0 else asks, abs(slot)))


@inner
def _leave(bids: Book, asks: Book, orders: Orders, at: int) -> None:
    """The order at a place is gone."""
    slot = orders.slots[at]
    if slot != PARKED:
        remove(bids if slot > 0 else asks, abs(slot))
    forget(orders, at)


@inner
def _lessen(bids: Book, asks: Book, orders: Orders, at: int, size: int) -> None:
    """The order at a place loses ``size`` < what it has, and keeps its priority."""
    slot = orders.slots[at]
    if slot == PARKED:
        orders.sizes[at] -= size
    else:
        reduce(bids if slot > 0 else asks, abs(slot), size)


@inner
def _change(bids: Book, asks: Book, orders: Orders, event: Any, at: int, price: int) -> int:
    """New price and size; priority is lost by another price, the other side or more size."""
    slot = orders.slots[at]
    size, left = event["size"], _left(bids, asks, orders, at)
    same = slot * event["side"] > 0 and price_of(bids if slot > 0 else asks, abs(slot)) == price
    if same and size <= left:
        if size < left:
            _lessen(bids, asks, orders, at, left - size)
        return DONE
    _leave(bids, asks, orders, at)
    return _enter(bids, asks, orders, event, price)


@inner
def _act(bids: Book, asks: Book, orders: Orders, event: Any, tick: int) -> int:
    """One event that names an order; DELETE of size 0 or of all that is left removes it."""
    kind, size = event["kind"], event["size"]
    price = event["price"] // tick
    if kind == ADD:
        return _enter(bids, asks, orders, event, price)
    at = place_of(orders, event["order"])
    if orders.keys[at] != event["order"]:
        return UNKNOWN_ID
    if kind == MODIFY:
        return _change(bids, asks, orders, event, at, price)
    left = _left(bids, asks, orders, at)
    if size > left:
        return TOO_MUCH
    if size == left or size == 0:
        _leave(bids, asks, orders, at)
    else:
        _lessen(bids, asks, orders, at, size)
    return DONE


@hot
def empty(bids: Book, asks: Book, orders: Orders) -> None:
    """Take every order out."""
    for at in range(orders.keys.size):
        if orders.keys[at] != FREE:
            slot = orders.slots[at]
            if slot != PARKED:
                remove(bids if slot > 0 else asks, abs(slot))
            orders.keys[at] = FREE
    orders.held[0] = 0
    orders.held[1] = 0


@leaf
def _crosses(bids: Book, asks: Book, side: int, price: int) -> bool:
    """Whether a resting order of this side and price touches the best of the other side."""
    other = best_ask(asks) if side > 0 else best_bid(bids)
    return bool(other != 0 and side * price >= side * other)


@hot
def apply_events(
    bids: Book,
    asks: Book,
    orders: Orders,
    events: Records,
    tick: int,
    undo: int,
    status: Any,
    touch: Ints,
) -> int:
    """Apply a chunk; writes what became of each event, and best bid and ask after it. [tick]

    TRADE and FILL never change the book, a REDUCE, DELETE or MODIFY that follows does. The book is
    looked at after LAST only. ``undo`` = 1 takes an order out again that crosses it while trading
    is CONTINUOUS. Returns how many states were looked at.
    """
    looked = 0
    for i in range(events.size):
        event = events[i]
        kind = event["kind"]
        status[i] = DONE
        if kind == CLEAR:
            empty(bids, asks, orders)
        elif kind >= ADD and kind <= MODIFY:
            status[i] = _act(bids, asks, orders, event, tick)
        if event["flags"] & LAST:
            looked += 1
            judged = undo == 1 and event["flags"] & CONTINUOUS != 0
            if judged and (kind == ADD or kind == MODIFY) and status[i] == DONE:
                if _crosses(bids, asks, event["side"], event["price"] // tick):
                    _leave(bids, asks, orders, place_of(orders, event["order"]))
                    status[i] = CROSSED
        touch[i, 0] = best_bid(bids)
        touch[i, 1] = best_ask(asks)
    return looked


# --- a window of L levels --------------------------------------------------------------------


@inner
def _purge(book: Book, orders: Orders, price: int) -> None:
    """The queue of a price is out of view: nothing about it is known any more."""
    slot = oldest(book, price)
    while slot != NIL:
        tag = tag_of(book, slot)
        if tag != NOBODY:
            at = place_of(orders, tag)
            if orders.keys[at] == tag:
                forget(orders, at)
        remove(book, slot)
        slot = oldest(book, price)


@inner
def _match_side(
    book: Book, orders: Orders, row: Ints, side: int, unit: int, edge_ok: int, counts: Ints
) -> None:
    """Make one side of the book what the recorded row shows, and count what that took.

    A level that appears as the last of the row is adopted when ``edge_ok`` = 1; any other
    difference is a wrong level, replaced by anonymous volume.
    """
    levels = row.size // 4
    base = 2 if side > 0 else 0
    ours = best_bid(book) if side > 0 else best_ask(book)
    for i in range(levels):
        shown = row[4 * i + base + 1]
        if shown == 0:
            break
        price = row[4 * i + base] // unit
        while ours != 0 and side * ours > side * price:
            worse = worse_price(book, side, ours)
            _purge(book, orders, ours)
            counts[WRONG_LEVELS] += 1
            ours = worse
        if ours == price and level_volume(book, price) == shown:
            ours = worse_price(book, side, ours)
            continue
        edge = i == levels - 1 or row[4 * (i + 1) + base + 1] == 0
        if ours == price:
            ours = worse_price(book, side, ours)
            _purge(book, orders, price)
            counts[WRONG_LEVELS] += 1
        elif edge and edge_ok == 1:
            counts[ADOPTED_LEVELS] += 1
        else:
            counts[WRONG_LEVELS] += 1
        rest(book, side, level_of(book, price), shown, NOBODY)
    while ours != 0:
        worse = worse_price(book, side, ours)
        _purge(book, orders, ours)
        ours = worse


@inner
def _take(book: Book, orders: Orders, at: int, message: Ints, price: int) -> None:
    """Shares leave the order of a message, or the anonymous volume when nobody knows it."""
    if orders.keys[at] == message[ID]:
        if reduce(book, abs(orders.slots[at]), message[SIZE]) == 0:
            forget(orders, at)
        return
    first = oldest(book, price)
    if first != NIL and tag_of(book, first) == NOBODY:
        reduce(book, first, message[SIZE])


@hot
def window_queues(
    bids: Book, asks: Book, orders: Orders, messages: Ints, rows: Ints, unit: int, counts: Ints
) -> int:
    """Replay a windowed recording order by order; how many messages were replayed.

    ``messages`` and ``rows`` as recorded.py states, ``unit`` = format units in a tick, ``counts``
    shape (COUNTS,). The book must have a level for every price and room for every submission. An
    execution in a queue whose every order is known should be the oldest (KNOWN, KNOWN_FIRST);
    where older unseen volume rests it should take that (UNSEEN, UNSEEN_FIRST).
    """
    _match_side(bids, orders, rows[0], 1, unit, 0, counts)
    _match_side(asks, orders, rows[0], -1, unit, 0, counts)
    counts[:] = 0
    for k in range(1, messages.shape[0]):
        message = messages[k]
        kind, side, price = message[TYPE], message[SIDE], message[PRICE] // unit
        if kind <= EXECUTED:
            book = bids if side > 0 else asks
            at = place_of(orders, message[ID])
            if kind == SUBMITTED:
                if orders.keys[at] != message[ID]:
                    slot = rest(book, side, level_of(book, price), message[SIZE], message[ID])
                    keep(orders, at, message[ID], side * slot, 0)
            else:
                first = oldest(book, price)
                if kind == EXECUTED and first != NIL:
                    if tag_of(book, first) != NOBODY:
                        counts[KNOWN] += 1
                        counts[KNOWN_FIRST] += tag_of(book, first) == message[ID]
                    else:
                        counts[UNSEEN] += 1
                        counts[UNSEEN_FIRST] += orders.keys[at] != message[ID]
                _take(book, orders, at, message, price)
        took = kind >= REDUCED and kind <= EXECUTED
        _match_side(bids, orders, rows[k], 1, unit, int(took and side == 1), counts)
        _match_side(asks, orders, rows[k], -1, unit, int(took and side == -1), counts)
    return int(messages.shape[0])
