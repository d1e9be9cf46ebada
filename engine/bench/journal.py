"""How fast the journal takes intents, walks its chain and is folded again.

Real files in a temporary folder, ``synchronous=FULL``: an entry counts when it would survive a
power cut. Entries are those of trading: an intent with its decision record, its acceptance, a fill.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from db.journal import SqliteJournal, read_all, verify
from engine.bench.meta import load, meta
from engine.core.evolve import evolve
from engine.core.plan import DECISION
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import Entry
from engine.domain.orders import AtEnd, CatchUp, OnRestart, Parent, ParentState
from engine.domain.units import Nanos, ParentId, PersonId, Shares, Symbol, Ticks, child_id

DONE: Final = 0
USAGE: Final = 2
DISAGREE: Final = 3
SIZES: Final = {"single": 1, "batch_16": 16, "batch_64": 64}
RECORD: Final = np.zeros(1, dtype=DECISION).tobytes()
PACE_NS: Final = 200_000_000  # market time between entries
START_NS: Final = 1_795_000_000_000_000_000
PARENT: Final = Parent(
    id=ParentId(1), symbol=Symbol("MIDC"), side=1, quantity=Shares(10**9), strategy="TWAP",
    trader=PersonId("u1"), desk="main", client="", state=ParentState.WORKING,
    accepted_at=Nanos(0), start_at=Nanos(0), end_at=Nanos(0), limit_price=None,
    arrival_price=5_000.0, arrival_volume=Shares(0), arrival_notional=0, seed=1, overrides=(),
    parameter_version=1, on_restart=OnRestart.HOLD, catch_up=CatchUp.SPREAD, at_end=AtEnd.CLEANUP,
)  # fmt: skip


def intent(number: int) -> e.ChildIntended:
    """The event before every send, as large as in trading."""
    return e.ChildIntended(
        child_id=child_id(1, number), parent_id=PARENT.id, symbol=PARENT.symbol, side=1, type=1,
        price=Ticks(5_000), quantity=Shares(300), ttl_ns=Nanos(60_000_000_000), why=1, binding=0,
        parameter_version=1, digest="0" * 64,
    )  # fmt: skip


class Writer:
    """Numbers events and appends them the way the loop does."""

    def __init__(self, folder: Path) -> None:
        self.journal = SqliteJournal(folder)
        self.seq = 0

    def append(self, events: Sequence[e.AnyEvent], *, with_records: bool) -> None:
        entries = []
        for event in events:
            self.seq += 1
            at = Nanos(START_NS + self.seq * PACE_NS)
            entries.append(
                Entry(seq=self.seq, turn=self.seq, market_ns=at, desk_ns=at, event=event)
            )
        records = [(entry.seq, RECORD) for entry in entries] if with_records else []
        self.journal.append(entries, records)


def commits(folder: Path, size: int, seconds: float, least: int) -> dict[str, Any]:
    """Intents a second in batches of ``size``, and the time of one commit. [us]"""
    writer = Writer(folder)
    spent: list[int] = []
    number = 0
    began = time.perf_counter_ns()
    end = began + int(seconds * 1e9)
    while len(spent) < least or time.perf_counter_ns() < end:
        events = [intent(number + i) for i in range(size)]
        number += size
        before = time.perf_counter_ns()
        writer.append(events, with_records=True)
        spent.append(time.perf_counter_ns() - before)
    passed = time.perf_counter_ns() - began
    writer.journal.close()
    spent.sort()
    return {
        "per_second": round(number / passed * 1e9, 1),
        "commit_us": {
            "p50": round(statistics.median(spent) / 1e3, 1),
            "p99": round(spent[min(len(spent) - 1, int(len(spent) * 0.99))] / 1e3, 1),
        },
    }


def trading_day(folder: Path, children: int) -> int:
    """A sound journal: each child is intended, accepted and filled; entries written."""
    writer = Writer(folder)
    writer.append([e.EngineStarted(epoch=1, code="0" * 64)], with_records=False)
    writer.append([e.ParentAccepted(parent=PARENT)], with_records=False)
    for first in range(0, children, 64):
        batch: list[e.AnyEvent] = []
        for number in range(first, min(first + 64, children)):
            at = Nanos(START_NS + number * PACE_NS)
            child = child_id(1, number)
            batch += [
                e.ChildIntended(
                    child_id=child, parent_id=PARENT.id, symbol=PARENT.symbol, side=1, type=1,
                    price=Ticks(5_000), quantity=Shares(300), ttl_ns=Nanos(0), why=1, binding=0,
                    parameter_version=1,
                ),
                e.ChildAccepted(child_id=child, exec_id=2 * number + 1, venue_at=at),
                e.ChildFilled(
                    child_id=child, exec_id=2 * number + 2, venue_at=at, price=Ticks(5_000),
                    quantity=Shares(300), liquidity=1, bid=Ticks(4_999), ask=Ticks(5_001),
                ),
            ]  # fmt: skip
        writer.append(batch, with_records=False)
    writer.journal.close()
    return writer.seq


def again(folder: Path, children: int) -> tuple[dict[str, Any], list[str]]:
    """Walk the chain and fold the day; figures, and what does not agree."""
    entries = trading_day(folder, children)
    before = time.perf_counter_ns()
    verdict = verify(folder)
    walked = time.perf_counter_ns() - before
    state = State()
    before = time.perf_counter_ns()
    for entry in read_all(folder):
        evolve(state, entry)
    folded = time.perf_counter_ns() - before
    wrong = []
    if verdict.first_bad or verdict.entries != entries:
        wrong.append(f"verify walked {verdict.entries} of {entries} entries: {verdict.reason}")
    if state.parents[PARENT.id].filled != 300 * children:
        wrong.append(f"the fold has {state.parents[PARENT.id].filled} shares of {300 * children}")
    size = sum(path.stat().st_size for path in folder.iterdir())
    figures = {
        "verify_per_second": round(entries / walked * 1e9),
        "replay_events_per_second": round(entries / folded * 1e9),
        "bytes_per_event": round(size / entries, 1),
    }
    return figures, wrong


def measure(seconds: float, children: int, least: int = 20) -> tuple[dict[str, Any], list[str]]:
    """All figures in fresh files; and what does not agree."""
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-journal-"))
    try:
        report: dict[str, Any] = {
            name: commits(folder / name, size, seconds, least) for name, size in SIZES.items()
        }
        figures, wrong = again(folder / "day", children)
    finally:
        shutil.rmtree(folder)
    return {**report, **figures}, wrong


def main(argv: Sequence[str]) -> int:
    """Run the verb; 0 done, 2 bad usage, 3 results disagree."""
    load_before = load()
    parser = argparse.ArgumentParser(prog="python -m engine bench journal", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each batch size")
    parser.add_argument("--children", type=int, default=20_000, help="of the day that is folded")
    parser.add_argument("--json", action="store_true")
    try:
        options = parser.parse_args(argv)
        if options.seconds <= 0 or options.children < 1:
            parser.error("--seconds and --children must be above 0")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    report, wrong = measure(options.seconds, options.children)
    report["meta"] = meta(load_before)
    for sentence in wrong:
        print(f"bench journal: {sentence}", file=sys.stderr)
    if options.json:
        print(json.dumps(report))
    else:
        for key, value in report.items():
            print(f"{key:>26}  {value}")
    return DISAGREE if wrong else DONE
