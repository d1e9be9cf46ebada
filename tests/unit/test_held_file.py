"""A held file is nobody else's, and afterwards everybody's again."""

import sqlite3
from pathlib import Path

import pytest

from db.hold import held


def test_a_held_file_can_be_read_and_written_by_nobody_else_until_it_is_let_go(tmp_path: Path):
    path = tmp_path / "desk.db"
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    other.execute("CREATE TABLE fact (n INTEGER) STRICT")
    with held(path) as is_held:
        assert is_held
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO fact VALUES (1)")
        with held(path, patience_s=0) as second:
            assert not second
    other.execute("INSERT INTO fact VALUES (1)")
    assert other.execute("SELECT n FROM fact").fetchall() == [(1,)]
    other.close()
