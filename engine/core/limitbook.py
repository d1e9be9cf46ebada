"""What the limits of the desk are and how far they are used: running sums, kept by the fold.

Money is exact: whole hundred-millionths of the currency (``tick`` of a price in them, see
``tick_coins``), so that sums never drift. Instants of what is counted in windows are kept for ten
minutes at most; a count is a search in a sorted list.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from engine.domain.limits import (
    WINDOW_MAX_S,
    Disabled,
    Key,
    Limit,
    LimitChange,
    LimitsCarried,
    Scope,
    delivered,
)
from engine.domain.orders import Parent
from engine.domain.overrides import Override
from engine.domain.policy import Policy
from engine.domain.units import SECOND, Nanos, ParentId, PersonId, Symbol

COINS: Final = 100_000_000  # in one unit of currency
KEPT_NS: Final = int(WINDOW_MAX_S * SECOND)
SPARE: Final = 256  # old instants that may stand before they are cut off


@dataclass(frozen=True, slots=True)
class Entered:
    """A parent that was accepted, as the guard against doubles sees it. [desk clock]"""

    at: Nanos
    trader: PersonId
    symbol: Symbol
    side: int
    quantity: int


@dataclass(slots=True)
class LimitBook:
    """Limits in force, requests, and today's use."""

    rows: dict[str, dict[Scope, Limit]] = field(default_factory=dict)  # by kind
    past: dict[Key, tuple[Limit, ...]] = field(default_factory=dict)
    changes: dict[int, LimitChange] = field(default_factory=dict)
    overrides: dict[int, Override] = field(default_factory=dict)
    tripped: dict[str, Disabled] = field(default_factory=dict)
    next_change: int = 1
    next_override: int = 1

    # as the policy delivers them, until another policy is set
    _delivered: tuple[Policy, dict[str, Limit]] | None = field(default=None, compare=False)

    # today
    open: dict[Scope, int] = field(default_factory=dict)  # leaves * price of live children [coin]
    traded: dict[Scope, int] = field(default_factory=dict)  # [coin]
    sent: dict[Scope, list[int]] = field(default_factory=dict)  # instants of new orders
    runs: dict[tuple[ParentId, int], list[int]] = field(default_factory=dict)
    entered: list[Entered] = field(default_factory=list)
    peaks: dict[Key, tuple[float, float, Nanos]] = field(default_factory=dict)  # used, limit, at
    refused: dict[Key, int] = field(default_factory=dict)

    def clear_day(self) -> None:
        """Yesterday's use is over; limits, requests and trips stay."""
        for today in (self.open, self.traded, self.sent, self.runs, self.peaks, self.refused):
            today.clear()
        self.entered.clear()
        self.overrides.clear()

    def delivered(self, policy: Policy) -> dict[str, Limit]:
        """The limits of a policy, by kind; asked a hundred times a turn, so kept by identity."""
        known = self._delivered
        if known is None or known[0] is not policy:
            known = self._delivered = (policy, delivered(policy))
        return known[1]

    def find(self, kind: str, level: str, subject: str) -> Limit | None:
        """The limit that people set at exactly this place."""
        return self.rows.get(kind, {}).get((level, subject))

    def carried(self) -> LimitsCarried:
        """What outlives the day."""
        return LimitsCarried(
            limits=tuple(row for rows in self.rows.values() for row in rows.values()),
            past=tuple(row for rows in self.past.values() for row in rows),
            changes=tuple(self.changes.values())[-KEPT_CHANGES:],
            tripped=tuple(self.tripped.values()),
            next_change=self.next_change,
            next_override=self.next_override,
        )

    def carry(self, kept: LimitsCarried) -> None:
        """The first entry of a segment tells all that outlives a day."""
        self.rows, self.past = {}, {}
        for row in kept.limits:
            self.rows.setdefault(row.kind, {})[row.level, row.subject] = row
        for row in kept.past:
            self.past[row.key] = (*self.past.get(row.key, ()), row)
        self.changes = {row.id: row for row in kept.changes}
        self.tripped = {row.strategy: row for row in kept.tripped}
        self.next_change, self.next_override = kept.next_change, kept.next_override


KEPT_CHANGES: Final = 200
KEPT_VERSIONS: Final = 20  # earlier ones are in the journal
KEPT_SCOPES: Final = 1_024  # combinations of tags, so that they are made once


@lru_cache(maxsize=KEPT_SCOPES)
def tick_coins(tick_size: float) -> int:
    """What a hundredth of a tick is worth. [coin]"""
    return round(tick_size * COINS / 100)


def scopes_of(parent: Parent) -> tuple[Scope, ...]:
    """Where an order of this parent counts, the firm first."""
    return _scopes(parent.desk, parent.trader, parent.client, parent.symbol, parent.strategy)


@lru_cache(maxsize=KEPT_SCOPES)
def _scopes(desk: str, trader: str, client: str, symbol: str, strategy: str) -> tuple[Scope, ...]:
    """Asked three times an order, and again for every order when a day is folded."""
    tags: tuple[Scope, ...] = (
        ("firm", ""),
        ("desk", desk),
        ("trader", trader),
        ("client", client),
        ("instrument", symbol),
        ("strategy", strategy),
    )
    return tuple(tag for tag in tags if tag[1] or tag[0] == "firm")


def since(instants: list[int], start: int) -> int:
    """How many instants lie after a start."""
    return len(instants) - bisect_right(instants, start)


def count(instants: list[int], now: int) -> None:
    """Take an instant in and forget what no window can reach."""
    instants.append(now)
    if len(instants) > SPARE and instants[0] <= now - KEPT_NS:
        del instants[: bisect_right(instants, now - KEPT_NS)]
