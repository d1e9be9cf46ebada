"""After the close on a real desk: the split adds up, the reviewer signs, the file has the hash."""

import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.browser import (
    PATIENCE_MS,
    RunningDesk,
    Visitor,
    command,
    open_market,
    rows_now,
)
from tests.support.real_desk import until

pytestmark = pytest.mark.timeout(1_500)
SPEED = 600.0  # the longest honest way through a day of 23,400 s: under a minute on a free machine

HOUR = 3_600_000_000_000


@pytest.fixture(scope="module")
def desk() -> Iterator[RunningDesk]:
    """The whole desk at 600x, seed 7, without orders of its own."""
    flags = {"history_days": 0, "speed": SPEED, "seed": 7, "demo_orders": False}
    running = RunningDesk(full=True, flags=flags)
    try:
        yield running.start(wait_s=180)
    finally:
        running.stop()
    shutil.rmtree(running.state)


def test_the_day_closes_its_costs_add_up_are_signed_and_leave_with_their_hash(
    desk: RunningDesk, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    amara = visitor().log_in(desk, "amara", "/strategies").page
    per = visitor().log_in(desk, "per", "/tca").page
    for symbol, side, strategy in (("MIDC", -1, "TWAP"), ("NRTH", 1, "VWAP"), ("ALTR", -1, "POV")):
        open_market(amara, symbol)
        args = {"side": side, "quantity": 20_000, "strategy": strategy, "horizon_ns": HOUR}
        sent = command(amara, "SubmitParent", symbol, args)
        assert sent["status"] == 202, sent
    day = rows_now(per, "desk")["desk"]["day"]
    until(lambda: rows_now(per, "desk")["desk"]["session"] == "CLOSED", what="the close",
          wait_s=1_000)  # fmt: skip

    # the page that was open all the time shows the report by itself
    per.wait_for_selector(f"[data-tca-day='{day}'] #tca-hash", timeout=2 * PATIENCE_MS)
    digest = per.inner_text("#tca-hash")
    assert len(digest) == 64
    split = per.evaluate(
        "() => [...document.querySelectorAll('[data-step]')]"
        ".map((n) => [n.dataset.step, Number(n.dataset.cost)])"
    )
    parts = {name: cost for name, cost in split if name != "total"}
    (total,) = [cost for name, cost in split if name == "total"]
    assert len(parts) >= 4
    assert abs(math.fsum(parts.values()) - total) < 1e-9
    assert abs(float(per.get_attribute("#split-rest", "data-rest") or "nan")) < 1e-9
    assert per.locator("#tca-signed").count() == 0

    # an order of the day, with a note
    per.click(f"a[href='/tca/{day}/P-1']")
    per.wait_for_selector(".tca-order [data-step=total]")
    per.click("button[data-verb=AnnotateTca]")
    per.fill("#confirm-fields textarea[name=text]", "crossed at the open, as asked")
    per.click("#confirm-go")
    per.wait_for_selector("text=crossed at the open, as asked")
    per.click(f"a[href='/tca?day={day}']")

    # the trader may look, not sign; the reviewer signs exactly what is shown
    amara.goto(f"{desk.url}/tca?day={day}")
    amara.wait_for_selector("button[data-verb=SignDay]")
    assert amara.is_disabled("button[data-verb=SignDay]")
    per.wait_for_selector("button[data-verb=SignDay]")
    assert per.inner_text("#tca-hash") == digest
    per.click("button[data-verb=SignDay]")
    per.wait_for_selector("dialog#confirm[open]")
    assert digest in per.inner_text("#confirm-text")
    per.click("#confirm-go")
    per.wait_for_selector("#tca-signed")
    assert "Signed off by per" in per.inner_text("#tca-signed")
    amara.wait_for_selector("#tca-signed")  # the other page sees it by itself

    with per.expect_download() as started:
        per.click("#tca-export")
    file = tmp_path / "report.html"
    started.value.save_as(file)
    text = file.read_text(encoding="utf-8")
    assert digest in text
    assert "fits this report" in text
    assert "crossed at the open, as asked" in text
    assert started.value.suggested_filename == f"tca-{day}.html"
