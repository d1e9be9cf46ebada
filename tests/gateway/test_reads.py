"""Reads: rows with their age, a cursor, the same visibility as the screens; the status rows."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.domain.people import Role
from engine.gateway import status
from engine.gateway.live import Frame, Hub
from engine.runtime.clock import HandClock
from tests.support.desk_fakes import PASSWORD, START_NS, FakeSwitch, login_of

SECOND = 1_000_000_000


def enter(client: TestClient, role: Role) -> None:
    client.post("/login", json={"login": login_of(role), "password": PASSWORD})


def test_rows_come_in_pages_in_the_order_of_their_numbers_and_with_their_age(
    web: Any, client: TestClient
) -> None:
    rows = {f"P-{i}": {"filled": i} for i in (10, 9, 2, 1)}
    web.hub.take(Frame(topic="parents", seq=1, epoch=1, at=START_NS, up=rows, full=1))
    web.parts.clock.now += 1_500_000_000
    enter(client, Role.RISK)
    first = client.get("/api/v1/parents?limit=3").json()
    assert [item["key"] for item in first["items"]] == ["P-1", "P-2", "P-9"]
    assert first["age_ms"] == 1500
    second = client.get(f"/api/v1/parents?limit=3&after={first['next']}").json()
    assert [item["key"] for item in second["items"]] == ["P-10"]
    assert second["next"] is None


def test_a_topic_nobody_has_published_has_no_age(client: TestClient) -> None:
    enter(client, Role.RISK)
    body = client.get("/api/v1/kills").json()
    assert body == {"items": [], "next": None, "as_of": None, "age_ms": None}


def test_a_trader_reads_no_rows_of_another_desk(web: Any, client: TestClient) -> None:
    rows = {"P-1": {"trader": "u2", "desk": "main"}, "P-2": {"trader": "u9", "desk": "other"}}
    web.hub.take(Frame(topic="parents", seq=1, epoch=1, at=START_NS, up=rows, full=1))
    enter(client, Role.TRADER)
    assert [i["key"] for i in client.get("/api/v1/parents").json()["items"]] == ["P-1"]


@pytest.mark.parametrize("query", ["limit=0", "limit=9999", "limit=x"])
def test_a_limit_out_of_range_is_refused(client: TestClient, query: str) -> None:
    enter(client, Role.RISK)
    assert client.get(f"/api/v1/parents?{query}").status_code == 422


def test_every_door_under_api_is_in_the_open_api_document(web: Any, client: TestClient) -> None:
    enter(client, Role.RISK)
    documented = client.get("/api/v1/openapi.json").json()["paths"]
    for method, path in web.grants.routes:
        if path.startswith("/api/v1/") and not path.endswith(("*", "openapi.json")):
            assert method.lower() in documented[path], path


def test_the_watchdog_chip_says_absent_silent_or_ok() -> None:
    switch, clock = FakeSwitch(), HandClock(START_NS)
    assert status.watchdog_cells(switch, clock, 1000)["text"] == "absent"
    switch.lease_ns = START_NS - 500_000_000
    assert status.watchdog_cells(switch, clock, 1000)["state"] == "ok"
    switch.lease_ns = START_NS - 3 * SECOND
    assert status.watchdog_cells(switch, clock, 1000) == {
        "state": "bad", "text": "silent 3.0 s", "at": START_NS,
    }  # fmt: skip


def a_hub(market_at: int, quote_at: int, session: str = "CONTINUOUS", speed: float = 10.0) -> Hub:
    hub = Hub(HandClock(START_NS))
    desk = {"market_at": market_at, "session": session, "speed": speed, "turn_ms": 0.4,
            "gate": "open"}  # fmt: skip
    hub.take(Frame(topic="desk", seq=1, epoch=1, at=START_NS, up={"desk": desk}, full=1))
    quotes: dict[str, dict[str, object]] = {"MIDC": {"at": quote_at}, "OLD": {"at": 1}}
    hub.take(Frame(topic="quotes", seq=1, epoch=1, at=START_NS, up=quotes, full=1))
    return hub


def test_the_feed_is_as_old_as_its_newest_quote_on_the_market_clock() -> None:
    fresh = status.feed_cells(a_hub(START_NS, START_NS - 2 * SECOND), START_NS)
    assert (fresh["state"], fresh["text"]) == ("ok", "2.0 s")
    old = status.feed_cells(a_hub(START_NS, START_NS - 20 * SECOND), START_NS)
    assert (old["state"], old["at"]) == ("bad", START_NS - 2 * SECOND)  # 20 s at ten times
    closed = status.feed_cells(a_hub(START_NS, START_NS - 20 * SECOND, "CLOSED"), START_NS)
    assert (closed["state"], closed["text"]) == ("ok", "closed")
    assert status.feed_cells(Hub(HandClock(START_NS)), START_NS)["state"] == "bad"


def test_the_engine_chip_shows_the_turn_the_gates_words_or_the_silence() -> None:
    hub = a_hub(START_NS, START_NS)
    assert status.engine_cells(hub, START_NS)["text"] == "0.4 ms"
    blocked = {"desk": {"gate": "lease: the watchdog has been silent for 2.0 s"}}
    hub.take(Frame(topic="desk", seq=2, epoch=1, at=START_NS, up=blocked))
    assert status.engine_cells(hub, START_NS)["state"] == "warn"
    hub.clock.now += 3 * SECOND  # type: ignore[attr-defined]
    assert status.engine_cells(hub, START_NS)["text"] == "silent 3 s"


def test_the_model_chip_counts_models_that_decide_among_those_in_force() -> None:
    hub = a_hub(START_NS, START_NS)
    rows: dict[str, dict[str, object]] = {
        "TWAP": {"model": "", "model_state": ""},
        "A": {"model": "m1", "model_state": "live"},
        "B": {"model": "m2", "model_state": "expired"},
    }
    hub.take(Frame(topic="strategies", seq=1, epoch=1, at=START_NS, up=rows, full=1))
    assert status.model_cells(hub, START_NS) == {"state": "warn", "text": "1/2", "at": START_NS}


def test_processes_come_from_the_supervisors_file_and_its_absence_is_no_error(
    tmp_path: Path,
) -> None:
    file = tmp_path / "processes.json"
    assert status.process_cells(file, 1) == {}
    file.write_text('{"processes": [{"name": "engine", "state": "waiting", "restarts": 2}]}')
    row = status.process_cells(file, 1)["process-engine"]
    assert (row["state"], row["text"], row["restarts"]) == ("bad", "waiting", 2)
