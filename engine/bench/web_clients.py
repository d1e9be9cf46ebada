"""Browsers as protocol clients: logged in, on the stream of the blotter, counting bytes."""

import asyncio
import http.client
import json
import threading
from dataclasses import dataclass, field
from typing import Final

from engine.domain.errors import Refused

TOPICS: Final = "acks,alerts,desk,kills,parents,quotes,status"
CHUNK: Final = 1 << 16


def log_in(port: int, name: str, password: str) -> str:
    """The session cookie of a new log-in."""
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"content-type": "application/json", "origin": f"http://127.0.0.1:{port}",
               "sec-fetch-site": "same-origin"}  # fmt: skip
    wire.request("POST", "/login", json.dumps({"login": name, "password": password}), headers)
    answer = wire.getresponse()
    answer.read()
    cookies = answer.headers.get_all("set-cookie") or []
    wire.close()
    for text in cookies:
        if text.startswith("qd_session="):
            return text.split(";")[0]
    raise Refused(f"the log-in of {name} answers {answer.status}")


@dataclass(slots=True)
class Crowd:
    """Open streams read in one thread; bytes are counted from ``measure`` on."""

    port: int
    cookies: list[str]
    read: list[int] = field(default_factory=list)
    open: int = 0
    lost: int = 0  # streams the server ended
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def __enter__(self) -> "Crowd":
        self.read = [0] * len(self.cookies)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])
        if self._thread is not None:
            self._thread.join(10)

    def complete(self) -> bool:
        """Whether every stream is open."""
        return self.open == len(self.cookies)

    def measure(self) -> None:
        """Begin to count: snapshots are behind."""
        self.read = [0] * len(self.cookies)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._follow(n)) for n in range(len(self.cookies))]
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(
            f"GET /live?topics={TOPICS} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Cookie: {self.cookies[number]}\r\nSec-Fetch-Site: same-origin\r\n"
            "Accept: text/event-stream\r\n\r\n".encode()
        )
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.split(b"\r\n")[0]:
                raise Refused(f"the stream answers {head.splitlines()[0].decode()}")
            self.open += 1
            while chunk := await reader.read(CHUNK):
                self.read[number] += len(chunk)
            self.lost += 1
        finally:
            writer.close()
