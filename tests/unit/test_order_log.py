"""The exchange's log: durable lines, a torn end, damage found, accounts by the file alone."""

import errno
import os

import numpy as np
import pytest

from engine.domain.errors import BrokenInvariant
from engine.domain.executions import EXECUTION, orders
from engine.domain.kinds import ACCEPTED, CANCELLED
from engine.exchange.ledger import read_log, summary
from engine.exchange.order_log import (
    ROOM,
    Linked,
    Moved,
    Opened,
    OrderLog,
    Withdrawn,
    latest,
    line_of,
    log_path,
    read_entries,
)
from tests.support.market import OPEN, SECOND, message, session


def opened():
    return Opened(session=session(), seed=7, source="SIM", symbols=("MIDC",))


def moved(child=1, kind=ACCEPTED, leaves=100):
    report = np.zeros(1, EXECUTION)
    report["kind"], report["child"], report["leaves"], report["exec_id"] = kind, child, leaves, 1
    return Moved(
        turn=1,
        from_ns=OPEN,
        to_ns=OPEN + SECOND,
        messages=orders(message(child, at=OPEN, price=4_990)).tobytes(),
        tags={str(child): {"parent": "P-1"}},
        reports=report.tobytes(),
    )


def written(tmp_path, *entries):
    path = log_path(tmp_path, "2026-11-27")
    log = OrderLog(path)
    for entry in entries:
        log.append(entry)
    log.close()
    return path


def test_entries_come_back_as_they_were_written(tmp_path):
    entries = [opened(), Linked(epoch=3, link=1), moved()]
    path = written(tmp_path, *entries)
    assert read_entries(path)[0] == entries
    assert latest(tmp_path) == path


def test_a_torn_last_line_is_cut_off_and_writing_goes_on_behind_it(tmp_path):
    path = written(tmp_path, opened(), moved())
    whole = path.read_bytes()
    for cut in (len(whole) - 1, len(whole) - 40):
        path.write_bytes(whole[:cut])
        log = OrderLog(path)
        assert log.entries == [opened()]
        log.append(moved(2))
        log.close()
        assert read_entries(path)[0] == [opened(), moved(2)]


def test_damage_in_the_middle_stops_everything(tmp_path):
    path = written(tmp_path, opened(), moved(), moved(2))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(BrokenInvariant, match="damaged"):
        read_entries(path)


def test_a_log_that_does_not_begin_with_its_day_is_no_log(tmp_path):
    with pytest.raises(BrokenInvariant, match="does not begin"):
        read_entries(written(tmp_path, moved()))


def test_the_account_of_a_day_needs_only_its_file(tmp_path):
    account = read_log(written(tmp_path, opened(), moved(1), moved(2, CANCELLED, 0)))
    assert [(o.child, o.state, o.leaves) for o in account.orders] == [
        (1, ACCEPTED, 100),
        (2, CANCELLED, 0),
    ]
    assert account.orders[0].tags == {"parent": "P-1"}
    assert len(account.reports) == 2
    assert account.session == session()
    assert summary(log_path(tmp_path, "2026-11-27")) == {
        "day": "2026-11-27",
        "orders": 2,
        "open": 1,
        "reports": 2,
        "fills": 0,
        "shares": 0,
        "mass_cancels": 0,
    }


def test_a_report_for_a_child_that_never_came_is_a_broken_log(tmp_path):
    entry = Moved(turn=1, from_ns=0, to_ns=1, messages=b"", tags={}, reports=moved().reports)
    with pytest.raises(BrokenInvariant, match="never came"):
        read_log(written(tmp_path, opened(), entry))


def a_full_disk(monkeypatch):
    """From now on no file grows."""
    put = os.pwrite

    def within(file, data, at):
        if at + len(data) > os.fstat(file).st_size:
            raise OSError(errno.ENOSPC, "No space left on device")
        return put(file, data, at)

    monkeypatch.setattr(os, "pwrite", within)


def test_a_full_disk_has_room_for_mass_cancels_and_says_when_it_is_used_up(tmp_path, monkeypatch):
    path = log_path(tmp_path, "2026-11-27")
    log = OrderLog(path)
    log.append(opened())
    a_full_disk(monkeypatch)
    many = Withdrawn(
        at_ns=OPEN, children=tuple((0, n) for n in range(5_000)), scope="all", by="halted",
        reports=np.zeros(4_000, EXECUTION).tobytes(),
    )  # fmt: skip
    assert len(line_of(many)) < ROOM
    log.append(many)
    with pytest.raises(OSError, match="No space left"):
        log.append(many)
    assert read_entries(path)[0] == [opened(), many]


def test_what_a_kill_of_the_process_leaves_is_read_and_its_room_is_kept(tmp_path, monkeypatch):
    path = log_path(tmp_path, "2026-11-27")
    OrderLog(path).append(opened())  # never closed
    whole = path.read_bytes()
    end = len(line_of(opened()))
    assert len(whole) == ROOM
    path.write_bytes(whole[:end] + line_of(moved())[:-40] + whole[end:])  # torn, then the room
    a_full_disk(monkeypatch)
    log = OrderLog(path)
    assert log.entries == [opened()]
    log.append(moved(2))
    assert read_entries(path)[0] == [opened(), moved(2)]
    assert path.stat().st_size >= ROOM
