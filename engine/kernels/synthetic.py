"""Synthetic message streams for the benchmark of the book: made of rates, not of a market.

The generator keeps a book of its own, so that prices hang on the touch, cancels hit live orders and
marketable orders find somebody. Nothing here is a model of a market: see flow.py for that.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.kernels.book import OK, Book, best_ask, best_bid, level_count, oldest, tag_of
from engine.kernels.jit import hot, inner
from engine.kernels.rng import draw, ln, stream_key, to_unit
from engine.kernels.stream import ADD, CANCEL, REDUCE, SIDE_SHIFT, step

STREAM_SYNTHETIC: Final = 9_001
DRAWS: Final = 8  # steps of the stream that one message may use

# what a stream is made of
RECIPE = np.dtype(
    [
        ("seed", "<i8"),
        ("target", "<i8"),  # live orders: below 0.9 of it no cancels, above 1.1 no adds
        ("ticks", "<i8"),  # prices 1 .. ticks
        ("marketable", "<f8"),  # shares of the messages
        ("reduce", "<f8"),
        ("cancel", "<f8"),
        ("distance", "<f8"),  # mean distance of an add from the opposite touch [tick]
        ("far", "<f8"),  # part of the adds that go anywhere on their side
        ("young", "<f8"),  # part of the cancels that hit one of the last orders
        ("sweep", "<i8"),  # marketable orders take up to this many shares
        (
            "single",
            "<i8",
        ),  # 1 = one order per level, and the young that cancels hit are those at the touch
    ]
)

YOUNG: Final = 64
LARGEST: Final = 100  # shares of a resting order
REACH: Final = 50  # a marketable order goes this many ticks through the touch


@inner
def _uniform(key: np.uint64, message: int, which: int) -> float:
    return to_unit(draw(key, message * DRAWS + which))


@inner
def _forget(order: int, alive: Any, place: Any, count: int) -> int:
    """Drop an id from the list of the living: the last one takes its place."""
    at = place[order]
    last = alive[count - 1]
    alive[at] = last
    place[last] = at
    place[order] = -1
    return count - 1


@inner
def _middle(book: Book, ticks: int) -> int:
    """Where the touch is; the centre of the ladder for an empty book."""
    bid = best_bid(book)
    ask = best_ask(book)
    if bid == 0 and ask == 0:
        return ticks // 2
    if bid == 0:
        return ask - 1
    if ask == 0:
        return bid + 1
    return (bid + ask) // 2


@inner
def _resting_price(book: Book, recipe: Any, key: np.uint64, i: int, side: int) -> int:
    """Price of an add that does not cross."""
    ticks = recipe["ticks"]
    middle = _middle(book, ticks)
    bid = best_bid(book)
    ask = best_ask(book)
    touch = (ask if ask > 0 else middle + 1) if side > 0 else (bid if bid > 0 else middle - 1)
    room = (touch - 1 if side > 0 else ticks - touch) - 1
    away = int(-ln(1.0 - _uniform(key, i, 2)) * recipe["distance"])
    if _uniform(key, i, 3) < recipe["far"]:
        away = int(_uniform(key, i, 4) * room)
    away = max(min(away, room), 0)
    price = int(min(max(touch - side * (1 + away), 1), ticks))
    if recipe["single"] == 1:
        while level_count(book, price) > 0 and 1 < price < ticks:
            price -= side
    return price


@inner
def _young(book: Book, recipe: Any, key: np.uint64, i: int, made: int) -> int:
    """An order likely to be cancelled: one of the last, or the first at a touch; -1 = none."""
    if recipe["single"] == 0:
        return made - 1 - int(_uniform(key, i, 6) * YOUNG)
    bid = best_bid(book)
    ask = best_ask(book)
    price = ask if bid == 0 or (ask > 0 and _uniform(key, i, 6) < 0.5) else bid
    return tag_of(book, oldest(book, price)) if price > 0 else -1


@inner
def _order_to_hit(
    book: Book, recipe: Any, key: np.uint64, i: int, alive: Any, place: Any, state: Any
) -> int:
    """A live id for a cancel or reduce: a young one, else any."""
    if _uniform(key, i, 5) < recipe["young"]:
        order = _young(book, recipe, key, i, state[1])
        if order >= 0 and place[order] >= 0:
            return int(order)
    return int(alive[int(_uniform(key, i, 7) * state[0])])


@inner
def _kind(recipe: Any, key: np.uint64, i: int, count: int) -> int:
    """ADD, CANCEL, REDUCE or -1 = marketable."""
    u = _uniform(key, i, 0)
    marketable = recipe["marketable"]
    if count * 10 < recipe["target"] * 9:
        return ADD
    if u < marketable:
        return -1
    if u < marketable + recipe["reduce"]:
        return REDUCE
    if count * 10 > recipe["target"] * 11 or u < marketable + recipe["reduce"] + recipe["cancel"]:
        return CANCEL
    return ADD


@inner
def _write(message: Any, kind: int, side: int, price: int, quantity: int, order: int) -> None:
    message["kind"] = kind | ((1 if side < 0 else 0) << SIDE_SHIFT)
    message["price"] = price
    message["quantity"] = quantity
    message["id"] = order


@hot
def generate(
    recipe: Any,
    book: Book,
    out: Any,
    slots: npt.NDArray[np.uint32],
    alive: Any,
    place: Any,
    state: Any,
    fills: Any,
) -> int:
    """Fill ``out`` with messages; how many orders were made, negative = the book ran out of room.

    alive, place, slots : int arrays with room for every message; ``place`` filled with -1.
    state : two ints, 0: live orders, orders made.
    """
    key = stream_key(recipe["seed"], STREAM_SYNTHETIC)
    ticks = recipe["ticks"]
    for i in range(out.size):
        kind = _kind(recipe, key, i, state[0])
        message = out[i]
        lean = 0.5 + min(max((ticks // 2 - _middle(book, ticks)) / (0.5 * ticks), -0.4), 0.4)
        side = 1 if _uniform(key, i, 1) < lean else -1
        if kind == CANCEL or kind == REDUCE:
            order = _order_to_hit(book, recipe, key, i, alive, place, state)
            _write(message, kind, 1, 0, 1 + int(_uniform(key, i, 2) * 20), order)
        else:
            quantity = 1 + int(_uniform(key, i, 5) * LARGEST)
            if kind == ADD:
                price = _resting_price(book, recipe, key, i, side)
            else:
                touch = best_ask(book) if side > 0 else best_bid(book)
                price = min(max((touch if touch > 0 else ticks // 2) + side * REACH, 1), ticks)
                quantity = 1 + int(_uniform(key, i, 6) * recipe["sweep"])
            _write(message, ADD, side, price, quantity, state[1])
        order = message["id"]
        n, status = step(book, message, slots, fills, 0)
        if status != OK:
            return -1
        for k in range(n):
            if fills[k]["left"] == 0:
                state[0] = _forget(fills[k]["maker"], alive, place, state[0])
        if kind == ADD or kind == -1:
            state[1] += 1
            if slots[order] != 0:
                alive[state[0]] = order
                place[order] = state[0]
                state[0] += 1
        elif book.nodes[np.uint64(slots[order])]["quantity"] == 0:
            state[0] = _forget(order, alive, place, state[0])
    return int(state[1])
