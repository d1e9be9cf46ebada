"""Questions by REST: charts and record of an order from the tables, answers of the engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from starlette.testclient import TestClient

from db.market import POINT
from db.project import catch_up
from db.queries import Queries
from engine.core import show
from engine.domain.errors import Refused
from engine.domain.people import Role
from engine.gateway.ask import number_of
from engine.gateway.live import Frame
from tests.support.busy_desk import a_busy_rig, journal_in, tables
from tests.support.desk_fakes import ORIGIN, PASSWORD, START_NS, FakeDesk, a_web, login_of

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Queries]:
    """Tables of a busy desk, with decisions of its first order on the tape."""
    state = tmp_path_factory.mktemp("busy")
    rig = a_busy_rig()
    source = journal_in(state, rig)
    engine = tables(state / "desk.db")
    catch_up(engine, source, 1)
    parent = rig.state.parents[1]
    rows = np.zeros(3_000, dtype=POINT)
    rows["parent"] = 1
    rows["at_ns"] = parent.accepted_at + np.arange(3_000) * SECOND
    rows["target"] = np.arange(3_000) * 2.0
    rows["score"] = np.nan
    rows["why"][1_000:1_200] = 1
    folder = state / "market"
    folder.mkdir()
    (folder / f"{rig.state.session.day}.points").write_bytes(rows.tobytes())
    yield Queries(engine, state)
    engine.dispose()


@pytest.fixture
def web(tmp_path: Path, busy: Queries) -> Any:
    web = a_web(tmp_path, queries=busy)
    web.hub.take(Frame(topic="desk", seq=1, epoch=1, at=START_NS, full=1,
                       up={"desk": {"day": a_busy_rig().state.session.day}}))  # fmt: skip
    return web


@pytest.fixture
def client(web: Any) -> Iterator[TestClient]:
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as running:
        running.post("/login", json={"login": login_of(Role.TRADER), "password": PASSWORD})
        yield running


def publish(web: Any, topic: str, rows: dict[str, dict[str, Any]]) -> None:
    web.hub.take(Frame(topic=topic, seq=1, epoch=1, at=START_NS, up=rows, full=1))


def test_a_series_is_thinned_keeps_both_ends_and_says_nothing_for_nan(client: TestClient) -> None:
    body = client.get("/api/v1/series/P-1?most=500").json()
    points = body["points"]
    assert len(points["at_ns"]) == 500
    assert (points["target"][0], points["target"][-1]) == (0.0, 5998.0)
    assert points["score"][0] is None
    assert points["at_ns"] == sorted(points["at_ns"])


def test_changes_of_mind_are_found_before_the_thinning(client: TestClient) -> None:
    turns = client.get("/api/v1/series/P-1?most=10").json()["turns"]
    start = a_busy_rig().state.parents[1].accepted_at
    assert [(row[0] - start) // SECOND for row in turns] == [0, 1_000, 1_200]


def test_fills_of_a_series_add_up_to_what_was_done(client: TestClient) -> None:
    parent = max(a_busy_rig().state.parents.values(), key=lambda p: p.filled)
    fills = client.get(f"/api/v1/series/P-{parent.id}").json()["fills"]
    assert sum(row[2] for row in fills) == parent.filled > 0
    assert {row[3] for row in fills} <= {"passive", "aggressive"}


def test_a_live_order_needs_no_table_for_its_schedule(web: Any, client: TestClient) -> None:
    row = msgspec.structs.asdict(
        show.parent_row(a_busy_rig().loop.desk, a_busy_rig().state.parents[1])
    )
    publish(web, "parents", {"P-1": row})

    def locked(*_: object) -> None:
        raise Refused("the read tables do not answer: locked")

    web.parts.queries.prices, kept = locked, web.parts.queries.prices
    try:
        body = client.get("/api/v1/series/P-1?most=50").json()
    finally:
        web.parts.queries.prices = kept
    assert len(body["points"]["at_ns"]) == 50
    assert body["refused"] == "the read tables do not answer: locked"
    assert "prices" not in body


def test_the_record_of_an_order_tells_children_commands_and_the_receipts_of_its_kill(
    client: TestClient,
) -> None:
    rig = a_busy_rig()
    (kill,) = rig.state.kills.values()
    parent = f"P-{kill.parents[0]}"
    body = client.get(f"/api/v1/orders/{parent}").json()
    assert body["parent"]["state"] == "KILLED"
    assert {row["parent"] for row in body["children"]} == {parent}
    (told,) = body["kills"]
    assert {line["parent"] for line in told["receipts"]} == {parent}
    assert len(told["receipts"]) == len(kill.children)


def test_an_order_of_another_desk_is_not_there(web: Any, client: TestClient) -> None:
    other = {"id": "P-1", "desk": "other", "trader": "u9", "accepted_at": 1, "ended_at": 0}
    publish(web, "parents", {"P-1": other})
    publish(web, "children", {"C-1-1": {"parent": "P-1"}})
    assert client.get("/api/v1/explain/C-1-1").status_code == 404


@pytest.mark.parametrize("path", ["series/P-999999", "orders/P-999999", "series/x", "orders/C-1-2"])
def test_an_order_that_never_was_is_a_404(client: TestClient, path: str) -> None:
    assert client.get(f"/api/v1/{path}").status_code == 404


def test_a_preview_of_a_kill_is_the_engines_own_answer(client: TestClient) -> None:
    answer = client.get("/api/v1/preview-kill?scope=parent&target=P-3")
    assert answer.json() == {
        "name": "preview_kill", "args": {"scope": "parent", "target": "P-3"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status"),
    [(Refused("no such child"), 404), (TimeoutError(), 504), (ConnectionError(), 503)],
)
def test_a_silent_engine_is_an_answer_too(
    web: Any, client: TestClient, error: Exception, status: int
) -> None:
    desk = web.parts.desk
    assert isinstance(desk, FakeDesk)
    desk.answer = error
    assert client.get("/api/v1/preview-kill?scope=all").status_code == status


def test_a_child_of_today_is_explained_by_its_number(web: Any, client: TestClient) -> None:
    publish(web, "parents", {"P-1": {"desk": "main", "trader": "u1"}})
    publish(web, "children", {"C-1-7": {"parent": "P-1"}})
    answer = client.get("/api/v1/explain/C-1-7").json()
    assert answer == {"name": "explain", "args": {"child": (1 << 24) | 7}}


def test_a_web_without_read_tables_says_so(tmp_path: Path) -> None:
    with TestClient(a_web(tmp_path).app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        client.post("/login", json={"login": login_of(Role.RISK), "password": PASSWORD})
        answer = client.get("/api/v1/orders/P-1")
    assert (answer.status_code, answer.json()["detail"]) == (503, "this desk has no read tables")


def test_names_of_orders_are_read_strictly() -> None:
    assert number_of("P-42") == 42
    assert [number_of(text) for text in ("42", "P-4x", "P-", "P-1-2", "p-1")] == [None] * 5
