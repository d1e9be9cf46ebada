"""Panels of simulated costs: the ticket's table of strategies, the order page's twin.

Both are drawn by ``assets/expected.js`` from the worker's answers; every one shows how many paths
it is made of, its interval, how old its market is, and the hashes by which it can be made again.
"""

from typing import Final

from dash import html
from dash.development.base_component import Component

from components import forms
from components.markup import attrs
from engine.domain.orders import Objective

OBJECTIVE_WORDS: Final = {
    Objective.IMPACT: "least cost",
    Objective.VWAP: "stay with VWAP",
    Objective.ARRIVAL: "stay with arrival",
    Objective.FINISH: "be done by the end",
    Objective.URGENCY: "urgency (risk aversion)",
}
COLUMNS: Final = (
    ("Strategy", "", "a click chooses it; the first one serves the objective best"),
    ("Cost bp", "num", "expected cost against the same path without the order, fees included [bp]"),
    ("\u00b1 95 %", "num", "half of the 95 % interval of the expected cost, by path [bp]"),
    ("vs best", "num", "dearer than the cheapest on the same paths [bp]; ~ = cannot tell"),
    ("Cost", "num", "the same in currency"),
    ("SD bp", "num", "standard deviation of the shortfall against arrival: the market's moves"),
    ("1 in 20", "num", "shortfall that one path in twenty exceeds, from 20 paths on [bp]"),
    ("vs VWAP", "num", "root mean square of the distance from the market's VWAP [bp]"),
    ("Min", "num", "mean minutes until the last share, clean-up included"),
    ("POV", "num", "part of the market's volume from start to end"),
    ("Done", "num", "paths on which the order was done by its end, without a clean-up"),
)  # fmt: skip
WIDE_ONLY: Final = ("vs VWAP", "Cost")
TWIN_COLUMNS: Final = (
    ("vs", "", "the strategy that would have worked the order"),
    ("Cost bp", "num", "expected cost under it [bp]; + = cost"),
    ("Difference", "num", "that strategy minus this order's on the same paths [bp]; - = cheaper"),
    ("Interval", "num", "5 % of error shared out over all lines of this card"),
    ("Verdict", "", "only beyond the interval and beyond the noise floor"),
)  # fmt: skip
MATCHED: Final = (
    "Simulated from the market of that instant: hour, mid, mean spread of ten minutes, volume and "
    "volatility so far. Not known outside, so not matched: the queues of this second, the last "
    "trades and what they still press, other people's orders, own orders at work in the symbol, "
    "and the regime of the day beyond what volume and volatility show. Compare strategies with "
    "it; the level of the cost is the simulator's."
)


def objective_fields() -> Component:
    """What the client wants; the risk aversion shows with urgency alone."""
    options = [(choice.value, words) for choice, words in OBJECTIVE_WORDS.items()]
    return html.Div(
        [
            forms.field("objective", "Objective", kind="select", value=options[0][0],
                        options=options),
            html.Div(
                forms.field("risk_aversion", "bp per bp of SD", kind="number"),
                id="risk-aversion",
                hidden=True,
                title="cost that one bp of standard deviation is worth; 0 to 20",
            ),
        ],
        className="objective",
    )  # fmt: skip


def _table(columns: tuple[tuple[str, str, str], ...], body: str, label: str) -> Component:
    head = [
        html.Th(
            word,
            scope="col",
            title=tip,
            className=f"{kind}{' wide' if word in WIDE_ONLY else ''}".strip() or None,
        )
        for word, kind, tip in columns
    ]
    return html.Table(
        [html.Thead(html.Tr(head)), html.Tbody(id=body)],
        className="table expected-table",
        **attrs({"aria-label": label}),
    )


def _foot(name: str) -> list[Component]:
    return [
        html.Div(
            [
                html.Span("", id=f"{name}-state", role="status"),
                html.Button("Ask again", type="button", id=f"{name}-again", hidden=True,
                            title="simulate on the market of now"),
                html.Abbr("matched?", title=MATCHED, className="dim", tabIndex="0"),
            ],
            className="expected-state",
        ),
        html.P("", id=f"{name}-made", className="dim num expected-made"),
        html.P("", id=f"{name}-notes", className="expected-notes", hidden=True),
    ]  # fmt: skip


def panel() -> Component:
    """The ticket's answers: strategies in the order of the objective, laws, frontier."""
    return html.Div(
        [
            html.Div(
                _table(COLUMNS, "expected-rows", "expected cost by strategy"),
                className="table-host",
                tabIndex="0",
            ),
            *_foot("expected"),
            html.Div(id="expected-laws", className="expected-laws",
                     title="published laws for an order of this size, whatever works it [bp]"),
            html.Details(
                [
                    html.Summary("Cost against risk"),
                    html.Div(id="expected-frontier", className="frontier", role="img",
                             **attrs({"aria-label": "expected cost against its standard deviation: "
                                      "the strategies and the frontier of Almgren and Chriss"})),
                ],
                id="expected-risk",
            ),
        ],
        className="expected",
        id="expected",
    )  # fmt: skip


def twin(parent_id: str) -> Component:
    """The order page's card: other strategies on the paths of this order's start."""
    return html.Div(
        [
            html.P("", id="twin-own"),
            html.Div(
                _table(TWIN_COLUMNS, "twin-rows", "the order under other strategies"),
                className="table-host",
                tabIndex="0",
            ),
            *_foot("twin"),
        ],
        className="expected",
        id="twin",
        **attrs({"data-parent": parent_id}),
    )
