"""One look at everything, and what follows from it: kills, mass cancels, the end of the engine."""

import json
import os
import sqlite3
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.watchdog import checks
from engine.watchdog.books import AtExchange, Journalled
from engine.watchdog.cancel import CancelRoute
from engine.watchdog.checks import Breach
from engine.watchdog.flag import DOOR, FlagFile
from engine.watchdog.journal import ChainBroken, JournalReader
from engine.watchdog.lease import Pulse, end_engine, read_engine
from engine.watchdog.lines import log

AGAIN_NS = 1_000_000_000  # between repeated mass cancels
OBEY_NS = 1_000_000_000  # what the engine gets to carry out a kill of ours
SHOWN = 50  # acts kept for the screen


def say(text: str) -> None:
    """One line to the process log; the supervisor shows these on the console."""
    log(f"quarterdeck: watchdog: {text}")


@dataclass(slots=True, kw_only=True)
class Guard:
    """The watchdog's memory. Instants in monotonic ns unless they say wall."""

    flag: FlagFile
    route: CancelRoute
    journal: JournalReader
    pulse: Pulse
    processes: Path
    report: Path
    book: Journalled = field(default_factory=Journalled)
    venue: AtExchange = field(default_factory=AtExchange)
    known: dict[tuple[str, str, str], int] = field(default_factory=dict)  # breach -> excess
    kills: dict[tuple[str, str], int] = field(default_factory=dict)  # scope, target -> when
    acts: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=SHOWN))
    counts: dict[str, int] = field(default_factory=dict)
    heart: str = "unknown"
    blind: dict[str, str] = field(default_factory=dict)  # what cannot be read, and why
    past: set[tuple[str, str]] = field(default_factory=set)  # scopes a predecessor killed
    is_settled: bool = False  # exchange and journal were compared once
    silent_told: bool = False
    cancel_at: int = 0
    gap_since: int = 0
    looks: int = 0
    chain: str = ""  # why the chain is broken, once it is
    code: str = ""  # hash of what trades beside this watchdog; "" = not compared

    def __post_init__(self) -> None:
        for row in self.flag.requests():
            if row.door == DOOR:
                self.past.add((row.scope, row.target))
                if row.active:
                    self.kills[(row.scope, row.target)] = 0

    # --- the engine's heartbeat ---------------------------------------------------------------
    def watch_engine(self, now: int, wall: int) -> None:
        """Silent for too long: take its orders back, then end it if it is still silent."""
        engine = read_engine(self.processes)
        self.heart = self.pulse.judge(now, self.flag.heartbeat_ns, engine)
        age = (now - self.flag.heartbeat_ns) / 1e9
        if self.heart != "silent":
            self.silent_told = False
            self._take_back(now, age, wall)
            return
        if now - self.cancel_at < AGAIN_NS:
            return
        if not self.silent_told or self.venue.open or "exchange" in self.blind:
            self.silent_told = True
            self.cancel_at = now
            self.cancel("all", "", f"the engine is silent for {age:.1f} s", wall)
        self.heart = self.pulse.judge(now, self.flag.heartbeat_ns, engine)
        if self.heart == "silent" and engine.pid is not None:
            self.end(engine.pid, f"it is silent for {age:.1f} s", wall)

    def _take_back(self, now: int, age: float, wall: int) -> None:
        """A quiet engine's open orders are cancelled; with none open its silence hurts nobody.

        An exchange that does not answer us either is what the engine waits for.
        """
        if self.heart != "quiet" or not self.venue.open or "exchange" in self.blind:
            return
        if now - self.cancel_at >= AGAIN_NS:
            self.cancel_at = now
            self.cancel("all", "", f"the engine is silent for {age:.1f} s", wall)

    def cancel(self, scope: str, target: str, why: str, wall: int) -> str:
        """Mass cancel by our own route; what came of it, in words."""
        try:
            answer = self.route.mass_cancel(scope, target)
            outcome = f"{answer['cancelled']} orders cancelled, {answer['open']} still open"
        except OSError as silence:
            outcome = f"the exchange does not answer: {silence}"
        self.note("mass_cancel", scope, target, f"{why}: {outcome}", wall)
        return outcome

    def end(self, pid: int, why: str, wall: int) -> None:
        if end_engine(pid):
            self.note("end_engine", "process", str(pid), why, wall)

    # --- between two looks ------------------------------------------------------------------
    def glance(self, now: int, wall: int) -> None:
        """The journal alone, for what must be stopped sooner than the next look."""
        if not self.is_caught_up or self.chain:
            return
        breaches = self._read_journal()
        if self.journal.caught_up and not self.chain:
            breaches += checks.conservation(self.book)
        for breach in breaches:
            self._stop(breach, now, wall)

    # --- one look -----------------------------------------------------------------------------
    def look(self, now: int, wall: int) -> None:
        """Read exchange and journal, check, act on what does not hold."""
        self.looks += 1
        answered = self._read_exchange(now)
        breaches = self._read_journal()
        self._witness(wall)
        if self.journal.caught_up and not self.chain:
            breaches += self._check(now, is_seen=answered)
        breaches += self._check_flag()
        for breach in breaches:
            self._stop(breach, now, wall)
        self.is_settled = self.is_settled or (answered and self.is_caught_up)
        self._enforce(now, wall)

    @property
    def is_caught_up(self) -> bool:
        """Whether journal and exchange had nothing more to tell at the last look."""
        return self.journal.caught_up and not self.venue.more

    def _read_exchange(self, now: int) -> bool:
        try:
            log, orders = self.route.look(self.venue.next)
            if not self.venue.take(log, orders, now):
                log, orders = self.route.look(0)
                self.venue.take(log, orders, now)
        except OSError as silence:
            self.blind["exchange"] = str(silence)
            return False
        self.blind.pop("exchange", None)
        return True

    def _read_journal(self) -> list[Breach]:
        if self.chain:
            return []
        if self.journal.caught_up:
            self.book.look_begins()
        try:
            for entry in self.journal.read():
                self.book.fold(entry)
        except sqlite3.OperationalError as busy:
            self.blind["journal"] = str(busy)
            self.journal.caught_up = False  # what was read is not all there is
            return []
        except (ChainBroken, sqlite3.DatabaseError) as broken:
            self.chain = str(broken)
            return [Breach(check="chain", scope="all", target="", sentence=self.chain)]
        self.blind.pop("journal", None)
        return []

    def _witness(self, wall: int) -> None:
        """Keep the second record of the journal; a full disk must not end the watch."""
        try:
            self.journal.witness.write(wall)
        except OSError as error:
            self.blind["witness"] = str(error)
            return
        self.blind.pop("witness", None)

    def _check(self, now: int, *, is_seen: bool) -> list[Breach]:
        found = checks.conservation(self.book) + checks.rate(self.book)
        if self.heart == "alive" and self.pulse.has_beaten and self.book.epoch == self.flag.epoch:
            found += checks.same_code(self.book, self.code)
        if not is_seen or self.venue.day != self.book.day:
            return found
        found += checks.at_venue(self.book, self.venue)
        found += checks.orders(self.book, self.venue)
        found += checks.version(self.book, self.venue)
        gap = checks.unseen_fills(self.book, self.venue)
        self.counts["unseen_fills"] = gap
        if self.heart != "alive" or not self.book.speed or not gap or not self.gap_since:
            self.gap_since = now
        if self.heart != "alive" or not self.book.speed:
            self.venue.moved_at = now  # without its engine, or paused, it stands still by design
        if self.heart == "alive":
            found += checks.feed(self.book, self.venue, now)
            found += checks.fills(gap, self.gap_since, now)
        return found

    def _check_flag(self) -> list[Breach]:
        if self.flag.in_place():
            return []
        sentence = f"{self.flag.path.name} was deleted, replaced or damaged: that means ALL"
        self.flag.set_all()  # of the file the engine still has mapped
        found = FlagFile.find(self.flag.path)
        if found is not None:
            self.flag.close()
            self.flag = found
        return [Breach(check="flag", scope="all", target="", sentence=sentence)]

    # --- acts ---------------------------------------------------------------------------------
    def _stop(self, breach: Breach, now: int, wall: int) -> None:
        """Write the kill flag, once for a breach and again when it grows."""
        if breach.excess <= self.known.get(breach.key, 0) and not breach.lasts:
            return
        self.known[breach.key] = breach.excess
        if not self.is_settled and (breach.scope, breach.target) in self.past:
            return  # people may have released what a predecessor found in the same day
        if self._is_killed(breach.scope, breach.target):
            return
        self.flag.kill(breach.scope, breach.target, wall)
        self.kills[(breach.scope, breach.target)] = now
        self.note(f"kill ({breach.check})", breach.scope, breach.target, breach.sentence, wall)

    def _is_killed(self, scope: str, target: str) -> bool:
        return any(
            row.active and (row.scope, row.target) in ((scope, target), ("all", ""))
            for row in self.flag.requests()
        )

    def _enforce(self, now: int, wall: int) -> None:
        """Our kills, where the engine does not carry them out: cancel by our own route."""
        for (scope, target), since in tuple(self.kills.items()):
            if not self._is_killed(scope, target):
                del self.kills[(scope, target)]
                continue
            if now - since <= OBEY_NS or now - self.cancel_at <= AGAIN_NS:
                continue
            left = sum(1 for child in self.venue.open if self._covers(scope, target, child))
            if left:
                self.cancel_at = now
                self.cancel(scope, target, f"{left} orders are open under our kill", wall)

    def _covers(self, scope: str, target: str, child: int) -> bool:
        ours = self.book.children.get(child)
        if scope == "symbol":
            return ours is not None and ours.symbol == target
        return scope == "all" or self.venue.tags[child].get(scope) == target

    def note(self, act: str, scope: str, target: str, sentence: str, wall: int) -> None:
        """Log, screen and count."""
        name = act.split(" ", 1)[0]
        self.counts[name] = self.counts.get(name, 0) + 1
        self.acts.append(
            {"at": wall, "act": act, "scope": scope, "target": target, "sentence": sentence}
        )
        say(f"{act} {scope} {target}: {sentence}".replace("  ", " "))
        self.write(wall)

    # --- what screens show --------------------------------------------------------------------
    def verdict(self) -> str:
        """Of the whole: breach (a kill of ours is active), blind (a source is silent) or ok."""
        if self.chain or self.kills:
            return "breach"
        return "blind" if self.blind or not self.is_caught_up else "ok"

    def facts(self, wall: int) -> dict[str, Any]:
        """Everything in watchdog.json. Instants in UTC ns."""
        return {
            "written_at": wall,
            "pid": os.getpid(),
            "verdict": self.verdict(),
            "blind": self.blind,
            "engine": self.heart,
            "epoch": self.flag.epoch,
            "checks": {
                name: max(
                    (n for (check, _, _), n in self.known.items() if check == name), default=0
                )
                for name in checks.CHECKS
            },
            "counts": {
                "looks": self.looks,
                "entries": self.book.entries,
                "parents": len(self.book.parents),
                "children": len(self.book.children),
                "open_at_exchange": len(self.venue.open),
                **self.counts,
            },
            "journal": {"segment": self.journal.segment, "seq": self.journal.seq},
            "witness": {
                "folder": str(self.journal.witness.folder),
                "seq": self.journal.witness.last,
                "anchors": self.journal.witness.anchors,
            },
            "exchange": {"day": self.venue.day, "at": self.venue.at_ns, "reports": self.venue.next},
            "acts": list(self.acts),
        }

    def worst(self, name: str) -> int:
        """Largest excess a check has found; 0 = it holds."""
        return max((n for (check, _, _), n in self.known.items() if check == name), default=0)

    def write(self, wall: int) -> None:
        """Write watchdog.json, all or nothing. A full disk must not end the watch."""
        draft = self.report.with_suffix(".tmp")
        try:
            draft.write_text(json.dumps(self.facts(wall)), encoding="utf-8")
            draft.replace(self.report)
        except OSError as error:
            log(f"cannot write {self.report.name}: {error.strerror}")
