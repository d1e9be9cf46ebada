"""What happened to limits: requests, limits in force, their use, the throttle, overrides."""

# ruff: noqa: D101 - the name says what happened, as in events.py

from engine.domain.event import Event
from engine.domain.limits import Limit, Terms
from engine.domain.overrides import Override
from engine.domain.units import Nanos, ParentId, PersonId


class LimitProposed(Event, frozen=True, kw_only=True):
    limit_change_id: int
    terms: Terms
    base_version: int
    content_hash: str
    by: PersonId
    reason: str
    expires_at: Nanos  # desk clock
    material: bool
    step: float


class LimitEdited(Event, frozen=True, kw_only=True):
    """New content: whatever was decided on the old content is void."""

    limit_change_id: int
    terms: Terms
    base_version: int
    content_hash: str
    by: PersonId
    reason: str
    material: bool
    step: float


class LimitCommented(Event, frozen=True, kw_only=True):
    limit_change_id: int
    text: str
    by: PersonId


class LimitWithdrawn(Event, frozen=True, kw_only=True):
    limit_change_id: int
    by: PersonId


class LimitApproved(Event, frozen=True, kw_only=True):
    limit_change_id: int
    content_hash: str
    by: PersonId
    reason: str


class LimitRefused(Event, frozen=True, kw_only=True):
    limit_change_id: int
    content_hash: str
    by: PersonId
    reason: str


class LimitExpired(Event, frozen=True, kw_only=True):
    limit_change_id: int


class LimitSet(Event, frozen=True, kw_only=True):
    """In force from the next check on; ``limit.gone`` = this level has none any more."""

    limit: Limit


class LimitUsed(Event, frozen=True, kw_only=True):
    """The highest use of the day so far, written whenever it is two points of the limit higher."""

    kind: str
    level: str
    subject: str
    used: float
    limit: float


class StrategyTripped(Event, frozen=True, kw_only=True):
    """The repeated-execution throttle has disabled a strategy."""

    strategy: str
    parent_id: ParentId
    side: int
    count: int


class StrategyEnabled(Event, frozen=True, kw_only=True):
    strategy: str
    by: PersonId
    reason: str


class OverrideAsked(Event, frozen=True, kw_only=True):
    override: Override


class OverrideConfirmed(Event, frozen=True, kw_only=True):
    """One of the two has let it pass; ``granted`` = it was the second."""

    override_id: int
    by: PersonId
    content_hash: str
    reason: str
    granted: bool = False


class OverrideRefused(Event, frozen=True, kw_only=True):
    override_id: int
    by: PersonId
    reason: str


class OverrideUsed(Event, frozen=True, kw_only=True):
    override_id: int
    parent_id: ParentId


class OverrideExpired(Event, frozen=True, kw_only=True):
    override_id: int


LimitEvent = (
    LimitProposed
    | LimitEdited
    | LimitCommented
    | LimitWithdrawn
    | LimitApproved
    | LimitRefused
    | LimitExpired
    | LimitSet
    | LimitUsed
    | StrategyTripped
    | StrategyEnabled
    | OverrideAsked
    | OverrideConfirmed
    | OverrideRefused
    | OverrideUsed
    | OverrideExpired
)
