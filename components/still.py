"""A tree that never changes, sent as one component: hundreds of cells are drawn at once.

Dash makes a live component of every element, which takes seconds from a thousand on. Here the tree
travels as JSON in one attribute and ``assets/base_still.js`` builds it; marks, inputs and buttons
in it work as everywhere, because they are found by their attributes.
"""

import json
from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from components.markup import attrs

ATTRIBUTE: Final = "data-still"


def still(children: Any, **properties: Any) -> Component:
    """A ``Div`` whose children are fixed; no callback may name an id inside."""
    return html.Div(**properties, **attrs({ATTRIBUTE: json.dumps(_packed(children))}))


def _packed(node: Any) -> list[Any]:
    """Children as JSON: a text, or tag, properties and children."""
    if node is None or node is False:
        return []
    if isinstance(node, list | tuple):
        return [part for child in node for part in _packed(child)]
    if not isinstance(node, Component):
        return [str(node)]
    properties: dict[str, Any] = dict(node.to_plotly_json()["props"])
    inner = properties.pop("children", None)
    kept = {n: v for n, v in properties.items() if v is not None and v is not False}
    return [[node._type, kept, _packed(inner)]]


def read(component: Component) -> list[Any]:
    """The children again, as components and texts: for tests."""
    return [_built(part) for part in json.loads(getattr(component, ATTRIBUTE))]


def _built(part: Any) -> Any:
    if isinstance(part, str):
        return part
    tag, properties, inner = part
    return getattr(html, tag)([_built(child) for child in inner], **properties)
