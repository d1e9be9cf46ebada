"""The worker's realism report: made late, once, part by part, and stopped at once."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from db.jobs import DONE, RUNNING, Jobs
from engine.exchange.presets import market_hash
from engine.realism.report import keep
from engine.worker import realism
from engine.worker.apart import Ended, run_apart


class Clock:
    def __init__(self) -> None:
        self.now = 10**18

    def wall_ns(self) -> int:
        return self.now


def a_context(folder: Path) -> Any:
    stop = Event()

    def apart(module: str, ask: bytes) -> bytes:
        """As the process would: here, unless the worker stops."""
        assert module == "engine.worker.realism"
        if stop.is_set():
            raise Ended
        return realism.work(ask)

    return SimpleNamespace(
        where=SimpleNamespace(state=folder, people_db=folder / "people.db"),
        jobs=Jobs.open(folder / "people.db"), clock=Clock(), stop=stop, memo={}, apart=apart,
    )  # fmt: skip


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Small reports instead of hundreds of days; what was asked for."""
    asked: list[str] = []

    def facts(*, days: int, long_days: int, progress: Any) -> dict[str, Any]:
        asked.append("stylised")
        assert long_days >= days
        for day in range(days):
            progress(day + 1, days)
        return {"market_hash": market_hash(), "passed": True}

    def impact(*, paths: int, trips: int, progress: Any) -> dict[str, Any]:
        asked.append("own_impact")
        progress(paths, paths + trips)
        return {"market_hash": market_hash(), "impact": {}, "passed": True}

    monkeypatch.setattr(realism, "stylised", facts)
    monkeypatch.setattr(realism, "own_impact", impact)
    return asked


def later(context: Any) -> None:
    realism.market_report(context)
    context.clock.now += realism.AFTER_NS
    realism.market_report(context)


def test_a_desk_that_just_started_makes_no_report(tmp_path: Path, made: list[str]) -> None:
    context = a_context(tmp_path)
    realism.market_report(context)
    assert made == []


def test_both_parts_are_made_once_and_people_see_it(tmp_path: Path, made: list[str]) -> None:
    context = a_context(tmp_path)
    for _ in range(5):
        later(context)
    assert made == ["stylised", "own_impact"]
    row = context.jobs.get(realism.NAME)
    assert (row.state, row.progress) == (DONE, 1.0)
    assert market_hash() in row.text
    assert realism.parts_there(context) == {"market_hash", "stylised", "own_impact"}


def test_a_report_of_another_market_does_not_count(tmp_path: Path, made: list[str]) -> None:
    context = a_context(tmp_path)
    keep(tmp_path / "reports", {"market_hash": "another", "passed": True}, 1)
    later(context)
    assert made == ["stylised"]


def test_it_waits_while_past_days_are_made(tmp_path: Path, made: list[str]) -> None:
    context = a_context(tmp_path)
    context.jobs.start("history", "past days", 1)
    later(context)
    assert made == []


def test_a_stop_leaves_nothing_behind(tmp_path: Path, made: list[str]) -> None:
    context = a_context(tmp_path)
    context.stop.set()
    later(context)
    assert made == []
    assert realism.parts_there(context) == set()
    assert context.jobs.get(realism.NAME).state == RUNNING


def test_the_process_of_a_part_ends_with_the_worker(tmp_path: Path) -> None:
    asked = realism.AskedPart(
        state=str(tmp_path), people=str(tmp_path / "people.db"), part="stylised"
    )
    stop = Event()
    stop.set()
    with pytest.raises(Ended):
        run_apart("engine.worker.realism", msgspec.json.encode(asked), stop)
    assert not (tmp_path / "reports").exists()


def test_a_part_that_is_made_says_how_far_it_is(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realism, "TOLD_EVERY", 1)
    context = a_context(tmp_path)
    context.jobs.start(realism.NAME, "begins", 1)
    asked = realism.AskedPart(
        state=str(tmp_path), people=str(tmp_path / "people.db"), part="stylised"
    )
    realism.make(asked, context.jobs, context.clock)
    assert context.jobs.get(realism.NAME).text.startswith("stylised, ")
