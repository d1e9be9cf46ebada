"""Key figures of a desk, week by week: what a head of desk reads in a minute."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from engine.gateway.trends import ratio
from engine.tca.results import Ratio

WEEKS_SHOWN: Final = 8
SUMMED: Final = (
    "critical", "warn", "unattended", "unresolved", "shown", "slow", "kills", "automatic",
    "interventions", "overrides", "refused", "by_model", "of_models", "reported", "signed",
)  # fmt: skip


class Day(Protocol):
    """A day in counts (``db.queries_keys.DeskDay``)."""

    @property
    def day(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def currencies(self) -> tuple[str, ...]: ...


class Line(Protocol):
    """One order of a cost report (``db.records.TrendRow``)."""

    @property
    def day(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def filled(self) -> int: ...
    @property
    def cost(self) -> float | None: ...
    @property
    def notional(self) -> float | None: ...
    @property
    def vwap_bps(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """One week of one origin. ``counts`` are sums of its days."""

    name: str  # 2026-W47
    first: str
    last: str
    origin: str
    days: int
    orders: int
    notional: float  # decided, of orders with a cost [currency]
    currencies: tuple[str, ...]  # of its days; more than one: the notional is no sum of money
    filled: float | None  # share of the shares asked for
    shortfall: Ratio  # against the decision price, with its interval
    vwap_bps: float | None  # against the interval VWAP, weighted by the decided notional
    counts: dict[str, int]

    @property
    def model_share(self) -> float | None:
        """Children of model strategies that a believed model decided; None = there were none."""
        total = self.counts["of_models"]
        return self.counts["by_model"] / total if total else None


def week_of(day: str) -> str:
    """The ISO week of a day: 2026-W47."""
    year, week, _ = date.fromisoformat(day).isocalendar()
    return f"{year}-W{week:02d}"


def weeks(days: Iterable[Day], lines: Iterable[Line]) -> tuple[Week, ...]:
    """Weeks, newest first; LIVE and DEMO of one week are two rows and never added up."""
    grouped: dict[tuple[str, str], list[Day]] = {}
    for day in days:
        grouped.setdefault((week_of(day.day), day.origin), []).append(day)
    orders: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        orders.setdefault((week_of(line.day), line.origin), []).append(line)
    keys = sorted(set(grouped) | set(orders), reverse=True)
    return tuple(_week(key, grouped.get(key, []), orders.get(key, [])) for key in keys)


def _week(key: tuple[str, str], days: Sequence[Day], lines: Sequence[Line]) -> Week:
    name, origin = key
    dates = sorted({row.day for row in days} | {line.day for line in lines})
    asked = sum(line.quantity for line in lines)
    shortfall = ratio([(line.cost, line.notional) for line in lines])
    return Week(
        name=name,
        first=dates[0],
        last=dates[-1],
        origin=origin,
        days=len(dates),
        orders=len(lines),
        notional=shortfall.notional or 0.0,
        currencies=tuple(sorted({name for day in days for name in day.currencies})),
        filled=sum(line.filled for line in lines) / asked if asked else None,
        shortfall=shortfall,
        vwap_bps=_weighted(lines),
        counts={field: sum(int(getattr(day, field)) for day in days) for field in SUMMED},
    )


def _weighted(lines: Sequence[Line]) -> float | None:
    """Mean of the slippage against VWAP by notional; None = no order has one. [bps]"""
    known = [
        (line.vwap_bps, line.notional)
        for line in lines
        if line.vwap_bps is not None and line.notional
    ]
    total = sum(notional for _, notional in known)
    return sum(bps * notional for bps, notional in known) / total if total else None
