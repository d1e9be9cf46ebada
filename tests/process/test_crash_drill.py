"""kill -9 of every process while orders are live; the exchange's own log is the judge."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.core.evolve import evolve
from engine.core.state import State
from engine.domain import events as e
from engine.domain.units import child_id, child_text
from engine.drill.deaths import on_their_way
from engine.drill.judge import AtVenue, Told, compare
from engine.drill.oversend import measure
from engine.runtime.crash import CRASH_POINTS
from tests.process.test_watchdog import a_parent, filled, intended

ROOT = Path(__file__).resolve().parents[2]


WRONG = ("lost", "duplicated", "overfilled", "unknown_after")


def drilled(*words: str) -> dict:
    """The report of a crash drill that ended well."""
    done = subprocess.run(
        [sys.executable, "-m", "engine", "drill", "crash", *words, "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=590,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["failures"] == []
    assert {name: report[name] for name in WRONG} == dict.fromkeys(WRONG, 0)
    assert done.returncode == 0
    return report


@pytest.mark.timeout(600)
def test_random_deaths_of_every_process_lose_double_and_overfill_nothing():
    report = drilled("--n", "9", "--seed", "11")
    assert report["n"] >= 9
    assert report["journal_ok"]
    assert report["state_equal"]


@pytest.mark.timeout(600)
def test_a_death_at_every_named_point_loses_doubles_and_overfills_nothing():
    report = drilled("--points", "all", "--seeds", "1", "--seed", "7")
    assert report["by_point"] == dict.fromkeys(CRASH_POINTS, 1)
    assert report["second_restart_equal"] == "1 of 1"


# --- the judge judges: each planted wrong is seen --------------------------------------------
CHILD = child_id(1, 1)


def told(*events: e.AnyEvent) -> Told:
    found = Told()
    for number, event in enumerate(events, start=1):
        at = number * 10**9
        found.fold(e.Entry(seq=number, turn=1, market_ns=at, desk_ns=0, event=event))
    return found


def venue(*, news: int = 1, fills: tuple[int, ...] = (), quantity: int = 100) -> AtVenue:
    found = AtVenue()
    found.news[CHILD] = news
    found.quantity[CHILD] = quantity
    found.fills[CHILD] = dict(enumerate(fills, start=1))
    found.leaves[CHILD] = quantity - sum(fills)
    return found


SOUND = (e.ParentAccepted(parent=a_parent(quantity=100)), intended(1, 100))


def test_equal_books_have_no_findings():
    found = compare(told(*SOUND, filled(1, 40, 1)), venue(fills=(40,)))
    assert found.sentences == []


@pytest.mark.parametrize(
    ("kind", "ours", "theirs"),
    [
        pytest.param("lost", SOUND, venue(fills=(40,)), id="a fill nobody booked"),
        pytest.param("lost", SOUND, AtVenue(), id="an order that never came"),
        pytest.param("lost", SOUND[:1], venue(), id="an order nobody journalled"),
        pytest.param(
            "lost", (*SOUND, e.ChildNeverArrived(child_id=CHILD)), venue(), id="given up too early"
        ),
        pytest.param(
            "lost",
            (*SOUND, e.ChildCancelled(child_id=CHILD, exec_id=9, venue_at=0, reason=8)),
            venue(),
            id="ended here, open there",
        ),
        pytest.param("duplicated", SOUND, venue(news=2), id="sent twice"),
        pytest.param("duplicated", (*SOUND, intended(1, 100)), venue(), id="intended twice"),
        pytest.param(
            "duplicated",
            (*SOUND, filled(1, 40, 1), filled(1, 40, 1)),
            venue(fills=(40,)),
            id="a report booked twice",
        ),
        pytest.param(
            "overfilled",
            (*SOUND, filled(1, 60, 1), filled(1, 60, 2)),
            venue(fills=(60, 60)),
            id="a child filled beyond its quantity",
        ),
        pytest.param(
            "overfilled",
            (
                e.ParentAccepted(parent=a_parent(quantity=50)),
                intended(1, 100),
                filled(1, 60, 1),
            ),
            venue(fills=(60,)),
            id="a parent filled beyond its quantity",
        ),
        pytest.param(
            "unknown_after", (*SOUND, e.ChildUnknown(child_id=CHILD)), venue(), id="still unknown"
        ),
        pytest.param(
            "unknown_after",
            (
                *SOUND,
                e.ChildUnknown(child_id=CHILD),
                e.Reconciled(open_children=1, resolved=0, difference=""),
                e.SpeedSet(speed=1.0),
                e.SpeedSet(speed=2.0),
                e.SpeedSet(speed=3.0),
                filled(1, 100, 1),
            ),
            venue(fills=(100,)),
            id="unknown long after books were compared",
        ),
    ],
)
def test_the_judge_sees(kind, ours, theirs):
    assert getattr(compare(told(*ours), theirs), kind) >= 1


def test_what_only_the_second_restart_shows_counts_too():
    first = compare(told(*SOUND), venue())
    again = compare(told(*SOUND, e.ChildUnknown(child_id=CHILD)), venue())
    assert (first.unknown_after, first.sentences) == (0, [])
    first.join(again)
    first.join(again)
    assert (first.unknown_after, first.sentences) == (1, again.sentences)


def test_an_order_without_an_answer_is_on_its_way_and_an_accepted_one_is_not():
    state = State()
    for number, event in enumerate(SOUND, start=1):
        evolve(state, e.Entry(seq=number, turn=1, market_ns=0, desk_ns=0, event=event))
    assert on_their_way(state) == [child_text(CHILD)]
    accepted = e.ChildAccepted(child_id=CHILD, exec_id=1, venue_at=0)
    evolve(state, e.Entry(seq=len(SOUND) + 1, turn=2, market_ns=0, desk_ns=0, event=accepted))
    assert on_their_way(state) == []


def test_an_order_on_its_way_when_books_were_compared_may_have_its_report_a_moment_later():
    compared = e.Reconciled(open_children=1, resolved=0, difference="")
    events = (*SOUND, e.ChildUnknown(child_id=CHILD), compared, filled(1, 100, 1))
    assert compare(told(*events), venue(fills=(100,))).sentences == []


def test_a_bad_number_of_deaths_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "engine", "drill", "crash", "--n", "0"],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--n must be at least 1" in done.stderr


# --- the over-sending engine -----------------------------------------------------------------
@pytest.mark.timeout(300)
def test_an_engine_that_forgets_its_fills_is_stopped_by_the_watchdog():
    done = subprocess.run(
        [sys.executable, "-m", "engine", "drill", "oversend", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=290,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["killed"] == "parent P-1", report
    assert report["excess_shares"] > 0
    assert report["sent_after_kill"] == 0
    assert done.returncode == 0


def test_a_sound_journal_shows_no_breach_and_no_kill():
    entries = [
        e.Entry(seq=number, turn=1, market_ns=0, desk_ns=number, event=event)
        for number, event in enumerate((*SOUND, filled(1, 100, 1)), start=1)
    ]
    report = measure(entries)
    assert (report["killed"], report["breach_to_kill_ms"], report["excess_shares"]) == ("", None, 0)
