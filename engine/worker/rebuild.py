"""Drop the read tables and project every journal anew; a worker may run beside."""

from time import sleep
from typing import Any, Final

from db.project import Source, TablesUnavailable, all_sources, catch_up, drop
from db.queries import database_url
from db.schema import open_tables
from engine.runtime.clock import Clock, SystemClock
from engine.settings import Settings, paths

TRIES: Final = 20  # while another process writes the tables
PAUSE_S: Final = 0.5


def main(settings: Settings) -> int:
    """Rebuild and say what was read; 1 when the database does not let us."""
    where, clock = paths(settings), SystemClock()
    tables = open_tables(database_url(settings.database_url, where.desk_db))
    drop(tables)
    try:
        for source in all_sources(where.state):
            print(f"{source.name}: {_patiently(tables, source, clock):,} entries")  # noqa: T201
    except TablesUnavailable as silence:
        print(f"the read tables do not answer: {silence}")  # noqa: T201
        return 1
    finally:
        tables.dispose()
    return 0


def _patiently(tables: Any, source: Source, clock: Clock) -> int:
    """Project a source to its end, again when another writer was in the way."""
    for _ in range(TRIES):
        try:
            return catch_up(tables, source, clock.wall_ns())
        except TablesUnavailable:
            sleep(PAUSE_S)
    return catch_up(tables, source, clock.wall_ns())
