"""Builders of limits: terms that may be activated, and the road to have them in force."""

from typing import Any

from engine.domain import commands as c
from engine.domain.limits import Terms
from tests.support.desk_rig import Rig

WHY = "a tenth of the equity that the desk may lose in a day"
REVIEW = "2027-05-31"


def terms(kind: str, level: str, subject: str = "", value: float | None = None, **more: Any):
    """Terms with derivation, owner and review date; ``more`` replaces them."""
    fields = {"derivation": WHY, "owner": "u5", "review": REVIEW, **more}
    return Terms(kind=kind, level=level, subject=subject, value=value, **fields)


def tighten(rig: Rig, kind: str, level: str, subject: str = "", value: float | None = None, **more):
    """Risk sets a limit that takes effect at once."""
    rig.do(c.ProposeLimit(terms=terms(kind, level, subject, value, **more)), "u5")


def loosen(rig: Rig, kind: str, level: str, subject: str = "", value: float | None = None, **more):
    """Risk proposes, a supervisor decides."""
    rig.do(c.ProposeLimit(terms=terms(kind, level, subject, value, **more)), "u5")
    decide(rig, rig.state.limits.next_change - 1, "u3")


def decide(rig: Rig, number: int, person: str, *, approve: bool = True) -> None:
    """Decide an open request as it stands."""
    digest = rig.state.limits.changes[number].content_hash
    command = c.DecideLimit(limit_change_id=number, content_hash=digest, approve=approve)
    rig.do(command, person)
