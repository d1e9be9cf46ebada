"""The realism report of the market, made in the background while nothing else is to do.

One part a call: the stylised facts first, then own impact. A part that is there for this market is
not made again. It is made by a process of its own, which tells how far it is in the table of jobs:
hundreds of days in the worker's memory would leave their traces there, and its other jobs would
wait. Both run at low priority.
"""

import json
import sys
from pathlib import Path
from typing import Final

import msgspec

from db.jobs import Jobs
from db.queries_market import FOLDER
from engine.exchange.presets import market_hash
from engine.realism.report import DAYS, LONG_DAYS, PATHS, TRIP_PATHS, keep, own_impact, stylised
from engine.runtime.clock import Clock, SystemClock
from engine.worker.apart import answer_apart
from engine.worker.context import Context
from engine.worker.idle import is_over, is_time, make_apart

NAME: Final = "market_report"
AFTER_NS: Final = 900_000_000_000  # of the worker's life: a desk that just started has better to do
BUSY: Final = ("history", "first_model")
TOLD_EVERY: Final = 20  # days or paths between two words about it


def parts_there(context: Context) -> set[str]:
    """Which parts the report of this market has."""
    path = context.where.state / FOLDER / f"market-{market_hash()}.json"
    return set(json.loads(path.read_text())) if path.exists() else set()


def market_report(context: Context) -> None:
    """Make the part that is missing, when the desk has run a while and no other job is at work."""
    if not is_time(context, NAME, AFTER_NS, BUSY):
        return
    there = parts_there(context)
    part = next((one for one in ("stylised", "own_impact") if one not in there), None)
    if part is None:
        is_over(context, NAME)
        return
    context.jobs.start(NAME, f"{part}, begins", context.clock.wall_ns())
    where = context.where
    asked = AskedPart(state=str(where.state), people=str(where.people_db), part=part)
    said = f"{part} of market {market_hash()}"
    make_apart(context, NAME, "engine.worker.realism", asked, said)


class AskedPart(msgspec.Struct, frozen=True, kw_only=True):
    """Which part is to be made, and for which desk."""

    state: str  # the desk's folder
    people: str  # file of the table of jobs
    part: str


def make(asked: AskedPart, jobs: Jobs, clock: Clock) -> None:
    """Make the part and keep it; people see how far it is."""
    told = [0]

    def progress(done: int, of: int) -> None:
        told[0] += 1
        if told[0] % TOLD_EVERY == 0:
            jobs.step(NAME, done / of, f"{asked.part}, {done} of {of}", clock.wall_ns())

    body = (
        stylised(days=DAYS, long_days=LONG_DAYS, progress=progress)
        if asked.part == "stylised"
        else own_impact(paths=PATHS, trips=TRIP_PATHS, progress=progress)
    )
    keep(Path(asked.state) / FOLDER, body, clock.wall_ns())


def work(ask: bytes) -> bytes:
    """A part as JSON; the answer is its name."""
    asked = msgspec.json.decode(ask, type=AskedPart)
    make(asked, Jobs.open(Path(asked.people)), SystemClock())
    return asked.part.encode()


if __name__ == "__main__":
    sys.exit(answer_apart(work))
