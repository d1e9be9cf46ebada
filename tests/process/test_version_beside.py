"""Worker and web of other code: the worker stops, the web minds the wire alone. Both say so."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from engine.bench.web_clients import log_in
from engine.domain.commands import ReportTca
from engine.domain.errors import Refused
from engine.runtime.clock import SystemClock
from engine.runtime.code import trading_hash, wire_hash
from engine.runtime.link import load_key
from engine.settings import Settings, endpoint, make_folders, paths, resolve, to_env
from engine.stage import eventually, free_port
from engine.worker.__main__ import context_of
from engine.worker.people import SYSTEM
from tests.support.fake_engine import FakeEngine

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0
TRADES = "engine/runtime/gate.py"  # in what trades, not in the wire
WIRE = "engine/runtime/link.py"  # in both

pytestmark = pytest.mark.timeout(300)


def program(folder: Path, changed: str) -> Path:
    """A copy of the program with one more line in one file; "" = as it is."""
    if not changed:
        return ROOT
    for name in ("engine", "db", "pages", "components", "assets", "docs"):
        quiet = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=quiet)
    shutil.copy(ROOT / "app.py", folder)
    with (folder / changed).open("a", encoding="utf-8") as file:
        file.write("# one line\n")
    return folder


@contextmanager
def beside(tmp_path: Path, changed: str, *words: str) -> Iterator["Beside"]:
    """A process of a copy beside an engine of this code."""
    port = free_port()
    settings = resolve({"state": str(tmp_path / "s"), "port": port, "history_days": 0}, {})
    where = paths(settings)
    make_folders(where)
    key = load_key(where.state / "link.key")
    engine = FakeEngine(endpoint(where.engine), endpoint(where.live), key).start()
    engine.answers["code"] = {"code": trading_hash(), "wire": wire_hash()}
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [sys.executable, *words], cwd=program(tmp_path / "program", changed),
        env={**os.environ, **to_env(settings)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        yield Beside(settings, engine, process, tmp_path / "log")
    finally:
        process.kill()
        process.wait()
        log.close()
        engine.stop()


class Beside:
    def __init__(
        self, settings: Settings, engine: FakeEngine, process: "subprocess.Popen[bytes]", log: Path
    ) -> None:
        self.settings, self.engine, self.process, self.log = settings, engine, process, log

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def get(self, path: str, cookie: str = "") -> tuple[int, str]:
        """Status and body, 0 while nobody listens."""
        url = f"http://127.0.0.1:{self.settings.port}{path}"
        ask = urllib.request.Request(url, headers={"Cookie": cookie} if cookie else {})
        try:
            with urllib.request.urlopen(ask, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""


def test_a_worker_of_other_code_stops_and_names_both_codes(tmp_path):
    with beside(tmp_path, TRADES, "-m", "engine.worker") as worker:
        assert worker.process.wait(PATIENCE_S) == 1
        said = worker.said()
        assert f"the worker stops: the engine runs code {trading_hash()[:12]}, this process" in said
        assert worker.engine.commands == []


def test_a_worker_sends_no_result_to_an_engine_of_other_code(tmp_path):
    settings = resolve({"state": str(tmp_path / "s")}, {})
    where = paths(settings)
    make_folders(where)
    key = load_key(where.state / "link.key")
    engine = FakeEngine(endpoint(where.engine), endpoint(where.live), key).start()
    context = replace(context_of(settings, Event()), clock=SystemClock())
    report = ReportTca(day="2026-11-27", report_hash="0" * 64, parents=0, shortfall_bps=None)
    try:
        engine.answers["code"] = {"code": "0" * 64}
        with pytest.raises(Refused, match="the engine runs code 000000000000, this process"):
            context.submit(report, "tca-1")
        assert engine.commands == []
        engine.answers["code"] = {"code": trading_hash()}
        context.submit(report, "tca-1")
        assert [envelope.person for envelope in engine.commands] == [SYSTEM]
    finally:
        engine.stop()
        context.tables.dispose()


def test_a_web_of_other_code_but_the_same_wire_serves(tmp_path):
    with beside(tmp_path, TRADES, "app.py", "--web-only") as web:
        eventually(lambda: web.get("/health")[0] == 200, PATIENCE_S, "a web that is ready")


def test_a_web_with_another_wire_shows_nothing_sends_nothing_and_says_why(tmp_path):
    with beside(tmp_path, WIRE, "app.py", "--web-only") as web:
        eventually(lambda: web.get("/login")[0] == 200, PATIENCE_S, "a page to log in")
        words = web.settings.state / "demo_passwords.txt"
        words = dict(line.split()[:2] for line in words.read_text().splitlines() if line.strip())
        cookie = log_in(web.settings.port, "marta", words["marta"])

        def version() -> str:
            status, body = web.get("/api/v1/status", cookie)
            rows = json.loads(body)["items"] if status == 200 else []
            return next((row["text"] for row in rows if row["key"] == "version"), "")

        text = eventually(version, PATIENCE_S, "a word about the version")
        assert f"this process {wire_hash()[:12]}" in text
        assert "start the desk again" in text
        assert web.get("/health")[0] == 503
        assert web.engine.commands == []
