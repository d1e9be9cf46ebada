"""What happens to versions: one is lost, an order leaves it, a candidate comes and goes."""

from engine.domain.event import Event
from engine.domain.rollout import CanaryLimits, Stage
from engine.domain.units import ParentId, PersonId, Shares, Ticks


class ModelJudged(Event, frozen=True, kw_only=True):
    """What a version's own card says against it, read when somebody first asks for the version."""

    model_id: str
    against: tuple[str, ...]  # in words; () = nothing


class ModelDemoted(Event, frozen=True, kw_only=True):
    """The version in force decides no more until a change request says so again."""

    strategy: str
    model_id: str
    cause: str


class ParentModelSet(Event, frozen=True, kw_only=True):
    """The parent uses its strategy's model again, or works by the base schedule; and why."""

    parent_id: ParentId
    use: bool
    model_id: str  # that it left or takes up
    cause: str
    by: PersonId


class RolloutStaged(Event, frozen=True, kw_only=True):
    """A version decides beside, or acts within limits, from the next decision on."""

    strategy: str
    values: dict[str, float]
    model_id: str | None
    stage: Stage
    limits: CanaryLimits | None
    change_id: int
    by: PersonId


class RolloutDemoted(Event, frozen=True, kw_only=True):
    """It decides beside only; what was compared counts anew."""

    strategy: str
    cause: str


class RolloutEnded(Event, frozen=True, kw_only=True):
    """It is in force (``full``), or a person has stopped it."""

    strategy: str
    outcome: str
    by: PersonId


class ShadowDecided(Event, frozen=True, kw_only=True):
    """An order that the candidate would have sent; its decision record is beside it."""

    parent_id: ParentId
    rollout: int
    model_id: str
    type: int
    price: Ticks
    quantity: Shares
    venue: int
    same: bool  # the version in force wanted exactly the same
    digest: str


class ShadowCompared(Event, frozen=True, kw_only=True):
    """Both versions on the same observations, summed over a market minute."""

    strategy: str
    compared: int
    same: int
    sends: int
    former_sends: int
    shares: int
    former_shares: int


RolloutEvent = (
    ModelJudged
    | ModelDemoted
    | ParentModelSet
    | RolloutStaged
    | RolloutDemoted
    | RolloutEnded
    | ShadowDecided
    | ShadowCompared
)
