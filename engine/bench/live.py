"""How long the live path takes: decision, command, kill; idle and with every core busy.

A desk of its own in a fresh state folder: the real processes, the exchange with a tap that notes
when messages reach it. Commands and kills are POSTs of logged-in people, as the browser sends them.

=========================  ======================================================================
tick_to_decision_us        ticks of all symbols in hand -> the decisions of every working parent in
                           the journal (engine's clock): reports booked, features, kernels, commit
commit_us                  the part of it that the journal took
ask_to_decision_us         the same from the question to the exchange: with its work, its answer
parents_a_turn             how many parents decided in such a turn
command_to_ack_ms          POST of a command -> answer, journalled in between
kill_flag_to_last_new_ms   flag written -> last new order at the exchange; 0 = none came after it
kill_click_to_blocked_ms   POST of a kill -> the owner thread has blocked its scope
kill_200_cancels_ms        flag written -> every cancel of all open orders is written
=========================  ======================================================================
"""

import argparse
import http.client
import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from db.journal import read_all
from engine.bench.meta import load, meta
from engine.bench.tap import FILE, read_notes
from engine.domain.commands import MoveParameter, ReleaseKill, SetSpeed
from engine.domain.errors import Refused
from engine.domain.events import ParentAccepted
from engine.domain.market import SLOTS
from engine.domain.units import ParentId, PersonId
from engine.exchange.presets import PRESETS
from engine.gateway.guard import CSRF_HEADER
from engine.gateway.sessions import csrf_token
from engine.runtime.kill_flag import KillFlag
from engine.stage import CLOCK, START_S, NotReady, Stage, all_cores_busy, eventually

DONE: Final = 0
USAGE: Final = 2
DISAGREE: Final = 3
DECIDED: Final = ("tick_to_decision_us", "commit_us", "ask_to_decision_us", "parents_a_turn")
KEYS: Final = (
    *DECIDED, "command_to_ack_ms", "kill_flag_to_last_new_ms",
    "kill_click_to_blocked_ms", "kill_200_cancels_ms",
)  # fmt: skip
TRADER, BOSS, SECOND_BOSS = PersonId("u1"), PersonId("u3"), PersonId("u4")
FAR: Final = 0.93  # of the previous close
PATIENCE_S: Final = 120.0
SPEED, FAST = 10.0, 60.0


class Disagreement(Exception):
    """A receipt says something that must not be."""


@dataclass(slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    commands: int
    kills: int
    big_kills: int
    orders: int  # open orders of a big kill
    decisions: int


KEPT_NS: Final = 2_000_000_000  # the web gives up an idle connection after five seconds


@dataclass(slots=True)
class Login:
    """A person at the web, over one kept connection."""

    port: int
    name: str
    password: str
    cookie: str = ""
    csrf: str = ""
    wire: http.client.HTTPConnection | None = None
    used_ns: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON answer; Refused with the sentence of a refusal."""
        if self.wire is None or CLOCK.mono_ns() - self.used_ns > KEPT_NS:
            self.wire = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        self.used_ns = CLOCK.mono_ns()
        headers = {
            "content-type": "application/json",
            "origin": f"http://127.0.0.1:{self.port}",
            "sec-fetch-site": "same-origin",
        }
        if self.cookie:
            headers |= {"cookie": self.cookie, CSRF_HEADER: self.csrf}
        self.wire.request("POST", path, json.dumps(body), headers)
        answer = self.wire.getresponse()
        content = answer.read()
        for text in answer.headers.get_all("set-cookie") or []:
            if text.startswith("qd_session="):
                self.cookie = text.split(";")[0]
                self.csrf = csrf_token(self.cookie.removeprefix("qd_session="))
        if answer.status >= 300:
            raise Refused(f"{path} answers {answer.status}: {content[:300].decode()}")
        found: dict[str, Any] = json.loads(content or b"{}")
        return found

    def enter(self) -> "Login":
        self.post("/login", {"login": self.name, "password": self.password})
        return self

    def command(self, verb: str, **args: object) -> None:
        """POST /api/v1/commands."""
        name = f"bench-{self.name}-{os.getpid()}-{next(self.numbers):06d}"
        self.post("/api/v1/commands", {"id": name, "verb": verb, "args": args})


@dataclass(slots=True, kw_only=True)
class Bench:
    """A desk under measurement."""

    stage: Stage
    sizes: Sizes
    trader: Login
    risk: Login
    entered: int = 0  # parents so far

    # --- the desk -------------------------------------------------------------------------
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.stage.desk.ask("status", timeout_s=30.0)
        return found

    def release(self) -> None:
        """Every kill released by two people."""
        for name, row in self.status()["kills"].items():
            if row["state"] != "RELEASED":
                number = int(name.removeprefix("K-"))
                for person in (BOSS, SECOND_BOSS):
                    self.stage.submit(ReleaseKill(kill_id=number), person, reason="measured")
        eventually(
            lambda: self.status()["desk"]["gate"] in ("", "open"), PATIENCE_S, "an open gate"
        )

    def enter(self, count: int, quantity: int, *, far: bool = False) -> None:
        """Parents by POST, over all symbols; ``far``: limits at which their children only rest.

        Each a share larger than the one before: equal orders in a burst are stopped.
        """
        for number in range(count):
            instrument = PRESETS[number % len(PRESETS)].instrument
            limit = {"limit_price": round(instrument.reference_price * FAR)} if far else {}
            self.entered += 1
            self.trader.command(
                "SubmitParent", symbol=instrument.symbol, side=1,
                quantity=quantity + self.entered,
                strategy="POV", horizon_ns=3_600_000_000_000, **limit,
            )  # fmt: skip

    def open_orders(self) -> int:
        return len(self.status()["open_children"])

    def set_speed(self, speed: float) -> None:
        self.stage.submit(SetSpeed(speed=speed), BOSS)

    # --- figures --------------------------------------------------------------------------
    def decisions(self) -> tuple[list[float], ...]:
        """What the engine says of its turns while parents work, in the order of DECIDED."""

        def found() -> tuple[list[float], ...]:
            told = self.stage.desk.ask("timings", timeout_s=30.0)
            return tuple(told[key] for key in DECIDED)

        before = len(found()[0])
        wanted = min(before + self.sizes.decisions, 4_999)
        eventually(lambda: len(found()[0]) >= wanted, PATIENCE_S, "decisions")
        return tuple(values[before:] for values in found())

    def own_parent(self) -> ParentId:
        """The newest working parent of our trader; other people's demo orders work beside it."""
        working = {n for n, row in self.status()["parents"].items() if row[0] == "WORKING"}
        mine = [
            entry.event.parent.id
            for entry in read_all(self.stage.where.journal)
            if isinstance(entry.event, ParentAccepted) and entry.event.parent.trader == TRADER
        ]
        return next(number for number in reversed(mine) if f"P-{number}" in working)

    def commands(self) -> list[float]:
        """POST to answer of a harmless command on an own parent. [ms]"""
        number = self.own_parent()
        spent = []
        for turn in range(self.sizes.commands):
            move = MoveParameter(
                parent_id=number, name="max_participation", value=0.25 - 0.01 * (turn % 2)
            )
            before = time.perf_counter_ns()
            self.trader.command(
                "MoveParameter", parent_id=move.parent_id, name=move.name, value=move.value
            )
            spent.append((time.perf_counter_ns() - before) / 1e6)
        return spent

    def receipt(self, since_ns: int) -> dict[str, Any]:
        """The confirmed receipt of the kill asked for at or after this instant."""

        def confirmed() -> dict[str, Any] | None:
            rows = self.status()["kills"].values()
            mine = [row for row in rows if row["requested_at"] >= since_ns]
            return mine[-1] if mine and mine[-1]["state"] == "CONFIRMED" else None

        row: dict[str, Any] = eventually(confirmed, PATIENCE_S, "a confirmed kill")
        if row["unconfirmed"] or self.open_orders():
            raise Disagreement(f"{row['id']} is confirmed with orders open")
        return row

    def kill(self) -> tuple[float, float]:
        """One kill by POST: click to BLOCKED, and flag to the last new order. [ms]"""
        self.release()
        self.enter(len(PRESETS), 20_000)
        eventually(lambda: self.open_orders() >= 1, PATIENCE_S, "a live child")
        offset = time.time_ns() - time.monotonic_ns()
        clicked = time.time_ns()
        self.risk.post("/api/v1/kill", {"scope": "all"})
        row = self.receipt(clicked)
        blocked = (row["requested_at"] - clicked) / 1e6 + row["blocked_ms"]
        return blocked, self.last_new(row["requested_at"] - offset)

    def last_new(self, flag_ns: int) -> float:
        """From the flag [monotonic ns] to the last new order at the exchange; 0 = none. [ms]"""
        news = [at for at, new, _ in read_notes(self.stage.state / FILE) if new]
        return max((news[-1] - flag_ns) / 1e6, 0.0) if news else 0.0

    def big_kill(self) -> float:
        """Flag to all cancels written, with many orders open. [ms]"""
        self.release()
        self.set_speed(FAST)
        self.enter(self.sizes.orders // SLOTS + len(PRESETS), 50_000, far=True)
        eventually(lambda: self.open_orders() >= self.sizes.orders, PATIENCE_S, "open orders")
        self.set_speed(SPEED)
        asked = time.time_ns()
        flag = KillFlag.open(self.stage.where.kill_flag)
        flag.request("all", "", "bench", door="cli", now_ns=asked)
        flag.close()
        row = self.receipt(asked)
        return float(row["cancel_sent_ms"])

    def phase(self) -> dict[str, Any]:
        """All figures under one load."""
        self.release()
        self.enter(len(PRESETS), 50_000)
        decided = self.decisions()
        acked = self.commands()
        pairs = [self.kill() for _ in range(self.sizes.kills)]
        cancelled = [self.big_kill() for _ in range(self.sizes.big_kills)]
        values = (*decided, acked, [last for _, last in pairs], [b for b, _ in pairs], cancelled)
        return {key: spread(found) for key, found in zip(KEYS, values, strict=True)}


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p99 (the largest below 100 values), max and n."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "p50": round(ordered[last // 2], 3),
        "p99": round(ordered[min(last, -(-99 * last // 100))], 3),
        "max": round(ordered[-1], 3),
        "n": len(ordered),
    }


def passwords(stage: Stage) -> dict[str, str]:
    """Login -> password of the demo people of this desk."""

    def written() -> dict[str, str]:
        path = stage.where.demo_passwords
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        rows = [line.split() for line in text.splitlines()]
        return {row[0]: row[1] for row in rows if len(row) == 3}

    found: dict[str, str] = eventually(written, START_S, "the demo people")
    return found


def measure(stage: Stage, sizes: Sizes) -> dict[str, Any]:
    """Both loads on one desk."""
    stage.wait_ready()
    known = passwords(stage)
    port = stage.settings.port

    def enter(name: str) -> Login | None:
        try:
            return Login(port, name, known[name]).enter()
        except (OSError, http.client.HTTPException, Refused):
            return None  # the web is not up yet

    trader = eventually(lambda: enter("amara"), START_S, "a log-in of amara")
    risk = eventually(lambda: enter("ines"), START_S, "a log-in of ines")
    bench = Bench(stage=stage, sizes=sizes, trader=trader, risk=risk)
    report = {"idle": bench.phase()}
    with all_cores_busy():
        report["saturated"] = bench.phase()
    return report


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Flags of the verb."""
    parser = argparse.ArgumentParser(
        prog="python -m engine bench live",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--commands", type=int, default=300)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--big-kills", type=int, default=4)
    parser.add_argument("--orders", type=int, default=200, help="open orders of a big kill")
    parser.add_argument("--decisions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    numbers = (options.commands, options.kills, options.big_kills, options.orders)
    if min(*numbers, options.decisions) < 1:
        parser.error("every count must be at least 1")
    return options


def main(argv: Sequence[str]) -> int:
    """Run the verb; 0 done, 2 bad usage, 3 a receipt or the desk is wrong."""
    load_before = load()
    try:
        options = arguments(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    sizes = Sizes(
        commands=options.commands, kills=options.kills, big_kills=options.big_kills,
        orders=options.orders, decisions=options.decisions,
    )  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-live-"))
    flags = ("--demo", "--seed", str(options.seed), "--speed", str(SPEED))
    command = (sys.executable, "-m", "engine.bench.tap")
    try:
        with Stage(state=folder / "s", options=flags, command=command) as stage:
            report = measure(stage, sizes)
    except (NotReady, Disagreement, Refused, ConnectionError, TimeoutError) as error:
        print(f"bench live: {type(error).__name__}: {error}", file=sys.stderr)
        return DISAGREE
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report["open_orders_of_a_big_kill"] = options.orders
    report["meta"] = meta(load_before)
    if options.json:
        print(json.dumps(report))
    else:
        for phase in ("idle", "saturated"):
            for key, row in report[phase].items():
                print(f"{phase:>10}  {key:<26}  {row}")
    return DONE
