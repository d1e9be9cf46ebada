"""The live blotter: tabs, summary strip, toolbar, detail pane, bulk dialog, speed control.

Everything here is still; ``assets/blotter*.js`` fill it from the rows the engine publishes.
"""

from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components import forms, live
from components.blotter_columns import (
    CHILDREN,
    COLUMNS,
    FORMS,
    MORE,
    NARROW,
    PRESETS,
    SPECIAL,
)
from components.command import button
from components.markup import attrs
from components.surface import surface
from components.theme import grid_theme
from engine.domain.orders import CatchUp
from engine.domain.people import Reach
from engine.gateway.viewer import viewer

GRID: Final = "blotter-grid"
SELECTION: Final = {"mode": "multiRow", "checkboxes": True, "headerCheckbox": True,
                    "selectAll": "filtered"}  # fmt: skip

TABS: Final = (("active", "Active"), ("action", "Needs action"), ("done", "Done"))
SPEEDS: Final = ((0.0, "Pause"), (1.0, "1x"), (10.0, "10x"), (60.0, "60x"), (600.0, "600x"))

CATCH_UP_WORDS: Final = {
    CatchUp.SPREAD: "spread what was missed over the time left",
    CatchUp.SHIFT: "move the end by the time held",
    CatchUp.SKIP: "give up what was missed",
}

TILES: Final = (
    ("working", "Working", "sum of leaves x mid of the shown live orders for each currency"),
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
        GRID, "parents", (*COLUMNS, *MORE), link="/orders/{key}", empty="no orders in this view",
        options={"theme": theme, "rowSelection": SELECTION},
    )  # fmt: skip
    delattr(host, "data-hide")  # blotter_views.js decides which columns are there
    extra = {column.field for column in MORE}
    for definition in host.children.columnDefs:
        definition["minWidth"] = definition["flex"]
        if definition["field"] in extra:
            definition["hide"] = True
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
    return html.Div(
        [*tiles, speed_control()],
        className="strip",
        id="blotter-strip",
        **attrs({"data-panel": "blotter-strip", "data-panel-topic": "parents"}),
    )


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
    """Tabs with counts, filter, columns, views, bulk acts, export."""
    tabs = [
        html.Button(
            [label, " ", html.Span("0", className="num", **attrs({"data-tab-count": name}))],
            type="button",
            role="tab",
            title=f"{label} [{place}]",
            **attrs({"data-tab": name, "aria-selected": "true" if name == tab else "false",
                     "data-key": str(place)}),
        )
        for place, (name, label) in enumerate(TABS, start=1)
    ]  # fmt: skip
    return html.Div(
        [
            html.Div(tabs, className="tabs", role="tablist", **attrs({"aria-label": "orders"})),
            html.Div(id="blotter-filter", className="row tight"),
            html.Span("", id="blotter-wrong", className="refusal", role="status"),
            html.Div(
                [
                    html.Span(choices(), className="panel-tools choices"),
                    html.Span(bulk_buttons(), className="panel-tools bulk"),
                    *exports(),
                ],
                className="panel-tools",
            ),
            html.Span("", className="panel-age num", **attrs({"data-age-of": "parents"})),
        ],
        className="panel-head",
    )  # fmt: skip


def choices() -> tuple[Component, ...]:
    """Which columns, which saved view, whether the children are open."""
    named = [html.Option(words, value=name) for name, words, _ in PRESETS]
    return (
        html.Button("Children", id="children-toggle", type="button",
                    title="children of the chosen orders, below [c]",
                    **attrs({"aria-pressed": "false", "data-key": "c"})),
        html.Select([*named, html.Option("My own", value=",", hidden=True)], id="blotter-columns",
                    title="columns", **attrs({"aria-label": "columns"})),
        html.Select([html.Option("View: none", value="")], id="blotter-view", title="saved views",
                    **attrs({"aria-label": "saved views"})),
    )  # fmt: skip


def bulk_buttons() -> tuple[Component, ...]:
    """Acts on the selected orders, for those who may; a trader's reach own orders only."""
    drawn = []
    for name, permission, tone in (
        ("hold", "order.hold", None), ("resume", "order.resume", None),
        ("kill", "order.kill", "danger"),
    ):  # fmt: skip
        own = "1" if viewer().reach(permission) == Reach.OWN else None
        drawn.append(
            html.Button(f"{name.capitalize()} selected", id=f"bulk-{name}", type="button",
                        disabled=True, hidden=not viewer().may(permission), className=tone,
                        **attrs({"data-own": own}))
        )  # fmt: skip
    return tuple(drawn)


def exports() -> tuple[Component, ...]:
    """The rows and columns shown, in the order shown."""
    return tuple(
        html.Button(kind, id=f"blotter-{kind.lower()}", type="button",
                    title="the rows and columns shown, in the order shown")
        for kind in ("CSV", "XLSX")
    )  # fmt: skip


def children() -> Component:
    """Children of the chosen orders; ``blotter_children.js`` streams them only while it is open."""
    host: Any = live.grid(
        "blotter-children-grid", "children", CHILDREN, where="parent=-",
        empty="no child of these orders", options={"rowSelection": {"mode": "singleRow",
                                                                   "checkboxes": False}},
    )  # fmt: skip
    for definition in host.children.columnDefs:
        if definition["field"] == "sent_at":
            definition["sort"] = "desc"
    delattr(host, "data-live-grid")
    host.id = "children-host"
    return html.Section(
        [
            html.Div(
                [html.H2("Children", id="children-of", className="panel-title"),
                 html.Span("", className="panel-age num push",
                           **attrs({"data-age-of": "children"}))],
                className="panel-head",
            ),
            html.Div(host, className="panel-body"),
        ],
        id="blotter-children",
        className="panel",
        hidden=True,
        **attrs({"aria-label": "children of the chosen orders",
                 "data-panel": "blotter-children"}),
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
        **attrs(
            {
                "data-stale-topic": "parents",
                "aria-label": "selected order",
                "data-panel": "blotter-pane",
            }
        ),
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
                html.Label(["Catch-up", html.Select(
                    [html.Option(words, value=c.value) for c, words in CATCH_UP_WORDS.items()])]),
                id="bulk-catch-up",
            ),
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
    about = {
        "tab": chosen, "forms": FORMS, "narrow": NARROW, "words": list(SPECIAL),
        "presets": {name: fields for name, _, fields in PRESETS},
    }  # fmt: skip
    return html.Div(
        [
            strip(),
            closed_day(),
            html.Div(
                [
                    html.Div(
                        [
                            html.Section(
                                [toolbar(chosen), html.Div(grid(), className="panel-body")],
                                className="panel grow",
                                **attrs(
                                    {"data-stale-topic": "parents", "data-panel": "blotter-orders"}
                                ),
                            ),
                            children(),
                        ],
                        className="stack blotter-grids",
                    ),
                    pane(),
                ],
                className="blotter-columns",
            ),
            bulk_dialog(),
            surface("blotter", "parents", data={**meta, **about}, class_name="engine-room"),
            surface("blotter-desk", "desk", class_name="engine-room"),
            surface("blotter-ladder", "quotes", class_name="engine-room"),
        ],
        className="stack blotter",
    )
