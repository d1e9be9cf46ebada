"""The kill works with the web, the read database and the engine's own memory out of order.

One real desk (exchange, engine, watchdog, worker; no web) lives through the whole module.
"""

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from db.journal import SqliteJournal, read_all, segments, verify
from engine.core.rules.scope import child_number
from engine.domain import events as e
from engine.domain.commands import ReleaseKill, SetPeople
from engine.domain.errors import Refused
from engine.domain.people import Person, Role
from engine.domain.units import Nanos, ParentId, PersonId
from engine.runtime.disk import Reserve
from engine.stage import BOSS, CLOCK, PEOPLE, SYSTEM, Stage, eventually
from engine.watchdog.cancel import CancelRoute

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
NUMBERS = itertools.count()
HUNG_S = 8.0  # the budget is 3 s; the machine of a test may be busy with others
SECOND_BOSS = PersonId("drill-supervisor-2")
# limits below the market [tick]: children of these orders rest until somebody cancels them
RESTING = {"MIDC": 4_700, "NRTH": 7_800, "HBRK": 2_950}
WITHOUT_WEB = (sys.executable, "-m", "tests.process.desk_without", "web", "--")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    with Stage(state=folder / "s", options=("--seed", "5"), command=WITHOUT_WEB) as stage:
        stage.wait_ready()
        yield stage


def released(desk: Stage) -> bool:
    """Two people release every kill; whether new orders may leave."""
    for name, row in desk.desk.ask("status")["kills"].items():
        if row["state"] == "CONFIRMED":
            number = int(name.removeprefix("K-"))
            for person in (BOSS, SECOND_BOSS):
                desk.submit(ReleaseKill(kill_id=number), person, reason="test over")
    return desk.desk.ask("status")["desk"]["gate"] in ("", "open")


def entered(desk: Stage, symbol: str) -> bool:
    """Whether the order was taken; an engine that has just started has no quotes yet."""
    try:
        quantity = 20_000 + 100 * next(NUMBERS)  # equal orders in a row are refused
        desk.enter(symbol, 1, quantity, "POV", limit=RESTING[symbol])
    except Refused as refusal:
        if "no two-sided quote" not in str(refusal):
            raise
        return False
    return True


def trading(desk: Stage) -> None:
    """Every kill released by two people, new parents at work, live children at the exchange."""
    second = Person(id=SECOND_BOSS, roles=(Role.SUPERVISOR,), desk="main")
    desk.submit(SetPeople(people=(*PEOPLE, second)), SYSTEM)
    eventually(lambda: released(desk), PATIENCE_S, "an open gate")
    for symbol in RESTING:
        eventually(lambda symbol=symbol: entered(desk, symbol), PATIENCE_S, f"a quote of {symbol}")
    eventually(lambda: desk.desk.ask("status")["open_children"], PATIENCE_S, "a live child")


def open_at_exchange(desk: Stage) -> list:
    route = CancelRoute(desk.where.cancel)
    try:
        return route.ask({"op": "orders"}, patience_s=5.0)[0]["orders"]
    finally:
        route.close()


def kill_by_command_line(desk: Stage, *more: str) -> tuple[int, dict]:
    done = subprocess.run(
        [
            sys.executable, "-m", "engine", "kill", "--scope", "all",
            "--state", str(desk.state), "--json", *(more or ("--wait", str(PATIENCE_S))),
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=2 * PATIENCE_S,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def test_the_command_line_stops_everything_with_the_web_gone_and_the_read_database_locked(desk):
    trading(desk)
    locked = sqlite3.connect(desk.where.desk_db, timeout=30, isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    try:
        code, receipt = kill_by_command_line(desk)
    finally:
        locked.execute("ROLLBACK")
        locked.close()
    assert code == 0
    assert receipt["state"] == "CONFIRMED"
    assert receipt["parents"] == 3
    assert receipt["children"] >= 1
    assert receipt["unconfirmed"] == 0
    assert receipt["acked"] == receipt["children"]
    assert 0 <= receipt["blocked_ms"] <= receipt["cancel_sent_ms"] <= receipt["confirmed_ms"]
    assert open_at_exchange(desk) == []
    states = {state for state, _, _ in desk.desk.ask("status")["parents"].values()}
    assert states == {"KILLED"}


def test_a_kill_stays_in_force_when_the_engine_is_started_again(desk):
    trading(desk)
    code, _receipt = kill_by_command_line(desk)
    assert code == 0
    before = desk.pid("engine")
    desk.kill_process("engine")
    eventually(lambda: desk.pid("engine") not in (None, before), PATIENCE_S, "a new engine")
    status = eventually(desk.status, PATIENCE_S, "an answer of the new engine")
    eventually(
        lambda: desk.desk.ask("status")["desk"]["gate"].startswith("kill"), PATIENCE_S, "kill"
    )
    assert not status["open_children"]
    with pytest.raises(Refused, match="kill K-"):
        desk.enter("MIDC", 1, 1_000, "POV")


def test_a_signal_to_the_engine_kills_with_a_receipt(desk):
    trading(desk)
    known = set(desk.desk.ask("status")["kills"])
    os.kill(desk.pid("engine"), signal.SIGUSR1)

    def confirmed():
        kills = desk.desk.ask("status")["kills"]
        new = [row for name, row in kills.items() if name not in known]
        return next((row for row in new if row["state"] == "CONFIRMED"), None)

    row = eventually(confirmed, PATIENCE_S, "the receipt of the signal")
    assert (row["scope"], row["door"]) == ("all", "signal")
    assert open_at_exchange(desk) == []


def test_a_hanging_engine_loses_its_orders_to_the_watchdog_and_is_started_again(desk):
    trading(desk)
    before = desk.pid("engine")
    os.kill(before, signal.SIGSTOP)
    eventually(lambda: desk.pid("engine") not in (None, before), PATIENCE_S, "a new engine")
    acts = json.loads((desk.state / "watchdog.json").read_text())["acts"]
    assert [act["act"] for act in acts][-2:] == ["mass_cancel", "end_engine"]
    status = desk.wait_ready()
    assert status["desk"]["difference"] == ""


def test_a_kill_of_a_silent_venue_names_who_is_unconfirmed_and_ends_when_it_is_back(desk):
    trading(desk)
    os.kill(desk.pid("exchange"), signal.SIGSTOP)
    try:
        code, receipt = kill_by_command_line(desk, "--wait", "4")
        assert code == 1
        # nothing is known of them as long as it is silent: all that are open are named
        waiting = {child_number(text) for text in desk.desk.ask("status")["open_children"]}
        assert receipt["state"] in ("BLOCKED", "CANCEL_SENT")
        assert receipt["unconfirmed"] == receipt["children"] == len(receipt["waiting"]) >= 1
        named = {child_number(text.partition(" at ")[0]) for text in receipt["waiting"]}
        assert named == waiting
        assert all(text.partition(" at ")[2].startswith("SIM-") for text in receipt["waiting"])
        said = subprocess.run(
            [sys.executable, "-m", "engine", "status", "--state", str(desk.state)],
            cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S,
        ).stdout  # fmt: skip
        assert f"s: {receipt['waiting'][0]}" in said
        assert "unconfirmed for " in said
    finally:
        os.kill(desk.pid("exchange"), signal.SIGCONT)

    def confirmed() -> bool:
        status = desk.status()
        rows = {} if status is None else status["kills"]
        return rows.get(receipt["id"], {}).get("state") == "CONFIRMED"

    eventually(confirmed, PATIENCE_S, "the venue's word on every child")
    assert open_at_exchange(desk) == []


def test_with_the_owner_thread_hung_a_kill_takes_every_order_back_by_the_watchdog(desk):
    trading(desk)
    before = desk.pid("engine")
    hung_at, asked_after = CLOCK.mono_ns(), CLOCK.wall_ns()
    os.kill(before, signal.SIGSTOP)
    code, receipt = kill_by_command_line(desk, "--wait", "0.2")
    assert (code, receipt["state"]) == (1, "REQUESTED")  # nobody is there to say more
    eventually(lambda: open_at_exchange(desk) == [], PATIENCE_S, "the watchdog's cancels")
    assert (CLOCK.mono_ns() - hung_at) / 1e9 < HUNG_S
    eventually(lambda: desk.pid("engine") not in (None, before), PATIENCE_S, "a new engine")

    def confirmed() -> bool:
        status = desk.status()
        rows = [] if status is None else status["kills"].values()
        mine = [row for row in rows if row["scope"] == "all" and row["requested_at"] > asked_after]
        return [row["state"] for row in mine] == ["CONFIRMED"]

    eventually(confirmed, PATIENCE_S, "the kill by the new engine")
    assert open_at_exchange(desk) == []


def test_a_kill_flag_that_is_deleted_means_all(desk):
    trading(desk)
    desk.where.kill_flag.unlink()
    eventually(
        lambda: desk.desk.ask("status")["desk"]["gate"].startswith("kill"), PATIENCE_S, "ALL"
    )
    eventually(lambda: not desk.desk.ask("status")["open_children"], PATIENCE_S, "cancels")
    assert open_at_exchange(desk) == []


def test_a_journal_that_cannot_be_written_stops_orders_keeps_kills_and_heals_by_itself(desk):
    trading(desk)
    before = desk.pid("engine")
    thief = sqlite3.connect(segments(desk.where.journal)[-1], timeout=30, isolation_level=None)
    thief.execute("BEGIN IMMEDIATE")  # as a full disk: nothing can be stored
    try:
        refusal = eventually(lambda: refused_by(desk), PATIENCE_S, "the word HALTED")
        assert "HALTED: the journal cannot be written" in refusal
        code, receipt = kill_by_command_line(desk, "--wait", "4")
        assert (code, receipt["state"]) == (1, "REQUESTED")  # what is not journalled is not said
        eventually(lambda: open_at_exchange(desk) == [], PATIENCE_S, "cancels")
        acts = Reserve(desk.where.reserve).acts()
        assert [act["act"] for act in acts] == ["mass_cancel"]
        assert json.loads(acts[0]["answer"])["open"] == 0
    finally:
        thief.execute("ROLLBACK")
        thief.close()
    eventually(lambda: desk.pid("engine") not in (None, before), PATIENCE_S, "a new engine")

    def confirmed() -> bool:
        status = desk.status()
        kills = {} if status is None else status["kills"]
        return bool(kills) and all(row["state"] != "BLOCKED" for row in kills.values())

    eventually(confirmed, PATIENCE_S, "the kill in the journal")
    eventually(lambda: not desk.desk.ask("status")["open_children"], PATIENCE_S, "all terminal")
    status = desk.desk.ask("status")
    assert status["desk"]["difference"] == ""
    assert status["desk"]["gate"].startswith("kill")
    assert verify(desk.where.journal, desk.where.witness).first_bad == 0


def test_a_journal_that_does_not_fold_starts_halted_names_the_entry_and_still_cancels(
    desk, tmp_path
):
    trading(desk)
    desk.stop()
    copy = tmp_path / "copy"
    shutil.copytree(desk.state, copy, ignore=shutil.ignore_patterns("ipc", "*.sock", "lock"))
    journal = SqliteJournal(copy / "journal")
    last = list(read_all(copy / "journal"))[-1]
    bogus = e.Entry(
        seq=last.seq + 1, turn=last.turn + 1, market_ns=last.market_ns,
        desk_ns=Nanos(last.desk_ns + 1), event=e.ParentHeld(parent_id=ParentId(999)),
    )  # fmt: skip
    journal.append([bogus])
    journal.close()
    assert verify(copy / "journal").first_bad == 0  # the chain is sound, the content is not
    with Stage(state=copy, options=("--seed", "5"), command=WITHOUT_WEB) as halted:
        refusal = eventually(lambda: refused_by(halted), PATIENCE_S, "an answer")
        assert f"HALTED: entry {bogus.seq}: parent P-999 does not exist" in refusal
        eventually(lambda: open_orders_known(halted), PATIENCE_S, "the exchange")
        code, receipt = kill_by_command_line(halted, "--wait", "4")
        assert (code, receipt["state"]) == (1, "REQUESTED")  # nobody can confirm it
        eventually(lambda: open_at_exchange(halted) == [], PATIENCE_S, "cancels")
    assert "HALTED" in (copy / "log" / "engine.log").read_text()


def refused_by(stage: Stage) -> str:
    try:
        stage.desk.ask("status", timeout_s=1.0)
    except Refused as refusal:
        return str(refusal)
    except (ConnectionError, TimeoutError):
        pass
    return ""


def open_orders_known(stage: Stage) -> bool:
    try:
        open_at_exchange(stage)
    except OSError:
        return False
    return True
