"""How every drill begins and ends: its flags, a folder of its own, a report, an exit code."""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from engine.domain.errors import BrokenInvariant, Refused
from engine.stage import CLOCK, NotReady

DONE: Final = 0
USAGE: Final = 2
WRONG: Final = 3
TROUBLE: Final = (NotReady, BrokenInvariant, Refused, ConnectionError, TimeoutError)
Report = dict[str, Any]


def flags(name: str, about: str | None) -> argparse.ArgumentParser:
    """The flags that every drill has."""
    parser = argparse.ArgumentParser(
        prog=f"python -m engine drill {name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="empty folder to leave the desk's files in")
    parser.add_argument("--json", action="store_true", help="one JSON object for machines")
    return parser


def _check(
    parser: argparse.ArgumentParser, options: argparse.Namespace, least: dict[str, float]
) -> None:
    """Refuse numbers that are too small to say anything, and a folder in use."""
    for name, low in least.items():
        value = getattr(options, name)
        if value < low:
            parser.error(f"--{name} must be at least {low:g}, was {value:g}")
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        parser.error(f"--keep must be an empty folder, {options.keep} is not")


def words_of(error: BaseException) -> str:
    """An error as a report says it."""
    return f"{type(error).__name__}: {error}"


def conclude(
    parser: argparse.ArgumentParser,
    argv: Sequence[str],
    work: Callable[[argparse.Namespace, Path], Report],
    is_good: Callable[[Report], bool],
    **least: float,
) -> int:
    """Run a drill; 0 good, 2 bad usage, 3 something is wrong, which the report names."""
    try:
        options = parser.parse_args(argv)
        _check(parser, options, least)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    began = CLOCK.mono_ns()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="qd-drill-"))
    try:
        report = work(options, folder)
    except TROUBLE as error:
        report = {"failures": [words_of(error)]}
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    good = not report.get("failures") and is_good(report)
    report |= {"good": good, "seconds": round((CLOCK.mono_ns() - began) / 1e9, 1)}
    show(report, as_json=options.json)
    return DONE if good else WRONG


def show(report: Report, *, as_json: bool) -> None:
    """The report on stdout."""
    if as_json:
        sys.stdout.write(json.dumps(report) + "\n")
        return
    for key, value in report.items():
        sys.stdout.write(f"{key:>22}  {value}\n")


def quantiles(values: Sequence[float]) -> dict[str, float | int | None]:
    """Count, median, 99th percentile and maximum, in the unit of the values."""
    rows = sorted(values)
    if not rows:
        return {"n": 0, "p50": None, "p99": None, "max": None}
    return {
        "n": len(rows),
        "p50": round(rows[len(rows) // 2], 2),
        "p99": round(rows[min(len(rows) - 1, len(rows) * 99 // 100)], 2),
        "max": round(rows[-1], 2),
    }
