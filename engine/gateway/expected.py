"""GET /api/v1/pretrade and /api/v1/twin: what an order would cost, by simulation in the worker.

The question is made here from what the person types and what the desk shows; the browser repeats
it while it waits, which keeps it alive. The ranking is by the client's objective, best first.
"""

import asyncio
import math
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query
from starlette.responses import Response

from engine.domain.errors import Refused
from engine.domain.orders import Objective
from engine.domain.strategy import STRATEGIES
from engine.gateway.ask import Ask, number_of
from engine.gateway.fresh import fresh
from engine.gateway.grants import Grants
from engine.gateway.live import audience_of
from engine.gateway.ports import Questions
from engine.gateway.viewer import viewer
from engine.lab.ranking import Scored, score

ANSWER_S: Final = 2.0
DOWN: Final = "the worker is not there: no simulation now, orders go on as always"


class Expected:
    """Questions to the worker about orders."""

    def __init__(self, ask: Ask, worker: Questions | None) -> None:
        self._ask = ask
        self._worker = worker

    async def of(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        """How far the answer is; what cannot be answered is an answer in words, too."""
        if self._worker is None:
            return no_answer(DOWN)
        try:
            found: dict[str, Any] = await self._worker.ask(name, args, ANSWER_S)
        except Refused as refused:
            return no_answer(str(refused))
        except TimeoutError:
            return no_answer("the worker has not answered in time: asked again")
        except ConnectionError:
            return no_answer(DOWN)
        return found

    def market(self) -> dict[str, Any]:
        """What the desk says of the day; Refused when nothing can be asked of it."""
        desk = self._ask.desk_row()
        if not desk:
            raise Refused("the engine has said nothing yet")
        return {"mode": str(desk["mode"]), "day": str(desk["day"]), "open_at": int(desk["open_at"])}

    def now(self) -> int:
        """The market's clock; Refused while it is closed."""
        desk = self._ask.desk_row()
        if desk.get("session") == "CLOSED":
            raise Refused("the market is closed: there is no path to simulate from here")
        return int(desk["market_at"])

    def ways(self, names: list[str], chosen: str, own: dict[str, float]) -> list[dict[str, Any]]:
        """Strategies as they would run now; the chosen one with values of its own."""
        rows = self._ask.rows("strategies")
        found = []
        for name in names:
            row = rows.get(name, {})
            values: Any = row.get("values") or {}
            more = own if name == chosen else {}
            model = str(row.get("model") or "")
            found.append({"strategy": name, "values": {**values, **more}, "model": model})
        return found

    def of_parent(self, row: dict[str, Any]) -> dict[str, Any]:
        """The question of an order's twin: its terms as they stand, the market of its start."""
        if row["state"] in ("NEEDS_APPROVAL", "REFUSED"):
            raise Refused(f"{row['id']} has not started: it has no twin")
        tick = self._ask.rows("quotes").get(row["symbol"], {}).get("tick_size")
        if not isinstance(tick, float):
            raise Refused(f"{row['symbol']} is not traded today: its twin cannot be simulated")
        names = [row["strategy"], *(name for name in STRATEGIES if name != row["strategy"])]
        return {
            "mode": self.market()["mode"],
            "day": row["day"],
            "open_at": row["day_open_at"],
            "at": row["accepted_at"],
            "symbol": row["symbol"],
            "side": row["side"],
            "quantity": row["quantity"],
            "horizon_ns": row["end_at"] - row["accepted_at"],
            "limit_price": 0 if row["limit"] is None else round(row["limit"] / tick),
            "exclude": list(row["excluded"]),
            "ways": self.ways(names, row["strategy"], row["overrides"]),
        }

    async def record(self, number: int) -> dict[str, Any] | None:
        """A parent of any day that the viewer may see, with the open of its day."""
        audience = audience_of(viewer())
        return await asyncio.to_thread(self._ask.record_of, number, audience)


def no_answer(detail: str) -> dict[str, Any]:
    """In the place of an answer: why there is none."""
    return {"state": "refused", "detail": detail}


def parameters_of(text: str) -> dict[str, float]:
    """``name:value,name:value``; Refused when it is not that."""
    found: dict[str, float] = {}
    for part in text.split(",") if text else ():
        name, _, value = part.partition(":")
        try:
            found[name] = float(value)
        except ValueError:
            raise Refused(f"{name} must be a number, was {value!r}", field=name) from None
        if not math.isfinite(found[name]):
            raise Refused(f"{name} must be a number, was {value!r}", field=name)
    return found


def by_objective(told: dict[str, Any], objective: Objective, risk_aversion: float) -> None:
    """Put the rows of the table in the order of the objective, each with its score."""
    table = told.get("table")
    if table is None:
        return
    for row in table["rows"]:
        seen = msgspec.convert({name: row[name] for name in Scored.__struct_fields__}, Scored)
        row["score"] = score(seen, objective, risk_aversion)
    table["rows"].sort(key=lambda row: row["score"])


def routes(expected: Expected, grants: Grants) -> APIRouter:
    """Two reads; the first for those who may send orders."""
    router = APIRouter()
    grants.route("GET", "/api/v1/pretrade", "order.submit")
    grants.route("GET", "/api/v1/twin/*", "view.desk")
    _pretrade(router, expected)
    _twin(router, expected)
    return router


def _pretrade(router: APIRouter, expected: Expected) -> None:
    @router.get("/api/v1/pretrade")
    async def pretrade(  # noqa: PLR0913 (each is one field of the ticket)
        ticket: Annotated[str, Query(max_length=40)],
        symbol: Annotated[str, Query(max_length=16)],
        side: Annotated[int, Query(ge=-1, le=1)],
        quantity: Annotated[int, Query(ge=1, le=10**10)],
        horizon_ns: Annotated[int, Query(ge=1, le=10**14)],
        strategy: Annotated[str, Query(max_length=16)],
        parameters: Annotated[str, Query(max_length=600)] = "",
        limit_price: Annotated[int, Query(ge=0, le=10**9)] = 0,
        exclude: Annotated[str, Query(max_length=200)] = "",
        objective: Objective = Objective.IMPACT,
        risk_aversion: Annotated[float, Query(ge=0, le=20)] = 0.0,
        again: Annotated[int, Query(ge=0, le=1)] = 0,
    ) -> Response:
        """Every strategy's expected cost from the market as it is now; repeat it to hear more."""
        try:
            if strategy not in STRATEGIES:
                raise Refused(f"there is no strategy {strategy!r}", field="strategy")
            if side == 0:
                raise Refused("side must be 1, a buy, or -1, a sell, was 0", field="side")
            own = parameters_of(parameters)
            args = expected.market() | {
                "ticket": f"{viewer().person_id} {ticket}",
                "again": bool(again),
                "at": expected.now(),
                "symbol": symbol,
                "side": side,
                "quantity": quantity,
                "horizon_ns": horizon_ns,
                "limit_price": limit_price,
                "exclude": exclude.split(",") if exclude else [],
                "ways": expected.ways(list(STRATEGIES), strategy, own),
            }
        except Refused as refused:
            return fresh(no_answer(str(refused)))
        told = await expected.of("pretrade", args)
        by_objective(told, objective, risk_aversion)
        return fresh(told)


def _twin(router: APIRouter, expected: Expected) -> None:
    @router.get("/api/v1/twin/{parent}")
    async def twin(
        parent: str,
        ticket: Annotated[str, Query(max_length=40)],
        again: Annotated[int, Query(ge=0, le=1)] = 0,
    ) -> Response:
        """The order from its start under the other strategies; repeat it to hear more."""
        number = number_of(parent)
        found = None if number is None else await expected.record(number)
        if found is None:
            return fresh(no_answer(f"there is no order {parent} in the read tables yet"))
        try:
            args = expected.of_parent(found) | {
                "ticket": f"{viewer().person_id} {ticket}", "again": bool(again),
            }  # fmt: skip
        except Refused as refused:
            return fresh(no_answer(str(refused)))
        return fresh(await expected.of("twin", args))
