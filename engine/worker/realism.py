"""The realism report of the market, made in the background while nothing else is to do.

One part a call: the stylised facts first, then own impact. A part that is there for this market is
not made again. The worker runs at low priority; a stop is noticed between two days.
"""

import json
from typing import Final

from db.jobs import RUNNING
from engine.domain.errors import BrokenInvariant
from engine.exchange.presets import market_hash
from engine.realism.report import DAYS, LONG_DAYS, PATHS, TRIP_PATHS, keep, own_impact, stylised
from engine.worker.context import Context
from engine.worker.past import Stopped

NAME: Final = "market_report"
AFTER_NS: Final = 900_000_000_000  # of the worker's life: a desk that just started has better to do
BUSY: Final = ("history", "first_model")
TOLD_EVERY: Final = 20  # days or paths between two words about it


def parts_there(context: Context) -> set[str]:
    """Which parts the report of this market has."""
    path = context.where.state / "reports" / f"market-{market_hash()}.json"
    return set(json.loads(path.read_text())) if path.exists() else set()


def market_report(context: Context) -> None:
    """Make the part that is missing, when the desk has run a while and no other job is at work."""
    now = context.clock.wall_ns()
    began = context.memo.setdefault("market_report since", now)
    if now - began < AFTER_NS or context.memo.get("market_report done"):
        return
    for name in BUSY:
        row = context.jobs.get(name)
        if row is not None and row.state == RUNNING:
            return
    there = parts_there(context)
    part = next((one for one in ("stylised", "own_impact") if one not in there), None)
    if part is None:
        context.memo["market_report done"] = True
        return
    context.jobs.start(NAME, f"{part}, begins", now)
    try:
        _make(context, part)
    except Stopped:
        return
    except BrokenInvariant as error:
        context.memo["market_report done"] = True
        context.jobs.failed(NAME, str(error), context.clock.wall_ns())
        return
    context.jobs.done(NAME, f"{part} of market {market_hash()}", context.clock.wall_ns())


def _make(context: Context, part: str) -> None:
    told = [0]

    def progress(done: int, of: int) -> None:
        if context.stop.is_set():
            raise Stopped
        told[0] += 1
        if told[0] % TOLD_EVERY == 0:
            text = f"{part}, {done} of {of}"
            context.jobs.step(NAME, done / of, text, context.clock.wall_ns())

    body = (
        stylised(days=DAYS, long_days=LONG_DAYS, progress=progress)
        if part == "stylised"
        else own_impact(paths=PATHS, trips=TRIP_PATHS, progress=progress)
    )
    keep(context.where.state / "reports", body, context.clock.wall_ns())
