"""Room on the disk: too little stops new orders, and a reserve for what must still be written."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOOK_NS: Final = 1_000_000_000
RESERVE_BYTES: Final = 256 * 1024
MEGABYTE: Final = 1_000_000


def free_bytes(folder: Path) -> int:
    """Room that this process may use on the disk of a folder. [byte]"""
    return shutil.disk_usage(folder).free


class Disk:
    """Looks once a second; ``least`` is the room below which no new order leaves. [byte]"""

    def __init__(
        self, folder: Path, *, least: int, free: Callable[[Path], int] = free_bytes
    ) -> None:
        self._folder, self._least, self._free = folder, least, free
        self._looked_at = -LOOK_NS
        self._room = 0

    def closed_because(self, now: int) -> str:
        """Why new orders must wait, "" = there is room. ``now`` is monotonic ns."""
        if now - self._looked_at >= LOOK_NS:
            self._looked_at, self._room = now, self._free(self._folder)
        if self._room >= self._least:
            return ""
        return (
            f"disk: {self._room // MEGABYTE:,} MB are free, new orders need "
            f"{self._least // MEGABYTE:,}; cancels and kills go on"
        )


class Reserve:
    """A file that is as large as it may become from the start: acts are kept on a full disk too.

    One JSON line an act, the rest is zero bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists() or path.stat().st_size < RESERVE_BYTES:
            path.touch(mode=0o600)
            with path.open("r+b") as file:
                file.seek(0, os.SEEK_END)
                file.write(bytes(RESERVE_BYTES - file.tell()))
                file.flush()
                os.fsync(file.fileno())

    def note(self, act: dict[str, object]) -> None:
        """Keep an act, durable on return. A full reserve keeps the newest: it begins anew."""
        line = json.dumps(act).encode() + b"\n"
        with self.path.open("r+b") as file:
            at = file.read().find(b"\0")
            if at < 0 or at + len(line) > RESERVE_BYTES:
                at = 0
                line += bytes(RESERVE_BYTES - len(line))
            file.seek(at)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def acts(self) -> list[dict[str, object]]:
        """Everything that was kept, oldest first."""
        lines = self.path.read_bytes().split(b"\0", 1)[0].splitlines()
        return [json.loads(line) for line in lines]
