"""The worker as a process: projects, stops at once, dies in the middle of a past day."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from db.jobs import Jobs
from db.journal import SqliteJournal, read_segment, segments
from db.queries import Queries, database_url
from engine.domain.errors import Refused
from engine.settings import make_folders, paths, resolve, to_env
from tests.support.past_days import a_state_with_a_past_day

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


def started(settings):
    """A worker process that is its own group."""
    return subprocess.Popen(
        [sys.executable, "-m", "engine.worker"], cwd=ROOT, env={**os.environ, **to_env(settings)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def eventually(question):
    """The first true answer."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        with suppress(Refused):
            found = question()
            if found:
                return found
        time.sleep(0.05)
    raise AssertionError("it never became true")


@pytest.fixture
def desk(tmp_path):
    """A state folder whose live journal holds a short day that ended without a report."""
    settings = resolve({"state": str(tmp_path / "var"), "history_days": 3}, {})
    where = paths(settings)
    make_folders(where)
    (segment,) = segments(next((a_state_with_a_past_day() / "history").iterdir()))
    journal = SqliteJournal(where.journal)
    entries = list(read_segment(segment))
    journal.append(entries[:1_000])
    yield settings, journal, entries
    journal.close()


def test_a_worker_follows_the_journal_and_stops_when_told(desk):
    settings, journal, entries = desk
    where = paths(settings)
    queries = Queries.open(database_url("", where.desk_db), where.state)
    worker = started(settings)
    try:
        eventually(lambda: queries.data_as_of() and queries.data_as_of().seq == 1_000)
        journal.append(entries[1_000:1_010])
        eventually(lambda: queries.data_as_of().seq == 1_010)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE_S) == 0
    finally:
        worker.kill()
        worker.wait()
        queries.close()


def test_a_worker_killed_in_a_past_day_leaves_no_half_day_and_begins_it_again(desk):
    settings, _, _ = desk
    where = paths(settings)
    history = where.state / "history"

    def under_way():
        return [path for path in history.glob(".part-*/000001.db") if path.stat().st_size]

    worker = started(settings)
    try:
        (half,) = eventually(under_way)
    finally:
        worker.kill()
        worker.wait()
    left = half.with_name("left over")
    left.touch()
    assert list(history.glob("[0-9]*")) == []
    assert Queries.open(database_url("", where.desk_db), where.state).days("DEMO") == ()
    worker = started(settings)
    try:
        eventually(lambda: not left.exists() and under_way())
        jobs = Jobs.open(where.people_db)
        assert jobs.get("history").runs == 2
        jobs.close()
    finally:
        worker.kill()
        worker.wait()
