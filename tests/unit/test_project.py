"""The projection says what the folded state says, once, whatever the batches."""

import random
from typing import get_args

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from db.audit import SENTENCES, text_of
from db.base import open_engine, sqlite_url
from db.project import INDEX_ONLY, RULES, catch_up, live_source, position, project, rebuild
from db.schema import create
from db.tables import (
    ALERTS,
    CHANGES,
    CHILDREN,
    COMMANDS,
    ENTRIES,
    FILLS,
    KILLS,
    PARENTS,
    RECEIPTS,
    TABLES,
)
from engine.core.evolve import HANDLERS
from engine.domain import events as e
from engine.domain.errors import BrokenInvariant
from tests.support.busy_desk import a_busy_rig, contents, entries_of, journal_in, tables

SEEDS = (3, 7)


def projected(path, seed, batches=None):
    """Tables of a busy desk, projected in these batch sizes."""
    engine, left = tables(path / "desk.db"), entries_of(seed)
    source = live_source(path)
    while left:
        size = len(left) if batches is None else batches()
        project(engine, source, left[:size], now_ns=5)
        left = left[size:]
    return engine


def rows_of(engine, table):
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(table.select()).mappings()]


@pytest.mark.parametrize("seed", SEEDS)
def test_parents_and_children_are_those_of_the_folded_state(tmp_path, seed):
    state = a_busy_rig(seed).state
    engine = projected(tmp_path, seed)
    names = (
        "state", "quantity", "filled", "notional100", "fees", "passive_filled", "version", "end_at",
        "ended_at", "kill_id", "end_price", "end_volume", "limit_price", "held_at",
    )  # fmt: skip
    rows = rows_of(engine, PARENTS)
    assert {row["id"]: [row[n] for n in names] for row in rows} == {
        i: [getattr(parent, n) for n in names] for i, parent in state.parents.items()
    }
    names = ("state", "price", "quantity", "filled", "notional100", "fees", "cancel_asked_at",
             "cancel_by", "ended_at", "decision_seq", "parent_id")  # fmt: skip
    children = {**state.ended, **state.children}
    assert len(children) > 20
    assert {row["id"]: [row[n] for n in names] for row in rows_of(engine, CHILDREN)} == {
        i: [getattr(child, n) for n in names] for i, child in children.items()
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_kills_changes_and_alerts_are_those_of_the_folded_state(tmp_path, seed):
    state = a_busy_rig(seed).state
    engine = projected(tmp_path, seed)
    assert state.kills
    for table, things, names in (
        (KILLS, state.kills, ("state", "by", "blocked_at", "cancel_sent_at", "confirmed_at")),
        (CHANGES, state.changes, ("state", "content_hash", "edits", "decided_by", "decided_at")),
        (ALERTS, state.alerts, ("kind", "object", "sentence", "times", "acknowledged_by")),
    ):
        assert {row["id"]: [row[n] for n in names] for row in rows_of(engine, table)} == {
            i: [getattr(thing, n) for n in names] for i, thing in things.items()
        }


def test_fills_add_up_to_their_parents(tmp_path):
    engine = projected(tmp_path, 7)
    summed = {}
    for fill in rows_of(engine, FILLS):
        summed[fill["parent_id"]] = summed.get(fill["parent_id"], 0) + fill["quantity"]
    assert summed
    assert summed == {row["id"]: row["filled"] for row in rows_of(engine, PARENTS) if row["filled"]}


def test_every_child_of_a_kill_has_a_receipt_with_its_outcome(tmp_path):
    rig = a_busy_rig(7)
    engine = projected(tmp_path, 7)
    wanted = {(kill.id, child) for kill in rig.state.kills.values() for child in kill.children}
    receipts = rows_of(engine, RECEIPTS)
    assert wanted
    assert {(row["kill_id"], row["child_id"]) for row in receipts} == wanted
    for row in receipts:
        child = rig.state.child(row["child_id"])
        assert row["outcome"] == ("UNCONFIRMED" if child.is_live else child.state)


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_of_any_size_give_the_same_tables(tmp_path, seed):
    dice = random.Random(seed)
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    whole = contents(projected(tmp_path / "one", seed))
    assert whole == contents(projected(tmp_path / "many", seed, lambda: dice.randrange(1, 90)))


def test_projecting_twice_changes_nothing(tmp_path):
    engine = projected(tmp_path, 7)
    before = contents(engine)
    entries = entries_of(7)
    assert project(engine, live_source(tmp_path), entries, now_ns=9) == entries[-1].seq
    assert contents(engine) == before


def test_a_rebuild_from_the_journal_equals_the_incremental_tables(tmp_path):
    source = journal_in(tmp_path, a_busy_rig(7))
    engine = tables(tmp_path / "desk.db")
    assert catch_up(engine, source, 1) == len(entries_of(7))
    before = contents(engine)
    assert before["progress"][0]["segment"] == ""
    assert rebuild(engine, (source,), 2) == {"live": position(engine, source)}
    assert contents(engine) == before


def test_a_gap_in_the_numbers_stops_the_projection(tmp_path):
    entries = entries_of(7)
    engine = tables(tmp_path / "desk.db")
    with pytest.raises(BrokenInvariant, match="does not follow"):
        project(engine, live_source(tmp_path), [entries[0], *entries[2:5]], now_ns=1)
    assert position(engine, live_source(tmp_path)) == 0  # nothing of the batch stays
    assert rows_of(engine, ENTRIES) == []


def test_a_refused_command_says_so_and_a_change_tells_before_and_after(tmp_path):
    rows = rows_of(projected(tmp_path, 7), COMMANDS)
    refused = {
        entry.event.id: entry.event.sentence
        for entry in entries_of(7)
        if isinstance(entry.event, e.CommandRefused)
    }
    assert refused
    assert {row["id"]: row["sentence"] for row in rows if row["outcome"] == "refused"} == refused
    amended = [row for row in rows if row["verb"] == "AmendParent" and row["outcome"] == "done"]
    for row in amended:
        assert "quantity" in msgspec.json.decode(row["before"])
    submitted = [row for row in rows if row["verb"] == "SubmitParent" and row["outcome"] == "done"]
    assert submitted
    assert all(row["object"].startswith("P-") for row in submitted)


def test_every_event_has_a_projection_and_a_sentence():
    kinds = get_args(e.AnyEvent)
    assert len(kinds) > 40
    assert [k.__name__ for k in kinds if k not in RULES and k not in INDEX_ONLY] == []
    assert [k.__name__ for k in kinds if k not in HANDLERS] == []
    special = {
        e.CommandTaken, e.ParentAccepted, e.ChildIntended, e.ChildFilled, e.KillBlocked,
        e.VenuesSeen, e.ScopeHeld, e.TripFired,
    }  # fmt: skip
    assert [k.__name__ for k in kinds if k not in SENTENCES and k not in special] == []


def test_the_sentence_of_every_entry_of_a_day_can_be_said():
    said = {type(entry.event).__name__: text_of(entry.event) for entry in entries_of(7)}
    assert len(said) > 15
    assert all(said.values())


def test_the_migration_makes_exactly_the_tables_of_the_metadata(tmp_path):
    engine = open_engine(sqlite_url(tmp_path / "desk.db"))
    create(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            row for row in compare_metadata(context, TABLES) if row[1].name != "alembic_version"
        ]
    assert differences == []


def test_a_table_that_the_migration_lacks_would_be_seen(tmp_path):
    engine = open_engine(sqlite_url(tmp_path / "desk.db"))
    create(engine)
    FILLS.drop(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), TABLES) != []
