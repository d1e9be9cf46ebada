"""A box that a renderer of ``assets/`` draws from live rows: cards, receipts, diffs."""

import json
from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component

from components import text


def surface(
    renderer: str,
    topic: str,
    children: Any = None,
    *,
    where: str = "",
    data: Mapping[str, object] | None = None,
    class_name: str = "",
) -> Component:
    """A box drawn by ``QD.renderer(name, function)``, which gets the rows of the topic.

    where : as for ``live.table``.
    data  : what the renderer must know beside the rows, read there from ``data-meta`` (JSON).
    """
    attributes: dict[str, Any] = {"data-live-render": renderer, "data-render-topic": topic}
    if where:
        attributes["data-where"] = where
    if data is not None:
        attributes["data-meta"] = json.dumps(data)
    return html.Div(children, className=f"surface {class_name}".strip(), **attributes)


def instant(at_ns: int, *, ms: bool = False, clock: bool = False) -> Component:
    """An instant written by the server; the browser shows it in the zone of the header.

    clock : never with its date, which stands elsewhere.
    """
    data: dict[str, Any] = {"data-at": str(at_ns)}
    if ms:
        data["data-ms"] = "1"
    if clock:
        data["data-clock"] = "1"
    return html.Time(text.when(at_ns), className="num", **data)
