"""Hand-written stand-ins for what the web leans on, and a web put together from them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from argon2 import PasswordHasher

from db.people import People, PersonRow
from engine.desk import Answer
from engine.domain.commands import Envelope
from engine.domain.people import Role
from engine.gateway.people import DEMO, DESK
from engine.gateway.server import Look, Parts, Web
from engine.runtime.clock import HandClock

START_NS = 1_795_000_000_000_000_000
ORIGIN = "http://localhost:8050"
PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
LOGIN_OF = {role: login for _id, login, _name, role, _limit in reversed(DEMO)}


class FakeDesk:
    """An engine that remembers what it was sent and answers as told."""

    def __init__(self) -> None:
        self.seen: list[Envelope] = []
        self.answer: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.closed = False

    async def submit(self, envelope: Envelope, timeout_s: float) -> Answer:
        self.seen.append(envelope)
        if self.hold is not None:
            await self.hold.wait()
        if self.answer is not None:
            raise self.answer
        return Answer(id=envelope.id, seq=len(self.seen))

    async def ask(self, name: str, args: dict[str, Any], timeout_s: float = 2.0) -> Any:
        if self.answer is not None:
            raise self.answer
        return {"name": name, "args": args}

    async def ask_snapshot(self, timeout_s: float) -> bool:
        return self.answer is None

    def close(self) -> None:
        self.closed = True


class FakeSwitch:
    """A kill flag that remembers its requests."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str, str, str]] = []
        self.lease_ns = 0

    def request(self, scope: str, target: str, by: str, *, door: str, now_ns: int) -> int:
        self.written.append((scope, target, by, door))
        return len(self.written)


class NoFrames:
    """An engine that publishes nothing."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


def frame_bytes(
    topic: str, up: dict[str, Any], *, seq: int = 1, epoch: int = 1, **more: Any
) -> bytes:
    """A frame as the engine packs it."""
    return msgspec.msgpack.encode(
        {"topic": topic, "seq": seq, "epoch": epoch, "at": START_NS, "up": up, **more}
    )


def people_file(path: Path) -> People:
    """people.db with the demo people, all with the same password."""
    people = People.open(path / "people.db")
    hashed = QUICK.hash(PASSWORD)
    for person_id, login, name, role, limit in DEMO:
        people.add_person(
            PersonRow(
                person_id=person_id, login=login, name=name, desk=DESK, roles=(role,),
                max_notional=limit,
            ),
            hashed,
            START_NS,
        )  # fmt: skip
    return people


def a_web(path: Path, **changes: Any) -> Web:
    """A web with fakes around it; ``changes`` are fields of Parts."""
    values: dict[str, Any] = {
        "clock": HandClock(START_NS),
        "people": changes.pop("people", None) or people_file(path),
        "hasher": QUICK,
        "desk": FakeDesk(),
        "frames": NoFrames(),
        "switch": FakeSwitch(),
        "origins": frozenset({ORIGIN}),
        "look": Look(mode="SIM", demo=True),
        "site": "tests.support.no_site:mount",
        **changes,
    }
    return Web(Parts(**values))


def login_of(role: Role) -> str:
    """The demo login that has a role."""
    return LOGIN_OF[role]
