"""Strategies: what each does, the values in force with their limits, and proposing others."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import Input, Output, html
from dash.development.base_component import Component

from components import forms, live, shell, text
from components.callback import callback, page
from components.command import button
from components.context import person, queries
from components.markup import attrs
from components.rows import Cell, number, table
from components.rows import instant as at
from components.still import still
from components.surface import surface
from db.records import ModelRecord, ParameterRecord
from engine.domain.errors import Refused
from engine.domain.strategy import STRATEGIES, Parameter, Strategy, strategy

HISTORY: Final = "strategy-history"
SHOWN: Final = "strategy-version"  # live.js side tells which version is in force
MODEL_ROWS: Final = (
    ("state", "model_state", "state"),
    ("accuracy, running", "accuracy", "percent"),
    ("base rate", "base_rate", "percent"),
    ("AUC, running", "auc", "price"),
    ("n, labels so far", "n", "int"),
)
POLICY: Final = "rl-"  # how the id of a learnt policy begins
STAGES: Final = (
    ("", "in force once approved"), ("shadow", "as a shadow first: decides beside"),
)  # fmt: skip
ROLLOUT_ROWS: Final = (
    ("stage", "stage", "state"), ("candidate", "candidate", "text"), ("beside", "beside", "text"),
    ("limits", "canary", "text"), ("used", "used", "text"),
    ("demoted", "candidate_demoted", "text"), ("next", "next_step", "text"),
)  # fmt: skip
REQUESTS: Final = (
    live.Column(field="id", title="Request"),
    live.Column(field="state", title="State", form="state"),
    live.Column(field="proposed_at", title="Age", form="ago"),
    live.Column(field="reason", title="Reason"),
)


@page(
    "/strategies", title="Strategies", permission="view.strategies", nav="Strategies",
    group="change", order=40, key="s",
)  # fmt: skip
def catalogue() -> Component:
    """All strategies: plain words and the values in force."""
    return html.Div(
        [_values_of_all(), *(_card(known) for known in STRATEGIES.values())],
        className="strategy-cards",
    )


@page("/strategies/<name>", title="Strategy", permission="view.strategies", under="/strategies")
def one(name: str) -> Component:
    """One strategy: parameters, proposal, model, history."""
    known = strategy(name)
    return html.Div(
        [
            _values_of_all(),
            live.panel(
                known.name,
                _proposal(known),
                topic="strategies",
                grow=True,
                tools=_version(known),
                about="strategy-values",
            ),
            html.Div(
                [_model(known), _rollout(known), _requests(known), _history(known)],
                className="stack side",
            ),
        ],
        className="columns strategy-page",
    )


def _values_of_all() -> Component:
    """Unseen; its renderer writes the values in force into the page."""
    return surface("strategy-values", "strategies", class_name="unseen")


def _version(known: Strategy) -> list[Component | str]:
    return [
        html.Span(
            [
                "version ", live.mark("strategies", known.name, "version", "int"),
                " in force since ", live.mark("strategies", known.name, "since", "clock"),
                " by ", _by(known),
            ],
            className="dim",
        ),
        html.A("All strategies", href="/strategies", className="button"),
    ]  # fmt: skip


def _by(known: Strategy) -> Component:
    """Who put the version in force; the first one is the desk's own table."""
    data: dict[str, Any] = {"data-by-of": known.name}
    return html.Span("-", **data)


def _card(known: Strategy) -> Component:
    model = (
        html.P(
            [
                "Model ",
                live.mark("strategies", known.name, "model_state", "state"),
                ", accuracy ",
                live.mark("strategies", known.name, "accuracy", "percent"),
                " against a base rate of ",
                live.mark("strategies", known.name, "base_rate", "percent"),
                ", n = ",
                live.mark("strategies", known.name, "n", "int"),
            ]
        )
        if known.uses_model
        else html.P("Uses no model.", className="dim")
    )
    body = [
        html.P(known.words, className="words"),
        html.P(
            [
                "Version ", live.mark("strategies", known.name, "version", "int"),
                " since ", live.mark("strategies", known.name, "since", "clock"),
                ", by ", _by(known),
            ],
            className="dim",
        ),
        model,
        still(_values(known)),
    ]  # fmt: skip
    link = html.A("Parameters and proposal", href=f"/strategies/{known.name}", className="button")
    return live.panel(known.name, body, topic="strategies", tools=link, about="strategy-card")


def _values(known: Strategy) -> Component:
    head = html.Tr([html.Th(t, scope="col", className=c) for t, c in
                    (("Parameter", None), ("In force", "num"), ("Unit", None),
                     ("Hard limits and approved band", None))])  # fmt: skip
    rows = [
        html.Tr(
            [
                html.Th(row.name.replace("_", " "), scope="row", title=row.meaning),
                html.Td(_now(known, row), className="num"),
                html.Td(row.unit, className="dim"),
                html.Td(_bar(known, row)),
            ]
        )
        for row in known.parameters
    ]
    return html.Table([html.Thead(head), html.Tbody(rows)], className="table")


def _now(known: Strategy, row: Parameter) -> Component:
    data: dict[str, Any] = {
        "data-value-of": f"{known.name}.{row.name}", "data-decimals": str(row.decimals),
    }  # fmt: skip
    return html.Span("-", className="num live-value", **data)


def _bar(known: Strategy, row: Parameter) -> Component:
    """Hard limits as the track, the approved band on it, the value in force as a mark."""
    data: dict[str, Any] = {
        "data-bar-of": f"{known.name}.{row.name}", "data-low": f"{row.low:g}",
        "data-high": f"{row.high:g}", "data-band-low": f"{row.band_low:g}",
        "data-band-high": f"{row.band_high:g}",
    }  # fmt: skip
    words = (
        f"hard limits {_range(row.low, row.high, row)}, "
        f"approved band {_range(row.band_low, row.band_high, row)} {row.unit}"
    )
    return html.Div(
        [
            html.Span(text.number(row.low, row.decimals), className="num dim end"),
            html.Div(
                [html.I(className="band"), html.I(className="now"), html.I(className="new")],
                className="track",
            ),
            html.Span(text.number(row.high, row.decimals), className="num dim end"),
        ],
        className="band-bar",
        title=words,
        **data,
    )


def _range(low: float, high: float, row: Parameter) -> str:
    return f"{text.number(low, row.decimals)} … {text.number(high, row.decimals)}"


def _proposal(known: Strategy) -> list[Component]:
    """The table of parameters with a column for new values, sent as one change request."""
    titles = (
        ("Parameter", ""), ("Hard limits, approved band, value", ""), ("In force", "num"),
        ("New value", "num"), ("What it would mean", ""),
    )  # fmt: skip
    head = html.Tr([html.Th(title, scope="col", className=form) for title, form in titles])
    rows = [_parameter(known, row) for row in known.parameters]
    body: list[Any] = [
        html.Div(
            html.Table([html.Thead(head), html.Tbody(rows)], className="table parameters"),
            className="table-host",
            tabIndex="0",
        ),
        html.Div(
            [
                *_models_to_propose(known),
                forms.field("stage", "Comes", kind="select", options=STAGES),
                forms.field("reason", "Reason, the approver reads it", required=True),
            ],
            className="row propose-row",
        ),
        html.P(
            "Type only what should change. Another person decides; inside the band it is a minor "
            "change, outside it a material one. Nothing changes before the approval.",
            id="propose-summary",
            className="dim",
            **attrs({"aria-live": "polite"}),
        ),
    ]
    return [
        html.P(known.words, className="words"),
        forms.command_form(
            "propose",
            "ProposeChange",
            body,
            submit=f"Propose change of {known.name}",
            target=known.name,
        ),
    ]


def _parameter(known: Strategy, row: Parameter) -> Component:
    direction = "Raising it raises risk." if row.raises_risk else "Risk-neutral."
    data: dict[str, Any] = {
        "data-parameter": row.name, "data-raises": "1" if row.raises_risk else "",
        "data-decimals": str(row.decimals), "data-unit": row.unit,
    }  # fmt: skip
    beside = (
        f"band {_range(row.band_low, row.band_high, row)}, "
        f"default {text.number(row.default, row.decimals)}"
    )
    return html.Tr(
        [
            html.Th(
                [
                    html.Span(row.name.replace("_", " ")),
                    html.Small(f"{row.meaning} {direction}"),
                ],
                scope="row",
                className="meaning",
            ),
            html.Td([_bar(known, row), html.Small(beside, className="dim num")]),
            html.Td([_now(known, row), html.Small(row.unit, className="dim")], className="num"),
            html.Td(
                forms.field(f"values.{row.name}", f"new {row.name.replace('_', ' ')}",
                            kind="number")
            ),
            html.Td("", className="effect"),
        ],
        **data,
    )  # fmt: skip


def _models_to_propose(known: Strategy) -> list[Component]:
    if not known.uses_model:
        return []
    options = [("", "leave the model as it is")]
    flags: Mapping[str, str] = queries().model_flags()
    warns = {model: f", RED FLAG: {flag}"[:90] for model, flag in flags.items()}
    before = _known_models(known.name)
    options += [(model, f"{model[:12]} in force before{warns.get(model, '')}") for model in before]
    options += [
        (model, f"{model[:15]} new: as a shadow{warns.get(model, '')}")
        for model in _new_models(known, before)
    ]
    return [forms.field("model_id", "Model", kind="select", options=options)]


def _known_models(name: str) -> list[str]:
    """Versions that were in force, newest first, each once."""
    try:
        rows: Sequence[ModelRecord] = queries().models()
    except Refused:
        return []
    return list(
        dict.fromkeys(row.model_id for row in rows if row.strategy == name and row.model_id)
    )


def _new_models(known: Strategy, before: Sequence[str]) -> list[str]:
    """Stored versions of the strategy's kind that were never in force: a policy is RL's alone."""
    stored: Sequence[str] = queries().stored_models()
    of_kind = (model for model in stored if model.startswith(POLICY) == (known.name == "RL"))
    return [model for model in of_kind if model not in before]


def _rollout(known: Strategy) -> Component:
    """The candidate: what it is, how it compares, how much of its limits it has used."""
    rows = [
        html.Tr([html.Th(title, scope="row"), html.Td(
            live.mark("strategies", known.name, field, form), className="wrap")])
        for title, field, form in ROLLOUT_ROWS
    ]  # fmt: skip
    limits = [
        forms.field("canary.instruments", "Instruments, A,B", kind="list", required=True),
        forms.field("canary.venues", "Venues, A,B", kind="list", required=True),
        forms.field("canary.orders", "Orders at most", kind="number", required=True),
        forms.field("canary.value", "Value at most, all orders", kind="number", required=True),
        html.Div(forms.field("stage", "Stage", kind="hidden", value="canary")),
        forms.field("reason", "Reason", required=True),
    ]
    stop = button("Stop candidate", "StopRollout", known.name, reason="ask")
    full = button("Propose full", "ProposeChange", known.name, args={"stage": "full"},
                  reason="must", confirm="The candidate would decide for all orders of "
                  f"{known.name}. Another person decides.")  # fmt: skip
    body = [
        html.Table(html.Tbody(rows), className="table"),
        html.Div([full, stop], className="row"),
        html.Details(
            [
                html.Summary("Propose as a canary, within four limits"),
                forms.command_form("canary", "ProposeChange", limits,
                                   submit="Propose canary", target=known.name),
            ]
        ),
    ]  # fmt: skip
    return live.panel("Staged rollout", body, topic="strategies", about="strategy-rollout")


def _model(known: Strategy) -> Component:
    if not known.uses_model:
        none = html.P("This strategy uses no model.", className="dim")
        return live.panel("Model", none, about="strategy-model")
    rows = [
        html.Tr([html.Th(title, scope="row"), html.Td(
            live.mark("strategies", known.name, field, form,
                      decimals=3 if form == "price" else -1), className="num")])
        for title, field, form in MODEL_ROWS
    ]  # fmt: skip
    rows.append(
        html.Tr([html.Th("AUC when trained", scope="row"), html.Td(
            live.mark("strategies", known.name, "trained_auc", "price", decimals=3),
            className="num")])
    )  # fmt: skip
    off = button(
        "Propose: no model", "ProposeChange", known.name, args={"model_id": ""}, reason="must",
        confirm=f"{known.name} would run as its static base schedule. Another person decides.",
    )  # fmt: skip
    body = [
        html.P(["version ", live.mark("strategies", known.name, "model")], className="model-id"),
        html.P(live.mark("strategies", known.name, "model_card"), className="words dim"),
        html.Table(html.Tbody(rows), className="table"),
    ]
    return live.panel("Model in force", body, topic="strategies", tools=off, about="strategy-model")


def _requests(known: Strategy) -> Component:
    return live.panel(
        "Change requests",
        live.table(
            "changes", REQUESTS, where=f"strategy={known.name}", newest_first=True, limit=20,
            empty="nobody has proposed a change",
        ),
        topic="changes",
        about="strategy-requests",
        tools=html.A("Approvals", href="/approvals", className="button"),
    )  # fmt: skip


def _history(known: Strategy) -> Component:
    data: dict[str, Any] = {"data-version": "", "data-strategy": known.name}
    return live.panel(
        "Versions",
        [
            html.Div(shell.skeleton(), id=HISTORY, className="table-host"),
            html.Span("", id=SHOWN, hidden=True, **data),
        ],
        about="strategy-versions",
        grow=True,
    )


@callback(
    Output(HISTORY, "children"), Input(SHOWN, "data-version"), Input(SHOWN, "data-strategy"),
    permission="view.strategies",
)  # fmt: skip
def history(asked: str | None, name: str) -> Component:
    """Versions of a strategy, newest first; asked again whenever another one is in force."""
    known = strategy(name)
    try:
        rows: Sequence[ParameterRecord] = queries().parameter_history(known.name)
    except Refused as refused:
        return shell.empty(str(refused))
    newest = max((row.version for row in rows), default=0)
    wanted = (asked or "").partition(".")[0]
    behind = wanted.isdigit() and int(wanted) > newest
    return html.Div(
        [
            html.P("The newest version is not in the read tables yet.", className="warn")
            if behind
            else None,
            _versions(known, rows),
        ],
        **attrs({"data-newest": str(newest)}),
    )


def _versions(known: Strategy, rows: Sequence[ParameterRecord]) -> Component:
    if not rows:
        return shell.empty("no version has been recorded yet")
    titles = (("Version", "num"), ("Since", ""), ("By", ""), ("Request", ""), ("What changed", ""))
    lines: list[list[Cell | str]] = [
        [
            number(f"{row.version}"),
            at(row.since),
            person(row.by) if row.by else "the desk",
            row.change or text.NONE,
            Cell(text=_changed(known, row), tone="wrap"),
        ]
        for row in rows
    ]
    return table(titles, lines)


def _changed(known: Strategy, row: ParameterRecord) -> str:
    if not row.before:
        return "defaults of the table" if row.version == 1 else "no value"
    return ", ".join(
        f"{name.replace('_', ' ')} {_value(known, name, old)} → "
        f"{_value(known, name, row.values.get(name))}"
        for name, old in row.before.items()
    )


def _value(known: Strategy, name: str, value: float | None) -> str:
    return text.number(value, known.parameter(name).decimals)


def parameter_table(names: Mapping[str, Strategy]) -> dict[str, dict[str, dict[str, object]]]:
    """Units, limits and bands of every parameter, for renderers."""
    return {
        name: {
            row.name: {
                "unit": row.unit, "low": row.low, "high": row.high, "bandLow": row.band_low,
                "bandHigh": row.band_high, "decimals": row.decimals, "raises": row.raises_risk,
                "meaning": row.meaning,
            }
            for row in known.parameters
        }
        for name, known in names.items()
    }  # fmt: skip
