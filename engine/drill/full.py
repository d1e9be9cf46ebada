"""A disk without one free byte, really: a kill takes every order back and says what is not written.

The desk lives on a small file system of its own (tmpfs, so Linux and the right to mount: root, or
under ``unshare -rm``). A file takes every byte that is left, and every byte that anybody frees.
The journal cannot be written, so the engine stops deciding; the kill goes by flag, the exchange's
own cancel route and the reserve file. Then there is room again, and the books must agree.
"""

import argparse
import contextlib
import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from engine.domain.errors import Refused
from engine.drill.ending import Report, conclude, flags
from engine.drill.judge import judge
from engine.runtime.disk import Reserve
from engine.stage import CLOCK, ROOT, NotReady, Stage, eventually
from engine.warm import ready
from engine.watchdog.cancel import CancelRoute

SIZE_MB: Final = 160
LEAST_MB: Final = 50  # free, below which new orders wait
PATIENCE_S: Final = 90.0
STAY_S: Final = 3.0  # the disk stays full after the last order is back
PIECES: Final = (1 << 20, 4_096, 1)  # [byte]
CHILDREN: Final = 2
# limits below the market [tick]: children rest until somebody cancels them
RESTING: Final = {"MIDC": 4_700, "NRTH": 7_800, "HBRK": 2_950}


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own, gone at the end."""
    place = folder / "d"
    place.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as missing:
        raise Refused(f"no file system can be mounted here: {missing}") from None
    if done.returncode:
        raise Refused(
            f"no file system can be mounted here ({done.stderr.strip()}): run the drill as root, "
            "or after unshare -rm"
        )
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: S603


@dataclass(slots=True)
class Ballast:
    """A file that takes what is free."""

    path: Path
    handle: int = -1

    def fill(self) -> None:
        """To the last byte."""
        if self.handle < 0:
            self.handle = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o600)
        for size in PIECES:
            with contextlib.suppress(NoRoom):
                while True:
                    self._put(bytes(size))

    def _put(self, data: bytes) -> None:
        try:
            os.write(self.handle, data)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise NoRoom from None
            raise

    def away(self) -> None:
        """Room again."""
        os.close(self.handle)
        self.path.unlink()


class NoRoom(Exception):
    """The disk has taken all it can."""


@dataclass(slots=True, kw_only=True)
class Full:
    """One desk on the small disk."""

    stage: Stage
    ballast: Ballast
    found: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def trade(self) -> None:
        """Orders that rest at the exchange."""
        self.stage.wait_ready()
        self.stage.set_people()
        for number, (symbol, limit) in enumerate(RESTING.items()):
            eventually(partial(self._entered, symbol, number, limit), PATIENCE_S, symbol)
        eventually(lambda: len(self.open()) >= CHILDREN, PATIENCE_S, "orders that rest")
        self.found["open_before"] = len(self.open())

    def _entered(self, symbol: str, number: int, limit: int) -> bool:
        try:
            self.stage.enter(symbol, 1, 20_000 + number, "POV", limit=limit)
        except Refused as refusal:
            if "no two-sided quote" not in str(refusal):
                raise
            return False
        return True

    def open(self) -> list[Any]:
        """What the exchange has of ours; OSError while it does not answer."""
        route = CancelRoute(self.stage.where.cancel)
        try:
            rows: list[Any] = route.ask({"op": "orders"}, patience_s=5.0)[0]["orders"]
        finally:
            route.close()
        return rows

    def said(self) -> str:
        """What the engine refuses with, "" = it does not."""
        self.ballast.fill()
        try:
            self.stage.desk.ask("status", timeout_s=1.0)
        except Refused as refusal:
            return str(refusal)
        except (ConnectionError, TimeoutError):
            pass
        return ""

    def is_back(self) -> bool:
        """Whether the exchange has nothing of ours any more; the disk stays full."""
        self.ballast.fill()
        return not self.open()

    def kill(self) -> None:
        """Full disk, kill by command line, every order back while it is full."""
        self.ballast.fill()
        self.found["halted"] = eventually(
            lambda: "HALTED" in (text := self.said()) and text, PATIENCE_S, "the word HALTED"
        )
        before = {name: row["pid"] for name, row in self.stage.processes().items()}
        began = CLOCK.mono_ns()
        command = [sys.executable, "-m", "engine", "kill", "--scope", "all", "--wait", "3",
                   "--state", str(self.stage.state), "--json"]  # fmt: skip
        done = subprocess.run(  # noqa: S603 (our own program)
            command, cwd=ROOT, capture_output=True, text=True, check=False
        )
        self.found["receipt"] = json.loads(done.stdout)
        eventually(self.is_back, PATIENCE_S, "every order taken back on a full disk")
        self.found["kill_to_none_open_s"] = round((CLOCK.mono_ns() - began) / 1e9, 2)
        self.found["said"] = eventually(
            lambda: "took back" in (text := self.said()) and text, PATIENCE_S, "what was done"
        )
        end = CLOCK.mono_ns() + int(STAY_S * 1e9)
        while CLOCK.mono_ns() < end:
            self.ballast.fill()
            time.sleep(0.1)
        after = {name: row["pid"] for name, row in self.stage.processes().items()}
        died = sorted(name for name in before if before[name] != after.get(name))
        self.found |= {"died": died, "kept": len(Reserve(self.stage.where.reserve).acts())}
        if not self.found["kept"]:
            self.failures.append("the reserve file has no act")
        if {"engine", "exchange", "watchdog"} & set(died):
            self.failures.append(f"died of the full disk: {', '.join(died)}")

    def heal(self) -> None:
        """Room again: the kill gets its receipts, the books agree."""
        self.ballast.away()
        began = CLOCK.mono_ns()

        def confirmed() -> bool:
            status = self.stage.status()
            rows = [] if status is None else list(status["kills"].values())
            mine = [row for row in rows if row["scope"] == "all"]
            return bool(mine) and all(row["state"] == "CONFIRMED" for row in mine)

        eventually(confirmed, PATIENCE_S, "the kill in the journal, CONFIRMED")
        self.found["room_to_confirmed_s"] = round((CLOCK.mono_ns() - began) / 1e9, 2)
        status = self.stage.status()
        assert status is not None
        if status["open_children"] or status["desk"]["difference"]:
            self.failures.append(f"after it: {status['desk']['difference']!r}")


def work(options: argparse.Namespace, folder: Path) -> Report:
    """One desk, one full disk."""
    ready()
    with small_disk(folder) as disk:
        flags_of_desk = ("--seed", str(options.seed), "--least-free-mb", str(LEAST_MB))
        stage = Stage(state=disk / "s", options=flags_of_desk)
        full = Full(stage=stage, ballast=Ballast(disk / "ballast"))
        try:
            with stage:
                full.trade()
                full.kill()
                full.heal()
        except (NotReady, OSError) as error:
            full.failures.append(f"{type(error).__name__}: {error}")
        findings, chain = judge(stage.where.journal, stage.where.exchange)
        wrong = [*findings.sentences[:10], *filter(None, [chain])]
        return {"n": 1, **full.found, "failures": full.failures + wrong}


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("full", __doc__)
    return conclude(parser, argv, work, lambda _report: True)
