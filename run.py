"""Start here: ``python run.py app [args] | test [args] | setup``. Standard library only."""

from __future__ import annotations  # an old Python must get as far as our sentence

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
MARKER = VENV / "installed.json"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SLOW = ("tests/process", "tests/e2e")  # these start processes or a browser: one after the other
STAGES = (
    ("tests in two processes", ["-n", "2", "--dist", "loadfile", *(f"--ignore={s}" for s in SLOW)]),
    ("tests of processes and browser", [s for s in SLOW if (ROOT / s).exists()]),
)


def say(text: str) -> None:
    """One line of progress for people, on stderr: stdout belongs to the tool we start."""
    print(f"run.py: {text}", file=sys.stderr, flush=True)


def call(*command: str | Path, **extra: str) -> int:
    """Run a command in the repository, without a stdin; its exit code."""
    env = {**os.environ, **extra}
    return subprocess.call([str(c) for c in command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL)


def must(*command: str | Path) -> None:
    """Run a command that has to work."""
    code = call(*command)
    if code:
        sys.exit(f"run.py: this failed with exit code {code}: {' '.join(str(c) for c in command)}")


def install(lock: str) -> None:
    """Make the environment and install a lock in it, unless both are as they should be."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    digest = hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()
    state = json.loads(MARKER.read_text()) if MARKER.exists() and PYTHON.exists() else {}
    if state.get("python") == version and state.get(lock) == digest:
        return
    started = time.monotonic()
    say(f"installing {lock} for Python {version}; the first time takes up to two minutes ...")
    if VENV.exists() and state.get("python") != version:
        shutil.rmtree(VENV)
        state = {}
    uv = shutil.which("uv")
    if uv and call(uv, "--quiet", "--version") == 0:
        if not PYTHON.exists():
            must(uv, "venv", "--quiet", "--python", sys.executable, VENV)
        must(uv, "pip", "install", "--quiet", "--python", PYTHON, "--compile-bytecode",
             "--require-hashes", "-r", lock)  # fmt: skip
    else:
        must(sys.executable, "-m", "venv", VENV)
        must(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--no-input", "--require-hashes", "-r", lock)  # fmt: skip
    done = {**state, "python": version, lock: digest}
    if lock == "requirements/dev.txt":  # it contains the runtime lock, version for version
        done["requirements.txt"] = hashlib.sha256(
            (ROOT / "requirements.txt").read_bytes()
        ).hexdigest()
    MARKER.write_text(json.dumps(done))
    say(f"installed in {time.monotonic() - started:.0f} s")


def browser(*, may_install: bool) -> str | None:
    """Path of a Chromium; installs one if there is none and it may."""
    found = os.environ.get("CHROME") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found or not may_install:
        return found
    if shutil.which("apt-get") and getattr(os, "geteuid", lambda: -1)() == 0:
        say("no browser found: installing Debian's chromium ...")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        call("apt-get", "update", "-qq", **quiet)
        call("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", **quiet)
        if found := shutil.which("chromium"):
            return found
    say("no browser found: installing Playwright's chromium ...")
    call(PYTHON, "-m", "playwright", "install", "chromium")
    ask = "from playwright.sync_api import sync_playwright as s; p = s().start(); " \
          "print(p.chromium.executable_path); p.stop()"  # fmt: skip
    path = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True).stdout.strip()
    return path if Path(path).exists() else None


def test(args: list[str]) -> int:
    """Run the given tests, or all in two stages; the first bad exit code."""
    chrome = browser(may_install=not args or any("e2e" in arg for arg in args))
    if chrome:
        os.environ["CHROME"] = chrome
    else:
        say("no browser: browser tests cannot run")
    started = time.monotonic()
    must(
        PYTHON, "-m", "engine", "warm", "--all"
    )  # processes that fill one cold cache together race
    say(f"kernels ready in {time.monotonic() - started:.0f} s")
    if args:
        return call(PYTHON, "-m", "pytest", *args)
    codes = []
    for title, stage in STAGES:
        say(f"{title}: pytest {' '.join(stage)}")
        codes.append(call(PYTHON, "-m", "pytest", "-q", *stage))
    return max(codes, key=abs)


def main(argv: list[str]) -> int:
    """Dispatch one of the three verbs."""
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        sys.exit(
            f"run.py: Python must be 3.11 to 3.14, was {sys.version.split()[0]}: {sys.executable}"
        )
    verb, args = (argv[0], argv[1:]) if argv else ("", [])
    if verb not in ("app", "test", "setup"):
        sys.exit(f"{__doc__}\nrun.py: the first word must be app, test or setup, was {verb!r}")
    install("requirements.txt" if verb == "app" else "requirements/dev.txt")
    if verb == "setup":
        return 0
    if verb == "test":
        return test(args)
    command = [str(PYTHON), str(ROOT / "app.py"), *args]
    if os.name == "posix":
        os.execv(command[0], command)  # signals reach the app itself
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
