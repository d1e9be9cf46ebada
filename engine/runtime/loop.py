"""The single writer: inputs -> step -> journal -> gate -> venue -> answers -> screens.

One thread owns the state, the journal and the sends. Nothing is sent, answered or shown before the
turn that caused it is durable. When the journal cannot be written the process stops: the supervisor
starts it anew, and the venue cancels what an engine that is gone has left.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.core.rules.alerts import day_over
from engine.core.rules.approval import asked_for
from engine.core.rules.desk import raise_alert
from engine.core.sight import LoadedModel
from engine.core.turn import Desk, Inputs, Output, carried, kills_cancelled, note, step
from engine.domain import events as e
from engine.domain.commands import Envelope, OpenNextDay, OpenSession
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.executions import EXECUTION, ORDER, executions
from engine.domain.kinds import PRE_OPEN
from engine.domain.orders import VENUE_LOST, ChildState
from engine.domain.units import ChildId, Nanos, PersonId
from engine.domain.views import DeskRow
from engine.runtime import door, drills, reconcile
from engine.runtime.answers import Answers
from engine.runtime.clock import Clock
from engine.runtime.crash import is_partial
from engine.runtime.gate import Gate
from engine.runtime.judge import judge
from engine.runtime.link import EngineLink, Reply, Request
from engine.runtime.pace import Pace
from engine.runtime.ports import Advanced, Days, Journal, Models, Venue, VenueSilent
from engine.runtime.publish import Publisher
from engine.runtime.rounds import Rounds, Watch
from engine.runtime.send import changes_of, leaving, messages_for, tags_for
from engine.runtime.tape import Tape

IDLE_MS: Final = 5  # how long the loop may sleep: the flag is read at least this often
RETRY_NS: Final = 300_000_000  # between attempts to find a silent venue
QUEUES_NS: Final = 200_000_000
PING_NS: Final = 1_000_000_000  # the venue hears from us at least this often
SYSTEM: Final = PersonId("system")
NOTHING: Final = np.zeros(0, dtype=ORDER)
NO_REPORTS: Final = np.zeros(0, dtype=EXECUTION)


@dataclass(slots=True, kw_only=True)
class Parts:
    """What the loop is put together from; ``compose`` wires the real ones, tests fakes."""

    clock: Clock
    journal: Journal
    link: EngineLink
    gate: Gate
    venue: Venue
    days: Days
    models: Models
    tapes: Any  # Callable[[str], Tape]: opens the tape of a day
    watch: Watch = field(default_factory=Watch)  # how long people may be away
    crash: Any = None  # Callable[[str], None]: named crash points of the fault lab
    give_back: Callable[[], None] = lambda: None  # memory of a day that is over


@dataclass(slots=True, kw_only=True)
class Loop:
    """The owner thread's work."""

    parts: Parts
    desk: Desk
    pace: Pace = field(default_factory=Pace)
    stopping: bool = False
    venue_ready: bool = False
    venue_closes: str = VenueSilent.closes  # the gate while the venue is not ready
    venue_retry_at: int = 0
    pending: NDArray[np.void] = field(default_factory=lambda: NO_REPORTS)
    tape: Tape | None = None
    publisher: Publisher = field(init=False)
    rounds: Rounds = field(init=False)
    answers: Answers = field(init=False)
    turn_ms: float = 0.0
    durable_at: int = 0  # end of the last commit [monotonic ns]
    queues_at: int = 0
    session_word: int = 0
    asked_at: int = 0  # when the venue was last asked anything
    restart_cause: str = ""  # set while parents owe their policy after a break

    def __post_init__(self) -> None:
        self.publisher = Publisher(self.parts.link, self.parts.clock)
        self.answers = Answers(self.desk, self.parts.journal)
        self.rounds = Rounds(
            host=self, venue=self.parts.venue, gate=self.parts.gate, clock=self.parts.clock,
            watch=self.parts.watch, give_back=self.parts.give_back,
        )  # fmt: skip

    @property
    def epoch(self) -> int:
        """Number of this start."""
        return self.desk.state.epoch

    # --- running ----------------------------------------------------------------------------
    def run(self) -> None:
        """Until told to stop."""
        while not self.stopping:
            busy = self.turn()
            if not busy:
                self.parts.link.wait(IDLE_MS)

    def turn(self) -> bool:
        """One look at everything; whether the market moved, so that the next may follow at once."""
        began = self.parts.clock.mono_ns()
        self.parts.gate.beat(self.desk.state)
        self.desk.now, self.desk.is_away = self.parts.clock.wall_ns(), not self.venue_ready
        kills = self.parts.gate.unread(self.desk.state)
        requests = self.parts.link.receive()
        commands, routes = door.commands(self.parts.link, requests)
        advanced = self._advance()
        moved = advanced is not None
        if kills or commands or moved:
            self._step(kills, commands, advanced)
            door.reply(self.parts.link, self.desk.state, commands, routes)
            if moved:
                self.turn_ms = (self.parts.clock.mono_ns() - began) / 1e6
        self._look_at_queues(began)
        self.rounds.turn(began)
        self._questions(requests)
        self.publisher.flush(self.desk, self._header)
        return moved

    def _status(self) -> dict[str, Any]:
        return {
            "speed": self.pace.speed,
            "achieved": self.pace.achieved,
            "turn_ms": self.turn_ms,
            "gate": self.closed_because(),
            "session": self.session_word,
            "compared_at": self.rounds.compared_at,
            "trader_seen_at": self.rounds.present_wall.get("traders", 0),
            "risk_seen_at": self.rounds.present_wall.get("risks", 0),
            "watched_since": self.rounds.began,
            "late_ns": self.pace.late,
        }

    def _header(self) -> DeskRow:
        return self.answers.header(self._status())

    def closed_because(self) -> str:
        """Why nothing new leaves; "" = it may."""
        if not self.venue_ready:
            return self.venue_closes
        return self.parts.gate.closed_because(self.desk.state)

    # --- inputs -----------------------------------------------------------------------------
    def _advance(self) -> Advanced | None:
        state = self.desk.state
        now = self.parts.clock.mono_ns()
        if state.session is None:
            return None
        if not self.venue_ready:
            if now >= self.venue_retry_at:
                self._find_venue()
            return None
        speed = state.speed if state.is_open else 0.0
        if speed != self.pace.speed:
            self.pace.anchor(now, state.market_ns, speed)
        to = self.pace.target(now, state.market_ns, state.session.open_at)
        self.pace.measure(now, state.market_ns)
        return self._ask_venue(now, to)

    def _ask_venue(self, now: int, to: Nanos | None) -> Advanced | None:
        """Advance when it is time; while the market stands, only say that we are alive."""
        advanced = None
        try:
            if to is not None:
                self.asked_at = now
                advanced = self.parts.venue.advance(to, NOTHING, {})
            elif now - self.asked_at >= PING_NS:
                self.asked_at = now
                self.parts.venue.ping()
        except VenueSilent as silence:
            self.lost_venue(silence)
        return advanced

    def _look_at_queues(self, now: int) -> None:
        """Our places in the queues, a few times a second: screens show them, nothing else does."""
        if not self.venue_ready or now - self.queues_at < QUEUES_NS:
            return
        self.queues_at = now
        try:
            self.desk.ahead = self.parts.venue.queues() if self.desk.state.children else {}
        except VenueSilent as silence:
            self.lost_venue(silence)

    def _now(self) -> Nanos:
        """Desk clock that never goes back, so that the journal's order is the clock's order."""
        return Nanos(max(self.parts.clock.wall_ns(), self.desk.state.desk_ns))

    def _inputs(self, **more: Any) -> Inputs:
        state = self.desk.state
        return Inputs(
            turn=state.turn + 1,
            market_ns=more.pop("market_ns", state.market_ns),
            desk_ns=self._now(),
            session=more.pop("session", self.session_word),
            **more,
        )

    # --- one step ---------------------------------------------------------------------------
    def _step(
        self,
        kills: tuple[e.KillBlocked, ...],
        commands: tuple[Envelope, ...],
        advanced: Advanced | None,
    ) -> None:
        began = self.parts.clock.mono_ns()
        more: dict[str, Any] = {}
        reports = self.pending
        if advanced is not None:
            self.session_word = advanced.session
            reports = np.concatenate([self.pending, executions(advanced.reports)])
            more = {
                "market_ns": advanced.at_ns,
                "session": advanced.session,
                "ticks": advanced.ticks,
            }
        judge(self.desk, self.parts.models, self.facts, asked_for(commands))
        inputs = self._inputs(kills=kills, commands=commands, reports=reports, **more)
        output = step(self.desk, inputs)
        self.pending = NO_REPORTS
        self._commit(output)
        at = (self.asked_at, began, self.durable_at)
        self.answers.decided(output, at, self.rounds.commit_ns)
        if advanced is not None and self.tape is not None and inputs.ticks is not None:
            self._write_tape(inputs, output)
        self._after(output)

    def _commit(self, output: Output) -> None:
        """Durable from here on; then it may be sent and shown."""
        self._crash("before_journal")
        began = self.parts.clock.mono_ns()
        self.parts.journal.append(output.entries, output.records)
        self.durable_at = self.parts.clock.mono_ns()
        self.rounds.committed(self.durable_at - began)
        self._crash("after_journal")
        if self.parts.crash is not None and is_partial(self.desk.state, output):
            self._crash("mid_partial")
        self.answers.remember(output)
        self.publisher.note(self.desk, output)
        self._send(output)

    def facts(self, events: tuple[AnyEvent, ...]) -> None:
        """Write what the shell itself found, as a turn of its own."""
        if events:
            self._commit(note(self.desk, self._inputs(), events))

    def book(self, reports: NDArray[np.void]) -> None:
        """Reports that came beside the market's own road, and those that wait, as a turn."""
        every = np.concatenate([self.pending, reports])
        self.pending = NO_REPORTS
        self._commit(step(self.desk, self._inputs(reports=every)))

    def deliver_cancels(self, children: list[ChildId]) -> bool:
        """Send cancels again; whether the exchange has taken them."""
        return self.venue_ready and self._deliver(messages_for(self.desk.state, children, []))

    def _write_tape(self, inputs: Inputs, output: Output) -> None:
        session = self.desk.state.session
        on_grid = session is not None and (inputs.market_ns - session.open_at) % 1_000_000_000 == 0
        if self.tape is not None and inputs.ticks is not None and on_grid:
            self.tape.add_bars(inputs.ticks)
            self.tape.add_points(inputs.market_ns, output.decisions)

    def _after(self, output: Output) -> None:
        """What the shell owes after a turn: releases to the file, models to memory, a new day."""
        for entry in output.entries:
            match entry.event:
                case e.KillReleased(kill_id=kill_id):
                    self.parts.gate.release(self.desk.state.kills[kill_id].generation)
                case e.ModelSet() | e.RolloutStaged():
                    self.load_models()
                case e.IncidentAsked() as asked:
                    self._start_incident(asked)
                case e.SessionOpened(session=session):
                    self._open_tape(session.day)
                    self.answers.new_day()
                    self.rounds.new_day()
                    self.session_word = PRE_OPEN  # the venue's last word was about the day before
                    self.venue_ready = False
                    self.venue_retry_at = 0
                case e.CommandTaken(envelope=envelope) if isinstance(envelope.command, OpenNextDay):
                    if output.answers.get(envelope.id) == "":
                        self.open_day()
                case _:
                    pass

    def _start_incident(self, asked: e.IncidentAsked) -> None:
        """Ask the exchange; what it says, or that it says nothing, is written down."""
        venue = self.parts.venue if self.venue_ready else None
        fact, silence = drills.start(self.desk.state, venue, asked)
        self.facts((fact,))
        if silence is not None:
            self.lost_venue(silence)

    # --- sending ----------------------------------------------------------------------------
    def _send(self, output: Output) -> None:
        """Cancels first, then new orders, each past the shell's gate; then the receipts."""
        cancels, news = leaving(output)
        if news:
            self._crash("before_gate")
        closed = self.closed_because() if news else ""
        refused = tuple(self._refusal(order, closed) for order in news) if closed else ()
        changes = changes_of(output)
        messages = messages_for(self.desk.state, cancels, [] if closed else news, changes)
        is_sent = self.venue_ready
        if len(messages) and self.venue_ready:
            self._crash("after_gate")
            is_sent = self._deliver(messages)
            self._crash("after_ack")
            if cancels:
                self._crash("pending_cancel")
            if changes:
                self._crash("pending_replace")
        receipts = (*refused, *kills_cancelled(self.desk.state, is_sent=is_sent))
        if receipts:
            self._crash("mass_cancel")
            self.facts(receipts)

    def _refusal(self, order: e.ChildIntended, closed: str) -> e.ChildSendRefused:
        rule, _, sentence = closed.partition(": ")
        return e.ChildSendRefused(child_id=order.child_id, rule=rule, sentence=sentence)

    def _deliver(self, messages: NDArray[np.void]) -> bool:
        """Hand messages over; False when the venue has not answered for them."""
        try:
            advanced = self.parts.venue.advance(
                self.desk.state.market_ns, messages, tags_for(self.desk.state, messages)
            )
        except VenueSilent as silence:
            self.lost_venue(silence)
            return False
        if len(advanced.reports):
            self.pending = np.concatenate([self.pending, executions(advanced.reports)])
        return True

    # --- the venue comes and goes -----------------------------------------------------------
    def lost_venue(self, silence: VenueSilent) -> None:
        """What was under way is UNKNOWN until the venue is asked; its quantity stays reserved."""
        self.venue_ready = False
        self.restart_cause = self.restart_cause or VENUE_LOST
        self.venue_retry_at = self.parts.clock.mono_ns() + RETRY_NS
        unknown = tuple(
            e.ChildUnknown(child_id=child.id)
            for child in self.desk.state.children.values()
            if child.state == ChildState.INTENDED
        )
        words = f"the exchange does not answer: {silence}"
        alert = raise_alert(self.desk.state, "critical", "venue", "venue", words)
        self.facts((*unknown, alert))

    def _find_venue(self) -> None:
        """Log on, then compare books before anything new leaves."""
        state = self.desk.state
        assert state.session is not None
        self.venue_retry_at = self.parts.clock.mono_ns() + RETRY_NS
        try:
            now = self.parts.venue.hello(
                state.session, tuple(state.instruments.values()), state.seed, state.epoch
            )
            if (seen := self.parts.venue.venues) != state.venues:
                self.facts((e.VenuesSeen(venues=seen),))
            first = list(reconcile.killed(state))
            if first and not self._deliver(messages_for(state, first, [])):
                return
            self._compare(now)
        except VenueSilent as silence:
            if silence.closes != self.venue_closes:
                self.facts((raise_alert(state, "critical", "venue", "venue", silence.closes),))
            self.venue_closes = silence.closes

    def _compare(self, now: Nanos) -> None:
        """Book every report of the day, resolve what is unknown, state what still differs."""
        reports, books = self.parts.venue.books()
        self._crash("reconciliation")
        state = self.desk.state
        market = Nanos(max(now, state.market_ns))
        again = self._inputs(market_ns=market, reports=reconcile.unheard(state, reports))
        self._commit(step(self.desk, again))
        for events in reconcile.adopt(state, books):
            self.facts(events)
        missing = reconcile.resolve_missing(state, books)
        self.facts(missing)
        self.facts(reconcile.verdict(state, books, len(missing)))
        self.venue_ready = True
        self.rounds.logged_on(self.parts.clock.mono_ns())
        self.pace.anchor(self.parts.clock.mono_ns(), state.market_ns, state.speed)
        lost = list(reconcile.resend_cancels(state))
        is_sent = self._deliver(messages_for(state, lost, [])) if lost else True
        self.facts(kills_cancelled(state, is_sent=is_sent))

        if self.restart_cause:
            cause, self.restart_cause = self.restart_cause, ""
            for events in tuple(reconcile.policies(state, cause)):
                self.facts(events)

    # --- the day ----------------------------------------------------------------------------
    def open_day(self) -> None:
        """Seal the segment, carry what outlives the day, open the next session."""
        state = self.desk.state
        session, instruments, source, seed = self.parts.days.next_day(
            "" if state.session is None else state.session.day
        )
        if state.session is not None:
            self.facts(day_over(state, SYSTEM))
            self.parts.journal.rotate(session.day)
            self._crash("snapshot")
            self.facts((carried(state),))
        envelope = Envelope(
            id=f"open-{session.day}-{state.epoch}",
            person=SYSTEM,
            epoch=state.epoch,
            expires_at=Nanos(self._now() + 5_000_000_000),
            command=OpenSession(session=session, instruments=instruments, source=source, seed=seed),
            door="engine",
        )
        before = Nanos(session.open_at - 1)  # the first advance is to the open itself
        output = step(self.desk, self._inputs(commands=(envelope,), market_ns=before, session=0))
        self._commit(output)
        self._after(output)

    def resume_day(self) -> None:
        """After a restart: the tape goes on; the venue is found and compared by the next turns."""
        session = self.desk.state.session
        if session is not None:
            self._open_tape(session.day)
            self.restart_cause = "restart"

    def _open_tape(self, day: str) -> None:
        if self.tape is not None:
            self.tape.close()
        self.tape = self.parts.tapes(day)

    def load_models(self) -> None:
        """Bring every model in force into memory; a missing or damaged one is alarmed."""
        for model_id in sorted(self.desk.state.models_wanted()):
            if model_id in self.desk.models:
                continue
            try:
                model: LoadedModel = self.parts.models.load(model_id)
            except Refused as refusal:
                self.facts(
                    (raise_alert(self.desk.state, "critical", "model", model_id, str(refusal)),)
                )
                continue
            self.desk.models[model_id] = model

    # --- answers ----------------------------------------------------------------------------
    def _questions(self, requests: list[tuple[bytes, Request]]) -> None:
        for route, request in requests:
            if request.op == "command":
                continue
            if request.op == "snapshot":
                self.publisher.snapshot(self.desk, self._header())
                body: Any = None
                refusal = ""
            elif request.name == "presence":
                self.rounds.present(request.args)
                body, refusal = None, ""
            else:
                body, refusal = self.answers.answer(request, self._status())
            reply = Reply(re=request.re, refusal=refusal, epoch=self.epoch, body=body)
            self.parts.link.reply(route, reply)

    def _crash(self, point: str) -> None:
        if self.parts.crash is not None:
            self.parts.crash(point)
