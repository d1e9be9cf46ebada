"""Who is looking: a context variable that the guard sets for each request.

It works in layouts, in callbacks (also in the thread that runs them) and in tests.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from engine.domain.errors import BrokenInvariant
from engine.domain.people import Person, Reach, Role, reach
from engine.domain.units import PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """The person behind a request, with the roles of this very moment."""

    person_id: str
    name: str
    roles: tuple[Role, ...]
    desk: str
    session: str = ""  # SHA-256 of the session id
    csrf: str = ""  # what forms and commands of this login must carry
    must_change: bool = False  # a new password comes before anything else
    key: str = ""  # prefix of the key that a program came with; "" = a person in a browser
    scope: frozenset[str] | None = None  # permissions of that key; None = all of the roles
    until: int = 0  # when that key ends [UTC ns]

    @property
    def door(self) -> str:
        """Where this request came in, as the journal and the kill flag keep it."""
        return f"key {self.key}" if self.key else "web"

    def may(self, permission: str) -> bool:
        """Whether the table gives this person the permission for at least some objects."""
        return self.reach(permission) > Reach.NONE

    def reach(self, permission: str) -> Reach:
        """How far the permission goes: own, desk, all."""
        if self.scope is not None and permission not in self.scope:
            return Reach.NONE
        return reach(self.roles, permission)

    def person(self) -> Person:
        """The same person as the rules know one."""
        return Person(id=PersonId(self.person_id), roles=self.roles, desk=self.desk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A viewer and the address they look at."""

    viewer: Viewer
    path: str = "/"


_VISIT: ContextVar[Visit] = ContextVar("visit")


def viewer() -> Viewer:
    """Who is looking now."""
    visit = _VISIT.get(None)
    if visit is None:
        raise BrokenInvariant("viewer() was asked outside a guarded request")
    return visit.viewer


def here() -> str:
    """The path of the page that is being looked at."""
    visit = _VISIT.get(None)
    return "/" if visit is None else visit.path


@contextmanager
def looking(as_viewer: Viewer, path: str = "/") -> Iterator[Viewer]:
    """Run a block as this person; the guard and the tests use it."""
    token = _VISIT.set(Visit(viewer=as_viewer, path=path))
    try:
        yield as_viewer
    finally:
        _VISIT.reset(token)
