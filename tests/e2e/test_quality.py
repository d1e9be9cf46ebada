"""Every page on one desk: accessible in each theme, inside the window, silent in the console."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from components.callback import PAGES, Page
from components.site import load_pages
from db.queries import Queries, database_url
from engine.domain.people import may
from engine.gateway.people import DEMO
from engine.worker.history import make_day
from tests.support.browser import RunningDesk, Visitor, a_page, set_speed
from tests.support.past_days import an_order, to_the_end
from tests.support.real_desk import until

pytestmark = pytest.mark.timeout(900)
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
SPEED = 10
THEMES = ("dark", "light")
SIZES = ((1280, 720), (1920, 1080), (2560, 1440))
FIRST = ("amara", "marta")  # who looks, when they may: their screens are the fullest

OVERFLOW = """() => {
  const root = document.documentElement, stage = document.querySelector('.stage');
  const out = [...document.querySelectorAll('main *, .top *, .bottom *')].filter((node) => {
    if (!node.getClientRects().length) return false;
    const box = node.getBoundingClientRect();
    if (box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1) return false;
    for (let up = node.parentElement; up; up = up.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(up);
      if (overflowX !== 'visible' && overflowY !== 'visible' && up !== root) return false;
    }
    return true;
  }).map((node) => node.tagName + '.' + node.className);
  return { out: out.slice(0, 5),
    window: [root.scrollWidth > innerWidth, root.scrollHeight > innerHeight],
    stage: [stage.scrollWidth - stage.clientWidth, stage.scrollHeight - stage.clientHeight],
  };
}"""
# longer than live.js takes to say that a page is old, and to take it back
FRESH = """() => {
  const { classList, dataset } = document.body, fine = !classList.contains('desk')
    || dataset.link === 'ok';
  return (window.qdFresh = fine ? (window.qdFresh || 0) + 1 : 0) > 6;
}"""
SILENT = """() => [...document.querySelectorAll('.panel, [data-panel]')].filter((node) => {
  const panel = node.closest('[data-panel]');
  return !panel || !QDTraining.texts().panels[panel.dataset.panel];
}).map((node) => node.className + ' ' + node.innerText.slice(0, 40))"""
FRAME = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))"
DRAWN = """() => JSON.stringify([...document.querySelectorAll('main *')].map((node) =>
  [node.tagName, node.scrollWidth, node.scrollHeight]))"""
INSIDE = {"window": [False, False], "stage": [0, 0], "out": []}


@pytest.fixture(scope="module")
def desk() -> Iterator[RunningDesk]:
    """The whole desk with demo orders and one short past day, at 10x, seed 7."""
    running = RunningDesk(full=True, flags={"history_days": 0, "speed": SPEED, "seed": 7})
    make_day(running.where.state / "history", an_order(), to_the_end)
    try:
        yield running.start(wait_s=180)
    finally:
        running.stop()
    shutil.rmtree(running.state)


@pytest.fixture(scope="module")
def places(desk: RunningDesk) -> list[tuple[str, str]]:
    """Somebody who may, and the path, for every page there is; variables are filled in."""
    load_pages()
    where = desk.where
    tables = Queries.open(database_url(desk.settings.database_url, where.desk_db), where.state)

    def costed() -> list[tuple[str, str]]:
        return [
            (day.day, row.parent)
            for day in tables.days()
            if day.report_hash
            for row in tables.tca_parents(day.day)
        ]

    day, order = until(costed, what="a costed order of a past day", wait_s=120)[0]
    known = {"parent_id": "P-1", "name": "ADAPTIVE", "day": day, "parent": order}
    return [
        (somebody(page), filled(page.path, known))
        for page in PAGES
        if page.layout.__module__.startswith("pages.")
    ]


def filled(path: str, known: dict[str, str]) -> str:
    """A path with its variables; a variable that nobody knows is a page that nobody looks at."""
    for name, value in known.items():
        path = path.replace(f"<{name}>", value)
    assert "<" not in path, f"say in `places` what to open for {path}"
    return path


def somebody(page: Page) -> str:
    people = {login: role for _, login, _, role, _ in DEMO}
    able = [login for login, role in people.items() if may((role,), page.permission)]
    return next((login for login in FIRST if login in able), able[0])


@pytest.fixture(scope="module")
def looked(
    desk: RunningDesk, browser: Any, places: list[tuple[str, str]]
) -> dict[str, dict[str, Any]]:
    """Each page opened once: what axe says in both themes, what leaves the window by size."""
    guests: dict[str, Visitor] = {}
    found: dict[str, dict[str, Any]] = {}
    for login, path in places:
        if login not in guests:
            guests[login] = Visitor(page=a_page(browser)).watch().log_in(desk, login, path)
            if login == FIRST[0]:
                set_speed(guests[login].page, 0)  # what is looked at stands still
        found[path] = look(guests[login].page, desk.url + path)
        found[path]["console"], guests[login].complaints[:] = list(guests[login].complaints), []
    set_speed(guests[FIRST[0]].page, SPEED)
    for guest in guests.values():
        guest.page.context.close()
    return found


def look(page: Any, url: str) -> dict[str, Any]:
    """What is wrong with a page."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(url)
    page.wait_for_selector("body.desk[data-link=ok]")
    page.wait_for_function("() => document.querySelector('main > :not(.skeleton)')")
    settle(page)
    words = page.locator(".error-state, .no-permission-state, .refused-state").all_inner_texts()
    page.wait_for_function("() => window.QDTraining && QDTraining.texts()")
    silent = page.evaluate(SILENT)
    bad: list[str] = []
    for theme in THEMES:
        dress(page, theme)
        bad += violations(page, theme)
    leaves = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        settle(page, looks=2)
        out = page.evaluate(OVERFLOW)
        if out != INSIDE:
            leaves[width, height] = out
    return {"state": words, "axe": bad, "leaves": leaves, "silent": silent}


def settle(page: Any, looks: int = 3) -> None:
    """Until rows and charts are there: a page of a market that stands still changes no more.

    looks : how many in a row must be equal.
    """
    seen = [""]
    while len(seen) <= looks or len(set(seen[-looks:])) > 1:
        page.wait_for_function("() => !document.querySelector('main .busy, main .skeleton')")
        page.evaluate(FRAME)
        seen.append(page.evaluate(DRAWN))
    page.evaluate("() => dispatchEvent(new Event('resize'))")  # base_reach.js looks at once


def violations(page: Any, name: str, within: str | None = None) -> list[str]:
    """What axe says against a page or a part of it, one line a place."""
    found = Axe().run(page, within, options=OPTIONS).response["violations"]
    return [
        f"{name}: {rule['id']} ({rule['impact']}) {node['target']} {node['html'][:120]}"
        for rule in found
        for node in rule["nodes"]
    ]


def dress(page: Any, theme: str) -> None:
    """Another theme, on a page whose values are fresh: while axe looks, a page cannot listen."""
    page.evaluate(
        "(t) => { document.documentElement.dataset.theme = t; window.qdFresh = 0; }", theme
    )
    page.wait_for_function(FRESH, polling=100)


def wrong(looked: dict[str, dict[str, Any]], what: str) -> dict[str, Any]:
    return {path: found[what] for path, found in looked.items() if found[what]}


def test_axe_finds_nothing_on_any_page_in_either_theme(looked: dict[str, dict[str, Any]]) -> None:
    assert wrong(looked, "axe") == {}
    assert len(looked) >= 12


def test_no_page_is_an_error_and_no_console_has_a_word(looked: dict[str, dict[str, Any]]) -> None:
    assert wrong(looked, "state") == {}
    assert wrong(looked, "console") == {}


def test_nothing_leaves_the_window_on_any_page(looked: dict[str, dict[str, Any]]) -> None:
    assert wrong(looked, "leaves") == {}


def test_every_panel_on_every_page_has_its_text(looked: dict[str, dict[str, Any]]) -> None:
    assert wrong(looked, "silent") == {}


def test_axe_finds_nothing_in_dialogs_nor_on_the_pages_without_the_frame(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/orders/P-1")
    page = guest.page
    page.wait_for_selector("#order-acts button:visible")
    bad: list[str] = []
    acts = {
        "kill": lambda: page.click("#kill"),
        "keys": lambda: page.keyboard.press("?"),
        "explain": lambda: page.keyboard.press("x"),
        "confirm": page.locator("#order-acts button:visible").first.click,
    }
    for theme in THEMES:
        dress(page, theme)
        for name, act in acts.items():
            act()
            page.wait_for_selector("dialog[open]")
            bad += violations(page, f"dialog {name} {theme}")
            page.keyboard.press("Escape")
            page.wait_for_function("() => !document.querySelector('dialog[open]')")
        for button, box in (("#bell", "#alert-drawer"), (".person summary", ".person")):
            page.click(button)
            bad += violations(page, f"{box} {theme}", box)  # what it covers is not looked at
            page.click(button)
    for path in ("/kill", "/password", "/login"):
        page.goto(desk.url + path)
        for theme in THEMES:
            dress(page, theme)
            bad += violations(page, f"{path} {theme}")
    assert bad == []
    assert guest.complaints == []


def test_the_screen_explains_itself_and_its_words_by_keyboard(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/orders/P-1")
    page = guest.page
    page.wait_for_selector("#order-acts button:visible")
    tab_to(page, ".tile-label[data-term]")
    page.wait_for_selector("#term-tip:visible")
    label = page.evaluate("document.activeElement.textContent.toLowerCase()")
    assert label in page.inner_text("#term-tip")
    assert page.get_attribute(":focus", "aria-describedby") == "term-tip"
    page.keyboard.press("Escape")
    assert not page.is_visible("#term-tip")
    page.keyboard.press("x")
    page.wait_for_selector("#explain[open]")
    panels = page.locator("main [data-panel]:visible").count()
    assert page.locator("#explain-panels > li").count() == panels + 1  # and the frame
    tab_to(page, ".explain-where", text="8 Why now", most=12)
    assert page.locator("#explain-panels > li.now").inner_text().startswith("8")
    ages = page.locator("#explain-panels [data-age-of]").all_inner_texts()
    assert len(ages) == panels + 1
    page.keyboard.press("x")
    page.wait_for_function("() => !document.querySelector('dialog[open]')")
    assert guest.complaints == []


def test_a_page_that_is_not_accessible_is_seen(visitor: Callable[..., Visitor]) -> None:
    page = visitor().page
    page.set_content(
        "<html lang=en><title>t</title><main><h1>t</h1>"
        "<p style='color:#777;background:#666'>grey</p><input type=text></main></html>"
    )
    rules = {line.split(": ")[1].split()[0] for line in violations(page, "cheat")}
    assert {"color-contrast", "label"} <= rules


# --- by keyboard alone ----------------------------------------------------------------------------
FOCUS = """() => {
  const node = document.activeElement, style = getComputedStyle(node);
  const drawn = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
  return { shown: node === document.body || drawn, text: (node.textContent || '').trim(),
    name: node.tagName + '#' + node.id + '.' + node.className };
}"""


def tab_to(page: Any, selector: str, *, text: str = "", most: int = 140) -> None:
    """Press Tab until the focus is there; every stop on the way must be seen to have it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUS)
        assert at["shown"], f"the focus cannot be seen on {at['name']}"
        if page.evaluate("(s) => document.activeElement.matches(s)", selector) and (
            not text or at["text"] == text
        ):
            return
    raise AssertionError(f"Tab does not lead to {selector} {text}")


def enter_by_keyboard(page: Any, desk: RunningDesk, login: str) -> None:
    page.goto(desk.url)
    page.keyboard.type(login)
    page.keyboard.press("Tab")
    page.keyboard.type(desk.passwords()[login])
    page.keyboard.press("Enter")
    page.wait_for_selector("body.desk[data-link=ok]")


def go(page: Any, key: str, path: str) -> None:
    page.keyboard.press("g")
    page.keyboard.press(key)
    page.wait_for_url(f"**{path}")
    page.wait_for_selector("body.desk[data-link=ok]")


def state_of(page: Any, parent: str, wanted: str) -> None:
    page.wait_for_function("([p, s]) => QD.cell('parents', p, 'state') === s", arg=[parent, wanted])


def test_ticket_approval_and_kill_need_no_mouse(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guests = [visitor(), visitor()]
    trader, boss = (guest.page for guest in guests)
    enter_by_keyboard(trader, desk, "kiran")  # size limit 10 million
    go(trader, "t", "/ticket")
    trader.wait_for_selector("[data-typed=minutes]")
    tab_to(trader, "[name=symbol]")
    trader.keyboard.type("MIDC")
    tab_to(trader, "[name=quantity]")
    trader.keyboard.type("300,000")
    tab_to(trader, "[data-typed=minutes]")
    trader.keyboard.press("Control+a")
    trader.keyboard.type("300")
    tab_to(trader, "button.submit")
    trader.keyboard.press("Enter")
    trader.wait_for_selector("#ticket-open")
    parent = trader.get_attribute("#ticket-open", "href").removeprefix("/orders/")
    state_of(trader, parent, "NEEDS_APPROVAL")

    enter_by_keyboard(boss, desk, "marta")
    go(boss, "a", "/approvals")
    boss.wait_for_selector(f"article[data-key={parent}] button")
    tab_to(boss, "button", text=f"Approve {parent}")
    boss.keyboard.press("Enter")
    boss.wait_for_selector("#confirm[open]")
    tab_to(boss, "#confirm-go", most=12)
    boss.keyboard.press("Enter")
    boss.wait_for_selector("#again[open]")
    boss.keyboard.type(desk.passwords()["marta"])
    boss.keyboard.press("Enter")
    state_of(trader, parent, "WORKING")

    trader.keyboard.press("/")
    trader.keyboard.type(parent)
    trader.keyboard.press("Enter")
    trader.wait_for_url(f"**/orders/{parent}")
    trader.wait_for_selector("#order-acts .kill:visible")
    trader.keyboard.press("Control+Shift+X")  # the dialog for more than one order, and out again
    trader.wait_for_selector("#kill-dialog[open]")
    trader.keyboard.press("Escape")
    trader.keyboard.press("Shift+K")
    trader.wait_for_selector("#confirm[open]")
    assert trader.evaluate("document.activeElement.id") == "confirm-close"
    tab_to(trader, "#confirm-go", most=12)
    trader.keyboard.down("Enter")
    trader.wait_for_selector("#confirm:not([open])", state="attached")  # pressed long enough
    trader.keyboard.up("Enter")
    state_of(trader, parent, "KILLED")
    boss.wait_for_function("(p) => QD.cell('parents', p, 'state') === 'KILLED'", arg=parent)
    said = [line for guest in guests for line in guest.complaints]
    assert [line for line in said if "403 (Forbidden)" not in line] == []  # password first


def test_the_zone_changes_every_clock_and_the_address_can_name_it(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/orders/P-1?tz=UTC")
    page = guest.page
    page.wait_for_selector(".log-line time")
    assert page.inner_text("#zone-label").strip() == "UTC"
    first = page.locator(".log-line time").last.inner_text()
    page.evaluate("history.replaceState(null, '', location.pathname)")
    while page.inner_text("#zone-label").strip() not in ("EST", "EDT"):
        page.click("#clock")
    hours = 5 if page.inner_text("#zone-label").strip() == "EST" else 4
    page.wait_for_function(
        "(t) => [...document.querySelectorAll('.log-line time')].at(-1).textContent !== t",
        arg=first,
    )
    there = page.locator(".log-line time").last.inner_text()
    assert (int(first[:2]) - int(there[:2])) % 24 == hours
    assert first[2:] == there[2:]
    assert guest.complaints == []


def test_a_printed_page_is_black_on_white_whole_and_without_buttons(
    desk: RunningDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().log_in(desk, "amara", "/").page
    page.wait_for_selector(".ag-row")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(
        "() => getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'"
    )
    for hidden in ("#kill", ".nav", "#bulk-kill", "#search"):
        assert not page.is_visible(hidden), hidden
    for shown in (".env", "#clock", ".bottom", ".strip", ".ag-row >> nth=0"):
        assert page.is_visible(shown), shown
    assert page.evaluate("getComputedStyle(document.body).overflow") == "visible"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.is_visible("#kill")
