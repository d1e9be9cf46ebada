"""A first comparison of all strategies for the lab, made when nothing else is to do.

Small enough for a desk that trades: who wants more paths runs ``compare --report``. It is made by a
process of its own, and only while there is none of today's market.
"""

import sys
from typing import Final

import msgspec

from db.jobs import RUNNING
from db.queries_lab import comparisons
from engine.domain.errors import BrokenInvariant, Refused
from engine.domain.strategy import STRATEGIES
from engine.exchange.presets import market_hash
from engine.lab.command import compare
from engine.runtime.clock import SystemClock
from engine.worker.apart import Ended, answer_apart
from engine.worker.context import Context

NAME: Final = "lab_report"
AFTER_NS: Final = 600_000_000_000  # of the worker's life: a desk that just started has better to do
BUSY: Final = ("history", "first_model", "market_report")
SCENARIO: Final = "midcap-500k"
PATHS: Final = 50  # ten of each regime
STATIC: Final = "VWAP_STATIC"


def lab_report(context: Context) -> None:
    """Make the comparison that is missing, when the desk has run a while and no job is at work."""
    now = context.clock.wall_ns()
    began = context.memo.setdefault("lab_report since", now)
    if now - began < AFTER_NS or context.memo.get("lab_report done"):
        return
    for name in BUSY:
        row = context.jobs.get(name)
        if row is not None and row.state == RUNNING:
            return
    state = context.where.state
    context.memo["lab_report done"] = True
    if any(body["market_hash"] == market_hash() for body in comparisons(state)):
        return
    context.jobs.start(NAME, f"{SCENARIO}, {PATHS} paths", now)
    asked = AskedComparison(folder=str(state / "reports"), scenario=SCENARIO, paths=PATHS)
    try:
        context.apart("engine.worker.lab", msgspec.json.encode(asked))
    except Ended:
        return
    except (Refused, BrokenInvariant) as error:
        context.jobs.failed(NAME, str(error), context.clock.wall_ns())
        return
    text = f"{SCENARIO} on {PATHS} paths of market {market_hash()}"
    context.jobs.done(NAME, text, context.clock.wall_ns())


class AskedComparison(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be compared, and where it is kept."""

    folder: str
    scenario: str
    paths: int


def work(ask: bytes) -> bytes:
    """Compare and keep, by the verb itself; the answer is the scenario's name."""
    asked = msgspec.json.decode(ask, type=AskedComparison)
    names = ",".join([STATIC, *STRATEGIES])
    argv = ["--scenario", asked.scenario, "--strategies", names, "--days", str(asked.paths),
            "--workers", "0", "--same-placement", "--report", asked.folder]  # fmt: skip
    compare(argv, SystemClock().wall_ns())
    return asked.scenario.encode()


if __name__ == "__main__":
    sys.exit(answer_apart(work))
