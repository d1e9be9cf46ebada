"""A recorded day on the whole desk: orders, kill -9 of exchange and engine, the close, the proof.

Needs the recorded data (tests/support/data.py); market speed 60x, then 600x to the close.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from db.journal import read_segment, segments
from engine.desk import SyncDesk
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.commands import Envelope
from engine.domain.errors import Refused
from engine.domain.orders import OnRestart
from engine.exchange.hours import session_of
from engine.kernels import recorded as columns
from engine.runtime.feeds.lobster import read_recording
from engine.runtime.link import load_key
from engine.settings import endpoint
from tests.support.browser import ROOT
from tests.support.data import data_dir
from tests.support.real_desk import RealDesk, until
from tests.support.recorded_fills import Fill, check_fills, fills_of

SPEED = 60
MINUTE = 60_000_000_000
DAY = "2012-06-21"


def recording() -> Path:
    return data_dir("lobster") / f"LOBSTER_SampleFile_AMZN_{DAY}_5.zip"


@pytest.fixture(scope="module")
def desk() -> Iterator[RealDesk]:
    """The desk on the recorded day, stopped at the end of this file."""
    path = recording()
    running = RealDesk(
        unhurried=False,
        flags={
            "replay_messages": path, "replay_orderbook": path, "speed": SPEED, "history_days": 0,
        }
    )  # fmt: skip
    try:
        yield running.start(wait_s=240)
    finally:
        running.stop()
    running.remove()


class Talk:
    """The desk's front door with patience."""

    def __init__(self, desk: RealDesk) -> None:
        self.desk = desk
        self.door = SyncDesk(endpoint(desk.where.engine), load_key(desk.where.state / "link.key"))
        self.number = 0

    def do(self, command: c.AnyCommand, person: str = "u1") -> None:
        self.number += 1
        now = time.time_ns()
        envelope = Envelope(
            id=f"test-{now}-{self.number}", person=person, epoch=0, expires_at=now + 20 * 10**9,
            command=command, reason="test", door="cli",
        )  # fmt: skip
        self.door.submit(envelope, 20.0)

    def status(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.door.ask("status")
        except (ConnectionError, TimeoutError):
            return None
        return found

    def when(self, wanted: Any, what: str, wait_s: float = 180.0) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            now = self.status()
            return now if now is not None and wanted(now) else None

        found: dict[str, Any] = until(look, what=what, wait_s=wait_s)
        return found


@pytest.fixture
def talk(desk: RealDesk) -> Iterator[Talk]:
    talking = Talk(desk)
    yield talking
    talking.door.close()


def filled(now: dict[str, Any], parent: str) -> int:
    return int(now["parents"][parent][1])


def kill_process(desk: RealDesk, name: str) -> int:
    rows = json.loads(desk.where.processes.read_text())["processes"]
    pid = next(row["pid"] for row in rows if row["name"] == name)
    os.kill(pid, signal.SIGKILL)
    return int(pid)


def cli(desk: RealDesk, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine", *words, "--state", str(desk.where.state)],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.timeout(900)
def test_a_recorded_day_survives_kills_closes_once_and_decides_again_byte_for_byte(
    desk: RealDesk, talk: Talk
) -> None:
    now = talk.when(lambda n: n["desk"]["session"] == "CONTINUOUS", "the market is open")
    assert now["desk"]["mode"] == "REPLAY"
    assert now["desk"]["source"].startswith(f"REPLAY / VIRTUAL AMZN {DAY}, 5 levels, sha256 ")
    for strategy, side in (("VWAP", 1), ("POV", -1), ("TWAP", 1)):
        talk.do(
            c.SubmitParent(
                symbol="AMZN", side=side, quantity=20_000, strategy=strategy,
                horizon_ns=240 * MINUTE, on_restart=OnRestart.RESUME,
            )
        )  # fmt: skip
    with pytest.raises(Refused, match="value of one order of the firm must be at most 60,000,000"):
        talk.do(
            c.SubmitParent(
                symbol="AMZN", side=1, quantity=500_000, strategy="VWAP", horizon_ns=240 * MINUTE
            )
        )
    talk.when(lambda n: all(filled(n, p) for p in ("P-1", "P-2", "P-3")), "fills of all three")

    for name in ("exchange", "engine"):
        before = talk.when(lambda n: bool(n["open_children"]), "a live child")
        kill_process(desk, name)
        after = talk.when(
            lambda n, seen=before["desk"]["seq"]: (
                n["desk"]["gate"] == "open" and n["desk"]["seq"] > seen + 2
                and n["desk"]["session"] == "CONTINUOUS"
            ),
            f"the desk goes on after the {name}",
        )  # fmt: skip
        assert after["desk"]["difference"] == ""
        assert after["desk"]["market_at"] >= before["desk"]["market_at"]
        for parent in ("P-1", "P-2", "P-3"):
            assert filled(after, parent) >= filled(before, parent)

    with pytest.raises(Refused, match=f"{DAY} is still open"):
        talk.do(c.OpenNextDay(), "u3")
    talk.do(c.SetSpeed(speed=600), "u3")
    talk.when(lambda n: n["desk"]["session"] == "CLOSED", "the close", wait_s=400)
    with pytest.raises(Refused, match=f"the recording holds {DAY} only"):
        talk.do(c.OpenNextDay(), "u3")
    assert talk.when(lambda n: True, "the engine still answers")["desk"]["day"] == DAY

    entries = [entry for path in segments(desk.where.journal) for entry in read_segment(path)]
    events = [entry.event for entry in entries]
    assert sum(isinstance(event, e.SessionClosed) for event in events) == 1
    fills = fills_of(events)
    total = dict.fromkeys(("P-1", "P-2", "P-3"), 0)
    for fill in fills:
        total[f"P-{fill.parent}"] += fill.quantity
    assert {p: row[1] for p, row in talk.when(lambda n: True, "status")["parents"].items()} == total
    assert all(total.values())
    day = read_recording(recording(), recording())
    check_fills(day, fills)

    until(
        lambda: any(isinstance(x.event, e.TcaReported) for p in segments(desk.where.journal)
                    for x in read_segment(p)),
        what="the cost report of the day", wait_s=120,
    )  # fmt: skip
    report = until(lambda: desk.queries().tca_day(DAY), what="the report in the tables")
    meta = json.loads(report.body)["meta"]
    assert meta["watermark"] == "REPLAY / VIRTUAL"
    assert day.digest[:12] in meta["source"]
    page = desk.queries().tca_html(DAY)
    assert page is not None
    assert "REPLAY / VIRTUAL" in page
    assert day.digest[:12] in page

    desk.stop_web()
    again = cli(
        desk, "verify", "--decisions", "--json", "--replay", str(recording()), str(recording())
    )
    body = json.loads(again.stdout)
    assert again.returncode == 0, again.stdout + again.stderr
    assert body["decisions"]["first_difference"] is None
    assert body["decisions"]["decided"] == body["entries"] > 1_000

    sim = subprocess.run(
        [sys.executable, "app.py", "--state", str(desk.where.state), "--port", str(desk.port)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert sim.returncode == 2, sim.stdout
    assert "with --state" in sim.stdout, sim.stdout  # engine and exchange refuse, in either order


def test_a_fill_beyond_the_recorded_day_is_found() -> None:
    path = recording()
    day = read_recording(path, path)
    midnight = session_of(DAY).open_at - 34_200 * 10**9
    row = int(np.flatnonzero(day.messages[:, columns.TYPE] == columns.EXECUTED)[100])
    at = int(day.messages[row, columns.TIME]) + midnight
    price, size = int(day.messages[row, columns.PRICE]) // 100, int(day.messages[row, columns.SIZE])
    side = int(day.messages[row, columns.SIDE])
    honest = Fill(parent=1, side=side, price=price, quantity=size, at=at, is_passive=True)
    check_fills(day, [honest])
    for change in ({"quantity": size + 100_000}, {"price": price - side * 500}, {"at": at + 1}):
        with pytest.raises(AssertionError):
            check_fills(day, [replace(honest, **change)])


def test_an_unreadable_recording_stops_the_start_with_its_row(tmp_path: Path) -> None:
    book = tmp_path / "TEST_2012-06-21_34200000_57600000_orderbook_1.csv"
    messages = tmp_path / "TEST_2012-06-21_34200000_57600000_message_1.csv"
    book.write_text("10100,100,10000,100\n10100,100,10000,100\n")
    messages.write_text("34200.1,1,1,100,10000,1\n34200.2,9,2,100,10100,-1\n")
    start = subprocess.run(
        [sys.executable, "app.py", "--replay", str(messages), str(book), "--state",
         str(tmp_path / "s"), "--port", str(RealDesk().port)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert start.returncode == 2, start.stdout
    assert "refused to start" in start.stdout
    assert "a type 1 to 7" in start.stdout
    assert "starts again" not in start.stdout
