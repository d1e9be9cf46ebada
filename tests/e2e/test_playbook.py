"""The playbook beside an engine of the wire: its text, its drill, its edit, and steps at work."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from engine.core.show_playbook import playbook_rows
from engine.core.state import State
from tests.e2e.test_exceptions import an_alert
from tests.e2e.test_system_page import the_one, wait_text
from tests.support.browser import RunningDesk, Visitor

NOW = time.time_ns()


def test_the_playbook_is_read_rehearsed_edited_and_worked_through(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    engine = web_desk.engine
    assert engine is not None
    rows = {row.id: msgspec.structs.asdict(row) for row in playbook_rows(State())}
    engine.publish("playbook", rows)
    engine.publish("venues", {"SIM-B": {"id": "SIM-B", "kind": "lit", "phone": "+1 555 0102"}})
    alert = an_alert(5, kind="venue.down", object="SIM-B", section="venue-down", ticks=[], order="")
    engine.publish("alerts", {"A-5": {**alert, "shown_at": NOW, "shown_s": 0.1}})

    guest = visitor().log_in(web_desk, "marta", "/playbook")
    page = guest.page
    wait_text(page, "#playbook", "Before the open")  # the whole document, all parts
    wait_text(page, "#playbook", "Post-trade")
    wait_text(page, "#phones", "+1 555 0102")
    page.click("#playbook-sections a:has-text('A venue or the exchange is silent')")
    assert page.url.endswith("/playbook?section=venue-down")
    wait_text(page, "#playbook", "Never rehearsed")
    wait_text(page, "#playbook", "A-5 SIM-B")

    page.click("#playbook button[data-verb=StartIncident]")
    page.select_option("#confirm-fields select[name=venue]", "SIM-B")
    page.fill("#confirm-fields > label:has-text('Reason') input", "monthly")
    page.fill("#confirm-fields > label:has-text('Type DRILL') input", "DRILL")
    page.click("#confirm-go")
    wait_text(page, "#playbook .chip-state", "DONE")
    drill = the_one(web_desk, "StartIncident")
    assert (drill.command.kind, drill.command.venue, drill.command.seconds) == (
        "outage", "SIM-B", 60.0,
    )  # fmt: skip
    engine.publish("playbook", {"venue-down": {"drilled_at": NOW, "drilled_by": "u3"}})
    wait_text(page, "#playbook", "by marta")

    page.click("#playbook button:has-text('Edit this section')")
    page.fill("#confirm-fields textarea[name=body]", "Call first.\n- [ ] call\n- [ ] hold")
    page.fill("#confirm-fields > label:has-text('Reason') input", "after the drill")
    page.click("#confirm-go")
    page.wait_for_function("() => !document.querySelector('#confirm').open")
    wait_text(page, "#playbook .chip-state", "DONE")
    edit = the_one(web_desk, "EditPlaybook")
    assert (edit.command.section, edit.command.version, edit.reason) == (
        "venue-down", 1, "after the drill",
    )  # fmt: skip
    assert edit.command.body == "Call first.\n- [ ] call\n- [ ] hold"

    page.goto(web_desk.url + "/exceptions?id=A-5")
    first = rows["venue-down"]["steps"][0]
    wait_text(page, "#exception .steps", first)
    page.keyboard.press("d")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#exception .steps .chip-state')]"
        ".some((chip) => chip.dataset.state === 'DONE')"
    )
    tick = the_one(web_desk, "TickStep")
    assert (tick.command.alert_id, tick.command.section, tick.command.step) == (5, "venue-down", 0)
    engine.publish("alerts", {"A-5": {"ticks": [[0, 1, NOW + 60 * 10**9, "u3", first]]}})
    wait_text(page, "#exception", "1 of 5 done")
    wait_text(page, "#exception .steps .done", "marta")
    assert guest.complaints == []


def test_who_may_not_edit_or_rehearse_is_told_which_right_is_missing(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    rows: dict[str, Any] = {row.id: msgspec.structs.asdict(row) for row in playbook_rows(State())}
    web_desk.engine.publish("playbook", rows)
    page = visitor().log_in(web_desk, "amara", "/playbook?section=halt").page
    wait_text(page, "#playbook", "Trading is halted")
    for verb, right in (("StartIncident", "drill.incident"), ("EditPlaybook", "playbook.edit")):
        button = page.locator(f"#playbook button[data-verb={verb}]")
        assert button.is_disabled()
        assert right in (button.get_attribute("title") or "")
