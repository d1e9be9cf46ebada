"""The page of one parent: what it does and why, its charts, children, people's acts.

Everything live is drawn by ``assets/order.js`` from the stream; an order that is no longer live is
drawn by the same code from the record of the read tables.
"""

from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import expected, forms
from components.blotter import go_on_acts, kill_act
from components.command import button
from components.markup import attrs
from components.surface import surface
from engine.domain.orders import HoldChildren
from engine.domain.people import Reach
from engine.domain.strategy import STRATEGIES
from engine.gateway.viewer import viewer

TILES: Final = (
    ("filled", "Filled", "filled / ordered [share]; below: left and at the venue"),
    ("slip", "Slip vs arrival", "side x (average fill - arrival mid) / arrival mid; + = cost [bp]"),
    ("vwap", "vs interval VWAP",
     "average fill against the market's VWAP since arrival, own prints included; + = cost [bp]"),
    ("left", "Spread cost left", "half the spread now: to cross what is left; without impact [bp]"),
    ("pov", "POV (cap)", "own share of market volume since arrival (cap in force)"),
    ("ahead", "Ahead / behind", "(filled - target) / quantity; negative = behind the schedule"),
    ("model", "Model score", "probability of an up move at the last decision"),
    ("age", "Last decision", "age of the last decision on the market clock"),
)  # fmt: skip

CHILD_COLUMNS: Final = (
    ("id", "Child", ""), ("sent", "Sent", "num"), ("venue", "Venue", ""), ("type", "Type", ""),
    ("price", "Price", "num"),
    ("quantity", "Quantity", "num"), ("filled", "Filled", "num"), ("average", "Average", "num"),
    ("state", "State", ""), ("life", "Life s", "num"), ("why", "Why", ""),
    ("binding", "Bound by", ""), ("cancel", "Cancel", ""),
)  # fmt: skip
USE_COLUMNS: Final = (
    ("Venue", "", "where"), ("Sent", "num", "shares of children that left"),
    ("Filled", "num", "shares"), ("Part", "num", "of all that the order filled"),
    ("Fill rate", "num", "filled / sent, live children included in sent"),
    ("Passive", "num", "part of the filled shares that rested"),
    ("vs arrival bp", "num", "side x (average fill - arrival mid) / arrival mid; + = cost"),
    ("Markout 10 s bp", "num", "side x (mid 10 s after the fill - price) / price; + = good [bp]"),
    ("Fees", "num", "by venue and liquidity; negative = rebates [currency]"),
)  # fmt: skip
WORK_TABS: Final = (("children", "Children"), ("venues", "By venue"), ("twin", "Twin"))
LOG_TABS: Final = (
    ("decisions", "Decisions"),
    ("people", "Interventions"),
    ("kills", "Kill receipts"),
)
HOLD_WORDS: Final = {
    HoldChildren.CANCEL: "cancel live children",
    HoldChildren.LEAVE: "leave live children working",
}


def header(parent_id: str) -> Component:
    """Identity, state, limits in words, acts."""
    return html.Div(
        [
            html.H1(parent_id, id="order-title", className="order-title num"),
            html.Span("", id="order-what"),
            html.Strong("", id="order-state", className="order-state"),
            html.Span("", id="order-terms", className="dim order-terms"),
            acts(),
            html.Span("", id="order-links", className="dim"),
            html.A(
                "Re-enter the remainder",
                id="order-reenter",
                href="/ticket",
                className="button",
                hidden=True,
                title="a ticket with what was not done, linked to this order both ways",
                **attrs({"data-may": "1" if viewer().may("order.submit") else ""}),
            ),
            html.A(
                "Costs",
                id="order-costs",
                href="/tca",
                className="button",
                hidden=True,
                title="transaction costs of this order, once its day is reported",
            ),
        ],
        className="order-head panel",
        **attrs({"data-panel": "order-head", "data-panel-topic": "parents"}),
    )


def acts() -> Component:
    """Hold asks for the children, resume for the catch-up, kill wants a long press."""
    own: dict[str, Any] = {"data-own": "1"} if viewer().reach("order.hold") == Reach.OWN else {}
    return html.Div(
        [
            button("Hold", "HoldParent", key="h", tone="act hold", confirm="-", fields=forms.field(
                "children", "Live children", kind="select", value=HoldChildren.CANCEL.value,
                options=[(choice.value, words) for choice, words in HOLD_WORDS.items()])),
            *go_on_acts(),
            button("Model off", "UseModel", args={"use": False}, tone="act model-off", confirm="-",
                   reason="ask"),
            button("Model on", "UseModel", args={"use": True}, tone="act model-on", confirm="-",
                   reason="ask", version="parents::version"),
            _plain("Amend", "amend", "order.amend"),
            _plain("Parameter", "move", "parameter.move"),
            kill_act(),
        ],
        className="acts",
        id="order-acts",
        **own,
    )  # fmt: skip


def _plain(label: str, kind: str, permission: str) -> Component:
    """A button whose dialog ``order.js`` draws: its fields need the order's own numbers."""
    allowed = viewer().may(permission)
    return html.Span(
        [
            html.Button(label, type="button", className=f"act {kind}", disabled=not allowed,
                        title=label if allowed else f"needs the permission {permission}",
                        **attrs({"data-open": kind})),
            html.Output(className="chip-state", **attrs({"aria-live": "polite"})),
        ],
        className="command-slot",
    )  # fmt: skip


def tiles() -> Component:
    """Eight numbers, each with its formula in the tooltip."""
    return html.Div(
        [
            html.Div(
                [
                    html.Div(label, className="tile-label"),
                    html.Div("-", className="tile-value", **attrs({"data-tile": name})),
                    html.Div("", className="tile-note", **attrs({"data-note": name})),
                ],
                className="tile",
                title=tip,
            )
            for name, label, tip in TILES
        ],
        className="tiles",
        **attrs({"data-stale-topic": "parents", "data-panel": "order-tiles"}),
    )


def _panel(title: str, body: Any, *, topic: str, name: str, tools: Any = None) -> Component:
    return html.Section(
        [
            html.Div(
                [
                    html.H2(title, className="panel-title"),
                    html.Div(tools, className="panel-tools"),
                    html.Span("", className="panel-age num", **attrs({"data-age-of": topic})),
                ],
                className="panel-head",
            ),
            html.Div(body, className="panel-body"),
        ],
        className=f"panel area-{name}",
        **attrs({"data-stale-topic": topic, "data-panel": f"order-{name}"}),
    )


def _chart(name: str, label: str) -> Component:
    return html.Div(
        html.Div(id=f"chart-{name}", className="chart-host", role="img",
                 **attrs({"aria-label": label})),
        className="chart-box",
    )  # fmt: skip


def children(parent_id: str) -> Component:
    """All children, newest first, whatever their state; venues and twin behind the other tabs."""
    head = [html.Th(title, scope="col", className=kind or None) for _n, title, kind
            in CHILD_COLUMNS]  # fmt: skip
    return html.Div(
        [
            html.Div(
                html.Table(
                    [html.Thead(html.Tr(head)), html.Tbody(id="order-children")],
                    className="table children",
                ),
                className="table-host",
                tabIndex="0",
                id="work-children",
            ),
            by_venue(),
            html.Div(expected.twin(parent_id), id="work-twin", hidden=True, className="table-host"),
        ],
        className="works",
    )


def by_venue() -> Component:
    """What the order did at each venue."""
    head = [
        html.Th(title, scope="col", className=kind or None, title=tip)
        for title, kind, tip in USE_COLUMNS
    ]
    return html.Div(
        html.Table(
            [html.Thead(html.Tr(head)), html.Tbody(id="order-uses")], className="table children"
        ),
        className="table-host",
        tabIndex="0",
        id="work-venues",
        hidden=True,
    )


def _work_tabs() -> Component:
    return html.Div(
        [
            html.Button(label, type="button", role="tab",
                        **attrs({"data-work": name,
                                 "aria-selected": "true" if name == "children" else "false"}))
            for name, label in WORK_TABS
        ],
        className="tabs",
        role="tablist",
    )  # fmt: skip


def logs(tab: str) -> Component:
    """Decisions and people's acts, newest first."""
    return html.Div(
        [
            html.Div(id=f"log-{name}", className="log", hidden=name != tab, tabIndex="0")
            for name, _label in LOG_TABS
        ],
        className="logs",
    )


def _tabs(tab: str) -> Component:
    return html.Div(
        [
            html.Button(label, type="button", role="tab",
                        **attrs({"data-log": name,
                                 "aria-selected": "true" if name == tab else "false"}))
            for name, label in LOG_TABS
        ],
        className="tabs",
        role="tablist",
    )  # fmt: skip


def why() -> Component:
    """The newest decision: score, contributions, model in words, how good it has been."""
    return html.Div(
        [
            html.P("", id="why-now", className="why"),
            html.P("", id="why-model"),
            html.P("", id="why-record", className="dim"),
            html.Div(id="why-parts", className="parts"),
            html.P("", id="why-proof", className="dim"),
            html.Ul([], id="why-said", className="notes"),
            html.Span(
                button("Comment on this decision", "CommentDecision", confirm="-",
                       fields=forms.field("text", "Comment", kind="textarea", required=True)),
                id="why-comment", hidden=True,
            ),
        ],
        className="why-panel",
    )  # fmt: skip


def page(parent_id: str, tab: str) -> Component:
    """The whole screen."""
    shown = tab if tab in dict(LOG_TABS) else "decisions"
    meta = {
        "id": parent_id,
        "commentOwn": viewer().reach("decision.comment") == Reach.OWN,
        "objectives": {choice.value: said for choice, said in expected.OBJECTIVE_WORDS.items()},
        "strategies": {
            algo.name: {
                "words": algo.words,
                "model": algo.uses_model,
                "parameters": [
                    {"name": row.name, "unit": row.unit, "low": row.band_low,
                     "high": row.band_high, "decimals": row.decimals, "meaning": row.meaning}
                    for row in algo.parameters
                ],
            }
            for algo in STRATEGIES.values()
        },
    }  # fmt: skip
    return html.Div(
        [
            header(parent_id),
            tiles(),
            html.Div(
                [
                    _panel("Schedule and done", _chart("schedule", "target, band and filled shares "
                           "over the day"), topic="parents", name="schedule"),
                    _panel("Price and own fills", _chart("price", "mid, interval VWAP, arrival, "
                           "limit and own fills over the day"), topic="quotes", name="price"),
                    _panel("Ladder", [html.Div(id="order-ladder", className="ladder"),
                                      html.Div(id="order-touches", className="touches")],
                           topic="quotes", name="ladder"),
                    _panel("Children", children(parent_id), topic="children", name="children",
                           tools=[_work_tabs(),
                                  html.Span("", id="children-count", className="dim num")]),
                    _panel("Why now", why(), topic="parents", name="why"),
                    _panel("Log", logs(shown), topic="parents", name="log", tools=_tabs(shown)),
                ],
                className="order-grid",
            ),
            surface("order", "parents", data=meta, class_name="engine-room"),
            surface("order-children", "children", where=f"parent={parent_id}",
                    class_name="engine-room"),
            surface("order-quotes", "quotes", class_name="engine-room"),
            surface("order-venues", "venues", class_name="engine-room"),
            surface("order-uses", "uses", where=f"parent={parent_id}", class_name="engine-room"),
            surface("order-strategies", "strategies", class_name="engine-room"),
            html.Div(hidden=True,
                     **attrs({"data-kill-scope": "parent", "data-kill-target": parent_id})),
        ],
        className="stack order-page",
    )  # fmt: skip
