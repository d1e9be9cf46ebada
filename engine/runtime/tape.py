"""What the market did and what was decided, second by second, for charts and TCA.

Two plain files of fixed rows a day under ``<state>/market``: ``<day>.bars`` and ``<day>.points``.
Not part of the journal: nothing is decided from them, and a missing second shows as a gap.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the readers of these files must not load the kernels
    from engine.core.plan import Decision

BAR: Final = np.dtype(
    [
        ("at_ns", "<i8"),
        ("symbol", "<i4"),
        ("session", "<i4"),
        ("bid", "<i8"),
        ("ask", "<i8"),
        ("bid_size", "<i8"),
        ("ask_size", "<i8"),
        ("volume", "<i8"),
        ("notional", "<i8"),
    ]
)
POINT: Final = np.dtype(
    [
        ("at_ns", "<i8"),
        ("parent", "<i8"),
        ("target", "<f8"),
        ("band_low", "<f8"),
        ("band_high", "<f8"),
        ("filled", "<i8"),
        ("score", "<f8"),
        ("tilt", "<f8"),
        ("why", "<i4"),
        ("binding", "<i4"),
        ("model_state", "<i4"),
        ("pad", "<i4"),
    ]
)


class Tape:
    """Appends rows; the operating system writes them out."""

    def __init__(self, folder: Path, day: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._bars = (folder / f"{day}.bars").open("ab", buffering=0)
        self._points = (folder / f"{day}.points").open("ab", buffering=0)

    def add_bars(self, ticks: NDArray[np.void]) -> None:
        """One row an instrument, from TICK rows."""
        rows = np.zeros(len(ticks), dtype=BAR)
        for name in ("at_ns", "symbol", "session", "volume", "notional"):
            rows[name] = ticks[name]
        for name in ("bid", "ask", "bid_size", "ask_size"):
            rows[name] = ticks[name][:, 0]
        self._bars.write(rows.tobytes())

    def add_points(self, at_ns: int, decisions: "Iterable[Decision]") -> None:
        """One row a decision, waiting included."""
        rows = [
            (at_ns, d.parent.id, d.target, d.band_low, d.band_high, d.parent.filled,
             d.score, d.tilt, d.why, d.binding, d.model_state, 0)
            for d in decisions
        ]  # fmt: skip
        if rows:
            self._points.write(np.array(rows, dtype=POINT).tobytes())

    def close(self) -> None:
        self._bars.close()
        self._points.close()
