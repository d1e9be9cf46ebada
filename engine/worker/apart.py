"""A heavy job in a process of its own: what it took goes back to the machine when it ends.

A closed day in memory is 60 MB of small objects for a moment. Made in a thread of the worker, a
part of it stays each time, whatever is freed: the allocator keeps an arena a thread, and one object
that lives holds a whole block. The question goes to the process as one line on its stdin, which
stays open until the answer has been read: a process whose worker is gone ends itself.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from engine.domain.errors import BrokenInvariant, Refused

ROOT: Final = Path(__file__).resolve().parents[2]
DONE, REFUSED, BROKEN = 0, 2, 3  # exit codes
STOP_S: Final = 0.2  # between two looks whether a process that has ended needs no end


class Ended(Exception):
    """The process was ended because the worker stops; it left nothing half done."""


def run_apart(module: str, ask: bytes, stop: threading.Event | None = None) -> bytes:
    """What ``python -m module`` answers to one line; its errors are raised here as they are there.

    module : one whose ``main`` is ``answer_apart``; ask : JSON without a line break; stop : ends
    it early, with ``Ended``.
    """
    with subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-m", module],
        cwd=ROOT,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if stop is not None:
            threading.Thread(target=_end_on, args=(stop, process), daemon=True).start()
        with contextlib.suppress(BrokenPipeError):  # it has ended already: its code says why
            process.stdin.write(ask + b"\n")
        said = process.stdout.read()
        code = process.wait()
    if stop is not None and stop.is_set() and code != DONE:
        raise Ended
    if code == REFUSED:
        raise Refused(said.decode())
    if code != DONE:
        raise BrokenInvariant(said.decode() or f"{module} ended with {code}")
    return said


def _end_on(stop: threading.Event, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        if stop.wait(STOP_S):
            process.terminate()
            return


def answer_apart(work: Callable[[bytes], bytes]) -> int:
    """The other side: answer the line on stdin; the exit code. Prints go to stderr."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    ask = sys.stdin.buffer.readline()
    threading.Thread(target=_end_with_worker, name="lifeline", daemon=True).start()
    code, said = DONE, b""
    try:
        said = work(ask)
    except Refused as refusal:
        code, said = REFUSED, str(refusal).encode()
    except BrokenInvariant as broken:
        code, said = BROKEN, str(broken).encode()
    sink.write(said)
    sink.flush()
    return code


def _end_with_worker() -> Any:
    while os.read(0, 4096):
        pass
    os._exit(BROKEN)  # nobody is left to answer
