"""Two people and one change on a real desk: an edit voids, nobody decides what they wrote."""

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import (
    RunningDesk,
    Visitor,
    command,
    open_market,
    rows_now,
    says,
    set_speed,
)
from tests.support.real_desk import until

pytestmark = pytest.mark.timeout(300)
SPEED = 30.0
ORDER = {
    "side": 1, "quantity": 120_000, "strategy": "TWAP", "horizon_ns": 21_600_000_000_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def desk() -> Iterator[RunningDesk]:
    """The whole desk at 30x, seed 7, without orders of its own."""
    flags = {"history_days": 0, "speed": SPEED, "seed": 7, "demo_orders": False}
    running = RunningDesk(full=True, flags=flags)
    try:
        yield running.start(wait_s=180)
    finally:
        running.stop()
    shutil.rmtree(running.state)


# when the rows of a browser first say something [ms]
SEEN = """([topic, field, value]) => QD.on(topic, (rows) => {
  const said = [...rows.values()].some((row) => row[field] === value);
  if (said && !window.qdSeenAt) window.qdSeenAt = Date.now();
})"""


def press(page: Any, desk: RunningDesk, login: str, *, reason: str = "") -> None:
    """Answer the open dialog, and the one for the password if the desk asks for it."""
    page.wait_for_selector("dialog#confirm[open]")
    if reason:
        page.fill("#confirm-fields > label input", reason)
    with page.expect_response("**/api/v1/commands") as answer:
        page.click("#confirm-go")
    if answer.value.status == 403 and answer.value.json()["type"] == "fresh":
        page.wait_for_selector("dialog#again[open]")
        page.fill("#again-password", desk.passwords()[login])
        page.click("#again-go")


def text_of(page: Any, selector: str) -> str:
    return str(page.locator(selector).first.inner_text())


def test_an_edit_voids_a_decision_the_author_cannot_decide_and_the_approved_value_is_used(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    amara = visitor().log_in(desk, "amara", "/strategies/TWAP").page
    marta = visitor().log_in(desk, "marta", "/approvals").page
    jun = visitor().log_in(desk, "jun", "/approvals").page

    # an order of that strategy is at work with the values in force
    symbol = "MIDC"
    open_market(amara, symbol)
    sent = command(amara, "SubmitParent", symbol, ORDER)
    assert sent["status"] == 202, sent
    old = until(lambda: rows_now(amara, "children"), what="a first child")
    assert {row["parameter_version"] for row in old.values()} == {1}

    # request
    amara.fill("input[name='values.aggression']", "0.6")
    says(amara, "tr[data-parameter=aggression] .effect", "inside the band")
    amara.fill("input[name='values.band']", "0.4")
    says(amara, "tr[data-parameter=band] .effect", "will be refused")
    amara.fill("input[name='values.band']", "")
    amara.fill("input[name=reason]", "fills are late today")
    amara.click("#propose button.submit")
    amara.wait_for_selector("#propose .chip-state[data-state=DONE]")

    card = "article[data-key=R-1]"
    jun.wait_for_selector(card)
    first = str(jun.get_attribute(card, "data-hash"))
    assert first == rows_now(jun, "changes")["R-1"]["content_hash"]
    assert "fills are late today" in text_of(jun, card)
    says(jun, card, "Reaches 1 live order")

    # one supervisor is about to approve when the other edits
    jun.click(f"{card} button:has-text('Approve R-1')")
    jun.wait_for_selector("dialog#confirm[open]")
    assert first[:16] in text_of(jun, "#confirm-text")
    marta.click(f"{card} button:has-text('Edit R-1')")
    marta.wait_for_selector("dialog#confirm[open]")
    assert "voids every decision" in text_of(marta, "#confirm-text")
    marta.fill("#confirm-fields input[name='values.aggression']", "0.65")
    press(marta, desk, "marta")
    marta.wait_for_function(
        "([c, h]) => document.querySelector(c).dataset.hash !== h", arg=[card, first]
    )
    press(jun, desk, "jun")
    says(jun, card, "was edited since you saw it")
    second = str(jun.get_attribute(card, "data-hash"))
    assert second != first
    assert rows_now(jun, "changes")["R-1"]["state"] == "OPEN"

    # the editor wrote it too: her button is off, and the engine says no behind it
    says(marta, card, "You wrote this")
    assert marta.is_disabled(f"{card} button:has-text('Approve R-1')")
    password = json.dumps(desk.passwords()["marta"])
    marta.evaluate(
        f"""fetch("/api/v1/reauthenticate", {{ method: "POST",
          headers: {{ "Content-Type": "application/json",
                      "X-QD-CSRF": document.body.dataset.csrf }},
          body: JSON.stringify({{ password: {password} }}) }}).then((a) => a.status)"""
    )
    refused = command(marta, "DecideChange", "R-1", {"content_hash": second, "approve": True})
    assert refused["status"] == 422, refused
    assert "nobody decides a change they proposed or edited" in refused["body"]["detail"]
    assert rows_now(jun, "changes")["R-1"]["state"] == "OPEN"

    # a third person approves exactly the new content
    jun.click(f"{card} button:has-text('Approve R-1')")
    marta.evaluate(SEEN, ["changes", "state", "APPROVED"])
    amara.evaluate(SEEN, ["strategies", "version", 2])
    press(jun, desk, "jun", reason="reviewed with the desk")
    jun.wait_for_selector("#decided tr[data-key=R-1] .state-approved")
    marta.wait_for_selector("#decided tr[data-key=R-1] .state-approved")
    approved_at = rows_now(jun, "changes")["R-1"]["decided_at"] / 1e6
    for other in (marta, amara):  # the two other open browsers know within two seconds
        seen = other.wait_for_function("() => window.qdSeenAt").json_value()
        assert 0 <= seen - approved_at < 2_000
    says(jun, "#decided tr[data-key=R-1]", "aggression 0.30 → 0.65")
    decided = rows_now(jun, "changes")["R-1"]
    assert (decided["state"], decided["decided_by"]) == ("APPROVED", "u4")
    assert decided["content_hash"] == second
    in_force = until(
        lambda: next(
            (r for r in rows_now(jun, "strategies").values()
             if r["id"] == "TWAP" and r["version"] == 2), None,
        ),
        what="version 2 of TWAP",
    )  # fmt: skip
    assert in_force["values"]["aggression"] == 0.65
    assert in_force["by"] == "u4"

    # the running order decides with it from its next decision on
    def newer() -> list[dict[str, Any]]:
        rows = rows_now(amara, "children").values()
        return [row for row in rows if row["parameter_version"] == 2]

    fresh = until(newer, what="a child with the new version")
    every = rows_now(amara, "children").values()
    turn = min(row["decision"] for row in fresh)
    for row in every:
        assert row["parameter_version"] == (2 if row["decision"] >= turn else 1), row

    # and the page of the strategy says who, by which request
    says(amara, "#strategy-history", "R-1")
    says(amara, "#strategy-history", "0.30 → 0.65")


def comment(page: Any, button: str, text: str) -> None:
    """Say something by the dialog of a comment button."""
    page.click(button)
    page.wait_for_selector("dialog#confirm[open]")
    page.fill("#confirm-fields textarea", text)
    page.click("#confirm-go")


def test_both_sides_comment_on_a_request_and_a_trader_on_a_decision(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    amara = visitor().log_in(desk, "amara", "/approvals").page
    jun = visitor().log_in(desk, "jun", "/approvals").page
    asked = command(amara, "ProposeChange", "VWAP", {"values": {"aggression": 0.5}}, "late fills")
    assert asked["status"] == 202, asked
    (key,) = until(
        lambda: [k for k, row in rows_now(jun, "changes").items() if row["strategy"] == "VWAP"],
        what="the request",
    )
    card = f"article[data-key={key}]"
    jun.wait_for_selector(card)
    jun.click(f"{card} button:has-text('Approve {key}')")  # a dialog that a comment must not end
    jun.wait_for_selector("dialog#confirm[open]")
    amara.wait_for_selector(card)
    comment(amara, f"{card} button:has-text('Comment {key}')", "three orders of this morning")
    says(jun, f"{card} .comments-box", "three orders of this morning")
    assert jun.locator("dialog#confirm[open]").count() == 1
    jun.keyboard.press("Escape")
    comment(jun, f"{card} button:has-text('Comment {key}')", "which ones?")
    says(amara, f"{card} .comments-box", "which ones?")
    edited = command(amara, "EditChange", key, {"values": {"aggression": 0.45}})
    assert edited["status"] == 202, edited
    says(jun, f"{card} .badge", "edited")
    assert "Comments (2)" in text_of(jun, f"{card} .comments-box")
    withdrawn = command(amara, "WithdrawChange", key, {})
    assert withdrawn["status"] == 202, withdrawn
    says(jun, "#decided tr", "three orders of this morning")

    open_market(amara, "MIDC")
    sent = command(amara, "SubmitParent", "MIDC", ORDER | {"side": -1, "quantity": 40_000})
    assert sent["status"] == 202, sent
    (order,) = until(
        lambda: [k for k, row in rows_now(amara, "parents").items() if row["quantity"] == 40_000],
        what="the order",
    )
    until(
        lambda: [row for row in rows_now(amara, "children").values() if row["parent"] == order],
        what="a child of the order",
    )
    amara.goto(f"{desk.url}/orders/{order}")
    amara.wait_for_selector("#why-comment:not([hidden]) button")
    comment(amara, "#why-comment button", "crossed although the spread was wide")
    says(amara, "#why-said li", "the spread was wide")
    says(amara, "#log-decisions .said", "the spread was wide")
    ines = visitor().log_in(desk, "ines", "/audit?text=the+spread+was+wide").page
    says(ines, "main tr", "comment on the decision of entry")


def test_a_wider_alert_rule_waits_for_a_second_person_and_history_that_is_none_is_said(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    kind = "alert_participation"
    ines = visitor().log_in(desk, "ines", f"/alert-rules?key={kind}").page
    marta = visitor().log_in(desk, "marta", f"/alert-rules?key={kind}").page
    beyond = f"#rules tr[data-rule={kind}]"
    says(ines, beyond, "38.0%")
    says(ines, "[data-tried]", "no closed day yet")

    def propose(value: str, reason: str) -> None:
        ines.fill("#rule-form input[name='terms.value']", value)
        ines.select_option("#rule-form select[name='terms.owner']", label="ines")
        ines.fill("#rule-form input[name='terms.review']", "2026-12-20")
        ines.fill("#rule-form textarea[name='terms.derivation']", "nobody looks at fewer than ten")
        ines.fill("#rule-form input[name=reason]", reason)
        ines.click("#rule-form button.submit")

    propose("0.3", "look earlier")
    says(marta, beyond, "30.0%")  # stricter: in force at once, in the other browser too
    propose("0.35", "too many")
    card = "#rule-requests article"
    marta.wait_for_selector(card)
    assert "30.0%" in text_of(marta, beyond)
    assert ines.locator(f"{card} button:has-text('Approve')").first.is_disabled()
    marta.click(f"{card} button:has-text('Approve')")
    press(marta, desk, "marta", reason="agreed with the desk")
    says(ines, beyond, "35.0%")
    says(ines, beyond, "ines and marta")


def test_new_values_decide_beside_then_inside_four_limits_and_go_back_by_themselves(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    amara = visitor().log_in(desk, "amara", "/strategies/POV").page
    jun = visitor().log_in(desk, "jun", "/approvals").page
    rollout = "[data-panel=strategy-rollout]"
    open_market(amara, "MIDC")
    terms = ORDER | {"strategy": "POV", "quantity": 90_000}
    assert command(amara, "SubmitParent", "MIDC", terms)["status"] == 202

    def approve(stage: str) -> None:
        key = until(
            lambda: [k for k, row in rows_now(jun, "changes").items()
                     if (row["strategy"], row["state"]) == ("POV", "OPEN")],
            what=f"the request of {stage}",
        )[0]  # fmt: skip
        says(jun, f"article[data-key={key}]", stage)
        jun.click(f"article[data-key={key}] button:has-text('Approve {key}')")
        press(jun, desk, "jun", reason="as agreed")
        jun.wait_for_selector(f"#decided tr[data-key={key}] .state-approved")

    amara.fill("input[name='values.aggression']", "0.6")
    amara.select_option("#propose select[name=stage]", "shadow")
    amara.fill("#propose input[name=reason]", "is it better?")
    amara.click("#propose button.submit")
    approve("shadow")
    says(amara, rollout, "aggression 0.6")

    # a canary before it has decided beside for long enough is refused, and says what is missing
    canary = {"instruments": ["MIDC"], "venues": ["SIM-A", "SIM-B"], "orders": 3, "value": 1e9}
    early = command(amara, "ProposeChange", "POV", {"stage": "canary", "canary": canary}, "now")
    assert early["status"] == 422, early
    assert "decisions beside" in early["body"]["detail"]

    set_speed(amara, 300)
    says(amara, rollout, "canary: may be proposed")
    set_speed(amara, SPEED)
    amara.click(f"{rollout} summary")
    for name, text in (("instruments", "MIDC"), ("venues", "SIM-A,SIM-B"), ("orders", "3"),
                       ("value", "1000000000")):  # fmt: skip
        amara.fill(f"#canary input[name='canary.{name}']", text)
    amara.fill("#canary input[name=reason]", "three orders, no more")
    amara.click("#canary button.submit")
    approve("canary")

    # its three orders leave, the next demotes it, and everybody is told
    set_speed(amara, 300)
    says(amara, rollout, "order 4 of at most 3")
    set_speed(amara, SPEED)
    says(amara, rollout, "shadow")
    alarms = [row for row in rows_now(amara, "alerts").values() if row["kind"] == "rollout.demoted"]
    assert len(alarms) == 1
    assert "sent 3 orders" in alarms[0]["sentence"]

    # one person stops it at once
    amara.click(f"{rollout} button:has-text('Stop candidate')")
    press(amara, desk, "amara", reason="enough seen")
    says(amara, rollout, "none")
