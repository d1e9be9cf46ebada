"""What pages read from: the queries that the web mounted. Tests mount a fake."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from engine.domain.errors import BrokenInvariant
from engine.gateway.sessions import Directory

_MOUNTED: Final[dict[str, Any]] = {}
_OVERRIDE: ContextVar[Any] = ContextVar("queries", default=None)


def mount_queries(source: object) -> None:
    """Set the source once, at start-up."""
    _MOUNTED["queries"] = source


def use_queries(source: object) -> None:
    """Use another source in this context: for tests."""
    _OVERRIDE.set(source)


def queries() -> Any:
    """The read tables: one function a question (db/queries.py)."""
    source = _OVERRIDE.get() or _MOUNTED.get("queries")
    if source is None:
        raise BrokenInvariant("queries() was asked before the web mounted any")
    return source


def mount_desk(
    look: object,
    grants: object,
    settings: object,
    directory: Directory,
    now: Callable[[], int] = lambda: 0,
) -> None:
    """Keep what the shell and the admin page show; ``now`` is the clock of the web [UTC ns]."""
    _MOUNTED.update(look=look, grants=grants, settings=settings, directory=directory, now=now)


def now_ns() -> int:
    """The clock of the web; 0 before it mounted one. [UTC ns]"""
    now: Callable[[], int] | None = _MOUNTED.get("now")
    return 0 if now is None else now()


def person(person_id: str) -> str:
    """The login of a person, as screens write it; the id itself when nobody has it."""
    directory: Directory | None = _MOUNTED.get("directory")
    row = None if directory is None else directory.persons.get(person_id)
    return person_id if row is None else row.login


def mounted(name: str) -> Any:
    """Something the web mounted, or None: ``look``, ``grants``, ``settings``, ``directory``."""
    return _MOUNTED.get(name)
