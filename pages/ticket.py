"""Ticket: enter a parent order."""

from dash.development.base_component import Component

from components import ticket
from components.callback import page


@page("/ticket", title="Ticket", permission="order.submit", nav="Ticket", group="trade", order=20,
      key="t")  # fmt: skip
def layout(symbol: str = "", side: str = "", quantity: str = "", strategy: str = "") -> Component:
    """The address may fill symbol, side (1 or -1), quantity and strategy."""
    start = {"symbol": symbol, "strategy": strategy}
    if side in ("1", "-1"):
        start["side"] = side
    if quantity.isdigit():
        start["quantity"] = quantity
    return ticket.page(start)
