"""REST reads behind the pages of supervisors, reviewers and auditors."""

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.jobs import Jobs
from db.queries_audit import AuditFilter
from engine.domain.people import Role
from engine.domain.units import SECOND
from engine.gateway.audit import cell, every_row, filter_of, lines
from engine.gateway.live import Frame, Hub
from engine.gateway.status import feed_cells
from engine.runtime.clock import HandClock
from tests.support.desk_fakes import ORIGIN, PASSWORD, START_NS, a_web, login_of
from tests.support.reports import DAY, HASH, ReportQueries, an_entry


@pytest.fixture
def tables() -> ReportQueries:
    return ReportQueries()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def client(folder: Path, tables: ReportQueries) -> Iterator[TestClient]:
    web = a_web(folder, queries=tables, processes=folder / "processes.json")
    with TestClient(web.app, base_url=ORIGIN, headers={"origin": ORIGIN}) as running:
        yield running


def enter(client: TestClient, role: Role) -> TestClient:
    answer = client.post("/login", json={"login": login_of(role), "password": PASSWORD})
    assert answer.status_code == 200
    return client


# --- costs ---------------------------------------------------------------------------------------
def test_the_exported_report_contains_its_hash_and_who_signed_it(
    client: TestClient, tables: ReportQueries
) -> None:
    tables.sign("u8")
    answer = enter(client, Role.REVIEWER).get(f"/api/v1/tca/{DAY}/report.html")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="tca-{DAY}.html"'
    assert HASH in answer.text
    assert "Per Olsen" in answer.text
    assert "fits this report" in answer.text
    assert "<script" not in answer.text


def test_what_a_page_of_a_day_must_know_is_one_small_answer(
    client: TestClient, tables: ReportQueries
) -> None:
    enter(client, Role.REVIEWER)
    before = client.get(f"/api/v1/tca/{DAY}").json()
    assert (before["report_hash"], before["signed_by"], before["notes"]) == (HASH, "", 1)
    tables.sign("u8")
    assert client.get(f"/api/v1/tca/{DAY}").json()["signed_by"] == "u8"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/tca/2031-01-01", 404), ("/api/v1/tca/2027-01-18/report.html", 404),
     ("/api/v1/tca/soon", 422), ("/api/v1/tca/soon/report.html", 422)],
)  # fmt: skip
def test_a_day_without_a_report_is_a_problem_with_a_sentence(
    client: TestClient, path: str, status: int
) -> None:
    answer = enter(client, Role.REVIEWER).get(path)
    assert answer.status_code == status
    assert answer.json()["detail"]


# --- audit ---------------------------------------------------------------------------------------
def test_no_cell_of_an_export_is_a_formula_and_numbers_stay_numbers() -> None:
    assert [cell(text) for text in ("=1+1", "+1", "-1", "@x", "\tx", "\rx")] == [
        "'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx",
    ]  # fmt: skip
    assert cell(-5) == "-5"
    assert cell("P-42") == "P-42"


def test_the_export_is_the_filtered_result_row_by_row(
    client: TestClient, tables: ReportQueries
) -> None:
    tables.index.append(an_entry(0, text='=HYPERLINK("x"), entry 24'))
    answer = enter(client, Role.COMPLIANCE).get("/api/v1/audit.csv?text=entry 24")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-DEMO.csv"'
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0][0] == "seq"
    found = tables.audit_search(AuditFilter(text="entry 24"), "", 1_000).rows
    assert [int(row[0]) for row in rows[1:]] == [row.seq for row in found]
    assert [row[-1] for row in rows[1:-1]] == [row.text for row in found[:-1]]
    assert rows[-1][-1] == '\'=HYPERLINK("x"), entry 24'


def test_an_export_goes_through_every_page_once() -> None:
    tables = ReportQueries()
    tables.index = [an_entry(seq) for seq in range(2_500, 0, -1)]
    assert [row.seq for row in every_row(tables, AuditFilter())] == list(range(2_500, 0, -1))
    assert sum(part.count("\n") for part in lines(every_row(tables, AuditFilter()))) == 2_501


def test_times_of_a_search_are_utc_unless_they_say_otherwise() -> None:
    plain = filter_of({"since": "2026-11-27 14:30", "text": " fill "})
    assert plain.since == 1_795_789_800_000_000_000
    assert plain.text == "fill"
    assert filter_of({"since": "2026-11-27T09:30-05:00"}).since == plain.since


def test_an_export_with_a_field_that_is_not_understood_is_refused(client: TestClient) -> None:
    answer = enter(client, Role.COMPLIANCE).get("/api/v1/audit.csv?since=soon")
    assert answer.status_code == 422
    assert "since must be a UTC time" in answer.json()["detail"]


# --- system --------------------------------------------------------------------------------------
def test_processes_are_told_with_the_watchdogs_words_and_whether_the_supervisor_lives(
    client: TestClient, folder: Path
) -> None:
    enter(client, Role.SUPERVISOR)
    document = {"supervisor": os.getpid(), "written_at": 5, "processes": [{"name": "engine"}]}
    (folder / "processes.json").write_text(json.dumps(document))
    (folder / "watchdog.json").write_text('{"verdict": "ok", "written_at": 7}')
    found = client.get("/api/v1/processes").json()
    assert found["processes"] == [{"name": "engine"}]
    assert found["supervised"] is True
    assert found["watchdog"]["verdict"] == "ok"
    assert found["at"] == START_NS


def test_a_supervisor_that_is_gone_is_said_to_be_gone(client: TestClient, folder: Path) -> None:
    enter(client, Role.SUPERVISOR)
    gone = {"supervisor": 2**22 + 1, "written_at": 5, "processes": []}
    (folder / "processes.json").write_text(json.dumps(gone))
    assert client.get("/api/v1/processes").json()["supervised"] is False


def test_without_any_file_the_answer_is_empty_not_invented(client: TestClient) -> None:
    found = enter(client, Role.SUPERVISOR).get("/api/v1/processes").json()
    assert (found["processes"], found["watchdog"], found["supervised"]) == ([], None, False)


def test_jobs_of_the_worker_are_told_with_their_progress(client: TestClient, folder: Path) -> None:
    jobs = Jobs.open(folder / "people.db")
    jobs.start("history", "past day 1 of 20", 1)
    jobs.step("history", 0.3, "past day 7 of 20", 2)
    jobs.close()
    (found,) = enter(client, Role.SUPERVISOR).get("/api/v1/jobs").json()["items"]
    assert (found["name"], found["state"], found["text"]) == (
        "history", "running", "past day 7 of 20",
    )  # fmt: skip
    assert found["progress"] == 0.3


def test_receipts_of_a_kill_that_the_tables_do_not_have_yet_are_a_problem(
    client: TestClient, tables: Any
) -> None:
    tables.kills = lambda origin: ()
    answer = enter(client, Role.SUPERVISOR).get("/api/v1/receipts/K-1")
    assert answer.status_code == 404
    assert "K-1" in answer.json()["detail"]


def test_a_closed_market_is_not_stale_however_old_its_last_quote() -> None:
    hub = Hub(HandClock(START_NS))
    rows = {"desk": {"market_at": START_NS, "session": "CLOSED", "speed": 600.0}}
    hub.take(Frame(topic="desk", seq=1, epoch=1, at=START_NS, up=rows, full=1))
    quotes = {"MIDC": {"at": START_NS - 3_600 * SECOND}}
    hub.take(Frame(topic="quotes", seq=1, epoch=1, at=START_NS, up=quotes, full=1))
    assert feed_cells(hub, START_NS + 60 * SECOND)["at"] == START_NS + 60 * SECOND
