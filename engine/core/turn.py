"""One turn of the desk: inputs in, journal entries out. Pure: the same inputs give the same bytes.

Order inside a turn: kills, venue reports, the close, commands, lives that end, decisions, lives
again. So an approval or a hold counts before the next decision, and a kill before everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.core.beside import EVERY, Beside
from engine.core.decide import answered, decide
from engine.core.evolve import evolve
from engine.core.plan import Decision, Planner, cancels_of, child_of, ttl_cancels, working
from engine.core.quotes import Quotes
from engine.core.rules import (
    approval,
    books,
    kill,
    limit_changes,
    limits,
    models,
    modes,
    order_alerts,
    orders,
    overrides,
    reentry,
    risk,
    rollout,
    scope_hold,
    throttle,
    trips,
    trouble,
    venues,
)
from engine.core.rules.desk import raise_alert
from engine.core.rules.reports import book_report
from engine.core.rules.scope import blocking_hold, tags_of
from engine.core.rules.trim import follow
from engine.core.sight import LoadedModel, Sight, open_sight
from engine.core.state import State
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent, Entry
from engine.domain.governance import Kill, KillState
from engine.domain.kinds import CLOSED, CONTINUOUS, HALTED
from engine.domain.orders import Parent
from engine.domain.units import SECOND, ChildId, Nanos, ParentId, child_text

NO_ROWS: NDArray[np.void] = np.zeros(0, dtype=[("none", "i1")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything from outside that one turn sees."""

    turn: int
    market_ns: Nanos
    desk_ns: Nanos
    session: int  # as the venue says: PRE_OPEN, CONTINUOUS, CLOSED
    ticks: NDArray[np.void] | None = None  # None = the venue was not asked
    reports: NDArray[np.void] = field(default_factory=lambda: NO_ROWS)
    commands: tuple[Envelope, ...] = ()
    kills: tuple[e.KillBlocked, ...] = ()  # flag slots not seen before
    facts: tuple[AnyEvent, ...] = ()  # what the shell itself found: restarts, reconciliation


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one turn wrote, in order, and what it wants sent."""

    entries: tuple[Entry, ...]
    records: tuple[tuple[int, bytes], ...]  # (seq of the entry, DECISION row)
    decisions: tuple[Decision, ...]
    answers: Mapping[str, str]  # command id -> "" or the refusal's sentence


KEPT_KILLS: Final = 20  # released ones that a new day still shows


class Desk:
    """State plus what is derived from the market; the only thing ``step`` changes."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.quotes = Quotes()
        self.sight: Sight | None = None
        self.planner = Planner()
        self.beside = Beside(planner=self.planner)
        self.models: dict[str, LoadedModel] = {}  # by model id; the shell loads, nobody unloads
        self.decided: dict[ParentId, Decision] = {}  # last decision of each working parent
        self.ahead: dict[int, int] = {}  # shares before our resting orders, for screens only
        self.now = Nanos(0)  # desk clock of the last look, for screens only
        self.is_away = False  # the exchange does not answer, for screens only
        self.away: dict[ChildId, int] = {}  # so long a cancel waits meanwhile [ns of desk time]
        if state.session is not None:
            self.sight = open_sight(state.session, tuple(state.instruments.values()))

    def model_of(self, strategy: str) -> LoadedModel | None:
        """The model in force for the strategy, if it is loaded."""
        in_force = self.state.models.get(strategy)
        return None if in_force is None else self.models.get(in_force.model_id)

    def verdicts(self) -> dict[str, str]:
        """What is wrong with the version in force of each strategy, "" = nothing."""
        return self._verdicts({name: self.model_of(name) for name in self.state.models})

    def trial_verdicts(self) -> dict[str, str]:
        """The same of the candidates that bring a model of their own."""
        found = self.state.rollouts.items()
        return self._verdicts({name: self.models.get(row.model_id or "") for name, row in found})

    def _verdicts(self, loaded: Mapping[str, LoadedModel | None]) -> dict[str, str]:
        now, sight = self.state.market_ns, self.sight
        return {
            name: "" if sight is None or model is None else sight.verdict(now, model)
            for name, model in loaded.items()
        }


class Batch:
    """Entries of one turn: each event is folded in as it is written."""

    def __init__(self, state: State, inputs: Inputs, *, is_still: bool = False) -> None:
        self.state = state
        self.inputs = inputs
        self.is_still = is_still
        self.entries: list[Entry] = []
        self.records: list[tuple[int, bytes]] = []
        state.market_ns = inputs.market_ns
        state.desk_ns = inputs.desk_ns

    def take(self, events: tuple[AnyEvent, ...]) -> None:
        """Number the events and fold them in."""
        for event in events:
            entry = Entry(
                seq=self.state.seq + 1,
                turn=self.inputs.turn,
                market_ns=self.inputs.market_ns,
                desk_ns=self.inputs.desk_ns,
                event=event,
                still=self.is_still and not self.entries,
            )
            evolve(self.state, entry)
            self.entries.append(entry)


def step(desk: Desk, inputs: Inputs) -> Output:
    """One turn. Raises BrokenInvariant only for our own bugs; then nothing may be sent."""
    state = desk.state
    batch = Batch(state, inputs, is_still=inputs.ticks is None and state.is_open)
    if inputs.ticks is not None and state.session is not None:
        desk.quotes.update(tuple(state.instruments.values()), inputs.ticks)
    batch.take(inputs.facts)
    for request in inputs.kills:
        batch.take(kill.block(state, request))
    for row in inputs.reports:
        booked = book_report(state, row)
        batch.take(booked)
        _watch_fills(desk, booked)
    if inputs.session == CLOSED and state.is_open and state.session is not None:
        batch.take((e.SessionClosed(day=state.session.day),))
    answers = {envelope.id: _command(desk, batch, envelope) for envelope in inputs.commands}
    _progress(desk, batch, on_grid=_is_on_grid(desk, inputs))
    if _is_on_grid(desk, inputs) and inputs.session in (CONTINUOUS, HALTED):
        _watch_market(desk, batch)
    decisions = _decisions(desk, batch) if _is_decision_time(desk, inputs) else ()
    batch.take(approval.expire(state))
    batch.take(limit_changes.expire(state))
    batch.take(overrides.expire(state))
    batch.take(kill.confirm(state))
    return Output(
        entries=tuple(batch.entries),
        records=tuple(batch.records),
        decisions=decisions,
        answers=answers,
    )


def note(desk: Desk, inputs: Inputs, facts: tuple[AnyEvent, ...]) -> Output:
    """A second batch of the same turn: what became of the sends."""
    batch = Batch(desk.state, inputs)
    batch.take(facts)
    batch.take(kill.confirm(desk.state))
    return Output(entries=tuple(batch.entries), records=(), decisions=(), answers={})


def _watch_fills(desk: Desk, booked: tuple[AnyEvent, ...]) -> None:
    """Fills are looked at again once the market has moved on."""
    for event in booked:
        if isinstance(event, e.ChildFilled) and desk.sight is not None:
            child = desk.state.child(event.child_id)
            assert child is not None
            desk.sight.marks.add(child.parent_id, child.symbol, child.side, event)


def _command(desk: Desk, batch: Batch, envelope: Envelope) -> str:
    state = desk.state
    known = answered(state, envelope)
    if known is not None:
        return known  # same id = one effect, same answer
    try:
        events = decide(state, desk.quotes, envelope)
    except Refused as refusal:
        sentence = str(refusal)
        batch.take((e.CommandTaken(envelope=envelope),))
        refused = e.CommandRefused(
            id=envelope.id, sentence=sentence, field=refusal.field, rule=refusal.rule
        )
        batch.take((refused,))
        return sentence
    batch.take((e.CommandTaken(envelope=envelope), *events))
    if any(isinstance(event, e.SessionOpened) for event in events):
        assert state.session is not None
        desk.quotes = Quotes()
        desk.sight = open_sight(state.session, tuple(state.instruments.values()))
        desk.decided = {}
        batch.take(limit_changes.overdue(state, state.session.day))
    return ""


def _progress(desk: Desk, batch: Batch, *, on_grid: bool) -> None:
    """Let every live parent take the steps that are due, until none is."""
    for parent_id in tuple(desk.state.parents):
        while True:
            parent = desk.state.parents[parent_id]
            if not parent.is_live:
                break
            events = follow(desk.state, parent) if parent.state in orders.LIVE else ()
            events = events or orders.progress(desk.state, desk.quotes, parent)
            if not events:
                break
            batch.take(events)
    batch.take(kill.press(desk.state))
    batch.take(modes.take_back(desk.state))
    batch.take(scope_hold.end_due(desk.state, desk.quotes, on_grid=on_grid))
    batch.take(scope_hold.go_on(desk.state, desk.quotes))


def _is_on_grid(desk: Desk, inputs: Inputs) -> bool:
    """Whether a whole second of the open day has come with its ticks."""
    session = desk.state.session
    if session is None or inputs.ticks is None or not desk.state.is_open:
        return False
    return (inputs.market_ns - session.open_at) % SECOND == 0


def _is_decision_time(desk: Desk, inputs: Inputs) -> bool:
    return _is_on_grid(desk, inputs) and inputs.session == CONTINUOUS


def _watch_market(desk: Desk, batch: Batch) -> None:
    """What is wrong with the market, before anybody decides on it."""
    state, sight = desk.state, desk.sight
    assert sight is not None
    for symbol in state.instruments:
        fit = not trouble.waits_for(state, desk.quotes, symbol)
        sight.moves.add(state.market_ns, symbol, desk.quotes.mid(symbol) if fit else None)
        if fit:
            desk.quotes.remember(state.market_ns, symbol)
    batch.take(trouble.watch(state, desk.quotes, sight.moves))
    batch.take(trips.watch(state, sight.moves))


def _decisions(desk: Desk, batch: Batch) -> tuple[Decision, ...]:
    """Features of every instrument, then one decision for each working parent."""
    state, sight = desk.state, desk.sight
    assert sight is not None
    fit = [x for x in state.instruments if not trouble.waits_for(state, desk.quotes, x)]
    sight.look(desk.quotes.trusted(fit))
    mids = {x: desk.quotes.mid(x) if x in fit else None for x in state.instruments}
    sight.marks.book(state.market_ns, mids)
    batch.take(venues.turned(state, desk.quotes))
    for strategy in state.models:
        sight.judge(state.market_ns, desk.model_of(strategy), mids)
    for row in state.rollouts.values():
        sight.judge_trial(state.market_ns, desk.models.get(row.model_id or ""), mids)
    batch.take(models.watch(state, desk.verdicts()))
    batch.take(rollout.watch(state, desk.trial_verdicts()))
    if sight.seconds % EVERY == 0:
        batch.take(desk.beside.summaries())
    out = []
    for parent in working(state):
        batch.take(tuple(ttl_cancels(state, parent)))
        if stopped_by(state, parent):
            continue
        chosen = desk.beside.choose(state, desk.quotes, sight, parent, desk.models)
        batch.take(chosen.events)
        if chosen.record:
            batch.records.append((state.seq, chosen.record))
        decision = chosen.decision
        desk.decided[parent.id] = decision
        out.append(decision)
        batch.take(cancels_of(state, decision))
        intended = child_of(state, decision)
        if intended is not None:
            _intend(desk, batch, decision, intended)
    batch.take(order_alerts.watch(state, desk.quotes, sight.doubts, out))
    return tuple(out)


def _intend(desk: Desk, batch: Batch, decision: Decision, intended: e.ChildIntended) -> None:
    """Through the gate; what it stops is written down too, and never leaves."""
    state = desk.state
    parent = state.parents[intended.parent_id]
    refusal: Refused | None = None
    uses: tuple[limits.Use, ...] = ()
    try:
        _gate_safety(desk, parent, intended)
        uses = risk.gate(state, desk.quotes, parent, intended)
    except Refused as stopped:
        refusal = stopped
    batch.take((intended,))
    batch.records.append((state.seq, decision.record))
    if refusal is None:
        batch.take(limits.highest(state, uses))
        return
    stop = e.ChildSendRefused(child_id=intended.child_id, rule=refusal.rule, sentence=str(refusal))
    sentence = f"gate stopped {child_text(intended.child_id)} of P-{parent.id}: {refusal}"
    alert = raise_alert(state, "warn", f"gate.{refusal.rule}", f"P-{parent.id}", sentence)
    batch.take((stop, alert))
    batch.take(throttle.trip(state, parent, intended, refusal))


def stopped_by(state: State, parent: Parent) -> str:
    """What keeps a working parent from deciding at all: mode, books, a hold; "" = nothing."""
    halted = modes.waits(state, parent.state)
    if halted:
        return halted
    if parent.symbol in state.differences:
        return f"books and venue differ in {parent.symbol}"
    if reentry.exceeds(state, parent):
        return f"P-{parent.reenters} and its linked orders would exceed what it was for"
    if not state.holds:
        return ""
    found = blocking_hold(state, tags_of(state, parent))
    return "" if found is None else f"hold {scope_hold.text(found)}"


def _gate_safety(desk: Desk, parent: Parent, order: e.ChildIntended) -> None:
    """Mode, books and holds once more, whatever the decision looked at."""
    state, quote = desk.state, desk.quotes.get(order.symbol)
    touch = None if quote is None else quote.ask if order.side > 0 else quote.bid
    modes.gate(state, order, touch)
    rollout.gate(state, parent.strategy, order)
    books.check_symbol(state, order.symbol)
    scope_hold.check_tags(state, tags_of(state, parent, state.venue_name(order.venue)))


def kills_cancelled(state: State, *, is_sent: bool) -> tuple[AnyEvent, ...]:
    """After the sends of a turn: kills whose cancels are all written to the venue.

    ``is_sent`` : the venue has taken what was sent. Without it only a kill that has no live child
    is done with its cancels; the others stay BLOCKED until the venue is back.
    """
    found = []
    for row in state.kills.values():
        left = sum(1 for child_id in row.children if child_id in state.children)
        if row.state == KillState.BLOCKED and (is_sent or not left):
            found.append(e.KillCancelSent(kill_id=row.id, cancels=left))
    return tuple(found)


def kills_carried(state: State) -> tuple[Kill, ...]:
    """Every kill in force, and the newest that were released; all others are in the journal."""
    released = [row.id for row in state.kills.values() if not row.is_active]
    kept = set(released[-KEPT_KILLS:])
    return tuple(row for row in state.kills.values() if row.is_active or row.id in kept)


def carried(state: State) -> e.DeskCarried:
    """What outlives the day, as the first entry of the next segment."""
    return e.DeskCarried(
        epoch=state.epoch,
        code=state.code,
        mode=state.mode,
        session=state.session,
        speed=state.speed,
        seed=state.seed,
        people=tuple(state.people.values()),
        policy=state.policy,
        parameters=tuple(state.parameters.values()),
        models=tuple(state.models.values()),
        kills=kills_carried(state),
        changes=tuple(state.changes.values()),
        alerts=tuple(alert for alert in state.alerts.values() if not alert.is_closed),
        reports=state.reports,
        signed=state.signed,
        next_ids=(
            state.next_parent,
            state.next_child,
            state.next_kill,
            state.next_change,
            state.next_alert,
        ),
        kill_generation=state.kill_generation,
        limits=state.limits.carried(),
        trading=state.trading,
        conditions=tuple(state.conditions.values()),
        holds=tuple(row for row in state.holds.values() if row.is_active),
        next_hold=state.next_hold,
        playbook=tuple(text for texts in state.playbook.values() for text in texts),
        drilled=tuple(state.drilled.values()),
        rollouts=tuple(state.rollouts.values()),
        trusted=tuple(state.trusted.items()),
        judged=tuple(state.judged.items()),
        lapsed=tuple(state.lapsed.items()),
    )
