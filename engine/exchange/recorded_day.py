"""A recorded day made ready to trade on: hours, ticks, what the symbol is like."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.domain.instrument import Instrument
from engine.domain.units import SECOND, Shares
from engine.exchange.hours import session_of
from engine.kernels import queue
from engine.kernels import recorded as kernel
from engine.runtime.feeds.lobster import Recording
from engine.runtime.feeds.lobster_check import check

OPEN_S: Final = 34_200  # 09:30, seconds after midnight
CLOSE_S: Final = 57_600  # 16:00
TICK_SIZE: Final = 0.01
LOT: Final = 100
MOST_NOTIONAL: Final = 1 << 61  # of a day [1/100 tick * share]: sums stay exact in int64

Ints = NDArray[np.int64]


def source_of(recording: Recording) -> str:
    """The watermark of screens and exports: mode, symbol, day, depth, hash, files."""
    first, _, second = recording.files.partition(" + ")
    archive, inside, _ = first.partition("/")
    same = inside and second.startswith(archive + inside)
    return (
        f"REPLAY / VIRTUAL {recording.symbol} {recording.day}, {recording.levels} levels, "
        f"sha256 {recording.digest[:12]}, {archive if same else recording.files}"
    )


def in_hours(recording: Recording) -> None:
    """Refuse a day that cannot be traded: no name, no date, or rows outside 09:30 to 16:00."""
    if not recording.symbol or not recording.day:
        raise Refused(
            f"{recording.files}: the file name must hold symbol and day, as in "
            "AMZN_2012-06-21_34200000_57600000_message_5.csv",
            field="replay",
        )
    at = recording.messages[:, kernel.TIME]
    outside = np.flatnonzero((at < OPEN_S * SECOND) | (at > CLOSE_S * SECOND))
    if outside.size:
        row = int(outside[0])
        raise Refused(
            f"{recording.files}: row {row}, time must be within 09:30 to 16:00 (34200 to 57600 s), "
            f"was {int(at[row]) / SECOND:.9f} s",
            field="replay",
        )


def in_ticks(recording: Recording) -> tuple[Ints, Ints]:
    """Rows and book of the kernels, in ticks and UTC ns; Refused off the tick grid."""
    messages, raw = recording.messages, recording.book
    unused = np.abs(raw) == kernel.DUMMY
    shown = messages[:, kernel.TYPE] <= kernel.EXECUTED
    off = np.flatnonzero(shown & (messages[:, kernel.PRICE] % queue.RAW_PER_TICK != 0))
    if off.size:
        row = int(off[0])
        raise Refused(
            f"{recording.files}: row {row}, price must be a whole tick of {TICK_SIZE} "
            f"(a multiple of {queue.RAW_PER_TICK}), was {int(messages[row, kernel.PRICE])}",
            field="replay",
        )
    book = np.where(unused, 0, raw // queue.RAW_PER_TICK)
    cells = book.reshape(len(book), -1, 2)
    cells[:, :, 1] = raw.reshape(len(raw), -1, 2)[:, :, 1]
    by_id = np.lexsort((np.arange(len(messages)), messages[:, kernel.ID]))
    price = messages[:, kernel.PRICE]
    halt = messages[:, kernel.TYPE] == kernel.HALT
    midnight = session_of(recording.day).open_at - OPEN_S * SECOND
    rows = np.empty((len(messages), 7), dtype=np.int64)
    rows[:, queue.AT] = messages[:, kernel.TIME] + midnight
    rows[:, queue.KIND] = messages[:, kernel.TYPE]
    rows[:, queue.SIZE] = messages[:, kernel.SIZE]
    rows[:, queue.TICKS] = np.where(halt, 0, np.rint(price / queue.RAW_PER_TICK))
    rows[:, queue.SIDE] = messages[:, kernel.SIDE]
    rows[:, queue.SINCE] = kernel.submitted_in(messages, by_id)
    rows[:, queue.RAW] = price
    return rows, np.ascontiguousarray(book)


def instrument_of(recording: Recording) -> Instrument:
    """What the day itself says of the symbol; Refused when its book does not explain itself."""
    report = check(recording)
    if report.first_mismatch_row is not None:
        raise Refused(
            f"{recording.files}: the book after row {report.first_mismatch_row} must follow from "
            "its message and the row before, it does not",
            field="replay",
        )
    volume = report.visible_shares + report.hidden_shares
    quoted = np.flatnonzero((recording.book[:, 1] > 0) & (recording.book[:, 3] > 0))
    if volume == 0 or quoted.size == 0:
        raise Refused(
            f"{recording.files} must hold executions and a book with both sides", field="replay"
        )
    executed = recording.messages[recording.messages[:, kernel.TYPE] > kernel.DELETED]
    sizes, prices = (executed[:, c].astype(object) for c in (kernel.SIZE, kernel.PRICE))
    if int((sizes * prices).sum()) > MOST_NOTIONAL:
        raise Refused(
            f"{recording.files}: executed value must be at most {MOST_NOTIONAL} (1/10,000)"
        )
    first = recording.book[quoted[0]]
    return Instrument(
        symbol=recording.symbol,
        name=f"{recording.symbol} recorded {recording.day}",
        currency="USD",
        tick_size=TICK_SIZE,
        lot=Shares(LOT),
        adv=Shares(volume),
        reference_price=int(first[0] + first[2]) // 2 // queue.RAW_PER_TICK,
        spread_ticks=report.spread_ticks or 1.0,
        daily_volatility_bps=(report.realised_volatility or 0.0) * 1e4,
        touch=Shares(max(1, round(float(recording.book[quoted][:, [1, 3]].mean())))),
    )
