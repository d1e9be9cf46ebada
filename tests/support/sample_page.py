"""Pages for browser tests of the frame: marks, a grid, a table, a form, and two that go wrong."""

from typing import Any

from dash import Input, Output, html

from components import forms, live
from components.callback import callback, page
from components.command import button
from engine.domain.errors import Refused

COLUMNS = (
    live.Column(field="id", title="Parent", pinned=True),
    live.Column(field="side", title="Side", form="side"),
    live.Column(field="state", title="State", form="state"),
    live.Column(field="filled", title="Filled", form="int", flash=True),
    live.Column(field="slippage_bps", title="Slip", form="bps"),
)


@page("/sample", title="Sample", permission="view.desk", nav="Sample", order=900, key="z")
def sample(word: str = "none") -> Any:
    return html.Div(
        [
            html.Div(
                [
                    live.tile("Filled", live.mark("parents", "P-1", "filled", "int")),
                    live.tile("Slippage", live.mark("parents", "P-1", "slippage_bps", "bps")),
                    live.tile("Word", html.Span(word, id="word")),
                ],
                className="tiles",
            ),
            html.Div(
                [
                    button(
                        "Hold P-1",
                        "HoldParent",
                        "P-1",
                        key="h",
                        version="parents:P-1:version",
                        undo=("Undo, resume P-1", "ResumeParent"),
                    ),
                    button("Resume P-1", "ResumeParent", "P-1", confirm="P-1 goes on working."),
                    button("Approve P-1", "ApproveParent", "P-1", args={"approve": True}),
                ],
                className="row",
            ),
            forms.command_form(
                "ticket",
                "SubmitParent",
                [
                    html.Div(
                        [
                            forms.field("symbol", "Symbol", value="MIDC", required=True),
                            forms.field("quantity", "Quantity", kind="shares", value=500000),
                            forms.field("parameters.band", "Band", kind="number", value=0.01),
                        ],
                        className="row",
                    ),
                    html.Span("", id="echo"),
                ],
                submit="Send",
                target_field="symbol",
                live_values=True,
            ),
            live.panel(
                "Parents", live.grid("grid", "parents", COLUMNS), topic="parents", grow=True
            ),
            live.panel("Children", live.table("children", COLUMNS), topic="children"),
        ],
        className="stack",
    )


@callback(Output("echo", "children"), Input("ticket", "data-values"), permission="view.desk")
def echo(text: str | None) -> str:
    return f"{forms.values(text).get('quantity', 'nothing')} typed"


@page("/refuses", title="Refuses", permission="view.desk")
def refuses() -> Any:
    raise Refused("day must be a date, was 'yesterday'")


@page("/breaks", title="Breaks", permission="view.desk")
def breaks() -> Any:
    raise ZeroDivisionError


@page("/only-audit", title="Only audit", permission="view.audit", nav="Only audit", order=901)
def only_audit() -> Any:
    return html.Div([html.Div("audit", id="audit"), html.Div(id="signed")])


@callback(Output("signed", "children"), Input("audit", "children"), permission="tca.sign")
def signed(word: str) -> str:
    return word
