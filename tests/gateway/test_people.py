"""People management: who may, what holds at once, what the engine is told, what never happens."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.people import People
from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway.live import audience_of
from engine.gateway.manage import ChangeBody, Managing, check_administrator_stays, next_id
from engine.gateway.sessions import csrf_token, digest
from tests.support.desk_fakes import ORIGIN, PASSWORD, START_NS, login_of, people_file

NEW = {"login": "nora", "name": "Nora Berg", "roles": ["trader", "quant"], "max_notional": 2e6}
OWN = "my own long secret"


def visitor(web: Any) -> TestClient:
    return TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN})


def log_in(client: TestClient, login: str, password: str = PASSWORD) -> Any:
    answer = client.post("/login", json={"login": login, "password": password})
    if answer.status_code == 200:
        client.headers["x-qd-csrf"] = csrf_token(client.cookies["qd_session"])
    return answer


def as_admin(client: TestClient) -> TestClient:
    """Logged in with the password given again."""
    log_in(client, login_of(Role.ADMIN))
    assert again(client).status_code == 200
    return client


def again(client: TestClient) -> Any:
    return client.post("/api/v1/reauthenticate", json={"password": PASSWORD})


def stored(web: Any) -> dict[str, Any]:
    return {row.person_id: row for row in web.parts.people.persons()}


def told(web: Any) -> list[Any]:
    return [e for e in web.parts.desk.seen if type(e.command).__name__ == "SetPeople"]


def change(client: TestClient, person_id: str, **body: Any) -> Any:
    return client.post(f"/api/v1/people/{person_id}", json=body)


def test_a_new_person_gets_a_password_that_is_shown_once_and_must_be_changed(
    web: Any, client: TestClient
) -> None:
    answer = as_admin(client).post("/api/v1/people", json=NEW)
    assert answer.status_code == 201
    made = answer.json()
    assert made["id"] == "u11"
    assert len(made["password"]) >= 16
    assert "password" not in client.get("/api/v1/people").text

    guest = visitor(web)
    assert log_in(guest, "nora", made["password"]).json() == {"next": "/password"}
    closed = guest.get("/api/v1/parents")
    assert closed.status_code == 403
    assert closed.json()["type"] == "password"
    assert "Somebody else set your password" in guest.get("/password").text

    body = {"old": made["password"], "new": OWN, "again": OWN}
    assert guest.post("/api/v1/password", json=body).json() == {"next": "/"}
    assert guest.get("/api/v1/people/me").json()["roles"] == ["quant", "trader"]
    assert log_in(visitor(web), "nora", made["password"]).status_code == 401
    assert log_in(visitor(web), "nora", OWN).json() == {"next": "/"}


def test_a_password_given_by_the_administrator_is_not_repeated_and_must_be_changed_too(
    web: Any, client: TestClient
) -> None:
    answer = as_admin(client).post("/api/v1/people", json={**NEW, "password": "given by me, once"})
    assert answer.status_code == 201
    assert "password" not in answer.json()
    assert log_in(visitor(web), "nora", "given by me, once").json() == {"next": "/password"}


def test_the_engine_is_told_the_new_table_and_who_changed_what_without_names(
    web: Any, client: TestClient
) -> None:
    as_admin(client)
    client.post("/api/v1/people", json=NEW)
    change(client, "u2", max_notional=5e6)
    change(client, "u3", active=False)
    for _ in range(1000):  # the telling is a task of its own
        if not web.logins.notes:
            break
        client.get("/health")
    last = told(web)[-1]
    by_id = {person.id: person for person in last.command.people}
    assert by_id["u11"].roles == (Role.QUANT, Role.TRADER)
    assert by_id["u2"].max_notional == 5e6
    assert by_id["u3"].active is False
    reasons = "; ".join(e.reason for e in told(web))
    assert "u10 added u11: quant+trader, desk main, limit 2e+06" in reasons
    assert "u10 changed u2: limit 1e+07 to 5e+06" in reasons
    assert "u10 changed u3: switched off" in reasons
    assert "Nora" not in repr(told(web))


def test_changes_the_engine_has_not_taken_are_told_with_the_next_table(
    web: Any, client: TestClient
) -> None:
    as_admin(client)
    web.parts.desk.answer = ConnectionError()
    change(client, "u2", max_notional=5e6)
    assert web.logins.notes == ["u10 changed u2: limit 1e+07 to 5e+06"]


@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.SYSTEM, Role.ADMIN)])
def test_nobody_but_an_administrator_adds_or_changes_people(
    web: Any, client: TestClient, role: Role
) -> None:
    log_in(client, login_of(role))
    again(client)
    before = stored(web)
    row = next(p for p in before.values() if p.login == login_of(role))
    assert client.get("/api/v1/people").status_code == 403
    assert client.post("/api/v1/people", json=NEW).status_code == 403
    for person_id in ("u10", row.person_id):
        assert change(client, person_id, roles=["admin"]).status_code == 403
        assert change(client, person_id, reset_password=True).status_code == 403
    assert stored(web) == before


def test_without_a_login_or_without_its_token_nothing_changes(web: Any, client: TestClient) -> None:
    before = stored(web)
    assert client.post("/api/v1/people", json=NEW).status_code == 401
    assert change(client, "u1", active=False).status_code == 401
    assert client.post("/api/v1/password", json={"old": PASSWORD, "new": OWN}).status_code == 401
    assert stored(web) == before
    as_admin(client)
    before = stored(web)
    for headers in ({"x-qd-csrf": "old"}, {"origin": "http://evil.example"}):
        assert client.post("/api/v1/people", json=NEW, headers=headers).status_code == 403
        off = client.post("/api/v1/people/u1", json={"active": False}, headers=headers)
        assert off.status_code == 403
    assert stored(web) == before


def test_a_change_of_people_asks_for_the_password_and_keeping_somebody_out_does_not(
    web: Any, client: TestClient
) -> None:
    log_in(client, login_of(Role.ADMIN))
    for answer in (
        client.post("/api/v1/people", json=NEW),
        change(client, "u1", roles=["risk"]),
        change(client, "u1", active=True),
        change(client, "u1", active=False, max_notional=9e9),
        change(client, "u1", reset_password=True),
    ):
        assert answer.status_code == 403
        assert answer.json()["type"] == "fresh"
    assert change(client, "u1", active=False).status_code == 200
    assert stored(web)["u1"].active is False


@pytest.mark.parametrize(
    "body",
    [{"roles": ["quant"]}, {"active": False}, {"desk": "other"}, {"reset_password": True}],
    ids=["roles", "active", "desk", "password"],
)
def test_a_change_of_rights_ends_sessions_and_streams_at_once(
    web: Any, client: TestClient, body: dict[str, Any]
) -> None:
    trader = visitor(web)
    log_in(trader, "amara")
    session = digest(trader.cookies["qd_session"])
    someone = web.directory.viewer(trader.cookies["qd_session"], START_NS)
    stream = web.hub.join(someone, ["desk"], "")
    assert stream in web.hub.clients
    assert change(as_admin(client), "u1", **body).status_code == 200
    assert trader.get("/api/v1/people/me").status_code == 401
    assert stream.closed
    assert session not in {row.session_hash for row in web.parts.people.sessions()}
    assert audience_of(someone).desk == "main"  # what the closed stream was cut for


def test_a_new_limit_or_name_ends_nothing(web: Any, client: TestClient) -> None:
    trader = visitor(web)
    log_in(trader, "amara")
    as_admin(client)
    assert change(client, "u1", max_notional=1e6, name="Amara D.").status_code == 200
    me = trader.get("/api/v1/people/me").json()
    assert (me["max_notional"], me["name"]) == (1e6, "Amara D.")


def test_a_role_holds_after_the_next_log_in_and_somebody_switched_off_stays_out(
    web: Any, client: TestClient
) -> None:
    as_admin(client)
    change(client, "u1", roles=["quant"])
    trader = visitor(web)
    log_in(trader, "amara")
    assert trader.get("/api/v1/people/me").json()["roles"] == ["quant"]
    change(client, "u1", active=False)
    assert log_in(visitor(web), "amara").status_code == 401
    change(client, "u1", active=True)
    assert log_in(visitor(web), "amara").status_code == 200


def test_a_reset_password_replaces_the_old_one_and_is_due(web: Any, client: TestClient) -> None:
    one_time = change(as_admin(client), "u1", reset_password=True).json()["password"]
    assert log_in(visitor(web), "amara").status_code == 401
    assert log_in(visitor(web), "amara", one_time).json() == {"next": "/password"}


def test_nobody_changes_themselves_and_nobody_becomes_the_system(
    web: Any, client: TestClient
) -> None:
    as_admin(client)
    before = stored(web)
    for body in (
        {"roles": ["risk"]}, {"active": False}, {"max_notional": 1e9}, {"desk": "x"},
        {"reset_password": True},
    ):  # fmt: skip
        assert change(client, "u10", **body).status_code == 403, body
    assert change(client, "u1", roles=["system"]).status_code == 422
    assert client.post("/api/v1/people", json={**NEW, "roles": ["system"]}).status_code == 422
    assert stored(web) == before


def test_at_least_one_active_administrator_stays(web: Any) -> None:
    persons = stored(web)
    check_administrator_stays(persons)
    admin = next(p for p in persons.values() if Role.ADMIN in p.roles)
    for gone in (replace(admin, active=False), replace(admin, roles=("risk",))):
        with pytest.raises(Refused, match="administrator must stay"):
            check_administrator_stays({**persons, admin.person_id: gone})


def test_an_administrator_who_was_demoted_while_a_request_waited_changes_nothing(
    web: Any, client: TestClient
) -> None:
    as_admin(client)
    change(client, "u9", roles=["admin"])
    grace = visitor(web)
    log_in(grace, "grace")
    again(grace)

    async def demoted_meanwhile() -> None:
        someone = web.directory.viewer(grace.cookies["qd_session"], START_NS)
        managing = Managing(logins=web.logins)
        async with web.logins.changes:
            change = managing.change("u10", ChangeBody(active=False), someone)
            waiting = asyncio.create_task(change)
            await asyncio.sleep(0)
            row = web.directory.persons["u9"]
            web.directory.persons["u9"] = replace(row, roles=("compliance",))
        with pytest.raises(Refused, match=r"people\.manage"):
            await waiting

    client.portal.call(demoted_meanwhile)
    assert stored(web)["u10"].active is True


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"login": "amara"}, 422, "login"),
        ({"login": "Nora"}, 422, "login"),
        ({"login": "n"}, 422, "login"),
        ({"login": "nora\n"}, 422, "login"),
        ({"name": "  "}, 422, "name"),
        ({"name": "a\u0007b"}, 422, "name"),
        ({"desk": ""}, 422, "desk"),
        ({"roles": []}, 422, "roles"),
        ({"max_notional": -1}, 422, "max_notional"),
        ({"max_notional": 1e13}, 422, "max_notional"),
        ({"password": "short"}, 422, "password"),
        ({"password": "nora nora nora"}, 422, "password"),
        ({"roles": ["king"]}, 400, None),
        ({"max_notional": "much"}, 400, None),
        ({"surprise": 1}, 400, None),
    ],
)
def test_a_person_that_is_not_understood_is_not_added(
    web: Any, client: TestClient, body: dict[str, Any], status: int, field: str | None
) -> None:
    as_admin(client)
    before = stored(web)
    answer = client.post("/api/v1/people", json={**NEW, **body})
    assert answer.status_code == status, answer.text
    assert answer.json().get("field") == field
    assert stored(web) == before


def test_a_change_that_changes_nothing_or_nobody_is_refused(client: TestClient) -> None:
    as_admin(client)
    same = change(client, "u1", roles=["trader"], desk="main", name="Amara Diallo")
    assert (same.status_code, same.json()["detail"]) == (422, "nothing would change")
    assert change(client, "u99", active=False).status_code == 404


def test_ids_are_never_given_twice(tmp_path: Path) -> None:
    people = people_file(tmp_path)
    persons = {row.person_id: row for row in people.persons()}
    assert next_id(persons) == "u11"
    assert next_id({}) == "u1"
    people.close()


# --- the own password -------------------------------------------------------------------------
def test_a_new_password_of_my_own_ends_my_other_log_ins_and_renews_this_one(
    web: Any, client: TestClient
) -> None:
    elsewhere = visitor(web)
    log_in(elsewhere, "amara")
    log_in(client, "amara")
    old = client.cookies["qd_session"]
    body = {"old": PASSWORD, "new": OWN, "again": OWN, "next": "/ticket"}
    assert client.post("/api/v1/password", json=body).json() == {"next": "/ticket"}
    assert client.cookies["qd_session"] != old
    assert client.get("/api/v1/people/me").status_code == 200
    assert elsewhere.get("/api/v1/people/me").status_code == 401
    assert log_in(visitor(web), "amara").status_code == 401
    assert log_in(visitor(web), "amara", OWN).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"old": "wrong"}, 403, "old"),
        ({"new": "short", "again": "short"}, 422, "new"),
        ({"again": "something else"}, 422, "again"),
        ({"new": PASSWORD, "again": PASSWORD}, 422, "new"),
        ({"new": "amara is my login", "again": "amara is my login"}, 422, "new"),
    ],
)
def test_a_password_that_will_not_do_changes_nothing(
    web: Any, client: TestClient, body: dict[str, str], status: int, field: str
) -> None:
    log_in(client, "amara")
    answer = client.post(
        "/api/v1/password", json={"old": PASSWORD, "new": OWN, "again": OWN, **body}
    )
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert client.get("/api/v1/people/me").status_code == 200
    assert log_in(visitor(web), "amara").status_code == 200


def test_the_old_password_can_be_tried_five_times_a_minute(client: TestClient) -> None:
    log_in(client, "amara")
    body = {"old": "wrong", "new": OWN}
    tried = [client.post("/api/v1/password", json=body).status_code for _ in range(6)]
    assert tried == [403] * 5 + [429]


def test_a_people_file_of_an_earlier_version_gains_its_columns_and_keeps_its_people(
    tmp_path: Path,
) -> None:
    people = people_file(tmp_path)
    before = people.persons()
    people.close()
    with closing(sqlite3.connect(tmp_path / "people.db")) as file:
        for column in ("must_change", "last_login_at"):
            file.execute(f"ALTER TABLE logins DROP COLUMN {column}")
        file.commit()
    again = People.open(tmp_path / "people.db")
    assert again.persons() == before
    again.set_password_hash("u1", "x", START_NS + 1, must_change=True)
    assert [row.must_change for row in again.persons()].count(True) == 1
    again.close()


def test_the_last_log_in_is_kept(web: Any, client: TestClient) -> None:
    log_in(client, "amara")
    assert stored(web)["u1"].last_login_at == START_NS
    rows = as_admin(visitor(web)).get("/api/v1/people").json()["items"]
    by_id = {row["id"]: row["last_login_at"] for row in rows}
    assert (by_id["u1"], by_id["u2"]) == (START_NS, 0)
