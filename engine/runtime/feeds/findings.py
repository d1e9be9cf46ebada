"""What the checks of a feed found: each finding with its rule, row, reason and what was done.

Memory stays bounded whatever the file holds: the first findings and the first rows in quarantine
are kept, all are counted.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from engine.runtime.feeds.lines import KEPT, Line

QUARANTINED: Final = "quarantined"  # the row acted on nothing; its raw text is kept
REPAIRED: Final = "repaired-by-resync"  # the state was taken anew from the feed itself
NOTED: Final = "noted"  # accepted; somebody should know

MOST_FINDINGS: Final = 100  # of each kind, first come
MOST_KEPT: Final = 1000  # rows in quarantine whose text is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule said about one row (-1 = about the file)."""

    rule: str
    row: int
    reason: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One row in quarantine: its first bytes, as they came."""

    row: int
    rule: str
    reason: str
    raw: bytes


class Ledger:
    """Everything that was found, counted; the first of it in full."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {
            QUARANTINED: Counter(), REPAIRED: Counter(), NOTED: Counter(),
        }  # fmt: skip
        self.kept: list[Kept] = []
        self.rows_out = 0  # rows in quarantine
        self._first: dict[str, list[Finding]] = {QUARANTINED: [], REPAIRED: [], NOTED: []}

    def add(self, action: str, rule: str, row: int, reason: str) -> None:
        """One finding."""
        self.counts[action][rule] += 1
        if len(self._first[action]) < MOST_FINDINGS:
            one = Finding(rule=rule, row=row, reason=reason, action=action)
            self._first[action].append(one)

    def quarantine(self, line: Line, rule: str, reason: str) -> None:
        """A row that must act on nothing."""
        self.add(QUARANTINED, rule, line.row, reason)
        self.rows_out += 1
        if len(self.kept) < MOST_KEPT:
            self.kept.append(Kept(row=line.row, rule=rule, reason=reason, raw=line.raw[:KEPT]))

    def first(self) -> list[Finding]:
        """The first findings, what was put in quarantine before what was only noted; by row."""
        chosen = [*self._first[QUARANTINED], *self._first[REPAIRED], *self._first[NOTED]]
        return sorted(chosen[:MOST_FINDINGS], key=lambda one: one.row)

    @property
    def not_kept(self) -> int:
        """Rows in quarantine beyond those whose text is kept."""
        return self.rows_out - len(self.kept)
