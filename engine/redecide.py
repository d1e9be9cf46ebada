"""Decide a journal again from its recorded inputs: every entry must come out byte for byte.

Inputs are the commands, kill requests, venue reports and shell facts that stand in the journal, and
the market, which is run again from its seed and the exchange's own order log. Features, scores,
plans, gate and lives are computed anew. A tampered input, record or rule shows at the first entry
that differs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from db.journal import read_decision, read_segment, segments
from engine.core.plan import NO_MODEL
from engine.core.rules.scope import child_number
from engine.core.state import State
from engine.core.turn import Desk, Inputs, Output, note, step
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain.codec import entry_to_json
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent, Entry
from engine.domain.executions import EXECUTION
from engine.domain.heard import ROW_FIELDS, heard, is_report
from engine.domain.instrument import Session
from engine.domain.units import SECOND, Nanos
from engine.exchange.market import Advance, TradableMarket
from engine.exchange.order_desk import OrderDesk
from engine.exchange.order_log import Happened, Moved, Withdrawn, log_path, read_entries
from engine.exchange.order_troubles import make_trouble
from engine.exchange.presets import PRESETS
from engine.exchange.simulated import SimulatedMarket
from engine.kernels.schedules import u_shape_curve
from engine.runtime.answers import explain
from engine.runtime.models import load_model
from engine.runtime.venues.wire import Incident, messages_of

# a turn that begins with one of these was written by the shell as facts of its own
SHELL: Final = (
    e.EngineStarted, e.DeskCarried, e.ChildUnknown, e.ChildNeverArrived, e.Reconciled,
    e.VenuesSeen, e.IncidentStarted, e.IncidentNotStarted,
    e.KillCancelSent, e.KillRepeated, e.KillReleased, e.ConditionBegan, e.ConditionOver,
    e.BooksCompared, e.ChildSendRefused, e.ParentHoldAsked, e.ParentPassiveOnly, e.AlertRaised,
    e.ReplaceNeverArrived, e.ChildAdopted, e.AlertEscalated,
)  # fmt: skip
Deliveries = Iterable[tuple[int, NDArray[np.void] | tuple[tuple[int, int], ...] | Incident]]
OpenMarket = Callable[[Session, int, int], TradableMarket]  # session, seed, number of instruments
OpenDeliveries = Callable[[str], Deliveries]  # day


@dataclass(slots=True)
class Feed:
    """The market of one day, run again with the messages it really got, when it got them."""

    market: OrderDesk
    deliveries: Iterator[tuple[int, Any]]
    waiting: tuple[int, Any] | None = None
    at: int = 0

    def to(self, at_ns: int) -> Advance:
        """Ticks at this instant: everything that came before it is in the book."""
        if self.waiting is None:
            self.waiting = next(self.deliveries, None)
        while self.waiting is not None and self.waiting[0] < at_ns:
            came, what = self.waiting
            self.market.advance(Nanos(max(came, self.at)))
            if isinstance(what, Incident):
                self.market.incident(what)
            elif isinstance(what, tuple):
                self.market.cancel_now(list(what))
            else:
                self.market.submit(what)
            self.at = max(came, self.at)
            self.waiting = next(self.deliveries, None)
        self.at = at_ns
        return self.market.advance(Nanos(at_ns))


@dataclass(slots=True)
class Again:
    """A second desk, moved by the journal of the first."""

    open_market: OpenMarket
    open_deliveries: OpenDeliveries
    load: Callable[[str], Any]
    desk: Desk = field(default_factory=lambda: Desk(State()))
    feed: Feed | None = None
    ready: bool = False  # the venue was compared; from here on the market moves
    market_ns: int = 0
    decided: int = 0
    first_difference: int | None = None
    why: str = ""

    def turn(self, entries: list[Entry]) -> None:
        """Decide one recorded turn again and compare."""
        first = entries[0].event
        if isinstance(first, SHELL):
            self._note(entries)
        else:
            self._step(entries)
        self._follow(entries)

    def _inputs(self, entry: Entry, **more: Any) -> Inputs:
        return Inputs(
            turn=entry.turn,
            market_ns=more.pop("market_ns", entry.market_ns),
            desk_ns=entry.desk_ns,
            session=more.pop("session", k.CONTINUOUS),
            **more,
        )

    def _note(self, entries: list[Entry]) -> None:
        if self.ready and self.feed is not None and entries[0].market_ns > self.market_ns:
            self._idle(entries[0].market_ns + 1)  # the market had come here before the shell spoke
        facts = tuple(x.event for x in entries if not isinstance(x.event, e.KillConfirmed))
        if isinstance(facts[0], e.EngineStarted):  # what is derived from the market starts anew
            models = self.desk.models
            self.desk = Desk(self.desk.state)
            self.desk.models = models
        self._compare(entries, note(self.desk, self._inputs(entries[0]), facts))

    def _step(self, entries: list[Entry]) -> None:
        entry = entries[0]
        more: dict[str, Any] = {}
        if self.ready and self.feed is not None and entry.market_ns > self.market_ns:
            self._idle(entry.market_ns)
            if entry.still:  # this instant was decided, and gave nothing, before the turn began
                self._quiet(entry.market_ns)
            else:
                advance = self.feed.to(entry.market_ns)
                more = {"ticks": advance.ticks, "session": advance.session}
        inputs = self._inputs(
            entry,
            commands=tuple(
                x.event.envelope for x in entries if isinstance(x.event, e.CommandTaken)
            ),
            kills=tuple(x.event for x in entries if isinstance(x.event, e.KillBlocked)),
            reports=reports_of(self.desk.state, [x.event for x in entries]),
            **more,
        )
        self._compare(entries, step(self.desk, inputs))

    def _idle(self, until: int) -> None:
        """The whole seconds in which nothing was written: they must decide nothing again."""
        state = self.desk.state
        assert state.session is not None
        assert self.feed is not None
        opened = state.session.open_at
        second = opened + ((self.market_ns - opened) // SECOND + 1) * SECOND
        while second < until:
            self._quiet(second)
            second += SECOND

    def _quiet(self, at: int) -> None:
        """One instant in which nothing was written."""
        assert self.feed is not None
        state, advance = self.desk.state, self.feed.to(at)
        inputs = Inputs(
            turn=state.turn + 1,
            market_ns=Nanos(at),
            desk_ns=state.desk_ns,
            session=advance.session,
            ticks=advance.ticks,
        )
        before = (state.turn, state.market_ns, state.desk_ns)
        output = step(self.desk, inputs)
        if output.entries:
            self._differ(output.entries[0].seq, f"decided again: {output.entries[0].event!r}")
        state.turn, state.market_ns, state.desk_ns = before

    def _compare(self, entries: list[Entry], output: Output) -> None:
        self.decided += len(entries)
        for old, new in zip(entries, output.entries, strict=False):
            same_input = structs.replace(new, still=old.still)  # journals of older versions lack it
            if entry_to_json(old) != entry_to_json(same_input):
                self._differ(old.seq, f"recorded {old.event!r}, decided again {new.event!r}")
                return
        if len(entries) != len(output.entries):
            shorter = min(len(entries), len(output.entries))
            self._differ(
                entries[0].seq + shorter,
                f"{len(entries)} entries recorded in the turn, {len(output.entries)} decided again",
            )

    def _differ(self, seq: int, why: str) -> None:
        if self.first_difference is None:
            self.first_difference, self.why = seq, why

    def _follow(self, entries: list[Entry]) -> None:
        """What the turn means for the market: a new day, a link lost or found, a model."""
        for entry in entries:
            match entry.event:
                case e.SessionOpened(session=session, instruments=instruments, seed=seed):
                    market = self.open_market(session, seed, len(instruments))
                    self.feed = Feed(
                        OrderDesk(market, make_trouble), iter(self.open_deliveries(session.day))
                    )
                    self.ready = False
                case e.EngineStarted() | e.ChildUnknown():
                    self.ready = False
                case e.AlertRaised(kind="venue"):
                    self.ready = False
                case e.Reconciled():
                    self.ready = True
                case e.ModelSet(model_id=str(name)) | e.RolloutStaged(model_id=str(name)) if name:
                    self.desk.models[name] = self.load(name)
                case _:
                    pass
        self.market_ns = entries[-1].market_ns

    def run(self, entries: Iterable[Entry]) -> None:
        """A whole segment, up to the first difference."""
        for _, group in groupby(entries, key=lambda entry: entry.turn):
            self.turn(list(group))
            if self.first_difference is not None:
                return


def reports_of(state: State, events: list[AnyEvent]) -> NDArray[np.void]:
    """EXECUTION rows that say what these events say."""
    index = {symbol: i for i, symbol in enumerate(state.instruments)}
    found = [x for x in events if is_report(x) or isinstance(x, e.StrayReport)]
    rows = np.zeros(len(found), dtype=EXECUTION)
    for row, event in zip(rows, found, strict=True):
        plain: Any = event
        row["child"] = plain.child_id
        report = heard(event)
        row["venue_ns"] = report.at
        for name in ("exec_id", "kind", *ROW_FIELDS):
            row[name] = getattr(report, name)
        for name in ("bid", "ask", "venue"):
            row[name] = getattr(plain, name, 0)
        child = state.child(plain.child_id)
        row["symbol"] = 0 if child is None else index[child.symbol]
    return rows


def simulated(session: Session, seed: int, count: int) -> TradableMarket:
    """The simulated market of a day."""
    return SimulatedMarket(session=session, seed=seed, presets=PRESETS[:count])


def deliveries_of(folder: Path, day: str) -> Deliveries:
    """What the exchange really got that day, by its own log."""
    path = log_path(folder, day)
    entries = read_entries(path)[0] if path.exists() else []
    for entry in entries:
        if isinstance(entry, Moved) and entry.messages:
            yield entry.from_ns, messages_of(entry.messages)
        elif isinstance(entry, Withdrawn):
            yield entry.at_ns, entry.children
        elif isinstance(entry, Happened):
            yield entry.at_ns, entry.incident


def redecide(
    journal: Path, exchange: Path, models: Path, open_market: OpenMarket = simulated
) -> dict[str, Any]:
    """Decide every segment of a journal again. Refused for a recorded day without its recording."""
    again = Again(
        open_market=open_market,
        open_deliveries=lambda day: deliveries_of(exchange, day),
        load=lambda model_id: load_model(models, model_id),
    )
    for path in segments(journal):
        again.run(read_segment(path))
        if again.first_difference is not None:
            break
    return {
        "decided": again.decided,
        "first_difference": again.first_difference,
        "why": again.why,
    }


def explain_child(journal: Path, models: Path, target: str) -> dict[str, Any]:
    """The decision record of a child in words, recomputed here and now."""
    wanted = child_number(target)
    strategies: dict[int, str] = {}
    for path in segments(journal):
        for entry in read_segment(path):
            event = entry.event
            if isinstance(event, e.ParentAccepted):
                strategies[event.parent.id] = event.parent.strategy
            if isinstance(event, e.ChildIntended) and event.child_id == wanted:
                record = read_decision(journal, entry.seq)
                if record is None:
                    raise Refused(f"entry {entry.seq} has no decision record")
                flat = load_model(models, event.model_id).model if event.model_id else NO_MODEL
                strategy = strategies[event.parent_id]
                return explain(record, strategy, u_shape_curve(), flat, event.child_id)
    raise Refused(f"no child {target} in this journal", field="child")
