"""The dialogs of the frame: confirm, password again, keys, kill. Esc and Close never send."""

from typing import Final

from dash import html
from dash.development.base_component import Component

from components.live import Column, table
from components.markup import attrs, native_input
from engine.domain.people import Reach
from engine.gateway.kill import OWN_SCOPES
from engine.gateway.viewer import Viewer

SCOPES: Final = (
    ("all", "ALL: everything on this desk"),
    ("strategy", "strategy"),
    ("symbol", "symbol"),
    ("trader", "trader"),
    ("venue", "venue: children there; orders work on elsewhere"),
    ("desk", "desk"),
    ("client", "client"),
    ("model", "model version"),
    ("parent", "parent order"),
    ("child", "child order"),
)

RECEIPTS: Final = (
    Column(field="id", title="Kill"),
    Column(field="scope", title="Scope"),
    Column(field="target", title="Target"),
    Column(field="state", title="State", form="state"),
    Column(field="by", title="By", form="person"),
    Column(field="requested_at", title="Requested", form="clock_ms"),
    Column(field="blocked_ms", title="Blocked", form="after"),
    Column(field="cancel_sent_ms", title="Cancel sent", form="after"),
    Column(field="acked", title="Acked", form="int"),
    Column(field="filled_in_flight", title="Filled in flight", form="int"),
    Column(field="unconfirmed", title="Unconfirmed", form="int"),
    Column(field="confirmed_ms", title="Confirmed", form="after"),
)

KEYS: Final = (
    ("/", "search"),
    ("?", "these keys"),
    ("x", "explain this screen"),
    ("Shift+T", "guided tour"),
    ("j  k", "next, previous row"),
    ("Enter", "open the row"),
    ("Space", "select the row"),
    ("1  2  3", "blotter: active, needs action, done"),
    ("c", "blotter: children of the chosen orders"),
    ("h", "hold or resume"),
    ("o", "override"),
    ("Shift+K", "kill this parent"),
    ("Ctrl+Shift+X", "kill dialog; again within 2 s = confirm the shown scope"),
    ("a", "acknowledge the alert"),
    ("t  n  r", "exceptions: take, note, close"),
    ("d", "exceptions: the next step is done"),
    ("Esc", "close without sending"),
)


def confirm() -> Component:
    """Filled by live.js with the sentence, the fields and the verb of the button pressed."""
    return html.Dialog(
        [
            html.H2("", id="confirm-title"),
            html.P("", id="confirm-text"),
            html.Div(id="confirm-fields"),
            html.Span(className="refusal", role="alert", id="confirm-error"),
            html.Div(
                [
                    html.Button("Close, send nothing", id="confirm-close", type="button"),
                    html.Button("", id="confirm-go", type="button", className="primary"),
                ],
                className="dialog-actions",
            ),
        ],
        id="confirm",
        **attrs({"aria-labelledby": "confirm-title"}),
    )


def password() -> Component:
    """Asked for kill releases, approvals, limits, and after 15 idle minutes."""
    return html.Dialog(
        [
            html.H2("Your password, please", id="again-title"),
            html.P("", id="again-why"),
            html.Label(
                ["Password", native_input(type="password", id="again-password",
                                   autocomplete="current-password")]
            ),
            html.Span(className="refusal", role="alert", id="again-error"),
            html.Div(
                [
                    html.Button("Close, send nothing", id="again-close", type="button"),
                    html.Button("Confirm", id="again-go", type="button", className="primary"),
                ],
                className="dialog-actions",
            ),
        ],
        id="again",
        **attrs({"aria-labelledby": "again-title"}),
    )  # fmt: skip


def kill(someone: Viewer) -> Component:
    """Scope, what it would hit, one long press; a plain form underneath: works without scripts.

    A trader kills own orders, so that is what the dialog starts with.
    """
    own = someone.reach("order.kill") == Reach.OWN
    scopes = [(v, text) for v, text in SCOPES if v in OWN_SCOPES] if own else SCOPES
    options = [html.Option(text, value=value) for value, text in scopes]
    target = someone.person_id if own else ""
    return html.Dialog(
        [
            html.H2("Kill", id="kill-title"),
            html.P(
                "Cancels every child in the scope and ends its parents; a venue or a model version "
                "ends none. Killed orders do not come back; a release needs two people."
            ),
            html.Form(
                [
                    native_input(type="hidden", name="csrf", value=someone.csrf),
                    html.Div(
                        [
                            html.Label(["Scope", html.Select(options, name="scope",
                                                             id="kill-scope")]),
                            html.Label(["Target", native_input(type="text", name="target",
                                                        id="kill-target", autocomplete="off",
                                                        value=target)]),
                            html.Label(["Reason, may come later", native_input(
                                type="text", name="reason", autocomplete="off")]),
                        ],
                        className="row",
                    ),
                    html.P("", id="kill-preview", className="preview num"),
                    html.Div(
                        [
                            html.Button("Close, kill nothing", id="kill-close", type="button",
                                        autoFocus=True),
                            html.Output(className="chip-state", id="kill-state"),
                            html.Button("KILL", id="kill-go", type="submit", className="kill"),
                        ],
                        className="dialog-actions",
                    ),
                ],
                id="kill-form",
                method="post",
                action="/api/v1/kill",
            ),
            html.H3("Receipts"),
            table("kills", RECEIPTS, newest_first=True, limit=20,
                  empty="no kill has been reported"),
        ],
        id="kill-dialog",
        className="wide",
        **attrs({"aria-labelledby": "kill-title"}),
    )  # fmt: skip


def explain() -> Component:
    """What every panel of the page is; ``assets/training.js`` fills it from docs/panels.md."""
    return html.Dialog(
        [
            html.Div(
                [
                    html.H2("This screen, in plain words", id="explain-title"),
                    html.Button("Close", id="explain-close", type="button"),
                ],
                className="card-head",
            ),
            html.Ol(id="explain-panels"),
            html.H3("Words on this screen"),
            html.Dl(id="explain-words"),
        ],
        id="explain",
        **attrs({"aria-labelledby": "explain-title"}),
    )


def tour(someone: Viewer) -> Component:
    """The card of the guided tour; ``assets/training_tour.js`` fills it, and opens it on demand."""
    return html.Section(
        [
            html.H2("", id="tour-title"),
            html.P("", id="tour-text"),
            html.P("", id="tour-waits", className="dim num"),
            html.Div(
                [
                    html.A("", id="tour-go", href="/ticket", className="button primary",
                           hidden=True),
                    html.Button("Begin again", id="tour-again", type="button"),
                    html.Button("Leave, go on later", id="tour-leave", type="button"),
                ],
                className="dialog-actions",
            ),
        ],
        id="tour",
        hidden=True,
        **attrs({"aria-label": "Guided tour",
                 "data-may": "1" if someone.may("order.submit") else None}),
    )  # fmt: skip


def keys() -> Component:
    """The list of keys."""
    rows = [html.Tr([html.Td(html.Kbd(key)), html.Td(what)]) for key, what in KEYS]
    return html.Dialog(
        [
            html.H2("Keys", id="keys-title"),
            html.Table(html.Tbody(rows), className="table"),
            html.Label([native_input(type="checkbox", id="keys-on", checked=True), " keys are on"]),
            html.Div(html.Button("Close", id="keys-close", type="button"),
                     className="dialog-actions"),
        ],
        id="keys",
        **attrs({"aria-labelledby": "keys-title"}),
    )  # fmt: skip
