"""Two people and one change on a real desk: an edit voids, nobody decides what they wrote."""

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import RunningDesk, Visitor

pytestmark = pytest.mark.timeout(300)
SPEED = 60.0
ORDER = {
    "side": 1, "quantity": 60_000, "strategy": "TWAP", "horizon_ns": 7_200_000_000_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def desk() -> Iterator[RunningDesk]:
    """The whole desk at 60x, seed 7, without orders of its own."""
    flags = {"history_days": 0, "speed": SPEED, "seed": 7, "demo_orders": False}
    running = RunningDesk(full=True, flags=flags)
    try:
        yield running.start(wait_s=180)
    finally:
        running.stop()
    shutil.rmtree(running.state)


def rows_of(page: Any, desk: RunningDesk, topic: str) -> dict[str, dict[str, Any]]:
    """Rows as the desk tells them now."""
    answer = page.request.get(f"{desk.url}/api/v1/{topic}?limit=500")
    assert answer.ok, answer.text()
    return {row["key"]: row for row in answer.json()["items"]}


def until(page: Any, check: Callable[[], Any], what: str, tries: int = 300) -> Any:
    for _ in range(tries):
        found = check()
        if found:
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"{what} did not happen")


# when the rows of a browser first say something [ms]
SEEN = """([topic, field, value]) => QD.on(topic, (rows) => {
  const said = [...rows.values()].some((row) => row[field] === value);
  if (said && !window.qdSeenAt) window.qdSeenAt = Date.now();
})"""


def send(page: Any, verb: str, target: str, args: dict[str, Any], reason: str = "") -> Any:
    """A command by the door of the page, past any button: the answer's status and document."""
    return page.evaluate(
        """async ([verb, target, args, reason]) => {
          const id = "t-" + crypto.randomUUID();
          const answer = await fetch("/api/v1/commands", { method: "POST", cache: "no-store",
            headers: { "Content-Type": "application/json",
                       "X-QD-CSRF": document.body.dataset.csrf },
            body: JSON.stringify({ id, verb, target, args, reason }) });
          return { status: answer.status, body: await answer.json() };
        }""",
        [verb, target, args, reason],
    )


def press(page: Any, desk: RunningDesk, login: str, *, reason: str = "") -> None:
    """Answer the open dialog, and the one for the password if it comes."""
    page.wait_for_selector("dialog#confirm[open]")
    if reason:
        page.fill("#confirm-fields > label input", reason)
    page.click("#confirm-go")
    page.wait_for_timeout(300)
    if page.locator("dialog#again[open]").count():
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
    symbol = next(iter(rows_of(amara, desk, "quotes")))
    sent = send(amara, "SubmitParent", symbol, ORDER)
    assert sent["status"] == 202, sent
    old = until(amara, lambda: rows_of(amara, desk, "children"), "a first child")
    assert {row["parameter_version"] for row in old.values()} == {1}

    # request
    amara.fill("input[name='values.aggression']", "0.6")
    assert "inside the band" in text_of(amara, "tr[data-parameter=aggression] .effect")
    amara.fill("input[name='values.band']", "0.4")
    assert "will be refused" in text_of(amara, "tr[data-parameter=band] .effect")
    amara.fill("input[name='values.band']", "")
    amara.fill("input[name=reason]", "fills are late today")
    amara.click("#propose button.submit")
    amara.wait_for_selector("#propose .chip-state[data-state=DONE]")

    card = "article[data-key=R-1]"
    jun.wait_for_selector(card)
    first = str(jun.get_attribute(card, "data-hash"))
    assert first == rows_of(jun, desk, "changes")["R-1"]["content_hash"]
    assert "fills are late today" in text_of(jun, card)
    assert "Reaches 1 live order" in text_of(jun, card)

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
    jun.wait_for_function(
        "(c) => document.querySelector(c).innerText.includes('was edited since you saw it')",
        arg=card,
    )
    second = str(jun.get_attribute(card, "data-hash"))
    assert second != first
    assert rows_of(jun, desk, "changes")["R-1"]["state"] == "OPEN"

    # the editor wrote it too: her button is off, and the engine says no behind it
    assert "You wrote this" in text_of(marta, card)
    assert marta.is_disabled(f"{card} button:has-text('Approve R-1')")
    password = json.dumps(desk.passwords()["marta"])
    marta.evaluate(
        f"""fetch("/api/v1/reauthenticate", {{ method: "POST",
          headers: {{ "Content-Type": "application/json",
                      "X-QD-CSRF": document.body.dataset.csrf }},
          body: JSON.stringify({{ password: {password} }}) }}).then((a) => a.status)"""
    )
    refused = send(marta, "DecideChange", "R-1", {"content_hash": second, "approve": True})
    assert refused["status"] == 422, refused
    assert "nobody decides a change they proposed or edited" in refused["body"]["detail"]
    assert rows_of(jun, desk, "changes")["R-1"]["state"] == "OPEN"

    # a third person approves exactly the new content
    jun.click(f"{card} button:has-text('Approve R-1')")
    marta.evaluate(SEEN, ["changes", "state", "APPROVED"])
    amara.evaluate(SEEN, ["strategies", "version", 2])
    press(jun, desk, "jun", reason="reviewed with the desk")
    jun.wait_for_selector("#decided tr[data-key=R-1] .state-approved")
    marta.wait_for_selector("#decided tr[data-key=R-1] .state-approved")
    approved_at = rows_of(jun, desk, "changes")["R-1"]["decided_at"] / 1e6
    for other in (marta, amara):  # the two other open browsers know within two seconds
        seen = other.wait_for_function("() => window.qdSeenAt").json_value()
        assert 0 <= seen - approved_at < 2_000
    assert "aggression 0.30 → 0.65" in text_of(jun, "#decided tr[data-key=R-1]")
    decided = rows_of(jun, desk, "changes")["R-1"]
    assert (decided["state"], decided["decided_by"]) == ("APPROVED", "u4")
    assert decided["content_hash"] == second
    in_force = until(
        jun,
        lambda: next(
            (r for r in rows_of(jun, desk, "strategies").values()
             if r["id"] == "TWAP" and r["version"] == 2), None,
        ),
        "version 2 of TWAP",
    )  # fmt: skip
    assert in_force["values"]["aggression"] == 0.65
    assert in_force["by"] == "u4"

    # the running order decides with it from its next decision on
    def newer() -> list[dict[str, Any]]:
        rows = rows_of(amara, desk, "children").values()
        return [row for row in rows if row["parameter_version"] == 2]

    fresh = until(amara, newer, "a child with the new version")
    every = rows_of(amara, desk, "children").values()
    turn = min(row["decision"] for row in fresh)
    for row in every:
        assert row["parameter_version"] == (2 if row["decision"] >= turn else 1), row

    # and the page of the strategy says who, by which request
    amara.wait_for_function(
        "() => document.querySelector('#strategy-history').innerText.includes('R-1')",
        timeout=30_000,
    )
    assert "0.30 → 0.65" in text_of(amara, "#strategy-history")


def comment(page: Any, button: str, text: str) -> None:
    """Say something by the dialog of a comment button."""
    page.click(button)
    page.wait_for_selector("dialog#confirm[open]")
    page.fill("#confirm-fields textarea", text)
    page.click("#confirm-go")


def has_text(page: Any, selector: str, text: str) -> None:
    """Wait until something on the page says this."""
    page.wait_for_function(
        """([selector, text]) =>
             [...document.querySelectorAll(selector)].some((n) => n.innerText.includes(text))""",
        arg=[selector, text],
        timeout=60_000,
    )


def test_both_sides_comment_on_a_request_and_a_trader_on_a_decision(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    amara = visitor().log_in(desk, "amara", "/approvals").page
    jun = visitor().log_in(desk, "jun", "/approvals").page
    asked = send(amara, "ProposeChange", "VWAP", {"values": {"aggression": 0.5}}, "late fills")
    assert asked["status"] == 202, asked
    (key,) = until(jun, lambda: [k for k, row in rows_of(jun, desk, "changes").items()
                                 if row["strategy"] == "VWAP"], "the request")  # fmt: skip
    card = f"article[data-key={key}]"
    jun.wait_for_selector(card)
    jun.click(f"{card} button:has-text('Approve {key}')")  # a dialog that a comment must not end
    jun.wait_for_selector("dialog#confirm[open]")
    amara.wait_for_selector(card)
    comment(amara, f"{card} button:has-text('Comment {key}')", "three orders of this morning")
    has_text(jun, f"{card} .comments-box", "three orders of this morning")
    assert jun.locator("dialog#confirm[open]").count() == 1
    jun.keyboard.press("Escape")
    comment(jun, f"{card} button:has-text('Comment {key}')", "which ones?")
    has_text(amara, f"{card} .comments-box", "which ones?")
    edited = send(amara, "EditChange", key, {"values": {"aggression": 0.45}})
    assert edited["status"] == 202, edited
    has_text(jun, f"{card} .badge", "edited")
    assert "Comments (2)" in text_of(jun, f"{card} .comments-box")
    withdrawn = send(amara, "WithdrawChange", key, {})
    assert withdrawn["status"] == 202, withdrawn
    has_text(jun, "#decided tr", "three orders of this morning")

    symbol = next(iter(rows_of(amara, desk, "quotes")))
    sent = send(amara, "SubmitParent", symbol, ORDER | {"side": -1, "quantity": 40_000})
    assert sent["status"] == 202, sent
    (order,) = until(amara, lambda: [k for k, row in rows_of(amara, desk, "parents").items()
                                     if row["quantity"] == 40_000], "the order")  # fmt: skip
    until(amara, lambda: [row for row in rows_of(amara, desk, "children").values()
                          if row["parent"] == order], "a child of the order")  # fmt: skip
    amara.goto(f"{desk.url}/orders/{order}")
    amara.wait_for_selector("#why-comment:not([hidden]) button")
    comment(amara, "#why-comment button", "crossed although the spread was wide")
    has_text(amara, "#why-said li", "the spread was wide")
    has_text(amara, "#log-decisions .said", "the spread was wide")
    ines = visitor().log_in(desk, "ines", "/audit?text=the+spread+was+wide").page
    has_text(ines, "main tr", "comment on the decision of entry")


def test_a_wider_alert_rule_waits_for_a_second_person_and_history_that_is_none_is_said(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    kind = "alert_participation"
    ines = visitor().log_in(desk, "ines", f"/alert-rules?key={kind}").page
    marta = visitor().log_in(desk, "marta", f"/alert-rules?key={kind}").page
    beyond = f"#rules tr[data-rule={kind}]"
    has_text(ines, beyond, "38.0%")
    has_text(ines, "[data-tried]", "no closed day yet")

    def propose(value: str, reason: str) -> None:
        ines.fill("#rule-form input[name='terms.value']", value)
        ines.select_option("#rule-form select[name='terms.owner']", label="ines")
        ines.fill("#rule-form input[name='terms.review']", "2026-12-20")
        ines.fill("#rule-form textarea[name='terms.derivation']", "nobody looks at fewer than ten")
        ines.fill("#rule-form input[name=reason]", reason)
        ines.click("#rule-form button.submit")

    propose("0.3", "look earlier")
    has_text(marta, beyond, "30.0%")  # stricter: in force at once, in the other browser too
    propose("0.35", "too many")
    card = "#rule-requests article"
    marta.wait_for_selector(card)
    assert "30.0%" in text_of(marta, beyond)
    assert ines.locator(f"{card} button:has-text('Approve')").first.is_disabled()
    marta.click(f"{card} button:has-text('Approve')")
    press(marta, desk, "marta", reason="agreed with the desk")
    has_text(ines, beyond, "35.0%")
    has_text(ines, beyond, "ines and marta")
