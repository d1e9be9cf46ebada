"""people.db: persons, roles, logins, sessions and saved views. Never dropped or rebuilt.

Only hashes are stored: of passwords (argon2, made by the gateway) and of session ids.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    ForeignKey,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateColumn

from db.base import metadata, open_engine, sqlite_url

TABLES: Final = metadata()

PERSONS: Final = Table(
    "persons",
    TABLES,
    Column("person_id", String(40), primary_key=True),
    Column("login", String(40), nullable=False, unique=True),
    Column("name", String(80), nullable=False),
    Column("desk", String(40), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("max_notional", Float, nullable=False),
)
ROLES: Final = Table(
    "roles",
    TABLES,
    Column("person_id", ForeignKey("persons.person_id"), primary_key=True),
    Column("role", String(20), primary_key=True),
)
LOGINS: Final = Table(
    "logins",
    TABLES,
    Column("person_id", ForeignKey("persons.person_id"), primary_key=True),
    Column("password_hash", String(200), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("must_change", Boolean, nullable=False, server_default=text("0")),
    Column("last_login_at", BigInteger, nullable=False, server_default=text("0")),
)
SESSIONS: Final = Table(
    "sessions",
    TABLES,
    Column("session_hash", String(64), primary_key=True),
    Column("person_id", ForeignKey("persons.person_id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("acted_at", BigInteger, nullable=False),
)
VIEWS: Final = Table(
    "saved_views",
    TABLES,
    Column("person_id", ForeignKey("persons.person_id"), primary_key=True),
    Column("page", String(40), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("body", Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A person who may log in."""

    person_id: str  # what the journal knows
    login: str  # what is typed
    name: str
    desk: str
    roles: tuple[str, ...]
    active: bool = True
    max_notional: float = 0.0  # personal size limit of one parent; above it a second person
    must_change: bool = False  # somebody else knows the password: a new one before anything else
    password_at: int = 0  # when the password was last set [UTC ns]
    last_login_at: int = 0  # [UTC ns], 0 = never


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One login of one browser; the browser holds the id, we hold its SHA-256."""

    session_hash: str
    person_id: str
    created_at: int
    acted_at: int


class People:
    """All reads and writes of people.db."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        TABLES.create_all(engine)
        _add_columns(engine)

    @classmethod
    def open(cls, path: Path) -> "People":
        """Open or create the file; only its owner may read it."""
        fresh = not path.exists()
        people = cls(open_engine(sqlite_url(path)))
        if fresh:
            path.chmod(0o600)
        return people

    @property
    def engine(self) -> Engine:
        """The open file, for the tables that live beside these (db/keys.py)."""
        return self._engine

    def close(self) -> None:
        """Give the file back."""
        self._engine.dispose()

    def persons(self) -> tuple[PersonRow, ...]:
        """Everybody, by id."""
        with self._engine.connect() as connection:
            roles: dict[str, list[str]] = {}
            for person_id, role in connection.execute(
                select(ROLES.c.person_id, ROLES.c.role).order_by(ROLES.c.person_id, ROLES.c.role)
            ):
                roles.setdefault(person_id, []).append(role)
            return tuple(
                PersonRow(
                    person_id=row.person_id,
                    login=row.login,
                    name=row.name,
                    desk=row.desk,
                    active=row.active,
                    max_notional=row.max_notional,
                    roles=tuple(roles.get(row.person_id, ())),
                    must_change=row.must_change,
                    password_at=row.changed_at,
                    last_login_at=row.last_login_at,
                )
                for row in connection.execute(
                    select(PERSONS, LOGINS.c.must_change, LOGINS.c.changed_at,
                           LOGINS.c.last_login_at)
                    .join(LOGINS, LOGINS.c.person_id == PERSONS.c.person_id)
                    .order_by(PERSONS.c.person_id)
                )
            )  # fmt: skip

    def add_person(self, person: PersonRow, password_hash: str, now_ns: int) -> None:
        """Create a person with roles and a login, all or nothing."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(PERSONS).values(
                    person_id=person.person_id,
                    login=person.login,
                    name=person.name,
                    desk=person.desk,
                    active=person.active,
                    max_notional=person.max_notional,
                )
            )
            for role in person.roles:
                connection.execute(insert(ROLES).values(person_id=person.person_id, role=role))
            connection.execute(
                insert(LOGINS).values(
                    person_id=person.person_id,
                    password_hash=password_hash,
                    changed_at=now_ns,
                    must_change=person.must_change,
                )
            )

    def change_person(self, person: PersonRow) -> None:
        """Write name, desk, limit, roles and whether they may come in; the row never goes."""
        with self._engine.begin() as connection:
            connection.execute(
                update(PERSONS)
                .where(PERSONS.c.person_id == person.person_id)
                .values(
                    name=person.name,
                    desk=person.desk,
                    active=person.active,
                    max_notional=person.max_notional,
                )
            )
            connection.execute(delete(ROLES).where(ROLES.c.person_id == person.person_id))
            for role in person.roles:
                connection.execute(insert(ROLES).values(person_id=person.person_id, role=role))

    def password_hash(self, person_id: str) -> str | None:
        """The stored hash, or None when there is no such login."""
        with self._engine.connect() as connection:
            found: str | None = connection.execute(
                select(LOGINS.c.password_hash).where(LOGINS.c.person_id == person_id)
            ).scalar_one_or_none()
            return found

    def set_password_hash(
        self, person_id: str, password_hash: str, now_ns: int, *, must_change: bool = False
    ) -> None:
        """Change a password; the caller ends their sessions."""
        with self._engine.begin() as connection:
            connection.execute(
                update(LOGINS)
                .where(LOGINS.c.person_id == person_id)
                .values(password_hash=password_hash, changed_at=now_ns, must_change=must_change)
            )

    def sessions(self) -> tuple[SessionRow, ...]:
        """All sessions, for the web process to take up again after a restart."""
        with self._engine.connect() as connection:
            return tuple(
                SessionRow(
                    session_hash=row.session_hash,
                    person_id=row.person_id,
                    created_at=row.created_at,
                    acted_at=row.acted_at,
                )
                for row in connection.execute(select(SESSIONS))
            )

    def add_session(self, row: SessionRow) -> None:
        """Store a new login, and that it was the person's last."""
        with self._engine.begin() as connection:
            connection.execute(
                update(LOGINS)
                .where(LOGINS.c.person_id == row.person_id)
                .values(last_login_at=row.created_at)
            )
            connection.execute(
                insert(SESSIONS).values(
                    session_hash=row.session_hash,
                    person_id=row.person_id,
                    created_at=row.created_at,
                    acted_at=row.acted_at,
                )
            )

    def end_sessions(self, hashes: Iterable[str]) -> None:
        """Forget these logins."""
        with self._engine.begin() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.session_hash.in_(list(hashes))))

    def saved_views(self, person_id: str, page: str) -> dict[str, object]:
        """Views a person saved of a page, by name."""
        with self._engine.connect() as connection:
            return {
                row.name: json.loads(row.body)
                for row in connection.execute(
                    select(VIEWS.c.name, VIEWS.c.body).where(
                        VIEWS.c.person_id == person_id, VIEWS.c.page == page
                    )
                )
            }

    def save_view(self, person_id: str, page: str, name: str, body: object) -> None:
        """Keep a view under a name, replacing the one of that name."""
        with self._engine.begin() as connection:
            connection.execute(
                delete(VIEWS).where(
                    VIEWS.c.person_id == person_id, VIEWS.c.page == page, VIEWS.c.name == name
                )
            )
            connection.execute(
                insert(VIEWS).values(
                    person_id=person_id, page=page, name=name, body=json.dumps(body)
                )
            )

    def forget_view(self, person_id: str, page: str, name: str) -> None:
        """Drop a view; one that is not there is dropped already."""
        with self._engine.begin() as connection:
            connection.execute(
                delete(VIEWS).where(
                    VIEWS.c.person_id == person_id, VIEWS.c.page == page, VIEWS.c.name == name
                )
            )


def _add_columns(engine: Engine) -> None:
    """Give a file of an earlier version the columns it lacks: it is never rebuilt."""
    there = {column["name"] for column in inspect(engine).get_columns(LOGINS.name)}
    with engine.begin() as connection:
        for column in LOGINS.columns:
            if column.name not in there:
                words = CreateColumn(column).compile(dialect=engine.dialect)
                connection.execute(text(f"ALTER TABLE {LOGINS.name} ADD COLUMN {words}"))
