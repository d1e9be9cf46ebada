"""What code this process runs: hashes that must be equal wherever one order is decided and sent.

Computed from the source as it lies on disk when the process starts; a process that was started
before or after a change therefore differs from the others, and refuses to trade with them.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
TRADES: Final = ("domain", "core", "kernels", "runtime")  # folders whose code decides and sends
WIRE: Final = ("domain", "runtime/link.py")  # what a command and a live row look like
SHOWN: Final = 12  # hex digits that people compare


def _hash(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        there = ROOT / part
        for path in [there] if there.is_file() else sorted(there.rglob("*.py")):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@cache
def trading_hash() -> str:
    """SHA-256 over what trades, the wire included: engine, exchange, worker, watchdog."""
    return _hash(TRADES)


@cache
def wire_hash() -> str:
    """SHA-256 over what travels between the engine and those who ask it; the web needs no more."""
    return _hash(WIRE)


def differs(what: str, theirs: str, ours: str) -> str:
    """The sentence for two processes of different code; "" when they are equal."""
    if theirs == ours:
        return ""
    other = theirs[:SHOWN] or "of no known version"
    return f"{what} runs code {other}, this process {ours[:SHOWN]}: start the desk again"
