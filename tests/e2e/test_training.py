"""Training on a real desk: the tour waits for the desk itself; a drill has its debrief."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Visitor
from tests.support.real_desk import RealDesk, until

pytestmark = pytest.mark.timeout(400)
WAIT = 60_000


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    """Everything at 15x, without orders of its own."""
    flags = {"history_days": 0, "speed": 15, "seed": 7, "demo_orders": False}
    running = RealDesk(flags=flags)
    try:
        yield running.start(wait_s=180)
    finally:
        running.stop()
    running.remove()


def at(page: Any, title: str) -> None:
    """Until the tour stands there."""
    page.wait_for_function(
        "(t) => document.getElementById('tour-title').textContent === 'Guided tour' + t",
        arg=title, timeout=WAIT,
    )  # fmt: skip


def confirmed(page: Any, key: str) -> None:
    page.keyboard.press(key)
    page.wait_for_selector("#confirm[open]")
    page.click("#confirm-go")


def state_is(page: Any, parent: str, wanted: str) -> None:
    page.wait_for_function(
        "([p, s]) => QD.cell('parents', p, 'state') === s", arg=[parent, wanted], timeout=WAIT
    )


def test_the_tour_goes_on_when_the_desk_says_so_and_only_then(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/")
    page = guest.page
    page.wait_for_selector("#tour-offer:visible")
    assert page.is_hidden("#tour")
    page.keyboard.press("Shift+T")
    at(page, ", 1 of 10")
    assert page.query_selector("#tour-offer") is None
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/ticket")
    at(page, ", 2 of 10")
    page.wait_for_selector("[name=symbol] option[value=MIDC]", state="attached")
    page.select_option("[name=symbol]", "MIDC")
    page.fill("[name=quantity]", "400,000")
    page.wait_for_function(
        "() => document.getElementById('tour-waits').textContent.includes('400,000')"
    )
    at(page, ", 2 of 10")  # not the order of the tour
    page.fill("[name=quantity]", "500,000")
    at(page, ", 3 of 10")
    page.click("[data-command-form=SubmitParent] button.submit")
    at(page, ", 4 of 10")
    page.click("#ticket-open")
    page.wait_for_url("**/orders/P-1")
    at(page, ", 6 of 10")  # it works and has a fill
    assert page.evaluate("QD.cell('parents', 'P-1', 'filled')") > 0
    page.click(".area-why .knobs summary")
    at(page, ", 7 of 10")

    page.click("#tour-leave")
    page.wait_for_selector("#tour", state="hidden")
    confirmed(page, "h")
    state_is(page, "P-1", "HELD")
    page.goto(f"{desk.url}/orders/P-1")
    state_is(page, "P-1", "HELD")
    assert page.is_hidden("#tour")  # it was left, over pages too
    page.keyboard.press("Shift+T")
    at(page, ", 8 of 10")  # what happened meanwhile counts
    confirmed(page, "h")
    at(page, ", 9 of 10")
    page.click("[data-open=amend]")
    page.fill("dialog[open] [name=quantity]", "450,000")
    page.click("dialog[open] .primary")
    at(page, ", 10 of 10")
    page.keyboard.press("Shift+K")
    page.wait_for_selector("#confirm[open]")
    page.focus("#confirm-go")
    page.keyboard.down("Enter")
    page.wait_for_selector("#confirm:not([open])", state="attached")
    page.keyboard.up("Enter")
    at(page, ": done")
    state_is(page, "P-1", "KILLED")
    assert guest.complaints == []


def settled(page: Any, desk: RealDesk, path: str) -> None:
    """Open a page anew and wait until the tour has asked what is kept for this person."""
    with page.expect_response("**/api/v1/views?page=tour"):
        page.goto(f"{desk.url}{path}")
    page.wait_for_selector("body.desk[data-link=ok]")


def test_the_tour_is_offered_once_to_a_person_and_stays_until_it_is_answered(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().log_in(desk, "kiran", "/").page
    page.wait_for_selector("#tour-offer:visible")
    page.goto(f"{desk.url}/exceptions")
    page.wait_for_selector("#tour-offer:visible")  # not answered yet
    with page.expect_response("**/api/v1/views"):
        page.click("text=Not now")
    assert page.query_selector("#tour-offer") is None
    settled(page, desk, "/")
    assert page.query_selector("#tour-offer") is None
    other = visitor().log_in(desk, "kiran", "/").page  # another browser, the same person
    settled(other, desk, "/")
    assert other.query_selector("#tour-offer") is None


def test_the_tour_belongs_to_one_person_and_says_who_cannot_take_it(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().log_in(desk, "per", "/").page  # a reviewer enters no orders
    settled(page, desk, "/")
    assert page.query_selector("#tour-offer") is None
    page.click(".person summary")
    page.click("#tour-open")
    page.wait_for_selector("#tour:visible")
    assert "your role may not" in page.inner_text("#tour-text")


# --- a drill and its debrief --------------------------------------------------------------------
def send(page: Any, verb: str, target: str, args: dict[str, Any]) -> int:
    status: int = page.evaluate(
        """async ([verb, target, args]) => (await fetch("/api/v1/commands", { method: "POST",
            headers: { "Content-Type": "application/json",
                       "X-QD-CSRF": document.body.dataset.csrf },
            body: JSON.stringify({ id: "t-" + crypto.randomUUID(), verb, target, args,
                                   reason: "training of the desk" }) })).status""",
        [verb, target, args],
    )
    return status


def test_a_drill_is_debriefed_from_what_people_did(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "marta", "/playbook/drills")
    page = guest.page
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-panel=drills-start] [data-input]')]"
        ".some((host) => host.dataset.input.includes('SIM-B'))"
    )
    page.click("[data-panel=drills-start] button:has-text('Outage')")
    page.select_option("#confirm-fields select[name=trainee]", "u1")
    page.select_option("#confirm-fields select[name=venue]", "SIM-B")
    page.fill("#confirm-fields > label:has-text('Reason') input", "first week")
    page.fill("#confirm-fields > label:has-text('Type DRILL') input", "DRILL")
    page.click("#confirm-go")
    page.wait_for_selector("[data-panel=drills-start] .chip-state[data-state=DONE]")

    page.goto(f"{desk.url}/exceptions")
    page.wait_for_selector("body.desk[data-link=ok]")
    halt = {"kind": "halt", "symbol": "NRTH", "seconds": 60, "trainee": "u3"}
    assert send(page, "StartIncident", "", halt) == 202
    page.wait_for_function(
        """() => [...QD.rows('alerts').values()].some((a) => a.kind === 'market.halt'
            && a.object === 'NRTH' && a.shown_at > 0)""",
        timeout=WAIT,
    )
    alert = page.evaluate(
        "() => [...QD.rows('alerts').values()].find((a) => a.kind === 'market.halt').id"
    )
    assert send(page, "AcknowledgeAlert", alert, {}) == 202
    assert send(page, "HoldScope", "NRTH", {"scope": "symbol", "children": "cancel"}) == 202

    def told() -> bool:
        """Until the read tables have it."""
        page.goto(f"{desk.url}/playbook/drills")
        page.wait_for_selector("#drill-timeline tr, #page .empty-state")
        return "hold of a scope" in page.inner_text("#page")

    until(told, what="the debrief of the drill", wait_s=60)
    lines = page.locator("#drill-timeline tbody tr").all_inner_texts()
    names = ("the incident began", "the desk saw it", "on the first screen", "acknowledged",
             "first protective act")  # fmt: skip
    seconds = []
    for name, line in zip(names, lines, strict=False):
        assert line.startswith(name)
        seconds.append(float(line.split("\t")[2]))
    assert seconds == sorted(seconds)
    assert "marta" in page.inner_text("#drill-people")
    assert page.locator("#drills-table tbody tr td:nth-child(2)").all_inner_texts() == [
        "halt", "outage",
    ]  # fmt: skip
    assert page.locator("#drills-table tbody tr td:nth-child(4)").all_inner_texts() == [
        "marta", "amara",
    ]  # fmt: skip
    judged = page.locator("#drill-judged tbody tr").all_inner_texts()
    assert [line.split("\t")[0] for line in judged] == [
        "seen", "acknowledged", "first act", "closed",
    ]  # fmt: skip
    assert "✓" in judged[1]
    assert "✓" in judged[2]
    assert "not done" in judged[3]
    assert guest.complaints == []
