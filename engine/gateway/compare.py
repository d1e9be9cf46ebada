"""/api/v1/comparisons: strategies against each other on simulated paths, asked for in a browser.

The worker keeps what is asked for and works it off, whoever looks. The receipt of asking and of
ending is the row that everybody then sees: who, when, how far.
"""

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from engine.domain.people import Reach
from engine.domain.strategy import STRATEGIES
from engine.gateway.ask import Ask
from engine.gateway.expected import Expected
from engine.gateway.fresh import fresh
from engine.gateway.grants import Grants
from engine.gateway.problems import problem
from engine.gateway.viewer import viewer

PERMISSION = "comparison.ask"


class CompareBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to compare: names of a scenario and of strategies, and how many paths."""

    scenario: str
    strategies: list[str]
    paths: int
    seed: int = 1
    same_placement: bool = True
    with_models: bool = False  # the versions in force, instead of base schedules


def models_in_force(ask: Ask, names: list[str]) -> dict[str, str]:
    """Version of each strategy that has one."""
    rows = ask.rows("strategies")
    found = {name: str(rows.get(name, {}).get("model") or "") for name in names}
    return {name: model for name, model in found.items() if model and name in STRATEGIES}


def routes(expected: Expected, ask: Ask, grants: Grants) -> APIRouter:
    """One read and two acts."""
    router = APIRouter()
    grants.route("GET", "/api/v1/comparisons", "view.tca")
    grants.route("POST", "/api/v1/comparisons", PERMISSION)
    grants.route("POST", "/api/v1/comparisons/*", PERMISSION)

    async def acted(name: str, args: dict[str, object]) -> Response:
        found = await expected.of(name, args)
        if found.get("state") == "refused" and "number" not in found:
            return problem(422, str(found["detail"]), kind="refused")
        return fresh(found)

    @router.get("/api/v1/comparisons")
    async def shown() -> Response:
        """What was asked for, newest first, and what may be asked for; or why it is not known."""
        return fresh(await expected.of("compared", {}))

    @router.post("/api/v1/comparisons")
    async def compare(request: Request) -> Response:
        """Ask for one; the answer is its row."""
        try:
            body = msgspec.json.decode(await request.body(), type=CompareBody)
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        models = models_in_force(ask, body.strategies) if body.with_models else {}
        args = {
            "by": viewer().person_id,
            "scenario": body.scenario,
            "strategies": body.strategies,
            "paths": body.paths,
            "seed": body.seed,
            "same_placement": body.same_placement,
            "models": models,
        }
        return await acted("compare", args)

    @router.post("/api/v1/comparisons/{number}/end")
    async def end(number: int) -> Response:
        """End one that waits or runs: an own one, or any by whom the table lets."""
        any_of = viewer().reach(PERMISSION) == Reach.ALL
        args = {"by": viewer().person_id, "number": number, "any_of": any_of}
        return await acted("compare_end", args)

    return router
