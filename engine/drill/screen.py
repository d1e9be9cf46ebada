"""One browser's picture of the desk, kept from the live stream as the page keeps it.

No browser: a socket and the rules of ``assets/live.js``. It can stop reading, as a page does whose
tab hangs, while the connection stays open.
"""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

RECEIVE: Final = 4_096  # [byte]: little is left in the kernel of one who does not read
BLINK_S: Final = 0.2
SILENCE_S: Final = 600.0  # longer than any web process is stopped on purpose
Rows = dict[str, dict[str, dict[str, Any]]]  # topic -> key -> cells


def frames(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """Bodies of the frames in the lines of an event stream; beats are passed over."""
    name, data = b"", b""
    for line in (raw.rstrip(b"\r\n") for raw in lines):
        if line.startswith(b"event: "):
            name = line[7:]
        elif line.startswith(b"data: "):
            data = line[6:]
        elif not line:
            if name == b"frame":
                yield json.loads(data)
            name, data = b"", b""


@dataclass(slots=True, kw_only=True)
class Picture:
    """Rows of the topics, and what went wrong in putting them together."""

    rows: Rows = field(default_factory=dict)
    numbers: dict[str, tuple[str, int]] = field(default_factory=dict)  # epoch and seq of a topic
    snapshots: int = 0  # whole topics taken
    gaps: int = 0  # changes that do not follow what is shown

    def take(self, frame: dict[str, Any]) -> None:
        """One frame: all rows of a topic, a numbered change, or a fact told again."""
        topic = frame["topic"]
        if frame.get("full"):
            self.snapshots += 1
            self.rows[topic] = {}
        elif not frame.get("replay"):
            self.gaps += self.numbers.get(topic) != (frame["epoch"], frame["prev"])
        rows = self.rows.setdefault(topic, {})
        for key in frame.get("rm", ()):
            rows.pop(key, None)
        for key, cells in frame["up"].items():
            rows.setdefault(key, {}).update(cells)
        if not frame.get("replay"):
            self.numbers[topic] = (frame["epoch"], frame["seq"])


@dataclass(slots=True, kw_only=True)
class Screen:
    """A stream that is read in a thread of its own. Use as a context manager."""

    port: int
    cookie: str
    topics: tuple[str, ...]
    picture: Picture = field(default_factory=Picture)
    failed: str = ""  # why the stream ended
    reading: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Screen":
        self.reading.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self.reading.set()
        if self._thread is not None:
            self._thread.join(10)

    def is_filled(self) -> bool:
        """Whether every topic has come."""
        return set(self.topics) <= set(self.picture.rows)

    def _run(self) -> None:
        wire = http.client.HTTPConnection("127.0.0.1", self.port)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE)
        sock.settimeout(SILENCE_S)
        sock.connect(("127.0.0.1", self.port))
        wire.sock = sock
        headers = {"Cookie": self.cookie, "Sec-Fetch-Site": "same-origin"}
        try:
            wire.request("GET", f"/live?topics={','.join(self.topics)}", headers=headers)
            answer = wire.getresponse()
            if answer.status != 200:
                self.failed = f"the stream answers {answer.status}"
                return
            for frame in frames(self._lines(answer)):
                self.picture.take(frame)
            self.failed = "" if self._ended.is_set() else "the stream was ended"
        except (OSError, http.client.HTTPException) as error:
            self.failed = f"{type(error).__name__}: {error}"
        finally:
            wire.close()

    def _lines(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        while not self._ended.is_set():
            if not self.reading.wait(BLINK_S):
                continue
            line = answer.readline()
            if not line:
                return
            yield line
