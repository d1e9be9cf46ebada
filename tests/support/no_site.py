"""A web without pages: for tests of the doors that have nothing to do with Dash."""

from collections.abc import Callable
from typing import Any

from engine.gateway.grants import LOGIN
from engine.gateway.server import Web


class NoSite:
    def before_request_functions(self) -> list[Callable[[], Any]]:
        return [lambda: None]

    def script_hashes(self) -> list[str]:
        return []


def mount(web: Web) -> NoSite:
    @web.server.get("/_dash-layout", include_in_schema=False)
    async def layout() -> dict[str, str]:
        return {"layout": "none"}

    web.grants.route("GET", "/_dash-layout", LOGIN)
    return NoSite()
