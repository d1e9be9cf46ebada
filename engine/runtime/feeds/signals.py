"""Signals: alternative data, one number per symbol, with a name, an owner and an age.

A signal says when its owner knew the value (``at``); we add when it reached us. A value from the
future, from before the last one, or that is no number, is put into quarantine; a source that
answers nothing leaves the last value where it is, and its age says so.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec

from engine.domain.errors import Refused
from engine.domain.units import Nanos
from engine.runtime.feeds.event import BAD_VALUE, BadRow, Event
from engine.runtime.feeds.findings import NOTED, Ledger
from engine.runtime.feeds.formats import FORMATS, header
from engine.runtime.feeds.lines import Line, lines
from engine.runtime.feeds.row import Desk, Row

MOST_SERIES: Final = 10_000  # names times symbols that are held
MOST_ANSWER: Final = 1 << 20  # bytes of one answer
FETCH_S: Final = 5.0  # how long an answer may take
AHEAD_NS: Final = 1_000_000_000  # a stamp may run before our clock by so much

OUT_OF_ORDER: Final = "out-of-order"
DUPLICATE: Final = "duplicate"
CLOCK: Final = "clock"
SILENT: Final = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The last value of one signal for one symbol."""

    name: str
    owner: str
    symbol: str
    at_ns: Nanos  # when its owner knew it [UTC ns]
    received_ns: Nanos  # when it reached us [UTC ns]
    value: float

    def age_ns(self, now: Nanos) -> Nanos:
        """How old the value is, by its owner's stamp; never negative."""
        return Nanos(max(0, now - self.at_ns))

    def is_stale(self, now: Nanos, limit_ns: Nanos) -> bool:
        """Whether the value is too old to be used."""
        return self.age_ns(now) > limit_ns


class Signals:
    """The last value of every signal, and what was wrong with the rest."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.desk = Desk()
        self.owners: dict[str, str] = {}  # name -> the owner it belongs to
        self.readings: dict[tuple[str, str], Reading] = {}  # name, symbol

    def latest(self, name: str, symbol: str) -> Reading | None:
        """The last value, None when there was none yet."""
        return self.readings.get((name, symbol))

    def take(self, line: Line, cells: list[str], now: Nanos) -> Reading | None:
        """One row in the order of the columns; None when it is in quarantine or known already."""
        try:
            event = FORMATS["signal"].parse(Row(line.row, cells, self.desk))[0]
            return self._take(line, cells, event, now)
        except BadRow as why:
            self.ledger.quarantine(line, why.rule, str(why))
            return None

    def _take(self, line: Line, cells: list[str], event: Event, now: Nanos) -> Reading | None:
        name, owner, symbol = cells[:3]
        if self.owners.setdefault(name, owner) != owner:
            raise BadRow(f"signal {name} belongs to {self.owners[name]}, not to {owner}")
        if event.venue_ns > now + AHEAD_NS:
            raise BadRow("its stamp lies in the future", rule=CLOCK)
        last = self.readings.get((name, symbol))
        if last is not None and event.venue_ns <= last.at_ns:
            self._not_newer(line, event, last)
            return None
        if last is None and len(self.readings) >= MOST_SERIES:
            raise BadRow(f"at most {MOST_SERIES} signals are held")
        reading = Reading(
            name=name,
            owner=owner,
            symbol=symbol,
            at_ns=Nanos(event.venue_ns),
            received_ns=now,
            value=event.value,
        )
        self.readings[name, symbol] = reading
        return reading

    def _not_newer(self, line: Line, event: Event, last: Reading) -> None:
        """A value that is not newer: the same again is normal of a poll, anything else is not."""
        if event.venue_ns < last.at_ns:
            raise BadRow("is older than the value before it", rule=OUT_OF_ORDER)
        if event.value != last.value:
            raise BadRow("gives another value for the same instant", rule=DUPLICATE)
        self.ledger.add(NOTED, DUPLICATE, line.row, "nothing new")


def read_csv(path: Path, now: Nanos) -> Signals:
    """Every row of a CSV file with a header, in the order of the file."""
    signals = Signals()
    fmt = FORMATS["signal"]
    rows = lines(path)
    first = next(rows, None)
    if first is None:
        raise Refused(f"{path.name} must hold at least one row, is empty")
    where, width = header(fmt, first), len(first.cells())
    for line in rows:
        try:
            cells = line.cells()
            if len(cells) != width:
                raise BadRow(f"a row must have {width} columns, has {len(cells)}")
        except BadRow as why:
            signals.ledger.quarantine(line, why.rule, str(why))
            continue
        signals.take(line, [cells[i] for i in where], now)
    return signals


# --- REST -------------------------------------------------------------------------------------


class NoAnswer(Exception):
    """The source gave no answer that could be read; the sentence says why."""


def fetch(url: str) -> bytes:
    """The answer of an http(s) address within FETCH_S and MOST_ANSWER bytes; NoAnswer if none."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise NoAnswer("the address of a signal must begin with http:// or https://")
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - scheme is checked
    try:
        with urlopen(request, timeout=FETCH_S) as answer:  # noqa: S310 - scheme is checked
            body: bytes = answer.read(MOST_ANSWER + 1)
    except (URLError, HTTPException, OSError, ValueError) as why:
        raise NoAnswer(f"no answer: {why}") from why
    if len(body) > MOST_ANSWER:
        raise NoAnswer(f"the answer must be at most {MOST_ANSWER} bytes")
    return body


class _Value(msgspec.Struct, frozen=True):
    """One object of the answer."""

    name: str
    owner: str
    symbol: str
    at: str
    value: float | int


ANSWER: Final = msgspec.json.Decoder(list[msgspec.Raw])
VALUE: Final = msgspec.json.Decoder(_Value)


class Poller:
    """Asks one REST source every ``every_ns``; the answer is a JSON array of objects with the
    columns of the CSV form. Whoever owns the loop calls ``poll`` and passes the time.
    """

    def __init__(
        self, url: str, signals: Signals, every_ns: Nanos, get: Callable[[str], bytes] = fetch
    ) -> None:
        self.url, self.signals, self.every_ns, self.get = url, signals, every_ns, get
        self.asked_ns: Nanos | None = None
        self.answered_ns: Nanos | None = None
        self.failure = ""  # why the last question had no answer, "" = it had one
        self.rows = 0

    def age_ns(self, now: Nanos) -> Nanos | None:
        """Since the last answer; None = there was none yet."""
        return None if self.answered_ns is None else Nanos(now - self.answered_ns)

    def poll(self, now: Nanos) -> list[Reading]:
        """Ask when it is due; the values that are new."""
        if self.asked_ns is not None and now - self.asked_ns < self.every_ns:
            return []
        self.asked_ns = now
        try:
            rows = ANSWER.decode(self.get(self.url))
        except NoAnswer as why:
            return self._silent(str(why))
        except (msgspec.DecodeError, RecursionError) as why:
            return self._silent(f"the answer must be a JSON array: {why}")
        self.answered_ns, self.failure = now, ""
        return list(self._values(rows, now))

    def _silent(self, why: str) -> list[Reading]:
        """No answer: the values stay, their age grows, the finding says why."""
        self.failure = why
        self.signals.ledger.add(NOTED, SILENT, self.rows, why)
        return []

    def _values(self, rows: list[msgspec.Raw], now: Nanos) -> Iterable[Reading]:
        """What of the answer is new."""
        for raw in rows:
            line = Line(self.rows, bytes(raw))
            self.rows += 1
            try:
                one = VALUE.decode(raw)
            except (msgspec.DecodeError, RecursionError) as why:
                words = f"must be an object with name, owner, symbol, at, value: {why}"
                self.signals.ledger.quarantine(line, BAD_VALUE, words)
                continue
            cells = [one.name, one.owner, one.symbol, one.at, repr(one.value)]
            reading = self.signals.take(line, cells, now)
            if reading is not None:
                yield reading
