"""The second record of the journal: each of six ways to tamper is named at its first bad entry."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from db.journal import SqliteJournal, chain, segments, verify
from engine.domain import events as e
from engine.domain.codec import entry_from_json, entry_to_json
from engine.domain.events import Entry
from engine.watchdog.journal import ChainBroken, JournalReader
from engine.watchdog.witness import Witness
from tests.unit.test_journal import entry, write

LAST = 2_500


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """A journal of two segments and what a watchdog saw of it."""
    folder = tmp_path_factory.mktemp("desk")
    journal = SqliteJournal(folder / "journal")
    reader = watch(folder)
    journal.append([entry(seq) for seq in range(1, 1_501)])
    see_all(reader)
    journal.rotate("2026-12-01")
    journal.append([entry(seq) for seq in range(1_501, LAST + 1)])
    see_all(reader)
    journal.close()
    reader.close()
    return folder


@pytest.fixture
def desk(kept: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept, tmp_path / "desk"))


def watch(folder: Path) -> JournalReader:
    return JournalReader(folder=folder / "journal", witness=Witness(folder=folder / "witness"))


def see_all(reader: JournalReader, wall: int = 10**18) -> None:
    while reader.read():
        reader.witness.write(wall)
    reader.witness.write(wall)


def first_bad(desk: Path) -> int:
    return verify(desk / "journal", desk / "witness").first_bad


def rechain(path: Path, first: int, change=lambda body: body) -> None:
    """As a thief who computes every hash anew from ``first`` on."""
    wire = sqlite3.connect(path)
    prev = bytes(wire.execute("SELECT prev FROM segment").fetchone()[0])
    rows = wire.execute("SELECT seq, body FROM entry ORDER BY seq").fetchall()
    wire.close()
    updates = []
    for seq, body in rows:
        changed = change(body) if seq == first else body
        prev = chain(prev, changed)
        updates.append(("UPDATE entry SET body = ?, hash = ? WHERE seq = ?", (changed, prev, seq)))
    write(path, *updates)


def faster(body: bytes) -> bytes:
    seq = entry_from_json(body).seq
    other = e.SpeedSet(speed=0.5)
    return entry_to_json(Entry(seq=seq, turn=seq, market_ns=0, desk_ns=seq, event=other))


def earlier(body: bytes) -> bytes:
    seq = entry_from_json(body).seq
    return entry_to_json(entry(seq, desk_ns=5))


def test_an_untouched_journal_and_its_witness_agree_on_every_entry(desk: Path):
    verdict = verify(desk / "journal", desk / "witness")
    assert (verdict.first_bad, verdict.entries, verdict.witnessed) == (0, LAST, LAST)
    anchors = (desk / "witness" / "anchors.log").read_text().splitlines()
    assert len(anchors) >= 2


def test_an_edit_is_named(desk: Path):
    write(segments(desk / "journal")[0], ("UPDATE entry SET body = x'7b7d' WHERE seq = 700",))
    assert first_bad(desk) == 700


def test_a_deletion_in_the_middle_is_named(desk: Path):
    write(segments(desk / "journal")[0], ("DELETE FROM entry WHERE seq = 701",))
    assert first_bad(desk) == 701


def test_a_deletion_of_the_tail_is_named(desk: Path):
    write(segments(desk / "journal")[1], ("DELETE FROM entry WHERE seq > 2400",))
    assert verify(desk / "journal").first_bad == 0  # the chain alone cannot know
    assert first_bad(desk) == 2_401


def test_a_missing_newest_segment_is_named(desk: Path):
    for part in segments(desk / "journal")[1].parent.glob("000002.db*"):
        part.unlink()
    assert verify(desk / "journal").first_bad == 0
    assert first_bad(desk) == 1_501


def test_an_insertion_is_named(desk: Path):
    path = segments(desk / "journal")[1]
    write(
        path,
        ("UPDATE entry SET seq = -seq WHERE seq >= 2000",),
        ("UPDATE entry SET seq = 1 - seq WHERE seq < 0",),
        ("INSERT INTO entry SELECT 2000, body, hash FROM entry WHERE seq = 1999",),
    )
    assert first_bad(desk) == 2_000


def test_a_re_chained_edit_is_named(desk: Path):
    rechain(segments(desk / "journal")[1], 1_777, faster)
    assert verify(desk / "journal").first_bad == 0
    assert first_bad(desk) == 1_777


def test_a_clock_set_back_is_named_even_when_it_was_chained_anew(desk: Path):
    rechain(segments(desk / "journal")[1], 1_888, earlier)
    assert first_bad(desk) == 1_888


def test_an_anchor_that_does_not_fit_is_named_without_the_heads(desk: Path):
    for path in (desk / "witness").glob("*.heads"):
        path.unlink()
    rechain(segments(desk / "journal")[1], 1_777, faster)
    assert first_bad(desk) >= 1_777


def test_a_watchdog_that_comes_back_finds_what_was_changed_meanwhile(desk: Path):
    rechain(segments(desk / "journal")[1], 1_777, faster)
    with pytest.raises(ChainBroken, match="entry 1777 is not the one that was seen before"):
        see_all(watch(desk))


def test_a_watchdog_that_comes_back_misses_a_tail(desk: Path):
    write(segments(desk / "journal")[1], ("DELETE FROM entry WHERE seq > 2400",))
    with pytest.raises(ChainBroken, match="ends at entry 2400, entry 2500 was seen"):
        see_all(watch(desk))


def test_a_watchdog_that_comes_back_goes_on_where_it_was(desk: Path):
    journal = SqliteJournal(desk / "journal")
    journal.append([entry(LAST + 1)])
    see_all(watch(desk))
    assert verify(desk / "journal", desk / "witness").witnessed == LAST + 1


def test_a_witness_that_could_not_write_loses_nothing(desk: Path):
    journal = SqliteJournal(desk / "journal")
    journal.append([entry(LAST + 1)])
    reader = watch(desk)
    while reader.read():
        pass
    path = desk / "witness" / "000002.heads"
    kept = path.rename(desk / "kept")
    path.mkdir()  # in the way
    with pytest.raises(IsADirectoryError):
        reader.witness.write(1)
    path.rmdir()
    kept.rename(path)
    reader.witness.write(2)
    assert verify(desk / "journal", desk / "witness").witnessed == LAST + 1
