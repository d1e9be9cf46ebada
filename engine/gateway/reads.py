"""The reads behind the pages of supervisors, reviewers and auditors, as one list of routers."""

from pathlib import Path
from typing import Protocol

from fastapi import APIRouter

from engine.gateway import audit, health, limits, tca
from engine.gateway.grants import Grants
from engine.gateway.ports import Clock
from engine.gateway.sessions import Directory


class Marked(Protocol):
    """What exports say about this desk."""

    @property
    def watermark(self) -> str: ...


class Sources(Protocol):
    """What these reads need of the web's parts."""

    @property
    def clock(self) -> Clock: ...
    @property
    def processes(self) -> Path | None: ...
    @property
    def queries(self) -> object | None: ...
    @property
    def look(self) -> Marked: ...


def routers(parts: Sources, directory: Directory, grants: Grants) -> list[APIRouter]:
    """Routers to include; those over the read tables only when there are some."""
    found = [health.routes(health.Health(processes=parts.processes, clock=parts.clock), grants)]
    if parts.queries is not None:
        found.append(tca.routes(parts.queries, directory, grants))
        found.append(audit.routes(parts.queries, grants, parts.look.watermark))
        found.append(limits.routes(parts.queries, grants))
    return found
