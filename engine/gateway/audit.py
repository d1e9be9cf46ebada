"""The journal for auditors: the filter of the page, its result as CSV, receipts of one kill."""

import asyncio
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from db.queries_audit import AuditFilter
from engine.domain.errors import Refused
from engine.gateway.fresh import fresh
from engine.gateway.grants import Grants
from engine.gateway.problems import problem

PAGE: Final = 1_000
COLUMNS: Final = (
    "seq", "source", "origin", "day", "desk_at", "market_at", "turn", "event", "person", "object",
    "text",
)  # fmt: skip
# a spreadsheet would run it as a formula, some also after blanks and in the wide form
RISKY: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)  # as ns both fit in 64 bits
LATEST: Final = datetime(2262, 1, 1, tzinfo=UTC)
FIELDS: Final = ("text", "person", "event", "object", "day", "origin")


def filter_of(given: Mapping[str, str]) -> AuditFilter:
    """The filter that an address asks for; Refused names the field that is not understood."""
    plain = {name: given.get(name, "").strip() for name in FIELDS}
    return AuditFilter(
        **plain,
        since=_instant(given.get("since", ""), "since"),
        until=_instant(given.get("until", ""), "until"),
    )


def _instant(text: str, name: str) -> int:
    """UTC as ``2026-11-27 14:30`` in ns; "" = no limit."""
    if not text.strip():
        return 0
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        if not EARLIEST <= moment <= LATEST:
            raise ValueError
    except ValueError:
        raise Refused(
            f"{name} must be a UTC time such as 2026-11-27 14:30, was {text!r}", field=name
        ) from None
    return int(moment.timestamp() * 1e6) * 1000


def cell(value: object) -> str:
    """A cell that no spreadsheet runs; numbers stay numbers."""
    return quoted(value) if isinstance(value, str) else str(value)


def quoted(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip().startswith(RISKY) or text[:1] in ("\t", "\r") else text


def lines(rows: Iterable[Any]) -> Iterator[str]:
    """CSV of audit rows, with a heading."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([cell(getattr(row, name)) for name in COLUMNS])
        if buffer.tell() > 60_000:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def every_row(queries: Any, wanted: AuditFilter) -> Iterator[Any]:
    """All rows that fit, newest first, page by page."""
    cursor = ""
    while True:
        page = queries.audit_search(wanted, cursor, PAGE)
        yield from page.rows
        cursor = page.cursor
        if not cursor:
            return


def routes(queries: Any, grants: Grants, mark: str = "") -> APIRouter:
    """The filtered result as CSV, and what became of every child of a kill."""
    name = "-".join(["audit", *re.findall("[A-Z]+", mark)]) + ".csv"
    router = APIRouter()
    grants.route("GET", "/api/v1/audit.csv", "view.audit")
    grants.route("GET", "/api/v1/receipts/*", "view.system")

    @router.get("/api/v1/audit.csv")
    async def export(  # noqa: PLR0913 (each is one field of the form)
        text: Annotated[str, Query(max_length=400)] = "",
        person: Annotated[str, Query(max_length=40)] = "",
        event: Annotated[str, Query(max_length=40)] = "",
        object: Annotated[str, Query(max_length=40)] = "",  # noqa: A002 (name of the field)
        day: Annotated[str, Query(max_length=10)] = "",
        origin: Annotated[str, Query(max_length=8)] = "",
        since: Annotated[str, Query(max_length=40)] = "",
        until: Annotated[str, Query(max_length=40)] = "",
    ) -> Response:
        """Every entry that fits the filter, newest first."""
        given = {"text": text, "person": person, "event": event, "object": object, "day": day,
                 "origin": origin, "since": since, "until": until}  # fmt: skip
        try:
            wanted = filter_of(given)
            await asyncio.to_thread(queries.audit_search, wanted, "", 1)  # refused before it starts
        except Refused as refused:
            return problem(422 if refused.field else 503, str(refused), kind="refused")
        headers = {
            "content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store",
        }  # fmt: skip
        body = lines(every_row(queries, wanted))
        return StreamingResponse(body, media_type="text/csv; charset=utf-8", headers=headers)

    @router.get("/api/v1/receipts/{kill}")
    async def receipts(kill: str) -> Response:
        """What became of each child that a kill of the live journal had to stop."""
        try:
            rows = await asyncio.to_thread(queries.kills, "LIVE")
        except Refused as refused:
            return problem(503, str(refused), kind="refused")
        found = next((row for row in rows if row.id == kill), None)
        if found is None:
            return problem(404, f"the read tables have no kill {kill} yet")
        items = [msgspec.structs.asdict(row) for row in found.receipts]
        return fresh({"items": items})

    return router


def pretty(body: str) -> str:
    """Stored JSON with line breaks, for people; the bytes that are hashed have none."""
    return msgspec.json.format(body, indent=2)
