"""The page of cost trends: what is summed with what, what a filter keeps, what a file holds."""

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from dash.development.base_component import Component

from components import trends
from components.context import use_queries
from components.rows import read
from components.theme import THEMES
from engine.domain.errors import BrokenInvariant, Refused
from engine.gateway.trends import TrendFilter, filter_of
from engine.tca.benchmarks import BPS
from engine.tca.trend import ratio
from pages.trends import EXPORT, cost_trends, export
from tests.support.parts import every, words
from tests.support.reports import REPORT
from tests.support.trends import TrendQueries, a_line, three_days


@pytest.fixture(autouse=True)
def tables() -> Iterator[TrendQueries]:
    queries = TrendQueries()
    use_queries(queries)
    yield queries
    use_queries(None)


def figures(page: Component) -> list[dict[str, Any]]:
    return [part.figure for part in every(page) if type(part).__name__ == "Graph"]


def named(figure: dict[str, Any], start: str) -> dict[str, Any]:
    (found,) = [trace for trace in figure["data"] if trace["name"].startswith(start)]
    return found  # type: ignore[no-any-return]


def wanted(**fields: str) -> TrendFilter:
    return filter_of(fields)


# --- figures -----------------------------------------------------------------------------------
def test_a_day_is_the_ratio_of_its_sums_and_its_band_is_the_interval() -> None:
    days, _, _ = figures(cost_trends())
    demo, band = named(days, "DEMO"), named(days, "95 % interval, DEMO")
    assert demo["x"] == ["2026-11-25", "2026-11-26"]
    assert demo["y"] == pytest.approx([5.5, -2.0])
    known = ratio([(float(n), 10_000.0) for n in range(1, 11)])
    assert band["base"][0] == pytest.approx(known.low)
    assert known.low is not None
    assert known.high is not None
    assert band["y"][0] == pytest.approx(known.high - known.low)
    assert "n = 10" in demo["hovertext"][0]


def test_live_and_demo_differ_in_shape_and_in_words_and_are_never_summed_together() -> None:
    days, strategies, _ = figures(cost_trends())
    live, demo = named(days, "LIVE"), named(days, "DEMO")
    assert live["marker"]["symbol"] != demo["marker"]["symbol"]
    rows = [a_line(n, cost=1.0) for n in range(1, 11)]
    rows += [a_line(n, origin="LIVE", cost=9.0) for n in range(11, 21)]
    groups = trends.by(trends.frame(rows, TrendFilter()), "strategy")
    assert [(g.origin, g.ratio.bps) for g in groups] == [
        ("DEMO", pytest.approx(1.0)), ("LIVE", pytest.approx(9.0)),
    ]  # fmt: skip
    assert any("DEMO" in label for label in named(strategies, "DEMO")["y"])


def test_below_ten_orders_a_strategy_says_not_enough_data_and_has_no_interval() -> None:
    _, strategies, _ = figures(cost_trends())
    live = named(strategies, "LIVE")
    assert live["y"] == ["TWAP LIVE, not enough data, n = 4"]
    assert live["error_x"]["array"] == [0.0]
    days = figures(cost_trends())[0]
    assert not [trace for trace in days["data"] if trace["name"] == "95 % interval, LIVE"]


def test_every_order_stands_in_one_bar_those_far_out_in_the_outermost() -> None:
    rows = [a_line(n, arrival_bps=float(n % 7)) for n in range(200)]
    rows += [a_line(300, arrival_bps=9_000.0), a_line(301, arrival_bps=None)]
    figure = trends.spread_figure(trends.frame(rows, TrendFilter())).to_plotly_json()
    (bars,) = figure["data"]
    assert sum(bars["y"]) == 201
    assert max(bars["x"]) < 20
    assert bars["hovertext"][-1].split("<br>")[1].startswith("from ")


def test_no_figure_uses_webgl_and_one_with_too_many_points_is_a_broken_invariant() -> None:
    for figure in figures(cost_trends()):
        assert {trace["type"] for trace in figure["data"]} <= {"scatter", "bar"}
    group = trends.by(trends.frame(three_days(), TrendFilter()), "day")[0]
    with pytest.raises(BrokenInvariant, match="4000 points"):
        trends.day_figure([group] * 2_001)


def test_the_total_of_a_day_is_that_of_its_report() -> None:
    pairs = [(order.cost.total, order.paper_notional) for order in REPORT.orders]
    found, known = ratio(pairs), REPORT.total.shortfall
    assert found.bps == pytest.approx(known.bps)
    assert (found.n, found.enough) == (known.n, known.enough)
    assert found.cost is not None
    assert found.notional is not None
    assert found.cost / found.notional * BPS == pytest.approx(known.bps)


# --- filter and states -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 24), ({"since": "2026-11-26"}, 14), ({"until": "2026-11-25"}, 10),
        ({"strategy": "POV"}, 10), ({"trader": "u2"}, 4), ({"symbol": "SMLC"}, 10),
        ({"origin": "LIVE"}, 4), ({"origin": "DEMO", "strategy": "VWAP"}, 10),
    ],
)  # fmt: skip
def test_a_filter_keeps_what_it_says(fields: dict[str, str], count: int) -> None:
    page = cost_trends(**fields)
    (button,) = [part for part in every(page) if getattr(part, "id", "") == EXPORT]
    assert words(button) == f"CSV of {count} orders"
    assert f"{count} orders on" in words(page)


def test_the_address_fills_the_fields_and_a_wrong_one_is_refused_with_a_sentence() -> None:
    page = cost_trends(since="2026-11-26", strategy="POV")
    specs = [json.loads(getattr(p, "data-input")) for p in every(page) if hasattr(p, "data-input")]
    values = {spec["name"]: spec.get("value", "") for spec in specs}
    assert values["since"] == "2026-11-26"
    assert values["strategy"] == "POV"
    with pytest.raises(Refused, match="must be a date"):
        cost_trends(since="yesterday")
    with pytest.raises(Refused, match="from must be a day up to"):
        cost_trends(since="2026-11-27", until="2026-11-25")
    with pytest.raises(Refused, match="LIVE or DEMO"):
        cost_trends(origin="PAPER")


def test_an_empty_page_says_why_and_what_to_do(tables: TrendQueries) -> None:
    assert "No reported order fits" in words(cost_trends(symbol="NONE"))
    tables.rows = ()
    page = cost_trends()
    assert "No day is reported yet" in words(page)
    assert figures(page) == []


def test_orders_without_a_cost_are_counted_and_not_taken_as_zero(tables: TrendQueries) -> None:
    tables.rows = (*three_days()[:10], a_line(99, day="2026-11-25", cost=None, cost_bps=None))
    page = cost_trends()
    assert "1 left out of the ratios" in words(page)
    assert named(figures(page)[0], "DEMO")["y"] == pytest.approx([5.5])


def test_demo_days_carry_the_band_and_live_days_do_not() -> None:
    assert "DEMO: some of these days" in words(cost_trends())
    assert "DEMO: some of these days" not in words(cost_trends(origin="LIVE"))


def test_the_tables_hold_the_numbers_of_the_figures() -> None:
    page = cost_trends()
    by_strategy, by_day = [read(p) for p in every(page) if hasattr(p, "data-rows")]
    assert [row[0]["text"] for row in by_day["rows"]] == ["2026-11-27", "2026-11-26", "2026-11-25"]
    assert by_day["rows"][0][0]["href"] == "/tca?day=2026-11-27"
    assert by_day["rows"][2][3]["text"] == "+5.50"
    assert "not enough data, n = 4" in by_strategy["rows"][1][3]["small"]


# --- file --------------------------------------------------------------------------------------
def saved(query: str = "") -> tuple[dict[str, Any], list[dict[str, str]]]:
    found, said = export(1, query)
    assert said == ""
    assert found is not None
    return found, list(csv.DictReader(io.StringIO(found["content"])))


def test_the_file_holds_exactly_the_orders_of_the_figures_with_numbers_in_full() -> None:
    found, rows = saved("strategy=VWAP&origin=DEMO")
    assert [row["order"] for row in rows] == [f"P-{n}" for n in range(1, 11)]
    assert [float(row["cost"]) for row in rows] == [float(n) for n in range(1, 11)]
    assert rows[0]["quantity"] == "200"
    assert rows[0]["side"] == "BUY"
    assert found["filename"] == "tca-trends-DEMO-2026-11-25-2026-11-25.csv"


def test_a_file_without_demo_orders_has_no_demo_in_its_name() -> None:
    assert saved("origin=LIVE")[0]["filename"] == "tca-trends-2026-11-27-2026-11-27.csv"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_cannot_become_a_formula_and_a_number_stays_a_number(
    tables: TrendQueries, start: str
) -> None:
    tables.rows = (a_line(1, trader=f"{start}HYPERLINK(1)", cost=-3.25, arrival_bps=math.nan),)
    _, (row,) = saved()
    assert row["trader"] == f"'{start}HYPERLINK(1)"
    assert float(row["cost"]) == -3.25
    assert row["arrival_bps"] == ""


def test_a_file_that_cannot_be_made_says_why(tables: TrendQueries) -> None:
    assert export(1, "since=never") == (None, "day must be a date such as 2026-11-27, was 'never'")
    assert export(None, "") == (None, "")


@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
def test_the_colours_of_the_figures_are_seen_on_every_theme(theme: str) -> None:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    panel = light(THEMES[theme]["panel"])
    for colour in (*trends.COLOURS.values(), *trends.PALETTE):
        bright, dark = sorted((light(colour), panel), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 3.0, colour
