"""Close a past day for good: its journal becomes one read-only file without side files."""

import sqlite3
from pathlib import Path

from db.journal import segments


def seal(folder: Path) -> tuple[Path, ...]:
    """Fold the write-ahead logs in and take the right to write away; the sealed segments."""
    found = segments(folder)
    for path in found:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
        finally:
            connection.close()
        path.chmod(0o400)
    return found
