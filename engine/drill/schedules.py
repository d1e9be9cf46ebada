"""Random schedules of a nasty venue and of people, against the real core: is anything lost?

No process and no clock: the core's turn, the wire's rows, a venue by hand (``nasty``). A schedule
is children sent, held, killed, amended and resumed while reports come late, twice, out of order or
never, the link breaks, fills are busted and corrected. Then the link is found again, the day ends,
and both books are compared. Every schedule follows from the seed and its number.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.core.evolve import evolve
from engine.core.state import State
from engine.core.turn import Desk, Inputs, Output, kills_cancelled, note, step
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain import kinds as k
from engine.domain.codec import entry_from_json, entry_to_json
from engine.domain.commands import Envelope
from engine.domain.events import AnyEvent, Entry
from engine.domain.instrument import Session
from engine.domain.market import TICK
from engine.domain.orders import (
    AtEnd,
    CatchUp,
    ChildState,
    HoldChildren,
    OnRestart,
    Parent,
    ParentState,
)
from engine.domain.people import Person, Role
from engine.domain.strategy import STRATEGIES
from engine.domain.units import (
    ChildId,
    Nanos,
    ParentId,
    PersonId,
    Shares,
    Ticks,
    child_id,
    child_text,
)
from engine.domain.venue import Venue
from engine.drill.ending import Report, conclude, flags
from engine.drill.nasty import STRAY, Held, NastyVenue
from engine.exchange.presets import PRESETS
from engine.kernels.rng import below
from engine.runtime import reconcile
from engine.runtime.send import changes_of, leaving, messages_for

STREAM: Final = 7_010
TURNS: Final = 60
OPEN: Final = 10**18
SESSION: Final = Session(
    day="2026-11-30", open_at=Nanos(OPEN), close_at=Nanos(OPEN + 10**15), zone="UTC"
)
INSTRUMENT: Final = PRESETS[0].instrument
PRICE: Final = INSTRUMENT.reference_price
VENUES: Final = (Venue(name="NASTY", kind=k.LIT, order_types=(k.LIMIT,), make_fee=-0.001),)
TRADER, BOSS = PersonId("u1"), PersonId("u3")
PEOPLE: Final = (
    Person(id=TRADER, roles=(Role.TRADER,), desk="main", max_notional=1e12),
    Person(id=BOSS, roles=(Role.SUPERVISOR,), desk="main", max_notional=1e12),
)


class Schedule:
    """One schedule: a desk, a venue, and dice."""

    turns = TURNS

    def __init__(self, seed: int, number: int) -> None:
        self._seed, self._at = seed * 1_000_003 + number, 0
        self.venue = NastyVenue(self.dice, INSTRUMENT.symbol)
        self.desk = Desk(State())
        self.entries: list[Entry] = []
        self.ready = True
        self.acts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.facts(
            e.EngineStarted(epoch=1, code="drill"),
            e.PeopleSet(people=PEOPLE),
            e.ParametersSet(strategy="TWAP", version=1, values=STRATEGIES["TWAP"].defaults()),
            e.SessionOpened(session=SESSION, instruments=(INSTRUMENT,), source="drill", seed=1),
            e.VenuesSeen(venues=VENUES),
        )
        for parent in range(1, 3):
            self.facts(e.ParentAccepted(parent=a_parent(parent, 500 + self.dice(1_500))))

    @property
    def state(self) -> State:
        return self.desk.state

    def dice(self, n: int) -> int:
        """The next number in [0, n)."""
        self._at += 1
        return int(below(self._seed, STREAM, self._at, n))

    # --- the shell ------------------------------------------------------------------------------
    def _inputs(self, **more: Any) -> Inputs:
        at = Nanos(OPEN + 1 + self.venue.now * 7_000_001)  # never a whole second: nobody decides
        return Inputs(
            turn=self.state.turn + 1, market_ns=at, desk_ns=at, session=k.CONTINUOUS, **more
        )

    def facts(self, *events: AnyEvent) -> None:
        """What the shell found; what follows is sent."""
        if events:
            self._done(note(self.desk, self._inputs(), events))

    def turn(self, **more: Any) -> None:
        """One turn: what has arrived, what people want, what leaves."""
        rows = self.venue.arrived() if self.ready else []
        if rows:
            more["reports"] = np.concatenate(rows)
        self._done(step(self.desk, self._inputs(ticks=_tick(), **more)))

    def _done(self, output: Output) -> None:
        self.entries += output.entries
        cancels, news = leaving(output)
        rows = messages_for(self.state, cancels, news, changes_of(output))
        for row in rows:
            if self.ready or (not self.venue.is_linked and self.dice(3) == 0 and news):
                self.venue.take(row)  # a message of a breaking link may have come through
        receipts = kills_cancelled(self.state, is_sent=self.ready)
        if receipts:
            self.facts(*receipts)
        if not self.ready:
            self.facts(*(
                e.ChildUnknown(child_id=child.id)
                for child in tuple(self.state.children.values())
                if child.state == ChildState.INTENDED
            ))  # fmt: skip

    def find(self) -> None:
        """The link is back: every report once more, what never came, cancels again."""
        self.venue.is_linked = True
        reports, books = self.venue.books()
        self.turn(reports=reports)
        missing = reconcile.resolve_missing(self.state, books)
        self.facts(*missing)
        self.facts(*reconcile.verdict(self.state, books, len(missing)))
        self.ready = True
        for row in messages_for(self.state, list(reconcile.resend_cancels(self.state)), []):
            self.venue.take(row)
        self.facts(*kills_cancelled(self.state, is_sent=True))

    # --- people and plans -------------------------------------------------------------------------
    def command(self, command: c.AnyCommand, person: PersonId = TRADER) -> None:
        """One command through the real rules; a refusal is an answer too."""
        name = type(command).__name__
        self.acts[name] += 1
        inputs = self._inputs()
        envelope = Envelope(
            id=f"drill-{self._at}", person=person, epoch=1,
            expires_at=Nanos(inputs.desk_ns + 5_000_000_000), command=command, reason="drill",
        )  # fmt: skip
        before = self.state.commands.get(envelope.id)
        self.turn(commands=(envelope,))
        if self.state.commands.get(envelope.id) and before is None:
            self.refused[name] += 1

    def act(self) -> None:
        """One deed of a person or a plan."""
        parent = self.state.parents[ParentId(1 + self.dice(2))]
        match self.dice(12):
            case 0:
                how = HoldChildren.LEAVE if self.dice(3) == 0 else HoldChildren.CANCEL
                self.command(c.HoldParent(parent_id=parent.id, children=how))
            case 1 | 2:
                self.command(c.ResumeParent(parent_id=parent.id), BOSS)
            case 3:
                wanted = max(parent.quantity // 2 + self.dice(parent.quantity), 1)
                self.command(c.AmendParent(parent_id=parent.id, quantity=Shares(wanted)))
            case 4:
                limit = Ticks(PRICE - 5 + self.dice(20))
                self.command(c.AmendParent(parent_id=parent.id, limit_price=limit))
            case 5 if self.dice(6) == 0:
                self._kill(parent)
            case 6:
                live = self.state.live_children(parent.id)
                if live:
                    self.facts(e.CancelIntended(child_id=live[0].id, by="plan"))
            case _:
                self._send(parent)

    def _kill(self, parent: Parent) -> None:
        self.acts["kill"] += 1
        slot = e.KillBlocked(
            kill_id=0, generation=self.state.kill_generation + 1, scope="parent",
            target=f"P-{parent.id}", by="drill", door="drill", requested_at=Nanos(1), parents=(),
            children=(),
        )  # fmt: skip
        self.turn(kills=(slot,))

    def _send(self, parent: Parent) -> None:
        """A child, if there is room: the planner's part and the gate's rule of conservation."""
        room = parent.quantity - parent.filled - self.state.reserved(parent.id)
        if parent.state != ParentState.WORKING or room < 1 or self.state.difference:
            return
        limit = PRICE + 10 if parent.limit_price is None else parent.limit_price
        self.acts["send"] += 1
        self.facts(
            e.ChildIntended(
                child_id=child_id(1, self.state.next_child), parent_id=parent.id,
                symbol=INSTRUMENT.symbol, side=1, type=k.LIMIT,
                price=Ticks(min(PRICE, limit)), quantity=Shares(1 + self.dice(min(room, 400))),
                ttl_ns=Nanos(0), why=0, binding=0, parameter_version=1,
            )
        )  # fmt: skip

    # --- the course of it -----------------------------------------------------------------------
    def run(self) -> None:
        """All turns, then the end of the day and the comparison."""
        for _ in range(self.turns):
            self.venue.now += 1
            if self.ready and self.dice(15) == 0:
                self.ready = False
                self.venue.cut()
            elif not self.ready and self.dice(4) == 0:
                self.find()
            self.act()
            self.venue.act()
            self.turn()
            self._conserved()
        self.venue.close()
        self.venue.cut()
        self.ready = False
        self.find()
        self.turn()
        self._judge()

    def _conserved(self) -> None:
        """Filled plus reserved stays within the quantity, whatever crosses whatever.

        Not checked once the venue has traded what nobody asked for: that is an over-fill.
        """
        if self.venue.traded_extra:
            return
        used: Counter[int] = Counter()
        for child in (*self.state.children.values(), *self.state.ended.values()):
            used[child.parent_id] += child.filled
            used[child.parent_id] += max(child.most - child.filled, 0) if child.is_live else 0
        there: Counter[int] = Counter()
        for number, held in self.venue.orders.items():
            ours = self.state.child(ChildId(number))
            if ours is not None:
                there[ours.parent_id] += held.cum + held.leaves
        for parent in self.state.parents.values():
            most = max(used[parent.id], there[parent.id])
            if most > parent.quantity:
                self.wrong.append(f"P-{parent.id} uses {most} of {parent.quantity}")

    def _judge(self) -> None:
        """Both books, child by child; then a second fold of the journal."""
        done: Counter[int] = Counter()
        for number, held in self.venue.orders.items():
            if number >= STRAY:
                self._judge_stray(number)
            else:
                self._judge_child(number, held, done)
        twice = [number for number, count in self.venue.news.items() if count > 1]
        self.wrong += [f"duplicate: {number} was sent more than once" for number in twice]
        for parent in self.state.parents.values():
            if parent.filled != done[parent.id]:
                self.wrong.append(f"P-{parent.id} {parent.filled}, there {done[parent.id]}")
        if self.state.children:
            self.wrong.append(f"{len(self.state.children)} children are still live")
        if not self._folds_again():
            self.wrong.append("a second fold gives another state")

    def _folds_again(self) -> bool:
        again = State()
        for entry in self.entries:
            evolve(again, entry_from_json(entry_to_json(entry)))
        return again == self.state

    def _judge_stray(self, number: int) -> None:
        if number in self.state.ended or number not in self.state.strays:
            self.wrong.append(f"stray {number} is not parked")

    def _judge_child(self, number: int, held: Held, done: Counter[int]) -> None:
        ours = self.state.child(ChildId(number))
        if ours is None:
            self.wrong.append(f"lost: {child_text(ChildId(number))} is not ours")
            return
        done[ours.parent_id] += held.cum
        if (ours.filled, ours.leaves) != (held.cum, held.leaves):
            self.wrong.append(
                f"lost: {child_text(ours.id)} {ours.filled}+{ours.leaves} {ours.state}, "
                f"there {held.cum}+{held.leaves}"
            )


def a_parent(number: int, quantity: int) -> Parent:
    """A working buy."""
    return Parent(
        id=ParentId(number), symbol=INSTRUMENT.symbol, side=1, quantity=Shares(quantity),
        strategy="TWAP", trader=TRADER, desk="main", client="", state=ParentState.WORKING,
        accepted_at=Nanos(OPEN), start_at=Nanos(OPEN), end_at=Nanos(OPEN + 10**14),
        limit_price=None, arrival_price=float(PRICE), arrival_volume=Shares(0),
        arrival_notional=0, seed=1, overrides=(), parameter_version=1,
        on_restart=OnRestart.RESUME, catch_up=CatchUp.SPREAD, at_end=AtEnd.EXPIRE,
        base_at=Nanos(OPEN),
    )  # fmt: skip


def _tick() -> Any:
    """A quiet two-sided market: amendments need a quote."""
    row = np.zeros(1, TICK)
    row["session"], row["at_ns"] = k.CONTINUOUS, OPEN
    row["bid"][0][0], row["ask"][0][0] = PRICE - 1, PRICE + 1
    row["bid_size"][0][0] = row["ask_size"][0][0] = 1_000
    return row


@dataclass(slots=True)
class Tally:
    """All schedules together."""

    schedules: int = 0
    events: int = 0
    children: int = 0
    did: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def run_all(seed: int, n: int) -> Tally:
    """So many schedules."""
    tally = Tally()
    for number in range(n):
        one = Schedule(seed, number)
        one.run()
        tally.schedules += 1
        tally.events += len(one.entries)
        tally.children += len(one.venue.news)
        tally.did.update(one.venue.did)
        tally.acts.update(one.acts)
        tally.refused.update(one.refused)
        tally.wrong += [f"schedule {number}: {sentence}" for sentence in one.wrong]
    return tally


def work(options: argparse.Namespace, _folder: Path) -> Report:
    """The drill as a report."""
    tally = run_all(options.seed, options.n)
    return {
        "schedules": tally.schedules,
        "entries": tally.events,
        "children": tally.children,
        "venue": dict(sorted(tally.did.items())),
        "people": dict(sorted(tally.acts.items())),
        "refused": dict(sorted(tally.refused.items())),
        "wrong": len(tally.wrong),
        "sentences": tally.wrong[:10],
    }


def main(argv: Sequence[str]) -> int:
    """``python -m engine drill schedules``."""
    parser = flags("schedules", __doc__)
    parser.add_argument("--n", type=int, default=1_000, help="schedules")
    return conclude(parser, argv, work, lambda report: report["wrong"] == 0, n=1)
