"""How often an alert rule would have fired on the days that are past, with one threshold. Pure.

The measures and the decision are those of the live desk (``engine.core.alarms``).
"""

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from db.queries_looks import OrderLooks, Rejection, StockLooks
from engine.core import alarms
from engine.core.moves import WINDOW_NS, usual_of
from engine.domain.kinds import MODEL_NONE
from engine.domain.limits import KINDS
from engine.domain.units import SECOND

Floats = NDArray[np.float64]
ALL: Final = "all"


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that would have been. ``at`` is market time."""

    at: int
    about: str  # P-20261127003, or a stock
    value: float


class DayFound(msgspec.Struct, frozen=True, kw_only=True):
    """A rule on one day: what fired, and how much there was to look at."""

    fired: tuple[Firing, ...]
    looks: int  # instants at which the rule could say something
    things: int  # orders or stocks that had one


class Days(Protocol):
    """The questions that are asked of the read tables and the tape."""

    def order_looks(self, day: str) -> tuple[OrderLooks, ...]: ...
    def stock_looks(self, day: str, most_age_s: float) -> tuple[StockLooks, ...]: ...
    def rejections(self, day: str) -> tuple[Rejection, ...]: ...


def find(days: Days, day: str, kind: str, thresholds: Iterable[float], window_ns: int,
         most_age_s: float) -> dict[float, DayFound]:  # fmt: skip
    """The rule on one day, with each of these thresholds."""
    wanted = tuple(thresholds)
    if kind == alarms.REJECTS:
        rows = days.rejections(day)
        return {most: _rejects(rows, most, window_ns) for most in wanted}
    series: list[tuple[str, NDArray[np.int64], Floats]]
    if alarms.RULES[kind].is_of_order:
        series = [(row.id, row.at_ns, _of_order(kind, row)) for row in days.order_looks(day)]
    else:
        stocks = days.stock_looks(day, most_age_s)
        series = [(row.symbol, row.at_ns, _of_stock(kind, row)) for row in stocks]
    return {most: _walked(kind, series, most, most_age_s) for most in wanted}


def _walked(
    kind: str, series: list[tuple[str, NDArray[np.int64], Floats]], most: float, most_age_s: float
) -> DayFound:
    rule = alarms.RULES[kind]
    told = min(most, most_age_s) if kind == alarms.STALE else most
    fired = [
        Firing(at=int(at_ns[i]), about=about, value=float(values[i]))
        for about, at_ns, values in series
        for i in alarms.begins(values, told, rule.back)
    ]
    if kind == alarms.STALE:
        fired = _whole(fired, len(series))
    known = [int(np.count_nonzero(~np.isnan(values))) for _about, _at, values in series]
    return DayFound(
        fired=tuple(sorted(fired, key=lambda row: (row.at, row.about))),
        looks=sum(known),
        things=sum(1 for n in known if n),
    )


def _whole(fired: list[Firing], stocks: int) -> list[Firing]:
    """One cause that hits every stock in the same second is one alert, as it is live."""
    out: list[Firing] = []
    for at in dict.fromkeys(row.at for row in fired):
        here = [row for row in fired if row.at == at]
        if stocks > 1 and len(here) == stocks:
            here = [Firing(at=at, about=ALL, value=max(row.value for row in here))]
        out += here
    return out


# --- orders ---------------------------------------------------------------------------------
def _of_order(kind: str, row: OrderLooks) -> Floats:
    n = len(row.at_ns)
    looks = alarms.Looks(
        side=np.full(n, float(row.side)),
        quantity=np.full(n, float(row.quantity)),
        filled=row.filled.astype(np.float64),
        average=row.average,
        vwap=row.vwap,
        target=row.target,
        volume=row.volume.astype(np.float64),
        doubt=_doubt(row) if kind == alarms.DOUBT else np.full(n, np.nan),
    )
    return alarms.measure(kind, looks)


def _doubt(row: OrderLooks) -> Floats:
    if not np.any(row.model_state != MODEL_NONE):
        return np.full(len(row.at_ns), np.nan)
    doubts = alarms.Doubts()
    told = zip(row.at_ns.tolist(), row.model_state.tolist(), strict=True)
    return np.array([doubts.add(0, at, state) for at, state in told])


# --- stocks ---------------------------------------------------------------------------------
def _of_stock(kind: str, row: StockLooks) -> Floats:
    return row.age_s if kind == alarms.STALE else moved(row.mid, row.daily_volatility_bps)


def moved(mid: Floats, daily_volatility_bps: float) -> Floats:
    """Largest move to the newest mid of each last minute, in multiples of the usual; NaN where

    fewer than two mids are known. ``mid``: one a second.
    """
    width = WINDOW_NS // SECOND + 1
    if len(mid) == 0:
        return np.zeros(0)
    padded = np.concatenate([np.full(width - 1, np.nan), mid])
    seen = np.lib.stride_tricks.sliding_window_view(padded, width)
    known = ~np.isnan(seen)
    enough = known.sum(axis=1) >= 2
    low = np.where(known, seen, np.inf).min(axis=1)
    high = np.where(known, seen, -np.inf).max(axis=1)
    last = width - 1 - np.argmax(known[:, ::-1], axis=1)
    newest = seen[np.arange(len(mid)), last]
    with np.errstate(invalid="ignore"):
        move = alarms.furthest(newest, low, high)
    return np.where(enough, alarms.times_usual(move, usual_of(daily_volatility_bps)), np.nan)


# --- rejections -----------------------------------------------------------------------------
def _rejects(rows: tuple[Rejection, ...], most: float, window_ns: int) -> DayFound:
    past: dict[str, list[int]] = {}
    fired = []
    for row in rows:
        before = past.setdefault(row.symbol, [])
        many = 1 + alarms.in_window(before, row.at, window_ns)
        if alarms.alarm(standing=False, value=many, threshold=most):
            fired.append(Firing(at=row.at, about=row.symbol, value=float(many)))
        before.append(row.at)
    return DayFound(fired=tuple(fired), looks=len(rows), things=len(past))


def window_of(kind: str, window_s: float) -> int:
    """The window of a rule that has one. [ns]"""
    return round(window_s * SECOND) if KINDS[kind].window else 0
