"""The system: may orders leave, kills with every receipt, alerts, processes, watchdog, worker."""

from typing import Final

from dash import html
from dash.development.base_component import Component

from components import command, forms, live
from components.callback import page
from components.live import Column, mark
from components.markup import attrs
from components.surface import surface
from engine.domain.incidents import (
    INCIDENT_KINDS,
    LEAST_SECONDS,
    MOST_SECONDS,
    MOST_SHARES,
    MOST_TICKS,
)
from engine.domain.people import Reach
from engine.domain.safety import HOLD_SCOPES
from engine.gateway.viewer import viewer


@page(
    "/system", title="System", permission="view.system", nav="System", group="desk", order=60,
    key="y",
)  # fmt: skip
def system() -> Component:
    """What runs and what stops it."""
    someone = viewer()
    meta: dict[str, object] = {
        "me": someone.person_id,
        "release": someone.may("kill.release"),
        "kill": someone.may("order.kill"),
        "acknowledge": someone.may("alert.acknowledge"),
        "accept": someone.may("reconciliation.accept"),
        "mode": someone.may("mode.set"),
        "releaseHold": someone.may("hold.release"),
    }
    return html.Div(
        [
            _tiles(),
            html.Div(
                [
                    surface("system-mode", "desk", data=meta, class_name="gate-line"),
                    surface("system-gate", "desk", data=meta, class_name="gate-line"),
                ],
                className="columns even gates",
            ),
            surface("system-books", "books", data=meta, class_name="cards books"),
            html.Div(
                [
                    html.Div(
                        [
                            _kills(meta),
                            _pending(),
                            _alerts(meta),
                            _holds(meta),
                            _venues(),
                            _latency(),
                        ],
                        className="stack",
                    ),
                    html.Div(
                        [
                            _degraded(),
                            _polled("Processes", "processes", "processes-body"),
                            _polled("Watchdog, its own words", "watchdog", "watchdog-body"),
                            _drills(),
                            _polled("Work in the background", "jobs", "jobs-body", grow=True),
                        ],
                        className="stack",
                    ),
                ],
                className="columns system-page",
            ),
        ],
        className="stack system",
    )


def _tiles() -> Component:
    def desk(field: str, form: str, decimals: int = -1) -> Component:
        return mark("desk", "desk", field, form, decimals=decimals)

    return html.Div(
        [
            live.tile("Session", desk("session", "state"), desk("day", "text")),
            live.tile(
                "Market", html.Span([desk("mode", "text"), " ", desk("market_at", "clock")]),
                desk("source", "text"),
            ),
            live.tile("Speed asked", html.Span([desk("speed", "price", 0), "×"])),
            live.tile(
                "Speed achieved", html.Span([desk("achieved", "price", 1), "×"]),
                title="market seconds per second over the last turns; a slow turn slows the market",
            ),
            live.tile("Engine turn", desk("turn_ms", "ms")),
            live.tile("Epoch", desk("epoch", "int"), title="counts starts of the engine"),
            live.tile("Journal entries", desk("seq", "int"), html.Span(
                ["head ", desk("head", "text")])),
            live.tile("Working notional", desk("working_value", "money")),
        ],
        className="tiles",
        **attrs({"data-panel": "system-tiles", "data-panel-topic": "desk"}),
    )  # fmt: skip


VENUE_COLUMNS: Final = (
    Column(field="id", title="Venue"),
    Column(field="kind", title="Kind"),
    Column(field="state", title="State", tip="up, down, halted, closed or killed"),
    Column(field="age_s", title="Silent s", form="price", decimals=1,
           tip="market time since its last sign of life"),
    Column(field="open", title="Open", form="int", tip="live children there"),
    Column(field="unconfirmed", title="Unconfirmed", form="int",
           tip="children whose arrival or cancel it has not answered for 2 s of market time"),
    Column(field="oldest_s", title="Oldest s", form="price", decimals=0,
           tip="age of the oldest unconfirmed one, market time"),
    Column(field="sent", title="Sent", form="shares", tip="shares today"),
    Column(field="fill_rate", title="Filled", form="percent", tip="of the shares sent there"),
    Column(field="markout_bps", title="Markout 10 s bp", form="signed", decimals=1,
           tip="mid 10 s after our fills against their price; + = good [bp]"),
    Column(field="fees", title="Fees", form="signed", decimals=2,
           tip="today, negative = rebates [currency]"),
    Column(field="phone", title="Phone"),
)  # fmt: skip


def _venues() -> Component:
    return live.panel(
        "Venues",
        live.table("venues", VENUE_COLUMNS, limit=8, empty="no venue is known yet"),
        topic="venues",
        id="venues",
    )


PENDING_COLUMNS: Final = (
    Column(field="age_s", title="Age s", form="price", decimals=0,
           tip="market time since the cancel was asked for; desk time while the exchange is away"),
    Column(field="late", title="Late", form="state",
           tip="amber from 2 s, alert from 10 s: then it is an exception too"),
    Column(field="id", title="Child"),
    Column(field="parent", title="Order"),
    Column(field="symbol", title="Symbol"),
    Column(field="venue", title="Venue"),
    Column(field="leaves", title="Still at work", form="int",
           tip="shares that may trade until the venue answers; they stay reserved"),
    Column(field="by", title="Asked by", tip="hold, plan, kill, ..."),
    Column(field="asked_at", title="Asked", form="clock", tip="market time"),
    Column(field="phone", title="Phone"),
)  # fmt: skip


def _pending() -> Component:
    """The ageing list of cancels; one is never taken for done before the venue says so."""
    return live.panel(
        "Cancels without an answer",
        live.table("pending", PENDING_COLUMNS, limit=12, empty="no cancel waits for 2 s or more"),
        topic="pending",
        id="pending",
    )


DRILL_COLUMNS: Final = (
    Column(field="kind", title="What"),
    Column(field="about", title="Where"),
    Column(field="size", title="Size", form="signed", decimals=0),
    Column(field="state", title="State", tip="under way, over, refused; unknown = the exchange "
           "did not answer, it may have begun"),
    Column(field="left_s", title="Left s", form="price", decimals=0, tip="market time"),
    Column(field="started_at", title="Began", form="clock", tip="market time"),
    Column(field="ends_at", title="Ends", form="clock", tip="market time"),
    Column(field="by", title="By", form="person"),
    Column(field="reason", title="Reason"),
    Column(field="sentence", title="The exchange says"),
)  # fmt: skip


def _drills() -> Component:
    """Scripted incidents: one button behind a dialog with a typed word and a reason."""
    kinds = [(name, f"{name.replace('_', ' ')}: {row.words.partition(': ')[2] or row.words}")
             for name, row in INCIDENT_KINDS.items()]  # fmt: skip
    fields = html.Div(
        [
            forms.field("kind", "What happens", kind="select", options=kinds, required=True),
            forms.field("venue", "Venue (outage, crossed, stuck dark)", kind="select",
                        options=[("", "none")]),
            forms.field("symbol", "Symbol (the others)", kind="select", options=[("", "all")]),
            forms.field("child", "Order, C-3-17 (what befalls an order; empty = the newest)"),
            forms.field("seconds", "Seconds of market time", kind="number", value=60,
                        limits=(LEAST_SECONDS, MOST_SECONDS), step=1.0),
            forms.field("size", "Ticks, + up, - down (flash, news); shares (orders)", kind="number",
                        limits=(-MOST_TICKS, MOST_SHARES), step=1.0),
        ],
        className="edit-fields",
    )  # fmt: skip
    act = command.button(
        "Start an incident", "StartIncident", confirm="This happens to the simulated market at "
        "once, for everybody on this desk, and cannot be taken back before its time.",
        typed="DRILL", reason="must", fields=fields,
    )  # fmt: skip
    table = live.table("incidents", DRILL_COLUMNS, newest_first=True, limit=4,
                       empty="nothing was started today")  # fmt: skip
    return live.panel(
        "Incident drill (SIM only)",
        html.Div(
            [
                *(
                    surface("system-drill", topic, class_name="unseen")
                    for topic in ("venues", "quotes")
                ),
                table,
            ]
        ),
        topic="incidents",
        tools=act,
        id="drills",
    )


def _kills(meta: dict[str, object]) -> Component:
    return live.panel(
        "Kills and their receipts",
        surface("system-kills", "kills", data=meta, class_name="cards"),
        topic="kills",
        grow=True,
        id="kills",
    )


def _degraded() -> Component:
    """What is down now, since when, and what still works without it."""
    return _polled("Parts of the desk: what works without them", "degraded", "degraded-body")


def _latency() -> Component:
    """Milliseconds of every kill, and the button of the self-test."""
    allowed = viewer().reach("order.kill") > Reach.OWN
    test = html.Span(
        [
            html.Button(
                "Test the kill", type="button", className="command", disabled=not allowed,
                title="writes the kill flag for a scope without orders and waits for its receipt"
                if allowed else "needs a supervisor or risk",
                **attrs({"data-kill-test": "1"}),
            ),
            html.Output(className="chip-state", **attrs({"aria-live": "polite"})),
        ],
        className="command-slot",
    )  # fmt: skip
    corner = html.Span("", className="panel-age num", **attrs({"data-polled-age": "latency"}))
    return live.panel(
        "How long kills took",
        html.Div(html.P("asking", className="dim"), id="latency-body", className="polled"),
        tools=html.Span([test, corner], className="row"),
        id="latency",
    )


def _holds(meta: dict[str, object]) -> Component:
    """Holds by scope: one button behind a dialog, one card a hold."""
    scopes = [(name, name if name != "all" else "ALL") for name in HOLD_SCOPES]
    ends = [("", "nothing but a person"), ("market_sound", "the market is sound"),
            ("spread_below", "spread below level [bp]"), ("price_above", "mid above level"),
            ("price_below", "mid below level")]  # fmt: skip
    fields = html.Div(
        [
            forms.field("scope", "Scope", kind="select", options=scopes, required=True,
                        value="symbol"),
            forms.field("target", "Target (MIDC, P-3, POV, u1, SIM-B; nothing for ALL)"),
            forms.field("children", "Children", kind="select", value="cancel",
                        options=[("cancel", "cancel"), ("leave", "leave working")]),
            forms.field("seconds", "Ends after seconds of market time", kind="number",
                        limits=(1, 86_400), step=1.0),
            forms.field("when", "or as soon as", kind="select", options=ends),
            forms.field("level", "level", kind="number", step=0.01),
            forms.field("symbol", "in symbol (when the scope is none)"),
        ],
        className="edit-fields",
    )  # fmt: skip
    act = command.button(
        "Hold a scope", "HoldScope", tone="act hold", reason="ask", fields=fields,
        confirm="Nothing new is sent in the scope and nothing may enter it, until somebody, its "
        "time or its condition ends the hold.",
    )  # fmt: skip
    return live.panel(
        "Holds by scope",
        surface("system-holds", "holds", data=meta, class_name="cards"),
        topic="holds",
        tools=act,
        id="holds",
    )


def _alerts(meta: dict[str, object]) -> Component:
    return live.panel(
        "Alerts",
        surface("system-alerts", "alerts", data=meta, class_name="table-host"),
        topic="alerts",
        grow=True,
        id="alerts",
    )


def _polled(title: str, source: str, body: str, *, grow: bool = False) -> Component:
    """A box that ``assets/review_system.js`` fills from REST every 2 s while it is looked at."""
    corner = html.Span("", className="panel-age num", **attrs({"data-polled-age": source}))
    return live.panel(
        title,
        html.Div(html.P("asking", className="dim"), id=body, className="polled"),
        tools=corner,
        about=f"system-{source}",
        grow=grow,
    )
