"""The head of a request has a deadline and a size: a connection that only drips is closed.

The server itself waits without end for the rest of a head, of any length, so a few thousand silent
connections would take every file descriptor of the desk.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES: Final = 64_000  # of a head at most, above one read of the socket
HEAD_S: Final = 10.0  # from the first byte, or from the connection, to the end of the head


class DeadlineProtocol(HttpToolsProtocol):
    """The server's own protocol with a deadline for the head of each request."""

    deadline: asyncio.TimerHandle | None = None
    head: int = 0  # bytes of a head that is not complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection must ask for something soon."""
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        """A head without end is given up."""
        super().data_received(data)
        self.head = 0 if self.deadline is None else self.head + len(data)
        if self.head > HEAD_BYTES:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._disarm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        self._arm()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is here in time."""
        self._disarm()
        super().on_headers_complete()

    def _arm(self) -> None:
        if self.deadline is None:
            self.deadline = self.loop.call_later(HEAD_S, self.transport.close)

    def _disarm(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
