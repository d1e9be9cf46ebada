"""A disk that fills up: new orders wait, cancels go on and are kept, the journal stays whole."""

import sqlite3
from pathlib import Path

import pytest

from db.journal import SqliteJournal, is_writable, segments, verify
from engine.core.state import State
from engine.domain.errors import JournalUnwritable
from engine.runtime.clock import HandClock
from engine.runtime.disk import LOOK_NS, RESERVE_BYTES, Disk, Reserve
from engine.runtime.gate import Gate
from engine.runtime.kill_flag import KillFlag
from tests.unit.test_journal import entry


def test_too_little_room_stops_new_orders_and_says_how_much_there_is(tmp_path: Path):
    room = [501_000_000]
    disk = Disk(tmp_path, least=500_000_000, free=lambda _folder: room[0])
    assert disk.closed_because(0) == ""
    room[0] = 312_400_000
    assert disk.closed_because(LOOK_NS - 1) == ""  # it looks once a second
    assert disk.closed_because(LOOK_NS) == (
        "disk: 312 MB are free, new orders need 500; cancels and kills go on"
    )
    room[0] = 600_000_000
    assert disk.closed_because(2 * LOOK_NS) == ""


def test_the_gate_asks_the_disk_last(tmp_path: Path):
    flag = KillFlag.create(tmp_path / "kill.flag")
    disk = Disk(tmp_path, least=1, free=lambda _folder: 0)
    gate = Gate(flag, HandClock(), lease_ns=0, disk=disk)
    gate.unread(State())
    assert gate.closed_because(State()).startswith("disk: 0 MB are free")
    flag.set_all()
    assert gate.closed_because(State()).startswith("kill: ")


def test_the_real_room_is_measured(tmp_path: Path):
    assert Disk(tmp_path, least=1).closed_because(0) == ""


def test_the_reserve_is_as_large_at_first_as_ever_and_keeps_acts_in_order(tmp_path: Path):
    path = tmp_path / "reserve.log"
    reserve = Reserve(path)
    assert path.stat().st_size == RESERVE_BYTES
    reserve.note({"at": 1, "act": "mass_cancel"})
    Reserve(path).note({"at": 2, "act": "mass_cancel"})
    assert [act["at"] for act in reserve.acts()] == [1, 2]
    assert path.stat().st_size == RESERVE_BYTES


def test_a_full_reserve_keeps_the_newest(tmp_path: Path):
    reserve = Reserve(tmp_path / "reserve.log")
    for at in range(4):
        reserve.note({"at": at, "words": "x" * 100_000})
    assert reserve.acts()[0]["at"] == 2
    assert reserve.path.stat().st_size == RESERVE_BYTES


def test_a_full_journal_stores_nothing_of_a_turn_and_says_so(tmp_path: Path):
    journal = SqliteJournal(tmp_path)
    journal.append([entry(1)])
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    head = journal.head
    with pytest.raises(JournalUnwritable, match="database or disk is full"):
        journal.append([entry(seq) for seq in range(2, 2_000)])
    assert journal.head == head
    assert verify(tmp_path).entries == 1
    journal._connection.execute("PRAGMA max_page_count = 1000000")
    journal.append([entry(2)])
    assert verify(tmp_path).entries == 2


def test_a_journal_that_somebody_holds_is_not_writable_until_it_is_let_go(tmp_path: Path):
    journal = SqliteJournal(tmp_path)
    journal.append([entry(1)])
    journal._connection.execute("PRAGMA busy_timeout=10")
    thief = sqlite3.connect(segments(tmp_path)[-1], isolation_level=None)
    thief.execute("BEGIN IMMEDIATE")
    assert not is_writable(tmp_path)
    with pytest.raises(JournalUnwritable, match="locked"):
        journal.append([entry(2)])
    thief.execute("ROLLBACK")
    thief.close()
    assert is_writable(tmp_path)
    assert verify(tmp_path).first_bad == 0
