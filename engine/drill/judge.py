"""Did anything get lost, doubled or over-filled? Judged by the exchange's own log.

The journal is read here with a fold of its own, on purpose not the engine's: two readings of one
journal must agree with what the exchange wrote down.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.journal import read_all, verify
from engine.domain import events as e
from engine.domain.events import Entry
from engine.domain.kinds import CANCEL_REJECTED, FILLED, NEW
from engine.domain.report_kinds import BUSTED, CORRECTED, REPLACED, RESTATED
from engine.domain.units import child_text
from engine.exchange.order_log import Moved, read_entries
from engine.runtime.venues.wire import messages_of, reports_of

SETTLED_NS = 2_000_000_000  # market time in which an order on its way has its first report
NOT_SENT = ("SEND_REFUSED", "NEVER_ARRIVED")
OVER = (*NOT_SENT, "OVER", "FULL")
STATE_AFTER: dict[type, str] = {
    e.ChildCancelled: "OVER",
    e.ChildRejected: "OVER",
    e.ChildExpired: "OVER",
    e.ChildDoneForDay: "OVER",
    e.ChildSendRefused: "SEND_REFUSED",
    e.ChildNeverArrived: "NEVER_ARRIVED",
    e.ChildUnknown: "UNKNOWN",
}


def standing(fills: dict[int, int], undone: dict[int, int], now: dict[int, int]) -> int:
    """Shares that stand: fills and corrections to which no later report refers. [share]"""
    gone = set(undone.values())
    return sum(shares for number, shares in (fills | now).items() if number not in gone)


@dataclass(slots=True, kw_only=True)
class Ours:
    """One child by the journal."""

    parent: int
    quantity: int
    state: str = "LIVE"  # LIVE | UNKNOWN | OVER | FULL | SEND_REFUSED | NEVER_ARRIVED
    fills: dict[int, int] = field(default_factory=dict)  # exec id -> shares as first reported
    undone: dict[int, int] = field(default_factory=dict)  # bust, correction -> what it refers to
    now: dict[int, int] = field(default_factory=dict)  # correction -> shares
    reports: set[int] = field(default_factory=set)  # exec ids of any kind
    repeated: int = 0  # reports booked twice

    @property
    def filled(self) -> int:
        return standing(self.fills, self.undone, self.now)


@dataclass(slots=True)
class Told:
    """All days by the journal."""

    children: dict[int, Ours] = field(default_factory=dict)
    most: dict[int, int] = field(default_factory=dict)  # parent -> largest quantity ever in force
    strays: int = 0
    unsettled: set[int] = field(default_factory=set)  # UNKNOWN long after a comparison of books
    compared: dict[int, int] = field(default_factory=dict)  # UNKNOWN then -> market ns of it
    twice: list[int] = field(default_factory=list)  # child ids intended twice

    def fold(self, entry: Entry) -> None:
        """One entry."""
        event = entry.event
        self._settle(entry.market_ns)
        match event:
            case e.ParentAccepted(parent=parent):
                self.most[parent.id] = parent.quantity
            case (
                e.ParentAmended(parent_id=number, quantity=quantity)
                | e.ParentTrimmed(parent_id=number, quantity=quantity)
            ):
                self.most[number] = max(self.most[number], quantity)
            case e.ChildIntended() | e.ChildAdopted():
                if event.child_id in self.children:
                    self.twice.append(event.child_id)
                self.children[event.child_id] = Ours(
                    parent=event.parent_id, quantity=event.quantity
                )
            case e.StrayReport():
                self.strays += 1
            case e.Reconciled():
                unknown = [n for n, c in self.children.items() if c.state == "UNKNOWN"]
                self.compared = {n: self.compared.get(n, entry.market_ns) for n in unknown}
            case _:
                self._child(event)

    def _settle(self, now: int) -> None:
        """What was UNKNOWN when books were compared must be known soon after. [market ns]"""
        for child, since in tuple(self.compared.items()):
            if self.children[child].state != "UNKNOWN":
                del self.compared[child]
            elif now - since > SETTLED_NS:
                self.unsettled.add(child)

    def _child(self, event: e.AnyEvent) -> None:
        child = self.children.get(getattr(event, "child_id", 0))
        if child is None:
            return
        number = getattr(event, "exec_id", None)
        if number is not None:
            child.repeated += number in child.reports
            child.reports.add(number)
        if isinstance(event, e.FillBusted | e.FillCorrected):
            child.undone[event.exec_id] = event.ref
            if isinstance(event, e.FillCorrected):
                child.now[event.exec_id] = event.quantity
            _open_again(child)
        elif isinstance(event, e.ChildReplaced | e.ChildRestated):
            child.quantity = event.quantity
            _full(child)
        elif isinstance(event, e.ChildFilled):
            child.fills[event.exec_id] = event.quantity
            _full(child)
        elif isinstance(event, e.ChildAccepted):
            child.state = "LIVE" if child.state == "UNKNOWN" else child.state
        else:
            child.state = STATE_AFTER.get(type(event), child.state)


def _full(child: Ours) -> None:
    if child.filled >= child.quantity and child.state in ("LIVE", "UNKNOWN"):
        child.state = "FULL"


def _open_again(child: Ours) -> None:
    """A filled order works again when a fill is taken back; one that was ended does not."""
    if child.state == "FULL" and child.filled < child.quantity:
        child.state = "LIVE"


def told_by(entries: Iterable[Entry]) -> Told:
    """The journal, folded."""
    told = Told()
    for entry in entries:
        told.fold(entry)
    return told


@dataclass(slots=True)
class AtVenue:
    """All days by the exchange's order logs."""

    news: Counter[int] = field(default_factory=Counter)  # child -> NEW messages taken
    fills: dict[int, dict[int, int]] = field(default_factory=dict)  # child -> exec id -> shares
    undone: dict[int, dict[int, int]] = field(default_factory=dict)  # busts and corrections
    now: dict[int, dict[int, int]] = field(default_factory=dict)  # corrected shares
    newest: dict[int, int] = field(default_factory=dict)  # child -> exec id of its last report
    leaves: dict[int, int] = field(default_factory=dict)  # child -> after its last report
    quantity: dict[int, int] = field(default_factory=dict)

    def report(self, rows: Any) -> None:
        """Reports of one entry."""
        for row in rows:
            child = int(row["child"])
            number, kind = int(row["exec_id"]), int(row["kind"])
            if kind == FILLED:
                self.fills.setdefault(child, {})[number] = int(row["quantity"])
            elif kind in (BUSTED, CORRECTED):
                self.undone.setdefault(child, {})[number] = int(row["ref"])
            if kind == CORRECTED:
                self.now.setdefault(child, {})[number] = int(row["quantity"])
            if kind in (REPLACED, RESTATED):
                self.quantity[child] = int(row["quantity"])
            if number > self.newest.get(child, 0) and kind != CANCEL_REJECTED:
                self.newest[child] = number
                self.leaves[child] = int(row["leaves"])

    def filled(self, child: int) -> int:
        """Shares of a child that stand. [share]"""
        return standing(
            self.fills.get(child, {}), self.undone.get(child, {}), self.now.get(child, {})
        )  # fmt: skip


def at_venue(folder: Path) -> AtVenue:
    """The order logs of a folder, from the files alone."""
    found = AtVenue()
    for path in sorted(folder.glob("*.orders")):
        entries, _ = read_entries(path)
        for entry in entries:
            if isinstance(entry, Moved):
                for row in messages_of(entry.messages):
                    if row["kind"] == NEW:
                        child = int(row["child"])
                        found.news[child] += 1
                        found.quantity[child] = int(row["quantity"])
                        found.leaves.setdefault(child, int(row["quantity"]))
            found.report(reports_of(getattr(entry, "reports", b"")))
    return found


@dataclass(slots=True)
class Findings:
    """What is wrong; every count is 0 on a sound desk."""

    lost: int = 0
    duplicated: int = 0
    overfilled: int = 0
    unknown_after: int = 0
    sentences: list[str] = field(default_factory=list)

    def add(self, kind: str, sentence: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        self.sentences.append(f"{kind}: {sentence}")

    def join(self, later: "Findings") -> None:
        """Add what only a later look at the same desk has found."""
        for said in later.sentences:
            if said not in self.sentences:
                self.add(*said.split(": ", 1))


def compare(told: Told, venue: AtVenue) -> Findings:
    """Journal against exchange, child by child and parent by parent."""
    found = Findings()
    for child in told.twice:
        found.add("duplicated", f"{child_text(_id(child))} is intended twice")
    for child in sorted(told.unsettled):
        found.add("unknown_after", f"{child_text(_id(child))} is UNKNOWN after a comparison")
    if told.strays:
        found.add("lost", f"{told.strays} reports are for orders the journal does not know")
    for child, count in venue.news.items():
        name = child_text(_id(child))
        if count > 1:
            found.add("duplicated", f"{name} was sent {count} times")
        if child not in told.children:
            found.add("lost", f"{name} is at the exchange and not in the journal")
    for child, ours in told.children.items():
        _compare_child(found, child, ours, venue)
    _compare_parents(found, told, venue)
    return found


def _id(child: int) -> Any:
    return child


def _compare_child(found: Findings, child: int, ours: Ours, venue: AtVenue) -> None:
    name = child_text(_id(child))
    there, done = venue.fills.get(child, {}), venue.filled(child)
    if ours.repeated:
        found.add("duplicated", f"{name} has {ours.repeated} reports booked twice")
    if ours.fills != there or ours.filled != done:
        kind = "lost" if ours.filled < done else "duplicated"
        found.add(kind, f"{name} filled {done} there, {ours.filled} here")
    if done > max(ours.quantity, venue.quantity.get(child, 0)):
        found.add("overfilled", f"{name} filled {done} of {ours.quantity}")
    if ours.state == "UNKNOWN":
        found.add("unknown_after", f"{name} is still UNKNOWN")
    sent = child in venue.news
    if sent and ours.state in NOT_SENT:
        found.add("lost", f"{name} is {ours.state} here and at the exchange")
    if not sent and ours.state not in NOT_SENT:
        found.add("lost", f"{name} is {ours.state} here and never came to the exchange")
    if sent and (venue.leaves[child] > 0) == (ours.state in OVER):
        found.add("lost", f"{name} is {ours.state} here with {venue.leaves[child]} leaves there")


def _compare_parents(found: Findings, told: Told, venue: AtVenue) -> None:
    done: Counter[int] = Counter()
    for child in venue.fills:
        ours = told.children.get(child)
        if ours is not None:
            done[ours.parent] += venue.filled(child)
    for parent, filled in done.items():
        if filled > told.most[parent]:
            found.add("overfilled", f"P-{parent} filled {filled} of {told.most[parent]}")


def judge(journal: Path, exchange: Path) -> tuple[Findings, str]:
    """Findings over all days, and what is wrong with the chain ("" = sound)."""
    verdict = verify(journal)
    findings = compare(told_by(read_all(journal)), at_venue(exchange))
    return findings, verdict.reason
