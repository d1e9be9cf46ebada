"""What happened to children: our intentions, then what the venue reported.

Every report of the venue is one event with its ``exec_id``; ``engine.domain.life`` says what it
does. ``request`` is the number of a cancel or replace among those of the child, 0 = the order.
"""

from engine.domain.event import Event
from engine.domain.units import ChildId, Nanos, ParentId, Shares, Symbol, Ticks


class ChildIntended(Event, frozen=True, kw_only=True):
    """Written before the wire. ``digest`` is the SHA-256 of the decision record beside it."""

    child_id: ChildId
    parent_id: ParentId
    symbol: Symbol
    side: int
    type: int
    price: Ticks
    quantity: Shares
    ttl_ns: Nanos
    why: int
    binding: int
    parameter_version: int
    model_id: str = ""
    model_state: int = 0
    digest: str = ""
    venue: int = 0  # place in the venues of the day
    display: Shares = Shares(0)
    minimum: Shares = Shares(0)
    rollout: int = 0  # the request of the canary that decided it, 0 = the version in force


class ChildSendRefused(Event, frozen=True, kw_only=True):
    """Our own gate stopped it."""

    child_id: ChildId
    rule: str
    sentence: str


class CancelIntended(Event, frozen=True, kw_only=True):
    """We ask for a cancel; it may be repeated."""

    child_id: ChildId
    by: str  # plan, hold, amend, kill:<id>, restart


class ChildAccepted(Event, frozen=True, kw_only=True):
    """The venue has it."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos


class ChildFilled(Event, frozen=True, kw_only=True):
    """One fill at price + sub / 100 ticks; ``bid``/``ask`` are the touch just before it."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    price: Ticks
    quantity: Shares
    liquidity: int
    bid: Ticks
    ask: Ticks
    venue: int = 0
    sub: int = 0  # 0 <= sub < 100
    fee: float = 0.0  # by venue and liquidity, negative = rebate [currency]


class ChildCancelled(Event, frozen=True, kw_only=True):
    """It has ended; late fills still count."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    reason: int
    cum: Shares = Shares(0)  # shares that the venue counts as filled


class ChildRejected(Event, frozen=True, kw_only=True):
    """The venue did not take it."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    reason: int


class CancelRejected(Event, frozen=True, kw_only=True):
    """A cancel is refused. ``request`` is its number, 0 = the venue does not say: the oldest."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    reason: int
    request: int = 0


class ChildExpired(Event, frozen=True, kw_only=True):
    """The session ended."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    cum: Shares = Shares(0)  # shares that the venue counts as filled


class ChildReplaceIntended(Event, frozen=True, kw_only=True):
    """New terms are asked for; until the venue accepts, the child works on the old ones."""

    child_id: ChildId
    request: int  # its number among the requests of the child
    quantity: Shares
    price: Ticks
    by: str  # amend, ...


class ChildPending(Event, frozen=True, kw_only=True):
    """The venue has a request of ours and has not decided."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    kind: int  # PENDING_CANCEL, PENDING_REPLACE
    request: int = 0


class ChildReplaced(Event, frozen=True, kw_only=True):
    """The terms are these from now on. ``reason`` says when its place in the queue is lost."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    request: int
    quantity: Shares
    price: Ticks
    reason: int = 0


class ReplaceRejected(Event, frozen=True, kw_only=True):
    """The old terms hold."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    request: int
    reason: int


class ReplaceNeverArrived(Event, frozen=True, kw_only=True):
    """The venue, asked after reconnecting, does not know the request; the old terms hold."""

    child_id: ChildId
    request: int


class ChildRestated(Event, frozen=True, kw_only=True):
    """The venue itself changed the order."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    quantity: Shares
    price: Ticks
    reason: int = 0


class ChildDoneForDay(Event, frozen=True, kw_only=True):
    """Today it trades no more; ``leaves`` work again tomorrow (GTC), 0 = it is over."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    leaves: Shares = Shares(0)
    cum: Shares = Shares(0)  # shares that the venue counts as filled


class ChildStopped(Event, frozen=True, kw_only=True):
    """The venue guarantees a price."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos


class ChildStatusTold(Event, frozen=True, kw_only=True):
    """An answer to a question: the venue knows the order. Fills come by their own reports.

    With the reason "unknown order" it says the opposite, which is no proof: it may be on its way.
    """

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    reason: int = 0


class FillBusted(Event, frozen=True, kw_only=True):
    """A fill never was. ``ref`` is its exec_id, or that of its last correction."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    ref: int


class FillCorrected(Event, frozen=True, kw_only=True):
    """A fill was really this one."""

    child_id: ChildId
    exec_id: int
    venue_at: Nanos
    ref: int
    price: Ticks
    quantity: Shares
    sub: int = 0
    liquidity: int = 0
    venue: int = 0
    fee: float = 0.0  # of the fill as it is now [currency]


class ChildUnknown(Event, frozen=True, kw_only=True):
    """No evidence where it is; reserved, asked for, never resent."""

    child_id: ChildId


class ChildNeverArrived(Event, frozen=True, kw_only=True):
    """The venue, asked after reconnecting, does not know it and nothing is on the way."""

    child_id: ChildId


class StrayReport(Event, frozen=True, kw_only=True):
    """A report for an order we do not know: parked, alarmed, never dropped."""

    child_id: ChildId
    exec_id: int
    kind: int
    quantity: Shares
    price: Ticks
    venue: int = 0
    sub: int = 0
    venue_at: Nanos = Nanos(0)
    leaves: Shares = Shares(0)
    liquidity: int = 0
    request: int = 0
    ref: int = 0
    reason: int = 0
    cum: Shares = Shares(0)


class ChildAdopted(Event, frozen=True, kw_only=True):
    """The venue works an order of this desk that the journal lacks: from here on it is a child.

    Tied to its parent by the tags that the venue kept; its parked reports count from now on.
    """

    child_id: ChildId
    parent_id: ParentId
    symbol: Symbol
    side: int
    type: int
    price: Ticks
    quantity: Shares
    venue: int = 0
