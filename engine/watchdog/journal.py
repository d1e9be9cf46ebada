"""The journal as the watchdog reads it: read-only, by number, with its own check of the chain."""

import hashlib
import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.watchdog.witness import Witness

SLICE = 2_000  # entries a look: the lease is stamped between looks


class ChainBroken(Exception):
    """An entry does not follow from the one before it."""


@dataclass(slots=True, kw_only=True)
class JournalReader:
    """Follows the newest segment and goes over to the next when the day changes."""

    folder: Path
    witness: Witness
    seq: int = 0
    head: bytes = b""
    segment: str = ""
    caught_up: bool = False  # nothing more was there at the last look
    _wire: sqlite3.Connection | None = field(default=None, repr=False)

    def _segments(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9][0-9][0-9][0-9][0-9][0-9].db"))

    def _enter(self, path: Path) -> bool:
        """Open a segment; False while the engine has not written its header."""
        wire = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        wire.execute("PRAGMA busy_timeout=50")
        try:
            row = wire.execute("SELECT prev, first FROM segment").fetchone()
        except sqlite3.OperationalError:
            row = None
        if row is None:
            wire.close()
            return False
        if self.segment and (bytes(row[0]), int(row[1])) != (self.head, self.seq + 1):
            wire.close()
            raise ChainBroken(f"{path.name} does not continue the chain after entry {self.seq}")
        self.close()
        self._wire, self.segment = wire, path.name
        self.head, self.seq = bytes(row[0]), int(row[1]) - 1
        other = self.witness.enter(path.name, int(row[1]))
        if other:
            raise ChainBroken(other)
        return True

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def read(self) -> list[dict[str, Any]]:
        """The next entries. Raises ChainBroken, or sqlite3.OperationalError: ask again later."""
        found = self._segments()
        if not found:
            return []
        if not self.segment:
            if found[-1].name < self.witness.newest():
                raise ChainBroken(f"segment {self.witness.newest()} was seen and is gone")
            if not self._enter(found[-1]):
                return []
        entries = self._slice()
        if not entries and found[-1].name != self.segment:
            later = next(path for path in found if path.name > self.segment)
            entries = self._slice() if self._enter(later) else []
        self.caught_up = len(entries) < SLICE
        if self.caught_up and self.witness.short(self.seq):
            raise ChainBroken(self.witness.short(self.seq))
        return entries

    def _slice(self) -> list[dict[str, Any]]:
        assert self._wire is not None
        rows = self._wire.execute(
            "SELECT seq, body, hash FROM entry WHERE seq > ? ORDER BY seq LIMIT ?",
            (self.seq, SLICE),
        ).fetchall()
        entries = []
        for seq, body, stored in rows:
            if seq != self.seq + 1:
                raise ChainBroken(f"entry {seq} follows {self.seq}")
            if hashlib.sha256(self.head + bytes(body)).digest() != bytes(stored):
                raise ChainBroken(f"the hash of entry {seq} does not fit its content")
            other = self.witness.see(seq, bytes(stored))
            if other:
                raise ChainBroken(other)
            entries.append(json.loads(body))
            self.seq, self.head = seq, bytes(stored)
        return entries
