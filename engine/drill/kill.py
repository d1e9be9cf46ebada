"""Thousands of kills under load: nothing of a killed scope may reach the exchange afterwards.

Many parents work at once while kills of every scope are written to the flag, a few milliseconds
apart. Each is released by two people before the next round. Judged from the journal and the
exchange's own log: a child that was decided after its scope was blocked, and that the exchange has
taken, is a violation. Times are from the request in the flag to the entry in the journal.
"""

import argparse
import contextlib
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from db.journal import read_all, verify
from engine.domain import events as e
from engine.domain.commands import InstallModel, ReleaseKill, SetPeople, SubmitParent
from engine.domain.errors import Refused
from engine.domain.events import Entry
from engine.domain.kinds import NEW
from engine.domain.people import Person, Role
from engine.domain.units import ChildId, Nanos, PersonId, Shares, Symbol, child_text
from engine.drill.crew import Crew, folder_name
from engine.drill.ending import TROUBLE, Report, conclude, flags, quantiles, words_of
from engine.drill.lean import hand_written
from engine.exchange.order_log import Moved, Opened, read_entries
from engine.kernels.rng import below
from engine.runtime.clock import SystemClock
from engine.runtime.kill_flag import KillFlag
from engine.runtime.venues.wire import messages_of
from engine.stage import SYSTEM, NotReady, all_cores_busy, eventually
from engine.warm import ready

STREAM: Final = 7_002  # of the drill's own choices
LEG: Final = 1_000  # kills of one desk; the next begins with an empty journal
ROUND: Final = 12  # kills in force together
WORKING: Final = 24  # parents at work before a round
SPEED: Final = 30.0
PATIENCE_S: Final = 60.0
FLOW_S: Final = 1.0
BUSY_EVERY: Final = 5  # every so many desks all cores are kept busy
DESKS: Final = ("main", "north", "south")
TRADERS: Final = tuple(PersonId(f"drill-trader-{number}") for number in range(6))
RISKS: Final = (PersonId("drill-risk-1"), PersonId("drill-risk-2"))
PEOPLE: Final = (
    *(
        Person(id=trader, roles=(Role.TRADER,), desk=DESKS[number % len(DESKS)], max_notional=1e9)
        for number, trader in enumerate(TRADERS)
    ),
    *(Person(id=risk, roles=(Role.RISK,), desk="main") for risk in RISKS),
)
SYMBOLS: Final = ("MIDC", "NRTH", "ALTR", "HBRK", "VNTR", "TLMC")
STRATEGIES: Final = ("TWAP", "POV", "VWAP", "ADAPTIVE")
CLIENTS: Final = ("", "north-fund", "south-fund", "east-fund")
VENUES: Final = ("SIM-A", "SIM-B", "SIM-C")
SCOPES: Final = (
    *("parent",) * 8, *("child",) * 4, *("trader",) * 2, *("symbol",) * 2, "strategy", "venue",
    "desk", "client", "model", "all",
)  # fmt: skip
FIRST: Final = (  # each once, the narrow ones before there is nothing left for them
    "child", "parent", "model", "venue", "client", "symbol", "trader", "strategy", "desk", "all",
)  # fmt: skip
Tags = Mapping[str, str]


# --- the judge ----------------------------------------------------------------------------------
def tags_at_venue(folder: Path) -> dict[int, dict[str, str]]:
    """Every child the exchange has taken, with its tags and its symbol, from its own log."""
    found: dict[int, dict[str, str]] = {}
    for path in sorted(folder.glob("*.orders")):
        symbols: tuple[str, ...] = ()
        for entry in read_entries(path)[0]:
            if isinstance(entry, Opened):
                symbols = entry.symbols
            elif isinstance(entry, Moved):
                for row in messages_of(entry.messages):
                    if row["kind"] == NEW:
                        child = int(row["child"])
                        tags = entry.tags.get(str(child), {})
                        found[child] = {**tags, "symbol": symbols[int(row["symbol"])]}
    return found


def covers(scope: str, target: str, child: int, tags: Tags) -> bool:
    """Whether a child of the exchange's log is in a scope; not the engine's own reading of it."""
    if scope == "child":
        return child_text(ChildId(child)) == target
    return scope == "all" or tags.get(scope) == target


@dataclass(slots=True)
class Judgement:
    """Kills of one journal, and what got past them."""

    kills: Counter[str] = field(default_factory=Counter)
    covered: int = 0  # children taken back
    by_model: int = 0  # of them by kills of a model version
    confirmed: int = 0
    violations: list[str] = field(default_factory=list)
    blocked_ms: list[float] = field(default_factory=list)
    cancel_sent_ms: list[float] = field(default_factory=list)
    confirmed_ms: list[float] = field(default_factory=list)

    def read(self, entries: Iterable[Entry], taken: Mapping[int, Tags]) -> None:
        """One journal in its order, against what the exchange took."""
        active: dict[int, e.KillBlocked] = {}
        asked: dict[int, int] = {}
        over: set[str] = set()  # parents that a kill has ended
        tests: set[int] = set()
        for entry in entries:
            match entry.event:
                case e.KillBlocked(scope="drill"):
                    tests.add(entry.event.kill_id)  # the desk's own test of its kill
                case e.KillBlocked() as kill:
                    active[kill.kill_id], asked[kill.kill_id] = kill, kill.requested_at
                    over |= {f"P-{number}" for number in kill.parents}
                    self.kills[kill.scope] += 1
                    self.covered += len(kill.children)
                    self.by_model += len(kill.children) if kill.scope == "model" else 0
                    self.blocked_ms.append((entry.desk_ns - kill.requested_at) / 1e6)
                case e.KillCancelSent(kill_id=number) if number not in tests:
                    self.cancel_sent_ms.append((entry.desk_ns - asked[number]) / 1e6)
                case e.KillConfirmed(kill_id=number) if number not in tests:
                    self.confirmed += 1
                    self.confirmed_ms.append((entry.desk_ns - asked[number]) / 1e6)
                case e.KillReleased(kill_id=number):
                    active.pop(number, None)
                case e.ChildIntended(child_id=child) if child in taken:
                    self._sent(entry.seq, child, taken[child], active.values(), over)
                case _:
                    pass

    def _sent(
        self, seq: int, child: int, tags: Tags, active: Iterable[e.KillBlocked], over: set[str]
    ) -> None:
        name = child_text(ChildId(child))
        for kill in active:
            if covers(kill.scope, kill.target, child, tags):
                scope = f"{kill.scope} {kill.target}".strip()
                self.violations.append(
                    f"entry {seq}: {name} was sent under K-{kill.kill_id} {scope}"
                )
        if tags.get("parent") in over:
            self.violations.append(f"entry {seq}: {name} was sent for a killed {tags['parent']}")


# --- the desk under load ------------------------------------------------------------------------
@dataclass(slots=True, kw_only=True)
class Leg:
    """One desk and its kills."""

    crew: Crew
    seed: int
    known: dict[str, dict[str, str]] = field(default_factory=dict)  # parent -> its tags
    model: str = ""  # version in force for ADAPTIVE
    refused: int = 0
    asked: int = 0  # kills so far
    step: int = 0

    def choose(self, n: int) -> int:
        """The next choice of the seed in [0, n)."""
        self.step += 1
        return int(below(self.seed, STREAM, self.step, n))

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.crew.desk.ask("status", timeout_s=10.0)
        return found

    def top_up(self) -> list[str]:
        """Enough parents at work; their names."""
        rows = self.status()["parents"]
        working = [name for name, (state, _, _) in rows.items() if state == "WORKING"]
        for _ in range(WORKING - len(working)):
            self._enter()
        rows = self.status()["parents"]
        return [name for name, (state, _, _) in rows.items() if state == "WORKING"]

    def _enter(self) -> None:
        number = self.choose(len(TRADERS))
        trader, symbol = TRADERS[number], SYMBOLS[self.choose(len(SYMBOLS))]
        strategy, client = STRATEGIES[self.choose(4)], CLIENTS[self.choose(4)]
        order = SubmitParent(
            symbol=Symbol(symbol), side=1 - 2 * self.choose(2), strategy=strategy, client=client,
            quantity=Shares(10_000 + 100 * self.choose(100)), horizon_ns=Nanos(1_800 * 10**9),
        )  # fmt: skip
        try:
            self.crew.submit(order, trader)
        except Refused as refusal:
            self.refused += 1
            if self.refused > 2_000:
                raise Refused(f"no order is taken any more: {refusal}") from refusal
            return
        self.known[f"P-{len(self.known) + 1}"] = {
            "trader": trader, "symbol": symbol, "strategy": strategy, "client": client,
            "desk": DESKS[number % len(DESKS)],
        }  # fmt: skip

    def scope(self) -> str:
        """Of the next kill."""
        self.asked += 1
        if self.asked <= len(FIRST):
            return FIRST[self.asked - 1]
        return SCOPES[self.choose(len(SCOPES))]

    def target(self, scope: str, working: Sequence[str], children: Sequence[str]) -> str:
        """Something of the scope that is at work now."""
        parent = working[self.choose(len(working))]
        match scope:
            case "all":
                return ""
            case "parent":
                return parent
            case "child":
                return children[self.choose(len(children))] if children else "C-1-1"
            case "venue":
                return VENUES[self.choose(len(VENUES))]
            case "model":
                return self.model
            case _:
                return self.known[parent][scope] or "north-fund"

    def round(self, count: int) -> None:
        """A few kills, all confirmed, all released."""
        working = self.top_up()
        if not working:
            return
        with contextlib.suppress(NotReady):  # a kill of parents without children is a kill, too
            eventually(self._is_flowing, FLOW_S, "children of the new parents")
        children = self.status()["open_children"]
        flag = KillFlag.open(self.crew.where.kill_flag)
        try:
            for _ in range(count):
                scope = self.scope()
                target = self.target(scope, working, children)
                now = SystemClock().wall_ns()
                flag.request(scope, target, "drill", door="cli", now_ns=now)
                time.sleep(self.choose(15_000) / 1e6)
        finally:
            flag.close()
        eventually(self._all_confirmed, PATIENCE_S, "every kill CONFIRMED")
        self._release()

    def _is_flowing(self) -> bool:
        return len(self.status()["open_children"]) >= WORKING // 2

    def _active(self) -> dict[str, dict[str, Any]]:
        rows = self.status()["kills"]
        return {name: row for name, row in rows.items() if row["state"] != "RELEASED"}

    def _all_confirmed(self) -> bool:
        flag = KillFlag.open(self.crew.where.kill_flag)
        wanted = sum(1 for slot in flag.slots() if slot.active)
        flag.close()
        rows = self._active().values()
        return len(rows) >= wanted and all(row["state"] == "CONFIRMED" for row in rows)

    def _release(self) -> None:
        for name in self._active():
            number = int(name.removeprefix("K-"))
            for person in RISKS:
                self.crew.submit(ReleaseKill(kill_id=number), person, reason="drill")

    def run(self, n: int) -> None:
        """So many kills."""
        self.model = hand_written(self.crew.where.models)
        self.crew.start()
        self.crew.wait_ready()
        self.crew.submit(SetPeople(people=PEOPLE), SYSTEM)
        lean = InstallModel(strategy="ADAPTIVE", model_id=self.model, card="of a drill")
        self.crew.submit(lean, SYSTEM)
        done = 0
        while done < n:
            count = min(ROUND, n - done)
            self.round(count)
            done += count


def one_leg(seed: int, n: int, folder: Path) -> tuple[Judgement, list[str]]:
    """The kills of one desk, judged; what failed."""
    crew = Crew(
        state=folder / folder_name(seed), options=("--seed", str(seed), "--speed", f"{SPEED:g}")
    )
    failures: list[str] = []
    try:
        Leg(crew=crew, seed=seed).run(n)
    except TROUBLE as error:
        failures.append(f"seed {seed}: {words_of(error)}; {crew.last_words()}")
    finally:
        crew.stop()
    found = Judgement()
    found.read(read_all(crew.where.journal), tags_at_venue(crew.where.exchange))
    chain = verify(crew.where.journal).reason
    failures += [f"seed {seed}: {text}" for text in (*found.violations[:5], chain) if text]
    if not failures:
        shutil.rmtree(crew.state)
    return found, failures


def work(options: argparse.Namespace, folder: Path) -> Report:
    """Desk after desk until there were enough kills."""
    ready()
    total = Judgement()
    latencies: dict[bool, dict[str, list[float]]] = {
        is_busy: {"blocked_ms": [], "cancel_sent_ms": [], "confirmed_ms": []}
        for is_busy in (False, True)
    }
    failures: list[str] = []
    legs = -(-options.n // LEG)
    for number in range(legs):
        is_busy = number % BUSY_EVERY == BUSY_EVERY - 1 or options.busy
        with all_cores_busy() if is_busy else contextlib.nullcontext():
            found, wrong = one_leg(
                options.seed + number, min(LEG, options.n - number * LEG), folder
            )
        failures += wrong
        total.kills += found.kills
        total.covered += found.covered
        total.by_model += found.by_model
        total.confirmed += found.confirmed
        total.violations += found.violations
        for name, values in latencies[is_busy].items():
            values.extend(getattr(found, name))
        count = sum(total.kills.values())
        sys.stderr.write(f"{count} kills, {len(total.violations)} violations, {failures[-1:]}\n")
    return {
        "n": sum(total.kills.values()),
        "by_scope": dict(sorted(total.kills.items())),
        "confirmed": total.confirmed,
        "children_taken_back": total.covered,
        "taken_back_by_model": total.by_model,
        "sent_after_blocked": len(total.violations),
        "idle": {name: quantiles(values) for name, values in latencies[False].items()},
        "busy": {name: quantiles(values) for name, values in latencies[True].items()},
        "failures": failures[:20],
    }


def is_sound(report: Report) -> bool:
    """Nothing got past a kill, and every kill was confirmed."""
    return not report["sent_after_blocked"] and report["confirmed"] == report["n"] > 0


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("kill", __doc__)
    parser.add_argument("--n", type=int, default=1_000, help="kills")
    parser.add_argument("--busy", action="store_true", help="keep both cores busy all the time")
    return conclude(parser, argv, work, is_sound, n=1)
