"""The ticket: one order, typed and checked before it is sent.

``assets/ticket.js`` keeps value, share of the day and days at cap beside the quantity, turns the
limit from currency into ticks, and blocks what the engine would refuse. The engine decides.
"""

from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import expected, forms, live, text
from components.live import Column
from components.markup import attrs
from components.still import still
from components.surface import surface
from engine.domain.orders import AtEnd, CatchUp, OnModelLoss, OnRestart
from engine.domain.strategy import DERIVED, MAX_CHILD, STRATEGIES, Parameter, Strategy
from engine.gateway.viewer import viewer

RESTART_WORDS: Final = {
    OnRestart.HOLD: "hold: wait for a person",
    OnRestart.RESUME: "resume: go on working",
    OnRestart.PASSIVE: "passive: finish without crossing",
}
CATCH_UP_WORDS: Final = {
    CatchUp.SPREAD: "spread over the time left",
    CatchUp.SHIFT: "shift the end by the hold",
    CatchUp.SKIP: "skip: give it up",
}
MODEL_LOSS_WORDS: Final = {
    OnModelLoss.HOLD: "hold: somebody else lets it go on",
    OnModelLoss.BASE: "go on by the base schedule",
}
AT_END_WORDS: Final = {
    AtEnd.CLEANUP: "clean up: cross the rest",
    AtEnd.EXPIRE: "expire: leave it unfilled",
}
MINE: Final = (
    Column(field="id", title="Parent"),
    Column(field="symbol", title="Symbol"),
    Column(field="side", title="Side", form="side"),
    Column(field="strategy", title="Strategy"),
    Column(field="state", title="State", form="state"),
    Column(field="quantity", title="Quantity", form="int"),
    Column(field="filled", title="Filled", form="int"),
    Column(field="slippage_bps", title="Slip bp", form="bps"),
    Column(field="accepted_at", title="Entered", form="clock"),
    Column(field="end_at", title="Ends", form="clock"),
    Column(field="why", title="Doing"),
)
HELP: Final = {
    "on_restart": "What the order does after the engine was started again.",
    "on_disconnect": "What it does once the exchange, lost for a while, is back and compared.",
    "on_model_loss": "What an order of ADAPTIVE or RL does when its model version is killed, "
    "drifts or expires.",
    "catch_up": "What happens to the quantity missed during a hold; never sent in one child.",
    "at_end": "At the end with shares left: cross inside cap, collar and limit, or stop.",
}


def _select(name: str, label: str, words: dict[Any, str]) -> Component:
    """A policy choice with its help; the first one is the engine's default."""
    options = [(choice.value, said) for choice, said in words.items()]
    return html.Div(
        [
            forms.field(name, label, kind="select", value=options[0][0], options=options),
            html.P(HELP[name], className="help"),
        ],
        className="policy",
        title=HELP[name],
    )


def parameter_table(algo: Strategy, *, hidden: bool) -> Component:
    """A strategy's knobs; an empty value means the one in force, now and after a change of it."""
    head = [
        html.Th(word, scope="col", className=kind or None)
        for word, kind in (("Parameter", ""), ("This order", ""), ("In force", "num"),
                           ("Unit", ""), ("Approved band", "num"), ("Hard limits", "num"))
    ]  # fmt: skip
    return html.Div(
        [
            html.P(algo.words, className="strategy-words"),
            html.Table(
                [html.Thead(html.Tr(head)), html.Tbody([_knob(row) for row in algo.parameters])],
                className="table parameters",
            ),
        ],
        hidden=hidden,
        **attrs({"data-strategy": algo.name}),
    )


def _knob(row: Parameter) -> Component:
    word = row.name.replace("_", " ")
    return html.Tr(
        [
            html.Th(word, scope="row", title=row.meaning),
            html.Td(forms.field(f"parameters.{row.name}", word, kind="number")),
            html.Td("-", className="num", **attrs({"data-in-force": row.name})),
            html.Td([row.unit, _means(row)], className="dim"),
            html.Td(_range(row.band_low, row.band_high, row.decimals), className="num"),
            html.Td(_range(row.low, row.high, row.decimals), className="num dim"),
        ],
        **attrs({
            "data-parameter": row.name, "data-low": row.band_low, "data-high": row.band_high,
            "data-decimals": row.decimals,
        }),
    )  # fmt: skip


def _means(row: Parameter) -> Component | None:
    """What a part of the instrument's usual touch comes to; ``ticket.js`` writes it."""
    if row.index != DERIVED:
        return None
    return html.Small("", **attrs({"data-means": row.name, "data-most": f"{MAX_CHILD.high:g}"}))


def _range(low: float, high: float, decimals: int) -> str:
    return f"{text.number(low, decimals)} … {text.number(high, decimals)}"


def _slot(name: str, error: str = "") -> Component:
    """A place where ``ticket.js`` puts an input that is converted before it is sent."""
    return html.Div(
        [
            html.Div(**attrs({"data-slot": name})),
            html.Span(className="refusal", role="alert", **attrs({"data-error-for": error}))
            if error
            else None,
        ],
        className="field slot",
    )


def order_fields(start: dict[str, str]) -> Component:
    """What is bought or sold, how much, until when, at what limit."""
    return html.Div(
        [
            forms.field("symbol", "Symbol", kind="select", required=True),
            forms.field("side", "Side", kind="radio", value=start.get("side", "1"),
                        options=[("1", "BUY ▲"), ("-1", "SELL ▼")]),
            forms.field("quantity", "Quantity", kind="shares", value=start.get("quantity", ""),
                        unit="shares", required=True),
            _slot("value"),
            _slot("limit", "limit_price"),
            _slot("minutes", "horizon"),
            _slot("end"),
            expected.objective_fields(),
        ],
        className="ticket-order",
    )  # fmt: skip


def form(start: dict[str, str]) -> Component:
    """The ticket itself."""
    chosen = start.get("strategy", "")
    chosen = chosen if chosen in STRATEGIES else "VWAP"
    body = [
        order_fields(start),
        html.Div(
            [forms.field("strategy", "Strategy", kind="radio", value=chosen,
                         options=[(name, name) for name in STRATEGIES]),
             _slot("venues", "exclude")],
            className="ticket-strategy",
        ),
        still(
            [parameter_table(algo, hidden=name != chosen) for name, algo in STRATEGIES.items()],
            id="ticket-parameters",
        ),
        html.Div(
            [
                _select("on_restart", "On restart", RESTART_WORDS),
                _select("on_disconnect", "Exchange lost", RESTART_WORDS),
                _select("on_model_loss", "Model version lost", MODEL_LOSS_WORDS),
                _select("catch_up", "Catch-up after a hold", CATCH_UP_WORDS),
                _select("at_end", "At the end", AT_END_WORDS),
            ],
            className="policies",
        ),
        html.Div(
            [forms.field("client", "Client", value=start.get("client", "")),
             forms.field("note", "Note")],
            className="ticket-words",
        ),
    ]  # fmt: skip
    if start.get("reenters"):
        body.insert(0, _remainder(start["reenters"]))
    return forms.command_form("ticket", "SubmitParent", body, submit="Send", target_field="symbol")


def _remainder(first: str) -> Component:
    """The order that has ended whose remainder this is; the engine checks that it fits."""
    return html.P(
        [
            "Re-enters what is left of ",
            html.A(first, href=f"/orders/{first}"),
            ": symbol, side and client as there; all orders linked to it together take no more. ",
            html.Span(className="refusal", role="alert", **attrs({"data-error-for": "reenters"})),
        ],
        className="remainder",
        id="ticket-remainder",
    )  # fmt: skip


def check() -> Component:
    """What the order means before it is sent: sums, limits, warnings, the market."""
    names = (
        ("value", "Value"), ("adv", "Share of the average day"), ("days", "Days at the cap"),
        ("cap", "Participation cap"), ("model", "Model"),
        ("finish", "Works until"), ("room", "Volume to expect"),
        ("personal", "Your size limit"),
    )  # fmt: skip
    facts: list[Component] = []
    for name, label in names:
        facts += [html.Dt(label), html.Dd("-", className="num", **attrs({"data-check": name}))]
    return html.Div(
        [
            html.Div("", id="ticket-headline", className="headline num"),
            html.Dl(facts, className="facts"),
            html.H3("Limits and warnings"),
            html.Ul(id="ticket-warnings", className="warnings", **attrs({"aria-live": "polite"})),
            html.Div(id="ticket-override", className="sent", hidden=True, role="status"),
            html.Div(id="ticket-sent", className="sent", hidden=True, role="status"),
        ],
        className="stack",
    )


def mine() -> Component:
    """The viewer's own orders, newest first; a click opens one."""
    return live.table(
        "parents", MINE, where=f"trader={viewer().person_id}", newest_first=True, limit=60,
        empty="you have no order today", link="/orders/{key}",
    )  # fmt: skip


def page(start: dict[str, str]) -> Component:
    """The whole screen."""
    first = start.get("reenters", "").removeprefix("P-")
    meta = {"symbol": start.get("symbol", ""), "reenters": first}
    return html.Div(
        [
            html.Div(
                [
                    html.Section(
                        [_head("Order ticket", "quotes"),
                         html.Div(form(start), className="panel-body")],
                        className="panel ticket-form",
                        **attrs({"data-panel": "ticket-form"}),
                    ),
                    html.Section(
                        [_head("My orders today", "parents"),
                         html.Div(mine(), className="panel-body")],
                        className="panel grow ticket-mine",
                        **attrs({"data-stale-topic": "parents", "data-panel": "ticket-mine"}),
                    ),
                ],
                className="stack",
            ),
            html.Div(
                [
                    _quoted("Before it is sent", check(), "check"),
                    _quoted("Expected cost, simulated", expected.panel(), "expected"),
                    _quoted("Market", html.Div(id="ticket-ladder", className="ladder"),
                            "market grow"),
                ],
                className="ticket-right",
            ),
            surface("ticket", "quotes", data=meta, class_name="engine-room"),
            surface("ticket-strategies", "strategies", class_name="engine-room"),
            surface("ticket-parents", "parents", class_name="engine-room"),
            surface("ticket-venues", "venues", class_name="engine-room"),
            surface("ticket-limits", "limits", class_name="engine-room"),
            surface("ticket-disabled", "disabled", class_name="engine-room"),
        ],
        className="ticket-page",
    )  # fmt: skip


def _quoted(title: str, body: Component, name: str) -> Component:
    """A panel that is as old as the quotes."""
    return html.Section(
        [_head(title, "quotes"), html.Div(body, className="panel-body")],
        className=f"panel ticket-{name}",
        **attrs({"data-stale-topic": "quotes", "data-panel": f"ticket-{name.partition(' ')[0]}"}),
    )


def _head(title: str, topic: str) -> Component:
    return html.Div(
        [
            html.H2(title, className="panel-title"),
            html.Span("", className="panel-age num", style={"marginLeft": "auto"},
                      **attrs({"data-age-of": topic})),
        ],
        className="panel-head",
    )  # fmt: skip
