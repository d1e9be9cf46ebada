"""The engine without its journal: it decides nothing, and still lets people cancel.

The journal does not fold (that stays until a person acts), or it cannot be written (then the
engine starts anew as soon as it can be).
"""

import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.runtime.clock import Clock
from engine.runtime.disk import Reserve
from engine.runtime.kill_flag import KillFlag
from engine.runtime.link import EngineLink, Reply

IDLE_MS: Final = 20
ANSWER_S: Final = 2.0
TRY_NS: Final = 1_000_000_000  # between two looks whether the cause is over


@dataclass(slots=True, kw_only=True)
class Halted:
    """Refuses every command with the entry at fault; a kill becomes a mass cancel at the venue."""

    link: EngineLink
    flag: KillFlag
    clock: Clock
    cancel: Path  # the exchange's own cancel socket
    sentence: str
    reserve: Reserve
    is_over: Callable[[], bool] = lambda: False
    stopping: bool = False
    seen: int = 0
    epoch: int = 0
    tried_at: int = 0
    done: str = ""  # what a kill has done since, for people

    def run(self) -> None:
        """Until told to stop. A kill that is in force already is carried out first."""
        self.seen = -1 if self.flag.is_all else self.flag.generation
        while not self.stopping:
            self.turn()

    def turn(self) -> None:
        """One look at the flag and the questions."""
        self.flag.renew()
        self.flag.beat(self.clock.mono_ns(), self.flag.epoch)
        generation = self.flag.generation
        if generation != self.seen and self.cancel_all():
            self.seen = generation
        self.link.wait(IDLE_MS)
        self.answer()
        now = self.clock.mono_ns()
        if now - self.tried_at >= TRY_NS:
            self.tried_at = now
            self.stopping = self.stopping or self.is_over()

    def answer(self) -> None:
        """Every command is refused; questions get the reason, and what a kill has done."""
        for route, request in self.link.receive():
            refusal = f"the engine is HALTED: {self.sentence}; only cancels are possible{self.done}"
            if request.op == "snapshot":
                refusal = ""
                row = {"desk": {"gate": f"halted: {self.sentence}", "session": "HALTED"}}
                self.link.publish("desk", row, epoch=0, at=self.clock.wall_ns(), full=True)
            self.link.reply(route, Reply(re=request.re, refusal=refusal))

    def cancel_all(self) -> bool:
        """Mass cancel by the exchange's own route; False = it has not said yes: asked again."""
        try:
            answer = self._ask()
            said = json.loads(answer)
        except (OSError, ValueError):  # nobody there, or the door closed before the answer
            return False
        if not said.get("ok"):
            return False
        self.reserve.note({"at": self.clock.wall_ns(), "act": "mass_cancel", "answer": answer})
        self.done = (
            f"; the kill took back {said.get('cancelled')} orders, {said.get('open')} are open: "
            f"not in the journal, kept in {self.reserve.path.name}"
        )
        return True

    def _ask(self) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
            wire.settimeout(ANSWER_S)
            wire.connect(str(self.cancel))
            wire.sendall(json.dumps({"op": "mass_cancel", "scope": "all", "by": "halted"}).encode())
            wire.sendall(b"\n")
            return wire.makefile().readline()
