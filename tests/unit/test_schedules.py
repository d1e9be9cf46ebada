"""Random schedules of a nasty venue against the real core; and that the judge sees a broken one."""

import msgspec
import pytest

from engine.core.evolve import HANDLERS
from engine.core.rules import reports
from engine.core.state import State
from engine.domain import events as e
from engine.drill import schedules
from engine.drill.schedules import run_all


def test_nothing_is_lost_doubled_or_unknown_in_fifty_schedules():
    tally = run_all(11, 50)
    assert tally.wrong == []
    assert tally.schedules == 50
    for what in (
        "busts", "corrections", "disconnects", "done for day", "late fills", "missing",
        "over-fills", "refused requests", "rejects", "replaces", "restatements", "strays",
        "twice", "unsolicited cancels",
    ):  # fmt: skip
        assert tally.did[what] > 0, what
    for what in ("send", "HoldParent", "ResumeParent", "AmendParent", "kill"):
        assert tally.acts[what] > tally.refused[what], what


def test_the_same_seed_gives_the_same_schedules():
    one, other = schedules.Schedule(3, 4), schedules.Schedule(3, 4)
    one.run()
    other.run()
    assert [msgspec.json.encode(x) for x in one.entries] == [
        msgspec.json.encode(x) for x in other.entries
    ]


def _forgets_busts(state: State, event: e.FillBusted) -> None:
    del state, event


def _never_again(state: State, row: object) -> tuple:
    del state, row
    return ()


@pytest.mark.parametrize(
    "what", ["a bust forgotten", "a report dropped", "a reserve that ignores what is wanted"]
)
def test_a_broken_desk_is_seen(monkeypatch, what):
    if what == "a bust forgotten":
        monkeypatch.setitem(HANDLERS, e.FillBusted, _forgets_busts)
    elif what == "a report dropped":
        real = reports.book_report
        monkeypatch.setattr(
            "engine.core.turn.book_report",
            lambda state, row: () if int(row["exec_id"]) % 7 == 3 else real(state, row),
        )
    else:
        monkeypatch.setattr(State, "reserved", lambda state, parent: 0)
    assert run_all(11, 8).wrong
