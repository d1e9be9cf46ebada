"""Whatever somebody sends to the REST doors, the answer is an answer: never a 5xx.

Requests are made from the OpenAPI description: what it allows, and what it forbids.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from starlette.testclient import TestClient

from db.schema import open_tables
from engine.domain.people import Role
from engine.gateway.sessions import csrf_token
from tests.support.desk_fakes import ORIGIN, PASSWORD, login_of
from tests.support.whole_web import whole_web

ENDLESS = {"/live"}  # a stream
LEAVES = {"/api/v1/logout"}  # ends the session that the test needs
ROLES = (Role.TRADER, Role.SUPERVISOR, Role.ADMIN, Role.COMPLIANCE)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    state = tmp_path_factory.mktemp("fuzz")
    open_tables(f"sqlite:///{state / 'desk.db'}").dispose()
    web = whole_web(state)
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as found:
        yield found


def enter(client: TestClient, role: Role) -> dict[str, str]:
    client.cookies.clear()
    answer = client.post("/login", json={"login": login_of(role), "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"x-qd-csrf": csrf_token(client.cookies["qd_session"])}


def operations(client: TestClient) -> list[Any]:
    enter(client, Role.SUPERVISOR)
    schema = schemathesis.openapi.from_dict(client.get("/api/v1/openapi.json").json())
    found = [one.ok() for one in schema.get_all_operations()]
    return [one for one in found if one.path not in ENDLESS | LEAVES]


def send(client: TestClient, case: Any, headers: dict[str, str]) -> Any:
    """The case as a request; what a real client could not put on the wire is left out."""
    request = case.as_transport_kwargs(base_url=ORIGIN)
    request["headers"] = {**request.pop("headers", {}), **headers}
    # the login is the one here: with a key beside it no door would be reached
    for name in [name for name in request["headers"] if name.lower() == "authorization"]:
        del request["headers"][name]
    request.pop("cookies", None)  # the session's own
    if isinstance(request.get("data"), bytes | str):
        request["content"] = request.pop("data")
    return client.request(**request)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_brings_a_door_down(client: TestClient, role: Role, mode: Any) -> None:
    tried = 0
    found = operations(client)
    headers = enter(client, role)
    for operation in found:
        strategy = operation.as_strategy(generation_mode=mode)

        @settings(
            max_examples=8, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy)
        def knock(case: Any) -> None:
            nonlocal tried, headers
            answer = send(client, case, headers)
            tried += 1
            assert answer.status_code < 500, (case.method, case.path, answer.text)
            if answer.status_code == 401:
                headers = enter(client, role)

        with suppress(Unsatisfiable):  # a door without parameters cannot be asked wrongly
            knock()
    assert tried > 100


@pytest.mark.timeout(300)
def test_without_a_login_every_door_stays_shut(client: TestClient) -> None:
    found = operations(client)
    shut = 0
    for operation in found:

        @settings(
            max_examples=6, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def knock(case: Any) -> None:
            nonlocal shut
            client.cookies.clear()
            answer = send(client, case, {})
            assert answer.status_code in (400, 401, 403, 404, 405, 413, 415), answer.text
            shut += 1

        knock()
    assert shut > 50
