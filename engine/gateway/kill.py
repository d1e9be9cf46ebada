"""POST /api/v1/kill and GET /kill: the way to stop that needs nothing but this process.

The flag file is written at once, from memory: no database, no engine link, no stream, no scripts.
The reason may come later; asking for it first would cost time.
"""

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from engine.core.rules.scope import child_number, number_of
from engine.domain.commands import Envelope, RequestKill
from engine.domain.errors import Refused
from engine.domain.governance import DRILL_SCOPE
from engine.domain.people import Reach
from engine.domain.units import Nanos, ParentId, PersonId, child_text, parent_text
from engine.gateway import plain
from engine.gateway.grants import LOGIN, Grants
from engine.gateway.guard import FORM
from engine.gateway.live import Hub, audience_of
from engine.gateway.ports import Clock, Desk, KillSwitch
from engine.gateway.problems import problem
from engine.gateway.viewer import Viewer, viewer

SCOPES: Final = (*(scope for scope, _text in plain.SCOPES), DRILL_SCOPE)
TRIES: Final = 5  # the engine sees the flag within a turn; the reason follows it
PAUSE_S: Final = 0.4
EXPIRES_NS: Final = 5_000_000_000
NOTED: Final = 200  # sentences that wait for a look at the page
OWN_SCOPES: Final = frozenset({"parent", "child", "trader"})


class KillRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to stop."""

    scope: str
    target: str = ""
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Kills:
    """Checks a kill and writes the flag."""

    switch: KillSwitch
    hub: Hub
    clock: Clock
    desk: Desk
    recording: "set[asyncio.Task[None]]" = field(default_factory=set)
    said: dict[str, str] = field(default_factory=dict)  # by session, shown once
    written: deque[str] = field(default_factory=lambda: deque(maxlen=50))

    def request(self, wanted: KillRequest, someone: Viewer) -> int:
        """Write the flag; its generation comes back. Raises Refused."""
        if wanted.scope not in SCOPES:
            raise Refused(f"scope must be one of {', '.join(SCOPES)}, was {wanted.scope!r}",
                          field="scope")  # fmt: skip
        if (wanted.target == "") != (wanted.scope == "all"):
            raise Refused("target must be given, except for ALL, which takes none", field="target")
        wanted = msgspec.structs.replace(wanted, target=plain_target(wanted.scope, wanted.target))
        self._permit(wanted, someone)
        now = self.clock.wall_ns()
        generation = self.switch.request(
            wanted.scope, wanted.target, someone.person_id, door=someone.door, now_ns=now
        )
        self.written.appendleft(
            f"{_utc(now)} generation {generation}: {wanted.scope} {wanted.target} by {someone.name}"
        )
        if wanted.reason:
            task = asyncio.create_task(self._record(wanted, someone, generation))
            self.recording.add(task)
            task.add_done_callback(self.recording.discard)
        return generation

    async def _record(self, wanted: KillRequest, someone: Viewer, generation: int) -> None:
        """Give the engine the reason, after the act; what became of it is noted on the page."""
        outcome = "the engine was not reachable"
        for attempt in range(TRIES):
            await asyncio.sleep(PAUSE_S)
            now = self.clock.wall_ns()
            envelope = Envelope(
                id=f"kill-{generation}-{attempt}-{secrets.token_hex(4)}",
                person=PersonId(someone.person_id),
                epoch=0,
                expires_at=Nanos(now + EXPIRES_NS),
                command=RequestKill(scope=wanted.scope, target=wanted.target),
                reason=wanted.reason,
                door=someone.door,
            )
            try:
                await self.desk.submit(envelope, PAUSE_S)
            except Refused as refused:
                outcome = str(refused)
            except (ConnectionError, TimeoutError):
                outcome = "the engine was not reachable"
            else:
                self.written.appendleft(f"generation {generation}: the reason is recorded")
                return
        self.written.appendleft(f"generation {generation}: reason not recorded: {outcome}")

    def _permit(self, wanted: KillRequest, someone: Viewer) -> None:
        """A trader kills his own; whose a parent is, is asked of the last rows that we hold."""
        how_far = someone.reach("order.kill")
        if how_far == Reach.NONE:
            raise Refused("killing needs the permission order.kill", rule="order.kill")
        if how_far == Reach.DESK and wanted.scope == "desk" and wanted.target != someone.desk:
            raise Refused(f"desk {wanted.target} is not yours: it needs risk",
                          field="target", rule="order.kill")  # fmt: skip
        if how_far > Reach.OWN:
            return
        if wanted.scope not in OWN_SCOPES:
            raise Refused("a trader kills own orders; a wider scope needs a supervisor or risk",
                          field="scope", rule="order.kill")  # fmt: skip
        owner = self._owner(wanted)
        if owner is not None and owner != someone.person_id:
            raise Refused(f"{wanted.scope} {wanted.target} belongs to {owner}",
                          field="target", rule="order.kill")  # fmt: skip

    def _owner(self, wanted: KillRequest) -> object | None:
        """The trader of the scope; None when not known here: then the kill goes through."""
        if wanted.scope == "trader":
            return wanted.target
        rows = self.hub.last_rows
        if wanted.scope == "child":
            parent = rows("children").get(wanted.target, {}).get("parent")
            return rows("parents").get(str(parent), {}).get("trader")
        return rows("parents").get(wanted.target, {}).get("trader")

    def say(self, someone: Viewer, text: str) -> None:
        """Keep a sentence for the next look of this login at the page."""
        self.said[someone.session] = text
        while len(self.said) > NOTED:
            self.said.pop(next(iter(self.said)))


def plain_target(scope: str, target: str) -> str:
    """The one way to write a target; another spelling must not pass for another order."""
    if scope == "parent":
        return parent_text(ParentId(number_of(target, "P-")))
    if scope == "child":
        return child_text(child_number(target))
    if not target.isprintable():
        raise Refused(f"target must be plain text, was {target[:40]!a}", field="target")
    return target


def _utc(now: int) -> str:
    return datetime.fromtimestamp(now / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3] + " UTC"


def _read(body: bytes, content_type: str) -> tuple[KillRequest, bool]:
    """The request and whether a plain form sent it; raises ``msgspec.DecodeError``."""
    if content_type.split(";")[0].strip().lower() != FORM:
        return msgspec.json.decode(body, type=KillRequest), False
    fields = parse_qs(body.decode("utf-8", "replace"))
    first = {name: values[0].strip() for name, values in fields.items()}
    return KillRequest(scope=first.get("scope", ""), target=first.get("target", ""),
                       reason=first.get("reason", "")), True  # fmt: skip


def routes(kills: Kills, grants: Grants, mark: str = "") -> APIRouter:
    """The kill door: open for each login, the rule is checked with the scope."""
    router = APIRouter()
    grants.route("GET", "/kill", LOGIN)
    grants.route("POST", "/api/v1/kill", LOGIN)

    @router.get("/kill", include_in_schema=False)
    async def show() -> Response:
        """The page without scripts. What it says comes from here, never from the address."""
        someone = viewer()
        every = kills.hub.rows("kills", audience_of(someone)).values()
        rows = [row for row in every if row.get("scope") != DRILL_SCOPE]
        own = someone.reach("order.kill") == Reach.OWN
        return plain.kill_page(
            csrf=someone.csrf,
            scopes=[s for s in plain.SCOPES if s[0] in OWN_SCOPES or not own],
            target=someone.person_id if own else "",
            rows=rows,
            written=kills.written,
            message=kills.said.pop(someone.session, ""),
            mark=mark,
        )

    @router.post("/api/v1/kill", status_code=202)
    async def kill(request: Request) -> Response:
        """Write the kill flag now."""
        form = False
        try:
            wanted, form = _read(await request.body(), request.headers.get("content-type", ""))
            generation = kills.request(wanted, viewer())
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        except Refused as refused:
            if form:
                kills.say(viewer(), f"Refused: {refused}")
                return RedirectResponse("/kill", 303)
            status = 403 if refused.rule else 422
            return problem(status, str(refused), kind="refused", field=refused.field)
        if form:
            said = f"REQUESTED: the flag is written, generation {generation}. Reload for receipts."
            kills.say(viewer(), said)
            return RedirectResponse("/kill", 303)
        body = msgspec.json.encode({"generation": generation, "state": "REQUESTED"})
        return Response(body, status_code=202, media_type="application/json")

    return router
