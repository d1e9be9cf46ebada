"""Saved views belong to one person; a workbook holds the shown cells and says what they are."""

import io
from typing import Any

import openpyxl
import pytest
from starlette.testclient import TestClient

from engine.domain.people import Role
from engine.gateway.guard import CSRF_HEADER
from engine.gateway.live import Frame
from engine.gateway.sessions import csrf_token
from engine.gateway.views import BODY_MAX, VIEWS_MAX
from tests.support.desk_fakes import PASSWORD, START_NS, login_of

VIEW = {"tab": "active", "q": "side=sell", "mine": True, "cols": "cost", "kids": False}


def enter(client: TestClient, role: Role) -> None:
    client.cookies.clear()
    client.post("/login", json={"login": login_of(role), "password": PASSWORD})


def post(client: TestClient, path: str, body: object) -> Any:
    token = csrf_token(client.cookies["qd_session"])
    return client.post(path, json=body, headers={CSRF_HEADER: token})


def test_words_of_the_desk_are_for_those_who_are_in(client: TestClient) -> None:
    assert client.get("/api/v1/words").status_code == 401
    enter(client, Role.REVIEWER)
    found = client.get("/api/v1/words").json()
    assert found["panels"]["kills"]["what"]
    assert found["words"]["filled"] == found["words"]["leaves"]


def keep(client: TestClient, name: str, view: object, page: str = "blotter") -> Any:
    return post(client, "/api/v1/views", {"page": page, "name": name, "view": view})


def test_a_view_is_kept_for_its_person_alone_replaced_and_forgotten(client: TestClient) -> None:
    enter(client, Role.TRADER)
    assert keep(client, "My desk", VIEW).json() == {"items": {"My desk": VIEW}}
    changed = {**VIEW, "q": ""}
    assert keep(client, "My desk", changed).json() == {"items": {"My desk": changed}}
    enter(client, Role.RISK)
    assert client.get("/api/v1/views?page=blotter").json() == {"items": {}}
    assert keep(client, "My desk", None).status_code == 200  # nothing of mine: nothing happens
    enter(client, Role.TRADER)
    assert client.get("/api/v1/views?page=blotter").json() == {"items": {"My desk": changed}}
    assert client.get("/api/v1/views?page=orders").json() == {"items": {}}
    assert keep(client, "My desk", None).json() == {"items": {}}


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"page": "blotter", "name": "", "view": VIEW}, 422, "name"),
        ({"page": "blotter", "name": "x" * 41, "view": VIEW}, 422, "at most 40"),
        ({"page": "../people", "name": "a", "view": VIEW}, 422, "page"),
        ({"page": "blotter", "name": "a", "view": {"q": "x" * BODY_MAX}}, 422, "at most 8000"),
        ({"page": "blotter", "name": "a", "view": {"q": {"deep": 1}}}, 400, "view"),
        ({"page": "blotter", "name": "a", "view": VIEW, "person": "u2"}, 400, "person"),
    ],
)
def test_a_view_that_is_none_is_refused(
    client: TestClient, body: object, status: int, word: str
) -> None:
    enter(client, Role.TRADER)
    answer = post(client, "/api/v1/views", body)
    assert answer.status_code == status
    assert word in answer.json()["detail"]
    assert client.get("/api/v1/views?page=blotter").json() == {"items": {}}


def test_nobody_keeps_more_views_than_a_menu_can_show(client: TestClient) -> None:
    enter(client, Role.TRADER)
    for number in range(VIEWS_MAX):
        assert keep(client, f"view {number}", VIEW).status_code == 200
    assert keep(client, "one more", VIEW).status_code == 422
    assert keep(client, "view 3", {"q": "x"}).status_code == 200  # those that are there may change


GRID = {
    "title": "Live blotter",
    "query": "/?q=side%3Dsell",
    "columns": [
        {"title": "Parent"}, {"title": "Filled", "form": "int"},
        {"title": "Slip bp", "form": "bps"},
        {"title": "Done", "form": "bar"},
    ],
    "rows": [["P-1", 1200, -3.456, 0.5], ["=1+1", 0, None, 1.0], ["-", 7, 0.0, 0.25]],
}  # fmt: skip


def opened(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return openpyxl.load_workbook(io.BytesIO(answer.content))


def test_a_workbook_holds_each_cell_numbers_as_numbers_and_no_formula(
    web: Any, client: TestClient
) -> None:
    desk = {"seq": 48_211, "head": "9f3c", "source": "SIM seed 7", "market_at": START_NS}
    web.hub.take(Frame(topic="desk", seq=1, epoch=1, at=START_NS, up={"desk": desk}, full=1))
    enter(client, Role.TRADER)
    book = opened(post(client, "/api/v1/workbook", GRID))
    sheet = book["Grid"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["Parent", "Filled", "Slip bp", "Done"],
        ["P-1", 1200, -3.456, 0.5],
        ["'=1+1", 0, None, 1],
        ["-", 7, 0, 0.25],
    ]
    assert [cell.number_format for cell in sheet[2]] == ["@", "#,##0", "+0.00;-0.00;0.00", "0%"]
    assert {cell.data_type for row in sheet.iter_rows(min_row=2) for cell in row} == {"s", "n"}
    said = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert said["query"] == "/?q=side%3Dsell"
    assert said["source"] == "SIM seed 7"
    assert said["journal"] == "48211 entries, head 9f3c"
    assert said["what"] == "Live blotter: 3 rows as shown on the screen"
    assert len(said["SHA-256 of the cells"]) == 64


def test_another_cell_gives_another_hash(client: TestClient) -> None:
    enter(client, Role.TRADER)

    def digest(rows: list[list[object]]) -> str:
        book = opened(post(client, "/api/v1/workbook", {**GRID, "rows": rows}))
        return str(
            {r[0].value: r[1].value for r in book["About"].iter_rows()}["SHA-256 of the cells"]
        )

    row = ["P-1", 1200, -3.456, 0.5]
    assert digest([row]) == digest([row])
    assert digest([row]) != digest([[*row[:3], 0.51]])


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": [["P-1", 1]]},
        {"columns": []},
        {"columns": [{"title": "Parent", "form": "=cmd"}], "rows": []},
        {"rows": [["x" * 3_000, 1, 1, 1]]},
        {"rows": "none"},
    ],
)
def test_a_grid_that_is_none_is_refused(client: TestClient, wrong: dict[str, object]) -> None:
    enter(client, Role.TRADER)
    assert post(client, "/api/v1/workbook", {**GRID, **wrong}).status_code in (400, 422)
