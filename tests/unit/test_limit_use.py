"""Utilisation: what was used, day by day, what was refused, what nobody ever came near."""

import csv
import io

import pytest

from db.project import catch_up
from db.queries import Queries
from engine.core import show_limits
from engine.domain import commands as c
from engine.domain.limits import ALERTS, KINDS, TRIPS, key_of
from engine.domain.units import MINUTE
from engine.gateway.limits import lines
from tests.support.busy_desk import journal_in, tables
from tests.support.desk_rig import Rig
from tests.support.limits import loosen, tighten

MINE = "max_child_quantity@trader:u1"


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.run(3)
    tighten(rig, "max_child_quantity", "trader", "u1", 5_000)
    tighten(rig, "max_parent_adv", "trader", "*", 0.2, soft=0.1)
    rig.buy(20_000)
    rig.run(120)
    rig.ask(
        c.SubmitParent(
            symbol=rig.symbol, side=1, quantity=300_000, strategy="TWAP", horizon_ns=9 * MINUTE
        )
    )
    tighten(rig, "max_child_quantity", "trader", "u1", 4_000)
    loosen(rig, "max_child_quantity", "trader", "u1", 4_500)
    return rig


@pytest.fixture
def queries(rig: Rig, tmp_path):
    source = journal_in(tmp_path, rig)
    engine = tables(tmp_path / "desk.db")
    catch_up(engine, source, 5)
    yield Queries(engine, tmp_path)
    engine.dispose()


def test_the_report_says_what_the_fold_knows(rig: Rig, queries: Queries):
    rows = {row.key: row for row in queries.limit_use(5)}
    live = {row["id"]: row for row in show_limits.topics(rig.state)["limits"].values()}
    assert set(rows) == set(live) - set(ALERTS)  # a rule that only tells is not used up
    for key, row in rows.items():
        assert (row.value, row.version) == (live[key]["value"], live[key]["version"]), key
        assert row.refused == live[key]["refused"], key
    mine = rows[MINE]
    used, limit, _at = rig.state.limits.peaks[key_of(MINE)]
    assert (mine.highest, mine.share) == (used, used / limit)
    assert mine.highest_day == rig.state.session.day
    assert mine.far is (mine.share < 0.5)
    assert not rows["restricted"].far


def test_a_limit_nobody_came_near_is_flagged_and_one_that_was_used_is_not(queries: Queries):
    rows = {row.key: row for row in queries.limit_use()}
    assert rows["max_day_value"].far  # three billion, on a desk of one order
    assert rows["max_day_value"].used_days in (0, 1)
    near = [row for row in rows.values() if not row.far and row.kind != "restricted"]
    assert all(row.share >= 0.5 for row in near)


def test_a_limit_for_each_counts_those_without_an_own_one(rig: Rig, queries: Queries):
    row = next(row for row in queries.limit_use() if row.key == "max_parent_adv@trader:*")
    assert row.refused == 1
    assert {day.subject for day in row.by_day} == {"u1", "*"} or {
        day.subject for day in row.by_day
    } == {"u1"}


def test_every_version_is_kept_with_who_when_and_why(queries: Queries):
    found = queries.limit_versions(key_of(MINE))
    assert [(row.version, row.value) for row in found] == [(3, 4_500), (2, 4_000), (1, 5_000)]
    assert (found[0].by, found[0].approved_by, found[0].change) == ("u5", "u3", 1)
    assert all(row.derivation and row.owner == "u5" and row.review for row in found)
    delivered = [row for row in queries.limit_versions() if row.version == 0]
    assert {row.kind for row in delivered} == set(KINDS) - set(TRIPS)


def test_the_csv_has_a_line_a_limit_and_day(queries: Queries):
    rows = queries.limit_use()
    table = list(csv.DictReader(io.StringIO(lines(rows))))
    assert {line["key"] for line in table} == {row.key for row in rows}
    mine = next(line for line in table if line["key"] == MINE)
    assert float(mine["day_share"]) == pytest.approx(
        next(row for row in rows if row.key == MINE).share
    )


def test_the_live_row_knows_use_now_highest_use_and_review(rig: Rig):
    tighten(rig, "max_open_value", "trader", "u1", 1e9, review="2026-12-01")
    rig.run_until_live(1)
    row = show_limits.topics(rig.state)["limits"]["max_open_value@trader:u1"]
    held = sum(x.leaves * x.price for x in rig.state.children.values()) * 0.01
    assert row["used"] == pytest.approx(held)
    assert row["share"] == pytest.approx(held / 1e9)
    assert (row["overdue"], row["trader"], row["desk"]) == (False, "u1", "main")
    each = show_limits.topics(rig.state)["limits"]["max_messages"]
    assert each["used_by"] in ("", rig.symbol)
    assert each["peak"] is None or each["peak_by"] == rig.symbol
