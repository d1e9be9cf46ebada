"""Migrations are one chain: two that follow the same one would stop the worker at its start."""

import re
from pathlib import Path

VERSIONS = Path("db/migrations/versions")


def links() -> list[tuple[str, str, str]]:
    """Number in the name of the file, revision, and the one before it; by name."""
    found = []
    for file in sorted(VERSIONS.glob("[0-9]*.py")):
        text = file.read_text(encoding="utf-8")
        revision = re.search(r'^revision = "(\d+)"', text, re.MULTILINE)
        before = re.search(r'^down_revision = "?(\w+)"?', text, re.MULTILINE)
        assert revision is not None
        assert before is not None
        found.append((file.name[:4], revision[1], before[1]))
    return found


def test_each_migration_follows_the_one_before_it() -> None:
    chain = links()
    assert len(chain) > 1
    for i, (name, revision, before) in enumerate(chain, start=1):
        assert (name, revision) == (f"{i:04}", f"{i:04}")
        assert before == ("None" if i == 1 else f"{i - 1:04}")
