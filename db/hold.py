"""Hold a SQLite file as a stranger would: for drills and nothing else."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def held(path: Path, patience_s: float = 5.0) -> Iterator[bool]:
    """Nobody else can read or write the file meanwhile; False: somebody else has held it."""
    connection = sqlite3.connect(path, timeout=patience_s, isolation_level=None)
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            yield False
            return
        yield True
        connection.execute("ROLLBACK")
    finally:
        connection.close()
