"""The journal: append-only SQLite segments, numbered and hash-chained. Written by the engine alone.

``<state>/journal/000001.db`` and so on: one segment per trading day, the chain runs through all of
them. WAL with ``synchronous=FULL``: what ``append`` has returned from survives a power cut.
Readers open read-only with short transactions.
"""

import hashlib
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from db.witness import compare
from engine.domain.codec import entry_from_json, entry_to_json
from engine.domain.errors import BrokenInvariant, JournalUnwritable
from engine.domain.events import ChildIntended, EngineStarted, Entry

GENESIS: Final = bytes(32)
READ_AT_ONCE: Final = 10_000  # entries: a day may have a million
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (
  seq INTEGER PRIMARY KEY, body BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS decision (seq INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sent (child INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS segment (
  one INTEGER PRIMARY KEY CHECK (one = 1), day TEXT NOT NULL,
  prev BLOB NOT NULL, first INTEGER NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS entry_no_update BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_no_delete BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS decision_no_update BEFORE UPDATE ON decision
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS decision_no_delete BEFORE DELETE ON decision
  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


def chain(prev: bytes, body: bytes) -> bytes:
    """The hash of an entry: SHA-256 over the hash before it and its stored bytes."""
    return hashlib.sha256(prev + body).digest()


def segments(folder: Path) -> tuple[Path, ...]:
    """Segment files, oldest first."""
    return tuple(sorted(folder.glob("[0-9][0-9][0-9][0-9][0-9][0-9].db")))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=2000")
    connection.execute("PRAGMA wal_autocheckpoint=2000")
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection to one segment."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    connection.execute("PRAGMA busy_timeout=2000")
    return connection


def _drop_unborn(found: tuple[Path, ...]) -> tuple[Path, ...]:
    """Remove a newest segment without a header: its engine died while making it."""
    if not found:
        return found
    connection = sqlite3.connect(found[-1], isolation_level=None)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'segment'")
        is_born = (
            tables.fetchone() is not None and connection.execute("SELECT 1 FROM segment").fetchone()
        )
    finally:
        connection.close()
    if is_born:
        return found
    for path in found[-1].parent.glob(f"{found[-1].name}*"):
        path.unlink()
    return found[:-1]


class SqliteJournal:
    """The engine's end: append and rotate. Keeps ``runtime.ports.Journal``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = _drop_unborn(segments(folder))
        if not found:
            self._start(1, "", GENESIS, 1)
        else:
            self._number = int(found[-1].stem)
            self._connection = _connect(found[-1])
            self._connection.executescript(SCHEMA)
            self._seq, self._hash = self._read_head()

    def _start(self, number: int, day: str, prev: bytes, first: int) -> None:
        path = self.folder / f"{number:06d}.db"
        part = self.folder / "new.part"  # readers see a segment only when it has its tables
        part.unlink(missing_ok=True)
        fresh = _connect(part)
        fresh.executescript(SCHEMA)
        fresh.execute(
            "INSERT INTO segment (one, day, prev, first) VALUES (1, ?, ?, ?)", (day, prev, first)
        )
        fresh.close()  # checkpoints: the file is whole without its write-ahead log
        part.chmod(0o600)
        part.rename(path)
        self._connection = _connect(path)
        self._number = number
        self._seq, self._hash = first - 1, prev

    def _read_head(self) -> tuple[int, bytes]:
        row = self._connection.execute(
            "SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        if row is not None:
            return int(row[0]), bytes(row[1])
        row = self._connection.execute("SELECT first, prev FROM segment").fetchone()
        if row is None:
            raise BrokenInvariant(f"segment {self._number:06d} has no header")
        return int(row[0]) - 1, bytes(row[1])

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry."""
        return self._seq, self._hash.hex()

    def append(self, entries: Iterable[Entry], records: Iterable[tuple[int, bytes]] = ()) -> None:
        """Store entries and decision records in one transaction, durable on return.

        Raises JournalUnwritable on a full disk or a file that somebody holds; nothing is stored.
        """
        rows, sent, seq, head = [], [], self._seq, self._hash
        for entry in entries:
            if entry.seq != seq + 1:
                raise BrokenInvariant(f"entry {entry.seq} does not follow {seq}")
            body = entry_to_json(entry)
            head = chain(head, body)
            seq = entry.seq
            rows.append((seq, body, head))
            if isinstance(entry.event, ChildIntended):
                sent.append((entry.event.child_id,))
        if not rows:
            return
        self._store(rows, sent, records)
        self._seq, self._hash = seq, head

    def _store(
        self,
        rows: list[tuple[int, bytes, bytes]],
        sent: Sequence[tuple[int]],
        records: Iterable[tuple[int, bytes]],
    ) -> None:
        execute = self._connection
        try:
            execute.execute("BEGIN IMMEDIATE")
            execute.executemany("INSERT INTO entry (seq, body, hash) VALUES (?, ?, ?)", rows)
            execute.executemany("INSERT INTO sent (child) VALUES (?)", sent)
            execute.executemany("INSERT INTO decision (seq, record) VALUES (?, ?)", records)
            execute.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._take_back()
            raise JournalUnwritable(f"the journal cannot be written: {error}") from error
        except BaseException:
            self._take_back()
            raise

    def _take_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def rotate(self, day: str) -> None:
        """Seal the segment and start the next; the chain goes on."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._start(self._number + 1, day, self._hash, self._seq + 1)

    def close(self) -> None:
        self._connection.close()


def is_writable(folder: Path) -> bool:
    """Whether the newest segment takes a transaction now; the chain stays as it is."""
    connection = sqlite3.connect(segments(folder)[-1], isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=100")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS probe (one INTEGER PRIMARY KEY) STRICT")
        connection.execute("INSERT OR REPLACE INTO probe (one) VALUES (1)")
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


def read_segment(path: Path, after: int = 0, limit: int | None = None) -> Iterator[Entry]:
    """Entries of one segment after a number, in order; all of them, or so many."""
    for _seq, body, _hash in _rows(path, after, limit):
        yield entry_from_json(body)


def _rows(
    path: Path, after: int = 0, limit: int | None = None
) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, content and hash."""
    connection = open_reader(path)
    left = sys.maxsize if limit is None else limit
    try:
        while left:
            rows = connection.execute(
                "SELECT seq, body, hash FROM entry WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, min(left, READ_AT_ONCE)),
            ).fetchall()
            if not rows:
                return
            after, left = rows[-1][0], left - len(rows)
            yield from rows
    finally:
        connection.close()


def read_chained(path: Path) -> Iterator[Entry]:
    """Entries of one segment, each held to the chain: BrokenInvariant names the first that fails.

    What went before the segment is taken from its header; ``verify`` walks all of it.
    """
    connection = open_reader(path)
    try:
        header = connection.execute("SELECT prev, first FROM segment").fetchone()
    finally:
        connection.close()
    if header is None:
        raise BrokenInvariant(f"segment {path.name} has no header")
    prev, last = bytes(header[0]), int(header[1]) - 1
    for seq, body, stored in _rows(path):
        if seq != last + 1:
            raise BrokenInvariant(f"entry {last + 1}: it is missing, {seq} follows {last}")
        if chain(prev, body) != stored:
            raise BrokenInvariant(f"entry {seq}: its hash does not fit its content")
        prev, last = stored, seq
        yield entry_from_json(body)


def read_all(folder: Path, after: int = 0) -> Iterator[Entry]:
    """Entries of all segments after a number, in order."""
    for path in segments(folder):
        yield from read_segment(path, after)


def read_tail(folder: Path) -> Iterator[Entry]:
    """Entries from the newest segment that stands alone on: all that a restart folds.

    Each is held to the chain: BrokenInvariant names the first that does not fit.

    A segment begins with what was carried over. One that does not was begun by an engine that
    died between sealing the old segment and carrying over; the one before it still counts.
    """
    found = segments(folder)
    first = len(found) - 1
    while first > 0 and not _stands_alone(found[first]):
        first -= 1
    for path in found[max(first, 0) :]:
        yield from read_chained(path)


def _stands_alone(path: Path) -> bool:
    entry = next(read_segment(path, limit=1), None)
    return entry is not None and not isinstance(entry.event, EngineStarted)


def read_decision(folder: Path, seq: int) -> bytes | None:
    """The stored DECISION record of an entry, if it has one."""
    for path in reversed(segments(folder)):
        connection = open_reader(path)
        try:
            row = connection.execute("SELECT record FROM decision WHERE seq = ?", (seq,)).fetchone()
        finally:
            connection.close()
        if row is not None:
            return bytes(row[0])
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What ``verify`` found. ``first_bad`` names the first entry that does not fit, 0 = none."""

    entries: int
    head: str
    first_bad: int
    reason: str
    witnessed: int = 0  # entries that the second record knows, too


def verify(folder: Path, witness: Path | None = None) -> Verdict:
    """Walk the chain, then hold it against the second record that the watchdog keeps."""
    verdict = walk(folder)
    if witness is None:
        return verdict
    fits, first_bad, reason = compare(folder, witness)
    if first_bad and (not verdict.first_bad or first_bad < verdict.first_bad):
        return replace(verdict, first_bad=first_bad, reason=reason, witnessed=fits)
    return replace(verdict, witnessed=fits)


def walk(folder: Path) -> Verdict:
    """All segments in order: numbers, hashes, decision digests, clock order."""
    count, prev, last, desk = 0, GENESIS, 0, 0
    for path in segments(folder):
        connection = open_reader(path)
        try:
            header = connection.execute("SELECT prev, first FROM segment").fetchone()
            if header is None or bytes(header[0]) != prev or int(header[1]) != last + 1:
                return Verdict(
                    entries=count, head=prev.hex(), first_bad=last + 1,
                    reason=f"{path.name} does not continue the chain",
                )  # fmt: skip
            rows = connection.execute(
                "SELECT e.seq, e.body, e.hash, d.record FROM entry e "
                "LEFT JOIN decision d ON d.seq = e.seq ORDER BY e.seq"
            )
            for seq, body, stored, record in rows:
                reason = _fault(seq, body, stored, record, (last, prev, desk))
                if reason:  # after a gap the first that does not fit is the first missing one
                    first_bad = min(seq, last + 1)
                    return Verdict(
                        entries=count, head=prev.hex(), first_bad=first_bad, reason=reason
                    )
                prev, last, count = bytes(stored), seq, count + 1
                desk = entry_from_json(body).desk_ns
        finally:
            connection.close()
    return Verdict(entries=count, head=prev.hex(), first_bad=0, reason="")


def _fault(
    seq: int, body: bytes, stored: bytes, record: bytes | None, before: tuple[int, bytes, int]
) -> str:
    last, prev, desk = before
    if seq != last + 1:
        return f"entry {seq} follows {last}"
    if chain(prev, body) != stored:
        return f"the hash of entry {seq} does not fit its content"
    entry = entry_from_json(body)
    if entry.seq != seq:
        return f"entry {seq} says it is {entry.seq}"
    if entry.desk_ns < desk:
        return f"the clock of entry {seq} was set back"
    if isinstance(entry.event, ChildIntended) and entry.event.digest:
        if record is None:
            return f"the decision record of entry {seq} is missing"
        if hashlib.sha256(record).hexdigest() != entry.event.digest:
            return f"the decision record of entry {seq} was changed"
    return ""
