"""GET /api/v1/evidence/R-3: what a change would cost, by simulation in the worker.

One reference order on the same paths twice, with the values in force and with those proposed, from
the market as it is. Whoever looks repeats the question, which keeps it alive. The finished answer
is attached to the request by the desk itself, beside exactly the content that it is about.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from engine.domain.commands import AttachEvidence, Envelope
from engine.domain.errors import Refused
from engine.domain.governance import Evidence, Side
from engine.domain.units import MINUTE, Nanos, PersonId
from engine.gateway.commands import ANSWER_S, EXPIRES
from engine.gateway.expected import Expected, no_answer
from engine.gateway.fresh import fresh
from engine.gateway.grants import Grants
from engine.gateway.live import Hub
from engine.gateway.ports import Clock, Desk

BEFORE: Final = "in force"
AFTER: Final = "proposed"
PART: Final = 0.05  # of the average day: the reference order
LASTS: Final = 60 * MINUTE
SYSTEM: Final = PersonId("system")


def reference(symbol: str, quotes: Mapping[str, Mapping[str, Any]]) -> tuple[str, int]:
    """Symbol and quantity of the reference order, in whole lots; "" = the first one there is."""
    if not quotes:
        raise Refused("there is no quote yet: nothing to simulate a change on")
    name = symbol or min(quotes)
    if name not in quotes:
        raise Refused(f"symbol must be one of {', '.join(sorted(quotes))}, was {symbol!r}",
                      field="symbol")  # fmt: skip
    row = quotes[name]
    lot = int(row["lot"])
    return name, max(lot, int(PART * int(row["adv"])) // lot * lot)


def ways_of(change: Mapping[str, Any], strategy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same strategy with what is in force and with what is proposed."""
    now = dict(strategy.get("values") or {})
    model = str(strategy.get("model") or "")
    proposed = model if change["model"] is None else str(change["model"])
    name = change["strategy"]
    return [
        {"strategy": name, "name": BEFORE, "values": now, "model": model},
        {"strategy": name, "name": AFTER, "values": {**now, **change["values"]},
         "model": proposed},
    ]  # fmt: skip


def side_of(row: dict[str, Any]) -> Side:
    """One line of the table."""
    return Side(
        cost_bps=row["cost"], low_bps=row["low"], high_bps=row["high"], worst_bps=row["worst"],
        participation=row["participation"], unfinished=row["unfinished"],
    )  # fmt: skip


def gain_of(before: dict[str, Any], after: dict[str, Any]) -> tuple[Any, Any, Any]:
    """In force minus proposed on the same paths, with its interval; + = proposed is cheaper. [bp]

    The table gives how far the dearer one is behind the cheaper one; None where it leaves shares
    over on some path, because what is left over has no cost to compare.
    """
    if before["behind"] is not None:
        return before["behind"], before["behind_low"], before["behind_high"]
    if after["behind"] is None:
        return None, None, None
    low, high = after["behind_low"], after["behind_high"]
    return (
        -after["behind"],
        None if high is None else -high,
        None if low is None else -low,
    )


def evidence_of(told: dict[str, Any], args: dict[str, Any]) -> Evidence:
    """What the finished answer says, as it is kept beside the request."""
    rows = {row["strategy"]: row for row in told["table"]["rows"]}
    before, after = rows[BEFORE], rows[AFTER]
    gain, low, high = gain_of(before, after)
    return Evidence(
        symbol=args["symbol"], side=args["side"], quantity=args["quantity"],
        minutes=args["horizon_ns"] / MINUTE, n=told["table"]["n"], seed=int(told["seed"]),
        before=side_of(before), after=side_of(after), gain_bps=gain, gain_low_bps=low,
        gain_high_bps=high, question=str(told["question"]), market=str(told["market"])[:10],
        asked_at=Nanos(int(told["at"])),
    )  # fmt: skip


class Attacher:
    """Asks the worker about a change, and gives the finished answer to the engine."""

    def __init__(self, expected: Expected, desk: Desk, hub: Hub, clock: Clock) -> None:
        self._expected, self._desk = expected, desk
        self._hub, self._clock = hub, clock

    async def look(self, key: str, symbol: str, side: int) -> dict[str, Any]:
        """How far the answer about a change is; Refused when nothing can be asked."""
        change = self._hub.last_rows("changes").get(key)
        if change is None or change["state"] != "OPEN":
            raise Refused(f"{key} is no open change request")
        name, quantity = reference(symbol, self._hub.last_rows("quotes"))
        args = self._expected.market() | {
            "ticket": f"evidence {key}",
            "at": self._expected.now(),
            "symbol": name,
            "side": 1 if side >= 0 else -1,
            "quantity": quantity,
            "horizon_ns": int(LASTS),
            "ways": ways_of(
                change, self._hub.last_rows("strategies").get(str(change["strategy"]), {})
            ),
        }
        told = await self._expected.of("pretrade", args)
        told["order"] = {n: args[n] for n in ("symbol", "side", "quantity", "horizon_ns")}
        told["content_hash"] = change["content_hash"]
        if told["state"] == "done":
            told["attached"] = await self._attach(key, change, evidence_of(told, args))
        return told

    async def _attach(self, key: str, change: Mapping[str, Any], found: Evidence) -> str:
        """Give it to the engine, once; "" or why it was not taken."""
        known = change.get("evidence")
        if known and known["question"] == found.question:
            return ""
        digest = str(change["content_hash"])
        now = self._clock.wall_ns()
        envelope = Envelope(
            id=f"worker-evidence-{key}-{digest[:12]}-{found.question}-{found.side}",
            person=SYSTEM,
            epoch=0,
            expires_at=Nanos(now + EXPIRES),
            command=AttachEvidence(change_id=int(key[2:]), content_hash=digest, evidence=found),
            door="web",
        )
        try:
            await self._desk.submit(envelope, ANSWER_S)
        except Refused as refused:
            return str(refused)
        except (ConnectionError, TimeoutError):
            return "the engine has not answered: asked again"
        return ""


def routes(attacher: Attacher, grants: Grants) -> APIRouter:
    """One read, for whoever sees the requests."""
    router = APIRouter()
    grants.route("GET", "/api/v1/evidence/*", "view.approvals")

    @router.get("/api/v1/evidence/{change}")
    async def evidence(
        change: str,
        symbol: Annotated[str, Query(max_length=16)] = "",
        side: Annotated[int, Query(ge=-1, le=1)] = 1,
    ) -> Response:
        """A change on simulated paths; repeat it to hear more, the end is attached to it."""
        try:
            found = await attacher.look(change, symbol, side)
        except Refused as refused:
            found = no_answer(str(refused))
        return fresh(found)

    return router
