"""Scope algebra: what a kill covers."""

from collections.abc import Iterable

import msgspec

from engine.core.state import State
from engine.domain.errors import Refused
from engine.domain.governance import DRILL_SCOPE, KILL_SCOPES, Kill
from engine.domain.orders import Child, Parent
from engine.domain.safety import Hold
from engine.domain.units import ChildId, ParentId, PersonId, Symbol, parent_text

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
    """Refuse a scope the desk does not know, or one without its target.

    A venue, client or model need not be known: a kill may come before what it stops.
    """
    if scope not in KILL_SCOPES:
        raise Refused(
            f"scope must be one of {', '.join(KILL_SCOPES)}, was {scope!r}", field="scope"
        )
    if scope != "all" and not target:
        raise Refused(f"scope {scope} needs a target", field="target")


def covers_parent(state: State, scope: str, target: str, parent: Parent) -> bool:
    """Whether the parent itself is in the scope (a child or venue scope covers no parent)."""
    match scope:
        case "all":
            return True
        case "parent":
            return parent.id == number_of(target, "P-")
        case "child" | "venue":
            return False
        case "model":
            return bool(target) and state.model_of(parent) == target
        case _:  # trader, symbol, strategy, desk, client
            return bool(target) and getattr(parent, scope) == target


def covers_child(state: State, scope: str, target: str, child: Child) -> bool:
    """Whether a child is taken back: its own scope, or that of its parent.

    A model covers what it decided, and all of a parent that works by it now.
    """
    match scope:
        case "child":
            return child.id == child_number(target)
        case "venue":
            return state.venue_name(child.venue) == target
        case "model" if child.model_id == target:
            return True
        case _:
            return covers_parent(state, scope, target, state.parents[child.parent_id])


def covered(state: State, scope: str, target: str) -> tuple[tuple[Parent, ...], tuple[Child, ...]]:
    """Live parents and live children in the scope, in the order of entry."""
    parents = tuple(
        parent
        for parent in state.parents.values()
        if parent.is_live and covers_parent(state, scope, target, parent)
    )
    children = tuple(
        child for child in state.children.values() if covers_child(state, scope, target, child)
    )
    return parents, children


class Tags(msgspec.Struct, frozen=True, kw_only=True):
    """What a new order says of itself. "" or None = it does not say."""

    symbol: Symbol
    trader: PersonId
    strategy: str
    desk: str
    client: str
    model: str  # in force for the strategy
    parent_id: ParentId | None = None
    venue: str = ""
    probe: str = ""  # of the kill's self-test; no order has one


def tags_of(state: State, parent: Parent, venue: str = "") -> Tags:
    """The tags of a parent's next child."""
    return Tags(
        symbol=parent.symbol,
        trader=parent.trader,
        strategy=parent.strategy,
        desk=parent.desk,
        client=parent.client,
        model=state.model_of(parent),
        parent_id=parent.id,
        venue=venue,
    )


def _said(tags: Tags) -> dict[str, str]:
    """What the tags say for each scope."""
    return {
        "symbol": tags.symbol,
        "trader": tags.trader,
        "strategy": tags.strategy,
        "desk": tags.desk,
        "client": tags.client,
        "model": tags.model,
        "venue": tags.venue,
        "parent": "" if tags.parent_id is None else parent_text(tags.parent_id),
        DRILL_SCOPE: tags.probe,
    }


def _bars(scope: str, target: str, mine: dict[str, str]) -> bool:
    if scope == "parent" and target.isdigit():
        target = f"P-{target}"
    return scope == "all" or bool(target and mine.get(scope) == target)


def blocking_kill(state: State, tags: Tags) -> Kill | None:
    """The active kill that forbids a new order with these tags, if any."""
    active = state.active_kills()
    if not active:
        return None
    mine = _said(tags)
    return next((kill for kill in active if _bars(kill.scope, kill.target, mine)), None)


def active_kill_of(state: State, scope: str, target: str) -> Kill | None:
    """The kill in force of exactly this scope, if any."""
    found = (kill for kill in state.active_kills() if (kill.scope, kill.target) == (scope, target))
    return next(found, None)


def blocking_hold(state: State, tags: Tags) -> Hold | None:
    """The active hold by scope that a new order with these tags runs into, if any."""
    active = [row for row in state.holds.values() if row.is_active]
    if not active:
        return None
    mine = _said(tags)
    return next((row for row in active if _bars(row.scope, row.target, mine)), None)


def venue_stops(state: State) -> dict[str, str]:
    """Venues that take nothing of ours, by name: "killed" until it is released, or "held"."""
    held = (row.target for row in state.holds.values() if row.is_active and row.scope == "venue")
    killed = (kill.target for kill in state.active_kills() if kill.scope == "venue")
    return dict.fromkeys(held, "held") | dict.fromkeys(killed, "killed")


def allowed_names(state: State, excluded: Iterable[str]) -> tuple[str, ...]:
    """Venues of the day that policy, kills and the order itself leave, up or down."""
    barred = venue_stops(state).keys() | set(excluded)
    return tuple(
        venue.name
        for venue in state.venues
        if venue.name not in barred
        and (not state.policy.venues or venue.name in state.policy.venues)
    )


def allowed_places(state: State, parent: Parent) -> int:
    """Bits of the venues that the parent may use, up or down."""
    barred = venue_stops(state).keys() | parent.excluded
    if not barred and not state.policy.venues:
        return (1 << len(state.venues)) - 1
    names = allowed_names(state, parent.excluded)
    return sum(1 << place for place, venue in enumerate(state.venues) if venue.name in names)
