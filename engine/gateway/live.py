"""/live: the hub between the engine's publications and the browsers.

It keeps the last value of every key, sends changed cells only, encodes a frame once per topic and
audience, and gives every browser a queue of eight frames. A full queue is thrown away and replaced
by one snapshot: a slow browser costs the server nothing and never sees a half-old screen.
Lossless topics are numbered together and replayed from the number the browser last saw.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import orjson

from engine.domain.people import Reach
from engine.gateway.ports import Clock
from engine.gateway.viewer import Viewer

QUEUE: Final = 8  # frames a browser may lag behind before it gets a snapshot instead
TICK_S: Final = 0.02  # changes are collected this long: shorter than the engine collects orders
BEAT_S: Final = 0.5
HISTORY: Final = 4_000  # numbered facts kept for replay
STREAMS_PER_LOGIN: Final = 4  # a browser has one, a tab without SharedWorker one of its own
LOSSLESS: Final = frozenset({"alerts", "acks", "kills"})
OWN_ONLY: Final = frozenset({"acks"})  # rows go to the person in the cell ``person`` only
OF_PARENTS: Final = frozenset({"children", "uses"})  # rows that belong to whom the parent does
KEPT: Final = {"acks": 1_000}  # rows kept of topics that only grow

Cells = dict[str, object]


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine publishes: rows of one topic that changed."""

    topic: str
    seq: int
    epoch: int
    at: int  # desk clock [ns]
    up: dict[str, Cells] = {}
    rm: list[str] = []
    full: int = 0  # 1 = these are all rows


_FRAME: Final = msgspec.msgpack.Decoder(Frame, strict=False)


def frame_from_bytes(data: bytes) -> Frame:
    """A frame of the wire; raises ``msgspec.DecodeError`` on anything else."""
    return _FRAME.decode(data)


@dataclass(frozen=True, slots=True)
class Audience:
    """The people who see the same rows."""

    person_id: str
    desk: str
    everything: bool

    def key(self, topic: str) -> str:
        """Browsers with equal keys get the same bytes of a topic."""
        if topic in OWN_ONLY:
            return f"person:{self.person_id}"
        return "all" if self.everything else f"desk:{self.desk}:{self.person_id}"

    def sees(self, topic: str, row: Mapping[str, object]) -> bool:
        """Whether a row may go to these people."""
        if topic in OWN_ONLY:
            return row.get("person") == self.person_id
        if self.everything:
            return True
        owner, desk = row.get("trader"), row.get("desk")
        return (owner is None and desk is None) or owner == self.person_id or desk == self.desk


def audience_of(someone: Viewer) -> Audience:
    """The rows a person may see; a trader sees the desk's and his own."""
    return Audience(
        person_id=someone.person_id,
        desk=someone.desk,
        everything=someone.reach("view.desk") == Reach.ALL,
    )


@dataclass(slots=True)
class Topic:
    """Last value of every key, and what changed since the last tick."""

    rows: dict[str, Cells] = field(default_factory=dict)
    epoch: int = -1
    wire_seq: int = -1  # the engine's number of the last frame taken
    seq: int = 0  # our number of the last frame sent
    at: int = 0
    changed: dict[str, Cells] = field(default_factory=dict)
    removed: dict[str, Cells] = field(default_factory=dict)

    def merge(self, frame: Frame) -> None:
        """Take a frame; remember only the cells that differ."""
        if frame.full:
            for key in [k for k in self.rows if k not in frame.up]:
                self._remove(key)
        for key in frame.rm:
            self._remove(key)
        for key, cells in frame.up.items():
            row = self.rows.setdefault(key, {})
            new = {n: cell for n, cell in cells.items() if n not in row or row[n] != cell}
            row.update(new)
            if new:
                self.changed.setdefault(key, {}).update(new)
                self.removed.pop(key, None)
        self.epoch, self.wire_seq, self.at = frame.epoch, frame.seq, frame.at

    def _remove(self, key: str) -> None:
        row = self.rows.pop(key, None)
        self.changed.pop(key, None)
        if row is not None:
            self.removed[key] = row


@dataclass(eq=False, slots=True)
class Client:
    """One open stream: a browser, with all tabs of its login."""

    session: str
    person_id: str
    audience: Audience
    topics: frozenset[str]
    queue: deque[bytes] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    until: int = 2**63 - 1  # end of the login [ns]
    seen: int = 0  # number of the last fact handed over
    lagging: bool = False
    closed: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(8))  # by which it is asked for more

    async def woken(self) -> bool:
        """Wait for something to send; False when the stream was closed."""
        if not self.closed:
            await self.wake.wait()
        self.wake.clear()
        return not self.closed

    def push(self, chunk: bytes) -> None:
        """Queue a chunk, or give the queue up and ask for a snapshot."""
        if self.lagging:
            return
        if len(self.queue) >= QUEUE:
            self.queue.clear()
            self.lagging = True
        else:
            self.queue.append(chunk)
        self.wake.set()


@dataclass(frozen=True, slots=True)
class Fact:
    """One numbered change of a lossless topic."""

    number: int
    topic: str
    row: Cells
    chunk: bytes


class Hub:
    """All topics and all open pages."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.epoch = secrets.token_hex(4)
        self.topics: dict[str, Topic] = {}
        self.clients: set[Client] = set()
        self.facts: deque[Fact] = deque(maxlen=HISTORY)
        self.number = 0
        self.heard_at: int | None = None  # when the engine last published anything
        self.gap = asyncio.Event()  # frames are missing: a snapshot is wanted
        self.closed = False
        self._last: dict[tuple[str, str], int] = {}  # (topic, audience) -> seq last sent
        self._dirty = asyncio.Event()

    # --- in: from the engine ---------------------------------------------------------------
    def take(self, frame: Frame, *, own: bool = False) -> None:
        """Merge a frame; lossless topics go out at once, the others at the next tick.

        own : the web's own rows, which say nothing about the engine being alive.
        """
        topic = self.topics.setdefault(frame.topic, Topic())
        if not own:
            self.heard_at = self.clock.mono_ns()
        if frame.epoch == topic.epoch and frame.seq <= topic.wire_seq and not frame.full:
            return
        follows = frame.epoch == topic.epoch and frame.seq == topic.wire_seq + 1
        if not follows and not frame.full:
            self.gap.set()
        topic.merge(frame)
        if frame.topic in KEPT:
            for key in list(topic.rows)[: -KEPT[frame.topic]]:
                del topic.rows[key]
        if frame.topic in LOSSLESS:
            self._flush(frame.topic, topic)
        else:
            self._dirty.set()

    async def pump(self) -> None:
        """Send collected changes every tick and a heartbeat every half second, until closed."""
        loop = asyncio.get_running_loop()
        beat_at = loop.time()
        while not self.closed:
            try:
                await asyncio.wait_for(self._dirty.wait(), max(0.0, beat_at - loop.time()))
            except TimeoutError:
                self._beat()
                beat_at = loop.time() + BEAT_S
                continue
            self._dirty.clear()
            self.flush()
            await asyncio.sleep(TICK_S)

    def flush(self) -> None:
        """Send what changed since the last tick."""
        for name, topic in self.topics.items():
            self._flush(name, topic)

    def _flush(self, name: str, topic: Topic) -> None:
        if not topic.changed and not topic.removed:
            return
        topic.seq += 1
        listeners: dict[str, list[Client]] = {}
        for client in self.clients:
            if name in client.topics:
                listeners.setdefault(client.audience.key(name), []).append(client)
        if name in LOSSLESS:
            self._record(name, topic)
        for key, clients in listeners.items():
            chunk = self._delta(name, topic, key, clients[0].audience)
            if chunk is not None:
                for client in clients:
                    client.push(chunk)
        topic.changed, topic.removed = {}, {}

    def _record(self, name: str, topic: Topic) -> None:
        """Number the changes of a lossless topic, one fact a key, for replay."""
        for key in topic.changed:
            self.number += 1
            body = {"topic": name, "up": {key: topic.rows[key]}, "replay": 1, "pub": self._pub()}
            chunk = _event("frame", body, f"{self.epoch}:{self.number}")
            self.facts.append(Fact(self.number, name, dict(topic.rows[key]), chunk))

    def _delta(self, name: str, topic: Topic, key: str, audience: Audience) -> bytes | None:
        up = {k: c for k, c in topic.changed.items() if self.sees(audience, name, topic.rows[k])}
        rm = [k for k, row in topic.removed.items() if self.sees(audience, name, row)]
        if not up and not rm:
            return None
        prev = self._last.get((name, key), topic.seq - 1)
        self._last[name, key] = topic.seq
        body = {"topic": name, "epoch": self.epoch, "seq": topic.seq, "prev": prev,
                "at": topic.at / 1e6, "pub": self._pub(), "up": up, "rm": rm}  # fmt: skip
        number = f"{self.epoch}:{self.number}" if name in LOSSLESS else ""
        return _event("frame", body, number)

    def _pub(self) -> float:
        return self.clock.wall_ns() / 1e6

    def _beat(self) -> None:
        silent = None if self.heard_at is None else self.clock.mono_ns() - self.heard_at
        chunk = _event("beat", {
            "pub": self._pub(),
            "engine_ms": None if silent is None else max(0.0, silent / 1e6),
        })  # fmt: skip
        now = self.clock.wall_ns()
        self.close_sessions({client.session for client in self.clients if now >= client.until})
        for client in self.clients:
            client.push(chunk)

    # --- out: to the browsers --------------------------------------------------------------
    def join(
        self, someone: Viewer, topics: Iterable[str], since: str = "", until: int = 2**63 - 1
    ) -> Client | None:
        """Open a stream; None when this login has too many already.

        until : when the login ends, and the stream with it. [ns]
        """
        open_now = sum(1 for client in self.clients if client.session == someone.session)
        if self.closed or open_now >= STREAMS_PER_LOGIN:
            return None
        epoch, _, number = since.partition(":")
        known = int(number) if epoch == self.epoch and number.isdigit() else self.number
        client = Client(
            session=someone.session,
            person_id=someone.person_id,
            audience=audience_of(someone),
            topics=frozenset(topics),
            until=until,
            seen=known,
            lagging=True,
        )
        client.wake.set()
        self.clients.add(client)
        return client

    def turn_to(
        self, session: str, stream: str, topics: Iterable[str], again: Iterable[str]
    ) -> bool:
        """Other topics on an open stream; False where this login has no such stream.

        again : those of which a tab lacks the rows; they and new topics come whole.
        """
        found = (c for c in self.clients if c.session == session and c.id == stream)
        client = next(found, None)
        if client is None or client.closed:
            return False
        self.flush()  # the rows that come whole are those the next change continues
        names = frozenset(topics)
        lacking = (names - client.topics) | (names & frozenset(again))
        client.topics = names
        if lacking:
            client.push(b"".join(self.snapshot(n, client.audience) for n in sorted(lacking)))
        return True

    def leave(self, client: Client) -> None:
        """A page was closed."""
        self.clients.discard(client)

    def snapshot(self, name: str, audience: Audience) -> bytes:
        """All rows of a topic that these people may see, as one frame."""
        topic = self.topics.get(name, Topic())
        seq = self._last.setdefault((name, audience.key(name)), topic.seq)
        up = {k: r for k, r in topic.rows.items() if self.sees(audience, name, r)}
        body = {"topic": name, "epoch": self.epoch, "seq": seq, "prev": seq, "at": topic.at / 1e6,
                "pub": self._pub(), "full": 1, "rm": [], "up": up}  # fmt: skip
        number = f"{self.epoch}:{self.number}" if name in LOSSLESS else ""
        return _event("frame", body, number)

    def rows(self, name: str, audience: Audience) -> dict[str, Cells]:
        """Last values of a topic for these people."""
        topic = self.topics.get(name, Topic())
        return {k: dict(r) for k, r in topic.rows.items() if self.sees(audience, name, r)}

    def last_rows(self, name: str) -> Mapping[str, Cells]:
        """Last values of a topic, for whoever decides about access."""
        return self.topics.get(name, Topic()).rows

    def sees(self, audience: Audience, name: str, row: Mapping[str, object]) -> bool:
        """Whether a row may go to these people; a child belongs to whom its parent belongs."""
        if name in OF_PARENTS and "parent" in row:
            parent = self.last_rows("parents").get(str(row["parent"]))
            return audience.everything or (parent is not None and audience.sees("parents", parent))
        return audience.sees(name, row)

    def _catch_up(self, client: Client) -> list[bytes]:
        """Missed facts in order, then one snapshot a topic."""
        chunks = [
            fact.chunk
            for fact in self.facts
            if fact.number > client.seen
            and fact.topic in client.topics
            and self.sees(client.audience, fact.topic, fact.row)
        ]
        chunks += [self.snapshot(name, client.audience) for name in sorted(client.topics)]
        return chunks

    async def stream(self, client: Client) -> AsyncIterator[bytes]:
        """The bytes of one stream, until somebody closes it."""
        try:
            yield b"retry: 500\n\n" + _event("stream", {"id": client.id})
            while await client.woken():
                if client.lagging:
                    self.flush()
                    client.queue.clear()
                    chunks = self._catch_up(client)
                    client.lagging = False
                else:
                    chunks = list(client.queue)
                    client.queue.clear()
                client.seen = self.number
                yield b"".join(chunks)
            yield _event("bye", {"why": "closed"})
        finally:
            self.leave(client)

    def close_sessions(self, sessions: Iterable[str]) -> None:
        """Log-out or role change: these streams end now."""
        ended = set(sessions)
        for client in self.clients:
            if client.session in ended:
                client.closed = True
                client.wake.set()

    def close(self) -> None:
        """The server stops: end every stream, so that the stop takes no longer than needed."""
        self.closed = True
        self._dirty.set()
        for client in self.clients:
            client.closed = True
            client.wake.set()


def _event(name: str, body: Mapping[str, object], number: str = "") -> bytes:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {name}\ndata: ".encode() + orjson.dumps(body, option=_OPTIONS) + b"\n\n"


_OPTIONS: Final = orjson.OPT_NON_STR_KEYS
