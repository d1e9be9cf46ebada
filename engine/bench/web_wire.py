"""The engine's end of the wire for ``bench web``: rows at a fixed pace, answers at once.

No trading happens here, so that what is measured is the way from a published row to the screen:
link, hub, stream, browser. What the engine itself needs is measured by ``bench live``.
"""

import itertools
import threading
from dataclasses import dataclass, field
from typing import Any, Final

from engine.domain import commands as c
from engine.domain.errors import Refused
from engine.domain.units import ChildId, ParentId, child_text, parent_text
from engine.runtime.clock import SystemClock
from engine.runtime.kill_flag import KillFlag
from engine.runtime.link import EngineLink, Reply, Request
from engine.settings import Paths, endpoint

CLOCK: Final = SystemClock()
SYMBOLS: Final = ("MIDC", "NRTH", "ALTR", "HBRK", "QLTX", "VNTR", "OSPR", "LUMN")
STRATEGIES: Final = ("TWAP", "VWAP", "POV", "ADAPTIVE")
BEAT_NS: Final = 500_000_000
WAIT_MS: Final = 4
QUANTITY: Final = 10_000_000  # far above the number of any event

Cells = dict[str, Any]


def parent_row(number: int, now: int) -> Cells:
    """A parent at work, with every cell of the blotter."""
    return {
        "id": parent_text(ParentId(number)), "symbol": SYMBOLS[number % len(SYMBOLS)],
        "side": 1 if number % 2 else -1, "strategy": STRATEGIES[number % len(STRATEGIES)],
        "state": "WORKING", "trader": "u1", "desk": "main", "quantity": QUANTITY, "filled": 0,
        "leaves": QUANTITY, "live": 500, "children": 5, "done": 0.0, "average": 50.0,
        "arrival": 50.0, "limit": None, "slippage_bps": 0.5, "vwap_bps": -0.2,
        "participation": 0.05, "cap": 0.2, "passive": 0.5, "target": 0.0, "behind": 0.0,
        "score": None, "model": "-", "why": "on schedule: rest at the touch", "binding": "",
        "decided_at": now, "accepted_at": now, "end_at": now + 3_600_000_000_000, "ended_at": 0,
        "hold": "", "kill": "", "alert": "", "version": 1, "parameter_version": 1,
        "on_restart": "hold", "on_disconnect": "hold", "catch_up": "spread", "client": "",
        "note": "", "fees": 0.0, "excluded": [], "reenters": "", "reentered": [], "room": 0,
    }  # fmt: skip


def child_row(number: int, parent: int, now: int) -> Cells:
    """A live child of a parent."""
    return {
        "id": child_text(ChildId(number)), "parent": parent_text(ParentId(parent)),
        "symbol": SYMBOLS[parent % len(SYMBOLS)], "side": 1 if parent % 2 else -1, "type": "LMT",
        "price": 50.0, "quantity": 100, "filled": 0, "average": None, "state": "LIVE",
        "sent_at": now, "ended_at": 0, "cancel_asked_at": 0, "cancel_by": "", "why": "",
        "binding": "", "parameter_version": 1, "model": "-", "decision": 1, "venue": "SIM-A",
        "unconfirmed": "",
    }  # fmt: skip


@dataclass(slots=True)
class Wire:
    """Publishes rows of many parents and answers commands and kills, in a thread of its own."""

    where: Paths
    key: bytes
    parents: int
    children: int  # in all
    events_per_s: float
    visible: int = 20  # every fourth event is on one of the newest parents, which are on screen
    sent: dict[int, tuple[str, int]] = field(default_factory=dict)  # event -> parent, wall [ns]
    rows: dict[str, dict[str, Cells]] = field(default_factory=dict)
    paused: threading.Event = field(default_factory=threading.Event)
    kills: int = 0
    failed: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _ready: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> "Wire":
        self._fill()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise Refused("the wire of the bench did not open")
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def _fill(self) -> None:
        now = CLOCK.wall_ns()
        self.rows["parents"] = {
            parent_text(ParentId(n)): parent_row(n, now) for n in range(1, self.parents + 1)
        }
        self.rows["children"] = {
            child_text(ChildId(n)): child_row(n, 1 + n % self.parents, now)
            for n in range(1, self.children + 1)
        }
        self.rows["quotes"] = {
            name: {"symbol": name, "at": now, "bid": 49.99, "ask": 50.01, "mid": 50.0,
                   "spread_bps": 4.0, "tick_size": 0.01, "bids": [], "asks": [], "venues": []}
            for name in SYMBOLS
        }  # fmt: skip
        self.rows["desk"] = {
            "desk": {"mode": "SIM", "source": "rows of bench web", "day": "2026-11-30",
                     "session": "CONTINUOUS", "market_at": now, "speed": 1.0, "achieved": 1.0,
                     "epoch": 1, "seq": 1, "head": "0" * 64, "turn_ms": 0.0, "gate": "open",
                     "difference": ""}
        }  # fmt: skip

    # --- the thread ------------------------------------------------------------------------------
    def _run(self) -> None:
        link = EngineLink(endpoint(self.where.engine), endpoint(self.where.live), self.key)
        flag = KillFlag.open(self.where.kill_flag)
        self._ready.set()
        numbers = itertools.count(1)
        every = int(1e9 / self.events_per_s)
        due, beat = int(CLOCK.mono_ns()), int(CLOCK.mono_ns())
        generation = flag.generation
        try:
            while not self._stop.is_set():
                link.wait(WAIT_MS)
                for route, request in link.receive():
                    self._answer(link, route, request)
                now = CLOCK.mono_ns()
                if flag.generation != generation:
                    generation = flag.generation
                    if flag.is_all or any(slot.active for slot in flag.slots()):  # no release
                        self._killed(link)
                if now >= beat:
                    beat = now + BEAT_NS
                    self._beat(link)
                if now >= due:
                    due = max(due + every, now - every)
                    if not self.paused.is_set():
                        self._event(link, next(numbers))
        finally:
            flag.close()
            link.close()

    def _publish(self, link: EngineLink, topic: str, up: dict[str, Cells]) -> None:
        for key, cells in up.items():
            self.rows.setdefault(topic, {}).setdefault(key, {}).update(cells)
        link.publish(topic, up, epoch=1, at=CLOCK.wall_ns())

    def _beat(self, link: EngineLink) -> None:
        """Clock and quotes go on: a silent feed would lock what raises risk."""
        now = CLOCK.wall_ns()
        self._publish(link, "desk", {"desk": {"market_at": now}})
        self._publish(link, "quotes", {name: {"at": now} for name in SYMBOLS})

    def _event(self, link: EngineLink, number: int) -> None:
        """One fill: the number of the event is the filled quantity, so that the screen tells it."""
        if number % 4 == 0:
            parent = self.parents - (number // 4) % min(self.visible, self.parents)
        else:
            parent = 1 + number * 7_919 % self.parents
        name = parent_text(ParentId(parent))
        self.sent[number] = (name, CLOCK.wall_ns())
        self._publish(link, "parents", {name: {
            "filled": number, "leaves": QUANTITY - number, "done": number / QUANTITY,
            "slippage_bps": (number % 200) / 100, "decided_at": CLOCK.wall_ns(),
        }})  # fmt: skip

    def _answer(self, link: EngineLink, route: bytes, request: Request) -> None:
        body: Any = None
        if request.op == "snapshot":
            for topic, rows in self.rows.items():
                link.publish(topic, rows, epoch=1, at=CLOCK.wall_ns(), full=True)
        elif request.op == "command":
            self._command(link, link.envelope(request))
        elif request.name == "preview_kill":
            body = {"parents": self.parents, "children": self.children, "value": 1e6}
        link.reply(route, Reply(re=request.re, seq=1, epoch=1, body=body))

    def _command(self, link: EngineLink, envelope: c.Envelope) -> None:
        ack = {"person": envelope.person, "verb": type(envelope.command).__name__,
               "state": "DONE", "sentence": "", "seq": 1, "at": CLOCK.wall_ns()}  # fmt: skip
        match envelope.command:
            case c.HoldParent(parent_id=number):
                cells = {"state": "HELD", "hold": f"person ({envelope.person})"}
                self._publish(link, "parents", {parent_text(ParentId(number)): cells})
            case c.ResumeParent(parent_id=number):
                self._publish(
                    link,
                    "parents",
                    {parent_text(ParentId(number)): {"state": "WORKING", "hold": ""}},
                )
            case _:
                pass
        self._publish(link, "acks", {envelope.id: ack})

    def _killed(self, link: EngineLink) -> None:
        """Every child cancelled, every parent killed, the receipt confirmed."""
        self.kills += 1
        name, now = f"K-{self.kills}", CLOCK.wall_ns()
        self._publish(link, "children", {
            key: {"state": "CANCELLED", "ended_at": now} for key in self.rows["children"]
        })  # fmt: skip
        self._publish(link, "parents", {
            key: {"state": "KILLED", "kill": name, "children": 0, "live": 0, "ended_at": now}
            for key in self.rows["parents"]
        })  # fmt: skip
        self._publish(link, "kills", {name: {
            "id": name, "scope": "all", "target": "", "by": "u5", "door": "web",
            "state": "CONFIRMED", "requested_at": now, "blocked_ms": 0.0, "cancel_sent_ms": 0.0,
            "confirmed_ms": 0.0, "parents": self.parents, "children": self.children,
            "acked": self.children, "filled_in_flight": 0, "unconfirmed": 0, "oldest_s": None,
            "reason": "", "release_by": "", "released_by": "",
        }})  # fmt: skip

    def revive(self) -> None:
        """Everything at work again; the browser takes it by its next snapshot."""
        self._fill()
