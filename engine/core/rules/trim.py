"""Live children brought inside the terms of their parent: replaced down, else taken back.

An amendment counts at once, the venue takes its time. Until it has answered the parent keeps the
shares that a child may still trade (``Parent.wanted`` is where it goes), so filled plus reserved
never exceeds its quantity; what trades meanwhile stays traded.
"""

from typing import Final

from engine.core.rules.orders import needs_cancel
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import AnyEvent
from engine.domain.kinds import LIMIT, POST_ONLY
from engine.domain.life import CHANGE
from engine.domain.orders import Child, Parent
from engine.domain.report_kinds import REPLACE_REJECTED
from engine.domain.units import Shares, Ticks

REPLACEABLE: Final = (LIMIT, POST_ONLY)


def interim(state: State, parent: Parent, wanted: int) -> Shares:
    """The least quantity that covers what is filled and what children may still trade."""
    return Shares(max(wanted, parent.filled + state.reserved(parent.id)))


def trims(state: State, parent: Parent, wanted: int, limit: Ticks | None) -> tuple[AnyEvent, ...]:
    """Requests for children that are too many or beyond the limit; the newest give way first."""
    children = state.live_children(parent.id)
    excess = parent.filled + sum(_expected(child) for child in children) - wanted
    out: list[AnyEvent] = []
    for child in reversed(children):
        if not needs_cancel(child) or child.replace_asked_at:
            continue
        beyond = limit is not None and child.side * (child.price - limit) > 0
        cut = min(max(excess, 0), child.leaves)
        if not cut and not beyond:
            continue
        excess -= cut
        out.append(_request(child, cut, limit if beyond else None))
    return tuple(out)


def _expected(child: Child) -> int:
    """Shares that it may still trade once its requests are answered as we wish. [share]"""
    if child.cancel_asked_at:
        return 0
    asked = [row.quantity for row in child.life.requests if row.kind == CHANGE]
    return max(asked[-1] - child.filled, 0) if child.replace_asked_at else child.leaves


def _request(child: Child, cut: int, price: Ticks | None) -> AnyEvent:
    """A replace; a cancel where nothing would be left, or the venue takes no replace."""
    refused = any(row.kind == REPLACE_REJECTED for row in child.life.reports)
    if cut >= child.leaves or child.type not in REPLACEABLE or refused:
        return e.CancelIntended(child_id=child.id, by="amend")
    return e.ChildReplaceIntended(
        child_id=child.id,
        request=len(child.life.requests) + 1,
        quantity=Shares(child.quantity - cut),
        price=child.price if price is None else price,
        by="amend",
    )


def is_unanswered(state: State, parent: Parent) -> bool:
    """Whether the venue still owes an answer about one of its children."""
    return any(
        child.replace_asked_at or child.cancel_asked_at for child in state.live_children(parent.id)
    )


def follow(state: State, parent: Parent) -> tuple[AnyEvent, ...]:
    """One step of an amendment that waits for the venue: less quantity, or more requests."""
    if not parent.wanted:
        return ()
    floor = interim(state, parent, parent.wanted)
    asked = trims(state, parent, parent.wanted, parent.limit_price)
    is_settled = not asked and not is_unanswered(state, parent)
    if floor < parent.quantity or is_settled:
        left = Shares(0) if is_settled else parent.wanted
        trimmed = e.ParentTrimmed(parent_id=parent.id, quantity=floor, wanted=left)
        return (trimmed, *asked)
    return asked
