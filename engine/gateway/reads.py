"""The reads behind the pages of supervisors, reviewers and auditors, as one list of routers."""

from pathlib import Path
from typing import Protocol

from fastapi import APIRouter

from db.people import People
from engine.gateway import (
    ask,
    audit,
    calibrate,
    compare,
    evidence,
    expected,
    health,
    limits,
    tca,
    views,
    words,
    workbook,
)
from engine.gateway.grants import Grants
from engine.gateway.live import Hub
from engine.gateway.ports import Clock, Desk, Questions
from engine.gateway.sessions import Directory


class Sources(Protocol):
    """What these reads need of the web's parts."""

    @property
    def clock(self) -> Clock: ...
    @property
    def desk(self) -> Desk: ...
    @property
    def worker(self) -> Questions | None: ...
    @property
    def processes(self) -> Path | None: ...
    @property
    def queries(self) -> object | None: ...
    @property
    def people(self) -> People: ...
    @property
    def look(self) -> workbook.Look: ...


def routers(parts: Sources, directory: Directory, hub: Hub, grants: Grants) -> list[APIRouter]:
    """Routers to include; those over the read tables only when there are some."""
    asks = ask.Ask(parts.desk, hub, parts.queries)
    asked = expected.Expected(asks, parts.worker)
    found = [
        health.routes(health.Health(processes=parts.processes, clock=parts.clock), grants),
        views.routes(parts.people, grants),
        words.routes(grants),
        workbook.routes(hub, parts.look, parts.clock, grants),
        expected.routes(asked, grants),
        calibrate.routes(asked, asks, grants),
        compare.routes(asked, asks, grants),
        evidence.routes(evidence.Attacher(asked, parts.desk, hub, parts.clock), grants),
    ]
    if parts.queries is not None:
        found.append(tca.routes(parts.queries, directory, grants))
        found.append(audit.routes(parts.queries, grants, parts.look.watermark))
        found.append(limits.routes(parts.queries, grants))
    return found
