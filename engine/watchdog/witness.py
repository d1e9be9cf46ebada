"""A second record of the journal, kept by another process: who re-chains one is found by the other.

``<segment>.heads``: 16 bytes (mark, number of the first entry), then the first 8 bytes of the hash
of every entry. ``anchors.log``: a JSON line with the whole hash every 1,000 entries or 60 s. Both
only grow. ``QD_WITNESS`` puts the folder where another user of the machine owns it.
"""

import json
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

MARK = b"QDHEADS1"
HEADER = struct.Struct("<8sQ")
KEPT = 8  # bytes of each hash
ANCHOR_ENTRIES = 1_000
ANCHOR_NS = 60_000_000_000


@dataclass(slots=True, kw_only=True)
class Witness:
    """Compares each entry with what was seen before, and remembers the new ones."""

    folder: Path
    segment: str = ""
    first: int = 1
    seen: bytearray = field(default_factory=bytearray)  # of this segment
    stored: int = 0  # bytes of ``seen`` that are on disk
    head: bytes = b""
    anchored_seq: int = 0
    anchored_at: int = 0  # wall ns
    anchors: int = 0

    @property
    def last(self) -> int:
        """Number of the newest entry that was ever seen in this segment."""
        return self.first - 1 + len(self.seen) // KEPT

    def newest(self) -> str:
        """Name of the newest segment that was ever seen, "" = none."""
        names = sorted(path.stem for path in self.folder.glob("[0-9]*.heads"))
        return f"{names[-1]}.db" if names else ""

    def enter(self, segment: str, first: int) -> str:
        """Go over to a segment; why it cannot be the one that was seen, "" = it fits."""
        self.segment, self.first = segment, first
        path = self._path()
        content = path.read_bytes() if path.exists() else b""
        if len(content) < HEADER.size:
            self.seen, self.stored = bytearray(), 0
            return ""
        mark, begun = HEADER.unpack_from(content)
        if (mark, begun) != (MARK, first):
            return f"{segment} begins at entry {first}, it was seen to begin at {begun}"
        whole = (len(content) - HEADER.size) // KEPT * KEPT
        self.seen = bytearray(content[HEADER.size : HEADER.size + whole])
        self.stored = len(self.seen)
        return ""

    def see(self, seq: int, head: bytes) -> str:
        """Remember an entry; why it is not the one that was seen before, "" = it is, or is new."""
        at = (seq - self.first) * KEPT
        self.head = head
        if at == len(self.seen):
            self.seen += head[:KEPT]
        elif self.seen[at : at + KEPT] != head[:KEPT]:
            return f"entry {seq} is not the one that was seen before"
        return ""

    def short(self, seq: int) -> str:
        """Why a journal that ends at ``seq`` is not all of it, "" = it is."""
        if seq >= self.last:
            return ""
        return f"the journal ends at entry {seq}, entry {self.last} was seen: its tail is cut"

    def write(self, wall: int) -> None:
        """Put what is new on disk. Raises OSError; nothing is lost then, the next call goes on."""
        if self.stored == len(self.seen):
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, due = self._path(), self._is_due(wall)
        begins = HEADER.pack(MARK, self.first)
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.write(begins)
            file.seek(HEADER.size + self.stored)
            file.write(self.seen[self.stored :])
            file.flush()
            if due:
                os.fsync(file.fileno())
        self.stored = len(self.seen)
        if due:
            self._anchor(wall)

    def _is_due(self, wall: int) -> bool:
        return (
            self.last - self.anchored_seq >= ANCHOR_ENTRIES or wall - self.anchored_at >= ANCHOR_NS
        )

    def _anchor(self, wall: int) -> None:
        line = {"at": wall, "segment": self.segment, "seq": self.last, "head": self.head.hex()}
        with (self.folder / "anchors.log").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.anchored_seq, self.anchored_at = self.last, wall
        self.anchors += 1

    def _path(self) -> Path:
        return self.folder / f"{self.segment.removesuffix('.db')}.heads"
