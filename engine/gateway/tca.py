"""Cost reports for pages and for taking away: typed reading, one HTML file, what has changed."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from db.records import TcaDay, TcaParent
from engine.domain.errors import Refused
from engine.gateway.fresh import fresh
from engine.gateway.grants import Grants
from engine.gateway.problems import problem
from engine.gateway.sessions import Directory
from engine.tca.report import read_report
from engine.tca.results import (
    DayReport,
    Execution,
    GroupTca,
    Markout,
    Measure,
    OrderTca,
    Parts,
    Ratio,
)
from engine.tca.text import horizon

__all__ = [
    "DayReport", "Execution", "GroupTca", "Markout", "Measure", "Missing", "OrderTca", "Parts",
    "Ratio", "Step", "day_report", "horizon", "missing", "order_report", "parse_day", "rest",
    "waterfall",
]  # fmt: skip


def day_report(found: TcaDay) -> DayReport:
    """The report whose bytes have the stored hash; other bytes are a broken invariant."""
    return read_report(found.body.encode(), found.report_hash)


def order_report(found: TcaParent) -> OrderTca:
    """The costs of one parent."""
    return msgspec.json.decode(found.body.encode(), type=OrderTca)


def parse_day(text: str) -> str:
    """The day as it is written, ``2026-11-27``; Refused when it is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused(f"day must be a date such as 2026-11-27, was {text!r}", field="day") from None


def routes(queries: Any, directory: Directory, grants: Grants) -> APIRouter:
    """Two reads for those who may look at costs."""
    router = APIRouter()
    grants.route("GET", "/api/v1/tca/*", "view.tca")

    def names() -> dict[str, str]:
        return {person.person_id: person.name for person in directory.persons.values()}

    @router.get("/api/v1/tca/{day}/report.html")
    async def report(day: str) -> Response:
        """The report as one file without scripts, with the signature and the notes beside it."""
        found = await _asked(lambda: queries.tca_html(parse_day(day), names()))
        if isinstance(found, Response):
            return found
        headers = {"content-disposition": f'attachment; filename="tca-{parse_day(day)}.html"'}
        return Response(found, media_type="text/html; charset=utf-8", headers=headers)

    @router.get("/api/v1/tca/{day}")
    async def state(day: str) -> Response:
        """What a page of this day must know to see that it is old."""
        found = await _asked(lambda: _state(queries, parse_day(day)))
        if isinstance(found, Response):
            return found
        return fresh(found)

    return router


async def _asked(work: Callable[[], Any]) -> Any:
    """An answer of the read tables, or a problem with its sentence."""
    try:
        found = await asyncio.to_thread(work)
    except Refused as refused:
        return problem(422 if refused.field else 503, str(refused), kind="refused")
    return problem(404, "this day has no report") if found is None else found


def _state(queries: Any, day: str) -> dict[str, object] | None:
    known = queries.day(day)
    if known is None:
        return None
    age = queries.data_as_of()
    return {
        "day": day,
        "report_hash": known.report_hash,
        "signed_by": known.signed_by,
        "signed_hash": known.signed_hash,
        "notes": len(queries.notes(day)),
        "seq": 0 if age is None else age.seq,
        "projected_at": 0 if age is None else age.projected_at,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One bar of a waterfall; positions are fractions of its width."""

    name: str
    cost: float  # [currency]
    bps: float | None
    left: float
    width: float
    zero: float  # where no cost lies


STEPS: Final = (
    ("delay", "delay"), ("spread", "spread"), ("impact", "impact"), ("timing", "timing"),
    ("impact_and_timing", "impact + timing"), ("unsplit", "trading, not split"),
    ("opportunity", "opportunity"), ("fees", "fees"),
)  # fmt: skip


def waterfall(cost: Parts, cost_bps: Parts) -> tuple[Step, ...]:
    """The parts one after the other, the last bar is the total; () while it is undefined."""
    if cost.total is None:
        return ()
    bars: list[tuple[str, float, float | None, float]] = []
    at = 0.0
    for field, name in STEPS:
        part = getattr(cost, field)
        if part is not None:
            bars.append((name, part, getattr(cost_bps, field), at))
            at += part
    bars.append(("total", cost.total, cost_bps.total, 0.0))
    ends = [0.0, *(start for *_, start in bars), *(start + part for _, part, _, start in bars)]
    low, span = min(ends), (max(ends) - min(ends)) or 1.0
    return tuple(
        Step(
            name=name,
            cost=part,
            bps=bps,
            left=(min(start, start + part) - low) / span,
            width=abs(part) / span,
            zero=-low / span,
        )
        for name, part, bps, start in bars
    )


def rest(cost: Parts) -> float | None:
    """Total less delay, trading, opportunity and fees: what the split leaves out. [currency]"""
    if cost.total is None:
        return None
    parts = (cost.delay, cost.trading, cost.opportunity, cost.fees)
    return cost.total - math.fsum(part for part in parts if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that could not be known, for all orders that lack it."""

    kind: str
    sentence: str
    count: int
    parents: tuple[int, ...]


def missing(report: DayReport) -> tuple[Missing, ...]:
    """Data quality of the day, equal sentences together, most frequent first."""
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for order in report.orders:
        for row in order.quality:
            found.setdefault((row.kind, row.sentence), []).append((row.parent_id, row.count))
    rows = [
        Missing(
            kind=kind,
            sentence=sentence,
            count=sum(count for _, count in hits),
            parents=tuple(parent for parent, _ in hits),
        )
        for (kind, sentence), hits in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: -row.count))
