"""Log-in, log-out, giving the password again, a new password, the first administrator.

Passwords are checked by argon2 in a thread, two at a time: more would starve the desk.
"""

import asyncio
import hmac
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from db.people import People, PersonRow
from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway import plain
from engine.gateway.credentials import check_login, check_password, check_words
from engine.gateway.grants import LOGIN, PUBLIC, Grants
from engine.gateway.guard import ACCOUNT_PAGE, COOKIE, session_cookie
from engine.gateway.keys import Keys, stream_of
from engine.gateway.live import Hub
from engine.gateway.people import DESK
from engine.gateway.plain_keys import section
from engine.gateway.ports import Clock
from engine.gateway.problems import problem
from engine.gateway.sessions import LIFETIME, SECOND, Directory, digest
from engine.gateway.viewer import Viewer, viewer

CHECKS_AT_ONCE: Final = 2
WRONG: Final = "login or password is wrong"


class LoginBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the log-in form sends."""

    login: str
    password: str
    next: str = "/"


class PasswordBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The password again."""

    password: str


class FirstAdminBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the first-start form sends."""

    token: str
    login: str
    name: str
    password: str
    next: str = "/"


class NewPasswordBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the password form sends; a person types the new one twice."""

    old: str
    new: str
    again: str | None = None
    next: str = "/"


@dataclass(slots=True, kw_only=True)
class Logins:
    """Everything the log-in routes need."""

    people: People
    directory: Directory
    hasher: PasswordHasher
    clock: Clock
    hub: Hub
    keys: Keys
    secure: bool  # cookies only over TLS
    token: str = ""  # one-time token of the first administrator
    demo_file: str = ""
    decoy: str = ""  # a hash nobody has, so that unknown logins take as long as known ones
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CHECKS_AT_ONCE))
    changes: asyncio.Lock = field(default_factory=asyncio.Lock)  # one change of people at a time
    people_changed: asyncio.Event = field(default_factory=asyncio.Event)
    notes: list[str] = field(default_factory=list)  # who changed what, for the journal

    async def verify(self, person_id: str | None, password: str) -> bool:
        """Whether the password is right; takes the same time for a login that does not exist."""
        async with self.slots:
            return await asyncio.to_thread(self._verify, person_id, password)

    def _verify(self, person_id: str | None, password: str) -> bool:
        stored = self.people.password_hash(person_id) if person_id is not None else None
        # made at the first check of all, so that no answer tells by its time who exists
        self.decoy = self.decoy or self.hasher.hash("nobody has this password")
        try:
            self.hasher.verify(stored or self.decoy, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
        return stored is not None

    def find(self, login: str) -> PersonRow | None:
        """The active person behind a login."""
        return next(
            (p for p in self.directory.persons.values() if p.login == login and p.active), None
        )

    def unchanged(self, person: PersonRow) -> bool:
        """Whether the person may still come in with the password that was just checked."""
        now = self.directory.persons.get(person.person_id)
        return now is not None and now.active and now.password_at == person.password_at

    async def enter(self, person: PersonRow, old_cookie: str, next_path: str) -> Response:
        """Start a session under a new id; a session the browser had before ends."""
        if old_cookie:
            await self.leave(digest(old_cookie))
        session_id, row = self.directory.start(person.person_id, self.clock.wall_ns())
        await asyncio.to_thread(self.people.add_session, row)
        if row.session_hash not in self.directory.sessions:  # ended while it was written
            await asyncio.to_thread(self.people.end_sessions, (row.session_hash,))
            return problem(401, WRONG)
        to = ACCOUNT_PAGE if person.must_change else safe_next(next_path)
        response = Response(msgspec.json.encode({"next": to}), media_type="application/json")
        response.set_cookie(
            COOKIE, session_id, max_age=LIFETIME // SECOND, httponly=True, samesite="strict",
            secure=self.secure, path="/",
        )  # fmt: skip
        return response

    async def leave(self, session_hash: str) -> None:
        """End a session: its cookie is dead and its streams close."""
        self.directory.end(session_hash)
        self.hub.close_sessions((session_hash,))
        await asyncio.to_thread(self.people.end_sessions, (session_hash,))

    async def end_all(self, person_id: str, by: str) -> tuple[str, ...]:
        """Log a person out everywhere: cookies and keys are dead, streams close.

        by : who ended them; the prefixes of the keys that ended come back.
        """
        ended = self.directory.end_all(person_id)
        mine = [row.prefix for row in self.keys.of_person(person_id)]
        self.hub.close_sessions((*ended, *map(stream_of, mine)))
        revoked = await self.keys.revoke(mine, by, self.clock.wall_ns())
        await asyncio.to_thread(self.people.end_sessions, ended)
        return revoked

    async def hashed(self, password: str) -> str:
        """The hash of a new password."""
        async with self.slots:
            return await asyncio.to_thread(self.hasher.hash, password)

    async def set_password(self, row: PersonRow, hashed: str, *, must_change: bool) -> PersonRow:
        """Write a new password; the row as it is then."""
        now = self.clock.wall_ns()
        await asyncio.to_thread(
            self.people.set_password_hash, row.person_id, hashed, now, must_change=must_change
        )
        return replace(row, must_change=must_change, password_at=now)

    def tell(self, note: str) -> None:
        """Let the engine know the people of now, and who changed what."""
        self.notes.append(note)
        self.people_changed.set()


def safe_next(path: str) -> str:
    """Where to go after log-in: a path of this desk, never another site."""
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if safe and path.isprintable() else "/"


def routes(logins: Logins, grants: Grants, mark: str = "") -> APIRouter:
    """All routes of this module, each with its rule."""
    router = APIRouter()
    _login_routes(router, logins, grants, mark)
    _session_routes(router, logins, grants)
    _first_admin_routes(router, logins, grants)
    _password_routes(router, logins, grants)
    return router


def _address(request: Request) -> str:
    return "address:" + (request.client.host if request.client is not None else "unknown")


def _login_routes(router: APIRouter, logins: Logins, grants: Grants, mark: str) -> None:
    grants.route("GET", "/login", PUBLIC)
    grants.route("POST", "/login", PUBLIC)

    @router.get("/login", include_in_schema=False)
    async def show(next: str = "/") -> Response:  # noqa: A002 (the name of the query field)
        """The log-in page."""
        if logins.token and not logins.directory.persons:
            return RedirectResponse("/first-admin", status_code=303)
        return plain.login_page(safe_next(next), logins.demo_file, mark)

    @router.post("/login", include_in_schema=False)
    async def log_in(request: Request) -> Response:
        """Check the password and start a session."""
        try:
            body = msgspec.json.decode(await request.body(), type=LoginBody)
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        now = logins.clock.wall_ns()
        keys = (f"login:{body.login}", _address(request))
        tries = logins.directory.tries
        wait = tries.wait_ns(keys, now)
        if wait:
            seconds = -(-wait // SECOND)
            return problem(429, f"too many wrong tries: wait {seconds} s", retry_after_s=seconds)
        tries.fail(keys, now)  # counted before the check, so that parallel tries count too
        person = logins.find(body.login)
        right = await logins.verify(person.person_id if person else None, body.password)
        if person is None or not right or not logins.unchanged(person):
            return problem(401, WRONG)
        tries.forget(keys)
        return await logins.enter(person, session_cookie(request.headers), body.next)


def _session_routes(router: APIRouter, logins: Logins, grants: Grants) -> None:
    grants.route("POST", "/api/v1/logout", LOGIN)
    grants.route("POST", "/api/v1/reauthenticate", LOGIN)
    grants.route("POST", "/api/v1/activity", LOGIN)

    @router.post("/api/v1/logout")
    async def log_out() -> Response:
        """End this session."""
        await logins.leave(viewer().session)
        response = Response(b'{"next":"/login"}', media_type="application/json")
        response.delete_cookie(COOKIE, path="/")
        return response

    @router.post("/api/v1/reauthenticate")
    async def again(request: Request) -> Response:
        """Give the password again: unlocks an idle session and counts as fresh for 5 minutes."""
        try:
            body = msgspec.json.decode(await request.body(), type=PasswordBody)
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        now = logins.clock.wall_ns()
        wrong = await _wrong_again(
            logins, request, body.password, problem(403, "the password is wrong", field="password")
        )
        if wrong is not None:
            return wrong
        logins.directory.reauthenticated(viewer().session, now)
        return Response(b'{"fresh":true}', media_type="application/json")

    @router.post("/api/v1/activity")
    async def activity() -> Response:
        """The person touched the page; an idle session stays idle."""
        someone, now = viewer(), logins.clock.wall_ns()
        logins.directory.acted(someone.session, now)
        idle = logins.directory.idle(someone.session, now)
        return Response(msgspec.json.encode({"idle": idle}), media_type="application/json")


def _first_admin_routes(router: APIRouter, logins: Logins, grants: Grants) -> None:
    grants.route("GET", "/first-admin", PUBLIC)
    grants.route("POST", "/first-admin", PUBLIC)

    @router.get("/first-admin", include_in_schema=False)
    async def show() -> Response:
        """The form of the first start."""
        if not logins.token:
            return RedirectResponse("/login", status_code=303)
        return plain.first_admin_page()

    @router.post("/first-admin", include_in_schema=False)
    async def create(request: Request) -> Response:
        """Create the first administrator, once, with the token of the terminal."""
        try:
            body = msgspec.json.decode(await request.body(), type=FirstAdminBody)
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        token, keys, now = logins.token, (_address(request),), logins.clock.wall_ns()
        if logins.directory.tries.wait_ns(keys, now):
            return problem(429, "too many wrong tries: wait a minute")
        if not token or not hmac.compare_digest(body.token.encode(), token.encode()):
            logins.directory.tries.fail(keys, now)
            return problem(403, "the token is wrong or was used", field="token")
        try:
            person = PersonRow(
                person_id="u1", login=check_login(body.login), desk=DESK, roles=(Role.ADMIN,),
                name=check_words(body.name, "name"), password_at=now,
            )  # fmt: skip
            check_password(body.password, body.login)
        except Refused as refused:
            return problem(422, str(refused), field=refused.field)
        logins.token = ""
        hashed = await logins.hashed(body.password)
        await asyncio.to_thread(logins.people.add_person, person, hashed, now)
        logins.directory.persons[person.person_id] = person
        logins.tell("u1 is the first administrator")
        return await logins.enter(person, session_cookie(request.headers), body.next)


async def _wrong_again(
    logins: Logins, request: Request, password: str, refusal: Response
) -> Response | None:
    """Ask the person looking for the password again; None when it is right, tries are counted."""
    person_id, now = viewer().person_id, logins.clock.wall_ns()
    keys = (f"again:{person_id}", _address(request))
    if logins.directory.tries.wait_ns(keys, now):
        return problem(429, "too many wrong tries: wait a minute")
    logins.directory.tries.fail(keys, now)
    if not await logins.verify(person_id, password):
        return refusal
    logins.directory.tries.forget(keys)
    return None


def _password_routes(router: APIRouter, logins: Logins, grants: Grants) -> None:
    grants.route("GET", ACCOUNT_PAGE, LOGIN)
    grants.route("POST", "/api/v1/password", LOGIN)

    @router.get(ACCOUNT_PAGE, include_in_schema=False)
    async def show() -> Response:
        """The form for the own password, and the own keys; the only page while one is due."""
        someone, due = viewer(), viewer().must_change
        rows = logins.keys.of_person(someone.person_id)
        keys = "" if due else section(rows, someone, logins.clock.wall_ns())
        return plain.password_page(csrf=someone.csrf, due=due, keys=keys)

    @router.post("/api/v1/password")
    async def change(request: Request) -> Response:
        """Change the own password: every session ends, this browser gets a new one."""
        try:
            body = msgspec.json.decode(await request.body(), type=NewPasswordBody)
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        someone = viewer()
        wrong = await _wrong_again(
            logins, request, body.old, problem(403, "the old password is wrong", field="old")
        )
        if wrong is not None:
            return wrong
        try:
            row = await _new_password(logins, someone, body)
        except Refused as refused:
            return problem(422, str(refused), field=refused.field)
        return await logins.enter(row, "", body.next)


async def _new_password(logins: Logins, someone: Viewer, body: NewPasswordBody) -> PersonRow:
    """Check, write and make effective; refused when the login ended meanwhile."""
    person = logins.directory.persons[someone.person_id]
    if body.again is not None and body.again != body.new:
        raise Refused("the two new passwords differ", field="again")
    if body.new == body.old:
        raise Refused("the new password must differ from the old one", field="new")
    hashed = await logins.hashed(check_password(body.new, person.login, "new"))
    async with logins.changes:
        if someone.session not in logins.directory.sessions or not logins.unchanged(person):
            raise Refused("this login has ended: log in again")
        row = logins.directory.persons[someone.person_id]
        row = await logins.set_password(row, hashed, must_change=False)
        logins.directory.persons[row.person_id] = row
        revoked = await logins.end_all(row.person_id, row.person_id)
        if revoked:
            logins.tell(f"{row.person_id} changed their password: keys {' '.join(revoked)} ended")
    return row
