"""A trader's road in real Chromium on the whole desk: 60x, seed 7, no past days, no demo orders.

Each test enters the orders that it needs. What is compared is read while the market stands.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import openpyxl
import pytest

from components import text
from tests.support.browser import (
    PAUSE,
    Visitor,
    command,
    open_market,
    paused,
    press_until,
    rows_now,
)
from tests.support.real_desk import RealDesk, until

pytestmark = pytest.mark.timeout(300)
SPEED, SEED = 60, 7
CHILD_ENDED = {"FILLED", "CANCELLED", "REJECTED", "EXPIRED", "SEND_REFUSED"}
SECONDS = 1_000_000_000
MINUTE = 60 * SECONDS
ROWS = ".ag-center-cols-container .ag-row"


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    """Everything, started once for this file; nothing may outlive it."""
    flags = {"history_days": 0, "speed": SPEED, "seed": SEED, "demo_orders": False}
    running = RealDesk(flags=flags)
    try:
        yield running.start()
    finally:
        running.stop()
    running.remove()


def state_is(page: Any, wanted: str) -> None:
    page.wait_for_function(
        "(w) => (document.getElementById('order-state') || {}).textContent === w", arg=wanted
    )


def enter(page: Any, symbol: str, side: int, quantity: int, strategy: str = "TWAP") -> str:
    """Enter an order of five hours past any page; its id, once it works."""
    open_market(page, symbol)
    known = set(rows_now(page, "parents"))
    args = {"side": side, "quantity": quantity, "strategy": strategy, "horizon_ns": 300 * MINUTE}
    sent = command(page, "SubmitParent", symbol, args)
    assert sent["status"] == 202, sent

    def there() -> str:
        rows = rows_now(page, "parents")
        new = [key for key in rows if key not in known and rows[key]["state"] == "WORKING"]
        return new[0] if new else ""

    parent: str = until(there, what=f"the order of {quantity} {symbol} at work")
    return parent


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


def test_ticket_order_and_children_say_that_no_model_and_no_policy_decides(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    """No policy of RL ships; ADAPTIVE has no model here, as there are no past days."""
    page = visitor().log_in(desk, "amara", "/ticket").page
    page.wait_for_selector("[data-typed=minutes]")
    page.check("[name=strategy][value=ADAPTIVE]")
    says = "([node, part]) => document.querySelector(node).textContent.includes(part)"
    page.wait_for_function(says, arg=["[data-check=model]", "none: base schedule"])
    page.wait_for_function(says, arg=["#ticket-warnings", "ADAPTIVE has no approved model"])
    page.check("[name=strategy][value=RL]")
    page.wait_for_function(says, arg=["[data-check=model]", "no policy in force: base schedule"])
    page.wait_for_function(says, arg=["#ticket-warnings", "RL has no policy in force"])
    means = "#ticket-parameters > :not([hidden]) [data-means=child_of_touch]"
    page.wait_for_function(says, arg=[means, "300 shares"])
    assert "1.28 \u00d7 235" in page.get_attribute(means, "title")
    parent = send_ticket(page, quantity="60,000", strategy="RL")
    page.click("#ticket-open")
    state_is(page, "WORKING")
    page.wait_for_function(says, arg=["#why-model", "No policy is in force"])
    page.wait_for_selector("#order-children tr[data-child]")
    sent = [row for row in rows_now(page, "children").values() if row["parent"] == parent]
    assert {row["model"] for row in sent} == {""}


def test_ticket_children_hold_amend_resume_kill_and_every_receipt(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/ticket")
    page = guest.page
    parent = send_ticket(page, quantity="500,000")
    page.click("#ticket-open")
    state_is(page, "WORKING")
    page.wait_for_selector("#order-children tr[data-child]")
    filled = (
        "Number(document.querySelector('[data-tile=filled]').textContent.replace(/[,\\/].*/, ''))"
    )
    page.wait_for_function(f"() => {filled} > 0")

    page.click("#order-acts .hold")
    page.click("#confirm-go")
    state_is(page, "HELD")
    tables = desk.queries()
    held = until(lambda: event_of(tables, parent, "ParentHeld"), what="ParentHeld in the tables")
    until(
        lambda: rows_now(page, "desk")["desk"]["market_at"] > held.market_at + MINUTE,
        what="a minute of market time in the hold",
    )

    page.click("#order-acts .amend")
    page.fill("#confirm-fields [name=quantity]", "400,000")
    page.click("#confirm-go")
    page.wait_for_function(
        "() => document.getElementById('order-what').textContent.includes('400,000')"
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
    press_until(page, "#confirm-go", "() => !document.getElementById('confirm').open")
    state_is(page, "KILLED")
    children = [row for row in rows_now(page, "children").values() if row["parent"] == parent]
    assert children
    assert {row["state"] for row in children} <= CHILD_ENDED
    page.click("[data-log=kills]")
    page.wait_for_function(
        "() => /CONFIRMED \\+[\\d,]+ ms/.test(document.getElementById('log-kills').textContent)"
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


MID = "() => QD.cell('quotes', 'MIDC', 'mid')"


def test_value_and_shares_follow_each_other_at_the_mid(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    page = visitor().log_in(desk, "amara", "/ticket").page
    page.wait_for_selector("[data-typed=value]")
    page.select_option("[name=symbol]", "MIDC")
    with paused(page, SPEED):

        def found() -> tuple[float, int, float]:
            """Mid before, shares and mid after the value was typed."""
            before = page.evaluate(MID)
            page.fill("[data-typed=value]", "")
            page.fill("[data-typed=value]", "5,000,000")
            shares = page.input_value("[name=quantity]").replace(",", "")
            return before, int(shares), page.evaluate(MID)

        def at_rest() -> tuple[float, int, float] | None:
            look = found()  # a quote of before the pause may still be under way
            return look if look[0] == look[2] else None

        mid, shares, _ = until(at_rest, what="a quote that stands still")
        assert shares == int(5_000_000 / mid / 100) * 100
        page.fill("[name=quantity]", "20,000")
        assert page.input_value("[data-typed=value]") == f"{20_000 * mid:,.0f}"


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
    page = visitor(width=1920, height=1080).log_in(desk, "amara", "/ticket").page
    parents = [enter(page, "MIDC", 1, quantity, "POV") for quantity in (100_000, 120_000)]
    enter(page, "MIDC", -1, 100_000, "VWAP")
    page.goto(f"{desk.url}/?q=midc+pov&mine=1")
    page.wait_for_function(f"() => document.querySelectorAll('{ROWS}').length === 2")
    with paused(page, SPEED):
        download, cells = exported_at_rest(page, "#blotter-csv")
    assert "DEMO" in download.suggested_filename
    content = download.path().read_text(encoding="utf-8-sig")
    exported = list(csv.reader(io.StringIO(content)))
    assert exported[0][:3] == ["Parent", "Symbol", "Side"]
    assert [row[:3] for row in exported[1:]] == [
        [parent, "MIDC", "BUY \u25b2"] for parent in reversed(parents)
    ]
    assert [line(row) for row in exported[1:]] == cells
    page.fill("#blotter-words", "")
    page.wait_for_function("() => !location.search.includes('q=')")


def exported_at_rest(page: Any, button: str) -> tuple[Any, list[list[str]]]:
    """A file, and the grid that showed the same before and after it was made."""

    def same() -> tuple[Any, list[list[str]]] | None:
        before = shown_cells(page)  # frames of before the pause may still be under way
        with page.expect_download() as download:
            page.click(button)
        return (download.value, before) if shown_cells(page) == before else None

    found: tuple[Any, list[list[str]]] = until(same, what="a grid of a paused market at rest")
    return found


def line(cells: list[str]) -> list[str]:
    return [plain(cell) for cell in cells]


def plain(cell: str) -> str:
    """The digits, without thousands and with a keyboard minus."""
    cell = cell.replace("\u2212", "-").strip()
    return cell.replace(",", "") if re.fullmatch(r"[-+]?[\d,]+(\.\d+)?%?", cell) else cell


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
    enter(page, "MIDC", 1, 60_000)
    newest = enter(page, "MIDC", 1, 70_000)
    page.wait_for_selector(f".ag-row[row-id={newest}]")

    def states() -> dict[str, str]:
        return {key: row["state"] for key, row in rows_now(page, "parents").items()}

    with paused(page, SPEED):  # an order may end by itself
        before = states()
        page.keyboard.press("j")
        page.wait_for_function(CHOSEN, arg=newest)
        page.click(f"{ROWS} >> nth=1 >> [col-id=symbol]")
        page.wait_for_function("(p) => !" + CHOSEN.removeprefix("(p) => "), arg=newest)
        assert states() == before
    chosen = page.inner_text("#pane-title").split()[0]
    assert chosen in before
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/orders/{chosen}")
    assert guest.complaints == []


CHOSEN = "(p) => document.getElementById('pane-title').textContent.startsWith(p + ' ')"


def test_a_filter_says_what_it_does_not_understand_and_keeps_the_last_it_did(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor().log_in(desk, "amara", "/")
    page = guest.page
    for side in (1, -1):
        enter(page, "NRTH", side, 5_000)
    with paused(page, SPEED):  # orders end: count them while they do not
        page.fill("#blotter-words", "side=sell")
        sells = counted(page, lambda row: row["side"] == -1)
        assert sells > 0
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
    seen: list[tuple[int, int]] = []

    def equal() -> bool:
        rows = rows_now(page, "parents").values()
        held = sum(wanted(row) for row in rows if row["state"] not in ENDED)
        seen.append((page.evaluate(SHOWN_ROWS), held))
        return seen[-1][0] == held

    until(equal, what="as many rows as the desk has orders")
    return seen[-1][1]


def test_a_saved_view_is_there_in_another_browser_and_the_workbook_equals_the_grid(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    first = visitor(width=1920, height=1080).log_in(desk, "amara", "/")
    page = first.page
    for quantity in (80_000, 90_000):
        enter(page, "MIDC", 1, quantity)
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
    wanted = page.evaluate(COLUMNS)
    other.wait_for_function(f"(wanted) => ({COLUMNS})().join() === wanted.join()", arg=wanted)
    assert "fees" in other.evaluate(COLUMNS)

    with paused(other, SPEED):
        download, cells = exported_at_rest(other, "#blotter-xlsx")
    assert "DEMO" in download.suggested_filename
    book = openpyxl.load_workbook(io.BytesIO(download.path().read_bytes()))
    written = list(book["Grid"].iter_rows(min_row=2))
    assert len(written) > 1
    assert [[as_shown(*pair) for pair in zip(*row, strict=True)]
            for row in zip(written, cells, strict=True)] == cells  # fmt: skip
    about = {row[0].value: row[1].value for row in book["About"].iter_rows()}
    assert "q=side%3Dbuy" in about["query"]
    assert about["made by"] == "Amara Diallo (u1)"
    assert first.complaints == second.complaints == []


SHOWN_ROWS = "() => QDBlotter.grid.getDisplayedRowCount()"
ENDED = {"COMPLETED", "EXPIRED", "KILLED", "REFUSED"}
COLUMNS = "() => QDBlotter.grid.getAllDisplayedColumns().map((c) => c.getColId())"
WRITTEN: dict[str, Callable[[Any], str]] = {
    "#,##0": text.number, "+0.00;-0.00;0.00": text.signed, "0.0%": text.percent,
    "0%": lambda v: text.percent(v, 0), "#,##0.00": lambda v: text.number(v, 2),
    "#,##0.000": lambda v: text.number(v, 3), "#,##0.0000": lambda v: text.number(v, 4),
}  # fmt: skip


def shown(cell: Any) -> str:
    """A cell as its format writes it, by the rules of the screen: a half goes to the even digit."""
    if cell.value is None:
        return "-"
    if not isinstance(cell.value, int | float):
        return line([str(cell.value)])[0]
    return plain(WRITTEN[cell.number_format](cell.value))


KEPT = 1e-15  # a workbook keeps 16 digits of a number, the screen has 17


def as_shown(cell: Any, screen: str) -> str:
    """What a cell writes; of a number beside a half, the side that the screen has."""
    found = shown(cell)
    if found == screen or not isinstance(cell.value, float):
        return found
    value = cell.value
    for cell.value in (value * (1 + KEPT), value * (1 - KEPT)):
        if shown(cell) == screen:
            return screen
    return found


def test_a_number_beside_a_half_may_be_on_either_side_of_it_and_no_other_may() -> None:
    cell = openpyxl.Workbook().active.cell(1, 1, -4.185)
    cell.number_format = "#,##0.00"
    assert [as_shown(cell, screen) for screen in ("-4.18", "-4.19")] == ["-4.18", "-4.19"]
    cell.value = -4.1849
    assert as_shown(cell, "-4.19") == "-4.18"


def test_a_half_is_written_as_the_screen_writes_it() -> None:
    cell = openpyxl.Workbook().active.cell(1, 1, -0.235)
    for value, form, written in (
        (-0.235, "#,##0.00", "-0.24"), (0.125, "#,##0.00", "0.12"), (1_234.5, "#,##0", "1234"),
        (0.0, "+0.00;-0.00;0.00", "0.00"), (0.1235, "0.0%", "12.4%"),
    ):  # fmt: skip
        cell.value, cell.number_format = value, form
        assert shown(cell) == written


def test_bulk_acts_show_whom_they_hit_and_a_receipt_for_each(
    desk: RealDesk, visitor: Callable[..., Visitor]
) -> None:
    guest = visitor(width=1920, height=1080).log_in(desk, "amara", "/?q=hbrk+twap+state=working")
    page = guest.page
    parents = [enter(page, "HBRK", 1, quantity) for quantity in (40_000, 50_000)]
    page.wait_for_selector(f".ag-row[row-id={parents[1]}]")
    page.click(f".ag-row[row-id={parents[1]}] [col-id=symbol]")
    page.keyboard.press("c")  # the children of what is chosen, below
    page.wait_for_function(
        "(p) => document.getElementById('children-of').textContent === 'Children of ' + p",
        arg=parents[1],
    )
    pick(page, parents)
    page.wait_for_function(
        "(p) => { const g = document.getElementById('children-host').qdGrid; let both = new Set();"
        " if (g) g.api.forEachNode((n) => both.add(n.data.parent)); return both.size === 2; }",
        arg=parents,
    )  # fmt: skip
    page.click("#bulk-hold:has-text('Hold 2 of 2')")
    assert "2 orders" in page.inner_text("#bulk-text")
    page.click("#bulk-go")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#bulk-rows [data-state=DONE]')]"
        ".filter((chip) => chip.textContent === 'HELD, 0 children still live').length === 2"
    )
    page.click("#bulk-close")
    assert states_of(page, parents) == {"HELD"}

    page.goto(f"{desk.url}/?q=hbrk+twap+state=held")
    pick(page, parents)
    page.click("#bulk-resume:has-text('Resume 2 of 2')")
    page.select_option("#bulk-catch-up select", "skip")
    page.click("#bulk-go")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#bulk-rows [data-state=DONE]')]"
        ".filter((chip) => chip.textContent === 'WORKING').length === 2"
    )
    page.click("#bulk-close")
    page.fill("#blotter-words", "hbrk twap state=working")  # what was selected stays selected
    page.click("#bulk-kill:has-text('Kill 2 of 2')")
    page.click("#bulk-go")  # a click is not a press
    assert page.inner_text("#bulk-rows").count("not sent") == 2
    press_until(page, "#bulk-go", "() => document.getElementById('bulk-go').disabled")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#bulk-rows [data-state=DONE]')]"
        ".filter((chip) => chip.textContent.startsWith('CONFIRMED')).length === 2"
    )
    assert states_of(page, parents) == {"KILLED"}
    assert guest.complaints == []


def pick(page: Any, parents: list[str]) -> None:
    """Select rows by their boxes, once the grid has taken its columns and its filter."""
    page.wait_for_selector("#blotter-words")
    for parent in parents:
        box = page.locator(f".ag-row[row-id={parent}] .ag-checkbox-input")
        box.check()
    page.wait_for_function(
        "(wanted) => QDBlotter.grid.getSelectedRows().map((row) => row.id).sort().join()"
        " === wanted.sort().join()",
        arg=parents,
    )


def states_of(page: Any, parents: list[str]) -> set[str]:
    rows = rows_now(page, "parents")
    return {rows[parent]["state"] for parent in parents}


@pytest.mark.parametrize(("width", "height", "rows"), [(1280, 720, 20), (1920, 1080, 35),
                                                       (2560, 1440, 50)])  # fmt: skip
def test_columns_reach_the_grids_edge_uncut_and_no_page_scrolls(
    desk: RealDesk, visitor: Callable[..., Visitor], width: int, height: int, rows: int
) -> None:
    guest = visitor(width=width, height=height).log_in(desk, "amara", "/")
    page = guest.page
    enter(page, "MIDC", 1, 30_000 + width)  # equal orders in a row are refused
    page.wait_for_selector(ROWS)
    wanted = {"cut": False, "short": False, "rows": rows, "scrolls": False}
    settled(lambda: page.evaluate(LAID_OUT), wanted)
    for path in ("/", "/ticket", "/orders/P-1"):
        page.goto(desk.url + path)
        page.wait_for_selector("body.desk[data-link=ok]")
        page.wait_for_selector("main > .stack, main > .ticket-page")
        assert page.evaluate(OVER) == [0, 0], path
    assert guest.complaints == []


OVER = """() => { const s = document.querySelector('.stage');
  return [s.scrollHeight - s.clientHeight, s.scrollWidth - s.clientWidth]; }"""
LAID_OUT = """() => {
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


def settled(look: Callable[[], Any], wanted: Any) -> None:
    """A grid lays its columns out after its first rows: twice in a row the look that is wanted."""
    seen: list[Any] = [None]
    for _ in range(600):
        seen.append(look())
        if seen[-2] == seen[-1] == wanted:
            return
        PAUSE.wait(0.1)
    assert seen[-1] == wanted
