"""Simulated costs in real Chromium on the whole desk: the ticket's ranking, the order's twin."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support.browser import Visitor
from tests.support.real_desk import RealDesk

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    """Everything, started once for this file; nothing may outlive it."""
    running = RealDesk(flags={"history_days": 0, "speed": 10, "seed": 7})
    try:
        yield running.start()
    finally:
        running.stop()
    running.remove()


def test_the_ticket_ranks_strategies_by_simulation_and_the_order_has_a_twin(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/ticket")
    page = guest.page
    page.wait_for_selector("[data-typed=minutes]")
    page.select_option("[name=symbol]", "MIDC")
    page.fill("[name=quantity]", "30,000")
    page.fill("[data-typed=minutes]", "30")
    page.wait_for_selector("#expected-rows tr[data-strategy]", timeout=60_000)
    page.wait_for_function(
        "() => /^64 of 64 paths/.test(document.getElementById('expected-state').textContent)",
        timeout=60_000,
    )
    made = page.inner_text("#expected-made")
    assert re.search(
        r"market of \d\d:\d\d:\d\d, .* simulator \w{8} · seed \d+ · question \w+", made
    )
    lines = page.evaluate(
        "() => [...document.querySelectorAll('#expected-rows tr')].map((line) => "
        "[...line.cells].map((cell) => cell.textContent))"
    )
    assert len(lines) == 7
    costs = [float(line[1].replace("\u2212", "-")) for line in lines]
    assert costs == sorted(costs)  # least cost is the objective until another is chosen
    assert all(float(line[2]) > 0 for line in lines)  # half of an interval
    page.select_option("[name=objective]", "arrival")
    page.wait_for_function(
        "() => { const sd = [...document.querySelectorAll('#expected-rows tr')]"
        ".map((line) => Number(line.cells[5].textContent)); return sd[0] <= Math.min(...sd) + 3; }"
    )
    first = page.get_attribute("#expected-rows tr", "data-strategy")
    page.click("#expected-rows tr button")
    assert page.is_checked(f"[name=strategy][value={first}]")

    page.click("#ticket button.submit")
    page.click("#ticket-open")
    page.wait_for_function(
        "() => (document.getElementById('order-state') || {}).textContent === 'WORKING'"
    )
    page.wait_for_function(
        "() => document.getElementById('order-terms').textContent.includes('stay with arrival')"
    )
    page.click("[data-work=twin]")
    page.wait_for_function(
        "() => /^64 of 64 paths/.test(document.getElementById('twin-state').textContent)",
        timeout=60_000,
    )
    assert re.search(rf"^{first}: [\d.]+ bp .* Noise floor [\d.]+ bp", page.inner_text("#twin-own"))
    verdicts = page.eval_on_selector_all(
        "#twin-rows tr", "(rows) => rows.map((row) => row.cells[4].textContent)"
    )
    assert len(verdicts) == 6
    assert set(verdicts) <= {"cannot tell", "would be cheaper", "would be dearer"}
    assert guest.complaints == []
