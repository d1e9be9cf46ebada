"""One desk and its deaths: trade, kill, come back to READY, and compare everything at the end."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from engine.compose import fold_journal
from engine.core.rules.trouble import UNANSWERED
from engine.core.state import State
from engine.domain.errors import Refused
from engine.domain.governance import DRILL_SCOPE
from engine.domain.units import child_text, parent_text
from engine.drill.judge import Findings, judge
from engine.kernels.rng import below
from engine.runtime.clock import SystemClock
from engine.runtime.kill_flag import KillFlag
from engine.stage import CLOCK, Stage, eventually

ENGINE_WAIT_S: Final = 180.0
STREAM: Final = 7_001  # of the drill's own choices
VICTIMS: Final = (
    *("engine",) * 9, *("exchange",) * 4, *("app",) * 2, *("watchdog",) * 2, "web", "worker",
    "before_journal", "after_journal", "after_gate", "after_ack", "mass_cancel", "reconciliation",
)  # fmt: skip
WAIT_FOR: Final = {  # how often the engine may pass the point at most before it dies there
    "before_journal": 60, "after_journal": 60, "after_gate": 8, "after_ack": 8,
    "mass_cancel": 1, "reconciliation": 1,
}  # fmt: skip
PROCESSES: Final = ("engine", "exchange", "watchdog", "web", "worker")
ORDERS: Final = (
    ("MIDC", 1, 60_000, "TWAP"),
    ("NRTH", -1, 90_000, "POV"),
    ("ALTR", 1, 50_000, "VWAP"),
    ("HBRK", -1, 90_000, "ADAPTIVE"),
    ("VNTR", 1, 60_000, "POV"),
    ("TLMC", 1, 120_000, "TWAP"),
)
LIVE_PARENTS: Final = 4


@dataclass(slots=True, kw_only=True)
class Drill:
    """One desk and its deaths so far."""

    stage: Stage
    seed: int
    speed: float
    by_victim: Counter[str] = field(default_factory=Counter)
    recoveries_ms: list[int] = field(default_factory=list)  # death to READY, engine and exchange
    failures: list[str] = field(default_factory=list)
    step: int = 0
    live_parents: int = LIVE_PARENTS  # that are kept at work

    def choose(self, n: int) -> int:
        """The next choice of the seed in [0, n)."""
        self.step += 1
        return int(below(self.seed, STREAM, self.step, n))

    # --- orders -----------------------------------------------------------------------------
    def keep_trading(self) -> None:
        """People there, the day open, enough parents at work."""
        status = self.stage.status()
        if status is None:
            return
        if status["desk"]["session"] == "CLOSED":
            self.failures.append("the session closed before the drill was over: lower --speed")
            return
        self.top_up(status)

    def top_up(self, status: dict[str, Any]) -> None:
        """Enough parents at work, by what the engine has just said."""
        working = sum(1 for state, _, _ in status["parents"].values() if state == "WORKING")
        for _ in range(self.live_parents - working):
            symbol, side, quantity, strategy = ORDERS[self.choose(len(ORDERS))]
            quantity += 100 * self.choose(100)  # equal orders in a row are refused
            try:
                self.stage.set_people()
                self.stage.enter(symbol, side, quantity, strategy, minutes=30)
            except (Refused, ConnectionError, TimeoutError) as answer:
                # no quote yet, or the desk has died meanwhile: the next round tries again
                sys.stderr.write(f"order not taken: {answer}\n")
                return

    # --- deaths -----------------------------------------------------------------------------
    def kill(self, victim: str) -> None:
        """One death, and back to READY."""
        time.sleep(0.2 + self.choose(1_500) / 1_000)
        began = CLOCK.mono_ns()
        if victim == "app":
            self.stage.kill_supervisor()
            self.stage.start()
        elif victim in PROCESSES:
            if not self._kill_process(victim):
                return
        else:
            self._crash_at(victim)
        self.by_victim[victim] += 1
        if victim in ("engine", "exchange", "app"):
            self.stage.wait_ready()
            self.recoveries_ms.append((CLOCK.mono_ns() - began) // 1_000_000)

    def _kill_process(self, name: str) -> bool:
        """Kill it when it runs, and wait for its successor; False when there is none to kill."""
        before = self.stage.pid(name)
        if before is None or not self.stage.kill_process(name):
            return False
        if name in ("engine", "exchange"):
            eventually(
                lambda: self.stage.pid(name) not in (None, before), ENGINE_WAIT_S,
                f"a new {name}",
            )  # fmt: skip
        return True

    def _crash_at(self, point: str) -> None:
        """Restart the desk with a crash point, let it strike, restart it without."""
        count = 1 + self.choose(WAIT_FOR[point])
        self.stage.kill_supervisor()
        self.stage.start(crash_at=f"{point}:{count}")
        self._strike(point)
        self.stage.kill_supervisor()
        self.stage.start()
        self.by_victim["app"] += 2
        self.stage.wait_ready()

    def _strike(self, point: str) -> None:
        if point == "mass_cancel":
            self.stage.wait_ready()
            self.kill_a_parent()
        eventually(
            lambda: self.stage.processes().get("engine", {}).get("restarts", 0) > 0,
            ENGINE_WAIT_S,
            f"the crash at {point}",
        )

    def kill_a_parent(self) -> None:
        """A kill by the flag file alone, as the command line does it."""
        status = self.stage.status()
        rows = {} if status is None else status["parents"]
        working = [name for name, (state, _, _) in rows.items() if state == "WORKING"]
        target = working[self.choose(len(working))] if working else "P-1"
        flag = KillFlag.open(self.stage.where.kill_flag)
        flag.request("parent", target, "drill", door="cli", now_ns=SystemClock().wall_ns())
        flag.close()

    # --- the end ----------------------------------------------------------------------------
    def freeze(self) -> dict[str, Any]:
        """Stop the market while no order is on its way; the engine's own words.

        An order on its way when time stands has no answer, and a restart cannot get it one.
        """
        self.stage.wait_ready()
        self.stage.set_people()

        def at_rest() -> dict[str, Any] | None:
            self.stage.set_speed(0.0)
            status = self._standing()
            if not on_their_way(fold_journal(self.stage.where.journal)):
                return status
            self.stage.set_speed(self.speed)
            return None

        found: dict[str, Any] = eventually(
            at_rest, ENGINE_WAIT_S, "a moment without an order on its way", every_s=0.2
        )
        return found

    def _standing(self) -> dict[str, Any]:
        """What the engine says when its journal stands still."""
        last = [-1]

        def stands() -> dict[str, Any] | None:
            status = self.stage.status()
            if status is None:
                return None
            before, last[0] = last[0], int(status["desk"]["seq"])
            time.sleep(0.3)
            return status if before == last[0] else None

        found: dict[str, Any] = eventually(stands, ENGINE_WAIT_S, "a journal that stands still")
        return found


def on_their_way(state: State) -> list[str]:
    """Children whose last message the venue has not answered."""
    return [child_text(row.id) for row in state.children.values() if row.state in UNANSWERED]


def summary(state: State) -> dict[str, Any]:
    """What the engine's ``status`` says of orders, from a folded journal."""
    return {
        "parents": {
            parent_text(number): [str(row.state), row.filled, row.quantity]
            for number, row in state.parents.items()
        },
        "open_children": [child_text(number) for number in state.children],
        "kills": {
            f"K-{number}": str(kill.state)
            for number, kill in state.kills.items()
            if kill.scope != DRILL_SCOPE  # each start tests the kill by one of its own
        },
    }


def words(status: dict[str, Any]) -> dict[str, Any]:
    """The same of the engine's answer."""
    return {
        "parents": status["parents"],
        "open_children": status["open_children"],
        "kills": {
            name: row["state"]
            for name, row in status["kills"].items()
            if row["scope"] != DRILL_SCOPE
        },
    }


def finish(drill: Drill) -> tuple[Findings, str, bool]:
    """Compare everything with everything; findings, chain fault, state equal."""
    stage = drill.stage
    first = words(drill.freeze())
    folded = summary(fold_journal(stage.where.journal))
    if first != folded:
        drill.failures.append(f"the engine says {first}, its journal {folded}")
    stage.stop()
    findings, chain = judge(stage.where.journal, stage.where.exchange)
    stage.start()
    stage.wait_standing()
    second = words(stage.status() or {"parents": {}, "open_children": [], "kills": {}})
    if second != first:
        drill.failures.append(f"after a second restart the engine says {second}, before {first}")
    stage.stop()
    again, chain_again = judge(stage.where.journal, stage.where.exchange)
    findings.join(again)
    return findings, chain or chain_again, first == folded == second
