"""GET /api/v1/processes and /api/v1/jobs: what runs, what the watchdog says, what is prepared.

Read from the files that the supervisor, the watchdog and the worker write, so it answers while
the engine is silent. Each answer says when its source was written.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from db.jobs import Jobs
from engine.gateway.grants import Grants
from engine.gateway.ports import Clock
from engine.lifeline import is_alive

WATCHDOG: Final = "watchdog.json"  # beside processes.json
PEOPLE: Final = "people.db"  # holds the jobs of the worker


@dataclass(slots=True, kw_only=True)
class Health:
    """Reads the small files of the state folder."""

    processes: Path | None
    clock: Clock
    jobs: Jobs | None = None

    def facts(self) -> dict[str, Any]:
        """Processes with their restarts, and the watchdog's own words."""
        if self.processes is None:
            return {"at": self.clock.wall_ns(), "processes": [], "watchdog": None}
        document = _read(self.processes)
        supervisor = document.get("supervisor")
        return {
            "at": self.clock.wall_ns(),
            "written_at": document.get("written_at"),
            "supervisor": supervisor,
            "supervised": isinstance(supervisor, int) and is_alive(supervisor),
            "processes": document.get("processes", []),
            "watchdog": _read(self.processes.with_name(WATCHDOG)) or None,
        }

    def work(self) -> dict[str, Any]:
        """Jobs of the worker, newest change first."""
        if self.jobs is None and self.processes is not None:
            self.jobs = Jobs.open(self.processes.with_name(PEOPLE))
        rows = () if self.jobs is None else self.jobs.all()
        return {"at": self.clock.wall_ns(), "items": [asdict(row) for row in rows]}


def _read(path: Path) -> dict[str, Any]:
    """A JSON object; {} while the file is not there."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return found


def routes(health: Health, grants: Grants) -> APIRouter:
    """Two reads for those who may look at the system."""
    router = APIRouter()
    for name in ("processes", "jobs"):
        grants.route("GET", f"/api/v1/{name}", "view.system")

    @router.get("/api/v1/processes")
    async def processes() -> Response:
        """The processes of this desk and the watchdog's verdict."""
        return await _answer(health.facts)

    @router.get("/api/v1/jobs")
    async def jobs() -> Response:
        """What the worker prepares, with progress."""
        return await _answer(health.work)

    return router


async def _answer(read: Callable[[], dict[str, Any]]) -> Response:
    body = orjson.dumps(await asyncio.to_thread(read))
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})
