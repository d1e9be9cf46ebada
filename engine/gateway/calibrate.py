"""GET /api/v1/alert-rules/{kind}: what a threshold would have done on the days that are past.

The worker answers; the browser repeats the question while it waits, which keeps it alive.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from engine.gateway.ask import Ask
from engine.gateway.expected import Expected, no_answer
from engine.gateway.fresh import fresh
from engine.gateway.grants import Grants
from engine.gateway.viewer import viewer


def routes(expected: Expected, ask: Ask, grants: Grants) -> APIRouter:
    """One read, for whoever may see the rules."""
    router = APIRouter()
    grants.route("GET", "/api/v1/alert-rules/*", "view.limits")

    @router.get("/api/v1/alert-rules/{kind}")
    async def calibrate(
        kind: str,
        value: Annotated[float, Query(allow_inf_nan=False)],
        ticket: Annotated[str, Query(max_length=40)],
        window_s: Annotated[float | None, Query(ge=0, le=600, allow_inf_nan=False)] = None,
        again: Annotated[int, Query(ge=0, le=1)] = 0,
    ) -> Response:
        """The rule in force and the one proposed, side by side; repeat it to hear more."""
        row = ask.rows("limits").get(kind)
        if row is None:
            return fresh(no_answer(f"there is no rule {kind} in force"))
        args = {
            "ticket": f"{viewer().person_id} {ticket}",
            "again": bool(again),
            "kind": kind,
            "now": float(row["value"]),
            "proposed": value,
            "window_s": float(row["window_s"] if window_s is None else window_s),
        }
        return fresh(await expected.of("calibrate", args))

    return router
