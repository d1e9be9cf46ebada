"""`bench web` with a real web process and browser, tiny: keys and exit codes. Never a time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.bench.web import KEYS, main
from engine.bench.web_page import latencies
from engine.bench.web_soak import growth, held

ROOT = Path(__file__).resolve().parents[2]
CHROME = os.environ.get("CHROME", "/usr/bin/chromium")
TINY = (
    "--parents", "40", "--children", "80", "--seconds", "3", "--browsers", "1,3", "--clicks", "2",
    "--kills", "1", "--loads", "1",
)  # fmt: skip


@pytest.mark.timeout(300)
def test_the_report_has_every_key_of_the_contract():
    if not Path(CHROME).exists():
        pytest.skip(f"no Chromium at {CHROME}: set CHROME")
    done = subprocess.run(
        [sys.executable, "-m", "engine", "bench", "web", *TINY, "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=290, env={**os.environ, "CHROME": CHROME},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert list(report["browsers"]) == ["1", "3"]
    for row in report["browsers"].values():
        assert tuple(row) == KEYS[:5]
        assert row["event_to_pixel_ms"]["n"] >= 1
        assert row["event_to_pixel_ms"]["p50"] > 0
        assert row["kilobytes_per_s"] > 0
    for key in KEYS[5:]:
        assert 0 < report[key]["p50"] <= report[key]["max"]
    assert report["hold_click_to_row_ms"]["n"] == 2
    assert report["meta"]["machine"]["cores"]


@pytest.mark.parametrize(
    "argv", [["--parents", "0"], ["--browsers", "1,x"], ["--seconds", "0"], ["--nonsense"]]
)
def test_bad_usage_is_2(argv):
    assert main(argv) == 2


def test_a_cell_counts_from_the_publication_of_its_own_event():
    sent = {4: ("P-1", 1_000_000_000), 8: ("P-2", 2_000_000_000)}
    assert latencies([[4, 1_050.0], [8, 2_200.0], [999, 3_000.0]], sent) == [50.0, 200.0]


def soaked(heap_mb=0, nodes=0):
    """Growth of a tab that gains this much with every round."""
    first = {"heap_mb": 500, "nodes": 90_000, "listeners": 900}  # of the warm-up
    return growth([first, *({"heap_mb": 30 + heap_mb * n, "nodes": 5_000 + nodes * n,
                             "listeners": 900} for n in range(8))])  # fmt: skip


def test_a_soak_holds_where_nothing_grows_and_the_warm_up_does_not_count():
    flat = soaked()
    assert flat["heap_mb"] == {"first": 30, "last": 30, "growth": 0}
    assert held([flat, flat], (100.0, 119.0))


def test_a_leak_of_any_kind_ends_a_soak():
    flat = soaked()
    assert not held([flat, soaked(heap_mb=1)], (100.0, 100.0))
    assert not held([soaked(nodes=60), flat], (100.0, 100.0))
    assert not held([flat, flat], (100.0, 121.0))
