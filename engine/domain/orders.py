"""Parents and children: what they are and which steps their lives may take.

``PARENT_NEXT`` is the life of a parent. That of a child is ``engine.domain.life``: what it shows is
a function of the reports; ``CHILD_NEXT`` says which steps that can make. A step that a table lacks
is a ``BrokenInvariant``.
"""

from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.domain.life import (
    CANCEL,
    CHANGE,
    FINAL,
    Heard,
    Life,
    OrdStatus,
    Request,
    Standing,
    stand,
)
from engine.domain.units import ChildId, Nanos, ParentId, PersonId, Shares, Symbol, Ticks


class ParentState(StrEnum):
    """The life of a parent order (DESIGN: parent order life)."""

    NEEDS_APPROVAL = "NEEDS_APPROVAL"
    WORKING = "WORKING"
    HOLDING = "HOLDING"  # hold asked, children not yet terminal
    HELD = "HELD"
    KILLING = "KILLING"
    KILLED = "KILLED"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"  # horizon or session over with leaves
    REFUSED = "REFUSED"  # a supervisor said no


class ChildState(StrEnum):
    """What the desk shows of a child: the venue's status, and what only we know around it."""

    INTENDED = "INTENDED"  # journalled, not yet known to be at the venue
    OPEN = "OPEN"  # accepted, nothing filled
    PARTIAL = "PARTIAL"
    STOPPED = "STOPPED"  # the venue guarantees a price
    PENDING_CANCEL = "PENDING_CANCEL"  # asked for and not answered; never shown as cancelled
    PENDING_REPLACE = "PENDING_REPLACE"  # the same for new terms: it works on the old ones
    UNKNOWN = "UNKNOWN"  # no evidence of it, or of its last fills: reserves them, is asked for
    CARRIED = "CARRIED"  # done for today, works again tomorrow (GTC)
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    SEND_REFUSED = "SEND_REFUSED"  # stopped by our own gate, never left


S = ParentState
PARENT_NEXT: Final[dict[ParentState, frozenset[ParentState]]] = {
    S.NEEDS_APPROVAL: frozenset({S.WORKING, S.REFUSED, S.EXPIRED, S.KILLING, S.KILLED}),
    S.WORKING: frozenset({S.HOLDING, S.HELD, S.KILLING, S.KILLED, S.COMPLETED, S.EXPIRED}),
    S.HOLDING: frozenset({S.HELD, S.KILLING, S.KILLED, S.COMPLETED, S.EXPIRED}),
    S.HELD: frozenset({S.WORKING, S.KILLING, S.KILLED, S.COMPLETED, S.EXPIRED}),
    S.KILLING: frozenset({S.KILLED}),
    S.KILLED: frozenset(),  # late fills are booked without a change of state
    S.COMPLETED: frozenset(),
    S.EXPIRED: frozenset(),
    S.REFUSED: frozenset(),
}
PARENT_LIVE: Final = frozenset({S.NEEDS_APPROVAL, S.WORKING, S.HOLDING, S.HELD, S.KILLING})

C = ChildState
CHILD_LIVE: Final = frozenset(
    {C.INTENDED, C.OPEN, C.PARTIAL, C.STOPPED, C.PENDING_CANCEL, C.PENDING_REPLACE, C.UNKNOWN}
    | {C.CARRIED}
)
_ALL: Final = frozenset(ChildState)
_PROVEN: Final = _ALL - {C.INTENDED, C.SEND_REFUSED}  # what was once at the venue never was "never"
_GONE: Final = frozenset({C.CANCELLED, C.EXPIRED, C.REJECTED, C.UNKNOWN})
# Reports come in any order and may be taken back (busts), so most steps can happen. What can not:
# an order that was at the venue is never again "not known to be there", one that the venue has
# cancelled or expired never works again.
CHILD_NEXT: Final[dict[ChildState, frozenset[ChildState]]] = {
    C.INTENDED: _ALL,
    C.OPEN: _PROVEN,
    C.PARTIAL: _PROVEN,
    C.STOPPED: _PROVEN,
    # a request that is refused falls back to where the order was
    C.PENDING_CANCEL: _ALL,
    C.PENDING_REPLACE: _ALL,
    C.UNKNOWN: _ALL,
    C.CARRIED: _PROVEN,
    # a bust re-opens a filled order, an accepted replace makes it larger
    C.FILLED: _PROVEN,
    C.CANCELLED: _GONE,
    C.EXPIRED: _GONE,
    # what we only inferred (our gate, "the venue does not know it") yields to any evidence
    C.REJECTED: _PROVEN,
    C.SEND_REFUSED: _ALL - {C.INTENDED},
    C.DONE_FOR_DAY: _PROVEN,
}

OF_STATUS: Final[dict[OrdStatus, ChildState]] = {
    OrdStatus.PENDING_NEW: C.INTENDED,
    OrdStatus.NEW: C.OPEN,
    OrdStatus.PARTIAL: C.PARTIAL,
    OrdStatus.STOPPED: C.STOPPED,
    OrdStatus.FILLED: C.FILLED,
    OrdStatus.CANCELED: C.CANCELLED,
    OrdStatus.REJECTED: C.REJECTED,
    OrdStatus.EXPIRED: C.EXPIRED,
    OrdStatus.DONE_FOR_DAY: C.DONE_FOR_DAY,
    OrdStatus.PENDING_CANCEL: C.PENDING_CANCEL,
    OrdStatus.PENDING_REPLACE: C.PENDING_REPLACE,
}


PENDING: Final = (C.PENDING_CANCEL, C.PENDING_REPLACE)
CHANGES: Final = (CHILD_LIVE | {C.FILLED}) - frozenset(PENDING)  # a request of ours may show


def state_of(life: Life, now: Standing) -> ChildState:
    """What the desk shows: the venue's status, and around it what only we know.

    A request of ours shows from the moment it was asked as long as it can change anything.
    """
    shown = OF_STATUS[now.status]
    if now.is_over and now.leaves:
        return C.UNKNOWN  # where are the fills that the venue counts?
    if shown in PENDING and not now.leaves and now.most <= now.filled:
        return C.DONE_FOR_DAY if now.is_over else C.FILLED  # no answer can change anything
    if shown == C.REJECTED and life.is_stopped_by_us:
        return C.SEND_REFUSED
    if shown == C.DONE_FOR_DAY and not now.is_over:
        shown = C.CARRIED
    if not now.waiting:  # nearly always: nothing that was asked can change it
        return C.UNKNOWN if life.is_lost and shown in CHANGES else shown
    return _asked(life, now, shown) if shown in CHANGES else shown


def _asked(life: Life, now: Standing, shown: ChildState) -> ChildState:
    """Around the venue's status: what we have asked for, and whether we have lost it."""
    asked = {request.kind for request in now.waiting}
    if CANCEL in asked and now.leaves:
        return C.PENDING_CANCEL
    if CHANGE in asked and now.most > now.filled:
        return C.PENDING_REPLACE
    return C.UNKNOWN if life.is_lost else shown


VENUE_LOST: Final = "venue"  # cause of a hold; anything else is a start of the engine


class OnRestart(StrEnum):
    """What a parent does after an engine restart, or a lost exchange; chosen on the ticket."""

    RESUME = "resume"
    HOLD = "hold"
    PASSIVE = "passive"  # finish passively


class OnModelLoss(StrEnum):
    """What a parent does when its model version is killed, demoted or over; said on the ticket."""

    HOLD = "hold"
    BASE = "base"  # go on by the static base schedule


class CatchUp(StrEnum):
    """What happens to the quantity missed during a hold; never sent in one child."""

    SPREAD = "spread"  # replan the remainder over the time left
    SHIFT = "shift"  # move the end by the time held
    SKIP = "skip"  # the missed quantity stays unfilled


class HoldChildren(StrEnum):
    """What a hold does with live children, chosen in the act."""

    CANCEL = "cancel"
    LEAVE = "leave"


class Objective(StrEnum):
    """What the client wants most; strategies are ranked by it, the engine does not act on it."""

    UNSAID = "unsaid"  # of orders that were entered without one
    IMPACT = "impact"  # least expected cost
    VWAP = "vwap"  # stay with the market's VWAP
    ARRIVAL = "arrival"  # stay with the price at arrival
    FINISH = "finish"  # be done by the end
    URGENCY = "urgency"  # expected cost plus risk aversion times its standard deviation


class AtEnd(StrEnum):
    """What happens at the horizon with leaves."""

    CLEANUP = "cleanup"  # cross the remainder inside cap, collar and limit
    EXPIRE = "expire"


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """One order at one venue.

    ``life`` is what was heard of it; quantity, price, state and the sums below it are made from
    that by ``lived`` alone. Fills may be between ticks, so sums of money are exact in hundredths.
    """

    id: ChildId
    parent_id: ParentId
    symbol: Symbol
    side: int
    type: int  # LIMIT, IOC, PEG_MID, ...
    sent_at: Nanos  # market clock
    life: Life
    price: Ticks  # in force at the venue, as far as we know
    quantity: Shares
    left: Shares  # of quantity, not filled; at the end what was filled and we have not heard of
    state: ChildState = ChildState.INTENDED
    venue: int = 0  # place in the venues of the day
    display: Shares = Shares(0)  # ICEBERG: shares shown at a time
    minimum: Shares = Shares(0)  # dark: least shares of one execution
    ttl_ns: Nanos = Nanos(0)  # cancelled at the first decision this long after sent_at; 0 = never
    filled: Shares = Shares(0)
    passive_filled: Shares = Shares(0)
    notional100: int = 0  # sum of (100 price + sub) * shares of its fills [tick / 100 * share]
    fees: float = 0.0  # of its fills, negative = rebates [currency]
    most: Shares = Shares(0)  # the larger of quantity and what a replace asks for
    status: OrdStatus = OrdStatus.PENDING_NEW  # by the venue's reports alone (FIX 39)
    why: int = 0
    binding: int = 0
    parameter_version: int = 0
    model_id: str = ""
    decision_seq: int = 0  # journal seq of its decision record
    cancel_asked_at: Nanos = Nanos(0)  # of a cancel without an answer, 0 = none
    cancel_by: str = ""  # "plan", "hold", "kill:3", ...
    replace_asked_at: Nanos = Nanos(0)  # of a replace without an answer, 0 = none
    ended_at: Nanos = Nanos(0)
    reason: int = 0

    @property
    def is_live(self) -> bool:
        return self.state in CHILD_LIVE

    @property
    def leaves(self) -> Shares:
        """Shares that may still trade on the terms in force; zero once terminal. [share]"""
        return self.left if self.is_live else Shares(0)

    @property
    def reserve(self) -> Shares:
        """Shares of the parent that it may still use, those that a replace asks for too. [share]"""
        return Shares(max(self.most - self.filled, 0)) if self.is_live else Shares(0)

    @property
    def execs(self) -> frozenset[int]:
        """Reports that count already."""
        return frozenset(report.exec_id for report in self.life.reports)

    @property
    def average_price(self) -> float:
        """Mean fill price, NaN before the first fill. [tick]"""
        return average_of(self.notional100, self.filled)


NO_REQUEST: Final = Request(number=0, kind=CANCEL, at=Nanos(0), by="")


def made_of(life: Life) -> dict[str, Any]:
    """The fields of a child (and of its row in the read tables) that its life decides."""
    now = stand(life)
    cancel, changed = NO_REQUEST, Nanos(0)
    if life.requests:
        asked = life.requests if now.status in FINAL else now.waiting  # who ended it stays known
        cancel = next((row for row in reversed(asked) if row.kind == CANCEL), NO_REQUEST)
        changed = max((r.at for r in now.waiting if r.kind == CHANGE), default=Nanos(0))
    return {
        "state": state_of(life, now),
        "price": now.price,
        "quantity": now.quantity,
        "filled": now.filled,
        "notional100": now.notional100,
        "fees": now.fees,
        "reason": now.reason,
        "cancel_asked_at": cancel.at,
        "cancel_by": cancel.by,
        "most": now.most,
        "left": now.leaves,
        "status": now.status,
        "passive_filled": now.passive,
        "replace_asked_at": changed,
    }


def lived(child: Child, life: Life) -> Child:
    """The child after this life: the only way in which one changes."""
    return replace(child, life=life, **made_of(life))


def after(child: Child, report: Heard) -> Child:
    """The child after one more report."""
    return lived(child, child.life.hear(report))


def average_of(notional100: int, shares: int) -> float:
    """Mean price of a sum in hundredths, NaN without shares. [tick]"""
    return notional100 / 100 / shares if shares else float("nan")


class VenueUse(msgspec.Struct, frozen=True, kw_only=True):
    """What one parent did at one venue."""

    sent: Shares = Shares(0)  # of children that left, live ones included
    filled: Shares = Shares(0)
    passive: Shares = Shares(0)
    notional100: int = 0  # [tick / 100 * share]
    fees: float = 0.0  # [currency]


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """What a trader asked for, and how far it has come."""

    id: ParentId
    symbol: Symbol
    side: int
    quantity: Shares
    strategy: str
    trader: PersonId
    desk: str
    client: str
    state: ParentState
    accepted_at: Nanos  # market clock
    start_at: Nanos
    end_at: Nanos
    limit_price: Ticks | None
    arrival_price: float  # mid when the engine accepted it [tick]
    arrival_volume: Shares  # market volume since the open at acceptance
    arrival_notional: int  # [tick * share] at acceptance
    seed: int
    overrides: tuple[tuple[str, float], ...]  # parameter name, value for this parent alone
    parameter_version: int
    on_restart: OnRestart
    catch_up: CatchUp
    at_end: AtEnd
    objective: Objective = Objective.UNSAID
    risk_aversion: float = 0.0  # for URGENCY: bp of cost that a bp of standard deviation is worth
    note: str = ""
    version: int = 1  # counts human-made changes
    filled: Shares = Shares(0)
    notional100: int = 0  # [tick / 100 * share], see ``Child``
    fees: float = 0.0  # of all fills, negative = rebates [currency]
    passive_filled: Shares = Shares(0)
    excluded: tuple[str, ...] = ()  # names of venues that it must not use
    base_at: Nanos = Nanos(0)  # the schedule (re)starts here ...
    base_filled: Shares = Shares(0)  # ... with this much done ...
    base_volume: Shares = Shares(0)  # ... and this much market volume since acceptance
    passive_only: bool = False  # never crosses again: "finish passively" after a restart
    hold_cause: str = ""  # "person" or what the system found
    hold_by: PersonId = PersonId("")
    hold_children: HoldChildren = HoldChildren.CANCEL
    held_at: Nanos = Nanos(0)
    kill_id: int = 0
    ended_at: Nanos = Nanos(0)
    end_price: float | None = None  # mid when it became terminal [tick]
    end_volume: Shares = Shares(0)
    end_notional: int = 0
    overfilled: Shares = Shares(0)
    wanted: Shares = Shares(0)  # where an amendment goes that waits for the venue, 0 = none does
    on_disconnect: OnRestart | None = None  # None = as on_restart: entered without a choice
    reenters: ParentId = ParentId(0)  # the order that has ended whose remainder it works, 0 = none
    reentered: tuple[ParentId, ...] = ()  # orders that work what was left of this one
    on_model_loss: OnModelLoss | None = None  # None = entered without a choice
    model_off: str = ""  # why it works without its strategy's model, "" = it may use it
    model_off_by: PersonId = PersonId("")  # a person, or "system"

    @property
    def is_live(self) -> bool:
        return self.state in PARENT_LIVE

    @property
    def leaves(self) -> Shares:
        return Shares(max(self.quantity - self.filled, 0)) if self.is_live else Shares(0)

    def without_model(self, *, killed: bool) -> OnModelLoss:
        """What it does when its version is lost. Entered without a choice: a kill holds it."""
        return self.on_model_loss or (OnModelLoss.HOLD if killed else OnModelLoss.BASE)

    def after(self, cause: str) -> OnRestart:
        """What it does after a break: ``venue`` = the exchange was lost, else the engine was."""
        if cause == VENUE_LOST and self.on_disconnect is not None:
            return self.on_disconnect
        return self.on_restart

    @property
    def average_price(self) -> float:
        """Mean fill price, NaN before the first fill. [tick]"""
        return average_of(self.notional100, self.filled)
