"""The watchdog against planted journals, exchanges and heartbeats."""

import json
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from db.journal import SqliteJournal
from engine.core.state import State
from engine.domain import events as e
from engine.domain.instrument import Session
from engine.domain.orders import AtEnd, CatchUp, OnRestart, Parent, ParentState
from engine.domain.units import ChildId, Nanos, ParentId, PersonId, Shares, Symbol, Ticks, child_id
from engine.runtime.code import trading_hash
from engine.runtime.kill_flag import SLOTS, KillFlag
from engine.watchdog.books import Journalled
from engine.watchdog.cancel import CancelRoute
from engine.watchdog.flag import FlagFile
from engine.watchdog.guard import Guard
from engine.watchdog.journal import JournalReader
from engine.watchdog.lease import START_GRACE_NS, EngineProcess, Pulse
from engine.watchdog.version import trading_hash as watchdog_hash
from engine.watchdog.witness import Witness

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-11-27"
CODE = "c" * 64
SECOND = 1_000_000_000
WALL = 1_795_000_000 * SECOND
LIMIT = 3 * SECOND


# --- builders -------------------------------------------------------------------------------
def a_parent(number: int = 1, quantity: int = 1_000) -> Parent:
    return Parent(
        id=ParentId(number), symbol=Symbol("MIDC"), side=1, quantity=Shares(quantity),
        strategy="TWAP", trader=PersonId("u1"), desk="main", client="", state=ParentState.WORKING,
        accepted_at=Nanos(0), start_at=Nanos(0), end_at=Nanos(SECOND), limit_price=None,
        arrival_price=5000.0, arrival_volume=Shares(0), arrival_notional=0, seed=1, overrides=(),
        parameter_version=1, on_restart=OnRestart.HOLD, catch_up=CatchUp.SPREAD,
        at_end=AtEnd.CLEANUP,
    )  # fmt: skip


def intended(counter: int, quantity: int, *, parent: int = 1, epoch: int = 1) -> e.ChildIntended:
    return e.ChildIntended(
        child_id=child_id(epoch, counter), parent_id=ParentId(parent), symbol=Symbol("MIDC"),
        side=1, type=1, price=Ticks(5000), quantity=Shares(quantity), ttl_ns=Nanos(0), why=1,
        binding=0, parameter_version=1,
    )  # fmt: skip


def filled(counter: int, quantity: int, exec_id: int = 1) -> e.ChildFilled:
    return e.ChildFilled(
        child_id=child_id(1, counter), exec_id=exec_id, venue_at=Nanos(0), price=Ticks(5000),
        quantity=Shares(quantity), liquidity=1, bid=Ticks(4999), ask=Ticks(5001),
    )  # fmt: skip


def start() -> tuple[e.Event, ...]:
    session = Session(day=DAY, open_at=Nanos(0), close_at=Nanos(10**15), zone="UTC")
    return (
        e.EngineStarted(epoch=1, code=CODE),
        e.SpeedSet(speed=10.0),
        e.SessionOpened(session=session, instruments=(), source="test", seed=1),
    )


def tags(parent: int = 1, code: str = CODE[:12]) -> dict[str, str]:
    return {"parent": f"P-{parent}", "trader": "u1", "strategy": "TWAP", "code": code}


class StandInExchange:
    """The cancel socket of an exchange: answers what it was given, remembers mass cancels."""

    def __init__(self, path: Path) -> None:
        self.day, self.at = DAY, 1
        self.page = 1_000
        self.reports: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.cancelled: list[str] = []
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(str(path))
        self._door.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                wire, _ = self._door.accept()
            except OSError:
                return
            with wire, wire.makefile("rwb") as lines:
                for line in lines:
                    lines.write(json.dumps(self._answer(json.loads(line))).encode() + b"\n")
                    lines.flush()

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        head = {"ok": True, "day": self.day, "at": self.at}
        if body["op"] == "mass_cancel":
            self.cancelled.append(body["scope"])
            count, self.orders = len(self.orders), []
            return {**head, "cancelled": count, "open": 0}
        if body["op"] == "orders":
            return {**head, "orders": list(self.orders)}
        since = body["since"]
        page = self.reports[since : since + self.page]
        more = since + len(page) < len(self.reports)
        return {**head, "reports": page, "next": since + len(page), "more": more}

    def open(
        self, counter: int, quantity: int, *, parent: int = 1, epoch: int = 1, **tag: str
    ) -> None:
        self.orders.append(
            {
                "child": child_id(epoch, counter), "side": 1, "quantity": quantity, "cum": 0,
                "leaves": quantity, "tags": {**tags(parent), **tag},
            }
        )  # fmt: skip

    def fill(self, counter: int, cum: int, *, parent: int = 1, kind: int = 2) -> None:
        self.reports.append(
            {
                "child": child_id(1, counter), "kind": kind, "cum": cum, "tags": tags(parent),
                "exec_id": len(self.reports) + 1,
            }
        )  # fmt: skip

    def close(self) -> None:
        self._door.close()


@dataclass
class Rig:
    """A watchdog whose clock is moved by hand."""

    folder: Path
    exchange: StandInExchange
    engine_flag: KillFlag
    engine_journal: SqliteJournal
    guard: Guard
    state: State = field(default_factory=State)
    now: int = 1_000 * SECOND

    def happened(self, *events: e.Event, market_s: float = 0.0) -> None:
        entries = []
        for event in events:
            self.state.seq += 1
            at = Nanos(int(market_s * SECOND))
            entries.append(
                e.Entry(seq=self.state.seq, turn=1, market_ns=at, desk_ns=Nanos(WALL), event=event)
            )
        self.engine_journal.append(entries)

    def look(self, after_s: float = 0.25, *, beats: bool = True) -> None:
        self.now += int(after_s * SECOND)
        if beats:
            self.engine_flag.beat(self.now, 1)
        self.guard.watch_engine(self.now, WALL)
        self.guard.look(self.now, WALL)

    def close_guard(self) -> None:
        self.guard.route.close()
        self.guard.journal.close()
        self.guard.flag.close()

    def kills(self) -> list[tuple[str, str, str]]:
        return [(s.scope, s.target, s.door) for s in self.engine_flag.slots() if s.active]

    def processes(self, pid: int | None, state: str = "running") -> None:
        rows = [{"name": "engine", "pid": pid, "state": state}]
        (self.folder / "processes.json").write_text(json.dumps({"processes": rows}))


class PatientRoute(CancelRoute):
    """The stand-in answers from a thread: it may have to wait for its turn on this machine."""

    def ask(self, *bodies: dict[str, Any], patience_s: float = 60.0) -> list[dict[str, Any]]:
        return super().ask(*bodies, patience_s=max(patience_s, 60.0))


def a_guard(folder: Path, flag: FlagFile) -> Guard:
    return Guard(
        flag=flag,
        route=PatientRoute(folder / "cancel.sock"),
        journal=JournalReader(
            folder=folder / "journal", witness=Witness(folder=folder / "witness")
        ),
        pulse=Pulse(limit_ns=LIMIT),
        processes=folder / "processes.json",
        report=folder / "watchdog.json",
    )


@pytest.fixture
def rig(tmp_path):
    exchange = StandInExchange(tmp_path / "cancel.sock")
    engine_flag = KillFlag.create(tmp_path / "kill.flag")
    flag = FlagFile.find(tmp_path / "kill.flag")
    assert flag is not None
    made = Rig(
        tmp_path,
        exchange,
        engine_flag,
        SqliteJournal(tmp_path / "journal"),
        a_guard(tmp_path, flag),
    )
    made.happened(*start())
    yield made
    made.close_guard()
    engine_flag.close()
    made.engine_journal.close()
    exchange.close()


# --- one file, two readers ------------------------------------------------------------------
def test_engine_and_watchdog_read_the_same_file(tmp_path):
    engine = KillFlag.create(tmp_path / "kill.flag")
    watchdog = FlagFile.find(tmp_path / "kill.flag")
    assert watchdog is not None
    engine.request("trader", "u1", "u3", door="web", now_ns=WALL)
    watchdog.kill("parent", "P-7", WALL + 1)
    watchdog.stamp(123)
    engine.beat(456, 9)
    assert [
        (s.index, s.generation, s.requested_at, s.active, s.scope, s.target, s.by, s.door)
        for s in engine.slots()
    ] == [
        (r.index, r.generation, r.at_ns, r.active, r.scope, r.target, r.by, r.door)
        for r in watchdog.requests()
    ]
    assert [slot.door for slot in engine.slots()] == ["web", "watchdog"]
    assert (engine.lease_ns, watchdog.heartbeat_ns, watchdog.epoch) == (123, 456, 9)
    assert engine.generation == watchdog.generation == 2
    assert not engine.is_all
    watchdog.kill("all", "", WALL)
    assert engine.is_all


def test_a_full_flag_file_becomes_all(tmp_path):
    engine = KillFlag.create(tmp_path / "kill.flag")
    watchdog = FlagFile.find(tmp_path / "kill.flag")
    assert watchdog is not None
    for number in range(SLOTS):
        watchdog.kill("parent", f"P-{number}", WALL)
    assert not engine.is_all
    before = engine.generation
    watchdog.kill("parent", "P-100", WALL)
    assert engine.is_all
    assert engine.generation > before


def test_a_released_slot_is_used_again(tmp_path):
    engine = KillFlag.create(tmp_path / "kill.flag")
    watchdog = FlagFile.find(tmp_path / "kill.flag")
    assert watchdog is not None
    for number in range(SLOTS):
        watchdog.kill("parent", f"P-{number}", WALL)
    engine.release(5)
    watchdog.kill("parent", "P-100", WALL)
    assert not engine.is_all
    assert engine.slots()[-1].target == "P-100"


def test_the_watchdog_never_makes_the_file(tmp_path):
    assert FlagFile.find(tmp_path / "kill.flag") is None
    (tmp_path / "kill.flag").write_bytes(b"damaged")
    assert FlagFile.find(tmp_path / "kill.flag") is None


# --- the over-sending engine (the cheating subject) -----------------------------------------
def test_a_parent_whose_fill_counter_is_broken_is_killed_at_the_next_look(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=1_000)))
    for counter in range(1, 4):  # 3 x 400 of 1,000
        rig.happened(intended(counter, 400), filled(counter, 400, counter))
    rig.look()
    assert rig.kills() == [("parent", "P-1", "watchdog")]
    facts = json.loads((rig.folder / "watchdog.json").read_text())
    assert facts["verdict"] == "breach"
    assert facts["checks"]["conservation"] == 200
    assert "1,200" in facts["acts"][-1]["sentence"]


def test_over_sending_shows_at_the_exchange_even_when_the_journal_hides_it(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=1_000)))
    rig.happened(e.ParentAccepted(parent=a_parent(2, quantity=9_000)))
    for counter in range(1, 4):  # booked on another parent, tagged with the true one
        rig.happened(intended(counter, 400, parent=2))
        rig.exchange.fill(counter, 400)
    rig.look()
    assert ("parent", "P-1", "watchdog") in rig.kills()


def test_open_orders_count_beside_fills(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=1_000)))
    rig.happened(intended(1, 600), filled(1, 600), intended(2, 400))
    rig.look()
    assert rig.kills() == []
    rig.happened(intended(3, 100))
    rig.look()
    assert rig.kills() == [("parent", "P-1", "watchdog")]


def test_busts_corrections_and_replaces_are_counted_by_the_watchdogs_own_fold():
    book = Journalled()
    rows = [
        e.ParentAccepted(parent=a_parent(quantity=1_000)), intended(1, 600), filled(1, 200, 1),
        filled(1, 100, 2),
        e.FillBusted(child_id=child_id(1, 1), exec_id=3, venue_at=Nanos(1), ref=1),
        e.FillCorrected(
            child_id=child_id(1, 1), exec_id=4, venue_at=Nanos(1), ref=2, price=Ticks(1),
            quantity=Shares(90),
        ),
        e.FillCorrected(
            child_id=child_id(1, 1), exec_id=5, venue_at=Nanos(1), ref=4, price=Ticks(1),
            quantity=Shares(80),
        ),
        e.ChildReplaced(
            child_id=child_id(1, 1), exec_id=6, venue_at=Nanos(1), request=1,
            quantity=Shares(500), price=Ticks(1),
        ),
    ]  # fmt: skip
    for event in rows:
        book.fold({"market_ns": 1, "desk_ns": 1, "event": msgspec.to_builtins(event)})
    parent = book.parents[1]
    assert (parent.filled, parent.leaves) == (80, 420)


def test_a_replace_that_the_journal_has_asked_for_is_no_breach(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=1_000)), intended(1, 600))
    rig.exchange.open(1, 500)  # it has taken a replace that the journal has not heard of yet
    rig.look()
    assert rig.kills() == []


def test_a_quantity_cut_while_orders_end_is_no_breach(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=1_000)), intended(1, 1_000))
    rig.exchange.open(1, 1_000)
    rig.look()
    cut = e.ParentAmended(
        parent_id=ParentId(1), quantity=Shares(500), limit_price=None, end_at=Nanos(1),
        base_volume=Shares(0), by=PersonId("u1"),
    )  # fmt: skip
    ended = e.ChildCancelled(child_id=child_id(1, 1), exec_id=9, venue_at=Nanos(0), reason=8)
    rig.happened(ended, cut)
    rig.look()
    assert rig.kills() == []


def test_a_known_breach_is_killed_once_and_a_growing_one_after_its_release_again(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=100)), intended(1, 200))
    rig.look()
    rig.look()
    assert len(rig.engine_flag.slots()) == 1
    rig.engine_flag.release(rig.engine_flag.slots()[0].generation)
    rig.look()
    assert rig.kills() == []
    rig.happened(intended(2, 200))
    rig.look()
    assert rig.kills() == [("parent", "P-1", "watchdog")]


def test_between_two_looks_the_journal_alone_is_enough_to_stop_a_parent(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=1_000)))
    rig.look()
    asked = rig.guard.looks
    rig.happened(intended(1, 1_200))
    rig.guard.glance(rig.now, WALL)
    assert rig.kills() == [("parent", "P-1", "watchdog")]
    assert rig.guard.looks == asked


def test_a_sound_journal_stops_nobody_at_a_glance(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=1_000)))
    rig.look()
    rig.happened(intended(1, 400), filled(1, 400, 1), intended(2, 600))
    rig.guard.glance(rig.now, WALL)
    rig.look()
    assert rig.kills() == []


# --- the other checks -----------------------------------------------------------------------
def test_an_order_that_is_not_in_the_journal_stops_everything(rig):
    rig.exchange.open(1, 100)
    rig.look()
    assert rig.kills() == [("all", "", "watchdog")]


def test_an_order_that_is_larger_than_the_journal_says_kills_its_parent(rig):
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100))
    rig.exchange.open(1, 900)
    rig.look()
    assert rig.kills() == [("parent", "P-1", "watchdog")]


def test_an_order_sent_by_other_code_stops_everything(rig):
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100))
    rig.exchange.open(1, 100, code="d" * 12)
    rig.look()
    assert rig.kills() == [("all", "", "watchdog")]


def test_a_burst_of_orders_kills_its_symbol(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=10_000)))
    rig.happened(*[intended(n, 1) for n in range(1, 82)], market_s=100)
    rig.look()
    assert rig.kills() == [("symbol", "MIDC", "watchdog")]


def test_the_same_orders_over_a_longer_time_are_fine(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=10_000)))
    for number in range(1, 82):
        rig.happened(intended(number, 1), market_s=number)
    rig.look()
    assert rig.kills() == []


def test_an_entry_that_does_not_fit_the_chain_stops_everything(rig):
    rig.look()
    rig.engine_journal._connection.execute(
        "INSERT INTO entry (seq, body, hash) VALUES (?, ?, ?)",
        (rig.state.seq + 1, b"{}", b"x" * 32),
    )
    rig.look()
    assert rig.kills() == [("all", "", "watchdog")]
    assert rig.guard.worst("chain") == 1


def test_a_market_that_stands_still_with_open_orders_stops_everything(rig):
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100))
    rig.exchange.open(1, 100)
    rig.look()
    for _ in range(29):
        rig.look(after_s=1)
    assert rig.kills() == []
    rig.look(after_s=2)
    assert rig.kills() == [("all", "", "watchdog")]


def test_a_paused_market_may_stand_still(rig):
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100), e.SpeedSet(speed=0.0))
    rig.exchange.open(1, 100)
    for _ in range(40):
        rig.look(after_s=1)
    assert rig.kills() == []


def test_a_market_that_goes_on_after_a_long_pause_has_all_its_time_to_move(rig):
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100), e.SpeedSet(speed=0.0))
    rig.exchange.open(1, 100)
    for _ in range(90):
        rig.look(after_s=1)
    rig.happened(e.SpeedSet(speed=10.0))
    for _ in range(29):
        rig.look(after_s=1)
    assert rig.kills() == []
    rig.look(after_s=2)
    assert rig.kills() == [("all", "", "watchdog")]


def test_fills_that_nobody_books_stop_everything(rig):
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100))
    rig.exchange.fill(1, 60)
    rig.look()
    rig.look(after_s=14)
    assert rig.kills() == []
    rig.look(after_s=2)
    assert rig.kills() == [("all", "", "watchdog")]


def test_a_deleted_flag_file_means_all_for_the_engine_that_still_has_it(rig):
    rig.look()
    (rig.folder / "kill.flag").unlink()
    rig.look()
    assert rig.engine_flag.is_all


def test_a_new_day_in_a_new_segment_starts_from_nothing(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=100)), intended(1, 100))
    rig.look()
    rig.engine_journal.rotate("2026-11-30")
    session = Session(day="2026-11-30", open_at=Nanos(0), close_at=Nanos(10**15), zone="UTC")
    rig.happened(e.SessionOpened(session=session, instruments=(), source="test", seed=1))
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=50)), intended(2, 50))
    rig.look()
    assert rig.kills() == []
    assert rig.guard.journal.segment == "000002.db"
    assert list(rig.guard.book.children) == [child_id(1, 2)]


def test_an_exchange_on_another_day_is_not_compared(rig):
    rig.exchange.day = "2026-11-26"
    rig.exchange.open(1, 100)
    rig.look()
    assert rig.kills() == []


def test_a_silent_exchange_makes_blind_and_kills_nothing(rig):
    rig.exchange.close()
    (rig.folder / "cancel.sock").unlink()
    rig.guard.route.close()
    rig.look()
    assert rig.kills() == []
    assert rig.guard.verdict() == "blind"


def test_orders_that_stay_open_under_our_kill_are_cancelled_by_our_own_route(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=50)), intended(1, 100))
    rig.exchange.open(1, 100)
    rig.look()
    assert rig.exchange.cancelled == []  # first the engine may obey
    rig.look(after_s=1.5)
    assert rig.exchange.cancelled == ["parent:P-1"]


def test_a_restarted_watchdog_does_not_repeat_a_kill_that_people_released(rig):
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=100)), intended(1, 200))
    rig.look()
    rig.engine_flag.release(rig.engine_flag.slots()[0].generation)
    flag = FlagFile.find(rig.folder / "kill.flag")
    assert flag is not None
    rig.close_guard()
    rig.guard = a_guard(rig.folder, flag)
    rig.look()
    assert rig.kills() == []
    rig.happened(intended(2, 1))
    rig.look()
    assert rig.kills() == [("parent", "P-1", "watchdog")]


# --- heartbeat ------------------------------------------------------------------------------
RUNNING = EngineProcess(pid=10, state="running")


def a_pulse() -> Pulse:
    pulse = Pulse(limit_ns=LIMIT)
    assert pulse.judge(100 * SECOND, 0, RUNNING) == "starting"
    assert pulse.judge(101 * SECOND, 101 * SECOND, RUNNING) == "alive"
    return pulse


def test_an_engine_that_has_never_beaten_is_starting():
    pulse = Pulse(limit_ns=LIMIT)
    assert pulse.judge(SECOND, 0, RUNNING) == "starting"
    assert pulse.judge(SECOND + START_GRACE_NS, 0, RUNNING) == "starting"
    assert pulse.judge(2 * SECOND + START_GRACE_NS, 0, RUNNING) == "silent"


def test_a_beat_younger_than_our_look_at_the_clock_is_alive():
    assert a_pulse().judge(102 * SECOND, 102 * SECOND + 1_000, RUNNING) == "alive"


def test_a_heart_that_stops_is_silent_after_its_limit():
    pulse = a_pulse()
    assert pulse.judge(102 * SECOND, 101 * SECOND, RUNNING) == "alive"
    assert pulse.judge(102 * SECOND + 1, 101 * SECOND, RUNNING) == "quiet"
    assert pulse.judge(104 * SECOND, 101 * SECOND, RUNNING) == "quiet"
    assert pulse.judge(104 * SECOND + 1, 101 * SECOND, RUNNING) == "silent"


def test_a_restarted_engine_is_not_judged_by_the_last_beat_of_its_predecessor():
    pulse = a_pulse()
    again = EngineProcess(pid=11, state="running")
    assert pulse.judge(102 * SECOND, 101 * SECOND + 1, again) == "alive"  # still young
    assert pulse.judge(110 * SECOND, 101 * SECOND + 1, again) == "starting"
    assert pulse.judge(111 * SECOND, 111 * SECOND, again) == "alive"
    assert pulse.judge(115 * SECOND, 111 * SECOND, again) == "silent"


def test_a_dead_engine_that_waits_for_its_restart_is_silent():
    dead = EngineProcess(pid=None, state="waiting")
    assert a_pulse().judge(110 * SECOND, 101 * SECOND, dead) == "silent"


def test_an_engine_that_is_told_to_stop_is_let_go():
    leaving = EngineProcess(pid=10, state="stopping")
    assert a_pulse().judge(110 * SECOND, 101 * SECOND, leaving) == "stopping"


def test_a_stamp_of_an_earlier_life_of_the_machine_is_no_beat():
    assert Pulse(limit_ns=LIMIT).judge(SECOND, 10**15, RUNNING) == "starting"


def test_a_hanging_engine_loses_its_orders_and_then_its_life(rig):
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "engine", "run"]
    )
    try:
        rig.processes(sleeper.pid)
        rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100))
        rig.exchange.open(1, 100)
        rig.look()
        rig.look()
        rig.look(after_s=1.0, beats=False)
        assert rig.exchange.cancelled == []
        rig.look(after_s=0.25, beats=False)
        assert rig.exchange.cancelled == ["all"]
        rig.look(after_s=1.7, beats=False)
        assert rig.exchange.cancelled == ["all"]  # nothing is open any more
        assert sleeper.poll() is None
        rig.look(after_s=0.25, beats=False)
        assert sleeper.wait(timeout=60) == -signal.SIGKILL
    finally:
        sleeper.kill()
        sleeper.wait()
    acts = [act["act"] for act in rig.guard.acts]
    assert acts == ["mass_cancel", "mass_cancel", "end_engine"]


def test_a_quiet_engine_without_open_orders_is_left_alone(rig):
    rig.look()
    rig.look()
    rig.look(after_s=2.5, beats=False)
    assert rig.exchange.cancelled == []
    assert rig.guard.heart == "quiet"


def test_an_engine_that_waits_for_a_silent_exchange_is_not_cancelled_for_it(rig):
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100))
    rig.exchange.open(1, 100)
    rig.look()
    rig.look()
    rig.guard.blind["exchange"] = "timed out"
    rig.now += 2 * SECOND
    rig.guard.watch_engine(rig.now, WALL)
    assert rig.guard.heart == "quiet"
    assert rig.exchange.cancelled == []
    rig.look(after_s=0.1)
    rig.look(after_s=1.25, beats=False)
    assert rig.exchange.cancelled == ["all"]


def test_an_engine_that_starts_is_not_quiet(rig):
    rig.processes(10)
    rig.look()
    rig.processes(11)
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100))
    rig.exchange.open(1, 100)
    rig.look(after_s=0.2, beats=False)
    rig.look(after_s=1.5, beats=False)
    assert rig.guard.heart in ("alive", "starting")
    assert rig.exchange.cancelled == []


# --- a long day -----------------------------------------------------------------------------
def test_a_watchdog_that_comes_back_reads_a_long_day_page_by_page_before_it_is_settled(rig):
    rig.exchange.page = 2
    rig.happened(e.ParentAccepted(parent=a_parent(quantity=10_000)))
    for counter in range(1, 6):
        rig.happened(intended(counter, 100), filled(counter, 100, counter))
        rig.exchange.fill(counter, 100)
    settled = []
    for _ in range(3):
        rig.look()
        settled.append((rig.guard.is_settled, rig.guard.venue.next, rig.guard.verdict()))
    assert settled == [(False, 2, "blind"), (False, 4, "blind"), (True, 5, "ok")]
    assert rig.guard.venue.totals() == {1: 500}
    assert rig.kills() == []


# --- one code -------------------------------------------------------------------------------
def test_the_watchdog_and_the_engine_hash_the_same_code():
    assert watchdog_hash() == trading_hash()


def test_an_engine_of_other_code_is_killed_and_both_codes_are_named(rig):
    rig.guard.code = "d" * 64
    rig.look()
    rig.look()
    assert rig.kills() == [("all", "", "watchdog")]
    assert rig.guard.acts[-1]["sentence"] == (
        "the engine runs code cccccccccccc, this watchdog dddddddddddd"
    )


def test_a_release_does_not_settle_that_the_codes_differ(rig):
    rig.guard.code = "d" * 64
    rig.look()
    rig.look()
    rig.engine_flag.release(rig.engine_flag.slots()[0].generation)
    rig.look()
    assert rig.kills() == [("all", "", "watchdog")]


def test_an_engine_of_the_same_code_may_trade(rig):
    rig.guard.code = CODE
    rig.look()
    rig.look()
    assert rig.kills() == []


def test_the_code_of_an_earlier_engine_is_nobodys_fault(rig):
    rig.guard.code = "d" * 64
    rig.processes(10)
    rig.look(beats=False)  # the journal tells of the engine before, this one has not beaten yet
    rig.happened(e.EngineStarted(epoch=2, code="d" * 64))
    rig.now += SECOND
    rig.engine_flag.beat(rig.now, 2)
    rig.guard.watch_engine(rig.now, WALL)
    rig.guard.look(rig.now, WALL)
    assert rig.kills() == []


def test_a_process_that_is_no_engine_is_never_ended(rig):
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        rig.processes(stranger.pid)
        rig.look()
        rig.look()
        rig.look(after_s=10, beats=False)
        rig.look(after_s=10, beats=False)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_quiet_children_and_orders_of_a_sound_day_are_left_alone(rig):
    rig.happened(e.ParentAccepted(parent=a_parent()), intended(1, 100), intended(2, 200))
    rig.exchange.open(1, 100)
    rig.exchange.fill(2, 200)
    rig.happened(filled(2, 200))
    for _ in range(8):
        rig.exchange.at += 1
        rig.look()
    assert rig.kills() == []
    assert rig.guard.verdict() == "ok"
    assert ChildId(child_id(1, 1)) in rig.guard.venue.open
