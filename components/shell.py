"""The frame around every page, drawn on the server: it stands before any script has run.

Header with environment, chips, clock, person and KILL; navigation made from the registered pages
and the permission table; footer with the age of the last event and the head of the audit chain.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final, Protocol

import orjson
from dash import html
from dash.development.base_component import Component

from components import dialogs
from components.callback import Page
from components.live import mark
from components.markup import attrs, native_input, to_html
from engine.gateway.viewer import Viewer

MARKS: Final = {
    "SIM": ("sim", "simulated exchange, simulated money"),
    "REPLAY": ("sim", "a recorded day: the order book cannot answer to our orders"),
    "REACTIVE": ("sim", "a generated book like a recorded day: it answers to our orders"),
    "PAPER": ("paper", "real prices, no orders leave the house"),
    "LIVE": ("live", "real orders, real money"),
}
CHIPS: Final = (
    ("mode", "what the desk may do: NORMAL, REDUCING (nothing that raises risk), HALTED"),
    ("feed", "age of the newest quote, market clock"),
    ("engine", "time of one turn, and whether new orders may leave"),
    ("models", "models deciding of models in force"),
    ("watchdog", "whether the independent watchdog stamps its lease"),
)
TOPICS: Final = ("desk", "status", "alerts", "acks", "kills")  # on every page


class Environment(Protocol):
    """What the frame must say about this desk (engine.gateway.server.Look)."""

    @property
    def mode(self) -> str: ...
    @property
    def demo(self) -> bool: ...
    @property
    def zone(self) -> str: ...
    @property
    def watermark(self) -> str: ...


def document(
    look: Environment,
    someone: Viewer,
    pages: Sequence[Page],
    path: str,
    people: dict[str, str],
    dash_parts: dict[str, str],
) -> str:
    """The whole HTML document; ``dash_parts`` are the strings Dash gives to interpolate_index."""
    colour, _words = MARKS.get(look.mode, MARKS["SIM"])
    body = {
        "data-mode": look.mode,
        "data-zone": look.zone,
        "data-person": someone.person_id,
        "data-desk": someone.desk,
        "data-csrf": someone.csrf,
        "data-people": orjson.dumps(people).decode(),
        "data-topics": ",".join(TOPICS),
    }
    attributes = " ".join(f'{name}="{escape(value)}"' for name, value in body.items())
    title = title_of(pages, path)
    return (
        '<!DOCTYPE html><html lang="en" data-theme="dark"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        '<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">'
        f"{dash_parts['css']}</head>"
        f'<body class="desk env-{colour}" {attributes}>'
        '<a class="skip" href="#page">Skip to the page</a>'
        f"{to_html(header(look, someone, title))}{to_html(navigation(pages, someone, path))}"
        f"{to_html(banner())}"
        f'<div class="stage">{dash_parts["app_entry"]}</div>'
        f"{to_html(footer())}{to_html(overlays(look, someone))}"
        f"<footer hidden>{dash_parts['config']}{dash_parts['scripts']}{dash_parts['renderer']}"
        "</footer></body></html>"
    )


def title_of(pages: Iterable[Page], path: str) -> str:
    """The title of the browser tab."""
    for page in pages:
        found = page.pattern.fullmatch(path)
        if found is not None:
            name = next(iter(found.groupdict().values()), "")
            return f"{name} {page.title} - Quarterdeck".strip()
    return "Quarterdeck"


def header(look: Environment, someone: Viewer, title: str = "Quarterdeck") -> Component:
    """Environment, search, chips, bell, clock, person, KILL; the title is for screen readers."""
    colour, words = MARKS.get(look.mode, MARKS["SIM"])
    return html.Header(
        [
            html.H1(title, className="spoken"),
            html.A("Quarterdeck", href="/", className="brand"),
            html.Strong(look.mode, className=f"env {colour}", title=words),
            native_input(id="search", type="search", placeholder="Search  /", autocomplete="off",
                  **attrs({"aria-label": "Search orders, symbols, pages"})),
            html.Div([_chip(*chip) for chip in CHIPS], className="chips"),
            html.Span(["screen ", html.Span("-", id="event-ms", className="num")],
                      className="chip", title="event to screen, without the network"),
            html.Button(
                ["alerts ", html.Span("0", id="alert-count", className="num"),
                 html.Strong("", id="alert-late")],
                id="bell", type="button", className="chip bell",
                title="alerts that nobody has acknowledged",
            ),
            html.Button("Explain", id="explain-open", type="button", className="chip",
                        title="explain this screen [x]", **attrs({"data-key": "x"})),
            html.Button(
                [mark("desk", "desk", "market_at", "clock"),
                 html.Span("", id="zone-label", className="zone")],
                id="clock", type="button", className="chip clock",
                title="market clock; click for exchange, UTC or local time",
            ),
            html.Details(
                [
                    html.Summary([html.Span(someone.name, className="who"), html.Span(
                        ", ".join(someone.roles), className="dim")]),
                    html.Div(
                        [
                            html.Button("Theme", id="theme", type="button"),
                            html.Button("Keys  ?", id="show-keys", type="button"),
                            html.Button("Guided tour", id="tour-open", type="button"),
                            html.Button("Sound is off", id="sound", type="button"),
                            html.Button("Desktop alerts are off", id="desktop", type="button"),
                            html.A("Password and API keys", href="/password", className="button"),
                            html.Button("Log out", id="logout", type="button"),
                        ],
                        className="menu",
                    ),
                ],
                className="person",
            ),
            html.A("KILL", href="/kill", id="kill", className="kill", role="button",
                   title="kill dialog [Ctrl+Shift+X]"),
        ],
        className="top",
        **attrs({"data-panel": "frame"}),
    )  # fmt: skip


def _chip(key: str, title: str) -> Component:
    """A chip whose colour and text come from topic ``status``."""
    return html.Span(
        [f"{key} ", mark("status", key, "text")],
        className="chip",
        title=title,
        **attrs({"data-live-state": f"status:{key}:state"}),
    )


def navigation(pages: Sequence[Page], someone: Viewer, path: str) -> Component:
    """Links to the pages this person may see; plain links, each page is loaded afresh."""
    links: list[Any] = []
    group = None
    here = next((page for page in pages if page.pattern.fullmatch(path)), None)
    for page in pages:
        if not page.nav or not someone.may(page.permission):
            continue
        if group is not None and page.group != group:
            links.append(html.Span(className="nav-gap"))
        group = page.group
        current = _current(page, here)
        links.append(
            html.A(
                page.nav,
                href=page.path,
                className="active" if current else None,
                title=f"{page.title} [g {page.key}]" if page.key else page.title,
                **attrs({"aria-current": current, "data-go": page.key or None}),
            )
        )
    return html.Nav(links, className="nav", **attrs({"aria-label": "Pages"}))


def _current(page: Page, here: Page | None) -> str | None:
    """``aria-current`` of a link: the page itself, or the one that it belongs to."""
    if here is None or page.path not in (here.path, here.under):
        return None
    return "page" if page is here else "true"


def banner() -> Component:
    """What is stale and what that locks; live.js fills it."""
    return html.Div("", id="banner", role="status", hidden=True)


def footer() -> Component:
    """Age of the last event, numbers of the stream, head of the audit chain."""
    return html.Footer(
        [
            html.Span(
                ["last event ", html.Span("-", className="num", **attrs({"data-age-of": "*"})),
                 " ago"]
            ),
            html.Span("connecting", id="stream-state"),
            html.Span(id="page-status", className="grow"),
            html.Span(mark("desk", "desk", "source", "text"), className="source",
                      title="where the market comes from"),
            html.Span(
                ["audit ", mark("desk", "desk", "seq", "int"), " ",
                 mark("desk", "desk", "head", "hash")],
                title="entries in the journal and the hash of the last one",
            ),
        ],
        className="bottom",
    )  # fmt: skip


def overlays(look: Environment, someone: Viewer) -> Component:
    """Dialogs, alert drawer, toasts, watermark."""
    words = look.watermark
    return html.Section(
        [
            dialogs.confirm(),
            dialogs.password(),
            dialogs.kill(someone),
            dialogs.keys(),
            dialogs.explain(),
            dialogs.tour(someone),
            html.Section(
                [html.H2(["Alerts ", html.A("all exceptions", href="/exceptions")]),
                 html.Ul(id="alert-list")],
                id="alert-drawer", hidden=True, tabIndex="0", **attrs({"aria-label": "Alerts"}),
            ),
            html.Div(id="term-tip", role="tooltip", hidden=True),
            html.Div(id="toasts", role="status", **attrs({"aria-live": "polite"})),
            html.Div(className="watermark", role="note",
                     **attrs({"aria-label": words or None, "data-text": words})),
        ],
        **attrs({"aria-label": "Dialogs and messages"}),
    )  # fmt: skip


def skeleton() -> Component:
    """Loading: shown after 300 ms."""
    return html.Div(
        [html.Div(className="bone wide"), html.Div(className="bone"), html.Div(className="bone")],
        className="skeleton",
        **attrs({"aria-busy": "true", "aria-label": "loading"}),
    )


def empty(why: str, next_step: Any = None) -> Component:
    """Nothing to show: why, and what to do next."""
    return html.Div([html.P(why), html.Div(next_step)], className="state empty-state")


def failed(what: str, number: str) -> Component:
    """Something broke: what, under which number it is in the log, and how to try again."""
    return html.Div(
        [html.P(what), html.P(f"error {number}", className="num dim"),
         html.A("Try again", href="", className="button")],
        className="state error-state", role="alert",
    )  # fmt: skip


def refused(sentence: str) -> Component:
    """The rules said no: the sentence."""
    return html.Div(html.P(sentence), className="state refused-state", role="alert")


def not_allowed(permission: str, roles: Iterable[str]) -> Component:
    """No permission: which roles have it."""
    return html.Div(
        [
            html.P(f"This page needs the permission {permission}."),
            html.P("Roles that have it: " + (", ".join(roles) or "none"), className="dim"),
        ],
        className="state no-permission-state",
        role="alert",
    )
