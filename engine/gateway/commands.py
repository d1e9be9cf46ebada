"""POST /api/v1/commands: parse, permit, stamp, forward, and give the engine's answer.

The same id is one effect: while a command is under way a second POST waits for the same answer,
and afterwards it gets the same answer. A command is never kept: offline is refused at once.
"""

import asyncio
import math
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from engine.domain.commands import PERMISSION, RISK_REDUCING, AnyCommand, Envelope, ShowAlerts
from engine.domain.errors import Refused
from engine.domain.units import Nanos, PersonId
from engine.gateway.grants import LOGIN, Grants
from engine.gateway.ports import Answer, Clock, Desk
from engine.gateway.problems import problem
from engine.gateway.sessions import SECOND, Directory
from engine.gateway.viewer import Viewer, viewer
from engine.logs import CONTROL

EXPIRES: Final = 5 * SECOND  # an order that waited longer than this is not what the person meant
ANSWER_S: Final = 2.0  # then the effect is unknown and the person is told so
REMEMBERED: Final = 2_000  # answers kept for a second POST of the same id
ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
# ids of the desk's own processes: nobody else may take one before they do
OWN_IDS: Final = ("open-", "people-", "kill-", "cli-", "stage-", "worker-")
TEXT_MAX: Final = 2_000  # characters of one text: it is kept for ever and shown to everybody
INT_MAX: Final = 2**63 - 1  # instants in ns fit
NUMBERED: Final = re.compile(r"[A-Z]+-([0-9]{1,15})")

# the field of the command that the target names
TARGET: Final = {
    "AmendParent": "parent_id",
    "MoveParameter": "parent_id",
    "CommentDecision": "parent_id",
    "ApproveParent": "parent_id",
    "HoldParent": "parent_id",
    "ResumeParent": "parent_id",
    "UseModel": "parent_id",
    "HoldScope": "target",
    "ReleaseHold": "hold_id",
    "SetMode": "mode",
    "RelaxMode": "mode",
    "RequestKill": "target",
    "ReleaseKill": "kill_id",
    "ProposeChange": "strategy",
    "EditChange": "change_id",
    "WithdrawChange": "change_id",
    "StopRollout": "strategy",
    "CommentChange": "change_id",
    "DecideChange": "change_id",
    "EditLimit": "limit_change_id",
    "WithdrawLimit": "limit_change_id",
    "CommentLimit": "limit_change_id",
    "DecideLimit": "limit_change_id",
    "EnableStrategy": "strategy",
    "ConfirmOverride": "override_id",
    "AcknowledgeAlert": "alert_id",
    "AssignAlert": "alert_id",
    "AnnotateAlert": "alert_id",
    "ResolveAlert": "alert_id",
    "TickStep": "alert_id",
    "EditPlaybook": "section",
    "AcceptReconciliation": "difference",
    "AnnotateTca": "day",
    "SignDay": "day",
    "SubmitParent": "symbol",
}
NUMBER_TARGETS: Final = frozenset(
    {
        "parent_id", "kill_id", "change_id", "alert_id", "limit_change_id", "override_id",
        "hold_id",
    }
)  # fmt: skip
# verbs that ask for the password again
FRESH: Final = frozenset(
    {
        "ReleaseKill", "DecideChange", "ApproveParent", "SetPolicy", "RelaxMode", "DecideLimit",
        "ConfirmOverride", "EnableStrategy",
    }
)  # fmt: skip
# verbs an idle login may still send, besides those that reduce risk
CALM: Final = RISK_REDUCING | {
    "AnnotateTca", "ShowAlerts", "AssignAlert", "AnnotateAlert", "ResolveAlert", "TickStep",
    "CommentChange", "CommentLimit", "CommentDecision",
}  # fmt: skip
# verbs that need the person in a browser, whatever the scope of a key
BY_PERSON: Final = FRESH | {"UseModel", "AskOverride"}
AUTOMATIC: Final = frozenset({"ShowAlerts"})  # the browser sends it, nobody has done anything


class CommandRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a browser or a machine sends.

    epoch : start of the engine that the person was shown; the engine refuses another, so that
            nobody acts on a picture from before a restart. 0 = any, for machines.
    """

    id: str
    verb: str
    target: str = ""
    expected_version: int | None = None
    epoch: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    reason: str = ""
    args: dict[str, msgspec.Raw] = {}


_REQUEST: Final = msgspec.json.Decoder(CommandRequest)


def parse(request: CommandRequest) -> AnyCommand:
    """The typed command; raises Refused with a sentence. Numbers may come as text, as forms do."""
    if request.verb not in PERMISSION:
        raise Refused(
            f"verb must be one of the desk's commands, was {request.verb!r}", field="verb"
        )
    document: dict[str, object] = {"verb": request.verb}
    for name, raw in request.args.items():
        document[name] = msgspec.json.decode(raw)
    if request.target:
        name = TARGET.get(request.verb, "")
        if not name:
            raise Refused(f"{request.verb} takes no target", field="target")
        document[name] = _target(name, request.target)
    try:
        command: AnyCommand = msgspec.convert(document, AnyCommand, strict=False)
    except msgspec.ValidationError as error:
        where = str(error).rsplit("`$.", 1)
        at = where[1].rstrip("`") if len(where) > 1 else ""
        raise Refused(f"the command is not understood: {error}", field=at) from error
    check_plain({**msgspec.to_builtins(command), "reason": request.reason}, "")
    return command


def check_plain(value: object, name: str) -> None:
    """Refuse numbers that are none, and text that is endless or drives a terminal."""
    match value:
        case float() if not math.isfinite(value):
            raise Refused(f"{name} must be a finite number, was {value}", field=name)
        case int() if abs(value) > INT_MAX:
            raise Refused(f"{name} must fit in 64 bits", field=name)
        case str():
            check_text(value, name)
        case dict():
            for key, inner in value.items():
                check_text(str(key), name)
                check_plain(inner, str(key))
        case list() | tuple():
            for inner in value:
                check_plain(inner, name)
        case _:
            pass  # nothing, a truth value, a number as it should be


def check_text(text: str, name: str) -> None:
    """Refuse text that is kept for ever and shown to everybody when it is endless or not plain."""
    if len(text) > TEXT_MAX:
        raise Refused(f"{name} has at most {TEXT_MAX:,} characters, was {len(text):,}", field=name)
    if CONTROL.search(text.replace("\r\n", "\n")):
        raise Refused(f"{name} must be plain text, was {text[:40]!a}", field=name)


def _target(name: str, text: str) -> object:
    """``P-42`` as 42 where the field is a number."""
    if name not in NUMBER_TARGETS:
        return text
    found = NUMBERED.fullmatch(text)
    return found.group(1) if found else text


@dataclass(slots=True, kw_only=True)
class Commands:
    """Forwards commands and remembers their answers."""

    desk: Desk
    directory: Directory
    clock: Clock
    pending: "OrderedDict[tuple[str, str], tuple[CommandRequest, asyncio.Task[Response]]]" = field(
        default_factory=OrderedDict
    )
    shown: set[int] = field(default_factory=set)  # alerts that a browser was the first to show

    async def take(self, request: CommandRequest, someone: Viewer) -> Response:
        """One effect an id, however often it is sent."""
        if not ID.fullmatch(request.id):
            return problem(400, "id must be 8 to 64 letters, digits or dashes", field="id")
        if request.id.startswith(OWN_IDS):
            return problem(400, f"id must not begin with {', '.join(OWN_IDS)}", field="id")
        key = (f"{someone.person_id} {someone.key}", request.id)
        said, task = self.pending.get(key, (request, None))
        if said != request:
            return problem(409, "this id is that of another command: nothing was done", field="id")
        if task is None:
            task = asyncio.create_task(self._once(request, someone))
            self.pending[key] = (request, task)
            while len(self.pending) > REMEMBERED:
                self.pending.popitem(last=False)
        response = await asyncio.shield(task)
        if response.status_code != 202:
            self.pending.pop(key, None)  # nothing happened, or it is unknown: the engine decides
        return response

    async def _once(self, request: CommandRequest, someone: Viewer) -> Response:
        try:
            command = parse(request)
            self._permit(request.verb, someone)
        except Refused as refused:
            return self._refused(request.id, refused)
        if isinstance(command, ShowAlerts):
            command = self._news(command)
            if not command.alert_ids:
                return _accepted(Answer(id=request.id, seq=0, message="shown before"))
        now = self.clock.wall_ns()
        if someone.key:  # nobody sits there: what asks for somebody was refused above
            return await self._sent(request, command, someone, now)
        if request.verb not in CALM and self.directory.idle(someone.session, now):
            minutes = self.directory.idle_lock / (60 * SECOND)
            return problem(
                403, f"nobody was here for {minutes:g} minutes: give your password", kind="idle",
                id=request.id,
            )  # fmt: skip
        if request.verb in FRESH and not self.directory.fresh(someone.session, now):
            return problem(403, "this act asks for your password", kind="fresh", id=request.id)
        if request.verb not in AUTOMATIC:
            self.directory.acted(someone.session, now)
        return await self._sent(request, command, someone, now)

    async def _sent(
        self, request: CommandRequest, command: AnyCommand, someone: Viewer, now: int
    ) -> Response:
        """Stamp and forward; alerts that were shown are not shown again."""
        envelope = Envelope(
            id=request.id,
            person=PersonId(someone.person_id),
            epoch=request.epoch,
            expires_at=Nanos(now + EXPIRES),
            command=command,
            expected_version=request.expected_version,
            reason=request.reason,
            door=someone.door,
        )
        response = await self._forward(envelope)
        if isinstance(command, ShowAlerts) and response.status_code == 202:
            self.shown.update(command.alert_ids)
        return response

    def _news(self, command: ShowAlerts) -> ShowAlerts:
        """Without what another browser has shown: forty open pages are not forty entries."""
        return ShowAlerts(alert_ids=tuple(n for n in command.alert_ids if n not in self.shown))

    def _permit(self, verb: str, someone: Viewer) -> None:
        permission = PERMISSION[verb]
        if not someone.may(permission):
            raise Refused(f"{verb} needs the permission {permission}", rule=permission)
        if someone.key and verb in BY_PERSON:
            raise Refused(f"{verb} needs the person in a browser, not a key", rule=permission)

    async def _forward(self, envelope: Envelope) -> Response:
        try:
            answer = await self.desk.submit(envelope, ANSWER_S)
        except Refused as refused:
            return self._refused(envelope.id, refused)
        except TimeoutError:
            return problem(
                504, f"no answer in {ANSWER_S:.0f} s: the effect is unknown, check, then retry "
                "with the same id", kind="unknown", id=envelope.id,
            )  # fmt: skip
        except ConnectionError:
            return problem(
                503, "the engine is not reachable: nothing was sent and nothing will happen later",
                kind="offline", id=envelope.id,
            )  # fmt: skip
        return _accepted(answer)

    @staticmethod
    def _refused(command_id: str, refused: Refused) -> Response:
        status = 403 if refused.rule in PERMISSION.values() else 422
        return problem(
            status, str(refused), kind="refused", id=command_id, field=refused.field,
            rule=refused.rule,
        )  # fmt: skip


def _accepted(answer: Answer) -> Response:
    body = msgspec.json.encode({"id": answer.id, "seq": answer.seq, "message": answer.message})
    return Response(body, status_code=202, media_type="application/json")


def routes(commands: Commands, grants: Grants) -> APIRouter:
    """The command door. Any login may knock; the permission is that of the verb."""
    router = APIRouter()
    grants.route("POST", "/api/v1/commands", LOGIN)
    schema = {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["id", "verb"],
                        "additionalProperties": False,
                        "properties": {
                            "id": {"type": "string", "pattern": "^[A-Za-z0-9-]{8,64}$"},
                            "verb": {"type": "string", "enum": sorted(PERMISSION)},
                            "target": {"type": "string"},
                            "expected_version": {"type": ["integer", "null"]},
                            "epoch": {"type": "integer", "minimum": 0},
                            "reason": {"type": "string"},
                            "args": {"type": "object"},
                        },
                    }
                }
            },
        }
    }

    @router.post("/api/v1/commands", status_code=202, openapi_extra=schema)
    async def command(request: Request) -> Response:
        """Give a command; 202 with the engine's answer, or problem+json with its sentence."""
        try:
            body = _REQUEST.decode(await request.body())
        except msgspec.DecodeError as error:
            return problem(400, str(error))
        return await commands.take(body, viewer())

    return router
