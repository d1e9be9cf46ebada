"""Exceptions: every alert as a line that somebody takes, follows and closes; and who is here."""

from typing import Final

from dash import html
from dash.development.base_component import Component

from components import context, live
from components.callback import page
from components.surface import surface
from engine.domain.governance import AlertCause
from engine.domain.people import may
from engine.gateway.sessions import roles_of
from engine.gateway.viewer import viewer

STATES: Final = ("open", "acknowledged", "mine", "unresolved", "resolved", "all")
SEVERITIES: Final = ("", "critical", "warn", "info")


@page(
    "/exceptions", title="Exceptions", permission="view.exceptions", nav="Exceptions",
    group="desk", order=55, key="e",
)  # fmt: skip
def exceptions(state: str = "", severity: str = "", id: str = "") -> Component:  # noqa: A002
    """The address holds the filter and the exception that is open: ``/exceptions?id=A-7``."""
    someone = viewer()
    meta: dict[str, object] = {
        "me": someone.person_id,
        "state": state if state in STATES else "unresolved",
        "severity": severity if severity in SEVERITIES else "",
        "id": id,
        "acknowledge": someone.may("alert.acknowledge"),
        "assign": someone.may("alert.assign"),
        "note": someone.may("alert.note"),
        "resolve": someone.may("alert.resolve"),
        "tick": someone.may("playbook.tick"),
        "people": _who_may_close(),
        "causes": [[cause.value, cause.value.replace("_", " ")] for cause in AlertCause],
    }
    keys = [
        html.Span("j k choose, a acknowledge, t take, n note, r close", className="dim"),
        html.A("Alert rules", href="/alert-rules", className="button",
               title="the thresholds behind these, who set them, and how to change one"),
    ]  # fmt: skip
    return html.Div(
        [
            surface("exceptions-attendance", "desk", class_name="tiles attendance"),
            *(surface("exceptions-beside", topic, class_name="unseen")
              for topic in ("playbook", "quotes", "venues")),
            html.Div(
                [
                    live.panel(
                        "Exceptions",
                        [
                            surface("exceptions-tabs", "alerts", data=meta, class_name="row"),
                            surface("exceptions-list", "alerts", data=meta,
                                    class_name="table-host"),
                        ],
                        topic="alerts", grow=True, id="exceptions", tools=keys,
                    ),
                    live.panel(
                        "The chosen one",
                        surface("exceptions-one", "alerts", data=meta, class_name="exception"),
                        topic="alerts", grow=True, id="exception",
                    ),
                ],
                className="columns exceptions-page",
            ),
        ],
        className="stack exceptions",
    )  # fmt: skip


def _who_may_close() -> list[list[str]]:
    """Person and words of everybody an exception can be given to."""
    directory = context.mounted("directory")
    if directory is None:
        return []
    return [
        [row.person_id, f"{row.login} ({', '.join(row.roles)})"]
        for row in directory.persons.values()
        if row.active and may(roles_of(row), "alert.resolve")
    ]
