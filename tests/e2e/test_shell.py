"""The frame in real Chromium: log-in, live marks, commands, kill, staleness, recovery."""

import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from components import text
from engine.runtime.kill_flag import KillFlag
from tests.support.browser import RunningDesk, Visitor

NOW = time.time_ns()
PARENT = {
    "id": "P-1", "symbol": "MIDC", "side": 1, "state": "WORKING", "filled": 1000,
    "slippage_bps": 0.62, "trader": "u1", "desk": "main", "version": 3, "children": 2,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def rows(web_desk: RunningDesk) -> None:
    assert web_desk.engine is not None
    desk = {"market_at": NOW, "seq": 48_211, "head": "9f3c77aa", "gate": "open",
            "session": "CONTINUOUS", "speed": 1.0, "turn_ms": 0.4}  # fmt: skip
    web_desk.engine.publish("desk", {"desk": desk})
    web_desk.engine.publish("parents", {"P-1": PARENT, "P-2": {**PARENT, "id": "P-2", "side": -1}})


@pytest.fixture
def sample(web_desk: RunningDesk, visitor: Callable[..., Visitor]) -> Iterator[Any]:
    """The sample page, logged in as a trader; its console must stay clean."""
    guest = visitor().log_in(web_desk, "amara", "/sample")
    guest.page.wait_for_selector("#grid .ag-row")
    yield guest.page
    assert guest.complaints == []


def mark(page: Any, field: str = "filled") -> Any:
    return page.locator(f"[data-live-key=P-1][data-live-field={field}]")


def wait_text(page: Any, selector: str, wanted: str) -> None:
    page.wait_for_function(
        "([s, t]) => [...document.querySelectorAll(s)].some((e) => e.textContent.includes(t))",
        arg=[selector, wanted],
    )


def commands_of(desk: RunningDesk, verb: str) -> list[Any]:
    assert desk.engine is not None
    return [e for e in desk.engine.commands if type(e.command).__name__ == verb]


def test_a_wrong_password_gets_a_sentence_and_stays_on_the_page(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().page
    page.goto(web_desk.url)
    assert "/login" in page.url
    page.fill("input[name=login]", "amara")
    page.fill("input[name=password]", "wrong")
    page.click("button[type=submit]")
    wait_text(page, "[data-message]", "login or password is wrong")


def test_the_frame_says_environment_person_and_where_the_journal_stands(sample: Any) -> None:
    assert sample.locator(".env").inner_text() == "SIM"
    assert sample.locator(".watermark").get_attribute("data-text") == "DEMO"
    assert "Amara Diallo" in sample.locator(".person").inner_text()
    wait_text(sample, ".bottom", "48,211")
    assert sample.locator(".nav a.active").inner_text() == "Sample"
    assert sample.locator(".nav a", has_text="Only audit").count() == 0
    assert sample.evaluate("document.documentElement.lang") == "en"


def test_a_live_mark_a_grid_and_a_table_change_when_the_engine_publishes(
    web_desk: RunningDesk, sample: Any
) -> None:
    assert web_desk.engine is not None
    web_desk.engine.publish("parents", {"P-1": {"filled": 2500, "slippage_bps": -1.25}})
    web_desk.engine.publish("children", {"C-1-1": {**PARENT, "id": "C-1-1", "parent": "P-1"}})
    wait_text(sample, "[data-live-field=filled]", "2,500")
    assert mark(sample, "slippage_bps").inner_text() == "\u22121.25"
    wait_text(sample, "#grid .ag-row[row-id=P-1] [col-id=filled]", "2,500")
    assert sample.locator("#grid .ag-row[row-id=P-2] [col-id=side]").inner_text() == "SELL ▼"
    wait_text(sample, "tbody[data-live-table=children] tr[data-key=C-1-1]", "BUY")


def test_a_grid_has_a_new_value_as_soon_as_the_marks_without_a_wait_of_its_own(
    web_desk: RunningDesk, sample: Any
) -> None:
    assert web_desk.engine is not None
    sample.evaluate("""() => {
      const host = document.querySelector("[data-live-grid=parents]");
      const mark = "[data-live-key=P-1][data-live-field=filled]";
      window.drawn = [];
      QD.on("parents", () => drawn.push([document.querySelector(mark).textContent,
        QD.format("int", host.qdGrid.api.getRowNode("P-1").data.filled)]));
    }""")
    for filled in (3_100, 3_200, 3_300):
        web_desk.engine.publish("parents", {"P-1": {"filled": filled}})
        wait_text(sample, "[data-live-field=filled]", f"{filled:,}")
    drawn = sample.evaluate("drawn")
    assert ["3,300", "3,300"] in drawn
    assert [pair for pair in drawn if pair[0] != pair[1]] == []


def test_formats_in_the_browser_are_those_of_the_server(sample: Any) -> None:
    values = [None, 0, 1, -1, 0.005, -0.004, 0.125, 2.5, -3.456, 12_400, 1e6, 1.204e8, -2.5e9,
              9_999.5, 10_001, 59_999, 3_599_999, 7_200_000, 9e8]  # fmt: skip
    for name in ("int", "shares", "signed", "bps", "percent", "money", "age"):
        shown = sample.evaluate(
            "([name, values]) => values.map((v) => QD.format(name, v))", [name, values]
        )
        assert shown == [text.FORMATS[name](value) for value in values], name


def test_a_command_goes_out_once_and_its_state_follows_the_engine(
    web_desk: RunningDesk, sample: Any
) -> None:
    before = len(commands_of(web_desk, "HoldParent"))
    sample.click("button[data-verb=HoldParent]")
    wait_text(sample, ".chip-state", "DONE")
    sent = commands_of(web_desk, "HoldParent")[before:]
    assert len(sent) == 1
    assert sent[0].command.parent_id == 1
    assert sent[0].expected_version == 3
    assert sent[0].person == "u1"
    resumed = len(commands_of(web_desk, "ResumeParent"))
    sample.click(".toast button.command")  # undo, offered for ten seconds
    wait_text(sample, ".toast .chip-state", "DONE")
    assert len(commands_of(web_desk, "ResumeParent")) == resumed + 1


def test_keys_act_on_the_page_but_never_from_an_input_field(
    web_desk: RunningDesk, sample: Any
) -> None:
    before = len(commands_of(web_desk, "HoldParent"))
    sample.click("input[name=symbol]")
    sample.keyboard.press("h")
    assert sample.input_value("input[name=symbol]").endswith("h")
    assert len(commands_of(web_desk, "HoldParent")) == before
    sample.locator(".tile").first.click()
    sample.keyboard.press("h")
    wait_text(sample, ".chip-state", "DONE")
    assert len(commands_of(web_desk, "HoldParent")) == before + 1
    sample.keyboard.press("?")
    sample.wait_for_selector("#keys[open]")
    sample.keyboard.press("Escape")
    sample.wait_for_selector("#keys:not([open])", state="attached")
    sample.keyboard.press("/")
    assert sample.evaluate("document.activeElement.id") == "search"


def test_a_confirmation_starts_on_the_safe_button_and_escape_sends_nothing(
    web_desk: RunningDesk, sample: Any
) -> None:
    before = len(commands_of(web_desk, "ResumeParent"))
    sample.click("button[data-verb=ResumeParent]")
    sample.wait_for_selector("#confirm[open]")
    assert sample.evaluate("document.activeElement.id") == "confirm-close"
    sample.keyboard.press("Escape")
    sample.wait_for_selector("#confirm:not([open])", state="attached")
    assert len(commands_of(web_desk, "ResumeParent")) == before
    sample.click("button[data-verb=ResumeParent]")
    sample.click("#confirm-go")
    wait_text(sample, ".chip-state", "DONE")
    assert len(commands_of(web_desk, "ResumeParent")) == before + 1


def test_a_form_is_collected_typed_and_answered_beside_its_fields(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    sample = (
        visitor().log_in(web_desk, "amara", "/sample").page
    )  # a refusal is a 422 in its console
    sample.wait_for_selector("input[name=quantity]")
    sample.fill("input[name=quantity]", "250k")
    wait_text(sample, "#echo", "250000 typed")  # the callback answers while the person types
    before = len(commands_of(web_desk, "SubmitParent"))
    sample.click(".form button.submit")
    wait_text(sample, ".form .chip-state", "REFUSED")  # strategy and horizon are missing
    assert len(commands_of(web_desk, "SubmitParent")) == before
    assert "required field" in sample.locator(".form-refusal").inner_text()


def test_an_engine_that_does_not_answer_is_unknown_and_the_retry_has_the_same_id(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    page = visitor().log_in(web_desk, "kiran", "/sample").page  # the 504 stands in its console
    before = len(commands_of(web_desk, "HoldParent"))
    web_desk.engine.mute = True
    page.click("button[data-verb=HoldParent]")
    wait_text(page, ".chip-state", "UNKNOWN")
    web_desk.engine.mute = False
    page.click(".chip-state .retry")
    wait_text(page, ".chip-state", "DONE")
    assert len({e.id for e in commands_of(web_desk, "HoldParent")[before:]}) == 1


def test_the_kill_dialog_needs_a_long_press_and_writes_the_flag(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    web_desk.engine.answers["preview_kill"] = {
        "parents": 7, "children": 4, "values": {"USD": 1.2e6}, "held": 4, "base": 2, "other": 1,
    }  # fmt: skip
    guest = visitor().log_in(web_desk, "ines", "/sample")
    page = guest.page
    flag = KillFlag.open(web_desk.where.kill_flag)
    before = flag.generation
    page.click("#kill")
    page.wait_for_selector("#kill-dialog[open]")
    assert page.evaluate("document.activeElement.id") == "kill-close"
    wait_text(page, "#kill-preview", "7 parents, 4 live children, 1.2M USD at the venue")
    page.select_option("#kill-scope", "model")
    page.fill("#kill-target", "m1")
    wait_text(
        page,
        "#kill-preview",
        "7 orders leave this version: 4 on hold, 2 go on by the base "
        "schedule, as their tickets say, 1 not at work; 4 live children taken back, 1.2M USD",
    )
    page.click("#kill-go")  # a click is not a press
    page.select_option("#kill-scope", "symbol")
    page.fill("#kill-target", "MIDC")
    assert flag.generation == before
    page.locator("#kill-go").hover()
    page.mouse.down()
    wait_text(page, "#kill-state", "REQUESTED")
    page.mouse.up()
    assert flag.generation == before + 1
    assert (flag.slots()[-1].scope, flag.slots()[-1].target) == ("symbol", "MIDC")
    flag.close()
    assert guest.complaints == []


def test_the_kill_page_works_in_a_browser_without_scripts(
    web_desk: RunningDesk, browser: Any, visitor: Callable[..., Visitor]
) -> None:
    cookies = visitor().log_in(web_desk, "jun", "/sample").page.context.cookies()
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(web_desk.url + "/kill")
    page.select_option("select[name=scope]", "strategy")
    page.fill("input[name=target]", "VWAP")
    page.click("button.kill")
    assert "the flag is written" in page.locator(".receipt").inner_text()
    context.close()


def test_alerts_count_and_are_acknowledged_by_name(web_desk: RunningDesk, sample: Any) -> None:
    assert web_desk.engine is not None
    alert = {"id": "A-1", "severity": "critical", "kind": "drift", "object": "IS-ML",
             "sentence": "accuracy <b>below</b> the base rate", "raised_at": NOW,
             "acknowledged_by": ""}  # fmt: skip
    web_desk.engine.publish("alerts", {"A-1": alert})
    wait_text(sample, "#alert-count", "1")
    sample.click("#bell")
    wait_text(sample, "#alert-list", "accuracy <b>below</b>")  # text, never markup
    sample.click("#alert-list button[data-verb=AcknowledgeAlert]")
    web_desk.engine.publish("alerts", {"A-1": {"acknowledged_by": "u1"}})
    wait_text(sample, "#alert-list", "seen by amara")
    wait_text(sample, "#alert-count", "0")


def test_a_page_without_permission_names_the_roles_that_have_it(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(web_desk, "amara", "/only-audit")
    wait_text(guest.page, ".no-permission-state", "needs the permission view.audit")
    assert "compliance" in guest.page.locator(".no-permission-state").inner_text()
    assert guest.page.locator("#audit").count() == 0


def test_a_refusal_and_a_defect_each_have_a_state_of_their_own(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(web_desk, "amara", "/refuses")
    wait_text(guest.page, ".refused-state", "day must be a date")
    guest.page.goto(web_desk.url + "/breaks")
    wait_text(guest.page, ".error-state", "Breaks could not be drawn")
    number = guest.page.locator(".error-state .num").inner_text().split()[-1]
    assert f"{number} page Breaks" in web_desk.output()  # the log has the same number
    assert guest.complaints == []


def test_a_silent_engine_is_said_veiled_and_locks_what_raises_risk(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    page = visitor().log_in(web_desk, "marta", "/sample").page
    page.wait_for_selector("#grid .ag-row")
    web_desk.engine.freeze()
    try:
        wait_text(page, "#banner", "The engine is silent")
        page.wait_for_selector(".panel[data-stale=veil]")
        before = len(commands_of(web_desk, "ResumeParent"))
        page.click("button[data-verb=ResumeParent]")
        page.click("#confirm-go")
        wait_text(page, ".chip-state", "nothing was sent")
        assert len(commands_of(web_desk, "ResumeParent")) == before
        assert page.locator("#kill").is_enabled()
    finally:
        web_desk.engine.freeze(frozen=False)
    page.wait_for_selector("body[data-link=ok]")
    page.wait_for_selector("#banner", state="hidden")


def test_logging_out_in_one_tab_stops_the_other(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().log_in(web_desk, "per", "/sample").page
    other = page.context.new_page()
    other.goto(web_desk.url + "/sample")
    other.wait_for_selector("body[data-link=ok]")
    page.click(".person summary")
    page.click("#logout")
    page.wait_for_selector("input[name=password]")
    wait_text(other, "#banner", "logged out")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (2560, 1440)])
def test_the_frame_fits_without_scroll_bars_of_the_page(
    web_desk: RunningDesk, visitor: Callable[..., Visitor], width: int, height: int
) -> None:
    page = visitor(width, height).log_in(web_desk, "sam", "/sample").page
    page.wait_for_selector("#grid .ag-row")
    size = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    )
    assert size == [width, height]
    kill = page.locator("#kill").bounding_box()
    assert kill["x"] + kill["width"] <= width
    assert page.evaluate("document.querySelector('.chips').scrollWidth <= "
                         "document.querySelector('.chips').clientWidth")  # fmt: skip


# when a page that lost its stream asks for the desk again [ms], and what its streams said; the page
# itself does both where there is no SharedWorker (tests/e2e/test_tabs.py has the other way)
ASKS = """delete window.SharedWorker;
const real = window.fetch, Stream = window.EventSource;
window.asks = []; window.said = [];
window.fetch = (...given) => {
  if (String(given[0]).endsWith("/people/me")) window.asks.push(performance.now());
  return real.apply(window, given);
};
window.EventSource = class extends Stream {
  constructor(...given) { super(...given); this.addEventListener("bye", () => said.push("bye")); }
};"""


def test_after_a_restart_of_the_server_the_same_page_is_live_within_three_seconds(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    guest = visitor()
    guest.page.add_init_script(ASKS)
    page = guest.log_in(web_desk, "tomas", "/sample").page
    page.wait_for_selector("#grid .ag-row")
    page.evaluate("window.sameDocument = true")
    web_desk.stop_web()
    wait_text(page, "#banner", "Connection to the desk lost")
    before = len(commands_of(web_desk, "HoldParent"))
    asked = page.evaluate("asks.length")
    web_desk.start()
    page.wait_for_selector("body[data-link=ok]")
    asks = page.evaluate("asks")  # it asks all the time, and the first answer makes it live
    assert len(asks) > asked
    assert max(later - one for one, later in pairwise(asks)) < 3_000
    web_desk.engine.publish("parents", {"P-1": {"filled": 7777}})
    wait_text(page, "[data-live-field=filled]", "7,777")
    wait_text(page, "#grid .ag-row[row-id=P-1] [col-id=filled]", "7,777")
    assert page.evaluate("window.sameDocument") is True
    assert len(commands_of(web_desk, "HoldParent")) == before


def test_the_server_stops_quickly_with_open_streams(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor()
    guest.page.add_init_script(ASKS)
    page = guest.log_in(web_desk, "grace", "/sample").page
    page.evaluate("said.length = 0")
    assert web_desk.process is not None
    web_desk.stop_web()  # a stream never ends by itself: the server ends it, and then itself
    web_desk.start()
    assert page.evaluate("said") == ["bye"]


def test_a_bulk_act_without_an_answer_is_followed_by_the_rows_and_the_filter_by_the_buttons(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    web_desk.engine.publish("parents", {"P-1": {**PARENT, "state": "WORKING"}})
    page = visitor().log_in(web_desk, "amara", "/").page
    page.locator(".ag-row[row-id=P-1] .ag-checkbox-input").check()
    web_desk.engine.mute = True
    page.click("#bulk-hold:has-text('Hold 1 of 1')")
    page.click("#bulk-go")
    page.wait_for_selector("#bulk-rows [data-state=UNKNOWN]")
    web_desk.engine.mute = False
    web_desk.engine.publish("parents", {"P-1": {"state": "HELD", "children": 0}})
    wait_text(page, "#bulk-rows [data-state=DONE]", "HELD, 0 children still live")
    page.click("#bulk-close")
    for words, says in (("working", "Resume selected"), ("held", "Resume 1 of 1")):
        page.fill("#blotter-words", f"state={words}")  # hidden, and back: it stays selected
        wait_text(page, "#bulk-resume", says)
    page.fill("#blotter-words", "state=working")
    web_desk.engine.publish("parents", {"P-1": {"state": "WORKING"}})
    wait_text(page, "#bulk-hold", "Hold 1 of 1")


PRESSES = """() => {
  const node = document.body.appendChild(document.createElement("button")), found = [];
  for (const [ms, name] of [[60, "pointerup"], [10, "pointerup"], [60, "pointerleave"]]) {
    let runs = 0;
    const off = QD.longPress(node, 50, () => { runs += 1; });
    node.dispatchEvent(new PointerEvent("pointerdown"));
    for (const from = performance.now(); performance.now() - from < ms;) continue;  // a busy page
    node.dispatchEvent(new PointerEvent(name));
    off();
    found.push(runs);
  }
  node.remove();
  return found;
}"""


def test_a_press_that_was_long_enough_counts_although_the_page_was_too_busy_to_see_it(
    sample: Any,
) -> None:
    assert sample.evaluate(PRESSES) == [1, 0, 0]


def test_the_policy_that_the_browser_enforces_was_never_violated(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor()
    guest.page.add_init_script(
        "window.violations = []; document.addEventListener('securitypolicyviolation', "
        "(e) => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));"
    )
    guest.log_in(web_desk, "amara", "/sample")
    guest.page.wait_for_selector("#grid .ag-row")
    guest.page.click("#kill")
    guest.page.click("#kill-close")
    assert json.loads(guest.page.evaluate("JSON.stringify(window.violations)")) == []
    assert guest.complaints == []
