"""Knight 2012 on purpose: an engine whose parents forget their fills, and the watchdog's answer.

The engine of this drill is the real one with one broken line: a fill does not count on its parent,
so the parent is never done and its own gate lets every order through. The watchdog, with its own
books, must kill the parent. Measured from the journal alone, by the desk clock: from the entry
with which filled plus open exceed the quantity to the entry that blocks the parent.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from db.journal import read_all
from engine.core.evolve import HANDLERS
from engine.core.state import State
from engine.domain import events as e
from engine.domain.events import Entry
from engine.domain.units import Shares
from engine.drill.ending import Report, conclude, flags
from engine.drill.judge import OVER, Told
from engine.settings import add_flags, resolve
from engine.stage import Stage, eventually
from engine.supervise import Spec, specs, supervise

BOUND_MS: Final = 500.0
PATIENCE_S: Final = 180.0
QUANTITY: Final = 3_000


def broken_engine() -> int:
    """The engine process with the broken line."""
    from engine.compose import main as engine
    from engine.warm import ready

    count = HANDLERS[e.ChildFilled]

    def forget(state: State, event: e.ChildFilled) -> None:
        count(state, event)
        child = state.child(event.child_id)
        assert child is not None
        parent = state.parents[child.parent_id]
        state.parents[parent.id] = structs.replace(parent, filled=Shares(0), overfilled=Shares(0))

    HANDLERS[e.ChildFilled] = forget
    ready()
    return engine()


def desk(argv: list[str]) -> int:
    """All processes of the desk, the engine broken."""
    parser = argparse.ArgumentParser(prog="python -m engine.drill.oversend", description=__doc__)
    add_flags(parser)
    settings = resolve(vars(parser.parse_args(argv)), os.environ)
    broken = Spec(name="engine", command=(sys.executable, "-m", "engine.drill.oversend", "engine"))
    return supervise(settings, [broken if s.name == "engine" else s for s in specs()])


def measure(entries: Iterable[Entry]) -> dict[str, Any]:
    """What the journal says of breach and kill; instants are the desk clock's."""
    told = Told()
    breach_at = kill_at = after = 0
    worst = 0
    target = ""
    stopped: set[int] = set()
    late: set[int] = set()
    for entry in entries:
        told.fold(entry)
        event = entry.event
        if isinstance(event, e.KillBlocked) and event.door == "watchdog" and not kill_at:
            kill_at, target = entry.desk_ns, f"{event.scope} {event.target}".strip()
        elif isinstance(event, e.ChildSendRefused):
            stopped.add(event.child_id)
        elif isinstance(event, e.ChildIntended) and kill_at:
            late.add(event.child_id)
        if isinstance(event, e.ChildIntended | e.ChildFilled):
            excess = _excess(told)
            worst = max(worst, excess)
            if excess and not breach_at:
                breach_at = entry.desk_ns
    after = len(late - stopped)
    killed_ms = (kill_at - breach_at) / 1e6 if kill_at and breach_at else None
    return {
        "killed": target,
        "breach_to_kill_ms": None if killed_ms is None else round(killed_ms, 1),
        "bound_ms": BOUND_MS,
        "within_bound": killed_ms is not None and killed_ms < BOUND_MS,
        "excess_shares": worst,
        "sent_after_kill": after,
    }


def _excess(told: Told) -> int:
    """The worst parent's filled plus open beyond its quantity. [share]"""
    sums = dict.fromkeys(told.most, 0)
    for child in told.children.values():
        leaves = 0 if child.state in OVER else max(child.quantity - child.filled, 0)
        sums[child.parent] += child.filled + leaves
    return max((total - told.most[number] for number, total in sums.items()), default=0)


def run(stage: Stage) -> dict[str, Any]:
    """Let a small parent over-send until the watchdog has stopped it; the report."""
    stage.start()
    stage.wait_ready()
    stage.set_people()
    stage.enter("NRTH", 1, QUANTITY, "POV")

    def killed() -> bool:
        status = stage.status()
        return status is not None and any(
            row["door"] == "watchdog" and row["state"] == "CONFIRMED"
            for row in status["kills"].values()
        )

    eventually(killed, PATIENCE_S, "the watchdog's kill")
    stage.stop()
    return measure(read_all(stage.where.journal))


def work(options: argparse.Namespace, folder: Path) -> Report:
    """The broken desk, until it is stopped."""
    stage = Stage(
        state=folder / "s",
        options=("--seed", str(options.seed), "--speed", "30"),
        command=(sys.executable, "-m", "engine.drill.oversend"),
    )
    try:
        return run(stage)
    finally:
        stage.stop()


def is_stopped(report: Report) -> bool:
    """Killed, and nothing sent afterwards."""
    return bool(report["killed"]) and not report["sent_after_kill"]


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    return conclude(flags("oversend", __doc__), argv, work, is_stopped)


if __name__ == "__main__":
    sys.exit(broken_engine() if sys.argv[1:] == ["engine"] else desk(sys.argv[1:]))
