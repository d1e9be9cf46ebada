"""The web process: FastAPI with Dash mounted, behind the guard, one process, one event loop."""

import asyncio
import contextlib
import importlib
import inspect
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol, cast

import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from db.keys import KeyStore
from db.people import People
from db.queries import Queries, database_url
from engine.desk import AsyncDesk
from engine.domain.errors import BrokenInvariant, Refused
from engine.gateway import ask, commands, degraded, kill, login, manage, people, reads, rest, status
from engine.gateway.deadline import DeadlineProtocol
from engine.gateway.feed import Publications, fill_gaps, follow
from engine.gateway.grants import Grants
from engine.gateway.guard import Guard, Policy
from engine.gateway.key_doors import describe, key_routes
from engine.gateway.keys import Keys
from engine.gateway.live import Cells, Hub
from engine.gateway.logs import clean_stderr
from engine.gateway.ports import Clock, Desk, Frames, KillSwitch, Questions
from engine.gateway.problems import problem
from engine.gateway.sessions import BY_DEFAULT, SECOND, Directory
from engine.lifeline import SUPERVISED
from engine.logs import FOR_PEOPLE, as_wanted
from engine.runtime.clock import SystemClock
from engine.runtime.kill_flag import KillFlag
from engine.runtime.link import load_key
from engine.settings import Settings, endpoint, make_folders, paths, shown

SITE: Final = "components.site:mount"  # who draws the pages; named, because it lies above us
KEY_FILE: Final = "link.key"  # the desk's own key for commands on the link
STOP_S: Final = 2  # open streams get this long when the server stops
ASK_S: Final = 1.0  # a snapshot that does not come in this time is asked for again


class Site(Protocol):
    """The pages, mounted: what warm-up and the guard need of Dash."""

    def before_request_functions(self) -> list[Callable[[], Any]]:
        """What Dash runs before its first request."""
        ...

    def script_hashes(self) -> list[str]:
        """Hashes of inline scripts, final after warm-up."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the pages say about this desk."""

    mode: str  # SIM, REPLAY, REACTIVE, PAPER, LIVE
    demo: bool = False
    zone: str = "America/New_York"  # the exchange's clock

    @property
    def watermark(self) -> str:
        """Words across every page and in the names of exports; "" only for a real desk."""
        marks = (
            ("REPLAY / VIRTUAL", self.mode == "REPLAY"),
            ("REPLAY / REACTIVE", self.mode == "REACTIVE"),
            ("DEMO", self.demo),
        )
        return " - ".join(word for word, applies in marks if applies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the web is put together from; tests pass hand-written fakes."""

    clock: Clock
    people: People
    hasher: PasswordHasher
    desk: Desk
    frames: Frames
    switch: KillSwitch
    origins: frozenset[str]
    look: Look
    secure: bool = False
    demo_file: str = ""
    token: str = ""
    lease_ms: int = 1000
    idle_lock: int = BY_DEFAULT  # [ns]
    processes: Path | None = None  # what the supervisor knows
    queries: object | None = None  # read tables for the pages
    worker: Questions | None = None  # simulations
    settings: Mapping[str, str] | None = None  # shown on the admin page, without secrets
    site: str = SITE


class Web:
    """The assembled web: the guarded application and its live parts."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.ready = False
        self.people_untold = ""  # why the engine does not know the people table, shown as status
        self.unserved = ""  # why the engine does not let this web show anything, shown as status
        self.hub = Hub(parts.clock)
        self.directory = Directory(idle_lock=parts.idle_lock)
        self.directory.load(parts.people.persons(), parts.people.sessions())
        self.keys = Keys.of(KeyStore(parts.people), self.directory)
        self.grants = Grants()
        self.server = FastAPI(
            title="Quarterdeck", docs_url=None, redoc_url=None, lifespan=self._lifespan,
            openapi_url="/api/v1/openapi.json",
        )  # fmt: skip
        self.logins = login.Logins(
            people=parts.people, directory=self.directory, hasher=parts.hasher,
            clock=parts.clock, hub=self.hub, keys=self.keys, secure=parts.secure,
            token=parts.token, demo_file=parts.demo_file,
        )  # fmt: skip
        self.commands = commands.Commands(
            desk=parts.desk, directory=self.directory, clock=parts.clock
        )
        self.kills = kill.Kills(
            switch=parts.switch, hub=self.hub, clock=parts.clock, desk=parts.desk
        )
        self._routes()
        self.policy = Policy(
            directory=self.directory, grants=self.grants, clock=parts.clock, keys=self.keys,
            origins=parts.origins,
        )  # fmt: skip
        module, _, name = parts.site.partition(":")
        mount = getattr(importlib.import_module(module), name)
        self.site = cast("Site", mount(self))
        self.app: ASGIApp = Guard(self.server, self.policy)
        self._tasks: list[asyncio.Task[None]] = []

    def _routes(self) -> None:
        grants = self.grants
        self.server.include_router(login.routes(self.logins, grants, self.parts.look.watermark))
        self.server.include_router(manage.routes(self.logins, grants))
        self.server.include_router(key_routes(self.logins, grants))
        describe(self.server)
        self.server.include_router(commands.routes(self.commands, grants))
        self.server.include_router(kill.routes(self.kills, grants, self.parts.look.watermark))
        self.server.include_router(rest.routes(self.hub, self.directory, grants))
        self.server.include_router(
            ask.routes(ask.Ask(self.parts.desk, self.hub, self.parts.queries), grants)
        )
        self.server.include_router(
            degraded.routes(
                degraded.Degraded(
                    hub=self.hub, switch=self.parts.switch, clock=self.parts.clock,
                    lease_ms=self.parts.lease_ms, processes=self.parts.processes,
                    queries=self.parts.queries,
                ),
                grants,
            )
        )  # fmt: skip
        for router in reads.routers(self.parts, self.directory, self.hub, grants):
            self.server.include_router(router)

        @self.server.get("/health", include_in_schema=False)
        async def health() -> Response:
            """200 once the pages are warm and the engine has answered once."""
            if not self.ready:
                return problem(503, "starting: the pages are not warm or the engine is silent")
            return Response(b'{"ready":true}', media_type="application/json")

        @self.server.exception_handler(HTTPException)
        async def refused(_request: Request, error: Exception) -> Response:
            status = error.status_code if isinstance(error, HTTPException) else 500
            return problem(status, str(getattr(error, "detail", "")) or "not found")

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        await self.warm()
        self._tasks = [
            asyncio.create_task(self.hub.pump()),
            asyncio.create_task(follow(self.hub, self.parts.frames)),
            asyncio.create_task(fill_gaps(self.hub, self._snapshot)),
            asyncio.create_task(self._tell_people()),
            asyncio.create_task(self.keys.write_uses()),
            asyncio.create_task(status.publish(self.hub, self._status)),
            asyncio.create_task(
                degraded.tell_presence(self.parts.desk, self.hub, self.directory, self.parts.clock)
            ),
        ]
        for task in self._tasks:
            task.add_done_callback(self._must_live)
        try:
            yield
        finally:
            self.hub.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.parts.desk.close()
            if self.parts.worker is not None:
                self.parts.worker.close()
            self.parts.people.close()

    def _must_live(self, task: "asyncio.Task[None]") -> None:
        """A background task that dies ends the process; the supervisor starts a new one."""
        if not task.cancelled() and task.exception() is not None:
            signal.raise_signal(signal.SIGTERM)
            raise BrokenInvariant("a background task of the web died") from task.exception()

    def _status(self) -> dict[str, Cells]:
        parts = self.parts
        now = parts.clock.wall_ns()
        rows = {
            "watchdog": status.watchdog_cells(parts.switch, parts.clock, parts.lease_ms),
            "feed": status.feed_cells(self.hub, now),
            "engine": status.engine_cells(self.hub, now),
            "models": status.model_cells(self.hub, now),
            "mode": status.mode_cells(self.hub, now),
        }
        if self.unserved:
            rows["version"] = {"state": "bad", "text": self.unserved, "at": now}
        if self.people_untold:
            rows["people"] = {"state": "bad", "text": self.people_untold, "at": now}
        if parts.processes is not None:
            rows.update(status.process_cells(parts.processes, now))
        return rows

    async def _snapshot(self) -> bool:
        try:
            answered = await self.parts.desk.ask_snapshot(ASK_S)
        except Refused as refusal:  # halted: its own rows say so too; other code: nothing is shown
            self.unserved = str(refusal)
            return False
        self.unserved = ""
        self.ready = self.ready or answered
        return answered

    async def _tell_people(self) -> None:
        """Send the people table to the engine after each change, until it has taken it."""
        changed = self.logins.people_changed
        changed.set()
        while True:
            await changed.wait()
            changed.clear()
            while True:
                said = list(self.logins.notes)
                tell = people.tell(
                    self.parts.desk, self.directory, self.parts.clock, "; ".join(said)
                )
                self.people_untold = await tell
                if not self.people_untold:
                    del self.logins.notes[: len(said)]
                    break
                await asyncio.sleep(ASK_S)

    async def warm(self) -> None:
        """Do what Dash would do at its first request, then fetch our own layout once."""
        functions = self.site.before_request_functions()
        if not functions:
            raise BrokenInvariant("Dash has no before-request functions: warm-up cannot work")
        for function in functions:
            result = function()
            if inspect.isawaitable(result):
                await result
        self.policy.script_hashes[:] = self.site.script_hashes()
        status, body = await fetch(self.server, "/_dash-layout")
        if status != 200 or not body:
            raise BrokenInvariant(f"the page layout answered {status} at start-up")


async def fetch(app: ASGIApp, path: str) -> tuple[int, bytes]:
    """GET a path of our own application without a socket, inside the guard."""
    status, parts = 0, []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "scheme": "http", "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }  # fmt: skip
    await app(scope, receive, send)
    return status, b"".join(parts)


class StreamServer(uvicorn.Server):
    """A server that ends its live streams when it is told to stop."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: Any = None) -> None:
        """Remember the loop, for the signal handler."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Close the streams first: uvicorn would wait for them."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hub.close)
        super().handle_exit(sig, frame)


def server_config(
    web: Web, host: str, port: int, tls: tuple[Path, Path] | None = None
) -> uvicorn.Config:
    """How we listen: one process, our deadlines, no websockets, nothing of proxies believed."""
    return uvicorn.Config(
        web.app, host=host, port=port, workers=1, timeout_graceful_shutdown=STOP_S,
        log_level="warning", access_log=False, server_header=False, ws="none", proxy_headers=False,
        http=DeadlineProtocol,
        ssl_certfile=str(tls[0]) if tls else None, ssl_keyfile=str(tls[1]) if tls else None,
    )  # fmt: skip


def serve(web: Web, host: str, port: int, tls: tuple[Path, Path] | None = None) -> int:
    """Serve until told to stop; exit code 0, or 1 when start-up failed."""
    config = server_config(web, host, port, tls)
    if config.workers != 1:
        raise BrokenInvariant("the web must be exactly one process: its state is in memory")
    server = StreamServer(config, web.hub)
    server.run()
    return 0 if server.started else 1


def main(settings: Settings) -> int:
    """Run the web process until it is told to stop; the exit code."""
    as_wanted("web", settings.log_format, SystemClock().wall_ns, least=settings.log_level)
    clean_stderr()
    os.umask(0o077)  # whatever this process writes is for its owner alone
    parts, first = parts_of(settings)
    supervised = os.environ.get(SUPERVISED) == "1"  # then the supervisor shows the file itself
    for line in () if supervised and not first.token else first.lines:
        sys.stdout.write(f"{FOR_PEOPLE}{line}\n")
    sys.stdout.flush()
    pair = (settings.tls_cert, settings.tls_key)
    files = (pair[0], pair[1]) if pair[0] is not None and pair[1] is not None else None
    return serve(Web(parts), settings.host, settings.port, files)


def parts_of(settings: Settings) -> tuple[Parts, people.FirstStart]:
    """Everything of a state folder, opened; and what the terminal must be told once."""
    where = paths(settings)
    make_folders(where)
    clock = SystemClock()
    store = People.open(where.people_db)
    hasher = PasswordHasher()
    first = people.prepare(
        store, hasher, demo=settings.demo, passwords=where.demo_passwords, now=clock.wall_ns()
    )
    tls = settings.tls_cert is not None
    parts = Parts(
        clock=clock,
        people=store,
        hasher=hasher,
        desk=AsyncDesk(endpoint(where.engine), load_key(where.state / KEY_FILE)),
        frames=Publications(endpoint(where.live)),
        switch=KillFlag.open(where.kill_flag),
        origins=origins(settings.host, settings.port, tls=tls),
        look=Look(mode=settings.mode, demo=settings.demo),
        secure=tls,
        demo_file=str(where.demo_passwords) if settings.demo else "",
        token=first.token,
        lease_ms=settings.lease_ms,
        idle_lock=settings.idle_lock_s * SECOND,
        processes=where.processes,
        queries=Queries.open(database_url(settings.database_url, where.desk_db), where.state),
        worker=AsyncDesk(endpoint(where.worker), b""),
        settings=shown(settings),
    )
    return parts, first


def origins(host: str, port: int, *, tls: bool) -> frozenset[str]:
    """Addresses under which people open the desk."""
    scheme = "https" if tls else "http"
    names = {host, "localhost", "127.0.0.1"} if host in ("127.0.0.1", "localhost") else {host}
    return frozenset(f"{scheme}://{name}:{port}" for name in names)
