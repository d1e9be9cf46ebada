"""Cost trends and the closed day in real Chromium: charts under the policy, file, next day."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import create_engine, insert

from db.tables import TABLES, TCA_PARENTS
from tests.e2e.test_system_page import the_one
from tests.support.browser import RunningDesk, Visitor
from tests.support.trends import three_days

JUNE = int(datetime(2026, 6, 18, 20, 0, 5, tzinfo=UTC).timestamp()) * 10**9
DESK = {
    "mode": "SIM", "market_at": JUNE, "seq": 48_211, "head": "9f3c77aa", "gate": "open",
    "session": "CLOSED", "day": "2026-06-18", "speed": 1.0, "achieved": 0.0, "turn_ms": 0.4,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def rows(web_desk: RunningDesk) -> None:
    """Lines of three days in the read tables; a desk in June whose day is closed."""
    assert web_desk.engine is not None
    engine = create_engine(f"sqlite:///{web_desk.where.desk_db}")
    TABLES.create_all(engine)
    lines = []
    for row in three_days():
        fields = msgspec.structs.asdict(row)
        body = msgspec.json.encode({"paper_notional": fields.pop("notional")}).decode()
        fields["parent_id"] = fields.pop("number")
        del fields["parent"]
        lines.append({**fields, "source": "live", "report_hash": "a", "body": body})
    with engine.begin() as connection:
        connection.execute(insert(TCA_PARENTS), lines)
    engine.dispose()
    web_desk.engine.publish("desk", {"desk": DESK})


@pytest.fixture
def guest(web_desk: RunningDesk, visitor: Callable[..., Visitor]) -> Iterator[Callable[..., Any]]:
    """Log a person in at a page; the console must stay clean: no refused script, no error."""
    known: list[Visitor] = []

    def enter(login: str, path: str) -> Any:
        known.append(visitor().log_in(web_desk, login, path))
        return known[-1].page

    yield enter
    assert [line for one in known for line in one.complaints] == []


def test_the_charts_are_drawn_as_svg_and_the_filter_stands_in_the_address(
    guest: Callable[..., Any],
) -> None:
    page = guest("per", "/tca/trends")
    page.wait_for_function(
        "() => document.querySelectorAll('.trend-chart .main-svg .trace').length >= 3"
    )
    assert page.locator(".trend-chart canvas").count() == 0
    assert page.locator(".trend-chart").count() == 3
    page.select_option("[name=origin]", "LIVE")
    page.click(".trend-form button[type=submit]")
    page.wait_for_url("**origin=LIVE**")
    page.wait_for_selector("#trends-csv:has-text('CSV of 4 orders')")
    with page.expect_download() as arriving:
        page.click("#trends-csv")
    assert arriving.value.suggested_filename == "tca-trends-2026-11-27-2026-11-27.csv"
    lines = Path(arriving.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("P-21,2026-11-27,LIVE,MIDC,SELL,TWAP,")


def test_a_closed_day_is_said_plainly_and_a_supervisor_opens_the_next_one(
    web_desk: RunningDesk, guest: Callable[..., Any]
) -> None:
    assert web_desk.engine is not None
    page = guest("marta", "/")
    page.wait_for_selector("#day-closed:not([hidden])")
    assert page.inner_text("#closed-words") == "2026-06-18 is closed: no order works any more."
    assert page.get_attribute("#closed-costs", "href") == "/tca?day=2026-06-18"
    page.click("#day-closed button[data-verb=OpenNextDay]")
    page.click("#confirm-go")
    page.wait_for_selector("#day-closed .chip-state:has-text('DONE')", state="attached")
    the_one(web_desk, "OpenNextDay")
    web_desk.engine.publish("desk", {"desk": {"session": "CONTINUOUS", "day": "2026-06-19"}})
    page.wait_for_selector("#day-closed[hidden]", state="attached")
    web_desk.engine.publish("desk", {"desk": DESK})


def test_a_recording_has_no_next_day_and_a_june_day_is_in_summer_time(
    web_desk: RunningDesk, guest: Callable[..., Any]
) -> None:
    assert web_desk.engine is not None
    web_desk.engine.publish("desk", {"desk": {**DESK, "mode": "REPLAY"}})
    page = guest("marta", "/")
    page.wait_for_selector("#closed-next:has-text('The recording holds this day only')")
    assert not page.is_visible("#day-closed button[data-verb=OpenNextDay]")
    assert page.inner_text("#clock").split()[-1] == "EDT"
    winter = DESK | {"market_at": JUNE + 180 * 86_400 * 10**9}
    web_desk.engine.publish("desk", {"desk": winter})
    page.wait_for_function(
        "() => document.getElementById('zone-label').textContent.trim() === 'EST'"
    )
