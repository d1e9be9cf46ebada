"""A trader works an order on the recorded AMZN day, in real Chromium: market speed 60x."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from db.journal import read_segment, segments
from engine.runtime.feeds.lobster import read_recording
from tests.support.browser import Visitor
from tests.support.data import data_dir
from tests.support.real_desk import RealDesk, until
from tests.support.recorded_fills import check_fills, fills_of, traded_between

pytestmark = pytest.mark.timeout(600)
SPEED = 60
DAY = "2012-06-21"
FEW = 20  # fills to wait for


def recording() -> Path:
    return data_dir("lobster") / f"LOBSTER_SampleFile_AMZN_{DAY}_5.zip"


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    """The whole desk on the recorded day; the test skips, visibly, without the data."""
    path = recording()
    running = RealDesk(
        flags={"replay_messages": path, "replay_orderbook": path, "speed": SPEED}
    )  # fmt: skip
    try:
        yield running.start(wait_s=400)
    finally:
        running.stop()
    running.remove()


def assert_marked(page: Any, digest: str) -> None:
    """Watermark, badge and source with the hash, on this page."""
    assert page.get_attribute(".watermark", "data-text") == "REPLAY / VIRTUAL - DEMO"
    assert page.inner_text("header .env") == "REPLAY"
    page.wait_for_function(
        "(d) => document.querySelector('.bottom .source').textContent.includes(d)", arg=digest[:12]
    )
    said = page.inner_text(".bottom .source")
    assert said.startswith(f"REPLAY / VIRTUAL AMZN {DAY}, 5 levels, sha256 ")


def test_an_order_on_the_recorded_day_from_ticket_to_fills(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    day = read_recording(recording(), recording())
    guest = visitor(width=1920, height=1080).log_in(desk, "amara", "/ticket")
    page = guest.page
    assert_marked(page, day.digest)
    page.wait_for_selector("[data-typed=minutes]")
    page.select_option("[name=symbol]", "AMZN")
    page.fill("[name=quantity]", "20,000")
    page.check("[name=strategy][value=VWAP]")
    page.fill("[data-typed=minutes]", "300")  # longer than any look at it
    page.click("#ticket button.submit")
    page.wait_for_selector("#ticket-open")
    parent = page.get_attribute("#ticket-open", "href").removeprefix("/orders/")
    page.click("#ticket-open")
    page.wait_for_selector("#order-children tr[data-child]")
    page.wait_for_function(
        "() => Number(document.querySelector('[data-tile=filled]').textContent"
        ".replace(/,/g, '').replace(/\\/.*/, '')) > 0"
    )
    assert_marked(page, day.digest)
    for path in ("/", "/strategies", "/approvals", "/ticket"):
        page.goto(desk.url + path)
        assert_marked(page, day.digest)

    page.goto(desk.url + "/?q=amzn")
    page.wait_for_selector(".ag-center-cols-container .ag-row")
    with page.expect_download() as download:
        page.click("#blotter-csv")
    assert "REPLAY-VIRTUAL-DEMO" in download.value.suggested_filename
    text = download.value.path().read_text(encoding="utf-8-sig")
    exported = [row for row in csv.reader(io.StringIO(text)) if row]
    assert exported[1][:2] == [parent, "AMZN"]
    assert exported[-1][0].startswith(f"REPLAY / VIRTUAL AMZN {DAY}")
    assert day.digest[:12] in exported[-1][0]

    def entries() -> list[Any]:
        return [x for path in segments(desk.where.journal) for x in read_segment(path)]

    fills = until(
        lambda: len(found := fills_of(x.event for x in entries())) >= FEW and found,
        what=f"{FEW} fills", wait_s=120,
    )  # fmt: skip
    check_fills(day, fills)
    accepted = next(x for x in entries() if type(x.event).__name__ == "ParentAccepted")
    last = max(fill.at for fill in fills)
    assert sum(fill.quantity for fill in fills) <= traded_between(
        day, accepted.event.parent.accepted_at, last
    )
    assert guest.complaints == []
