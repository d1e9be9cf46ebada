"""Scripted incidents on a desk of its own, judged by the journal and the exchange's own log.

Orders work while the market is hurt in one way after another. Nothing may be priced from crossed
or old quotes, nothing may be sent twice, what rested at a venue that was away must be settled by
its reports, and every incident must have been said by an alert.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from db.journal import read_all, read_decision
from engine.core.plan import DECISION
from engine.domain import events as e
from engine.domain.commands import MoveParameter, StartIncident
from engine.domain.events import Entry
from engine.domain.incidents import INCIDENT_KINDS
from engine.domain.units import Symbol
from engine.drill.ending import Report, conclude, flags
from engine.drill.judge import judge
from engine.stage import BOSS, TRADER, Stage, eventually

SPEED: Final = 20.0
PATIENCE_S: Final = 120.0
ORDERS: Final = (("MIDC", 1, 60_000, "TWAP"), ("NRTH", -1, 100_000, "TWAP"))
VENUES: Final = {
    "outage": ("SIM-B",), "crossed": ("SIM-C",), "stuck_dark": ("DARK-1", "DARK-2"),
}  # fmt: skip
STUCK_S: Final = 300.0  # a pool is seen to be stuck when a child there outlives its two minutes
SIZE: Final = -150  # of flash and news [tick]
SAID: Final = {  # a drift needs a model in force, and is told by it: tests/unit/test_drift.py
    "outage": "venue.down", "feed_gap": "market.feed", "crossed": "market.crossed",
    "flash": "market.move", "halt": "market.halt", "news": "market.move",
    "stuck_dark": "market.stuck",
}  # fmt: skip
BLIND: Final = ("crossed", "feed", "halt")  # troubles in which nothing may be sent


@dataclass(slots=True)
class Reading:
    """What the journal says, entry by entry."""

    trouble: set[tuple[str, str]] = field(default_factory=set)
    badly_priced: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    asked_back: set[int] = field(default_factory=set)  # from a venue that was away
    over: set[int] = field(default_factory=set)

    def fold(self, entry: Entry, record: bytes | None) -> None:
        """One entry, with its decision record."""
        match entry.event:
            case e.TroubleSeen(kind=kind, object=about) if kind in BLIND:
                self.trouble.add((kind, about))
            case e.TroubleOver(kind=kind, object=about):
                self.trouble.discard((kind, about))
            case e.AlertRaised(kind=kind):
                self.alerts.append(kind)
            case e.CancelIntended(child_id=child, by="venue"):
                self.asked_back.add(child)
            case e.ChildIntended() as order:
                self._order(entry.seq, order, record)
            case (
                e.ChildCancelled(child_id=child)
                | e.ChildRejected(child_id=child)
                | e.ChildExpired(child_id=child)
            ):
                self.over.add(child)
            case _:
                pass

    def _order(self, seq: int, order: e.ChildIntended, record: bytes | None) -> None:
        blind = [
            kind
            for kind, about in self.trouble
            if kind == "crossed" or about in ("all", order.symbol)
        ]
        if blind:
            self.badly_priced.append(f"entry {seq}: sent while {', '.join(sorted(blind))}")
        elif record is None or not is_sound(record):
            self.badly_priced.append(f"entry {seq}: its decision saw no sound quote")


def is_sound(record: bytes) -> bool:
    """Whether a decision saw a two-sided quote that is not crossed anywhere."""
    seen = np.frombuffer(record, DECISION)[0]["observation"]
    bid, ask = seen["venue_bid"], seen["venue_ask"]
    return bool(0 < seen["bid"] < seen["ask"] and not np.any((bid > ask) & (ask > 0)))


def measure(journal: Path, entries: Iterable[Entry], kinds: Sequence[str]) -> dict[str, Any]:
    """What the journal says of these incidents."""
    reading = Reading()
    for entry in entries:
        is_order = isinstance(entry.event, e.ChildIntended)
        reading.fold(entry, read_decision(journal, entry.seq) if is_order else None)
    unsettled = reading.asked_back - reading.over
    return {
        "said": {kind: reading.alerts.count(SAID[kind]) for kind in kinds},
        "badly_priced": len(reading.badly_priced),
        "unsettled": len(unsettled),
        "asked_back": len(reading.asked_back),
        "sentences": reading.badly_priced[:5],
    }


def _wait_market(stage: Stage, seconds: float) -> None:
    """Until so much market time has passed."""
    status = stage.status()
    begin = 0 if status is None else status["desk"]["market_at"]

    def passed() -> bool:
        now = stage.status()
        return now is not None and now["desk"]["market_at"] >= begin + seconds * 1e9

    eventually(passed, PATIENCE_S, f"{seconds:g} s of market time")


def _happen(stage: Stage, kind: str, seconds: float) -> float:
    """Start an incident wherever it belongs; how long it lasts. [s of the market]"""
    sized = INCIDENT_KINDS[kind].is_sized
    lasts = max(seconds, STUCK_S) if kind == "stuck_dark" else seconds
    for venue in VENUES.get(kind, ("",)):
        command = StartIncident(
            kind=kind,
            venue=venue,
            symbol=Symbol(ORDERS[0][0]) if sized or kind == "halt" else Symbol(""),
            seconds=lasts,
            size=SIZE if sized else 0,
        )
        stage.submit(command, BOSS, reason="drill")
    return lasts


def run(stage: Stage, kinds: Sequence[str], seconds: float) -> dict[str, Any]:
    """Every incident after the other; the report."""
    stage.start()
    stage.wait_ready()
    stage.set_people()
    for number, (symbol, side, quantity, strategy) in enumerate(ORDERS, start=1):
        stage.enter(symbol, side, quantity, strategy)
        dark = MoveParameter(parent_id=number, name="dark", value=0.5)  # type: ignore[arg-type]
        stage.submit(dark, TRADER)
    _wait_market(stage, 90)
    for kind in kinds:
        _wait_market(stage, _happen(stage, kind, seconds) + 90)
    stage.set_speed(0)
    eventually(lambda: (stage.status() or {"desk": {"speed": 1}})["desk"]["speed"] == 0, 10, "stop")
    stage.stop()
    report = measure(stage.where.journal, read_all(stage.where.journal), kinds)
    findings, chain = judge(stage.where.journal, stage.where.exchange)
    report.update(
        lost=findings.lost, duplicated=findings.duplicated, overfilled=findings.overfilled,
        unknown_after=findings.unknown_after, chain=chain or "sound",
    )  # fmt: skip
    report["sentences"] += findings.sentences[:5]
    return report


def is_good(report: Report) -> bool:
    """Whether nothing went wrong and every incident was said."""
    zero = ("badly_priced", "unsettled", "lost", "duplicated", "overfilled", "unknown_after")
    return (
        all(report[name] == 0 for name in zero)
        and report["chain"] == "sound"
        and all(count >= 1 for count in report["said"].values())
    )


def work(options: argparse.Namespace, folder: Path) -> Report:
    """The incidents on a desk of their own."""
    kinds = tuple(SAID) if "all" in options.kind else tuple(options.kind)
    settings = ("--seed", str(options.seed), "--speed", f"{SPEED:g}")
    stage = Stage(state=folder / "s", options=settings)
    try:
        return run(stage, kinds, options.seconds)
    finally:
        stage.stop()


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("incident", __doc__)
    parser.add_argument(
        "--kind", choices=("all", *SAID), default=["all"], nargs="+", help="in this order"
    )
    parser.add_argument("--seconds", type=float, default=40.0, help="market time of each")
    return conclude(parser, argv, work, is_good)
