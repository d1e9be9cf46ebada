"""Questions about drills: what was let happen, and what people did then. It is all journal."""

from typing import Final

from sqlalchemy import select

from db.queries_audit import Audit, entry_line
from db.read import Found
from db.records import DrillRecord, EntryRecord
from db.tables import ENTRIES
from engine.domain import events as e
from engine.domain.codec import entry_from_json
from engine.domain.units import SECOND

MOST: Final = 5_000  # entries of one drill that are looked at
WINDOW_NS: Final = 7_200 * SECOND  # how long after its begin an act still belongs to a drill
SEEN: Final = ("TroubleSeen", "TroubleOver", "VenueLost", "VenueBack")
ANSWERS: Final = ("AlertShown", "AlertAcknowledged", "AlertResolved", "StepTicked")
PROTECTS: Final = (
    "ParentHoldAsked", "ScopeHeld", "ParentVenuesSet", "ParentModelSet", "KillBlocked", "ModeSet",
)  # fmt: skip
RECEIPTS: Final = ("KillCancelSent", "KillConfirmed")
BEGINS: Final = ("IncidentStarted", "IncidentNotStarted")


class Drills(Audit):
    """Drills of all days, as the journal holds them."""

    def drills(self, limit: int = 20) -> tuple[DrillRecord, ...]:
        """The newest drills, newest first."""
        asked = select(ENTRIES).where(ENTRIES.c.event == "IncidentAsked")
        order = (ENTRIES.c.desk_ns.desc(), ENTRIES.c.seq.desc())
        return tuple(self._drill(row) for row in self.all(asked.order_by(*order).limit(limit)))

    def drill(self, source: str, seq: int) -> DrillRecord | None:
        """The drill that was asked for by this entry."""
        row = self.one(
            select(ENTRIES).where(
                ENTRIES.c.event == "IncidentAsked",
                ENTRIES.c.source == source,
                ENTRIES.c.seq == seq,
            )
        )
        return None if row is None else self._drill(row)

    def drill_entries(self, drill: DrillRecord) -> tuple[EntryRecord, ...]:
        """What the desk saw and what people did in the two hours after its begin, oldest first."""
        statement = select(ENTRIES).where(
            ENTRIES.c.event.in_((*SEEN, *ANSWERS, *PROTECTS, *RECEIPTS, "AlertRaised")),
            ENTRIES.c.source == drill.source,
            ENTRIES.c.seq > drill.seq,
            ENTRIES.c.desk_ns <= drill.began_at + WINDOW_NS,
        )
        found = self.all(statement.order_by(ENTRIES.c.seq).limit(MOST))
        return tuple(entry_line(row) for row in found)

    def _drill(self, row: Found) -> DrillRecord:
        stored = self.entry(row["seq"], row["source"])
        asked = None if stored is None else entry_from_json(stored.json.encode()).event
        assert isinstance(asked, e.IncidentAsked)
        begun = self.one(
            select(ENTRIES)
            .where(
                ENTRIES.c.event.in_(BEGINS),
                ENTRIES.c.source == row["source"],
                ENTRIES.c.object == row["object"],
                ENTRIES.c.seq > row["seq"],
            )
            .order_by(ENTRIES.c.seq)
        )
        started = begun is not None and begun["event"] == "IncidentStarted"
        market_at = begun["market_ns"] if started and begun is not None else 0
        return DrillRecord(
            id=row["object"],
            seq=row["seq"],
            source=row["source"],
            origin=row["origin"],
            day=row["day"],
            kind=asked.kind,
            venue=asked.venue,
            symbol=asked.symbol,
            seconds=asked.seconds,
            size=asked.size,
            by=asked.by,
            reason=asked.reason,
            asked_at=row["desk_ns"],
            began_at=begun["desk_ns"] if started and begun is not None else 0,
            market_at=market_at,
            ends_at=market_at + int(asked.seconds * SECOND) if market_at else 0,
            trainee=asked.trainee,
            refused="" if started or begun is None else begun["text"],
        )
