"""Tabs of one browser: one stream for all of them, each with its own topics and its own ages."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from engine.gateway.live import STREAMS_PER_LOGIN
from tests.support.browser import PATIENCE_MS, PAUSE, RunningDesk, Visitor

NOW = time.time_ns()
PARENT = {
    "id": "P-1", "symbol": "MIDC", "side": 1, "state": "WORKING", "filled": 1000,
    "slippage_bps": 0.62, "trader": "u1", "desk": "main", "version": 3, "children": 2,
}  # fmt: skip
FILLED = "[data-live-key=P-1][data-live-field=filled]"
CELL = ".ag-row[row-id=P-1] [col-id=filled]"
NO_WORKER = "delete window.SharedWorker"
MUTE_WORKER = (
    "window.SharedWorker = class { constructor() { this.port = new MessageChannel().port1; } }"
)


@pytest.fixture(scope="module", autouse=True)
def rows(web_desk: RunningDesk) -> None:
    assert web_desk.engine is not None
    desk = {"market_at": NOW, "seq": 1, "head": "9f3c77aa", "gate": "open",
            "session": "CONTINUOUS", "speed": 1.0, "turn_ms": 0.4}  # fmt: skip
    web_desk.engine.publish("desk", {"desk": desk})
    web_desk.engine.publish("parents", {"P-1": PARENT})


def fill(desk: RunningDesk, filled: int, *spots: tuple[Any, str]) -> None:
    """The engine publishes a fill; each tab shows it in its spot."""
    assert desk.engine is not None
    desk.engine.publish("parents", {"P-1": {"filled": filled}})
    for page, spot in spots:
        page.wait_for_function(
            "([s, t]) => (document.querySelector(s) || {}).textContent === t",
            arg=[spot, f"{filled:,}"],
        )


def says(page: Any, words: str) -> None:
    page.wait_for_function(
        "(t) => document.querySelector('#banner').textContent.includes(t)", arg=words
    )


@contextmanager
def a_stream(desk: RunningDesk, cookie: str) -> Iterator[bool]:
    """One more stream of a login; whether the server had a place for it."""
    wire = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=30)
    try:
        headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
        wire.request("GET", "/live?topics=desk", headers=headers)
        answer = wire.getresponse()
        assert answer.status in (200, 429)
        yield answer.status == 200
    finally:
        wire.close()


def streams(desk: RunningDesk, page: Any) -> int:
    """Streams that the browser holds at the server: places of its login that are taken."""
    (session,) = [c for c in page.context.cookies() if c["name"] == "qd_session"]
    with ExitStack() as held:
        for taken in range(STREAMS_PER_LOGIN + 1):
            if not held.enter_context(a_stream(desk, f"qd_session={session['value']}")):
                return STREAMS_PER_LOGIN - taken
    raise AssertionError("the server has a place for any number of streams")


def holds(desk: RunningDesk, page: Any, wanted: int) -> None:
    """Wait until the browser holds so many: the server sees at its next beat who has gone."""
    for _ in range(PATIENCE_MS // 1_000):
        if (found := streams(desk, page)) == wanted:
            return
        PAUSE.wait(1)
    raise AssertionError(f"{found} streams, not {wanted}")


def tab(desk: RunningDesk, page: Any, path: str, script: str = "") -> Any:
    """Another tab of the same browser, live."""
    found = page.context.new_page()
    if script:
        found.add_init_script(script)
    found.goto(desk.url + path)
    found.wait_for_selector("body.desk[data-link=ok]")
    return found


def test_five_tabs_share_one_stream_each_with_its_own_topics(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    guest = visitor().log_in(web_desk, "amara", "/sample")
    first = guest.page
    second = tab(web_desk, first, "/")
    more = [tab(web_desk, first, "/sample") for _ in range(3)]
    fill(web_desk, 1_100, (first, FILLED), (second, CELL), *((one, FILLED) for one in more))
    holds(web_desk, first, 1)
    web_desk.engine.publish("children", {"C-1-1": {**PARENT, "id": "C-1-1", "parent": "P-1"}})
    first.wait_for_selector("tbody[data-live-table=children] tr[data-key=C-1-1]")
    fill(web_desk, 1_200, (first, FILLED), (second, CELL))
    assert second.evaluate("QD.rows('children').size") == 0  # nobody asked for them there
    assert second.locator(".panel[data-stale=veil]").count() == 0
    for page in (first, second):
        age = page.locator("[data-age-of]").first
        assert age.inner_text().strip() not in ("", "-")
    for gone in more:
        gone.close()
    first.close()
    fill(web_desk, 1_300, (second, CELL))
    holds(web_desk, second, 1)
    assert guest.complaints == []


def test_after_a_restart_of_the_server_all_tabs_are_live_again_on_one_stream(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    first = visitor().log_in(web_desk, "kiran", "/sample").page
    second = tab(web_desk, first, "/")
    for page in (first, second):
        page.evaluate("window.sameDocument = true")
    web_desk.stop_web()
    for page in (first, second):
        says(page, "Connection to the desk lost")
    web_desk.start()
    for page in (first, second):
        page.wait_for_selector("body[data-link=ok]")
    fill(web_desk, 2_100, (first, FILLED), (second, CELL))
    assert [page.evaluate("sameDocument") for page in (first, second)] == [True, True]
    holds(web_desk, first, 1)


def test_a_lost_frame_is_asked_for_again_by_the_tab_that_lacks_it(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor()
    page.page.add_init_script("""
      const set = Object.getOwnPropertyDescriptor(MessagePort.prototype, "onmessage").set;
      Object.defineProperty(MessagePort.prototype, "onmessage", { set(hear) {
        set.call(this, (event) => {
          const [kind, text] = Array.isArray(event.data) ? event.data : [];
          const lose = window.loseOne && kind === "frame" && text.includes('"parents"');
          if (lose) { window.loseOne = false; window.lost = true; } else hear(event);
        });
      } });""")
    first = page.log_in(web_desk, "amara", "/sample").page
    second = tab(web_desk, first, "/sample")
    fill(web_desk, 3_100, (first, FILLED), (second, FILLED))
    first.evaluate("window.loseOne = true")
    fill(web_desk, 3_200, (second, FILLED))
    first.wait_for_function("() => window.lost")
    assert first.locator(FILLED).first.inner_text() == "3,100"
    assert web_desk.engine is not None
    web_desk.engine.publish("parents", {"P-1": {"slippage_bps": 4.5}})  # it continues what was lost
    first.wait_for_function("(s) => document.querySelector(s).textContent === '3,200'", arg=FILLED)
    holds(web_desk, first, 1)


def test_who_logs_in_after_another_person_does_not_feed_the_tab_of_that_person(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    second = visitor().log_in(web_desk, "marta", "/sample").page
    old = tab(web_desk, second, "/sample")
    fill(web_desk, 4_100, (old, FILLED))
    second.click(".person summary")
    second.click("#logout")
    second.wait_for_selector("input[name=password]")
    says(old, "logged out")
    Visitor(page=second).log_in(web_desk, "jun", "/sample")
    fill(web_desk, 4_200, (second, FILLED))
    says(old, "logged out")
    assert old.locator(FILLED).first.inner_text() == "4,100"
    holds(web_desk, second, 1)


def test_a_browser_without_shared_workers_has_a_stream_for_each_tab(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor()
    guest.page.add_init_script(NO_WORKER)
    first = guest.log_in(web_desk, "ines", "/sample").page
    second = tab(web_desk, first, "/", MUTE_WORKER)  # one that never answers is given up
    fill(web_desk, 5_100, (first, FILLED), (second, CELL))
    holds(web_desk, first, 2)
    first.close()
    fill(web_desk, 5_200, (second, CELL))
    holds(web_desk, second, 1)
    assert guest.complaints == []
