"""What a desk on a recorded day refuses: another day, another state folder, a missing file."""

from pathlib import Path

import pytest

from engine.compose import start
from engine.core.rules.desk import open_next_day
from engine.core.state import State
from engine.domain.commands import Envelope, OpenNextDay
from engine.domain.errors import Refused
from engine.domain.people import Person, Role
from engine.domain.units import Nanos, PersonId
from engine.exchange.days import RecordedDays
from engine.exchange.hours import session_of
from engine.exchange.recorded_day import source_of
from engine.exchange.recorded_warm import warm
from engine.settings import Settings
from tests.support.desk_rig import Rig
from tests.support.recorded import a_recording, add

DAY = "2012-06-21"
BOSS = Person(id=PersonId("u3"), roles=(Role.SUPERVISOR,), desk="main")
ASKED = Envelope(
    id="next", person=BOSS.id, epoch=0, expires_at=Nanos(1), command=OpenNextDay(), door="cli"
)


def test_a_recording_has_one_day_and_a_simulation_the_next() -> None:
    closed = State(session=session_of(DAY), mode="REPLAY")
    with pytest.raises(Refused, match=f"the recording holds {DAY} only"):
        open_next_day(closed, ASKED, BOSS)
    closed.mode = "SIM"
    assert open_next_day(closed, ASKED, BOSS) == ()
    closed.is_open = True
    with pytest.raises(Refused, match=f"{DAY} is still open"):
        open_next_day(closed, ASKED, BOSS)


def test_a_refused_next_day_leaves_the_desk_running_and_the_refusal_in_the_journal() -> None:
    rig = Rig()
    rig.state.mode, rig.state.is_open = "REPLAY", False
    day = rig.state.session.day
    assert "the recording holds" in rig.ask(OpenNextDay(), "u3")
    assert rig.state.session.day == day
    assert "the recording holds" in next(iter(reversed(rig.state.commands.values())))


def test_a_desk_that_goes_on_needs_no_file_and_a_new_one_is_refused_without_it() -> None:
    days = RecordedDays(messages=Path("none.csv"), orderbook=Path("none.csv"))
    with pytest.raises(Refused, match=f"holds {DAY} only"):
        days.next_day(DAY)
    with pytest.raises(Refused, match=r"none\.csv"):
        days.next_day("")


def test_a_recording_and_a_simulation_need_a_state_folder_each() -> None:
    rig = Rig()
    with pytest.raises(Refused, match=r"holds a SIM desk .* choose one with --state"):
        start(rig.loop, Settings(mode="REPLAY"), epoch=2)


def test_the_source_names_one_archive_once_and_two_files_both() -> None:
    plain = a_recording([add(1, 100, 100, 1)])
    assert source_of(plain).endswith(f"3 levels, sha256 {'0' * 12}, crafted")
    object.__setattr__(plain, "files", "day.zip/a_message.csv + day.zip/a_orderbook.csv")
    assert source_of(plain).endswith(", day.zip")
    object.__setattr__(plain, "files", "a_message.csv + a_orderbook.csv")
    assert source_of(plain).endswith(", a_message.csv + a_orderbook.csv")
    object.__setattr__(plain, "files", "m.zip/a_message.csv + o.zip/a_orderbook.csv")
    assert source_of(plain).endswith("m.zip/a_message.csv + o.zip/a_orderbook.csv")


def test_the_warm_day_of_three_messages_is_a_sound_one() -> None:
    warm()
