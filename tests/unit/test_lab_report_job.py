"""The worker's comparison for the lab: late, once a market, by a process of its own."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from db.jobs import DONE, FAILED, Jobs
from db.queries_lab import comparisons
from engine.domain.errors import BrokenInvariant
from engine.exchange.presets import market_hash
from engine.lab.kept import keep
from engine.worker import lab


class Clock:
    def __init__(self) -> None:
        self.now = 10**18

    def wall_ns(self) -> int:
        return self.now


def a_context(folder: Path, asked: list[lab.AskedComparison], breaks: str = "") -> Any:
    def apart(module: str, ask: bytes) -> bytes:
        assert module == "engine.worker.lab"
        if breaks:
            raise BrokenInvariant(breaks)
        asked.append(msgspec.json.decode(ask, type=lab.AskedComparison))
        return b""

    return SimpleNamespace(
        where=SimpleNamespace(state=folder), jobs=Jobs.open(folder / "people.db"),
        clock=Clock(), memo={}, apart=apart,
    )  # fmt: skip


def later(context: Any) -> None:
    lab.lab_report(context)
    context.clock.now += lab.AFTER_NS
    lab.lab_report(context)


def test_it_is_asked_once_and_not_at_the_start(tmp_path: Path) -> None:
    asked: list[lab.AskedComparison] = []
    context = a_context(tmp_path, asked)
    lab.lab_report(context)
    assert asked == []
    later(context)
    later(context)
    assert [(row.scenario, row.paths) for row in asked] == [(lab.SCENARIO, lab.PATHS)]
    assert context.jobs.get(lab.NAME).state == DONE


def test_one_of_this_market_is_enough_and_of_another_is_not(tmp_path: Path) -> None:
    asked: list[lab.AskedComparison] = []
    keep(tmp_path / "reports", {"market_hash": "another"}, 1)
    later(a_context(tmp_path, asked))
    assert len(asked) == 1
    keep(tmp_path / "reports", {"market_hash": market_hash()}, 2)
    later(a_context(tmp_path, asked))
    assert len(asked) == 1


def test_it_waits_for_other_jobs_and_a_failure_is_said(tmp_path: Path) -> None:
    context = a_context(tmp_path, [], breaks="no such scenario")
    context.jobs.start("history", "past days", 1)
    later(context)
    assert context.jobs.get(lab.NAME) is None
    context.jobs.done("history", "made", 2)
    later(context)
    row = context.jobs.get(lab.NAME)
    assert (row.state, row.error) == (FAILED, "no such scenario")


def test_the_process_keeps_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab, "NAMES", ("VWAP_STATIC", "TWAP", "ADAPTIVE"))
    asked = lab.AskedComparison(folder=str(tmp_path / "reports"), scenario="no-signal", paths=2)
    lab.work(msgspec.json.encode(asked))
    (body,) = comparisons(tmp_path)
    assert (body["scenario"], body["days"]) == ("no-signal", 2)
    names = [row["strategy"] for row in body["rows"]]
    assert names == ["VWAP_STATIC", "TWAP", "ADAPTIVE", "SAME_PLACEMENT"]
