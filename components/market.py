"""The realism of the simulated market: facts by regime as a table, curves as figures."""

import math
from collections.abc import Sequence
from typing import Any, Final

from dash.development.base_component import Component

from components import text
from components.rows import Cell, number
from components.rows import table as rows_table
from components.theme import chart_template

REGIMES: Final = ("usual", "calm", "trending", "volatile", "thin")
CONTROL: Final = "zero_intelligence"
TITLES: Final = {CONTROL: "Control"}
COLOURS: Final = {
    "usual": "#2F8FD0", "calm": "#2E9C72", "trending": "#B5609A", "volatile": "#C07A00",
    "thin": "#7D8896", CONTROL: "#C0504D",
}  # fmt: skip
DASHES: Final = {CONTROL: "dot"}
PASSED, MISSED, OUTSIDE = "✓", "✗ MISS", "not asked"

Row = dict[str, Any]


def figure_text(value: float | None) -> str:
    """Three significant digits; a dash where there is no number."""
    if value is None or not math.isfinite(value):
        return "–"
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return text.number(value, decimals)


def interval_text(row: Row) -> str:
    """The interval of a fact, ``0.48 to 0.52``."""
    low, high = row["ci95"]
    return f"{figure_text(low)} to {figure_text(high)}"


def mark_of(row: Row, *, control: bool) -> str:
    """Verdict in words and shape: no colour is needed to read it."""
    if not row["applies"]:
        return OUTSIDE
    if control:
        return "passes" if row["passed"] else "fails"
    return PASSED if row["passed"] else MISSED


def fact_cell(row: Row, *, control: bool) -> Cell:
    """One fact in one regime: value, verdict, interval; n in the title."""
    mark = mark_of(row, control=control)
    why = f"; {row['why_not']}" if row["why_not"] else ""
    tone = "num two"
    tone += " cost" if mark == MISSED else " dim" if control or mark == OUTSIDE else ""
    return Cell(
        text=f"{figure_text(row['value'])} {mark}",
        small=interval_text(row),
        tone=tone,
        title=f"n {text.number(row['n'])} on {row['days']} days; band {row['target']}{why}",
    )


def facts_table(stylised: Row) -> Component:
    """Facts down, regimes across; the control last."""
    shown = [name for name in REGIMES if name in stylised["calibrated"]]
    first = stylised["calibrated"][shown[0]]
    titles = [("Fact", ""), ("Band", "num"), *[(name.capitalize(), "num") for name in shown]]
    rows = [
        [
            Cell(text=name.replace("_", " "), head=True, title=f"{row['fact']}: {row['words']}"),
            number(row["target"]),
            *[fact_cell(stylised["calibrated"][regime][name], control=False) for regime in shown],
            fact_cell(stylised[CONTROL][name], control=True),
        ]
        for name, row in first.items()
    ]
    return rows_table([*titles, ("Control", "num")], rows)


def levels_table(stylised: Row) -> Component:
    """What each regime is like: volume, spread, depth, and how predictable it is."""
    shown = [*(name for name in REGIMES if name in stylised["about"]), CONTROL]
    about = stylised["about"]
    titles = [("Level", ""), ("Unit", ""), *[(TITLES.get(n, n.capitalize()), "num") for n in shown]]
    rows = [
        [
            Cell(text=name.replace("_", " "), head=True),
            row["unit"],
            *[
                Cell(
                    text=figure_text(about[regime]["levels"][name]["value"]),
                    small=interval_text(about[regime]["levels"][name]),
                    tone="num two",
                )
                for regime in shown
            ],
        ]
        for name, row in about[shown[0]]["levels"].items()
    ]
    return rows_table(titles, rows)


# --- figures -----------------------------------------------------------------------------------
def _figure(x: str, y: str, *, log: bool = False) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure(layout={"template": chart_template(), "hovermode": "closest"})
    kind = "log" if log else "linear"
    figure.update_xaxes(title=x, type=kind)
    figure.update_yaxes(title=y, type=kind)
    return figure


def _line(figure: Any, name: str, x: Sequence[float], y: Sequence[float | None]) -> None:
    import plotly.graph_objects as go

    colour, dash = COLOURS.get(name, "#7D8896"), DASHES.get(name, "solid")
    figure.add_trace(
        go.Scatter(
            x=list(x), y=list(y), mode="lines+markers", name=TITLES.get(name, name),
            line={"color": colour, "dash": dash, "width": 1.5},
            marker={"size": 5, "symbol": "x" if name == CONTROL else "circle"},
        )
    )  # fmt: skip


def regime_figure(stylised: Row, lags: str, curve: str, titles: tuple[str, str]) -> Any:
    """One curve of every regime and of the control against its lags."""
    log = curve == "sign_correlation"
    figure = _figure(*titles, log=log)
    for name, about in stylised["about"].items():
        values = about["curves"][curve]
        shown = [None if value is None or (log and value <= 0) else value for value in values]
        _line(figure, name, about["curves"][lags], shown)
    return figure


def half_hour_figure(stylised: Row, curve: str, title: str) -> Any:
    """Volume or spread of each half hour over its mean."""
    figure = _figure("half hour of the day", title)
    for name, about in stylised["about"].items():
        values = about["curves"][curve]
        mean = sum(values) / len(values)
        _line(figure, name, list(range(1, len(values) + 1)), [value / mean for value in values])
    return figure


LAWS: Final = (
    ("athl_cost", "ATHL 2005", "#C07A00"),
    ("square_root_cost", "square root, two thirds", "#2E9C72"),
    ("i_star_cost", "I-Star", "#B5609A"),
)


def impact_figure(rows: Sequence[Row]) -> Any:
    """Cost of an order against its size, ours and by the published laws, both axes log."""
    import plotly.graph_objects as go

    figure = _figure("order size, % of the average daily volume", "cost, bp", log=True)
    sizes = [100 * row["size_of_adv"] for row in rows]
    costs = [row["cost_bps"]["value"] for row in rows]
    spans = [row["cost_bps"]["ci95"] for row in rows]
    figure.add_trace(
        go.Scatter(
            x=sizes, y=costs, mode="lines+markers", name="this market, 95 %",
            line={"color": "#2F8FD0", "width": 2}, marker={"size": 8},
            error_y={
                "type": "data", "symmetric": False,
                "array": [high - cost for cost, (_, high) in zip(costs, spans, strict=True)],
                "arrayminus": [cost - low for cost, (low, _) in zip(costs, spans, strict=True)],
            },
        )
    )  # fmt: skip
    for key, name, colour in LAWS:
        figure.add_trace(
            go.Scatter(
                x=sizes, y=[row["published"][key] for row in rows], mode="lines", name=name,
                line={"color": colour, "dash": "dash", "width": 1.5},
            )
        )  # fmt: skip
    return figure


def course_figure(rows: Sequence[Row]) -> Any:
    """How the price moves away during an order and comes back after it, over its peak."""
    figure = _figure("time since the start, order = 1", "gap to the twin, share of the peak")
    for row in rows:
        course, peak = row["course_bps"], row["peak_bps"]["value"]
        at = [2 * i / (len(course) - 1) for i in range(len(course))]
        shown = [None if gap is None or not peak else gap / peak for gap in course]
        _line(figure, f"{100 * row['size_of_adv']:g} % of ADV", at, shown)
    for trace, colour in zip(figure.data, COLOURS.values(), strict=False):
        trace.update(mode="lines", line={"color": colour, "width": 1.5})
    return figure


# --- own impact --------------------------------------------------------------------------------
def _value(row: Row) -> Cell:
    span = "" if row["ci95"][0] is None else interval_text(row)
    return Cell(
        text=figure_text(row["value"]), small=span, tone="num two", title=f"n {row['n']} paths"
    )


def impact_table(rows: Sequence[Row]) -> Component:
    """One order a row: ours with intervals, then the laws. [bp]"""
    titles = (
        ("Of ADV", "num"), ("Shares", "num"), ("Lasts", "num"), ("Peak bp", "num"),
        ("As long after", "num"), ("Cost bp", "num"), ("ATHL", "num"), ("Square root ⅔", "num"),
        ("I-Star", "num"),
    )  # fmt: skip
    return rows_table(
        titles,
        [
            [
                number(f"{100 * row['size_of_adv']:g} %"),
                number(text.number(row["shares"])),
                number(f"{row['seconds'] / 60:,.0f} min"),
                _value(row["peak_bps"]),
                _value(row["later_bps"]),
                _value(row["cost_bps"]),
                *[number(figure_text(row["published"][key])) for key, _, _ in LAWS],
            ]
            for row in rows
        ],
    )


def trips_table(rows: Sequence[Row]) -> Component:
    """Round trips and what they lose; a market that pays one is refused."""
    titles = (
        ("Buys", "num"), ("In", "num"), ("Pause", "num"), ("Sells in", "num"),
        ("Gain bp a share", "num"), ("", ""),
    )  # fmt: skip
    return rows_table(
        titles,
        [
            [
                number(text.signed(row["shares"], 0)),
                number(f"{row['first'] / 60:g} min"),
                number(f"{row['pause'] / 60:g} min"),
                number(f"{row['second'] / 60:g} min"),
                _value(row["gain_bps"]),
                "✓ loses" if row["passed"] else "✗ MAY PAY",
            ]
            for row in rows
        ],
    )
