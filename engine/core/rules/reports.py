"""Venue reports: facts from outside become events, each exactly once, in any order."""

import numpy as np

from engine.core import words
from engine.core.rules.desk import raise_alert
from engine.core.rules.hold import system_hold
from engine.core.state import State
from engine.domain import events as e
from engine.domain import kinds
from engine.domain.events import AnyEvent
from engine.domain.orders import Child, ParentState
from engine.domain.units import ChildId, Nanos, Shares, Ticks, child_text


def book_report(state: State, row: np.void) -> tuple[AnyEvent, ...]:
    """One REPORT row -> events. A repeated ExecID changes nothing; an unknown order is alarmed."""
    child_id = ChildId(int(row["child"]))
    exec_id = int(row["exec_id"])
    child = state.child(child_id)
    if child is None:
        stray = e.StrayReport(
            child_id=child_id,
            exec_id=exec_id,
            kind=int(row["kind"]),
            quantity=Shares(int(row["quantity"])),
            price=Ticks(int(row["price"])),
            venue=int(row["venue"]),
            sub=int(row["sub"]),
        )
        sentence = f"the venue reports {child_text(child_id)}, which this desk never sent"
        return (stray, raise_alert(state, "critical", "stray", child_text(child_id), sentence))
    if exec_id in child.execs:
        return ()
    return _known(state, child, row, exec_id)


def _known(state: State, child: Child, row: np.void, exec_id: int) -> tuple[AnyEvent, ...]:
    at = Nanos(int(row["venue_ns"]))
    reason = int(row["reason"])
    match int(row["kind"]):
        case kinds.ACCEPTED:
            return (e.ChildAccepted(child_id=child.id, exec_id=exec_id, venue_at=at),)
        case kinds.FILLED:
            return _fill(state, child, row, exec_id)
        case kinds.CANCELLED:
            return (
                e.ChildCancelled(child_id=child.id, exec_id=exec_id, venue_at=at, reason=reason),
            )
        case kinds.REJECTED:
            rejected = e.ChildRejected(
                child_id=child.id, exec_id=exec_id, venue_at=at, reason=reason
            )
            where = state.venue_name(child.venue) or "the venue"
            why = words.REASON.get(reason, f"reason {reason}")
            sentence = f"{where} rejected {child_text(child.id)}: {why}"
            return (rejected, raise_alert(state, "warn", "reject", child.symbol, sentence))
        case kinds.CANCEL_REJECTED:
            return (
                e.CancelRejected(child_id=child.id, exec_id=exec_id, venue_at=at, reason=reason),
            )
        case kinds.EXPIRED:
            return (e.ChildExpired(child_id=child.id, exec_id=exec_id, venue_at=at),)
        case _:
            pass
    sentence = f"the venue sent a report of unknown kind {int(row['kind'])}"
    return (raise_alert(state, "critical", "report", child_text(child.id), sentence),)


def fee_of(state: State, place: int, liquidity: int, quantity: int) -> float:
    """What the venue charges for a fill, negative = a rebate. [currency]"""
    if not 0 <= place < len(state.venues):
        return 0.0
    venue = state.venues[place]
    return quantity * (venue.make_fee if liquidity == kinds.PASSIVE else venue.take_fee)


def _fill(state: State, child: Child, row: np.void, exec_id: int) -> tuple[AnyEvent, ...]:
    quantity = Shares(int(row["quantity"]))
    place, liquidity = int(row["venue"]), int(row["liquidity"])
    filled = e.ChildFilled(
        child_id=child.id,
        exec_id=exec_id,
        venue_at=Nanos(int(row["venue_ns"])),
        price=Ticks(int(row["price"])),
        quantity=quantity,
        liquidity=liquidity,
        bid=Ticks(int(row["bid"])),
        ask=Ticks(int(row["ask"])),
        venue=place,
        sub=int(row["sub"]),
        fee=fee_of(state, place, liquidity, quantity),
    )
    parent = state.parents[child.parent_id]
    out: list[AnyEvent] = [filled]
    if child.filled + quantity > child.quantity or parent.filled + quantity > parent.quantity:
        sentence = (
            f"P-{parent.id} is over-filled: {parent.filled + quantity:,} of {parent.quantity:,}"
        )
        out.append(raise_alert(state, "critical", "overfill", f"P-{parent.id}", sentence))
        if parent.state == ParentState.WORKING:
            out += system_hold(state, parent, "over-fill")
    elif not child.is_live:
        sentence = f"late fill of {quantity:,} on {child_text(child.id)}, which was {child.state}"
        out.append(raise_alert(state, "warn", "late_fill", f"P-{parent.id}", sentence))
    return tuple(out)
