"""Ticket: enter a parent order."""

import re
from typing import Final

from dash.development.base_component import Component

from components import ticket
from components.callback import page

MOST_CLIENT: Final = 80  # characters, as the read tables keep them


@page("/ticket", title="Ticket", permission="order.submit", nav="Ticket", group="trade", order=20,
      key="t")  # fmt: skip
def layout(
    symbol: str = "",
    side: str = "",
    quantity: str = "",
    strategy: str = "",
    client: str = "",
    reenters: str = "",
) -> Component:
    """The address may fill symbol, side (1 or -1), quantity, strategy, client; and name the order
    that has ended whose remainder this is.
    """
    start = {"symbol": symbol, "strategy": strategy, "client": client[:MOST_CLIENT]}
    if re.fullmatch(r"P-\d{1,18}", reenters):
        start["reenters"] = reenters
    if side in ("1", "-1"):
        start["side"] = side
    if quantity.isdigit():
        start["quantity"] = quantity
    return ticket.page(start)
