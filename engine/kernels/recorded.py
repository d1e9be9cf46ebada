"""Recorded order books: bytes to integers, and whether each message explains the next book row.

A message row is six int64: time [ns after midnight, exchange zone], type, order id, size [share],
price [1/10,000 of the currency], direction (+1 a resting buy, -1 a resting sell). A book row is
four int64 a level, best first: ask price, ask size, bid price, bid size. Row k of the book is the
book after message k. An unused level holds +-9,999,999,999 and size 0.
"""

import numpy as np
from numpy.typing import NDArray

from engine.domain.kinds import BUY
from engine.kernels.jit import kernel

TIME, TYPE, ID, SIZE, PRICE, SIDE = 0, 1, 2, 3, 4, 5  # columns of a message row
SUBMITTED, REDUCED, DELETED, EXECUTED, HIDDEN, CROSS, HALT = 1, 2, 3, 4, 5, 6, 7  # types
DUMMY = 9_999_999_999  # price of an unused ask level; negative for a bid

OK, NOT_A_NUMBER, EMPTY, TOO_LONG, TOO_FEW, TOO_MANY = 0, 1, 2, 3, 4, 5  # what parse() found
MOST_DIGITS = 18  # a whole number of this many digits fits int64
MOST_DECIMALS = 15  # the vendor's own files hold float residue beyond the ninth

COMMA, NEWLINE, RETURN, MINUS, DOT, ZERO = 44, 10, 13, 45, 46, 48

MISMATCH, EXACT, ADOPTED = 0, 1, 2  # of one transition; ADOPTED = exact, one edge level revealed


@kernel
def whole(text: NDArray[np.uint8], at: int, stop: int) -> tuple[int, int]:
    """The whole number written in ``text[at:stop]`` and OK, or 0 and what is wrong."""
    if at >= stop:
        return 0, EMPTY
    negative = text[at] == MINUS
    start = at + 1 if negative else at
    if start >= stop:
        return 0, NOT_A_NUMBER
    if stop - start > MOST_DIGITS:
        return 0, TOO_LONG
    value = 0
    for i in range(start, stop):
        digit = int(np.int64(text[i])) - ZERO  # int(uint8) would be unsigned in machine code
        if digit < 0 or digit > 9:
            return 0, NOT_A_NUMBER
        value = value * 10 + digit
    return (-value if negative else value), OK


@kernel
def nanoseconds(text: NDArray[np.uint8], at: int, stop: int) -> tuple[int, int, int]:
    """Seconds with decimals as whole [ns], what is wrong, and the number of decimals.

    Digits beyond the ninth are rounded to the nearest ns; no float takes part.
    """
    dot = at
    while dot < stop and text[dot] != DOT:
        dot += 1
    if dot - at > 6:
        return 0, TOO_LONG, 0
    seconds, fault = whole(text, at, dot)
    if fault != OK or dot == stop:
        return seconds * 1_000_000_000, fault, 0
    decimals = stop - dot - 1
    if decimals > MOST_DECIMALS or (decimals > 0 and text[dot + 1] == MINUS):
        return 0, NOT_A_NUMBER, decimals
    fraction, fault = whole(text, dot + 1, min(stop, dot + 10))
    rest, beyond = 0, OK
    if decimals > 9:
        rest, beyond = whole(text, dot + 10, dot + 11)
        _, tail = whole(text, dot + 10, stop)
        beyond = max(beyond, tail)
    for _ in range(9 - decimals):
        fraction *= 10
    if seconds < 0 or text[at] == MINUS:
        fault = NOT_A_NUMBER
    nanos = seconds * 1_000_000_000 + fraction
    return nanos + (1 if rest >= 5 else 0), max(fault, beyond), decimals


@kernel
def parse(text: NDArray[np.uint8], timed: int, out: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Read comma-separated rows into ``out``; ``timed`` = 1 when column 0 holds seconds.

    Gives (rows read, what is wrong or OK, column of the fault, most decimals of a time). It stops
    at the first fault, which is in row ``rows read``. ``out`` has a row per line of the text.
    """
    at, row, widest = 0, 0, 0
    columns = out.shape[1]
    while at < text.size:
        for column in range(columns):
            stop = at
            while stop < text.size and text[stop] != COMMA and text[stop] != NEWLINE:
                stop += 1
            ended = stop >= text.size or text[stop] == NEWLINE
            if ended != (column == columns - 1):
                return row, (TOO_FEW if ended else TOO_MANY), column, widest
            end = stop - 1 if ended and stop > at and text[stop - 1] == RETURN else stop
            if timed == 1 and column == 0:
                value, fault, decimals = nanoseconds(text, at, end)
                widest = max(widest, decimals)
            else:
                value, fault = whole(text, at, end)
            if fault != OK:
                return row, fault, column, widest
            out[row, column] = value
            at = stop + 1
        row += 1
    return row, OK, 0, widest


@kernel
def first_worse(book: NDArray[np.int64], base: int, side: int, price: int) -> int:
    """Level of one side at which ``price`` is or would be put (= the number of levels: beyond)."""
    levels = book.size // 4
    for level in range(levels):
        if side * book[4 * level + base] <= side * price:
            return level
    return levels


@kernel
def put(out: NDArray[np.int64], base: int, level: int, price: int, size: int) -> int:
    """Add ``size`` at ``level``, opening it when it holds another price; 0, or -1 = out of view."""
    levels = out.size // 4
    if level == levels:
        return -1
    if out[4 * level + base] == price:
        out[4 * level + base + 1] += size
        return 0
    for i in range(levels - 1, level, -1):
        out[4 * i + base] = out[4 * (i - 1) + base]
        out[4 * i + base + 1] = out[4 * (i - 1) + base + 1]
    out[4 * level + base] = price
    out[4 * level + base + 1] = size
    return 0


@kernel
def close_gap(
    out: NDArray[np.int64], after: NDArray[np.int64], base: int, level: int, side: int
) -> int:
    """Take ``level`` out; 1 when the level this reveals at the edge was adopted from ``after``.

    Nothing can be revealed when the edge was unused (the whole side was in view), and what is
    revealed lies behind the old edge.
    """
    edge = out.size - 4 + base
    was_full = out[edge + 1] > 0 or level == out.size // 4 - 1
    old_edge = out[edge]
    for i in range(level, out.size // 4 - 1):
        out[4 * i + base] = out[4 * (i + 1) + base]
        out[4 * i + base + 1] = out[4 * (i + 1) + base + 1]
    out[edge] = -side * DUMMY
    out[edge + 1] = 0
    if was_full and after[edge + 1] > 0 and side * after[edge] < side * old_edge:
        out[edge] = after[edge]
        out[edge + 1] = after[edge + 1]
        return 1
    return 0


@kernel
def predict(
    before: NDArray[np.int64],
    message: NDArray[np.int64],
    after: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Write the book that ``message`` makes of ``before`` to ``out``.

    Gives the number of levels adopted from ``after`` at the edge (0 or 1), or -1 when the message
    cannot act on this book: no such level, fewer shares than it takes, or out of view.
    """
    out[:] = before
    kind, size, price, side = message[TYPE], message[SIZE], message[PRICE], message[SIDE]
    if kind > EXECUTED:
        return 0  # hidden execution, cross, halt: the displayed book stays
    base = 2 if side == BUY else 0
    level = first_worse(before, base, side, price)
    if kind == SUBMITTED:
        return put(out, base, level, price, size)
    if level == before.size // 4 or before[4 * level + base] != price:
        return -1
    left = before[4 * level + base + 1] - size
    if left < 0:
        return -1
    out[4 * level + base + 1] = left
    return close_gap(out, after, base, level, side) if left == 0 else 0


@kernel
def same(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    """Whether two rows are equal, number by number."""
    equal = 0
    while equal < a.size and a[equal] == b[equal]:
        equal += 1
    return equal == a.size


@kernel
def transitions(messages: NDArray[np.int64], book: NDArray[np.int64]) -> NDArray[np.int8]:
    """For each row k: MISMATCH, EXACT or ADOPTED of book[k-1] -> book[k]; row 0 counts as EXACT."""
    verdict = np.full(messages.shape[0], EXACT, dtype=np.int8)
    out = np.empty(book.shape[1], dtype=np.int64)
    for k in range(1, messages.shape[0]):
        adopted = predict(book[k - 1], messages[k], book[k], out)
        if adopted < 0 or not same(out, book[k]):
            verdict[k] = MISMATCH
        elif adopted == 1:
            verdict[k] = ADOPTED
    return verdict


@kernel
def submitted_in(messages: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row, the row that submitted its order id, -1 when the file does not hold it.

    ``order`` sorts the rows by (id, row), as ``np.lexsort`` gives it.
    """
    rows = np.full(messages.shape[0], -1, dtype=np.int64)
    current, since = 0, -1
    for i in range(order.size):
        k = order[i]
        if messages[k, TYPE] > EXECUTED:
            continue
        if messages[k, ID] != current:
            current, since = messages[k, ID], -1
        if messages[k, TYPE] == SUBMITTED:
            since = k
        rows[k] = since
    return rows
