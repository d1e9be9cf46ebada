"""A comparison of strategies as figures and tables; positive = cost, negative gap = cheaper."""

from collections.abc import Sequence
from typing import Any, Final

from dash.development.base_component import Component

from components import text
from components.market import COLOURS
from components.rows import Cell, number
from components.rows import table as rows_table
from components.theme import chart_template

Body = dict[str, Any]
BASELINES: Final = ("VWAP_STATIC", "TWAP")
PARTS: Final = (("spread", "#2F8FD0"), ("temporary", "#C07A00"), ("permanent", "#7D8896"))
SAME: Final = "#7D8896"
# colour and shape of a dot, mark and class of a cell
MARKS: Final = {
    "cheaper": ("#2E9C72", "circle", "▾", " gain"),
    "dearer": ("#C0504D", "circle", "▴", " cost"),
    "not shown": (SAME, "circle-open", "○", " dim"),
    "not comparable": (SAME, "x-thin-open", "×", " dim"),
}
NONE: Final = "–"


def bps(value: float | None) -> str:
    """Two decimals and a sign; a dash where there is no number."""
    return NONE if value is None else text.signed(value, 2)


def between(pair: Sequence[float | None]) -> str:
    """``[-1.64, -1.59]``; a dash without an interval."""
    return NONE if None in pair else f"[{bps(pair[0])}, {bps(pair[1])}]"


def words_of(body: Body) -> str:
    """``midcap-500k, 1,000 paths, seed 3, market f529b663``."""
    return (
        f"{body['scenario']}, {text.number(body['days'])} paths, seed {body['seed']}, "
        f"market {body['market_hash']}"
    )


def told(pair: Body) -> str:
    """What may be said of a pair in a word or two; one of ``MARKS``."""
    low, high = pair["ci95"]
    if pair["verdict"].startswith("not comparable"):
        return "not comparable"
    if low is None or low <= 0.0 <= high:
        return "not shown"
    return "cheaper" if high < 0.0 else "dearer"


# --- figures -----------------------------------------------------------------------------------
def _figure(x: str) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure(layout={"template": chart_template(), "hovermode": "closest"})
    figure.update_xaxes(title=x, zeroline=True)
    figure.update_yaxes(automargin=True, autorange="reversed")
    return figure


def _with_zero(figure: Any) -> Any:
    """The line at no difference."""
    figure.add_vline(x=0.0, line={"width": 1, "dash": "dot", "color": SAME})
    return figure


def _known(rows: Sequence[Body], baseline: str) -> list[tuple[str, Body]]:
    """Strategies with their pair, where it has an interval."""
    found = [(row["strategy"], row["paired_vs"].get(baseline)) for row in rows]
    return [(who, pair) for who, pair in found if pair and pair["ci95"][0] is not None]


def _dots(figure: Any, name: str, pairs: Sequence[tuple[str, Body]], style: Body) -> None:
    """Differences with their intervals; nothing without a pair."""
    import plotly.graph_objects as go

    if not pairs:
        return
    at, ends = [pair["mean_bps"] for _, pair in pairs], [pair["ci95"] for _, pair in pairs]
    figure.add_trace(
        go.Scatter(
            x=at, y=[who for who, _ in pairs], mode="markers",
            name=name, marker={"size": 8, **style},
            error_x={
                "type": "data", "symmetric": False, "thickness": 1.5,
                "array": [high - mean for mean, (_, high) in zip(at, ends, strict=True)],
                "arrayminus": [mean - low for mean, (low, _) in zip(at, ends, strict=True)],
            },
            hovertemplate="%{y}: %{x:.2f} bp<extra>" + name + "</extra>",
        )
    )  # fmt: skip


def parts_figure(body: Body) -> Any:
    """What the cost of each strategy is made of, cheapest headline first."""
    import plotly.graph_objects as go

    figure = _figure("cost, bp of the order; headline = spread + temporary")
    figure.update_layout(barmode="relative")
    rows = cheapest_first(body)
    for part, colour in PARTS:
        figure.add_trace(
            go.Bar(
                x=[row["impact_bps"][part] for row in rows], name=part, orientation="h",
                y=[row["strategy"] for row in rows], marker={"color": colour},
            )
        )  # fmt: skip
    return figure


def against_figure(body: Body, baseline: str) -> Any:
    """Paired difference of each strategy to a baseline; filled = the interval leaves out zero."""
    figure = _figure(f"headline against {baseline}, bp; left = cheaper")
    pairs = _known(cheapest_first(body), baseline)
    figure.update_yaxes(categoryorder="array", categoryarray=[who for who, _ in pairs])
    for name, (colour, shape, _, _) in MARKS.items():
        found = [(who, pair) for who, pair in pairs if told(pair) == name]
        _dots(figure, name, found, {"color": colour, "symbol": shape})
    return _with_zero(figure)


def regime_figure(body: Body, baseline: str) -> Any:
    """The same difference on the paths of each regime."""
    figure = _figure(f"headline against {baseline}, bp, by regime")
    for regime, part in body["by_regime"].items():
        name, style = f"{regime}, n {part['days']}", {"color": COLOURS.get(regime, SAME), "size": 7}
        _dots(figure, name, _known(part["rows"], baseline), style)
    order = [row["strategy"] for row in cheapest_first(body)]
    figure.update_yaxes(categoryorder="array", categoryarray=order)
    return _with_zero(figure)


def cheapest_first(body: Body) -> list[Body]:
    """Rows by their headline; those without one last."""

    def cost(row: Body) -> float:
        mean = row["headline_bps"]["mean"]
        return float("inf") if mean is None else float(mean)

    return sorted(body["rows"], key=cost)


# --- tables ------------------------------------------------------------------------------------
def costs_table(body: Body) -> Component:
    """One strategy a row: costs in bp, cents a share, how much was done and where."""
    places = list(body["rows"][0]["venue_share"])
    titles = [
        ("Strategy", ""), ("Headline bp, 95 %", "num"), ("Spread", "num"), ("Temporary", "num"),
        ("Permanent", "num"), ("Shortfall bp, SD", "num"), ("Cents/share", "num"),
        ("Done", "num"), ("Clean-up", "num"), *[(name.capitalize(), "num") for name in places],
        ("Unfinished", "num"),
    ]  # fmt: skip
    return rows_table(titles, [_costs(row, places, body["days"]) for row in cheapest_first(body)])


def _costs(row: Body, places: Sequence[str], days: int) -> list[Cell | str]:
    def percent(value: float | None) -> Cell:
        return number(NONE if value is None else f"{100 * value:.1f} %")

    model = row.get("model")
    parts = row["impact_bps"]
    return [
        Cell(text=row["strategy"], head=True, small=f"model {model[:12]}" if model else "",
             title=model or ""),
        Cell(text=bps(row["headline_bps"]["mean"]), small=between(row["headline_bps"]["ci95"]),
             tone="num two", title=f"n {row['n']} of {days} paths that all finished"),
        *[number(bps(parts[part])) for part, _ in PARTS],
        Cell(text=bps(row["shortfall_bps"]["mean"]),
             small=f"SD {text.number(row['shortfall_bps']['sd'] or 0.0, 1)}", tone="num two"),
        number(bps(row["arrival_cents_per_share"])),
        percent(row["completion"]),
        percent(row["cleanup_share"]),
        *[percent(row["venue_share"][name]) for name in places],
        number(f"{row['unfinished']} of {days}"),
    ]  # fmt: skip


def verdicts_table(body: Body) -> Component:
    """What may be said about each pair, with its numbers."""
    titles = (
        ("Strategy", ""), ("Against", ""), ("Difference bp, 95 %", "num"), ("Same arrival", "num"),
        ("Wins", "num"), ("p", "num"), ("n", "num"), ("Verdict", ""),
    )  # fmt: skip
    return rows_table(
        titles,
        [
            [
                Cell(text=row["strategy"], head=True),
                baseline,
                Cell(text=bps(pair["mean_bps"]), small=between(pair["ci95"]),
                     tone="num two" + MARKS[told(pair)][3]),
                Cell(text=bps(pair["same_arrival_bps"]["mean"]),
                     small=between(pair["same_arrival_bps"]["ci95"]), tone="num two"),
                number(NONE if pair["win_rate"] is None else f"{100 * pair['win_rate']:.0f} %"),
                number(NONE if pair["p_value"] is None else f"{pair['p_value']:.2g}"),
                number(text.number(pair["n"])),
                Cell(text=pair["verdict"], tone="wrap"),
            ]
            for row in cheapest_first(body)
            for baseline, pair in row["paired_vs"].items()
        ],
        empty="no baseline was compared",
    )  # fmt: skip


def _marked(pair: Body) -> Cell:
    said = told(pair)
    _, _, mark, tone = MARKS[said]
    return Cell(text=f"{bps(pair['mean_bps'])} {mark}", small=between(pair["ci95"]),
                tone="num two" + tone, title=f"{said}, n {pair['n']}")  # fmt: skip


def sensitivity_table(body: Body) -> Component:
    """Signs of the differences in markets whose impact is another."""
    first = body["sensitivity"][0]["rows"]
    names = [row["strategy"] for row in first if row["paired_vs"]]
    rows = []
    for axis in body["sensitivity"]:
        pairs = {row["strategy"]: row["paired_vs"] for row in axis["rows"]}
        for baseline in BASELINES:
            cells: list[Cell | str] = [
                Cell(text=axis["axis"], head=True),
                f"{axis['field']} = {axis['value']:g}",
                baseline,
            ]
            for name in names:
                pair = pairs[name].get(baseline)
                cells.append(number(NONE) if pair is None else _marked(pair))
            rows.append(cells)
    titles = [("Market", ""), ("Value", ""), ("Against", ""), *[(name, "num") for name in names]]
    return rows_table(titles, rows)
