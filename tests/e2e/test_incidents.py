"""A supervisor switches all incidents on from the System page of a real desk; the desk says so."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.browser import Visitor, a_page, command, open_market, rows_now, set_speed
from tests.support.real_desk import RealDesk, until

pytestmark = pytest.mark.timeout(600)
SEED = 7
# market speeds: while an incident lasts there is time to look at it, then it is soon over
LOOK, RUN = 2, 30
MINUTE = 60_000_000_000
WHERE = {"bust": "newest order", "late_fill": "newest order"}


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    """Everything, started once for this file, without orders of its own."""
    flags = {"history_days": 0, "speed": RUN, "seed": SEED, "demo_orders": False}
    running = RealDesk(flags=flags)
    try:
        yield running.start(wait_s=180)
    finally:
        running.stop()
    running.remove()


@pytest.fixture(scope="module")
def pages(desk: RealDesk, browser: Any) -> Iterator[tuple[Any, Any]]:
    """System page of a supervisor, order page of a trader whose order is at work."""
    boss = Visitor(page=a_page(browser)).watch().log_in(desk, "marta", "/system")
    trader = Visitor(page=a_page(browser)).watch().log_in(desk, "amara", "/")
    wait(boss.page, "#venues", "SIM-A", "up")
    open_market(trader.page, "MIDC")
    order = {"side": 1, "quantity": 150_000, "strategy": "TWAP", "horizon_ns": 300 * MINUTE}
    assert send(trader.page, "SubmitParent", "MIDC", order) == 202
    assert send(trader.page, "MoveParameter", "P-1", {"name": "dark", "value": 0.5}) == 202
    mid = rows_now(trader.page, "quotes")["MIDC"]["mid"]
    behind = {**order, "quantity": 50_000, "limit_price": round(mid * 100) - 100}
    assert send(trader.page, "SubmitParent", "MIDC", behind) == 202  # it rests behind the market
    trader.page.goto(f"{desk.url}/orders/P-1")
    trader.page.wait_for_selector("#order-children tr[data-child]")
    yield boss.page, trader.page
    for person in (boss, trader):  # a refused command is an answer of the door, not a fault
        assert [c for c in person.complaints if "status of 422" not in c] == []
    for person in (boss, trader):
        person.page.context.close()


def send(page: Any, verb: str, target: str, args: dict[str, Any]) -> int:
    status: int = command(page, verb, target, args, "test")["status"]
    return status


def rest(page: Any, topic: str) -> list[dict[str, Any]]:
    """Rows as the desk tells them now."""
    return list(rows_now(page, topic).values())


def wait(page: Any, selector: str, *wanted: str) -> None:
    """Until one line of the box holds all these texts."""
    page.wait_for_function(
        """([s, all]) => [...document.querySelectorAll(s + " tr, " + s)].some((e) =>
            all.every((t) => e.innerText.includes(t)))""",
        arg=[selector, list(wanted)],
    )


def sound_again(page: Any) -> None:
    """Until no drill is under way."""
    set_speed(page, RUN)
    page.wait_for_function(
        "() => !document.getElementById('drills').innerText.includes('under way')"
    )


def ask(page: Any) -> None:
    """Open the dialog; the button is scrolled away from under the toasts first."""
    button = page.locator("#drills button[data-verb=StartIncident]")
    button.evaluate("(e) => e.scrollIntoView({ block: 'center' })")
    button.click()
    page.wait_for_selector("dialog#confirm[open]")


def start(page: Any, kind: str, *, seconds: int, **more: str) -> None:
    """As a person does it: button, dialog, typed word, reason; in a market that waits for it."""
    set_speed(page, 0)
    ask(page)
    page.select_option("#confirm-fields [name=kind]", kind)
    page.fill("#confirm-fields [name=seconds]", str(seconds))
    for name, value in more.items():
        if name == "size":
            page.fill("#confirm-fields [name=size]", value)
        else:
            page.select_option(f"#confirm-fields [name={name}]", value)
    page.fill("#confirm-fields > label:has-text('Reason') input", f"rehearsal {kind}")
    page.fill("#confirm-fields > label:has-text('Type DRILL') input", "DRILL")
    page.click("#confirm-go")
    where = more.get("venue") or more.get("symbol") or WHERE.get(kind, "all symbols")
    wait(page, "#drills", kind.replace("_", " "), where, "under way", "marta")
    set_speed(page, LOOK)


def said(page: Any, *words: str) -> None:
    """An alert line with these words."""
    wait(page, "#alerts", *words)


def why(page: Any, text: str) -> None:
    """The order page says why it waits."""
    page.wait_for_function(
        "(t) => new RegExp(t).test(document.getElementById('why-now').innerText)",
        arg=text,
    )


def test_a_trader_sees_the_drills_and_cannot_start_one(
    desk: RealDesk, pages: Any, visitor: Callable[..., Visitor]
) -> None:
    del pages
    page = visitor().log_in(desk, "amara", "/system").page
    assert page.is_disabled("#drills button[data-verb=StartIncident]")
    assert send(page, "StartIncident", "", {"kind": "halt", "seconds": 5}) == 403


def test_a_venue_outage_is_shown_and_its_children_are_unconfirmed(pages: Any) -> None:
    boss, trader = pages

    def resting() -> str:
        """Where a child of P-2 rests, in a market that stands still."""
        set_speed(boss, LOOK)
        until(at_rest, what="a child of P-2 at rest", wait_s=120)
        set_speed(boss, 0)
        return at_rest()

    def at_rest() -> str:
        there = [c["venue"] for c in rest(trader, "children")
                 if c["parent"] == "P-2" and c["state"] == "OPEN"]  # fmt: skip
        return there[0] if there else ""

    name = until(resting, what="a child of P-2 that rests")
    start(boss, "outage", seconds=60, venue=name)
    waiting = until(
        lambda: [c for c in rest(trader, "children")
                 if f"unconfirmed at {name}, " in c["unconfirmed"]],
        what="unconfirmed children",
    )  # fmt: skip
    set_speed(boss, 0)  # what is said of it now stands until it answers
    wait(boss, "#venues", name, "down")
    said(boss, f"{name} is silent: children go elsewhere", "of ours with")
    set_speed(boss, RUN)
    said(boss, f"{name} answers again")
    wait(boss, "#venues", name, "up")
    wait(boss, "#drills", "outage", "over")

    def settled() -> bool:
        states = {c["id"]: c["state"] for c in rest(trader, "children")}
        return all(states[c["id"]] in ("CANCELLED", "FILLED") for c in waiting)

    until(settled, what="the word of the venue on every child")


def test_a_bust_and_a_late_fill_are_said_and_stand_on_the_order_page(pages: Any) -> None:
    boss, trader = pages
    sound_again(boss)
    until(lambda: any(c["filled"] for c in rest(trader, "children")), what="a fill")
    start(boss, "bust", seconds=60)
    said(boss, "a fill of C-", "was busted")
    until(
        lambda: "busted" in {f[6] for n in (1, 2) for f in series(trader, n)["fills"]},
        what="a busted fill on a chart",
    )
    start(boss, "late_fill", seconds=60)
    said(boss, "late fill of", "CANCELLED")


def series(page: Any, parent: int) -> dict[str, Any]:
    """What the charts of an order are drawn from."""
    found: dict[str, Any] = page.evaluate(
        "async (n) => await (await fetch(`/api/v1/series/P-${n}`)).json()", parent
    )
    return found


def test_crossed_quotes_are_named_and_the_order_waits(pages: Any) -> None:
    boss, trader = pages
    sound_again(boss)
    start(boss, "crossed", seconds=60, venue="SIM-C")
    why(trader, "crossed quotes at SIM-C")
    said(boss, "crossed quotes at SIM-C in", "nothing is priced from them")


def test_a_feed_gap_ages_the_quote_and_stops_new_orders(pages: Any) -> None:
    boss, trader = pages
    sound_again(boss)
    start(boss, "feed_gap", seconds=60)
    why(trader, r"the quote is \d+ s old")
    said(boss, "no quotes of all 8 symbols")
    chip = ".chips [data-live-key=feed]"
    boss.wait_for_function(
        "(s) => [...document.querySelectorAll(s)].some((e) => parseFloat(e.innerText) >= 10)",
        arg=chip,
    )


def test_a_halted_symbol_is_said_on_the_order_and_it_goes_on_later(pages: Any) -> None:
    boss, trader = pages
    sound_again(boss)
    start(boss, "halt", seconds=60, symbol="MIDC")
    why(trader, "MIDC is HALTED")
    said(boss, "MIDC is HALTED: orders wait")
    set_speed(boss, RUN)
    said(boss, "MIDC trades again")
    trader.wait_for_function(
        "() => !document.getElementById('why-now').innerText.includes('HALTED')"
    )


def test_a_flash_move_and_news_are_said_with_their_size(pages: Any) -> None:
    boss, _trader = pages
    sound_again(boss)
    start(boss, "flash", seconds=60, symbol="NRTH", size="-300")
    said(boss, "NRTH moved", "% down in 60 s")
    sound_again(boss)
    start(boss, "news", seconds=60, symbol="QLTX", size="200")
    said(boss, "QLTX moved", "% up in 60 s")


def test_a_stuck_pool_is_named_with_what_is_unconfirmed_there(pages: Any) -> None:
    boss, trader = pages
    sound_again(boss)
    for name in ("DARK-1", "DARK-2"):  # wherever P-1 rests its dark part
        start(boss, "stuck_dark", seconds=300, venue=name)
    waits = until(
        lambda: next((c["unconfirmed"] for c in rest(trader, "children")
                      if "unconfirmed at DARK-" in c["unconfirmed"]), None),
        what="a child without an answer of its pool",
    )  # fmt: skip
    pool = waits.partition(" at ")[2].partition(",")[0]
    said(boss, f"{pool} is up and does not answer", "stay reserved and are not sent again")
    wait(boss, "#venues", pool, "up")
    sound_again(boss)
    until(
        lambda: not any(c["unconfirmed"] for c in rest(trader, "children")
                        if c["venue"] == pool),
        what="the answer of the pool",
    )  # fmt: skip


def test_a_refused_incident_says_why(pages: Any) -> None:
    boss, _trader = pages
    ask(boss)
    boss.select_option("#confirm-fields [name=kind]", "halt")
    boss.select_option("#confirm-fields [name=venue]", "SIM-B")
    boss.fill("#confirm-fields > label:has-text('Reason') input", "test")
    boss.fill("#confirm-fields > label:has-text('Type DRILL') input", "DRILL")
    boss.click("#confirm-go")
    wait(boss, "#drills", "halt is of symbols, not of a venue")
