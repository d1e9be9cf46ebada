"""A desk for browser tests: the web process, a fake engine or the whole desk, and log-in."""

import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from engine.runtime.link import load_key
from engine.settings import endpoint, make_folders, paths, resolve, to_env
from tests.support.fake_engine import FakeEngine

ROOT = Path(__file__).resolve().parents[2]
PAUSE = Event()  # a wait nobody ends: between two looks at a process that is starting


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RunningDesk:
    """Processes of one state folder: all of them, or the web beside a fake engine."""

    full: bool = False
    flags: Mapping[str, object] = field(default_factory=dict)
    state: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="qd-")))
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    engine: FakeEngine | None = None

    def __post_init__(self) -> None:
        given = {"state": str(self.state / "s"), "port": self.port, **self.flags}
        self.settings = resolve(given, {})
        self.where = paths(self.settings)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait_s: float = 60.0) -> "RunningDesk":
        make_folders(self.where)
        if not self.full and self.engine is None:
            key = load_key(self.where.state / "link.key")
            self.engine = FakeEngine(
                endpoint(self.where.engine), endpoint(self.where.live), key
            ).start()
        env = {**os.environ, **to_env(self.settings), "PYTHONPATH": str(ROOT)}
        command = (
            [sys.executable, "app.py", "--state", str(self.where.state), "--port", str(self.port)]
            if self.full
            else [sys.executable, "-m", "tests.support.web_process", "--sample"]
        )
        with (self.state / "output.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=log, stderr=log, stdin=subprocess.PIPE
            )
        self._until_ready(wait_s)
        return self

    def _until_ready(self, wait_s: float) -> None:
        assert self.process is not None
        for _ in range(int(wait_s / 0.1)):
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(self.url + "/health", timeout=2).close()
            except (urllib.error.URLError, OSError):
                PAUSE.wait(0.1)
            else:
                return
        raise AssertionError("the desk did not become ready:\n" + self.output()[-4000:])

    def output(self) -> str:
        return (self.state / "output.log").read_text(errors="replace")

    def stop_web(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(15)
        assert self.process.stdin is not None
        self.process.stdin.close()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.stop_web()
        if self.engine is not None:
            self.engine.stop()

    def passwords(self) -> dict[str, str]:
        """Password by login of the demo people."""
        lines = self.where.demo_passwords.read_text().splitlines()
        return {line.split()[0]: line.split()[1] for line in lines if line.strip()}


@dataclass
class Visitor:
    """A browser page with its console under watch."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> "Visitor":
        def heard(message: Any) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(f"{message.type}: {message.text} {message.location}")

        self.page.on("console", heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        return self

    def log_in(self, desk: RunningDesk, login: str, path: str = "/") -> "Visitor":
        """Log in and open a page; ready when the stream is live."""
        self.page.goto(f"{desk.url}/login?next={path}")
        self.page.fill("input[name=login]", login)
        self.page.fill("input[name=password]", desk.passwords()[login])
        self.page.click("button[type=submit]")
        self.page.wait_for_selector("body.desk[data-link=ok]", timeout=15_000)
        return self
