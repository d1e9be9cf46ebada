"""The system page beside an engine of the wire: what its buttons send, and what they never send."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import RunningDesk, Visitor, says
from tests.support.real_desk import until

NOW = time.time_ns()
KILL = {
    "id": "K-2", "scope": "symbol", "target": "MIDC", "by": "u3", "door": "web",
    "state": "CONFIRMED", "requested_at": NOW, "blocked_ms": 38.2, "cancel_sent_ms": 41.0,
    "confirmed_ms": 512.3, "parents": 41, "children": 188, "acked": 180, "filled_in_flight": 8,
    "unconfirmed": 0, "oldest_s": None, "reason": "", "release_by": "", "released_by": "",
}  # fmt: skip
CARD = "article[data-key=K-2]"


@pytest.fixture
def page(web_desk: RunningDesk, visitor: Callable[..., Visitor]) -> Iterator[Any]:
    """The system page, seen by a supervisor, with one confirmed kill."""
    assert web_desk.engine is not None
    desk = {"gate": "open", "difference": "", "session": "CONTINUOUS", "turn_ms": 0.4, "seq": 9}
    web_desk.engine.publish("desk", {"desk": desk})
    web_desk.engine.publish("kills", {"K-2": KILL})
    guest = visitor().log_in(web_desk, "marta", "/system")
    guest.page.wait_for_selector(CARD)
    return guest.page


def commands_of(desk: RunningDesk, verb: str) -> list[Any]:
    assert desk.engine is not None
    return [e for e in desk.engine.commands if type(e.command).__name__ == verb]


def the_one(desk: RunningDesk, verb: str) -> Any:
    """The one command of this kind, once it has come; what a chip says may be of one before."""
    until(lambda: commands_of(desk, verb), what=verb)
    (sent,) = commands_of(desk, verb)
    return sent


wait_text = says


def test_a_kill_shows_every_receipt_with_its_milliseconds(page: Any) -> None:
    text = page.inner_text(CARD)
    for part in ("REQUESTED", "+38 ms", "+41 ms", "+512 ms", "180 acked", "8 filled in flight"):
        assert part in text


def test_a_reason_given_afterwards_is_recorded_and_kills_nothing(
    web_desk: RunningDesk, page: Any
) -> None:
    doors: list[str] = []
    page.on("request", lambda request: doors.append(request.url.rsplit("/", 1)[-1]))
    page.click(f"{CARD} button:has-text('Give the reason')")
    page.fill("#confirm-fields > label input", "halt news")
    page.click("#confirm-go")
    wait_text(page, f"{CARD} .chip-state", "DONE")
    sent = commands_of(web_desk, "RequestKill")
    assert [(e.command.scope, e.command.target, e.reason) for e in sent] == [
        ("symbol", "MIDC", "halt news")
    ]
    assert "kill" not in doors


def test_whoever_asked_for_a_release_cannot_grant_it(web_desk: RunningDesk, page: Any) -> None:
    assert web_desk.engine is not None
    web_desk.engine.publish("kills", {"K-2": {"release_by": "u3"}})
    wait_text(page, CARD, "You asked for the release")
    assert page.is_disabled(f"{CARD} button:has-text('Grant release')")
    web_desk.engine.publish("kills", {"K-2": {"release_by": "u4"}})
    wait_text(page, CARD, "asked by jun")
    assert not page.is_disabled(f"{CARD} button:has-text('Grant release')")


def test_a_kill_that_waits_says_for_how_many_and_offers_no_release(
    web_desk: RunningDesk, page: Any
) -> None:
    assert web_desk.engine is not None
    waiting = {"state": "CANCEL_SENT", "confirmed_ms": None, "unconfirmed": 5, "oldest_s": 41.2,
               "release_by": ""}  # fmt: skip
    web_desk.engine.publish("kills", {"K-2": waiting})
    wait_text(page, CARD, "5 unconfirmed")
    wait_text(page, CARD, "oldest 41.2 s")
    assert page.is_disabled(f"{CARD} button:has-text('Ask release')")


def test_a_closed_gate_and_a_difference_are_said_plainly(web_desk: RunningDesk, page: Any) -> None:
    assert web_desk.engine is not None
    web_desk.engine.publish("desk", {"desk": {"gate": "lease: the watchdog has been silent"}})
    wait_text(page, ".gate-line", "Gate CLOSED")
    web_desk.engine.publish("desk", {"desk": {"gate": "open", "difference": "ab" * 32}})
    wait_text(page, ".gate-line", "Books and venue differ")
    page.click("button[data-verb=AcceptReconciliation]")
    page.fill("#confirm-fields > label input", "seen with the venue")
    page.click("#confirm-go")
    wait_text(page, ".gate-line .chip-state", "DONE")
    sent = the_one(web_desk, "AcceptReconciliation")
    assert sent.command.difference == "ab" * 32


def test_an_alert_is_acknowledged_from_its_line(web_desk: RunningDesk, page: Any) -> None:
    assert web_desk.engine is not None
    alert = {"id": "A-7", "severity": "critical", "kind": "overfill", "object": "P-9",
             "sentence": "P-9 is over-filled by 100", "raised_at": NOW, "times": 1,
             "acknowledged_by": ""}  # fmt: skip
    web_desk.engine.publish("alerts", {"A-7": alert})
    line = "#alerts tr[data-key=A-7]"
    page.wait_for_selector(line)
    page.click(f"{line} button")
    wait_text(page, f"{line} .chip-state", "DONE")
    assert [e.command.alert_id for e in commands_of(web_desk, "AcknowledgeAlert")] == [7]
    web_desk.engine.publish("alerts", {"A-7": {"acknowledged_by": "u3"}})
    wait_text(page, line, "marta")
    assert page.locator(f"{line} button").count() == 0


def test_the_mode_is_set_by_one_and_not_relaxed_by_who_asked(
    web_desk: RunningDesk, page: Any
) -> None:
    assert web_desk.engine is not None
    line = "[data-live-render=system-mode]"
    normal = {"trading": "NORMAL", "trading_why": "", "trading_set": "NORMAL",
              "trading_asked": "", "trading_asked_by": ""}  # fmt: skip
    web_desk.engine.publish("desk", {"desk": normal})
    wait_text(page, line, "Mode NORMAL")
    page.click(f"{line} button:has-text('Reduce only')")
    page.click("#confirm-go")
    wait_text(page, f"{line} .chip-state", "DONE")
    assert [e.command.mode for e in commands_of(web_desk, "SetMode")] == ["REDUCING"]
    reducing = {"trading": "REDUCING", "trading_why": "u3: heat", "trading_set": "REDUCING",
                "trading_asked": "NORMAL", "trading_asked_by": "u3"}  # fmt: skip
    web_desk.engine.publish("desk", {"desk": reducing})
    wait_text(page, line, "marta: heat")
    assert page.is_disabled(f"{line} button:has-text('Grant NORMAL')")
    web_desk.engine.publish("desk", {"desk": {"trading_asked_by": "u4"}})
    wait_text(page, line, "asked by jun")
    assert not page.is_disabled(f"{line} button:has-text('Grant NORMAL')")


def test_an_unconfirmed_kill_names_venue_age_and_phone_and_a_waiting_one_what_it_waits_for(
    web_desk: RunningDesk, page: Any
) -> None:
    assert web_desk.engine is not None
    silent = {"state": "CANCEL_SENT", "confirmed_ms": None, "unconfirmed": 3, "repeats": 9,
              "silent": [["DARK-2", 3, 41.2, "+1 555 0105"]]}  # fmt: skip
    web_desk.engine.publish("kills", {"K-2": silent})
    wait_text(page, CARD, "3 unconfirmed at DARK-2, 41.2 s, call +1 555 0105")
    wait_text(page, CARD, "asked again 9 times")
    web_desk.engine.publish(
        "kills", {"K-2": {"state": "BLOCKED", "cancel_sent_ms": None, "waits_for": "the exchange"}}
    )
    wait_text(page, CARD, "Waiting for the exchange")
