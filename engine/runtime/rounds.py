"""What the owner thread does again and again beside the market: books, kills, the self-test.

Everything here waits on the desk's monotonic clock, so a market that stands still or runs at 60x
is compared as often. Nothing here decides an order: cancels are repeated, orders never.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.core.rules import pending
from engine.core.rules.alerts import overdue
from engine.core.rules.desk import raise_alert
from engine.core.rules.kill import probe_verdict, unconfirmed
from engine.core.rules.trips import DOOR, owed
from engine.core.rules.trouble import UNANSWERED
from engine.core.state import State
from engine.core.turn import Desk
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.governance import DRILL_SCOPE, Kill, KillState
from engine.domain.orders import ChildState
from engine.domain.safety import Difference, TradingMode
from engine.domain.units import SECOND, ChildId, PersonId
from engine.runtime import reconcile
from engine.runtime.clock import Clock
from engine.runtime.conditions import LOOK_NS, SELF_TEST, Conditions, Readings
from engine.runtime.gate import Gate
from engine.runtime.ports import Venue, VenueSilent

IN_FLIGHT_NS: Final = 2 * SECOND  # an order without an answer for so long is asked for ...
IN_FLIGHT_EVERY_NS: Final = 1 * SECOND  # ... this often
OPEN_EVERY_NS: Final = 30 * SECOND
FILLS_EVERY_NS: Final = 60 * SECOND
POSITIONS_EVERY_NS: Final = 300 * SECOND
KILL_AGAIN_NS: Final = (1 * SECOND, 2 * SECOND, 5 * SECOND)  # after the cancels; then, without end,
KILL_EVERY_NS: Final = 5 * SECOND
SELF_TEST_NS: Final = 2 * SECOND  # a self-test without its receipt by then has failed
START_GRACE_NS: Final = 30 * SECOND  # for a watchdog that starts beside us
PROBE: Final = "self-test"
SYSTEM: Final = PersonId("system")
TIMERS: Final = {"open": OPEN_EVERY_NS, "fills": FILLS_EVERY_NS, "positions": POSITIONS_EVERY_NS}


WATCHERS: Final = ("supervisors", "traders", "risks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How long people may be away, or leave an alert unseen; 0 = for ever. [ns of desk time]"""

    unattended_ns: int = 0  # without a supervisor
    attendance_ns: int = 0  # without a trader, or without an independent risk person
    alarm_ns: int = 0  # a critical alert that nobody acknowledges


class Host(Protocol):
    """What the rounds need of the loop."""

    desk: Desk
    venue_ready: bool
    pending: NDArray[np.void]

    def facts(self, events: tuple[AnyEvent, ...]) -> None: ...
    def book(self, reports: NDArray[np.void]) -> None: ...
    def deliver_cancels(self, children: list[ChildId]) -> bool: ...
    def lost_venue(self, silence: VenueSilent) -> None: ...


@dataclass(slots=True, kw_only=True)
class Rounds:
    """The timers, and what they have seen."""

    host: Host
    venue: Venue
    gate: Gate
    clock: Clock
    watch: Watch = field(default_factory=Watch)
    give_back: Callable[[], None] = lambda: None  # memory of a day that is over
    conditions: Conditions = field(default_factory=Conditions)
    started: int = field(init=False)
    began: int = field(init=False)  # the same, wall
    present_at: dict[str, int] = field(default_factory=dict)  # who was last seen when
    present_wall: dict[str, int] = field(default_factory=dict)  # the same, for screens
    slowest: int = 0  # commit since the last look
    commit_ns: int = 0  # the newest
    looked: int = 0  # at the desk itself
    compared: dict[str, int] = field(default_factory=dict)  # check: monotonic ns of the last
    compared_at: int = 0  # wall ns of the last comparison, for screens
    seen: int = 0  # reports of the day that the last comparison had
    was_equal: bool = False  # the last comparison found nothing
    strays: set[int] = field(default_factory=set)
    waiting: dict[ChildId, int] = field(default_factory=dict)  # since when without an answer
    away: dict[ChildId, int] = field(default_factory=dict)  # cancels, while the venue is away
    again: dict[int, tuple[int, int]] = field(default_factory=dict)  # kill: since, repeats
    looked_at: int = 0
    day: str = ""
    was_open: bool = False
    tested: int = 0  # generation of the self-test under way, 0 = none
    tested_at: int = 0
    asked: set[tuple[str, str, str, int]] = field(default_factory=set)  # trips

    def __post_init__(self) -> None:
        self.started = self.clock.mono_ns()
        self.began = self.clock.wall_ns()

    @property
    def state(self) -> State:
        return self.host.desk.state

    def turn(self, now: int) -> None:
        """One look; ``now`` is monotonic ns."""
        self._trips()
        self._kills(now)
        self._self_test(now)
        if now - self.looked >= LOOK_NS:
            self.looked = now
            for events in self.conditions.look(self.state, now, self.readings(now)):
                self.host.facts(events)
            unseen = overdue(self.state, self.clock.wall_ns(), self.watch.alarm_ns)
            if unseen:
                self.host.facts(unseen)
            self._unanswered(now)
        if not self.host.venue_ready or self.state.session is None:
            return
        due = self._due(now)
        if due:
            self.compare(now, due)

    def new_day(self) -> None:
        """What was seen of a day that is over; the venue numbers its reports anew each day."""
        self.strays.clear()
        self.waiting.clear()
        self.again.clear()
        self.asked.clear()
        self.seen = 0
        self.give_back()

    # --- the desk itself --------------------------------------------------------------------
    def committed(self, took_ns: int) -> None:
        """A turn was written."""
        self.commit_ns = took_ns
        self.slowest = max(self.slowest, took_ns)

    def present(self, counts: Mapping[str, object]) -> None:
        """The web says how many of each kind of people look at a page now."""
        for kind in WATCHERS:
            n = counts.get(kind, 0)
            if isinstance(n, int) and n > 0:
                self.present_at[kind] = self.clock.mono_ns()
                self.present_wall[kind] = self.clock.wall_ns()

    def _alone(self, kind: str, now: int) -> int:
        """How long nobody of them has been here, at most since our start. [ns]"""
        return now - self.present_at.get(kind, self.started)

    def readings(self, now: int) -> Readings:
        """What is to be seen of the desk."""
        slowest, self.slowest = self.slowest, 0
        return Readings(
            lease_age_ns=self._lease_age(now),
            clock_step_ns=self.clock.step_ns(),
            disk=self.gate.disk(),
            commit_ns=slowest,
            alone_ns=self._alone("supervisors", now),
            unattended_ns=self.watch.unattended_ns,
            working=sum(1 for parent in self.state.parents.values() if parent.is_live),
            no_trader_ns=self._alone("traders", now),
            no_risk_ns=self._alone("risks", now),
            attendance_ns=self.watch.attendance_ns,
        )

    def _unanswered(self, now: int) -> None:
        """Cancels that wait while the venue is away: market time stands still, they age on."""
        waiting = () if self.host.venue_ready else pending.waiting(self.state)
        self.away = {child_id: self.away.get(child_id, now) for child_id in waiting}
        self.host.desk.away = {child_id: now - since for child_id, since in self.away.items()}
        if self.away:
            late = pending.unseen(self.state, self.host.desk.away)
            if late:
                self.host.facts(late)

    def _lease_age(self, now: int) -> int | None:
        """A watchdog that has not stamped since our start is given time to start too."""
        age = self.gate.lease_age_ns()
        if age is None or age < now - self.started:
            return age
        return now - self.started - START_GRACE_NS

    # --- books ------------------------------------------------------------------------------
    def logged_on(self, now: int) -> None:
        """Everything was just compared; the count of reports starts with the day."""
        self.compared = dict.fromkeys(TIMERS, now)
        self.compared_at = self.clock.wall_ns()
        self.seen = 0
        self.away, self.host.desk.away = {}, {}

    def _due(self, now: int) -> tuple[str, ...]:
        state = self.state
        due = [
            name for name, every in TIMERS.items() if now - self.compared.get(name, now) >= every
        ]
        if self.was_open and not state.is_open:
            due.append("close")
        self.was_open = state.is_open
        if now - self.looked_at >= IN_FLIGHT_EVERY_NS:
            self.looked_at = now
            if self._in_flight(now):
                due.append("in_flight")
        return tuple(due)

    def _in_flight(self, now: int) -> bool:
        """Whether an order or a cancel waits too long, by both clocks: a pause is no silence."""
        state = self.state
        unanswered = (*UNANSWERED, ChildState.PENDING_REPLACE)
        waiting = {
            child.id: self.waiting.get(child.id, now)
            for child in state.children.values()
            if child.state in unanswered
        }
        self.waiting = waiting
        return any(
            now - since >= IN_FLIGHT_NS
            and state.market_ns - (child.cancel_asked_at or child.sent_at) >= IN_FLIGHT_NS
            for child, since in ((state.children[i], since) for i, since in waiting.items())
        )

    def compare(self, now: int, checks: tuple[str, ...]) -> None:
        """Ask the venue, book what had not arrived, and say what differs by now.

        While books are equal the venue tells what has changed since; a difference counts once a
        second answer gives it too, of all orders: what our own cancels set in motion between
        question and answer is none.
        """
        try:
            found = self._ask(whole=not self.was_equal)
            self.was_equal = not found
            if found and self._ask(whole=True) != found:
                return  # still moving: asked again at the next turn, as nothing was marked done
        except VenueSilent as silence:
            self.host.lost_venue(silence)
            return
        for name in checks:
            self.compared[name] = now
        self.compared_at = self.clock.wall_ns()
        state = self.state
        news = reconcile.is_news(state, found)
        told = reconcile.alerts(state, found) if news else []
        if news or {"positions", "close"} & set(checks):
            fact = e.BooksCompared(checks=checks, children=len(state.children), found=found)
            self.host.facts((fact,))
        for alert in told:
            self.host.facts(alert)

    def _ask(self, *, whole: bool) -> tuple[Difference, ...]:
        rows, books = self.venue.books(self.seen, whole=whole)
        self.seen += len(rows)
        mine = self.host.pending
        on_the_way = {int(row["exec_id"]) for row in mine}
        missed = reconcile.unbooked(self.state, rows, self.strays)
        late = missed[[int(row["exec_id"]) not in on_the_way for row in missed]]
        if len(mine) or len(late):
            self.host.book(late)
        if len(late):
            self._say_late(late)
        return reconcile.by_symbol(reconcile.compare(self.state, books))

    def _say_late(self, late: NDArray[np.void]) -> None:
        """Reports that only the comparison brought: the stream looked healthy and was not."""
        names = list(self.state.instruments)
        for symbol in sorted({names[int(row["symbol"])] for row in late}):
            n = sum(1 for row in late if names[int(row["symbol"])] == symbol)
            sentence = f"{n} reports of {symbol} had not arrived: booked from the venue's books"
            self.host.facts((raise_alert(self.state, "warn", "late_reports", symbol, sentence),))

    # --- kills ------------------------------------------------------------------------------
    def _kills(self, now: int) -> None:
        """Cancel and ask again for everything unconfirmed: after 1, 2, 5 s, then every 5 s."""
        for kill in self.state.active_kills():
            if kill.state != KillState.CANCEL_SENT:
                continue
            since, done = self.again.setdefault(kill.id, (now, 0))
            if now - since < again_after(done) or not self.host.venue_ready:
                continue
            self.again[kill.id] = (since, done + 1)
            self._repeat(now, kill, kill.repeats + 1)

    def _repeat(self, now: int, kill: Kill, attempt: int) -> None:
        left = [child_id for child_id, _ in unconfirmed(self.state, kill)]
        if not left:
            return
        fact = e.KillRepeated(kill_id=kill.id, attempt=attempt, cancels=len(left))
        self.host.facts((fact,))
        if self.host.deliver_cancels(left):
            self.compare(now, ("kill",))

    def _trips(self) -> None:
        """Automatic kills take the road of all others: the flag, whatever became of us since."""
        for trip in owed(self.state):
            asked = (trip.kind, trip.scope, trip.target, trip.at)
            if asked not in self.asked:
                self.asked.add(asked)
                self.gate.request(
                    trip.scope, trip.target, f"trip:{trip.kind}", door=DOOR,
                    now_ns=max(self.clock.wall_ns(), trip.at),
                )  # fmt: skip

    # --- self-test --------------------------------------------------------------------------
    def _self_test(self, now: int) -> None:
        """At each start and open: flag -> this thread -> receipt, on a scope without orders."""
        session = self.state.session
        if session is not None and session.day != self.day and self.state.is_open:
            self.day = session.day
            self.tested_at = now
            self.tested = self.gate.request(
                DRILL_SCOPE, PROBE, SYSTEM, door=PROBE, now_ns=self.clock.wall_ns()
            )
        self._settle_tests()
        if self.tested and now - self.tested_at >= SELF_TEST_NS:
            self.tested = 0
            self._failed(f"no receipt within {SELF_TEST_NS / 1e9:g} s")

    def _settle_tests(self) -> None:
        """Judge each self-test that has its receipts, and free its slot."""
        for kill in self.state.active_kills():
            if kill.scope != DRILL_SCOPE or kill.state != KillState.CONFIRMED:
                continue
            if kill.generation == self.tested:
                self.tested = 0
            wrong = probe_verdict(self.state, kill)
            if wrong:
                self._failed(wrong)
            elif (SELF_TEST, "") in self.state.conditions:
                self.host.facts((e.ConditionOver(kind=SELF_TEST, object=""),))
            took = (kill.confirmed_at - kill.requested_at) / 1e6
            reason = f"self-test {'FAILED: ' + wrong if wrong else f'passed in {took:.1f} ms'}"
            self.host.facts((e.KillReleased(kill_id=kill.id, by=SYSTEM, reason=reason),))
            self.gate.release(kill.generation)

    def _failed(self, why: str) -> None:
        sentence = f"the kill's self-test FAILED: {why}; do not rely on the kill, call the venues"
        began = e.ConditionBegan(
            kind=SELF_TEST, object="", sentence=sentence, mode=TradingMode.NORMAL
        )
        alert = raise_alert(self.state, "critical", "kill.selftest", "", sentence)
        self.host.facts((began, alert))


def again_after(done: int) -> int:
    """When the repeat after ``done`` of them is due, from the first cancels on. [ns]"""
    if done < len(KILL_AGAIN_NS):
        return KILL_AGAIN_NS[done]
    return KILL_AGAIN_NS[-1] + KILL_EVERY_NS * (done - len(KILL_AGAIN_NS) + 1)
