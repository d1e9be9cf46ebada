"""The lines of a file, one at a time and each of bounded length: plain, gzip, xz or zip.

Whatever a file holds, reading it needs the memory of a few lines. A file that cannot be opened is
``Refused``; one that breaks off in the middle ends with ``Broken``.
"""

import csv
import gzip
import lzma
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from engine.domain.errors import Refused
from engine.runtime.feeds.event import BadRow
from engine.runtime.feeds.lobster import MOST_BYTES, UNPACKING_FAILS

MOST_LINE: Final = 1 << 18  # bytes; a book of 500 levels is 20,000
MOST_MESSAGE: Final = 1 << 10  # bytes of a LOBSTER message
MOST_BOOK: Final = 1 << 14  # bytes of a row of its order book, 200 levels
KEPT: Final = 200  # bytes of a line that is too long, and of a row in quarantine

OPENERS: Final = ((b"\x1f\x8b", gzip.open), (b"\xfd7zXZ", lzma.open))


class Broken(Refused):
    """The file cannot be read to its end; what came before has been given out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it came; ``row`` counts the lines of the file from 0."""

    row: int
    raw: bytes  # without its line end
    is_long: bool = False  # longer than allowed: ``raw`` is its beginning
    is_ended: bool = True  # False in a last line without its line end: it may be cut off

    def text(self) -> str:
        """The line as text; BadRow when it is none."""
        if self.is_long:
            raise BadRow("a row must not be endless: 1 kB of a LOBSTER message, 256 kB of others")
        try:
            text = self.raw.decode("utf-8")
        except UnicodeDecodeError:
            raise BadRow("a row must be UTF-8 text") from None
        if "\0" in text:
            raise BadRow("a row must hold no NUL byte")
        return text

    def cells(self) -> list[str]:
        """The comma-separated cells; BadRow when quotes do not close."""
        text = self.text()
        if '"' not in text:
            return text.split(",")
        try:
            return next(csv.reader([text], strict=True), [""])
        except csv.Error as why:
            raise BadRow(f"a row must be comma-separated text: {why}") from None


@contextmanager
def _opened(path: Path, part: str) -> Iterator[IO[bytes]]:
    """The unpacked bytes, by content and not by suffix."""
    with path.open("rb") as plain:
        head = plain.read(6)
        plain.seek(0)
        if head.startswith(b"\x28\xb5\x2f\xfd"):
            raise Refused(f"{path.name} is packed with zstd: unpack it, or give csv, gz, xz or zip")
        for magic, opener in OPENERS:
            if head.startswith(magic):
                with opener(plain, "rb") as packed:
                    yield cast("IO[bytes]", packed)
                return
        if not head.startswith(b"PK\x03\x04"):
            yield plain
            return
        with (
            zipfile.ZipFile(plain) as archive,
            archive.open(_member(path, archive, part)) as inside,
        ):
            yield inside


def _member(path: Path, archive: zipfile.ZipFile, part: str) -> zipfile.ZipInfo:
    """The file of the zip whose name says ``part``, or the only one."""
    files = [
        one for one in archive.infolist() if not one.is_dir() and "__MACOSX" not in one.filename
    ]
    found = [one for one in files if part and part in Path(one.filename).name.lower()]
    found = found or (files if len(files) == 1 else [])
    if len(found) != 1:
        raise Refused(f"{path.name} must hold one file{f' named {part}' if part else ''}")
    return found[0]


def _next(stream: IO[bytes], row: int, most: int) -> Line | None:
    """The next line, None at the end; a long one is read past in pieces."""
    raw = stream.readline(most + 1)
    if not raw:
        return None
    if raw.endswith(b"\n") or len(raw) <= most:
        return Line(row, raw.rstrip(b"\r\n"), is_ended=raw.endswith(b"\n"))
    kept = raw[:KEPT]
    while raw and not raw.endswith(b"\n"):
        raw = stream.readline(MOST_LINE + 1)
    return Line(row, kept, is_long=True)


def lines(path: Path, part: str = "", most: int = MOST_LINE) -> Iterator[Line]:
    """Every line of the file. Refused when it cannot be opened, Broken when it breaks off."""
    row = spent = 0
    try:
        with _opened(path, part) as stream:
            while (line := _next(stream, row, most)) is not None:
                row += 1
                spent += len(line.raw)
                if spent > MOST_BYTES:
                    raise Broken(f"{path.name} must unpack to at most {MOST_BYTES} bytes")
                yield line
    except UNPACKING_FAILS as why:
        if row:
            raise Broken(f"{path.name} breaks off after row {row - 1}: {why}") from why
        raise Refused(f"{path.name} cannot be read: {why}") from why
