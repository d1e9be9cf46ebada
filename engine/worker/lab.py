"""A first comparison of all strategies for the lab, made when nothing else is to do.

Small enough for a desk that trades: who wants more paths runs ``compare --report``. It is made by a
process of its own, and only while there is none of today's market.
"""

import sys
from typing import Final

import msgspec

from db.queries_lab import comparisons
from db.queries_market import FOLDER
from engine.domain.strategy import STRATEGIES
from engine.exchange.presets import market_hash
from engine.lab.command import compare
from engine.runtime.clock import SystemClock
from engine.worker.apart import answer_apart
from engine.worker.context import Context
from engine.worker.idle import is_over, is_time, make_apart

NAME: Final = "lab_report"
AFTER_NS: Final = 600_000_000_000  # of the worker's life: a desk that just started has better to do
BUSY: Final = ("history", "first_model", "market_report")
SCENARIO: Final = "midcap-500k"
PATHS: Final = 50  # ten of each regime
NAMES: Final = ("VWAP_STATIC", *STRATEGIES)  # all that may be compared


def lab_report(context: Context) -> None:
    """Make the comparison that is missing, when the desk has run a while and no job is at work."""
    if not is_time(context, NAME, AFTER_NS, BUSY):
        return
    state = context.where.state
    is_over(context, NAME)
    if any(body["market_hash"] == market_hash() for body in comparisons(state)):
        return
    context.jobs.start(NAME, f"{SCENARIO}, {PATHS} paths", context.clock.wall_ns())
    asked = AskedComparison(folder=str(state / FOLDER), scenario=SCENARIO, paths=PATHS)
    said = f"{SCENARIO} on {PATHS} paths of market {market_hash()}"
    make_apart(context, NAME, "engine.worker.lab", asked, said)


class AskedComparison(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be compared, and where it is kept."""

    folder: str
    scenario: str
    paths: int


def work(ask: bytes) -> bytes:
    """Compare and keep, by the verb itself; the answer is the scenario's name."""
    asked = msgspec.json.decode(ask, type=AskedComparison)
    argv = ["--scenario", asked.scenario, "--strategies", ",".join(NAMES),
            "--days", str(asked.paths), "--workers", "0", "--same-placement",
            "--report", asked.folder]  # fmt: skip
    compare(argv, SystemClock().wall_ns())
    return asked.scenario.encode()


if __name__ == "__main__":
    sys.exit(answer_apart(work))
