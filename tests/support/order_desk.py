"""A desk with an open day and no market: parents and children by events, reports by rows."""

from typing import Any

import numpy as np

from engine.core.evolve import evolve
from engine.core.state import State
from engine.core.turn import Desk, Inputs, Output, note, step
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain.events import AnyEvent, Entry
from engine.domain.executions import EXECUTION
from engine.domain.instrument import Session
from engine.domain.orders import AtEnd, CatchUp, Child, OnRestart, Parent, ParentState
from engine.domain.people import Person, Role
from engine.domain.strategy import STRATEGIES
from engine.domain.units import Nanos, ParentId, PersonId, Shares, Ticks, child_id
from engine.domain.venue import Venue
from engine.exchange.presets import PRESETS

DAY = Session(day="2026-11-30", open_at=Nanos(10**9), close_at=Nanos(10**15), zone="UTC")
INSTRUMENT = PRESETS[0].instrument
VENUES = (
    Venue(name="SIM-A", kind=k.LIT, order_types=(k.LIMIT,), make_fee=-0.001, take_fee=0.003),
)  # fmt: skip
PEOPLE = (
    Person(id="u1", roles=(Role.TRADER,), desk="main", max_notional=1e12),
    Person(id="u3", roles=(Role.SUPERVISOR,), desk="main"),
)


def a_parent(number: int = 1, quantity: int = 100_000, **changed: Any) -> Parent:
    """A working buy of TWAP."""
    fields: dict[str, Any] = {
        "id": ParentId(number), "symbol": INSTRUMENT.symbol, "side": 1,
        "quantity": Shares(quantity), "strategy": "TWAP", "trader": PersonId("u1"),
        "desk": "main", "client": "", "state": ParentState.WORKING, "accepted_at": Nanos(10**9),
        "start_at": Nanos(10**9), "end_at": Nanos(10**14), "limit_price": None,
        "arrival_price": 5000.0, "arrival_volume": Shares(0), "arrival_notional": 0, "seed": 1,
        "overrides": (), "parameter_version": 1, "on_restart": OnRestart.RESUME,
        "catch_up": CatchUp.SPREAD, "at_end": AtEnd.EXPIRE, "base_at": Nanos(10**9),
    }  # fmt: skip
    return Parent(**{**fields, **changed})


def a_report(kind: int, exec_id: int, child: int, **fields: Any) -> np.ndarray:
    """One EXECUTION row."""
    row = np.zeros(1, EXECUTION)
    row["kind"], row["exec_id"], row["child"] = kind, exec_id, child
    row["venue_ns"] = 2 * 10**9 + exec_id
    for name, value in fields.items():
        row[name] = value
    return row


class OrderDesk:
    """Steps of the real core, one turn each; keeps every entry."""

    def __init__(self) -> None:
        self.desk = Desk(State())
        self.entries: list[Entry] = []
        self.now = 2 * 10**9
        self.facts(
            e.EngineStarted(epoch=1, code="test"),
            e.PeopleSet(people=PEOPLE),
            e.ParametersSet(strategy="TWAP", version=1, values=STRATEGIES["TWAP"].defaults()),
            e.SessionOpened(session=DAY, instruments=(INSTRUMENT,), source="test", seed=1),
            e.VenuesSeen(venues=VENUES),
        )

    @property
    def state(self) -> State:
        return self.desk.state

    def _inputs(self, **more: Any) -> Inputs:
        self.now += 1_000_000
        return Inputs(
            turn=self.state.turn + 1, market_ns=Nanos(self.now), desk_ns=Nanos(self.now),
            session=k.CONTINUOUS, **more,
        )  # fmt: skip

    def _kept(self, output: Output) -> Output:
        self.entries += output.entries
        return output

    def facts(self, *events: AnyEvent) -> None:
        """What the shell found."""
        self._kept(note(self.desk, self._inputs(), events))

    def turn(self, **more: Any) -> Output:
        """One turn of the core."""
        return self._kept(step(self.desk, self._inputs(**more)))

    def parent(self, quantity: int = 100_000, **changed: Any) -> int:
        """A new parent; its number."""
        number = self.state.next_parent
        self.facts(e.ParentAccepted(parent=a_parent(number, quantity, **changed)))
        return number

    def child(self, quantity: int, parent: int = 1, price: int = 5000) -> int:
        """A child that is intended; its id."""
        number = child_id(1, self.state.next_child)
        self.facts(
            e.ChildIntended(
                child_id=number, parent_id=ParentId(parent), symbol=INSTRUMENT.symbol, side=1,
                type=k.LIMIT, price=Ticks(price), quantity=Shares(quantity), ttl_ns=Nanos(0),
                why=0, binding=0, parameter_version=1,
            )
        )  # fmt: skip
        return number

    def cancel(self, child: int, by: str = "plan") -> None:
        self.facts(e.CancelIntended(child_id=child, by=by))

    def replace(self, child: int, quantity: int, price: int = 5000) -> int:
        """Ask for new terms; the number of the request."""
        number = len(self.of(child).life.requests) + 1
        self.facts(
            e.ChildReplaceIntended(
                child_id=child, request=number, quantity=Shares(quantity), price=Ticks(price),
                by="amend",
            )
        )  # fmt: skip
        return number

    def hear(self, *rows: np.ndarray) -> Output:
        """Reports, in one turn."""
        return self.turn(reports=np.concatenate(rows))

    def of(self, child: int) -> Child:
        found = self.state.child(child)
        assert found is not None
        return found

    def sums(self, parent: int = 1) -> tuple[int, int]:
        """Filled shares of the parent, and of its children together."""
        kids = [*self.state.children.values(), *self.state.ended.values()]
        return (
            self.state.parents[parent].filled,
            sum(child.filled for child in kids if child.parent_id == parent),
        )

    def alerts(self) -> set[str]:
        return {alert.kind for alert in self.state.alerts.values()}


def folded(entries: list[Entry]) -> State:
    """A second fold of the same entries."""
    state = State()
    for entry in entries:
        evolve(state, entry)
    return state
