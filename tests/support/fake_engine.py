"""An engine of the wire only: answers the link, publishes rows as told. No trading in it."""

import threading
from typing import Any

from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.runtime.clock import SystemClock
from engine.runtime.link import EngineLink, Reply


class FakeEngine:
    """Owns the engine's sockets in a thread; rows given to ``publish`` are kept for snapshots."""

    def __init__(self, commands: str, live: str, key: bytes) -> None:
        self._where = (commands, live, key)
        self._clock = SystemClock()
        self._out: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._silent = threading.Event()
        self._ready = threading.Event()
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.commands: list[Envelope] = []
        self.answers: dict[str, Any] = {}  # by the name of the question
        self.refuse = ""
        self.mute = False  # take commands, answer nothing
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "FakeEngine":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def publish(self, topic: str, up: dict[str, dict[str, Any]]) -> None:
        """Send cells of rows; they are remembered."""
        with self._lock:
            self._out.append((topic, up))

    def freeze(self, *, frozen: bool = True) -> None:
        """Stop publishing and answering, as a stuck engine would."""
        (self._silent.set if frozen else self._silent.clear)()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        link = EngineLink(*self._where)
        self._ready.set()
        beat = 0
        while not self._stop.is_set():
            link.wait(20)
            if self._silent.is_set():
                self._stop.wait(0.02)
                continue
            self._send(link)
            beat += 1
            if beat % 20 == 0:
                self._publish(link, "desk", {"desk": {"turn_ms": 0.4}})
            for route, request in link.receive():
                self._answer(link, route, request)
        link.close()

    def _send(self, link: EngineLink) -> None:
        with self._lock:
            out, self._out = self._out, []
        for topic, up in out:
            self._publish(link, topic, up)

    def _publish(self, link: EngineLink, topic: str, up: dict[str, dict[str, Any]]) -> None:
        for key, cells in up.items():
            self.rows.setdefault(topic, {}).setdefault(key, {}).update(cells)
        link.publish(topic, up, epoch=1, at=self._clock.wall_ns())

    def _answer(self, link: EngineLink, route: bytes, request: Any) -> None:
        if request.op == "snapshot":
            for topic, rows in self.rows.items():
                link.publish(topic, rows, epoch=1, at=self._clock.wall_ns(), full=True)
        if request.op == "command":
            try:
                envelope = link.envelope(request)
            except Refused as refused:
                link.reply(route, Reply(re=request.re, refusal=str(refused)))
                return
            self.commands.append(envelope)
            if self.mute and envelope.door == "web" and envelope.person != "system":
                return
            if self.refuse and envelope.person != "system":
                link.reply(route, Reply(re=request.re, refusal=self.refuse))
                return
        body = self.answers.get(request.name) if request.op == "ask" else None
        link.reply(route, Reply(re=request.re, seq=len(self.commands), epoch=1, body=body))
