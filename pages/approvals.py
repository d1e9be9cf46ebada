"""Approvals: what waits for a second person, with the exact content that a decision is about."""

from typing import Final

from dash import html
from dash.development.base_component import Component

from components import live
from components.callback import page
from components.surface import surface
from engine.domain.strategy import STRATEGIES
from engine.gateway.viewer import viewer
from pages.strategies import parameter_table

DECIDED: Final = "state=APPROVED|REFUSED|WITHDRAWN|EXPIRED"


@page(
    "/approvals", title="Approvals", permission="view.approvals", nav="Approvals",
    group="change", order=41, key="a",
)  # fmt: skip
def approvals() -> Component:
    """Open change requests, parents above somebody's size limit, and what was decided."""
    someone = viewer()
    meta: dict[str, object] = {
        "me": someone.person_id,
        "decide": someone.may("change.decide"),
        "propose": someone.may("change.propose"),
        "comment": someone.may("change.comment"),
        "approve": someone.may("order.approve"),
        "strategies": parameter_table(STRATEGIES),
    }
    inbox = surface("approvals-inbox", "changes", data=meta, class_name="cards")
    parents = surface(
        "approvals-parents", "parents", data=meta, where="state=NEEDS_APPROVAL", class_name="cards"
    )
    reach = surface("approvals-reach", "parents", data=meta)  # how far an approval would reach
    # sizes against ADV and the model in force are read from these
    beside = [surface("approvals-beside", topic) for topic in ("quotes", "strategies")]
    decided = surface("approvals-decided", "changes", data=meta, where=DECIDED,
                      class_name="table-host")  # fmt: skip
    elsewhere = surface("limits-waiting", "limit_changes", class_name="dim")
    also = surface("limits-also", "overrides", class_name="engine-room")
    limits = html.A([elsewhere, also], href="/limits?view=requests", className="button",
                    title="limit changes and overrides are decided on the Limits page")  # fmt: skip
    return html.Div(
        [
            html.Div(
                [
                    live.panel(
                        "Change requests that wait",
                        inbox,
                        topic="changes",
                        about="approvals-changes",
                        grow=True,
                        tools=["Limits: ", limits],
                    ),
                    live.panel(
                        "Orders that wait",
                        [parents, reach, *beside],
                        topic="parents",
                        grow=True,
                        about="approvals-orders",
                    ),
                ],
                className="columns approvals-page",
            ),
            live.panel("Decided", decided, topic="changes", id="decided"),
        ],
        className="stack approvals",
    )
