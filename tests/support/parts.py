"""A layout taken apart: its components, and the words that stand in it."""

from collections.abc import Iterator
from typing import Any

from dash.development.base_component import Component

from components.still import ATTRIBUTE, read


def every(node: Any) -> Iterator[Component]:
    """Every component of a layout, itself included."""
    if isinstance(node, list | tuple):
        for child in node:
            yield from every(child)
    elif isinstance(node, Component):
        yield node
        yield from every(
            read(node) if hasattr(node, ATTRIBUTE) else getattr(node, "children", None)
        )


def words(node: Any) -> str:
    """What a person would read, without titles and attributes."""
    if isinstance(node, list | tuple):
        return " ".join(words(child) for child in node)
    if isinstance(node, Component):
        return words(getattr(node, "children", None))
    return "" if node is None else str(node)
