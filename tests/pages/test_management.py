"""Key figures: what a week sums, what it never adds up, and what the page says without data."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.context import use_queries
from components.rows import read
from db.base import open_engine, sqlite_url
from db.project import all_sources, catch_up
from db.queries import Queries
from db.queries_keys import DeskDay
from db.schema import create
from engine.gateway.keyfigures import week_of, weeks
from engine.tca.trend import ratio
from pages.management import management
from tests.support.parts import every, words
from tests.support.past_days import DAY, a_state_with_a_past_day
from tests.support.trends import TrendQueries, a_line


class KeyQueries(TrendQueries):
    """Reports by hand beside days by hand."""

    def __init__(self) -> None:
        super().__init__(
            tuple(
                a_line(n, day=day, cost=float(n), vwap_bps=float(n % 2))
                for day, numbers in (("2026-11-20", range(1, 11)), ("2026-11-25", range(11, 31)))
                for n in numbers
            )
        )
        self.counted: tuple[DeskDay, ...] = (
            DeskDay(day="2026-11-20", origin="DEMO", critical=4, kills=1),
            DeskDay(day="2026-11-24", origin="DEMO", critical=1, kills=1, automatic=1),
            DeskDay(
                day="2026-11-25",
                origin="DEMO",
                currencies=("USD",),
                critical=2,
                of_models=8,
                by_model=6,
            ),
            DeskDay(day="2026-11-27", origin="LIVE", critical=7, warn=3, reported=1),
        )  # fmt: skip

    def desk_days(self, since: str = "") -> tuple[DeskDay, ...]:
        return tuple(row for row in self.counted if row.day >= since)


@pytest.fixture
def tables() -> Iterator[KeyQueries]:
    queries = KeyQueries()
    use_queries(queries)
    yield queries
    use_queries(None)


# --- weeks -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("day", "week"),
    [("2026-11-23", "2026-W48"), ("2026-11-22", "2026-W47"), ("2027-01-01", "2026-W53")],
)
def test_a_week_begins_on_monday_and_belongs_to_the_year_of_its_thursday(day, week):
    assert week_of(day) == week


def test_a_week_is_the_sum_of_its_days_and_the_ratio_of_its_orders(tables):
    live, newest, before = weeks(tables.desk_days(), tables.tca_range())
    assert (newest.name, newest.origin, newest.first, newest.last) == (
        "2026-W48", "DEMO", "2026-11-24", "2026-11-25",
    )  # fmt: skip
    assert newest.shortfall == ratio([(float(n), 10_000.0) for n in range(11, 31)])
    assert (newest.orders, newest.days, newest.notional) == (20, 2, 200_000.0)
    assert newest.vwap_bps == pytest.approx(0.5)
    assert (newest.counts["critical"], newest.counts["kills"], newest.counts["automatic"]) == (
        3, 1, 1,
    )  # fmt: skip
    assert newest.model_share == 0.75
    assert before.model_share is None  # no child of a model strategy: not 0 %
    assert (before.name, before.counts["critical"]) == ("2026-W47", 4)
    assert (live.origin, live.orders, live.shortfall.bps, live.filled) == ("LIVE", 0, None, None)


def test_demo_and_live_of_one_week_are_two_rows(tables):
    rows = weeks(tables.desk_days(), tables.tca_range())
    assert [(row.name, row.origin) for row in rows] == [
        ("2026-W48", "LIVE"), ("2026-W48", "DEMO"), ("2026-W47", "DEMO"),
    ]  # fmt: skip


# --- the page ----------------------------------------------------------------------------------
def test_the_page_shows_the_newest_reported_week_beside_the_one_before(tables):
    page = management()
    said = words(page)
    assert "DEMO 2026-W48" in said
    assert "against 2026-W47" in said
    (found,) = [read(part) for part in every(page) if hasattr(part, "data-rows")]
    titles = [title for title, _ in found["titles"]]
    row = {title: cell.get("text") for title, cell in zip(titles, found["rows"][1], strict=True)}
    assert (row["Week"], row["Critical"], row["Kills"], row["Model"]) == (
        "2026-W48", "3", "1", "75.0%",
    )  # fmt: skip
    assert row["Decided"] == "200.0k USD"
    assert "200.0k USD" in said
    (figure,) = [part.figure for part in every(page) if type(part).__name__ == "Graph"]
    drawn = json.loads(json.dumps(figure))
    assert {"2026-W47", "2026-W48"} == {x for trace in drawn["data"] for x in trace["x"]}


def test_a_week_in_two_currencies_has_no_sum_of_money(tables):
    euro = DeskDay(day="2026-11-24", origin="DEMO", currencies=("EUR",))
    tables.counted = (*tables.counted, euro)
    assert "- (EUR, USD)" in words(management())


def test_without_a_day_the_page_says_what_comes_next(tables):
    tables.counted, tables.rows = (), ()
    assert "No day is in the tables yet" in words(management())


# --- the tables --------------------------------------------------------------------------------
def test_the_counts_of_a_past_day_are_those_of_its_tables(tmp_path):
    state = a_state_with_a_past_day()
    engine = open_engine(sqlite_url(tmp_path / "desk.db"))
    create(engine)
    for source in all_sources(state)[1:]:
        catch_up(engine, source, 1)
    queries: Any = Queries(engine, state)
    (day,) = queries.desk_days()
    assert (day.day, day.origin) == (DAY, "DEMO")
    assert day.currencies == ("USD",)
    alerts, kills, commands = queries.alerts(), queries.kills(), queries.commands(limit=5_000)
    assert day.critical == sum(1 for row in alerts if row.severity == "critical")
    assert day.warn == sum(1 for row in alerts if row.severity == "warn")
    assert day.kills == sum(1 for row in kills if row.scope != "drill") > 0
    acts = ("AmendParent", "MoveParameter", "HoldParent", "ResumeParent", "HoldScope",
            "ReleaseHold", "SetMode", "RelaxMode")  # fmt: skip
    assert day.interventions == sum(
        1 for row in commands
        if row.verb in acts and row.outcome == "done" and row.person != "system"
    ) > 0  # fmt: skip
    assert (day.reported, day.signed) == (1, 1)
    assert queries.desk_days(since="2026-11-13") == ()
    engine.dispose()
