"""Kills of every scope on a desk at work, judged by the exchange's own log."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.drill.kill import FIRST

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(300)
def test_nothing_of_a_killed_scope_reaches_the_exchange():
    done = subprocess.run(
        [sys.executable, "-m", "engine", "drill", "kill", "--n", "48", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=290,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert report["failures"] == []
    assert report["sent_after_blocked"] == 0
    assert report["n"] == report["confirmed"] == 48
    assert report["children_taken_back"] >= 12
    assert set(report["by_scope"]) == set(FIRST)
    assert done.returncode == 0
