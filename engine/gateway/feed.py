"""The engine's publications as an asynchronous stream of bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import msgspec
import zmq
import zmq.asyncio

from engine.gateway.live import Hub, frame_from_bytes
from engine.gateway.ports import Frames

BACKLOG: Final = 1_000  # frames ZeroMQ may keep for us; beyond it frames are lost and a gap shows
GAP_PAUSE_S: Final = 0.5  # at most two snapshots a second are asked for


class Publications:
    """A SUB socket on the engine's live endpoint; connects whenever the engine is there."""

    def __init__(self, endpoint: str) -> None:
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, BACKLOG)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 100)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.connect(endpoint)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Payloads as they come; the topic part, if any, is only for filters."""
        while True:
            parts = await self._socket.recv_multipart()
            yield parts[-1]

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close(linger=0)
        self._context.term()


async def follow(hub: Hub, frames: Frames) -> None:
    """Hand every publication to the hub; what is not a frame counts as a gap."""
    async for data in frames:
        try:
            hub.take(frame_from_bytes(data))
        except msgspec.DecodeError:
            hub.gap.set()


async def fill_gaps(hub: Hub, ask_snapshot: Callable[[], Awaitable[bool]]) -> None:
    """Ask the engine to publish everything again whenever frames are missing."""
    hub.gap.set()  # at the start everything is missing
    while True:
        await hub.gap.wait()
        hub.gap.clear()
        if not await ask_snapshot():
            hub.gap.set()
        await asyncio.sleep(GAP_PAUSE_S)
