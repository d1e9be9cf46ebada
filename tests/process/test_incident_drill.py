"""The drill of incidents on real processes, and its judge on planted wrongs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.plan import DECISION
from engine.domain import events as e
from engine.domain.incidents import OF_MARKET
from engine.domain.units import child_id
from engine.drill.incident import SAID, Reading, is_good
from tests.process.test_watchdog import intended

ROOT = Path(__file__).resolve().parents[2]
CHILD = child_id(1, 1)


@pytest.mark.timeout(600)
def test_an_outage_and_crossed_quotes_are_said_priced_around_and_settled() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine", "drill", "incident", "--kind", "outage", "crossed",
         "--seconds", "20", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=590,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["said"] == {"outage": 1, "crossed": 1}
    assert report["sentences"] == []
    assert is_good(report)
    assert done.returncode == 0


# --- the judge judges: each planted wrong is seen ---------------------------------------------
def a_record(bid: int = 5_000, ask: int = 5_002, crossed: bool = False) -> bytes:
    """A decision that saw this touch, and perhaps another venue's bid above its ask."""
    row = np.zeros(1, DECISION)
    seen = row[0]["observation"]
    seen["bid"], seen["ask"] = bid, ask
    seen["venue_bid"][0], seen["venue_ask"][0] = bid, ask
    if crossed:
        seen["venue_bid"][1], seen["venue_ask"][1] = ask + 1, ask
    return row.tobytes()


def read(*events: e.AnyEvent, record: bytes | None) -> Reading:
    found = Reading()
    for number, event in enumerate(events, start=1):
        entry = e.Entry(seq=number, turn=1, market_ns=0, desk_ns=0, event=event)
        found.fold(entry, record if isinstance(event, e.ChildIntended) else None)
    return found


def seen(kind: str, about: str) -> e.TroubleSeen:
    return e.TroubleSeen(kind=kind, object=about, since=0)


@pytest.mark.parametrize(
    ("events", "record", "words"),
    [
        ((), None, "saw no sound quote"),
        ((), a_record(bid=0), "saw no sound quote"),
        ((), a_record(bid=5_002), "saw no sound quote"),
        ((), a_record(crossed=True), "saw no sound quote"),
        ((seen("crossed", "SIM-C"),), a_record(), "sent while crossed"),
        ((seen("feed", "all"),), a_record(), "sent while feed"),
        ((seen("halt", "MIDC"),), a_record(), "sent while halt"),
    ],
)
def test_an_order_that_should_not_have_been_priced_is_seen(events, record, words):
    assert words in read(*events, intended(1, 100), record=record).badly_priced[0]


def test_an_order_priced_from_a_sound_quote_is_fine_also_after_trouble_and_beside_it():
    over = (seen("crossed", "SIM-C"), e.TroubleOver(kind="crossed", object="SIM-C"))
    for before in ((), over, (seen("halt", "NRTH"),)):
        assert read(*before, intended(1, 100), record=a_record()).badly_priced == []


def test_what_was_asked_back_from_a_silent_venue_counts_until_it_is_over():
    asked = e.CancelIntended(child_id=CHILD, by="venue")
    assert read(asked, record=None).asked_back == {CHILD}
    assert read(asked, record=None).over == set()
    ended = e.ChildCancelled(child_id=CHILD, exec_id=1, venue_at=0, reason=0)
    assert read(asked, ended, record=None).over == {CHILD}


GOOD: dict[str, Any] = {
    "badly_priced": 0, "unsettled": 0, "lost": 0, "duplicated": 0, "overfilled": 0,
    "unknown_after": 0, "chain": "sound", "said": {"halt": 1},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "wrong"),
    [*((name, 1) for name in GOOD if GOOD[name] == 0), ("chain", "broken"), ("said", {"halt": 0})],
)
def test_a_report_with_one_thing_wrong_is_not_good(name, wrong):
    assert is_good(GOOD)
    assert not is_good({**GOOD, name: wrong})


def test_every_incident_of_the_catalogue_is_drilled_and_has_its_alert():
    assert set(SAID) == set(OF_MARKET) - {"drift"}
