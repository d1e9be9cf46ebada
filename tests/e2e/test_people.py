"""An administrator adds a person in the browser; the person chooses a password and sets to work."""

from collections.abc import Callable
from typing import Any

from tests.e2e.test_system_page import commands_of
from tests.support.browser import RunningDesk, Visitor

OWN = "a password of my own"


def add(page: Any, desk: RunningDesk, login: str) -> str:
    """Fill the form, give the password again, and read the one-time password off the screen."""
    page.fill("#person input[name=login]", login)
    page.fill("#person input[name=name]", "Nora Berg")
    page.check("#person input[name='roles.trader']")
    page.click("button:has-text('Add the person')")
    page.wait_for_selector("dialog#again[open]")
    page.fill("#again-password", desk.passwords()["sam"])
    page.click("#again-go")
    return str(page.locator(".one-time code").inner_text())


def test_a_person_is_added_shown_a_one_time_password_and_chooses_their_own(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    admin = visitor().log_in(web_desk, "sam", "/admin").page
    admin.wait_for_selector("#people-table td")
    assert "people.manage" in admin.locator("#permission-matrix").inner_text()
    assert "idle_lock_s" in admin.locator("#settings-table").inner_text()
    one_time = add(admin, web_desk, "nora")
    admin.click(".one-time a")
    admin.wait_for_selector("#people-table a:has-text('nora')")
    assert "password due" in admin.locator("#people-table").inner_text()
    assert one_time not in admin.content()

    nora = visitor().page
    nora.goto(f"{web_desk.url}/login?next=/sample")
    nora.fill("input[name=login]", "nora")
    nora.fill("input[name=password]", one_time)
    nora.click("button[type=submit]")
    nora.wait_for_url("**/password")
    nora.goto(f"{web_desk.url}/sample")
    assert nora.url.endswith("/password")
    nora.fill("input[name=old]", one_time)
    nora.fill("input[name=new]", OWN)
    nora.fill("input[name=again]", OWN)
    nora.click("button[type=submit]")
    nora.wait_for_selector("body.desk[data-link=ok]")
    assert nora.locator(".nav a[href='/admin']").count() == 0

    admin.click("#people-table a:has-text('nora')")
    admin.click("button:has-text('Switch nora off')")
    admin.wait_for_selector("dialog#confirm[open]")
    admin.click("#confirm-go")
    admin.wait_for_selector("#people-table .badge:has-text('switched off')")
    nora.goto(f"{web_desk.url}/sample")
    nora.wait_for_url("**/login?next=/sample")


def test_a_command_carries_the_engine_start_that_the_page_shows(
    web_desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    assert web_desk.engine is not None
    page = visitor().log_in(web_desk, "amara", "/sample").page
    seen = []
    for epoch in (4, 5):
        web_desk.engine.publish("desk", {"desk": {"epoch": epoch}})
        page.wait_for_function("(e) => window.QD.cell('desk', 'desk', 'epoch') === e", arg=epoch)
        with page.expect_response("**/api/v1/commands"):
            page.click("button[data-verb=HoldParent]")
        seen.append(commands_of(web_desk, "HoldParent")[-1].epoch)
    assert seen == [4, 5]
