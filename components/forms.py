"""Forms that ``assets/live.js`` draws as native inputs, collects and posts as one command."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from components import text
from components.markup import attrs
from engine.domain.commands import PERMISSION
from engine.domain.errors import BrokenInvariant
from engine.domain.strategy import Parameter
from engine.gateway.viewer import viewer


def field(  # noqa: PLR0913 (each is one attribute of the input)
    name: str,
    label: str,
    *,
    kind: str = "text",
    value: object = "",
    options: Sequence[tuple[str, str]] = (),
    note: str = "",
    required: bool = False,
    unit: str = "",
    limits: tuple[float, float] | None = None,
    step: float | None = None,
) -> Component:
    """One input. kind: text, number, shares, price, password, checkbox, radio, select, textarea,

    hidden.

    A dotted name (``parameters.band``) becomes a nested argument; an empty value is left out.
    Numbers and shares may be typed with thousands separators.
    """
    spec: dict[str, Any] = {"name": name, "kind": kind, "label": label}
    if value not in ("", None):
        spec["value"] = value
    if options:
        spec["options"] = [list(option) for option in options]
    if required:
        spec["required"] = True
    if limits is not None:
        spec["low"], spec["high"] = limits
    if step is not None:
        spec["step"] = step
    return html.Div(
        [
            html.Div(className="input-host", **attrs({"data-input": json.dumps(spec)})),
            html.Span(unit, className="unit") if unit else None,
            html.Span(note, className="note") if note else None,
            html.Span(className="refusal", role="alert", **attrs({"data-error-for": name})),
        ],
        className=f"field kind-{kind}",
    )


def parameter_fields(
    parameters: Sequence[Parameter], values: Mapping[str, float], *, prefix: str = "parameters."
) -> Component:
    """One row a knob: value, unit, approved band, hard limits, the value now in force."""
    head = html.Tr([html.Th(t, scope="col") for t in
                    ("Parameter", "Value", "Unit", "Band", "Hard limits", "In force")])  # fmt: skip
    rows = [
        html.Tr(
            [
                html.Th(row.name.replace("_", " "), scope="row", title=row.meaning),
                html.Td(
                    field(
                        prefix + row.name,
                        row.name.replace("_", " "),
                        kind="number",
                        value=round(values.get(row.name, row.default), 6),
                        limits=(row.low, row.high),
                        step=10.0**-row.decimals,
                    )
                ),
                html.Td(row.unit),
                html.Td(_range(row.band_low, row.band_high, row.decimals), className="num"),
                html.Td(_range(row.low, row.high, row.decimals), className="num"),
                html.Td(
                    text.number(values.get(row.name, row.default), row.decimals), className="num"
                ),
            ]
        )
        for row in parameters
    ]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="table parameters")


def _range(low: float, high: float, decimals: int) -> str:
    return f"{text.number(low, decimals)} … {text.number(high, decimals)}"


def command_form(  # noqa: PLR0913 (each is one attribute of the form)
    id: str,  # noqa: A002 (Dash's word)
    verb: str,
    body: Any,
    *,
    submit: str,
    target: str = "",
    target_field: str = "",
    confirm: str = "",
    version: str = "",
    tone: str = "primary",
    live_values: bool = False,
    then: str = "",
) -> Component:
    """A form that is posted as one command, with its state and refusals beside the fields.

    target_field : name of the input that gives the target (``symbol`` on the ticket).
    live_values  : keep ``data-values`` (JSON text) up to date, so that a callback with
                   ``Input(id, "data-values")`` answers while the person types; see ``values``.
    then         : where to go after DONE, e.g. ``/``.
    """
    if verb not in PERMISSION:
        raise BrokenInvariant(f"there is no command {verb}")
    data: dict[str, Any] = {"data-command-form": verb, "data-target": target}
    optional = {
        "data-target-field": target_field,
        "data-confirm": confirm,
        "data-version": version,
        "data-then": then,
        "data-live-values": "1" if live_values else "",
    }
    data.update({name: value for name, value in optional.items() if value})
    allowed = viewer().may(PERMISSION[verb])
    buttons = html.Div(
        [
            html.Span(className="refusal form-refusal", role="alert"),
            html.Output(className="chip-state", **attrs({"aria-live": "polite"})),
            html.Button(
                submit,
                className=f"submit {tone}",
                type="button",
                disabled=not allowed,
                title=submit if allowed else f"needs the permission {PERMISSION[verb]}",
            ),
        ],
        className="form-actions",
    )
    return html.Div(
        [html.Div(body, className="form-body"), buttons],
        id=id,
        className="form",
        role="form",
        **data,
    )


def values(data_values: str | None) -> dict[str, str]:
    """What a form holds, by name, as texts; {} before the person typed."""
    if not data_values:
        return {}
    document = json.loads(data_values)
    return {str(name): str(value) for name, value in document.items()}
