"""Attacks on the doors of the whole application; docs/self-attack.md numbers them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import tests.support.sample_page  # noqa: F401 (registers a callback that everybody may call)
from components.callback import CALLBACKS
from components.site import ROUTER, check_dash
from db.records import NoteRecord
from db.schema import open_tables
from engine.domain.commands import PERMISSION
from engine.domain.errors import BrokenInvariant
from engine.domain.people import Role, may
from engine.gateway.audit import cell
from engine.gateway.guard import CALLBACK_PATH, PUBLIC_LIMIT
from engine.gateway.live import frame_from_bytes
from engine.gateway.logs import clean
from engine.gateway.sessions import LIFETIME, TRACKED, TRIES_WINDOW, Tries, csrf_token
from tests.support.desk_fakes import (
    ORIGIN,
    PASSWORD,
    START_NS,
    a_web,
    frame_bytes,
    login_of,
    people_file,
)
from tests.support.reports import DAY, ReportQueries
from tests.support.whole_web import whole_web

JSON = {"content-type": "application/json"}
HOLD = {"id": "w-12345678", "verb": "HoldParent", "target": "P-1"}
OUTPUTS = {"id": "page", "property": "children"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Any:
    state = tmp_path_factory.mktemp("attacks")
    open_tables(f"sqlite:///{state / 'desk.db'}").dispose()
    return whole_web(state)


@pytest.fixture(scope="module")
def running(web: Any) -> Iterator[TestClient]:
    with TestClient(
        web.app, base_url=ORIGIN, headers={"origin": ORIGIN}, raise_server_exceptions=False
    ) as client:
        rows = {"P-3": {"trader": "u2", "desk": "main"}, "P-4": {"trader": "u1", "desk": "main"}}
        web.hub.take(frame_from_bytes(frame_bytes("parents", rows)))
        web.hub.take(frame_from_bytes(frame_bytes("children", {"C-1-17": {"parent": "P-3"}})))
        yield client


@pytest.fixture
def client(web: Any, running: TestClient) -> TestClient:
    running.cookies.clear()
    web.parts.desk.seen.clear()
    web.commands.pending.clear()
    web.parts.switch.written.clear()
    web.directory.tries.failed.clear()
    return running


def enter(client: TestClient, role: Role) -> dict[str, str]:
    client.cookies.clear()
    answer = client.post("/login", json={"login": login_of(role), "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"x-qd-csrf": csrf_token(client.cookies["qd_session"])}


# --- more rights than one has ----------------------------------------------------------------
@pytest.mark.parametrize("role", [role for role in Role if role != Role.SYSTEM])
def test_no_verb_reaches_the_engine_from_a_role_without_its_permission(
    web: Any, client: TestClient, role: Role
) -> None:
    headers = enter(client, role)
    for number, (verb, permission) in enumerate(PERMISSION.items()):
        if may((role,), permission):
            continue
        body = {"id": f"w-escalate-{number}", "verb": verb, "args": {}}
        answer = client.post("/api/v1/commands", json=body, headers=headers)
        assert answer.status_code in (403, 422), (verb, answer.text)
    assert web.parts.desk.seen == []


def test_an_administrator_cannot_replace_the_table_of_people_by_a_command(
    web: Any, client: TestClient
) -> None:
    headers = enter(client, Role.ADMIN)
    row = {"id": "u10", "roles": ["trader", "system"], "desk": "main", "max_notional": 1e15}
    body = {"id": "w-12345678", "verb": "SetPeople", "args": {"people": [row]}}
    answer = client.post("/api/v1/commands", json=body, headers=headers)
    assert answer.status_code == 403
    assert web.parts.desk.seen == []


def test_fields_that_would_make_one_somebody_else_are_not_taken(
    web: Any, client: TestClient
) -> None:
    headers = enter(client, Role.TRADER)
    for extra in ({"person": "u3"}, {"door": "engine"}, {"expires_at": 2**62}, {"roles": []}):
        answer = client.post("/api/v1/commands", json={**HOLD, **extra}, headers=headers)
        assert answer.status_code == 400, extra
    assert client.post("/api/v1/commands", json=HOLD, headers=headers).status_code == 202
    assert [one.person for one in web.parts.desk.seen] == ["u1"]


@pytest.mark.parametrize(
    "target", ["P-3", "3", "P-03", "P-000000000000003", "P-3\0", "P-\u0663", "P-\xb2", " P-3"]
)
def test_another_spelling_of_an_order_is_not_another_order(
    web: Any, client: TestClient, target: str
) -> None:
    headers = enter(client, Role.TRADER)
    answer = client.post(
        "/api/v1/kill", json={"scope": "parent", "target": target}, headers=headers
    )
    assert answer.status_code in (403, 422), answer.text
    assert web.parts.switch.written == []


@pytest.mark.parametrize("target", ["C-1-17", "C-01-017", "16777233", "C-1-17\0", "C-1-\xb2"])
def test_another_spelling_of_a_child_is_not_another_child(
    web: Any, client: TestClient, target: str
) -> None:
    headers = enter(client, Role.TRADER)
    answer = client.post("/api/v1/kill", json={"scope": "child", "target": target}, headers=headers)
    assert answer.status_code in (403, 422), answer.text
    assert web.parts.switch.written == []


def test_the_flag_gets_the_one_spelling_that_blocks_new_orders_too(
    web: Any, client: TestClient
) -> None:
    headers = enter(client, Role.SUPERVISOR)
    for target in ("4", "P-04"):
        client.post("/api/v1/kill", json={"scope": "parent", "target": target}, headers=headers)
    assert {target for _scope, target, _by, _door in web.parts.switch.written} == {"P-4"}


# --- ids of commands -------------------------------------------------------------------------
def test_ids_of_the_desks_own_processes_cannot_be_taken_before_them(
    web: Any, client: TestClient
) -> None:
    headers = enter(client, Role.TRADER)
    for name in ("open-2026-12-01-3", "people-0123456789abcdef-1", "kill-2-0-", "cli-1-2000"):
        answer = client.post("/api/v1/commands", json={**HOLD, "id": name}, headers=headers)
        assert answer.status_code == 400, name
    assert web.parts.desk.seen == []


def test_an_id_with_other_content_is_not_answered_with_the_first_ones_receipt(
    web: Any, client: TestClient
) -> None:
    headers = enter(client, Role.TRADER)
    assert client.post("/api/v1/commands", json=HOLD, headers=headers).status_code == 202
    assert client.post("/api/v1/commands", json=HOLD, headers=headers).status_code == 202
    other = {**HOLD, "target": "P-2"}
    assert client.post("/api/v1/commands", json=other, headers=headers).status_code == 409
    assert len(web.parts.desk.seen) == 1


# --- sessions --------------------------------------------------------------------------------
@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "../../etc", "\xff\xfe", '"; Path=/', "0"])
def test_a_forged_cookie_opens_nothing(client: TestClient, cookie: str) -> None:
    raw = f"qd_session={cookie}".encode("latin-1")
    answer = client.get("/api/v1/parents", headers=[(b"cookie", raw)])
    assert answer.status_code == 401


def test_a_session_id_from_outside_is_never_taken_over(client: TestClient) -> None:
    planted = "planted-by-somebody-else-0123456789abcdefghij"
    client.cookies.set("qd_session", planted)
    answer = client.post("/login", json={"login": "amara", "password": PASSWORD})
    fresh = answer.cookies["qd_session"]
    assert fresh != planted
    client.cookies.clear()
    client.cookies.set("qd_session", planted)
    assert client.get("/api/v1/people/me").status_code == 401


def test_two_session_cookies_are_no_session(client: TestClient) -> None:
    """Another server on this host, or a subdomain, may plant a second one beside ours."""
    enter(client, Role.TRADER)
    mine = client.cookies["qd_session"]
    client.cookies.clear()
    for raw in (f"qd_session={mine}; qd_session=planted", f"qd_session=planted; qd_session={mine}"):
        assert client.get("/api/v1/people/me", headers={"cookie": raw}).status_code == 401
    twice = f"qd_session={mine}; other=1; qd_session={mine}"
    assert client.get("/api/v1/people/me", headers={"cookie": twice}).status_code == 200


def test_a_token_of_another_login_of_the_same_person_does_not_count(client: TestClient) -> None:
    old = enter(client, Role.TRADER)
    enter(client, Role.TRADER)
    assert client.post("/api/v1/commands", json=HOLD, headers=old).status_code == 403


def test_a_stream_ends_with_the_working_day_of_its_login(web: Any, client: TestClient) -> None:
    enter(client, Role.TRADER)
    session = next(reversed(web.directory.sessions))
    row = web.directory.sessions[session]
    assert web.directory.ends_at(session) == row.created_at + LIFETIME
    assert web.directory.ends_at("nobody") == 0


# --- pages of others -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "text/plain; application/json", "application/jsonp", "multipart/form-data",
     "application/x-www-form-urlencoded", "application/json+x", ""],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/v1/commands", "/login", CALLBACK_PATH, "/api/v1/logout"])
def test_json_under_a_type_that_a_foreign_form_can_send_is_refused(
    client: TestClient, kind: str, path: str
) -> None:
    headers = {**enter(client, Role.TRADER), "content-type": kind}
    answer = client.post(path, content=json.dumps(HOLD), headers=headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:8050.evil.example", "http://localhost:8051", "https://localhost:8050",
     "http://localhost:8050/", "HTTP://LOCALHOST:8050", "null", "http://evil.example"],
)  # fmt: skip
def test_an_origin_that_only_looks_like_ours_is_foreign(client: TestClient, origin: str) -> None:
    headers = {**enter(client, Role.SUPERVISOR), "origin": origin}
    for path in ("/api/v1/commands", "/api/v1/kill", "/login", CALLBACK_PATH, "/api/v1/people"):
        assert client.post(path, json={}, headers=headers).status_code == 403, path


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"])
def test_another_method_opens_nothing(client: TestClient, method: str) -> None:
    headers = {**enter(client, Role.SUPERVISOR), **JSON}
    for path in ("/api/v1/commands", "/api/v1/parents", "/", "/api/v1/kill"):
        answer = client.request(method, path, content=b"{}", headers=headers)
        assert answer.status_code in (400, 403, 405), (path, answer.status_code)


def test_a_read_does_not_become_a_change_by_an_override(web: Any, client: TestClient) -> None:
    headers = enter(client, Role.TRADER)
    for name in ("x-http-method-override", "x-http-method", "x-method-override"):
        for query in ("", "?_method=POST"):
            answer = client.get(f"/api/v1/commands{query}", headers={**headers, name: "POST"})
            assert answer.status_code == 403
    assert web.parts.desk.seen == []


@pytest.mark.parametrize("name", ["host", "origin", "content-type", "x-qd-csrf", "sec-fetch-site"])
def test_a_header_given_twice_is_refused(client: TestClient, name: str) -> None:
    given = {**enter(client, Role.TRADER), **JSON, "origin": ORIGIN, "host": ORIGIN[7:],
             "sec-fetch-site": "same-origin"}  # fmt: skip
    del client.headers["origin"]
    rows = [*given.items(), (name, given[name])]
    answer = client.post("/api/v1/commands", content=json.dumps(HOLD), headers=rows)
    client.headers["origin"] = ORIGIN
    assert answer.status_code == 400
    assert "twice" in answer.text


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost:8050.evil.example", "localhost:8050@evil", "LOCALHOST:8050", "",
     "localhost", "127.0.0.1:80"],
)  # fmt: skip
def test_a_host_that_is_not_ours_is_refused_before_anything_else(
    client: TestClient, host: str
) -> None:
    assert client.get("/login", headers={"host": host}).status_code == 400


def test_forwarded_headers_change_neither_address_nor_scheme(web: Any, client: TestClient) -> None:
    """Whoever could name the own address would try passwords without end."""
    for number in range(6):
        body = {"login": f"nobody{number}", "password": "wrong"}
        spoofed = {"x-forwarded-for": f"10.0.0.{number}", "forwarded": f"for=10.0.0.{number}"}
        answer = client.post("/login", json=body, headers=spoofed)
    assert answer.status_code == 429


# --- values of callbacks ---------------------------------------------------------------------
def a_call(**changes: Any) -> dict[str, Any]:
    return {
        "output": ROUTER,
        "outputs": OUTPUTS,
        "inputs": [
            {"id": "where", "property": "pathname", "value": "/kill-me"},
            {"id": "where", "property": "search", "value": ""},
        ],
        "changedPropIds": ["where.pathname"],
        **changes,
    }


def test_a_true_call_passes(client: TestClient) -> None:
    enter(client, Role.TRADER)
    assert client.post(CALLBACK_PATH, json=a_call()).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": 5}, {"inputs": []}, {"inputs": [None, None]}, {"inputs": "where"},
        {"inputs": a_call()["inputs"] + a_call()["inputs"][:1]},
        {"inputs": a_call()["inputs"][::-1]},
        {"inputs": [{"id": "other", "property": "pathname", "value": "/"}, a_call()["inputs"][1]]},
        {"outputs": {"id": "desk-root", "property": "children"}}, {"outputs": None},
        {"outputs": [OUTPUTS, OUTPUTS]}, {"state": [{"id": "a", "property": "b", "value": 1}]},
        {"changedPropIds": 7}, {"changedPropIds": ["secret.children"]},
        *(
            {"inputs": [{"id": "where", "property": "pathname", "value": value},
                        a_call()["inputs"][1]]}
            for value in (7, 1.5, True, [], {"a": 1}, "x" * 20_001)
        ),
    ],
)  # fmt: skip
def test_a_callback_with_other_ids_or_values_of_another_type_is_refused(
    client: TestClient, changes: dict[str, Any]
) -> None:
    enter(client, Role.TRADER)
    answer = client.post(CALLBACK_PATH, json=a_call(**changes))
    assert answer.status_code == 400, answer.text


def test_every_callback_refuses_forged_values_with_a_sentence(web: Any, client: TestClient) -> None:
    enter(client, Role.SUPERVISOR)
    assert len(web.grants.outputs) > len(CALLBACKS)
    for output in web.grants.outputs:
        for changes in ({}, {"inputs": 5}, {"inputs": [{}] * 9, "outputs": [{}]}):
            answer = client.post(CALLBACK_PATH, json={"output": output, **changes})
            assert answer.status_code in (400, 403), (output, answer.text)


def test_a_refusal_inside_a_callback_is_an_answer(client: TestClient) -> None:
    enter(client, Role.SUPERVISOR)
    call = a_call(
        output="strategy-history.children",
        outputs={"id": "strategy-history", "property": "children"},
        inputs=[{"id": "strategy-version", "property": "data-version", "value": "1"},
                {"id": "strategy-version", "property": "data-strategy", "value": "NONE"}],
        changedPropIds=[],
    )  # fmt: skip
    answer = client.post(CALLBACK_PATH, json=call)
    assert answer.status_code == 422, answer.text


def test_the_output_that_is_judged_is_the_output_that_runs(client: TestClient) -> None:
    """Two readings of one body: a name twice, another encoding, a byte order mark."""
    enter(client, Role.TRADER)
    twice = b'{"output":"page.children","output":"secret.children"}'
    for body in (
        twice,
        json.dumps(a_call()).encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"[" * 9999,
    ):
        answer = client.post(CALLBACK_PATH, content=body, headers=JSON)
        assert answer.status_code in (400, 403), body[:20]


def test_a_dash_that_lets_anybody_end_a_process_stops_the_start() -> None:
    check_dash("4.4.1")
    check_dash("4.10.0")
    with pytest.raises(BrokenInvariant, match=r"4\.4\.1"):
        check_dash("4.4.0")


# --- files and bodies ------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path",
    ["/assets/../app.py", "/assets/%2e%2e/app.py", "/assets/..%2fapp.py", "/assets//etc/passwd",
     "/assets/....//app.py", "/assets/%5c..%5capp.py", "/assets/desk.css%00.py",
     "/_dash-component-suites/dash/%2e%2e/%2e%2e/app.py", "/_dash-component-suites/os/x.js",
     "/api/v1/tca/..%2f..%2fpeople.db/report.html",
     "/api/v1/tca/2026-11-27%0d%0aX:%20y/report.html",
     "/api/v1/orders/P-999999999999999999999999", "/api/v1/series/P-999999999999999999999999",
     "/api/v1/explain/C-1-%C2%B2", "/api/v1/orders/P-%C2%B2", "/api/v1/receipts/K-1%00",
     "/api/v1/audit.csv?since=0001-01-01", "/api/v1/audit.csv?until=9999-12-31",
     "/api/v1/preview-kill?scope=parent&target=" + "9" * 64],
)  # fmt: skip
def test_a_path_leads_to_no_file_and_to_no_error_of_ours(client: TestClient, path: str) -> None:
    enter(client, Role.SUPERVISOR)
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code < 500, answer.text
    assert "import" not in answer.text
    assert "x" not in answer.headers


def test_whoever_has_no_login_may_send_little(client: TestClient) -> None:
    body = b'{"login":"' + b"a" * PUBLIC_LIMIT + b'","password":"x"}'
    assert client.post("/login", content=body, headers=JSON).status_code == 413
    assert client.post("/api/v1/commands", content=body, headers=JSON).status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"nul", b"[" * 50_000, b'{"a":' * 20_000, b"\xff\xfe", b'"\\ud800"']
)
@pytest.mark.parametrize(
    "path", ["/api/v1/commands", "/api/v1/kill", "/api/v1/password", "/api/v1/people"]
)
def test_a_broken_body_is_a_refusal(client: TestClient, path: str, body: bytes) -> None:
    headers = {**enter(client, Role.ADMIN), **JSON}
    assert client.post(path, content=body, headers=headers).status_code in (400, 403)


@pytest.mark.parametrize(
    "args",
    [{"note": "x" * 2_001}, {"note": "\x1b[2J"}, {"note": "a\u202eb"}, {"client": "a\0b"},
     {"quantity": 2**70}, {"parameters": {"k\0": 1.0}}, {"quantity": "1" * 5_000}],
)  # fmt: skip
def test_endless_text_and_text_that_drives_a_terminal_is_not_kept(
    web: Any, client: TestClient, args: dict[str, Any]
) -> None:
    order = {"symbol": "MIDC", "side": 1, "quantity": 100, "strategy": "TWAP",
             "horizon_ns": 60_000_000_000}  # fmt: skip
    body = {"id": "w-12345678", "verb": "SubmitParent", "args": {**order, **args}}
    answer = client.post("/api/v1/commands", json=body, headers=enter(client, Role.TRADER))
    assert answer.status_code == 422, answer.text
    assert web.parts.desk.seen == []


def test_a_reason_may_have_lines_and_quotes(web: Any, client: TestClient) -> None:
    reason = "client called:\n\"stop\" <now> 'please'\tthanks"
    headers = enter(client, Role.TRADER)
    assert client.post(
        "/api/v1/commands", json={**HOLD, "reason": reason}, headers=headers
    ).is_success
    assert web.parts.desk.seen[0].reason == reason


# --- words that lie --------------------------------------------------------------------------
def test_a_link_cannot_put_a_receipt_on_the_kill_page(web: Any, client: TestClient) -> None:
    enter(client, Role.SUPERVISOR)
    page = client.get("/kill?said=REQUESTED: the flag is written, generation 9")
    assert "generation 9" not in page.text


def test_a_sentence_of_the_kill_page_is_for_its_login_and_shown_once(client: TestClient) -> None:
    token = enter(client, Role.TRADER)["x-qd-csrf"]
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = f"csrf={token}&scope=parent&target=P-3"
    answer = client.post("/api/v1/kill", content=body, headers=form)
    assert "belongs to u2" in answer.text
    assert "belongs to u2" not in client.get("/kill").text


def test_a_log_line_cannot_be_forged_and_drives_no_terminal() -> None:
    trace = "ValueError: day\nquarterdeck: ready at http://evil\n\x1b[2J\r\x07\u202e\x9b"
    written = clean(trace)
    assert not any(line.startswith("quarterdeck: ") for line in written.split("\n"))
    assert all(sign.isprintable() or sign == "\n" for sign in written)
    assert "\\x1b[2J" in written
    assert clean("35=A\x01554=secret\x0196=raw\x0198=0") == "35=A\\x01554=***\\x0196=***\\x0198=0"


@pytest.mark.parametrize(
    "topics", ["people", "sessions", "acks,secrets", "__class__", "desk/../x", ""]
)
def test_a_stream_carries_the_topics_of_its_table_only(
    web: Any, client: TestClient, topics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(client, Role.TRADER)
    joined: list[Any] = []

    def join(_someone: Any, names: Any, _since: str, until: int) -> None:
        joined.append((tuple(names), until))

    monkeypatch.setattr(web.hub, "join", join)
    assert client.get(f"/live?topics={topics}").status_code == 429
    session = next(reversed(web.directory.sessions))
    wanted = ("acks",) if "acks" in topics else ()
    assert joined == [(wanted, web.directory.ends_at(session))]


# --- trying passwords ------------------------------------------------------------------------
def test_a_name_is_locked_from_every_address_and_in_every_spelling(tmp_path: Path) -> None:
    web = a_web(tmp_path, people=people_file(tmp_path))
    answers = []
    for number in range(6):
        one = TestClient(
            web.app, base_url=ORIGIN, headers={"origin": ORIGIN}, client=(f"10.0.0.{number}", 1)
        )
        wrong = one.post("/login", json={"login": "amara", "password": "no"})
        spelled = one.post("/login", json={"login": "AMARA", "password": PASSWORD})
        assert spelled.status_code in (401, 429)
        answers.append(wrong.status_code)
    assert answers == [401] * 5 + [429]
    web.parts.people.close()


def test_ever_new_names_do_not_fill_the_memory() -> None:
    tries = Tries()
    for number in range(TRACKED):
        tries.fail((f"login:{number}",), 0)
    tries.fail(("login:last",), TRIES_WINDOW)
    assert set(tries.failed) == {"login:last"}


def test_a_login_that_does_not_exist_costs_the_same_check(web: Any, client: TestClient) -> None:
    checked: list[str] = []

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            checked.append(stored)
            return real.verify(stored, password)

        def hash(self, password: str) -> str:
            return str(real.hash(password))

    real = web.logins.hasher
    web.logins.hasher = Counting()
    try:
        for login in ("amara", "nobody"):
            assert client.post("/login", json={"login": login, "password": "no"}).status_code == 401
    finally:
        web.logins.hasher = real
    assert len(checked) == 2
    assert checked[0].split("$")[:4] == checked[1].split("$")[:4]  # the same work


# --- text that would be code -----------------------------------------------------------------
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"&"
RAW = ("<script>alert", "<img src=x")


def test_names_and_notes_are_text_in_every_page_that_is_written_here(tmp_path: Path) -> None:
    tables = ReportQueries()
    tables.said.append(NoteRecord(seq=10, parent="", text=HOSTILE, by="u1", at=1))
    web = a_web(tmp_path, queries=tables)
    for key, row in tuple(web.directory.persons.items()):
        web.directory.persons[key] = replace(row, name=HOSTILE)
    row = {"id": HOSTILE, "scope": HOSTILE, "target": HOSTILE, "by": HOSTILE, "state": HOSTILE}
    web.hub.take(frame_from_bytes(frame_bytes("kills", {HOSTILE: row})))
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        headers = enter(client, Role.SUPERVISOR)
        client.post("/api/v1/kill", json={"scope": "symbol", "target": "<img src=x>"},
                    headers=headers)  # fmt: skip
        pages = [f"/api/v1/tca/{DAY}/report.html", "/kill", "/password", f"/login?next=/{HOSTILE}",
                 f"/{HOSTILE}"]  # fmt: skip
        for path in pages:
            answer = client.get(path, headers={"accept": "text/html"})
            assert "text/html" in answer.headers["content-type"], path
            assert not any(raw in answer.text for raw in RAW), (path, answer.text[:2000])
            assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "&lt;script&gt;" in client.get(pages[0]).text
        assert "&lt;img src=x&gt;" in client.get("/kill").text


def test_a_hostile_name_is_text_in_the_frame_of_all_pages(web: Any, client: TestClient) -> None:
    enter(client, Role.SUPERVISOR)
    person = next(p for p in web.directory.persons.values() if p.login == login_of(Role.SUPERVISOR))
    web.directory.persons[person.person_id] = replace(person, name=HOSTILE, desk=HOSTILE)
    try:
        text = client.get("/").text
    finally:
        web.directory.persons[person.person_id] = person
    assert "alert(1)" in text  # the name is there
    assert not any(raw in text for raw in RAW)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n=", " =", "\uff1d"])
def test_no_cell_of_an_export_runs_in_a_spreadsheet(sign: str) -> None:
    formula = f'{sign}HYPERLINK("http://evil","x")'
    assert cell(formula).startswith("'")
    assert cell(-5) == "-5"
    assert cell("plain") == "plain"


def test_an_open_stream_is_turned_by_its_login_to_the_topics_that_login_may_see(
    web: Any, client: TestClient
) -> None:
    headers = enter(client, Role.TRADER)
    someone = web.directory.viewer(client.cookies["qd_session"], START_NS)
    stream = web.hub.join(someone, ["desk"], "")
    body = {"stream": stream.id, "topics": ["parents", "status", "people", "acks,secrets"]}
    foreign = {"x-qd-csrf": csrf_token("another login")}
    assert client.post("/api/v1/live", json=body, headers=foreign).status_code == 403
    assert client.post("/api/v1/live", json={**body, "more": 1}, headers=headers).status_code == 400
    assert stream.topics == {"desk"}
    assert client.post("/api/v1/live", json=body, headers=headers).status_code == 200
    assert stream.topics == {"parents"} | ({"status"} if someone.may("view.system") else set())
    headers = enter(client, Role.RISK)
    assert client.post("/api/v1/live", json=body, headers=headers).status_code == 404
    web.hub.leave(stream)
