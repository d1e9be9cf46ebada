"""The stages of a new version: it decides beside, then within limits, then for all."""

from enum import StrEnum

import msgspec

from engine.domain.units import Nanos, PersonId, Symbol


class Stage(StrEnum):
    """How far a version has come."""

    SHADOW = "shadow"  # decides beside the version in force; nothing of it is sent
    CANARY = "canary"  # acts inside its limits, beyond them the version in force
    FULL = "full"  # is in force


class CanaryLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Within what a canary acts. All four must be said before it does."""

    instruments: tuple[Symbol, ...] = ()
    value: float = 0.0  # of all its orders together, as sent [currency]
    orders: int = 0
    venues: tuple[str, ...] = ()


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """The candidate of a strategy. Compared and its sums: since it came, or was last demoted."""

    strategy: str
    values: dict[str, float]  # what it changes of the values in force
    model_id: str | None  # None = it decides by the model in force, "" = by none
    stage: Stage
    change_id: int  # the request that staged it; its orders name it
    by: PersonId
    since: Nanos  # desk clock
    limits: CanaryLimits | None = None
    orders: int = 0  # of this canary, those that our gate stopped too
    value: float = 0.0  # of these [currency]
    compared: int = 0  # decisions of both versions on the same observation
    same: int = 0  # of these: the same order, at the same venue, and the same cancels
    sends: int = 0  # orders that the candidate wanted
    former_sends: int = 0  # orders that the version in force wanted
    shares: int = 0  # of the candidate's orders
    former_shares: int = 0
    demoted: str = ""  # why it acts no more, "" = it was not demoted
    demotions: int = 0
