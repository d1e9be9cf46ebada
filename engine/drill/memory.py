"""The memory of the processes of a desk: sampled while they live, compared from close to close.

Within a day memory grows with what the day holds. What may not be is growth from day to day, so a
process is judged by a life that saw three closes or more: from the second (the first also holds
what a process makes only once) to the last.
"""

import contextlib
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MB: Final = 1_048_576
WARM_S: Final = 60.0  # of a process' life that says nothing about its memory
EDGE_S: Final = 20.0  # of samples at either end of a life
GROWTH: Final = 5.0  # [%] from the second close of a life to its last, at most
STARTED: Final = "'s processes"
LEAST_CLOSES: Final = 3  # of one life, to judge by it


def rss(pid: int) -> int:
    """Resident memory of a process, 0 when it is gone. [byte]"""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def below(pid: int) -> int:
    """Resident memory of all that a process started, by whichever of its threads. [byte]"""
    found: list[str] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += tasks.read_text().split()
    return sum(rss(int(child)) + below(int(child)) for child in found)


def median(values: Sequence[int]) -> float:
    """The middle one; 0 of none."""
    return float(sorted(values)[len(values) // 2]) if values else 0.0


@dataclass(slots=True)
class Memory:
    """Samples by process and life: age [s] and resident memory [byte]."""

    lives: dict[tuple[str, int], list[tuple[float, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    born: dict[tuple[str, int], int] = field(default_factory=dict)
    closes: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # pid and [MB]

    def sample(self, name: str, pid: int, now: int) -> None:
        """One look at one process. [monotonic ns]"""
        size = rss(pid)
        if size:
            key = (name, pid)
            began = self.born.setdefault(key, now)
            self.lives[key].append(((now - began) / 1e9, size))

    def close(self, name: str, pid: int | None) -> None:
        """What a process holds when a day is over and reported; 0 = it is not there.

        What it started is a row of its own: beside it a leak of either would look small.
        """
        size, started = (0, 0) if pid is None else (rss(pid), below(pid))
        self.closes.setdefault(name, []).append((pid or 0, round(size / MB, 1)))
        if started:
            row = self.closes.setdefault(f"{name}{STARTED}", [])
            row.append((pid or 0, round(started / MB, 1)))

    def of_started(self) -> dict[str, dict[str, Any]]:
        """What the processes had started, by name."""
        return {
            name: {"closes_mb": [size for _, size in rows], "growth_pct": growth(rows)}
            for name, rows in self.closes.items()
            if name.endswith(STARTED)
        }

    def report(self, name: str) -> dict[str, Any]:
        """Of the longest life, from the end of its warm-up to its end; and of all closes."""
        mine = [rows for (who, _), rows in self.lives.items() if who == name]
        if not mine:
            return {"lives": 0}
        longest = max(mine, key=lambda rows: rows[-1][0])
        age = longest[-1][0]
        early = [size for at, size in longest if WARM_S <= at <= WARM_S + EDGE_S]
        late = [size for at, size in longest if at >= age - EDGE_S]
        is_long = age >= WARM_S + 3 * EDGE_S
        return {
            "lives": len(mine),
            "longest_s": round(age),
            "warm_mb": round(median(early) / MB, 1) if is_long else None,
            "end_mb": round(median(late) / MB, 1),
            "peak_mb": round(max(size for rows in mine for _, size in rows) / MB, 1),
            "closes_mb": [size for _, size in self.closes.get(name, [])],
            "growth_pct": growth(self.closes.get(name, [])),
        }


def growth(closes: Sequence[tuple[int, float]]) -> float | None:
    """Of the life that saw most closes, from its second to its last; None: no life saw three. [%]

    closes : process number and size at each close, 0 = it was not there.
    """
    sizes: dict[int, list[float]] = {}
    for pid, size in closes:
        if size:
            sizes.setdefault(pid, []).append(size)
    longest = max(sizes.values(), key=len, default=[])
    if len(longest) < LEAST_CLOSES:
        return None
    return round(100 * (longest[-1] / longest[1] - 1), 1)
