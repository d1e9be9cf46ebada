"""One order past a soft limit: asked by its trader, let through by two others, once."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from engine.domain.commands import SubmitParent
from engine.domain.units import Nanos, ParentId, PersonId


class OverrideState(StrEnum):
    """The life of an override."""

    ASKED = "ASKED"
    VERIFIED = "VERIFIED"  # by the first of two
    GRANTED = "GRANTED"
    USED = "USED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Bound to the content of one order of one person. Times: desk clock."""

    id: int
    order: SubmitParent
    person: PersonId
    content_hash: str
    limits: tuple[str, ...]  # soft limits that it passes, and no others
    sentence: str  # what the order was refused with
    reason: str
    asked_at: Nanos
    expires_at: Nanos
    state: OverrideState = OverrideState.ASKED
    first_by: PersonId = PersonId("")
    second_by: PersonId = PersonId("")
    decision_reason: str = ""
    decided_at: Nanos = Nanos(0)
    parent_id: ParentId = ParentId(0)

    @property
    def is_open(self) -> bool:
        return self.state in (OverrideState.ASKED, OverrideState.VERIFIED, OverrideState.GRANTED)


def order_hash(person: PersonId, order: SubmitParent) -> str:
    """SHA-256 over who orders what; the number of the override is no part of it."""
    plain = msgspec.structs.replace(order, override=0)
    body = msgspec.json.encode([person, plain], order="sorted")
    return hashlib.sha256(body).hexdigest()
