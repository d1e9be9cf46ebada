"""`bench live` on a real desk of its own, tiny: keys and exit codes. Never a time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.bench.live import KEYS, main, spread
from engine.bench.tap import NOTE, read_notes

ROOT = Path(__file__).resolve().parents[2]
TINY = (
    "--commands", "5", "--kills", "1", "--big-kills", "1", "--orders", "8", "--decisions", "5",
)  # fmt: skip


@pytest.mark.timeout(600)
def test_the_report_has_every_key_of_the_contract():
    done = subprocess.run(
        [sys.executable, "-m", "engine", "bench", "live", *TINY, "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=590,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    for phase in ("idle", "saturated"):
        assert tuple(report[phase]) == KEYS
        for row in report[phase].values():
            assert row.keys() == {"p50", "p99", "max", "n"}
            assert 0 <= row["p50"] <= row["p99"] <= row["max"]
            assert row["n"] >= 1
    assert report["meta"]["machine"]["cores"]


@pytest.mark.parametrize("argv", [["--kills", "0"], ["--orders", "-1"], ["--nonsense"]])
def test_bad_usage_is_2(argv):
    assert main(argv) == 2


def test_the_spread_is_of_the_ordered_values():
    assert spread([3.0, 1.0, 2.0]) == {"p50": 2.0, "p99": 3.0, "max": 3.0, "n": 3}
    assert spread(list(range(1, 201)))["p99"] == 199
    assert spread([5.0]) == {"p50": 5.0, "p99": 5.0, "max": 5.0, "n": 1}


def test_a_half_written_note_is_left_for_the_next_look(tmp_path):
    path = tmp_path / "notes"
    assert read_notes(path) == []
    path.write_bytes(NOTE.pack(1, 2, 3) + b"half")
    assert read_notes(path) == [(1, 2, 3)]
