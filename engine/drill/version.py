"""One process of other code (Knight 2012): every part of the desk must refuse it and say which.

For each of exchange, engine and watchdog a copy of the program is made, one line of what trades is
changed in it, and that process is started from the copy beside the real others. Judged by the
exchange's own log: no order may be in it. The last desk is of one code and must trade.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from engine.domain.errors import Refused
from engine.drill.crew import SPECS, Crew
from engine.drill.ending import TROUBLE, Report, conclude, flags, words_of
from engine.drill.judge import at_venue
from engine.stage import eventually
from engine.supervise import ROOT, Spec
from engine.warm import ready

OTHERS: Final = ("exchange", "engine", "watchdog")
CHANGED: Final = Path("engine/runtime/gate.py")  # no kernel: nothing is compiled for a drill
TRIES: Final = 12  # orders
BETWEEN_S: Final = 0.5
PATIENCE_S: Final = 60.0


def other_program(folder: Path) -> Path:
    """A copy of the program that trades, one line of it changed."""
    for name in ("engine", "db"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"), symlinks=True
        )
    with (folder / CHANGED).open("a", encoding="utf-8") as file:
        file.write("# one line\n")
    return folder


def from_copy(spec: Spec, folder: Path) -> Spec:
    """The same process, started from the copy."""
    words = ("/bin/sh", "-c", 'cd "$0" && exec "$@"', str(folder), *spec.command)
    return Spec(name=spec.name, command=words)


def tried(crew: Crew) -> str:
    """What comes of an order, as the desk says it; "" = it was taken."""
    try:
        crew.set_people()
        crew.enter("MIDC", 1, 20_000, "TWAP", minutes=30)
    except Refused as refusal:
        return str(refusal)
    except (ConnectionError, TimeoutError) as error:
        return words_of(error)
    return ""


def gate_of(crew: Crew) -> str:
    """Why nothing new leaves, "" = it may, or nobody answers."""
    status = crew.status()
    gate = "" if status is None else str(status["desk"]["gate"])
    return "" if gate == "open" else gate


def watchdog_said(crew: Crew) -> str:
    """Its last act."""
    path = crew.state / "watchdog.json"
    acts: list[dict[str, Any]] = json.loads(path.read_text())["acts"] if path.exists() else []
    return str(acts[-1]["sentence"]) if acts else ""


def named(crew: Crew) -> str:
    """The sentence that names two codes, "" while nobody says one."""
    texts = (gate_of(crew), watchdog_said(crew))
    return next((t for t in texts if " runs code " in t and ", this " in t), "")


def one(other: str, folder: Path, seed: int) -> dict[str, Any]:
    """A desk with one process of other code ("" = none); what it said and what it sent."""
    state = folder / (other or "same")
    copy = other_program(folder / f"{other}-copy") if other else folder
    specs = tuple(from_copy(s, copy) if s.name == other else s for s in SPECS)
    crew = Crew(state=state, options=("--seed", str(seed), "--speed", "30"), specs=specs)
    sentence = refusal = ""
    try:
        crew.start()
        if other:
            sentence = str(eventually(lambda: named(crew), PATIENCE_S, f"a word about the {other}"))
        else:
            crew.wait_ready()
        for _ in range(TRIES):
            refusal = tried(crew)
            time.sleep(BETWEEN_S)
        gate = gate_of(crew)
    finally:
        crew.stop()
    sent = sum(at_venue(crew.where.exchange).news.values())
    return {"said": sentence, "gate": gate, "order": refusal, "sent": sent}


def work(options: argparse.Namespace, folder: Path) -> Report:
    """Every process in turn, then none."""
    ready()
    rows: dict[str, Any] = {}
    failures = []
    for other in (*OTHERS, "") if options.only == "all" else (options.only,):
        try:
            rows[other or "none"] = row = one(other, folder, options.seed)
        except TROUBLE as error:
            failures.append(f"{other or 'none'}: {words_of(error)}")
            continue
        sys.stderr.write(f"{other or 'none'}: {row}\n")
        if other and (row["sent"]):
            failures.append(f"{other} of other code: {row}")
        if not other and not row["sent"]:
            failures.append(f"a desk of one code does not trade: {row}")
    return {"n": len(rows), **rows, "failures": failures}


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("version", __doc__)
    parser.add_argument("--only", choices=("all", *OTHERS), default="all")
    return conclude(parser, argv, work, lambda report: bool(report["n"]))
