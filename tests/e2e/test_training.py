"""Training on a real desk: the tour waits for the desk itself, and is kept for its person."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Visitor
from tests.support.real_desk import RealDesk

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
    assert page.is_hidden("#tour")
    page.keyboard.press("Shift+T")
    at(page, ", 1 of 10")
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


def test_the_tour_belongs_to_one_person_and_says_who_cannot_take_it(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().log_in(desk, "per", "/").page  # a reviewer enters no orders
    page.click(".person summary")
    page.click("#tour-open")
    page.wait_for_selector("#tour:visible")
    assert "your role may not" in page.inner_text("#tour-text")
