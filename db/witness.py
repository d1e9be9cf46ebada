"""The journal held against the second record of it that the watchdog keeps (docs/wire.md)."""

import json
import sqlite3
import struct
from pathlib import Path
from typing import Final

MARK: Final = b"QDHEADS1"
HEADER: Final = struct.Struct("<8sQ")
KEPT: Final = 8


def compare(journal: Path, witness: Path) -> tuple[int, int, str]:
    """Entries that both know alike, the first entry in which they differ (0 = none), and why."""
    alike = 0
    for path in sorted(witness.glob("[0-9]*.heads")):
        content = path.read_bytes()
        if len(content) < HEADER.size:
            continue
        mark, first = HEADER.unpack_from(content)
        if mark != MARK:
            return alike, 1, f"{path.name} of the witness is no record of a journal"
        seen = content[HEADER.size :]
        heads = _heads(journal / f"{path.stem}.db", first)
        for index in range(len(seen) // KEPT):
            if index >= len(heads):
                last = first + len(seen) // KEPT - 1
                return alike, first + index, _cut(first + index - 1, last)
            if heads[index] != seen[index * KEPT : (index + 1) * KEPT]:
                return alike, first + index, f"entry {first + index} is not the one that was seen"
            alike += 1
    return alike, *_anchors(journal, witness)


def _cut(end: int, last: int) -> str:
    return f"the journal ends at entry {end}, entry {last} was seen: its tail is cut"


def _heads(path: Path, first: int) -> list[bytes]:
    """The beginning of each stored hash, by number from ``first`` on."""
    if not path.exists():
        return []
    wire = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    try:
        rows = wire.execute("SELECT seq, hash FROM entry WHERE seq >= ? ORDER BY seq", (first,))
        found = {int(seq): bytes(head)[:KEPT] for seq, head in rows}
    finally:
        wire.close()
    if not found:
        return []
    return [found.get(seq, b"") for seq in range(first, max(found) + 1)]


def _anchors(journal: Path, witness: Path) -> tuple[int, str]:
    """The first anchor whose whole hash is not in the journal."""
    path = witness / "anchors.log"
    if not path.exists():
        return 0, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        anchor = json.loads(line)
        segment = journal / anchor["segment"]
        if not segment.exists():
            return int(anchor["seq"]), f"segment {anchor['segment']} was seen and is gone"
        wire = sqlite3.connect(f"file:{segment}?mode=ro", uri=True, isolation_level=None)
        try:
            row = wire.execute("SELECT hash FROM entry WHERE seq = ?", (anchor["seq"],)).fetchone()
        finally:
            wire.close()
        if row is None or bytes(row[0]).hex() != anchor["head"]:
            return int(anchor["seq"]), f"entry {anchor['seq']} is not the one that was anchored"
    return 0, ""
