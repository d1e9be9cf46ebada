"""The kill flag as the watchdog knows it: its own copy of the layout in docs/wire.md.

Repeated on purpose: a mistake in the engine's copy must not be a mistake here. The watchdog never
makes the file; while there is none it waits.
"""

import fcntl
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"QDKILL01"
ALL_BYTE = 8
GENERATION = 16
LEASE = 24
HEARTBEAT = 32
EPOCH = 40
FIRST_SLOT = 64
SLOT = struct.Struct("<QQB7x16s48s48s16s8x")
SLOTS = 100
SIZE = FIRST_SLOT + SLOTS * SLOT.size
U64 = struct.Struct("<Q")
DOOR = "watchdog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One kill request in the file."""

    index: int
    generation: int
    at_ns: int  # wall clock
    active: bool
    scope: str
    target: str
    by: str
    door: str


class FlagFile:
    """The mapped file."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._inode = os.fstat(descriptor).st_ino
        self._map = mmap.mmap(descriptor, SIZE)

    @classmethod
    def find(cls, path: Path) -> "FlagFile | None":
        """The file when it is there and whole, else None."""
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        if os.fstat(descriptor).st_size != SIZE or os.pread(descriptor, 8, 0) != MAGIC:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def close(self) -> None:
        self._map.close()
        os.close(self._descriptor)

    def in_place(self) -> bool:
        """False when the file was deleted, replaced or damaged under us."""
        try:
            there = self.path.stat().st_ino
        except FileNotFoundError:
            return False
        return there == self._inode and self._map[:8] == MAGIC

    def _get(self, at: int) -> int:
        return int(U64.unpack_from(self._map, at)[0])

    @property
    def is_all(self) -> bool:
        return self._map[ALL_BYTE] != 0

    @property
    def generation(self) -> int:
        return self._get(GENERATION)

    @property
    def lease_ns(self) -> int:
        return self._get(LEASE)

    @property
    def heartbeat_ns(self) -> int:
        return self._get(HEARTBEAT)

    @property
    def epoch(self) -> int:
        return self._get(EPOCH)

    def stamp(self, mono_ns: int) -> None:
        """The watchdog's lease. [monotonic ns]"""
        U64.pack_into(self._map, LEASE, mono_ns)

    def set_all(self) -> None:
        """Nothing new leaves, whatever the slots say."""
        self._map[ALL_BYTE] = 1

    def requests(self) -> list[Request]:
        """Every written slot, oldest first."""
        found = []
        for index in range(SLOTS):
            row = SLOT.unpack_from(self._map, FIRST_SLOT + index * SLOT.size)
            if row[0]:
                scope, target, by, door = (
                    raw.rstrip(b"\0").decode("utf-8", "replace") for raw in row[3:]
                )
                found.append(
                    Request(
                        index=index, generation=row[0], at_ns=row[1], active=bool(row[2]),
                        scope=scope, target=target, by=by, door=door,
                    )
                )  # fmt: skip
        return sorted(found, key=lambda request: request.generation)

    def kill(self, scope: str, target: str, at_ns: int) -> int:
        """Write a request; without room for it ALL is set. Its generation."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            index = self._room()
            generation = self.generation + 1
            if index is None or len(target.encode()) > 48:
                self.set_all()  # nothing but ALL is safe
            else:
                SLOT.pack_into(
                    self._map, FIRST_SLOT + index * SLOT.size, generation, at_ns, 1,
                    scope.encode(), target.encode(), DOOR.encode(), DOOR.encode(),
                )  # fmt: skip
            if scope == "all":
                self.set_all()
            U64.pack_into(self._map, GENERATION, generation)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return generation

    def _room(self) -> int | None:
        """A slot never used, else the one released longest ago, else None."""
        written = self.requests()
        used = {request.index for request in written}
        fresh = next((i for i in range(SLOTS) if i not in used), None)
        if fresh is not None:
            return fresh
        return next((request.index for request in written if not request.active), None)
