"""Readers of the tape files: what the market did, and what was decided, second by second.

A live day lies in ``<state>/market`` as it was written, a past day compressed in its own folder.
A second that is missing in the file is missing here.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.runtime.tape import BAR, POINT

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Records = NDArray[np.void]

MOST_POINTS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mids:
    """Mid of one symbol, a value a second. [tick]; NaN while a side is missing or crossed."""

    at_ns: Ints
    mid: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Volume and notional of one symbol since the open, a value a second. [share, tick * share]"""

    at_ns: Ints
    volume: Ints
    notional: Ints


class Market:
    """The tape files of one state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def bars(self, day: str) -> Records:
        """BAR rows of a day, all symbols, in order of time."""
        return self._read(day, "bars", BAR)

    def points(self, day: str, parent_id: int, most: int = MOST_POINTS) -> Records:
        """POINT rows of one parent, thinned evenly; the first and the last stay."""
        rows = self._read(day, "points", POINT)
        return thin(np.asarray(rows[rows["parent"] == parent_id]), most)

    def mids(self, day: str, place: int) -> Mids:
        """Mids of the instrument at this place of the day's list."""
        rows = self.bars_of(day, place)
        return Mids(at_ns=rows["at_ns"].copy(), mid=mids_of_bars(rows))

    def totals(self, day: str, place: int) -> Totals:
        """Running totals of the instrument at this place of the day's list."""
        rows = self.bars_of(day, place)
        return Totals(
            at_ns=rows["at_ns"].copy(),
            volume=rows["volume"].copy(),
            notional=rows["notional"].copy(),
        )

    def interval(self, day: str, place: int, start_ns: int, end_ns: int) -> tuple[int, int]:
        """Volume and notional traded after ``start_ns`` up to ``end_ns``. [share, tick * share]

        To the second: both ends are the last value the tape has at or before them.
        """
        totals = self.totals(day, place)
        first, last = np.searchsorted(totals.at_ns, [start_ns, end_ns], side="right")
        volume = np.concatenate(([0], totals.volume))
        notional = np.concatenate(([0], totals.notional))
        return int(volume[last] - volume[first]), int(notional[last] - notional[first])

    def bars_of(self, day: str, place: int) -> Records:
        """BAR rows of the instrument at this place of the day's list, one a second at most."""
        rows = self.bars(day)
        mine = rows[rows["symbol"] == place]
        _, first = np.unique(mine["at_ns"], return_index=True)
        return np.asarray(mine[first])

    def _read(self, day: str, kind: str, dtype: np.dtype[np.void]) -> Records:
        live = self._state / "market" / f"{day}.{kind}"
        if live.is_file():
            return np.fromfile(live, dtype=dtype)  # a row half written is not there yet
        packed = self._state / "history" / day / "market" / f"{day}.npz"
        if packed.is_file():
            return _unpacked(packed, kind).view(dtype)
        return np.zeros(0, dtype=dtype)


@lru_cache(maxsize=4)
def _unpacked(path: Path, kind: str) -> NDArray[np.uint8]:
    """Bytes of a sealed file, which never changes; read only, because callers share them."""
    with np.load(path, allow_pickle=False) as file:
        found = np.asarray(file[kind])
    found.flags.writeable = False
    return found


def mids_of_bars(rows: Records) -> Floats:
    """Mid of each bar, NaN while a side is missing or the book is crossed. [tick]"""
    bid, ask = rows["bid"], rows["ask"]
    sound = (bid > 0) & (ask > 0) & (bid <= ask)
    return np.where(sound, (bid + ask) / 2.0, np.nan)


def thin(rows: Records, most: int) -> Records:
    """At most ``most`` rows at even steps, first and last among them."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)])


def pack(path: Path, bars: Records, points: Records) -> None:
    """Write a sealed day's tape compressed, as bytes of the two row types."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("wb") as file:
        np.savez_compressed(file, bars=bars.view(np.uint8), points=points.view(np.uint8))
