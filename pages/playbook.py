"""The playbook: checklists bound to exceptions, their drills, their versions, and whom to call."""

from typing import Final

from dash import html
from dash.development.base_component import Component

from components import live
from components.callback import page
from components.live import Column
from components.surface import surface
from engine.domain import kinds as k
from engine.domain.incidents import INCIDENT_KINDS, MOST_SECONDS
from engine.gateway.viewer import viewer

VENUE_WORDS: Final = {k.LIT: "lit", k.DARK: "dark", k.DEALER: "dealer"}
PHONES: Final = (
    Column(field="id", title="Venue"),
    Column(field="state", title="State", form="state"),
    Column(field="phone", title="Phone"),
    Column(field="unconfirmed", title="Unconfirmed", form="int",
           tip="children that it has not answered for 2 s of market time"),
)  # fmt: skip


@page(
    "/playbook", title="Playbook", permission="view.playbook", nav="Playbook", group="desk",
    order=57, key="p",
)  # fmt: skip
def playbook(section: str = "") -> Component:
    """The whole document, or one section with its drill and its versions."""
    someone = viewer()
    meta: dict[str, object] = {
        "section": section,
        "edit": someone.may("playbook.edit"),
        "drill": someone.may("drill.incident"),
        "incidents": _incidents(),
    }
    tools = [
        html.Span("the document as it is in force", className="dim"),
        html.A("Drills and debriefs", href="/playbook/drills", className="button"),
    ]
    return html.Div(
        [
            *(surface("playbook-beside", topic, class_name="unseen")
              for topic in ("quotes", "alerts")),
            html.Div(
                [
                    live.panel(
                        "Sections",
                        surface("playbook-list", "playbook", data=meta, class_name="table-host"),
                        grow=True, id="playbook-sections",
                    ),
                    live.panel(
                        "Whom to call",
                        live.table("venues", PHONES, limit=12, empty="no venue is known yet"),
                        topic="venues", id="phones",
                    ),
                ],
                className="stack",
            ),
            live.panel(
                "Playbook",
                surface("playbook-text", "playbook", data=meta, class_name="playbook-text"),
                grow=True, id="playbook", tools=tools,
            ),
        ],
        className="columns playbook-page",
    )  # fmt: skip


def _incidents() -> dict[str, dict[str, object]]:
    """What the dialog of a drill asks for, by kind of incident."""
    return {
        name: {
            "words": row.words,
            "venues": [VENUE_WORDS[kind] for kind in row.venues],
            "sized": row.is_sized,
            "order": row.is_of_order,
            "most": MOST_SECONDS,
            "usual": row.usual_s,
        }
        for name, row in INCIDENT_KINDS.items()
    }
