"""The import contracts hold, cover the whole tree, and catch planted faults."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = {row["name"]: row for row in PROJECT["tool"]["importlinter"]["contracts"]}
FOLDERS = ("engine", "db", "pages", "components")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LINT_IMPORTS), "--no-cache"], cwd=folder, capture_output=True, text=True
    )


def test_the_import_contracts_hold():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_every_part_of_the_engine_has_a_place_in_the_layers():
    layers = " ".join(CONTRACTS["one way down"]["layers"])
    placed = {word.strip("()") for word in layers.replace("|", " ").split()}
    parts = {
        f"engine.{path.stem}"
        for path in (ROOT / "engine").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem != "__init__"
    }
    assert parts - placed == {"engine.watchdog"}  # it stands alone, by a contract of its own
    assert {"db", "pages", "components"} <= placed


@pytest.fixture(scope="module")
def copied_tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tree")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("engine/domain/units.py", "import engine.core.decide", "one way down"),
        ("engine/tca/__init__.py", "import plotly", "the engine process stays light"),
        ("engine/watchdog/__init__.py", "import engine.domain.units", "the watchdog stands alone"),
        ("engine/runtime/__init__.py", "import engine.watchdog", "nobody leans on the watchdog"),
        ("engine/core/__init__.py", "import datetime", "the core knows no world"),
        ("pages/__init__.py", "import engine.runtime", "screens stay thin"),
        ("engine/tca/__init__.py", "import numba", "numba only in the kernels"),
        ("engine/worker/__init__.py", "import sklearn", "scikit-learn only in learn"),
        ("engine/gateway/__init__.py", "import sqlite3", "SQL only in db"),
        ("engine/kernels/__init__.py", "import engine.domain.errors", "kernels lean on two files"),
        ("engine/runtime/feeds/__init__.py", "import engine.runtime.venues\n", "no circles"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_caught_by_its_contract(copied_tree, file, line, contract):
    target = copied_tree / file
    other = copied_tree / "engine/runtime/venues/__init__.py"
    before, other_before = target.read_bytes(), other.read_bytes()
    try:
        target.write_bytes(before + b"\n" + line.encode() + b"\n")
        if contract == "no circles":
            other.write_bytes(b"import engine.runtime.feeds\n")
        done = lint(copied_tree)
    finally:
        target.write_bytes(before)
        other.write_bytes(other_before)
    assert done.returncode == 1
    broken = [row for row in done.stdout.splitlines() if " BROKEN" in row]
    assert any(row.startswith(contract) for row in broken), done.stdout
