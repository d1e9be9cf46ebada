"""Pieces of cost reports: a number with its interval, the waterfall, notes."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from components import text
from components.markup import attrs
from components.rows import Cell
from components.surface import instant
from db.records import NoteRecord
from engine.gateway.tca import Measure, Parts, Ratio, rest, waterfall

COST = "positive = it cost us"


def tone(value: float | None) -> str:
    """Class of a signed cost."""
    return "" if not value else "cost" if value > 0 else "gain"


def interval(ratio: Ratio) -> str:
    """``[+0.40, +2.10] 95 %, n = 41``, or why there is none."""
    if ratio.low is None or ratio.high is None:
        return f"not enough data, n = {text.number(ratio.n)}"
    return f"[{text.bps(ratio.low)}, {text.bps(ratio.high)}] n = {text.number(ratio.n)}"


def ratio_cell(ratio: Ratio) -> Cell:
    """Basis points over their interval; the tooltip has the sums."""
    words = (
        f"cost {text.signed(ratio.cost)} over {text.money(ratio.notional)}, "
        f"n = {ratio.n} parents; {COST}"
    )
    if ratio.bps is None:
        return Cell(text=text.NONE, tone="num", title=words)
    return Cell(
        text=text.bps(ratio.bps), tone=f"num two {tone(ratio.bps)}", small=interval(ratio),
        title=words,
    )  # fmt: skip


def measure_cell(measure: Measure) -> Cell:
    """Basis points of one order; the tooltip has cost, notional and n."""
    words = f"cost {text.signed(measure.cost)} over {text.money(measure.notional)}, n = {measure.n}"
    return Cell(text=text.bps(measure.bps), tone="num", title=words)


def price(value: float | None, tick_size: float, more: int = 0) -> str:
    """A price in currency with the decimals of its tick, and more for an average."""
    decimals = len(f"{tick_size:.9f}".rstrip("0").partition(".")[2])
    return text.number(value, decimals + more)


def ticks(value: float | None, tick_size: float, more: int = 0) -> str:
    """A price in ticks, shown in currency."""
    return text.NONE if value is None else price(value * tick_size, tick_size, more)


def cost_cell(value: float | None) -> Cell:
    """Basis points with the colour of their sign."""
    return Cell(text=text.bps(value), tone=f"num {tone(value)}".strip())


def split(cost: Parts, cost_bps: Parts, currency: str) -> Component:
    """The waterfall from no cost to the total, and that its parts add up."""
    steps = waterfall(cost, cost_bps)
    if not steps:
        return html.P("No order with a defined shortfall: no waterfall.", className="dim")
    bars = [
        html.Div(
            [
                html.Span(step.name, className="step-name"),
                html.Div(
                    [
                        html.I(className="zero", style={"left": f"{step.zero:.2%}"}),
                        html.I(
                            className="total" if step.name == "total" else tone(step.cost),
                            style={"left": f"{step.left:.2%}", "width": f"{step.width:.2%}"},
                        ),
                    ],
                    className="step-track",
                ),
                html.Span(text.signed(step.cost), className="num"),
                html.Span(f"{text.bps(step.bps)} bp", className="num"),
            ],
            className="step total-step" if step.name == "total" else "step",
            **attrs({"data-step": step.name, "data-cost": repr(step.cost)}),
        )
        for step in steps
    ]
    over = rest(cost)
    note = html.P(
        f"delay + trading + opportunity + fees leave {text.number(over, 9)} {currency} of the "
        f"total; {COST}",
        className="dim",
        id="split-rest",
        **attrs({"data-rest": repr(over)}),
    )
    return html.Div([*bars, note], className="waterfall", role="group",
                    **attrs({"aria-label": "shortfall, part by part"}))  # fmt: skip


def notes(rows: Sequence[NoteRecord], name: Any) -> Component:
    """Notes with person and time; ``name`` gives the name of a person id."""
    if not rows:
        return html.P("no notes", className="dim")
    return html.Ul(
        [
            html.Li(
                [
                    html.Span(
                        [
                            f"{name(row.by)}, ",
                            instant(row.at),
                            f", about {row.parent or 'the day'}",
                        ],
                        className="dim",
                    ),
                    html.P(row.text, className="wrap"),
                ]
            )
            for row in rows
        ],
        className="notes",
    )


def seen(day: str, report_hash: str, signed_by: str, notes_of_day: int) -> dict[str, Any]:
    """What a page shows of a day; ``assets/review_tca.js`` reads it again when that has changed."""
    return attrs(
        {
            "data-tca-day": day,
            "data-tca-hash": report_hash,
            "data-tca-signed": signed_by,
            "data-tca-notes": str(notes_of_day),
        }
    )
