"""The kill flag: sticky, readable by everybody, and ALL whenever it cannot be trusted."""

from pathlib import Path

import pytest

from engine.core.state import State
from engine.domain.errors import BrokenInvariant, Refused
from engine.runtime.clock import HandClock
from engine.runtime.gate import Gate
from engine.runtime.kill_flag import SIZE, SLOTS, KillFlag

LEASE = 1_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kill.flag"


def test_a_fresh_flag_is_open_and_remembers_a_request(path: Path):
    flag = KillFlag.create(path)
    assert (flag.is_all, flag.generation, flag.slots()) == (False, 0, ())
    generation = flag.request("symbol", "MIDC", "u5", door="web", now_ns=77)
    again = KillFlag.open(path)  # another process, or the same after a restart
    (slot,) = again.slots()
    assert (slot.generation, slot.scope, slot.target, slot.by) == (
        generation,
        "symbol",
        "MIDC",
        "u5",
    )
    assert (slot.door, slot.requested_at, slot.active) == ("web", 77, True)
    assert not again.is_all


def test_all_sets_the_byte_and_its_release_clears_it(path: Path):
    flag = KillFlag.create(path)
    first = flag.request("all", "", "u5", door="web", now_ns=1)
    second = flag.request("all", "", "u3", door="cli", now_ns=2)
    assert flag.is_all
    flag.release(first)
    assert flag.is_all  # another "all" is still in force
    flag.release(second)
    assert not flag.is_all


@pytest.mark.parametrize("damage", ["missing", "short", "wrong magic"])
def test_a_flag_that_cannot_be_trusted_means_all(path: Path, damage: str):
    KillFlag.create(path)
    (path.parent / "journal").mkdir()
    (path.parent / "journal" / "000001.db").touch()  # this desk has lived
    if damage == "missing":
        path.unlink()
    elif damage == "short":
        path.write_bytes(b"QDKILL01")
    else:
        path.write_bytes(b"X" * SIZE)
    assert KillFlag.open(path).is_all


def test_whoever_starts_first_in_an_empty_state_folder_makes_an_open_flag(path: Path):
    web = KillFlag.open(path)
    engine = KillFlag.open(path)
    assert not engine.is_all
    web.request("symbol", "MIDC", "u5", door="web", now_ns=1)
    assert engine.generation == 1  # one file, whoever made it


def test_a_request_goes_to_the_file_that_is_in_place(path: Path):
    """A web that mapped the flag before it was replaced must not kill a dead file."""
    web = KillFlag.create(path)
    (path.parent / "journal").mkdir()
    (path.parent / "journal" / "000001.db").touch()
    path.unlink()
    engine = KillFlag.open(path)
    before = engine.generation
    web.request("symbol", "MIDC", "u5", door="web", now_ns=1)
    assert engine.generation == before + 1


def test_a_text_that_does_not_fit_is_refused_and_changes_nothing(path: Path):
    flag = KillFlag.create(path)
    with pytest.raises(Refused, match="target must fit in 48 bytes, was 60"):
        flag.request("symbol", "X" * 60, "u5", door="web", now_ns=1)
    assert flag.generation == 0


def test_a_hundred_active_kills_become_all(path: Path):
    flag = KillFlag.create(path)
    for number in range(SLOTS):
        flag.request("parent", f"P-{number}", "u5", door="web", now_ns=number)
    with pytest.raises(BrokenInvariant, match="ALL is set"):
        flag.request("parent", "P-999", "u5", door="web", now_ns=1)
    assert flag.is_all


def test_a_released_slot_is_used_again(path: Path):
    flag = KillFlag.create(path)
    for number in range(SLOTS * 2):
        generation = flag.request("parent", f"P-{number}", "u5", door="web", now_ns=number)
        flag.release(generation)
    assert len(flag.slots()) == SLOTS


def gate(path: Path, clock: HandClock, lease_ns: int = LEASE) -> tuple[Gate, KillFlag]:
    flag = KillFlag.create(path)
    return Gate(flag, clock, lease_ns=lease_ns), flag


def stamp(flag: KillFlag, at: int) -> None:
    flag._put(24, at)


def test_the_gate_closes_when_the_lease_is_old(path: Path):
    clock = HandClock(10 * LEASE)
    guard, flag = gate(path, clock)
    guard.unread(State())
    assert guard.closed_because(State()).startswith("lease:")
    stamp(flag, clock.now)
    assert guard.closed_because(State()) == ""
    clock.now += LEASE + 1
    assert guard.closed_because(State()).startswith("lease:")


def test_the_gate_closes_on_a_generation_it_has_not_read(path: Path):
    guard, flag = gate(path, HandClock(), lease_ns=0)
    assert guard.closed_because(State()).startswith("kill:")
    guard.unread(State())
    assert guard.closed_because(State()) == ""
    flag.request("parent", "P-1", "u5", door="web", now_ns=1)
    assert guard.closed_because(State()).startswith("kill:")
    (request,) = guard.unread(State())
    assert (request.scope, request.target, request.generation) == ("parent", "P-1", 1)
    assert guard.closed_because(State()) == ""  # the rules know the scope now


def test_a_signal_without_a_slot_gets_a_receipt_of_its_own(path: Path):
    guard, flag = gate(path, HandClock(), lease_ns=0)
    guard.unread(State())
    flag.set_all()
    (request,) = guard.unread(State())
    assert (request.scope, request.by) == ("all", "signal")
    assert guard.closed_because(State()).startswith("kill:")


def test_a_newer_engine_closes_the_gate_of_an_older_one(path: Path):
    guard, flag = gate(path, HandClock(), lease_ns=0)
    guard.unread(State())
    flag.beat(1, epoch=5)
    assert guard.closed_because(State(epoch=4)).startswith("fencing:")
    assert guard.closed_because(State(epoch=5)) == ""


def test_a_flag_that_is_deleted_under_a_running_engine_means_all(path: Path):
    guard, _flag = gate(path, HandClock(10 * LEASE), lease_ns=0)
    guard.unread(State())
    (path.parent / "journal").mkdir()
    (path.parent / "journal" / "000001.db").touch()
    path.unlink()
    (request,) = guard.unread(State())
    assert request.scope == "all"
    assert guard.closed_because(State()).startswith("kill:")


def test_a_flag_made_anew_never_repeats_a_generation_of_the_one_before(path: Path):
    guard, flag = gate(path, HandClock(10 * LEASE), lease_ns=0)
    before = [flag.request("symbol", "MIDC", "u5", door="web", now_ns=n) for n in range(5)]
    (path.parent / "journal").mkdir()
    (path.parent / "journal" / "000001.db").touch()
    path.unlink()
    (request,) = guard.unread(State())
    assert request.generation > max(before)
