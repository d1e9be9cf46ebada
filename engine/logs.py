"""What a process writes, line by line: as it is, or as one JSON object a line for machines.

``log_format=json`` : ``{"at": "2026-11-30T14:30:00.000001Z", "process": "engine", "level": "info",
"seq": 4711, "text": "..."}``; ``seq`` is the newest journal entry when the line was written, where
the process has one. stdout is ``info``, stderr ``error``; lines for people always pass. Text cannot
forge a line: control characters are spelled out, passwords of FIX hidden. Standard library only.
"""

import io
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from threading import RLock
from typing import Any, Final, TextIO

FOR_PEOPLE: Final = "quarterdeck: "  # the supervisor shows such lines on the console
JSON: Final = "json"
INFO: Final = "info"
ERROR: Final = "error"
ORDER: Final = ("debug", INFO, "warning", ERROR)  # from least to gravest
MOST: Final = 8_000  # characters of a line; the rest is cut off and said
# C0 without tab and line feed, C1, separators and marks that turn the direction of a line
CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
SECRET: Final = re.compile("([\x01|^](?:554|96)=)[^\x01|^]*")  # FIX: password, raw data


def plain(text: str) -> str:
    """Text without secrets of FIX and with its control characters spelled out."""
    hidden = SECRET.sub(r"\1***", text)
    return CONTROL.sub(lambda found: ascii(found.group())[1:-1], hidden)


def stamp(at_ns: int) -> str:
    """UTC with microseconds: texts of it sort as the instants do."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    when = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{when}.{rest // 1_000:06d}Z"


def line_of(text: str, *, at_ns: int, process: str, level: str, seq: int | None) -> str:
    """One line of the log as JSON, with its end."""
    row: dict[str, Any] = {"at": stamp(at_ns), "process": process, "level": level}
    if seq is not None:
        row["seq"] = seq
    if len(text) > MOST:
        text = f"{text[:MOST]} ... {len(text) - MOST} more characters"
    row["text"] = plain(text)
    return json.dumps(row, ensure_ascii=False) + "\n"


def text_of(line: str) -> str:
    """What a line of a log says, whichever form it has."""
    if not line.startswith('{"at"'):
        return line
    try:
        text = json.loads(line)["text"]
    except (ValueError, KeyError):
        return line  # cut off in the middle, or no line of ours
    return str(text)


class JsonLines(io.TextIOBase):
    """A text stream that writes each complete line to another one as JSON, whole."""

    def __init__(
        self, to: TextIO, *, process: str, level: str, now: Callable[[], int],
        seq: Callable[[], int] | None = None, least: str = INFO,
    ) -> None:  # fmt: skip
        super().__init__()
        self._to = to
        self._process, self._level, self._now, self._seq = process, level, now, seq
        self._passes = ORDER.index(level) >= ORDER.index(least.lower())
        self._begun = ""
        self._lock = RLock()  # threads of a process write their lines whole

    def write(self, text: str) -> int:
        """Take text; what is complete goes on."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            for line in lines:
                self._put(line)
            if lines:
                self._to.flush()  # a process that is killed has said what it said
        return len(text)

    def _put(self, text: str) -> None:
        if not text.strip() or not (self._passes or text.startswith(FOR_PEOPLE)):
            return
        seq = None if self._seq is None else self._seq()
        self._to.write(
            line_of(text, at_ns=self._now(), process=self._process, level=self._level, seq=seq)
        )

    def flush(self) -> None:
        """Pass on; a line that has only begun waits for its end."""
        self._to.flush()

    def close(self) -> None:
        """The last line needs no end."""
        with self._lock:
            begun, self._begun = self._begun, ""
            if begun:
                self._put(begun)
        self._to.flush()

    def fileno(self) -> int:
        """Of the stream below."""
        return self._to.fileno()

    def isatty(self) -> bool:
        """Never: nobody colours a log."""
        return False

    def writable(self) -> bool:
        """Always."""
        return True


def as_wanted(
    process: str,
    form: str,
    now: Callable[[], int],
    *,
    seq: Callable[[], int] | None = None,
    least: str = INFO,
) -> None:
    """From here on the lines of this process have the form that the settings ask for."""
    if form != JSON or isinstance(sys.stdout, JsonLines):
        return
    more: dict[str, Any] = {"process": process, "now": now, "seq": seq, "least": least}
    sys.stdout = JsonLines(sys.stdout, level=INFO, **more)
    sys.stderr = JsonLines(sys.stderr, level=ERROR, **more)
