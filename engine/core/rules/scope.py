"""Scope algebra: what a kill covers."""

from engine.core.state import State
from engine.domain.errors import Refused
from engine.domain.governance import KILL_SCOPES, Kill
from engine.domain.orders import Child, Parent
from engine.domain.units import ChildId, ParentId, PersonId, Symbol

DIGITS = 15  # of an id at most; more is no id, and a number of thousands of digits costs a turn


def number_of(target: str, prefix: str) -> int:
    """``P-42`` or ``42`` -> 42."""
    text = target.removeprefix(prefix)
    if not _is_number(text):
        raise Refused(f"target must be like {prefix}42, was {target!r}", field="target")
    return int(text)


def _is_number(text: str) -> bool:
    """Plain digits only: other scripts have digits too, and some of them are no numbers."""
    return text.isascii() and text.isdigit() and len(text) <= DIGITS


def child_number(target: str) -> ChildId:
    """``C-<epoch>-<counter>`` or the plain number."""
    parts = target.removeprefix("C-").split("-")
    if not all(_is_number(part) for part in parts) or len(parts) not in (1, 2):
        raise Refused(f"target must be like C-3-17, was {target!r}", field="target")
    if len(parts) == 1:
        return ChildId(int(parts[0]))
    return ChildId((int(parts[0]) << 24) | int(parts[1]))


def check_scope(scope: str, target: str) -> None:
    """Refuse a scope the desk does not know, or one without its target."""
    if scope not in KILL_SCOPES:
        raise Refused(
            f"scope must be one of {', '.join(KILL_SCOPES)}, was {scope!r}", field="scope"
        )
    if scope != "all" and not target:
        raise Refused(f"scope {scope} needs a target", field="target")


def covers_parent(scope: str, target: str, parent: Parent) -> bool:
    """Whether the parent itself is in the scope (a child scope covers no parent)."""
    match scope:
        case "all":
            return True
        case "parent":
            return parent.id == number_of(target, "P-")
        case "trader":
            return parent.trader == target
        case "symbol":
            return parent.symbol == target
        case "strategy":
            return parent.strategy == target
        case _:
            return False


def covered(state: State, scope: str, target: str) -> tuple[tuple[Parent, ...], tuple[Child, ...]]:
    """Live parents and live children in the scope, in the order of entry."""
    if scope == "child":
        child = state.children.get(child_number(target))
        return (), () if child is None else (child,)
    parents = tuple(
        parent
        for parent in state.parents.values()
        if parent.is_live and covers_parent(scope, target, parent)
    )
    children = tuple(
        child
        for child in state.children.values()
        if covers_parent(scope, target, state.parents[child.parent_id])
    )
    return parents, children


def blocking_kill(
    state: State,
    *,
    symbol: Symbol,
    trader: PersonId,
    strategy: str,
    parent_id: ParentId | None = None,
) -> Kill | None:
    """The active kill that forbids a new order with these tags, if any."""
    for kill in state.active_kills():
        match kill.scope:
            case "all":
                return kill
            case "symbol" if kill.target == symbol:
                return kill
            case "trader" if kill.target == trader:
                return kill
            case "strategy" if kill.target == strategy:
                return kill
            case "parent" if parent_id is not None and f"P-{parent_id}" == kill.target:
                return kill
            case _:
                pass
    return None
