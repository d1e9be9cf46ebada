"""Whether a recorded day explains itself: every message turns book row k-1 into book row k.

The file shows a window of L levels. When a level inside it empties, the level that comes into
view at the edge is adopted from the next book row (nothing in the file could foretell it) and
counted; everything else must follow from the message alone, exactly. A rebuild from the first
row only is impossible on such files and is not claimed.
"""

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import Refused
from engine.kernels import recorded as kernel
from engine.runtime.clock import SystemClock
from engine.runtime.feeds.lobster import Recording, read_recording

PRICE_UNITS: Final = 10_000  # of the format, in one unit of the currency
TICK_UNITS: Final = 100  # one cent
BAR_NS: Final = 300 * 1_000_000_000  # of the realised volatility

EXIT_EXACT: Final = 0
EXIT_REFUSED: Final = 2
EXIT_MISMATCH: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What the check of one recorded day found; a number that the day cannot give is None."""

    symbol: str
    day: str
    digest: str  # SHA-256 of both files
    rows: int
    levels: int
    transitions_checked: int
    transitions_exact: int
    first_mismatch_row: int | None  # counted from 0
    levels_adopted: int  # at the edge of the window
    messages_per_second: float  # of the check, reading excluded
    visible_shares: int
    hidden_shares: int
    buy_initiated_shares: int  # visible executions
    sell_initiated_shares: int
    vwap_visible: float | None  # currency
    vwap_visible_plus_hidden: float | None  # currency
    spread_ticks: float | None  # weighted by time
    spread_bps: float | None
    realised_volatility: float | None  # root of the sum of squared 5-minute log returns of the mid


def _vwap(messages: NDArray[np.int64]) -> float | None:
    """Volume-weighted price of these executions [currency]; exact sums, one division."""
    shares = int(messages[:, kernel.SIZE].sum())
    if shares == 0:
        return None
    prices = messages[:, kernel.PRICE].astype(object)
    notional = int((prices * messages[:, kernel.SIZE].astype(object)).sum())
    return notional / shares / PRICE_UNITS


def _spread(recording: Recording) -> tuple[float | None, float | None]:
    """Time-weighted quoted spread [tick, bp] over the rows that have both sides."""
    held = np.diff(recording.messages[:, kernel.TIME]).astype(np.float64)
    ask, bid = recording.book[:-1, 0], recording.book[:-1, 2]
    quoted = (ask != kernel.DUMMY) & (bid != -kernel.DUMMY)
    held, ask, bid = held[quoted], ask[quoted], bid[quoted]
    total = float(held.sum())
    if total <= 0:
        return None, None
    wide = (ask - bid).astype(np.float64)
    ticks = float((wide * held).sum()) / total / TICK_UNITS
    return ticks, float((2.0 * wide / (ask + bid) * held).sum()) / total * 1e4


def _volatility(recording: Recording) -> float | None:
    """Root of the sum of squared 5-minute log returns of the mid, N/A when a bar has no mid."""
    at = recording.messages[:, kernel.TIME]
    ends = np.arange(at[0] // BAR_NS, at[-1] // BAR_NS + 2) * BAR_NS
    rows = np.clip(np.searchsorted(at, ends, side="right") - 1, 0, None)
    ask, bid = recording.book[rows, 0], recording.book[rows, 2]
    if ((ask == kernel.DUMMY) | (bid == -kernel.DUMMY)).any():
        return None
    return math.sqrt(float((np.diff(np.log((ask + bid) / 2.0)) ** 2).sum()))


def _vouched(messages: NDArray[np.int64], row: int) -> bool:
    """True when this row's order came and went in the file, and as much went as came."""
    mine = messages[
        (messages[:, kernel.ID] == messages[row, kernel.ID])
        & (messages[:, kernel.TYPE] <= kernel.EXECUTED)
    ]
    came = mine[:, kernel.TYPE] == kernel.SUBMITTED
    added, taken = int(mine[came, kernel.SIZE].sum()), int(mine[~came, kernel.SIZE].sum())
    return added == taken and added > 0


def _one_size_explains(recording: Recording, row: int) -> int | None:
    """Column of book[row - 1] whose size, set to what book[row] implies, makes the step exact.

    Only sizes that no earlier transition vouches for can be at fault: those of the first row, and
    the level that was adopted at the edge one row before.
    """
    before, after = recording.book[row - 1], recording.book[row]
    message = recording.messages[row]
    edge_side = recording.messages[row - 1, kernel.SIDE]
    edge = before.size - 4 + (2 if edge_side == 1 else 0)
    columns = range(0, before.size, 2) if row == 1 else [edge]
    out = np.empty_like(before)
    for column in columns:
        side = 1 if column % 4 else -1
        if before[column] == -side * kernel.DUMMY:
            continue
        held = {int(after[c]): int(after[c + 1]) for c in range(column % 4, after.size, 4)}
        implied = held.get(int(before[column]), 0)
        if message[kernel.PRICE] == before[column] and message[kernel.SIDE] == side:
            change = int(message[kernel.SIZE])
            implied += -change if message[kernel.TYPE] == kernel.SUBMITTED else change
        fixed = before.copy()
        fixed[column + 1] = implied
        if implied <= 0 or kernel.predict(fixed, message, after, out) < 0:
            continue
        if kernel.same(out, after):
            return column
    return None


def first_mismatch(recording: Recording, verdict: NDArray[np.int8]) -> int | None:
    """The row at fault, from 0; None when every transition is exact.

    A wrong size in book row r breaks the step into r and the one out of it. Where nothing could
    check the step into r (first row, adopted level) only the step out of it breaks; then the
    fault is r and not the row after it, provided that the message there is vouched for or acts
    elsewhere.
    """
    wrong = np.flatnonzero(verdict == kernel.MISMATCH)
    if wrong.size == 0:
        return None
    row = int(wrong[0])
    unvouched = row == 1 or verdict[row - 1] == kernel.ADOPTED
    lasting = row + 1 == recording.rows or verdict[row + 1] == kernel.MISMATCH
    column = _one_size_explains(recording, row) if unvouched and not lasting else None
    if column is None:
        return row
    message, side = recording.messages[row], 1 if column % 4 else -1
    level = message[kernel.PRICE], message[kernel.SIDE]
    apart = level != (recording.book[row - 1, column], side)
    return row - 1 if apart or _vouched(recording.messages, row) else row


def check(recording: Recording) -> ReplayReport:
    """Check every transition and compute the reference numbers of the day."""
    kernel.transitions(recording.messages[:2], recording.book[:2])  # compiled before the clock runs
    clock = SystemClock()
    start = clock.mono_ns()
    verdict = kernel.transitions(recording.messages, recording.book)
    spent = max(1, clock.mono_ns() - start)
    visible = recording.messages[recording.messages[:, kernel.TYPE] == kernel.EXECUTED]
    hidden = recording.messages[recording.messages[:, kernel.TYPE] == kernel.HIDDEN]
    spread_ticks, spread_bps = _spread(recording)
    bought = visible[visible[:, kernel.SIDE] == -1]  # a resting sell was hit: the buyer came
    return ReplayReport(
        symbol=recording.symbol,
        day=recording.day,
        digest=recording.digest,
        rows=recording.rows,
        levels=recording.levels,
        transitions_checked=recording.rows - 1,
        transitions_exact=int((verdict[1:] != kernel.MISMATCH).sum()),
        first_mismatch_row=first_mismatch(recording, verdict),
        levels_adopted=int((verdict == kernel.ADOPTED).sum()),
        messages_per_second=recording.rows / spent * 1e9,
        visible_shares=int(visible[:, kernel.SIZE].sum()),
        hidden_shares=int(hidden[:, kernel.SIZE].sum()),
        buy_initiated_shares=int(bought[:, kernel.SIZE].sum()),
        sell_initiated_shares=int(visible[:, kernel.SIZE].sum() - bought[:, kernel.SIZE].sum()),
        vwap_visible=_vwap(visible),
        vwap_visible_plus_hidden=_vwap(np.concatenate((visible, hidden))),
        spread_ticks=spread_ticks,
        spread_bps=spread_bps,
        realised_volatility=_volatility(recording),
    )


class _Arguments(argparse.ArgumentParser):
    """Says what is wrong as Refused, as every other part does."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{self.format_usage().strip()}: {message}")


def _arguments() -> _Arguments:
    """The options of ``python -m engine replay``."""
    parser = _Arguments(prog="python -m engine replay", description="Check a recorded market day.")
    parser.add_argument("--messages", type=Path, required=True, help="csv, csv.gz or zip")
    parser.add_argument("--orderbook", type=Path, required=True, help="csv, csv.gz or the same zip")
    parser.add_argument("--levels", type=int, help="checked against the columns; default: inferred")
    parser.add_argument("--check", action="store_true", required=True, help="check all transitions")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _text(report: ReplayReport) -> str:
    """One ``name: value`` a line."""
    return "\n".join(f"{name}: {value}" for name, value in asdict(report).items())


def main(argv: list[str]) -> int:
    """``replay`` verb: exit 0 all exact, 3 a mismatch, 2 bad usage or a refused file."""
    try:
        asked = _arguments().parse_args(argv)
        report = check(read_recording(asked.messages, asked.orderbook, asked.levels))
    except Refused as why:
        sys.stderr.write(f"{why}\n")
        return EXIT_REFUSED
    sys.stdout.write((json.dumps(asdict(report)) if asked.json else _text(report)) + "\n")
    return EXIT_EXACT if report.first_mismatch_row is None else EXIT_MISMATCH
