"""Cost trends: shortfall day by day, by strategy over a range, and how orders are spread."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from dash import Input, Output, State, dcc, html
from dash.development.base_component import Component

from components import forms, live, shell, text, trends
from components.callback import callback, page
from components.context import person, queries
from components.markup import attrs
from components.surface import instant
from db.records import DataAge, TrendRow
from engine.domain.errors import Refused
from engine.domain.strategy import STRATEGIES
from engine.gateway.trends import METHOD, TrendFilter, filter_of

FIELDS: Final = ("since", "until", "strategy", "trader", "symbol", "origin")
EXPORT: Final = "trends-csv"
DOWNLOAD: Final = "trends-file"
SAID: Final = "trends-said"
DEMO_WORDS: Final = "DEMO: some of these days were simulated by the worker, nobody traded them"


@page(
    "/tca/trends", title="Cost trends", permission="view.tca", nav="Trends", group="review",
    order=70, key="n",
)  # fmt: skip
def cost_trends(
    since: str = "", until: str = "", strategy: str = "", trader: str = "", symbol: str = "",
    origin: str = "",
) -> Component:  # fmt: skip
    """Filter, figures and their numbers; everything stands in the address."""
    values = (since, until, strategy, trader, symbol, origin)
    given = {name: value for name, value in zip(FIELDS, values, strict=True) if value}
    wanted = filter_of(given)
    rows = _rows(wanted)
    table = trends.frame(rows, wanted)
    shown = _figures(table) if len(table) else [shell.empty(*_nothing(given))]
    return html.Div(
        [
            live.panel(
                "Orders of these days",
                _form(given, rows),
                tools=_export(given, len(table)),
                about="trends-filter",
            ),
            *shown,
        ],
        className="stack trends",
        tabIndex="0",
    )


def _rows(wanted: TrendFilter) -> Sequence[TrendRow]:
    found: Sequence[TrendRow] = queries().tca_range(wanted.since, wanted.until)
    return found


def _nothing(given: dict[str, str]) -> tuple[str, Any]:
    if given:
        return "No reported order fits this filter.", html.A("Show all", href="/tca/trends")
    return "No day is reported yet.", "A day is reported after its close; the worker builds it."


def _figures(table: Any) -> list[Any]:
    days, strategies = trends.by(table, "day"), trends.by(table, "strategy")
    demo = bool((table["origin"] == "DEMO").any())
    return [
        html.P(DEMO_WORDS, className="tca-band") if demo else None,
        live.panel(
            "Shortfall by day",
            [
                trends.graph(trends.day_figure(days), "shortfall in basis points by day", 270),
                html.P([trends.about(table), ". ", *_as_of()], className="dim", title=METHOD),
            ],
            about="trends-days",
        ),
        html.Div(
            [
                live.panel(
                    "By strategy",
                    trends.graph(trends.strategy_figure(strategies), "shortfall by strategy", 250),
                    about="trends-strategies",
                ),
                live.panel(
                    "Slippage of orders against arrival",
                    trends.graph(trends.spread_figure(table), "orders by their slippage", 250),
                    about="trends-spread",
                ),
            ],
            className="columns trend-pair",
        ),
        html.Div(
            [
                live.panel("Numbers by strategy", trends.groups_table(strategies, "Strategy"),
                           about="trends-numbers"),
                live.panel("Numbers by day", trends.groups_table(
                    tuple(reversed(days)), "Day", lambda day: f"/tca?day={day}"),
                    about="trends-numbers"),
            ],
            className="columns trend-pair",
        ),
    ]  # fmt: skip


def _as_of() -> list[Any]:
    age: DataAge | None = queries().data_as_of()
    return [] if age is None else ["Data as of ", instant(age.market_at), "."]


def _form(given: dict[str, str], rows: Sequence[TrendRow]) -> Component:
    """A plain form: its fields become the address, so that a view can be passed on."""
    traders = sorted({row.trader for row in rows} | _chosen(given, "trader"), key=person)
    symbols = sorted({row.symbol for row in rows} | _chosen(given, "symbol"))
    names = sorted(set(STRATEGIES) | _chosen(given, "strategy"))
    fields = [
        forms.field("since", "From day", value=given.get("since", "")),
        forms.field("until", "To day, 2026-11-27", value=given.get("until", "")),
        _select("strategy", "Strategy", [(name, name) for name in names], given),
        _select("trader", "Trader", [(name, person(name)) for name in traders], given),
        _select("symbol", "Symbol", [(name, name) for name in symbols], given),
        _select("origin", "Origin", [("LIVE", "LIVE"), ("DEMO", "DEMO")], given),
    ]
    buttons = [
        html.Button("Show", type="submit", className="primary"),
        html.A("Clear", href="/tca/trends", className="button"),
    ]
    return html.Form(
        [*fields, *buttons], action="/tca/trends", method="get", className="row trend-form"
    )


def _chosen(given: dict[str, str], name: str) -> set[str]:
    return {given[name]} if name in given else set()


def _select(
    name: str, label: str, options: Sequence[tuple[str, str]], given: dict[str, str]
) -> Component:
    return forms.field(
        name, label, kind="select", value=given.get(name, ""), options=[("", "all"), *options]
    )


def _export(given: dict[str, str], count: int) -> list[Any]:
    return [
        html.Span("", id=SAID, className="refusal", role="alert"),
        html.Button(
            f"CSV of {text.number(count)} orders", id=EXPORT, type="button", disabled=not count,
            title="the orders that the figures are made of, all numbers in full",
            **attrs({"data-query": urlencode(given)}),
        ),
        dcc.Download(id=DOWNLOAD),
    ]  # fmt: skip


@callback(
    Output(DOWNLOAD, "data"), Output(SAID, "children"), Input(EXPORT, "n_clicks"),
    State(EXPORT, "data-query"), permission="view.tca", prevent_initial_call=True,
)  # fmt: skip
def export(clicks: int | None, query: str | None) -> tuple[dict[str, Any] | None, str]:
    """The file of the orders shown, or the sentence why there is none."""
    if not clicks:
        return None, ""
    try:
        wanted = filter_of(dict(parse_qsl(query or "")))
        table = trends.frame(_rows(wanted), wanted)
    except Refused as refused:
        return None, str(refused)
    return {
        "content": trends.csv(table, person), "filename": trends.file_name(table),
        "type": "text/csv", "base64": False,
    }, ""  # fmt: skip
