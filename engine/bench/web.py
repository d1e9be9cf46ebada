"""How long the way to the screen is: one real Chromium, further browsers as protocol clients.

The web process, its streams and the browser are real; rows come over the engine's own wire from
this bench (2,000 parents, 20 events a second), so that the figures are those of the way from a
published row to pixels. What the engine needs for a command is ``bench live``.

==========================  =====================================================================
event_to_pixel_ms           row published -> its cell painted, by number of browsers
fanout_cpu_percent          CPU of the web process, of one core, by number of browsers
kilobytes_per_s             read by one browser's stream
long_tasks_per_min          tasks over 50 ms on the blotter's main thread; long_task_max_ms
hold_click_to_row_ms        click on Hold or Resume -> answer -> row painted in its new state
kill_all_to_screen_ms       kill ALL -> every parent and child in its end on the screen
cold_load_ms                navigation with an empty cache -> first live row painted
live_after_restart_ms       web process ready again -> open page live
soak                        with --soak: growth of heap and nodes (``engine.bench.web_soak``)
==========================  =====================================================================
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from db.queries import database_url
from db.schema import open_tables
from engine.bench import web_page as script
from engine.bench.live import spread
from engine.bench.meta import load, meta
from engine.bench.web_clients import Crowd, log_in
from engine.bench.web_soak import soaked
from engine.bench.web_wire import Wire
from engine.domain.errors import Refused
from engine.domain.units import ParentId, parent_text
from engine.runtime.kill_flag import KillFlag
from engine.runtime.link import load_key
from engine.settings import Paths, Settings, make_folders, paths, resolve, to_env
from engine.stage import CLOCK, ROOT, NotReady, eventually, free_port

DONE, USAGE, DISAGREE = 0, 2, 3
CHROMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
)
START_S: Final = 120.0
STEP_MS: Final = 180_000  # a browser on a machine that does much else
SETTLE_S: Final = 2.0  # snapshots and layout are not measured
KEYS: Final = (
    "event_to_pixel_ms", "fanout_cpu_percent", "kilobytes_per_s", "long_tasks_per_min",
    "long_task_max_ms", "hold_click_to_row_ms", "kill_all_to_screen_ms", "cold_load_ms",
    "live_after_restart_ms",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    parents: int
    children: int
    events: float  # [1/s]
    seconds: float  # of each number of browsers
    browsers: tuple[int, ...]
    clicks: int
    kills: int
    loads: int
    soak: float = 0.0  # [min]
    changes: int = 200  # pages opened in a soak, at least


@dataclass(slots=True, kw_only=True)
class Served:
    """The web process on a state folder of its own."""

    settings: Settings
    where: Paths
    process: "subprocess.Popen[bytes] | None" = None
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def start(self) -> None:
        """Start it and wait until it serves pages."""
        env = {**os.environ, **to_env(self.settings)}
        with (self.where.state / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "--web-only"], cwd=ROOT, env=env,
                stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        eventually(self._answers, START_S, "the web process")
        lines = self.where.demo_passwords.read_text(encoding="utf-8").splitlines()
        self.passwords = {line.split()[0]: line.split()[1] for line in lines if line.strip()}

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url + "/health", timeout=2).close()  # noqa: S310 (our own)
        except (urllib.error.URLError, OSError):
            return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.process.kill()
            self.process.wait()
            if self.process.stdin is not None:
                self.process.stdin.close()

    def cpu_s(self) -> float:
        """Processor time of the web process so far. [s]"""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory of the web process. [MB]"""
        assert self.process is not None
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="utf-8").split()[1]
        return round(int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


@dataclass(slots=True, kw_only=True)
class Bench:
    """One web process, one wire, one browser."""

    served: Served
    wire: Wire
    sizes: Sizes
    browser: Any

    def page(self, path: str = "/", name: str = "marta") -> Any:
        """A fresh browser profile on a page, live."""
        context = self.browser.new_context(viewport={"width": 1920, "height": 1080})
        context.set_default_timeout(STEP_MS)
        found = context.new_page()
        script.enter(found, self.served.url, name, self.served.passwords[name], path)
        return found

    def crowds(self) -> dict[str, dict[str, Any]]:
        """Event to pixel, CPU, bytes and long tasks for each number of browsers."""
        page = self.page()
        page.evaluate(script.WATCH)
        port, word = self.served.settings.port, self.served.passwords["kiran"]
        found = {}
        for browsers in self.sizes.browsers:
            others = [log_in(port, "kiran", word) for _ in range(max(1, browsers - 1))]
            with Crowd(port, others) as crowd:
                eventually(crowd.complete, 30, "the open streams")
                time.sleep(SETTLE_S)
                found[str(browsers)] = self._measured(page, crowd)
        page.context.close()
        return found

    def _measured(self, page: Any, crowd: Crowd) -> dict[str, Any]:
        page.evaluate(script.TAKE)
        crowd.measure()
        begin, cpu = CLOCK.mono_ns(), self.served.cpu_s()
        page.wait_for_timeout(self.sizes.seconds * 1000)
        took = (CLOCK.mono_ns() - begin) / 1e9
        cpu = self.served.cpu_s() - cpu
        read = list(crowd.read)
        got = page.evaluate(script.TAKE)
        values = script.latencies(got["seen"], self.wire.sent)
        if not values or crowd.lost:
            raise NotReady(f"{len(values)} events on the screen, {crowd.lost} streams lost")
        ordered = sorted(values)
        return {
            "event_to_pixel_ms": {**spread(values),
                                  "p95": round(ordered[-(-95 * len(ordered) // 100) - 1], 3)},
            "fanout_cpu_percent": round(100 * cpu / took, 1),
            "kilobytes_per_s": round(max(read) / took / 1000, 2),
            "long_tasks_per_min": round(60 * len(got["long"]) / took, 1),
            "long_task_max_ms": round(max(got["long"], default=0.0), 1),
        }  # fmt: skip

    def clicks(self) -> list[float]:
        """Hold and resume of one row by its own button, in turn. [ms]"""
        newest = parent_text(ParentId(self.sizes.parents))
        page = self.page(f"/?sel={newest}")
        page.evaluate(script.WATCH)
        page.wait_for_selector("#pane-acts .hold:visible")
        took = []
        for number in range(self.sizes.clicks):
            kind, wanted = ("resume", "WORKING") if number % 2 else ("hold", "HELD")
            page.wait_for_selector(f"#pane-acts .{kind}:visible")
            ask = [f"#pane-acts .{kind}", newest, wanted, bool(number % 2)]
            took.append(float(page.evaluate(script.CLICK, ask)))
        page.context.close()
        return took

    def kill_all(self) -> list[float]:
        """Kill ALL with every child on the screen's grid. [ms]"""
        took = []
        for _ in range(self.sizes.kills):
            page = self.page("/?kids=1", name="ines")
            page.evaluate(script.WATCH)
            page.click(".ag-header-cell .ag-checkbox-input >> nth=0")  # all parents: all children
            page.wait_for_function(
                "(n) => { const h = document.getElementById('children-host').qdGrid;"
                " return h && h.shown.size >= n; }", arg=self.sizes.children, timeout=STEP_MS,
            )  # fmt: skip
            page.wait_for_timeout(1_000)
            wanted = [self.sizes.parents, self.sizes.children]
            took.append(float(page.evaluate(script.KILL, wanted)))
            page.context.close()
            self._release()
        return took

    def _release(self) -> None:
        """Everything at work again, for who looks next."""
        flag = KillFlag.open(self.served.where.kill_flag)
        for slot in flag.slots():
            flag.release(slot.generation)
        flag.close()
        self.wire.revive()
        self.served.stop()  # the hub takes the new rows by its first snapshot
        self.served.start()

    def loads(self) -> list[float]:
        """Cold loads: log-in first, then an empty cache. [ms]"""
        took = []
        for _ in range(self.sizes.loads):
            seen = self.page()
            cookies = seen.context.cookies()
            seen.context.close()
            context = self.browser.new_context(viewport={"width": 1920, "height": 1080})
            context.add_cookies(cookies)
            page = context.new_page()
            page.goto(self.served.url + "/", wait_until="commit")
            page.wait_for_selector("body.desk")
            took.append(float(page.evaluate(script.LOADED)))
            context.close()
        return took

    def restart(self) -> float:
        """The web process stops and comes back under an open page. [ms]"""
        page = self.page()
        self.served.stop()
        page.wait_for_selector("body:not([data-link=ok])", timeout=10_000)
        self.served.start()
        begin = CLOCK.mono_ns()
        page.wait_for_selector("body[data-link=ok]", timeout=30_000)
        took = (CLOCK.mono_ns() - begin) / 1e6
        page.context.close()
        return took

    def run(self) -> dict[str, Any]:
        """All figures; of a soak that is asked for, its own alone."""
        if self.sizes.soak:
            long = (self.sizes.soak, self.sizes.changes)
            return {"soak": soaked(self.page(), self.served.memory_mb, *long)}
        by_browsers = self.crowds()
        report: dict[str, Any] = {"browsers": by_browsers}
        report["cold_load_ms"] = spread(self.loads())
        report["hold_click_to_row_ms"] = spread(self.clicks())
        report["live_after_restart_ms"] = spread([self.restart()])
        report["kill_all_to_screen_ms"] = spread(self.kill_all())
        return report


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A real browser; Refused where there is none."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise Refused("bench web needs playwright: python run.py setup") from None
    path = os.environ.get("CHROME") or next(filter(None, map(shutil.which, CHROMES)), None)
    if path is None:
        raise Refused("bench web needs a Chromium: set CHROME to its path")
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield running
        except Error as error:
            raise NotReady(f"the browser: {str(error).splitlines()[0]}") from None
        running.close()


def measure(folder: Path, sizes: Sizes) -> dict[str, Any]:
    """A web process, a wire and a browser for one run."""
    settings = resolve({"state": str(folder / "s"), "port": free_port(), "demo": True}, {})
    where = paths(settings)
    make_folders(where)
    key = load_key(where.state / "link.key")
    KillFlag.open(where.kill_flag).close()
    open_tables(database_url(settings.database_url, where.desk_db)).dispose()  # nobody projects
    wire = Wire(where, key, sizes.parents, sizes.children, sizes.events).start()
    served = Served(settings=settings, where=where)
    try:
        served.start()
        with chromium() as browser:
            return Bench(served=served, wire=wire, sizes=sizes, browser=browser).run()
    finally:
        served.stop()
        wire.stop()


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Flags of the verb."""
    parser = argparse.ArgumentParser(
        prog="python -m engine bench web",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parents", type=int, default=2_000)
    parser.add_argument("--children", type=int, default=10_000, help="of all parents together")
    parser.add_argument("--events", type=float, default=20.0, help="a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each number of browsers")
    parser.add_argument("--browsers", default="1,10,50", help="numbers of browsers, one is real")
    parser.add_argument("--clicks", type=int, default=30)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--loads", type=int, default=5)
    parser.add_argument(
        "--soak",
        type=float,
        default=0.0,
        metavar="MINUTES",
        help="instead of all else: does long use make the browser grow",
    )
    parser.add_argument("--changes", type=int, default=200, help="pages opened in a soak, at least")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    try:
        options.numbers = tuple(int(word) for word in options.browsers.split(","))
    except ValueError:
        parser.error(f"--browsers must be numbers with commas, was {options.browsers!r}")
    counts = (options.parents, options.children, options.clicks, options.kills, options.loads,
              options.changes)  # fmt: skip
    if (
        options.soak < 0
        or min(*counts, *options.numbers) < 1
        or min(options.events, options.seconds) <= 0
    ):
        parser.error("every count must be at least 1")
    return options


def main(argv: Sequence[str]) -> int:
    """Run the verb; 0 done, 2 bad usage or no browser, 3 the screen disagrees."""
    load_before = load()
    try:
        options = arguments(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    sizes = Sizes(
        parents=options.parents, children=options.children, events=options.events,
        seconds=options.seconds, browsers=options.numbers, clicks=options.clicks,
        kills=options.kills, loads=options.loads, soak=options.soak, changes=options.changes,
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-web-"))
    try:
        report = measure(folder, sizes)
    except Refused as refused:
        print(f"bench web: {refused}", file=sys.stderr)
        return USAGE
    except NotReady as error:
        print(f"bench web: {error}", file=sys.stderr)
        return DISAGREE
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report["sizes"] = {"parents": sizes.parents, "children": sizes.children,
                       "events_per_s": sizes.events}  # fmt: skip
    report["meta"] = meta(load_before)
    show(report, as_json=options.json)
    return DONE if report.get("soak", {}).get("held", True) else DISAGREE


def show(report: dict[str, Any], *, as_json: bool) -> None:
    """One object for machines, a table for people."""
    if as_json:
        print(json.dumps(report))
        return
    for key, value in report.get("soak", {}).items():
        print(f"{'soak':>13}  {key:<22}  {value}")
    for browsers, row in report.get("browsers", {}).items():
        for key, value in row.items():
            print(f"{browsers:>4} browsers  {key:<22}  {value}")
    for key in KEYS[5:] if "browsers" in report else ():
        print(f"{'':>13}  {key:<22}  {report[key]}")
