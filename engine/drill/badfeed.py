"""Bad market data, one kind after another: not one order may be priced from it.

A whole desk in this process (the real loop on a simulated day, a turn a market second) whose quotes
are spoilt between market and engine for thirty seconds out of every sixty, in one symbol or in all.
Judged from the journal: an order in a symbol whose data is bad, unless the gate stopped it. Then
how long until the desk said so, and until orders flow again.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.core.rules.trouble import waits_for
from engine.domain import events as e
from engine.domain.commands import SubmitParent
from engine.domain.errors import BrokenInvariant
from engine.domain.events import AnyEvent, Entry
from engine.domain.units import SECOND, Nanos, PersonId, Shares, Symbol
from engine.drill.ending import Report, conclude, flags, quantiles
from engine.exchange.hours import session_of
from engine.exchange.presets import PRESETS
from engine.runtime.code import trading_hash
from engine.runtime.venues.exchange import Advance
from engine.warm import ready
from engine.worker.past import PastDay

DAY: Final = "2026-01-02"
TRADER: Final = PersonId("u1")
BACK_S: Final = 60  # orders flow again by then
PERIOD_S: Final = 60
BAD_S: Final = 30  # of each period
STALE_S: Final = 10  # market time after which an old quote is bad: the desk's own limit
HOUR: Final = 3_600 * SECOND
WORKING: Final = 16
Rows = NDArray[np.void]


def crossed(row: np.void, _before: np.void) -> None:
    """The first venue bids above its own offer."""
    row["venue_bid"][0] = row["venue_ask"][0] + 2
    row["bid"][0] = row["venue_bid"][0]


def crossed_whole(row: np.void, _before: np.void) -> None:
    """The consolidated quote is crossed, each venue looks sound."""
    row["bid"][0] = row["ask"][0] + 2


def locked(row: np.void, _before: np.void) -> None:
    """A venue bids what it offers at, which its matching would have traded."""
    row["venue_ask"][0] = row["venue_bid"][0] = row["bid"][0]
    row["ask"][0] = row["bid"][0]


def one_sided(row: np.void, _before: np.void) -> None:
    """No offers."""
    row["ask"] = row["ask_size"] = 0
    row["venue_ask"] = row["venue_ask_size"] = 0


def negative(row: np.void, _before: np.void) -> None:
    """Prices below nothing."""
    row["bid"], row["ask"] = -row["ask"], -row["bid"]
    row["venue_bid"], row["venue_ask"] = -row["venue_ask"], -row["venue_bid"]


def not_a_number(row: np.void, _before: np.void) -> None:
    """What is computed from the flow of orders is no number."""
    row["ofi"] = np.nan


def frozen(row: np.void, before: np.void) -> None:
    """Nothing new comes: quotes and their stamp stay."""
    for name in before.dtype.names or ():
        row[name] = before[name]


def same_stamp(row: np.void, before: np.void) -> None:
    """Quotes move under one and the same stamp."""
    row["at_ns"] = before["at_ns"]


def hour_ahead(row: np.void, _before: np.void) -> None:
    """The clock of the feed is an hour ahead."""
    row["at_ns"] += HOUR


def hour_behind(row: np.void, _before: np.void) -> None:
    """The clock of the feed is an hour behind."""
    row["at_ns"] -= HOUR


Spoil = Callable[[np.void, np.void], None]
KINDS: Final[dict[str, Spoil]] = {
    "crossed": crossed, "crossed_whole": crossed_whole, "locked": locked, "one_sided": one_sided,
    "negative": negative, "not_a_number": not_a_number, "gap": frozen, "same_stamp": same_stamp,
    "hour_ahead": hour_ahead, "hour_behind": hour_behind,
}  # fmt: skip
OLD: Final = ("gap", "same_stamp")  # bad only once they are old
QUIET: Final = ("one_sided",)  # a market may have one side only: nothing is priced, nothing is said


@dataclass(slots=True)
class Hurt:
    """Stands between market and engine, and keeps ``ports.Venue``."""

    venue: Any
    kind: str = ""
    symbols: tuple[int, ...] = ()
    before: Rows | None = None  # rows when it began
    last: Rows | None = None

    def advance(self, to_ns: Nanos, messages: Rows, tags: dict[str, dict[str, str]]) -> Advance:
        """The market's answer, its quotes spoilt."""
        found: Advance = self.venue.advance(to_ns, messages, tags)
        if not self.kind:
            self.last = found.ticks.copy()
            return found
        if self.before is None:
            self.before = found.ticks.copy() if self.last is None else self.last
        ticks = found.ticks.copy()
        for place in self.symbols:
            KINDS[self.kind](ticks[place], self.before[place])
        return replace(found, ticks=ticks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)


@dataclass(slots=True)
class Listening:
    """The journal, and what was written since the last look."""

    journal: Any
    fresh: list[AnyEvent] = field(default_factory=list)

    def append(self, entries: Iterable[Entry], records: Iterable[tuple[int, bytes]]) -> None:
        """Write and remember."""
        rows = list(entries)
        self.fresh += [entry.event for entry in rows]
        self.journal.append(rows, records)

    def taken(self) -> list[AnyEvent]:
        """What was written since the last look."""
        found, self.fresh = self.fresh, []
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


@dataclass(slots=True, kw_only=True)
class Count:
    """Of one kind."""

    sound: int = 0  # orders that left while the data was sound
    priced_bad: int = 0  # orders that left in a symbol whose data was bad
    said_s: list[float] = field(default_factory=list)  # bad to the desk's word, market time
    back_s: list[float] = field(default_factory=list)  # sound again to the next order there


@dataclass(slots=True, kw_only=True)
class Feed:
    """A desk with a bad feed."""

    day: PastDay
    hurt: Hurt
    journal: Listening
    seed: int
    counts: dict[str, Count] = field(default_factory=lambda: {name: Count() for name in KINDS})
    entered: int = 0
    total: int = 0

    @classmethod
    def begin(cls, folder: Path, seed: int) -> "Feed":
        """A day that has just opened."""
        folder.mkdir(parents=True)
        day = PastDay(folder, session_of(DAY), PRESETS, seed=seed, code=trading_hash())
        hurt, journal = Hurt(day.loop.parts.venue), Listening(day.journal)
        day.loop.parts.venue, day.loop.parts.journal = hurt, journal
        day.clock.wall = day.session.open_at
        return cls(day=day, hurt=hurt, journal=journal, seed=seed)

    def top_up(self) -> None:
        """Enough parents at work."""
        live = sum(1 for parent in self.day.state.parents.values() if parent.is_live)
        for _ in range(WORKING - live):
            symbol = PRESETS[self.entered % len(PRESETS)].instrument.symbol
            order = SubmitParent(
                symbol=Symbol(symbol), side=1 - 2 * (self.entered // len(PRESETS) % 2),
                quantity=Shares(4_000 + 100 * (self.entered % 37)), strategy="TWAP",
                horizon_ns=Nanos(240 * SECOND),
            )  # fmt: skip
            self.day.ask(TRADER, order)
            self.entered += 1

    def second(self) -> list[Symbol]:
        """One market second; the symbols of the orders that left in it."""
        self.day.turn()
        fresh = self.journal.taken()
        stopped = {x.child_id for x in fresh if isinstance(x, e.ChildSendRefused)}
        return [
            x.symbol for x in fresh if isinstance(x, e.ChildIntended) and x.child_id not in stopped
        ]

    def waits(self, symbol: Symbol) -> bool:
        """Whether the desk says that nothing leaves in the symbol, because of its market."""
        return bool(waits_for(self.day.state, self.day.loop.desk.quotes, symbol))

    def period(self, kind: str, places: Sequence[int]) -> None:
        """Sound, then bad, then the first order after it; one kind in some symbols."""
        count = self.counts[kind]
        symbols = {Symbol(PRESETS[place].instrument.symbol) for place in places}
        self.top_up()
        for _ in range(PERIOD_S - BAD_S):
            left = self.second()
            self.total += len(left)
            count.sound += len(left)
        self.hurt.kind, self.hurt.symbols, self.hurt.before = kind, tuple(places), None
        free = STALE_S if kind in OLD else 0  # until then the data is as good as any
        said = -1
        for second in range(BAD_S):
            left = self.second()
            self.total += len(left)
            if second >= free:
                count.priced_bad += sum(1 for symbol in left if symbol in symbols)
            if said < 0 and (kind in QUIET or all(self.waits(symbol) for symbol in symbols)):
                said = second
                count.said_s.append(max(0.0, float(second - free)))
        if said < 0:
            count.said_s.append(float(BAD_S))
        self.hurt.kind = ""
        self._recover(count, symbols)

    def _recover(self, count: Count, symbols: set[Symbol]) -> None:
        self.top_up()
        for second in range(BACK_S):
            left = self.second()
            self.total += len(left)
            if symbols & set(left):
                count.back_s.append(float(second))
                return
        count.back_s.append(float(BACK_S))

    def run(self, n: int) -> None:
        """Kind after kind, one symbol and all, until so many orders have left."""
        places = range(len(PRESETS))
        turn = 0
        while self.total < n:
            kind = list(KINDS)[turn % len(KINDS)]
            is_whole = turn // len(KINDS) % 2
            self.period(kind, places if is_whole else [turn % len(PRESETS)])
            turn += 1
            if not self.day.state.is_open and turn > 1:
                raise BrokenInvariant(f"the day is over after {self.total} orders: lower --n")


def work(options: argparse.Namespace, folder: Path) -> Report:
    """One day, or as many as the orders take."""
    ready()
    feed = Feed.begin(folder / "day", options.seed)
    try:
        feed.run(options.n)
    finally:
        feed.day.close()
    rows = {
        name: {"sound": c.sound, "priced_bad": c.priced_bad, "said_s": quantiles(c.said_s)["max"],
               "back_s": quantiles(c.back_s)["max"], "periods": len(c.said_s)}
        for name, c in feed.counts.items()
    }  # fmt: skip
    failures = [
        f"{name}: {row}"
        for name, row in rows.items()
        if row["priced_bad"] or (row["said_s"] or 0) >= 1 or (row["back_s"] or 0) >= BACK_S
    ]
    priced = sum(c.priced_bad for c in feed.counts.values())
    return {"n": feed.total, "priced_bad": priced, "by_kind": rows, "failures": failures}


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("badfeed", __doc__)
    parser.add_argument("--n", type=int, default=10_000, help="orders in all")
    return conclude(parser, argv, work, lambda report: not report["priced_bad"], n=1)
