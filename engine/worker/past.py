"""A headless engine for one simulated past day: the same loop, core, gate and exchange.

The clock is moved by hand, a market second a turn, so the day is a pure function of its seed. Its
journal is a book of its own: numbers begin with the date, the live engine never folds it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from db.journal import SqliteJournal
from engine.core.state import State
from engine.core.turn import Desk, Output
from engine.domain import events as e
from engine.domain.codec import envelope_from_bytes, envelope_to_bytes
from engine.domain.commands import AnyCommand, Envelope
from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.events import Entry
from engine.domain.instrument import Instrument, Session
from engine.domain.market import REPORT, TICK, TRADE
from engine.domain.policy import Policy
from engine.domain.units import SECOND, Nanos, PersonId
from engine.domain.views import DeskRow
from engine.exchange.market import Advance
from engine.exchange.presets import Preset
from engine.exchange.simulated import SimulatedMarket, day_number
from engine.exchange.simulated import _merged as merged  # the one order of reports
from engine.kernels.flow import write_tick
from engine.runtime.gate import Gate
from engine.runtime.kill_flag import KillFlag
from engine.runtime.link import EngineLink, Reply, Request
from engine.runtime.loop import Loop, Parts
from engine.runtime.publish import Publisher
from engine.runtime.reconcile import VenueBooks
from engine.runtime.tape import Tape
from engine.runtime.venues.wire import Incident
from engine.worker.people import PEOPLE
from engine.worker.script import Act, KillAct, Script

SPEED: Final = 600.0  # asked of the loop: a market second a turn
BUFFER: Final = 4_000  # entries written at a time; the folder counts only when it is complete
FEATURE_STEP_S: Final = 5  # a row of features is kept every so many seconds
NO_REPORTS: Final = np.zeros(0, dtype=REPORT)
NO_TRADES: Final = np.zeros(0, dtype=TRADE)
IDS: Final = 100  # numbers of a day: 20261120 * 100 + 1, ...


class Stopped(Exception):
    """The day was left unfinished; nothing of it counts."""


class DayClock:
    """Wall time is the market's; monotonic time runs as the asked speed has it."""

    def __init__(self, wall_ns: int) -> None:
        self.wall = wall_ns
        self.mono = 0

    def wall_ns(self) -> Nanos:
        return Nanos(self.wall)

    def mono_ns(self) -> Nanos:
        return Nanos(self.mono)

    def step_ns(self) -> int:
        """Nobody sets a clock that is made."""
        return 0

    def second(self) -> None:
        """One market second."""
        self.wall += SECOND
        self.mono += int(SECOND / SPEED) + 1


class Buffered:
    """A journal that writes in batches: a day that is not complete does not count anyway."""

    def __init__(self, folder: Path) -> None:
        self._journal = SqliteJournal(folder)
        self._entries: list[Entry] = []
        self._records: list[tuple[int, bytes]] = []

    @property
    def head(self) -> tuple[int, str]:
        return self._journal.head

    def append(self, entries: Iterable[Entry], records: Iterable[tuple[int, bytes]]) -> None:
        """Keep, and write when enough has come together."""
        self._entries.extend(entries)
        self._records.extend(records)
        if len(self._entries) >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write what is kept."""
        self._journal.append(self._entries, self._records)
        self._entries, self._records = [], []

    def rotate(self, day: str) -> None:
        """A past day is one segment."""
        raise BrokenInvariant(f"a past day has one segment, was asked for another at {day}")

    def close(self) -> None:
        """Write and close."""
        self.flush()
        self._journal.close()


class ScriptLink:
    """Stands where the link stands: hands over what the script's people ask, shows nobody."""

    def __init__(self) -> None:
        self._waiting: list[Request] = []
        self.refusals: list[str] = []

    def ask(self, envelope: Envelope) -> None:
        """A command for the next turn."""
        self._waiting.append(Request(re=0, op="command", body=envelope_to_bytes(envelope)))

    def receive(self) -> list[tuple[bytes, Request]]:
        """What is waiting."""
        found, self._waiting = self._waiting, []
        return [(b"", request) for request in found]

    def envelope(self, request: Request) -> Envelope:
        """The command inside."""
        return envelope_from_bytes(request.body)

    def wait(self, timeout_ms: int) -> bool:
        """Nobody waits."""
        del timeout_ms
        return False

    def reply(self, route: bytes, reply: Reply) -> None:
        """Remember what was refused."""
        del route
        if reply.refusal:
            self.refusals.append(reply.refusal)

    def publish(self, topic: str, up: object, **more: object) -> None:
        """Nobody watches."""

    def close(self) -> None:
        """Nothing to hang up."""


class LeanMarket(SimulatedMarket):
    """The simulated market without the public prints, which nobody of a past day reads.

    Bars and volumes come from the ticks; reports of the few orders are merged as elsewhere.
    """

    def advance(self, to_ns: Nanos) -> Advance:
        """As ``SimulatedMarket.advance``, with no rows in ``trades``."""
        to = Nanos(min(int(to_ns), int(self.close_ns)))
        reports: list[NDArray[np.void]] = []
        trades: list[NDArray[np.void]] = []
        for env in self.envs:
            self._run(env, to, reports, trades)
        self._now = to
        ticks = np.zeros(len(self.envs), dtype=TICK)
        for symbol, env in enumerate(self.envs):
            write_tick(env, ticks[symbol])
        told = [rows for rows in reports if len(rows)]
        return Advance(
            at_ns=to,
            session=int(ticks[0]["session"]),
            reports=merged(told, REPORT, "venue_ns") if told else NO_REPORTS,
            trades=NO_TRADES,
            ticks=ticks,
        )


class Unseen(Publisher):
    """No screens: past days are shown from the tables."""

    def note(self, desk: Desk, output: Output) -> None:
        """Nothing."""

    def flush(self, desk: Desk, header: Callable[[], DeskRow]) -> None:
        """Nothing."""

    def snapshot(self, desk: Desk, header: DeskRow) -> None:
        """Nothing."""


class QuietVenue:
    """Keeps ``ports.Venue`` straight over a market: no log and no links, it dies with its day."""

    def __init__(self, market: SimulatedMarket) -> None:
        self._market = market
        self.venues = market.venues
        self._last: Advance | None = None

    def queues(self) -> dict[int, int]:
        """Nobody looks at the ladder of a past day."""
        return {}

    def incident(self, _incident: Incident) -> Nanos:
        """Nobody drills on a past day."""
        raise Refused("incidents are of the day that is open: this one is past")

    def hello(
        self, session: Session, instruments: tuple[Instrument, ...], seed: int, epoch: int
    ) -> Nanos:
        """The day opens."""
        del instruments, seed, epoch
        return session.open_at

    def advance(
        self, to_ns: Nanos, messages: NDArray[np.void], tags: dict[str, dict[str, str]]
    ) -> Advance:
        """Deliver, then move; to where it stands, nothing can have happened yet."""
        del tags
        self._market.submit(messages)
        if self._last is not None and to_ns == self._last.at_ns:
            return replace(self._last, reports=NO_REPORTS, trades=NO_TRADES)
        self._last = self._market.advance(to_ns)
        return self._last

    def ping(self) -> Nanos:
        """Nobody doubts that it lives."""
        return Nanos(0) if self._last is None else self._last.at_ns

    def books(self, since: int = 0, *, whole: bool = True) -> tuple[NDArray[np.void], VenueBooks]:
        """Asked once, at the open: nothing is known yet."""
        del since, whole
        return NO_REPORTS, VenueBooks(known=frozenset(), open_leaves={}, filled={})


class NoModels:
    """Past days run without a model: ADAPTIVE is its base schedule."""

    def load(self, model_id: str) -> Any:
        """There is none."""
        raise Refused(f"past days have no model {model_id}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OneDay:
    """What ``open_day`` opens: this session, once."""

    session: Session
    instruments: tuple[Instrument, ...]
    source: str
    seed: int

    def next_day(self, after: str) -> tuple[Session, tuple[Instrument, ...], str, int]:
        """The day."""
        del after
        return self.session, self.instruments, self.source, self.seed


@dataclass(slots=True, kw_only=True)
class Seen:
    """Features and mids of every instrument every few seconds, for training."""

    at_ns: list[int] = field(default_factory=list)
    features: list[NDArray[np.float32]] = field(default_factory=list)
    mids: list[list[float]] = field(default_factory=list)

    def look(self, desk: Desk) -> None:
        """Keep a row on the grid."""
        state = desk.state
        if desk.sight is None or not state.is_open or state.session is None:
            return
        if (state.market_ns - state.session.open_at) % (FEATURE_STEP_S * SECOND):
            return
        self.at_ns.append(state.market_ns)
        self.features.append(np.stack([desk.sight.features[s] for s in state.instruments]).copy())
        mids = [desk.quotes.mid(symbol) for symbol in state.instruments]
        self.mids.append([np.nan if mid is None else mid for mid in mids])


class PastDay:
    """One day from its opening to what is said after its close."""

    def __init__(
        self, folder: Path, session: Session, presets: tuple[Preset, ...], *, seed: int, code: str
    ) -> None:
        self.session, self.seed = session, seed
        self.clock = DayClock(session.open_at - 60 * SECOND)
        self.journal = Buffered(folder)
        self.link = ScriptLink()
        self.flag = KillFlag.create(folder / "kill.flag")
        self.seen = Seen()
        self._folder = folder
        self._asked = 0
        market = LeanMarket(session=session, seed=seed, presets=presets)
        self.loop = Loop(
            parts=Parts(
                clock=self.clock,
                journal=self.journal,
                link=cast("EngineLink", self.link),
                gate=Gate(self.flag, self.clock, lease_ns=0),
                venue=QuietVenue(market),
                days=OneDay(
                    session=session,
                    instruments=market.instruments,
                    source=market.source,
                    seed=seed,
                ),
                models=NoModels(),
                tapes=lambda day: Tape(folder / "market", day),
            ),
            desk=Desk(State()),
        )
        self.loop.publisher = Unseen(self.loop.parts.link, self.clock)
        self._open(code)

    @property
    def state(self) -> State:
        """The desk of that day."""
        return self.loop.desk.state

    def _open(self, code: str) -> None:
        number = day_number(self.session.day)
        first = number * IDS + 1
        carried = e.DeskCarried(
            epoch=number, code=code, mode="SIM", session=None, speed=SPEED, seed=self.seed,
            people=PEOPLE, policy=Policy(), parameters=(), models=(), kills=(), changes=(),
            alerts=(), reports={}, signed={}, next_ids=(first, 1, first, first, first),
            kill_generation=0,
        )  # fmt: skip
        self.loop.facts((carried, e.EngineStarted(epoch=number, code=code)))
        self.loop.open_day()

    def ask(self, person: PersonId, command: AnyCommand, reason: str = "") -> None:
        """Give a command, to be taken in the next turn."""
        self._asked += 1
        self.link.ask(
            Envelope(
                id=f"{self.session.day}-{self._asked:04d}",
                person=person,
                epoch=0,
                expires_at=Nanos(self.clock.wall + 60 * SECOND),
                command=command,
                reason=reason,
                door="past day",
            )
        )

    def turn(self) -> None:
        """One market second."""
        self.clock.second()
        self.loop.turn()
        self.seen.look(self.loop.desk)

    def run(self, script: Script, going_on: Callable[[float], bool]) -> None:
        """From the open until every parent has ended after the close.

        going_on : asked every second with the fraction of the day that is done.
        """
        length = (self.session.close_at - self.session.open_at) // SECOND
        acts, kills = list(script.acts), list(script.kills)
        self.clock.wall = self.session.open_at
        for second in range(length + 600):
            if not going_on(min(second / length, 1.0)):
                raise Stopped(self.session.day)
            self._due(second, acts, kills)
            self.turn()
            if second > length and not self._busy():
                return
        raise BrokenInvariant(f"{self.session.day} did not end ten minutes after its close")

    def _busy(self) -> bool:
        state = self.state
        return state.is_open or any(parent.is_live for parent in state.parents.values())

    def _due(self, second: int, acts: list[Act], kills: list[KillAct]) -> None:
        while acts and acts[0].at_s <= second:
            act = acts.pop(0)
            command = act.make(self.state)
            if command is not None:
                self.ask(act.person, command, act.reason)
        while kills and kills[0].at_s <= second:
            kill = kills.pop(0)
            target = kill.target(self.state)
            if target:
                self.flag.request(
                    kill.scope, target, kill.person, door="past day", now_ns=self.clock.wall
                )

    def later(self, minutes: int) -> None:
        """The evening: the desk clock moves on, the market stands."""
        self.clock.wall += minutes * 60 * SECOND

    def close(self) -> None:
        """Write everything out."""
        if self.loop.tape is not None:
            self.loop.tape.close()
        self.journal.close()
        self.flag.close()
        self.flag.path.unlink()
