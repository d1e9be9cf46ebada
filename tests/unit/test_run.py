"""run.py: what it refuses, and when it installs."""

import hashlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The module on an empty repository; ``commands`` notes what it would have called."""
    spec = importlib.util.spec_from_file_location("run_under_test", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.commands = []
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements.txt").write_text("a==1\n")
    (tmp_path / "requirements" / "dev.txt").write_text("a==1\nb==1\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "MARKER", tmp_path / ".venv" / "installed.json")

    def call(*command, **_extra):
        words = [str(word) for word in command]
        module.commands.append(words)
        if "venv" in words:
            module.PYTHON.parent.mkdir(parents=True, exist_ok=True)
            module.PYTHON.touch()
        return 0

    monkeypatch.setattr(module, "call", call)
    return module


def installs(run) -> list[str]:
    return [words[-1] for words in run.commands if "install" in words]


def test_a_lock_is_installed_once(run):
    run.install("requirements.txt")
    run.install("requirements.txt")
    assert installs(run) == ["requirements.txt"]
    assert all("--require-hashes" in words for words in run.commands if "install" in words)


def test_a_changed_lock_is_installed_again(run):
    run.install("requirements.txt")
    (run.ROOT / "requirements.txt").write_text("a==2\n")
    run.install("requirements.txt")
    assert installs(run) == ["requirements.txt"] * 2


def test_the_development_lock_contains_the_runtime(run):
    run.install("requirements/dev.txt")
    run.install("requirements.txt")
    assert installs(run) == ["requirements/dev.txt"]


def test_another_python_gets_a_new_environment(run):
    run.install("requirements.txt")
    old = json.loads(run.MARKER.read_text())
    run.MARKER.write_text(json.dumps({**old, "python": "3.11.0"}))
    (run.VENV / "left_over").touch()
    run.install("requirements.txt")
    assert installs(run) == ["requirements.txt"] * 2
    assert not (run.VENV / "left_over").exists()


def test_pip_checks_the_hashes_when_there_is_no_uv(run, monkeypatch):
    monkeypatch.setattr(run.shutil, "which", lambda _name: None)
    run.install("requirements.txt")
    assert run.commands[0][1:3] == ["-m", "venv"]
    assert run.commands[1][1:4] == ["-m", "pip", "install"]
    assert "--require-hashes" in run.commands[1]


def test_a_failed_install_is_not_remembered(run, monkeypatch):
    monkeypatch.setattr(run, "call", lambda *command, **_extra: int("install" in command))
    with pytest.raises(SystemExit, match="failed with exit code 1"):
        run.install("requirements.txt")
    assert not run.MARKER.exists()


def test_all_tests_run_in_two_stages_and_one_bad_stage_is_enough(run, monkeypatch):
    codes = iter([0, 1, 0])  # warm-up, the two stages
    stages = []

    def call(*command, **_extra):
        stages.append([str(word) for word in command])
        return next(codes)

    monkeypatch.setattr(run, "call", call)
    monkeypatch.setattr(run, "browser", lambda *, may_install: "/bin/true")
    assert run.test([]) == 1
    assert stages[0][-4:] == ["-m", "engine", "warm", "--all"]
    assert ["--ignore=tests/process" in words for words in stages] == [False, True, False]
    assert ["tests/process" in words for words in stages] == [False, False, True]


def test_a_wrong_word_is_refused_with_the_three_right_ones():
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "start"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "must be app, test or setup, was 'start'" in done.stderr


def test_a_python_that_does_not_fit_is_refused(run, monkeypatch):
    monkeypatch.setattr(run.sys, "version_info", (3, 10, 13, "final", 0))
    with pytest.raises(SystemExit, match=r"Python must be 3\.11 to 3\.14"):
        run.main(["setup"])


def test_the_marker_holds_the_hash_of_the_lock(run):
    run.install("requirements.txt")
    digest = hashlib.sha256((run.ROOT / "requirements.txt").read_bytes()).hexdigest()
    assert json.loads(run.MARKER.read_text())["requirements.txt"] == digest
