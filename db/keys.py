"""Keys for programs, in people.db: who made them, what they may, when they end. Rows never go.

Only the SHA-256 of a key is stored. It is 256 random bits, so a slow hash would protect nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, insert, select, update

from db.people import TABLES, People

API_KEYS: Final = Table(
    "api_keys",
    TABLES,
    Column("prefix", String(8), primary_key=True),
    Column("person_id", ForeignKey("persons.person_id"), nullable=False, index=True),
    Column("name", String(80), nullable=False),
    Column("scope", String(20), nullable=False),
    Column("key_hash", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
    Column("revoked_by", String(40), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key; its owner holds the key itself, we hold its SHA-256."""

    prefix: str  # public: it stands in lists, in the journal and in the kill flag
    person_id: str
    name: str
    scope: str
    key_hash: str
    created_at: int  # [UTC ns]
    expires_at: int  # [UTC ns]
    last_used_at: int = 0  # [UTC ns], 0 = never
    revoked_at: int = 0  # [UTC ns], 0 = not
    revoked_by: str = ""  # person id


class KeyStore:
    """All reads and writes of the keys."""

    def __init__(self, people: People) -> None:
        self._engine = people.engine
        API_KEYS.create(self._engine, checkfirst=True)  # a file of an earlier version lacks it

    def everything(self) -> tuple[KeyRow, ...]:
        """Every key there ever was, oldest first."""
        with self._engine.connect() as connection:
            found = connection.execute(
                select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.prefix)
            ).mappings()
            return tuple(KeyRow(**row) for row in found)

    def add(self, row: KeyRow) -> None:
        """Keep a new key."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(API_KEYS).values(
                    prefix=row.prefix, person_id=row.person_id, name=row.name, scope=row.scope,
                    key_hash=row.key_hash, created_at=row.created_at, expires_at=row.expires_at,
                    last_used_at=row.last_used_at, revoked_at=row.revoked_at,
                    revoked_by=row.revoked_by,
                )
            )  # fmt: skip

    def revoke(self, prefixes: Iterable[str], by: str, now_ns: int) -> None:
        """End keys for good; the first revocation stays."""
        with self._engine.begin() as connection:
            connection.execute(
                update(API_KEYS)
                .where(API_KEYS.c.prefix.in_(list(prefixes)), API_KEYS.c.revoked_at == 0)
                .values(revoked_at=now_ns, revoked_by=by)
            )

    def used(self, when: Mapping[str, int]) -> None:
        """Write when keys were last used. [UTC ns]"""
        with self._engine.begin() as connection:
            for prefix, at in when.items():
                connection.execute(
                    update(API_KEYS).where(API_KEYS.c.prefix == prefix).values(last_used_at=at)
                )
