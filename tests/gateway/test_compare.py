"""The doors to comparisons of strategies: who may ask and end, with which models, and refusals."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway.live import Frame
from engine.gateway.sessions import csrf_token
from tests.gateway.test_reads import enter
from tests.support.desk_fakes import ORIGIN, START_NS, a_web
from tests.support.fake_worker import FakeWorker

BODY = {"scenario": "midcap-500k", "strategies": ["TWAP", "ADAPTIVE"], "paths": 100}


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker({"number": 4, "state": "waiting"})


@pytest.fixture
def web(tmp_path: Path, worker: FakeWorker) -> Any:
    web = a_web(tmp_path, worker=worker)
    rows = {"ADAPTIVE": {"id": "ADAPTIVE", "model": "a1b2"}, "TWAP": {"id": "TWAP", "model": ""}}
    web.hub.take(Frame(topic="strategies", seq=1, epoch=1, at=START_NS, up=rows, full=1))
    return web


def post(client: TestClient, path: str, body: Any) -> Any:
    headers = {"origin": ORIGIN, "x-qd-csrf": csrf_token(client.cookies["qd_session"])}
    return client.post(f"/api/v1/comparisons{path}", json=body, headers=headers)


def test_asking_says_who_and_takes_the_models_in_force_when_wanted(
    client: TestClient, worker: FakeWorker
) -> None:
    enter(client, Role.QUANT)
    assert post(client, "", BODY).json()["number"] == 4
    assert post(client, "", {**BODY, "with_models": True}).status_code == 200
    (first, bare), (second, with_models) = worker.asked
    assert (first, second) == ("compare", "compare")
    assert bare["by"] == with_models["by"] != ""
    assert (bare["models"], with_models["models"]) == ({}, {"ADAPTIVE": "a1b2"})
    assert (bare["paths"], bare["seed"], bare["same_placement"]) == (100, 1, True)


@pytest.mark.parametrize(
    ("role", "any_of"), [(Role.TRADER, False), (Role.SUPERVISOR, True), (Role.QUANT, True)]
)
def test_a_trader_ends_own_ones_others_any(
    client: TestClient, worker: FakeWorker, role: Role, any_of: bool
) -> None:
    enter(client, role)
    assert post(client, "/4/end", {}).status_code == 200
    ((name, args),) = worker.asked
    assert (name, args["number"], args["any_of"]) == ("compare_end", 4, any_of)


def test_who_may_not_ask_may_look(client: TestClient, worker: FakeWorker) -> None:
    enter(client, Role.COMPLIANCE)
    assert post(client, "", BODY).status_code == 403
    assert post(client, "/4/end", {}).status_code == 403
    assert worker.asked == []
    worker.told = {"items": [], "scenarios": []}
    assert client.get("/api/v1/comparisons").json() == {"items": [], "scenarios": []}


def test_a_refusal_of_the_worker_and_its_absence_are_said(
    client: TestClient, worker: FakeWorker
) -> None:
    enter(client, Role.QUANT)
    worker.told = Refused("paths must be from 10 to 1,000, was 2")
    answer = post(client, "", BODY)
    assert (answer.status_code, answer.json()["detail"]) == (422, str(worker.told))
    worker.told = ConnectionError("gone")
    assert "the worker is not there" in client.get("/api/v1/comparisons").json()["detail"]
    assert "the worker is not there" in post(client, "", BODY).json()["detail"]


@pytest.mark.parametrize(
    "body", [{}, [], {**BODY, "more": 1}, {**BODY, "paths": "many"}, {**BODY, "strategies": "all"}]
)
def test_a_body_that_is_none_is_a_bad_request(
    client: TestClient, worker: FakeWorker, body: Any
) -> None:
    enter(client, Role.QUANT)
    assert post(client, "", body).status_code == 400
    assert worker.asked == []


def test_a_row_that_the_worker_has_refused_is_still_a_row(
    client: TestClient, worker: FakeWorker
) -> None:
    enter(client, Role.QUANT)
    worker.told = {"number": 4, "state": "refused", "detail": "no such model"}
    assert post(client, "", BODY).json()["number"] == 4
