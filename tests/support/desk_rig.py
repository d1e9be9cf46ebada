"""The whole engine in one process, with hand-written fakes outside: clock, journal, link, venue."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from engine.core.decide import answered
from engine.core.state import State
from engine.core.turn import Desk
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.codec import (
    entry_from_json,
    entry_to_json,
    envelope_from_bytes,
    envelope_to_bytes,
)
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import Entry
from engine.domain.executions import EXECUTION
from engine.domain.market import MESSAGE
from engine.domain.people import Person, Role
from engine.domain.report_kinds import REPLACE
from engine.domain.units import Nanos
from engine.drill.short import ShortDays
from engine.exchange.days import SimulatedDays
from engine.exchange.order_desk import OrderDesk
from engine.exchange.order_troubles import make_trouble
from engine.exchange.presets import PRESETS
from engine.exchange.simulated import SimulatedMarket
from engine.runtime.clock import HandClock
from engine.runtime.loop import Loop, Parts
from engine.runtime.ports import VenueSilent
from engine.runtime.reconcile import VenueBooks

DAY = "2026-11-30"
EMPTY = np.zeros(0, dtype=MESSAGE)
PEOPLE = (
    Person(id="u1", roles=(Role.TRADER,), desk="main", max_notional=30e6),
    Person(id="u2", roles=(Role.TRADER,), desk="main", max_notional=1e6),
    Person(id="u3", roles=(Role.SUPERVISOR,), desk="main"),
    Person(id="u4", roles=(Role.SUPERVISOR,), desk="main"),
    Person(id="u5", roles=(Role.RISK,), desk="main"),
    Person(id="u8", roles=(Role.REVIEWER,), desk="main"),
    Person(id="u9", roles=(Role.SUPERVISOR,), desk="other"),
)


class ListJournal:
    """Keeps entries as the bytes a real journal would store."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.records: dict[int, bytes] = {}

    def append(self, entries: Iterable[Entry], records: Iterable[tuple[int, bytes]]) -> None:
        self.bodies += [entry_to_json(entry) for entry in entries]
        self.records.update(records)

    def rotate(self, day: str) -> None:
        del day

    @property
    def head(self) -> tuple[int, str]:
        return len(self.bodies), "0" * 64

    @property
    def entries(self) -> list[Entry]:
        return [entry_from_json(body) for body in self.bodies]

    def events(self, kind: type) -> list[Any]:
        return [entry.event for entry in self.entries if isinstance(entry.event, kind)]


class QuietLink:
    """A link on which nobody asks; keeps what was published last."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.rows: dict[str, dict[str, Any]] = {}

    def receive(self) -> list[Any]:
        return []

    def wait(self, timeout_ms: int) -> bool:
        del timeout_ms
        return False

    def reply(self, route: bytes, reply: Any) -> None:
        raise AssertionError("nobody asked")

    def publish(self, topic: str, up: Any, **more: Any) -> None:
        del more
        self.rows.setdefault(topic, {}).update(up)


class OpenGate:
    """The shell's gate with a flag in memory."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.closed = ""
        self.lease_age: int | None = None
        self.released: list[int] = []

    def lease_age_ns(self) -> int | None:
        return self.lease_age

    def disk(self) -> str:
        return ""

    def closed_because(self, state: State) -> str:
        del state
        return self.closed

    def unread(self, state: State) -> tuple[Any, ...]:
        known = {kill.generation for kill in state.kills.values()} | {*self.released}
        return tuple(row for row in self.requests if row.generation not in known)

    def request(self, scope: str, target: str, by: str, *, door: str, now_ns: int) -> int:
        generation = len(self.requests) + 1
        self.requests.append(
            e.KillBlocked(
                kill_id=0, generation=generation, scope=scope, target=target, by=by, door=door,
                requested_at=Nanos(now_ns), parents=(), children=(),
            )
        )  # fmt: skip
        return generation

    def release(self, generation: int) -> None:
        self.released.append(generation)

    def settle(self, state: State) -> None:
        del state

    def beat(self, state: State) -> None:
        del state


class MarketVenue:
    """``ports.Venue`` straight over a market; remembers every report; can fall silent."""

    def __init__(self, make: Any) -> None:
        self._make = make
        self.market: Any = None
        self.reports: list[Any] = []
        self.sent: list[Any] = []
        self.happened: list[Any] = []
        self.owed: list[Any] = []  # reports that an incident has made
        self.before = 0
        self.asked = 0
        self.wholes: list[bool] = []  # what each question for the books asked for
        self.lose = lambda advance: advance  # a test may lose reports on their way
        self.tell = lambda books: books  # a test may make the venue say something else
        self.venues: Any = ()
        self.silent = False
        self.deaf = False  # takes messages, then falls silent before it answers

    def hello(self, session: Any, instruments: Any, seed: int, epoch: int) -> Nanos:
        del instruments, epoch
        self._speak()
        if self.market is None or self.market.open_ns != session.open_at:
            self.market = OrderDesk(self._make(session, seed), make_trouble)
            self.reports = []
            self.before = len(self.sent)  # of other days
            self.now = Nanos(0)
            self.venues = self.market.venues
        return self.now

    def _speak(self) -> None:
        if self.silent:
            raise VenueSilent("told to be silent")

    def advance(self, to_ns: Nanos, messages: Any, tags: Any) -> Any:
        del tags
        self._speak()
        if len(messages):
            self.market.submit(messages)
            self.sent += list(messages)
        advance = self.market.advance(to_ns)
        self.now = advance.at_ns
        told, self.owed = [*self.owed, *advance.reports], []
        self.reports += told
        if told:
            advance = replace(advance, reports=np.array(told, dtype=EXECUTION))
        advance = self.lose(advance)
        if self.deaf:
            self.silent = True
            self._speak()
        return advance

    def ping(self) -> Nanos:
        self._speak()
        return self.now

    def incident(self, incident: Any) -> Nanos:
        self._speak()
        self.owed += list(self.market.incident(incident))
        self.happened.append((int(self.now), incident))
        return self.now

    def queues(self) -> dict[int, int]:
        self._speak()
        return {}

    def books(self, since: int = 0, *, whole: bool = True) -> Any:
        self._speak()
        self.wholes.append(whole)
        self.asked += 1
        orders = {c: h for c, h in self.market.orders.items() if h.side}
        asked: dict[int, list[int]] = {}
        for row in self.sent[self.before :]:
            if row["kind"] == REPLACE:
                asked.setdefault(int(row["child"]), []).append(int(row["request"]))
        names = [str(row.symbol) for row in self.market.instruments]
        positions = dict.fromkeys(names, 0)
        for held in orders.values():
            positions[names[held.symbol]] += held.side * held.cum
        books = VenueBooks(
            known=frozenset(orders),
            open_leaves={child: held.leaves for child, held in orders.items() if held.leaves},
            filled={child: held.cum for child, held in orders.items() if held.cum},
            symbols={child: names[held.symbol] for child, held in orders.items()},
            positions=positions,
            requests={child: tuple(numbers) for child, numbers in asked.items()},
        )
        return np.array(self.reports[since:], dtype=EXECUTION), self.tell(books)


class NoModels:
    def load(self, model_id: str) -> Any:
        raise Refused(f"no model {model_id}")


class Rig:
    """A desk with its first day open, moved by hand."""

    def __init__(
        self,
        *,
        seed: int = 7,
        symbols: int = 1,
        state: State | None = None,
        models: Any = None,
        day_s: float | None = None,
    ) -> None:
        self.clock = HandClock(1_000_000_000)
        self.journal = ListJournal()
        self.gate = OpenGate()
        self.link = QuietLink()
        presets = PRESETS[:symbols]
        self.venue = MarketVenue(
            lambda session, seed: SimulatedMarket(session=session, seed=seed, presets=presets)
        )
        self.days: Any = SimulatedDays(
            seed=seed, first=DAY, instruments=tuple(preset.instrument for preset in presets)
        )
        if day_s is not None:
            self.days = ShortDays(days=self.days, length_s=day_s)
        self.symbol = presets[0].instrument.symbol
        parts = Parts(
            clock=self.clock,
            journal=self.journal,
            link=self.link,
            gate=self.gate,
            venue=self.venue,
            days=self.days,
            models=models or NoModels(),
            tapes=lambda day: None,
        )
        self.loop = Loop(parts=parts, desk=Desk(state or State()))
        self.number = 0
        self.mids: dict[int, float | None] = {}  # by second since the open, of the first symbol
        if state is None:
            self.loop.open_day()
            self.do(c.SetPeople(people=PEOPLE), "system")

    @property
    def state(self) -> State:
        return self.loop.desk.state

    def ask(  # noqa: PLR0913
        self,
        command: c.AnyCommand,
        person: str = "u1",
        *,
        reason: str = "because",
        version: int | None = None,
        name: str = "",
        expires_in: int = 5_000_000_000,
        epoch: int = 0,
    ) -> str:
        """Give a command; "" or the refusal."""
        self.number += 1
        envelope = Envelope(
            id=name or f"cmd-{self.number:08d}",
            person=person,
            epoch=epoch,
            expires_at=Nanos(self.clock.wall_ns() + expires_in),
            command=command,
            expected_version=version,
            reason=reason,
        )
        try:
            envelope = envelope_from_bytes(envelope_to_bytes(envelope))
        except Refused as refusal:
            return str(refusal)
        self.loop._step(self.gate.unread(self.state), (envelope,), None)
        return answered(self.state, envelope) or ""

    def do(self, command: c.AnyCommand, person: str = "u1", **more: Any) -> None:
        """Give a command that must be done."""
        refusal = self.ask(command, person, **more)
        assert refusal == "", refusal

    def run(self, seconds: int) -> None:
        """Let the market move second by second."""
        loop = self.loop
        if not loop.venue_ready:
            loop._find_venue()
        session = self.state.session
        for _ in range(seconds):
            self.clock.now = Nanos(self.clock.now + 1_000_000)
            grid = (self.state.market_ns - session.open_at) // 1_000_000_000 + 1
            to = Nanos(session.open_at + grid * 1_000_000_000)
            advanced = loop._ask_venue(self.clock.mono_ns(), to)
            loop._step(self.gate.unread(self.state), (), advanced)
            self.mids[grid] = loop.desk.quotes.mid(self.symbol)
            if not loop.venue_ready:
                return

    def round(self, seconds: float = 0.0) -> None:
        """Let desk time pass with a standing market, then one look of the rounds."""
        self.clock.now = Nanos(self.clock.now + int(seconds * 1e9))
        kills = self.gate.unread(self.state)
        if kills:
            self.loop._step(kills, (), None)
        self.loop.rounds.turn(self.clock.mono_ns())

    def run_until_live(self, number: int) -> tuple[Any, ...]:
        """Until the parent has a live child; the children."""
        for _ in range(600):
            if self.state.live_children(number):
                return self.state.live_children(number)
            self.run(1)
        raise AssertionError(f"P-{number} sent nothing in ten minutes")

    def buy(self, quantity: int = 20_000, **more: Any) -> int:
        """A working parent; its number."""
        fields: dict[str, Any] = {
            "symbol": self.symbol,
            "side": 1,
            "quantity": quantity,
            "strategy": "TWAP",
            "horizon_ns": 3600_000_000_000,
        }
        fields.update(more)
        person = fields.pop("person", "u1")
        self.do(c.SubmitParent(**fields), person)
        return self.state.next_parent - 1
