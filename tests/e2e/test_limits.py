"""A limit by two people, and one order past a soft limit, in the browser."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.test_four_eyes import press, text_of
from tests.support.browser import RunningDesk, Visitor, command, open_market, rows_now, says
from tests.support.real_desk import until

pytestmark = pytest.mark.timeout(300)
WHY = "a hundredth of the equity that the desk may lose in a day"


@pytest.fixture(scope="module")
def desk() -> Iterator[RunningDesk]:
    """The whole desk at 10x, seed 7, without orders of its own."""
    flags = {"history_days": 0, "speed": 10.0, "seed": 7, "demo_orders": False}
    running = RunningDesk(full=True, flags=flags)
    try:
        yield running.start(wait_s=180)
    finally:
        running.stop()
    shutil.rmtree(running.state)


def fill(page: Any, **values: str) -> None:
    """Fields of the form, by name without the prefix."""
    for name, value in values.items():
        field = f"#limit-form [name='terms.{name}']"
        if name in ("kind", "level", "owner"):
            page.select_option(field, value)
        else:
            page.fill(field, value)


def test_a_limit_is_tightened_loosened_by_two_and_passed_once_by_one_order(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    ines = visitor().log_in(desk, "ines", "/limits").page
    marta = visitor().log_in(desk, "marta", "/limits?view=requests").page

    # without derivation, owner and review date nothing is in force
    ines.wait_for_selector("#limit-form [name='terms.kind']")
    fill(ines, kind="max_parent_adv", level="trader", subject="u1", value="0.2", soft="0.01",
         review="2027-05-31", owner="u5")  # fmt: skip
    ines.fill("#limit-form [name=reason]", "after the review of November")
    ines.click("#limit-form button.submit")
    says(ines, "#limit-form", "needs its derivation")
    fill(ines, derivation=WHY)
    ines.click("#limit-form button.submit")
    line = "tr[data-key='max_parent_adv@trader:u1']"
    ines.wait_for_selector(line)
    says(ines, line, "20.0%")
    assert "1 by ines" in text_of(ines, line)

    # looser: waits for somebody else
    fill(ines, value="0.22")
    ines.fill("#limit-form [name=reason]", "a client with larger orders")
    ines.click("#limit-form button.submit")
    card = "#changes article[data-key=L-1]"
    marta.wait_for_selector(card)
    assert WHY in text_of(marta, card)
    assert "20.0%" in text_of(ines, line)
    marta.click(f"{card} button:has-text('Approve L-1')")
    press(marta, desk, "marta", reason="seen")
    says(ines, line, "22.0%")
    assert "2 by ines and marta" in text_of(ines, line)

    # an order above the soft number: the ticket says so before, the engine after
    symbol = "MIDC"
    amara = visitor().log_in(desk, "amara", "/ticket").page
    open_market(amara, symbol)
    amara.wait_for_selector("#ticket [name=symbol] option", state="attached")
    amara.select_option("#ticket [name=symbol]", symbol)
    amara.fill("#ticket [name=quantity]", "30,000")
    says(amara, "#ticket-warnings", "soft limit")
    amara.click("#ticket button.submit")
    amara.wait_for_selector("#ticket-override button")
    amara.click("#ticket-override button")
    press(amara, desk, "amara", reason="the client insists on today")
    card = "#overrides article[data-key=O-1]"
    marta.wait_for_selector(card)
    marta.click(f"{card} button:has-text('Let O-1 pass')")
    press(marta, desk, "marta")
    ines.goto(f"{desk.url}/limits?view=requests")
    ines.wait_for_selector(f"{card} button:has-text('Let O-1 pass'):not([disabled])")
    ines.click(f"{card} button:has-text('Let O-1 pass')")
    press(ines, desk, "ines", reason="within the appetite of today")
    until(lambda: rows_now(amara, "overrides")["O-1"]["state"] == "GRANTED", what="O-1")

    # another order under it is another order
    row = rows_now(amara, "overrides")["O-1"]
    other = {**row["order"], "quantity": 30_100, "override": 1}
    refused = command(amara, "SubmitParent", symbol, other)
    assert "is for another order" in refused["body"]["detail"]
    amara.goto(f"{desk.url}/limits?view=requests")
    amara.wait_for_selector(f"{card} button:has-text('Send BUY')")
    amara.click(f"{card} button:has-text('Send BUY')")
    press(amara, desk, "amara")
    until(lambda: rows_now(amara, "overrides")["O-1"]["state"] == "USED", what="the order")
    parents = until(lambda: rows_now(amara, "parents").values(), what="the row of the order")
    assert [row["quantity"] for row in parents] == [30_000]

    # the report knows the refusal a moment later
    def refused_of_the_report() -> int:
        answer = ines.request.get(f"{desk.url}/api/v1/limits/utilisation?days=5")
        rows = {row["key"]: row for row in answer.json().get("items", [])}
        return int(rows.get("max_parent_adv@trader:u1", {}).get("refused", 0))

    until(lambda: refused_of_the_report() == 1, what="the refusal in the report")
    ines.goto(f"{desk.url}/limits?view=use")
    ines.wait_for_selector("#use-table tbody tr")
    says(ines, "#use-table", "quantity of one order")


def test_an_automatic_kill_is_off_armed_by_one_and_taken_off_by_two(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    line = "#limits-kills tr[data-trip=trip_loss]"
    ines = visitor().log_in(desk, "ines", "/limits").page
    says(ines, line, "off")
    ines.click(f"{line} a")
    ines.wait_for_function("() => location.search.includes('trip_loss')")
    fill(ines, value="2500000", owner="u5", review="2027-05-31", derivation=WHY)
    ines.fill("#limit-form [name=reason]", "after the review of November")
    ines.click("#limit-form button.submit")
    says(ines, line, "the firm 2.5M")
    fill(ines, value="")
    ines.fill("#limit-form [name=reason]", "it fired too often in the drill")
    ines.click("#limit-form button.submit")
    marta = visitor().log_in(desk, "marta", "/limits?view=requests").page
    card = "#changes article[data-key]:has-text('automatic kill')"
    marta.wait_for_selector(card)
    assert "the firm" in text_of(ines, line)
    marta.click(f"{card} button:has-text('Approve')")
    press(marta, desk, "marta", reason="seen")
    says(ines, line, "off")
