"""The kill flag: one memory-mapped file that anybody on this machine can set and nobody can miss.

Layout (little-endian; docs/wire.md repeats it, the watchdog has its own copy of it on purpose):

| offset | type | what |
|---|---|---|
| 0 | 8 bytes | ``QDKILL01`` |
| 8 | u8 | ALL byte: 1 = no new order leaves, whatever the slots say |
| 16 | u64 | generation: rises with every request or release, written last |
| 24 | u64 | watchdog lease, monotonic ns |
| 32 | u64 | engine heartbeat, monotonic ns |
| 40 | u64 | engine epoch (fencing token) |
| 64 + 160 i | slot i of 100 | see below |

A slot: u64 generation (0 = free), u64 wall ns, u8 active, 7 pad, scope 16, target 48, by 48,
door 16, 8 pad.

Sticky: the file outlives every process. A missing or damaged file means ALL, except in an empty
state folder. The gate reads byte and generation; only a changed generation makes it read slots.
"""

import contextlib
import fcntl
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.units import Nanos

MAGIC: Final = b"QDKILL01"
ALL_AT, GENERATION_AT, LEASE_AT, HEARTBEAT_AT, EPOCH_AT, SLOTS_AT = 8, 16, 24, 32, 40, 64
SLOT: Final = struct.Struct("<QQB7x16s48s48s16s8x")
SLOTS: Final = 100
SIZE: Final = SLOTS_AT + SLOT.size * SLOTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One kill request as it stands in the file."""

    index: int
    generation: int
    requested_at: Nanos
    active: bool
    scope: str
    target: str
    by: str
    door: str


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def _bytes(text: str, room: int, what: str) -> bytes:
    raw = text.encode()
    if len(raw) > room:
        raise Refused(f"{what} must fit in {room} bytes, was {len(raw)}", field=what)
    return raw


def _is_sound(path: Path) -> bool:
    if not path.exists() or path.stat().st_size != SIZE:
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _place(path: Path, *, is_all: bool) -> None:
    """Put a flag there; a sound one that another process has put there meanwhile stays."""
    image = bytearray(SIZE)
    image[: len(MAGIC)] = MAGIC
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(bytes(image))
    part.chmod(0o600)
    if is_all:
        # beyond every generation of the file before: the journal must not take a new request for
        # one it knows, nor a release of an old one for one of these
        generation = part.stat().st_mtime_ns // 1_000_000
        image[ALL_AT] = 1
        image[GENERATION_AT : GENERATION_AT + 8] = generation.to_bytes(8, "little")
        part.write_bytes(bytes(image))
    if path.exists() and not _is_sound(path):
        os.replace(part, path)  # noqa: PTH105 - atomic
        return
    with contextlib.suppress(FileExistsError):
        os.link(part, path)
    part.unlink()


class KillFlag:
    """The file, opened by one process. Readers never lock; writers lock for microseconds."""

    def __init__(self, path: Path, data: mmap.mmap, descriptor: int) -> None:
        self.path = path
        self._data = data
        self._descriptor = descriptor
        self._inode = os.fstat(descriptor).st_ino

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make an open flag where there is none; only for an empty state folder."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _place(path, is_all=False)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the flag; a missing or damaged one is made anew with ALL set.

        Only in a state folder without a journal it is made open: whoever starts first makes it.
        """
        while not _is_sound(path):
            is_first = not path.exists() and not any((path.parent / "journal").glob("*.db"))
            _place(path, is_all=not is_first)
        descriptor = os.open(path, os.O_RDWR)
        return cls(path, mmap.mmap(descriptor, SIZE), descriptor)

    def renew(self) -> bool:
        """Map the file anew when another one is in its place: ours is nobody's then. Whether."""
        try:
            there = self.path.stat().st_ino
        except FileNotFoundError:
            there = -1
        if there == self._inode:
            return False
        fresh = self.open(self.path)
        old, descriptor = self._data, self._descriptor
        self._data, self._descriptor, self._inode = fresh._data, fresh._descriptor, fresh._inode
        old.close()
        os.close(descriptor)
        return True

    def close(self) -> None:
        self._data.close()
        os.close(self._descriptor)

    # --- reading ----------------------------------------------------------------------------
    def _u64(self, at: int) -> int:
        return int.from_bytes(self._data[at : at + 8], "little")

    def _put(self, at: int, value: int) -> None:
        self._data[at : at + 8] = value.to_bytes(8, "little")

    @property
    def is_all(self) -> bool:
        return self._data[ALL_AT] != 0

    @property
    def generation(self) -> int:
        return self._u64(GENERATION_AT)

    @property
    def lease_ns(self) -> int:
        return self._u64(LEASE_AT)

    @property
    def heartbeat_ns(self) -> int:
        return self._u64(HEARTBEAT_AT)

    @property
    def epoch(self) -> int:
        return self._u64(EPOCH_AT)

    def slots(self) -> tuple[Slot, ...]:
        """Every written slot, in the order of its generation."""
        found = []
        for index in range(SLOTS):
            at = SLOTS_AT + index * SLOT.size
            generation, wall, active, scope, target, by, door = SLOT.unpack(
                self._data[at : at + SLOT.size]
            )
            if generation:
                found.append(
                    Slot(
                        index=index,
                        generation=generation,
                        requested_at=Nanos(wall),
                        active=bool(active),
                        scope=_text(scope),
                        target=_text(target),
                        by=_text(by),
                        door=_text(door),
                    )
                )
        return tuple(sorted(found, key=lambda slot: slot.generation))

    # --- writing ----------------------------------------------------------------------------
    def set_all(self) -> None:
        """One byte, nothing that can fail: for signal handlers."""
        self._data[ALL_AT] = 1

    def request(self, scope: str, target: str, by: str, *, door: str, now_ns: int) -> int:
        """Write a request and raise the generation; the request's own generation comes back.

        Refused only when a text does not fit. Takes no other lock, database or network.
        """
        packed = (
            _bytes(scope, 16, "scope"),
            _bytes(target, 48, "target"),
            _bytes(by, 48, "by"),
            _bytes(door, 16, "door"),
        )
        self.renew()
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            generation = self.generation + 1
            at = SLOTS_AT + self._free_slot() * SLOT.size
            self._data[at : at + SLOT.size] = SLOT.pack(generation, now_ns, 1, *packed)
            if scope == "all":
                self._data[ALL_AT] = 1
            self._put(GENERATION_AT, generation)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return generation

    def _free_slot(self) -> int:
        oldest, oldest_generation = -1, 0
        for slot in self.slots():
            if not slot.active and (oldest < 0 or slot.generation < oldest_generation):
                oldest, oldest_generation = slot.index, slot.generation
        used = {slot.index for slot in self.slots()}
        for index in range(SLOTS):
            if index not in used:
                return index
        if oldest < 0:
            self.set_all()  # a hundred active kills: nothing but ALL is safe
            raise BrokenInvariant("the kill flag has no free slot: ALL is set")
        return oldest

    def release(self, generation: int) -> None:
        """Mark a request as released; the ALL byte falls with the last active "all"."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            left_all = False
            for slot in self.slots():
                at = SLOTS_AT + slot.index * SLOT.size
                if slot.generation == generation:
                    self._data[at + 16] = 0
                elif slot.active and slot.scope == "all":
                    left_all = True
            self._data[ALL_AT] = 1 if left_all else 0
            self._put(GENERATION_AT, self.generation + 1)
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def beat(self, now_ns: int, epoch: int) -> None:
        """The engine's owner thread is alive. [monotonic ns]"""
        self._put(HEARTBEAT_AT, now_ns)
        self._put(EPOCH_AT, epoch)
