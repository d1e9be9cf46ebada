"""A disk with no free byte, for real: the kill works and says what is not in the journal."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OTHERS = () if os.geteuid() == 0 else ("unshare", "-rm")


@pytest.mark.timeout(400)
@pytest.mark.skipif(sys.platform != "linux", reason="needs a tmpfs: Linux only")
def test_a_kill_on_a_full_disk_takes_every_order_back_and_says_what_is_not_written():
    if OTHERS and shutil.which("unshare") is None:
        pytest.skip("no right to mount a small file system here")
    done = subprocess.run(
        [*OTHERS, sys.executable, "-m", "engine", "drill", "full", "--json"],
        cwd=ROOT, capture_output=True, text=True, timeout=390,
    )  # fmt: skip
    report = json.loads(done.stdout or '{"failures": ["unshare is not permitted here"]}')
    if any("no file system can be mounted" in text for text in report["failures"]) or (
        OTHERS and not done.stdout
    ):
        pytest.skip("no right to mount a small file system here")
    assert report["failures"] == []
    assert report["open_before"] >= 2
    assert report["receipt"]["state"] == "REQUESTED"  # what is not journalled is not said
    assert "the journal cannot be written: database or disk is full" in report["halted"]
    assert "0 are open: not in the journal, kept in reserve.log" in report["said"]
    assert report["kept"] == 1
    assert report["died"] == []
