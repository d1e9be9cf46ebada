"""Marks that ``assets/live.js`` fills: topic, key, field, format. No Dash callback is involved.

Topics and cells are what the engine publishes. A mark shows "-" until the first frame.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from components.markup import attrs
from components.theme import grid_theme

NUMERIC: Final = frozenset(
    {
        "int", "shares", "signed", "bps", "percent", "money", "age", "price", "ms", "ago", "after",
        "clock", "clock_ms",
    }
)  # fmt: skip


def mark(
    topic: str, key: str, field: str, form: str = "text", *, title: str = "", decimals: int = -1
) -> Component:
    """A live value. ``form`` is a format of text.py, or ``ago`` for the age of an instant [ns]."""
    data: dict[str, Any] = {
        "data-live-topic": topic,
        "data-live-key": key,
        "data-live-field": field,
        "data-live-format": form,
    }
    if decimals >= 0:
        data["data-live-decimals"] = str(decimals)
    classes = "live num" if form in NUMERIC else "live"
    return html.Span("-", className=classes, title=title or None, **data)


def tile(label: str, value: Component, note: Component | str = "", *, title: str = "") -> Component:
    """A number with its name above and its source or interval below."""
    return html.Div(
        [
            html.Div(label, className="tile-label"),
            html.Div(value, className="tile-value"),
            html.Div(note, className="tile-note"),
        ],
        className="tile",
        title=title or None,
    )


def panel(  # noqa: PLR0913 (each is one attribute of the box)
    title: str,
    body: Any,
    *,
    topic: str = "",
    tools: Any = None,
    id: str = "",  # noqa: A002 (Dash's word)
    about: str = "",
    grow: bool = False,
) -> Component:
    """A titled box. With a topic it gets the stale veil and the age of that topic.

    about : its line of docs/panels.md, which "Explain this screen" shows; the id if not given.
    """
    data: dict[str, Any] = {"data-stale-topic": topic} if topic else {}
    corner = (
        html.Span("", className="panel-age num", **attrs({"data-age-of": topic})) if topic else None
    )
    more: dict[str, Any] = {"id": id} if id else {}
    if about or id:
        more["data-panel"] = about or id
    return html.Section(
        [
            html.Div(
                [
                    html.H2(title, className="panel-title"),
                    html.Div(tools, className="panel-tools"),
                    corner,
                ],
                className="panel-head",
            ),
            html.Div(body, className="panel-body"),
        ],
        className="panel grow" if grow else "panel",
        **data,
        **more,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a live grid or table."""

    field: str
    title: str
    form: str = "text"
    width: int = 90  # share of the grid's width, and about its pixels when there is no room
    tip: str = ""
    pinned: bool = False
    flash: bool = False
    decimals: int = -1
    hide_below: int = 0  # viewport width under which the column hides [px]


# Off: the wrapper's own answers to new rows and to a selection. Ten times a second they would copy
# every row into Dash, and set the selection that Dash remembers, which takes a new click back.
OURS_ALONE: Final = {
    "onRowDataUpdated": None,
    "onAsyncTransactionsFlushed": None,
    "onSelectionChanged": None,
}


def grid(  # noqa: PLR0913 (each is one attribute of the grid)
    id: str,  # noqa: A002 (Dash's word)
    topic: str,
    columns: Sequence[Column],
    *,
    where: str = "",
    options: Mapping[str, Any] | None = None,
    empty: str = "nothing here yet",
    link: str = "",
) -> Component:
    """A live AG Grid: rows are keyed, ``live.js`` applies transactions.

    where : ``field=value``, ``field=a|b``, several with ``&``; only such rows are shown.
    link  : a path with ``{key}``; Enter or double click on a row opens it.
    """
    settings: dict[str, Any] = {
        "theme": grid_theme(),
        "rowHeight": 26,
        "headerHeight": 28,
        "animateRows": False,
        "suppressColumnVirtualisation": False,
        "cellFlashDuration": 300,
        "cellFadeDuration": 300,
        "rowSelection": {"mode": "multiRow", "checkboxes": True, "headerCheckbox": True},
        "selectionColumnDef": {"width": 34, "pinned": "left"},
        "localeText": {"noRowsToShow": empty},
        "suppressDragLeaveHidesColumns": True,
        "tooltipShowDelay": 300,
        **OURS_ALONE,
        **(options or {}),
    }
    inner = dag.AgGrid(
        id=id,
        rowData=[],
        selectedRows=None,  # the grid alone knows what is selected
        columnDefs=[_column(column) for column in columns],
        getRowId="params.data.id",
        defaultColDef={"resizable": True, "sortable": True, "suppressMovable": False},
        dashGridOptions=settings,
        className="",
        style={"height": "100%", "width": "100%"},
    )
    data: dict[str, Any] = {"data-live-grid": topic, "data-grid-id": id}
    hiding = {column.field: column.hide_below for column in columns if column.hide_below}
    if hiding:
        data["data-hide"] = json.dumps(hiding)
    if link:
        data["data-link"] = link
    if where:
        data["data-where"] = where
    return html.Div(inner, className="grid-host", **data)


def _column(column: Column) -> dict[str, Any]:
    """A column definition; functions are named in ``dashAgGridFunctions`` of live.js."""
    name = f"'{column.form}', {column.decimals}"
    definition: dict[str, Any] = {
        "field": column.field,
        "headerName": column.title,
        "flex": column.width,
        "minWidth": round(column.width * 0.75),
        "headerTooltip": column.tip or column.title,
        "valueFormatter": {"function": f"qdFormat(params, {name})"},
        "cellClass": {"function": f"qdClass(params, '{column.form}')"},
        "enableCellChangeFlash": column.flash,
    }
    if column.form in NUMERIC:
        definition["type"] = "rightAligned"
    if column.pinned:
        definition["pinned"] = "left"
    return definition


def table(  # noqa: PLR0913 (each is one attribute of the table)
    topic: str,
    columns: Sequence[Column],
    *,
    where: str = "",
    newest_first: bool = False,
    limit: int = 200,
    empty: str = "nothing here yet",
    link: str = "",
) -> Component:
    """A plain live table drawn by ``live.js``: children, decision log, receipts.

    link : a path with ``{key}``; Enter or click on a row opens it.
    """
    data: dict[str, Any] = {
        "data-live-table": topic,
        "data-columns": "|".join(f"{c.field}:{c.form}:{c.decimals}" for c in columns),
        "data-empty": empty,
        "data-limit": str(limit),
    }
    if where:
        data["data-where"] = where
    if newest_first:
        data["data-newest"] = "1"
    if link:
        data["data-link"] = link
    head = [
        html.Th(c.title, className="num" if c.form in NUMERIC else None, title=c.tip or None,
                scope="col")
        for c in columns
    ]  # fmt: skip
    return html.Div(
        html.Table([html.Thead(html.Tr(head)), html.Tbody(**data)], className="table"),
        className="table-host",
        tabIndex="0",
    )


def canvas(renderer: str, topic: str, *, where: str = "", label: str = "") -> Component:
    """A surface for a renderer that a page registered: ``QD.renderer(name, function)``."""
    data: dict[str, Any] = {"data-live-render": renderer, "data-render-topic": topic}
    if where:
        data["data-where"] = where
    return html.Div(className="render-host", role="img", **data, **attrs({"aria-label": label}))
