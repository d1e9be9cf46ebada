"""``python -m engine feed check FILE --format F``: what a feed file holds and what was wrong."""

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from engine.domain.errors import Refused
from engine.runtime.feeds.check import Options, Verdict, check_file
from engine.runtime.feeds.clean import Step
from engine.runtime.feeds.event import BadRow, price_of
from engine.runtime.feeds.formats import FORMATS, format_of
from engine.runtime.feeds.row import SECOND_NS, Format
from engine.runtime.feeds.session import hours_of, new_york_day
from engine.runtime.feeds.taq import clean_file

EXIT_CLEAN: Final = 0
EXIT_REFUSED: Final = 2
EXIT_FINDINGS: Final = 3
MOST_STALE_S: Final = 1e9
IN_WORDS: Final = (
    "file", "format", "verdict", "rows", "accepted", "quarantined", "repaired_by_resync", "noted",
    "events", "first", "last", "book", "transitions_exact", "levels_adopted",
)  # fmt: skip


class _Arguments(argparse.ArgumentParser):
    """Says what is wrong as Refused, as every other part does."""

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{self.format_usage().strip()}: {message}")


def _arguments() -> _Arguments:
    """The options of ``python -m engine feed``."""
    formats = "; ".join(f"{one.name}: {one.what}" for one in FORMATS.values())
    parser = _Arguments(prog="python -m engine feed", description="Check a recorded feed.")
    parser.add_argument("act", choices=("check",))
    parser.add_argument("file", type=Path, help="csv, csv.gz, csv.xz or a zip with one file")
    parser.add_argument("--format", required=True, choices=tuple(FORMATS), help=formats)
    parser.add_argument("--orderbook", type=Path, help="the book file of a LOBSTER day")
    parser.add_argument("--symbol", default="", help="of a file whose rows name none")
    parser.add_argument("--tick", default="", help="of an order-level feed; default: seen from it")
    parser.add_argument("--stale", type=float, help="seconds of silence that are worth a note")
    parser.add_argument("--session", help="HH:MM-HH:MM or HH:MM-HH:MM@Zone of continuous trading")
    parser.add_argument("--clean", action="store_true", help="what each cleansing rule removes")
    parser.add_argument("--venue", default="N", help="EX that cleansing keeps")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _options(asked: argparse.Namespace) -> Options:
    """What was stated on the command line."""
    stale = asked.stale
    if stale is not None and not 0 < stale < MOST_STALE_S:
        raise Refused(f"stale must be seconds > 0, was {stale:g}", field="stale")
    try:
        tick = price_of("tick", asked.tick) if asked.tick else 0
    except BadRow as why:
        raise Refused(str(why), field="tick") from why
    return Options(
        orderbook=asked.orderbook,
        symbol=asked.symbol,
        tick=tick,
        stale_ns=0 if stale is None else int(stale * SECOND_NS),
        hours=hours_of(asked.session) if asked.session else None,
    )


def _instant(at_ns: int | None) -> str | None:
    """An instant for people and machines, to the nanosecond."""
    if at_ns is None:
        return None
    whole = datetime.fromtimestamp(at_ns // SECOND_NS, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at_ns % SECOND_NS:09d}Z"


def body_of(path: Path, found: Verdict, steps: list[Step] | None) -> dict[str, Any]:
    """The JSON object."""
    body = {
        "file": path.name,
        "format": found.format,
        "verdict": "clean" if found.clean else "findings",
        "rows": found.rows,
        "accepted": found.accepted,
        "in_quarantine": found.in_quarantine,
        "quarantined": found.quarantined,
        "repaired_by_resync": found.repaired,
        "noted": found.noted,
        "events": found.events,
        "first": _instant(found.first_ns),
        "last": _instant(found.last_ns),
        "symbols": found.symbols[:100],
        "book": None if found.book is None else asdict(found.book),
        "transitions_exact": found.transitions_exact,
        "levels_adopted": found.levels_adopted,
        "findings": [asdict(one) for one in found.findings],
        "quarantine": {
            "kept": len(found.kept),
            "not_kept": found.not_kept,
            "rows": [
                {
                    "row": one.row,
                    "rule": one.rule,
                    "raw": one.raw.decode("utf-8", "backslashreplace"),
                }
                for one in found.kept[:100]
            ],
        },
    }
    if steps is not None:
        body["clean"] = [asdict(step) for step in steps]
    return body


def text_of(body: dict[str, Any]) -> str:
    """The same for people."""
    out = [f"{name}: {body[name]}" for name in IN_WORDS if body[name] not in (None, {})]
    out += [
        f"row {one['row']}  {one['action']}  {one['rule']}: {one['reason']}"
        for one in body["findings"]
    ]
    out += [
        f"{step['left']:>10,} left  {step['removed']:>10,} removed  {step['rule']}"
        for step in body.get("clean", [])
    ]
    return "\n".join(out)


def _steps(asked: argparse.Namespace, fmt: Format, options: Options) -> list[Step] | None:
    """The cleansing table, when it was asked for."""
    if not asked.clean:
        return None
    return clean_file(asked.file, fmt, asked.venue, options.hours or new_york_day())[1]


def main(argv: list[str]) -> int:
    """``feed`` verb: exit 0 clean, 3 something is in quarantine, 2 unreadable or bad usage."""
    try:
        asked = _arguments().parse_args(argv)
        fmt, options = format_of(asked.format), _options(asked)
        steps = _steps(asked, fmt, options)
        found = check_file(asked.file, fmt, options)
    except Refused as why:
        sys.stderr.write(f"{why}\n")
        return EXIT_REFUSED
    body = body_of(asked.file, found, steps)
    sys.stdout.write((json.dumps(body) if asked.json else text_of(body)) + "\n")
    return EXIT_CLEAN if found.clean else EXIT_FINDINGS
