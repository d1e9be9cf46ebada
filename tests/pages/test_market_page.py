"""The page of the market model: verdicts in words and shapes, figures, how to make a report."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from components import market
from components.context import use_queries
from components.rows import read
from db.queries_market import market_report
from engine.realism import impact, impact_report
from engine.realism.judge import judged, levels
from engine.realism.report import curves, keep
from engine.realism.targets import TARGETS
from pages.market import market_model
from tests.known.test_realism import a_day, sums
from tests.support.parts import every
from tests.support.parts import words as said


class Stored:
    """Queries over one folder."""

    def __init__(self, state: Any) -> None:
        self.state = state

    def market_report(self) -> Any:
        return market_report(self.state)


@pytest.fixture(autouse=True)
def stored(tmp_path: Any) -> Iterator[Stored]:
    queries = Stored(tmp_path)
    use_queries(queries)
    yield queries
    use_queries(None)


def a_report() -> dict[str, Any]:
    """Judged from made-up days: most facts miss, the aggressors are right."""
    found = sums(*(a_day(5_000 + (k + np.arange(23_400) // 60) % 7) for k in range(3)))
    rows = judged(found, "trending")
    about = {"words": "", "levels": levels(found), "curves": curves(found)}
    return {
        "calibrated": {"usual": judged(found, "usual"), "trending": rows},
        "zero_intelligence": judged(found, "zero_intelligence"),
        "about": {"usual": about, "trending": about, "zero_intelligence": about},
        "misses": ["usual: kurtosis"], "passed": False, "control_fails": True,
        "market_hash": "ab12", "instrument": "MIDC",
    }  # fmt: skip


def an_impact() -> dict[str, Any]:
    made = [
        impact.Measured(
            order=impact.Order(size, 100, 0, 60), peak=np.full(4, 100 * size**0.5),
            later=np.full(4, 66 * size**0.5), cost=np.full(4, 80 * size**0.5), filled=np.ones(4),
            course=np.linspace(0, 1, 101),
        )
        for size in impact.SIZES
    ]  # fmt: skip
    trip = {"shares": 5_000, "first": 60, "pause": 0, "second": 60, "passed": False,
            "gain_bps": {"value": 1.0, "ci95": [0.5, 1.5], "n": 4}}  # fmt: skip
    return {
        "impact": impact_report.judged_impact(made, made, 0.02),
        "round_trips": {"patterns": [trip], "passed": False},
        "passed": False, "market_hash": "ab12", "instrument": "MIDC",
    }  # fmt: skip


def test_without_a_report_the_page_says_how_to_make_one() -> None:
    page = market_model()
    assert "No realism report" in said(page)
    assert "python -m engine stylised" in said(page)


def test_every_fact_of_every_regime_has_its_verdict_in_words(stored: Stored) -> None:
    keep(stored.state / "reports", a_report(), 5)
    page = market_model()
    table = next(
        read(part) for part in every(page) if getattr(part, "className", "") == "table-host"
    )
    assert len(table["rows"]) == len(TARGETS)
    cells = {row[0]["text"]: [cell.get("text", "") for cell in row] for row in table["rows"]}
    assert cells["aggressor side"][2].endswith(market.PASSED)
    assert cells["u shape volume"][2].endswith(market.MISSED)
    assert cells["variance ratio 30"][3].endswith(market.OUTSIDE)
    assert cells["u shape volume"][-1].endswith("fails")
    assert "Missed 1: usual: kurtosis" in said(page)
    assert "ab12" in said(page)
    assert "own impact is not made yet" in said(page)


def test_own_impact_is_drawn_beside_the_laws_and_a_paying_round_trip_stands_out(
    stored: Stored,
) -> None:
    keep(stored.state / "reports", a_report(), 5)
    keep(stored.state / "reports", an_impact(), 6)
    page = market_model()
    figures = [part.figure for part in every(page) if type(part).__name__ == "Graph"]
    assert len(figures) == 6
    names = [[trace["name"] for trace in figure["data"]] for figure in figures]
    assert ["this market, 95 %", "ATHL 2005", "square root, two thirds", "I-Star"] in names
    assert "✗ MAY PAY" in json.dumps(
        [read(part) for part in every(page) if getattr(part, "className", "") == "table-host"],
        ensure_ascii=False,
    )
