"""A desk for browser tests: the web process, a fake engine or the whole desk, and log-in."""

import os
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from engine.runtime.link import load_key
from engine.settings import endpoint, make_folders, paths, resolve, to_env
from tests.support.fake_engine import FakeEngine

ROOT = Path(__file__).resolve().parents[2]
PAUSE = Event()  # a wait nobody ends: between two looks at a process that is starting
PATIENCE_MS = 60_000  # a bound for a machine with others on it, not a promise of speed
# A desk whose pages are tested shares two cores with whatever else runs: a process that gets no
# turn for a second is not what these tests are about (tests/process/test_kill_paths.py is).
UNHURRIED = {"lease_ms": 30_000, "silence_ms": 60_000, "heartbeat_ms": 60_000}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RunningDesk:
    """Processes of one state folder: all of them, or the web beside a fake engine."""

    full: bool = False
    unhurried: bool = True
    flags: Mapping[str, object] = field(default_factory=dict)
    state: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="qd-")))
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    engine: FakeEngine | None = None

    def __post_init__(self) -> None:
        self.flags = {**(UNHURRIED if self.full and self.unhurried else {}), **self.flags}
        given = {"state": str(self.state / "s"), "port": self.port, **self.flags}
        self.settings = resolve(given, {})
        self.where = paths(self.settings)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait_s: float = 180.0) -> "RunningDesk":
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
        try:
            self._until_ready(wait_s)
        except AssertionError:
            self.stop()
            raise
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
        self.process.wait(PATIENCE_MS / 1_000)
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
        self.page.wait_for_selector("body.desk[data-link=ok]")
        return self


def a_page(browser: Any, width: int = 1440, height: int = 900) -> Any:
    """A page with cookies of its own, as patient as this machine needs; close its context."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def press_until(page: Any, selector: str, done: str) -> None:
    """Hold the mouse button down on something until the page says that the press has counted.

    done : a function of the page, false before the press.
    """
    page.hover(selector)
    page.mouse.down()
    page.wait_for_function(done)
    page.mouse.up()


def command(
    page: Any, verb: str, target: str, args: Mapping[str, Any], reason: str = ""
) -> dict[str, Any]:
    """A command by the door of the page, past any button: the answer's status and document.

    No answer within the two seconds of the door is an unknown effect; as the door says, the same
    id is then sent again, and has one effect.
    """
    body = {"id": f"t-{page.evaluate('crypto.randomUUID()')}", "verb": verb, "target": target,
            "args": dict(args), "reason": reason}  # fmt: skip
    for _ in range(30):
        answer: dict[str, Any] = page.evaluate(SEND, body)
        if answer["status"] != 504:
            return answer
    raise AssertionError(f"the engine did not answer: {answer}")


SEND = """async (body) => {
  const answer = await fetch("/api/v1/commands", { method: "POST", cache: "no-store",
    headers: { "Content-Type": "application/json", "X-QD-CSRF": document.body.dataset.csrf },
    body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}"""


def set_speed(page: Any, speed: float) -> None:
    """The market's speed, 0 = it stands still; back once the page has heard of it."""
    assert command(page, "SetSpeed", "", {"speed": speed})["status"] == 202
    page.wait_for_function("(v) => QD.cell('desk', 'desk', 'speed') === v", arg=speed)


@contextmanager
def paused(page: Any, speed: float) -> Iterator[None]:
    """The market stands still, so that two looks see the same; then it goes on at its speed.

    Frames of before the pause may still be under way: what is compared is compared until equal.
    """
    set_speed(page, 0)
    try:
        yield
    finally:
        set_speed(page, speed)


def open_market(page: Any, symbol: str) -> None:
    """Wait until orders in a symbol are priced: both sides are quoted, the gate is open."""
    page.wait_for_function(
        "async (s) => { const of = async (t) => (await (await fetch(`/api/v1/${t}`)).json()).items;"
        " const at = (await of('quotes')).find((row) => row.key === s), [desk] = await of('desk');"
        " return Boolean(at && at.mid && desk && ['', 'open'].includes(desk.gate)"
        " && desk.session === 'CONTINUOUS'); }",
        arg=symbol, polling=200,
    )  # fmt: skip


def says(page: Any, selector: str, words: str) -> None:
    """Wait until one of the elements says the words."""
    page.wait_for_function(
        "([s, t]) => [...document.querySelectorAll(s)].some((e) => e.innerText.includes(t))",
        arg=[selector, words],
    )


def rows_now(page: Any, topic: str) -> dict[str, dict[str, Any]]:
    """Rows of a topic by key, as the desk tells them now, past the page."""
    asked = "(t) => fetch(`/api/v1/${t}?limit=500`, { cache: 'no-store' }).then((a) => a.json())"
    return {row["key"]: row for row in page.evaluate(asked, topic)["items"]}
