"""One function a question, frozen rows out. Callers run them in threads.

``Queries`` is what the web mounts for the pages; past demo days answer beside the live ones, each
row with its ``origin``. When the worker has not made the tables yet a question is Refused with
that sentence.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Select, func, select

from db.base import open_engine, sqlite_url
from db.market import Market, mids_of_bars, thin
from db.queries_audit import AuditFilter
from db.queries_costs import Costs, tca_row
from db.queries_drills import Drills
from db.queries_keys import KeyFigures
from db.queries_lab import comparisons
from db.queries_limits import LimitUse
from db.queries_looks import DayLooks
from db.queries_market import MarketReport, market_report
from db.queries_orders import Orders
from db.read import Found
from db.records import (
    DataAge,
    DayRecord,
    NoteRecord,
    Points,
    Prices,
    TcaDay,
    TcaParent,
    TcaParentRow,
)
from db.tables import (
    DAYS,
    INSTRUMENTS,
    LIVE_SOURCE,
    NOTES,
    PARENTS,
    PROGRESS,
    REPORTS,
    SIGNATURES,
    TCA_PARENTS,
)
from engine.core import words
from engine.domain.units import ParentId, parent_text

__all__ = ["AuditFilter", "Queries", "database_url"]


def database_url(url: str, desk_db: Path) -> str:
    """The setting, or the SQLite file of the state folder when it is empty."""
    return url or sqlite_url(desk_db)


class Queries(Orders, Drills, Costs, LimitUse, DayLooks, KeyFigures):
    """Every question that pages and reports ask of the read tables."""

    def __init__(self, engine: Any, state: Path) -> None:
        super().__init__(engine)
        self._state = state
        self._market = Market(state)

    @classmethod
    def open(cls, url: str, state: Path) -> "Queries":
        """Over ``database_url(settings.database_url, paths.desk_db)``; opens nothing yet."""
        return cls(open_engine(url), state)

    # --- days ---------------------------------------------------------------------------------
    def data_as_of(self) -> DataAge | None:
        """How far the projection of the live journal is; None before the first entry."""
        row = self.one(select(PROGRESS).where(PROGRESS.c.source == LIVE_SOURCE))
        if row is None:
            return None
        return DataAge(
            seq=row["seq"],
            market_at=row["market_ns"],
            desk_at=row["desk_ns"],
            projected_at=row["projected_at"],
            day=row["day"],
        )

    def days(self, origin: str | None = None) -> tuple[DayRecord, ...]:
        """Trading days, newest first."""
        statement = _days().order_by(DAYS.c.day.desc())
        if origin is not None:
            statement = statement.where(DAYS.c.origin == origin)
        return tuple(_day(row) for row in self.all(statement))

    def day(self, day: str) -> DayRecord | None:
        """One trading day."""
        row = self.one(_days().where(DAYS.c.day == day))
        return None if row is None else _day(row)

    def market_report(self) -> MarketReport | None:
        """The newest realism report of the simulated market; None while there is none."""
        return market_report(self._state)

    def comparisons(self) -> tuple[dict[str, Any], ...]:
        """Comparisons of strategies that were kept, newest first."""
        return comparisons(self._state)

    def stored_models(self) -> tuple[str, ...]:
        """Ids of the model folders of this desk; whether one is sound is checked at its loading."""
        folder = self._state / "models"
        return tuple(sorted(path.parent.name for path in folder.glob("*/card.json")))

    def model_flags(self) -> dict[str, str]:
        """What the card of each stored version says against it, by id; those that say nothing lack.

        For the eyes of who proposes; what counts is what the engine reads itself.
        """
        found: dict[str, str] = {}
        for name in self.stored_models():
            try:
                card = json.loads((self._state / "models" / name / "card.json").read_bytes())
            except (OSError, json.JSONDecodeError):  # unreadable: the engine refuses it by name
                continue
            flag = card.get("red_flag") if isinstance(card, dict) else None
            if isinstance(flag, str) and flag:
                found[name] = flag
        return found

    # --- TCA ----------------------------------------------------------------------------------
    def tca_day(self, day: str) -> TcaDay | None:
        """The day's report with its notes; None while there is none."""
        row = self.one(select(REPORTS).where(REPORTS.c.day == day))
        record = self.day(day)
        if row is None or record is None:
            return None
        return TcaDay(
            day=record,
            report_hash=row["report_hash"],
            body=row["body"] or "",
            reported_at=row["reported_at"],
            notes=self.notes(day),
        )

    def notes(self, day: str, parent_id: int | None = None) -> tuple[NoteRecord, ...]:
        """Notes of a day, or of one parent of it, oldest first."""
        statement = select(NOTES).where(NOTES.c.day == day).order_by(NOTES.c.at, NOTES.c.seq)
        if parent_id is not None:
            statement = statement.where(NOTES.c.parent_id == parent_id)
        return tuple(_note(row) for row in self.all(statement))

    def tca_parents(self, day: str) -> tuple[TcaParentRow, ...]:
        """Lines of a day's report, in the order of entry."""
        statement = select(TCA_PARENTS).where(TCA_PARENTS.c.day == day)
        return tuple(
            tca_row(row) for row in self.all(statement.order_by(TCA_PARENTS.c.parent_id))
        )  # fmt: skip

    def tca_parent(self, parent_id: int) -> TcaParent | None:
        """The TCA of one parent; None before its day is reported."""
        row = self.one(
            select(TCA_PARENTS)
            .where(TCA_PARENTS.c.parent_id == parent_id)
            .order_by(TCA_PARENTS.c.day.desc())
        )
        if row is None:
            return None
        day = self.day(row["day"])
        return TcaParent(
            row=tca_row(row),
            body=row["body"],
            report_hash=row["report_hash"],
            signed_by="" if day is None else day.signed_by,
            notes=self.notes(row["day"], parent_id),
        )

    def tca_html(self, day: str, names: Mapping[str, str] | None = None) -> str | None:
        """The report as one HTML file, with notes and signature; None while there is none.

        names : person id -> name for people; ids where one is missing.
        """
        from db.export import day_html

        found = self.tca_day(day)
        return None if found is None or not found.body else day_html(found, names or {})

    # --- charts -------------------------------------------------------------------------------
    def points(self, parent_id: int) -> Points | None:
        """Target, band, done and score of a parent over its life, at most 2,000 points."""
        row = self.one(select(PARENTS.c.day).where(PARENTS.c.id == parent_id))
        if row is None:
            return None
        found = self._market.points(row["day"], parent_id)
        return Points(
            **{
                name: found[name].copy()
                for name in ("at_ns", "target", "band_low", "band_high", "filled", "score", "tilt")
            },
            why=tuple(words.WHY.get(int(code), "") for code in found["why"]),
            binding=tuple(words.BINDING.get(int(code), "") for code in found["binding"]),
            model=tuple(words.MODEL.get(int(code), "") for code in found["model_state"]),
        )

    def _instrument(self, day: str, symbol: str) -> Any:
        return self.one(
            select(INSTRUMENTS).where(INSTRUMENTS.c.day == day, INSTRUMENTS.c.symbol == symbol)
        )

    def bars(self, day: str, symbol: str) -> Any:
        """BAR rows of a symbol, one a second at most; None for a day that is not in the tables."""
        row = self._instrument(day, symbol)
        return None if row is None else self._market.bars_of(day, row["place"])

    def prices(
        self, day: str, symbol: str, since: int = 0, until: int = 0, most: int = 2_000
    ) -> Prices | None:
        """Mid, running volume and running VWAP of a symbol over a range of its day."""
        row = self._instrument(day, symbol)
        if row is None:
            return None
        rows = self._market.bars_of(day, row["place"])
        inside = rows["at_ns"] >= since
        if until:
            inside &= rows["at_ns"] <= until
        kept = thin(rows[inside], most)
        volume, notional = kept["volume"], kept["notional"]
        traded = (volume - volume[:1]).astype(np.float64)
        spent = (notional - notional[:1]).astype(np.float64)
        vwap = np.full(len(kept), np.nan)
        np.divide(spent, traded, out=vwap, where=traded > 0)
        tick = float(row["tick_size"])
        return Prices(
            at_ns=kept["at_ns"].copy(),
            mid=mids_of_bars(kept) * tick,
            volume=volume.copy(),
            vwap=vwap * tick,
        )

    @property
    def market(self) -> Market:
        """The tape files, in ticks."""
        return self._market


def _days() -> Select[Any]:
    counted = (
        select(PARENTS.c.source, PARENTS.c.day, func.count().label("parents"))
        .group_by(PARENTS.c.source, PARENTS.c.day)
        .subquery()
    )

    def same(table: Any) -> Any:
        return (table.c.source == DAYS.c.source) & (table.c.day == DAYS.c.day)

    return (
        select(
            DAYS,
            counted.c.parents,
            REPORTS.c.report_hash,
            REPORTS.c.shortfall_bps,
            SIGNATURES.c.by.label("signed_by"),
            SIGNATURES.c.at.label("signed_at"),
            SIGNATURES.c.report_hash.label("signed_hash"),
        )
        .outerjoin(counted, same(counted))
        .outerjoin(REPORTS, same(REPORTS))
        .outerjoin(SIGNATURES, same(SIGNATURES))
    )


def _day(row: Found) -> DayRecord:
    return DayRecord(
        day=row["day"],
        origin=row["origin"],
        source=row["source"],
        zone=row["zone"],
        market=row["market"],
        seed=row["seed"],
        open_at=row["open_at"],
        close_at=row["close_at"],
        closed=row["closed"],
        sealed=row["source"] != LIVE_SOURCE,
        parents=row["parents"] or 0,
        report_hash=row["report_hash"] or "",
        shortfall_bps=row["shortfall_bps"],
        signed_by=row["signed_by"] or "",
        signed_at=row["signed_at"] or 0,
        signed_hash=row["signed_hash"] or "",
    )


def _note(row: Found) -> NoteRecord:
    parent = parent_text(ParentId(row["parent_id"])) if row["parent_id"] else ""
    return NoteRecord(seq=row["seq"], parent=parent, text=row["text"], by=row["by"], at=row["at"])
