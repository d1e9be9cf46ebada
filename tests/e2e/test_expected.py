"""Simulated costs in real Chromium on the whole desk: the ticket's ranking, the order's twin."""

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support.browser import PATIENCE_MS, Visitor, open_market, set_speed
from tests.support.real_desk import RealDesk

SIMULATED_MS = 3 * PATIENCE_MS
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    """Everything, started once for this file; nothing may outlive it."""
    running = RealDesk(flags={"history_days": 0, "speed": 10, "seed": 7, "demo_orders": False})
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
    open_market(page, "MIDC")
    page.wait_for_selector("[data-typed=minutes]")
    page.select_option("[name=symbol]", "MIDC")
    page.fill("[name=quantity]", "10,000")
    page.fill("[data-typed=minutes]", "30")
    page.wait_for_function(
        "() => /^64 of 64 paths/.test(document.getElementById('expected-state').textContent)",
        timeout=SIMULATED_MS,
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
    with page.expect_response(re.compile("objective=arrival")) as answer:
        page.select_option("[name=objective]", "arrival")
    ranked = [row["strategy"] for row in answer.value.json()["table"]["rows"]]
    page.wait_for_function(
        "(ranked) => [...document.querySelectorAll('#expected-rows tr')]"
        ".map((line) => line.dataset.strategy).join() === ranked.join()",
        arg=ranked,
    )
    deviations = page.eval_on_selector_all(
        "#expected-rows tr", "(rows) => rows.map((row) => Number(row.cells[5].textContent))"
    )
    assert deviations[0] <= min(deviations) + 3
    first = ranked[0]
    page.click("#expected-rows tr button")
    assert page.is_checked(f"[name=strategy][value={first}]")

    set_speed(page, 0)  # the order is at work when its page is there, however short it may be
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
        timeout=SIMULATED_MS,
    )
    assert re.search(rf"^{first}: [\d.]+ bp .* Noise floor [\d.]+ bp", page.inner_text("#twin-own"))
    verdicts = page.eval_on_selector_all(
        "#twin-rows tr", "(rows) => rows.map((row) => row.cells[4].textContent)"
    )
    assert len(verdicts) == 6
    assert set(verdicts) <= {"cannot tell", "would be cheaper", "would be dearer"}
    assert guest.complaints == []


def test_a_comparison_is_asked_for_seen_by_others_ended_and_shown(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    asks, looks = visitor().log_in(desk, "tomas", "/lab"), visitor().log_in(desk, "grace", "/lab")
    page = asks.page
    page.wait_for_selector(".lab-form")
    for name in ("VWAP", "POV", "IS", "LIQUIDITY", "ADAPTIVE", "RL"):
        page.uncheck(f"[name='strategies.{name}']")
    page.select_option("[name=scenario]", "thin-small-cap")
    page.fill("[name=paths]", "9")
    page.click(".lab-form button.submit")
    page.wait_for_function(
        "() => /from 10 to 1,000, was 9/.test(document.querySelector('.form-refusal').textContent)"
    )
    page.fill("[name=paths]", "10")
    page.click(".lab-form button.submit")
    page.wait_for_selector("[data-asked='1']")
    page.fill("[name=paths]", "1,000")
    page.click(".lab-form button.submit")
    looks.page.wait_for_selector("[data-asked='2']")
    assert looks.page.locator(".lab-form, [data-asked] button").count() == 0  # looking is all
    page.click("[data-asked='2'] button")
    page.wait_for_selector("[data-asked='2'][data-state=cancelled]")
    assert "ended by tomas" in page.inner_text("[data-asked='2']")
    looks.page.wait_for_selector("[data-asked='1'][data-state=done]", timeout=SIMULATED_MS)
    looks.page.click("[data-asked='1'] a")
    looks.page.wait_for_function("() => /thin-small-cap, 10 paths/.test(document.body.textContent)")
    said = [text for text in asks.complaints if "422" not in text]  # the refusal itself
    assert said == looks.complaints == []
