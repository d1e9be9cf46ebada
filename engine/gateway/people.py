"""People of the web: the demo people, the first administrator, what the engine must know."""

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher

from db.people import People, PersonRow
from engine.domain.commands import Envelope, SetPeople
from engine.domain.errors import Refused
from engine.domain.people import Person, Role
from engine.domain.units import Nanos, PersonId
from engine.gateway.ports import Clock, Desk
from engine.gateway.sessions import Directory, roles_of

DESK: Final = "main"
SYSTEM: Final = PersonId("system")
TELL_S: Final = 2.0
EXPIRES: Final = 5_000_000_000  # [ns]

DEMO: Final = (
    ("u1", "amara", "Amara Diallo", Role.TRADER, 30e6),
    ("u2", "kiran", "Kiran Patel", Role.TRADER, 10e6),
    ("u3", "marta", "Marta Rossi", Role.SUPERVISOR, 0.0),
    ("u4", "jun", "Jun Liu", Role.SUPERVISOR, 0.0),
    ("u5", "ines", "Ines Costa", Role.RISK, 0.0),
    ("u6", "tomas", "Tomas Novak", Role.QUANT, 0.0),
    ("u7", "leila", "Leila Haddad", Role.VALIDATOR, 0.0),
    ("u8", "per", "Per Olsen", Role.REVIEWER, 0.0),
    ("u9", "grace", "Grace Kim", Role.COMPLIANCE, 0.0),
    ("u10", "sam", "Sam Weaver", Role.ADMIN, 0.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStart:
    """What the person at the terminal must be told, once."""

    lines: tuple[str, ...] = ()
    token: str = ""  # one-time token of the first administrator


def prepare(
    people: People, hasher: PasswordHasher, *, demo: bool, passwords: Path, now: int
) -> FirstStart:
    """Create the demo people, or a token for the first administrator, in an empty people.db."""
    if people.persons():
        return FirstStart()
    if not demo:
        token = secrets.token_urlsafe(18)
        return FirstStart(
            token=token, lines=(f"first start: open /first-admin and give the token {token}",)
        )
    lines = []
    for person_id, login, name, role, limit in DEMO:
        password = secrets.token_urlsafe(9)
        row = PersonRow(
            person_id=person_id, login=login, name=name, desk=DESK, roles=(role,),
            max_notional=limit,
        )  # fmt: skip
        people.add_person(row, hasher.hash(password), now)
        lines.append(f"{login:8} {password:14} {role}")
    write_private(passwords, "\n".join(lines) + "\n")
    return FirstStart(lines=("demo people (login, password, role):", *lines))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    path.chmod(0o600)


def for_engine(directory: Directory) -> tuple[Person, ...]:
    """Everybody as the journal knows them: ids and roles, no names."""
    return tuple(
        Person(
            id=PersonId(row.person_id),
            roles=roles_of(row),
            desk=row.desk,
            active=row.active,
            max_notional=row.max_notional,
        )
        for row in directory.persons.values()
    )


async def tell(desk: Desk, directory: Directory, clock: Clock, reason: str = "") -> str:
    """Give the engine the people table; "" when it took it, else why not: tell it again later.

    The id of the command is made of the content, so that the same table is one effect.
    reason : who changed what, as the journal keeps it.
    """
    table = for_engine(directory)
    if not table:
        return ""
    now = clock.wall_ns()
    envelope = Envelope(
        id=f"people-{hashlib.sha256(repr(table).encode()).hexdigest()[:16]}-{now}",
        person=SYSTEM,
        epoch=0,
        expires_at=Nanos(now + EXPIRES),
        command=SetPeople(people=table),
        reason=reason,
        door="web",
    )
    try:
        await desk.submit(envelope, TELL_S)
    except Refused as refused:
        return str(refused)
    except (ConnectionError, TimeoutError):
        return "the engine has not answered"
    return ""
