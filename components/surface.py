"""A box that a renderer of ``assets/`` draws from live rows: cards with buttons, receipts, diffs."""

import json
from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component


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
