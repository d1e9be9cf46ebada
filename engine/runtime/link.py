"""The wire between the engine and everybody who asks it: both ends' framing in one file.

Requests are MessagePack maps over DEALER/ROUTER, signed with the desk's own key:

    {"re": n, "op": "command", "body": <Envelope>, "mac": HMAC-SHA256(key, body)}
    {"re": n, "op": "snapshot" | "status" | "ask", ...}

Every answer repeats ``re``. A command is answered after its turn is durable. The engine's socket
queue is small and bounded: what does not fit is refused at the sender, nothing waits for later
(commands also carry ``expires_at`` and the engine's epoch). Live rows go out by PUB, which may drop
when a reader is slow: frames carry ``seq``, and a gap makes the reader ask for a snapshot.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import zmq

from engine.domain.codec import envelope_from_bytes
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.runtime.code import differs, wire_hash

KEY_BYTES: Final = 32
QUEUE: Final = 1_000  # requests that may wait in the engine's socket
BACKLOG: Final = 1_000  # live frames a slow reader may lag behind; more would be memory of ours


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What comes in."""

    re: int
    op: str
    body: bytes = b""
    mac: bytes = b""
    name: str = ""  # of a question
    args: dict[str, Any] = {}
    wire: str = ""  # hash of the sender's half of the wire


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What goes back. ``refusal`` is the sentence of a Refused, "" when it was done."""

    re: int
    refusal: str = ""
    seq: int = 0
    epoch: int = 0
    body: Any = None


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one topic that changed; ``full`` = these are all of them."""

    topic: str
    seq: int
    epoch: int
    at: int
    up: dict[str, Any] = {}
    rm: list[str] = []
    full: int = 0


_PACK: Final = msgspec.msgpack.Encoder()
_REQUEST: Final = msgspec.msgpack.Decoder(Request)


def pack(message: Request | Reply | Frame) -> bytes:
    """MessagePack bytes of a message."""
    return _PACK.encode(message)


def load_key(path: Path) -> bytes:
    """The desk's own key for signing commands; made at the first start, readable by its owner."""
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(part, path)
        part.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise Refused(f"the key file {path} is damaged: delete it and start again")
    return key


def sign(key: bytes, body: bytes) -> bytes:
    """HMAC-SHA256 of an envelope."""
    return hmac.new(key, body, hashlib.sha256).digest()


class EngineLink:
    """The engine's end: commands and questions in, answers and live rows out."""

    def __init__(self, commands: str, live: str, key: bytes) -> None:
        self._key = key
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.setsockopt(zmq.RCVHWM, QUEUE)
        self._router.setsockopt(zmq.SNDHWM, QUEUE)
        self._router.bind(commands)
        self._live = self._context.socket(zmq.PUB)
        self._live.setsockopt(zmq.LINGER, 0)
        self._live.setsockopt(zmq.SNDHWM, BACKLOG)
        self._live.bind(live)
        self._seq: dict[str, int] = {}

    def wait(self, timeout_ms: int) -> bool:
        """Sleep until something comes in, at most this long."""
        return bool(self._router.poll(timeout_ms))

    def receive(self) -> list[tuple[bytes, Request]]:
        """Every request that is there now; unreadable ones are answered with a refusal."""
        found: list[tuple[bytes, Request]] = []
        while self._router.poll(0):
            parts = self._router.recv_multipart()
            try:
                request = _REQUEST.decode(parts[-1])
            except (msgspec.DecodeError, msgspec.ValidationError):
                self.reply(parts[0], Reply(re=0, refusal="the request is not understood"))
                continue
            other = differs("the sender", request.wire, wire_hash())
            if other and request.op != "ask":  # to look is harmless, to act or to show is not
                self.reply(parts[0], Reply(re=request.re, refusal=other))
                continue
            found.append((parts[0], request))
        return found

    def envelope(self, request: Request) -> Envelope:
        """The command inside a request; Refused when unsigned, badly signed or malformed."""
        if not hmac.compare_digest(sign(self._key, request.body), request.mac):
            raise Refused("the command is not signed by this desk", rule="signature")
        return envelope_from_bytes(request.body)

    def reply(self, route: bytes, reply: Reply) -> None:
        """Answer; a sender that is gone gets nothing and stops nobody."""
        try:
            self._router.send_multipart([route, pack(reply)], flags=zmq.DONTWAIT)
        except zmq.ZMQError as error:
            if error.errno not in (zmq.EAGAIN, zmq.EHOSTUNREACH):
                raise

    def publish(
        self,
        topic: str,
        up: Mapping[str, object],
        *,
        epoch: int,
        at: int,
        rm: list[str] | None = None,
        full: bool = False,
    ) -> None:
        """Send rows to everybody who listens."""
        seq = self._seq.get(topic, 0) + 1
        self._seq[topic] = seq
        frame = Frame(
            topic=topic, seq=seq, epoch=epoch, at=at, up=dict(up), rm=rm or [], full=int(full)
        )
        self._live.send_multipart([topic.encode(), pack(frame)], flags=zmq.DONTWAIT)

    def close(self) -> None:
        self._router.close()
        self._live.close()
        self._context.term()
