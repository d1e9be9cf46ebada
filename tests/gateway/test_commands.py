"""The command door: one id is one effect, the engine's sentence comes back, nothing is kept."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from engine.domain.commands import HoldParent, SubmitParent
from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway.commands import EXPIRES, CommandRequest, Commands, parse
from engine.gateway.sessions import Directory, csrf_token
from engine.gateway.viewer import Viewer
from engine.runtime.clock import HandClock
from tests.support.desk_fakes import ORIGIN, PASSWORD, START_NS, FakeDesk, login_of


@pytest.fixture
def client(web: Any) -> Iterator[TestClient]:
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as running:
        running.post("/login", json={"login": login_of(Role.TRADER), "password": PASSWORD})
        running.headers["x-qd-csrf"] = csrf_token(running.cookies["qd_session"])
        yield running


def from_people(web: Any) -> list[Any]:
    """Envelopes that a person sent."""
    return [envelope for envelope in web.parts.desk.seen if envelope.person != "system"]


def send(client: TestClient, **fields: Any) -> Any:
    body = {"id": "w-00000001", "verb": "HoldParent", "target": "P-42", **fields}
    return client.post("/api/v1/commands", json=body)


def test_a_command_is_typed_stamped_and_signed_with_the_person_of_the_login(
    web: Any, client: TestClient
) -> None:
    answer = send(client, expected_version=3, reason="too fast", args={"children": "leave"})
    assert answer.status_code == 202
    (envelope,) = from_people(web)
    assert envelope.command == HoldParent(parent_id=42, children="leave")
    assert envelope.person == "u1"
    assert envelope.expires_at == START_NS + EXPIRES
    assert (envelope.expected_version, envelope.reason, envelope.door) == (3, "too fast", "web")
    assert answer.json()["id"] == "w-00000001"


def test_the_engine_start_that_the_person_was_shown_goes_along_and_machines_may_leave_it_out(
    web: Any, client: TestClient
) -> None:
    send(client, id="w-epoch-seen", epoch=7)
    send(client, id="w-epoch-none")
    assert [envelope.epoch for envelope in from_people(web)] == [7, 0]


def test_the_same_id_is_one_effect(web: Any, client: TestClient) -> None:
    first, second = send(client), send(client)
    assert first.json() == second.json()
    assert len(from_people(web)) == 1


def test_two_posts_at_once_wait_for_the_same_answer() -> None:
    async def play() -> tuple[list[int], int]:
        desk = FakeDesk()
        desk.hold = asyncio.Event()
        directory = Directory()
        someone = Viewer(person_id="u1", name="A", roles=(Role.TRADER,), desk="main", session="s")
        commands = Commands(desk=desk, directory=directory, clock=HandClock(START_NS))
        request = CommandRequest(id="w-00000001", verb="HoldParent", target="P-1")
        both = [asyncio.create_task(commands.take(request, someone)) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        desk.hold.set()
        return [answer.status_code for answer in await asyncio.gather(*both)], len(desk.seen)

    assert asyncio.run(play()) == ([202, 202], 1)


def test_a_refusal_comes_back_as_the_engines_sentence_with_its_field(
    web: Any, client: TestClient
) -> None:
    web.parts.desk.answer = Refused("quantity must be at least 5, was 3", field="quantity")
    answer = send(client)
    assert answer.status_code == 422
    assert answer.json()["detail"] == "quantity must be at least 5, was 3"
    assert answer.json()["field"] == "quantity"
    assert answer.json()["type"] == "refused"


def test_no_answer_is_unknown_and_the_same_id_may_be_sent_again(
    web: Any, client: TestClient
) -> None:
    web.parts.desk.answer = TimeoutError()
    answer = send(client)
    assert answer.status_code == 504
    assert answer.json()["type"] == "unknown"
    web.parts.desk.answer = None
    assert send(client).status_code == 202
    ids = {envelope.id for envelope in from_people(web)}
    assert ids == {"w-00000001"}


def test_without_the_engine_a_command_is_refused_at_once(web: Any, client: TestClient) -> None:
    web.parts.desk.answer = ConnectionError()
    answer = send(client)
    assert answer.status_code == 503
    assert answer.json()["type"] == "offline"
    assert "nothing was sent" in answer.json()["detail"]


def test_a_verb_beyond_the_roles_never_reaches_the_engine(web: Any, client: TestClient) -> None:
    for verb, args in (("ApproveParent", {"approve": True}), ("SetPeople", {"people": []})):
        answer = send(client, id=f"w-{verb}-1", verb=verb, target="", args=args | (
            {"parent_id": 1} if verb == "ApproveParent" else {}))  # fmt: skip
        assert answer.status_code == 403, verb
    assert from_people(web) == []


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"id": "short"}, 400),
        ({"id": "has spaces and more"}, 400),
        ({"verb": "Explode"}, 422),
        ({"target": "P-many"}, 422),
        ({"args": {"surprise": 1}}, 422),
        ({"args": {"children": "eat"}}, 422),
        ({"expected_version": "three"}, 400),
        ({"more": 1}, 400),
        ({"epoch": -1}, 400),
        ({"epoch": "last"}, 400),
        ({"epoch": 2**63}, 400),
    ],
)
def test_what_is_not_understood_is_refused_with_a_sentence(
    web: Any, client: TestClient, fields: dict[str, Any], status: int
) -> None:
    answer = send(client, **fields)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert from_people(web) == []


def test_numbers_may_come_as_text_as_forms_send_them() -> None:
    args = {
        "side": "1", "quantity": "500000", "strategy": "VWAP", "horizon_ns": 3_600_000_000_000,
        "parameters": {"band": "0.02"},
    }  # fmt: skip
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in args.items()}
    command = parse(CommandRequest(id="w-1", verb="SubmitParent", target="MIDC", args=raw))
    assert isinstance(command, SubmitParent)
    assert (command.symbol, command.side, command.quantity) == ("MIDC", 1, 500_000)
    assert command.parameters == {"band": 0.02}


def test_a_nan_is_refused() -> None:
    raw = {"name": msgspec.Raw(b'"band"'), "value": msgspec.Raw(b'"nan"')}
    request = CommandRequest(id="w-1", verb="MoveParameter", target="P-1", args=raw)
    with pytest.raises(Refused):
        parse(request)


def test_the_command_door_is_described_in_the_open_api_document(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    door = document["paths"]["/api/v1/commands"]["post"]
    schema = door["requestBody"]["content"]["application/json"]["schema"]
    assert "HoldParent" in schema["properties"]["verb"]["enum"]


def test_what_forty_browsers_show_reaches_the_engine_once_and_is_nobodys_activity(
    web: Any, client: TestClient
) -> None:
    (login,) = [row for row in web.directory.sessions.values() if row.person_id == "u1"]
    web.parts.clock.now = START_NS + 60 * 10**9

    def shown(number: int, *alerts: int) -> Any:
        fields = {"target": "", "verb": "ShowAlerts", "args": {"alert_ids": alerts}}
        return send(client, id=f"w-shown-{number:03d}", **fields)

    assert shown(1, 4, 5).status_code == 202
    assert shown(2, 5, 6).status_code == 202
    assert shown(3, 4, 6).json()["message"] == "shown before"
    assert [e.command.alert_ids for e in from_people(web)] == [(4, 5), (6,)]
    assert [row.acted_at for row in web.directory.sessions.values()].count(login.acted_at) == 1
    send(client)
    assert login.acted_at not in [row.acted_at for row in web.directory.sessions.values()]
