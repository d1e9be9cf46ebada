"""The C++ twin as a peer: compiled on the spot, asked for one run at a time."""

import shutil
import subprocess
from pathlib import Path

import numpy as np

from engine.bench.streams import Stream
from engine.kernels.book import FILL, Records
from engine.kernels.stream import RESTING

SOURCE = Path(__file__).with_suffix("").with_name("book.cpp")
FLAGS = ("-std=c++17", "-O3", "-march=native")


def compiler() -> str | None:
    """Path of g++, None where there is none."""
    return shutil.which("g++")


class CppBook:
    """One child process that keeps the stream in memory and times itself."""

    def __init__(self, stream: Stream, place: Path) -> None:
        program, source = place / "book", place / "stream.bin"
        self._out = place / "out.bin"
        self._fills = stream.fills
        built = [str(compiler()), *FLAGS, "-o", str(program), str(SOURCE)]
        subprocess.run(built, check=True, timeout=120)
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
        return int(self._child.stdout.readline().split()[0])

    def outcome(self) -> tuple[Records, Records]:
        """End the child: (tape, final book) of the last run."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        code = self._child.wait(60)
        if code != 0:
            raise subprocess.CalledProcessError(code, "book")
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
