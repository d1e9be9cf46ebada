"""Dash HTML components as an HTML string, for the frame that must stand before scripts run."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from dash.development.base_component import Component

from engine.domain.errors import BrokenInvariant

VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "source", "wbr"})
RENAMED: Final = {"className": "class", "htmlFor": "for"}


class _Input:
    """A native input element; Dash has none. Only for the frame, never sent to the renderer."""

    def __init__(self, **attributes: object) -> None:
        self.attributes = attributes


def native_input(**attributes: object) -> Any:
    """An ``<input>`` for the frame; names as in HTML, a dashed one by ``attrs``."""
    return _Input(**attributes)


def attrs(values: Mapping[str, object]) -> dict[str, Any]:
    """``data-*`` and ``aria-*`` attributes for a component: ``html.Div(**attrs({...}))``."""
    return {name: value for name, value in values.items() if value is not None}


def to_html(node: object) -> str:
    """HTML of a component, a text, a number or a list of them; texts are escaped."""
    if node is None or node is False:
        return ""
    if isinstance(node, _Input):
        return "<" + " ".join(["input", *_attributes(node.attributes)]) + ">"
    if isinstance(node, Component):
        return _element(node)
    if isinstance(node, list | tuple):
        return "".join(map(to_html, node))
    return escape(str(node), quote=False)


def _element(component: Component) -> str:
    tag = component._type.lower()
    properties: dict[str, object] = component.to_plotly_json()["props"]
    children = properties.pop("children", None)
    opening = "<" + " ".join([tag, *_attributes(properties)]) + ">"
    return opening if tag in VOID else f"{opening}{to_html(children)}</{tag}>"


def _attributes(properties: dict[str, object]) -> Iterable[str]:
    for name, value in properties.items():
        if name == "style":
            raise BrokenInvariant("the frame is styled by classes, not by style attributes")
        written = RENAMED.get(name, name if "-" in name else name.lower())
        if value is True:
            yield written
        elif value is not None and value is not False:
            yield f'{written}="{escape(str(value))}"'
