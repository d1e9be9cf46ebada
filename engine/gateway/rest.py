"""/api/v1 reads: the same rows as the screens, the same permission table, each with its age."""

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec
import orjson
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from engine.gateway.grants import LOGIN, PUBLIC, Grants
from engine.gateway.live import Cells, Hub, audience_of
from engine.gateway.problems import problem
from engine.gateway.sessions import Directory
from engine.gateway.viewer import Viewer, viewer

TOPICS: Final = {
    "parents": "view.desk",
    "children": "view.desk",
    "uses": "view.desk",
    "venues": "view.desk",
    "kills": "view.desk",
    "alerts": "view.desk",
    "playbook": "view.playbook",
    "incidents": "view.desk",
    "holds": "view.desk",
    "pending": "view.desk",
    "books": "view.desk",
    "conditions": "view.desk",
    "quotes": "view.desk",
    "desk": "view.desk",
    "changes": "view.approvals",
    "strategies": "view.strategies",
    "limits": "view.limits",
    "limit_changes": "view.limits",
    "overrides": "view.limits",
    "disabled": "view.limits",
    "status": "view.system",
}
# what a stream may carry: each with its permission, nothing else exists
STREAMS: Final = {**TOPICS, "acks": "view.desk"}
PAGE: Final = 500  # rows in one answer at most


class Turn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an open stream should carry from now on."""

    stream: str
    topics: Annotated[list[str], msgspec.Meta(max_length=64)]
    again: Annotated[list[str], msgspec.Meta(max_length=64)] = []


def _page(hub: Hub, topic: str, after: str, limit: int) -> Response:
    """Rows in key order after the cursor, the cursor of the next page, and the age of the data."""
    rows: dict[str, Cells] = hub.rows(topic, audience_of(viewer()))
    keys = sorted(rows, key=_order)
    if after:
        keys = [key for key in keys if _order(key) > _order(after)]
    chosen = keys[:limit]
    at = hub.topics[topic].at if topic in hub.topics else None
    body = {
        "items": [{"key": key, **rows[key]} for key in chosen],
        "next": chosen[-1] if len(keys) > limit else None,
        "as_of": at,
        "age_ms": None if at is None else max(0, (hub.clock.wall_ns() - at) // 1_000_000),
    }
    return Response(orjson.dumps(body), media_type="application/json")


def _order(key: str) -> tuple[str, int, str]:
    """P-9 before P-10."""
    head, _, tail = key.rpartition("-")
    return (head, int(tail), "") if tail.isdigit() else (key, 0, tail)


def routes(hub: Hub, directory: Directory, grants: Grants) -> APIRouter:
    """One read a topic, the own person, and the live stream."""
    router = APIRouter()
    for topic, permission in TOPICS.items():
        grants.route("GET", f"/api/v1/{topic}", permission)
        _topic_route(router, hub, topic)
    grants.route("GET", "/api/v1/people/me", LOGIN)
    grants.route("GET", "/api/v1/openapi.json", LOGIN)
    grants.route("GET", "/live", "view.desk")
    grants.route("POST", "/api/v1/live", "view.desk")
    grants.route("GET", "/health", PUBLIC)

    @router.get("/api/v1/people/me")
    async def me() -> Response:
        """Who I am here."""
        someone = viewer()
        now = hub.clock.wall_ns()
        body = {
            "id": someone.person_id,
            "name": someone.name,
            "desk": someone.desk,
            "roles": list(someone.roles),
            "max_notional": getattr(directory.persons.get(someone.person_id), "max_notional", 0.0),
            "idle": directory.idle(someone.session, now),
            "fresh": directory.fresh(someone.session, now),
        }
        if someone.key:
            body |= {"key": someone.key, "until": someone.until,
                     "may": sorted(p for p in someone.scope or () if someone.may(p))}  # fmt: skip
        return Response(msgspec.json.encode(body), media_type="application/json")

    @router.get("/live")
    async def live(
        topics: Annotated[str, Query(max_length=400)], since: Annotated[str, Query()] = ""
    ) -> Response:
        """Live rows as server-sent events: a snapshot a topic, then changes."""
        someone = viewer()
        names = _open_to(someone, topics.split(","))
        ends = someone.until or directory.ends_at(someone.session)
        client = hub.join(someone, names, since, ends)
        if client is None:
            return problem(429, "this login has four live pages open: close one", kind="streams")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(
            hub.stream(client), media_type="text/event-stream", headers=headers
        )

    _turn_route(router, hub)
    return router


def _open_to(someone: Viewer, topics: Iterable[str]) -> list[str]:
    """Those of the topics that this person may see."""
    return [n for n in dict.fromkeys(topics) if n in STREAMS and someone.may(STREAMS[n])]


def _turn_route(router: APIRouter, hub: Hub) -> None:
    @router.post("/api/v1/live")
    async def turn_to(request: Request) -> Response:
        """Other topics on an open stream of this login, for the tabs that share it."""
        try:
            body = msgspec.json.decode(await request.body(), type=Turn)
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        someone = viewer()
        names = _open_to(someone, body.topics)
        if not hub.turn_to(someone.session, body.stream, names, body.again):
            return problem(404, "this login has no such stream open")
        return Response(b"{}", media_type="application/json")


def _topic_route(router: APIRouter, hub: Hub, topic: str) -> None:
    @router.get(f"/api/v1/{topic}", name=topic, summary=f"Last rows of {topic}")
    async def read(
        after: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    ) -> Response:
        """Rows this person may see; pass ``next`` back as ``after`` for the following page."""
        return _page(hub, topic, after, limit)
