"""kill -9 in live trading, judged by the exchange's own log: at random moments, or ``--points``.

One desk lives through all deaths: a process is killed, the supervisor starts it again (app.py is
started again by the drill), the desk must come to READY, and trading goes on. Crash points kill
the engine at named places of its turn. At the end the exchange's log, the journal and the state
must agree, and a second restart must change nothing. ``--points all --seeds 50`` kills the engine
alone at every named point on fifty small desks (``points.py``).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.drill.deaths import VICTIMS, Drill, finish
from engine.drill.ending import TROUBLE, Report, conclude, flags, quantiles, words_of
from engine.drill.judge import Findings
from engine.stage import Stage


def run(drill: Drill, n: int) -> Report:
    """The whole drill; the report."""
    findings, chain, equal = Findings(), "not reached", False
    try:
        drill.stage.start()
        drill.stage.wait_ready()
        while sum(drill.by_victim.values()) < n and not drill.failures:
            drill.keep_trading()
            victim = VICTIMS[drill.choose(len(VICTIMS))]
            sys.stderr.write(f"{sum(drill.by_victim.values()) + 1}/{n} {victim}\n")
            drill.kill(victim)
        findings, chain, equal = finish(drill)
    except TROUBLE as error:
        drill.failures.append(words_of(error))
    finally:
        drill.stage.stop()
    return {
        "n": sum(drill.by_victim.values()),
        "seed": drill.seed,
        "by_victim": dict(sorted(drill.by_victim.items())),
        "lost": findings.lost,
        "duplicated": findings.duplicated,
        "overfilled": findings.overfilled,
        "unknown_after": findings.unknown_after,
        "journal_ok": chain == "",
        "state_equal": equal,
        "ready_ms": quantiles(drill.recoveries_ms),
        "failures": drill.failures + findings.sentences[:20] + ([chain] if chain else []),
    }


def is_sound(report: Report) -> bool:
    """Nothing lost, doubled, over-filled or unknown, and every book agrees."""
    counts = ("lost", "duplicated", "overfilled", "unknown_after")
    return not any(report[name] for name in counts) and report.get("state_equal", True)


def work(options: argparse.Namespace, folder: Path) -> Report:
    """Deaths at random moments, or at every named point."""
    if options.points:
        from engine.drill.points import chosen
        from engine.drill.points import run as at_points

        return at_points(chosen(options.points), options.seeds, options.seed, folder)
    settings = ("--seed", str(options.seed), "--speed", str(options.speed))
    stage = Stage(state=folder / "state", options=settings)
    return run(Drill(stage=stage, seed=options.seed, speed=options.speed), options.n)


def main(argv: Sequence[str]) -> int:
    """Run the verb."""
    parser = flags("crash", __doc__)
    parser.add_argument("--n", type=int, default=200, help="deaths at random moments")
    parser.add_argument("--points", default="", help="all, or named points, instead of --n")
    parser.add_argument("--seeds", type=int, default=50, help="desks, each with a death a point")
    parser.add_argument("--speed", type=float, default=10.0, help="market seconds per second")
    return conclude(parser, argv, work, is_sound, n=1, seeds=1)
