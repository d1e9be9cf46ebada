"""Questions of the read tables: frozen rows, newest first where people look back."""

import msgspec
import pytest

from db.base import open_engine, sqlite_url
from db.project import catch_up
from db.queries import AuditFilter, Queries, database_url
from db.tables import DEMO, KILLS, TCA_PARENTS
from engine.core import show
from engine.core.show_safety import kill_row
from engine.domain import events as e
from engine.domain.errors import Refused
from engine.domain.orders import ParentState
from tests.support.busy_desk import a_busy_rig, entries_of, journal_in, tables

SEED = 7


@pytest.fixture
def queries(tmp_path):
    """Tables and journal of a busy desk in a state folder."""
    source = journal_in(tmp_path, a_busy_rig(SEED))
    engine = tables(tmp_path / "desk.db")
    catch_up(engine, source, 123)
    yield Queries(engine, tmp_path)
    engine.dispose()


def test_a_parent_of_the_tables_reads_like_the_live_row(queries):
    desk = a_busy_rig(SEED).loop.desk
    not_kept = {"target", "behind", "score", "why", "binding", "decided_at", "alert", "model",
                "vwap_bps", "participation", "parameter_version", "cap", "room"}  # fmt: skip
    rows = queries.parents_of_day(desk.state.session.day)
    assert [row.id for row in rows] == [f"P-{i}" for i in desk.state.parents]
    for row in rows:
        parent = desk.state.parents[row.number]
        live = msgspec.structs.asdict(show.parent_row(desk, parent))
        mine = msgspec.structs.asdict(row)
        assert {k: mine[k] for k in live if k not in not_kept} == {
            k: v for k, v in live.items() if k not in not_kept
        }
        if not parent.is_live:
            assert (row.vwap_bps, row.participation) == (live["vwap_bps"], live["participation"])
        if parent.state == ParentState.WORKING:
            assert row.cap == live["cap"]


def test_children_and_fills_of_a_parent_add_up(queries):
    desk = a_busy_rig(SEED).loop.desk
    parent = max(desk.state.parents.values(), key=lambda p: p.filled)
    children = queries.children_of(parent.id)
    fills = queries.fills_of(parent.id)
    assert sum(child.filled for child in children) == parent.filled
    assert sum(fill.quantity for fill in fills) == parent.filled
    child = desk.state.child(children[0].number)
    live = msgspec.structs.asdict(show.child_row(desk, child))
    mine = msgspec.structs.asdict(children[0])
    assert {k: mine[k] for k in live} == live


def test_a_kill_is_told_with_its_receipts(queries):
    rig = a_busy_rig(SEED)
    (kill,) = queries.kills()
    (known,) = rig.state.kills.values()
    live = kill_row(rig.loop.desk, known)
    assert (kill.by, kill.scope, kill.target) == ("u3", "parent", live.target)
    assert (kill.state, kill.blocked_ms) == (live.state, live.blocked_ms)
    assert len(kill.receipts) == kill.children == live.children >= 1
    assert kill.acked + kill.filled_in_flight + kill.unconfirmed == kill.children
    assert all(receipt.outcome != "UNCONFIRMED" for receipt in kill.receipts)


def test_how_long_kills_took_leaves_out_simulated_past_days(queries):
    assert [row["id"] for row in queries.kill_latencies()] == ["K-1"]
    with queries._engine.begin() as link:
        link.execute(KILLS.update().values(origin=DEMO))
    assert queries.kill_latencies() == ()


def test_the_audit_pages_through_every_entry_once_newest_first(queries):
    seen, cursor = [], ""
    while True:
        page = queries.audit_search(AuditFilter(), cursor, limit=97)
        seen += [row.seq for row in page.rows]
        cursor = page.cursor
        if not cursor:
            break
    assert seen == [entry.seq for entry in reversed(entries_of(SEED))]
    assert queries.audit_count(AuditFilter()) == len(seen)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (AuditFilter(event="ParentHeld"), lambda x: isinstance(x.event, e.ParentHeld)),
        (
            AuditFilter(person="u3", event="CommandTaken"),
            lambda x: isinstance(x.event, e.CommandTaken) and x.event.envelope.person == "u3",
        ),
        (
            AuditFilter(text="SESSION OPENED"),
            lambda x: isinstance(x.event, e.SessionOpened),
        ),
        (AuditFilter(origin="DEMO"), lambda x: False),
        (AuditFilter(text="100%"), lambda x: False),
    ],
)
def test_the_audit_finds_exactly_what_fits(queries, wanted, fits):
    found = queries.audit_search(wanted, limit=1_000)
    assert [row.seq for row in found.rows] == [x.seq for x in reversed(entries_of(SEED)) if fits(x)]


def test_the_audit_narrows_by_time(queries):
    entries = entries_of(SEED)
    middle = entries[len(entries) // 2].desk_ns
    found = queries.audit_search(AuditFilter(since=middle, until=middle), limit=1_000)
    assert found.rows
    assert {row.desk_at for row in found.rows} == {middle}


def test_an_order_finds_the_entries_of_its_children_too(queries):
    desk = a_busy_rig(SEED).loop.desk
    parent = max(desk.state.parents.values(), key=lambda p: p.filled)
    kinds = {row.event for row in queries.entries_of(f"P-{parent.id}")}
    assert {"ParentAccepted", "ChildIntended", "ChildFilled"} <= kinds
    narrowed = queries.audit_search(AuditFilter(object=f"P-{parent.id}", event="ChildFilled"))
    assert len(narrowed.rows) == min(len(queries.fills_of(parent.id)), 100)


def test_a_made_up_cursor_is_refused(queries):
    with pytest.raises(Refused, match="cursor"):
        queries.audit_search(AuditFilter(), "1; drop table entries")


def test_every_entry_fits_its_place_in_the_chain(queries):
    for seq in (1, 2, len(entries_of(SEED))):
        found = queries.entry(seq)
        assert found.fits
        assert found.line.seq == seq
    assert queries.entry(len(entries_of(SEED))).after == ""
    assert queries.entry(len(entries_of(SEED)) + 1) is None


def test_versions_tell_what_they_changed(queries):
    rig = a_busy_rig(SEED)
    newest = queries.parameter_history("TWAP")[0]
    assert newest.version == rig.state.parameters["TWAP"].version
    assert newest.values == rig.state.parameters["TWAP"].values
    for row in queries.parameter_history():
        if row.version > 1:
            assert row.change
            assert row.before
            assert all(row.values[name] != value for name, value in row.before.items())


def test_the_age_of_the_tables_is_that_of_the_last_entry(queries):
    age = queries.data_as_of()
    last = entries_of(SEED)[-1]
    assert (age.seq, age.desk_at, age.market_at, age.projected_at) == (
        last.seq, last.desk_ns, last.market_ns, 123,
    )  # fmt: skip


def test_before_the_worker_made_the_tables_a_question_is_refused_in_words(tmp_path):
    url = database_url("", tmp_path / "desk.db")
    with pytest.raises(Refused, match="the worker has not made them yet"):
        Queries.open(url, tmp_path).days()


def test_a_writer_does_not_stop_readers(queries, tmp_path):
    held = open_engine(sqlite_url(tmp_path / "desk.db"))
    with held.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        connection.exec_driver_sql("DELETE FROM days")
        assert len(queries.days()) == 1
    held.dispose()


def test_a_damaged_database_is_refused_in_words(tmp_path):
    (tmp_path / "desk.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(Refused, match="the read tables do not answer: file is not a database"):
        Queries.open(sqlite_url(tmp_path / "desk.db"), tmp_path).days()


def test_without_a_setting_the_tables_are_a_file_of_the_state_folder(tmp_path):
    assert database_url("", tmp_path / "desk.db") == f"sqlite:///{tmp_path}/desk.db"
    assert database_url("postgresql://x/y", tmp_path) == "postgresql://x/y"


def test_lines_of_many_reports_come_by_day_with_what_their_cost_was_paid_on(tmp_path):
    engine = tables(tmp_path / "desk.db")
    lines = [
        {"source": "live", "origin": "LIVE", "day": f"2026-11-{day}", "parent_id": day,
         "symbol": "MIDC", "side": 1, "strategy": "VWAP", "cost": 5.0, "cost_bps": 5.0,
         "body": f'{{"paper_notional":{paid},"else":1}}'}
        for day, paid in ((27, "null"), (25, "9.5e3"), (26, "100"))
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(TCA_PARENTS.insert(), lines)
    queries = Queries(engine, tmp_path)
    assert [(row.day, row.parent, row.notional) for row in queries.tca_range()] == [
        ("2026-11-25", "P-25", 9_500.0), ("2026-11-26", "P-26", 100.0),
        ("2026-11-27", "P-27", None),
    ]  # fmt: skip
    inside = queries.tca_range("2026-11-26", "2026-11-26")
    assert [row.day for row in inside] == ["2026-11-26"]
    assert [row.day for row in queries.tca_range(since="2026-11-26")] == [
        "2026-11-26",
        "2026-11-27",
    ]
    engine.dispose()
