"""The exchange without its sockets: one day, one engine at a time, one log.

The same object serves the exchange process and, without a log, tests, past days and replays.
After a crash the day is run again from its log; the reports must come out the same.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.instrument import Session
from engine.domain.kinds import CLOSED
from engine.domain.units import Nanos
from engine.exchange.checks import check, pairs_of
from engine.exchange.ledger import Ledger
from engine.exchange.market import Advance
from engine.exchange.market import TradableMarket as TradableMarket
from engine.exchange.order_desk import OrderDesk
from engine.exchange.order_log import (
    LAYOUT,
    Happened,
    Linked,
    Moved,
    Opened,
    OrderLog,
    Withdrawn,
    log_path,
)
from engine.exchange.order_troubles import make_trouble
from engine.runtime.venues.wire import Answer, Ask, Incident, messages_of, reports_of

Records = NDArray[np.void]
Publish = Callable[[Records, dict[str, dict[str, str]]], None]

NOBODY = (0, 0)


OpenMarket = Callable[[Session, int], TradableMarket]


def _silent(_reports: Records, _tags: dict[str, dict[str, str]]) -> None:
    """No drop copy."""


class Trading:
    """One open day: market, ledger, and what the next answer still owes the engine."""

    def __init__(self, market: TradableMarket, session: Session, seed: int) -> None:
        self.market = OrderDesk(market, make_trouble)
        self.session = session
        self.seed = seed
        self.ledger = Ledger()
        self.now = 0
        self.state = 0
        self.owed: list[Records] = []  # reports of mass cancels and of troubles
        self.token = NOBODY
        self.last: Answer | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(str(instrument.symbol) for instrument in self.market.instruments)

    def settle(self, token: tuple[int, int]) -> None:
        """A new link: turns start anew."""
        self.token, self.last = token, None

    def move(self, turn: int, from_ns: int, to_ns: int, messages: Records) -> tuple[Advance, bytes]:
        """Bring the market to ``from_ns``, deliver, advance; also all reports as bytes."""
        before = self._to(max(from_ns, self.now))
        self.market.submit(messages)
        advance = self._to(max(to_ns, self.now))
        reports = np.concatenate([before.reports, advance.reports])
        owed = np.concatenate([*self.owed, reports])
        self.owed = []
        self.last = Answer(
            op="advance",
            epoch=self.token[0],
            link=self.token[1],
            turn=turn,
            at_ns=advance.at_ns,
            session=advance.session,
            reports=owed.tobytes(),
            trades=advance.trades.tobytes(),
            ticks=advance.ticks.tobytes(),
        )
        return advance, reports.tobytes()

    def _to(self, to_ns: int) -> Advance:
        advance = self.market.advance(Nanos(to_ns))
        self.now, self.state = int(advance.at_ns), advance.session
        return advance

    def withdraw(self, children: list[tuple[int, int]], at_ns: int) -> Records:
        """End these (symbol, child) at once; their reports, which the next answer carries."""
        if at_ns > self.now:
            self._to(at_ns)
        reports = self.market.cancel_now(children)
        self.ledger.reported(reports)
        self.owed.append(reports)
        return reports

    def happen(self, incident: Incident, at_ns: int) -> Records:
        """Something happens to the market, or to an order: then it is reported."""
        if at_ns > self.now:
            self._to(at_ns)
        reports = self.market.incident(incident)
        if len(reports):
            self.ledger.reported(reports)
            self.owed.append(reports)
        return reports


def queues_of(day: Trading) -> dict[int, int]:
    """Shares before each own resting order, by child; those without a place are left out."""
    found = ((child, day.market.queue_ahead(child)) for child in day.ledger.open_children())
    return {child: ahead for child, ahead in found if ahead is not None}


class Exchange:
    """Answers asks; owns the log."""

    def __init__(
        self, open_market: OpenMarket, folder: Path | None = None, publish: Publish = _silent
    ) -> None:
        self._open_market = open_market
        self._folder = folder
        self._publish = publish
        self._log: OrderLog | None = None
        self.day: Trading | None = None

    # --- questions ----------------------------------------------------------------------------
    def handle(self, ask: Ask) -> Answer:
        """Answer one ask; a rule that says no is a ``refusal``, nothing has changed."""
        try:
            if ask.op == "hello":
                return self._hello(ask)
            return self._asked(ask, self._trading(ask))
        except Refused as refusal:
            return Answer(
                op=ask.op, epoch=ask.epoch, link=ask.link, turn=ask.turn, refusal=str(refusal)
            )

    def _asked(self, ask: Ask, day: Trading) -> Answer:
        match ask.op:
            case "advance":
                return self._advance(ask, day)
            case "books":
                books = day.ledger
                changed = books.listed(after=ask.after)
                return self._state(
                    ask, day, reports=books.rows(ask.since), orders=changed, mark=books.mark,
                    check=books.check(),
                )  # fmt: skip
            case "ping":
                return self._state(ask, day)
            case "queues":
                return self._state(ask, day, queues=queues_of(day))
            case "incident":
                return self._incident(ask, day)
            case _:
                raise Refused(
                    f"op must be hello, advance, books, queues, ping or incident, was {ask.op!r}"
                )

    def _incident(self, ask: Ask, day: Trading) -> Answer:
        """Written down after it was taken: what the market refuses is in no log."""
        if ask.incident is None:
            raise Refused("incident must say what shall happen")
        reports = day.happen(ask.incident, day.now)
        self._write(Happened(at_ns=day.now, incident=ask.incident, reports=reports.tobytes()))
        self._tell(reports, day)
        return self._state(ask, day)

    def _trading(self, ask: Ask) -> Trading:
        """The open day, if the asker holds it."""
        if self.day is None:
            raise Refused("no day is open here: say hello first")
        if (ask.epoch, ask.link) != self.day.token:
            raise Refused(
                f"the exchange is held by epoch {self.day.token[0]} link {self.day.token[1]}, "
                f"this came from epoch {ask.epoch} link {ask.link}"
            )
        return self.day

    def _state(self, ask: Ask, day: Trading, **more: object) -> Answer:
        reports = more.get("reports")
        return Answer(
            op=ask.op,
            epoch=ask.epoch,
            link=ask.link,
            at_ns=day.now,
            session=day.state,
            reports=reports.tobytes() if isinstance(reports, np.ndarray) else b"",
            instruments=day.market.instruments,
            source=day.market.source,
            venues=day.market.venues,
            orders=more.get("orders", ()),  # type: ignore[arg-type]
            queues=more.get("queues", {}),  # type: ignore[arg-type]
            mark=more.get("mark", 0),  # type: ignore[arg-type]
            check=more.get("check", 0),  # type: ignore[arg-type]
        )

    # --- the day ------------------------------------------------------------------------------
    def _hello(self, ask: Ask) -> Answer:
        if ask.session is None:
            raise Refused("hello must name a session")
        if self.day is not None and (ask.epoch, ask.link) <= self.day.token:
            raise Refused(
                f"epoch {self.day.token[0]} link {self.day.token[1]} holds the exchange, "
                f"epoch {ask.epoch} link {ask.link} is not newer"
            )
        day = self._day_of(ask.session, ask.seed)
        if ask.symbols and ask.symbols != day.symbols:
            raise Refused(f"the instruments here are {day.symbols}, asked were {ask.symbols}")
        if (ask.epoch, ask.link) <= day.token:  # the log knows a newer engine
            raise Refused(f"epoch {day.token[0]} has held this day, epoch {ask.epoch} is older")
        day.settle((ask.epoch, ask.link))
        self._write(Linked(epoch=ask.epoch, link=ask.link))
        return self._state(ask, day)

    def _day_of(self, session: Session, seed: int) -> Trading:
        """The day asked for: the one that is open, or, after its close, another one."""
        if self.day is not None and self.day.session.day != session.day:
            if self.day.state != CLOSED and self.day.token != NOBODY:
                raise Refused(f"day {self.day.session.day} is not closed yet")
            self.close()
        if self.day is None:
            self._open(session, seed)
        assert self.day is not None
        if (self.day.session, self.day.seed) != (session, seed):
            raise Refused(
                f"day {session.day} was opened with seed {self.day.seed} and {self.day.session}, "
                f"asked were seed {seed} and {session}"
            )
        return self.day

    def _open(self, session: Session, seed: int) -> None:
        """Open a day, or run it again from its log."""
        log = None if self._folder is None else OrderLog(log_path(self._folder, session.day))
        first = log.entries[0] if log is not None and log.entries else None
        if first is not None:
            assert isinstance(first, Opened)
            session, seed = first.session, first.seed
        market = self._open_market(session, seed)
        day = Trading(market, session, seed)
        opened = Opened(
            session=session, seed=seed, source=market.source, symbols=day.symbols, layout=LAYOUT
        )
        if log is not None and first is not None:
            if first.layout != LAYOUT:
                raise Refused(
                    f"the order log of {session.day} has rows of an older layout: choose another "
                    "state folder with --state"
                )
            if first != opened:
                raise Refused(
                    f"the order log of {session.day} was written by another market "
                    f"({first.source}), this one is {market.source}: choose another state folder "
                    "with --state"
                )
            rerun(day, log)
            log.entries.clear()  # they were read for this, and the day may be long
        elif log is not None:
            log.append(opened)
        self.day, self._log = day, log

    def reopen(self, path: Path) -> None:
        """Open the day of an existing log: its orders can be cancelled without an engine."""
        log = OrderLog(path)
        log.close()
        if log.entries and isinstance(log.entries[0], Opened):
            self._open(log.entries[0].session, log.entries[0].seed)

    def close(self) -> None:
        """Leave the day; its log keeps everything."""
        if self._log is not None:
            self._log.close()
        self.day, self._log = None, None

    def _write(self, entry: Moved | Withdrawn | Linked | Happened) -> None:
        if self._log is not None:
            self._log.append(entry)

    # --- trading ------------------------------------------------------------------------------
    def _advance(self, ask: Ask, day: Trading) -> Answer:
        if day.last is not None and ask.turn == day.last.turn:
            return day.last  # the answer was lost on its way; nothing acts twice
        if day.last is not None and ask.turn < day.last.turn:
            raise Refused(f"turn {ask.turn} is over, the last was {day.last.turn}")
        messages = messages_of(ask.messages)
        check(messages, len(day.market.instruments), len(day.market.venues))
        owes = bool(day.owed)
        from_ns = max(ask.from_ns, day.now)
        advance, reports = day.move(ask.turn, from_ns, ask.to_ns, messages)
        day.ledger.sent(messages, ask.tags)
        rows = reports_of(reports)
        day.ledger.reported(rows)
        if len(messages) or reports or owes:
            self._write(
                Moved(
                    turn=ask.turn,
                    from_ns=min(from_ns, int(advance.at_ns)),
                    to_ns=int(advance.at_ns),
                    messages=ask.messages,
                    tags=ask.tags,
                    reports=reports,
                )
            )
        self._tell(rows, day)
        assert day.last is not None
        return day.last

    def _tell(self, reports: Records, day: Trading) -> None:
        """Drop copy: reports with the tags of their children."""
        if len(reports):
            tags = {}
            for child in reports["child"]:
                known = day.ledger.orders.get(int(child))
                tags[str(child)] = {} if known is None else known.tags
            self._publish(reports, tags)

    def mass_cancel(self, scope: str | dict[str, str], by: str) -> dict[str, object]:
        """End all open orders of a scope at once, at the current market time; the counts.

        scope : "all", "key:value", or a map of such pairs, all of which must fit. Keys are the
        tags of the children, and "symbol".
        """
        if self.day is None:
            return {"cancelled": 0, "open": 0, "at": 0, "day": ""}
        day = self.day
        wanted = pairs_of(scope)
        children = [
            (day.ledger.orders[child].symbol, child)
            for child in day.ledger.open_children()
            if self._fits(day, child, wanted)
        ]
        if children:
            reports = day.withdraw(children, day.now)
            self._write(
                Withdrawn(
                    at_ns=day.now,
                    children=tuple(children),
                    scope=scope if isinstance(scope, str) else str(sorted(scope.items())),
                    by=by,
                    reports=reports.tobytes(),
                )
            )
            self._tell(reports, day)
        left = [c for c in day.ledger.open_children() if self._fits(day, c, wanted)]
        return {
            "cancelled": len(children) - len(left),
            "open": len(left),
            "at": day.now,
            "day": day.session.day,
        }

    @staticmethod
    def _fits(day: Trading, child: int, wanted: dict[str, str]) -> bool:
        known = day.ledger.orders[child]
        has = {**known.tags, "symbol": day.symbols[known.symbol]}
        return all(has.get(key) == value for key, value in wanted.items())


def rerun(day: Trading, log: OrderLog) -> None:
    """Bring a fresh day to where its log ends; other reports than the logged ones are a bug."""
    for number, entry in enumerate(log.entries, start=1):
        match entry:
            case Linked():
                day.settle((entry.epoch, entry.link))
            case Moved():
                messages = messages_of(entry.messages)
                day.ledger.sent(messages, entry.tags)
                _, reports = day.move(entry.turn, entry.from_ns, entry.to_ns, messages)
                day.ledger.reported(reports_of(reports))
                _same(reports, entry.reports, log.path, number)
            case Withdrawn():
                rows = day.withdraw(list(entry.children), entry.at_ns)
                _same(rows.tobytes(), entry.reports, log.path, number)
            case Happened():
                rows = day.happen(entry.incident, entry.at_ns)
                _same(rows.tobytes(), entry.reports, log.path, number)
            case Opened():
                continue


def _same(now: bytes, then: bytes, path: Path, number: int) -> None:
    if now != then:
        raise BrokenInvariant(
            f"running {path.name} again gives other reports at entry {number}: the market changed"
        )
