"""Evidence beside a change: of exactly its content, by the desk alone, void on edit."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.show import change_row
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.governance import Evidence, Side
from engine.gateway.evidence import AFTER, BEFORE, evidence_of, gain_of, reference, ways_of
from engine.lab.expected import Size
from engine.lab.pretrade import Way, question, table
from engine.lab.statistics import paired
from tests.support.desk_rig import Rig
from tests.support.lab import a_result, a_scenario

SIDE = Side(
    cost_bps=3.0, low_bps=2.0, high_bps=4.0, worst_bps=9.0, participation=0.05, unfinished=0
)
FOUND = Evidence(
    symbol="MIDC", side=1, quantity=100_000, minutes=60.0, n=64, seed=5, before=SIDE, after=SIDE,
    gain_bps=0.4, gain_low_bps=0.1, gain_high_bps=0.7, question="abcdef0123", market="0123456789",
    asked_at=77,
)  # fmt: skip
SIZE = Size(
    quantity=6_000, adv=2_000_000, days=0.5, sigma=0.02, price=50.0, spread=0.02,
    participation=0.01,
)  # fmt: skip


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.run(5)
    made.do(c.ProposeChange(strategy="TWAP", values={"aggression": 0.6}), "u1")
    return made


def attach(rig: Rig, **changes) -> c.AttachEvidence:
    (change,) = rig.state.changes.values()
    given = {"change_id": change.id, "content_hash": change.content_hash, "evidence": FOUND}
    return c.AttachEvidence(**(given | changes))


# --- beside the request ------------------------------------------------------------------------
def test_evidence_stands_beside_the_content_that_it_is_about(rig):
    rig.do(attach(rig), "system")
    (change,) = rig.state.changes.values()
    row = change_row(rig.loop.desk, change)
    assert (row.evidence["gain_bps"], row.evidence["n"]) == (0.4, 64)
    assert row.evidence["attached_at"] == rig.state.desk_ns
    assert row.evidence["before"]["cost_bps"] == 3.0


def test_an_edit_voids_the_evidence_and_evidence_of_old_content_is_refused(rig):
    old = attach(rig)
    rig.do(old, "system")
    rig.do(c.EditChange(change_id=old.change_id, values={"aggression": 0.7}), "u1")
    (change,) = rig.state.changes.values()
    assert change.evidence is None
    assert "was edited since" in rig.ask(old, "system")
    rig.do(attach(rig), "system")


def test_no_person_attaches_evidence(rig):
    for person in ("u1", "u3", "u5"):
        assert "needs the right evidence.attach" in rig.ask(attach(rig), person)
    assert rig.journal.events(e.EvidenceAttached) == []


def test_what_is_decided_takes_no_evidence_and_keeps_what_it_had(rig):
    rig.do(attach(rig), "system")
    late = attach(rig)
    rig.do(
        c.DecideChange(change_id=late.change_id, content_hash=late.content_hash, approve=True),
        "u3",
    )
    assert "APPROVED" in rig.ask(late, "system").upper()
    (change,) = rig.state.changes.values()
    assert change.evidence.n == 64


# --- what is asked -----------------------------------------------------------------------------
def test_the_reference_order_is_a_twentieth_of_the_day_in_whole_lots():
    quotes = {"MIDC": {"adv": 2_000_050, "lot": 100}, "AAA": {"adv": 900, "lot": 100}}
    assert reference("MIDC", quotes) == ("MIDC", 100_000)
    assert reference("", quotes) == ("AAA", 100)  # never less than a lot
    for symbol, given in (("NONE", quotes), ("", {})):
        with pytest.raises(Exception, match=r"symbol must be|no quote yet"):
            reference(symbol, given)


def test_before_and_after_differ_in_what_is_proposed_alone():
    change = {"strategy": "VWAP", "values": {"band": 0.04}, "model": None}
    before, after = ways_of(change, {"values": {"band": 0.03, "slice": 60.0}, "model": "m1"})
    assert before == {"strategy": "VWAP", "name": BEFORE, "model": "m1",
                      "values": {"band": 0.03, "slice": 60.0}}  # fmt: skip
    assert after == {**before, "name": AFTER, "values": {"band": 0.04, "slice": 60.0}}
    _, none = ways_of({**change, "model": ""}, {"values": {}, "model": "m1"})
    assert none["model"] == ""  # a proposal to run without a model


@pytest.mark.parametrize("shift", [2.0, -2.0])
def test_the_gain_is_the_paired_difference_whichever_side_is_cheaper(shift):
    ways = (Way(strategy="TWAP", name=BEFORE), Way(strategy="TWAP", name=AFTER))
    asks = question(a_scenario(), ways, seed=5)
    assert [who.name for who in asks.contenders] == [BEFORE, AFTER]
    level = 10.0 + 3.0 * np.cos(np.arange(64))
    costs = np.stack([level, level + shift + 0.3 * np.sin(np.arange(64))], axis=1)
    rows = a_result(costs).rows
    rows["volume"], rows["notional"] = 10_000, 10_000 * 500_000
    import msgspec

    told = {"table": msgspec.to_builtins(table(asks, rows, SIZE)), "seed": 5, "question": "q",
            "market": "m" * 64, "at": 9}  # fmt: skip
    args = {"symbol": "MIDC", "side": 1, "quantity": 6_000, "horizon_ns": 3_600 * 10**9}
    found = evidence_of(told, args)
    wanted = paired(costs[:, 0], costs[:, 1]).difference
    assert found.gain_bps == pytest.approx(wanted.mean, abs=1e-6)
    assert (found.gain_low_bps, found.gain_high_bps) == pytest.approx(
        (wanted.low, wanted.high), abs=1e-6
    )
    assert (found.gain_bps > 0) == (shift < 0)  # dearer by the shift: nothing is saved
    assert found.before.cost_bps == pytest.approx(costs[:, 0].mean(), abs=1e-6)
    assert (found.n, found.minutes, found.market) == (64, 60.0, "m" * 10)


def test_a_gain_without_an_interval_stays_without():
    even = {"behind": None, "behind_low": None, "behind_high": None}
    worse = {"behind": 1.5, "behind_low": None, "behind_high": None}
    assert gain_of(worse, even) == (1.5, None, None)
    assert gain_of(even, worse) == (-1.5, None, None)
    assert gain_of(even, even) == (None, None, None)  # shares were left over


def test_evidence_without_a_comparison_is_kept_and_can_be_said(rig):
    from db.audit import text_of

    bare = replace(FOUND, gain_bps=None, gain_low_bps=None, gain_high_bps=None)
    rig.do(attach(rig, evidence=bare), "system")
    (event,) = rig.journal.events(e.EvidenceAttached)
    assert event.evidence == bare
    assert "abcdef0123 of 64 paths" in text_of(event)
