"""A day's cost report: facts of the read tables and the tape -> report bytes and their hash.

The tape keeps running totals a second, not single prints. They become prints that carry exactly
the second's volume and notional (two neighbouring prices), stamped just inside the second; the
journal's own totals at each parent's arrival and end cut the seconds there, so interval volume
and VWAP of an order are exact. Within a second the order of prints is not known
(docs/numbers.md).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from db.facts import DayFacts, Mark
from db.market import Market, Mids, Totals
from db.project import Source, hash_of
from engine.domain.units import SECOND
from engine.tca.day import day_tca
from engine.tca.inputs import MidSeries, SymbolMarket, Tape, TcaRules
from engine.tca.report import report_bytes, report_hash
from engine.tca.results import DayReport, Meta

WATERMARKS: Final = {
    "SIM": "SIM", "REPLAY": "REPLAY / VIRTUAL", "REACTIVE": "REPLAY / REACTIVE",
}  # fmt: skip
RULES: Final = TcaRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A report as it is stored and named."""

    report: DayReport
    data: bytes
    digest: str


def build(facts: DayFacts, market: Market, source: Source, rules: TcaRules = RULES) -> Built:
    """Report of a closed day; the same journal and tape give the same bytes."""
    symbols = sorted({order.parent.symbol for order in facts.orders})
    markets = {
        symbol: SymbolMarket(
            tape=tape_of(
                market.totals(facts.day, facts.places[symbol]), facts.marks.get(symbol, ())
            ),
            mids=mids_of(market.mids(facts.day, facts.places[symbol]), facts.close_at),
        )
        for symbol in symbols
    }
    report = day_tca(facts.orders, markets, rules, meta_of(facts, source))
    data = report_bytes(report)
    return Built(report=report, data=data, digest=report_hash(data))


def meta_of(facts: DayFacts, source: Source) -> Meta:
    """Where the report comes from: the last entry it rests on names its journal."""
    close = datetime.fromtimestamp(facts.close_at // SECOND, UTC)
    offset = close.astimezone(ZoneInfo(facts.zone)).utcoffset()
    return Meta(
        day=facts.day,
        source=facts.market,
        watermark="DEMO" if facts.origin == "DEMO" else WATERMARKS.get(facts.mode, facts.mode),
        as_of_ns=facts.close_at,
        journal_seq=facts.last_seq,
        journal_head=hash_of(source.folder, facts.last_seq),
        zone=facts.zone,
        utc_offset_ns=0 if offset is None else int(offset.total_seconds()) * SECOND,
    )


def mids_of(mids: Mids, close_at: int) -> MidSeries:
    """The tape's mids, good until the close."""
    return MidSeries(at_ns=mids.at_ns, mid=mids.mid, until_ns=close_at)


def tape_of(totals: Totals, marks: Sequence[Mark]) -> Tape:
    """Prints that add up to the running totals at every second and at every mark."""
    at = np.concatenate((totals.at_ns, [mark.at_ns for mark in marks])).astype(np.int64)
    volume = np.concatenate((totals.volume, [mark.volume for mark in marks])).astype(np.int64)
    notional = np.concatenate((totals.notional, [mark.notional for mark in marks])).astype(np.int64)
    order = np.lexsort((notional, volume, at))
    volume = np.maximum.accumulate(volume[order])  # a total never falls
    notional = np.maximum.accumulate(notional[order])
    shares = np.diff(volume, prepend=np.int64(0))
    spent = np.diff(notional, prepend=np.int64(0))
    traded = shares > 0
    stamp, shares, spent = at[order][traded] - 1, shares[traded], spent[traded]
    price = spent // shares
    above = spent - price * shares  # shares at one tick more, so that the notional is exact
    prints = np.stack((stamp, price, shares - above), axis=1)
    upper = np.stack((stamp, price + 1, above), axis=1)
    both = np.stack((prints, upper), axis=1).reshape(-1, 3)
    kept = both[both[:, 2] > 0]
    return Tape(at_ns=kept[:, 0], price=kept[:, 1], quantity=kept[:, 2])


def store(folder: Path, built: Built) -> Path:
    """Write the bytes under their hash, complete or not at all; written once, never changed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{built.digest}.json"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(built.data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    return path
