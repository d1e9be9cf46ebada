"""What every request that somebody else decides has in common, whatever it would change.

Bound to a content hash and to the version it was written against; decided by nobody who wrote on
it; open until it is decided, withdrawn or over.
"""

from typing import Protocol

from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.governance import ChangeState
from engine.domain.people import Person
from engine.domain.units import Nanos, PersonId


class Request(Protocol):
    """A change request or a limit change. Times are on the desk clock."""

    @property
    def state(self) -> ChangeState: ...
    @property
    def base_version(self) -> int: ...
    @property
    def content_hash(self) -> str: ...
    @property
    def authors(self) -> tuple[PersonId, ...]: ...
    @property
    def expires_at(self) -> Nanos: ...


def check_reason(envelope: Envelope, what: str) -> str:
    """The reason, or a refusal of ``what`` without one."""
    reason = envelope.reason.strip()
    if not reason:
        raise Refused(f"{what} needs a reason", field="reason")
    return reason


def check_open(name: str, request: Request) -> None:
    """Refuse what is decided, withdrawn or over; says which."""
    if request.state != ChangeState.OPEN:
        raise Refused(f"{name} is {request.state} and can no longer be changed or decided")


def check_author(what: str, request: Request, person: Person) -> None:
    """Only who wrote on it takes it back."""
    if person.id not in request.authors:
        raise Refused(f"only an author of a {what} may withdraw it", rule="author")


def check_other(name: str, request: Request, person: Person) -> None:
    """Only who did not write on it decides."""
    if person.id in request.authors:
        raise Refused(f"{name}: nobody decides a change they proposed or edited", rule="four_eyes")


def check_shown(name: str, request: Request, shown: str) -> None:
    """The decision is for exactly the content that was shown."""
    if shown != request.content_hash:
        raise Refused(
            f"{name} was edited since you saw it: your decision was for {shown[:8]}, the "
            f"content is now {request.content_hash[:8]}",
            rule="content_hash",
        )


def check_base(name: str, request: Request, of: str, version: int) -> None:
    """What it would replace is still what its author saw."""
    if version != request.base_version:
        raise Refused(
            f"{name} was written against version {request.base_version} of {of}, in force is "
            f"{version}: it must be edited first",
            rule="base_version",
        )


def is_over(request: Request, now: Nanos) -> bool:
    """Whether it is still open although its time is over."""
    return request.state == ChangeState.OPEN and now > request.expires_at
