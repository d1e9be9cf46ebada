"""Read tables by hand: a reported live day, a demo day, an open day, and a small audit index."""

from typing import Any

import msgspec

from db.export import day_html
from db.queries_audit import AuditFilter
from db.records import (
    AuditPage,
    DataAge,
    DayRecord,
    EntryDetail,
    EntryRecord,
    FillRecord,
    ModelRecord,
    NoteRecord,
    ParameterRecord,
    TcaDay,
    TcaParent,
    TcaParentRow,
)
from engine.domain.strategy import STRATEGIES
from engine.domain.units import SECOND
from engine.tca.day import day_tca
from engine.tca.report import report_bytes, report_hash
from tests.support.tca import META, RULES, T0, a_day, a_market

DAY = META.day
REPORT = day_tca(
    a_day(12),
    {"MIDC": a_market([(500, 5012)] * 900, [5011.0] * 1200)},
    RULES,
    META,
)
BODY = report_bytes(REPORT)
HASH = report_hash(BODY)


def a_day_record(**changes: Any) -> DayRecord:
    """A closed live day with a report that nobody has signed."""
    values: dict[str, Any] = {
        "day": DAY, "origin": "LIVE", "source": "live", "zone": "America/New_York",
        "market": "SIM seed 7", "seed": 7, "open_at": T0, "close_at": T0 + 23_400 * SECOND,
        "closed": True, "sealed": False, "parents": 12, "report_hash": HASH,
        "shortfall_bps": 3.21, "signed_by": "", "signed_at": 0, "signed_hash": "",
    }  # fmt: skip
    return DayRecord(**(values | changes))


def an_entry(seq: int, **changes: Any) -> EntryRecord:
    """A line of the audit index."""
    values: dict[str, Any] = {
        "seq": seq, "source": "live", "origin": "LIVE", "day": DAY, "turn": seq, "person": "u1",
        "market_at": T0 + seq * SECOND, "desk_at": T0 + seq * SECOND, "event": "CommandTaken",
        "object": "P-42", "about": "P-42", "text": f"HoldParent by u1: entry {seq}",
    }  # fmt: skip
    return EntryRecord(**(values | changes))


class ReportQueries:
    """Answers as db.queries.Queries does, from memory."""

    def __init__(self) -> None:
        self.known = [
            a_day_record(day="2027-01-18", closed=False, report_hash="", shortfall_bps=None),
            a_day_record(),
            a_day_record(day="2027-01-14", origin="DEMO", source="demo-2027-01-14"),
        ]
        self.said: list[NoteRecord] = [
            NoteRecord(seq=9, parent="", text="quiet day", by="u8", at=T0)
        ]
        self.index = [an_entry(seq) for seq in range(250, 0, -1)]

    def sign(self, by: str, digest: str = HASH) -> None:
        """What the projector does after a DaySigned."""
        self.known = [
            msgspec.structs.replace(row, signed_by=by, signed_at=T0, signed_hash=digest)
            if row.day == DAY
            else row
            for row in self.known
        ]

    def days(self, origin: str | None = None) -> tuple[DayRecord, ...]:
        return tuple(row for row in self.known if origin in (None, row.origin))

    def day(self, day: str) -> DayRecord | None:
        return next((row for row in self.known if row.day == day), None)

    def data_as_of(self) -> DataAge:
        return DataAge(seq=48_211, market_at=T0, desk_at=T0, projected_at=T0, day=DAY)

    def tca_day(self, day: str) -> TcaDay | None:
        record = self.day(day)
        if record is None or not record.report_hash:
            return None
        body = BODY.decode()
        if record.origin == "DEMO":
            demo = msgspec.structs.replace(
                REPORT, meta=msgspec.structs.replace(META, day=day, watermark="DEMO")
            )
            body = report_bytes(demo).decode()
            record = msgspec.structs.replace(record, report_hash=report_hash(body.encode()))
        return TcaDay(
            day=record, report_hash=record.report_hash, body=body, reported_at=T0,
            notes=self.notes(day),
        )  # fmt: skip

    def notes(self, day: str, parent_id: int | None = None) -> tuple[NoteRecord, ...]:
        about = "" if parent_id is None else f"P-{parent_id}"
        return tuple(note for note in self.said if parent_id is None or note.parent == about)

    def tca_html(self, day: str, names: Any = None) -> str | None:
        found = self.tca_day(day)
        return None if found is None else day_html(found, names or {})

    def tca_parent(self, parent_id: int) -> TcaParent | None:
        order = next((row for row in REPORT.orders if row.parent_id == parent_id), None)
        if order is None:
            return None
        row = TcaParentRow(
            parent=f"P-{parent_id}", number=parent_id, day=DAY, origin="LIVE",
            symbol=order.symbol, side=order.side, strategy=order.strategy, trader=order.trader,
            quantity=order.quantity, filled=order.filled, cost=order.cost.total,
            cost_bps=order.cost_bps.total, arrival_bps=order.benchmarks.arrival_bps,
            vwap_bps=order.benchmarks.vwap.bps,
        )  # fmt: skip
        return TcaParent(
            row=row, body=msgspec.json.encode(order).decode(), report_hash=HASH, signed_by="",
            notes=self.notes(DAY, parent_id),
        )  # fmt: skip

    def fills_of(self, parent_id: int) -> tuple[FillRecord, ...]:
        return tuple(
            FillRecord(
                seq=n, child=f"C-1-{n}", parent=f"P-{parent_id}", symbol="MIDC", side=1,
                venue_at=T0 + n * SECOND, price=50.12, quantity=60, liquidity="passive",
            venue="SIM-B", fee=-0.06,
                mid=50.115, origin="LIVE",
            )
            for n in (1, 2)
        )  # fmt: skip

    def audit_search(self, wanted: AuditFilter, cursor: str = "", limit: int = 100) -> AuditPage:
        rows = [row for row in self.index if wanted.text.lower() in row.text.lower()]
        rows = [row for row in rows if wanted.person in ("", row.person)]
        if cursor:
            rows = [row for row in rows if row.seq < int(cursor)]
        chosen = rows[:limit]
        more = str(chosen[-1].seq) if len(rows) > limit else ""
        return AuditPage(rows=tuple(chosen), cursor=more)

    def audit_count(self, wanted: AuditFilter) -> int:
        return len(self.audit_search(wanted, "", 10_000).rows)

    def event_names(self) -> tuple[str, ...]:
        return ("CommandTaken", "KillBlocked")

    def entry(self, seq: int, source: str = "live") -> EntryDetail | None:
        line = next((row for row in self.index if row.seq == seq), None)
        if line is None or source != "live":
            return None
        return EntryDetail(
            line=line, json='{"seq":1,"event":{"type":"CommandTaken"}}', hash="ab" * 32,
            before="00" * 32, after="cd" * 32, fits=True, segment="000001", has_decision=False,
        )  # fmt: skip

    def parameter_history(self, strategy: str = "", source: str = "live") -> Any:
        values = STRATEGIES["TWAP"].defaults()
        rows = (
            ParameterRecord(
                strategy="TWAP", version=2, values={**values, "band": 0.03},
                before={"band": 0.01}, change="R-4", by="u3", since=T0, seq=20, origin="LIVE",
                source="live",
            ),
            ParameterRecord(
                strategy="TWAP", version=1, values=values, before={}, change="", by="", since=T0,
                seq=2, origin="LIVE", source="live",
            ),
        )  # fmt: skip
        return tuple(row for row in rows if strategy in ("", row.strategy))

    def stored_models(self) -> tuple[str, ...]:
        return ("lr-0123456789ab", "rl-0123456789ab")

    def model_flags(self) -> dict[str, str]:
        return {"rl-0123456789ab": "no different from TWAP"}

    def models(self) -> tuple[ModelRecord, ...]:
        return (
            ModelRecord(
                strategy="ADAPTIVE", model_id="5f2e9c0d7a1b44e2", change="", card="logistic",
                by="system", since=T0, seq=3, origin="LIVE",
            ),
        )  # fmt: skip
