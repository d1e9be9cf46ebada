"""Many browsers, and one that stops reading: the engine must not notice, the one must come back.

A whole desk under the real supervisor, its web, its live stream over real sockets. Six periods:
no browser; all browsers; kills by click; all browsers while another journal on the same disk is
written as fast as it goes; one browser that does not read, its connection open; the web process
stopped (SIGSTOP). Lateness is the engine's own: from the instant a tick was due to the instant it
began. Then the market stands, and the picture of the one that stalled must be that of a browser
that just came.

Times are reported with their goals and do not fail the drill: they are those of this machine.
"""

import argparse
import contextlib
import http.client
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.bench.journal import commits
from engine.bench.live import Login, passwords
from engine.bench.meta import load
from engine.bench.web_clients import Crowd, log_in
from engine.domain.commands import ReleaseKill
from engine.domain.errors import Refused
from engine.domain.units import PersonId
from engine.drill.ending import Report, conclude, flags, quantiles
from engine.drill.memory import rss
from engine.drill.screen import Screen
from engine.exchange.presets import PRESETS
from engine.stage import CLOCK, START_S, NotReady, Stage, eventually
from engine.warm import ready

MB: Final = 1_048_576
SPEED: Final = 10.0
TOPICS: Final = ("alerts", "children", "kills", "parents", "quotes", "uses")
STREAMS: Final = 4  # of one log-in
LOOK_S: Final = 0.25
SETTLE_S: Final = 3.0
PATIENCE_S: Final = 60.0
BATCH: Final = 16  # intents of one commit, as many as a busy turn has
RELEASERS: Final = (PersonId("u3"), PersonId("u4"))  # supervisors among the demo people
GROWN_MB: Final = 20.0
LATE_MS: Final = 50.0
CLICK_MS: Final = 250.0
INTENTS: Final = 2_500.0
COMMIT_MS: Final = 10.0


@dataclass(slots=True, kw_only=True)
class Watch:
    """Memory and lateness of one desk, period by period."""

    stage: Stage
    periods: dict[str, Any] = field(default_factory=dict)

    def late_ms(self) -> list[float]:
        """Lateness of the engine's newest ticks."""
        found: list[float] = self.stage.desk.ask("timings", timeout_s=30.0)["tick_late_ms"]
        return found

    def memory(self) -> dict[str, int]:
        """Resident memory. [byte]"""
        return {name: rss(self.stage.pid(name) or 0) for name in ("engine", "web")}

    def period(self, name: str, seconds: float) -> None:
        """Look on for so long."""
        ticks, first = len(self.late_ms()), self.memory()
        most = dict(first)
        end = CLOCK.mono_ns() + int(seconds * 1e9)
        while CLOCK.mono_ns() < end:
            time.sleep(LOOK_S)
            now = self.memory()
            most = {who: max(size, now[who]) for who, size in most.items()}
        late = self.late_ms()
        grown = {f"{who}_grew_mb": round((most[who] - first[who]) / MB, 1) for who in first}
        engine_mb = round(most["engine"] / MB)
        self.periods[name] = {
            "late_ms": quantiles(late[ticks:]),
            "engine_mb": engine_mb,
            **grown,
            "turn_ms": (self.stage.status() or {"desk": {"turn_ms": None}})["desk"]["turn_ms"],
        }


def enter(port: int, name: str, word: str) -> Login:
    """A log-in, as soon as the web is up."""

    def tried() -> Login | None:
        try:
            return Login(port, name, word).enter()
        except (OSError, http.client.HTTPException, Refused):
            return None

    found: Login = eventually(tried, START_S, f"a log-in of {name}")
    return found


def trade(trader: Login, parents: int) -> None:
    """So many orders at work, over all symbols; each a share larger than the one before."""
    for number in range(parents):
        symbol = PRESETS[number % len(PRESETS)].instrument.symbol
        trader.command(
            "SubmitParent", symbol=symbol, side=1 - 2 * (number // len(PRESETS) % 2),
            quantity=20_000 + number, strategy="POV", horizon_ns=7_200_000_000_000,
        )  # fmt: skip


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def crowd_of(port: int, cookies: Sequence[str], browsers: int) -> Crowd:
    """Browsers that read everything and keep nothing."""
    return Crowd(port, [cookies[number // STREAMS] for number in range(browsers)])


def same_as_new(stalled: Screen, port: int, cookie: str) -> Callable[[], bool]:
    """Whether the picture is that of a browser that opens the page now."""

    def check() -> bool:
        with Screen(port=port, cookie=cookie, topics=TOPICS) as fresh:
            eventually(fresh.is_filled, PATIENCE_S, "the picture of a new browser")
            if stalled.failed:
                raise NotReady(f"the stream of the one that stalled: {stalled.failed}")
            return stalled.picture.rows == fresh.picture.rows

    return check


@dataclass(slots=True, kw_only=True)
class Run:
    """One desk, its people and its browsers."""

    stage: Stage
    options: argparse.Namespace
    watch: Watch
    words: dict[str, str]
    failures: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.stage.settings.port

    def all(self, folder: Path) -> Report:
        """The periods, then the comparison."""
        options, watch = self.options, self.watch
        boss = enter(self.port, "marta", self.words["marta"])
        trade(enter(self.port, "amara", self.words["amara"]), options.parents)
        others = options.browsers - 1
        cookies = [
            log_in(self.port, "kiran", self.words["kiran"]) for _ in range(-(-others // STREAMS))
        ]
        mine = log_in(self.port, "ines", self.words["ines"])
        watch.period("no browser", options.seconds)
        with (
            crowd_of(self.port, cookies, others) as crowd,
            Screen(port=self.port, cookie=mine, topics=TOPICS) as one,
        ):
            eventually(crowd.complete, PATIENCE_S, "the open streams")
            eventually(one.is_filled, PATIENCE_S, "a first picture")
            time.sleep(SETTLE_S)
            crowd.measure()
            watch.period("browsers", options.seconds)
            read = max(crowd.read) / options.seconds / 1_000
            clicks = self._kills(enter(self.port, "ines", self.words["ines"]))
            journal = commits(folder / "journal", BATCH, options.seconds, 20)
            self._stall(one)
            with stopped(self.stage.pid("web") or 0):
                watch.period("web stopped", options.stall)
            boss.wire = None  # the web gave the old connection up
            boss.command("SetSpeed", speed=0)
            eventually(same_as_new(one, self.port, mine), PATIENCE_S, "the whole picture")
            self._judge(one, crowd)
        return self._report(read, journal, clicks)

    def _kills(self, risk: Login) -> list[float]:
        """From the click to BLOCKED, of kills that stop nobody: a client without orders. [ms]"""
        spent = []
        for number in range(self.options.kills):
            clicked, target = CLOCK.wall_ns(), f"nobody-{number}"
            risk.post("/api/v1/kill", {"scope": "client", "target": target})
            row = eventually(partial(self._confirmed, target), PATIENCE_S, "a confirmed kill")
            spent.append((row["requested_at"] - clicked) / 1e6 + row["blocked_ms"])
            for person in RELEASERS:
                command = ReleaseKill(kill_id=int(row["id"].removeprefix("K-")))
                self.stage.submit(command, person, reason="drill")
        return spent

    def _confirmed(self, target: str) -> dict[str, Any] | None:
        status = self.stage.status()
        rows = [] if status is None else status["kills"].values()
        mine = (row for row in rows if row["target"] == target and row["state"] == "CONFIRMED")
        return next(mine, None)

    def _stall(self, one: Screen) -> None:
        before = one.picture.snapshots
        one.reading.clear()
        self.watch.period("one stalled", self.options.stall)
        one.reading.set()
        began = CLOCK.mono_ns()
        try:
            eventually(lambda: one.picture.snapshots > before, PATIENCE_S, "a snapshot")
        except NotReady:
            self.failures.append(
                "the stall was too short to lose anything: more --stall or --parents"
            )
        self.watch.periods["one stalled"]["back_s"] = round((CLOCK.mono_ns() - began) / 1e9, 2)

    def _judge(self, one: Screen, crowd: Crowd) -> None:
        """What must hold on any machine."""
        if one.picture.gaps or one.failed:
            self.failures.append(f"the stalled one: {one.picture.gaps} gaps, {one.failed!r}")
        if crowd.lost:
            self.failures.append(f"{crowd.lost} other streams were ended")
        for name in ("one stalled", "web stopped"):
            self.failures += [
                f"{name}: the {who} grew by {grown} MB more than without"
                for who, grown in self._extra(name).items()
                if grown >= GROWN_MB
            ]

    def _extra(self, name: str) -> dict[str, float]:
        """What a period added to the growth of a day that goes on: all browsers reading. [MB]"""
        periods, longer = self.watch.periods, self.options.stall / self.options.seconds
        extra = {
            who: round(
                periods[name][f"{who}_grew_mb"] - longer * periods["browsers"][f"{who}_grew_mb"], 1
            )
            for who in ("engine", "web")
        }
        periods[name]["extra_mb"] = extra
        return extra

    def _report(self, read: float, journal: dict[str, Any], clicks: list[float]) -> Report:
        periods, clicked = self.watch.periods, quantiles(clicks)
        late = [periods[name]["late_ms"]["p99"] for name in ("browsers", "one stalled")]
        commit = journal["commit_us"]["p99"] / 1_000
        return {
            "n": self.options.browsers,
            "load": load(),
            "parents": self.options.parents,
            "periods": periods,
            "kilobytes_per_s_each": round(read, 1),
            "click_to_blocked_ms": clicked,
            "journal": {"batch": BATCH, **journal},
            "goals": {
                f"late p99 < {LATE_MS:g} ms": all(x is not None and x < LATE_MS for x in late),
                f"click to BLOCKED p99 < {CLICK_MS:g} ms": (quantiles(clicks)["p99"] or 0.0)
                < CLICK_MS,
                f"intents/s >= {INTENTS:g}": journal["per_second"] >= INTENTS,
                f"commit p99 < {COMMIT_MS:g} ms": commit < COMMIT_MS,
            },
            "failures": self.failures,
        }


def work(options: argparse.Namespace, folder: Path) -> Report:
    """One desk."""
    ready()
    flags_of_desk = ("--demo", "--seed", str(options.seed), "--speed", f"{SPEED:g}")
    with Stage(state=folder / "s", options=flags_of_desk) as stage:
        stage.wait_ready()
        run = Run(
            stage=stage, options=options, watch=Watch(stage=stage), words=passwords(stage)
        )  # fmt: skip
        return run.all(folder)


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("browsers", __doc__)
    parser.add_argument("--browsers", type=int, default=20)
    parser.add_argument("--parents", type=int, default=40, help="orders at work")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each period of reading")
    parser.add_argument("--kills", type=int, default=30, help="clicks on KILL meanwhile")
    parser.add_argument("--stall", type=float, default=60.0, help="seconds without reading")
    return conclude(
        parser, argv, work, lambda _report: True, browsers=2, parents=1, kills=1, seconds=1, stall=1
    )  # fmt: skip
