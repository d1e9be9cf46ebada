"""Live blotter: every parent of the desk, what it does, and the acts on it."""

from dash.development.base_component import Component

from components import blotter
from components.callback import page
from engine.gateway.viewer import viewer


@page("/", title="Live blotter", permission="view.desk", nav="Blotter", group="trade", order=10,
      key="l")  # fmt: skip
def layout(tab: str = "active", q: str = "", mine: str = "", sel: str = "") -> Component:
    """The address holds the view: tab, filter words, own orders only, selected order."""
    return blotter.page(tab, {"q": q, "mine": mine == "1", "sel": sel, "me": viewer().person_id})
