"""Saved views: how a person likes to look at a page. Nobody sees or changes another's."""

import asyncio
import re
from typing import Annotated, Final

import msgspec
import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from db.people import People
from engine.domain.errors import Refused
from engine.gateway.credentials import check_words
from engine.gateway.fresh import fresh
from engine.gateway.grants import LOGIN, Grants
from engine.gateway.problems import problem
from engine.gateway.viewer import viewer

PAGES: Final = re.compile(r"[a-z]{1,20}")
NAME_MAX: Final = 40  # characters
BODY_MAX: Final = 8_000  # [byte]
VIEWS_MAX: Final = 30  # of one person and page


class ViewBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A view to keep under a name; without ``view`` the one of that name is forgotten."""

    page: str
    name: str
    view: dict[str, str | int | float | bool | list[str]] | None = None


def check_page(page: str) -> str:
    """The name of a page, as the address of views writes it."""
    if not PAGES.fullmatch(page):
        raise Refused(f"page must be up to 20 small letters, was {page[:40]!r}", field="page")
    return page


def change(people: People, person_id: str, body: ViewBody) -> None:
    """Keep or forget one view."""
    page, name = check_page(body.page), check_words(body.name, "name")
    if len(name) > NAME_MAX:
        raise Refused(f"a name must have at most {NAME_MAX} characters", field="name")
    if body.view is None:
        people.forget_view(person_id, page, name)
        return
    size = len(orjson.dumps(body.view))
    if size > BODY_MAX:
        raise Refused(f"a view must be at most {BODY_MAX} bytes, was {size}", field="view")
    known = people.saved_views(person_id, page)
    if name not in known and len(known) >= VIEWS_MAX:
        raise Refused(f"there are {VIEWS_MAX} views already: forget one", field="name")
    people.save_view(person_id, page, name, body.view)


def routes(people: People, grants: Grants) -> APIRouter:
    """The own views of a page, and one change of them."""
    router = APIRouter()
    grants.route("GET", "/api/v1/views", LOGIN)
    grants.route("POST", "/api/v1/views", LOGIN)

    async def shown(page: str) -> Response:
        found = await asyncio.to_thread(people.saved_views, viewer().person_id, page)
        return fresh({"items": found})

    @router.get("/api/v1/views")
    async def read(page: Annotated[str, Query(max_length=20)]) -> Response:
        """Views of a page by name."""
        try:
            return await shown(check_page(page))
        except Refused as refused:
            return problem(422, str(refused), field=refused.field)

    @router.post("/api/v1/views")
    async def write(request: Request) -> Response:
        """Keep a view, or forget it; the answer holds what there is now."""
        try:
            body = msgspec.json.decode(await request.body(), type=ViewBody)
            await asyncio.to_thread(change, people, viewer().person_id, body)
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        except Refused as refused:
            return problem(422, str(refused), field=refused.field)
        return await shown(body.page)

    return router
