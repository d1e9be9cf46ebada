"""What alert rules look at on a day that is past: orders, fills, decisions, mids, rejections."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from db.market import Market, Records, mids_of_bars
from db.read import Found, Reader
from db.tables import CHILDREN, DAYS, FILLS, INSTRUMENTS, PARENTS
from engine.domain.kinds import HALTED
from engine.domain.orders import ChildState
from engine.domain.units import SECOND, ParentId, parent_text

ALL: Final = 10**9  # points of an order, none thinned out
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLooks:
    """One order at each of its decisions. Prices in ticks, NaN = none yet."""

    id: str
    side: int
    quantity: int  # the last one, of an order that was amended
    at_ns: Ints
    filled: Ints
    average: Floats
    vwap: Floats  # of the market since it began
    volume: Ints  # the same
    target: Floats
    model_state: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLooks:
    """One stock at each whole second of the day."""

    symbol: str
    daily_volatility_bps: float
    at_ns: Ints
    mid: Floats  # NaN while nothing can be priced: halted, crossed, old [tick]
    age_s: Floats  # of the quote, NaN before the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A child that a venue rejected. [market clock]"""

    at: int
    symbol: str
    parent: str


class DayLooks(Reader):
    """Questions of the calibration of alert rules."""

    _market: Market

    def past_days(self, most: int) -> tuple[tuple[str, str], ...]:
        """The newest trading days that are closed, oldest first, each with its origin."""
        statement = (
            select(DAYS.c.day, DAYS.c.origin)
            .where(DAYS.c.closed)
            .order_by(DAYS.c.day.desc())
            .limit(most)
        )
        return tuple((row["day"], row["origin"]) for row in reversed(self.all(statement)))

    def order_looks(self, day: str) -> tuple[OrderLooks, ...]:
        """Every order of a day that decided anything, in the order of entry."""
        places = {row["symbol"]: row["place"] for row in self._instruments(day)}
        rows = self.all(select(PARENTS).where(PARENTS.c.day == day).order_by(PARENTS.c.id))
        fills = self.all(select(FILLS).where(FILLS.c.day == day).order_by(FILLS.c.seq))
        bars = {place: self._market.bars_of(day, place) for place in places.values()}
        found = []
        for row in rows:
            points = self._market.points(day, row["id"], ALL)
            if len(points) and row["symbol"] in places:
                mine = [fill for fill in fills if fill["parent_id"] == row["id"]]
                found.append(_order(row, points, mine, bars[places[row["symbol"]]]))
        return tuple(found)

    def stock_looks(self, day: str, most_age_s: float) -> tuple[StockLooks, ...]:
        """Every stock of a day; a quote older than ``most_age_s`` prices nothing."""
        record = self.one(select(DAYS).where(DAYS.c.day == day))
        if record is None:
            return ()
        open_at, close_at = int(record["open_at"]), int(record["close_at"])
        return tuple(
            _stock(row, self._market.bars_of(day, row["place"]), (open_at, close_at), most_age_s)
            for row in self._instruments(day)
        )

    def rejections(self, day: str) -> tuple[Rejection, ...]:
        """Children that venues rejected on a day, in order of time."""
        c = CHILDREN.c
        statement = (
            select(c.ended_at, c.symbol, c.parent_id)
            .where(c.day == day, c.state == ChildState.REJECTED)
            .order_by(c.ended_at, c.id)
        )
        return tuple(
            Rejection(
                at=row["ended_at"], symbol=row["symbol"],
                parent=parent_text(ParentId(row["parent_id"])),
            )
            for row in self.all(statement)
        )  # fmt: skip

    def _instruments(self, day: str) -> list[Found]:
        statement = select(INSTRUMENTS).where(INSTRUMENTS.c.day == day)
        return self.all(statement.order_by(INSTRUMENTS.c.place))


def _order(row: Found, points: Records, fills: list[Found], bars: Records) -> OrderLooks:
    at, filled = points["at_ns"].astype(np.int64), points["filled"].astype(np.int64)
    seen = np.searchsorted(bars["at_ns"], at, side="right") - 1
    known = seen >= 0
    volume = np.where(known, bars["volume"][seen], 0) - row["arrival_volume"]
    notional = np.where(known, bars["notional"][seen], 0) - row["arrival_notional"]
    return OrderLooks(
        id=parent_text(ParentId(row["id"])),
        side=row["side"],
        quantity=row["quantity"],
        at_ns=at,
        filled=filled,
        average=_average(filled, fills),
        vwap=_ratio(notional, volume),
        volume=volume,
        target=points["target"].astype(np.float64),
        model_state=points["model_state"].astype(np.int64),
    )


def _average(filled: Ints, fills: list[Found]) -> Floats:
    """Mean price of the first fills that make up what was filled at each look. [tick]"""
    shares = np.cumsum([fill["quantity"] for fill in fills], dtype=np.int64)
    spent = np.cumsum(
        [fill["quantity"] * (100 * fill["price"] + fill["sub"]) for fill in fills], dtype=np.int64
    )
    out = np.full(len(filled), np.nan)
    some = (filled > 0) & (len(shares) > 0)
    if some.any():
        last = np.minimum(np.searchsorted(shares, filled[some]), len(shares) - 1)
        out[some] = spent[last] / 100 / shares[last]
    return out


def _ratio(notional: Ints, volume: Ints) -> Floats:
    out = np.full(len(volume), np.nan)
    np.divide(notional, volume, out=out, where=volume > 0)
    return out


def _stock(row: Found, bars: Records, hours: tuple[int, int], most_age_s: float) -> StockLooks:
    open_at, close_at = hours
    last = int(bars["at_ns"][-1]) if len(bars) else open_at
    grid: Any = np.arange(open_at + SECOND, min(close_at, last) + 1, SECOND, dtype=np.int64)
    seen = np.searchsorted(bars["at_ns"], grid, side="right") - 1
    known = seen >= 0
    age = np.where(known, (grid - bars["at_ns"][seen]) / SECOND, np.nan)
    fit = known & (age <= most_age_s) & (bars["session"][seen] != HALTED)
    return StockLooks(
        symbol=row["symbol"],
        daily_volatility_bps=row["daily_volatility_bps"],
        at_ns=grid,
        mid=np.where(fit, mids_of_bars(bars)[seen], np.nan),
        age_s=age,
    )
