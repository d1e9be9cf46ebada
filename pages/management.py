"""Key figures by week: cost, exceptions, kills, interventions, models. To read and to print."""

from collections.abc import Sequence
from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import live, shell, text, trends
from components.callback import page
from components.context import queries
from components.markup import attrs
from components.rows import Cell, number, table
from components.surface import instant
from db.records import DataAge, TrendRow
from engine.gateway.keyfigures import WEEKS_SHOWN, Week, weeks
from engine.gateway.trends import METHOD, TrendFilter
from pages.trends import DEMO_WORDS

TITLES: Final = (
    ("Week", ""), ("", ""), ("Days", "num"), ("Orders", "num"), ("Decided", "num"),
    ("Filled", "num"), ("Cost bp", "num"), ("95 %", "num"), ("VWAP bp", "num"),
    ("Critical", "num"), ("Warn", "num"), ("Alarms", "num"), ("Open", "num"),
    ("Slow", "num"), ("Kills", "num"), ("By trips", "num"), ("Acts", "num"),
    ("Overrides", "num"), ("Refused", "num"), ("Model", "num"), ("Signed", "num"),
)  # fmt: skip
WORDS: Final = (
    "Cost is shortfall: sum of costs over sum of decided notionals, + = cost, with its 95 % "
    "interval; VWAP: against the interval VWAP. Alarms: critical exceptions that nobody had "
    "acknowledged in time; Open: nobody has closed them; Slow: on a screen later than 5 s. Kills "
    "without self-tests. Acts: amendments, moved parameters, holds, resumptions and modes by "
    "people. Refused: by limits. Model: children of strategies with a model that one decided "
    "which was believed."
)


@page(
    "/management", title="Key figures", permission="view.tca", nav="Key figures", group="review",
    order=72, key="w",
)  # fmt: skip
def management() -> Component:
    """The newest week beside the one before, then every week that is kept."""
    lines = queries().tca_range()
    found = weeks(queries().desk_days(), lines)
    if not found:
        return shell.empty(
            "No day is in the tables yet.",
            "The worker draws them from the journal; costs come after the close.",
        )
    reported = [week for week in found if week.orders] or list(found)
    newest = reported[0]
    before = next((w for w in reported[1:] if w.origin == newest.origin), None)
    demo = any(week.origin == "DEMO" for week in found)
    return html.Div(
        [
            html.P(DEMO_WORDS, className="tca-band") if demo else None,
            live.panel(
                f"{newest.origin} {newest.name}, {newest.first} to {newest.last}"
                + (f", against {before.name}" if before else ""),
                html.Div(_tiles(newest, before), className="tiles"),
                about="management-week",
                tools=html.Button("Print", type="button", id="print-page",
                                  **attrs({"data-print": "1"})),
            ),
            *_figure(lines),
            live.panel(
                "Week by week",
                [table(TITLES, [_row(week) for week in found[: WEEKS_SHOWN * 2]]),
                 html.P([WORDS, " ", *_as_of()], className="dim", title=METHOD)],
                grow=True, id="weeks",
            ),
        ],
        className="stack management",
        tabIndex="0",
    )  # fmt: skip


def _figure(lines: Sequence[TrendRow]) -> list[Component]:
    rows = trends.frame(lines, TrendFilter())
    if not len(rows):
        return []
    groups = trends.by_week(rows)
    return [
        live.panel(
            "Shortfall by week",
            trends.graph(trends.day_figure(groups), "shortfall in basis points by week", 200),
            about="management-figure",
        )
    ]


def _as_of() -> list[Any]:
    age: DataAge | None = queries().data_as_of()
    return [] if age is None else ["Data as of ", instant(age.market_at), "."]


def _tiles(week: Week, before: Week | None) -> list[Component]:
    def then(value: float | None, show: Any) -> str:
        return "" if value is None else f"week before: {show(value)}"

    def count(name: str, label: str) -> Component:
        past = None if before is None else before.counts[name]
        return _tile(label, text.number(week.counts[name]), then(past, text.number))

    ci = week.shortfall
    interval = "" if ci.low is None else f"{text.bps(ci.low)} to {text.bps(ci.high)}, n {ci.n}"
    return [
        _tile("Shortfall bp", text.bps(ci.bps),
                  interval or f"n {ci.n}: too few for an interval", title=METHOD),
        _tile("Shortfall, week before", text.bps(before.shortfall.bps) if before else "-",
                  f"n {before.shortfall.n}" if before else "no week before"),
        _tile("Decided notional", _money(week),
                  f"week before: {_money(before)}" if before else ""),
        _tile("Filled", text.percent(week.filled),
                  then(before.filled if before else None, text.percent)),
        count("critical", "Critical exceptions"),
        count("unattended", "Unattended alarms"),
        count("kills", "Kills"),
        count("interventions", "Interventions"),
        count("refused", "Refused by limits"),
        _tile("Decided by a model", text.percent(week.model_share),
                  then(before.model_share if before else None, text.percent)),
    ]  # fmt: skip


def _money(week: Week) -> str:
    return text.money_in(week.notional, week.currencies)


def _tile(label: str, value: str, note: str, *, title: str = "") -> Component:
    return live.tile(label, html.Span(value, className="num"), note, title=title)


def _row(week: Week) -> list[Cell | str]:
    ci, n = week.shortfall, week.counts
    interval = "-" if ci.low is None else f"{text.bps(ci.low)} to {text.bps(ci.high)}"
    names = (
        "critical", "warn", "unattended", "unresolved", "slow", "kills", "automatic",
        "interventions", "overrides", "refused",
    )  # fmt: skip
    return [
        Cell(text=week.name, head=True, title=f"{week.first} to {week.last}"),
        Cell(text=week.origin, badge=week.origin.lower()),
        number(text.number(week.days)),
        number(text.number(week.orders)),
        number(_money(week)),
        number(text.percent(week.filled)),
        number(text.bps(ci.bps), title=f"n {ci.n}"),
        number(interval),
        number(text.bps(week.vwap_bps)),
        *(number(text.number(n[name])) for name in names),
        number(text.percent(week.model_share), title=f"of {n['of_models']:,} children"),
        number(f"{n['signed']} of {n['reported']}"),
    ]
