"""What happened around safety: modes, conditions, holds by scope, trips, kills, books compared."""

# ruff: noqa: D101 - the name says what happened, as in events.py

from engine.domain.event import Event
from engine.domain.safety import Difference, Hold, TradingMode, Trip
from engine.domain.units import ChildId, Nanos, ParentId, PersonId, Symbol


# --- safety ---------------------------------------------------------------------------------
class ModeSet(Event, frozen=True, kw_only=True):
    """The mode of the desk by a person: alone towards less risk, as the second towards more."""

    mode: TradingMode
    by: PersonId
    reason: str


class ModeAsked(Event, frozen=True, kw_only=True):
    """The first of two people wants more to be allowed again."""

    mode: TradingMode
    by: PersonId
    reason: str


class ConditionBegan(Event, frozen=True, kw_only=True):
    """The desk's own process found something wrong with the desk."""

    kind: str
    object: str
    sentence: str
    mode: TradingMode


class ConditionOver(Event, frozen=True, kw_only=True):
    kind: str
    object: str


class ScopeHeld(Event, frozen=True, kw_only=True):
    """A hold by scope begins; each parent it holds follows with its own entry."""

    hold: Hold


class HoldReleased(Event, frozen=True, kw_only=True):
    """A hold by scope ends: by a person, by its time ("timer") or its condition ("condition")."""

    hold_id: int
    by: PersonId
    reason: str


class TripFired(Event, frozen=True, kw_only=True):
    """An automatic kill: the flag is written next, and its receipts follow as for any other."""

    trip: Trip


# --- kill -----------------------------------------------------------------------------------
class KillBlocked(Event, frozen=True, kw_only=True):
    """The owner thread saw the flag; no new child in scope passes. Carries the request."""

    kill_id: int
    generation: int
    scope: str
    target: str
    by: str
    door: str
    requested_at: Nanos
    parents: tuple[ParentId, ...]
    children: tuple[ChildId, ...]


class KillCancelSent(Event, frozen=True, kw_only=True):
    """All cancels are written to the venue."""

    kill_id: int
    cancels: int


class KillRepeated(Event, frozen=True, kw_only=True):
    """Cancels of what is still unconfirmed go out again, and the venue is asked."""

    kill_id: int
    attempt: int
    cancels: int


class KillConfirmed(Event, frozen=True, kw_only=True):
    """Every child in scope is terminal by venue evidence."""

    kill_id: int


class KillReasonGiven(Event, frozen=True, kw_only=True):
    kill_id: int
    by: PersonId
    reason: str


class KillReleaseAsked(Event, frozen=True, kw_only=True):
    kill_id: int
    by: PersonId
    reason: str


class KillReleased(Event, frozen=True, kw_only=True):
    kill_id: int
    by: PersonId
    reason: str


# --- books ----------------------------------------------------------------------------------
class Reconciled(Event, frozen=True, kw_only=True):
    """Our books and the venue's were compared; ``difference`` is "" when equal."""

    open_children: int
    resolved: int
    difference: str = ""
    grows: bool = False  # the venue has more of ours than we know of


class BooksCompared(Event, frozen=True, kw_only=True):
    """A comparison while the link is healthy: every symbol that differs now, none = equal."""

    checks: tuple[str, ...]  # in_flight, open, fills, positions
    children: int
    found: tuple[Difference, ...] = ()


class ReconciliationAcceptAsked(Event, frozen=True, kw_only=True):
    """The first of two people accepts a difference that makes the exposure grow."""

    difference: str
    by: PersonId
    reason: str
    symbol: Symbol = Symbol("")


class ReconciliationAccepted(Event, frozen=True, kw_only=True):
    """``symbol`` "" = that of the whole desk, found at a log-on."""

    difference: str
    by: PersonId
    reason: str
    symbol: Symbol = Symbol("")


SafetyEvent = (
    BooksCompared
    | ConditionBegan
    | ConditionOver
    | HoldReleased
    | KillBlocked
    | KillCancelSent
    | KillConfirmed
    | KillReasonGiven
    | KillReleaseAsked
    | KillReleased
    | KillRepeated
    | ModeAsked
    | ModeSet
    | Reconciled
    | ReconciliationAcceptAsked
    | ReconciliationAccepted
    | ScopeHeld
    | TripFired
)
