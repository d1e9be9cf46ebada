"""GET /api/v1 reads that the live rows do not carry: why a child was sent, what a kill would hit,

the charts of an order, and its record. Explanations and previews are the engine's own answers;
charts and records come from the tape and the read tables, each with its age.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import orjson
from fastapi import APIRouter, Query
from starlette.responses import Response

from db.market import thin
from engine.core import words
from engine.core.rules.scope import child_number
from engine.domain.errors import Refused
from engine.gateway.grants import Grants
from engine.gateway.live import Audience, Hub, audience_of
from engine.gateway.ports import Desk
from engine.gateway.problems import problem
from engine.gateway.viewer import viewer

ANSWER_S: Final = 2.0
NUMBER: Final = re.compile(r"[A-Z]-([0-9]{1,15})")
MOST: Final = 2_000  # points of a chart
EVERY: Final = 10**9
TURNS: Final = 200  # newest changes of mind in one answer


class Ask:
    """Answers from the engine, the tape and the read tables."""

    def __init__(self, desk: Desk, hub: Hub, queries: Any) -> None:
        self._desk = desk
        self._hub = hub
        self._queries = queries

    async def engine(self, name: str, args: dict[str, Any]) -> Response:
        """A question to the engine, as JSON."""
        try:
            answer = await self._desk.ask(name, args, ANSWER_S)
        except Refused as refused:
            return problem(404, str(refused), kind="refused")
        except TimeoutError:
            return problem(504, "the engine has not answered", kind="unknown")
        except ConnectionError:
            return problem(503, "the engine is not reachable", kind="offline")
        return _json(answer)

    async def tables(self, work: Callable[[], object]) -> Response:
        """A question to the read tables, in a thread."""
        if self._queries is None:
            return problem(503, "this desk has no read tables", kind="offline")
        try:
            found = await asyncio.to_thread(work)
        except Refused as refused:
            return problem(503, str(refused), kind="refused")
        return problem(404, "there is no such order") if found is None else _json(found)

    def row(self, parent: str, audience: Audience) -> dict[str, Any] | None:
        """The live row of a parent that this audience may see."""
        row = self._hub.last_rows("parents").get(parent)
        return dict(row) if row is not None and audience.sees("parents", row) else None

    def may_explain(self, child: str, audience: Audience) -> bool:
        """Whether the child is of today and of an order that this audience may see."""
        row = self._hub.last_rows("children").get(child)
        return row is not None and self._hub.sees(audience, "children", row)

    def desk_row(self) -> dict[str, Any]:
        """What the header shows; {} before the engine has said it."""
        return dict(self._hub.last_rows("desk").get("desk", {}))

    def rows(self, topic: str) -> Mapping[str, Mapping[str, Any]]:
        """Last rows of a topic; only for topics that everybody with the route may see."""
        return self._hub.last_rows(topic)

    def record_of(self, number: int, audience: Audience) -> dict[str, Any] | None:
        """As ``record``, with the open of its day; None without read tables too."""
        row = None if self._queries is None else self.record(number, audience)
        day = None if row is None else self._queries.day(row["day"])
        return None if row is None or day is None else row | {"day_open_at": day.open_at}

    def series(
        self, number: int, live: dict[str, Any] | None, most: int, audience: Audience
    ) -> dict[str, object] | None:
        """Charts of a parent: schedule, band, done, score; mid and VWAP; own fills.

        A live parent needs no read table for its schedule; the other parts are None with the
        sentence why while the worker has not caught up.
        """
        row = live if live is not None else self.record(number, audience)
        if row is None:
            return None
        when = str(row.get("day") or self.desk_row().get("day", ""))
        until = int(row["ended_at"] or 0)
        body: dict[str, object] = {"day": when, "refused": ""}
        rows = self._queries.market.points(when, number, EVERY)
        body["points"] = _points(thin(rows, most))
        body["turns"] = _turns(rows)
        try:
            prices = self._queries.prices(when, row["symbol"], int(row["accepted_at"]), until, most)
            body["prices"] = None if prices is None else _columns(prices)
            body["fills"] = [_fill(fill) for fill in self._queries.fills_of(number)]
        except Refused as refused:
            body["refused"] = str(refused)
        return body

    def record(self, number: int, audience: Audience) -> dict[str, Any] | None:
        """A parent of any day as the read tables have it, if this audience may see it."""
        found = self._queries.parent(number)
        row = None if found is None else msgspec.structs.asdict(found)
        return row if row is not None and audience.sees("parents", row) else None

    def order(self, number: int, audience: Audience) -> dict[str, object] | None:
        """The record of a parent: its row, its children, what people did, how old this is."""
        row = self.record(number, audience)
        if row is None:
            return None
        day = self._queries.day(row["day"])
        return {
            "parent": row,
            "children": [msgspec.structs.asdict(row) for row in self._queries.children_of(number)],
            "venues": [msgspec.structs.asdict(row) for row in self._queries.uses_of(number)],
            "commands": [
                msgspec.structs.asdict(row) for row in self._queries.commands(about=row["id"])
            ],
            "kills": [
                msgspec.structs.asdict(kill)
                | {
                    "receipts": [
                        msgspec.structs.asdict(line)
                        for line in kill.receipts
                        if line.parent == row["id"]
                    ]
                }
                for kill in self._queries.kills()
                if kill.day == row["day"] and row["kill"] == kill.id
            ],
            "day": row["day"],
            "zone": "" if day is None else day.zone,
            "as_of": _as_of(self._queries.data_as_of()),
        }


def _as_of(age: Any) -> dict[str, int] | None:
    return None if age is None else {"seq": age.seq, "market_at": age.market_at}


def _points(rows: Any) -> dict[str, object]:
    names = ("at_ns", "target", "band_low", "band_high", "filled", "score", "tilt")
    return {name: np.ascontiguousarray(rows[name]) for name in names}


def _turns(rows: Any) -> list[list[object]]:
    """Where what it does, or what binds it, became another: instant, words, done and target."""
    if len(rows) == 0:
        return []
    same = (rows["why"][1:] == rows["why"][:-1]) & (rows["binding"][1:] == rows["binding"][:-1])
    found = rows[np.concatenate(([True], ~same))][-TURNS:]
    return [
        [int(row["at_ns"]), words.WHY.get(int(row["why"]), ""),
         words.BINDING.get(int(row["binding"]), ""), int(row["filled"]), float(row["target"])]
        for row in found
    ]  # fmt: skip


def _columns(prices: Any) -> dict[str, object]:
    names = ("at_ns", "mid", "vwap", "volume")
    return {name: np.ascontiguousarray(getattr(prices, name)) for name in names}


def _fill(fill: Any) -> list[object]:
    return [
        fill.venue_at, fill.price, fill.quantity, fill.liquidity, fill.child, fill.mid, fill.fate,
    ]  # fmt: skip


def _json(body: object) -> Response:
    """JSON with the newest values only; NaN becomes null."""
    data = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(data, media_type="application/json", headers={"cache-control": "no-store"})


def number_of(text: str) -> int | None:
    """``P-42`` as the number of its type."""
    found = NUMBER.fullmatch(text)
    return int(found.group(1)) if found else None


def routes(ask: Ask, grants: Grants) -> APIRouter:
    """Four reads for those who may look at the desk."""
    router = APIRouter()
    for path in ("explain/*", "series/*", "orders/*", "preview-kill"):
        grants.route("GET", f"/api/v1/{path}", "view.desk")
    _engine_routes(router, ask)
    _table_routes(router, ask)
    return router


def _engine_routes(router: APIRouter, ask: Ask) -> None:
    @router.get("/api/v1/explain/{child}")
    async def explain(child: str) -> Response:
        """The decision record of a child in words, and whether it recomputes to the same bits."""
        if not ask.may_explain(child, audience_of(viewer())):
            return problem(404, f"there is no child {child} today")
        return await ask.engine("explain", {"child": int(child_number(child))})

    @router.get("/api/v1/preview-kill")
    async def preview(
        scope: Annotated[str, Query(max_length=20)],
        target: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        """Parents, children and notional that a kill of this scope would cover now."""
        return await ask.engine("preview_kill", {"scope": scope, "target": target})


def _table_routes(router: APIRouter, ask: Ask) -> None:
    @router.get("/api/v1/series/{parent}")
    async def series(parent: str, most: Annotated[int, Query(ge=10, le=MOST)] = MOST) -> Response:
        """Schedule, band, done and score of a parent over its life, prices and own fills."""
        number = number_of(parent)
        if number is None:
            return problem(404, f"there is no order {parent}")
        audience = audience_of(viewer())
        live = ask.row(parent, audience)
        return await ask.tables(lambda: ask.series(number, live, most, audience))

    @router.get("/api/v1/orders/{parent}")
    async def order(parent: str) -> Response:
        """A parent of any day with its children and what people did to it."""
        number = number_of(parent)
        if number is None:
            return problem(404, f"there is no order {parent}")
        audience = audience_of(viewer())
        return await ask.tables(lambda: ask.order(number, audience))
