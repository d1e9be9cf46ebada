"""How far limits were used, and their versions: JSON for machines, CSV for people."""

import asyncio
import csv
import io
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from engine.domain.errors import Refused
from engine.domain.limits import key_of
from engine.gateway.audit import cell
from engine.gateway.grants import Grants
from engine.gateway.problems import problem

DAYS: Final = 20
DAYS_MAX: Final = 250
COLUMNS: Final = (
    "key", "words", "level", "subject", "unit", "value", "version", "owner", "review", "days",
    "used_days", "highest", "share", "highest_day", "refused", "far",
)  # fmt: skip
DAY_COLUMNS: Final = ("day", "origin", "used", "share", "refused", "subject")
NO_STORE: Final = {"cache-control": "no-store"}


def lines(rows: Iterable[Any]) -> str:
    """CSV: one line a limit and day, the limit's summary in each; a limit without use has one."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*COLUMNS, *(f"day_{name}" for name in DAY_COLUMNS)])
    for row in rows:
        summary = [cell(getattr(row, name)) for name in COLUMNS]
        for day in row.by_day or [None]:
            ends = ["" if day is None else cell(getattr(day, name)) for name in DAY_COLUMNS]
            writer.writerow([*summary, *ends])
    return out.getvalue()


def routes(queries: Any, grants: Grants) -> APIRouter:
    """Utilisation and versions; live values are the topic ``limits``."""
    router = APIRouter()
    for path in ("utilisation", "utilisation.csv", "versions"):
        grants.route("GET", f"/api/v1/limits/{path}", "view.limits")
    Days = Annotated[int, Query(ge=1, le=DAYS_MAX)]  # noqa: N806 (a type)

    @router.get("/api/v1/limits/utilisation")
    async def utilisation(days: Days = DAYS) -> Response:
        """Per limit in force the highest use of each day, refusals, and whether it is far away."""
        return await _answer(_json, queries.limit_use, days)

    @router.get("/api/v1/limits/utilisation.csv")
    async def export(days: Days = DAYS) -> Response:
        """The same as CSV."""
        return await _answer(_csv, queries.limit_use, days)

    @router.get("/api/v1/limits/versions")
    async def versions(key: Annotated[str, Query(max_length=120)] = "") -> Response:
        """Every version of one limit, or of all, newest first."""
        wanted = key_of(key) if key else None
        if key and wanted is None:
            return problem(422, f"key must be like max_open_value@trader:u1, was {key!r}",
                           kind="refused", field="key")  # fmt: skip
        return await _answer(_json, queries.limit_versions, wanted)

    return router


async def _answer(
    shape: Callable[[Iterable[Any]], Response], question: Callable[..., Any], *args: Any
) -> Response:
    """Ask the read tables in a thread; one that is not ready is a sentence."""
    try:
        rows = await asyncio.to_thread(question, *args)
    except Refused as refused:
        return problem(503, str(refused), kind="refused")
    return shape(rows)


def _json(rows: Iterable[Any]) -> Response:
    body = msgspec.json.encode({"items": rows})
    return Response(body, media_type="application/json", headers=NO_STORE)


def _csv(rows: Iterable[Any]) -> Response:
    headers = {
        **NO_STORE, "content-disposition": 'attachment; filename="limits-utilisation.csv"',
    }  # fmt: skip
    return Response(lines(rows), media_type="text/csv; charset=utf-8", headers=headers)
