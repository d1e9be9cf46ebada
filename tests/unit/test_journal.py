"""The journal: durable, numbered, chained; every way to tamper with it is found and named."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from db.journal import SqliteJournal, chain, read_all, read_decision, read_tail, segments, verify
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant
from engine.domain.events import Entry
from tests.replay.test_replay import busy_day


def entry(seq: int, desk_ns: int = 0) -> Entry:
    event = e.SpeedSet(speed=float(seq))
    return Entry(seq=seq, turn=seq, market_ns=0, desk_ns=desk_ns or seq, event=event)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """A busy day in a real journal of two segments."""
    folder = tmp_path_factory.mktemp("journal")
    rig = busy_day(7)
    journal = SqliteJournal(folder)
    entries = rig.journal.entries
    journal.append(entries[:200], [(s, r) for s, r in rig.journal.records.items() if s <= 200])
    journal.rotate("2026-12-01")
    journal.append(entries[200:], [(s, r) for s, r in rig.journal.records.items() if s > 200])
    journal.close()
    return folder


@pytest.fixture
def folder(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "journal"))


def write(path: Path, *statements: tuple) -> None:
    """As a thief with a database tool: without the triggers."""
    connection = sqlite3.connect(path)
    for name in ("entry_no_update", "entry_no_delete", "decision_no_update", "decision_no_delete"):
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    for statement in statements:
        connection.execute(*statement)
    connection.commit()
    connection.close()


def test_what_was_appended_comes_back_in_order(folder: Path):
    entries = list(read_all(folder))
    assert [x.seq for x in entries] == list(range(1, len(entries) + 1))
    assert next(x.seq for x in read_tail(folder)) == 201
    verdict = verify(folder)
    assert verdict.first_bad == 0
    assert verdict.entries == len(entries)


def test_a_decision_record_comes_back_with_its_entry(folder: Path):
    seq = next(x.seq for x in read_all(folder) if isinstance(x.event, e.ChildIntended))
    assert read_decision(folder, seq) is not None
    assert read_decision(folder, 1) is None


def test_a_gap_in_the_numbers_is_a_broken_invariant(tmp_path: Path):
    journal = SqliteJournal(tmp_path)
    journal.append([entry(1)])
    with pytest.raises(BrokenInvariant, match="entry 3 does not follow 1"):
        journal.append([entry(3)])
    assert journal.head[0] == 1


def test_a_child_id_used_twice_is_not_stored(tmp_path: Path):
    rig = busy_day(7)
    journal = SqliteJournal(tmp_path)
    entries = rig.journal.entries
    journal.append(entries)
    first = next(x for x in entries if isinstance(x.event, e.ChildIntended))
    again = Entry(
        seq=entries[-1].seq + 1, turn=9, market_ns=0, desk_ns=entries[-1].desk_ns, event=first.event
    )
    with pytest.raises(sqlite3.IntegrityError):
        journal.append([again])
    assert journal.head[0] == entries[-1].seq


def test_the_database_itself_refuses_update_and_delete(folder: Path):
    connection = sqlite3.connect(segments(folder)[0])
    for statement in ("UPDATE entry SET body = x'00'", "DELETE FROM entry"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_a_second_opening_goes_on_where_the_first_stopped(tmp_path: Path):
    first = SqliteJournal(tmp_path)
    first.append([entry(1), entry(2)])
    head = first.head
    first.close()
    second = SqliteJournal(tmp_path)
    assert second.head == head
    second.append([entry(3)])
    assert verify(tmp_path).entries == 3


def test_an_edit_is_found_at_its_entry(folder: Path):
    path = segments(folder)[0]
    write(
        path,
        (
            (
                "UPDATE entry SET body = "
                "CAST(replace(CAST(body AS TEXT), 'offset', 'onset1') AS BLOB) WHERE seq = 5"
            ),
        ),
    )
    assert verify(folder).first_bad == 5


def test_a_deletion_in_the_middle_is_found(folder: Path):
    write(segments(folder)[0], ("DELETE FROM entry WHERE seq = 50",))
    assert verify(folder).first_bad == 50


def test_a_missing_segment_is_found(folder: Path):
    segments(folder)[0].unlink()
    verdict = verify(folder)
    assert verdict.first_bad == 1
    assert "does not continue the chain" in verdict.reason


def test_an_insertion_is_found(folder: Path):
    path = segments(folder)[-1]
    last = verify(folder).entries
    write(path, ("INSERT INTO entry VALUES (?, x'7b7d', x'00')", (last + 1,)))
    assert verify(folder).first_bad == last + 1


def test_a_clock_set_back_is_found(tmp_path: Path):
    journal = SqliteJournal(tmp_path)
    journal.append([entry(1, desk_ns=100), entry(2, desk_ns=50)])
    assert verify(tmp_path).first_bad == 2


def test_a_changed_decision_record_is_found(folder: Path):
    seq = next(x.seq for x in read_all(folder) if isinstance(x.event, e.ChildIntended))
    path = segments(folder)[0]
    write(path, ("UPDATE decision SET record = x'00' WHERE seq = ?", (seq,)))
    verdict = verify(folder)
    assert verdict.first_bad == seq
    assert "decision record" in verdict.reason


def test_a_re_chained_tail_still_has_another_head(folder: Path):
    """A thief who recomputes every hash is found by the head that was written down elsewhere."""
    before = verify(folder).head
    path = segments(folder)[-1]
    connection = sqlite3.connect(path)
    prev = bytes(connection.execute("SELECT prev FROM segment").fetchone()[0])
    rows = connection.execute("SELECT seq, body FROM entry ORDER BY seq").fetchall()
    connection.close()
    updates = []
    priced = next(seq for seq, body in rows if b'"price":' in body)
    for seq, body in rows:
        changed = body.replace(b'"price":', b'"price":1') if seq == priced else body
        prev = chain(prev, changed)
        updates.append(("UPDATE entry SET body = ?, hash = ? WHERE seq = ?", (changed, prev, seq)))
    write(path, *updates)
    assert verify(folder).head != before


def test_an_engine_that_died_while_it_made_a_segment_goes_on_with_the_one_before(tmp_path):
    journal = SqliteJournal(tmp_path)
    journal.append([entry(1)])
    journal.close()
    unborn = sqlite3.connect(tmp_path / "000002.db")
    unborn.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, body BLOB, hash BLOB)")
    unborn.close()
    again = SqliteJournal(tmp_path)
    again.append([entry(2)])
    again.close()
    assert [path.name for path in segments(tmp_path)] == ["000001.db"]
    assert verify(tmp_path).entries == 2


def test_a_restart_between_sealing_and_carrying_over_folds_the_segment_before_too(tmp_path):
    journal = SqliteJournal(tmp_path)
    journal.append([entry(1)])
    journal.rotate("2026-12-01")
    journal.close()
    assert [x.seq for x in read_tail(tmp_path)] == [1]
    again = SqliteJournal(tmp_path)
    started = e.EngineStarted(epoch=2, code="c")
    again.append([Entry(seq=2, turn=2, market_ns=0, desk_ns=2, event=started), entry(3)])
    again.close()
    assert [x.seq for x in read_tail(tmp_path)] == [1, 2, 3]
    assert verify(tmp_path).first_bad == 0


ONE_BLANK_MORE = "CAST(body || ' ' AS BLOB)"


@pytest.mark.parametrize(
    ("theft", "sentence"),
    [
        (f"UPDATE entry SET body = {ONE_BLANK_MORE} WHERE seq = 300", "entry 300: its hash"),
        ("DELETE FROM entry WHERE seq = 300", "entry 300: it is missing, 301 follows 299"),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 300", "entry 300: its hash"),
        ("DELETE FROM entry WHERE seq = 201", "entry 201: it is missing, 202 follows 200"),
    ],
)
def test_a_start_folds_nothing_of_a_journal_that_somebody_changed(folder, theft, sentence):
    write(segments(folder)[-1], (theft,))
    with pytest.raises(BrokenInvariant, match=sentence):
        list(read_tail(folder))
    list(read_all(folder))  # other readers show what is there; the chain is the engine's to judge
