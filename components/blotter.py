"""The live blotter: columns, tabs, summary strip, detail pane, bulk dialog, speed control.

Everything here is still; ``assets/blotter.js`` fills it from the rows the engine publishes.
"""

from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import forms, live
from components.command import button
from components.live import Column
from components.markup import attrs
from components.surface import surface
from components.theme import grid_theme
from engine.domain.orders import CatchUp
from engine.domain.people import Reach
from engine.gateway.viewer import viewer

GRID: Final = "blotter-grid"

COLUMNS: Final = (
    Column(field="id", title="Parent", width=70, pinned=True, tip="parent order; Enter opens it"),
    Column(field="symbol", title="Symbol", width=56, tip="instrument"),
    Column(field="side", title="Side", form="side", width=62, tip="BUY or SELL"),
    Column(field="strategy", title="Strategy", width=76, tip="algorithm that works it"),
    Column(field="state", title="State", form="state", width=118, tip="as the engine confirmed it"),
    Column(field="quantity", title="Quantity", form="int", width=68, tip="ordered [share]"),
    Column(field="filled", title="Filled", form="int", width=64, flash=True, tip="done [share]"),
    Column(field="done", title="Done", form="bar", width=50, tip="filled / quantity"),
    Column(field="slippage_bps", title="Slip bp", form="bps", width=62, flash=True,
           tip="average fill against arrival mid, side-adjusted; positive = cost [bp]"),
    Column(field="vwap_bps", title="vs VWAP bp", form="bps", width=84, hide_below=1500,
           tip="average fill against the interval VWAP, own prints included; + = cost [bp]"),
    Column(field="participation", title="POV / cap", form="percent", width=88,
           tip="own share of market volume since arrival / the cap in force [%]"),
    Column(field="behind", title="Sched", form="percent", width=60,
           tip="(filled - target) / quantity; negative = behind the schedule"),
    Column(field="score", title="Model", form="signed", width=66, hide_below=1500,
           tip="probability of an up move by the model; a dash = the strategy runs without one"),
    Column(field="decided_at", title="Age", form="age", width=50,
           tip="age of the last decision on the market clock"),
    Column(field="alert", title="Alert", width=56, tip="newest alert nobody acknowledged"),
    Column(field="trader", title="Trader", form="person", width=56, tip="who entered it"),
)  # fmt: skip

# columns whose text needs more than their own value, by the function of blotter.js
SPECIAL: Final = {
    "participation": "qdPov(params)",
    "behind": "qdSchedule(params)",
    "score": "qdModel(params)",
    "decided_at": "qdDecided(params)",
}
TABS: Final = (("active", "Active"), ("action", "Needs action"), ("done", "Done"))
SPEEDS: Final = ((0.0, "Pause"), (1.0, "1x"), (10.0, "10x"), (60.0, "60x"), (600.0, "600x"))

CATCH_UP_WORDS: Final = {
    CatchUp.SPREAD: "spread what was missed over the time left",
    CatchUp.SHIFT: "move the end by the time held",
    CatchUp.SKIP: "give up what was missed",
}

TILES: Final = (
    ("working", "Working", "sum of leaves x mid of the shown live orders [currency]"),
    ("slip", "Slip bp", "signed cost / arrival value of orders with fills, ± 1.96 SE; + = cost"),
    ("fill", "Fill", "sum of filled / sum of quantity of the shown orders"),
    ("pov", "POV", "sum of filled / sum of the market volume each order saw, shown orders"),
    ("action", "Needs action", "waiting for approval, held by the system or with an open alert"),
    ("gate", "Gate", "whether new orders may leave, or why not"),
)  # fmt: skip


def grid() -> Component:
    """The parent grid; newest first."""
    theme = {"function": grid_theme()["function"].replace(
        'cellHorizontalPadding: "8px"', 'cellHorizontalPadding: "6px"'
    )}  # fmt: skip
    host: Any = live.grid(
        GRID, "parents", COLUMNS, link="/orders/{key}", empty="no orders in this view",
        options={"theme": theme},
    )  # fmt: skip
    for definition in host.children.columnDefs:
        definition["minWidth"] = definition["flex"]
        function = SPECIAL.get(definition["field"])
        if function:
            definition["valueFormatter"] = {"function": function}
        if definition["field"] == "id":
            definition["sort"] = "desc"
            definition["width"] = definition.pop("flex")  # pinned columns do not flex
            definition["comparator"] = {"function": "qdById"}
    return host  # type: ignore[no-any-return]


def strip() -> Component:
    """One line of numbers about what is shown, and the speed of the market."""
    tiles = [
        html.Span(
            [html.Span(label, className="strip-label"),
             html.Span("-", className="strip-value num", **attrs({"data-sum": name}))],
            className="strip-item", title=tip,
        )
        for name, label, tip in TILES
    ]  # fmt: skip
    return html.Div([*tiles, speed_control()], className="strip", id="blotter-strip")


def speed_control() -> Component:
    """Speed of the simulated market: asked beside achieved."""
    buttons = [
        button(word, "SetSpeed", args={"speed": value}, title=f"market speed {word}", tone="speed")
        for value, word in SPEEDS
    ]
    return html.Span(
        [
            html.Span("Speed", className="strip-label"),
            *buttons,
            html.Span(
                ["asked ", html.Span("-", **attrs({"data-sum": "asked"})), ", achieved ",
                 html.Span("-", **attrs({"data-sum": "achieved"}))],
                className="strip-note num",
                title="market seconds per second; the simulated market waits for the engine",
            ),
        ],
        className="strip-item speeds",
        role="group",
        **attrs({"aria-label": "speed of the simulated market"}),
    )  # fmt: skip


def closed_day() -> Component:
    """Said once the day is closed: its costs, and the next day for those who drive the market."""
    may = viewer().may("market.speed")
    opener = button(
        "Open the next day", "OpenNextDay", tone="primary next-day",
        title="open the next trading day of the simulated market",
        confirm="The next trading day opens and its market runs at the speed asked for.",
    )  # fmt: skip
    return html.Div(
        [
            html.Strong("", id="closed-words"),
            html.A("Costs of the day", id="closed-costs", href="/tca", className="button",
                   hidden=not viewer().may("view.tca")),
            html.Span("", id="closed-next", className="dim"),
            html.Span(opener, id="closed-open", hidden=True) if may else None,
        ],
        id="day-closed",
        className="day-closed",
        role="status",
        hidden=True,
        **attrs({"data-may": "1" if may else "0"}),
    )  # fmt: skip


def toolbar(tab: str) -> Component:
    """Tabs with counts, filter, bulk acts, export."""
    tabs = [
        html.Button(
            [label, " ", html.Span("0", className="num", **attrs({"data-tab-count": name}))],
            type="button",
            role="tab",
            **attrs({"data-tab": name, "aria-selected": "true" if name == tab else "false"}),
        )
        for name, label in TABS
    ]
    may_hold, may_kill = viewer().may("order.hold"), viewer().may("order.kill")
    return html.Div(
        [
            html.Div(tabs, className="tabs", role="tablist"),
            html.Div(id="blotter-filter", className="row tight"),
            html.Div(
                [
                    html.Button("Hold selected", id="bulk-hold", type="button", disabled=True,
                                hidden=not may_hold),
                    html.Button("Kill selected", id="bulk-kill", type="button", disabled=True,
                                hidden=not may_kill, className="danger"),
                    html.Button("CSV", id="blotter-csv", type="button",
                                title="the rows and columns shown, in the order shown"),
                ],
                className="panel-tools",
            ),
            html.Span("", className="panel-age num", **attrs({"data-age-of": "parents"})),
        ],
        className="panel-head",
    )  # fmt: skip


def acts() -> Component:
    """Buttons for one parent; ``base_pieces.js`` aims them at the parent that is shown."""
    own: dict[str, Any] = {"data-own": "1"} if viewer().reach("order.hold") == Reach.OWN else {}
    return html.Div(
        [
            button("Hold", "HoldParent", args={"children": "cancel"}, key="h", tone="act hold",
                   title="stop sending; live children are cancelled"),
            *go_on_acts(),
            kill_act(),
        ],
        className="acts",
        **own,
    )  # fmt: skip


def go_on_acts() -> tuple[Component, ...]:
    """Resume, approve, refuse one parent: the same on the pane and on the order's page."""
    return (
        button("Resume", "ResumeParent", key="h", tone="act resume primary",
               version="parents::version", confirm="-", fields=forms.field(
                   "catch_up", "Catch-up", kind="select", value=CatchUp.SPREAD.value,
                   options=[(c.value, words) for c, words in CATCH_UP_WORDS.items()])),
        button("Approve", "ApproveParent", args={"approve": True}, tone="act approve primary",
               confirm="-"),
        button("Refuse", "ApproveParent", args={"approve": False}, tone="act refuse",
               reason="must", confirm="-"),
    )  # fmt: skip


def kill_act() -> Component:
    """Kill one parent, by a long press."""
    return button("Kill", "RequestKill", args={"scope": "parent"}, hold_ms=800, confirm="-",
                  reason="ask", key="Shift+K", tone="act kill")  # fmt: skip


def pane() -> Component:
    """The parent under the cursor: acts, key numbers, why, ladder."""
    return html.Aside(
        [
            html.Div(
                [
                    html.H2("No order selected", id="pane-title", className="pane-title"),
                    html.A("Open", id="pane-open", href="/", className="button", hidden=True),
                ],
                className="panel-head",
            ),
            html.Div(
                [
                    html.P("Click a row, or press j and k.", id="pane-empty", className="dim"),
                    html.Div(acts(), id="pane-acts", hidden=True),
                    html.Dl(id="pane-facts", className="facts"),
                    html.P("", id="pane-why", className="why"),
                    html.Div(id="pane-ladder", className="ladder"),
                    html.Div(
                        html.Div(
                            id="pane-chart",
                            className="chart-host",
                            role="img",
                            **attrs({"aria-label": "schedule and done of the order"}),
                        ),
                        className="chart-box",
                    ),
                ],
                className="panel-body",
            ),
        ],
        className="panel pane",
        id="blotter-pane",
        **attrs({"data-stale-topic": "parents", "aria-label": "selected order"}),
    )


def bulk_dialog() -> Component:
    """What a bulk act would hit, one press, and the answer line by line."""
    head = [html.Th(t, scope="col", className=c or None) for t, c in
            (("Parent", ""), ("Symbol", ""), ("Side", ""), ("State", ""), ("Left", "num"),
             ("Live children", "num"), ("Answer", ""))]  # fmt: skip
    return html.Dialog(
        [
            html.H2("", id="bulk-title"),
            html.P("", id="bulk-text"),
            html.Div(
                html.Table([html.Thead(html.Tr(head)), html.Tbody(id="bulk-rows")],
                           className="table"),
                className="table-host",
            ),
            html.Div(
                [
                    html.Button("Close, send nothing", id="bulk-close", type="button"),
                    html.Button("", id="bulk-go", type="button"),
                ],
                className="dialog-actions",
            ),
        ],
        id="bulk-dialog",
        className="wide",
        **attrs({"aria-labelledby": "bulk-title"}),
    )  # fmt: skip


def page(tab: str, meta: dict[str, object]) -> Component:
    """The whole screen."""
    chosen = tab if tab in dict(TABS) else "active"
    return html.Div(
        [
            strip(),
            closed_day(),
            html.Div(
                [
                    html.Section(
                        [toolbar(chosen), html.Div(grid(), className="panel-body")],
                        className="panel grow",
                        **attrs({"data-stale-topic": "parents"}),
                    ),
                    pane(),
                ],
                className="blotter-columns",
            ),
            bulk_dialog(),
            surface("blotter", "parents", data={**meta, "tab": chosen}, class_name="engine-room"),
            surface("blotter-desk", "desk", class_name="engine-room"),
            surface("blotter-ladder", "quotes", class_name="engine-room"),
        ],
        className="stack blotter",
    )
