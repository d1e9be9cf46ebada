"""Amendment of a parent: quantity, limit, end, venues."""

from msgspec import structs

from engine.core.quotes import Quotes
from engine.core.rules import limits, reentry
from engine.core.rules.approval import check_loosened
from engine.core.rules.orders import (
    LIVE,
    check_limit,
    check_size,
    check_venues,
    check_version,
    find,
    needs_cancel,
    open_instrument,
)
from engine.core.rules.trim import interim, is_unanswered, trims
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.events import AnyEvent
from engine.domain.instrument import Instrument
from engine.domain.orders import Parent
from engine.domain.people import Person
from engine.domain.units import Shares


def amend(state: State, quotes: Quotes, envelope: Envelope, person: Person) -> tuple[AnyEvent, ...]:
    """Amend in place; live children that exceed the new terms are replaced or taken back."""
    wanted = envelope.command
    assert isinstance(wanted, c.AmendParent)
    parent = find(state, wanted.parent_id)
    if parent.state not in LIVE:
        raise Refused(f"P-{parent.id} is {parent.state} and can no longer be amended")
    check_version(parent, envelope.expected_version)
    routed = amend_venues(state, parent, wanted, person)
    if routed and not changes_terms(wanted):
        return routed  # less risk: it needs no quote and the schedule goes on
    instrument = open_instrument(state, parent.symbol)
    quantity = parent.quantity if wanted.quantity is None else wanted.quantity
    if quantity < parent.filled:
        raise Refused(
            f"quantity must be at least the {parent.filled:,} filled, was {quantity:,}",
            field="quantity",
        )
    reentry.check_grown(state, parent, quantity)
    mid = quotes.mid(parent.symbol)
    if mid is None:
        raise Refused(f"{parent.symbol} has no two-sided quote now", rule="quote")
    check_grown(state, instrument, structs.replace(parent, quantity=quantity), mid)
    if quantity > parent.quantity and quantity * mid * instrument.tick_size > person.max_notional:
        raise Refused(
            f"value after the amendment must be at most {person.max_notional:,.0f} (your personal "
            f"size limit), was {quantity * mid * instrument.tick_size:,.0f}: enter the rest as a "
            "new parent for approval",
            field="quantity",
            rule="max_notional",
        )
    limit = parent.limit_price if wanted.limit_price is None else wanted.limit_price
    if wanted.clear_limit:
        limit = None
    check_limit(parent.side, limit, mid)
    check_loosened(parent, limit, quantity * mid * instrument.tick_size, person)
    end_at = parent.end_at if wanted.end_at is None else wanted.end_at
    assert state.session is not None
    if not state.market_ns < end_at <= state.session.close_at:
        raise Refused("end must be after now and not after the close", field="end_at")
    volume, _ = quotes.totals(parent.symbol)
    requests = trims(state, parent, quantity, limit)
    waits = requests or is_unanswered(state, parent)
    amended = e.ParentAmended(
        parent_id=parent.id,
        quantity=interim(state, parent, quantity),
        wanted=Shares(quantity) if waits else Shares(0),
        limit_price=limit,
        end_at=end_at,
        base_volume=Shares(volume - parent.arrival_volume),
        by=person.id,
    )
    there = routed[:1] if routed else ()
    return (amended, *there, *requests)


def check_grown(state: State, instrument: Instrument, grown: Parent, mid: float) -> None:
    """More passes no soft limit either: an override is for an order as it was entered."""
    if 1 <= grown.quantity <= state.parents[grown.id].quantity:
        return  # less is never more risk
    _uses, soft = check_size(state, instrument, grown, mid, new=False)
    if soft:
        raise Refused(
            f"{limits.soft_sentence(soft[0], instrument.currency)}: enter the rest as a new order "
            "and ask for an override",
            field="quantity",
            rule=limits.SOFT + soft[0].rule,
        )


def changes_terms(wanted: c.AmendParent) -> bool:
    """Whether more than the venues is amended."""
    return wanted.clear_limit or any(
        value is not None for value in (wanted.quantity, wanted.limit_price, wanted.end_at)
    )


def amend_venues(
    state: State, parent: Parent, wanted: c.AmendParent, person: Person
) -> tuple[AnyEvent, ...]:
    """Leave venues or use them again, at once; children there are taken back."""
    if not wanted.exclude and not wanted.include:
        return ()
    check_venues(state, wanted.include)
    excluded = tuple(sorted((set(parent.excluded) | set(wanted.exclude)) - set(wanted.include)))
    check_venues(state, excluded)
    left = (
        e.CancelIntended(child_id=child.id, by="amend")
        for child in state.live_children(parent.id)
        if needs_cancel(child) and state.venue_name(child.venue) in excluded
    )
    return (e.ParentVenuesSet(parent_id=parent.id, excluded=excluded, by=person.id), *left)
