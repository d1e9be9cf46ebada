"""Tables of stored rows that ``assets/review.js`` draws at once: hundreds of rows stay quick.

Dash makes a component of every cell, which takes seconds from a thousand cells on; here a table is
one component whose cells travel as JSON.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dash import html
from dash.development.base_component import Component

from components.markup import attrs


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell. ``at`` is an instant [ns], shown in the zone of the header instead of the text."""

    text: str = ""
    tone: str = ""  # classes: num, cost, gain, dim, wrap, ...
    href: str = ""
    title: str = ""
    small: str = ""  # a second line
    badge: str = ""  # classes of a badge around the text
    at: int = 0
    ms: bool = False
    clock: bool = False  # the instant without its date
    head: bool = False  # names the row
    current: bool = False  # the link is where we are

    def packed(self) -> dict[str, Any]:
        """What differs from an empty cell, for JSON."""
        return {
            name: str(value) if name == "at" else value  # a browser's numbers end at 2**53
            for name in self.__slots__
            if (value := getattr(self, name))
        }


def number(text: str, *, title: str = "") -> Cell:
    """A right-aligned cell."""
    return Cell(text=text, tone="num", title=title)


def instant(at_ns: int, *, ms: bool = False, clock: bool = False) -> Cell:
    """An instant."""
    return Cell(text="-", tone="num left", at=at_ns, ms=ms, clock=clock)


def table(
    titles: Sequence[tuple[str, str]],
    rows: Iterable[Sequence[Cell | str]],
    *,
    empty: str = "none",
    id: str = "",  # noqa: A002 (Dash's word)
) -> Component:
    """A table; titles with the class of their column; a text is a plain cell."""
    body = [
        [cell.packed() if isinstance(cell, Cell) else {"text": cell} for cell in row]
        for row in rows
    ]
    document = {"titles": [list(title) for title in titles], "rows": body, "empty": empty}
    more: dict[str, Any] = {"id": id} if id else {}
    return html.Div(
        className="table-host", tabIndex="0", **attrs({"data-rows": json.dumps(document)}), **more
    )


def read(component: Component) -> dict[str, Any]:
    """What a table holds: for tests and exports."""
    document: dict[str, Any] = json.loads(getattr(component, "data-rows"))
    return document
