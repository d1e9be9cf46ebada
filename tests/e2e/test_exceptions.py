"""The exceptions page beside an engine of the wire: choosing, acting, and what a screen reports."""

import time
from collections.abc import Callable
from typing import Any

from tests.e2e.test_system_page import commands_of, the_one, wait_text
from tests.support.browser import RunningDesk, Visitor

NOW = time.time_ns()


def an_alert(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"A-{number}", "severity": "critical", "kind": "overfill", "object": "P-9",
        "sentence": f"P-9 is over-filled by {number}", "raised_at": NOW + number * 10**9,
        "times": 1, "acknowledged_by": "", "state": "open", "first_at": NOW, "event_at": NOW,
        "seen_at": NOW,
        "delay_s": 0.5, "shown_at": 0, "shown_by": "", "shown_s": None, "acknowledged_at": 0,
        "assigned_to": "", "escalated_at": 0, "stands": "", "cause": "", "resolution": "",
        "resolved_by": "", "resolved_at": 0, "notes": [], "order": "P-9", **more,
    }  # fmt: skip


def test_an_exception_is_chosen_taken_and_closed_by_keyboard(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    engine = web_desk.engine
    assert engine is not None
    seen_at = NOW + 300_000_000
    rows = [an_alert(1), an_alert(2, escalated_at=NOW, shown_at=seen_at, shown_s=0.3),
            an_alert(3, state="resolved", resolved_by="u5", acknowledged_by="u5",
                     shown_at=seen_at)]  # fmt: skip
    engine.publish("desk", {"desk": {"trader_seen_at": 0, "watched_since": NOW, "epoch": 1}})
    engine.publish("alerts", {row["id"]: row for row in rows})
    guest = visitor().log_in(web_desk, "marta", "/exceptions")
    page = guest.page
    wait_text(page, "#exceptions tr.current", "over-filled by 2")  # what nobody saw comes first
    wait_text(page, "#exceptions tr.current", "UNATTENDED")
    wait_text(page, "#bell", "UNATTENDED")
    wait_text(page, ".attendance", "nobody")
    assert page.locator("#exceptions tbody tr").count() == 2  # the closed one is in another filter

    page.keyboard.press("j")
    wait_text(page, "#exception", "A-1")
    assert page.url.endswith("/exceptions?id=A-1")
    page.keyboard.press("t")
    wait_text(page, "#exception .chip-state", "DONE")
    page.keyboard.press("r")
    page.fill("#confirm-fields > label input", "the venue has corrected it")
    page.click("#confirm-go")
    page.wait_for_function("() => !document.querySelector('#confirm').open")
    wait_text(page, "#exception .chip-state", "DONE")
    taken = the_one(web_desk, "AssignAlert")
    closed = the_one(web_desk, "ResolveAlert")
    assert (taken.command.alert_id, taken.command.to) == (1, "")
    assert (closed.command.alert_id, closed.command.cause, closed.reason) == (
        1, "fixed", "the venue has corrected it",
    )  # fmt: skip
    # what stood on this screen for the first time was reported, once, and only that
    the_one(web_desk, "ShowAlerts")
    shown = [number for e in commands_of(web_desk, "ShowAlerts") for number in e.command.alert_ids]
    assert shown == [1]

    engine.publish("alerts", {"A-1": {"state": "resolved", "resolved_by": "u3", "cause": "fixed",
                                      "acknowledged_by": "u3", "resolved_at": NOW}})  # fmt: skip
    page.click(".tabs button:has-text('Resolved')")
    wait_text(page, ".tabs", "Resolved 2")
    assert guest.complaints == []


def test_what_still_stands_cannot_be_closed_from_the_page(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    web_desk.engine.publish("alerts", {"A-8": an_alert(8, stands="yes", shown_at=NOW)})
    page = visitor().log_in(web_desk, "marta", "/exceptions?id=A-8").page
    wait_text(page, "#exception", "cause stands")
    assert page.is_disabled("#exception button[data-verb=ResolveAlert]")
    web_desk.engine.publish("alerts", {"A-8": {"stands": "over"}})
    wait_text(page, "#exception", "cause is over")
    assert not page.is_disabled("#exception button[data-verb=ResolveAlert]")


DESKTOP = """window.qdTold = []; window.Notification = class {
  static permission = "default";
  static async requestPermission() { return (Notification.permission = window.qdAllows); }
  constructor(title, given) { window.qdTold.push([title, given.body, given.tag]); }
};"""


def test_a_critical_exception_leaves_the_browser_only_when_a_person_asked_and_the_browser_allows(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    engine = web_desk.engine
    assert engine is not None
    guest = visitor()
    guest.page.add_init_script(DESKTOP)
    page = guest.log_in(web_desk, "marta", "/exceptions").page
    engine.publish("alerts", {"A-21": an_alert(21, shown_at=NOW)})
    wait_text(page, "#exceptions", "over-filled by 21")
    for allows, words in (("denied", "are off"), ("granted", "are on")):
        page.evaluate("(allows) => { window.qdAllows = allows; }", allows)
        page.click(".person summary")
        page.click("#desktop")
        page.wait_for_function(
            "(words) => document.querySelector('#desktop').textContent.includes(words)", arg=words
        )
        page.click(".person summary")
    engine.publish("alerts", {"A-22": an_alert(22, shown_at=NOW),
                              "A-23": an_alert(23, severity="warn", shown_at=NOW)})  # fmt: skip
    wait_text(page, "#exceptions", "over-filled by 23")
    assert page.evaluate("() => window.qdTold") == [
        ["CRITICAL, P-9", "P-9 is over-filled by 22", "A-22"]
    ]
    page.wait_for_selector(".toast[data-alert=A-22]")
    engine.publish("alerts", {"A-22": {"acknowledged_by": "u3"}})  # somebody has: nothing to say
    page.wait_for_selector(".toast[data-alert=A-22]", state="detached")
    assert page.locator(".toast[data-alert=A-23]").count() == 1


def a_request(**more: Any) -> dict[str, Any]:
    return {
        "id": "R-7", "strategy": "RL", "state": "OPEN", "material": True, "moved": {}, "values": {},
        "before": {}, "model": "rl-0123456789ab", "content_hash": "ab" * 32, "authors": ["u6"],
        "reason": "newer", "edits": 0, "proposed_at": NOW, "expires_at": NOW + 10**14,
        "decided_by": "", "decided_at": 0, "decision_reason": "", "evidence": None, "comments": [],
        "stage": "shadow", "canary": "", "against": [], **more,
    }  # fmt: skip


def test_a_request_for_a_version_with_a_red_flag_says_so_first_and_asks_for_a_reason(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    engine = web_desk.engine
    assert engine is not None
    flag = "its own validation: no different from TWAP on 600 validation paths"
    engine.publish("changes", {"R-7": a_request(), "R-8": a_request(id="R-8", against=[flag])})
    guest = visitor(1280, 720).log_in(web_desk, "marta", "/approvals")
    page = guest.page
    wait_text(page, "article[data-key=R-8]", flag)
    assert str(page.inner_text("article[data-key=R-8]")).startswith("RED FLAG: the desk itself")
    assert "RED FLAG" not in page.inner_text("article[data-key=R-7]")
    page.click("article[data-key=R-8] button:has-text('Approve R-8')")
    assert flag in page.inner_text("#confirm-text")
    page.click("#confirm-go")
    wait_text(page, "#confirm-error", "a reason is needed")
    assert commands_of(web_desk, "DecideChange") == []
    assert guest.complaints == []
