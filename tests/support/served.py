"""The whole application behind its real server on a port of its own, and raw bytes to it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.gateway.server import StreamServer, Web, server_config
from tests.support.whole_web import whole_parts

LONGEST_S = 20


@contextlib.contextmanager
def served(state: Path, **parts: Any) -> Iterator[tuple[Web, int]]:
    """The application and its port, until the block ends; ``parts`` of it may be a test's own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    origin = f"http://127.0.0.1:{port}"
    web = Web(replace(whole_parts(state), origins=frozenset({origin}), **parts))
    ready = threading.Event()

    class Announced(StreamServer):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    server = Announced(server_config(web, "127.0.0.1", port), web.hub)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    assert ready.wait(LONGEST_S)
    try:
        yield web, port
    finally:
        server.should_exit = True
        thread.join(LONGEST_S)
        assert not thread.is_alive()


def exchange(port: int, *pieces: bytes) -> bytes:
    """Send pieces and read until the server closes or says nothing more for a second."""
    with socket.create_connection(("127.0.0.1", port), timeout=LONGEST_S) as wire:
        for piece in pieces:
            wire.sendall(piece)
        wire.settimeout(1.0)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while part := wire.recv(65_536):
                found += part
        return found


def until_closed(port: int, *pieces: bytes) -> bytes:
    """Send pieces, say nothing more, and read until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=LONGEST_S) as wire:
        found = b""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for piece in pieces:
                wire.sendall(piece)
            while part := wire.recv(65_536):
                found += part
        return found
