"""What a day's cost report is computed from: parents, fills and market marks out of the tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Engine, select

from db.read import Found, Reader
from db.tables import DAYS, FILLS, INSTRUMENTS, PARENTS, PROGRESS, REPORTS
from engine.domain.orders import PARENT_LIVE
from engine.tca.inputs import FillFacts, OrderFacts, ParentFacts, mid_of_touch


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Market totals of a symbol at an instant that the journal knows. [share, tick * share]"""

    at_ns: int
    volume: int
    notional: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """One closed day of one source. ``last_seq`` is the last entry that the numbers rest on."""

    day: str
    origin: str
    mode: str
    market: str
    zone: str
    open_at: int
    close_at: int
    last_seq: int
    orders: tuple[OrderFacts, ...]
    places: dict[str, int]  # symbol -> place in the day's list
    marks: dict[str, tuple[Mark, ...]]


class Facts(Reader):
    """Reads closed days for the report builder."""

    def __init__(self, engine: Engine, source: str) -> None:
        super().__init__(engine)
        self._source = source

    def unreported(self) -> tuple[str, ...]:
        """Closed days without a report, oldest first."""
        statement = (
            select(DAYS.c.day)
            .outerjoin(REPORTS, (REPORTS.c.source == DAYS.c.source) & (REPORTS.c.day == DAYS.c.day))
            .where(DAYS.c.source == self._source, DAYS.c.closed, REPORTS.c.day.is_(None))
            .order_by(DAYS.c.day)
        )
        return tuple(row["day"] for row in self.all(statement))

    def first_day(self) -> Found | None:
        """The first day of the source, with the code that opened it."""
        statement = (
            select(DAYS, PROGRESS.c.code, PROGRESS.c.mode)
            .join(PROGRESS, PROGRESS.c.source == DAYS.c.source)
            .where(DAYS.c.source == self._source)
            .order_by(DAYS.c.day)
        )
        return self.one(statement)

    def is_over(self, day: str) -> bool:
        """Whether no parent of the day lives any more."""
        living = select(PARENTS.c.id).where(
            PARENTS.c.source == self._source,
            PARENTS.c.day == day,
            PARENTS.c.state.in_(sorted(PARENT_LIVE)),
        )
        return self.one(living) is None

    def of_day(self, day: str) -> DayFacts | None:
        """Everything of a closed day; None while it is open or a parent of it still lives."""
        opened = self.one(
            select(DAYS, PROGRESS.c.mode)
            .join(PROGRESS, PROGRESS.c.source == DAYS.c.source)
            .where(DAYS.c.source == self._source, DAYS.c.day == day)
        )
        if opened is None or not opened["closed"]:
            return None
        parents = self._rows(PARENTS, day, PARENTS.c.id)
        if any(row["state"] in PARENT_LIVE for row in parents):
            return None
        instruments = {row["symbol"]: row for row in self._rows(INSTRUMENTS, day)}
        fills: dict[int, list[Found]] = {}
        for fill in self._rows(FILLS, day, FILLS.c.seq):
            if fill["quantity"]:  # a busted one never was
                fills.setdefault(fill["parent_id"], []).append(fill)
        worked = [row for row in parents if row["worked"]]
        return DayFacts(
            day=day,
            origin=opened["origin"],
            mode=opened["mode"],
            market=opened["market"],
            zone=opened["zone"],
            open_at=opened["open_at"],
            close_at=opened["close_at"],
            last_seq=max([opened["closed_seq"], *(row["last_seq"] for row in parents)]),
            orders=tuple(
                OrderFacts(
                    parent=_parent(row, instruments[row["symbol"]]),
                    fills=_fills(fills.get(row["id"], [])),
                )
                for row in worked
            ),
            places={symbol: row["place"] for symbol, row in instruments.items()},
            marks={symbol: _marks(worked, symbol) for symbol in instruments},
        )

    def _rows(self, table: Any, day: str, order: Any = None) -> list[Found]:
        statement = select(table).where(table.c.source == self._source, table.c.day == day)
        return self.all(statement if order is None else statement.order_by(order))


def _parent(row: Found, instrument: Found) -> ParentFacts:
    return ParentFacts(
        parent_id=row["id"],
        symbol=row["symbol"],
        side=row["side"],
        quantity=row["quantity"],
        filled=row["filled"],
        decision_price=None,  # the arrival price is the decision price
        arrival_price=row["arrival_price"],
        end_price=row["end_price"],
        arrived_at=row["accepted_at"],
        done_at=row["ended_at"],
        strategy=row["strategy"],
        trader=row["trader"],
        state=row["state"],
        tick_size=instrument["tick_size"],
        currency=instrument["currency"],
        fees=row["fees"],
    )


def _fills(rows: Sequence[Found]) -> FillFacts:
    def column(name: str) -> Any:
        return np.array([row[name] for row in rows], dtype=np.int64)

    return FillFacts(
        price=column("price"),
        sub=column("sub"),
        quantity=column("quantity"),
        at_ns=column("venue_at"),
        liquidity=column("liquidity").astype(np.int32),
        venue=tuple(row["venue"] for row in rows),
        mid=mid_of_touch(column("bid"), column("ask")),
    )


def _marks(parents: Sequence[Found], symbol: str) -> tuple[Mark, ...]:
    """Arrival and end of every parent of the symbol: the journal knows the totals exactly there."""
    found = []
    for row in parents:
        if row["symbol"] == symbol:
            for at, volume, notional in (
                ("accepted_at", "arrival_volume", "arrival_notional"),
                ("ended_at", "end_volume", "end_notional"),
            ):
                found.append(Mark(at_ns=row[at], volume=row[volume], notional=row[notional]))
    return tuple(found)
