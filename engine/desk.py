"""Front door to the engine for web, worker and command line: a typed call in, an answer out.

A command is sent once. No answer in time means its effect is unknown, and that is what the caller
is told; the same id may be sent again, it has one effect.
"""

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import zmq
import zmq.asyncio

from engine.domain.codec import envelope_to_bytes
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.runtime.code import wire_hash
from engine.runtime.link import Reply, Request, pack, sign

_REPLY: Final = msgspec.msgpack.Decoder(Reply)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the engine said to a command it took."""

    id: str
    seq: int = 0
    message: str = ""


def _options(socket: Any) -> None:
    socket.setsockopt(zmq.IMMEDIATE, 1)  # an absent engine is refused at once, nothing is queued
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, 100)
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 500)


class AsyncDesk:
    """The web's door: many questions under way at a time."""

    def __init__(self, endpoint: str, key: bytes) -> None:
        self._key = key
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        _options(self._socket)
        self._socket.connect(endpoint)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._reader: asyncio.Task[None] | None = None
        self.epoch = 0

    async def submit(self, envelope: Envelope, timeout_s: float) -> Answer:
        """Send a command and wait until it is durable.

        Raises Refused with the engine's sentence, ConnectionError when nothing was sent,
        TimeoutError when it was sent and the effect is unknown.
        """
        body = envelope_to_bytes(envelope)
        reply = await self._round(
            Request(re=0, op="command", body=body, mac=sign(self._key, body)), timeout_s
        )
        return Answer(id=envelope.id, seq=reply.seq)

    async def ask(self, name: str, args: dict[str, Any], timeout_s: float = 2.0) -> Any:
        """A question; the answer's body. Raises as ``submit`` does."""
        reply = await self._round(Request(re=0, op="ask", name=name, args=args), timeout_s)
        return reply.body

    async def ask_snapshot(self, timeout_s: float) -> bool:
        """Have the engine publish all rows of every topic once; False when it did not answer."""
        try:
            await self._round(Request(re=0, op="snapshot"), timeout_s)
        except (ConnectionError, TimeoutError):
            return False
        return True

    async def _round(self, request: Request, timeout_s: float) -> Reply:
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        number = next(self._numbers)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            data = pack(msgspec.structs.replace(request, re=number, wire=wire_hash()))
            try:
                await self._socket.send(data, flags=zmq.DONTWAIT)
            except zmq.Again:
                raise ConnectionError("the engine is not there: nothing was sent") from None
            reply = await asyncio.wait_for(future, timeout_s)
        finally:
            self._waiting.pop(number, None)
        if reply.refusal:
            raise Refused(reply.refusal)
        return reply

    async def _read(self) -> None:
        while True:
            reply = _REPLY.decode(await self._socket.recv())
            self.epoch = reply.epoch or self.epoch
            future = self._waiting.get(reply.re)
            if future is not None and not future.done():
                future.set_result(reply)

    def close(self) -> None:
        """Give the wire back."""
        if self._reader is not None:
            self._reader.cancel()
        self._socket.close(linger=0)
        self._context.term()


class SyncDesk:
    """The door of the worker and the command line: one question at a time."""

    def __init__(self, endpoint: str, key: bytes) -> None:
        self._key = key
        self._context = zmq.Context()
        self._endpoint = endpoint
        self._socket = self._open()
        self._numbers = itertools.count(1)
        self.epoch = 0

    def _open(self) -> Any:
        socket = self._context.socket(zmq.DEALER)
        _options(socket)
        socket.connect(self._endpoint)
        return socket

    def submit(self, envelope: Envelope, timeout_s: float = 2.0) -> Answer:
        """As ``AsyncDesk.submit``."""
        body = envelope_to_bytes(envelope)
        reply = self._round(
            Request(re=0, op="command", body=body, mac=sign(self._key, body)), timeout_s
        )
        return Answer(id=envelope.id, seq=reply.seq)

    def ask(self, name: str, args: dict[str, Any] | None = None, timeout_s: float = 2.0) -> Any:
        """As ``AsyncDesk.ask``."""
        return self._round(Request(re=0, op="ask", name=name, args=args or {}), timeout_s).body

    def _round(self, request: Request, timeout_s: float) -> Reply:
        number = next(self._numbers)
        wait_ms = int(timeout_s * 1000)
        if not self._socket.poll(wait_ms, zmq.POLLOUT):
            raise ConnectionError("the engine is not there: nothing was sent")
        self._socket.send(pack(msgspec.structs.replace(request, re=number, wire=wire_hash())))
        while self._socket.poll(wait_ms):
            reply = _REPLY.decode(self._socket.recv())
            if reply.re != number:
                continue  # of a question that was given up
            self.epoch = reply.epoch or self.epoch
            if reply.refusal:
                raise Refused(reply.refusal)
            return reply
        raise TimeoutError("the engine has not answered: the effect is unknown")

    def close(self) -> None:
        """Give the wire back."""
        self._socket.close(linger=0)
        self._context.term()
