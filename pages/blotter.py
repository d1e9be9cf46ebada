"""Live blotter: every parent of the desk, what it does, and the acts on it."""

from dash.development.base_component import Component

from components import blotter
from components.callback import page
from engine.gateway.viewer import viewer


@page("/", title="Live blotter", permission="view.desk", nav="Blotter", group="trade", order=10,
      key="l")  # fmt: skip
def layout(  # noqa: PLR0913 (each is one field of the address)
    tab: str = "",
    q: str = "",
    mine: str = "",
    sel: str = "",
    cols: str = "",
    sort: str = "",
    kids: str = "",
    view: str = "",
) -> Component:
    """The address holds the view: tab, filter, own only, selected, columns, order, children.

    view : a saved view; alone in the address it is shown as it was saved.
    """
    meta = {
        "q": q,
        "mine": mine == "1",
        "sel": sel,
        "cols": cols,
        "sort": sort,
        "kids": kids == "1",
        "view": view,
        "bare": not (tab or q or mine or cols or sort or kids),
        "me": viewer().person_id,
    }
    return blotter.page(tab, meta)  # fmt: skip
