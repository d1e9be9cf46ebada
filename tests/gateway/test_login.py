"""Logging in and out: lock-out, new ids, idle lock, the password again, the first administrator."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.people import People
from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway import people as web_people
from engine.gateway.login import safe_next
from engine.gateway.sessions import BY_DEFAULT, LIFETIME, SECOND, csrf_token, digest
from engine.settings import BY_NAME
from tests.support.desk_fakes import ORIGIN, PASSWORD, QUICK, START_NS, a_web, login_of
from tests.support.whole_web import whole_web


def log_in(client: TestClient, login: str = "amara", password: str = PASSWORD) -> Any:
    return client.post("/login", json={"login": login, "password": password})


def token(client: TestClient) -> dict[str, str]:
    return {"x-qd-csrf": csrf_token(client.cookies["qd_session"])}


def hold(client: TestClient, verb: str = "HoldParent", **args: Any) -> Any:
    command = {"id": f"w-{verb}-{len(args)}-abcdef", "verb": verb, "target": "P-1", "args": args}
    return client.post("/api/v1/commands", json=command, headers=token(client))


def test_a_login_gives_a_cookie_that_scripts_and_other_sites_cannot_use(client: TestClient) -> None:
    cookie = log_in(client).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_over_tls_the_cookie_is_secure(tmp_path: Path) -> None:
    web = a_web(tmp_path, secure=True, origins=frozenset({"https://localhost:8050"}))
    address = "https://localhost:8050"
    with TestClient(web.app, base_url=address, headers={"origin": address}) as client:
        assert "Secure" in log_in(client).headers["set-cookie"]


def test_a_wrong_password_and_an_unknown_login_get_the_same_sentence(client: TestClient) -> None:
    wrong = log_in(client, password="no")
    unknown = log_in(client, login="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["detail"] == unknown.json()["detail"]
    assert "qd_session" not in client.cookies


def test_the_sixth_try_in_a_minute_is_locked_out_even_with_the_right_password(
    web: Any, client: TestClient
) -> None:
    for _ in range(5):
        assert log_in(client, password="no").status_code == 401
    answer = log_in(client)
    assert answer.status_code == 429
    assert answer.json()["retry_after_s"] == 60
    web.parts.clock.now += 61 * SECOND
    assert log_in(client).status_code == 200


def test_an_address_is_locked_out_when_it_tries_many_logins(client: TestClient) -> None:
    for login in ("amara", "kiran", "marta", "jun", "ines"):
        assert log_in(client, login=login, password="no").status_code == 401
    assert log_in(client, login="sam").status_code == 429


def test_a_login_starts_a_new_session_and_ends_the_one_the_browser_brought(
    web: Any, client: TestClient
) -> None:
    client.cookies.set("qd_session", "planted-by-an-attacker", domain="localhost.local")
    log_in(client)
    first = next(c.value for c in client.cookies.jar if c.value != "planted-by-an-attacker")
    assert web.directory.session("planted-by-an-attacker", START_NS) is None
    client.cookies.clear()
    client.cookies.set("qd_session", first)
    log_in(client)
    assert web.directory.session(first, START_NS) is None
    assert len(web.directory.sessions) == 1


def test_only_hashes_of_session_ids_are_stored(web: Any, client: TestClient) -> None:
    log_in(client)
    (row,) = web.parts.people.sessions()
    assert row.session_hash == digest(client.cookies["qd_session"])
    assert client.cookies["qd_session"] not in repr(row)
    assert len(client.cookies["qd_session"]) >= 43  # 256 bits


def test_logging_out_kills_the_cookie_for_good(web: Any, client: TestClient) -> None:
    log_in(client)
    stolen = client.cookies["qd_session"]
    assert client.post("/api/v1/logout", json={}, headers=token(client)).status_code == 200
    client.cookies.set("qd_session", stolen)
    assert client.get("/api/v1/people/me").status_code == 401
    assert web.parts.people.sessions() == ()


def test_a_session_ends_after_a_working_day(web: Any, client: TestClient) -> None:
    log_in(client)
    web.parts.clock.now += LIFETIME
    assert client.get("/api/v1/people/me").status_code == 401


def test_after_fifteen_idle_minutes_acts_that_raise_risk_ask_for_the_password_and_holds_do_not(
    web: Any, client: TestClient
) -> None:
    log_in(client)
    web.parts.clock.now += BY_DEFAULT
    assert client.get("/api/v1/people/me").json()["idle"] is True
    assert hold(client).status_code == 202
    refused = hold(client, verb="ResumeParent")
    assert refused.status_code == 403
    assert refused.json()["type"] == "idle"
    assert client.post("/api/v1/activity", json={}, headers=token(client)).json() == {"idle": True}
    again = client.post(
        "/api/v1/reauthenticate", json={"password": PASSWORD}, headers=token(client)
    )
    assert again.status_code == 200
    assert hold(client, verb="ResumeParent").status_code == 202


def test_activity_keeps_a_session_awake(web: Any, client: TestClient) -> None:
    log_in(client)
    for _ in range(3):
        web.parts.clock.now += BY_DEFAULT - 1
        answer = client.post("/api/v1/activity", json={}, headers=token(client))
        assert answer.json() == {"idle": False}
    assert hold(client, verb="ResumeParent").status_code == 202


def test_an_approval_asks_for_the_password_and_counts_it_for_five_minutes(
    web: Any, client: TestClient
) -> None:
    log_in(client, login=login_of(Role.SUPERVISOR))
    refused = hold(client, verb="ApproveParent", approve=True)
    assert refused.json()["type"] == "fresh"
    wrong = client.post("/api/v1/reauthenticate", json={"password": "no"}, headers=token(client))
    assert wrong.status_code == 403
    client.post("/api/v1/reauthenticate", json={"password": PASSWORD}, headers=token(client))
    assert hold(client, verb="ApproveParent", approve=True).status_code == 202
    web.parts.clock.now += 5 * 60 * SECOND
    command = {"id": "w-later-approval", "verb": "ApproveParent", "target": "P-2",
               "args": {"approve": True}}  # fmt: skip
    later = client.post("/api/v1/commands", json=command, headers=token(client))
    assert later.json()["type"] == "fresh"


def test_the_idle_lock_is_the_setting(tmp_path: Path) -> None:
    assert BY_NAME["idle_lock_s"].default * SECOND == BY_DEFAULT
    web = a_web(tmp_path, idle_lock=90 * SECOND)
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        log_in(client)
        web.parts.clock.now += 90 * SECOND - 1
        assert client.get("/api/v1/people/me").json()["idle"] is False
        web.parts.clock.now += 1
        assert client.get("/api/v1/people/me").json()["idle"] is True
        refused = hold(client, verb="ResumeParent")
        assert refused.json()["detail"].startswith("nobody was here for 1.5 minutes")
        assert hold(client).status_code == 202


def test_the_idle_lock_of_the_settings_reaches_the_sessions(tmp_path: Path) -> None:
    web = whole_web(tmp_path, idle_lock_s=77)
    assert web.directory.idle_lock == 77 * SECOND
    web.parts.people.close()
    assert web.parts.worker is not None
    web.parts.worker.close()


@pytest.mark.parametrize(
    ("given", "taken"),
    [("/orders/P-1", "/orders/P-1"), ("//evil.example", "/"), ("https://evil.example", "/"),
     ("/\\evil.example", "/"), ("", "/"), ("/a\nb", "/")],
)  # fmt: skip
def test_after_login_one_stays_on_this_desk(given: str, taken: str) -> None:
    assert safe_next(given) == taken


def test_the_demo_people_get_random_passwords_that_only_the_owner_can_read(tmp_path: Path) -> None:
    people = People.open(tmp_path / "people.db")
    file = tmp_path / "demo_passwords.txt"
    first = web_people.prepare(people, QUICK, demo=True, passwords=file, now=START_NS)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passwords = [line.split()[1] for line in file.read_text().splitlines()]
    assert len(set(passwords)) == 10
    assert all(password in "\n".join(first.lines) for password in passwords)
    roles = [role for person in people.persons() for role in person.roles]
    assert roles.count("supervisor") == 2
    assert roles.count("trader") == 2
    again = web_people.prepare(people, QUICK, demo=True, passwords=file, now=START_NS)
    assert again.lines == ()
    people.close()


def test_without_demo_the_first_administrator_needs_the_token_of_the_terminal(
    tmp_path: Path,
) -> None:
    people = People.open(tmp_path / "people.db")
    first = web_people.prepare(
        people, QUICK, demo=False, passwords=tmp_path / "none.txt", now=START_NS
    )
    web = a_web(tmp_path, people=people, token=first.token)
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        assert client.get("/login", follow_redirects=False).headers["location"] == "/first-admin"
        body = {"token": "wrong", "login": "root", "name": "Root", "password": "long enough 123"}
        assert client.post("/first-admin", json=body).status_code == 403
        body["token"] = first.token
        short = {**body, "password": "short"}
        assert client.post("/first-admin", json=short).status_code == 422
        assert client.post("/first-admin", json={**body, "login": "No good"}).status_code == 422
        assert client.post("/first-admin", json=body).status_code == 200
        assert client.get("/api/v1/people/me").json()["roles"] == ["admin"]
        assert client.post("/first-admin", json=body).status_code == 403  # used


def test_the_engine_is_told_who_there_is_without_names(web: Any, client: TestClient) -> None:
    log_in(client)
    told = [e for e in web.parts.desk.seen if type(e.command).__name__ == "SetPeople"]
    assert told
    assert {person.id for person in told[0].command.people} == {f"u{i}" for i in range(1, 11)}
    assert "Amara" not in repr(told[0])


def test_an_engine_that_refuses_the_people_is_asked_again_and_the_status_says_so(
    tmp_path: Path,
) -> None:
    web = a_web(tmp_path)

    async def story() -> tuple[str, str]:
        desk = web.parts.desk
        desk.answer = Refused("the journal is replaying")
        first = await web_people.tell(desk, web.directory, web.parts.clock)
        desk.answer = None
        return first, await web_people.tell(desk, web.directory, web.parts.clock)

    assert asyncio.run(story()) == ("the journal is replaying", "")
    web.people_untold = "the journal is replaying"
    assert web._status()["people"]["text"] == "the journal is replaying"
