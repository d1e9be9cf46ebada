"""The door to evidence: one question a request, the end is given to the engine once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.domain.commands import AttachEvidence
from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway.live import Frame
from tests.gateway.test_expected import DESK
from tests.gateway.test_reads import enter
from tests.support.desk_fakes import START_NS, a_web
from tests.support.fake_worker import FakeWorker

CHANGE = {"id": "R-3", "strategy": "VWAP", "state": "OPEN", "values": {"band": 0.04},
          "model": None, "content_hash": "ab" * 32, "evidence": None}  # fmt: skip
LINE = {"cost": 3.0, "low": 2.0, "high": 4.0, "worst": 9.0, "participation": 0.05,
        "unfinished": 0, "behind": None, "behind_low": None, "behind_high": None}  # fmt: skip
DONE = {
    "state": "done", "n": 64, "of": 64, "seed": 5, "question": "abcdef0123", "market": "m" * 64,
    "at": 77,
    "table": {"n": 64, "rows": [
        {**LINE, "strategy": "proposed"},
        {**LINE, "strategy": "in force", "cost": 3.5, "behind": 0.5, "behind_low": 0.2,
         "behind_high": 0.8},
    ]},
}  # fmt: skip


@pytest.fixture
def worker() -> Iterator[FakeWorker]:
    worker = FakeWorker({"state": "running", "n": 8, "of": 64})
    yield worker
    assert {name for name, _ in worker.asked} <= {"pretrade"}


@pytest.fixture
def web(tmp_path: Path, worker: FakeWorker) -> Any:
    web = a_web(tmp_path, worker=worker)
    rows = {
        "desk": {"desk": DESK},
        "changes": {"R-3": CHANGE},
        "quotes": {"MIDC": {"adv": 2_000_000, "lot": 100}},
        "strategies": {"VWAP": {"id": "VWAP", "values": {"band": 0.03}, "model": ""}},
    }
    for topic, up in rows.items():
        web.hub.take(Frame(topic=topic, seq=1, epoch=1, at=START_NS, up=up, full=1))
    return web


def attached(web: Any) -> list[Any]:
    return [e for e in web.parts.desk.seen if isinstance(e.command, AttachEvidence)]


def test_one_question_is_kept_alive_by_everybody_who_looks(
    web: Any, client: TestClient, worker: FakeWorker
) -> None:
    for role in (Role.SUPERVISOR, Role.TRADER):
        enter(client, role)
        told = client.get("/api/v1/evidence/R-3").json()
        assert (told["state"], told["n"], told["order"]["quantity"]) == ("running", 8, 100_000)
    (_, first), (_, second) = worker.asked
    assert first == second  # whoever asks: the same question under the same ticket
    assert [(way["name"], way["values"]) for way in first["ways"]] == [
        ("in force", {"band": 0.03}), ("proposed", {"band": 0.04}),
    ]  # fmt: skip
    assert attached(web) == []


def test_the_end_is_attached_by_the_desk_itself_and_not_twice(
    web: Any, client: TestClient, worker: FakeWorker
) -> None:
    enter(client, Role.SUPERVISOR)
    worker.told = DONE
    assert client.get("/api/v1/evidence/R-3").json()["attached"] == ""
    (envelope,) = attached(web)
    assert envelope.person == "system"
    assert (envelope.command.change_id, envelope.command.content_hash) == (3, "ab" * 32)
    found = envelope.command.evidence
    assert (found.gain_bps, found.gain_low_bps, found.gain_high_bps) == (0.5, 0.2, 0.8)
    known = {"R-3": {"evidence": {"question": "abcdef0123"}}}
    web.hub.take(Frame(topic="changes", seq=2, epoch=1, at=START_NS, up=known))
    assert client.get("/api/v1/evidence/R-3").json()["attached"] == ""
    assert len(attached(web)) == 1


def test_what_the_engine_refuses_is_said(web: Any, client: TestClient, worker: FakeWorker) -> None:
    enter(client, Role.SUPERVISOR)
    worker.told = DONE
    web.parts.desk.answer = Refused("R-3 was edited since you saw it")
    assert "edited since" in client.get("/api/v1/evidence/R-3").json()["attached"]


def test_there_is_nothing_to_ask_about_a_closed_or_unknown_request(
    web: Any, client: TestClient, worker: FakeWorker
) -> None:
    enter(client, Role.SUPERVISOR)
    web.hub.take(
        Frame(topic="changes", seq=2, epoch=1, at=START_NS, up={"R-3": {"state": "APPROVED"}})
    )
    for key in ("R-3", "R-9"):
        told = client.get(f"/api/v1/evidence/{key}").json()
        assert told == {"state": "refused", "detail": f"{key} is no open change request"}
    assert worker.asked == []
