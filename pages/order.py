"""Order: one parent, live or of a past day."""

import re

from dash.development.base_component import Component

from components import order
from components.callback import page
from engine.domain.errors import Refused


@page("/orders/<parent_id>", title="Order", permission="view.desk", under="/")
def layout(parent_id: str, tab: str = "decisions") -> Component:
    """``tab`` chooses the log: decisions, people, kills."""
    if not re.fullmatch(r"P-\d{1,18}", parent_id):
        raise Refused(f"an order is named like P-42, was {parent_id!r}")
    return order.page(parent_id, tab)
