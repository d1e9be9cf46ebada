"""Questions about what people did: audit index, entries, commands, changes, versions, alerts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select

from db.journal import GENESIS, chain, open_reader, read_decision, segments
from db.project import Source, day_source, live_source
from db.read import NAMES, Found, Reader, things, values
from db.records import (
    AlertRecord,
    AuditPage,
    ChangeRecord,
    CommandRecord,
    EntryDetail,
    EntryRecord,
    ModelRecord,
    ParameterRecord,
)
from db.tables import (
    ALERTS,
    CHANGES,
    COMMANDS,
    ENTRIES,
    LIVE_SOURCE,
    MODELS,
    PARAMETERS,
)
from engine.domain.errors import Refused

PAGE: Final = 100
MOST: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What the audit page asks for; empty fields do not narrow. Times on the desk clock."""

    text: str = ""  # anywhere in the sentence, any case
    person: str = ""
    event: str = ""  # name of the event, "CommandTaken"
    object: str = ""  # "P-42", "C-1-17", "K-3", "R-2": also entries of a parent's children
    day: str = ""
    origin: str = ""  # LIVE, DEMO
    since: int = 0
    until: int = 0


class Audit(Reader):
    """The journal by way of its index."""

    _state: Path

    def audit_search(self, wanted: AuditFilter, cursor: str = "", limit: int = PAGE) -> AuditPage:
        """Entries that fit, newest first; ``cursor`` of the page before asks for the next."""
        limit = min(max(limit, 1), MOST)
        statement = select(ENTRIES).where(*_narrowed(wanted))
        if cursor:
            statement = statement.where(_after(cursor))
        order = (ENTRIES.c.desk_ns.desc(), ENTRIES.c.source.desc(), ENTRIES.c.seq.desc())
        rows = self.all(statement.order_by(*order).limit(limit + 1))
        more = len(rows) > limit
        lines = tuple(entry_line(row) for row in rows[:limit])
        return AuditPage(rows=lines, cursor=_cursor(lines[-1]) if more else "")

    def audit_count(self, wanted: AuditFilter) -> int:
        """How many entries fit."""
        statement = select(func.count().label("n")).select_from(ENTRIES).where(*_narrowed(wanted))
        return int(self.all(statement)[0]["n"])

    def entries_of(self, about: str, limit: int = 500) -> tuple[EntryRecord, ...]:
        """Entries of one object ("P-42": those of its children too), oldest first."""
        fits = or_(ENTRIES.c.about == about, ENTRIES.c.object == about)
        statement = select(ENTRIES).where(fits).order_by(ENTRIES.c.source, ENTRIES.c.seq)
        return tuple(entry_line(row) for row in self.all(statement.limit(limit)))

    def event_names(self) -> tuple[str, ...]:
        """Names of the events that the index holds."""
        statement = select(ENTRIES.c.event).distinct().order_by(ENTRIES.c.event)
        return tuple(row["event"] for row in self.all(statement))

    def entry(self, seq: int, source: str = LIVE_SOURCE) -> EntryDetail | None:
        """One entry as it is stored, read from the journal itself, with its chain neighbours."""
        row = self.one(select(ENTRIES).where(ENTRIES.c.source == source, ENTRIES.c.seq == seq))
        where = _folder(self._state, source)
        stored = _stored(where, seq)
        if row is None or stored is None:
            return None
        body, digest, segment, has_decision = stored
        before = _stored(where, seq - 1)
        after = _stored(where, seq + 1)
        previous = GENESIS if before is None else before[1]
        return EntryDetail(
            line=entry_line(row),
            json=body.decode(),
            hash=digest.hex(),
            before=previous.hex(),
            after="" if after is None else after[1].hex(),
            fits=chain(previous, body) == digest,
            segment=segment,
            has_decision=has_decision,
        )

    def decision(self, seq: int, source: str = LIVE_SOURCE) -> bytes | None:
        """The stored DECISION record of an entry; its hash is in the entry."""
        return read_decision(_folder(self._state, source).folder, seq)

    def commands(
        self, person: str = "", about: str = "", limit: int = 200
    ) -> tuple[CommandRecord, ...]:
        """Commands with what they changed, newest first."""
        statement = select(COMMANDS).order_by(COMMANDS.c.desk_ns.desc(), COMMANDS.c.seq.desc())
        if person:
            statement = statement.where(COMMANDS.c.person == person)
        if about:
            statement = statement.where(COMMANDS.c.object == about)
        return tuple(_command(row) for row in self.all(statement.limit(limit)))

    def changes(self, origin: str | None = None) -> tuple[ChangeRecord, ...]:
        """Change requests of all days, newest first."""
        statement = _of_origin(select(CHANGES).order_by(CHANGES.c.proposed_at.desc()), origin)
        return tuple(_change(row) for row in self.all(statement))

    def alerts(self, origin: str | None = None, limit: int = 500) -> tuple[AlertRecord, ...]:
        """Alerts of all days, newest first."""
        statement = _of_origin(select(ALERTS).order_by(ALERTS.c.raised_at.desc()), origin)
        return tuple(_alert(row) for row in self.all(statement.limit(limit)))

    def parameter_history(
        self, strategy: str = "", source: str = LIVE_SOURCE
    ) -> tuple[ParameterRecord, ...]:
        """Versions of a strategy's parameters (or of all), newest first."""
        statement = select(PARAMETERS).where(PARAMETERS.c.source == source)
        if strategy:
            statement = statement.where(PARAMETERS.c.strategy == strategy)
        rows = self.all(statement.order_by(PARAMETERS.c.since.desc(), PARAMETERS.c.seq.desc()))
        known = {(row["strategy"], row["version"]): values(row["values"]) for row in rows}
        return tuple(_parameters(row, known) for row in rows)

    def models(self) -> tuple[ModelRecord, ...]:
        """Models that were put in force, newest first."""
        rows = self.all(select(MODELS).order_by(MODELS.c.since.desc(), MODELS.c.seq.desc()))
        return tuple(_model(row) for row in rows)


def _of_origin(statement: Select[Any], origin: str | None) -> Select[Any]:
    if origin is None:
        return statement
    return statement.where(statement.selected_columns.origin == origin)


def _narrowed(wanted: AuditFilter) -> list[Any]:
    c = ENTRIES.c
    parts: list[tuple[object, Any]] = [
        (wanted.text, c.text.icontains(wanted.text, autoescape=True)),
        (wanted.person, c.person == wanted.person),
        (wanted.event, c.event == wanted.event),
        (wanted.object, or_(c.object == wanted.object, c.about == wanted.object)),
        (wanted.day, c.day == wanted.day),
        (wanted.origin, c.origin == wanted.origin),
        (wanted.since, c.desk_ns >= wanted.since),
        (wanted.until, c.desk_ns <= wanted.until),
    ]
    return [clause for given, clause in parts if given]


def _cursor(line: EntryRecord) -> str:
    return f"{line.desk_at}.{line.seq}.{line.source}"


def _after(cursor: str) -> Any:
    """Everything older than the entry that a cursor names."""
    at, _, rest = cursor.partition(".")
    seq, _, source = rest.partition(".")
    if not (at.isdigit() and seq.isdigit() and source):
        raise Refused(f"cursor must be one that a page gave, was {cursor!r}", field="cursor")
    c = ENTRIES.c
    same = c.desk_ns == int(at)
    return or_(
        c.desk_ns < int(at),
        and_(same, c.source < source),
        and_(same, c.source == source, c.seq < int(seq)),
    )


def _folder(state: Path, source: str) -> Source:
    if source == LIVE_SOURCE:
        return live_source(state)
    return day_source(state / "history" / source.removeprefix("demo-"))


def _stored(source: Source, seq: int) -> tuple[bytes, bytes, str, bool] | None:
    """Bytes, hash and segment of an entry, and whether it has a decision record."""
    for path in reversed(segments(source.folder)):
        connection = open_reader(path)
        try:
            row = connection.execute(
                "SELECT e.body, e.hash, d.seq FROM entry e LEFT JOIN decision d ON d.seq = e.seq "
                "WHERE e.seq = ?",
                (seq,),
            ).fetchone()
        finally:
            connection.close()
        if row is not None:
            return bytes(row[0]), bytes(row[1]), path.stem, row[2] is not None
    return None


def entry_line(row: Found) -> EntryRecord:
    """A row of the index."""
    return EntryRecord(
        seq=row["seq"],
        source=row["source"],
        origin=row["origin"],
        day=row["day"],
        turn=row["turn"],
        market_at=row["market_ns"],
        desk_at=row["desk_ns"],
        event=row["event"],
        person=row["person"],
        object=row["object"],
        about=row["about"],
        text=row["text"],
    )


def _command(row: Found) -> CommandRecord:
    same = ("seq", "id", "person", "verb", "object", "door", "reason", "outcome", "sentence")
    return CommandRecord(
        **{name: row[name] for name in (*same, "day", "origin", "source")},
        before=things(row["before"]),
        after=things(row["after"]),
        market_at=row["market_ns"],
        desk_at=row["desk_ns"],
    )


def _change(row: Found) -> ChangeRecord:
    same = (
        "strategy", "state", "material", "content_hash", "reason", "edits", "proposed_at",
        "expires_at", "decided_by", "decided_at", "decision_reason", "day", "origin", "source",
    )  # fmt: skip
    return ChangeRecord(
        **{name: row[name] for name in same},
        id=f"R-{row['id']}",
        values=values(row["values"]),
        before=values(row["before"]),
        model=row["model_id"],
        authors=NAMES.decode(row["authors"]),
    )


def _alert(row: Found) -> AlertRecord:
    same = (
        "severity", "kind", "object", "sentence", "raised_at", "times", "acknowledged_by",
        "acknowledged_at", "day", "origin", "source", "first_at", "shown_at", "shown_by",
        "assigned_to", "escalated_at", "cause", "resolution", "resolved_by", "resolved_at",
    )  # fmt: skip
    seen = bool(row["acknowledged_by"])
    closed = row["resolved_by"] or (seen and row["severity"] == "info")
    return AlertRecord(
        **{name: row[name] for name in same},
        id=f"A-{row['id']}",
        state="resolved" if closed else "acknowledged" if seen else "open",
        shown_s=(row["shown_at"] - row["first_at"]) / 1e9 if row["shown_at"] else None,
    )


def _parameters(row: Found, known: dict[tuple[str, int], dict[str, float]]) -> ParameterRecord:
    now = values(row["values"])
    old = known.get((row["strategy"], row["version"] - 1), {})
    return ParameterRecord(
        strategy=row["strategy"],
        version=row["version"],
        values=now,
        before={name: value for name, value in old.items() if now.get(name) != value},
        change=f"R-{row['change_id']}" if row["change_id"] else "",
        by=row["by"],
        since=row["since"],
        seq=row["seq"],
        origin=row["origin"],
        source=row["source"],
    )


def _model(row: Found) -> ModelRecord:
    return ModelRecord(
        strategy=row["strategy"],
        model_id=row["model_id"],
        change=f"R-{row['change_id']}" if row["change_id"] else "",
        card=row["card"],
        by=row["by"],
        since=row["since"],
        seq=row["seq"],
        origin=row["origin"],
    )
