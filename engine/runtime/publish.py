"""Live rows out: what changed since the last look, at the pace screens can use."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from engine.core import show, show_alerts, show_limits, show_playbook
from engine.core import show_safety as safety
from engine.core.alarms import ORDER_TROUBLES
from engine.core.rules.approval import asking
from engine.core.turn import Desk, Output
from engine.domain import events as e
from engine.domain import views as v
from engine.domain.units import ChildId, ParentId, Symbol, child_text, parent_text
from engine.runtime.clock import Clock
from engine.runtime.link import EngineLink

MILLI: Final = 1_000_000
ORDERS_NS: Final = 50 * MILLI
QUOTES_NS: Final = 200 * MILLI
SLOW_NS: Final = 500 * MILLI  # strategies, desk row, kills while they age

# the cause of an alert may be over by these
ENDINGS: Final = (e.TroubleOver, e.ConditionOver, e.VenueBack, e.BooksCompared, e.Reconciled)

# what is held against versions: open requests that ask for one say so
VERDICTS: Final = (e.ModelJudged, e.ModelDemoted, e.RolloutDemoted)

# the playbook's rows change by these alone
PLAYBOOK: Final = (
    e.PlaybookEdited, e.IncidentStarted, e.AlertRaised, e.AlertAcknowledged, e.AlertResolved,
)  # fmt: skip


class Publisher:
    """Knows which rows are stale on the screens; never what they mean."""

    def __init__(self, link: EngineLink, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._parents: dict[ParentId, None] = {}
        self._children: dict[ChildId, None] = {}
        self._kills: dict[int, None] = {}
        self._changes: dict[int, None] = {}
        self._alerts: dict[int, None] = {}
        self._strategies: dict[str, None] = {}
        self._incidents: dict[int, None] = {}
        self._uses: dict[tuple[ParentId, int], None] = {}
        self._last = {"orders": 0, "quotes": 0, "slow": 0}
        self._day_changed = False
        self._playbook_changed = False

    def _send(self, desk: Desk, topic: str, up: dict[str, object], *, full: bool = False) -> None:
        if up or full:
            epoch, at = desk.state.epoch, self._clock.wall_ns()
            self._link.publish(topic, up, epoch=epoch, at=at, full=full)

    # --- what has changed -------------------------------------------------------------------
    def note(self, desk: Desk, output: Output) -> None:
        """Mark what a turn touched; command outcomes go out at once."""
        for entry in output.entries:
            self._mark(desk, entry.event)
        if any(isinstance(entry.event, ENDINGS) for entry in output.entries):
            self._alerts.update(dict.fromkeys(show_alerts.unresolved(desk.state)))
        if any(isinstance(entry.event, VERDICTS) for entry in output.entries):
            self._changes.update(dict.fromkeys(asking(desk.state)))
        if any(isinstance(entry.event, PLAYBOOK) for entry in output.entries):
            self._playbook_changed = True
        for decision in output.decisions:
            self._parents[decision.parent.id] = None
        self._acks(desk, output)

    def _mark(self, desk: Desk, event: e.AnyEvent) -> None:
        child_id = getattr(event, "child_id", None)
        child = None if child_id is None else desk.state.child(child_id)
        if child is not None:
            self._children[child.id] = None
            self._parents[child.parent_id] = None
            self._uses[child.parent_id, child.venue] = None
        marks: tuple[tuple[str, dict[Any, None]], ...] = (
            ("parent_id", self._parents),
            ("kill_id", self._kills),
            ("change_id", self._changes),
            ("alert_id", self._alerts),
            ("incident_id", self._incidents),
        )
        for name, marked in marks:
            number = getattr(event, name, 0)
            if number:
                marked[number] = None
        match event:
            case e.ParentAccepted(parent=parent):
                self._parents[parent.id] = None
            case e.KillBlocked(parents=parents):
                self._parents.update(dict.fromkeys(parents))
            case (
                e.ParametersSet(strategy=name)
                | e.ModelSet(strategy=name)
                | e.ModelDemoted(strategy=name)
                | e.RolloutStaged(strategy=name)
                | e.RolloutDemoted(strategy=name)
                | e.RolloutEnded(strategy=name)
                | e.ShadowCompared(strategy=name)
            ):
                self._strategies[name] = None
            case e.SessionOpened() | e.DeskCarried():
                self._day_changed = True
            case _:
                pass

    def _acks(self, desk: Desk, output: Output) -> None:
        up: dict[str, object] = {}
        for entry in output.entries:
            if isinstance(entry.event, e.CommandTaken):
                envelope = entry.event.envelope
                up[envelope.id] = {
                    "person": envelope.person,
                    "verb": type(envelope.command).__name__,
                    "state": "DONE",
                    "sentence": "",
                    "seq": entry.seq,
                    "at": entry.desk_ns,
                }
            elif isinstance(entry.event, e.CommandRefused):
                row = up.get(entry.event.id)
                if isinstance(row, dict):
                    row["state"], row["sentence"] = "REFUSED", entry.event.sentence
        self._send(desk, "acks", up)

    # --- sending ----------------------------------------------------------------------------
    def flush(self, desk: Desk, header: Callable[[], v.DeskRow]) -> None:
        """Send what is due. ``header`` is asked only when its row is."""
        now = self._clock.mono_ns()
        if self._day_changed:
            self._day_changed = False
            self.snapshot(desk, header())
            return
        if now - self._last["orders"] >= ORDERS_NS:
            self._last["orders"] = now
            self._flush_orders(desk)
        if now - self._last["quotes"] >= QUOTES_NS:
            self._last["quotes"] = now
            self._send(desk, "quotes", _quotes(desk, desk.state.instruments))
        if now - self._last["slow"] >= SLOW_NS:
            self._last["slow"] = now
            self._send(desk, "desk", {"desk": _plain(header())})
            self._kills.update(
                (kill.id, None) for kill in desk.state.active_kills() if kill.state != "CONFIRMED"
            )
            self._strategies.update(dict.fromkeys(desk.state.parameters))
            self._flush_strategies(desk)
            self._send(desk, "venues", _venues(desk))
            self._safety(desk)
            self._flush_limits(desk)
            if self._playbook_changed:
                self._playbook_changed = False
                self._send(desk, "playbook", _playbook(desk))
            self._incidents.update(dict.fromkeys(desk.state.incidents))
            self._send(desk, "incidents", _incidents(desk, self._incidents))
            self._incidents.clear()
            if any(
                kind not in ORDER_TROUBLES for kind, _ in desk.state.trouble
            ):  # orders say what they wait for, and how old that is
                live = (parent.id for parent in desk.state.parents.values() if parent.is_live)
                self._parents.update(dict.fromkeys(live))
            self._children.update(
                (child.id, None)
                for child in desk.state.children.values()
                if child.state in show.UNANSWERED
            )

    def _flush_orders(self, desk: Desk) -> None:
        state = desk.state
        parents: dict[str, object] = {
            parent_text(i): _plain(show.parent_row(desk, state.parents[i]))
            for i in self._parents
            if i in state.parents
        }
        children: dict[str, object] = {}
        for child_id in self._children:
            child = state.child(child_id)
            if child is not None:
                children[child_text(child_id)] = _plain(show.child_row(desk, child))
        self._send(desk, "parents", parents)
        self._send(desk, "children", children)
        self._send(desk, "uses", _uses(desk, self._uses))
        self._send(desk, "kills", _kills(desk, self._kills))
        self._send(desk, "changes", _changes(desk, self._changes))
        self._send(desk, "alerts", _alerts(desk, self._alerts))
        marks = (self._parents, self._children, self._kills, self._changes, self._alerts)
        for marked in (*marks, self._uses):
            marked.clear()

    def _flush_strategies(self, desk: Desk) -> None:
        rows = {name: _plain(show.strategy_row(desk, name)) for name in self._strategies}
        self._send(desk, "strategies", rows)
        self._strategies.clear()

    def _safety(self, desk: Desk) -> None:
        """Few rows, all of them: what is gone must go from the screens too."""
        state = desk.state
        holds = (row for row in state.holds.values() if row.is_active)
        self._send(
            desk, "holds", {f"H-{x.id}": _plain(safety.hold_row(desk, x)) for x in holds},
            full=True,
        )  # fmt: skip
        late = {row.id: _plain(row) for row in safety.pending_rows(desk)}
        self._send(desk, "pending", late, full=True)
        rows = (safety.difference_row(row) for row in state.differences.values())
        self._send(desk, "books", {row.id: _plain(row) for row in rows}, full=True)
        found = (safety.condition_row(row) for row in state.conditions.values())
        self._send(desk, "conditions", {row.id: _plain(row) for row in found}, full=True)

    def _flush_limits(self, desk: Desk) -> None:
        """All rows each time: a limit may be gone, and its use moves with every child."""
        for topic, rows in show_limits.topics(desk.state).items():
            self._send(desk, topic, rows, full=True)

    def snapshot(self, desk: Desk, header: v.DeskRow) -> None:
        """Everything, marked full: what a reader with a gap asks for."""
        state = desk.state
        parents: dict[str, object] = {
            parent_text(i): _plain(show.parent_row(desk, parent))
            for i, parent in state.parents.items()
        }
        children: dict[str, object] = {
            child_text(i): _plain(show.child_row(desk, child))
            for i, child in (*state.ended.items(), *state.children.items())
        }
        strategies = {name: _plain(show.strategy_row(desk, name)) for name in state.parameters}
        self._send(desk, "parents", parents, full=True)
        self._send(desk, "children", children, full=True)
        self._send(desk, "uses", _uses(desk, state.use), full=True)
        self._send(desk, "venues", _venues(desk), full=True)
        self._send(desk, "quotes", _quotes(desk, state.instruments), full=True)
        self._send(desk, "kills", _kills(desk, state.kills), full=True)
        self._safety(desk)
        self._send(desk, "changes", _changes(desk, state.changes), full=True)
        self._send(desk, "alerts", _alerts(desk, state.alerts), full=True)
        self._send(desk, "playbook", _playbook(desk), full=True)
        self._send(desk, "incidents", _incidents(desk, state.incidents), full=True)
        self._send(desk, "strategies", strategies, full=True)
        self._flush_limits(desk)
        self._send(desk, "desk", {"desk": _plain(header)}, full=True)


def _plain(row: msgspec.Struct) -> Any:
    return msgspec.structs.asdict(row)


def _quotes(desk: Desk, symbols: Iterable[Symbol]) -> dict[str, object]:
    rows = {symbol: show.quote_row(desk, symbol) for symbol in symbols}
    return {symbol: _plain(row) for symbol, row in rows.items() if row is not None}


def _uses(desk: Desk, keys: Iterable[tuple[ParentId, int]]) -> dict[str, object]:
    rows = (show.use_row(desk, parent, place) for parent, place in keys)
    return {row.id: _plain(row) for row in rows if row is not None}


def _venues(desk: Desk) -> dict[str, object]:
    return {row.id: _plain(row) for row in show.venue_rows(desk)}


def _kills(desk: Desk, ids: Iterable[int]) -> dict[str, object]:
    found = ((i, desk.state.kills.get(i)) for i in ids)  # one of an earlier day may be let go
    return {f"K-{i}": _plain(safety.kill_row(desk, x)) for i, x in found if x is not None}


def _changes(desk: Desk, ids: Iterable[int]) -> dict[str, object]:
    found = ((i, desk.state.changes.get(i)) for i in ids)
    return {f"R-{i}": _plain(show.change_row(desk, row)) for i, row in found if row is not None}


def _alerts(desk: Desk, ids: Iterable[int]) -> dict[str, object]:
    found = ((i, desk.state.alerts.get(i)) for i in ids)
    rows = ((i, show_alerts.alert_row(desk.state, row)) for i, row in found if row is not None)
    return {f"A-{i}": _plain(row) for i, row in rows}


def _playbook(desk: Desk) -> dict[str, object]:
    return {row.id: _plain(row) for row in show_playbook.playbook_rows(desk.state)}


def _incidents(desk: Desk, ids: Iterable[int]) -> dict[str, object]:
    found = ((i, desk.state.incidents.get(i)) for i in ids)
    return {f"I-{i}": _plain(show.incident_row(desk, row)) for i, row in found if row is not None}
