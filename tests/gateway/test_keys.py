"""Keys for programs: made, shown once, limited, revoked; and every attack on them we know."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

import tests.support.sample_page  # noqa: F401 (registers pages and a callback)
from db.keys import KeyRow, KeyStore
from db.people import People
from db.schema import open_tables
from engine.domain.commands import PERMISSION
from engine.domain.people import KEY_SCOPES, PERMISSIONS, Role, may
from engine.gateway.commands import BY_PERSON, FRESH
from engine.gateway.grants import LOGIN, PUBLIC
from engine.gateway.guard import CALLBACK_PATH
from engine.gateway.keys import BURST, BY_KEY, DAY, digest, opens
from engine.gateway.live import frame_from_bytes
from engine.gateway.sessions import TRIES, csrf_token
from tests.gateway.test_doors import every_route
from tests.support.desk_fakes import ORIGIN, PASSWORD, START_NS, frame_bytes, login_of
from tests.support.whole_web import whole_web

LOGINS = [role for role in Role if role != Role.SYSTEM]
HOLD = {"id": "w-12345678", "verb": "HoldParent", "target": "P-1"}
PERSONAL = {
    "approve", "decide", "release", "confirm", "manage", "enable", "propose", "set", "configure",
    "accept", "sign",
}  # fmt: skip


def log_in(client: TestClient, role: Role, *, fresh: bool = True) -> TestClient:
    """The person in a browser; ``fresh``: the password was given again."""
    client.cookies.clear()
    answer = client.post("/login", json={"login": login_of(role), "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers["x-qd-csrf"] = csrf_token(client.cookies["qd_session"])
    if fresh:
        again = client.post("/api/v1/reauthenticate", json={"password": PASSWORD})
        assert again.status_code == 200
    return client


def browser(web: Any, role: Role) -> TestClient:
    return log_in(TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}), role)


def program(web: Any, key: str) -> TestClient:
    """No cookie, no Origin, no token: a key and nothing else."""
    return TestClient(web.app, base_url=ORIGIN, headers={"authorization": f"Bearer {key}"})


def a_key(web: Any, role: Role = Role.TRADER, **body: Any) -> str:
    """A key made as a person makes one."""
    answer = browser(web, role).post("/api/v1/keys", json={"name": "robot", **body})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def planted(web: Any, person_id: str, scope: str) -> str:
    """A key that the door would not have made: what if a row says more than its owner may?"""
    key = f"qdk_{len(web.directory.keys):08x}_" + "k" * 43
    web.directory.keys[key[4:12]] = KeyRow(
        prefix=key[4:12], person_id=person_id, name="planted", scope=scope, key_hash=digest(key),
        created_at=START_NS, expires_at=2**62,
    )  # fmt: skip
    return key


# --- making, listing, revoking ----------------------------------------------------------------
def test_a_key_is_shown_once_kept_as_a_hash_and_listed_by_its_prefix(
    web: Any, client: TestClient
) -> None:
    made = log_in(client, Role.TRADER).post("/api/v1/keys", json={"name": "robot"}).json()
    key, prefix = made["key"], made["prefix"]
    assert re.fullmatch(r"qdk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", key)
    assert key.startswith(prefix)
    assert (made["scope"], made["expires_at"] - made["created_at"]) == ("read", 30 * DAY)
    listed = client.get("/api/v1/keys")
    assert [row["prefix"] for row in listed.json()["items"]] == [prefix]
    secret = key.rsplit("_", 1)[1] if key.count("_") == 2 else key[13:]
    with web.parts.people.engine.connect() as connection:
        stored = str(connection.execute(text("SELECT * FROM api_keys")).all())
    for place in (listed.text, client.get("/password").text, stored):
        assert secret not in place
    assert digest(key) in stored
    assert prefix in client.get("/password").text


def test_a_key_lets_its_owner_in_without_cookie_origin_and_token(
    web: Any, client: TestClient
) -> None:
    key = a_key(web, scope="trade")
    me = program(web, key).get("/api/v1/people/me").json()
    assert (me["id"], me["key"]) == ("u1", key[4:12])
    assert "order.submit" in me["may"]
    assert "change.propose" not in me["may"]
    answer = program(web, key).post("/api/v1/commands", json=HOLD)
    assert answer.status_code == 202, answer.text
    (sent,) = [one for one in web.parts.desk.seen if one.id == HOLD["id"]]
    assert (sent.person, sent.door) == ("u1", f"key {key[4:12]}")
    killed = program(web, key).post("/api/v1/kill", json={"scope": "trader", "target": "u1"})
    assert killed.status_code == 202
    assert web.parts.switch.written == [("trader", "u1", "u1", f"key {key[4:12]}")]


def test_making_a_key_asks_for_the_password_and_is_told_to_the_journal(
    web: Any, client: TestClient
) -> None:
    log_in(client, Role.TRADER, fresh=False)
    answer = client.post("/api/v1/keys", json={"name": "robot"})
    assert (answer.status_code, answer.json()["type"]) == (403, "fresh")
    assert not web.directory.keys
    key = log_in(client, Role.TRADER).post("/api/v1/keys", json={"name": "robot"}).json()["key"]
    revoked = client.post(f"/api/v1/keys/qdk_{key[4:12]}/revoke", json={})
    assert revoked.json()["state"] == "revoked"
    said = "; ".join([e.reason for e in web.parts.desk.seen] + web.logins.notes)
    assert f"u1 made key {key[4:12]}: read, 30 days" in said
    assert f"u1 revoked key {key[4:12]} of u1" in said
    assert "robot" not in said


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "days": 91}, "days"), ({"name": "x", "days": 0}, "days"),
        ({"name": "x", "days": -3}, "days"), ({"name": "x", "scope": "all"}, "scope"),
        ({"name": "x", "scope": ""}, "scope"), ({"name": "  "}, "name"), ({"name": "a\nb"}, "name"),
        ({"name": "x" * 81}, "name"),
    ],
)  # fmt: skip
def test_a_key_that_lives_too_long_or_may_too_much_is_refused(
    web: Any, client: TestClient, body: dict[str, Any], field: str
) -> None:
    answer = log_in(client, Role.TRADER).post("/api/v1/keys", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not web.directory.keys


def test_nobody_gives_a_key_what_they_lack_themselves(web: Any, client: TestClient) -> None:
    for role, scope in ((Role.REVIEWER, "trade"), (Role.SUPERVISOR, "trade"), (Role.QUANT, "stop")):
        answer = log_in(client, role).post("/api/v1/keys", json={"name": "x", "scope": scope})
        assert (answer.status_code, answer.json()["field"]) == (422, "scope"), role


def test_an_eleventh_key_is_refused_until_one_is_revoked(web: Any, client: TestClient) -> None:
    log_in(client, Role.TRADER)
    made = [client.post("/api/v1/keys", json={"name": "x"}).json() for _ in range(10)]
    assert client.post("/api/v1/keys", json={"name": "x"}).status_code == 422
    client.post(f"/api/v1/keys/{made[0]['prefix']}/revoke", json={})
    assert client.post("/api/v1/keys", json={"name": "x"}).status_code == 201


def test_somebody_elses_key_is_neither_seen_nor_revoked_but_by_an_administrator(
    web: Any, client: TestClient
) -> None:
    key = a_key(web)
    road = f"/api/v1/keys/qdk_{key[4:12]}/revoke"
    log_in(client, Role.SUPERVISOR)
    assert client.get("/api/v1/keys").json()["items"] == []
    assert client.post(road, json={}).status_code == 404
    assert program(web, key).get("/api/v1/parents").status_code == 200
    log_in(client, Role.ADMIN, fresh=False)  # keeping something out never waits
    assert [row["owner"] for row in client.get("/api/v1/keys").json()["items"]] == ["u1"]
    assert client.post(road, json={}).status_code == 200
    assert program(web, key).get("/api/v1/parents").status_code == 401
    assert client.post(road, json={}).status_code == 422


def test_keys_and_revocations_outlive_the_web_process(web: Any, client: TestClient) -> None:
    kept, ended = a_key(web), a_key(web)
    browser(web, Role.TRADER).post(f"/api/v1/keys/{ended[4:12]}/revoke", json={})
    rows = {row.prefix: row for row in KeyStore(web.parts.people).everything()}
    assert rows[kept[4:12]].revoked_at == 0
    assert rows[ended[4:12]].revoked_by == "u1"


def test_a_file_of_an_earlier_version_gets_the_table_of_keys(tmp_path: Any) -> None:
    people = People.open(tmp_path / "people.db")
    with people.engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS api_keys"))
    assert KeyStore(people).everything() == ()
    people.close()


def test_the_last_use_is_kept(web: Any, client: TestClient) -> None:
    key = a_key(web)
    assert web.directory.keys[key[4:12]].last_used_at == 0
    web.parts.clock.now += 1_000_000_000
    program(web, key).get("/api/v1/parents")
    now = web.parts.clock.wall_ns()
    assert web.directory.keys[key[4:12]].last_used_at == now
    web.keys.store.used(web.keys.unwritten)
    (row,) = web.keys.store.everything()
    assert row.last_used_at == now


# --- what a key opens -------------------------------------------------------------------------
@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    state = tmp_path_factory.mktemp("keys")
    open_tables(f"sqlite:///{state / 'desk.db'}").dispose()
    web = whole_web(state)
    with TestClient(web.app, base_url=ORIGIN, raise_server_exceptions=False) as client:
        web.keyless = client
        yield web


@pytest.mark.parametrize("role", LOGINS)
def test_every_route_is_open_to_a_key_exactly_as_scope_and_roles_say(
    whole: Any, role: Role
) -> None:
    person = next(p for p in whole.directory.persons.values() if p.login == login_of(role))
    for scope, permissions in KEY_SCOPES.items():
        key = planted(whole, person.person_id, scope)
        for method, path in every_route(whole):
            rule = whole.grants.rule_of(method, path)
            if path == "/live":
                continue
            whole.keys.buckets.clear()
            answer = whole.keyless.request(
                method, path, json={} if method not in ("GET", "HEAD") else None,
                headers={"authorization": f"Bearer {key}"}, follow_redirects=False,
            )  # fmt: skip
            machine = path.startswith("/api/v1/")
            by_rule = rule not in (None, LOGIN, PUBLIC) and rule in permissions
            door = ("GET" if method == "HEAD" else method, path) in BY_KEY
            allowed = door or (machine and by_rule and may((role,), str(rule)))
            closed = answer.status_code == 403
            assert closed is not allowed, (scope, method, path, answer.status_code, answer.text)


def test_no_page_and_no_callback_opens_to_a_key(whole: Any) -> None:
    key = planted(whole, "u3", "read")
    for output in whole.grants.outputs:
        whole.keys.buckets.clear()
        answer = whole.keyless.post(
            CALLBACK_PATH, json={"output": output}, headers={"authorization": f"Bearer {key}"}
        )
        assert answer.status_code == 403, output
    for path in ("/", "/password", "/kill", "/admin", "/login", "/health"):
        answer = whole.keyless.get(path, headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 403, path


@pytest.mark.parametrize("role", LOGINS)
@pytest.mark.parametrize("scope", KEY_SCOPES)
def test_no_verb_reaches_the_engine_by_a_key_beyond_its_scope(
    whole: Any, role: Role, scope: str
) -> None:
    person = next(p for p in whole.directory.persons.values() if p.login == login_of(role))
    key = planted(whole, person.person_id, scope)
    for number, (verb, permission) in enumerate(PERMISSION.items()):
        allowed = (
            permission in KEY_SCOPES[scope] and may((role,), permission) and verb not in BY_PERSON
        )
        if allowed:
            continue
        whole.keys.buckets.clear()
        whole.parts.desk.seen.clear()
        body = {"id": f"w-key-{scope}-{role}-{number}", "verb": verb, "args": {}}
        answer = whole.keyless.post(
            "/api/v1/commands", json=body, headers={"authorization": f"Bearer {key}"}
        )
        assert answer.status_code in (403, 422), (verb, answer.text)
        assert [one for one in whole.parts.desk.seen if one.id == body["id"]] == []


def test_no_scope_holds_a_permission_that_needs_the_person() -> None:
    beyond = {permission for permission in PERMISSIONS if permission.split(".")[1] in PERSONAL}
    assert len(beyond) >= 12
    for scope, permissions in KEY_SCOPES.items():
        assert not permissions & beyond, scope
        assert permissions <= set(PERMISSIONS)
        assert not permissions & {PERMISSION[verb] for verb in FRESH}, scope


def test_a_key_never_approves_although_its_row_says_so(web: Any, client: TestClient) -> None:
    key = planted(web, "u3", "read")
    row = web.directory.keys[key[4:12]]
    KEY_SCOPES["everything"] = frozenset(PERMISSIONS)
    try:
        web.directory.keys[key[4:12]] = replace(row, scope="everything")
        body = {
            "id": "w-12345678",
            "verb": "ApproveParent",
            "target": "P-1",
            "args": {"approve": True},
        }
        answer = program(web, key).post("/api/v1/commands", json=body)
        assert answer.status_code == 403
        assert "the person in a browser" in answer.json()["detail"]
        assert program(web, key).post("/api/v1/keys", json={"name": "child"}).status_code == 403
    finally:
        del KEY_SCOPES["everything"]
    assert [e.command for e in web.parts.desk.seen if e.id == body["id"]] == []


def test_a_door_that_somebody_adds_with_a_login_alone_is_closed_to_keys(web: Any) -> None:
    key = planted(web, "u3", "read")
    someone = web.keys.caller(
        _headers(f"Bearer {key}"), "/api/v1/parents", "here", web.parts.clock.wall_ns()
    )
    assert opens("POST", "/api/v1/new", LOGIN, someone)
    assert opens("GET", "/api/v1/unknown", None, someone)
    assert opens("GET", "/_dash-layout", "view.desk", someone)
    assert not opens("GET", "/api/v1/parents", "view.desk", someone)


def _headers(authorization: str) -> Any:
    from starlette.datastructures import Headers

    return Headers({"authorization": authorization})


# --- attacks ----------------------------------------------------------------------------------
def test_a_key_ends_to_the_nanosecond(web: Any, client: TestClient) -> None:
    key = a_key(web, days=1)
    row = web.directory.keys[key[4:12]]
    ends = START_NS + DAY
    web.directory.keys[row.prefix] = replace(row, expires_at=ends)
    for now, status in ((ends - 1, 200), (ends, 401), (ends + DAY, 401)):
        found = web.keys.caller(_headers(f"Bearer {key}"), "/api/v1/parents", "here", now)
        assert getattr(found, "status_code", 200) == status


def test_truncated_grown_and_altered_keys_are_one_answer(web: Any, client: TestClient) -> None:
    key = a_key(web)
    other = a_key(web, Role.SUPERVISOR)
    wrong = [
        key[:-1], key[:12], key[:13], key + "A", key[:-1] + ("A" if key[-1] != "A" else "B"),
        key.upper(), key[:4] + other[4:12] + key[12:], key[:13] + other[13:], "qdk_", "",
        "qdk_00000000_" + "A" * 43, digest(key), key[:12] + "_" + digest(key)[:43], key + "\u00e9",
    ]  # fmt: skip
    said = set()
    for one in wrong:
        web.keys.wrong.failed.clear()
        answer = program(web, "").get(
            "/api/v1/parents", headers={"authorization": f"Bearer {one}".encode("latin-1")}
        )
        said.add((answer.status_code, answer.json()["detail"]))
    assert len(said) == 1, said
    assert {status for status, _ in said} == {401}


@pytest.mark.parametrize("scheme", ["Basic {}", "{}", "bearer  {} x", "Token {}", "Bearer\t{}"])
def test_another_scheme_than_bearer_is_no_key(web: Any, client: TestClient, scheme: str) -> None:
    header = {"authorization": scheme.format(a_key(web))}
    answer = TestClient(web.app, base_url=ORIGIN).get("/api/v1/parents", headers=header)
    assert answer.status_code == 401


def test_what_is_compared_is_a_hash_also_for_a_key_that_does_not_exist(
    web: Any, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, compared = a_key(web), []

    def watching(a: str, b: str) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr("engine.gateway.keys.hmac.compare_digest", watching)
    for one in (key, key[:-1] + "A" * 1, "qdk_00000000_" + "A" * 43, "nothing", ""):
        program(web, "").get("/api/v1/parents", headers={"authorization": f"Bearer {one}"})
    hashes = [pair for pair in compared if len(pair[0]) == len(pair[1]) == 64]
    assert len(hashes) == 5
    assert all(key not in part for pair in hashes for part in pair)


def test_a_key_with_a_cookie_is_ambiguous_and_refused_whosever_they_are(
    web: Any, client: TestClient
) -> None:
    key = a_key(web)
    log_in(client, Role.TRADER)
    bearer = {"authorization": f"Bearer {key}"}
    for method, path in (("GET", "/api/v1/parents"), ("POST", "/api/v1/commands"),
                         ("POST", "/api/v1/kill"), ("GET", "/")):  # fmt: skip
        answer = client.request(method, path, headers=bearer, json={} if method == "POST" else None)
        assert answer.status_code == 400, path
        assert "not with both" in answer.json()["detail"]
    stale = program(web, key).get("/api/v1/parents", headers={"cookie": "qd_session=old"})
    two = program(web, key).get("/api/v1/parents", headers={"cookie": "qd_session=a; qd_session=b"})
    assert (stale.status_code, two.status_code) == (400, 400)
    assert web.parts.switch.written == []


def test_a_key_in_an_address_is_refused_also_with_a_good_login(
    web: Any, client: TestClient
) -> None:
    key = a_key(web)
    guest = TestClient(web.app, base_url=ORIGIN)
    for path in (f"/api/v1/parents?key={key}", f"/api/v1/parents?access_token={key}",
                 f"/api/v1/parents/{key}", "/live?k=" + key.replace("_", "%5F")):  # fmt: skip
        assert guest.get(path).status_code == 400, path
    log_in(client, Role.TRADER)
    answer = client.get(f"/api/v1/parents?key={key}")
    assert answer.status_code == 400
    assert "revoke" in answer.json()["detail"]


def test_two_authorization_headers_are_refused(web: Any, client: TestClient) -> None:
    key, other = a_key(web), a_key(web, Role.SUPERVISOR)
    headers = [("authorization", f"Bearer {key}"), ("authorization", f"Bearer {other}")]
    answer = TestClient(web.app, base_url=ORIGIN).get("/api/v1/parents", headers=headers)
    assert answer.status_code == 400


def test_a_key_from_a_foreign_page_or_as_a_form_is_refused(web: Any, client: TestClient) -> None:
    machine = program(web, a_key(web, scope="trade"))
    for extra in ({"origin": "http://evil.example"}, {"origin": "null"},
                  {"sec-fetch-site": "cross-site"}):  # fmt: skip
        answer = machine.post("/api/v1/commands", json=HOLD, headers=extra)
        assert answer.status_code == 403, extra
    form = machine.post("/api/v1/kill", data={"scope": "trader", "target": "u1"})
    assert form.status_code == 415
    assert web.parts.switch.written == []
    assert machine.options("/api/v1/commands").status_code in (403, 405)


def test_the_key_of_somebody_switched_off_or_with_other_roles_ends_for_good(
    web: Any, client: TestClient
) -> None:
    boss = browser(web, Role.ADMIN)
    for body in (
        {"active": False},
        {"roles": ["quant"]},
        {"desk": "other"},
        {"reset_password": True},
    ):
        boss.post("/api/v1/people/u1", json={"active": True, "roles": ["trader"], "desk": "main"})
        row = web.directory.persons["u1"]
        web.directory.persons["u1"] = replace(row, must_change=False)
        web.parts.people.set_password_hash("u1", web.parts.hasher.hash(PASSWORD), START_NS)
        key = a_key(web)
        web.keys.wrong.failed.clear()
        assert program(web, key).get("/api/v1/parents").status_code == 200
        assert boss.post("/api/v1/people/u1", json=body).status_code == 200
        assert program(web, key).get("/api/v1/parents").status_code == 401, body
        assert web.directory.keys[key[4:12]].revoked_by == "u10"
        boss.post("/api/v1/people/u1", json={"active": True, "roles": ["trader"], "desk": "main"})
        assert program(web, key).get("/api/v1/parents").status_code == 401, body


def test_a_key_never_has_more_than_its_owner_has_at_this_moment(
    web: Any, client: TestClient
) -> None:
    key = a_key(web, scope="trade")
    row = web.directory.persons["u1"]
    web.directory.persons["u1"] = replace(row, roles=("reviewer",))  # past every door
    assert program(web, key).post("/api/v1/commands", json=HOLD).status_code == 403
    web.directory.persons["u1"] = replace(row, active=False)
    assert program(web, key).get("/api/v1/parents").status_code == 401
    web.directory.persons["u1"] = replace(row, must_change=True)
    assert program(web, key).get("/api/v1/parents").status_code == 403


def test_a_new_password_ends_the_keys_too(web: Any, client: TestClient) -> None:
    key = a_key(web)
    log_in(client, Role.TRADER)
    body = {"old": PASSWORD, "new": "another long secret", "again": "another long secret"}
    assert client.post("/api/v1/password", json=body).status_code == 200
    assert program(web, key).get("/api/v1/parents").status_code == 401


def test_the_command_of_a_person_is_not_answered_to_a_key_that_may_not_give_it(
    web: Any, client: TestClient
) -> None:
    log_in(client, Role.TRADER)
    assert client.post("/api/v1/commands", json=HOLD).status_code == 202
    key = a_key(web, scope="read")
    assert program(web, key).post("/api/v1/commands", json=HOLD).status_code == 403


def test_wrong_keys_are_counted_by_address_and_a_good_one_still_comes_in(
    web: Any, client: TestClient
) -> None:
    key = a_key(web)
    guess = program(web, "qdk_00000000_" + "A" * 43)
    seen = [guess.get("/api/v1/parents").status_code for _ in range(TRIES + 2)]
    assert seen == [401] * TRIES + [429] * 2
    assert program(web, key).get("/api/v1/parents").status_code == 200


def test_a_key_that_asks_without_end_waits_but_its_kill_does_not(
    web: Any, client: TestClient
) -> None:
    machine = program(web, a_key(web, scope="stop"))
    seen = [machine.get("/api/v1/people/me").status_code for _ in range(int(BURST) + 3)]
    assert seen == [200] * int(BURST) + [429] * 3
    assert machine.post("/api/v1/kill", json={"scope": "trader", "target": "u1"}).status_code == 202
    web.parts.clock.now += 1_000_000_000
    assert machine.get("/api/v1/people/me").status_code == 200


def test_the_stream_of_a_key_ends_with_the_key(web: Any, client: TestClient) -> None:
    web.hub.take(frame_from_bytes(frame_bytes("parents", {"P-1": {"trader": "u1"}})))
    key = a_key(web)
    now = web.parts.clock.wall_ns()
    someone = web.keys.caller(_headers(f"Bearer {key}"), "/live", "here", now)
    stream = web.hub.join(someone, ["parents"], "", someone.until)
    assert stream.until == web.directory.keys[key[4:12]].expires_at
    browser(web, Role.TRADER).post(f"/api/v1/keys/{key[4:12]}/revoke", json={})
    assert stream.closed


def test_the_description_of_the_doors_says_how_a_program_comes_in(
    web: Any, client: TestClient
) -> None:
    document = program(web, a_key(web)).get("/api/v1/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert {"key": []} in document["security"]
    assert "/api/v1/keys" in document["paths"]
