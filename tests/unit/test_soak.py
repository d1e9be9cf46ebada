"""What the soak calls growth, and what it calls an unhandled exception."""

import os
from pathlib import Path

from engine.drill.soak import GROWTH, Memory, has_grown, last_traceback, rss, tracebacks
from engine.watchdog.books import AtExchange

SECOND = 1_000_000_000


def test_memory_that_is_the_same_at_each_close_has_not_grown():
    assert not has_grown([200.0, 230.0, 200.0 * (1 + GROWTH / 100)])
    assert not has_grown([200.0])
    assert not has_grown([0.0, 200.0, 0.0, 200.0])  # it was not there at a close


def test_memory_beyond_the_first_close_has_grown():
    assert has_grown([200.0, 190.0, 200.0 * (1 + GROWTH / 100) + 0.1])


def test_the_memory_of_this_process_is_seen_and_of_one_that_is_gone_is_none():
    assert rss(os.getpid()) > 10_000_000
    assert rss(2**22 + 1) == 0


def test_growth_within_a_life_is_measured_after_its_warm_up(monkeypatch):
    sizes = iter([900, *[100] * 59, *[110] * 59, 110])
    monkeypatch.setattr("engine.drill.soak.rss", lambda pid: next(sizes) * 1_048_576)
    memory = Memory()
    for second in range(0, 240, 2):
        memory.sample("engine", 7, second * SECOND)
    report = memory.report("engine")
    assert (report["warm_mb"], report["end_mb"], report["growth_pct"]) == (100.0, 110.0, 10.0)
    assert (report["lives"], report["peak_mb"]) == (1, 900.0)
    assert memory.report("web") == {"lives": 0}


def test_a_traceback_in_any_log_is_counted_and_quoted(tmp_path: Path):
    (tmp_path / "engine.log").write_text("engine ready: epoch 1\n")
    (tmp_path / "worker.log").write_text(
        "ready\nTraceback (most recent call last):\n  File x\nKeyError: 'MIDC'\n"
    )
    assert tracebacks(tmp_path) == {"worker.log": 1}
    assert last_traceback(tmp_path / "worker.log").endswith("KeyError: 'MIDC'")


def test_children_of_one_parent_share_their_tags_in_the_watchdog():
    venue = AtExchange()
    rows = [{"child": n, "kind": 1, "cum": 0, "tags": {"parent": "P-1"}} for n in (1, 2)]
    rows.append({"child": 3, "kind": 1, "cum": 0, "tags": {"parent": "P-2"}})
    log = {"day": "", "reports": rows, "next": 3, "more": False}
    assert venue.take(log, {"orders": [], "at": 1}, 1)
    assert venue.tags[1] is venue.tags[2]
    assert venue.tags[3] == {"parent": "P-2"}
