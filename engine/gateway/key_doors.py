"""GET and POST /api/v1/keys: a person lists, makes and revokes keys; administrators revoke all.

Every change is told to the engine, so that the journal holds who made or ended which key.
"""

import msgspec
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from db.keys import KeyRow
from engine.domain.errors import Refused
from engine.gateway.grants import LOGIN, Grants
from engine.gateway.keys import DAYS, alive, state_of, stream_of
from engine.gateway.login import Logins
from engine.gateway.manage import MANAGE
from engine.gateway.problems import problem
from engine.gateway.viewer import Viewer, viewer


class KeyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new key."""

    name: str
    scope: str = "read"
    days: int = DAYS


def shown(row: KeyRow, now: int) -> dict[str, object]:
    """A key without anything of the key but its prefix."""
    return {
        "prefix": f"qdk_{row.prefix}",
        "owner": row.person_id,
        "name": row.name,
        "scope": row.scope,
        "state": state_of(row, now),
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
        "revoked_by": row.revoked_by,
    }


async def _made(logins: Logins, body: KeyBody, someone: Viewer) -> Response:
    """Make a key; the answer is the only place where it is ever seen."""
    now = logins.clock.wall_ns()
    if not logins.directory.fresh(someone.session, now):
        return problem(403, "this act asks for your password", kind="fresh")
    async with logins.changes:
        person = logins.directory.persons[someone.person_id]
        if someone.session not in logins.directory.sessions or not person.active:
            raise Refused("this login has ended: log in again")
        key, row = logins.keys.new(
            person, name=body.name, scope=body.scope, days=body.days, now=now
        )
        await logins.keys.keep(row)
        days = (row.expires_at - row.created_at) // 86_400_000_000_000
        logins.tell(f"{someone.person_id} made key {row.prefix}: {row.scope}, {days} days")
    answer = msgspec.json.encode({**shown(row, now), "key": key})
    return Response(answer, status_code=201, media_type="application/json")


async def _revoked(logins: Logins, prefix: str, someone: Viewer) -> Response:
    """End a key of one's own, or anybody's for an administrator; its streams close."""
    row = logins.directory.keys.get(prefix.removeprefix("qdk_"))
    if row is None or not (row.person_id == someone.person_id or someone.may(MANAGE)):
        return problem(404, "you have no such key")
    now = logins.clock.wall_ns()
    if not alive(row, now):
        return problem(422, f"this key has ended: it is {state_of(row, now)}")
    await logins.keys.revoke((row.prefix,), someone.person_id, now)
    logins.hub.close_sessions((stream_of(row.prefix),))
    logins.tell(f"{someone.person_id} revoked key {row.prefix} of {row.person_id}")
    answer = msgspec.json.encode(shown(logins.directory.keys[row.prefix], now))
    return Response(answer, media_type="application/json")


def key_routes(logins: Logins, grants: Grants) -> APIRouter:
    """The doors of keys: for people in a browser, whatever their roles."""
    router = APIRouter()
    grants.route("GET", "/api/v1/keys", LOGIN)
    grants.route("POST", "/api/v1/keys", LOGIN)
    grants.route("POST", "/api/v1/keys/*", LOGIN)

    @router.get("/api/v1/keys")
    async def mine() -> Response:
        """My keys, newest first; administrators see everybody's."""
        someone, now = viewer(), logins.clock.wall_ns()
        rows = logins.keys.of_person(someone.person_id)
        if someone.may(MANAGE):
            rows = list(reversed(logins.directory.keys.values()))
        body = msgspec.json.encode({"items": [shown(row, now) for row in rows]})
        return Response(body, media_type="application/json")

    @router.post("/api/v1/keys", status_code=201)
    async def make(request: Request) -> Response:
        """Make a key for a program; asks for the password, shows the key once."""
        try:
            body = msgspec.json.decode(await request.body(), type=KeyBody)
            return await _made(logins, body, viewer())
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        except Refused as refused:
            return problem(422, str(refused), kind="refused", field=refused.field)

    @router.post("/api/v1/keys/{prefix}/revoke")
    async def revoke(prefix: str) -> Response:
        """Revoke a key at once; its streams end."""
        return await _revoked(logins, prefix, viewer())

    return router


def describe(server: FastAPI) -> None:
    """Say in the OpenAPI description how a program shows who it is."""
    plain = server.openapi

    def described() -> dict[str, object]:
        document = plain()
        document.setdefault("components", {})["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer", "bearerFormat": "qdk_..."},
            "login": {"type": "apiKey", "in": "cookie", "name": "qd_session"},
        }
        document["security"] = [{"key": []}, {"login": []}]
        return document

    server.openapi = described  # type: ignore[method-assign]
