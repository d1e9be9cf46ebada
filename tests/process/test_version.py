"""Processes of different code refuse each other and name both."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.domain.instrument import Session
from engine.domain.units import Nanos
from engine.exchange.core import Exchange
from engine.exchange.server import Doors, Server
from engine.runtime.code import differs, trading_hash
from engine.runtime.ports import VenueSilent, VersionDiffers
from engine.runtime.venues.exchange import ExchangeVenue
from engine.runtime.venues.wire import Answer, Ask

ROOT = Path(__file__).resolve().parents[2]
OTHER = "0" * 64
A_SESSION = Session(day="2026-11-27", open_at=Nanos(0), close_at=Nanos(1), zone="UTC")
AN_ANSWER = Answer(op="hello", epoch=1, link=1, code=OTHER)


@pytest.mark.timeout(300)
def test_a_desk_whose_exchange_runs_other_code_sends_nothing_and_names_both():
    done = subprocess.run(
        [sys.executable, "-m", "engine", "drill", "version", "--only", "exchange", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=290,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["failures"] == []
    assert report["exchange"]["sent"] == 0
    assert f"this process {trading_hash()[:12]}" in report["exchange"]["gate"]
    assert done.returncode == 0


def a_server(folder: Path) -> Server:
    doors = Doors(venue=folder / "v.sock", drop=folder / "d.sock", cancel=folder / "c.sock")
    return Server(Exchange(lambda session, seed: pytest.fail("no day may open")), doors)


@pytest.mark.parametrize("code", ["", OTHER])
def test_the_exchange_gives_an_engine_of_other_code_no_link(tmp_path, code):
    server = a_server(tmp_path)
    answer = server._checked(Ask(op="hello", epoch=1, link=1, code=code))
    server.close()
    assert answer.code == trading_hash()
    assert answer.refusal == differs("the engine", code, trading_hash())
    assert f"this process {trading_hash()[:12]}" in answer.refusal


def test_an_engine_is_silent_towards_an_exchange_of_other_code(tmp_path, monkeypatch):
    venue = ExchangeVenue(tmp_path / "v.sock")
    monkeypatch.setattr(ExchangeVenue, "_ask", lambda self, ask: AN_ANSWER)
    with pytest.raises(VersionDiffers) as found:
        venue.hello(A_SESSION, (), 1, 1)
    venue.close()
    assert isinstance(found.value, VenueSilent)
    assert found.value.closes.startswith("version: the exchange runs code 000000000000")


def test_equal_code_is_no_difference():
    assert differs("the engine", OTHER, OTHER) == ""
