"""The costs of one closed day, by a process of its own: ``python -m engine.worker.costs``."""

import sys
from pathlib import Path

import msgspec

from db.base import open_engine
from db.facts import Facts
from db.market import Market
from db.project import live_source
from engine.worker.apart import answer_apart
from engine.worker.tca import build, store


class AskedDay(msgspec.Struct, frozen=True, kw_only=True):
    """Which day of which desk."""

    tables: str  # address of the read tables
    state: str  # the desk's folder
    day: str


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of a report; its bytes are in the folder of reports under their hash."""

    digest: str
    parents: int
    shortfall_bps: float | None  # of all orders; None = not known


def costs(asked: AskedDay) -> Costs | None:
    """Build and store the report; None while a parent of the day has not ended."""
    source, state = live_source(Path(asked.state)), Path(asked.state)
    tables = open_engine(asked.tables)
    try:
        found = Facts(tables, source.name).of_day(asked.day)
    finally:
        tables.dispose()
    if found is None:
        return None
    built = build(found, Market(state), source)
    store(source.reports, built)
    return Costs(
        digest=built.digest,
        parents=len(built.report.orders),
        shortfall_bps=built.report.total.shortfall.bps,
    )


def work(ask: bytes) -> bytes:
    """A day as JSON, its costs as JSON."""
    return msgspec.json.encode(costs(msgspec.json.decode(ask, type=AskedDay)))


if __name__ == "__main__":
    sys.exit(answer_apart(work))
