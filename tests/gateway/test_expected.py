"""The doors to simulations: who may ask, what the worker is asked, what its absence looks like."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.domain.strategy import STRATEGIES
from engine.gateway.live import Frame
from tests.gateway.test_reads import enter
from tests.support.desk_fakes import ORIGIN, START_NS, a_web
from tests.support.fake_worker import FakeWorker

ASKED = "symbol=MIDC&side=-1&quantity=5000&horizon_ns=3600000000000&strategy=VWAP&ticket=t1"
DESK = {"mode": "SIM", "day": "2026-11-27", "open_at": 1, "market_at": 77, "session": "CONTINUOUS"}
ROWS = [
    {"strategy": "TWAP", "cost": 12.0, "shortfall_sd": 80.0, "shortfall_rms": 81.0,
     "vwap_rms": 9.0, "done": 1.0, "unfinished": 0},
    {"strategy": "IS", "cost": 15.0, "shortfall_sd": 40.0, "shortfall_rms": 43.0,
     "vwap_rms": 30.0, "done": 1.0, "unfinished": 0},
]  # fmt: skip


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker({"state": "running", "n": 8, "table": {"rows": ROWS}})


@pytest.fixture
def web(tmp_path: Path, worker: FakeWorker) -> Any:
    web = a_web(tmp_path, worker=worker)
    web.hub.take(Frame(topic="desk", seq=1, epoch=1, at=START_NS, up={"desk": DESK}, full=1))
    values = {"VWAP": {"id": "VWAP", "values": {"band": 0.03, "slice": 60.0}, "model": ""}}
    web.hub.take(Frame(topic="strategies", seq=1, epoch=1, at=START_NS, up=values, full=1))
    return web


def test_the_question_is_the_ticket_and_the_market_of_now(
    client: TestClient, worker: FakeWorker
) -> None:
    enter(client, Role.TRADER)
    body = client.get(f"/api/v1/pretrade?{ASKED}&parameters=band:0.04&exclude=SIM-B").json()
    assert body["n"] == 8
    ((name, args),) = worker.asked
    assert name == "pretrade"
    assert (args["day"], args["open_at"], args["at"], args["side"]) == ("2026-11-27", 1, 77, -1)
    assert args["exclude"] == ["SIM-B"]
    ways = {way["strategy"]: way for way in args["ways"]}
    assert list(ways) == list(STRATEGIES)  # whichever is chosen: only its values make a difference
    assert ways["VWAP"]["values"] == {"band": 0.04, "slice": 60.0}
    assert ways["TWAP"]["values"] == {}
    assert args["ticket"].endswith(" t1")  # of this person alone


@pytest.mark.parametrize(
    ("objective", "best"), [("impact", "TWAP"), ("arrival", "IS"), ("vwap", "TWAP")]
)
def test_the_rows_come_in_the_order_of_the_objective(
    client: TestClient, objective: str, best: str
) -> None:
    enter(client, Role.TRADER)
    body = client.get(f"/api/v1/pretrade?{ASKED}&objective={objective}").json()
    assert body["table"]["rows"][0]["strategy"] == best


def test_urgency_ranks_by_risk_aversion(client: TestClient) -> None:
    enter(client, Role.TRADER)
    for aversion, best in ((0.0, "TWAP"), (0.05, "TWAP"), (0.2, "IS")):
        path = f"/api/v1/pretrade?{ASKED}&objective=urgency&risk_aversion={aversion}"
        assert client.get(path).json()["table"]["rows"][0]["strategy"] == best


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ConnectionError("the engine is not there"), "the worker is not there"),
        (TimeoutError("no answer"), "has not answered in time"),
        (Refused("at most 16 tickets"), "at most 16 tickets"),
    ],
)
def test_what_cannot_be_answered_is_said_in_words(
    client: TestClient, worker: FakeWorker, answer: Exception, words: str
) -> None:
    enter(client, Role.TRADER)
    worker.told = answer
    found = client.get(f"/api/v1/pretrade?{ASKED}")
    assert found.status_code == 200
    assert found.json()["state"] == "refused"
    assert words in found.json()["detail"]


def test_a_closed_market_has_no_path_from_here(
    web: Any, client: TestClient, worker: FakeWorker
) -> None:
    enter(client, Role.TRADER)
    closed = {"desk": {**DESK, "session": "CLOSED"}}
    web.hub.take(Frame(topic="desk", seq=2, epoch=1, at=START_NS, up=closed, full=1))
    body = client.get(f"/api/v1/pretrade?{ASKED}").json()
    assert "closed" in body["detail"]
    assert worker.asked == []


@pytest.mark.parametrize("parameters", ["band:x", "band", "band:nan", "band:inf"])
def test_parameters_that_are_no_numbers_are_refused(
    client: TestClient, worker: FakeWorker, parameters: str
) -> None:
    enter(client, Role.TRADER)
    body = client.get(f"/api/v1/pretrade?{ASKED}&parameters={parameters}").json()
    assert "must be a number" in body["detail"]
    assert worker.asked == []


def test_no_side_is_not_taken_for_a_buy(client: TestClient, worker: FakeWorker) -> None:
    enter(client, Role.TRADER)
    asked = ASKED.replace("side=-1", "side=0")
    assert asked != ASKED
    assert "side must be" in client.get(f"/api/v1/pretrade?{asked}").json()["detail"]
    assert worker.asked == []


def test_only_those_who_may_send_orders_may_have_them_simulated(
    client: TestClient, worker: FakeWorker
) -> None:
    enter(client, Role.RISK)
    assert client.get(f"/api/v1/pretrade?{ASKED}").status_code == 403
    assert worker.asked == []


def test_a_desk_without_a_worker_says_so(tmp_path: Path) -> None:
    web = a_web(tmp_path)
    web.hub.take(Frame(topic="desk", seq=1, epoch=1, at=START_NS, up={"desk": DESK}, full=1))
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        enter(client, Role.TRADER)
        body = client.get(f"/api/v1/pretrade?{ASKED}").json()
        assert "worker is not there" in body["detail"]
        body = client.get("/api/v1/twin/P-1?ticket=x").json()
        assert "no order P-1" in body["detail"]
