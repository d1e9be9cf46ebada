"""Journal -> read tables: idempotent by entry number, one transaction a batch, droppable.

A source is the live journal or one sealed past day. Its progress row is written in the same
transaction as the rows, so a crash between two batches repeats nothing and loses nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import DatabaseError

from db import fold_children, fold_desk, fold_limits, fold_orders
from db.audit import object_of, person_of, text_of
from db.fold import Fold
from db.journal import open_reader, read_segment, segments
from db.rows import Rows
from db.schema import create
from db.tables import CHILDREN, DEMO, ENTRIES, LIVE, LIVE_SOURCE, PROGRESS, TABLES
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant
from engine.domain.events import Entry
from engine.domain.units import parent_text

BATCH: Final = 2_000  # entries a transaction
RULES: Final = {
    **fold_orders.RULES, **fold_children.RULES, **fold_desk.RULES, **fold_limits.RULES,
}  # fmt: skip
# they change no row but their line in the audit index
INDEX_ONLY: Final = (
    e.PeopleSet, e.PolicySet, e.SpeedSet, e.VenueLost, e.VenueBack, e.StrayReport,
    e.Reconciled, e.ReconciliationAccepted, e.TroubleSeen, e.TroubleOver,
    e.ModeSet, e.ModeAsked, e.ConditionBegan, e.ConditionOver, e.ScopeHeld, e.HoldReleased,
    e.TripFired, e.BooksCompared, e.ReconciliationAcceptAsked, e.KillRepeated,
    e.IncidentAsked, e.IncidentStarted, e.IncidentNotStarted, e.AlertAnnotated, e.EvidenceAttached,
    e.ChangeCommented,
    e.StepTicked, e.PlaybookEdited, e.ModelJudged, e.ModelDemoted,
    e.RolloutStaged, e.RolloutDemoted, e.RolloutEnded, e.ShadowDecided, e.ShadowCompared,
    *fold_limits.INDEX_ONLY,
)  # fmt: skip


class TablesUnavailable(Exception):
    """The read database did not answer; what was under way left no trace and may be repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where entries come from: a folder of journal segments and one of report files."""

    name: str
    origin: str
    folder: Path
    reports: Path  # <hash>.json

    def report(self, report_hash: str) -> bytes | None:
        """The bytes of a report by hash, None when the file is not there."""
        path = self.reports / f"{report_hash}.json"
        return path.read_bytes() if path.is_file() else None


def live_source(state: Path) -> Source:
    """The live journal of a state folder."""
    return Source(
        name=LIVE_SOURCE, origin=LIVE, folder=state / "journal", reports=state / "reports"
    )


def day_source(folder: Path) -> Source:
    """One sealed past day, ``<state>/history/<day>``."""
    name = f"demo-{folder.name}"
    return Source(name=name, origin=DEMO, folder=folder, reports=folder / "reports")


def history_sources(state: Path) -> tuple[Source, ...]:
    """The sealed past days of a state folder, newest first; a half-made day is not among them."""
    found = sorted((state / "history").glob("[0-9]*-[0-9][0-9]-[0-9][0-9]"), reverse=True)
    return tuple(day_source(folder) for folder in found if (folder / "sealed.json").is_file())


def all_sources(state: Path) -> tuple[Source, ...]:
    """Live first, then the past days."""
    return (live_source(state), *history_sources(state))


def position(engine: Engine, source: Source) -> int:
    """Number of the last projected entry of a source, 0 before the first."""
    try:
        with engine.connect() as connection:
            found = connection.execute(
                select(PROGRESS.c.seq).where(PROGRESS.c.source == source.name)
            ).scalar_one_or_none()
    except DatabaseError as error:
        raise TablesUnavailable(str(error.orig)) from error
    return int(found or 0)


def touch(engine: Engine, source: Source, now_ns: int) -> None:
    """The journal has nothing new: the tables are as good as of now."""
    try:
        with engine.begin() as connection:
            connection.execute(
                update(PROGRESS).where(PROGRESS.c.source == source.name).values(projected_at=now_ns)
            )
    except DatabaseError as error:
        raise TablesUnavailable(str(error.orig)) from error


def project(engine: Engine, source: Source, entries: Iterable[Entry], now_ns: int) -> int:
    """Fold a batch into the tables; what was projected before is skipped. The new position."""
    try:
        return _project(engine, source, entries, now_ns)
    except DatabaseError as error:
        raise TablesUnavailable(str(error.orig)) from error


def _project(engine: Engine, source: Source, entries: Iterable[Entry], now_ns: int) -> int:
    with engine.begin() as connection:
        rows = Rows(connection, source.name, source.origin)
        progress = dict(rows.put(PROGRESS))
        fold = Fold(rows, progress, source.report)
        before = progress["seq"]
        for entry in entries:
            if entry.seq > progress["seq"]:
                _fold(fold, entry)
        if progress["seq"] != before:
            progress["projected_at"] = now_ns
            rows.set(PROGRESS, **{k: v for k, v in progress.items() if k != "source"})
            rows.flush()
    return int(progress["seq"])


def _fold(fold: Fold, entry: Entry) -> None:
    progress, event = fold.progress, entry.event
    if entry.seq != progress["seq"] + 1:
        raise BrokenInvariant(
            f"entry {entry.seq} of {fold.rows.source} does not follow {progress['seq']}"
        )
    if entry.turn != progress["turn"]:
        progress["turn"], progress["command_seq"] = entry.turn, 0
    progress.update(seq=entry.seq, market_ns=entry.market_ns, desk_ns=entry.desk_ns)
    fold.entry = entry
    rule = RULES.get(type(event))
    if rule is not None:
        rule(fold, event)
    elif not isinstance(event, INDEX_ONLY):
        raise BrokenInvariant(f"entry {entry.seq}: no projection of {type(event).__name__}")
    beside = fold_limits.BESIDE.get(type(event))
    if beside is not None:
        beside(fold, event)
    about = object_of(event)
    fold.rows.add(
        ENTRIES, entry.seq, day=fold.day, turn=entry.turn, market_ns=entry.market_ns,
        desk_ns=entry.desk_ns, event=type(event).__name__, person=person_of(event),
        object=about, about=_about(fold, entry, about), text=text_of(event) + _where(fold, event),
    )  # fmt: skip


def _where(fold: Fold, event: e.AnyEvent) -> str:
    """The venue of what happens at one, as the end of a sentence."""
    if not isinstance(event, (e.ChildIntended, e.ChildFilled)):
        return ""
    name = fold.venue(event.venue)
    return f" on {name}" if name else ""


def _about(fold: Fold, entry: Entry, named: str) -> str:
    """The parent behind an entry of a child, so that an order finds all of its entries."""
    child_id = getattr(entry.event, "child_id", None)
    child = None if child_id is None else fold.rows.get(CHILDREN, child_id)
    return named if child is None else parent_text(child["parent_id"])


def unread(source: Source, after: int, limit: int = BATCH) -> Iterator[Entry]:
    """The next entries of a source after a number; short read-only transactions."""
    left = limit
    for path in _from_segment(source.folder, after):
        for entry in read_segment(path, after, left):
            yield entry
            left -= 1
        if left <= 0:
            return


def _from_segment(folder: Path, after: int) -> tuple[Path, ...]:
    """Segments that can hold entries after a number."""
    found = segments(folder)
    for index in range(len(found) - 1, 0, -1):
        connection = open_reader(found[index])
        try:
            row = connection.execute("SELECT first FROM segment").fetchone()
        finally:
            connection.close()
        if row is not None and int(row[0]) <= after + 1:
            return found[index:]
    return found


def hash_of(folder: Path, seq: int) -> str:
    """Hash of an entry, "" when it is not there. [64 hex digits]"""
    for path in reversed(segments(folder)):
        connection = open_reader(path)
        try:
            row = connection.execute("SELECT hash FROM entry WHERE seq = ?", (seq,)).fetchone()
        finally:
            connection.close()
        if row is not None:
            return bytes(row[0]).hex()
    return ""


def catch_up(engine: Engine, source: Source, now_ns: int) -> int:
    """Project everything that a source holds; the position reached."""
    at = position(engine, source)
    while True:
        reached = project(engine, source, unread(source, at), now_ns)
        if reached == at:
            return at
        at = reached


def drop(engine: Engine) -> None:
    """Empty tables of the newest shape."""
    TABLES.drop_all(engine)
    create(engine)


def rebuild(engine: Engine, sources: Iterable[Source], now_ns: int) -> dict[str, int]:
    """Drop the tables and project every source anew; position by source."""
    drop(engine)
    return {source.name: catch_up(engine, source, now_ns) for source in sources}
