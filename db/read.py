"""How queries read: one statement, rows as mappings, an unready database as a sentence."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Engine, Select
from sqlalchemy.exc import DatabaseError

from engine.domain.errors import Refused

Found = Mapping[str, Any]
VALUES: Final = msgspec.json.Decoder(dict[str, float])
THINGS: Final = msgspec.json.Decoder(dict[str, object])
NAMES: Final = msgspec.json.Decoder(list[str])


class Reader:
    """Runs statements; nothing here writes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, statement: Select[Any]) -> list[Found]:
        """All rows of a statement."""
        try:
            with self._engine.connect() as connection:
                return [dict(row) for row in connection.execute(statement).mappings()]
        except DatabaseError as error:
            raise Refused(f"the read tables do not answer: {_short(error)}") from error

    def one(self, statement: Select[Any]) -> Found | None:
        """The first row of a statement, or None."""
        rows = self.all(statement.limit(1))
        return rows[0] if rows else None

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def _short(error: Exception) -> str:
    text = str(getattr(error, "orig", error)).splitlines()[0]
    if "no such table" in text or "does not exist" in text:
        return "the worker has not made them yet"
    return text


def values(text: str) -> dict[str, float]:
    """Numbers by name, from a text column."""
    return VALUES.decode(text) if text else {}


def things(text: str) -> dict[str, object]:
    """Anything by name, from a text column."""
    return THINGS.decode(text) if text else {}
