"""Jobs of the worker as people see them: state, progress, result. In people.db, never dropped."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Float,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from db.base import metadata, open_engine, sqlite_url

TABLES: Final = metadata()
JOBS: Final = Table(
    "jobs",
    TABLES,
    Column("name", String(60), primary_key=True),
    Column("state", String(10), nullable=False),
    Column("progress", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("runs", BigInteger, nullable=False),
)

RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
STOPPED: Final = "stopped"  # the worker ended before it did
FRESH: Final = {
    "state": RUNNING, "progress": 0.0, "text": "", "started_at": 0, "ended_at": 0, "changed_at": 0,
    "error": "", "runs": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job: its last run, or the one under way. Times are wall ns, 0 = not yet."""

    name: str
    state: str
    progress: float  # 0 .. 1
    text: str
    started_at: int
    ended_at: int
    changed_at: int
    error: str
    runs: int


class Jobs:
    """All reads and writes of the job table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        TABLES.create_all(engine)

    @classmethod
    def open(cls, people_db: Path) -> "Jobs":
        """Open or create the file; only its owner may read it."""
        fresh = not people_db.exists()
        jobs = cls(open_engine(sqlite_url(people_db)))
        if fresh:
            people_db.chmod(0o600)
        return jobs

    def close(self) -> None:
        """Give the file back."""
        self._engine.dispose()

    def all(self) -> tuple[JobRow, ...]:
        """Every job, newest change first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(JOBS).order_by(JOBS.c.changed_at.desc())).mappings()
            return tuple(JobRow(**row) for row in rows)

    def get(self, name: str) -> JobRow | None:
        """One job, None when it never ran."""
        with self._engine.connect() as connection:
            found = connection.execute(select(JOBS).where(JOBS.c.name == name)).mappings()
            row = found.one_or_none()
        return None if row is None else JobRow(**row)

    def start(self, name: str, text: str, now_ns: int) -> None:
        """A run begins."""
        known = self.get(name)
        self._write(
            name, state=RUNNING, progress=0.0, text=text, started_at=now_ns, ended_at=0,
            changed_at=now_ns, error="", runs=1 if known is None else known.runs + 1,
        )  # fmt: skip

    def step(self, name: str, progress: float, text: str, now_ns: int) -> None:
        """How far it is."""
        self._write(name, progress=progress, text=text, changed_at=now_ns)

    def done(self, name: str, text: str, now_ns: int) -> None:
        """It has ended well."""
        self._write(
            name, state=DONE, progress=1.0, text=text, ended_at=now_ns, changed_at=now_ns
        )  # fmt: skip

    def failed(self, name: str, error: str, now_ns: int) -> None:
        """It has ended with an error, which people see."""
        self._write(name, state=FAILED, error=error, ended_at=now_ns, changed_at=now_ns)

    def stop_running(self, now_ns: int) -> None:
        """At a start of the worker: what was running when the last one ended was stopped."""
        with self._engine.begin() as connection:
            connection.execute(
                update(JOBS)
                .where(JOBS.c.state == RUNNING)
                .values(state=STOPPED, ended_at=now_ns, changed_at=now_ns)
            )

    def _write(self, name: str, **values: object) -> None:
        with self._engine.begin() as connection:
            changed = connection.execute(update(JOBS).where(JOBS.c.name == name).values(**values))
            if changed.rowcount == 0:
                connection.execute(insert(JOBS).values(**FRESH | {"name": name} | values))
