"""What stops risk from growing: trading mode, conditions of the desk, holds, trips, differences.

Instants are on the desk clock unless they say otherwise.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.domain.units import Nanos, ParentId, PersonId, Symbol


class TradingMode(StrEnum):
    """How much the desk may do; what each allows stands in ``core/rules/modes.py``."""

    NORMAL = "NORMAL"
    REDUCING = "REDUCING"  # nothing that raises risk; orders at work finish passively
    HALTED = "HALTED"  # nothing new leaves, what works is taken back


# from less to more restraint
MODE_ORDER: Final = (TradingMode.NORMAL, TradingMode.REDUCING, TradingMode.HALTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeSetting:
    """The mode that a person set, and who has asked to relax it."""

    mode: TradingMode = TradingMode.NORMAL
    by: PersonId = PersonId("")
    reason: str = ""
    since: Nanos = Nanos(0)
    asked: TradingMode | None = None  # towards more risk: waits for a second person
    asked_by: PersonId = PersonId("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something wrong with the desk itself, seen by its own process; ends by itself."""

    kind: str  # watchdog, clock, disk, journal, venue, unattended, attendance, selftest
    object: str
    sentence: str
    mode: TradingMode  # what it makes of the desk while it lasts
    since: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How our books of one symbol differ from the venue's."""

    symbol: Symbol
    digest: str
    sentences: tuple[str, ...]
    grows: bool  # the venue has more of ours, open or filled, than we know of
    since: Nanos = Nanos(0)
    asked_by: PersonId = PersonId("")  # who accepted first, where two must


class HoldState(StrEnum):
    """The life of a hold by scope."""

    ACTIVE = "ACTIVE"
    RELEASED = "RELEASED"  # parents go on as soon as they are HELD


HOLD_SCOPES: Final = (
    "parent", "trader", "symbol", "strategy", "venue", "desk", "client", "model", "all",
)  # fmt: skip


class ResumeWhen(StrEnum):
    """What ends a hold by itself, looked at once a second of market time."""

    MARKET_SOUND = "market_sound"  # quotes are fresh, uncrossed, and nothing in it is halted
    SPREAD_BELOW = "spread_below"  # level [bp]
    PRICE_ABOVE = "price_above"  # mid, level [currency]
    PRICE_BELOW = "price_below"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing new is sent in a scope, and nothing new may enter it, until the hold ends."""

    id: int
    scope: str
    target: str
    children: str  # cancel, leave
    by: PersonId
    reason: str
    since: Nanos
    parents: tuple[ParentId, ...] = ()  # those it holds: they go on when it ends
    until: Nanos | None = None  # market clock
    when: ResumeWhen | None = None
    level: float = 0.0
    symbol: Symbol = Symbol("")  # whose market ``when`` looks at
    state: HoldState = HoldState.ACTIVE
    released_by: PersonId = PersonId("")
    released_at: Nanos = Nanos(0)

    @property
    def is_active(self) -> bool:
        return self.state == HoldState.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """An automatic kill that has fired, with what it saw."""

    kind: str  # loss, move, rejects
    scope: str
    target: str
    sentence: str  # value, threshold and inputs in words
    value: float
    threshold: float
    at: Nanos
