"""Message streams of the book benchmark: the file format, its rules, and the streams we make.

A file is little-endian records of four int32: type | side << 8, price, quantity, id.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.kernels.book import OK, Records, new_book, new_fills
from engine.kernels.stream import ADD, KIND_MASK, MESSAGE, REDUCE, SIDE_SHIFT, rehearse
from engine.kernels.synthetic import RECIPE, generate

LADDER: Final = 65_536  # a wider price range is replaced by ranks


class BadStream(Exception):
    """The file breaks a rule of the format; the sentence names the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A checked stream with dense ids and levels for prices."""

    messages: Records  # MESSAGE; price = level, 1 .. n_ticks
    n_ticks: int
    n_ids: int
    live: int  # most orders that rest at a time
    fills: int
    price_of: npt.NDArray[np.int64]  # of a level [tick]; level 0 is no price
    id_of: npt.NDArray[np.int64]  # of a dense id


def read(path: Path) -> Records:
    """The records of a file, unchecked but for its size."""
    data = path.read_bytes()
    if len(data) % MESSAGE.itemsize != 0:
        record = len(data) // MESSAGE.itemsize
        raise BadStream(f"record {record}: size must be a multiple of 16 bytes, was {len(data)}")
    return np.frombuffer(data, MESSAGE)


def _refuse(raw: Records, wrong: npt.NDArray[np.bool_], field: str, rule: str) -> None:
    """Name the first record that breaks a rule."""
    if wrong.any():
        at = int(wrong.argmax())
        value = int(raw[field][at])
        shown = f"type {value & KIND_MASK} side {value >> SIDE_SHIFT}" if field == "kind" else value
        raise BadStream(f"record {at}: {rule}, was {shown}")


def check(raw: Records) -> None:
    """Rules that a record keeps by itself. Cancel and reduce go by id: side and price are free."""
    kind = raw["kind"] & KIND_MASK
    side = raw["kind"] >> SIDE_SHIFT
    add = kind == ADD
    _refuse(raw, kind > REDUCE, "kind", "type must be 0 add, 1 cancel or 2 reduce")
    _refuse(raw, add & (side != 0) & (side != 1), "kind", "side must be 0 buy or 1 sell")
    _refuse(raw, add & (raw["price"] < 1), "price", "price of an add must be at least 1")
    sized = add | (kind == REDUCE)
    _refuse(raw, sized & (raw["quantity"] < 1), "quantity", "quantity must be at least 1")


def _levels(prices: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(level of each price, price of each level); ranks when the range is too wide for a ladder."""
    if prices.size == 0:
        return np.zeros(0, np.int64), np.array([0, 1], np.int64)
    wide = prices.astype(np.int64)
    low, high = int(wide.min()), int(wide.max())
    if high - low < LADDER:
        return wide - low + 1, np.arange(low - 1, high + 1, dtype=np.int64)
    ladder, rank = np.unique(wide, return_inverse=True)
    return rank + 1, np.concatenate(([0], ladder))


def load(raw: Records) -> Stream:
    """Check a stream and make it dense; a rehearsal finds repeated ids, depth and tape length."""
    check(raw)
    id_of, ids = np.unique(raw["id"].astype(np.int64), return_inverse=True)
    messages = raw.copy()
    messages["id"] = ids
    add = (raw["kind"] & KIND_MASK) == ADD
    levels, price_of = _levels(raw["price"][add])
    messages["price"] = 0
    messages["price"][add] = levels
    adds = max(int(add.sum()), 1)
    found = np.zeros(3, np.int64)
    book = new_book(price_of.size - 1, 1, adds)
    slots = np.zeros(max(id_of.size, 1), np.uint32)
    status = rehearse(book, messages, slots, new_fills(adds), found)
    if status != OK:
        raise BadStream(f"the book stopped with status {status}")
    if found[0] >= 0:
        at = int(found[0])
        raise BadStream(
            f"record {at}: an add must not have the id of a live order, was {raw['id'][at]}"
        )
    return Stream(
        messages=messages,
        n_ticks=price_of.size - 1,
        n_ids=slots.size,
        live=max(int(found[1]), 1),
        fills=int(found[2]),
        price_of=price_of,
        id_of=id_of,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a synthetic stream is made of; fields as in RECIPE of kernels/synthetic.py."""

    messages: int
    ticks: int
    target: int
    distance: float
    far: float = 0.05
    young: float = 0.6
    marketable: float = 0.05
    reduce: float = 0.05
    cancel: float = 0.37
    sweep: int = 310
    single: int = 0


# A: about 3,000 live orders, four fills per marketable order. BIG: 126,000 live orders.
# SPARSE: one order per level, wide gaps, cancels and trades at the touch: the worst case of a
# search for the next best price.
RECIPES: Final = {
    "A": Recipe(messages=1_000_000, ticks=1_024, target=3_000, distance=6.0),
    "BIG": Recipe(messages=3_000_000, ticks=4_030, target=126_000, distance=60.0),
    "SPARSE": Recipe(
        messages=1_000_000, ticks=4_030, target=60, distance=1.0, far=1.0, young=0.5, sweep=100,
        single=1,
    ),
}  # fmt: skip


def make(name: str, seed: int, messages: int | None = None) -> Records:
    """One of our streams; ``messages`` cuts it short (a prefix of the long one)."""
    recipe = RECIPES[name]
    size = recipe.messages if messages is None else messages
    row = np.zeros(1, RECIPE)
    row["seed"] = seed
    for field in RECIPE.names or ():
        if field != "seed":
            row[field] = getattr(recipe, field)
    out = np.zeros(size, MESSAGE)
    capacity = 2 * recipe.target + 100
    state = np.zeros(2, np.int64)
    alive, place = np.zeros(size, np.int64), np.full(size, -1, np.int64)
    made = generate(
        row[0],
        new_book(recipe.ticks, 1, capacity),
        out,
        np.zeros(size, np.uint32),
        alive,
        place,
        state,
        new_fills(capacity),
    )
    if made < 0:
        raise BadStream(f"the stream {name} outgrew its book of {capacity} orders")
    return out
