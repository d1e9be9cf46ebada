"""A trader's road in real Chromium on the whole desk: market speed 60x, seed 7, no past days."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openpyxl
import pytest

from tests.support.browser import Visitor
from tests.support.real_desk import RealDesk, until

pytestmark = pytest.mark.timeout(300)
SPEED, SEED = 60, 7
CHILD_ENDED = {"FILLED", "CANCELLED", "REJECTED", "EXPIRED", "SEND_REFUSED"}
SECONDS = 1_000_000_000
ROWS = ".ag-center-cols-container .ag-row"


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    """Everything, started once for this file; nothing may outlive it."""
    running = RealDesk(flags={"history_days": 0, "speed": SPEED, "seed": SEED})
    try:
        yield running.start()
    finally:
        running.stop()
    running.remove()


def state_is(page: Any, wanted: str, timeout: int = 15_000) -> None:
    page.wait_for_function(
        "(w) => (document.getElementById('order-state') || {}).textContent === w", arg=wanted,
        timeout=timeout,
    )  # fmt: skip


def rest(page: Any, path: str) -> Any:
    return page.evaluate("(p) => fetch(p).then((a) => a.json())", f"/api/v1/{path}")


def press(page: Any, selector: str, ms: int) -> None:
    """Hold the mouse button down on something for a while."""
    page.hover(selector)
    page.mouse.down()
    page.wait_for_timeout(ms)
    page.mouse.up()


def send_ticket(page: Any, *, quantity: str, strategy: str = "VWAP", minutes: str = "360") -> str:
    """Fill the ticket for MIDC as a person does; the id of the new order."""
    page.wait_for_selector("[data-typed=minutes]")
    page.select_option("[name=symbol]", "MIDC")
    page.fill("[name=quantity]", quantity)
    page.check(f"[name=strategy][value={strategy}]")
    page.fill("[data-typed=minutes]", minutes)
    page.click("#ticket button.submit")
    page.wait_for_selector("#ticket-open")
    href: str = page.get_attribute("#ticket-open", "href")
    return href.removeprefix("/orders/")


def test_ticket_children_hold_amend_resume_kill_and_every_receipt(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/ticket")
    page = guest.page
    parent = send_ticket(page, quantity="500,000")
    page.click("#ticket-open")
    state_is(page, "WORKING")
    page.wait_for_selector("#order-children tr[data-child]", timeout=30_000)
    filled = (
        "Number(document.querySelector('[data-tile=filled]').textContent.replace(/[,\\/].*/, ''))"
    )
    page.wait_for_function(f"() => {filled} > 0", timeout=30_000)

    page.click("#order-acts .hold")
    page.click("#confirm-go")
    state_is(page, "HELD")
    tables = desk.queries()
    held = until(lambda: event_of(tables, parent, "ParentHeld"), what="ParentHeld in the tables")
    until(
        lambda: rest(page, "desk")["items"][0]["market_at"] > held.market_at + 60 * SECONDS,
        what="a minute of market time in the hold",
    )

    page.click("#order-acts .amend")
    page.fill("#confirm-fields [name=quantity]", "400,000")
    page.click("#confirm-go")
    page.wait_for_function(
        "() => document.getElementById('order-what').textContent.includes('400,000')",
        timeout=10_000,
    )

    page.click("#order-acts .resume")
    page.click("#confirm-go")
    state_is(page, "WORKING")
    resumed = until(
        lambda: event_of(tables, parent, "ParentResumed"), what="ParentResumed in the tables"
    )
    later = until(
        lambda: [e for e in tables.entries_of(parent, 5_000)
                 if e.event == "ChildIntended" and e.seq > resumed.seq],
        what="a child after the resume",
    )  # fmt: skip
    between = [e for e in tables.entries_of(parent, 5_000)
               if e.event == "ChildIntended" and held.seq < e.seq < resumed.seq]  # fmt: skip
    assert between == []
    assert later[0].market_at >= resumed.market_at

    page.click("#order-acts .kill")
    assert parent in page.inner_text("#confirm-text") or parent in page.inner_text("#confirm-title")
    press(page, "#confirm-go", 1_100)
    state_is(page, "KILLED")
    children = [row for row in rest(page, "children")["items"] if row["parent"] == parent]
    assert children
    assert {row["state"] for row in children} <= CHILD_ENDED
    page.click("[data-log=kills]")
    page.wait_for_function(
        "() => /CONFIRMED \\+[\\d,]+ ms/.test(document.getElementById('log-kills').textContent)",
        timeout=15_000,
    )
    said = page.inner_text("#log-kills")
    assert re.search(r"REQUESTED \d\d:\d\d:\d\d\.\d{3}", said)
    assert re.search(r"BLOCKED \+[\d,]+ ms", said)
    assert re.search(r"CANCEL SENT \+[\d,]+ ms", said)
    assert "0 unconfirmed" in said
    receipts = until(
        lambda: [k for k in tables.kills() if k.target == parent and k.state == "CONFIRMED"],
        what="the kill in the tables",
    )[0].receipts
    assert all(line.outcome != "UNCONFIRMED" and line.after_ms is not None for line in receipts)
    assert guest.complaints == []


def event_of(tables: Any, parent: str, name: str) -> Any:
    """The newest entry of this event about the order, or None."""
    found = [e for e in tables.entries_of(parent, 5_000) if e.event == name]
    return found[-1] if found else None


def test_the_ticket_blocks_a_limit_off_the_tick_grid_with_a_sentence(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().log_in(desk, "amara", "/ticket").page
    page.wait_for_selector("[data-typed=limit]")
    page.fill("[name=quantity]", "1,000")
    page.fill("[data-typed=limit]", "50.005")
    page.wait_for_selector("#ticket-warnings li.block")
    assert "multiple of 0.01, was 50.005: 50.00 or 50.01" in page.inner_text("#ticket-warnings")
    assert page.is_disabled("#ticket button.submit")
    page.fill("[data-typed=limit]", "50.00")
    page.wait_for_function("() => !document.querySelector('#ticket button.submit').disabled")
    assert page.input_value("[name=limit_price]") == "5000"


def test_value_and_shares_follow_each_other_at_the_mid(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().log_in(desk, "amara", "/ticket").page
    page.wait_for_selector("[data-typed=value]")
    page.select_option("[name=symbol]", "MIDC")
    page.fill("[data-typed=value]", "5,000,000")
    page.wait_for_function("() => document.querySelector('[name=quantity]').value !== ''")
    shares = int(page.input_value("[name=quantity]").replace(",", ""))
    mid = page.evaluate("QD.cell('quotes', 'MIDC', 'mid')")
    assert shares % 100 == 0
    assert abs(shares * mid - 5_000_000) < 200 * mid + 0.002 * 5_000_000  # a lot, and the mid moves


def test_an_order_above_the_size_limit_waits_for_a_supervisor_who_gives_the_password(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    trader = visitor().log_in(desk, "kiran", "/ticket").page  # size limit 10 million
    parent = send_ticket(trader, quantity="300,000", strategy="TWAP")
    trader.click("#ticket-open")
    state_is(trader, "NEEDS APPROVAL")
    assert trader.is_disabled("#order-acts .approve")
    boss = visitor().log_in(desk, "marta", f"/orders/{parent}").page
    state_is(boss, "NEEDS APPROVAL")
    boss.click("#order-acts .approve")
    boss.click("#confirm-go")
    boss.fill("#again-password", desk.passwords()["marta"])
    boss.click("#again-go")
    state_is(boss, "WORKING")
    state_is(trader, "WORKING")


def test_the_blotter_filters_by_address_and_exports_exactly_what_it_shows(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor(width=1920, height=1080).log_in(desk, "amara", "/ticket")
    page = guest.page
    for quantity in ("100,000", "120,000"):
        send_ticket(page, quantity=quantity, strategy="POV", minutes="200")
        page.reload()
    page.goto(f"{desk.url}/?q=midc+pov&mine=1")
    page.wait_for_function(
        "() => document.querySelectorAll('.ag-center-cols-container .ag-row').length === 2"
    )
    with paused(page):
        download, cells = exported_at_rest(page, "#blotter-csv")
    assert "DEMO" in download.suggested_filename
    text = download.path().read_text(encoding="utf-8-sig")
    exported = list(csv.reader(io.StringIO(text)))
    assert exported[0][:3] == ["Parent", "Symbol", "Side"]
    assert [row[:3] for row in exported[1:]] == [
        [row[0], "MIDC", "BUY \u25b2"] for row in exported[1:]
    ]
    assert len(exported) == 3
    assert [line(row) for row in exported[1:]] == cells
    page.fill("#blotter-words", "")
    page.wait_for_function("() => !location.search.includes('q=')")


@contextmanager
def paused(page: Any) -> Iterator[None]:
    """The market stands still, so that two looks see the same values; it goes on for the next."""
    set_speed(page, "Pause", 0)
    yield
    set_speed(page, f"{SPEED}x", SPEED)


def exported_at_rest(page: Any, button: str) -> tuple[Any, list[list[str]]]:
    """A file, and the grid that showed the same before and after it was made."""
    for _ in range(20):  # frames of before the pause may still be under way
        before = shown_cells(page)
        with page.expect_download() as download:
            page.click(button)
        if shown_cells(page) == before:
            return download.value, before
    raise AssertionError("the grid of a paused market did not come to rest")


def set_speed(page: Any, word: str, speed: int) -> None:
    page.click(f"button.speed:text-is('{word}')")
    page.wait_for_function("(v) => QD.cell('desk', 'desk', 'speed') === v", arg=speed)


def line(cells: list[str]) -> list[str]:
    return [plain(cell) for cell in cells]


def plain(text: str) -> str:
    """The digits, without thousands and with a keyboard minus."""
    text = text.replace("\u2212", "-").strip()
    return text.replace(",", "") if re.fullmatch(r"[-+]?[\d,]+(\.\d+)?%?", text) else text


def shown_cells(page: Any) -> list[list[str]]:
    """Texts of the grid, row by row, in the order of the columns."""
    rows = page.evaluate(
        """() => {
          const grid = document.querySelector('[data-grid-id=blotter-grid]').qdGrid.api;
          const columns = grid.getAllDisplayedColumns()
            .filter((c) => c.getColDef().field).map((c) => c.getColId());
          const cell = (index, id) =>
            document.querySelector(`.ag-row[row-index="${index}"] [col-id="${id}"]`).textContent;
          return [...Array(grid.getDisplayedRowCount()).keys()]
            .map((index) => columns.map((id) => cell(index, id)));
        }"""
    )  # fmt: skip
    return [line(row) for row in rows]


def test_keys_choose_a_row_and_a_click_on_a_row_changes_no_state(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/?mine=1")
    page = guest.page
    page.wait_for_selector(ROWS)
    before = {row["key"]: row["state"] for row in rest(page, "parents")["items"]}
    page.keyboard.press("j")
    page.wait_for_function(
        "() => document.getElementById('pane-title').textContent.startsWith('P-')"
    )
    page.click(f"{ROWS} >> nth=0")
    after = {row["key"]: row["state"] for row in rest(page, "parents")["items"]}
    assert {key: after[key] for key in before} == before
    chosen = page.inner_text("#pane-title").split()[0]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/orders/{chosen}")
    assert guest.complaints == []


def test_a_filter_says_what_it_does_not_understand_and_keeps_the_last_it_did(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/")
    page = guest.page
    page.wait_for_selector(ROWS)
    with paused(page):  # orders end and new ones arrive: count them while they do not
        page.fill("#blotter-words", "side=sell")
        sells = counted(page, lambda row: row["side"] == -1)
        page.fill("#blotter-words", "side=sell colour=red")
        page.wait_for_selector("#blotter-words[aria-invalid=true]")
        assert "there is no field colour" in page.inner_text("#blotter-wrong")
        assert page.evaluate(SHOWN_ROWS) == sells
        assert "colour" not in page.url
        page.fill("#blotter-words", "-sell qty>1k")
        counted(page, lambda row: row["side"] == 1 and row["quantity"] > 1_000)
    assert guest.complaints == []


def counted(page: Any, wanted: Callable[[Any], bool]) -> int:
    """How many open orders are wanted, once the grid shows as many as the desk has."""
    for _ in range(100):
        orders = [row for row in rest(page, "parents")["items"] if row["state"] not in ENDED]
        held = sum(wanted(row) for row in orders)
        if page.evaluate(SHOWN_ROWS) == held:
            return held
    raise AssertionError(f"the grid shows {page.evaluate(SHOWN_ROWS)}, the desk has {held}")


def test_a_saved_view_is_there_in_another_browser_and_the_workbook_equals_the_grid(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    first = visitor(width=1920, height=1080).log_in(desk, "amara", "/")
    page = first.page
    page.wait_for_selector(ROWS)
    page.fill("#blotter-words", "side=buy")
    page.select_option("#blotter-columns", "cost")
    page.click(".ag-header-cell[col-id=slippage_bps] .ag-header-cell-label")
    page.wait_for_function("() => location.search.includes('sort=slippage_bps')")
    page.select_option("#blotter-view", "+")
    page.fill("#confirm-fields input", "Buys by cost")
    page.click("#confirm-go")
    page.wait_for_function("() => location.search.includes('view=Buys')")

    second = visitor(width=1920, height=1080).log_in(desk, "amara", "/?view=Buys+by+cost")
    other = second.page
    other.wait_for_function("() => location.search.includes('sort=slippage_bps')")
    assert other.input_value("#blotter-words") == "side=buy"
    assert other.evaluate(COLUMNS) == page.evaluate(COLUMNS)
    assert "fees" in other.evaluate(COLUMNS)

    with paused(other):
        download, cells = exported_at_rest(other, "#blotter-xlsx")
    assert "DEMO" in download.suggested_filename
    book = openpyxl.load_workbook(io.BytesIO(download.path().read_bytes()))
    written = [[shown(cell) for cell in row] for row in book["Grid"].iter_rows(min_row=2)]
    assert len(written) > 1
    assert written == cells
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert "q=side%3Dbuy" in about["query"]
    assert about["made by"] == "Amara Diallo (u1)"
    assert first.complaints == second.complaints == []


SHOWN_ROWS = "() => QDBlotter.grid.getDisplayedRowCount()"
ENDED = {"COMPLETED", "EXPIRED", "KILLED", "REFUSED"}
COLUMNS = "() => QDBlotter.grid.getAllDisplayedColumns().map((c) => c.getColId())"
WRITTEN = {"#,##0": "{:.0f}", "+0.00;-0.00;0.00": "{:+.2f}", "0.0%": "{:.1%}", "0%": "{:.0%}",
           "#,##0.00": "{:.2f}", "#,##0.000": "{:.3f}", "#,##0.0000": "{:.4f}"}  # fmt: skip


def shown(cell: Any) -> str:
    """A cell as its format writes it, by the rules of the screen."""
    if cell.value is None:
        return "-"
    if not isinstance(cell.value, int | float):
        return line([str(cell.value)])[0]
    text = WRITTEN[cell.number_format].format(cell.value)
    return text if re.search("[1-9]", text) else text.lstrip("+-")


def test_bulk_acts_show_whom_they_hit_and_a_receipt_for_each(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor(width=1920, height=1080).log_in(desk, "amara", "/?q=midc+twap+state=working")
    page = guest.page
    known = {row["key"] for row in rest(page, "parents")["items"]}
    for quantity in (40_000, 50_000):
        assert page.evaluate(SUBMIT, quantity) == "DONE"

    def fresh() -> list[str]:
        rows = rest(page, "parents")["items"]
        return [row["key"] for row in rows if row["key"] not in known]

    until(lambda: len(fresh()) == 2, what="two new orders")
    parents = fresh()
    page.wait_for_selector(f".ag-row[row-id={parents[1]}]")
    page.click(f".ag-row[row-id={parents[1]}] [col-id=symbol]")
    page.keyboard.press("c")  # the children of what is chosen, below
    page.wait_for_function(
        "(p) => document.getElementById('children-of').textContent === 'Children of ' + p",
        arg=parents[1],
    )
    for parent in parents:
        pick(page, parent)
    page.wait_for_function(
        "(p) => { const g = document.getElementById('children-host').qdGrid; let both = new Set();"
        " if (g) g.api.forEachNode((n) => both.add(n.data.parent)); return both.size === 2; }",
        arg=parents, timeout=30_000,
    )  # fmt: skip
    page.click("#bulk-hold")
    assert "2 orders" in page.inner_text("#bulk-text")
    page.click("#bulk-go")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#bulk-rows [data-state=DONE]')]"
        ".filter((chip) => chip.textContent === 'HELD, 0 children still live').length === 2"
    )
    page.click("#bulk-close")
    assert {rest_of(page, p)["state"] for p in parents} == {"HELD"}

    page.goto(f"{desk.url}/?q=midc+twap+state=held")
    for parent in parents:
        pick(page, parent)
    page.click("#bulk-resume")
    page.select_option("#bulk-catch-up select", "skip")
    page.click("#bulk-go")
    page.wait_for_function(
        "() => document.querySelectorAll('#bulk-rows [data-state=DONE]').length === 2"
    )
    page.click("#bulk-close")
    page.fill("#blotter-words", "midc twap state=working")  # what was selected stays selected
    page.wait_for_selector("#bulk-kill:has-text('Kill 2 of 2')")
    page.click("#bulk-kill")  # a click is not a press
    press(page, "#bulk-go", 1_700)
    page.wait_for_function(
        "() => document.querySelectorAll('#bulk-rows [data-state=DONE]').length === 2"
    )
    assert page.inner_text("#bulk-rows").count("CONFIRMED") == 2
    assert {rest_of(page, p)["state"] for p in parents} == {"KILLED"}
    assert guest.complaints == []


SUBMIT = """(quantity) => QD.send({ id: QD.newId(), verb: "SubmitParent", target: "MIDC",
  reason: "", expected_version: null, args: { side: 1, quantity, strategy: "TWAP",
  horizon_ns: 18000000000000 } }, document.createElement("output")).then((sent) => sent.state)"""


def pick(page: Any, parent: str) -> None:
    """Select a row by its box."""
    page.click(f".ag-row[row-id={parent}] .ag-checkbox-input")
    page.wait_for_function(
        "(p) => QDBlotter.grid.getSelectedRows().some((row) => row.id === p)", arg=parent
    )


def rest_of(page: Any, parent: str) -> Any:
    return next(row for row in rest(page, "parents")["items"] if row["key"] == parent)


@pytest.mark.parametrize(("width", "height", "rows"), [(1280, 720, 20), (1920, 1080, 35),
                                                       (2560, 1440, 50)])  # fmt: skip
def test_columns_reach_the_grids_edge_uncut_and_no_page_scrolls(
    desk: RealDesk, visitor: Callable[..., Visitor], width: int, height: int, rows: int
) -> None:
    guest = visitor(width=width, height=height).log_in(desk, "amara", "/")
    page = guest.page
    page.wait_for_selector(ROWS)
    page.wait_for_timeout(600)  # the grid lays its columns out after the first rows
    assert page.evaluate(
        """() => {
          const body = document.querySelector('.ag-center-cols-viewport');
          const last = [...document.querySelectorAll('.ag-header-cell')]
            .reduce((most, cell) => Math.max(most, cell.getBoundingClientRect().right), 0);
          const host = document.querySelector('[data-grid-id=blotter-grid]');
          const edge = host.getBoundingClientRect().right;
          return { cut: last - edge > 2, short: edge - last > 20,
            rows: Math.floor(document.querySelector('.ag-body').clientHeight
              / document.querySelector('.ag-row').offsetHeight),
            scrolls: body.scrollWidth > body.clientWidth + 2 };
        }"""
    ) == {"cut": False, "short": False, "rows": rows, "scrolls": False}
    for path in ("/", "/ticket", "/orders/P-1"):
        page.goto(desk.url + path)
        page.wait_for_selector("main > .stack, main > .ticket-page")
        stage = "() => { const s = document.querySelector('.stage');"
        assert page.evaluate(stage + " return s.scrollHeight - s.clientHeight; }") <= 0, path
        assert page.evaluate(stage + " return s.scrollWidth - s.clientWidth; }") <= 0, path
    assert guest.complaints == []
