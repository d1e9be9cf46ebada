"""Kill with everything else down: JSON, plain form, no engine, no database, no stream."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.domain.people import Role
from engine.gateway.live import Frame
from engine.gateway.sessions import BY_DEFAULT, csrf_token
from tests.support.desk_fakes import PASSWORD, START_NS, login_of

FORM = {"content-type": "application/x-www-form-urlencoded"}


def enter(client: TestClient, role: Role) -> str:
    client.post("/login", json={"login": login_of(role), "password": PASSWORD})
    token = csrf_token(client.cookies["qd_session"])
    client.headers["x-qd-csrf"] = token
    return token


def test_a_kill_writes_the_flag_while_engine_and_database_are_gone(
    web: Any, client: TestClient
) -> None:
    enter(client, Role.RISK)
    web.parts.desk.answer = ConnectionError()
    web.parts.people.close()
    for table in ("sessions", "persons"):
        with web.parts.people._engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO gone_{table}")
    answer = client.post("/api/v1/kill", json={"scope": "all"})
    assert answer.status_code == 202
    assert answer.json() == {"generation": 1, "state": "REQUESTED"}
    assert web.parts.switch.written == [("all", "", "u5", "web")]


def test_the_plain_form_kills_without_scripts(web: Any, client: TestClient) -> None:
    token = enter(client, Role.SUPERVISOR)
    page = client.get("/kill")
    assert f'value="{token}"' in page.text
    assert "<script" not in page.text
    body = f"csrf={token}&scope=strategy&target=IS-ML&reason="
    client.headers.pop("x-qd-csrf")
    answer = client.post("/api/v1/kill", content=body, headers=FORM, follow_redirects=False)
    assert answer.status_code == 303
    assert web.parts.switch.written == [("strategy", "IS-ML", "u4", "web")] or (
        web.parts.switch.written == [("strategy", "IS-ML", "u3", "web")]
    )
    after = client.get(answer.headers["location"])
    assert "generation 1" in after.text


def test_a_form_without_the_token_of_the_login_kills_nothing(web: Any, client: TestClient) -> None:
    enter(client, Role.RISK)
    client.headers.pop("x-qd-csrf")
    for body in ("scope=all&target=", "csrf=wrong&scope=all&target="):
        answer = client.post("/api/v1/kill", content=body, headers=FORM)
        assert answer.status_code == 403
    assert web.parts.switch.written == []


def test_an_idle_login_can_still_kill(web: Any, client: TestClient) -> None:
    enter(client, Role.RISK)
    web.parts.clock.now += 2 * BY_DEFAULT
    assert client.post("/api/v1/kill", json={"scope": "all"}).status_code == 202


@pytest.mark.parametrize(
    "body",
    [{"scope": "planet"}, {"scope": "all", "target": "MIDC"}, {"scope": "symbol"}, {"target": "x"}],
)
def test_a_scope_that_means_nothing_is_refused(
    web: Any, client: TestClient, body: dict[str, str]
) -> None:
    enter(client, Role.RISK)
    answer = client.post("/api/v1/kill", json=body)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert web.parts.switch.written == []


def test_a_trader_kills_own_orders_and_no_others(web: Any, client: TestClient) -> None:
    rows = {"P-1": {"trader": "u1", "desk": "main"}, "P-2": {"trader": "u2", "desk": "main"}}
    web.hub.take(Frame(topic="parents", seq=1, epoch=1, at=START_NS, up=rows, full=1))
    children = {"C-1-1": {"parent": "P-2"}, "C-1-2": {"parent": "P-1"}}
    web.hub.take(Frame(topic="children", seq=1, epoch=1, at=START_NS, up=children, full=1))
    enter(client, Role.TRADER)
    allowed = [("parent", "P-1"), ("parent", "1"), ("child", "C-1-2"), ("trader", "u1")]
    closed = [("parent", "P-2"), ("child", "C-1-1"), ("trader", "u2"), ("all", ""),
              ("strategy", "VWAP"), ("symbol", "MIDC")]  # fmt: skip
    for scope, target in allowed:
        answer = client.post("/api/v1/kill", json={"scope": scope, "target": target})
        assert answer.status_code == 202, (scope, target)
    for scope, target in closed:
        answer = client.post("/api/v1/kill", json={"scope": scope, "target": target})
        assert answer.status_code == 403, (scope, target)
    assert len(web.parts.switch.written) == len(allowed)


def test_a_parent_nobody_here_knows_can_be_killed_by_a_trader(web: Any, client: TestClient) -> None:
    enter(client, Role.TRADER)  # the stream is down: on doubt, stopping wins
    answer = client.post("/api/v1/kill", json={"scope": "parent", "target": "P-77"})
    assert answer.status_code == 202


def test_a_role_without_the_right_cannot_kill(web: Any, client: TestClient) -> None:
    enter(client, Role.QUANT)
    assert client.post("/api/v1/kill", json={"scope": "all"}).status_code == 403
    assert web.parts.switch.written == []


def test_texts_on_the_kill_page_are_escaped(web: Any, client: TestClient) -> None:
    enter(client, Role.RISK)
    client.post("/api/v1/kill", json={"scope": "symbol", "target": "<b>x</b>"})
    page = client.get("/kill?said=<script>alert(1)</script>").text
    assert "<b>x" not in page
    assert "<script" not in page
