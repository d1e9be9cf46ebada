"""People management: who may come in, as what, up to which size. For administrators.

Every change is one act at a time. It is written first, then it holds here at once (sessions and
streams of the person end), then the engine is told the whole table with who changed what.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from db.people import PersonRow
from engine.domain.errors import Refused
from engine.domain.people import Role, may
from engine.gateway.credentials import check_login, check_password, check_words, one_time
from engine.gateway.grants import Grants
from engine.gateway.login import Logins
from engine.gateway.people import DESK
from engine.gateway.problems import problem
from engine.gateway.sessions import roles_of
from engine.gateway.viewer import Viewer, viewer

MANAGE: Final = "people.manage"
LIMIT_MAX: Final = 1e12  # [currency]


class AddBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new person. Without a password a random one is made and given back once."""

    login: str
    name: str
    roles: list[Role]
    desk: str = DESK
    max_notional: float = 0.0
    password: str = ""


class ChangeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change of a person; None = leave as it is."""

    name: str | None = None
    roles: list[Role] | None = None
    active: bool | None = None
    desk: str | None = None
    max_notional: float | None = None
    reset_password: bool = False  # a random one-time password takes the place of theirs


def check_roles(roles: list[Role]) -> tuple[Role, ...]:
    """At least one role, each once, never that of the desk itself."""
    if not roles:
        raise Refused(
            "a person must have a role; to keep somebody out, switch them off", field="roles"
        )
    if Role.SYSTEM in roles:
        raise Refused("system is never the role of a person", field="roles")
    return tuple(sorted(set(roles)))


def check_limit(limit: float) -> float:
    """The personal size limit of one parent. [currency]"""
    if not (math.isfinite(limit) and 0 <= limit <= LIMIT_MAX):
        raise Refused(
            f"the limit must be between 0 and {LIMIT_MAX:g}, was {limit:g}", field="max_notional"
        )
    return limit


def changed(person: PersonRow, body: ChangeBody) -> PersonRow:
    """The person as asked for; the same row when nothing differs."""
    row = person
    if body.name is not None:
        row = replace(row, name=check_words(body.name, "name"))
    if body.roles is not None:
        row = replace(row, roles=check_roles(body.roles))
    if body.desk is not None:
        row = replace(row, desk=check_words(body.desk, "desk"))
    if body.max_notional is not None:
        row = replace(row, max_notional=check_limit(body.max_notional))
    if body.active is not None:
        row = replace(row, active=body.active)
    return row if _facts(row) != _facts(person) else person


def _facts(person: PersonRow) -> tuple[object, ...]:
    roles = frozenset(person.roles)
    return person.name, roles, person.desk, person.max_notional, person.active


def check_administrator_stays(persons: Mapping[str, PersonRow]) -> None:
    """Somebody must be able to undo what is done here."""
    if not any(p.active and may(roles_of(p), MANAGE) for p in persons.values()):
        raise Refused("at least one active administrator must stay", field="roles")


def differences(before: PersonRow, after: PersonRow) -> list[str]:
    """What changed, in words without names of people: it goes into the journal."""
    found = []
    if set(before.roles) != set(after.roles):
        found.append(f"roles {'+'.join(before.roles)} to {'+'.join(after.roles)}")
    if before.active != after.active:
        found.append("let in" if after.active else "switched off")
    if before.desk != after.desk:
        found.append(f"desk {before.desk} to {after.desk}")
    if before.max_notional != after.max_notional:
        found.append(f"limit {before.max_notional:g} to {after.max_notional:g}")
    if before.name != after.name:
        found.append("name")
    return found


def next_id(persons: Mapping[str, PersonRow]) -> str:
    """An id nobody ever had: rows never go."""
    numbers = [int(key[1:]) for key in persons if key[:1] == "u" and key[1:].isdecimal()]
    return f"u{max(numbers, default=0) + 1}"


@dataclass(slots=True, kw_only=True)
class Managing:
    """Adds and changes people."""

    logins: Logins

    async def add(self, body: AddBody, someone: Viewer) -> Response:
        """Create a person whose password must be changed at the first log-in."""
        self._check_fresh(someone)
        login = check_login(body.login)
        password = check_password(body.password, login) if body.password else one_time()
        row = PersonRow(
            person_id="",
            login=login,
            name=check_words(body.name, "name"),
            desk=check_words(body.desk, "desk"),
            roles=check_roles(body.roles),
            max_notional=check_limit(body.max_notional),
            must_change=True,
            password_at=self.logins.clock.wall_ns(),
        )
        hashed = await self.logins.hashed(password)
        async with self.logins.changes:
            self._check_still(someone)
            persons = self.logins.directory.persons
            if any(person.login == row.login for person in persons.values()):
                raise Refused(f"the login {row.login} is taken", field="login")
            row = replace(row, person_id=next_id(persons))
            await asyncio.to_thread(self.logins.people.add_person, row, hashed, row.password_at)
            persons[row.person_id] = row
            self.logins.tell(
                f"{someone.person_id} added {row.person_id}: {'+'.join(row.roles)}, desk "
                f"{row.desk}, limit {row.max_notional:g}"
            )
        return _shown(row, "" if body.password else password, 201)

    async def change(self, person_id: str, body: ChangeBody, someone: Viewer) -> Response:
        """Change a person at once; their sessions and streams end where their rights change."""
        if person_id == someone.person_id:
            raise Refused("nobody changes their own roles, limit or desk", rule=MANAGE)
        if body != ChangeBody(active=False):  # keeping somebody out never waits
            self._check_fresh(someone)
        password = one_time() if body.reset_password else ""
        hashed = await self.logins.hashed(password) if password else ""
        async with self.logins.changes:
            self._check_still(someone)
            persons = self.logins.directory.persons
            before = persons[person_id]
            row = changed(before, body)
            if row is before and not password:
                raise Refused("nothing would change")
            check_administrator_stays({**persons, person_id: row})
            if row is not before:
                await asyncio.to_thread(self.logins.people.change_person, row)
            if password:
                row = await self.logins.set_password(row, hashed, must_change=True)
            # a log-in in the meantime wrote only its instant
            persons[person_id] = replace(row, last_login_at=persons[person_id].last_login_at)
            what = differences(before, row) + (["new password"] if password else [])
            if _ends_sessions(before, row, password):
                keys = await self.logins.end_all(person_id, someone.person_id)
                what += [f"keys {' '.join(keys)} ended"] if keys else []
            self.logins.tell(f"{someone.person_id} changed {person_id}: {', '.join(what)}")
        return _shown(persons[person_id], password, 200)

    def _check_fresh(self, someone: Viewer) -> None:
        if not self.logins.directory.fresh(someone.session, self.logins.clock.wall_ns()):
            raise Refused("this act asks for your password", rule="fresh")

    def _check_still(self, someone: Viewer) -> None:
        """The administrator is still one: another may have acted while this request waited."""
        row = self.logins.directory.persons[someone.person_id]
        logged_in = someone.session in self.logins.directory.sessions
        if not (logged_in and row.active and may(roles_of(row), MANAGE)):
            raise Refused(f"this needs the permission {MANAGE}", rule=MANAGE)


def _ends_sessions(before: PersonRow, after: PersonRow, password: str) -> bool:
    rights = [(set(row.roles), row.active, row.desk) for row in (before, after)]
    return bool(password) or rights[0] != rights[1]


def _row(person: PersonRow) -> dict[str, object]:
    return {
        "id": person.person_id,
        "login": person.login,
        "name": person.name,
        "roles": list(person.roles),
        "desk": person.desk,
        "max_notional": person.max_notional,
        "active": person.active,
        "must_change": person.must_change,
        "last_login_at": person.last_login_at,
    }


def _shown(person: PersonRow, password: str, status: int) -> Response:
    """The person; with a random password, which nobody can read again."""
    body = {**_row(person), **({"password": password} if password else {})}
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json")


async def _answered(work: Callable[[], Awaitable[Response]]) -> Response:
    """The answer of an act, or its refusal as a problem document."""
    try:
        return await work()
    except msgspec.DecodeError as error:
        return problem(400, str(error))
    except Refused as refused:
        if refused.rule == "fresh":
            return problem(403, str(refused), kind="fresh")
        return problem(403 if refused.rule else 422, str(refused), field=refused.field)


def routes(logins: Logins, grants: Grants) -> APIRouter:
    """The doors of people management, all with the same permission."""
    router = APIRouter()
    managing = Managing(logins=logins)
    grants.route("GET", "/api/v1/people", MANAGE)
    grants.route("POST", "/api/v1/people", MANAGE)
    grants.route("POST", "/api/v1/people/*", MANAGE)

    @router.get("/api/v1/people")
    async def everybody() -> Response:
        """All people, those who are switched off too."""
        rows = [_row(person) for person in logins.directory.persons.values()]
        return Response(msgspec.json.encode({"items": rows}), media_type="application/json")

    @router.post("/api/v1/people", status_code=201)
    async def add(request: Request) -> Response:
        """Add a person; the answer holds the one-time password when none was given."""
        given = await request.body()
        return await _answered(
            lambda: managing.add(msgspec.json.decode(given, type=AddBody), viewer())
        )

    @router.post("/api/v1/people/{person_id}")
    async def change(person_id: str, request: Request) -> Response:
        """Change roles, desk, limit, name, whether active, or reset the password."""
        if person_id not in logins.directory.persons:
            return problem(404, f"there is no person {person_id[:40]}")
        given = await request.body()
        return await _answered(
            lambda: managing.change(
                person_id, msgspec.json.decode(given, type=ChangeBody), viewer()
            )
        )

    return router
