"""Paths on several processes: each has one thread, a nice of +10, and its own copy of the task.

A process is `python -m engine.lab.pool`: tasks come in and rows go out as frames (length, bytes) on
its stdin and stdout. End of stdin ends it, so nothing outlives the process that asked. A path is
the only unit of work; its rows land at its index, so neither the number of processes nor the size
of a slice changes a byte.
"""

import fcntl
import os
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant, Refused
from engine.kernels.jit import CACHE
from engine.lab.cost import OUTCOME
from engine.lab.paired import FILLS, Task, contender, run_path, small_tape
from engine.lab.scenario import read

ROOT: Final = Path(__file__).resolve().parents[2]
NICE: Final = 10
LENGTH: Final = struct.Struct("<q")
CPU: Final = struct.Struct("<d")
LONGEST: Final = 1 << 28  # bytes of a frame
POLL_S: Final = 0.02  # how often the caller looks whether to stop
REFUSED, BROKEN = b"R", b"B"  # first byte of an answer that is not rows
FINE: Final = b"F"
WAKE: Final = b"W"  # a question without content


class _Slice(msgspec.Struct, frozen=True, kw_only=True):
    """Paths first ... last - 1."""

    first: int
    last: int


def cores(*, engine_runs: bool) -> int:
    """Processes that may run: all cores, or all but one while an engine runs; at least one."""
    found = os.cpu_count() or 1
    return max(1, found - 1) if engine_runs else found


def _write(stream: IO[bytes], body: bytes) -> None:
    stream.write(LENGTH.pack(len(body)) + body)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """The next frame; None at the end of the stream."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    if not 0 <= length <= LONGEST:
        raise BrokenInvariant(f"a frame of {length} bytes from a process of the lab")
    body = stream.read(length)
    return body if len(body) == length else None


class Hand:
    """One process of the pool, used by one thread at a time."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.lab.pool"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.task: Task | None = None

    def _ask(self, body: bytes) -> bytes:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            _write(self.process.stdin, body)
            answer = _read(self.process.stdout)
        except (BrokenPipeError, ValueError):
            answer = None
        if answer is None:
            raise BrokenInvariant(f"a process of the lab ended: {self.process.wait()}")
        kind, body = answer[:1], answer[1:]
        if kind == REFUSED:
            raise Refused(body.decode())
        if kind == BROKEN:
            raise BrokenInvariant(body.decode())
        return body

    def wake(self) -> float:
        """Wait until the process has started and loaded every kernel; its CPU time so far. [s]"""
        (seconds,) = CPU.unpack(self._ask(WAKE))
        return float(seconds)

    def run(self, task: Task, first: int, last: int) -> NDArray[np.void]:
        """Rows of paths first ... last - 1, shape (last - first, contenders)."""
        if self.task is not task:
            self._ask(b"T" + msgspec.msgpack.encode(task))
            self.task = task
        body = self._ask(b"S" + msgspec.msgpack.encode(_Slice(first=first, last=last)))
        rows = np.frombuffer(body, OUTCOME)
        return rows.reshape(last - first, len(task.contenders))

    def close(self) -> None:
        """End the process: it stops within the path it is at."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


class Pool:
    """Processes kept between questions: starting one costs about a second."""

    def __init__(self, workers: int) -> None:
        if not 1 <= workers <= 64:
            raise Refused(f"workers must be from 1 to 64, was {workers}", field="workers")
        self.hands = [Hand() for _ in range(workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process."""
        for hand in self.hands:
            hand.close()

    def spread(
        self, task: Task, days: int, slice_days: int, take: Callable[[int, NDArray[np.void]], bool]
    ) -> None:
        """Run paths 0 ... days - 1 and hand rows over in order of their index.

        take(first, rows) is called in this thread, for slice after slice without a hole, and with
        no rows while it waits; True = stop. What is on its way then is finished and thrown away.
        """
        waiting: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        ready: queue.SimpleQueue[tuple[int, NDArray[np.void] | Exception]] = queue.SimpleQueue()
        for first in range(0, days, slice_days):
            waiting.put((first, min(first + slice_days, days)))
        enough = threading.Event()

        def work(hand: Hand) -> None:
            while not enough.is_set():
                try:
                    first, last = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    ready.put((first, hand.run(task, first, last)))
                except (Refused, BrokenInvariant) as error:
                    ready.put((first, error))
                    return

        threads = [threading.Thread(target=work, args=(hand,), daemon=True) for hand in self.hands]
        for thread in threads:
            thread.start()
        try:
            _in_order(ready, days, take)
        finally:
            enough.set()
            for thread in threads:
                thread.join()


def _in_order(
    ready: "queue.SimpleQueue[tuple[int, NDArray[np.void] | Exception]]",
    days: int,
    take: Callable[[int, NDArray[np.void]], bool],
) -> None:
    """Hand slices over by index, whichever process was first; an error of any path is raised."""
    kept: dict[int, NDArray[np.void]] = {}
    due = 0
    nothing = np.zeros((0, 0), OUTCOME)
    while due < days:
        try:
            first, rows = ready.get(timeout=POLL_S)
        except queue.Empty:
            if take(due, nothing):
                return
            continue
        if isinstance(rows, Exception):
            raise rows
        kept[first] = rows
        while due in kept:
            found = kept.pop(due)
            start, due = due, due + len(found)
            if take(start, found):
                return


# --- the other side -------------------------------------------------------------------------
WARM: Final = """
name = "warm"
words = "One minute, so that every kernel is compiled."
instrument = "MIDC"
[order]
side = "buy"
quantity = 100
start = "09:30"
end = "09:30:02"
relax_s = 1
"""


def warm() -> None:
    """Compile what a path needs, or load it: one process at a time, the others find it done."""
    from engine.lab.market import SeedRange

    scenario = read(WARM, "warm")
    both = (contender(scenario, "TWAP"), contender(scenario, "ADAPTIVE"))
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "warming.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run_path(Task(scenario=scenario, contenders=both, paths=SeedRange("question", 0, 0, 1)), 0)


def answer(task: Task | None, body: bytes, tape: object) -> tuple[Task | None, bytes]:
    """What a process says to one frame, and the task it has afterwards."""
    kind, rest = body[:1], body[1:]
    if kind == b"T":
        return msgspec.msgpack.decode(rest, type=Task), FINE
    if kind == WAKE:
        return task, FINE + CPU.pack(time.process_time())
    if task is None:
        raise BrokenInvariant("a slice came before its task")
    asked = msgspec.msgpack.decode(rest, type=_Slice)
    rows = [run_path(task, index, tape) for index in range(asked.first, asked.last)]  # type: ignore[arg-type]
    return task, FINE + b"".join(row.tobytes() for row in rows)


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Answer frames until the stream ends."""
    task: Task | None = None
    tape = small_tape(FILLS)
    while (body := _read(source)) is not None:
        try:
            task, said = answer(task, body, tape)
        except Refused as refusal:
            said = REFUSED + str(refusal).encode()
        except BrokenInvariant as broken:
            said = BROKEN + str(broken).encode()
        _write(sink, said)


def main() -> int:
    """Be one process of a pool; frames own stdout, so prints go to stderr."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.nice(max(0, NICE - os.nice(0)))  # a worker that starts us is polite already
    warm()
    with suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.buffer, sink)
    return 0


if __name__ == "__main__":
    sys.exit(main())
