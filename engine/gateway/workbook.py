"""A grid as a workbook: what the screen shows, row by row, with a sheet that says what it is.

The browser sends the cells it shows, so that the file equals the filtered grid; numbers arrive
unrounded and keep the format of their column. The sheet About holds the filter, the instant, the
head of the journal and the SHA-256 of the cells.
"""

import asyncio
import hashlib
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from engine.domain.errors import Refused
from engine.gateway.audit import quoted
from engine.gateway.grants import Grants
from engine.gateway.live import Hub
from engine.gateway.ports import Clock
from engine.gateway.problems import problem
from engine.gateway.viewer import Viewer, viewer

FORMATS: Final[Mapping[str, str]] = {
    "text": "@",
    "int": "#,##0",
    "bps": "+0.00;-0.00;0.00",
    "signed": "+0.00;-0.00;0.00",
    "percent": "0.0%",
    "bar": "0%",
    "price2": "#,##0.00",
    "price3": "#,##0.000",
    "price4": "#,##0.0000",
}
COLUMNS_MAX: Final = 60
ROWS_MAX: Final = 20_000
TEXT_MAX: Final = 2_000  # characters of a cell
TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

CellValue = str | int | float | None


class SheetColumn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column as shown: its title and how its numbers are written."""

    title: str
    form: str = "text"


class SheetBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grid as it is shown: rows in the order of the screen."""

    title: str
    query: str = ""  # the address of the view
    columns: list[SheetColumn]
    rows: list[list[CellValue]]


class Look(Protocol):
    """What every export says about this desk."""

    @property
    def watermark(self) -> str: ...
    @property
    def mode(self) -> str: ...


def check(body: SheetBody) -> SheetBody:
    """The grid, when it is one."""
    if not 1 <= len(body.columns) <= COLUMNS_MAX:
        raise Refused(f"there must be 1 to {COLUMNS_MAX} columns", field="columns")
    if len(body.rows) > ROWS_MAX:
        raise Refused(f"there must be at most {ROWS_MAX} rows", field="rows")
    unknown = [column.form for column in body.columns if column.form not in FORMATS]
    if unknown:
        raise Refused(f"form must be one of {', '.join(FORMATS)}, was {unknown[0]!r}", field="form")
    if any(len(row) != len(body.columns) for row in body.rows):
        raise Refused("every row must have one cell a column", field="rows")
    texts = [cell for row in body.rows for cell in row if isinstance(cell, str)]
    titles = [body.title, body.query, *(column.title for column in body.columns)]
    if any(len(text) > TEXT_MAX for text in (*texts, *titles)):
        raise Refused(f"a text must have at most {TEXT_MAX} characters", field="rows")
    return body


def digest(body: SheetBody) -> str:
    """SHA-256 of titles and cells as JSON."""
    cells = [[column.title for column in body.columns], *body.rows]
    return hashlib.sha256(msgspec.json.encode(cells)).hexdigest()


def safe(text: str) -> str:
    """A text as a cell; the dash of what is undefined is no formula."""
    return text if text == "-" else quoted(text)


def workbook(body: SheetBody, about: Sequence[tuple[str, str]]) -> bytes:
    """The file: a sheet with the grid, a sheet About."""
    import xlsxwriter

    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "nan_inf_to_errors": True})
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet("Grid")
    forms = [book.add_format({"num_format": FORMATS[c.form]}) for c in body.columns]
    for place, column in enumerate(body.columns):
        sheet.write_string(0, place, quoted(column.title), bold)
        longest = max((len(str(row[place])) for row in body.rows), default=0)
        sheet.set_column(place, place, min(60, max(9, len(column.title) + 2, longest + 1)))
    for line, row in enumerate(body.rows, start=1):
        for place, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(line, place, safe(value), forms[place])
            elif value is not None:
                sheet.write_number(line, place, value, forms[place])
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(1, len(body.rows)), len(body.columns) - 1)
    note = book.add_worksheet("About")
    for line, (name, text) in enumerate(about):
        note.write_string(line, 0, name, bold)
        note.write_string(line, 1, quoted(text))
    note.set_column(0, 0, 18)
    note.set_column(1, 1, 90)
    book.close()
    return out.getvalue()


def about(
    body: SheetBody, someone: Viewer, look: Look, hub: Hub, now_ns: int
) -> list[tuple[str, str]]:
    """What the file is, from when, by whom, and which bytes it had."""
    desk = hub.last_rows("desk").get("desk", {})
    moment = datetime.fromtimestamp(now_ns // 1_000_000_000, tz=UTC).isoformat()
    market = desk.get("market_at")
    seen = (
        datetime.fromtimestamp(market // 1_000_000_000, tz=UTC) if isinstance(market, int) else None
    )
    return [
        ("what", f"{body.title}: {len(body.rows)} rows as shown on the screen"),
        ("query", body.query),
        ("desk", " ".join(filter(None, (look.mode, look.watermark)))),
        ("source", str(desk.get("source", "-"))),
        ("made at (UTC)", moment),
        ("market clock (UTC)", "-" if seen is None else seen.isoformat()),
        ("made by", f"{someone.name} ({someone.person_id})"),
        ("journal", f"{desk.get('seq', '-')} entries, head {desk.get('head', '-')}"),
        ("SHA-256 of the cells", digest(body)),
    ]


def routes(hub: Hub, look: Look, clock: Clock, grants: Grants) -> APIRouter:
    """One door: a grid goes in, a workbook comes out; nothing is kept."""
    router = APIRouter()
    grants.route("POST", "/api/v1/workbook", "view.desk")

    @router.post("/api/v1/workbook")
    async def make(request: Request) -> Response:
        """The shown grid as XLSX."""
        try:
            body = check(msgspec.json.decode(await request.body(), type=SheetBody))
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        except Refused as refused:
            return problem(422, str(refused), field=refused.field)
        said = about(body, viewer(), look, hub, clock.wall_ns())
        made = await asyncio.to_thread(workbook, body, said)
        return Response(made, media_type=TYPE, headers={"cache-control": "no-store"})

    return router
