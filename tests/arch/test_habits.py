"""The doors for developers: make targets explain themselves, .ci/run is a strict script."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_make_target_has_its_line_of_help():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE).group(1).split()
    explained = re.findall(r"^([a-z]+):.*## \S", text, flags=re.MULTILINE)
    assert explained == phony
    assert " ".join(phony) == "help setup run check test replay bench docs audit clean"


def test_ci_is_a_strict_script_that_runs_the_one_test_command():
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in text
    assert "run.py test\n" in text  # the stages of the tests are known to run.py alone
    assert "xdist" not in text
    assert "-n 2" not in text
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0


def test_the_licence_is_the_full_text():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "9. Accepting Warranty or Additional Liability" in text
    assert "END OF TERMS AND CONDITIONS" in text
