"""The page of the lab: comparisons that were kept, as pictures, numbers and sentences."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components import lab
from components.context import use_queries
from components.rows import read
from db.queries_lab import comparisons
from engine.domain.people import Role
from engine.gateway.viewer import Viewer, looking
from engine.lab.command import compare
from engine.lab.kept import keep
from pages.lab import strategy_lab
from tests.support.lab import SHORT
from tests.support.parts import every
from tests.support.parts import words as said


class Stored:
    """Queries over one folder."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def comparisons(self) -> Any:
        return comparisons(self.state)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    use_queries(Stored(tmp_path))
    with looking(a_viewer(Role.QUANT)):
        yield tmp_path
    use_queries(None)


def a_viewer(role: Role) -> Viewer:
    return Viewer(person_id="p", name="p", roles=(role,), desk="main")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A real comparison, small, as the verb keeps it."""
    folder = tmp_path_factory.mktemp("kept")
    file = folder / "short.toml"
    file.write_text(SHORT.format(side="buy", quantity=6_000, relax=120))
    argv = ["--scenario", str(file), "--strategies", "VWAP_STATIC,TWAP,ADAPTIVE", "--days", "3",
            "--workers", "0", "--same-placement", "--report", str(folder / "reports")]  # fmt: skip
    assert compare(argv, 10**18) == 0
    (body,) = comparisons(folder)
    return dict(body)


def cells(page: Any) -> list[str]:
    """Every text of every table."""
    found: list[str] = []
    for part in every(page):
        if hasattr(part, "data-rows"):
            for row in read(part)["rows"]:
                found += [cell.get("text", "") for cell in row]
    return found


def test_without_a_comparison_the_page_says_how_to_make_one(state: Path) -> None:
    words = said(strategy_lab())
    assert "No comparison of strategies is kept yet." in words
    assert "compare --scenario midcap-500k" in words
    assert "--report var/reports" in words


def test_a_kept_comparison_is_shown_with_its_numbers(state: Path, kept: dict[str, Any]) -> None:
    keep(state / "reports", without_stamp(kept), 10**18)
    page = strategy_lab()
    assert kept["market_hash"] in said(page)
    shown = cells(page)
    for row in kept["rows"]:
        assert lab.bps(row["headline_bps"]["mean"]) in shown
        for pair in row["paired_vs"].values():
            assert pair["verdict"] in shown


def without_stamp(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("id", "made_ns")}


def test_the_same_comparison_is_kept_once_and_the_newest_comes_first(
    state: Path, kept: dict[str, Any]
) -> None:
    body = without_stamp(kept)
    keep(state / "reports", body, 1)
    keep(state / "reports", {**body, "seed": 77}, 2)
    keep(state / "reports", body, 3)
    assert [row["made_ns"] for row in comparisons(state)] == [3, 2]
    assert "seed 77" in said(strategy_lab(comparisons(state)[1]["id"]))
    assert "There is no comparison nonsense." in said(strategy_lab("nonsense"))


def a_pair(low: float | None, high: float | None, verdict: str = "") -> dict[str, Any]:
    mean = None if low is None or high is None else (low + high) / 2
    return {"mean_bps": mean, "ci95": [low, high], "verdict": verdict, "n": 3}


@pytest.mark.parametrize(
    ("pair", "expected", "shape"),
    [
        (a_pair(-2.0, -1.0), "cheaper", "circle"), (a_pair(1.0, 2.0), "dearer", "circle"),
        (a_pair(-1.0, 1.0), "not shown", "circle-open"), (a_pair(None, None), "not shown", ""),
        (a_pair(-2.0, -1.0, "not comparable: 3 paths"), "not comparable", "x-thin-open"),
    ],
)  # fmt: skip
def test_a_dot_is_filled_only_when_something_may_be_said(
    pair: dict[str, Any], expected: str, shape: str
) -> None:
    assert lab.told(pair) == expected
    row = {"strategy": "VWAP", "headline_bps": {"mean": 1.0}, "paired_vs": {"TWAP": pair}}
    traces = lab.against_figure({"rows": [row]}, "TWAP").data
    if not shape:
        assert traces == ()
        return
    (trace,) = traces
    assert (trace.name, trace.marker.symbol) == (expected, shape)
    assert (trace.x[0] - trace.error_x.arrayminus[0], trace.x[0] + trace.error_x.array[0]) == tuple(
        pair["ci95"]
    )


def test_signs_in_other_markets_are_a_table(state: Path, kept: dict[str, Any]) -> None:
    pair = {**a_pair(-2.0, -1.0), "sign": -1}
    rows = [{"strategy": "ADAPTIVE", "paired_vs": {"VWAP_STATIC": pair, "TWAP": pair}}]
    axis = {"axis": "resilience", "field": "beta_own", "value": 0.5, "rows": rows}
    keep(state / "reports", {**without_stamp(kept), "sensitivity": [axis]}, 5)
    shown = cells(strategy_lab())
    assert "resilience" in shown
    assert shown.count("−1.50 ▾") == 2


@pytest.mark.parametrize(("role", "may"), [(Role.QUANT, "1"), (Role.COMPLIANCE, "")])
def test_whoever_may_ask_gets_the_form(state: Path, role: Role, may: str) -> None:
    with looking(a_viewer(role)):
        parts = every(strategy_lab())
    (body,) = [part for part in parts if getattr(part, "id", "") == "lab-asked-body"]
    assert getattr(body, "data-may-ask") == may
