"""The exchange's own append-only log: one file a day, from which the day can be run again.

A line is the CRC-32 of a JSON entry, a blank, the entry. It holds what cannot be computed: messages
in their order with the market time they came at, mass cancels, the engine's tokens. It holds the
reports too: a second run must give the same ones, and crash tests judge the desk by them.
An entry is on disk before the answer that shows its effect leaves. A last line that was torn by a
crash was never shown to anybody and is cut off; damage anywhere else is a BrokenInvariant.

The file is larger than what stands in it: zero bytes behind the last line are room for mass
cancels, which must be written on a disk that is full.
"""

import contextlib
import os
import zlib
from pathlib import Path
from typing import Final

import msgspec

from engine.domain.errors import BrokenInvariant
from engine.domain.instrument import Session
from engine.runtime.venues.wire import Incident

SUFFIX: Final = ".orders"
LAYOUT: Final = 2  # of the rows: 2 = ORDER and EXECUTION
ROOM: Final = 1_048_576  # [byte] kept behind the last line: a mass cancel of some 5,000 orders


class Opened(msgspec.Struct, frozen=True, kw_only=True, tag="open"):
    """First entry: what the day is made of."""

    session: Session
    seed: int
    source: str
    symbols: tuple[str, ...]
    layout: int = 1


class Linked(msgspec.Struct, frozen=True, kw_only=True, tag="link"):
    """An engine took the exchange."""

    epoch: int
    link: int


class Moved(msgspec.Struct, frozen=True, kw_only=True, tag="advance"):
    """An advance that carried messages or gave reports."""

    turn: int
    from_ns: int  # market time at which the messages came
    to_ns: int
    messages: bytes
    tags: dict[str, dict[str, str]]
    reports: bytes


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True, tag="mass_cancel"):
    """Orders ended by the exchange at once."""

    at_ns: int
    children: tuple[tuple[int, int], ...]  # (symbol, child)
    scope: str
    by: str
    reports: bytes


class Happened(msgspec.Struct, frozen=True, kw_only=True, tag="incident"):
    """Something was done to the market (an outage, a halt, news) or to an order (a bust)."""

    at_ns: int
    incident: Incident
    reports: bytes = b""


Entry = Opened | Linked | Moved | Withdrawn | Happened

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Entry)


def log_path(folder: Path, day: str) -> Path:
    """File of one day."""
    return folder / f"{day}{SUFFIX}"


def latest(folder: Path) -> Path | None:
    """The newest day that has a log."""
    return max(folder.glob(f"*{SUFFIX}"), default=None)


def line_of(entry: Entry) -> bytes:
    """Entry with its checksum and line end."""
    body = _ENCODER.encode(entry)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def _entry_of(line: bytes) -> Entry | None:
    """None when the checksum does not fit."""
    if len(line) < 9 or line[:8] != b"%08x" % zlib.crc32(line[9:]):
        return None
    entry: Entry = _DECODER.decode(line[9:])
    return entry


def read_entries(path: Path) -> tuple[list[Entry], int]:
    """Entries of a log and how many bytes of the file they take; the torn end is left out."""
    raw = path.read_bytes()
    lines = raw.split(b"\n")
    entries: list[Entry] = []
    used = 0
    for number, line in enumerate(lines[:-1], start=1):
        entry = _entry_of(line)
        if entry is None:
            if number == len(lines) - 1 and not lines[-1].strip(b"\0"):
                break  # the last line, written in part
            raise BrokenInvariant(f"line {number} of the order log {path.name} is damaged")
        entries.append(entry)
        used += len(line) + 1
    if entries and not isinstance(entries[0], Opened):
        raise BrokenInvariant(f"the order log {path.name} does not begin with its day")
    return entries, used


class OrderLog:
    """Appends to one day's file; every entry is on disk when ``append`` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.entries: list[Entry] = []
        self._at = 0  # end of the last line
        is_new = not path.exists()
        if not is_new:
            self.entries, self._at = read_entries(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        self._size = os.fstat(self._file).st_size
        if is_new:
            _sync_folder(path.parent)
        else:
            self._clear()
        self._make_room()

    def append(self, entry: Entry) -> None:
        """Write and sync one entry."""
        line = line_of(entry)
        self._put(line, self._at)
        os.fsync(self._file)
        self._at += len(line)
        self._size = max(self._size, self._at)
        if self._size - self._at < ROOM // 2:
            self._make_room()

    def _put(self, data: bytes, at: int) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._file, rest, at)
            rest, at = rest[written:], at + written

    def _clear(self) -> None:
        """Zero bytes over a torn end; the room stays ours."""
        if self._size > self._at:
            self._put(bytes(self._size - self._at), self._at)
            os.fsync(self._file)

    def _make_room(self) -> None:
        """Room behind the last line, where the disk has it; else what is there must do."""
        wanted = self._at + ROOM
        if wanted <= self._size:
            return
        with contextlib.suppress(OSError):  # a full disk says so when a line no longer fits
            self._put(bytes(wanted - self._size), self._size)
            os.fsync(self._file)
        self._size = os.fstat(self._file).st_size

    def close(self) -> None:
        """Close the file, without the room."""
        os.ftruncate(self._file, self._at)
        os.close(self._file)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
