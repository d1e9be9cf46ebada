"""Every door of the web is closed by default: routes, callbacks, sockets, foreign pages."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import tests.support.sample_page  # noqa: F401 (registers pages and a callback)
from components.callback import CALLBACKS, PAGES, Registration
from components.site import ROUTER, check_callbacks
from engine.domain.errors import BrokenInvariant
from engine.domain.people import PERMISSIONS, Role, may
from engine.gateway.grants import LOGIN, PUBLIC
from engine.gateway.guard import BODY_LIMIT, CALLBACK_PATH, KILL_PATH
from engine.gateway.server import SITE, Look
from engine.gateway.sessions import csrf_token
from tests.support.desk_fakes import ORIGIN, PASSWORD, a_web, login_of, people_file
from tests.support.whole_web import whole_web


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The application as it starts: every page, every router; only the wires are stand-ins."""
    found = whole_web(tmp_path_factory.mktemp("doors"))
    assert found.parts.site == SITE
    return found


@pytest.fixture(scope="module")
def running(web: Any) -> Iterator[TestClient]:
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        yield client


@pytest.fixture
def client(running: TestClient) -> TestClient:
    running.cookies.clear()
    return running


def enter(client: TestClient, role: Role) -> dict[str, str]:
    answer = client.post("/login", json={"login": login_of(role), "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"x-qd-csrf": csrf_token(client.cookies["qd_session"])}


ROOT = Path(__file__).resolve().parents[2]
PAGE_FILES = sorted((ROOT / "pages").glob("[a-z]*.py"))
GATEWAY_FILES = sorted((ROOT / "engine" / "gateway").glob("*.py"))
DECLARED = re.compile(r"@(?:router|self\.server)\.(?:get|post)\(\s*f?\"([^\"]+)\"")


def page_paths() -> list[str]:
    """The address of every page, variables filled in."""
    return [re.sub(r"<[^>]+>", "x", page.path) for page in PAGES]


def every_route(web: Any) -> list[tuple[str, str]]:
    """Method and path of each route, variables filled in, mounts and includes walked."""
    found: list[tuple[str, str]] = []

    def walk(routes: Any, prefix: str = "") -> None:
        for route in routes:
            if isinstance(route, Mount):
                found.append(("GET", prefix + route.path + "/desk.css"))
            elif hasattr(route, "methods") and hasattr(route, "path"):
                path = re.sub(r"\{[^}]+\}", "x", prefix + route.path) or "/"
                path = path if path.startswith("/") else "/" + path
                found.extend((method, path) for method in sorted(route.methods or ()))
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes, prefix)
            elif hasattr(route, "routes"):
                walk(route.routes, prefix)

    walk(web.server.routes)
    return found


def test_the_walk_sees_the_routes_that_matter(web: Any, running: TestClient) -> None:
    found = every_route(web)
    for known in (
        ("POST", "/api/v1/commands"),
        ("POST", KILL_PATH),
        ("GET", "/_dash-layout"),
        ("POST", CALLBACK_PATH),
        ("GET", "/live"),
        ("GET", "/api/v1/parents"),
    ):
        assert known in found


def test_the_walk_sees_every_door_that_has_a_rule(web: Any, running: TestClient) -> None:
    found = set(every_route(web))
    pages = {("GET", path) for path in page_paths()}  # one route of Dash's serves them all
    for method, path in web.grants.routes:
        if path.endswith("/*"):
            assert any(m == method and p.startswith(path[:-1]) for m, p in found | pages), path
        else:
            assert (method, path) in found | pages, (method, path)


def test_the_walk_runs_on_every_page_module_and_every_router(web: Any) -> None:
    modules = {page.layout.__module__ for page in PAGES}
    wanted = {f"pages.{path.stem}" for path in PAGE_FILES if "@page(" in path.read_text()}
    assert wanted
    assert wanted <= modules
    given = {m.group(1) for path in GATEWAY_FILES for m in DECLARED.finditer(path.read_text())}
    found = {path for _method, path in every_route(web)}
    for path in given - {"/api/v1/{topic}"}:
        assert re.sub(r"\{[^}]+\}", "x", path) in found, path


def test_a_route_that_somebody_forgot_to_give_a_rule_is_in_the_walk_and_open_to_nobody(
    tmp_path: Path,
) -> None:
    web = a_web(tmp_path)

    @web.server.post("/api/v1/forgotten")
    async def forgotten() -> dict[str, str]:
        return {"secret": "yes"}

    assert ("POST", "/api/v1/forgotten") in every_route(web)
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        assert client.post("/api/v1/forgotten", json={}).status_code == 401
        for role in (Role.ADMIN, Role.SUPERVISOR):
            headers = enter(client, role)
            answer = client.post("/api/v1/forgotten", json={}, headers=headers)
            assert answer.status_code == 403


def test_without_a_login_every_route_but_the_public_ones_answers_401_or_the_login_page(
    web: Any, client: TestClient
) -> None:
    for method, path in every_route(web):
        if web.grants.rule_of(method, path) == PUBLIC:
            continue
        json = {} if method not in ("GET", "HEAD") else None
        answer = client.request(method, path, json=json, follow_redirects=False)
        assert answer.status_code == 401, (method, path, answer.status_code)


def test_the_public_doors_are_these_and_no_more(web: Any) -> None:
    public = {door for door, rule in web.grants.routes.items() if rule == PUBLIC}
    assert public == {
        ("GET", "/login"), ("POST", "/login"), ("GET", "/first-admin"), ("POST", "/first-admin"),
        ("GET", "/health"), ("GET", "/assets/*"), ("GET", "/_favicon.ico"),
    }  # fmt: skip


def test_a_person_who_opens_a_page_without_a_login_is_sent_to_the_login_page(
    client: TestClient,
) -> None:
    answer = client.get("/sample", headers={"accept": "text/html"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/sample"


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SYSTEM])
def test_every_route_is_open_to_a_role_exactly_as_the_table_says(
    web: Any, client: TestClient, role: Role
) -> None:
    headers = enter(client, role)
    for method, path in every_route(web):
        rule = web.grants.rule_of(method, path)
        if rule in (PUBLIC, LOGIN) or path == "/live" or path == "/api/v1/logout":
            continue
        json = {} if method not in ("GET", "HEAD") else None
        answer = client.request(method, path, json=json, headers=headers, follow_redirects=False)
        allowed = rule is not None and may((role,), rule)
        assert (answer.status_code == 403) is not allowed, (method, path, answer.status_code)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SYSTEM])
def test_every_page_is_drawn_for_a_role_exactly_as_its_permission_says(
    client: TestClient, role: Role
) -> None:
    enter(client, role)
    for page, path in zip(PAGES, page_paths(), strict=True):
        answer = client.post(
            CALLBACK_PATH,
            json={
                "output": ROUTER,
                "outputs": {"id": "page", "property": "children"},
                "inputs": [
                    {"id": "where", "property": "pathname", "value": path},
                    {"id": "where", "property": "search", "value": ""},
                ],
                "changedPropIds": ["where.pathname"],
            },
        )
        assert answer.status_code == 200, (path, answer.text)
        refused = "no-permission-state" in answer.text
        assert refused is not may((role,), page.permission), (path, answer.text[:400])


def test_every_page_is_closed_without_a_login(client: TestClient) -> None:
    for path in page_paths():
        assert client.get(path, follow_redirects=False).status_code == 401, path


def test_whoever_owes_a_new_password_finds_every_door_closed_but_that_one_and_the_kill(
    web: Any, client: TestClient
) -> None:
    headers = enter(client, Role.ADMIN)
    row = next(p for p in web.directory.persons.values() if p.login == login_of(Role.ADMIN))
    web.directory.persons[row.person_id] = replace(row, must_change=True)
    try:
        for method, path in every_route(web):
            if web.grants.rule_of(method, path) == PUBLIC or path == "/api/v1/logout":
                continue
            json = {} if method not in ("GET", "HEAD") else None
            answer = client.request(
                method, path, json=json, headers=headers, follow_redirects=False
            )
            is_open = path in ("/password", "/api/v1/password", "/kill", KILL_PATH)
            assert (answer.status_code == 403) is not is_open, (method, path, answer.status_code)
        page = client.get("/", headers={"accept": "text/html"}, follow_redirects=False)
        assert page.headers["location"] == "/password"
    finally:
        web.directory.persons[row.person_id] = row


def test_every_callback_has_a_rule_and_is_a_coroutine(web: Any, running: TestClient) -> None:
    app = web.site.app
    assert len(app.callback_map) >= 2  # the router and the sample page's
    for output, entry in app.callback_map.items():
        assert output in web.grants.outputs
        assert inspect.iscoroutinefunction(entry["callback"]), output


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SYSTEM])
def test_every_callback_is_open_to_a_role_exactly_as_its_rule_says(
    web: Any, client: TestClient, role: Role
) -> None:
    enter(client, role)
    for output, rule in web.grants.outputs.items():
        answer = client.post(CALLBACK_PATH, json={"output": output})
        allowed = rule == LOGIN or may((role,), rule)
        assert (answer.status_code == 403) is not allowed, (output, answer.status_code)


def test_an_output_that_is_in_no_table_is_open_to_nobody(client: TestClient) -> None:
    enter(client, Role.SUPERVISOR)
    for output in ("secret.children", "", None, 7, [ROUTER]):
        assert client.post(CALLBACK_PATH, json={"output": output}).status_code == 403


def test_a_callback_runs_for_its_role_and_sees_who_is_looking(client: TestClient) -> None:
    enter(client, Role.TRADER)
    answer = client.post(
        CALLBACK_PATH,
        json={
            "output": "echo.children",
            "outputs": {"id": "echo", "property": "children"},
            "inputs": [
                {"id": "ticket", "property": "data-values", "value": '{"quantity": 5}'},
            ],
            "changedPropIds": ["ticket.data-values"],
        },
    )
    assert answer.status_code == 200
    assert answer.json()["response"]["echo"]["children"] == "5 typed"


def test_a_plain_callback_registered_past_the_decorator_stops_the_start(tmp_path: Path) -> None:
    from dash import Dash, Input, Output

    web = a_web(tmp_path, site="components.site:mount")
    app: Dash = web.site.app

    def plain(value: str) -> str:
        return value

    app.callback(Output("a", "children"), Input("b", "children"))(plain)
    with pytest.raises(BrokenInvariant, match="no permission"):
        check_callbacks(app, web.grants)
    web.grants.output("a.children", "view.desk")
    with pytest.raises(BrokenInvariant, match="event loop"):
        check_callbacks(app, web.grants)


def test_a_callback_without_a_known_permission_cannot_be_declared() -> None:
    from dash import Input, Output

    from components.callback import callback

    with pytest.raises(BrokenInvariant, match="no entry"):
        callback(Output("x", "children"), Input("y", "children"), permission="view.everything")


def test_websocket_callbacks_cannot_be_declared_and_the_socket_is_closed(
    client: TestClient,
) -> None:
    from components.callback import callback

    with pytest.raises(BrokenInvariant, match="websocket"):
        callback(permission="view.desk", websocket=True)
    enter(client, Role.TRADER)
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/_dash-ws-callback", headers={"host": "localhost:8050"}),
    ):
        pass


def test_every_registered_page_and_callback_names_a_permission_of_the_table() -> None:
    rules = [page.permission for page in PAGES]
    rules += [known.permission for known in CALLBACKS]
    assert rules
    assert all(isinstance(known, Registration) for known in CALLBACKS)
    assert set(rules) <= set(PERMISSIONS)


def test_a_foreign_origin_is_refused_also_with_a_good_cookie(client: TestClient) -> None:
    headers = enter(client, Role.TRADER)
    command = {"id": "w-12345678", "verb": "HoldParent", "target": "P-1"}
    for origin in ("http://evil.example", "null", ""):
        answer = client.post(
            "/api/v1/commands", json=command, headers={**headers, "origin": origin}
        )
        assert answer.status_code == 403, origin
        assert "Origin" in answer.json()["detail"]


def test_a_cross_site_fetch_is_refused(client: TestClient) -> None:
    headers = enter(client, Role.TRADER)
    answer = client.post(
        "/api/v1/commands", json={}, headers={**headers, "sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403
    answer = client.get(
        "/api/v1/parents", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
    )
    assert answer.status_code == 403


def test_an_unknown_host_name_is_refused(client: TestClient) -> None:
    assert client.get("/login", headers={"host": "rebound.example"}).status_code == 400


def test_a_command_without_the_token_of_its_login_is_refused(client: TestClient) -> None:
    enter(client, Role.TRADER)
    command = {"id": "w-12345678", "verb": "HoldParent", "target": "P-1"}
    assert client.post("/api/v1/commands", json=command).status_code == 403
    wrong = {"x-qd-csrf": csrf_token("another login")}
    assert client.post("/api/v1/commands", json=command, headers=wrong).status_code == 403


def test_only_the_kill_door_takes_a_form(client: TestClient) -> None:
    headers = enter(client, Role.RISK)
    for path in ("/api/v1/commands", "/login", "/api/v1/logout", CALLBACK_PATH):
        assert client.post(path, data={"a": "b"}, headers=headers).status_code == 415, path


def test_a_body_beyond_the_limit_is_refused_whether_it_says_its_size_or_not(
    client: TestClient,
) -> None:
    headers = enter(client, Role.TRADER)
    large = b"x" * (BODY_LIMIT + 1)
    assert client.post("/api/v1/commands", content=large, headers=headers).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(1 + BODY_LIMIT // 100_000):
            yield b"x" * 100_000

    headers = {**headers, "content-type": "application/json"}
    assert client.post("/api/v1/commands", content=pieces(), headers=headers).status_code == 413


def test_errors_are_problem_documents(client: TestClient) -> None:
    for answer in (client.get("/api/v1/parents"), client.get("/login", headers={"host": "x"})):
        assert answer.headers["content-type"] == "application/problem+json"
        document = answer.json()
        assert set(document) >= {"type", "title", "status", "detail"}
        assert document["status"] == answer.status_code


def test_an_unknown_page_is_a_page_and_an_unknown_read_is_closed(client: TestClient) -> None:
    enter(client, Role.TRADER)
    answer = client.get("/nowhere", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "There is no page /nowhere" in answer.text
    assert client.get("/api/v1/secrets").status_code == 403


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/login", "/health", "/api/v1/parents", "/assets/desk.css"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        scripts = next(p for p in policy.split(";") if p.strip().startswith("script-src"))
        assert "unsafe-inline" not in scripts
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_the_document_has_no_inline_script_without_a_hash(web: Any, client: TestClient) -> None:
    import base64
    import hashlib

    enter(client, Role.TRADER)
    answer = client.get("/")
    for attributes, script in re.findall(r"<script([^>]*)>(.*?)</script>", answer.text, re.DOTALL):
        if not script.strip() or "application/json" in attributes:
            continue
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["content-security-policy"], script[:80]
    assert " onclick=" not in answer.text
    assert " style=" not in answer.text


def test_health_says_no_until_the_engine_has_answered_once(tmp_path: Path) -> None:
    web = a_web(tmp_path)
    client = TestClient(web.app, base_url=ORIGIN)  # not entered: nothing has been started
    assert client.get("/health").status_code == 503
    web.ready = True
    assert client.get("/health").json() == {"ready": True}


def test_people_of_a_restarted_web_are_still_logged_in(tmp_path: Path) -> None:
    people = people_file(tmp_path)
    with TestClient(
        a_web(tmp_path, people=people).app, base_url=ORIGIN, headers={"origin": ORIGIN}
    ) as before:
        enter(before, Role.TRADER)
        cookie = before.cookies["qd_session"]
    after = TestClient(a_web(tmp_path, people=people).app, base_url=ORIGIN)
    after.cookies.set("qd_session", cookie)
    assert after.get("/api/v1/people/me").json()["name"] == "Amara Diallo"
    people.close()


def test_a_recorded_day_is_marked_on_the_pages_without_a_frame_too(tmp_path: Path) -> None:
    web = a_web(tmp_path, look=Look(mode="REPLAY", demo=True))
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as guest:
        assert 'data-text="REPLAY / VIRTUAL - DEMO"' in guest.get("/login").text
        enter(guest, Role.TRADER)
        assert 'data-text="REPLAY / VIRTUAL - DEMO"' in guest.get("/kill").text
    assert Look(mode="LIVE").watermark == ""
