"""Figures, tables and CSV of costs over days; pandas and plotly are loaded when first asked.

LIVE and DEMO orders are never summed together: a day has one origin, a strategy a row for each.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dash import dcc, html
from dash.development.base_component import Component

from components import costs, text
from components.markup import attrs
from components.rows import Cell, number
from components.rows import table as rows_table
from components.theme import chart_template
from db.records import TrendRow
from engine.domain.errors import BrokenInvariant
from engine.gateway.audit import quoted
from engine.gateway.keyfigures import week_of
from engine.gateway.trends import MINIMUM_N, Ratio, TrendFilter, ratio

ORIGINS: Final = ("LIVE", "DEMO")
SHAPES: Final = {"LIVE": "circle", "DEMO": "diamond-open"}
# mid-tones: three to one and more on the dark, the light and the black panel alike
COLOURS: Final = {"LIVE": "#2F8FD0", "DEMO": "#C07A00"}
PALETTE: Final = ("#2F8FD0", "#C07A00", "#B5609A", "#2E9C72", "#7D8896")
MOST_POINTS: Final = 4_000
BINS: Final = 24
EDGES: Final = (0.02, 0.98)  # orders beyond these quantiles stand in the first and last bar
TEXTS: Final = ("order", "day", "origin", "symbol", "side", "strategy", "trader")
NUMBERS: Final = (
    "quantity", "filled", "cost", "notional", "cost_bps", "arrival_bps", "vwap_bps",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Orders that are summed together."""

    name: str  # day or strategy
    origin: str
    ratio: Ratio


def frame(rows: Iterable[TrendRow], wanted: TrendFilter) -> Any:
    """The orders that fit, as a DataFrame: one row an order, undefined = NaN."""
    import pandas as pd

    names = ("parent", *TEXTS[1:], *NUMBERS)
    table = pd.DataFrame.from_records(
        [{name: getattr(row, name) for name in names} for row in rows], columns=list(names)
    ).rename(columns={"parent": "order"})
    for name in NUMBERS[2:]:
        table[name] = table[name].astype("float64")
    for name in ("strategy", "trader", "symbol", "origin"):
        value = getattr(wanted, name)
        if value:
            table = table[table[name] == value]
    return table


def by(table: Any, column: str) -> tuple[Group, ...]:
    """Ratio of sums for each value of a column and each origin, sorted."""
    return tuple(
        Group(name=str(name), origin=str(origin), ratio=_ratio(part))
        for (name, origin), part in table.groupby([column, "origin"], sort=True)
    )


def by_week(table: Any) -> tuple[Group, ...]:
    """The same for ISO weeks."""
    return by(table.assign(week=[week_of(day) for day in table["day"]]), "week")


def _ratio(part: Any) -> Ratio:
    return ratio(
        [(float(c), float(m)) for c, m in zip(part["cost"], part["notional"], strict=True)]
    )


# --- figures -----------------------------------------------------------------------------------
def day_figure(groups: Sequence[Group]) -> Any:
    """Shortfall by day: a point, its 95 % interval as a band behind it, n in the hover."""
    import plotly.graph_objects as go

    figure = _figure("bp of the decided notional, + = cost")
    for origin in ORIGINS:
        rows = [group for group in groups if group.origin == origin and _known(group)]
        banded = [group for group in rows if group.ratio.low is not None]
        if banded:
            figure.add_trace(_band(banded))
        if rows:
            figure.add_trace(
                go.Scatter(
                    x=[group.name for group in rows], y=[group.ratio.bps for group in rows],
                    mode="markers", name=_origin(origin), marker=_marker(origin),
                    hovertext=[_hover(group) for group in rows], hoverinfo="text",
                )
            )  # fmt: skip
    figure.update_xaxes(type="category", categoryorder="category ascending", nticks=16)
    return _checked(figure)


def _band(rows: Sequence[Group]) -> Any:
    import plotly.graph_objects as go

    origin = rows[0].origin
    return go.Bar(
        x=[group.name for group in rows], base=[group.ratio.low for group in rows],
        y=[_width(group.ratio) for group in rows], width=0.6, hoverinfo="skip", opacity=0.28,
        name=f"95 % interval, {origin}", marker={"color": COLOURS[origin], "line": {"width": 0}},
    )  # fmt: skip


def strategy_figure(groups: Sequence[Group]) -> Any:
    """Shortfall by strategy with its interval; below n = 10 a point without one."""
    import plotly.graph_objects as go

    figure = _figure("")
    for origin in ORIGINS:
        rows = [group for group in groups if group.origin == origin and _known(group)]
        if not rows:
            continue
        half = [_width(group.ratio) / 2 for group in rows]
        figure.add_trace(
            go.Scatter(
                x=[group.ratio.bps for group in rows], y=[_label(group) for group in rows],
                mode="markers", name=_origin(origin), marker=_marker(origin),
                error_x={"type": "data", "array": half, "thickness": 1.5, "width": 5},
                hovertext=[_hover(group) for group in rows], hoverinfo="text",
            )
        )  # fmt: skip
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_xaxes(title="bp of the decided notional, + = cost", zeroline=True)
    return _checked(figure)


def spread_figure(table: Any) -> Any:
    """How the slippage of orders against arrival is spread, stacked by strategy."""
    import plotly.graph_objects as go

    known = table[table["arrival_bps"].notna()]
    figure = _figure("orders")
    if len(known):
        edges = bin_edges(known["arrival_bps"])
        for place, (name, part) in enumerate(known.groupby("strategy", sort=True)):
            counts = _counts(part["arrival_bps"], edges)
            figure.add_trace(
                go.Bar(
                    x=[(low + high) / 2 for low, high in itertools.pairwise(edges)],
                    y=counts, width=edges[1] - edges[0], name=str(name),
                    marker={"color": PALETTE[place % len(PALETTE)], "line": {"width": 0}},
                    hovertext=_bin_words(str(name), counts, edges), hoverinfo="text",
                )
            )  # fmt: skip
    figure.update_layout(barmode="stack", bargap=0, legend_traceorder="normal")
    figure.update_xaxes(title="average fill against arrival, bp, + = cost")
    return _checked(figure)


def bin_edges(values: Any) -> list[float]:
    """Edges of equal bars, on round numbers, over the middle 96 % of the values. [bps]"""
    low, high = (float(values.quantile(edge)) for edge in EDGES)
    step = _nice((high - low) / BINS)
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 2)
    return [step * place for place in range(first, last + 1)]


def _counts(values: Any, edges: Sequence[float]) -> list[int]:
    """How many values stand in each bar; those beyond the edges in the outermost ones."""
    step = edges[1] - edges[0]
    places = ((values - edges[0]) // step).clip(0, len(edges) - 2).astype(int)
    counted = places.value_counts()
    return [int(counted.get(place, 0)) for place in range(len(edges) - 1)]


def _bin_words(name: str, counts: Sequence[int], edges: Sequence[float]) -> list[str]:
    spans = [f"{text.bps(low)} to {text.bps(high)} bp"
             for low, high in itertools.pairwise(edges)]  # fmt: skip
    spans[0] = f"up to {text.bps(edges[1])} bp"
    spans[-1] = f"from {text.bps(edges[-2])} bp on"
    return [
        f"{name}<br>{span}<br>n = {text.number(n)}" for n, span in zip(counts, spans, strict=True)
    ]  # fmt: skip


def _nice(step: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next((power * k for k in (1, 2, 5) if power * k >= step), power * 10)


def _figure(title: str) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure(layout={"template": chart_template(), "hovermode": "closest"})
    figure.update_yaxes(title=title)
    return figure


def _checked(figure: Any) -> Any:
    """The figure, when it stays within what a machine without a GPU draws quickly."""
    points = sum(len(trace.x or ()) for trace in figure.data)
    if points > MOST_POINTS:
        raise BrokenInvariant(f"a chart has at most {MOST_POINTS} points, was {points}")
    return figure


def _known(group: Group) -> bool:
    return group.ratio.bps is not None


def _width(found: Ratio) -> float:
    return 0.0 if found.low is None or found.high is None else found.high - found.low


def _marker(origin: str) -> dict[str, Any]:
    return {"symbol": SHAPES[origin], "color": COLOURS[origin], "size": 9, "line": {"width": 2}}


def _origin(origin: str) -> str:
    return "DEMO, simulated days" if origin == "DEMO" else "LIVE, this desk"


def _label(group: Group) -> str:
    enough = "" if group.ratio.enough else f", not enough data, n = {group.ratio.n}"
    return f"{group.name} {group.origin}{enough}"


def _hover(group: Group) -> str:
    return (
        f"{group.name} {group.origin}<br>{text.bps(group.ratio.bps)} bp<br>"
        f"{costs.interval(group.ratio)}"
    )


def graph(figure: Any, label: str, height: int) -> Component:
    """A chart: SVG, no toolbar, as wide as its panel; ``height`` [px], more on a high screen."""
    return html.Div(
        dcc.Graph(
            figure=figure.to_plotly_json(), responsive=True,
            style={"height": f"max({height}px, {height / 10.8:.1f}vh)"},
            config={"displayModeBar": False, "scrollZoom": False},
        ),
        className="trend-chart", role="img", **attrs({"aria-label": label}),
    )  # fmt: skip


# --- tables and CSV ----------------------------------------------------------------------------
def groups_table(
    groups: Sequence[Group], title: str, link: Callable[[str], str] | None = None
) -> Component:
    """The numbers of a figure, for reading and for those who do not see it."""
    titles = ((title, ""), ("", ""), ("n", "num"), ("Shortfall bp, 95 %", "num"),
              ("Cost", "num"), ("Notional", "num"))  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            Cell(text=group.name, href=link(group.name) if link else "", head=True),
            Cell(text=group.origin, badge=group.origin.lower()),
            number(text.number(group.ratio.n)),
            costs.ratio_cell(group.ratio),
            number(text.signed(group.ratio.cost, 0)),
            number(text.money(group.ratio.notional)),
        ]
        for group in groups
    ]
    return rows_table(titles, rows, empty="no order")


def csv(table: Any, name: Callable[[str], str]) -> str:
    """The orders of the figures; numbers in full, undefined ones empty. ``name``: id -> person."""
    out = table[[*TEXTS, *NUMBERS]].copy()
    out["trader"] = out["trader"].map(name)
    out["side"] = out["side"].map({1: "BUY", -1: "SELL"})
    for column in TEXTS:
        out[column] = out[column].map(quoted)
    written: str = out.to_csv(index=False, lineterminator="\r\n")
    return written


def file_name(table: Any) -> str:
    """``tca-trends-DEMO-2026-11-02-2026-11-27.csv``; DEMO when one order of it is."""
    demo = ["DEMO"] if (table["origin"] == "DEMO").any() else []
    span = [table["day"].min(), table["day"].max()] if len(table) else ["empty"]
    return "-".join(["tca-trends", *demo, *span]) + ".csv"


def about(table: Any) -> str:
    """How many orders and days the figures are made of, and what they leave out."""
    lost = int((table["cost"].isna() | table["notional"].isna()).sum())
    words = f"{text.number(len(table))} orders on {text.number(table['day'].nunique())} days"
    left = f"; {text.number(lost)} left out of the ratios: a price they need is missing"
    return words + (left if lost else "") + f"; no interval below n = {MINIMUM_N}"
