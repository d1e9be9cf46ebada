"""The table of parts that may be down: each row live, which mode it means, what still works.

It is made here and not in the engine, so that it answers while the engine is silent. A row is
"ok", "degraded" (something is less than it should be) or "down"; "since" is when this process saw
the change.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway import status
from engine.gateway.grants import Grants
from engine.gateway.live import Cells, Hub
from engine.gateway.ports import Clock, Desk, KillSwitch
from engine.gateway.problems import problem
from engine.gateway.sessions import SECOND, Directory

OK: Final = "ok"
DEGRADED: Final = "degraded"
DOWN: Final = "down"
OLD_NS: Final = 10 * SECOND  # read tables that are further behind than this are down
PRESENCE_S: Final = 5.0  # how often the engine hears who is here
ASK_S: Final = 1.0
ALL: Final = "page, REST, command line, signal, watchdog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What happens when a part is down."""

    name: str
    new_orders: str
    cancels: str
    kill_by: str
    note: str


PARTS: Final = (
    Part(name="web", new_orders="go on as they are", cancels="yes",
         kill_by="command line, signal, watchdog", note="browsers say that there is no link"),
    Part(name="worker and read tables", new_orders="yes", cancels="yes", kill_by=ALL,
         note="history shows its age; the live view does not use it"),
    Part(name="journal and disk", new_orders="none", cancels="yes, kept in the reserve file",
         kill_by=ALL, note="opens by itself when the journal can be written again"),
    Part(name="quotes", new_orders="none in these symbols", cancels="yes", kill_by=ALL,
         note="goes on with the first sound quote"),
    Part(name="exchange", new_orders="none", cancels="kept, sent at the next log-on",
         kill_by="all; confirmed when it is back", note="asked every 0.3 s, then compared"),
    Part(name="venues", new_orders="elsewhere", cancels="unconfirmed until it is back",
         kill_by=ALL, note="its shares stay reserved; phones stand in the table of venues"),
    Part(name="engine", new_orders="none", cancels="by the watchdog",
         kill_by="watchdog, cancel on disconnect", note="ended, then the restart contract"),
    Part(name="watchdog", new_orders="none after its lease", cancels="yes",
         kill_by="page, command line, signal", note="started again by the supervisor"),
    Part(name="books", new_orders="none where they differ", cancels="yes", kill_by=ALL,
         note="heals when equal again, or people accept the difference"),
    Part(name="clock", new_orders="yes", cancels="yes", kill_by=ALL,
         note="the desk keeps its own time; nothing expires by a clock that is set"),
    Part(name="supervision", new_orders="resting only, no new parents", cancels="yes",
         kill_by=ALL, note="only where unattended_s or attendance_s is set"),
    Part(name="kill self-test", new_orders="yes", cancels="yes",
         kill_by="do not rely on it: call the venues", note="at each start and open, on demand"),
    Part(name="machine", new_orders="none", cancels="cancel on disconnect", kill_by="phone",
         note="cannot be seen from here; phones stand in the table of venues"),
)  # fmt: skip

State = tuple[str, str]  # ok, degraded or down; in words


@dataclass(slots=True, kw_only=True)
class Degraded:
    """Looks at everything that this process can see."""

    hub: Hub
    switch: KillSwitch
    clock: Clock
    lease_ms: int
    processes: Path | None
    queries: Any
    started: int = field(init=False)
    since: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.clock.wall_ns()

    def table(self) -> list[dict[str, Any]]:
        """Every part, its state now and since when, and what that means."""
        found = self.states()
        rows = []
        for part in PARTS:
            state, words = found[part.name]
            known = self.since.get(part.name)
            if known is None or known[0] != state:
                self.since[part.name] = known = (state, self.clock.wall_ns())
            rows.append(
                {
                    "part": part.name, "state": state, "words": words, "since": known[1],
                    "new_orders": part.new_orders, "cancels": part.cancels,
                    "kill_by": part.kill_by, "note": part.note,
                }
            )  # fmt: skip
        return rows

    def states(self) -> dict[str, State]:
        """State and words of every part."""
        now = self.clock.wall_ns()
        desk = self.hub.last_rows("desk").get("desk", {})
        said = self.hub.last_rows("conditions")
        gate = str(desk.get("gate", ""))
        engine = status.engine_cells(self.hub, now)
        silent = str(engine["text"]) if engine["state"] == "bad" else ""
        watchdog = status.watchdog_cells(self.switch, self.clock, self.lease_ms)
        last_word = f"unknown: the engine is {silent}" if silent else ""
        seen: dict[str, State] = {
            "web": (OK, "this answer came from it"),
            "worker and read tables": self._tables(now),
            "engine": (DOWN, silent) if silent else (OK, f"turn {engine['text']}"),
            "watchdog": (
                (OK, "its lease is fresh")
                if watchdog["state"] == "ok"
                else (DOWN, str(watchdog["text"]))
            ),
            "machine": (OK, "it runs this page"),
        }
        of_engine = {
            "journal and disk": _journal(gate, said),
            "quotes": _quotes(self.hub.last_rows("quotes")),
            "exchange": (DOWN, gate) if gate.startswith("venue") else (OK, "answers"),
            "venues": _venues(self.hub.last_rows("venues")),
            "books": _books(desk, self.hub.last_rows("books"), now),
            "clock": _condition(said, "clock", "as the desk's"),
            "supervision": _condition(
                said,
                "unattended" if "unattended" in said else "attendance",
                "somebody is here, or nobody need be",
            ),
            "kill self-test": _self_test(said, self.hub.last_rows("kills")),
        }
        for name, state in of_engine.items():
            seen[name] = (DEGRADED, last_word) if last_word else state
        return seen

    def _tables(self, now: int) -> State:
        """The worker's process and how far its projection is."""
        rows = {} if self.processes is None else status.process_cells(self.processes, now)
        worker = rows.get("process-worker")
        if worker is not None and worker["state"] != "ok":
            return DOWN, f"the worker is {worker['text']}"
        if self.queries is None:
            return DOWN, "there are no read tables"
        try:
            age = self.queries.data_as_of()
        except Refused as refusal:
            return DOWN, str(refusal)
        if age is None:
            return DEGRADED, "nothing is projected yet"
        behind = now - age.projected_at
        words = f"level with the journal {max(behind, 0) / 1e9:.1f} s ago"
        return (OK if behind <= OLD_NS else DOWN), words


def _condition(said: Mapping[str, Cells], kind: str, fine: str) -> State:
    row = said.get(kind)
    return (OK, fine) if row is None else (DEGRADED, str(row.get("sentence", "")))


def _journal(gate: str, said: Mapping[str, Cells]) -> State:
    if gate.startswith(("halted", "disk")):
        return DOWN, gate
    return _condition(said, "disk", "written and synced before anything leaves") if (
        "disk" in said
    ) else _condition(said, "journal", "written and synced before anything leaves")  # fmt: skip


def _quotes(quotes: Mapping[str, Cells]) -> State:
    waiting = {symbol: str(row.get("waits")) for symbol, row in quotes.items() if row.get("waits")}
    if not waiting:
        return (OK, f"{len(quotes)} symbols priced") if quotes else (DEGRADED, "no quote yet")
    words = "; ".join(f"{symbol}: {why}" for symbol, why in sorted(waiting.items())[:4])
    return (DOWN if len(waiting) == len(quotes) else DEGRADED), words


def _venues(venues: Mapping[str, Cells]) -> State:
    bad = [name for name, row in venues.items() if row.get("state") == "down"]
    if bad:
        return (DOWN if len(bad) == len(venues) else DEGRADED), f"down: {', '.join(sorted(bad))}"
    late = [name for name, row in venues.items() if row.get("unconfirmed")]
    if late:
        return DEGRADED, f"unconfirmed orders at {', '.join(sorted(late))}"
    return OK, f"{len(venues)} answer"


def _books(desk: Mapping[str, object], books: Mapping[str, Cells], now: int) -> State:
    if desk.get("difference"):
        return DOWN, "books and venue differ since the log-on: nothing new is sent"
    if books:
        return DEGRADED, f"differ in {', '.join(sorted(books))}"
    at = desk.get("compared_at")
    if not isinstance(at, int) or not at:
        return DEGRADED, "not compared yet"
    return OK, f"equal {max(now - at, 0) / 1e9:.0f} s ago"


def _self_test(said: Mapping[str, Cells], kills: Mapping[str, Cells]) -> State:
    if "selftest" in said:
        return DOWN, str(said["selftest"].get("sentence", ""))
    tests = [row for row in kills.values() if row.get("scope") == "drill"]
    passed = [row for row in tests if row.get("state") == "RELEASED"]
    if not passed:
        return DEGRADED, "not tested yet"
    newest = max(passed, key=lambda row: int(str(row.get("requested_at") or 0)))
    return OK, str(newest.get("release_reason") or "passed")


# --- who is here ----------------------------------------------------------------------------
def watchers(hub: Hub, directory: Directory, now: int) -> dict[str, int]:
    """Who has a page open and has done something within the idle time, by what they are.

    Whoever trades is no independent eye on it, whatever other role the person has.
    """
    here = {client.person_id for client in hub.clients if not directory.idle(client.session, now)}
    rows = [row.roles for row in map(directory.persons.get, here) if row is not None]
    return {
        "supervisors": sum(1 for roles in rows if Role.SUPERVISOR in roles),
        "traders": sum(1 for roles in rows if Role.TRADER in roles),
        "risks": sum(1 for roles in rows if Role.RISK in roles and Role.TRADER not in roles),
    }


async def tell_presence(desk: Desk, hub: Hub, directory: Directory, clock: Clock) -> None:
    """Tell the engine again and again; one that does not hear it takes nobody for present."""
    while True:
        counts = watchers(hub, directory, clock.wall_ns())
        with contextlib.suppress(Refused, TimeoutError, ConnectionError):
            # an engine that is silent or halted sends nothing either
            await desk.ask("presence", counts, ASK_S)
        await asyncio.sleep(PRESENCE_S)


# --- reads ----------------------------------------------------------------------------------
def routes(degraded: Degraded, grants: Grants) -> APIRouter:
    """The table, and how long kills took."""
    router = APIRouter()
    for name in ("degraded", "kill-latency"):
        grants.route("GET", f"/api/v1/{name}", "view.system")

    @router.get("/api/v1/degraded")
    async def table() -> Response:
        """Every part of the desk: its state, since when, what still works without it."""
        return await _answer(lambda: {"at": degraded.clock.wall_ns(), "items": degraded.table()})

    @router.get("/api/v1/kill-latency")
    async def latency() -> Response:
        """Every kill of all days, oldest first: requested, blocked, cancels sent, confirmed."""
        queries = degraded.queries
        rows = (lambda: ()) if queries is None else queries.kill_latencies
        return await _answer(lambda: {"at": degraded.clock.wall_ns(), "items": list(rows())})

    return router


async def _answer(read: Callable[[], dict[str, Any]]) -> Response:
    try:
        body = orjson.dumps(await asyncio.to_thread(read))
    except Refused as refused:
        return problem(503, str(refused), kind="refused")
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})
