"""Lab: strategies against each other on the same simulated paths, and what may be said of it."""

from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import lab, live, shell
from components.callback import page
from components.context import queries
from components.markup import attrs
from components.rows import Cell, instant, number
from components.rows import table as rows_table
from components.surface import instant as stamped
from components.trends import graph
from engine.gateway.viewer import viewer

MAKE: Final = (
    "python -m engine compare --scenario midcap-500k --strategies "
    "VWAP_STATIC,TWAP,VWAP,POV,IS,LIQUIDITY,ADAPTIVE,RL --days 200 --same-placement "
    "--report var/reports"
)
HEIGHT: Final = 300


@page("/lab", title="Lab", permission="view.tca", nav="Lab", group="review", order=74, key="b")
def strategy_lab(id: str = "") -> Component:  # noqa: A002 (the address says id)
    """The chosen comparison, the newest when none is named; or how to make one."""
    kept = queries().comparisons()
    if not kept:
        words = "No comparison of strategies is kept yet."
        how = ["Ask for one above; the worker makes a small one when it is idle; or run ",
               html.Code(MAKE), "."]  # fmt: skip
        return html.Div([_asked(), shell.empty(words, how)], className="stack trends")
    found = next((body for body in kept if body["id"] == id), None) if id else kept[0]
    shown = _shown(found) if found else [_unknown(id)]
    return html.Div([_asked(), _list(kept, found), *shown], className="stack trends", tabIndex="0")


def _asked() -> Component:
    """The form, for whoever may ask, and what was asked for; drawn by ``assets/lab.js``."""
    may = viewer().may("comparison.ask")
    waits = html.P("asking the worker", className="dim")
    return live.panel(
        "Asked for",
        html.Div(waits, id="lab-asked-body", **attrs({"data-may-ask": "1" if may else ""})),
        about="lab-asked",
    )


def _unknown(name: str) -> Component:
    return shell.empty(f"There is no comparison {name}.", "Choose one of those above.")


def _list(kept: tuple[dict[str, Any], ...], chosen: dict[str, Any] | None) -> Component:
    titles = (
        ("Scenario", ""), ("Paths", "num"), ("Seed", "num"), ("Strategies", ""), ("Cheapest", ""),
        ("Market", ""), ("Made", ""),
    )  # fmt: skip
    rows = [
        [
            Cell(text=body["scenario"], href=f"/lab?id={body['id']}", head=True,
                 current=body is chosen),
            number(f"{body['days']:,}"),
            number(str(body["seed"])),
            Cell(text=", ".join(row["strategy"] for row in body["rows"]), tone="wrap"),
            lab.cheapest_first(body)[0]["strategy"],
            body["market_hash"],
            instant(body["made_ns"]),
        ]
        for body in kept
    ]  # fmt: skip
    return live.panel(
        "Comparisons",
        rows_table(titles, rows),
        tools=[html.Span(["another one: ", html.Code("python -m engine compare --report")],
                         className="dim")],
        about="lab-kept",
    )  # fmt: skip


def _shown(body: dict[str, Any]) -> list[Component]:
    pairs = [name for name in lab.BASELINES if any(name in r["paired_vs"] for r in body["rows"])]
    note = (
        "Positive = cost, a negative difference = cheaper. Every strategy trades the same paths; "
        "intervals are of the paired difference. A pair leaves out paths that one of both did not "
        "finish. It is a statement about the simulated market, not about a real one."
    )
    against = [(f"Against {name}", lab.against_figure(body, name)) for name in pairs]
    regimes = [(f"By regime, against {name}", lab.regime_figure(body, name)) for name in pairs]
    more = []
    if body.get("sensitivity"):
        marks = ", ".join(f"{row[2]} {name}" for name, row in lab.MARKS.items())
        more = [live.panel("In other markets", lab.sensitivity_table(body),
                           tools=[html.Span(f"{marks}; headline bp", className="dim")],
                           about="lab-sensitivity")]  # fmt: skip
    return [
        live.panel(
            "Costs",
            [html.P(note, className="dim"), lab.costs_table(body)],
            tools=[html.Span(f"{lab.words_of(body)} · made ", className="num"),
                   stamped(body["made_ns"])],
            about="lab-costs",
        ),
        *[_beside(figures) for figures in (against, regimes) if figures],
        _drawn("Cost by part", lab.parts_figure(body)),
        live.panel("What may be said", lab.verdicts_table(body), about="lab-verdicts"),
        *more,
    ]  # fmt: skip


def _drawn(title: str, figure: Any) -> Component:
    return live.panel(title, graph(figure, title.lower(), HEIGHT), about="lab-figure")


def _beside(figures: list[tuple[str, Any]]) -> Component:
    return html.Div([_drawn(*one) for one in figures], className="columns trend-pair")
