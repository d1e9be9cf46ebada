"""A C++ book as a peer: compiled on the spot, asked for one run at a time.

The program keeps the protocol of book.cpp, our twin, which is the default.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from engine.bench.streams import Stream
from engine.kernels.book import FILL, Records
from engine.kernels.stream import RESTING

FLAGS: Final = ("-std=c++17", "-O3", "-march=native")
BUILD_S: Final = 300.0  # a compiler that needs longer is stuck


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What to compile into one program."""

    name: str
    sources: tuple[Path, ...]
    flags: tuple[str, ...] = ()


TWIN: Final = Build(name="book", sources=(Path(__file__).with_name("book.cpp"),))


def compiler() -> str | None:
    """Path of g++, None where there is none."""
    return shutil.which("g++")


class CppBook:
    """One child process that keeps the stream in memory and times itself."""

    def __init__(self, stream: Stream, place: Path, build: Build = TWIN) -> None:
        program, source = place / build.name, place / f"{build.name}.stream"
        self._out = place / f"{build.name}.out"
        self._name, self._fills = build.name, 0
        sources = map(str, build.sources)
        built = [str(compiler()), *FLAGS, *build.flags, "-o", str(program), *sources]
        subprocess.run(built, check=True, timeout=BUILD_S)
        stream.messages.tofile(source)
        sizes = (stream.n_ticks, stream.live, stream.n_ids, stream.fills)
        command = [str(program), str(source), *map(str, sizes), str(self._out)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def run(self) -> int:
        """One run on a fresh book. [ns]"""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write("\n")
        nanoseconds, fills, _live = map(int, self._child.stdout.readline().split())
        self._fills = fills
        return nanoseconds

    def outcome(self) -> tuple[Records, Records]:
        """End the child: (tape, final book) of the last run."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        code = self._child.wait(60)
        if code != 0:
            raise subprocess.CalledProcessError(code, self._name)
        data = self._out.read_bytes()
        tape = self._fills * FILL.itemsize
        return np.frombuffer(data[:tape], FILL), np.frombuffer(data[tape:], RESTING)

    def close(self) -> None:
        """Leave no child behind when something else failed."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait(10)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
