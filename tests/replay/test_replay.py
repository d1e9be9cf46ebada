"""Two replays: folding the journal gives the live state; deciding it again gives the same bytes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from engine.core.evolve import evolve
from engine.core.rules.rollout import LEAST_COMPARED
from engine.core.state import State
from engine.domain import commands as c
from engine.domain import events as e
from engine.domain.codec import entry_from_json, entry_to_json
from engine.domain.events import Entry
from engine.domain.orders import OnRestart
from engine.domain.rollout import CanaryLimits
from engine.redecide import Again, simulated
from tests.support.desk_rig import Rig
from tests.unit.test_kill_rules import request


def busy_day(seed: int) -> Rig:
    """Ten market minutes with most things that can happen on a desk."""
    rig = Rig(seed=seed, symbols=2)
    other = list(rig.state.instruments)[1]
    rig.run(3)
    rig.buy(30_000, on_restart=OnRestart.RESUME)
    rig.buy(12_000, side=-1, strategy="POV", symbol=other, on_restart=OnRestart.RESUME)
    rig.buy(8_000, strategy="ADAPTIVE", person="u2")
    rig.run(60)
    rig.ask(c.SubmitParent(symbol="NOPE", side=1, quantity=1, strategy="TWAP", horizon_ns=1))
    rig.do(c.HoldParent(parent_id=1))
    rig.run(30)
    rig.do(c.AmendParent(parent_id=1, quantity=35_000))
    rig.do(c.ResumeParent(parent_id=1))
    rig.do(c.ProposeChange(strategy="POV", values={"target_participation": 0.12}))
    digest = rig.state.changes[1].content_hash
    rig.do(c.DecideChange(change_id=1, content_hash=digest, approve=True), "u3")
    rig.run(60)
    request(rig, "parent", "P-2")
    rig.run(200)
    return rig


def fold(entries: list[Entry]) -> State:
    state = State()
    for entry in entries:
        evolve(state, entry)
    return state


def at_rest(state: State) -> State:
    """The clocks of an idle turn are not in the journal."""
    return replace(state, turn=0, market_ns=0, desk_ns=0)


def redecided(rig: Rig, entries: list[Entry]) -> Again:
    deliveries = [
        (int(row["sent_ns"]), np.array([row])) for row in rig.venue.sent
    ]  # one message a delivery, in the order they were sent
    again = Again(
        open_market=simulated, open_deliveries=lambda day: deliveries, load=lambda model_id: None
    )
    again.run(entries)
    return again


@pytest.mark.parametrize("seed", [7, 11])
def test_folding_the_journal_gives_the_live_state(seed: int):
    rig = busy_day(seed)
    assert at_rest(fold(rig.journal.entries)) == at_rest(rig.state)


@pytest.mark.parametrize("seed", [7, 11])
def test_deciding_again_gives_the_same_bytes(seed: int):
    rig = busy_day(seed)
    entries = rig.journal.entries
    again = redecided(rig, entries)
    assert again.first_difference is None, again.why
    assert again.decided == len(entries)
    assert len([x for x in entries if isinstance(x.event, e.ChildIntended)]) > 10


def test_deciding_again_gives_the_same_bytes_with_a_candidate_beside_and_as_a_canary():
    rig = Rig(symbols=2)
    rig.run(3)
    rig.buy(30_000, strategy="POV", on_restart=OnRestart.RESUME)
    rig.buy(20_000, strategy="POV", on_restart=OnRestart.RESUME)
    limits = CanaryLimits(instruments=("MIDC",), value=1e9, orders=3, venues=("SIM-A",))
    values = {"target_participation": 0.15}
    for content in ({"values": values}, {"stage": "canary", "canary": limits}):
        wanted = c.ProposeChange(strategy="POV", **{"stage": "shadow", **content})
        rig.do(wanted, reason="a test")
        number = max(rig.state.changes)
        digest = rig.state.changes[number].content_hash
        decision = c.DecideChange(change_id=number, content_hash=digest, approve=True)
        rig.do(decision, "u3")
        rig.run(LEAST_COMPARED // 2 + 61)
    entries = rig.journal.entries
    for kind in (e.ShadowDecided, e.ShadowCompared, e.RolloutStaged, e.RolloutDemoted):
        assert rig.journal.events(kind), kind
    assert 0 < len([x for x in rig.journal.events(e.ChildIntended) if x.rollout]) <= 3
    again = redecided(rig, entries)
    assert again.first_difference is None, again.why
    assert again.decided == len(entries)
    assert at_rest(fold(entries)) == at_rest(rig.state)


def test_the_same_day_twice_is_the_same_journal():
    assert busy_day(7).journal.bodies == busy_day(7).journal.bodies


@pytest.mark.parametrize("field", ["quantity", "price", "parent_id"])
def test_a_tampered_decision_is_found_at_its_entry(field: str):
    rig = busy_day(7)
    entries = rig.journal.entries
    at = next(
        i for i, entry in enumerate(entries)
        if i > 100 and isinstance(entry.event, e.ChildIntended)
    )  # fmt: skip
    body = entry_to_json(entries[at]).decode()
    value = getattr(entries[at].event, field)
    body = body.replace(f'"{field}":{value}', f'"{field}":{other_value(field, value)}')
    assert body != entry_to_json(entries[at]).decode()
    entries[at] = entry_from_json(body.encode())
    assert redecided(rig, entries).first_difference == entries[at].seq


def other_value(field: str, value: Any) -> int:
    return {1: 3, 3: 1}.get(value, 1) if field == "parent_id" else value + 1


def test_a_changed_parameter_changes_a_decision_after_it():
    rig = busy_day(7)
    entries = rig.journal.entries
    at = next(i for i, x in enumerate(entries) if isinstance(x.event, e.ParametersSet))
    event = entries[at].event
    values = {**event.values, "max_child": 300.0}
    changed = e.ParametersSet(strategy="TWAP", version=1, values=values)
    entries = [
        Entry(
            seq=x.seq, turn=x.turn, market_ns=x.market_ns, desk_ns=x.desk_ns,
            event=changed if i == at else x.event,
        )
        for i, x in enumerate(entries)
    ]  # fmt: skip
    assert redecided(rig, entries).first_difference is not None


def test_a_restart_with_a_deaf_venue_loses_and_doubles_nothing():
    rig = Rig()
    rig.run(3)
    number = rig.buy(30_000, on_restart=OnRestart.RESUME)
    rig.run(100)
    rig.venue.deaf = True  # takes the next order, never answers
    for _ in range(300):
        if not rig.loop.venue_ready:
            break
        rig.run(1)
    unknown = [x for x in rig.state.children.values() if x.state == "UNKNOWN"]
    assert unknown or rig.journal.events(e.AlertRaised)
    rig.venue.deaf = rig.venue.silent = False
    rig.loop._find_venue()
    rig.run(300)
    reports, books = rig.venue.books()
    del reports
    assert rig.state.difference == ""
    total = sum(books.filled.values())
    assert rig.state.parents[number].filled == total <= 30_000


def a_quiet_second(rig: Rig) -> None:
    """The market moves on to a second in which nothing is written."""
    before = -1
    while before != len(rig.journal.bodies):
        before = len(rig.journal.bodies)
        rig.run(1)


def waiting_behind_a_limit(rig: Rig) -> list[int]:
    """Orders that a wider limit would let go at once; their numbers."""
    rig.run(3)
    quote = rig.loop.desk.quotes.get(rig.symbol)
    far = {"strategy": "POV", "horizon_ns": 600_000_000_000, "limit_price": quote.bid - 100}
    return [rig.buy(30_000 + 100 * i, **far) for i in range(4)]


@pytest.mark.parametrize("act", ["limit", "kill"])
def test_what_comes_after_a_quiet_second_was_decided_is_no_part_of_its_decision(act: str):
    rig = Rig()
    numbers = waiting_behind_a_limit(rig)
    wide = rig.loop.desk.quotes.get(rig.symbol).bid + 200
    rig.run(60)
    for number in numbers:
        a_quiet_second(rig)
        if act == "kill":
            request(rig, "client", f"nobody-{number}")
        rig.do(c.AmendParent(parent_id=number, limit_price=wide))
        rig.run(3)
    entries = rig.journal.entries
    still = [x for x in entries if x.still]
    assert still
    assert all(isinstance(x.event, e.CommandTaken | e.KillBlocked) for x in still)
    again = redecided(rig, entries)
    assert again.first_difference is None, again.why
    assert again.decided == len(entries)
    assert rig.journal.events(e.ChildIntended)


def test_without_the_word_that_the_market_stood_the_command_is_taken_for_part_of_it():
    rig = Rig()
    number = waiting_behind_a_limit(rig)[0]
    wide = rig.loop.desk.quotes.get(rig.symbol).bid + 200
    rig.run(60)
    a_quiet_second(rig)
    rig.do(c.AmendParent(parent_id=number, limit_price=wide))
    rig.run(3)
    blind = [structs.replace(x, still=False) for x in rig.journal.entries]
    assert redecided(rig, blind).first_difference is not None
    assert redecided(rig, rig.journal.entries).first_difference is None
