"""Random messages on the kernel and on its slow twins, as many as asked for.

    python -m tests.oracle.long_book --messages 2000000 --seed 1

Ids come back once their order is finished; unknown and finished ids, whole and partial reduces and
sweeps over many levels are all there. NUMBA_BOUNDSCHECK=1 checks every index, NUMBA_DISABLE_JIT=1
runs the plain Python. Exit 0 when fills and books are the same.
"""

import argparse
import sys

import numpy as np

from engine.bench.peers.book_python import PythonBook
from engine.kernels.book import OK, Book, new_book, new_fills
from engine.kernels.stream import MESSAGE, RESTING, play, resting
from tests.oracle.naive_book import NaiveBook

TICKS, IDS, BATCH = 150, 250, 50_000
Rows = list[tuple[int, int, int, int]]


def some_messages(draw: np.random.Generator, n: int, book: PythonBook) -> Rows:
    """The next n messages; ``book`` plays them, so that no id is added while it is live."""
    kinds = draw.integers(0, 100, n)
    sides = draw.integers(0, 2, n)
    middles = TICKS // 2 + (np.where(sides == 0, -1, 1) * draw.geometric(0.15, n))
    far = draw.integers(0, 100, n) < 6
    prices = np.where(far, draw.integers(1, TICKS + 1, n), np.clip(middles + 1, 1, TICKS))
    prices += np.where(draw.integers(0, 100, n) < 40, np.where(sides == 0, 9, -9), 0)
    prices = np.clip(prices, 1, TICKS)
    sizes, ids = draw.integers(1, 40, n), draw.integers(0, IDS, n)
    rows: Rows = []
    columns = zip(*(c.tolist() for c in (kinds, sides, prices, sizes, ids)), strict=True)
    for chance, side, price, size, order in columns:
        live = order in book.where
        kind = (1 if chance < 30 else 2) if live or chance < 5 else 0
        row = (kind | side << 8, price, size, order)
        book.play([row])
        rows.append(row)
    return rows


def kernel_rows(book: Book, slots: np.ndarray, rows: Rows) -> Rows:
    """Fills of the kernel for these messages."""
    tape = new_fills(4 * len(rows) + IDS)
    done, n, status = play(book, np.array(rows, MESSAGE), slots, tape, 0)
    assert (done, status) == (len(rows), OK)
    columns = (tape[name][:n].tolist() for name in ("maker", "taker", "price", "quantity"))
    return list(zip(*columns, strict=True))


def agree(seed: int, n: int, *, naive: bool) -> int:
    """Play n messages in batches; raises AssertionError at the first difference. Fills."""
    draw = np.random.default_rng(seed)
    kernel, slots = new_book(TICKS, 1, IDS), np.zeros(IDS, np.uint32)
    python, slow = PythonBook(), NaiveBook()
    total = 0
    for start in range(0, n, BATCH):
        python.fills, slow.fills = [], []
        rows = some_messages(draw, min(BATCH, n - start), python)
        assert kernel_rows(kernel, slots, rows) == python.fills, f"after message {start}"
        out = np.zeros(IDS, RESTING)
        book = [tuple(map(int, row)) for row in out[: resting(kernel, out)].tolist()]
        assert book == python.resting(), f"after message {start}"
        if naive:
            slow.play(rows)
            assert (slow.fills, slow.resting()) == (python.fills, book), f"after message {start}"
        total += len(python.fills)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="without the slowest twin")
    given = parser.parse_args()
    fills = agree(given.seed, given.messages, naive=not given.quick)
    print(f"{given.messages} messages, {fills} fills: the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
