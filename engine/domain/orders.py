"""Parents and children: what they are and which steps their lives may take.

The two NEXT tables are the state machines. A step that a table lacks is a ``BrokenInvariant``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

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
    """The life of a child order around the FIX order states."""

    INTENDED = "INTENDED"  # journalled, not yet known to be at the venue
    OPEN = "OPEN"  # accepted, nothing filled
    PARTIAL = "PARTIAL"
    PENDING_CANCEL = "PENDING_CANCEL"
    UNKNOWN = "UNKNOWN"  # no evidence: reserves its quantity, is asked for, never resent
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
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
CHILD_NEXT: Final[dict[ChildState, frozenset[ChildState]]] = {
    C.INTENDED: frozenset(
        {C.OPEN, C.PARTIAL, C.FILLED, C.CANCELLED, C.REJECTED, C.EXPIRED, C.SEND_REFUSED}
        | {C.UNKNOWN, C.PENDING_CANCEL}
    ),
    C.OPEN: frozenset(
        {C.PARTIAL, C.FILLED, C.PENDING_CANCEL, C.CANCELLED, C.EXPIRED, C.UNKNOWN, C.REJECTED}
    ),
    C.PARTIAL: frozenset(
        {C.PARTIAL, C.FILLED, C.PENDING_CANCEL, C.CANCELLED, C.EXPIRED, C.UNKNOWN}
    ),
    # a fill while the cancel is under way stays PENDING_CANCEL; a rejected cancel falls back
    C.PENDING_CANCEL: frozenset(
        {C.PENDING_CANCEL, C.CANCELLED, C.FILLED, C.OPEN, C.PARTIAL, C.EXPIRED, C.UNKNOWN}
        | {C.REJECTED, C.SEND_REFUSED}
    ),
    C.UNKNOWN: frozenset(
        {C.OPEN, C.PARTIAL, C.FILLED, C.CANCELLED, C.REJECTED, C.EXPIRED, C.PENDING_CANCEL}
    ),
    # terminal children still accept late fills: cum rises, the state stays
    C.FILLED: frozenset({C.FILLED}),
    C.CANCELLED: frozenset({C.CANCELLED}),
    C.REJECTED: frozenset({C.REJECTED}),
    C.EXPIRED: frozenset({C.EXPIRED}),
    C.SEND_REFUSED: frozenset({C.SEND_REFUSED}),
}
CHILD_LIVE: Final = frozenset({C.INTENDED, C.OPEN, C.PARTIAL, C.PENDING_CANCEL, C.UNKNOWN})


class OnRestart(StrEnum):
    """What a parent does after an engine restart or a lost venue; chosen on the ticket."""

    RESUME = "resume"
    HOLD = "hold"
    PASSIVE = "passive"  # finish passively


class CatchUp(StrEnum):
    """What happens to the quantity missed during a hold; never sent in one child."""

    SPREAD = "spread"  # replan the remainder over the time left
    SHIFT = "shift"  # move the end by the time held
    SKIP = "skip"  # the missed quantity stays unfilled


class HoldChildren(StrEnum):
    """What a hold does with live children, chosen in the act."""

    CANCEL = "cancel"
    LEAVE = "leave"


class AtEnd(StrEnum):
    """What happens at the horizon with leaves."""

    CLEANUP = "cleanup"  # cross the remainder inside cap, collar and limit
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One order at one venue.

    Fills may be between ticks, so sums of money are exact in hundredths: ``notional100``.
    """

    id: ChildId
    parent_id: ParentId
    symbol: Symbol
    side: int
    type: int  # LIMIT, IOC, PEG_MID, ...
    price: Ticks
    quantity: Shares
    state: ChildState
    sent_at: Nanos  # market clock
    venue: int = 0  # place in the venues of the day
    display: Shares = Shares(0)  # ICEBERG: shares shown at a time
    minimum: Shares = Shares(0)  # dark: least shares of one execution
    ttl_ns: Nanos = Nanos(0)  # cancelled at the first decision this long after sent_at; 0 = never
    filled: Shares = Shares(0)
    notional100: int = 0  # sum of (100 price + sub) * shares of its fills [tick / 100 * share]
    fees: float = 0.0  # of its fills, negative = rebates [currency]
    why: int = 0
    binding: int = 0
    parameter_version: int = 0
    model_id: str = ""
    decision_seq: int = 0  # journal seq of its decision record
    cancel_asked_at: Nanos = Nanos(0)
    cancel_by: str = ""  # "plan", "hold", "kill:3", ...
    execs: frozenset[int] = frozenset()
    ended_at: Nanos = Nanos(0)
    reason: int = 0

    @property
    def is_live(self) -> bool:
        return self.state in CHILD_LIVE

    @property
    def leaves(self) -> Shares:
        """Shares that may still trade; zero once terminal. [share]"""
        return Shares(max(self.quantity - self.filled, 0)) if self.is_live else Shares(0)

    @property
    def average_price(self) -> float:
        """Mean fill price, NaN before the first fill. [tick]"""
        return average_of(self.notional100, self.filled)


def average_of(notional100: int, shares: int) -> float:
    """Mean price of a sum in hundredths, NaN without shares. [tick]"""
    return notional100 / 100 / shares if shares else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueUse:
    """What one parent did at one venue."""

    sent: Shares = Shares(0)  # of children that left, live ones included
    filled: Shares = Shares(0)
    passive: Shares = Shares(0)
    notional100: int = 0  # [tick / 100 * share]
    fees: float = 0.0  # [currency]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
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
    next_parent: ParentId = ParentId(0)
    ended_at: Nanos = Nanos(0)
    end_price: float | None = None  # mid when it became terminal [tick]
    end_volume: Shares = Shares(0)
    end_notional: int = 0
    overfilled: Shares = Shares(0)

    @property
    def is_live(self) -> bool:
        return self.state in PARENT_LIVE

    @property
    def leaves(self) -> Shares:
        return Shares(max(self.quantity - self.filled, 0)) if self.is_live else Shares(0)

    @property
    def average_price(self) -> float:
        """Mean fill price, NaN before the first fill. [tick]"""
        return average_of(self.notional100, self.filled)
